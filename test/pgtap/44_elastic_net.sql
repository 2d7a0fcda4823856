-- elastic_net and linear by mlops.train, against each other and against the streaming aggregate.

SET client_min_messages = warning;
SET search_path = public, mlops;
SELECT plan(21);

CREATE FUNCTION pg_temp.estimates(model text) RETURNS float8[] LANGUAGE sql AS
	$$SELECT array_agg(estimate ORDER BY ordinality) FROM ROWS FROM (mlops.coefficients(model)) WITH ORDINALITY$$;
CREATE FUNCTION pg_temp.statistic(model text, name text) RETURNS float8 LANGUAGE sql AS
	$$SELECT value FROM mlops.fit_statistics(model) AS s (statistic, value) WHERE s.statistic = name$$;
CREATE FUNCTION pg_temp.distance(a float8[], b float8[]) RETURNS float8 LANGUAGE sql AS
	$$SELECT max(abs(e - f) / greatest(abs(f), 1e-3)) FROM unnest(a, b) AS u (e, f)$$;
CREATE FUNCTION pg_temp.fit(model text, algorithm text, params jsonb = '{}', source text = 'numbers') RETURNS int LANGUAGE sql AS
	$$SELECT version FROM mlops.train(model, source, target => 'price', key => 'id', algorithm => algorithm, params => params, split => '"none"')$$;

CREATE TABLE numbers AS
	SELECT id, price, carat, depth, "table", y, hashint4(id) % 1000 AS noise, hashint4(id + 7) % 1000 AS more_noise FROM test.diamonds WHERE id <= 5000;

-- linear: the same least squares by three ways
SELECT is(pg_temp.fit('l', 'linear'), 1, 'linear trains');
SELECT cmp_ok(pg_temp.distance(pg_temp.estimates('l/1'), (SELECT array_agg(estimate ORDER BY ordinality) FROM ROWS FROM (mlops.coefficients(
	(SELECT mlops.linear_fit(price, ARRAY[carat, depth, "table", y, noise, more_noise]) FROM numbers))) WITH ORDINALITY)), '<', 1e-9::float8, 'train and linear_fit agree');
SELECT cmp_ok(abs(pg_temp.statistic('l/1', 'r_squared') / (SELECT pg_temp.r FROM (SELECT corr(price, mlops.predict('l/1', n)) ^ 2 FROM numbers AS n) AS pg_temp (r)) - 1),
	'<', 1e-10::float8, 'R squared is the squared correlation of target and prediction');
SELECT cmp_ok((SELECT abs(avg(price - mlops.predict('l/1', n))) FROM numbers AS n), '<', 1e-7::float8, 'residuals sum to zero');
SELECT cmp_ok((SELECT abs(corr(price - mlops.predict('l/1', n), carat)) FROM numbers AS n), '<', 1e-10::float8, 'and do not correlate with a term');

-- ridge: two spellings, and the ridge end of the elastic net
SELECT is(pg_temp.fit('r', 'linear', '{"ridge": 50}'), 1, 'ridge trains');
SELECT is(pg_temp.fit('r', 'linear', '{"reg_lambda": 50}'), 2, 'by its own name, too');
SELECT is(pg_temp.estimates('r/1'), pg_temp.estimates('r/2'), 'which is the same');
SELECT is(pg_temp.fit('r', 'elastic_net', '{"alpha": 0.01, "l1_ratio": 0}'), 3, 'l1_ratio 0 trains');
SELECT cmp_ok(pg_temp.distance(pg_temp.estimates('r/1'), pg_temp.estimates('r/3')), '<', 1e-10::float8, 'and is ridge with reg_lambda = alpha * rows');
SELECT ok(bool_and(p_value IS NULL AND std_error IS NULL), 'a penalty leaves no p-values') FROM mlops.coefficients('r/1');

-- elastic_net
SELECT is(pg_temp.fit('e', 'elastic_net'), 1, 'elastic_net chooses alpha');
SELECT ok(pg_temp.statistic('e/1', 'alpha') BETWEEN pg_temp.statistic('e/1', 'alpha_max') * 0.99e-4 AND pg_temp.statistic('e/1', 'alpha_max'), 'alpha is on the path');
SELECT cmp_ok(pg_temp.statistic('e/1', 'r_squared'), '>', pg_temp.statistic('l/1', 'r_squared') - 0.005, 'and costs little of R squared');
SELECT is(pg_temp.fit('e', 'elastic_net', '{"rule": "1se", "l1_ratio": 1}'), 2, 'the simpler lasso');
SELECT cmp_ok(pg_temp.statistic('e/2', 'df_model'), '<', pg_temp.statistic('l/1', 'df_model'), 'leaves terms out');
SELECT is((SELECT count(*) FROM mlops.coefficients('e/2') WHERE estimate = 0 AND term <> '(Intercept)'),
	(6 - pg_temp.statistic('e/2', 'df_model'))::bigint, 'which have coefficient 0');
SELECT is((mlops.model_value('e/2')::jsonb #>> '{arrays,path_alpha,rows}')::int, 100, 'the path is kept');
SELECT is(pg_temp.fit('e', 'elastic_net', '{"rule": "1se", "l1_ratio": 1}', 'SELECT * FROM numbers ORDER BY random()'), 3, 'in another order of rows');
SELECT is(mlops.model_value('e/3')::bytea, mlops.model_value('e/2')::bytea, 'the same bytes');
SELECT throws_ok($$SELECT pg_temp.fit('e', 'elastic_net', '{"l1_ratio": 2}')$$, '22023',
	'parameter "l1_ratio" of algorithm "elastic_net" must be between 0 and 1, not 2', 'a share above 1');

SELECT * FROM finish();
