-- random_forest and decision_tree: quality against scikit-learn, the same model for any order of rows and number of processes
BEGIN;
SELECT plan(40);
SET client_min_messages = warning;

CREATE TABLE oracle ("case" text, name text, value float8);
SELECT format('\copy oracle FROM %L WITH (FORMAT csv, HEADER true)', :'datadir' || '/../oracle/sklearn_forest.csv') AS copy \gset
:copy

-- mean of a metric over the folds of test/oracle/sklearn_forest.py
CREATE FUNCTION fold_mean(source text, number text, key text, target text, metric text, params jsonb, folds int[], algorithm text = 'random_forest') RETURNS float8
LANGUAGE sql AS $$
	SELECT avg((t.metrics ->> metric)::float8)
	FROM unnest(folds) AS fold,
		mlops.train('fold', format('SELECT *, %s %% 5 = %s AS is_test FROM %s', number, fold, source), target => target, key => key, algorithm => algorithm,
			split => '{"method": "column", "column": "is_test"}', params => params) AS t
$$;
CREATE FUNCTION oracle_value(c text, n text) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT value FROM oracle WHERE "case" = c AND name = n';
-- AUC not worse by more than 0.005, RMSE not by more than 1 %, apart from two deviations between seeds
CREATE FUNCTION auc_as_good(c text, found float8) RETURNS text LANGUAGE sql AS $$
	SELECT cmp_ok(found, '>', oracle_value(c, 'auc') - 0.005 - 2 * oracle_value(c, 'spread') / sqrt(5), c)
$$;
CREATE FUNCTION rmse_as_good(c text, found float8) RETURNS text LANGUAGE sql AS $$
	SELECT cmp_ok(found, '<', 1.01 * oracle_value(c, 'rmse') + 2 * oracle_value(c, 'spread'), c)
$$;

SELECT auc_as_good('pima_1', fold_mean('test.pima_diabetes', 'id', 'id', 'diabetes', 'roc_auc', '{"min_samples_leaf": 1, "n_estimators": 300}', '{0,1,2,3,4}'));
SELECT auc_as_good('pima_5', fold_mean('test.pima_diabetes', 'id', 'id', 'diabetes', 'roc_auc', '{"min_samples_leaf": 5, "n_estimators": 300}', '{0,1,2,3,4}'));
SELECT auc_as_good('telco_1', fold_mean('crm.customers', 'substr(customer_id, 2)::int', 'customer_id', 'churn', 'roc_auc', '{"min_samples_leaf": 1}', '{0,1,2,3,4}'));
SELECT auc_as_good('telco_10', fold_mean('crm.customers', 'substr(customer_id, 2)::int', 'customer_id', 'churn', 'roc_auc', '{"min_samples_leaf": 10}', '{0,1,2,3,4}'));
SELECT rmse_as_good('ames_third', fold_mean('test.ames', 'id', 'id', 'sale_price', 'root_mean_squared_error', '{"min_samples_leaf": 1, "max_features": 0.333}', '{0,1,2,3,4}'));
SELECT rmse_as_good('ames_all', fold_mean('test.ames', 'id', 'id', 'sale_price', 'root_mean_squared_error', '{"min_samples_leaf": 1, "max_features": 1}', '{0,1,2,3,4}'));
SELECT rmse_as_good('diamonds_all', fold_mean('test.diamonds', 'id', 'id', 'price', 'root_mean_squared_error', '{"min_samples_leaf": 5, "max_features": 1}', '{0}'));
SELECT rmse_as_good('diamonds_tree', fold_mean('test.diamonds', 'id', 'id', 'price', 'root_mean_squared_error', '{"min_samples_leaf": 20}', '{0}', 'decision_tree'));

-- defaults are no worse than the best of these
SELECT cmp_ok(fold_mean('crm.customers', 'substr(customer_id, 2)::int', 'customer_id', 'churn', 'roc_auc', '{}', '{0,1,2,3,4}'), '>', oracle_value('telco_1', 'auc') + 0.01, 'telco: defaults');
SELECT cmp_ok(fold_mean('test.pima_diabetes', 'id', 'id', 'diabetes', 'roc_auc', '{}', '{0,1,2,3,4}'), '>', oracle_value('pima_5', 'auc') - 0.005, 'pima: defaults');
SELECT cmp_ok(fold_mean('test.ames', 'id', 'id', 'sale_price', 'root_mean_squared_error', '{}', '{0,1,2,3,4}'), '<', oracle_value('ames_third', 'rmse'), 'ames: defaults');
SELECT cmp_ok(fold_mean('test.diamonds', 'id', 'id', 'price', 'root_mean_squared_error', '{}', '{0}'), '<', 1.01 * oracle_value('diamonds_all', 'rmse'), 'diamonds: defaults');

