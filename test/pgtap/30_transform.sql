-- transform: what each option does to a column, against the same thing written in SQL; what is learned where; what is refused.
SELECT plan(87);
SET client_min_messages = error;

-- linear models of a drawn line say exactly what their terms were
CREATE TABLE public.rows AS
SELECT i AS id, i % 5 = 0 AS held_out,
    CASE WHEN i % 11 <> 0 THEN (i * 37 % 101)::float8 END AS x,
    (1 + i * 53 % 97)::int AS n,
    (ARRAY['red', 'green', 'blue'])[1 + (i * 7) % 3] AS color,
    (ARRAY['low', 'mid', 'high'])[1 + (i * 13 / 7) % 3] AS size,
    timestamp '2021-01-01 00:00' + i * interval '31 hours' AS at,
    date '2022-01-01' + (i * 17 % 400) AS snapshot,
    ARRAY[i % 7, i % 13]::real[] AS v,
    ((i * 7919) % 1000)::float8 AS noise
FROM generate_series(1, 1500) i;

CREATE FUNCTION pg_temp.fit(name text, source text, transform jsonb = NULL, target text = 'y', params jsonb = '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.train(name, source, target => target, key => 'id', algorithm => 'linear', params => params, task => 'regression',
        split => '{"method": "column", "column": "held_out"}', transform => transform);
    RETURN name || '/latest';
END $$;
CREATE FUNCTION pg_temp.estimates(model text) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_object_agg(term, round(estimate::numeric, 6)) FROM mlops.coefficients(model) $$;
-- a function of its own sees the model that its argument has made
CREATE FUNCTION pg_temp.terms(model text) RETURNS text[] LANGUAGE sql AS
    $$ SELECT array_agg(term ORDER BY term COLLATE "C") FROM mlops.coefficients(model) WHERE term <> '(Intercept)' $$;
CREATE FUNCTION pg_temp.content(model text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN mlops.model_value(model)::jsonb; END $$;
-- the largest difference between the fitted line and the target over the training rows
CREATE FUNCTION pg_temp.misfit(model text, source text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE d float8;
BEGIN
    EXECUTE format('SELECT max(abs(mlops.predict(%L, r) - y)) FROM (%s) r WHERE NOT held_out', model, source) INTO d;
    RETURN d;
END $$;
-- trained twice: by the option, and on the same column computed by hand
CREATE FUNCTION pg_temp.same_fit(source text, transform jsonb, by_hand text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    a text := pg_temp.fit('by_option', source, transform);
    b text := pg_temp.fit('by_hand', by_hand);
    d float8;
BEGIN
    EXECUTE format('SELECT max(abs(mlops.predict(%L, option_row) - mlops.predict(%L, hand_row))) FROM (%s) option_row JOIN (%s) hand_row USING (id)', a, b, source, by_hand) INTO d;
    RETURN d < 1e-9;
END $$;

-- defaults: imputation and indicator
SELECT pg_temp.fit('filled', 'SELECT id, held_out, x, CASE WHEN x IS NULL THEN 100 ELSE 2 * x END AS y FROM public.rows');
SELECT is(pg_temp.terms('filled/latest'), ARRAY['x', 'x is missing'], 'a missing value has an indicator');
SELECT is(pg_temp.estimates('filled/latest') ->> 'x', '2.000000', 'and leaves the slope alone');
SELECT ok(abs(mlops.predict('filled/latest', NULL::float8) - 100) < 1e-9, 'NULL is predicted as the rows that had none');
SELECT is(mlops.predict('filled/latest', 'NaN'::float8), mlops.predict('filled/latest', NULL::float8), 'NaN is NULL');
SELECT is(mlops.predict('filled/latest', 'infinity'::float8), mlops.predict('filled/latest', 100), 'infinity is the largest training value');
SELECT is(mlops.predict('filled/latest', '-infinity'::float8), mlops.predict('filled/latest', 0), 'and minus infinity the smallest');
SELECT ok(abs(mlops.predict('filled/latest', 1e6) - 2e6) < 1e-3, 'finite values outside the range stay');

-- imputation by hand
SELECT ok(pg_temp.same_fit('SELECT id, held_out, x, noise AS y FROM public.rows', '{"x": {"impute": "median", "indicator": false}}',
    'SELECT id, held_out, coalesce(x, (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM public.rows WHERE NOT held_out)) AS x, noise AS y FROM public.rows'),
    'median');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, x, noise AS y FROM public.rows', '{"x": {"impute": {"constant": -7.5}, "indicator": false}}',
    'SELECT id, held_out, coalesce(x, -7.5) AS x, noise AS y FROM public.rows'), 'constant');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, x, noise AS y FROM public.rows', '{"x": {"impute": "constant", "value": -7.5, "indicator": true}}',
    'SELECT id, held_out, coalesce(x, -7.5) AS x, (x IS NULL)::int AS gone, noise AS y FROM public.rows'), 'constant, in the other form, with an indicator');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, nullif(n / 20, 4) AS x, noise AS y FROM public.rows', '{"x": {"impute": "mode", "indicator": false}}',
    'SELECT id, held_out, coalesce(nullif(n / 20, 4), (SELECT mode() WITHIN GROUP (ORDER BY nullif(n / 20, 4)) FROM public.rows WHERE NOT held_out)) AS x,
        noise AS y FROM public.rows'), 'mode');

