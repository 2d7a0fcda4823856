-- Boosting, forests and trees by mlops.train: quality against the linear models, what users see of the fit, and bad parameters.

SELECT plan(34);
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.cv(source text, target text, algorithm text, metric text, params jsonb DEFAULT '{}') RETURNS float8 LANGUAGE sql AS
	$$SELECT mean FROM mlops.cross_validate($1, $2, $3, $5, key => CASE WHEN $1 ~ 'customers' THEN 'customer_id' ELSE 'id' END) AS c WHERE c.metric = $4$$;

-- defaults: small data do not make them worse than a straight line, and where there is more to find they find it
SELECT cmp_ok(pg_temp.cv('SELECT * FROM crm.customers', 'churn', 'gbm', 'roc_auc'), '>',
	pg_temp.cv('SELECT * FROM crm.customers', 'churn', 'logistic', 'roc_auc') - 0.01, 'telco_churn: not below logistic by more than 0.01');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM test.pima_diabetes', 'diabetes', 'gbm', 'roc_auc'), '>',
	pg_temp.cv('SELECT * FROM test.pima_diabetes', 'diabetes', 'logistic', 'roc_auc') - 0.01, 'pima_diabetes: not below logistic by more than 0.01');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM test.diamonds WHERE id % 3 = 0', 'price', 'gbm', 'root_mean_squared_error'), '<',
	0.6 * pg_temp.cv('SELECT * FROM test.diamonds WHERE id % 3 = 0', 'price', 'linear', 'root_mean_squared_error'), 'diamonds: far below linear');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM test.ames', 'sale_price', 'gbm', 'r2_score'), '>', 0.88::float8, 'ames: categories and missing values as they are');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM test.ames', 'sale_price', 'random_forest', 'r2_score', '{"n_estimators": 25}'), '>', 0.84::float8, 'ames: random forest');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM crm.customers', 'churn', 'random_forest', 'roc_auc', '{"n_estimators": 25}'), '>', 0.80::float8, 'telco_churn: random forest');
SELECT cmp_ok(pg_temp.cv('SELECT * FROM crm.customers', 'churn', 'decision_tree', 'roc_auc', '{"max_depth": 6}'), '>', 0.80::float8, 'telco_churn: decision tree');

-- a category of many values and a target that is noise: nothing is learned
CREATE TABLE noise AS SELECT g AS id, 'v' || (hashint4(g) & 4095) AS many, hashint4(g + 1000000) % 2 = 0 AS y, (hashint4(g + 77) % 1000)::float8 AS x
	FROM generate_series(1, 30000) g;
SELECT cmp_ok(abs((metrics ->> 'roc_auc')::float8 - 0.5), '<', 0.03::float8, 'noise stays noise: ' || encoding)
FROM unnest('{auto,onehot,ordinal,target}'::text[]) AS encoding,
	mlops.train('noise', 'noise', target => 'y', key => 'id', features => '{many,x}',
		transform => CASE WHEN encoding <> 'auto' THEN jsonb_build_object('many', jsonb_build_object('encode', encoding, 'max_levels', 400)) END);

-- what is recorded
SELECT count(*) FROM mlops.train('g', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id',
	params => '{"n_estimators": 400, "eta": 0.2, "early_stopping_rounds": 10}');
SELECT is((SELECT count(*) FROM mlops.training_info('g/latest')), (SELECT value::bigint FROM mlops.fit_statistics('g/latest') AS s (statistic, value) WHERE statistic = 'iterations'),
	'a loss for each iteration');
SELECT ok(count(*) FILTER (WHERE eval_loss IS NULL) = 0 AND count(*) < 400, 'early stopping, on held-out training rows') FROM mlops.training_info('g/latest');
SELECT is(iteration::float8, (SELECT value FROM mlops.fit_statistics('g/latest') AS s (statistic, value) WHERE statistic = 'best_iteration'), 'which keeps the best iteration')
FROM mlops.training_info('g/latest') ORDER BY eval_loss, iteration LIMIT 1;
SELECT ok(bool_and(loss < before), 'training losses fall') FROM (SELECT loss, lag(loss) OVER (ORDER BY iteration) AS before FROM mlops.training_info('g/latest')) AS l;
SELECT ok('contract' IN (SELECT feature FROM mlops.feature_importance('g/latest') ORDER BY importance_gain * importance_weight DESC LIMIT 3), 'the contract matters most');
SELECT is(params ->> 'learning_rate', '0.2', 'synonyms are recorded under the one name') FROM mlops.versions WHERE model = 'g';
SELECT cmp_ok((params ->> 'num_leaves')::float8, '>=', 2::float8, 'so is what the data chose') FROM mlops.versions WHERE model = 'g';

