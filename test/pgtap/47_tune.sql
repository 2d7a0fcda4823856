-- Searches: what is tried, what is chosen, what is registered.

SELECT plan(44);
SET client_min_messages = warning;

-- a curve whose best power is known: the search must find it, by either strategy
CREATE TEMP TABLE rows AS
SELECT i AS id, (hashint4(i) % 1000) / 100.0 AS x1, (hashint4(i + 50000) % 1000) / 100.0 AS x2,
	2 * ((hashint4(i) % 1000) / 100.0) + (hashint4(i + 90000) % 1000) / 50.0 AS y
FROM generate_series(1, 600) AS i;
CREATE TEMP TABLE grid AS SELECT * FROM mlops.tune('grid', 'rows', 'y', 'linear',
	'{"reg_lambda": [1000000, 0, 100000], "fit_intercept": [true, false]}', 'grid', folds => 4, key => 'id', metric => 'root_mean_squared_error');
SELECT is(trials, 6, 'every combination') FROM grid;
SELECT is(array_agg(hyperparameters ORDER BY trial_id), ARRAY['{"reg_lambda": 1000000, "fit_intercept": true}', '{"reg_lambda": 1000000, "fit_intercept": false}',
	'{"reg_lambda": 0, "fit_intercept": true}', '{"reg_lambda": 0, "fit_intercept": false}',
	'{"reg_lambda": 100000, "fit_intercept": true}', '{"reg_lambda": 100000, "fit_intercept": false}']::jsonb[], 'each once') FROM mlops.trials WHERE model = 'grid';
SELECT is(hyperparameters ->> 'reg_lambda', '0', 'an absurd penalty is not chosen') FROM grid;
SELECT is(array_agg(t.trial_id), array_agg(g.best_trial), 'one trial is optimal: the one of the result') FROM grid AS g, mlops.trials AS t
WHERE t.model = 'grid' AND is_optimal;
SELECT is(g.value, (SELECT min((hparam_tuning_evaluation_metrics ->> 'root_mean_squared_error')::float8) FROM mlops.trials WHERE model = 'grid'),
	'it has the least error') FROM grid AS g;
SELECT ok(bool_and(status = 'SUCCEEDED' AND eval_loss > 0 AND training_loss > 0 AND version = 1 AND author = CURRENT_USER AND error_message IS NULL),
	'what a trial says of itself') FROM mlops.trials WHERE model = 'grid';
SELECT ok(bool_and(abs(eval_loss - (hparam_tuning_evaluation_metrics ->> 'mean_squared_error')::float8) < 1e-9), 'eval_loss is the squared error')
FROM mlops.trials WHERE model = 'grid';

-- a trial is a cross-validation of the training rows
SELECT version FROM mlops.train('all', 'rows', target => 'y', algorithm => 'linear', key => 'id', split => '"none"');
CREATE TEMP TABLE whole AS SELECT * FROM mlops.tune('whole', 'rows', 'y', 'linear', '{"reg_lambda": [1, 10]}', 'grid', folds => 4, key => 'id', split => '"none"');
SELECT ok(abs(w.value - (SELECT mean FROM mlops.cross_validate('rows', 'y', 'linear', w.hyperparameters, folds => 4, key => 'id') WHERE metric = 'r2_score')) < 1e-15,
	'without held-out rows: the same as mlops.cross_validate') FROM whole AS w;
SELECT is(metric, 'r2_score', 'the metric of regressions') FROM whole;
SELECT is((SELECT count(*) FROM mlops.metrics AS m WHERE m.run_uuid = w.run_id), 0::bigint, 'nothing held out: no metrics') FROM whole AS w;

-- what is registered is a plain training with these parameters
SELECT t.version FROM grid AS g, mlops.train('plain', 'rows', target => 'y', algorithm => 'linear', params => g.hyperparameters, key => 'id') AS t;
SELECT is((SELECT model_sha256 FROM mlops.versions WHERE model = 'plain'), (SELECT model_sha256 FROM mlops.versions WHERE model = 'grid'),
	'the same bytes as mlops.train');
SELECT is((SELECT metrics FROM mlops.versions WHERE model = 'plain'), g.metrics, '... and its metrics of the held-out rows') FROM grid AS g;
SELECT is((SELECT tags FROM mlops.versions WHERE model = 'grid'), jsonb_build_object('tuning_id', g.tuning_id), 'the version names the search') FROM grid AS g;
SELECT is((SELECT arguments -> 'params' FROM mlops.runs WHERE run_uuid = g.run_id), g.hyperparameters, 'the run can be repeated by mlops.train') FROM grid AS g;

