-- Mistakes that people make when they train: an answer that says what to do, never a model of something else.
SELECT plan(63);

CREATE FUNCTION hint_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;

-- no target
SELECT throws_ok($$SELECT mlops.train('m', 'test.pima_diabetes')$$, '22004', 'argument "target" of mlops.train must not be null', 'no target');
SELECT throws_ok($$SELECT mlops.train('m', 'test.pima_diabetes', task => 'regression')$$, '22004', NULL, 'no target, but a task');
SELECT throws_ok($$SELECT mlops.train('m', 'test.pima_diabetes', task => 'binary', algorithm => 'logistic')$$, '22004', NULL, 'of two classes');
SELECT throws_ok($$SELECT mlops.train('m', 'test.pima_diabetes', task => 'regression', algorithm => 'linear')$$, '22004', NULL, 'another algorithm');
SELECT is(hint_of($$SELECT mlops.train('m', 'test.pima_diabetes')$$), 'Name the column to predict: target => ''column''.', 'says how');

-- a task that the algorithm does not do
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', task => 'clustering')$$, '22023',
    'algorithm "gbm" does not do clustering', 'a task without a target is not taken for another one');
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', task => 'anomaly', algorithm => 'linear')$$, '22023',
    'algorithm "linear" does not do anomaly', 'with or without a target');

SELECT lives_ok($$SELECT mlops.train('odd', 'test.pima_diabetes', algorithm => 'isolation_forest', exclude => '{diabetes}', key => 'id')$$,
    'an algorithm of one task needs no word about it');
SELECT is((SELECT task FROM mlops.versions WHERE model = 'odd'), 'anomaly', '... which it does');
SELECT throws_ok($$SELECT mlops.train('odd', 'test.pima_diabetes', algorithm => 'isolation_forest', target => 'diabetes')$$, '22023',
    'task anomaly has no target', 'a target where none is learned');

-- a column that is not there
SELECT is(hint_of($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', exclude => '{q}')$$), 'mlops.describe() lists the columns of a source.', 'nothing is near');

-- split
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', split => '0.3')$$, '22023',
    'split must be a JSON object or the name of a method', 'a share alone is no split');
SELECT is(hint_of($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', split => '0.3')$$),
    'Write split => ''{"test": 0.3}'' to hold out another share of the rows.', 'says how');
SELECT lives_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', key => 'id', algorithm => 'linear', split => '"none"')$$,
    'the name of a method alone is');

-- parameters
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', params => '{"num_leave": ["a"]}')$$, '22023',
    'unknown parameter "num_leave" for algorithm "gbm"', 'an unknown parameter with an array');
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', params => '{"num_leave": {"a": 1}}')$$, '22023',
    'unknown parameter "num_leave" for algorithm "gbm"', 'with an object');
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', params => '{"num_leaves": ["a"]}')$$, '22023',
    'parameter "num_leaves" of algorithm "gbm" must be an integer', 'a known one with an array');
SELECT throws_ok($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', algorithm => 'elastic_net', params => '{"alphas": ["a"]}')$$, '22023',
    'parameter "alphas" of algorithm "elastic_net" takes an array of numbers', 'one that takes arrays');
SELECT throws_ok($$SELECT mlops.train('m', 'crm.customers', target => 'churn', algorithm => 'naive_bayes', params => '{"alpha": {"No": 1, "Yes": 5}}')$$, '22023',
    'parameter "alpha" of algorithm "naive_bayes" must be a number, not an object', 'an object for a number');
SELECT matches(hint_of(format($$SELECT mlops.train('m', 'test.ames', target => 'sale_price', params => %L)$$, given)), hint, 'params of other libraries: ' || given)
FROM (VALUES ('{"categorical_feature": ["ms_sub_class"]}', 'transform => ''\{"column": "categorical"\}'''), ('{"enable_categorical": true}', 'transform =>'), ('{"seed": 1}', 'seed => 42'),
    ('{"n_jobs": -1}', 'SET mlops.train_workers'), ('{"metric": "rmse"}', 'mlops.evaluate'), ('{"verbose": -1}', 'mlops.training_progress')) AS cases (given, hint);
