-- Numbers and booleans as categories: the same model as of the column cast to text, and the same scores however a value comes.
SELECT plan(125);
SET client_min_messages = error;

CREATE DOMAIN public.plan_code AS integer CHECK (VALUE > -100);
CREATE TABLE public.subscribers AS
SELECT i AS id,
    CASE WHEN i % 19 <> 0 THEN (hashint8(i)::bigint + 2147483648) % 30 - 5 END::int AS plan,
    CASE WHEN i % 23 <> 0 THEN (i * 7919 % 40) / 8.0 END::numeric(6, 3) AS size,
    CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 = 0 END AS flag,
    (i * 104729 % 1000) / 10.0::float8 AS x
FROM generate_series(1, 3000) i;
ALTER TABLE public.subscribers ADD y float8, ADD churn boolean, ADD class text, ADD count int;
UPDATE public.subscribers SET y = sin(coalesce(plan, 3) ^ 2) + coalesce(size, 1) / 4 + coalesce(flag::int, 0.5) + x / 100;
UPDATE public.subscribers SET churn = y + (id % 7) / 7.0 > 1.9, class = CASE WHEN y < 0.8 THEN 'a' WHEN y < 1.6 THEN 'b' ELSE 'c' END, count = floor(abs(y) * 3);
CREATE VIEW public.texts AS SELECT id, plan::text AS plan, trim_scale(size)::text AS size, flag::text AS flag, x, y, churn, class, count FROM public.subscribers;