-- held-out rows take no part
SELECT is((SELECT sum((hparam_tuning_evaluation_metrics ->> 'rows')::float8) * 4 FROM mlops.trials WHERE model = 'grid' AND trial_id = 1),
	600 - (SELECT value FROM mlops.evaluate('grid/1') WHERE metric = 'rows'), 'trials use the training rows');

-- random draws
CREATE TEMP TABLE random AS SELECT * FROM mlops.tune('random', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0.01, "max": 100, "scale": "log"}}', n_trials => 6, holdout => 0.3, key => 'id');
SELECT is(count(DISTINCT hyperparameters), 6::bigint, 'six different draws') FROM mlops.trials WHERE model = 'random';
SELECT ok(bool_and((hyperparameters ->> 'reg_lambda')::float8 BETWEEN 0.01 AND 100), 'within the range') FROM mlops.trials WHERE model = 'random';
SELECT ok(abs(avg(ln((hyperparameters ->> 'reg_lambda')::float8))) < 4 * 4.6 / sqrt(12 * 6) * 2, 'about even on the scale of logarithms') FROM mlops.trials WHERE model = 'random';
SELECT version FROM mlops.tune('random2', 'SELECT * FROM rows ORDER BY x2', 'y', 'linear', '{"reg_lambda": {"min": 0.01, "max": 100, "scale": "log"}}', n_trials => 9, holdout => 0.3, key => 'id');
SELECT results_eq($$SELECT trial_id, hyperparameters, hparam_tuning_evaluation_metrics FROM mlops.trials WHERE model = 'random2' AND trial_id <= 6 ORDER BY 1$$,
	$$SELECT trial_id, hyperparameters, hparam_tuning_evaluation_metrics FROM mlops.trials WHERE model = 'random' ORDER BY 1$$,
	'a longer search begins with the shorter, whatever the order of rows');
SELECT version FROM mlops.tune('random3', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0.01, "max": 100, "scale": "log"}}', n_trials => 6, holdout => 0.3, key => 'id', seed => 1);
SELECT is_empty($$SELECT hyperparameters FROM mlops.trials WHERE model = 'random3' INTERSECT SELECT hyperparameters FROM mlops.trials WHERE model = 'random'$$,
	'another seed draws others');
SELECT is(trials, 3, 'a random search of a small space tries all of it')
FROM mlops.tune('small', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 1, "steps": 3}}', n_trials => 50, key => 'id');
SELECT version FROM mlops.tune('steps', 'crm.customers', 'churn', 'logistic', '{"max_iter": {"min": 10, "max": 100, "scale": "log", "steps": 3}}', 'grid',
	folds => 2, features => '{tenure,contract}', key => 'customer_id');
SELECT is(array_agg(hyperparameters ->> 'max_iter' ORDER BY trial_id), '{10,32,100}', 'steps of a logarithmic range of integers')
FROM mlops.trials WHERE model = 'steps';

-- trials that fail are recorded, and the search goes on
CREATE TEMP TABLE failing AS SELECT * FROM mlops.tune('failing', 'SELECT id, x1, y - 5 AS y FROM rows', 'y', 'glm', '{"family": ["gaussian", "gamma"]}', 'grid', folds => 2, key => 'id');
SELECT results_eq($$SELECT status, error_message IS NOT NULL, is_optimal, hparam_tuning_evaluation_metrics IS NULL FROM mlops.trials WHERE model = 'failing' ORDER BY trial_id$$,
	$$VALUES ('SUCCEEDED', false, true, false), ('FAILED', true, false, true)$$, 'a gamma regression does not take negative values');
SELECT throws_ok($$SELECT * FROM mlops.tune('nothing', 'SELECT id, x1, y - 5 AS y FROM rows', 'y', 'glm', '{"family": ["gamma"]}', 'grid', folds => 2, key => 'id')$$,
	'22000', 'no trial for model "nothing" succeeded', 'nothing succeeded');

-- going on: the same id, more trials
SELECT version FROM mlops.tune('more', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 50}}', n_trials => 3, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001');
CREATE TEMP TABLE before AS SELECT * FROM mlops.trials WHERE model = 'more';
SELECT is(m.version, 2, 'with more trials there is another version')
FROM mlops.tune('more', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 50}}', n_trials => 5, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001') AS m;
SELECT is_empty($$SELECT trial_id, seconds FROM before EXCEPT SELECT trial_id, seconds FROM mlops.trials WHERE model = 'more'$$, 'the first three were not run again');
SELECT is(count(*), 5::bigint, 'two more were') FROM mlops.trials WHERE model = 'more';
SELECT is_empty($$SELECT * FROM mlops.tune('more', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 50}}', n_trials => 5, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001')$$,
	'nothing is left to do, and no version is added');
