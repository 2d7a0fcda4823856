-- Gradient boosting by mlops.train: losses whose minimum is known, values of every kind, weights, early stopping, constraints, parameters.
-- Where a tree can tell groups of rows apart and nothing is penalised, boosting must end at each group's best constant, but for gradients
-- of single precision.

SELECT plan(102);
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.fit(model text, source text, target text, params text, arguments text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT mlops.train(%L, %L, target => %L, key => ''id'', split => ''"none"'', params => %L %s)', model, source, target, params, arguments);
END $$;
CREATE FUNCTION pg_temp.failure(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ' ' || SQLERRM || ' | ' || hint;
END $$;
CREATE FUNCTION pg_temp.statistic(model text, name text) RETURNS float8 LANGUAGE sql AS
    $$SELECT value FROM mlops.fit_statistics($1) AS s (statistic, value) WHERE s.statistic = $2$$;
CREATE FUNCTION pg_temp.hash(model text) RETURNS text LANGUAGE sql AS
    $$SELECT model_sha256::text FROM mlops.versions AS v WHERE v.model = $1 ORDER BY version DESC LIMIT 1$$;
-- nothing penalised, as many leaves as groups
CREATE FUNCTION pg_temp.exactly(n int, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
    $$SELECT (jsonb_build_object('n_estimators', n, 'learning_rate', 1, 'reg_lambda', 0, 'num_leaves', 64, 'min_child_samples', 1, 'min_child_weight', 0,
        'cat_smooth', 0, 'cat_l2', 0, 'min_data_per_group', 1, 'max_cat_threshold', 100) || more)::text$$;

-- seven groups of unequal size that a number, a text and an enum tell apart
CREATE TYPE grade AS ENUM ('seventh', 'first', 'fourth', 'second', 'sixth', 'third', 'fifth');
CREATE TABLE groups AS
SELECT id, x::float8 AS x, (ARRAY['k', 'b', 'z', 'm', 'a', 'q', 'd'])[x + 1] AS word, (enum_range(NULL::grade))[x + 1] AS grade,
    (hashint4(id) & 1023) / 64.0 + 3 * (x * 5 % 7) AS y, abs(hashint4(id)) % (1 + 2 * (x * 3 % 7)) AS n, hashint4(id * 7) % 10 > x - 3 AS b,
    (ARRAY['red', 'green', 'blue'])[1 + abs(hashint4(id * 11)) % 17 * (x + 1) % 3] AS color, 1 + abs(hashint4(id * 13)) % 5 AS w
FROM (SELECT id, floor(sqrt(id) / 8.6)::int AS x FROM generate_series(1, 3600) AS id) AS r;
SELECT is(count(DISTINCT x), 7::bigint, 'seven groups') FROM groups;

-- losses
SELECT pg_temp.fit('by_' || f, format('SELECT id, %I AS f, y FROM groups', f), 'y', pg_temp.exactly(4)) FROM unnest(ARRAY['x', 'word', 'grade']) AS f;
SELECT cmp_ok(max(abs(mlops.predict('by_x/latest', x) - m)), '<', 1e-6::float8, 'squared error: means of groups told apart by a number') FROM (SELECT x, avg(y)::float8 AS m FROM groups GROUP BY x) AS g;
SELECT cmp_ok(max(abs(mlops.predict('by_word/latest', word) - m)), '<', 1e-6::float8, '... by a text') FROM (SELECT word, avg(y)::float8 AS m FROM groups GROUP BY word) AS g;
SELECT cmp_ok(max(abs(mlops.predict('by_grade/latest', grade) - m)), '<', 1e-6::float8, '... by an enum') FROM (SELECT grade, avg(y)::float8 AS m FROM groups GROUP BY grade) AS g;

SELECT pg_temp.fit('absolute', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(1, '{"objective": "absolute_error"}'));
SELECT is(max(abs(mlops.predict('absolute/latest', x) - m)), 0::float8, 'absolute error: medians') FROM (SELECT x, percentile_disc(0.5) WITHIN GROUP (ORDER BY y)::float8 AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('quantile', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(2, '{"objective": "quantile", "quantile_alpha": 0.9}'));
SELECT is(max(abs(mlops.predict('quantile/latest', x) - m)), 0::float8, 'quantile: quantiles') FROM (SELECT x, percentile_disc(0.9) WITHIN GROUP (ORDER BY y)::float8 AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('huber', 'SELECT id, x, CASE WHEN id % 50 = 0 THEN 1e6 ELSE y END AS y FROM groups', 'y', pg_temp.exactly(30, '{"objective": "huber"}'));
SELECT cmp_ok(max(abs(mlops.predict('huber/latest', x) - m)), '<', 3::float8, 'huber: two rows in a hundred that are far off move nothing far')
FROM (SELECT x, avg(y)::float8 AS m FROM groups GROUP BY x) AS g;

SELECT pg_temp.fit(objective, 'SELECT id, x, n + 0.5 AS n FROM groups', 'n', pg_temp.exactly(60, jsonb_build_object('objective', objective)), $$, task => 'regression'$$)
FROM unnest(ARRAY['poisson', 'gamma', 'tweedie']) AS objective;
SELECT cmp_ok(max(abs(mlops.predict(objective || '/latest', x) / m - 1)), '<', 1e-6::float8, objective || ': means of groups')
FROM (SELECT x, avg(n + 0.5)::float8 AS m FROM groups GROUP BY x) AS g, unnest(ARRAY['poisson', 'gamma', 'tweedie']) AS objective GROUP BY objective ORDER BY objective;
SELECT pg_temp.fit('zeros', 'SELECT id, x, n FROM groups', 'n', pg_temp.exactly(60, '{"objective": "poisson"}'), $$, task => 'regression'$$);
SELECT cmp_ok(max(abs(mlops.predict('zeros/latest', x) - m)), '<', 0.1::float8, 'poisson: a group of zeros, too') FROM (SELECT x, avg(n)::float8 AS m FROM groups GROUP BY x) AS g;

SELECT pg_temp.fit('binary', 'SELECT id, x, b FROM groups', 'b', pg_temp.exactly(30));
SELECT cmp_ok(max(abs(mlops.predict('binary/latest', x) - m)), '<', 1e-6::float8, 'two classes: shares of groups, 0 and 1 among them') FROM (SELECT x, avg(b::int)::float8 AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('multi', 'SELECT id, x, color FROM groups', 'color', pg_temp.exactly(60, '{"learning_rate": 0.5}'));
SELECT is(mlops.classes('multi/latest'), ARRAY['blue', 'green', 'red'], 'three classes');
SELECT cmp_ok(max(abs((mlops.predict_proba('multi/latest', x))[k] - m)), '<', 1e-3::float8, '... shares of groups')
FROM (SELECT x, k, avg((color = c)::int)::float8 AS m FROM groups, unnest(ARRAY['blue', 'green', 'red']) WITH ORDINALITY AS c (c, k) GROUP BY x, k) AS g;

-- shrinkage: what is left of a difference after k steps
SELECT pg_temp.fit('slow', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(10, '{"learning_rate": 0.1}'));
SELECT cmp_ok(max(abs(mlops.predict('slow/latest', x) - (m + (a - m) * 0.9 ^ 10))), '<', 1e-5::float8, 'learning_rate 0.1: 0.9^10 of each difference is left')
FROM (SELECT x, avg(y)::float8 AS m FROM groups GROUP BY x) AS g, (SELECT avg(y)::float8 AS a FROM groups) AS t;
-- penalties: one split, by hand
CREATE TABLE two AS SELECT id, id % 4 = 0 AS x, CASE WHEN id % 4 = 0 THEN 10 ELSE 2 END + (hashint4(id) & 7)::float8 AS y FROM generate_series(1, 400) AS id;
SELECT pg_temp.fit('ridge', 'two', 'y', pg_temp.exactly(1, '{"reg_lambda": 50}'));
SELECT pg_temp.fit('lasso', 'two', 'y', pg_temp.exactly(1, '{"reg_alpha": 30}'));
SELECT pg_temp.fit('capped', 'two', 'y', pg_temp.exactly(1, '{"max_delta_step": 0.5}'));
CREATE VIEW sides AS SELECT x, count(*) AS n, sum(y - m) AS s, min(m) AS m FROM two, (SELECT avg(y) AS m FROM two) AS t GROUP BY x;
SELECT cmp_ok(max(abs(mlops.predict('ridge/latest', x) - (m + s / (n + 50)))), '<', 1e-5::float8, 'reg_lambda') FROM sides;
SELECT cmp_ok(max(abs(mlops.predict('lasso/latest', x) - (m + sign(s) * (abs(s) - 30) / n))), '<', 1e-5::float8, 'reg_alpha') FROM sides;
SELECT cmp_ok(max(abs(mlops.predict('capped/latest', x) - (m + sign(s) * 0.5))), '<', 1e-9::float8, 'max_delta_step') FROM sides;
SELECT is(importance_weight, 1::float8, 'one split') FROM mlops.feature_importance('ridge/latest');
SELECT cmp_ok(abs(importance_gain / g - 1), '<', 1e-3::float8, 'its gain') FROM mlops.feature_importance('ridge/latest'), (SELECT sum(s * s / (n + 50)) AS g FROM sides) AS t;
SELECT is(importance_cover, 400::float8, 'its cover: the sum of hessians') FROM mlops.feature_importance('ridge/latest');
SELECT pg_temp.fit('proud', 'two', 'y', pg_temp.exactly(1, jsonb_build_object('reg_lambda', 50, 'min_split_gain', f * g)))
FROM (SELECT sum(s * s / (n + 50)) AS g FROM sides) AS t, unnest(ARRAY[1.01, 0.99]) AS f ORDER BY f DESC;
SELECT is(array_agg(mlops.predict('proud/' || v, true) = mlops.predict('proud/' || v, false) ORDER BY v), ARRAY[true, false], 'min_split_gain: just above and just below the gain') FROM generate_series(1, 2) AS v;

-- limits of leaves
SELECT pg_temp.fit('stump', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(1, '{"max_depth": 1}'));
SELECT is(count(DISTINCT mlops.predict('stump/latest', x)), 2::bigint, 'max_depth 1: two values') FROM groups;
SELECT pg_temp.fit('few', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(1, '{"num_leaves": 4}'));
SELECT is(count(DISTINCT mlops.predict('few/latest', x)), 4::bigint, 'num_leaves 4: four values') FROM groups;
SELECT pg_temp.fit('large', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(1, '{"min_child_samples": 700}'));
SELECT ok(min(n) >= 700 AND count(*) > 1, 'min_child_samples: rows of each leaf') FROM (SELECT count(*) AS n FROM groups GROUP BY mlops.predict('large/latest', x)) AS l;
SELECT pg_temp.fit('heavy', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(1, '{"min_child_weight": 700.5}'));
SELECT ok(min(n) >= 701 AND count(*) > 1, 'min_child_weight: hessians of each leaf') FROM (SELECT count(*) AS n FROM groups GROUP BY mlops.predict('heavy/latest', x)) AS l;

-- missing values go to the better side; NaN is missing; infinities are the largest numbers
CREATE TABLE odd AS SELECT id, (ARRAY['-infinity', '-1', '0', '0.5', '1e300', 'infinity', 'nan', NULL])[1 + id % 8]::float8 AS x,
    (ARRAY[5, -3, 7, 0, 2, -8, 20, 20])[1 + id % 8] + (hashint4(id) & 1) AS y FROM generate_series(1, 1600) AS id;
SELECT pg_temp.fit('odd', 'odd', 'y', pg_temp.exactly(4), $$, task => 'regression'$$);
SELECT cmp_ok(max(abs(mlops.predict('odd/latest', x) - m)), '<', 1e-6::float8, 'infinities, NaN and NULL each have their place')
FROM (SELECT x, CASE WHEN x IS NULL OR x = 'nan' THEN (SELECT avg(y) FROM odd WHERE x IS NULL OR x = 'nan') ELSE avg(y) END::float8 AS m FROM odd GROUP BY x) AS g;
SELECT is(mlops.predict('odd/latest', 'nan'::float8), mlops.predict('odd/latest', NULL::float8), 'NaN as NULL');
SELECT is(mlops.predict('odd/latest', '1.7e308'::float8), mlops.predict('odd/latest', 'infinity'::float8), 'the largest numbers are as good as infinite');
SELECT pg_temp.fit('never', 'SELECT id, x, y FROM groups', 'y', pg_temp.exactly(2));
SELECT ok(mlops.predict('never/latest', NULL::float8) BETWEEN min(y) AND max(y), 'a value that was never missing may be missing later') FROM groups;

-- columns without information
SELECT pg_temp.fit('idle', 'SELECT id, x, 7 AS constant, NULL::float8 AS empty, CASE WHEN id < 100 THEN 1.0 END AS nearly, y FROM groups', 'y', pg_temp.exactly(4));
SELECT is(array_agg(feature ORDER BY feature), ARRAY['nearly', 'x'], 'constant and empty columns are left out') FROM mlops.features('idle/latest');
SELECT matches(pg_temp.failure($$SELECT mlops.train('m', 'SELECT id, 1 AS a, y FROM groups', target => 'y', key => 'id')$$), '^22023 ', 'nothing but a constant column');
SELECT pg_temp.fit('flat', 'SELECT id, x, 4.25 AS y FROM groups', 'y', '{"n_estimators": 5}', $$, task => 'regression'$$);
SELECT is(array_agg(DISTINCT mlops.predict('flat/latest', x)), ARRAY[4.25::float8], 'a constant target') FROM groups;
SELECT pg_temp.fit('tiny', 'SELECT id, x, y FROM groups WHERE id IN (1, 3600)', 'y', '{}');
SELECT cmp_ok(abs(mlops.predict('tiny/latest', 0) - m), '<', 1e-9::float8, 'two rows are no reason to split') FROM (SELECT avg(y)::float8 AS m FROM groups WHERE id IN (1, 3600)) AS t;

-- categories
SELECT is(mlops.predict('by_word/latest', 'never seen'::text), mlops.predict('by_word/latest', 'another'::text), 'unseen categories are alike');
SELECT ok(mlops.predict('by_word/latest', 'never seen'::text) BETWEEN min(y) AND max(y), 'and reasonable') FROM groups;
CREATE TABLE places AS SELECT id, 'place ' || id % 3000 AS place, (hashint4(id % 3000) & 15)::float8 + (hashint4(id) & 1) AS y FROM generate_series(1, 60000) AS id;
SELECT pg_temp.fit('places', 'SELECT id, place, y FROM places', 'y', pg_temp.exactly(1, '{"num_leaves": 4000, "max_cat_threshold": 3000}'));
SELECT cmp_ok(max(abs(mlops.predict('places/latest', place) - m)), '<', 1e-5::float8, 'three thousand categories, all told apart') FROM (SELECT place, avg(y)::float8 AS m FROM places GROUP BY place) AS g;
SELECT pg_temp.fit('default', 'SELECT id, place, y FROM places WHERE id <= 48000', 'y', '{}');
SELECT cmp_ok(mlops.r2(y, mlops.predict('default/latest', place)), '>', 0.9::float8, 'by default, too') FROM places WHERE id > 48000;

-- weights
SELECT pg_temp.fit('weighted', 'SELECT id, x, y, w FROM groups', 'y', pg_temp.exactly(4), $$, weight => 'w'$$);
SELECT cmp_ok(max(abs(mlops.predict('weighted/latest', x) - m)), '<', 1e-6::float8, 'weighted means') FROM (SELECT x, (sum(w * y) / sum(w))::float8 AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('weighted_median', 'SELECT id, x, y, w FROM groups', 'y', pg_temp.exactly(2, '{"objective": "absolute_error"}'), $$, weight => 'w'$$);
SELECT is(max(abs(mlops.predict('weighted_median/latest', x) - m)), 0::float8, 'weighted medians')
FROM (SELECT x, percentile_disc(0.5) WITHIN GROUP (ORDER BY y)::float8 AS m FROM groups, generate_series(1, w) GROUP BY x) AS g;
SELECT pg_temp.fit('times', 'SELECT id * 10 + k AS id, x, y FROM groups, generate_series(1, w) AS k', 'y', '{"n_estimators": 20, "min_child_samples": 1}');
SELECT pg_temp.fit('weight', 'SELECT id * 10 AS id, x, y, w FROM groups', 'y',
    (SELECT jsonb_build_object('n_estimators', 20, 'min_child_samples', 1, 'learning_rate', params -> 'learning_rate', 'num_leaves', params -> 'num_leaves')::text
     FROM (SELECT mlops.model_value('times/latest')::jsonb -> 'params' AS params) AS p), $$, weight => 'w'$$);
SELECT cmp_ok(max(abs(mlops.predict('weight/latest', x) - mlops.predict('times/latest', x))), '<', 1e-4::float8, 'a weight of k is as good as k rows') FROM groups;
SELECT pg_temp.fit('light', 'SELECT id, x, CASE WHEN w = 5 THEN 1e9 ELSE y END AS y, CASE WHEN w = 5 THEN 0 ELSE 1 END AS w FROM groups', 'y', pg_temp.exactly(4), $$, weight => 'w'$$);
SELECT cmp_ok(max(abs(mlops.predict('light/latest', x) - m)), '<', 1e-6::float8, 'rows of weight 0 do not count') FROM (SELECT x, avg(y)::float8 AS m FROM groups WHERE w < 5 GROUP BY x) AS g;
SELECT pg_temp.fit('range', 'SELECT id, x, y * 1e6 AS y, exp(20.7 * (hashint4(id * 17) & 1023) / 1023 - 10) AS w FROM groups', 'y', pg_temp.exactly(12), $$, weight => 'w'$$);
SELECT cmp_ok(max(abs(mlops.predict('range/latest', x) / m - 1)), '<', 1e-6::float8, 'weights over nine orders of magnitude')
FROM (SELECT x, sum(exp(20.7 * (hashint4(id * 17) & 1023) / 1023 - 10) * y * 1e6) / sum(exp(20.7 * (hashint4(id * 17) & 1023) / 1023 - 10)) AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('wild', 'SELECT id, x, exp(20.7 * (hashint4(id * 19) & 1023) / 1023 - 10) AS y FROM groups', 'y', pg_temp.exactly(12));
SELECT cmp_ok(max(abs(mlops.predict('wild/latest', x) / m - 1)), '<', 1e-6::float8, 'targets over nine orders of magnitude')
FROM (SELECT x, avg(exp(20.7 * (hashint4(id * 19) & 1023) / 1023 - 10)) AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('positive', 'SELECT id, x, b FROM groups', 'b', pg_temp.exactly(30, '{"scale_pos_weight": 3}'));
SELECT cmp_ok(max(abs(mlops.predict('positive/latest', x) - 3 * m / (3 * m + 1 - m))), '<', 1e-6::float8, 'scale_pos_weight') FROM (SELECT x, avg(b::int)::float8 AS m FROM groups GROUP BY x) AS g;
SELECT pg_temp.fit('balanced', 'SELECT id, x, b FROM groups', 'b', '{"n_estimators": 1, "class_weight": "balanced", "min_child_samples": 3600}');
SELECT cmp_ok(max(abs(mlops.predict('balanced/latest', x) - 0.5)), '<', 1e-12::float8, 'class_weight balanced: without a split, one half') FROM groups;
SELECT pg_temp.fit('base', 'SELECT id, x, b FROM groups', 'b', '{"n_estimators": 1, "min_child_samples": 3600}');
SELECT cmp_ok(max(abs(mlops.predict('base/latest', x) - m)), '<', 1e-12::float8, 'and otherwise the share of positives') FROM groups, (SELECT avg(b::int)::float8 AS m FROM groups) AS t;

-- early stopping
CREATE TABLE noise AS SELECT id, (hashint4(id * 3) & 1023)::float8 AS a, (hashint4(id * 5) & 1023)::float8 AS b, (hashint4(id * 7) & 1023)::float8 AS c, (hashint4(id * 9) & 1023)::float8
    + (hashint4(id * 3) & 1023) AS y FROM generate_series(1, 5000) AS id;
SELECT pg_temp.fit('stopped', 'noise', 'y', '{"n_estimators": 2000, "early_stopping_rounds": 10, "learning_rate": 0.2}');
CREATE TEMP TABLE info AS SELECT * FROM mlops.training_info('stopped/latest');
SELECT cmp_ok(max(iteration), '<', 2000, 'early stopping stops') FROM info;
SELECT is(array_agg(DISTINCT learning_rate), ARRAY[0.2::float8], 'the learning rate beside the losses') FROM info;
SELECT is(array_agg(iteration ORDER BY iteration), array_agg(g), 'a loss for each iteration') FROM info FULL JOIN generate_series(1, (SELECT max(iteration) FROM info)) AS g ON g = iteration;
SELECT is(pg_temp.statistic('stopped/latest', 'best_iteration'), (SELECT iteration::float8 FROM info ORDER BY eval_loss, iteration LIMIT 1), 'the best iteration has the least validation loss');
SELECT is(max(iteration) - pg_temp.statistic('stopped/latest', 'best_iteration'), 10::float8, 'and the fit went on for so many rounds') FROM info;
SELECT is(pg_temp.statistic('stopped/latest', 'iterations'), max(iteration)::float8, 'iterations are counted') FROM info;
SELECT cmp_ok(count(*) FILTER (WHERE loss > before), '=', 0::bigint, 'the training loss only falls') FROM (SELECT loss, lag(loss) OVER (ORDER BY iteration) AS before FROM info) AS l;
SELECT cmp_ok(abs(pg_temp.statistic('stopped/latest', 'rows_validation') / 500 - 1), '<', 0.2::float8, 'a tenth of the rows is held out');
SELECT pg_temp.fit('limited', 'noise', 'y', format('{"n_estimators": %s, "early_stopping_rounds": 10, "learning_rate": 0.2}', pg_temp.statistic('stopped/latest', 'best_iteration')));
SELECT is(count(*), 0::bigint, 'what is kept are the trees up to the best iteration') FROM noise WHERE mlops.predict('limited/latest', a, b, c) <> mlops.predict('stopped/latest', a, b, c);
SELECT pg_temp.fit('patient', 'noise', 'y', '{"n_estimators": 20}');
SELECT is(array_agg(eval_loss) FILTER (WHERE eval_loss IS NOT NULL), NULL, 'no validation loss without early stopping') FROM mlops.training_info('patient/latest');
SELECT cmp_ok(abs(max(loss) FILTER (WHERE iteration = 20) / m - 1), '<', 1e-6::float8, 'the last training loss is that of the model')
FROM mlops.training_info('patient/latest'), (SELECT avg((y - mlops.predict('patient/latest', a, b, c)) ^ 2) AS m FROM noise) AS t GROUP BY m;
SELECT ok(sum(importance_gain * importance_weight) FILTER (WHERE feature = 'a') > 3 * sum(importance_gain * importance_weight) FILTER (WHERE feature <> 'a'), 'importance: what matters gains most')
FROM mlops.feature_importance('patient/latest');

-- samples: by seed and hash
SELECT pg_temp.fit('sample_a', 'noise', 'y', '{"n_estimators": 10, "subsample": 0.5, "colsample_bytree": 0.6}', ', seed => 1');
SELECT pg_temp.fit('sample_b', 'SELECT * FROM noise ORDER BY random()', 'y', '{"n_estimators": 10, "subsample": 0.5, "colsample_bytree": 0.6}', ', seed => 1');
SELECT pg_temp.fit('sample_c', 'noise', 'y', '{"n_estimators": 10, "subsample": 0.5, "colsample_bytree": 0.6}', ', seed => 2');
SELECT is(pg_temp.hash('sample_b'), pg_temp.hash('sample_a'), 'the same bits in any order of rows');
SELECT isnt(pg_temp.hash('sample_c'), pg_temp.hash('sample_a'), 'another seed, another sample');

-- offsets
SELECT pg_temp.fit('offset', 'SELECT id, x, y + id AS y, id::float8 AS o FROM groups', 'y', pg_temp.exactly(4, '{"init_score": "o"}'), $$, exclude => '{o}'$$);
SELECT cmp_ok(max(abs(mlops.predict('offset/latest', jsonb_build_object('x', x, 'o', 0)) - m)), '<', 1e-6::float8, 'an offset is no effect of the features') FROM (SELECT x, avg(y)::float8 AS m FROM groups GROUP BY x) AS g;

-- monotone constraints
CREATE TABLE wavy AS SELECT id, (hashint4(id) & 255)::float8 AS up, (hashint4(id * 3) & 255)::float8 AS down, (hashint4(id * 5) & 255)::float8 AS free FROM generate_series(1, 8000) AS id;
ALTER TABLE wavy ADD y float8;
UPDATE wavy SET y = up / 50 + 2 * sin(up / 10) - down / 50 + 2 * sin(down / 10) + 3 * sin(free / 20) + (hashint4(id * 7) & 255) / 100.0;
SELECT pg_temp.fit('wavy', 'wavy', 'y', '{"n_estimators": 40, "learning_rate": 0.2}');
SELECT pg_temp.fit('monotone', 'wavy', 'y', '{"n_estimators": 40, "learning_rate": 0.2, "monotone_constraints": "up: 1, down: -1"}');
CREATE FUNCTION pg_temp.violations(model text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT p - lag(p) OVER (PARTITION BY k, other ORDER BY v) AS rise, k
        FROM (SELECT k, v, other, CASE k WHEN 1 THEN 1 ELSE -1 END * CASE k WHEN 1 THEN mlops.predict(model, v::float8, other::float8, 100.0::float8)
            ELSE mlops.predict(model, other::float8, v::float8, 100.0::float8) END AS p
            FROM generate_series(1, 2) AS k, generate_series(0, 255) AS v, (VALUES (10), (130), (250)) AS o (other)) AS p) AS r WHERE rise < 0 $$;
SELECT cmp_ok(pg_temp.violations('wavy/latest'), '>', 50::bigint, 'without constraints predictions follow the waves');
SELECT is(pg_temp.violations('monotone/latest'), 0::bigint, 'with them they only rise or fall');
SELECT cmp_ok(mlops.r2(y, mlops.predict('monotone/latest', up, down, free)), '>', 0.5::float8, 'and still follow what may be followed') FROM wavy;

-- interaction constraints: what may not meet adds up
UPDATE wavy SET y = up * down / 5000 + up * free / 5000;
SELECT pg_temp.fit('meeting', 'wavy', 'y', '{"n_estimators": 30, "learning_rate": 0.3}');
SELECT pg_temp.fit('apart', 'wavy', 'y', '{"n_estimators": 30, "learning_rate": 0.3, "interaction_constraints": "up, free; down"}');
CREATE FUNCTION pg_temp.interaction(model text) RETURNS float8 LANGUAGE sql AS $$
    SELECT max(abs(mlops.predict(model, a::float8, b::float8, 100::float8) + mlops.predict(model, 0::float8, 0::float8, 100::float8)
        - mlops.predict(model, a::float8, 0::float8, 100::float8) - mlops.predict(model, 0::float8, b::float8, 100::float8))) FROM generate_series(0, 250, 25) AS a, generate_series(0, 250, 25) AS b $$;
SELECT cmp_ok(pg_temp.interaction('meeting/latest'), '>', 1::float8, 'without constraints features interact');
SELECT cmp_ok(pg_temp.interaction('apart/latest'), '<', 1e-9::float8, 'with them what may not meet adds up');

-- constraints as JSON, as XGBoost, LightGBM and scikit-learn take them
CREATE FUNCTION pg_temp.constrained(params jsonb) RETURNS float8[] LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_temp.fit('constrained', 'wavy', 'y', (params || '{"n_estimators": 5}')::text);
    RETURN (SELECT array_agg(mlops.predict('constrained/latest', up, down, free) ORDER BY id) FROM wavy WHERE id <= 500); END $$;
SELECT is(pg_temp.constrained('{"monotone_constraints": {"up": 1, "down": -1}}'), pg_temp.constrained('{"monotone_constraints": "up: 1, down: -1"}'), 'an object of directions');
SELECT isnt(pg_temp.constrained('{"monotonic_cst": {"up": 1, "down": -1}}'), pg_temp.constrained('{}'), '... under a synonym');
SELECT is(pg_temp.constrained('{"interaction_constraints": [["up", "free"], ["down"]]}'), pg_temp.constrained('{"interaction_constraints": "up, free; down"}'), 'an array of groups');
SELECT is(pg_temp.constrained('{"interaction_constraints": "[up, free], [down]"}'), pg_temp.constrained('{"interaction_constraints": "up, free; down"}'), '... in a text');
SELECT isnt(pg_temp.constrained('{"interaction_constraints": [["up", "free"], ["down"]]}'), pg_temp.constrained('{"interaction_constraints": [["up", "free", "down"]]}'), 'groups are told apart');
SELECT is(pg_temp.constrained('{"interaction_constraints": []}'), pg_temp.constrained('{}'), 'no groups, no constraints');
SELECT is(pg_temp.constrained('{"monotone_constraints": {}}'), pg_temp.constrained('{}'), 'no directions, no constraints');
-- names that hold what separates names, and elements of vectors
CREATE TABLE odd_names AS SELECT id, y, up AS "up: 1, down", down AS "d""\; [x]", ARRAY[free, up] AS v FROM wavy;
CREATE TABLE plain_names AS SELECT id, y, up AS a, down AS b, ARRAY[free, up] AS c FROM wavy;
CREATE FUNCTION pg_temp.named(source text, params jsonb) RETURNS float8[] LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_temp.fit('named', source, 'y', (params || '{"n_estimators": 5}')::text);
    RETURN (SELECT array_agg(mlops.predict('named/latest', up, down, ARRAY[free, up]) ORDER BY id) FROM wavy WHERE id <= 500); END $$;
SELECT is(pg_temp.named('odd_names', '{"monotone_constraints": {"up: 1, down": -1, "d\"\\; [x]": 1, "v[2]": -1}}'),
    pg_temp.named('plain_names', '{"monotone_constraints": {"a": -1, "b": 1, "c[2]": -1}}'), 'directions of features with odd names');
SELECT is(pg_temp.named('plain_names', '{"monotone_constraints": "a: -1, b: 1, c[2]: -1"}'),
    pg_temp.named('plain_names', '{"monotone_constraints": {"a": -1, "b": 1, "c[2]": -1}}'), '... of elements of a vector, as a text');
SELECT isnt(pg_temp.named('plain_names', '{"monotone_constraints": "a: -1, b: 1, c[2]: -1"}'),
    pg_temp.named('plain_names', '{"monotone_constraints": {"a": -1, "b": 1}}'), '... which count');
SELECT is(pg_temp.named('odd_names', '{"interaction_constraints": [["up: 1, down", "v[1]"], ["d\"\\; [x]", "v[2]"]]}'),
    pg_temp.named('plain_names', '{"interaction_constraints": "a, c[1]; b, c[2]"}'), 'groups of features with odd names');

-- parameters
SELECT is(pg_temp.failure(format($$SELECT mlops.train('m', 'groups', target => 'y', key => 'id', params => %L)$$, params)) ~ expected, true, what)
FROM (VALUES ('{"num_leafs": 3}', '^22023 .*num_leafs.*num_leaves', 'an unknown parameter: the nearest known one'),
    ('{"learning_rate": 0}', '^22023 .*"learning_rate".*(0 |1e-06)', 'learning_rate 0'),
    ('{"learning_rate": "fast"}', '^22023 .*"learning_rate"', 'a word for a number'),
    ('{"num_leaves": 1}', '^22023 .*"num_leaves".*2', 'one leaf'),
    ('{"num_leaves": 3.5}', '^22023 .*"num_leaves"', 'half a leaf'),
    ('{"subsample": 1.5}', '^22023 .*"subsample".*1', 'more rows than there are'),
    ('{"max_bin": 300}', '^22023 .*"max_bin".*255', 'more bins than a byte has'),
    ('{"min_child_samples": 0}', '^22023 .*"min_child_samples"', 'empty leaves'),
    ('{"objective": "hinge"}', '^22023 .*"objective".*poisson', 'an objective that does not exist'),
    ('{"objective": "log_loss"}', '^22023 .*"log_loss" does not fit regression', 'an objective of classes'),
    ('{"eta": 0.1, "learning_rate": 0.2}', '^22023 .*learning_rate', 'a parameter under two names'),
    ('{"monotone_constraints": "z: 1"}', '^22023 .*"?z"?', 'a constraint on a feature that is not there'),
    ('{"monotone_constraints": [1]}', '^22023 .*cannot be read at "1".*price: -1', 'constraints without names'),
    ('{"monotone_constraints": {"x": true}}', '^22023 .*"x" a direction', 'a constraint that is no direction'),
    ('{"monotone_constraints": "x: up"}', '^22023 ', 'a constraint without a direction'),
    ('{"monotone_constraints": "x: 1, x: -1"}', '^22023 .*"x" two directions', 'constraints that contradict each other'),
    ('{"interaction_constraints": {"x": "word"}}', '^22023 .*cannot be read at .*x.*price, area; age, sex', 'an object of groups'),
    ('{"monotone_constraints": "word: 1"}', '^(22023|0A000) .*word', 'a constraint on a category'),
    ('{"interaction_constraints": "x, z"}', '^22023 .*"?z"?', 'a group with a feature that is not there')) AS v (params, expected, what);
SELECT matches(pg_temp.failure($$SELECT mlops.train('m', 'SELECT id, x, b FROM groups', target => 'b', key => 'id', params => '{"objective": "poisson"}')$$),
    '^22023 objective "poisson" does not fit binary', 'an objective of numbers');
SELECT matches(pg_temp.failure($$SELECT mlops.train('m', 'SELECT id, x, n FROM groups', target => 'n', key => 'id', task => 'regression', params => '{"objective": "gamma"}')$$),
    '^22023 .*outside the range of this objective.*above 0', 'gamma of zero');
SELECT matches(pg_temp.failure($$SELECT mlops.train('m', 'SELECT id, x, -y AS y FROM groups', target => 'y', key => 'id', params => '{"objective": "tweedie"}')$$),
    '^22023 .*outside the range of this objective', 'tweedie of negative numbers');
SELECT pg_temp.fit('names', 'groups', 'y', '{"num_iterations": 7, "eta": 0.3, "max_leaves": 5, "lambda_l2": 2, "lambda_l1": 0.1, "bagging_fraction": 0.9, "feature_fraction": 0.8, "min_data_in_leaf": 3}');
SELECT is((SELECT jsonb_object_agg(key, value) FROM jsonb_each(mlops.model_value('names/latest')::jsonb -> 'params')
    WHERE key IN ('n_estimators', 'learning_rate', 'num_leaves', 'reg_lambda', 'reg_alpha', 'subsample', 'colsample_bytree', 'min_child_samples')),
    '{"n_estimators": 7, "learning_rate": 0.3, "num_leaves": 5, "reg_lambda": 2, "reg_alpha": 0.1, "subsample": 0.9, "colsample_bytree": 0.8, "min_child_samples": 3}'::jsonb, 'synonyms become the one name');
SELECT is((SELECT algorithm FROM mlops.train('plain', 'SELECT id, x, y FROM groups', target => 'y', key => 'id')), 'gbm', 'gbm is the default');

SELECT * FROM finish();
