-- What is inside a model, and whether a source still fits it.
SELECT plan(61);
\ir include/predict.sql

-- features
SELECT results_eq($$SELECT position, feature, kind, type, width, terms FROM mlops.features('mixed') WHERE kind <> 'timestamp'$$,
    $$VALUES (1, 'n', 'numeric', 'integer', 1, 1), (2, 'flag', 'boolean', 'boolean', 1, 1), (3, 'contract', 'categorical', 'text', 1, 2),
        (4, 'grade', 'categorical', 'level', 1, 2), (5, 'padded', 'categorical', 'character(6)', 1, 2), (6, 'code', 'categorical', 'uuid', 1, 3),
        (10, 'emb', 'vector', 'real[]', 3, 3), (11, 'gap', 'numeric', 'interval', 1, 1), (12, 'sv', 'numeric', 'real', 1, 1),
        (13, 'amount', 'numeric', 'numeric(12,2)', 1, 1)$$, 'features by position, with the terms that they become');
SELECT is((SELECT sum(terms) + 1 FROM mlops.features('mixed')), (SELECT count(*) FROM mlops.coefficients('mixed')), 'terms and the intercept have coefficients');
SELECT alike((SELECT transform FROM mlops.features('mixed') WHERE feature = 'contract'), '%reference coding of 3 levels%', 'transforms are told');
SELECT alike((SELECT transform FROM mlops.features('mixed') WHERE feature = 'at'), '%month, %; weekday, %', '... for each part of a time');
SELECT mlops.train('scaled', 'SELECT id, a, nullif(b, 1) AS b, c, y FROM public.lin', target => 'y', algorithm => 'linear', key => 'id',
    transform => '{"a": {"scale": "standard"}, "b": {"impute": "median", "indicator": true}, "c": {"map": "log1p"}}');
SELECT is((SELECT transform FROM mlops.features('scaled/1') WHERE feature = 'a'), 'missing as mean, standardised', 'scale');
SELECT is((SELECT transform FROM mlops.features('scaled/1') WHERE feature = 'b'), 'missing as median, indicator of missing', 'impute and indicator');
SELECT is((SELECT transform FROM mlops.features('scaled/1') WHERE feature = 'c'), 'missing as mean, log1p', 'map');

-- by reference and by value alike
SELECT set_eq(format('SELECT f::text FROM mlops.%s f', format(call, quote_literal('mixed'))),
    format('SELECT f::text FROM mlops.%s f', format(call, '(SELECT mlops.model_value(''mixed''))')), call || ' by value')
FROM unnest(ARRAY['features(%s)', 'coefficients(%s)', 'coefficients(%s, 0.5)', 'fit_statistics(%s)', 'training_info(%s)', 'model_params(%s)',
    'classes(%s)', 'check_source(%s, ''public.mixed'')']) call;
SELECT is((SELECT array_agg(provolatile ORDER BY provolatile) FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace AND proname = 'coefficients'),
    ARRAY['i', 's']::"char"[], 'by value they are immutable, by reference stable');
SELECT is((SELECT count(*) FROM mlops.features(NULL::text)), 0::bigint, 'NULL has no features');

-- coefficients
SELECT is((SELECT count(*) FROM mlops.coefficients('lin') c JOIN (VALUES ('(Intercept)', 1.0), ('a', 2.0), ('b', -3.0), ('c', 0.5)) t (term, truth) USING (term)
    WHERE abs(estimate - truth) < 1e-9 AND class IS NULL), 4::bigint, 'the line that was drawn');
SELECT mlops.train('noisy', 'SELECT id, a, b, y + (id * 7919 % 101) / 50.0 AS y FROM public.lin', target => 'y', algorithm => 'linear', key => 'id');
SELECT is((SELECT count(*) FROM mlops.coefficients('noisy/1') WHERE abs(statistic - estimate / std_error) < 1e-9 * abs(statistic) AND p_value BETWEEN 0 AND 1
    AND conf_low < estimate AND estimate < conf_high AND abs((conf_low + conf_high) / 2 - estimate) < 1e-9), 3::bigint, 'columns fit each other');
SELECT is((SELECT bool_and(w.conf_high - w.conf_low > n.conf_high - n.conf_low) FROM mlops.coefficients('noisy/1', 0.99) w JOIN mlops.coefficients('noisy/1', 0.9) n USING (term)),
    true, 'more confidence, wider limits');