SELECT throws_ok($$SELECT * FROM mlops.tune('more', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 51}}', n_trials => 5, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001')$$,
	'22023', 'tuning "a0000000-0000-0000-0000-000000000001" was begun with other arguments', 'another space is another search');
UPDATE rows SET x1 = x1 + 1 WHERE id = 1;
SELECT throws_ok($$SELECT * FROM mlops.tune('more', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 50}}', n_trials => 5, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001')$$,
	'22023', 'the rows of tuning "a0000000-0000-0000-0000-000000000001" have changed since it was begun', 'so are other rows');

-- who sees them
DROP ROLE IF EXISTS tune_stranger;
CREATE ROLE tune_stranger;
GRANT SELECT ON rows TO tune_stranger;
GRANT tune_stranger TO CURRENT_USER;
SET ROLE tune_stranger;
SELECT is_empty($$SELECT * FROM mlops.trials$$, 'trials are those of one''s own searches');
SELECT throws_ok($$SELECT * FROM mlops.tune('mine', 'rows', 'y', 'linear', '{"reg_lambda": {"min": 0, "max": 50}}', n_trials => 5, key => 'id', tuning_id => 'a0000000-0000-0000-0000-000000000001')$$,
	'42501', 'permission denied for tuning "a0000000-0000-0000-0000-000000000001"', 'nobody goes on with another''s');
RESET ROLE;
SELECT mlops.grant_access('grid', 'tune_stranger', 'read');
SET ROLE tune_stranger;
SELECT is(count(*), 6::bigint, '... and those of models one may read') FROM mlops.trials;
RESET ROLE;

-- mistakes
CREATE FUNCTION pg_temp.try(space jsonb, strategy text DEFAULT 'grid', n_trials int DEFAULT NULL, metric text DEFAULT NULL, folds int DEFAULT NULL, holdout float8 DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.tune('wrong', 'rows', 'y', 'linear', space, strategy, n_trials, metric, folds, holdout, params, key => 'id');
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
SELECT is(pg_temp.try('{}'), 'argument "space" must be a JSON object with at least one parameter', 'an empty space');
SELECT matches(pg_temp.try('{"reg_lamda": [1]}'), 'unknown parameter "reg_lamda"', 'an unknown parameter');
SELECT is(pg_temp.try('{"reg_lambda": {"min": 1, "max": 2}}'), 'a grid needs values for parameter "reg_lambda", not a range', 'a grid over a range');
SELECT is(pg_temp.try('{"reg_lambda": {"min": 2, "max": 1}}', 'random'), 'range of parameter "reg_lambda" has a "min" that is not below its "max"', 'an empty range');
SELECT is(pg_temp.try('{"reg_lambda": {"min": 0, "max": 1, "scale": "log"}}', 'random'), 'range of parameter "reg_lambda" has a logarithmic scale, but a "min" that is not positive', 'the logarithm of 0');
SELECT matches(pg_temp.try('{"reg_lambda": [-1]}'), 'must be at least 0', 'a value out of range, before any row is read');
SELECT matches(pg_temp.try('{"reg_lambda": [1]}', params => '{"l2": 3}'), 'given more than once', 'searched and fixed');
SELECT is(pg_temp.try('{"reg_lambda": [1, 2, 3]}', n_trials => 2), 'the grid has more than 2 combinations', 'a grid too large');
SELECT matches(pg_temp.try('{"reg_lambda": [1]}', metric => 'rmse') || pg_temp.try('{"reg_lambda": [1]}', 'bayes') || pg_temp.try('{"reg_lambda": [1]}', folds => 3, holdout => 0.2)
	|| pg_temp.try('{"reg_lambda": [1]}', holdout => 1) || pg_temp.try('{"reg_lambda": [1]}', n_trials => 0)
	|| pg_temp.try('{"reg_lambda": [1]}', n_trials => 1001),
	'metric "rmse" cannot be searched by.*strategy "bayes" is not known.*"folds" and "holdout" cannot both be given.*must be above 0 and at most 0.9, not 1.*"n_trials" must be between 1 and 1000, not 0.*not 1001',
	'one clear error each');
SELECT is(pg_temp.try('{"reg_lambda": [1]}', metric => 'roc_auc'), 'no trial for model "wrong" succeeded', 'a metric of another task');
SELECT throws_ok($$CALL mlops.run_tuning(NULL, 'wrong', 'rows', 'y', 'linear', '{"reg_lambda": [1]}', key => 'id')$$, '2D000',
	'mlops.run_tuning cannot run inside a transaction block', 'the procedure needs its own transactions');

SELECT mlops.revoke_access('grid', 'tune_stranger', 'read');
DROP OWNED BY tune_stranger;
DROP ROLE tune_stranger;