SELECT mlops.train('words', 'test.ames', target => 'sale_price', key => 'id', params => jsonb_build_object('n_estimators', 3, 'objective', word))
FROM unnest('{absolute_error,regression_l1}'::text[]) AS word;
SELECT is(a.model_sha256 || a.params::text, b.model_sha256 || b.params::text, 'an objective in the word of another library') FROM mlops.versions a, mlops.versions b
WHERE a.model = 'words' AND b.model = 'words' AND a.version = 1 AND b.version = 2;
SELECT is(hint_of($$SELECT mlops.train('m', 'crm.customers', target => 'churn', algorithm => 'xgboost')$$), 'Use "gbm".', 'what others call it');
SELECT is(hint_of($$SELECT mlops.train('m', 'crm.customers', target => 'churn', algorithm => 'lr')$$), 'Use "logistic" for classes, "linear" for numbers.', 'which is not always one');

-- threshold
SELECT lives_ok($$SELECT mlops.train('cut', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'naive_bayes', threshold => word)
                  FROM unnest('{"\"f1\"","{\"method\": \"f1\"}"}'::jsonb[]) AS word$$, 'a rule by its name, alone or as a method');
SELECT is(count(DISTINCT metrics ->> 'threshold') || ' ' || bool_and(metrics ->> 'threshold' <> '0.5'), '1 true', '... is one rule') FROM mlops.versions WHERE model = 'cut';
SELECT is(hint_of(format($$SELECT mlops.train('m', 'crm.customers', target => 'churn', threshold => %L)$$, word)),
    'Write threshold => ''0.3'', ''{"method": "f1"}'' or ''{"cost_fp": 1, "cost_fn": 9}''.', 'what a threshold is not: ' || word)
FROM unnest('{"\"recall\"","[0.3]","{}","{\"method\": \"f1\", \"cost_fp\": 2}"}'::text[]) AS word;

-- target
SELECT throws_ok($$SELECT mlops.train('m', 'SELECT i AS x, point(i, i) AS p FROM generate_series(1, 99) AS i', target => 'p')$$, '0A000',
    'target column "p" of type point cannot be predicted', 'a type that cannot be predicted');
SELECT throws_ok($$SELECT mlops.train('m', 'SELECT i AS x, i * interval ''1 day'' + date ''2026-01-01'' AS d FROM generate_series(1, 99) AS i', target => 'd')$$, '42804',
    'target column "d" of type timestamp without time zone cannot be predicted', 'a time');

-- columns
SELECT mlops.train('days', $$SELECT i AS dew, i % 7 AS day, i % 3 AS hour, i * 2.0 AS y FROM generate_series(1, 60) AS i$$, target => 'y', algorithm => 'linear');
SELECT is(hint_of($$SELECT mlops.predict('days/1', c) FROM (SELECT 1 AS dew, 2 AS hour) AS c$$),
    'mlops.check_source() compares a table or query with what a model needs.', 'a column that is another feature is not proposed');
SELECT is(hint_of($$SELECT mlops.predict('days/1', c) FROM (SELECT 1 AS dew, 2 AS days, 2 AS hour) AS c$$),
    'Perhaps you meant column "days".', 'any other is');
SELECT is(hint_of($$SELECT mlops.predict('days/1', c) FROM (SELECT 1 AS dew, 2 AS hour, 3 AS day_of_week, 4 AS other) AS c$$),
    'Perhaps you meant column "day_of_week".', 'a name that begins like it');
SELECT is(hint_of($$SELECT mlops.predict('days/1', c) FROM (SELECT 1 AS dew, 2 AS hour, 3 AS week, 4.0 AS y, 'a' AS note) AS c$$),
    'Perhaps you meant column "week".', 'the only one that could be it: neither target nor text');
SELECT is(hint_of($$SELECT mlops.predict('days/1', c) FROM (SELECT 1 AS dew, 2 AS hour, 3 AS week, 4 AS month) AS c$$),
    'mlops.check_source() compares a table or query with what a model needs.', 'none where there are several');
SELECT is(hint_of($$SELECT mlops.predict('days@2001-01-01', 1, 2, 3)$$),
    'A time without a zone is UTC. The view mlops.history shows what was in Production when.', 'no version at a time');

SELECT throws_ok($$SELECT mlops.train('m', 'crm.customers', target => 'churn', features => '{tenure,contract}', exclude => '{tenure}', algorithm => 'logistic')$$,
    '22023', 'column "tenure" is both in features and in exclude', 'a feature that is excluded');