-- maps
SELECT ok(pg_temp.same_fit('SELECT id, held_out, n, noise AS y FROM public.rows', '{"n": "log"}', 'SELECT id, held_out, ln(n::float8) AS n, noise AS y FROM public.rows'), 'log');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, n - 40 AS n, noise AS y FROM public.rows', '{"n": {"map": "log1p"}}',
    'SELECT id, held_out, sign(n - 40) * ln(1 + abs(n - 40)::float8) AS n, noise AS y FROM public.rows'), 'log1p keeps the sign');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, n, noise AS y FROM public.rows', '{"n": {"bins": 4}}',
    'SELECT id, held_out, width_bucket(n::float8 - 1e-9, q)::text AS n, noise AS y FROM public.rows,
        (SELECT percentile_disc(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY n::float8) AS q FROM public.rows WHERE NOT held_out) z'), 'quantile bins are a category');
SELECT is(pg_temp.terms(pg_temp.fit('bins', 'SELECT id, held_out, n, noise AS y FROM public.rows', '{"n": {"bins": 4, "encode": "ordinal"}}')),
    ARRAY['n.bin'], 'bins as one number');

-- scales: the same predictions, other units
SELECT ok(pg_temp.same_fit('SELECT id, held_out, x, n, noise AS y FROM public.rows', jsonb_build_object('@numeric', scale), 'SELECT id, held_out, x, n, noise AS y FROM public.rows'),
    scale || ' does not change what least squares predicts') FROM unnest(ARRAY['standard', 'minmax', 'robust']) scale;
SELECT ok(abs(((pg_temp.estimates(pg_temp.fit('scaled', 'SELECT id, held_out, n, 3 * n AS y FROM public.rows', '{"n": {"scale": "minmax"}}')) ->> 'n')::float8 - 3 * 96) / 288) < 1e-6,
    'minmax: the coefficient is that of the whole range');
SELECT ok(abs((pg_temp.estimates(pg_temp.fit('scaled', 'SELECT id, held_out, n, 3 * n AS y FROM public.rows', '{"n": {"scale": "standard"}}')) ->> 'n')::float8
    - (SELECT 3 * stddev_pop(n) FROM public.rows WHERE NOT held_out)) < 1e-5, 'standard: that of a standard deviation');

-- categories
SELECT pg_temp.fit('colors', 'SELECT id, held_out, color, CASE color WHEN ''blue'' THEN 1 WHEN ''green'' THEN 5 ELSE 20 END AS y FROM public.rows');
SELECT is(pg_temp.estimates('colors/latest'), '{"(Intercept)": 1, "color=green": 4, "color=red": 19}', 'reference coding: differences from the first level');
SELECT ok(abs(mlops.predict('colors/latest', 'mauve'::text) - (SELECT avg(CASE color WHEN 'blue' THEN 1 WHEN 'green' THEN 5 ELSE 20 END) FROM public.rows WHERE NOT held_out)) < 1e-9,
    'an unseen level scores as the average row');
SELECT is(mlops.predict('colors/latest', NULL::text), mlops.predict('colors/latest', 'mauve'::text), 'so does a missing one where none was missing in training');
SELECT is(mlops.predict('colors/latest', 'Blue'::text), mlops.predict('colors/latest', 'mauve'::text), 'levels are exact');
SELECT is(pg_temp.estimates(pg_temp.fit('missing', 'SELECT id, held_out, nullif(color, ''red'') AS color, CASE color WHEN ''red'' THEN 9 WHEN ''green'' THEN 5 ELSE 1 END AS y FROM public.rows')),
    '{"(Intercept)": 1, "color=green": 4, "color=(missing)": 8}', 'missing is a level when it is frequent');
