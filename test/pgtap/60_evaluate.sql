-- Evaluation leaves out what a version was trained on, and agrees with plain SQL over predict().

SELECT plan(61);
SET client_min_messages = warning;

CREATE TEMP TABLE result AS
SELECT * FROM mlops.train('price', 'test.diamonds', target => 'price', key => 'id', algorithm => 'linear');
SELECT mlops.promote('price', 1);

-- the metrics of train are those of evaluate
SELECT results_eq($$SELECT metric, value FROM mlops.evaluate('price') WHERE value IS NOT NULL ORDER BY metric$$,
	$$SELECT key, value::float8 FROM result, jsonb_each_text(metrics) WHERE value IS NOT NULL ORDER BY key$$,
	'evaluate gives what train gave');
SELECT is(value, (SELECT rows_test::float8 FROM result), 'as many rows as were held out')
FROM mlops.evaluate('price/1') WHERE metric = 'rows';
SELECT is(value, 53940::float8, 'rows => all reads all') FROM mlops.evaluate('price', rows => 'all') WHERE metric = 'rows';

-- against plain SQL
SELECT ok(abs(value - (SELECT mlops.rmse(price, mlops.predict('price', d)) FROM test.diamonds AS d)) < 1e-9 * value,
	'rmse over all rows is that of the predictions')
FROM mlops.evaluate('price', rows => 'all') WHERE metric = 'root_mean_squared_error';
SELECT ok(abs(value - (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(price - mlops.predict('price', d)))
	FROM test.diamonds AS d)) < 1e-9, 'median absolute error')
FROM mlops.evaluate('price', rows => 'all') WHERE metric = 'median_absolute_error';
SELECT ok(abs(value - (SELECT 1 - var_pop(price - mlops.predict('price', d)) / var_pop(price) FROM test.diamonds AS d)) < 1e-12,
	'explained variance')
FROM mlops.evaluate('price', rows => 'all') WHERE metric = 'explained_variance';

-- another source with the same keys: the same rows are left out
SELECT results_eq($$SELECT * FROM mlops.evaluate('price', 'SELECT * FROM test.diamonds ORDER BY random()')$$,
	$$SELECT * FROM mlops.evaluate('price')$$, 'a shuffled copy of the source gives the same bits');
SELECT is(count(*), 0::bigint, 'no held-out row is lost or doubled') FROM (
	SELECT value FROM mlops.evaluate('price', 'SELECT * FROM test.diamonds WHERE id % 2 = 0') WHERE metric = 'rows'
	UNION ALL SELECT value FROM mlops.evaluate('price', 'SELECT * FROM test.diamonds WHERE id % 2 = 1') WHERE metric = 'rows'
) AS parts HAVING sum(value) <> (SELECT rows_test FROM result);

-- the identity of each way to split
CREATE TEMP TABLE splits (name text, split jsonb, n bigint);
-- rows outside the sample were not trained on either
INSERT INTO splits SELECT m.model, s, 5698 - m.rows_train FROM (VALUES
		('{"method": "hash", "test": 0.3}'::jsonb), ('{"method": "time", "column": "date", "test": 0.25}'),
		('{"method": "time", "column": "date", "cutoff": "2014-01-01"}'), ('{"method": "group", "column": "year"}'),
		('{"method": "column", "column": "held"}'), ('{"method": "hash", "sample": 0.5}')) AS v (s),
	LATERAL mlops.train('split_' || md5(s::text), 'SELECT *, extract(year FROM date)::int AS year, id % 7 = 0 AS held FROM test.chicago',
		target => 'ridership', key => 'id', algorithm => 'linear', split => s) AS m;
SELECT is(e.value, n::float8, 'held-out rows are found again: ' || split::text)
FROM splits, mlops.evaluate(name || '/1') AS e WHERE e.metric = 'rows' ORDER BY split::text;

-- without a key the whole row decides, and duplicates stay together
CREATE TEMP TABLE keyless AS
SELECT * FROM mlops.train('keyless', 'SELECT carat, cut, price FROM test.diamonds', target => 'price', algorithm => 'linear');
SELECT is(value, rows_test::float8, 'no key: held-out rows are found again')
FROM keyless, mlops.evaluate('keyless/1') WHERE metric = 'rows';