-- an isolation forest finds rows as well as scikit-learn's does
CREATE TABLE points AS
SELECT i, i % 100 = 0 AS planted, sin(i * 12.9898) * 2 + (i % 100 = 0)::int * 2.5 AS a, cos(i * 78.233) * 2 - (i % 100 = 0)::int * 2 AS b, sin(i * 45.164) * 2 AS c
FROM generate_series(1, 3000) AS i;
CREATE TABLE found AS
SELECT seed, (SELECT version FROM mlops.train('odd', 'points', algorithm => 'isolation_forest', key => 'i', exclude => '{planted}', split => '"none"', seed => s.seed))
FROM generate_series(1, 5) AS s(seed);
SELECT cmp_ok(avg(auc), '>', oracle_value('isolation', 'auc') - 2 * oracle_value('isolation', 'spread') / sqrt(5), 'isolation forest')
FROM (SELECT mlops.roc_auc(planted, mlops.predict('odd/' || version, p)) AS auc FROM found, points AS p GROUP BY version) AS t;

-- any physical order of rows, duplicates included, and any number of processes
CREATE TABLE rows_1 AS SELECT carat, cut, color, clarity, depth, price FROM test.diamonds WHERE id % 2 = 0
UNION ALL SELECT carat, cut, color, clarity, depth, price FROM test.diamonds WHERE id % 6 = 0;
CREATE TABLE rows_2 AS SELECT * FROM rows_1 ORDER BY md5(rows_1::text) DESC;
ANALYZE rows_1;
ANALYZE rows_2;
CREATE FUNCTION sha(source text, target text, algorithm text, params jsonb, workers int, weight text = NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('mlops.train_workers', workers::text, true);
	PERFORM mlops.train('same', source, target => target, algorithm => algorithm, params => params, weight => weight);
	RETURN (SELECT model_sha256 FROM mlops.versions WHERE model = 'same' ORDER BY version DESC LIMIT 1);
END $$;
SELECT is(sha('rows_2', 'price', 'random_forest', '{"n_estimators": 12}', 2), sha('rows_1', 'price', 'random_forest', '{"n_estimators": 12}', 0), 'regression');
SELECT is(sha('rows_2', 'cut', 'random_forest', '{"n_estimators": 6, "max_depth": 9}', 2), sha('rows_1', 'cut', 'random_forest', '{"n_estimators": 6, "max_depth": 9}', 0), 'classes');
SELECT is(sha('rows_2', 'price', 'random_forest', '{"n_estimators": 6}', 1, 'depth'), sha('rows_1', 'price', 'random_forest', '{"n_estimators": 6}', 0, 'depth'), 'weights');
SELECT is(sha('rows_2', 'price', 'decision_tree', '{}', 2), sha('rows_1', 'price', 'decision_tree', '{}', 0), 'decision tree');
SELECT isnt(sha('rows_1', 'price', 'random_forest', '{"n_estimators": 12, "max_features": 2}', 0), sha('rows_1', 'price', 'random_forest', '{"n_estimators": 12}', 0), 'parameters do matter');
SET mlops.train_workers = DEFAULT;

-- out of bag: as on held-out rows
SELECT count(*) FROM mlops.train('prices', 'test.diamonds', target => 'price', key => 'id', algorithm => 'random_forest', params => '{"n_estimators": 50}');
SELECT cmp_ok(abs(oob.value / held.value - 1), '<', 0.1::float8, 'out-of-bag error and held-out error are alike')
FROM mlops.fit_statistics('prices/latest') AS oob, mlops.evaluate('prices/latest') AS held WHERE oob.statistic = 'oob_error' AND held.metric = 'mean_squared_error';
SELECT cmp_ok(oob.value, '>', 0.97::float8, 'oob_score') FROM mlops.fit_statistics('prices/latest') AS oob WHERE statistic = 'oob_score';
SELECT is(oob.value, r.value, 'all rows are outside some sample') FROM mlops.fit_statistics('prices/latest') AS oob, mlops.fit_statistics('prices/latest') AS r
WHERE oob.statistic = 'oob_rows' AND r.statistic = 'rows';
SELECT is((SELECT feature FROM mlops.feature_importance('prices/latest') ORDER BY importance_gain * importance_weight DESC LIMIT 1) IN ('carat', 'y', 'x', 'z'), true, 'size is what matters');

-- many random categories tell nothing
CREATE TABLE noise AS SELECT i, 'level ' || (hashint4(i) & 2147483647) % 5000 AS level, (hashint4(i + 1000000) & 1) = 0 AS y FROM generate_series(1, 60000) AS i;
SELECT cmp_ok(abs((metrics ->> 'roc_auc')::float8 - 0.5), '<', 0.03::float8, 'a random category of 5,000 values') FROM mlops.train('noise', 'noise', target => 'y', key => 'i', algorithm => 'random_forest', params => '{"n_estimators": 20}');
SELECT cmp_ok(abs(value - 0.5), '<', 0.03::float8, 'and its out-of-bag error') FROM mlops.fit_statistics('noise/latest') WHERE statistic = 'oob_error';

-- classes
SELECT count(*) FROM mlops.train('cuts', 'test.diamonds', target => 'cut', key => 'id', algorithm => 'random_forest', params => '{"n_estimators": 20}');
SELECT cmp_ok(max(abs((SELECT sum(p) FROM unnest(mlops.predict_proba('cuts/latest', d)) AS p) - 1)), '<', 1e-14::float8, 'probabilities add up to 1') FROM test.diamonds AS d WHERE id % 500 = 0;
SELECT cmp_ok(avg((mlops.predict_label('cuts/latest', d) = cut)::int), '>', 0.75, 'labels') FROM test.diamonds AS d WHERE id % 50 = 0;
SELECT cmp_ok(abs(b.attribution + sum(a.attribution) - p.p), '<', 1e-9::float8, 'attributions add up to the probability of the class')
FROM (SELECT d, mlops.predict_proba('cuts/latest', d) AS all_p FROM test.diamonds AS d WHERE id = 77) AS d,
	LATERAL (SELECT max(x) AS p FROM unnest(d.all_p) AS x) AS p,
	LATERAL (SELECT attribution FROM mlops.explain('cuts/latest', d.d) WHERE feature = '(baseline)') AS b,
	LATERAL mlops.explain('cuts/latest', d.d) AS a
WHERE a.feature <> '(baseline)' GROUP BY b.attribution, p.p;
SELECT count(*) FROM mlops.train('bal', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'random_forest', params => '{"class_weight": "balanced"}');
SELECT count(*) FROM mlops.train('raw', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'random_forest', calibrate => 'platt');
SELECT cmp_ok(avg(mlops.predict('bal/latest', c)), '>', avg(mlops.predict('raw/latest', c)) + 0.05, 'balanced classes') FROM crm.customers AS c;
SELECT ok(bool_and(mlops.predict('bal/latest', c) BETWEEN 0 AND 1), 'probabilities') FROM crm.customers AS c;

-- refit, verify, a limit on leaves
SELECT results_eq($$SELECT rows_train FROM mlops.train('again', 'test.pima_diabetes', target => 'diabetes', key => 'id', algorithm => 'random_forest', split => '{"test": 0.3, "refit": true}', params => '{"max_features": "log2"}')$$,
	$$VALUES (768::bigint)$$, 'refit on all rows');
SELECT ok(model_identical, 'trained again: the same bytes') FROM mlops.verify('again/latest');
SELECT is((SELECT max(value) FROM mlops.fit_statistics('again/latest') WHERE statistic = 'oob_rows'), 768::float8, 'statistics are those of the second fit');
SELECT count(*) FROM mlops.train('small', 'test.diamonds', target => 'price', key => 'id', algorithm => 'decision_tree', params => '{"max_leaf_nodes": 40, "ccp_alpha": 1000}');
SELECT cmp_ok(count(DISTINCT mlops.predict('small/latest', d)), '<=', 40::bigint, 'max_leaf_nodes') FROM test.diamonds AS d;
SELECT cmp_ok(sum(importance_weight), '>', 10::float8, 'but more than a few') FROM mlops.feature_importance('small/latest');

-- mistakes
SELECT throws_like($$SELECT mlops.train('bad', 'test.pima_diabetes', target => 'diabetes', algorithm => 'random_forest', params => '{"max_features": "auto"}')$$, '%max_features%sqrt|log2%', 'a word that is none');
SELECT throws_like($$SELECT mlops.train('bad', 'test.pima_diabetes', target => 'diabetes', algorithm => 'random_forest', params => '{"max_features": 0}')$$, '%max_features%', 'no features');
SELECT throws_like($$SELECT mlops.train('bad', 'test.pima_diabetes', target => 'diabetes', algorithm => 'decision_tree', params => '{"n_estimators": 10}')$$, 'unknown parameter "n_estimators"%', 'a tree has no trees');
SELECT lives_ok($$SELECT mlops.train('words', 'test.pima_diabetes', target => 'diabetes', algorithm => 'random_forest', params => '{"ntree": 10, "mtry": 3, "nodesize": 4}')$$, 'names that users of other programs know');
SELECT throws_like($$SELECT mlops.train('bad', 'SELECT id, price * 1e200 AS y, carat FROM test.diamonds', target => 'y', algorithm => 'decision_tree')$$, '%too large for trees', 'a target that overflows');
SELECT throws_like($$SELECT mlops.train('bad', 'test.pima_diabetes', target => 'diabetes', task => 'anomaly', algorithm => 'random_forest')$$, '%does not do anomaly', 'another task');
ROLLBACK;
