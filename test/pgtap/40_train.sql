-- mlops.train: what it promises about arguments, order of rows, weights, splits, thresholds and calibration.

SELECT plan(61);
SET client_min_messages = warning;

-- a model's bytes
CREATE FUNCTION pg_temp.sha(model text, version int) RETURNS text LANGUAGE sql
AS $$ SELECT v.model_sha256 FROM mlops.versions AS v WHERE v.model = $1 AND v.version = $2 $$;

-- the order of rows, copies of the table and the type of columns do not matter to the bit
CREATE TABLE shuffled AS SELECT * FROM crm.customers ORDER BY md5(customer_id);
CREATE TABLE retyped AS SELECT customer_id::varchar(20), churn, female, senior_citizen, partner, dependents, tenure::bigint, phone_service,
	multiple_lines, internet_service, online_security, online_backup, device_protection, tech_support, streaming_tv, streaming_movies,
	contract::varchar(40), paperless_billing, payment_method, monthly_charges::numeric(20, 6), total_charges::float8 FROM crm.customers;
SELECT version FROM mlops.train('bits', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic');
SELECT version FROM mlops.train('bits', 'shuffled', target => 'churn', key => 'customer_id', algorithm => 'logistic');
SELECT version FROM mlops.train('bits', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic');
SELECT version FROM mlops.train('bits', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', seed => 43);
SELECT is(pg_temp.sha('bits', 2), pg_temp.sha('bits', 1), 'same bytes from shuffled rows');
SELECT is(pg_temp.sha('bits', 3), pg_temp.sha('bits', 1), 'same bytes from a query');
SELECT isnt(pg_temp.sha('bits', 4), pg_temp.sha('bits', 1), 'other bytes from another seed');
SELECT version FROM mlops.train('retyped', 'retyped', target => 'churn', key => 'customer_id', algorithm => 'logistic');
SELECT results_eq($$SELECT term, estimate, std_error FROM mlops.coefficients('retyped/1')$$,
	$$SELECT term, estimate, std_error FROM mlops.coefficients('bits/1')$$, 'same coefficients from other types of the same values');

-- the split
SELECT ok(rows_train + rows_test = 7043 AND rows_test BETWEEN 0.16 * 7043 AND 0.24 * 7043, 'about a fifth is held out')
FROM mlops.versions WHERE model = 'bits' AND version = 1;
SELECT is(rows_test, 0::bigint, 'nothing is held out when asked') FROM mlops.train('none', 'crm.customers', target => 'churn',
	key => 'customer_id', algorithm => 'logistic', split => '"none"');
SELECT is(coalesce(metrics, '{}'), '{}'::jsonb, 'and there are no metrics then') FROM mlops.versions WHERE model = 'none';
SELECT version FROM mlops.train('none', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', split => '{"method": "none"}');
SELECT is(count(DISTINCT model_sha256), 1::bigint, 'either way of saying so is the same') FROM mlops.versions WHERE model = 'none';
CREATE TEMP TABLE stratified AS SELECT * FROM mlops.train('stratified', 'crm.customers', target => 'churn', key => 'customer_id',
	algorithm => 'logistic', split => '{"method": "stratified", "test": 0.25}');
SELECT is((metrics ->> 'positive_rate')::numeric(4, 3), (SELECT avg((churn = 'Yes')::int) FROM crm.customers)::numeric(4, 3),
	'stratified: the held-out rows have the classes of all rows') FROM stratified;
SELECT ok(abs(rows_test - 7043 * 0.25) <= 2, 'stratified: the fraction is exact') FROM stratified;
SELECT is(rows_test, (SELECT count(*) FROM test.chicago WHERE date >= '2014-01-01'), 'time: from the cutoff on')
FROM mlops.train('by_time', 'test.chicago', target => 'ridership', key => 'id', algorithm => 'linear',
	split => '{"method": "time", "column": "date", "cutoff": "2014-01-01"}');
SELECT is(rows_test, (SELECT count(*) FROM test.chicago WHERE id % 7 = 0), 'column: where it is true')
FROM mlops.train('by_column', 'SELECT *, id % 7 = 0 AS held FROM test.chicago', target => 'ridership', key => 'id', algorithm => 'linear',
	split => '{"method": "column", "column": "held"}');
SELECT ok(rows_train + rows_test BETWEEN 0.45 * 53940 AND 0.55 * 53940, 'sample: about that share of the rows is used')
FROM mlops.train('sampled', 'test.diamonds', target => 'price', key => 'id', algorithm => 'linear', split => '{"sample": 0.5}');
CREATE TABLE twice AS SELECT * FROM test.longley UNION ALL SELECT * FROM test.longley;
SELECT is(rows_test % 2, 0::bigint, 'without a key, duplicates fall on one side')
FROM mlops.train('twice', 'twice', target => 'y', algorithm => 'linear', split => '{"test": 0.4}');
CREATE TEMP TABLE refit AS SELECT * FROM mlops.train('refit', 'test.longley', target => 'y', algorithm => 'linear', split => '{"test": 0.4, "refit": true}');
CREATE TEMP TABLE whole AS SELECT * FROM mlops.train('whole', 'test.longley', target => 'y', algorithm => 'linear', split => '"none"');
SELECT is(rows_train, 16::bigint, 'refit: fitted on all rows') FROM refit;
SELECT isnt(metrics, '{}'::jsonb, 'refit: with metrics of the held-out rows') FROM refit;
SELECT is(max(abs(a.estimate / b.estimate - 1)) < 1e-9, true, 'refit: the coefficients of all rows')
FROM mlops.coefficients('refit/1') AS a JOIN mlops.coefficients('whole/1') AS b USING (term);

-- weights are copies
CREATE TABLE weighted AS SELECT *, (id % 3)::float8 AS w FROM test.pima_diabetes;
CREATE TABLE copied AS SELECT d.* FROM weighted AS d, generate_series(1, (w)::int);
SELECT version FROM mlops.train('weighted', 'weighted', target => 'diabetes', key => 'id', weight => 'w', algorithm => 'logistic', split => '"none"',
	transform => '{"@numeric": {"indicator": false}}');
SELECT version FROM mlops.train('copied', 'copied', target => 'diabetes', key => 'id', exclude => '{w}', algorithm => 'logistic', split => '"none"',
	transform => '{"@numeric": {"indicator": false}}');
SELECT ok(max(abs(a.estimate - b.estimate) / abs(b.estimate)) < 1e-9 AND max(abs(a.std_error - b.std_error) / b.std_error) < 1e-9,
	'an integer weight is that many copies') FROM mlops.coefficients('weighted/1') AS a JOIN mlops.coefficients('copied/1') AS b USING (term);

-- target and classes
SELECT is(mlops.classes('bits/1'), '{No,Yes}', 'classes in order');
SELECT version FROM mlops.train('flipped', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', positive => 'No');
SELECT ok(max(abs(mlops.predict('flipped/1', c) + mlops.predict('bits/1', c) - 1)) < 1e-9, 'positive => the other class: the other probability')
FROM crm.customers AS c;
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', positive => 'Maybe')$$,
	'22023', NULL, 'an unknown positive class is an error');
SELECT is(task, 'multiclass', 'text with several values: classification')
FROM mlops.train('cut', 'SELECT id, cut, carat, depth, "table", x FROM test.diamonds WHERE id % 20 = 0', target => 'cut', key => 'id', algorithm => 'logistic');
SELECT is(task, 'binary', 'a boolean: classification')
FROM mlops.train('boolean', 'SELECT *, sale_price > 200000 AS dear FROM test.ames', target => 'dear', exclude => '{sale_price}', key => 'id', algorithm => 'naive_bayes');
SELECT is(task, 'regression', 'task => regression on few integers')
FROM mlops.train('few', 'SELECT id, cut, carat, (id % 2) AS bit FROM test.diamonds WHERE id % 50 < 2', target => 'bit', key => 'id', algorithm => 'linear', task => 'regression');
SELECT throws_ok($$SELECT mlops.train('x', 'test.diamonds', target => 'cut', algorithm => 'logistic', task => 'binary')$$, '22023', NULL, 'five classes are not two');
SELECT is(rows_skipped, 11::bigint, 'rows without target are counted')
FROM mlops.train('skipped', 'crm.customers', target => 'total_charges', key => 'customer_id', algorithm => 'linear');

-- thresholds
SELECT version FROM mlops.train('low', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', threshold => '0.2');
SELECT is(bool_and((mlops.predict_label('low/1', c) = 'Yes') = (mlops.predict('low/1', c) >= 0.2)), true, 'the threshold decides the label') FROM crm.customers AS c;
SELECT version FROM mlops.train('costs', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', threshold => '{"cost_fp": 1, "cost_fn": 4}');
SELECT ok(value BETWEEN 0.12 AND 0.28, 'cost 1 to 4: a threshold near 1 / (1 + 4), for a calibrated model')
FROM mlops.evaluate('costs/1') WHERE metric = 'threshold';
SELECT version FROM mlops.train('f1', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', threshold => '"f1"');
SELECT ok((SELECT value FROM mlops.evaluate('f1/1') WHERE metric = 'f1_score') > (SELECT value FROM mlops.evaluate('bits/1') WHERE metric = 'f1_score'),
	'the threshold for f1 has a better f1 than one half');
SELECT is(mlops.predict('f1/1', c), mlops.predict('bits/1', c), 'a threshold leaves probabilities alone') FROM (SELECT * FROM crm.customers LIMIT 1) AS c;

-- calibration: naive Bayes is overconfident
SELECT t.version FROM unnest(ARRAY['none', 'platt', 'isotonic']) AS m,
	mlops.train('nb', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'naive_bayes', calibrate => m) AS t;
CREATE TEMP TABLE nb AS SELECT v AS version, e.* FROM generate_series(1, 3) AS v, mlops.evaluate('nb/' || v) AS e;
SELECT ok((SELECT value FROM nb WHERE version = 2 AND metric = 'log_loss') < (SELECT value FROM nb WHERE version = 1 AND metric = 'log_loss') - 0.05, 'Platt improves log loss');
SELECT ok((SELECT value FROM nb WHERE version = 3 AND metric = 'log_loss') < (SELECT value FROM nb WHERE version = 1 AND metric = 'log_loss') - 0.05, 'isotonic improves log loss');
SELECT ok(abs((SELECT value FROM nb WHERE version = 2 AND metric = 'roc_auc') - (SELECT value FROM nb WHERE version = 1 AND metric = 'roc_auc')) < 1e-12, 'Platt keeps the order of scores');
SELECT ok(bool_and(p[1] BETWEEN 0 AND 1 AND abs(p[1] + p[2] - 1) < 1e-15), 'calibrated probabilities add up')
FROM (SELECT mlops.predict_proba('nb/3', c) AS p FROM crm.customers AS c) AS s;

-- columns
SELECT version FROM mlops.train('two', 'crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic', features => '{tenure,contract}');
SELECT is(array_agg(feature ORDER BY feature), '{contract,tenure}', 'features => only these') FROM mlops.features('two/1');
SELECT is(count(*), 0::bigint, 'key and target are no features') FROM mlops.features('bits/1') WHERE feature IN ('customer_id', 'churn');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'chum', algorithm => 'logistic')$$, '42703', NULL, 'unknown target');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', exclude => '{tenur}', algorithm => 'logistic')$$, '42703', NULL, 'unknown excluded column');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', features => '{customer_id}', key => 'customer_id', algorithm => 'logistic')$$, NULL, NULL, 'a key is no feature');

-- a snapshot date is the same in all training rows and still serves as reference of ages
SELECT version FROM mlops.train('aged', $$SELECT customer_id, churn, date '2026-01-01' - 30 * tenure AS signup, date '2026-01-01' AS today FROM crm.customers$$,
	target => 'churn', key => 'customer_id', algorithm => 'logistic', transform => '{"signup": {"age": "today"}}');
SELECT ok(bool_and(mlops.predict_json('aged/1', jsonb_build_object('signup', date '2026-01-01' - n, 'today', date '2026-01-01')) ->> 'score'
	= mlops.predict_json('aged/1', jsonb_build_object('signup', date '2027-03-01' - n, 'today', date '2027-03-01')) ->> 'score'),
	'ages move with the reference') FROM generate_series(0, 1000, 100) AS n;

-- small whole numbers are classes to what predicts classes, and counts to what does not
CREATE TABLE counted AS SELECT i AS id, i % 11 AS x, (i * 7919 % 101) % 5 AS visits, i % 2 AS flag FROM generate_series(1, 500) AS i;
SELECT results_eq($$SELECT t.algorithm, t.task FROM unnest(ARRAY['linear', 'elastic_net', 'glm', 'logistic', 'naive_bayes', 'gbm']) AS a,
		mlops.train('visits', 'counted', 'visits', a, key => 'id', exclude => '{flag}') AS t$$,
	$$VALUES ('linear', 'regression'), ('elastic_net', 'regression'), ('glm', 'regression'), ('logistic', 'multiclass'), ('naive_bayes', 'multiclass'), ('gbm', 'multiclass')$$,
	'five counts');
SELECT results_eq($$SELECT t.algorithm, t.task FROM unnest(ARRAY['linear', 'glm', 'logistic']) AS a,
		mlops.train('flag', 'counted', 'flag', a, key => 'id', exclude => '{visits}') AS t$$,
	$$VALUES ('linear', 'regression'), ('glm', 'binary'), ('logistic', 'binary')$$, 'two numbers');
SELECT throws_ok($$SELECT mlops.train('x', 'counted', 'visits', 'glm', task => 'classification')$$, '22023', 'algorithm "glm" does not do multiclass', 'unless classes were asked for');

-- arguments
SELECT throws_ok($$SELECT mlops.train(NULL, 'crm.customers', target => 'churn')$$, '22004', 'argument "model" of mlops.train must not be null');
SELECT throws_ok($$SELECT mlops.train('no spaces', 'crm.customers', target => 'churn', algorithm => 'logistic')$$, '42602', NULL, 'names follow the pattern');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logstic')$$, '22023', 'unknown algorithm "logstic"');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', params => '{"reg_lamda": 1}')$$, '22023', NULL, 'unknown parameter');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', params => '{"reg_lambda": -1}')$$, '22023', NULL, 'parameter out of range');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', params => '[1]')$$, '22023', NULL, 'parameters are an object');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'linear')$$, '22023', 'algorithm "linear" does not do binary');
SELECT throws_ok($$SELECT mlops.train('x', 'test.ames', target => 'sale_price', algorithm => 'linear', threshold => '0.3')$$, '22023', 'threshold and calibrate need a target with two classes');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', split => '{"metod": "hash"}')$$, '22023', '"metod" is not known in argument "split"');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', split => '{"method": "time"}')$$, '22023', 'split method "time" needs a column');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', split => '{"test": 1.5}')$$, '22023', NULL, 'fraction out of range');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', tags => '{"": 1}')$$, '22023', 'a key has 1 to 250 characters', 'empty name of a tag');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', algorithm => 'logistic', key => 'a,,b')$$, '22023', NULL, 'empty name in a key');
SELECT throws_ok($$SELECT mlops.train('x', 'SELECT * FROM crm.customers WHERE false', target => 'churn', algorithm => 'logistic')$$, NULL, NULL, 'no rows');
SELECT throws_ok($$SELECT mlops.train('x', $q$SELECT * FROM crm.customers WHERE churn = 'No'$q$, target => 'churn', algorithm => 'logistic')$$, NULL, NULL, 'one class');
SELECT throws_ok($$DELETE FROM crm.customers RETURNING mlops.train('x', 'DELETE FROM crm.customers', target => 'churn', algorithm => 'logistic')$$, NULL, NULL, 'a source reads');

-- memory
SET mlops.train_memory = '1MB';
SELECT throws_like($$SELECT mlops.train('x', 'test.diamonds', target => 'price', key => 'id', algorithm => 'linear')$$, '%mlops.train_memory%', 'too little memory is an error that says what to do');
RESET mlops.train_memory;

-- nothing remains of what failed
SELECT is(count(*), 0::bigint, 'failures leave no model') FROM mlops.models WHERE model = 'x';