-- nothing left, and other mistakes
SELECT version FROM mlops.train('everything', 'test.longley', target => 'y', algorithm => 'linear', split => '"none"');
SELECT throws_ok($$SELECT * FROM mlops.evaluate('everything/1')$$, 'P0002', 'no row is left to evaluate model "everything" on', 'trained on everything');
SELECT is(value, 16::float8, 'unless all rows are asked for') FROM mlops.evaluate('everything/1', rows => 'all') WHERE metric = 'rows';
SELECT throws_ok($$SELECT * FROM mlops.evaluate('price', 'SELECT id, carat FROM test.diamonds')$$, '42703', NULL, 'missing features are named');
SELECT throws_ok($$SELECT * FROM mlops.evaluate('price', rows => 'some')$$, '22023', 'argument "rows" cannot be "some"', 'rows is heldout or all');
SELECT throws_ok($$SELECT * FROM mlops.roc_curve('price')$$, '22023', 'a ROC curve needs a model with two classes', 'no ROC curve of a regression');
SELECT throws_ok($$SELECT * FROM mlops.evaluate(mlops.model_value('price'))$$, '22023', 'a model value has no recorded source', 'a value needs a source');
SELECT results_eq($$SELECT * FROM mlops.evaluate(mlops.model_value('price'), 'test.diamonds')$$,
	$$SELECT * FROM mlops.evaluate('price')$$, 'the value knows its split');