SELECT is(pg_temp.estimates(pg_temp.fit('sizes', 'SELECT id, held_out, size, CASE size WHEN ''low'' THEN 1 WHEN ''mid'' THEN 4 ELSE 7 END AS y FROM public.rows',
    '{"size": {"order": ["low", "mid", "high"]}}')), '{"(Intercept)": 1, "size": 3}', 'ordinal in the order given');
SELECT pg_temp.fit('rare', 'SELECT id, held_out, CASE WHEN id % 50 = 1 THEN ''rare'' || id % 450 ELSE color END AS color, CASE WHEN id % 50 = 1 THEN 50 ELSE length(color) END AS y FROM public.rows');
SELECT is(pg_temp.terms('rare/latest'), ARRAY['color=(other)', 'color=green', 'color=red'], 'rare levels pool');
SELECT ok(abs(mlops.predict('rare/latest', level) - 50) < 1e-9, level || ' scores as other') FROM unnest(ARRAY['rare1', 'never seen']) level;
SELECT ok(pg_temp.content('rare/latest') !~ 'rare[0-9]', 'the model holds no rare level');
SELECT ok(pg_temp.content(pg_temp.fit('rarer', 'SELECT id, held_out, CASE WHEN id % 50 = 1 THEN ''rare'' || id % 450 ELSE color END AS color, noise AS y FROM public.rows',
    '{"color": {"min_count": 1}}')) ~ 'rare[0-9]', 'unless asked to');
SELECT is(cardinality(pg_temp.terms(pg_temp.fit('few', 'SELECT id, held_out, n::text AS n, noise AS y FROM public.rows', '{"n": {"max_levels": 7}}'))), 7,
    'max_levels and other, less the reference');
SELECT is(pg_temp.terms(pg_temp.fit('wide', 'SELECT id, held_out, n::text AS n, noise AS y FROM public.rows', '{"n": {"min_count": 5}}')), ARRAY['n.target'],
    'many levels are target-encoded');

-- target encoding: the code of a level by its formula
SELECT pg_temp.fit('encoded', 'SELECT id, held_out, color, x, noise AS y FROM public.rows', '{"color": {"encode": "target", "smoothing": 50}, "x": {"indicator": false}}');
CREATE TEMP TABLE codes AS SELECT color, (sum(noise) + 50 * p) / (count(*) + 50) AS code, p FROM public.rows, (SELECT avg(noise) AS p FROM public.rows WHERE NOT held_out) a
    WHERE NOT held_out GROUP BY color, p;
SELECT ok(abs((mlops.predict('encoded/latest', a.color, 1) - mlops.predict('encoded/latest', b.color, 1)) - (SELECT estimate FROM mlops.coefficients('encoded/latest') WHERE term = 'color.target')
    * (a.code - b.code)) < 1e-9, a.color || ' and ' || b.color || ' differ as their smoothed means') FROM codes a JOIN codes b ON a.color < b.color;
SELECT ok(abs((mlops.predict('encoded/latest', a.color, 1) - mlops.predict('encoded/latest', 'mauve', 1)) - (SELECT estimate FROM mlops.coefficients('encoded/latest') WHERE term = 'color.target')
    * (a.code - a.p)) < 1e-9, 'an unseen level has the overall mean') FROM codes a WHERE color = 'red';

-- a category of 5,000 random values and a noise target: nothing is found, whatever the encoding
CREATE TABLE public.noise AS
SELECT i AS id, 'v' || hashint8(i)::bigint % 2500 AS category, sin(i) AS x, hashint8(i + 1000000) % 2 = 0 AS label FROM generate_series(1, 30000) i;
CREATE FUNCTION pg_temp.noise_auc(options jsonb) RETURNS float8 LANGUAGE sql AS $$
    SELECT (metrics ->> 'roc_auc')::float8 FROM mlops.train('noise', 'public.noise', target => 'label', key => 'id', algorithm => 'logistic', positive => 'true',
        split => '{"method": "hash", "test": 0.5}', transform => jsonb_build_object('category', options)) $$;
SELECT ok(pg_temp.noise_auc(options) BETWEEN 0.47 AND 0.53, 'noise stays noise with ' || options::text)
FROM unnest(ARRAY['{}', '{"encode": "target"}', '{"encode": "target", "min_count": 1}', '{"encode": "target", "min_count": 1, "smoothing": 0.1}', '{"encode": "ordinal"}',
    '{"encode": "reference", "max_levels": 100, "min_count": 1}', '{"encode": "onehot", "max_levels": 100, "min_count": 1}']::jsonb[]) options;