-- the primary key of a table is its key
CREATE TABLE keyed (id int, part int, x float8, y float8, PRIMARY KEY (id, part));
INSERT INTO keyed SELECT i, i % 3, i % 17, i % 17 * 2 FROM generate_series(1, 100) i;
SELECT is((SELECT count(*) FROM mlops.train('keyed', 'keyed', target => 'y', key => 'id,part', algorithm => 'linear')), 1::bigint, 'a key of two columns');
SELECT is(array_agg(feature), '{x}', 'keys are no features') FROM mlops.features('keyed/1');
SELECT count(*) AS trained FROM mlops.train('keyed', 'keyed', target => 'y', algorithm => 'linear') \gset
SELECT is(array_agg(feature ORDER BY feature), '{id,part,x}', 'columns of a primary key of several may tell something') FROM mlops.features('keyed/latest');
CREATE TABLE counted (id int PRIMARY KEY, x float8, y float8);
INSERT INTO counted SELECT i, i * 37 % 101, i * 37 % 101 + i / 10.0 FROM generate_series(1, 400) i;
CREATE TABLE daily (day date PRIMARY KEY, y float8);
INSERT INTO daily SELECT '2026-01-01'::date + i, i % 7 FROM generate_series(1, 300) i;
SELECT is((SELECT array_agg(t.version) FROM mlops.train('settled', 'counted', target => 'y') AS t), '{1}', 'no key is given');
SELECT is((SELECT array_agg(t.version) FROM mlops.train('settled', 'counted', target => 'y', key => 'id') AS t), '{2}', 'it is given');
SELECT is((SELECT count(DISTINCT model_sha256) FROM mlops.versions WHERE model = 'settled'), 1::bigint, 'a primary key of one number is the key');
SELECT ok(model_identical, 'and is recorded') FROM mlops.verify('settled/1');
SELECT count(*) AS trained FROM mlops.train('settled', 'SELECT y, x, id AS number FROM counted WHERE id > 9', target => 'y') \gset
SELECT is(array_agg(feature), '{x}', 'of a query, too') FROM mlops.features('settled/latest');
SELECT count(*) AS trained FROM mlops.train('settled', 'counted', target => 'y', features => '{id,x}') \gset
SELECT is(array_agg(feature ORDER BY feature), '{id,x}', 'but where it is named as a feature') FROM mlops.features('settled/latest');
SELECT count(*) AS trained FROM mlops.train('settled', 'counted', target => 'y', weight => 'id') \gset
SELECT is(array_agg(feature), '{x}', 'or is something else') FROM mlops.features('settled/latest');
SELECT count(*) AS trained FROM mlops.train('settled', 'daily', target => 'y') \gset
SELECT is(array_agg(feature), '{day}', 'days may tell something') FROM mlops.features('settled/latest');
SELECT is((SELECT array_agg(mean) FROM mlops.cross_validate('counted', target => 'y')),
    (SELECT array_agg(mean) FROM mlops.cross_validate('counted', target => 'y', key => 'id')), 'cross_validate does the same');
SELECT is((SELECT array_agg(metrics::text) FROM mlops.tune('settled', 'counted', target => 'y', algorithm => 'gbm', space => '{"num_leaves": [3, 5]}')),
    (SELECT array_agg(metrics::text) FROM mlops.tune('settled', 'counted', target => 'y', algorithm => 'gbm', space => '{"num_leaves": [3, 5]}', key => 'id')),
    'and tune');

-- names that stages have
SELECT throws_ok($$SELECT mlops.set_alias('days', word, 1) FROM unnest('{latest,Production,staging}'::text[]) AS word$$, '42939', 'alias "latest" is reserved', 'latest');
SELECT throws_ok($$SELECT mlops.set_alias('days', 'Staging', 1)$$, '42939', 'alias "Staging" is reserved', 'a stage');
SELECT is(hint_of($$SELECT mlops.set_alias('days', 'production', 1)$$), 'Stages and the newest version are written behind a slash: ''model/production''.', 'where they belong');
SELECT throws_ok($$SELECT * FROM mlops.lift('days/1', 'SELECT 1/0 AS nothing_is_read')$$, '22023', 'a lift table needs a model with two classes', 'refused before anything is read');

-- keys of tags, quoted names
SELECT throws_ok($$SELECT mlops.set_tag('days', '', 'v')$$, '22023', 'a key has 1 to 250 characters', 'a tag without a key');
SELECT throws_ok($$SELECT mlops.set_tag('days', repeat('x', 251), 'v')$$, '22023', 'a key has 1 to 250 characters', 'a tag with too long a key');
SELECT throws_ok($$SELECT mlops.train('m', 'keyed', target => 'y', key => '"id"x', algorithm => 'linear')$$, '22023', 'text follows the quoted column name "id"', 'text behind a quoted name');

SELECT finish();