-- classification
CREATE TEMP TABLE churn AS
SELECT * FROM mlops.train('churn', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic');
SELECT is((SELECT value FROM mlops.evaluate('churn/1') WHERE metric = 'roc_auc'), (metrics ->> 'roc_auc')::float8, 'roc_auc is that of train') FROM churn;
SELECT ok(abs(value - (SELECT mlops.roc_auc(churn = 'Yes', mlops.predict('churn/1', c)) FROM crm.customers AS c)) < 1e-12,
	'roc_auc over all rows is that of the predictions')
FROM mlops.evaluate('churn/1', rows => 'all') WHERE metric = 'roc_auc';
SELECT results_eq($$SELECT expected_label, predicted_label, count::bigint FROM mlops.confusion_matrix('churn/1', rows => 'all') ORDER BY 1, 2$$,
	$$SELECT churn, mlops.predict_label('churn/1', c), count(*) FROM crm.customers AS c GROUP BY 1, 2 ORDER BY 1, 2$$, 'confusion matrix');
CREATE TEMP TABLE roc AS SELECT row_number() OVER () AS i, r.* FROM mlops.roc_curve('churn/1') AS r;
SELECT ok(abs(sum((false_positive_rate - before_x) * (recall + before_y) / 2)
	- (SELECT value FROM mlops.evaluate('churn/1') WHERE metric = 'roc_auc')) < 1e-4, 'the area under the curve is roc_auc')
FROM (SELECT *, lag(false_positive_rate) OVER (ORDER BY i) AS before_x, lag(recall) OVER (ORDER BY i) AS before_y FROM roc) AS r;
SELECT ok(bool_and(recall >= before_y AND false_positive_rate >= before_x AND threshold < before_t), 'the curve rises')
FROM (SELECT *, lag(false_positive_rate) OVER o AS before_x, lag(recall) OVER o AS before_y, lag(threshold) OVER o AS before_t
	FROM roc WINDOW o AS (ORDER BY i)) AS r WHERE i > 1;
SELECT ok((SELECT recall = 0 AND false_positive_rate = 0 FROM roc ORDER BY i LIMIT 1)
	AND (SELECT recall = 1 AND false_positive_rate = 1 FROM roc ORDER BY i DESC LIMIT 1), 'from nothing to everything');
SELECT is(sum(count), (SELECT rows_test::float8 FROM churn), 'calibration bins hold all rows') FROM mlops.calibration('churn/1');
SELECT ok(abs(max(gain) - 1) < 1e-12 AND abs(sum(count) - (SELECT rows_test FROM churn)) < 1e-6, 'lift reaches everyone') FROM mlops.lift('churn/1');
SELECT is((SELECT round(positives) FROM mlops.lift('churn/1', rows => 'all') WHERE decile = 1),
	(SELECT count(*) FILTER (WHERE churn = 'Yes')::float8 FROM (SELECT churn FROM crm.customers AS c ORDER BY mlops.predict('churn/1', c) DESC LIMIT 704) AS top),
	'the first decile');

-- Rows of one's own need the privilege to predict, the recorded ones the privilege to read: also where both are asked for in turn.
BEGIN;
CREATE ROLE evaluate_caller;
GRANT USAGE ON SCHEMA crm TO evaluate_caller;
GRANT SELECT ON crm.customers TO evaluate_caller;
SELECT mlops.grant_access('churn', 'evaluate_caller', 'predict');
SET LOCAL ROLE evaluate_caller;
SELECT is(count(*), 1::bigint, 'one''s own rows need predict') FROM mlops.evaluate('churn/1', 'crm.customers') WHERE metric = 'roc_auc';
SELECT throws_ok(format('SELECT * FROM (VALUES (1, %L), (2, %L)) AS s (i, source), LATERAL mlops.%I(''churn/1'', source) AS e',
		sources[1], sources[2], function), '42501', NULL, format('%s: the recorded ones need read, %s', function,
		CASE WHEN sources[1] IS NULL THEN 'first' ELSE 'later too' END))
FROM unnest('{evaluate,confusion_matrix,roc_curve}'::text[]) AS function,
	(VALUES (ARRAY['crm.customers', NULL]), (ARRAY[NULL, 'crm.customers'])) AS v (sources);
RESET ROLE;
SELECT mlops.revoke_access('churn', 'evaluate_caller', 'predict'), mlops.grant_access('churn', 'evaluate_caller', 'read');
SET LOCAL ROLE evaluate_caller;
SELECT is(count(*), 2::bigint, 'with read both are given') FROM (VALUES (1, 'crm.customers'), (2, NULL)) AS s (i, source),
	LATERAL mlops.evaluate('churn/1', source) AS e WHERE metric = 'roc_auc';
ROLLBACK;

-- columns that training would not take for the purpose
CREATE TABLE typed AS SELECT i AS id, (i % 7)::float8 AS x, (i % 7)::float8 + i % 3 AS y, i % 3 = 0 AS flag, (ARRAY['u', 'v'])[1 + i % 2] AS label,
    '2024-01-01'::date + i AS day, (i % 2)::float8 AS o, 1.0 AS w FROM generate_series(1, 400) AS i;
SELECT count(*) FROM mlops.train('typed', 'SELECT id, x, y, o, w FROM typed', target => 'y', key => 'id', algorithm => 'glm', weight => 'w', params => '{"offset": "o"}');
SELECT count(*) FROM mlops.train('typed_class', 'SELECT id, x, label FROM typed', target => 'label', key => 'id', algorithm => 'logistic');
SELECT count(*) FROM mlops.train('typed_time', 'SELECT id, x, y, day FROM typed', target => 'y', key => 'id', algorithm => 'linear', split => '{"method": "time", "column": "day", "test": 0.2}');
SELECT count(*) FROM mlops.train('typed_flag', 'SELECT id, x, y, flag FROM typed', target => 'y', key => 'id', algorithm => 'linear', split => '{"method": "column", "column": "flag"}');
CREATE FUNCTION pg_temp.refusal(model text, columns text, rows text DEFAULT 'heldout') RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    PERFORM * FROM mlops.evaluate(model, format('SELECT id, x, %s FROM typed', columns), rows);
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
SELECT matches(pg_temp.refusal(model, columns, rows), expected, model || ': ' || columns)
FROM (VALUES ('typed/1', 'y, o', 'all', '^none$'), ('typed/1', 'y::int AS y, o::numeric AS o', 'all', '^none$'), ('typed/1', 'flag AS y, o', 'all', '^none$'),
    ('typed/1', 'y::text AS y, o', 'all', '^42804 .*"y" of type text.*regression'), ('typed/1', 'day AS y, o', 'all', '^42804 .*"y" of type date'),
    ('typed/1', 'ARRAY[y] AS y, o', 'all', '^42804 .*"y" of type double precision\[\]'),
    ('typed/1', 'y, o::text AS o', 'all', '^42804 .*"o" of type text.*offset'), ('typed/1', 'y, nullif(o, 1) AS o', 'all', '^22004 offset column "o" is NULL'),
    ('typed/1', 'y, o / 0.1 * ''Infinity''::float8 AS o', 'all', '^22023 offset column "o" is'),
    ('typed_class/1', 'label', 'all', '^none$'), ('typed_class/1', 'label::char(5) AS label', 'all', '^none$'),
    ('typed_class/1', 'day AS label', 'all', '^42804 .*"label" of type date.*classification'), ('typed_class/1', 'ARRAY[x] AS label', 'all', '^42804 '),
    ('typed_time/1', 'y, day', 'heldout', '^none$'), ('typed_time/1', 'y, day::text AS day', 'heldout', '^42804 .*"day" of type text.*time of a split'),
    ('typed_time/1', 'y, id + 0 AS day', 'heldout', '^42804 '), ('typed_time/1', 'y, CASE WHEN id > 9 THEN day END AS day', 'heldout', '^22004 .*"day" is NULL'),
    ('typed_time/1', 'y, 0 AS day', 'all', '^none$'),
    ('typed_flag/1', 'y, flag', 'heldout', '^none$'), ('typed_flag/1', 'y, flag::int AS flag', 'heldout', '^none$'),
    ('typed_flag/1', 'y, flag::text AS flag', 'heldout', '^42804 .*"flag" of type text.*flag of a split'), ('typed_flag/1', 'y, id AS flag', 'heldout', '^22023 .*"flag" is 2'),
    ('typed_flag/1', 'y, CASE WHEN id > 9 THEN flag END AS flag', 'heldout', '^22004 .*"flag" is NULL')) AS v (model, columns, rows, expected);