-- times
SELECT ok(pg_temp.same_fit('SELECT id, held_out, at, noise AS y FROM public.rows', NULL,
    'SELECT id, held_out, extract(month FROM at)::text AS m, extract(isodow FROM at)::text AS d, extract(hour FROM at)::text AS h, noise AS y FROM public.rows'),
    'a timestamp is month, weekday and hour');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, snapshot, noise AS y FROM public.rows', NULL,
    'SELECT id, held_out, extract(month FROM snapshot)::text AS m, extract(isodow FROM snapshot)::text AS d, noise AS y FROM public.rows'), 'a date is month and weekday');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, at, noise AS y FROM public.rows', '{"at": {"parts": ["year", "quarter", "day", "yearday", "weekend", "epoch"]}}',
    'SELECT id, held_out, extract(year FROM at) AS a, extract(quarter FROM at)::text AS b, extract(day FROM at) AS c, extract(doy FROM at) AS d,
        (extract(isodow FROM at) >= 6) AS e, extract(epoch FROM at - timestamp ''2000-01-01'') / 86400 AS f, noise AS y FROM public.rows'), 'the other parts');
SELECT ok(pg_temp.same_fit('SELECT id, held_out, at, snapshot, noise AS y FROM public.rows', '{"at": {"age": "snapshot"}, "snapshot": {"parts": []}}',
    'SELECT id, held_out, extract(epoch FROM snapshot - at) / 86400 AS age, noise AS y FROM public.rows'), 'age in days');
SELECT is((SELECT array_agg(feature || ' ' || terms) FROM mlops.features('by_option/latest')), ARRAY['at 1', 'snapshot 0'], 'the reference column is a feature without terms of its own');
SELECT is(pg_temp.terms(pg_temp.fit('ages', 'SELECT id, held_out, at, snapshot, noise AS y FROM public.rows', '{"@timestamp": {"age": "snapshot"}, "snapshot": {"parts": ["year"]}}')),
    ARRAY['at.age', 'snapshot.year'], 'a default age for all times leaves out the one it refers to');

-- vectors, booleans
SELECT is(pg_temp.estimates(pg_temp.fit('vectors', 'SELECT id, held_out, v, 1 + 2 * v[1] - 3 * v[2] AS y FROM public.rows')), '{"(Intercept)": 1, "v[1]": 2, "v[2]": -3}', 'elements are terms');

-- target maps
SELECT ok(pg_temp.misfit(pg_temp.fit('mapped', 'SELECT id, held_out, n, exp(1 + n / 50.0) AS y FROM public.rows', '{"@target": "log"}'),
    'SELECT id, held_out, n, exp(1 + n / 50.0) AS y FROM public.rows') < 1e-9, 'log of the target and back');
SELECT ok(pg_temp.misfit(pg_temp.fit('mapped', 'SELECT id, held_out, n, exp(1 + n / 50.0) - 1 AS y FROM public.rows', '{"@target": "log1p"}'),
    'SELECT id, held_out, n, exp(1 + n / 50.0) - 1 AS y FROM public.rows') < 1e-9, 'log1p of the target and back');
SELECT pg_temp.fit('yj', 'SELECT id, held_out, n, exp(1 + n / 50.0 + sin(id)) - 2 AS y FROM public.rows', '{"@target": "yeo_johnson"}');
SELECT ok(corr(ln(mlops.predict('yj/latest', n) + 2), n) > 0.99 AND count(*) FILTER (WHERE mlops.predict('yj/latest', n) < exp(1 + n / 50.0 + sin(id)) - 2) BETWEEN 600 AND 900,
    'Yeo-Johnson, with negative targets: near the median, which is exponential in n') FROM public.rows;
SELECT is(pg_temp.estimates(pg_temp.fit('mapped', 'SELECT id, held_out, n, 2 * n AS y FROM public.rows', '{"@target": "none"}')) ->> 'n', '2.000000', 'none');

-- only training rows teach
CREATE VIEW public.changed AS SELECT id, held_out, CASE WHEN held_out THEN -1e9 * id ELSE x END AS x, CASE WHEN held_out THEN 'purple' ELSE color END AS color,
    CASE WHEN held_out THEN at + interval '12 minutes' * id ELSE at END AS at, noise AS y FROM public.rows;
SELECT is(pg_temp.estimates(pg_temp.fit('all', 'SELECT * FROM public.changed', t)), pg_temp.estimates(pg_temp.fit('all', 'SELECT id, held_out, x, color, at, noise AS y FROM public.rows', t)),
    'held-out rows teach nothing: ' || t::text)
