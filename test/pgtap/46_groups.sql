-- Groups stay whole inside the training rows of a split by group, too: in folds of target encodings, of calibration and of
-- elastic_net, and in what early stopping holds out. The target is a coin for each household, which nothing predicts in another one.
SELECT plan(11);
SET client_min_messages = warning;

CREATE TABLE coins AS
SELECT h * 20 + i AS id, h, 'h' || h AS name, heads, CASE WHEN heads THEN 1 ELSE 0 END + (h * 7919 % 101) / 1e6 AS y,
       (h * 104729 % 9973) / 9973.0 AS x1, (h * 1299709 % 9941) / 9941.0 AS x2, sin(h * i) AS x3
FROM (SELECT h, hashint4(h * 31 + 7) % 2 = 0 AS heads FROM generate_series(1, 400) AS h) AS household, generate_series(1, 20) AS i;

CREATE FUNCTION pg_temp.loss(algorithm text, params jsonb, calibrate text, features text[]) RETURNS float8 LANGUAGE sql AS $$
SELECT (metrics ->> 'log_loss')::float8 FROM mlops.train('coins', 'coins', 'heads', algorithm, params, features => features, key => 'id',
	split => '{"method": "group", "column": "h", "test": 0.3}', calibrate => calibrate) $$;

-- what is learned by heart must look worthless to what is learned about it
SELECT cmp_ok(pg_temp.loss('gbm', '{"n_estimators": 60, "num_leaves": 63, "learning_rate": 0.3, "min_child_samples": 5}', NULL, '{x1,x2,x3}'), '>', 0.9::float8, 'trees learn households by heart');
SELECT cmp_ok(pg_temp.loss('gbm', '{"n_estimators": 60, "num_leaves": 63, "learning_rate": 0.3, "min_child_samples": 5}', 'platt', '{x1,x2,x3}'), '<', 0.72::float8, 'calibration sees that this is worth nothing in another household');
SELECT cmp_ok(pg_temp.loss('gbm', '{"n_estimators": 60, "num_leaves": 63, "learning_rate": 0.3, "min_child_samples": 5}', 'isotonic', '{x1,x2,x3}'), '<', 0.75::float8, '... as a staircase, too');

SELECT cmp_ok(pg_temp.loss('gbm', '{"n_estimators": 200, "early_stopping_rounds": 5, "validation_fraction": 0.3}', NULL, '{x1,x2,x3}'), '<', 0.75::float8, 'early stopping stops early');
SELECT cmp_ok((SELECT max(iteration) FROM mlops.training_info('coins/latest')), '<', 60, '... after a few trees');

-- the name of a household says nothing about another one
SELECT cmp_ok(pg_temp.loss('logistic', '{}', NULL, '{name,x3}'), '<', 0.72::float8, 'target encoding does no harm');
SELECT ok(coalesce(p_value > 1e-4 OR estimate < 0, true), '... and has no effect') FROM mlops.coefficients('coins/latest') WHERE term = 'name.target';
SELECT is(count(*), 1::bigint, '... although it is a term') FROM mlops.features('coins/latest') WHERE feature = 'name' AND transform LIKE '%target%';

-- elastic_net chooses its penalty: terms of the household fit each household that is known
SELECT cmp_ok((metrics ->> 'r2_score')::float8, '>', -0.02::float8, 'the penalty is chosen for other households')
FROM mlops.train('coins_y', $$SELECT id, h, y, ARRAY(SELECT sin(h * k * 1.7 + k) FROM generate_series(1, 60) AS k) AS v FROM coins$$, 'y', 'elastic_net',
	key => 'id', split => '{"method": "group", "column": "h", "test": 0.3}');
SELECT cmp_ok(estimate, '<', 0.02::float8, '... that is, a large one') FROM (SELECT max(abs(estimate)) AS estimate FROM mlops.coefficients('coins_y/latest') WHERE term LIKE 'v%') AS largest;

-- too few groups make no folds
SELECT cmp_ok(rows_train, '>', 0::bigint, 'few groups: rows are on their own')
FROM mlops.train('few', 'SELECT id, h % 4 AS site, heads, x3 FROM coins', 'heads', 'logistic', key => 'id', split => '{"method": "group", "column": "site", "test": 0.3}',
	transform => '{"x3": {"bins": 4}}', calibrate => 'platt');

SELECT finish();