SELECT matches(pg_temp.failure(format('SELECT * FROM mlops.coefficients(''lin'', %s)', x)), '^22023 .*confidence must be between 0 and 1', 'confidence ' || x)
FROM unnest(ARRAY['0', '1', '-1', '95', '''NaN''']) x;

-- statistics
SELECT is((SELECT array_agg(statistic) FROM (SELECT statistic FROM mlops.fit_statistics('noisy/1') LIMIT 4) s), ARRAY['rows', 'weight', 'r_squared', 'adjusted_r_squared'], 'statistics come in a fixed order');
SELECT is((SELECT value FROM mlops.fit_statistics('noisy/1') WHERE statistic = 'rows'), (SELECT rows_train::float8 FROM mlops.versions WHERE model = 'noisy'), 'rows are the training rows');
SELECT is((SELECT count(*) - count(DISTINCT statistic) FROM mlops.fit_statistics('noisy/1')), 0::bigint, 'each once');
SELECT ok((SELECT value FROM mlops.fit_statistics('noisy/1') WHERE statistic = 'r_squared') BETWEEN 0.5 AND 1, 'R squared');

SELECT mlops.train('logit', 'SELECT id, a, b, id % 3 > 0 AS y FROM public.lin', target => 'y', algorithm => 'logistic', key => 'id');
SELECT is((SELECT 2 * (count(*) FILTER (WHERE estimate IS NOT NULL)) - 2 * (SELECT value FROM mlops.fit_statistics('logit/1') WHERE statistic = 'log_likelihood')
        FROM mlops.coefficients('logit/1')), (SELECT value FROM mlops.fit_statistics('logit/1') WHERE statistic = 'aic'), 'AIC follows from the likelihood');

-- classes, loss, parameters
SELECT is(mlops.classes('lin'), '{}'::text[], 'a regression has no classes');
SELECT is((SELECT count(*) FROM mlops.training_info('lin')), 0::bigint, 'a direct solution has no iterations');
SELECT mlops.train('ridge', 'public.lin', target => 'y', algorithm => 'linear', key => 'id', params => '{"fit_intercept": false}');
SELECT results_eq($$SELECT value, origin FROM mlops.model_params('ridge/1') WHERE param = 'fit_intercept'$$, $$VALUES ('false', 'given')$$, 'a parameter that was given');
SELECT results_eq($$SELECT value, origin FROM mlops.model_params('lin') WHERE param = 'fit_intercept'$$, $$VALUES ('true', 'default')$$, '... or not');
SELECT is((SELECT count(*) FROM mlops.model_params('lin') WHERE summary IS NULL), 0::bigint, 'each has its meaning');

-- the value
SELECT is(sha256(mlops.model_value('lin')::bytea), (SELECT model_sha256 FROM mlops.model_versions v JOIN mlops.registered_models r USING (model_id) WHERE r.name = 'lin'),
    'the value is the stored bytes');
SELECT is(mlops.model_value('lin/1')::text, mlops.model_value('lin')::text, 'by any reference');

-- check_source
SELECT is((SELECT count(*) FROM mlops.check_source('mixed', 'public.mixed') WHERE status = 'ok'), 13::bigint, 'the table itself is ok');
SELECT results_eq($$SELECT column_name, status FROM mlops.check_source('mixed', 'public.mixed') WHERE status <> 'ok'$$,
    $$VALUES ('y', 'target'), ('id', 'key')$$, 'target and key are known');
SELECT results_eq($$SELECT * FROM mlops.check_source('lin', 'SELECT 1::bigint AS a, ''x''::text AS b, true AS extra, 0 AS id')$$,
    $$VALUES ('a', 'integer', 'bigint', 'type differs'), ('b', 'double precision', 'text', 'type changed'), ('c', 'numeric', NULL, 'missing'),
        ('id', NULL, 'integer', 'key'), ('extra', NULL, 'boolean', 'extra')$$, 'every kind of difference');