-- constraints hold on every row
SELECT count(*) FROM mlops.train('mono', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id',
	params => '{"monotone_constraints": "tenure: -1, monthly_charges: 1"}');
SELECT ok(bool_and(mlops.predict('mono/latest', to_jsonb(c) || '{"tenure": 70}') <= mlops.predict('mono/latest', to_jsonb(c) || '{"tenure": 2}')
	AND mlops.predict('mono/latest', to_jsonb(c) || '{"monthly_charges": 110}') >= mlops.predict('mono/latest', to_jsonb(c) || '{"monthly_charges": 30}')),
	'monotone constraints') FROM (SELECT * FROM crm.customers LIMIT 300) AS c;

-- objectives fit what they say
SELECT count(*) FROM unnest('{10,50,90}'::int[]) AS q, mlops.train('q' || q, 'SELECT * FROM test.diamonds WHERE id % 5 = 0', target => 'price', key => 'id',
	split => '"none"', params => jsonb_build_object('objective', 'quantile', 'alpha', q / 100.0));
SELECT cmp_ok(abs(avg((d.price <= mlops.predict('q' || q || '/latest', d))::int) - q / 100.0), '<', 0.05, 'quantile ' || q)
FROM unnest('{10,50,90}'::int[]) AS q, (SELECT * FROM test.diamonds WHERE id % 5 = 0) AS d GROUP BY q ORDER BY q;
SELECT cmp_ok((metrics ->> 'mean_absolute_error')::float8, '<', 330::float8, objective)
FROM unnest('{absolute_error,huber,poisson,gamma,tweedie}'::text[]) AS objective,
	mlops.train('o', 'test.diamonds', target => 'price', key => 'id', params => jsonb_build_object('objective', objective));

-- anomalies
SELECT count(*) FROM mlops.train('odd', 'SELECT id, carat, depth, x, y, z, color FROM test.diamonds', key => 'id', algorithm => 'isolation_forest', task => 'anomaly');
SELECT ok(min(s) > 0 AND max(s) < 1 AND avg(s) BETWEEN 0.35 AND 0.55, 'scores of ordinary rows') FROM (SELECT mlops.predict('odd/latest', d) AS s FROM test.diamonds AS d) AS p;
SELECT cmp_ok(min(s), '>', 0.6::float8, 'diamonds above 4 carats are odd') FROM (SELECT mlops.predict('odd/latest', d) AS s FROM test.diamonds AS d WHERE carat > 4) AS p;

-- values that are hard on trees
CREATE TABLE hard AS SELECT g AS id, CASE g % 5 WHEN 0 THEN float8 'infinity' WHEN 1 THEN float8 '-infinity' WHEN 2 THEN float8 'nan' WHEN 3 THEN NULL ELSE g END AS a,
	9007199254740992 + g AS big, NULL::float8 AS nothing, 1 AS constant, g % 5 = 1 AS y FROM generate_series(1, 2000) g;
SELECT cmp_ok((metrics ->> 'roc_auc')::float8, '>', 0.99::float8, 'infinities, NaN and NULL are told apart where they can be')
FROM mlops.train('hard', 'hard', target => 'y', key => 'id', features => '{a,big,nothing,constant}');

-- mistakes
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', key => 'customer_id', params => '{"num_leafs": 3}')$$, '22023', NULL, 'unknown parameter');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', key => 'customer_id', params => '{"learning_rate": -1}')$$, '22023', NULL, 'out of range');
SELECT throws_ok($$SELECT mlops.train('x', 'crm.customers', target => 'churn', key => 'customer_id', params => '{"objective": "poisson"}')$$, '22023', NULL, 'an objective for numbers');
SELECT throws_ok($$SELECT mlops.train('x', 'SELECT *, -price AS loss FROM test.diamonds', target => 'loss', params => '{"objective": "gamma"}')$$, '22023', NULL, 'a target outside the range');

SELECT * FROM finish();