FROM unnest(ARRAY['{}', '{"x": {"scale": "robust", "impute": "median"}, "color": "target", "at": {"parts": ["hour", "epoch"]}}', '{"x": {"bins": 5}}']::jsonb[]) t;

-- a column that is left out for what it holds may have options: the next rows may hold more
SELECT is(pg_temp.content(pg_temp.fit('still', 'SELECT id, held_out, x, 3 AS n, ''id'' || id AS color, noise AS y FROM public.rows', '{"n": "log", "color": {"min_count": 3}, "x": "median"}')),
    pg_temp.content(pg_temp.fit('still', 'SELECT id, held_out, x, noise AS y FROM public.rows', '{"x": "median"}')), 'options of columns that are left out mean nothing');
SELECT is(pg_temp.content(pg_temp.fit('still', 'SELECT id, held_out, x, 3 AS n, noise AS y FROM public.rows', '{"n": "categorical", "x": "median"}')),
    pg_temp.content('still/latest'), '... nor does a kind');
SELECT throws_matching($$SELECT pg_temp.fit('still', 'SELECT id, held_out, x, to_jsonb(n) AS n, noise AS y FROM public.rows', '{"n": "categorical"}')$$,
    'column "n" in argument "transform" is not a feature: type jsonb', 'a type that cannot be a feature is a mistake');
SELECT throws_matching($$SELECT mlops.tune('refused', 'SELECT id, x, noise AS y FROM public.rows', 'y', 'gbm', '{"seed": [1, 2]}', key => 'id')$$, 'seed', 'a search has no seeds to try');

-- mistakes are named
CREATE FUNCTION pg_temp.refused(transform jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; hint text;
BEGIN
    PERFORM pg_temp.fit('refused', 'SELECT id, held_out, x, n, color, at, snapshot, v, noise - 500 AS y FROM public.rows', transform);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', state, message, hint);
END $$;
SELECT matches(pg_temp.refused(t), '^22023 .*' || pattern, t::text || ' is refused')
FROM (VALUES
    ('{"colour": "onehot"}'::jsonb, '"colour".*not a feature.*Did you mean "color"'),
    ('{"id": "log"}', '"id".*not a feature'),
    ('{"@numerc": "log"}', '"@numerc".*Did you mean "@numeric"'),
    ('{"x": {"scal": "standard"}}', 'option "scal" of "x".*Did you mean "scale"'),
    ('{"x": {"scale": "standrad"}}', 'option "scale" of "x".*"standrad".*Did you mean "standard".*minmax, robust'),
    ('{"x": {"order": ["a", "b"]}}', 'option "order".*"x", which is numeric.*impute'),
    ('{"x": {"drop": true}}', '"exclude" of mlops.train'),
    ('{"x": "none"}', 'does not say which option'),
    ('{"x": {"impute": "constant"}}', 'needs a constant'),
    ('{"x": {"value": 3}}', 'needs "impute"'),
    ('{"x": {"bins": 1}}', 'whole number from 2 to 256'),
    ('{"x": {"bins": 4, "scale": "minmax"}}', 'does not go with bins'),
    ('{"x": {"encode": "onehot"}}', 'add "kind": "categorical"'),
    ('{"x": {"map": "log"}}', '"x".*no logarithm.*log1p'),
    ('{"color": {"order": ["red", "red"]}}', '"red" twice'),
    ('{"color": {"order": ["red", "blue"], "encode": "target"}}', 'needs "encode": "ordinal"'),
    ('{"color": {"impute": "mean"}}', 'Allowed are mode, constant, none'),
    ('{"at": {"parts": ["age"]}}', 'needs a column to refer to'),
    ('{"at": {"age": "x"}}', 'cannot refer to "x"'),
    ('{"at": {"age": "at"}}', 'cannot refer to "at"'),
    ('{"v": {"map": "bins"}}', 'cannot be "bins"'),
    ('{"@target": "sqrt"}', '"@target".*log1p'),
    ('{"@target": "log"}', 'no logarithm.*yeo_johnson'),
    ('[]', 'must be a JSON object')) cases (t, pattern);
SELECT throws_matching($$SELECT mlops.train('refused', 'SELECT id, x, color = ''red'' AS y FROM public.rows', target => 'y', key => 'id', algorithm => 'logistic', transform => '{"@target": "log"}')$$,
    'regression only', 'a class has no logarithm');
SELECT * FROM finish();