SET search_path = public;
SELECT is((SELECT count(*) FROM mlops.check_source('mixed', 'public.mixed') WHERE status = 'ok'), 13::bigint, 'the search path does not matter');
RESET search_path;
SELECT is((SELECT count(*) FROM public.lin l WHERE mlops.predict('lin', l) IS NULL), 0::bigint, 'what is ok can be scored');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.check_source('lin', 'public.nothing')$$), '^42P01 ', 'a source that is not there');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.check_source('lin', 'DELETE FROM public.lin')$$), '^(42601|0A000|22023|25006) ', 'a source that is no query');
CREATE TABLE public.roles AS SELECT i AS "a,b", i % 9 AS "K ""q", i % 7 AS x, ln(1 + i % 4) AS log_days, 1 + i % 5 AS y FROM generate_series(1, 300) i;
SELECT mlops.train('roles', 'public.roles', 'y', 'glm', '{"family": "poisson", "offset": "log_days"}', task => 'regression', key => '"a,b", "K ""q"');
SELECT results_eq($$SELECT column_name, status FROM mlops.check_source('roles/1', 'public.roles')$$,
    $$VALUES ('x', 'ok'), ('y', 'target'), ('a,b', 'key'), ('K "q', 'key'), ('log_days', 'offset')$$, 'keys in quotes, and the offset');
SELECT ok(bool_and(abs(mlops.predict('roles/1', r) - exp(c.estimate + x.estimate * r.x)) < 1e-12), 'predictions leave the offset out')
FROM public.roles r, mlops.coefficients('roles/1') c, mlops.coefficients('roles/1') x WHERE c.term = '(Intercept)' AND x.term = 'x';
-- without a source: the recorded one, as its author, for those who may read the model
CREATE TABLE public.changing AS SELECT i AS id, i AS a, i % 7 AS b, 2.0 * i AS y FROM generate_series(1, 100) i;
SELECT mlops.train('changing', 'public.changing', target => 'y', key => 'id', algorithm => 'linear');
ALTER TABLE public.changing RENAME b TO c;
SELECT results_eq($$SELECT column_name, status FROM mlops.check_source('changing/1')$$,
    $$VALUES ('a', 'ok'), ('b', 'missing'), ('y', 'target'), ('id', 'key'), ('c', 'extra')$$, 'what became of the recorded source');
SELECT results_eq($$SELECT column_name, status FROM mlops.check_source('changing/1', NULL)$$, $$SELECT column_name, status FROM mlops.check_source('changing/1', 'public.changing')$$, 'NULL is the recorded source');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.check_source(mlops.model_value('changing/1'))$$), '^22023 .*recorded source', 'a value has none');
SELECT is((SELECT count(*) FROM mlops.check_source(NULL::text)), 0::bigint, 'no model, no rows');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.global_explain('changing/1')$$), '^42703 .*"b"', 'explanations of the recorded source');
ALTER TABLE public.changing RENAME c TO b;
SELECT results_eq($$SELECT * FROM mlops.global_explain('changing/1')$$, $$SELECT * FROM mlops.global_explain('changing/1', 'public.changing')$$, 'once it has its columns');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.describe(NULL)$$), '^22004 .*"source"', 'no model, no recorded source');
SELECT matches(pg_temp.failure($$SELECT mlops.training_digest(NULL)$$), '^22004 .*"source"', 'nor a digest');
CREATE ROLE inspect_reader;
CREATE SCHEMA hidden;
CREATE TABLE hidden.lin AS SELECT * FROM public.lin;
SELECT mlops.grant_access('lin', 'inspect_reader', 'predict');
SET ROLE inspect_reader;
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.check_source('lin', 'hidden.lin')$$), '^42501 .*hidden', 'a source is analysed as the caller');
SELECT is((SELECT count(*) FROM mlops.check_source('lin', 'SELECT 1 AS a')), 3::bigint, 'predict is enough to ask');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.check_source('lin')$$), '^42501 .*model "lin"', 'but not for the recorded source');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.global_explain('lin')$$), '^42501 .*model "lin"', 'nor for explanations of it');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.fit_statistics('lin')$$), '^42501 ', 'statistics need read');
SELECT matches(pg_temp.failure($$SELECT * FROM mlops.model_params('lin')$$), '^42501 ', 'parameters need read');
SELECT matches(pg_temp.failure($$SELECT mlops.classes('mixed')$$), '^42501 .*mixed', 'no privilege at all');
RESET ROLE;
DROP OWNED BY inspect_reader;
DROP ROLE inspect_reader;