CREATE FUNCTION pg_temp.fit(name text, source text, algorithm text, target text, params jsonb, transform jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.train(name, source, target, algorithm, params, key => 'id', transform => transform,
        exclude => array_remove(ARRAY['y', 'churn', 'class', 'count'], target),
        task => CASE WHEN target IN ('y', 'count') THEN 'regression' END);
    RETURN name || '/latest';
END $$;
-- all that a model holds but the SQL types of its features
CREATE FUNCTION pg_temp.content(model text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE j jsonb = mlops.model_value(model)::jsonb;
BEGIN
    FOR i IN 0 .. jsonb_array_length(j -> 'features') - 1 LOOP
        j = j #- ARRAY['features', i::text, 'type'];
    END LOOP;
    RETURN j;
END $$;
CREATE FUNCTION pg_temp.differing(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM public.subscribers s JOIN public.texts t USING (id)
        WHERE mlops.%1$s(%2$L, s) IS DISTINCT FROM mlops.%1$s(%3$L, t)', CASE WHEN a ~ '^class' THEN 'predict_proba' ELSE 'predict' END, a, b) INTO n;
    RETURN n;
END $$;

-- every algorithm: bit for bit the model of the texts
CREATE TABLE public.cases (n int, name text, algorithm text, target text, params jsonb, more jsonb);
INSERT INTO public.cases VALUES
    (1, 'linear', 'linear', 'y', '{}', '{}'),
    (2, 'net', 'elastic_net', 'y', '{"alpha": 0.01}', '{}'),
    (3, 'logit', 'logistic', 'churn', '{}', '{}'),
    (4, 'class_logit', 'logistic', 'class', '{}', '{}'),
    (5, 'poisson', 'glm', 'count', '{"family": "poisson"}', '{}'),
    (6, 'bayes', 'naive_bayes', 'churn', '{}', '{}'),
    (7, 'boosted', 'gbm', 'churn', '{"n_estimators": 10}', '{}'),
    (8, 'class_boosted', 'gbm', 'class', '{"n_estimators": 5}', '{}'),
    (9, 'forest', 'random_forest', 'y', '{"n_estimators": 10}', '{}'),
    (10, 'tree', 'decision_tree', 'churn', '{}', '{}'),
    (11, 'onehot', 'logistic', 'churn', '{}', '{"encode": "onehot"}'),
    (12, 'target', 'gbm', 'y', '{"n_estimators": 5}', '{"encode": "target", "smoothing": 5}'),
    (13, 'ordinal', 'linear', 'y', '{}', '{"encode": "ordinal"}'),
    (14, 'rare', 'linear', 'y', '{}', '{"min_count": 80}'),
    (15, 'few', 'gbm', 'churn', '{"n_estimators": 5}', '{"max_levels": 4}'),
    (16, 'mode', 'linear', 'y', '{}', '{"impute": "mode", "indicator": true}');
SELECT pg_temp.fit(name, 'public.subscribers', algorithm, target, params, jsonb_build_object('plan', more || '{"kind": "categorical"}',
    'size', '"categorical"'::jsonb, 'flag', '{"kind": "categorical"}'::jsonb)) FROM public.cases ORDER BY n;
SELECT pg_temp.fit(name || '_text', 'public.texts', algorithm, target, params, jsonb_build_object('plan', more)) FROM public.cases ORDER BY n;
SELECT is(pg_temp.content(name || '/1'), pg_temp.content(name || '_text/1'), name || ': the model of the texts') FROM public.cases ORDER BY n;
SELECT is(pg_temp.differing(name || '/1', name || '_text/1'), 0::bigint, name || ': and its scores') FROM public.cases ORDER BY n;
SELECT is(a.metrics, b.metrics, a.model || ': held-out rows are the same') FROM mlops.versions a JOIN mlops.versions b ON b.model = a.model || '_text' WHERE a.model IN ('linear', 'boosted');
SELECT mlops.train('odd', 'SELECT id, plan, flag, x FROM public.subscribers', algorithm => 'isolation_forest', params => '{"n_estimators": 10}', key => 'id', transform => '{"plan": "categorical", "flag": "categorical"}');
SELECT mlops.train('odd_text', 'SELECT id, plan, flag, x FROM public.texts', algorithm => 'isolation_forest', params => '{"n_estimators": 10}', key => 'id');
SELECT is(pg_temp.content('odd/1'), pg_temp.content('odd_text/1'), 'isolation_forest: the model of the texts');
SELECT isnt(pg_temp.differing('logit/1', pg_temp.fit('plain', 'public.texts', 'logistic', 'churn', '{}', '{"plan": {"min_count": 200}}')), 0::bigint, 'levels matter');
SELECT results_eq($$SELECT feature, kind, type FROM mlops.features('linear/1')$$,
    $$VALUES ('plan', 'categorical', 'integer'), ('size', 'categorical', 'numeric(6,3)'), ('flag', 'categorical', 'boolean'), ('x', 'numeric', 'double precision')$$,
    'the model says what they are');
SELECT ok('plan=-3' = ANY (array_agg(term)) AND 'size=0.125' = ANY (array_agg(term)) AND 'flag=true' = ANY (array_agg(term)), 'terms by level') FROM mlops.coefficients('linear/1');
SELECT is((SELECT count(*) FROM mlops.coefficients('linear/1') WHERE term ~ '^plan='), 30::bigint, '31 levels, one of them the missing ones');

-- every type: the same levels, and columns of any number fit
CREATE FUNCTION pg_temp.levels_as(type text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.train('typed', format('SELECT id, plan::%s AS plan, x, y FROM public.subscribers', type), 'y', 'linear', key => 'id', transform => '{"plan": "categorical"}', task => 'regression');
    RETURN 'typed/latest';
END $$;
CREATE FUNCTION pg_temp.same_by_type(model text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint = 0; n bigint; type text;
BEGIN
    FOREACH type IN ARRAY '{smallint,integer,bigint,real,float8,numeric,"numeric(9,2)",public.plan_code}'::text[] LOOP
        EXECUTE format('SELECT count(*) FROM public.subscribers s JOIN (SELECT id, plan::%s AS plan, x FROM public.subscribers) t USING (id)
            WHERE mlops.predict(%L, t) IS DISTINCT FROM mlops.predict(''whole/1'', s.plan, s.x)', type, model) INTO n;
        total = total + n;
    END LOOP;
    RETURN total;
END $$;
SELECT mlops.train('whole', 'SELECT id, plan, x, y FROM public.subscribers', 'y', 'linear', key => 'id', transform => '{"plan": "categorical"}', task => 'regression');
SELECT is(pg_temp.content(pg_temp.levels_as(type)), pg_temp.content('whole/1'), type || ': the same model')
FROM unnest('{smallint,bigint,real,float8,numeric,"numeric(9,2)",public.plan_code}'::text[]) AS type;
SELECT is(pg_temp.same_by_type(pg_temp.levels_as(type)), 0::bigint, type || ': columns of other types score the same')
FROM unnest('{integer,real,numeric,public.plan_code}'::text[]) AS type;
SELECT is(type, 'integer', 'the type below a domain') FROM mlops.features('typed/latest') WHERE feature = 'plan';

-- a value in every form
CREATE FUNCTION pg_temp.lines(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE statement; END $$;
SELECT is(count(*) FILTER (WHERE score IS DISTINCT FROM mlops.predict('whole/1', 7, 1.5)), 0::bigint, 'forms of one value')
FROM (VALUES (mlops.predict('whole/1', 7.0, 1.5)), (mlops.predict('whole/1', 7::float8, 1.5)), (mlops.predict('whole/1', '7', 1.5)), (mlops.predict('whole/1', ' 7.00 ', 1.5)),
    (mlops.predict('whole/1', '0.7e1', 1.5)), (mlops.predict('whole/1', ARRAY['7', '1.5'])), (mlops.predict('whole/1', ARRAY[7, 1.5])), (mlops.predict('whole/1', VARIADIC ARRAY['+7', '1.5'])),
    (mlops.predict('whole/1', '{"plan": 7, "x": 1.5}'::jsonb)), (mlops.predict('whole/1', '{"plan": 7.0, "x": 1.5}'::jsonb)), (mlops.predict('whole/1', '{"plan": "7", "x": 1.5}'::jsonb)),
    (mlops.predict('whole/1', '{"plan": "7.0", "x": 1.5}')), (mlops.predict('whole/1', '[7, 1.5]'::jsonb)), (mlops.predict('whole/1', '{7,1.5}')),
    (mlops.predict(mlops.model_value('whole/1'), 7::smallint, 1.5)), ((mlops.predict_json('whole/1', '{"plan": 7, "x": 1.5}') ->> 'score')::float8)) AS forms (score);
SELECT is(count(*) FILTER (WHERE mlops.predict('linear/1', s) IS DISTINCT FROM mlops.predict('linear/1', to_jsonb(s))), 0::bigint, 'rows as JSON') FROM public.subscribers s;
SELECT is(count(*) FILTER (WHERE mlops.predict('linear/1', s) IS DISTINCT FROM mlops.predict('linear/1', s.plan, s.size, s.flag, s.x)), 0::bigint, 'columns') FROM public.subscribers s;
SELECT is(count(*) FILTER (WHERE mlops.predict('linear/1', s) IS DISTINCT FROM mlops.predict('linear/1', ARRAY[s.plan::text, s.size::text, s.flag::text, s.x::text])), 0::bigint, 'texts') FROM public.subscribers s;
SELECT is(count(*) FILTER (WHERE mlops.predict('linear/1', s) IS DISTINCT FROM mlops.predict(m, s)), 0::bigint, 'by value') FROM public.subscribers s, (SELECT mlops.model_value('linear/1') OFFSET 0) AS v (m);
SELECT is(mlops.predict('linear/1', 7, 1, 1, 1), mlops.predict('linear/1', 7, 1, true, 1), 'a flag as 1');
SELECT is(mlops.predict('linear/1', '[7, 1, 0, 1]'::jsonb), mlops.predict('linear/1', 7, 1, false, 1), '... as a JSON 0');
SELECT is(mlops.predict('linear/1', ARRAY['7', '1', 'yes', '1']), mlops.predict('linear/1', 7, 1, true, 1), '... as a word');
SELECT matches((SELECT string_agg(line, ' ') FROM pg_temp.lines($$EXPLAIN (VERBOSE, COSTS OFF) SELECT mlops.predict('whole/1', s) FROM public.subscribers s$$) AS line),
    'predict\(''whole/1''::text, plan, x\)', 'the planner passes the columns');

-- unseen, missing
SELECT is(mlops.predict('whole/1', plan, 1), mlops.predict('whole/1', 999, 1), plan || ' was not seen') FROM unnest(ARRAY[1000, 3.5, 1e30, -1e-30, 'Infinity']::numeric[]) AS plan;
SELECT mlops.train('linear_text2', 'SELECT id, plan, x, y FROM public.texts', 'y', 'linear', key => 'id', task => 'regression');
SELECT is(mlops.predict('whole/1', 999, 1), mlops.predict('linear_text2/1', 'never', 1), 'as with texts');
SELECT is(mlops.predict('whole/1', '[3e3, 1]'::jsonb), mlops.predict('whole/1', 999, 1), 'nor was 3e3');
SELECT is(mlops.predict('whole/1', 'NaN'::float8, 1), mlops.predict('whole/1', NULL::int, 1), 'NaN is missing');
SELECT is(mlops.predict('whole/1', ARRAY['NaN', '1']), mlops.predict('whole/1', '[null, 1]'::jsonb), '... as text, too');
SELECT isnt(mlops.predict('whole/1', NULL::int, 1), mlops.predict('whole/1', 999, 1), 'missing values are a level when there are ten');
SELECT is(mlops.predict('whole/1', -0.0::float8, 1), mlops.predict('whole/1', 0, 1), 'there is one zero');
SELECT mlops.train('nan', 'SELECT id, coalesce(plan::float8, ''NaN'') AS plan, x, y FROM public.subscribers', 'y', 'linear', key => 'id', transform => '{"plan": "categorical"}', task => 'regression');
SELECT is(pg_temp.content('nan/1'), pg_temp.content('whole/1'), 'NaN is missing when it trains');

-- long numbers are told apart, where a double could not
CREATE TABLE public.accounts AS SELECT i AS id, 9007199254740992 + i % 5 AS wide, (power(10::numeric, 30) + i % 5) AS wider, i % 5 AS y, i % 7 AS x FROM generate_series(1, 1000) i;
SELECT mlops.train('accounts', 'public.accounts', 'y', 'linear', key => 'id', transform => '{"wide": "categorical", "wider": {"kind": "categorical"}}', task => 'regression', split => '"none"');
SELECT ok(max(abs(mlops.predict('accounts/1', a) - y)) < 1e-6, 'bigint beyond 2^53, numeric beyond that') FROM public.accounts a;
SELECT is(count(*) FILTER (WHERE mlops.predict('accounts/1', a) IS DISTINCT FROM mlops.predict('accounts/1', to_jsonb(a))), 0::bigint, '... in JSON') FROM public.accounts a;
SELECT is(count(*) FILTER (WHERE mlops.predict('accounts/1', a) IS DISTINCT FROM mlops.predict('accounts/1', ARRAY[a.wide::text, a.wider::text, a.x::text])), 0::bigint, '... as text') FROM public.accounts a;
-- fractions of floating-point columns have one form
CREATE TABLE public.fractions AS SELECT i AS id, (i % 9 / 10.0)::real AS r, (i % 11 * 1.1e-7)::float8 AS d, (i % 4) * 1e22::float8 AS big, sin(i % 99) AS y FROM generate_series(1, 2000) i;
SELECT mlops.train('fractions', 'public.fractions', 'y', 'linear', key => 'id', transform => '{"r": "categorical", "d": "categorical", "big": "categorical"}', task => 'regression');
SELECT is(count(*) FILTER (WHERE mlops.predict('fractions/1', a) IS DISTINCT FROM mlops.predict('fractions/1', to_jsonb(a))
    OR mlops.predict('fractions/1', a) IS DISTINCT FROM mlops.predict('fractions/1', ARRAY[r::text, d::text, big::text])), 0::bigint, 'real and double precision') FROM public.fractions a;
SELECT ok('r=0.1' = ANY (array_agg(term)) AND 'd=0.00000011' = ANY (array_agg(term)) AND 'big=10000000000000000000000' = ANY (array_agg(term)), '... without exponents') FROM mlops.coefficients('fractions/1');

-- options take numbers
SELECT is(pg_temp.content(pg_temp.fit('ordered', 'SELECT id, plan % 3 AS plan, y, churn, class, count FROM public.subscribers', 'linear', 'y', '{}', '{"plan": {"kind": "categorical", "order": [2, 1.0, "0", -1, "-2.0"], "impute": {"constant": 2}}}')),
    pg_temp.content(pg_temp.fit('ordered_text', 'SELECT id, (plan % 3)::text AS plan, y, churn, class, count FROM public.subscribers', 'linear', 'y', '{}', '{"plan": {"order": ["2", "1", "0", "-1", "-2"], "impute": {"constant": "2"}}}')),
    'order and a constant');
SELECT is(pg_temp.content(pg_temp.fit('flags', 'public.subscribers', 'linear', 'y', '{}', '{"flag": {"kind": "categorical", "order": [true, false], "impute": {"constant": false}}}')) -> 'terms' ? 'flag', true, '... of a boolean');
-- defaults of kinds
SELECT is(pg_temp.content(pg_temp.fit('defaults', 'public.subscribers', 'linear', 'y', '{}', '{"plan": "categorical", "@numeric": {"scale": "standard"}, "@categorical": {"min_count": 120}}')) #>> '{features,0,transforms}',
    pg_temp.content(pg_temp.fit('defaults_text', 'public.texts', 'linear', 'y', '{}', '{"@numeric": {"scale": "standard"}, "plan": {"min_count": 120}}')) #>> '{features,0,transforms}',
    'the column takes the defaults of categories, not those of numbers');
SELECT is(pg_temp.content(pg_temp.fit('noop', 'public.texts', 'linear', 'y', '{}', '{"plan": "categorical", "x": {"kind": "numeric"}}')), pg_temp.content(pg_temp.fit('noop2', 'public.texts', 'linear', 'y', '{}', '{}')),
    'what a column is anyway may be said');

-- the order of rows and the key do not matter; a row without a key is the same row
CREATE TABLE public.shuffled AS SELECT * FROM public.subscribers ORDER BY hashint8(id);
CREATE FUNCTION pg_temp.digest(source text, transform jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.train('digest', source, 'churn', 'gbm', '{"n_estimators": 5}', features => '{plan,size,x}', transform => transform);
    RETURN (SELECT model_sha256 FROM mlops.versions WHERE model = 'digest' ORDER BY version DESC LIMIT 1);
END $$;
SELECT is(pg_temp.digest('public.shuffled', '{"plan": "categorical"}'), pg_temp.digest('public.subscribers', '{"plan": "categorical"}'), 'another order of rows');
SELECT pg_temp.digest('public.subscribers', '{}');
SELECT is((SELECT rows_train FROM mlops.versions WHERE model = 'digest' AND version = 1), (SELECT rows_train FROM mlops.versions WHERE model = 'digest' AND version = 3), 'rows are held out as without the option');
SELECT is((SELECT value FROM mlops.evaluate('digest/1') WHERE metric = 'roc_auc'), (SELECT (metrics ->> 'roc_auc')::float8 FROM mlops.versions WHERE model = 'digest' AND version = 1),
    'evaluate finds the rows that were held out');
SELECT is((SELECT data_identical AND model_identical FROM mlops.verify('digest/1')), true, 'verify makes it again');
SELECT is((SELECT count(DISTINCT d.digest) FROM mlops.datasets d WHERE d.dataset_source = 'public.subscribers'), 1::bigint, 'the fingerprint is that of the rows, whatever is made of them');

-- everything else that knows columns
SELECT results_eq($$SELECT column_name, expected_type, actual_type, status FROM mlops.check_source('whole/1', 'SELECT id, plan::bigint, x::text, y FROM public.subscribers') WHERE column_name IN ('plan', 'x')$$,
    $$VALUES ('plan', 'integer', 'bigint', 'type differs'), ('x', 'double precision', 'text', 'type changed')$$, 'check_source: another type of number fits');
SELECT is(status, 'type changed', '... text does not') FROM mlops.check_source('whole/1', 'public.texts') WHERE column_name = 'plan';
SELECT is(status, 'ok', '... the same is the same') FROM mlops.check_source('whole/1', 'public.subscribers') WHERE column_name = 'plan';
SELECT is((SELECT value FROM mlops.explain('whole/1', 7.0, 1.5) WHERE feature = 'plan'), '7', 'explain shows the level');
SELECT matches(array_to_string(mlops.reasons('whole/1', 2, 7, 1.5), '; '), 'plan = 7 \([+-]', 'reasons do');
SELECT is((SELECT array_agg(feature ORDER BY feature) FROM mlops.feature_importance('boosted/1')), '{flag,plan,size,x}', 'importances name the column');
SELECT ok((SELECT importance FROM mlops.permutation_importance('whole/1') WHERE feature = 'plan') > 0.1, 'permuted, it is missed');
SELECT ok((SELECT mean FROM mlops.cross_validate('public.subscribers', 'y', 'linear', key => 'id', features => '{plan,x}', task => 'regression', folds => 3, transform => '{"plan": "categorical"}') WHERE metric = 'r2_score')
    > (SELECT mean + 0.2 FROM mlops.cross_validate('public.subscribers', 'y', 'linear', key => 'id', features => '{plan,x}', task => 'regression', folds => 3) WHERE metric = 'r2_score'), 'cross_validate');
SELECT is((SELECT count(*) FROM mlops.tune('tuned', 'public.subscribers', 'churn', 'gbm', '{"num_leaves": [4, 8], "n_estimators": [5]}', strategy => 'grid', folds => 2, features => '{plan,x}', key => 'id',
    transform => '{"plan": "categorical"}')), 1::bigint, 'tune');
SELECT is((SELECT kind FROM mlops.features('tuned/latest') WHERE feature = 'plan'), 'categorical', '... registers such a model');
SELECT is(distinct_count || ' ' || data_type || ' ' || (frequent_items IS NOT NULL), '30 integer true', 'its profile is that of a category') FROM mlops.profiles WHERE model = 'whole' AND version = 1 AND column_name = 'plan';
CREATE TABLE public.parcel AS SELECT * FROM mlops.export_chunks('whole/1');
SELECT mlops.import_chunks('public.parcel', 'elsewhere');
SELECT is(count(*) FILTER (WHERE mlops.predict('elsewhere/1', s) IS DISTINCT FROM mlops.predict('whole/1', s)), 0::bigint, 'exported and imported') FROM public.subscribers s;
SELECT mlops.score_into('whole/1', 'public.subscribers', 'public.scores', 'id');
SELECT is(count(*) FILTER (WHERE score IS DISTINCT FROM mlops.predict('whole/1', s)), 0::bigint, 'score_into') FROM public.scores JOIN public.subscribers s USING (id);
DO $$ BEGIN EXECUTE format('ALTER TABLE public.shuffled ADD score float8 GENERATED ALWAYS AS (mlops.predict(%L::mlops.model, plan, x)) STORED', mlops.model_value('whole/1')); END $$;
SELECT is(count(*) FILTER (WHERE score IS DISTINCT FROM mlops.predict('whole/1', s)), 0::bigint, 'in a generated column') FROM public.shuffled s;

-- thousands of categories, found by trees
CREATE TABLE public.shops AS SELECT i AS id, i % 3000 AS shop, (i * 7919 % 101)::int AS x, (hashint4(i % 3000) & 1) * 10 + (i * 31 % 10) / 10.0 AS y FROM generate_series(1, 60000) i;
SELECT ok((metrics ->> 'r2_score')::float8 > 0.95, 'a random effect of 3,000 shops') FROM mlops.train('shops', 'public.shops', 'y', 'gbm', '{"n_estimators": 40}', key => 'id', transform => '{"shop": "categorical"}', task => 'regression');
SELECT is(terms, 1::bigint, '... is one term') FROM (SELECT count(*) AS terms FROM mlops.feature_importance('shops/1') WHERE feature = 'shop') z;

-- mistakes are named
CREATE FUNCTION pg_temp.refused(transform jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; hint text;
BEGIN
    PERFORM mlops.train('refused', 'SELECT id, plan, size, flag, x, date ''2020-01-01'' + plan AS day, id * interval ''1 day'' AS span, ARRAY[x, id % 7] AS v, class, y FROM public.subscribers', 'y', 'linear', key => 'id',
        transform => transform, task => 'regression');
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', state, message, hint);
END $$;
SELECT matches(pg_temp.refused(t), pattern, t::text || ' is refused')
FROM (VALUES
    ('{"day": "categorical"}'::jsonb, '^42804 \| column "day" of type date cannot be categorical \| .*parts'),
    ('{"span": {"kind": "categorical"}}', '^42804 .*"span" of type interval cannot be categorical.*Cast it to text'),
    ('{"v": "categorical"}', '^42804 .*"v" of type double precision\[\] cannot be categorical'),
    ('{"plan": "categorial"}', '^22023 .*Did you mean "categorical"'),
    ('{"plan": {"kind": "category"}}', '^22023 .*option "kind" of "plan".*Allowed are numeric, categorical'),
    ('{"class": {"kind": "numeric"}}', '^22023 .*option "kind" of "class".*cannot be "numeric".*Allowed are categorical'),
    ('{"plan": {"kind": true}}', '^22023 .*must be a string'),
    ('{"@numeric": {"kind": "categorical"}}', '^22023 .*does not apply to "@numeric".*each column'),
    ('{"@numeric": "categorical"}', '^22023 .*does not say'),
    ('{"plan": {"kind": "categorical", "scale": "standard"}}', '^22023 .*"scale".*"plan", which is categorical'),
    ('{"plan": {"encode": "onehot"}}', '^22023 .*needs "map": "bins".*"kind": "categorical"'),
    ('{"plan": {"kind": "categorical", "order": [1, true]}}', '^22023 .*must be of numbers'),
    ('{"plan": {"kind": "categorical", "order": ["1", "many"]}}', '^22P02 .*option "order" of "plan": "many"'),
    ('{"plan": {"kind": "categorical", "order": [1, "1.0"]}}', '^22023 .*"1" twice'),
    ('{"plans": "categorical"}', '^22023 .*"plans".*Did you mean "plan"')) AS cases (t, pattern);
SELECT throws_ok($$SELECT mlops.predict('whole/1', 'many', 1)$$, '22P02', NULL, 'a word is no number');
SELECT throws_ok($$SELECT mlops.predict('whole/1', 'many'::text, 1)$$, '42804', NULL, 'text is no number');
SELECT throws_ok($$SELECT mlops.predict('whole/1', true, 1)$$, '42804', NULL, 'nor is a boolean');
SELECT throws_ok($$SELECT mlops.predict('whole/1', '{"plan": true, "x": 1}'::jsonb)$$, '42804', NULL, '... in JSON');
SELECT throws_ok($$SELECT mlops.predict('linear/1', 7, 1, 2, 1)$$, '22023', NULL, 'two is no boolean');
SELECT throws_ok($$SELECT mlops.predict('linear_text2/1', 7, 1)$$, '42804', NULL, 'a model of texts still takes texts');
-- a feature of type real: whatever the type of a value, it means what its column would hold
CREATE TABLE singles AS SELECT i AS id, (CASE i % 6 WHEN 5 THEN 16777216 ELSE i % 6 / 7.0::float8 END)::real AS f, (i % 6 = 2)::int * 5 + (i % 6 = 5)::int * 3 AS y FROM generate_series(1, 300) AS i;
SELECT count(*) FROM mlops.train('singles', 'singles', target => 'y', key => 'id', algorithm => 'linear', split => '"none"', transform => '{"f": "categorical"}');
SELECT is(count(*), 0::bigint, 'real as a category, given in other types')
FROM singles AS s, LATERAL (SELECT mlops.predict('singles/1', s) AS p) AS p
WHERE p IS DISTINCT FROM mlops.predict('singles/1', f::float8) OR p IS DISTINCT FROM mlops.predict('singles/1', (SELECT q FROM (SELECT f::float8 AS f) AS q))
    OR p IS DISTINCT FROM mlops.predict('singles/1', f::float8::numeric) OR p IS DISTINCT FROM mlops.predict('singles/1', to_jsonb(s))
    OR f > 1 AND (p IS DISTINCT FROM mlops.predict('singles/1', 16777217) OR p IS DISTINCT FROM mlops.predict('singles/1', 16777217::bigint) OR p IS DISTINCT FROM mlops.predict('singles/1', '{"f": 16777217}'::jsonb));
SELECT is(count(DISTINCT round(mlops.predict('singles/1', f::float8))), 3::bigint, '... and told apart') FROM singles;
SELECT * FROM finish();
