-- Generalized linear models by mlops.train, against R's glm (test/oracle/glm.R), and what follows from them in SQL.

SELECT plan(43);
SET client_min_messages = warning;

CREATE TABLE oracle (kase text, name text, value text, error text);
\set copy_oracle '\\copy oracle FROM ''' :datadir '/../oracle/glm.csv'' WITH (FORMAT csv, HEADER true)'
:copy_oracle
CREATE TABLE glm_data (x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, w float8, o float8, "binary" int, proportion float8, counts int,
	positive float8, inverse_gaussian float8, number float8);
\set copy_data '\\copy glm_data FROM ''' :datadir '/../oracle/glm_data.csv'' WITH (FORMAT csv, HEADER true)'
:copy_data

-- largest difference of estimates and standard errors from the oracle's, in standard errors
CREATE FUNCTION pg_temp.distance(model text, kase text) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(greatest(abs(c.estimate - o.value::float8) / o.error::float8, abs(c.std_error / o.error::float8 - 1)))
	FROM mlops.coefficients($1) AS c JOIN oracle AS o ON o.kase = $2 AND o.name = c.term $$;
CREATE FUNCTION pg_temp.statistic(model text, name text) RETURNS float8 LANGUAGE sql AS
	$$SELECT value FROM mlops.fit_statistics($1) AS s (statistic, value) WHERE s.statistic = $2$$;
-- largest relative difference of deviances, likelihood and criteria
CREATE FUNCTION pg_temp.statistics_distance(model text, kase text) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(s.value / o.value::float8 - 1)) FROM mlops.fit_statistics($1) AS s (name, value) JOIN oracle AS o ON o.kase = $2 AND o.name = s.name
	WHERE s.name IN ('deviance', 'null_deviance', 'aic', 'bic', 'log_likelihood', 'dispersion') $$;
CREATE FUNCTION pg_temp.fit(kase text, target text, params jsonb, weight text DEFAULT NULL, features text[] DEFAULT '{x1,x2,x3,x4,x5}',
	task text DEFAULT 'regression') RETURNS void LANGUAGE sql AS $$
	SELECT count(*) FROM mlops.train($1, 'SELECT *, CASE w WHEN 0 THEN 0.5 ELSE w END AS w_half, CASE w WHEN 0 THEN 0.25 ELSE w END AS w_quarter,
		greatest(w, 1) AS trials FROM glm_data', target => $2, algorithm => 'glm', params => $3, weight => $4, features => $5, task => $6, split => '"none"') $$;

SELECT pg_temp.fit('gaussian', 'number', '{}');
SELECT pg_temp.fit('gaussian_weighted', 'number', '{"offset": "o"}', 'w_half');
SELECT pg_temp.fit('gaussian_log', 'number', '{"link": "log"}');
SELECT pg_temp.fit('proportion', 'proportion', '{"family": "binomial"}', 'trials');
SELECT pg_temp.fit('proportion_probit', 'proportion', '{"family": "binomial", "link": "probit", "offset": "o"}', 'trials');
SELECT pg_temp.fit('poisson', 'counts', '{"family": "poisson", "offset": "o"}');
SELECT pg_temp.fit('poisson_weighted', 'counts', '{"family": "poisson"}', 'w_quarter');
SELECT pg_temp.fit('gamma', 'positive', '{"family": "gamma"}');
SELECT pg_temp.fit('gamma_log', 'positive', '{"family": "gamma", "link": "log", "offset": "o"}', 'w_half');
SELECT pg_temp.fit('inverse_gaussian', 'inverse_gaussian', '{"family": "inverse_gaussian"}');
SELECT pg_temp.fit('cloglog', 'binary', '{"link": "cloglog", "offset": "o"}', task => 'binary');

CREATE TABLE kases AS SELECT unnest(ARRAY['gaussian', 'gaussian_weighted', 'gaussian_log', 'proportion', 'proportion_probit', 'poisson',
	'poisson_weighted', 'gamma', 'gamma_log', 'inverse_gaussian', 'cloglog']) AS kase;
SELECT cmp_ok(pg_temp.distance(kase || '/latest', kase), '<', 1e-9::float8, kase || ': coefficients and standard errors of R') FROM kases;
SELECT cmp_ok(pg_temp.statistics_distance(kase || '/latest', kase), '<', 1e-9::float8, kase || ': deviances, likelihood and criteria of R') FROM kases;

-- inference: t where the dispersion is estimated, else z
SELECT ok(bool_and(abs(statistic - estimate / std_error) < 1e-12 * abs(statistic)
	AND abs(conf_high - estimate - 1.959963984540054 * std_error) < 1e-12 * std_error), 'poisson: limits are normal')
FROM mlops.coefficients('poisson/latest');
SELECT ok(bool_and(abs(estimate - conf_low - 1.976575066 * std_error) < 1e-8 * std_error), 'gamma: limits have 144 degrees of freedom')
FROM mlops.coefficients('gamma/latest');
SELECT is(pg_temp.statistic('gamma/latest', 'df_residual'), 144::float8, 'gamma: degrees of freedom');
SELECT is(pg_temp.statistic('poisson/latest', 'df_residual'), NULL, 'poisson: no degrees of freedom in tests');
SELECT is(pg_temp.statistic('poisson/latest', 'df_error'), 144::float8, 'poisson: but of the residuals');

-- a prediction is the mean, without the offset
SELECT cmp_ok(max(abs(mlops.predict('poisson/latest', d) / exp(c.b0 + c.b1 * x1 + c.b2 * x2 + c.b3 * x3 + c.b4 * x4 + c.b5 * x5) - 1)), '<', 1e-10::float8,
	'poisson: the mean, offset apart')
FROM glm_data AS d, (SELECT max(estimate) FILTER (WHERE term = '(Intercept)') AS b0, max(estimate) FILTER (WHERE term = 'x1') AS b1,
	max(estimate) FILTER (WHERE term = 'x2') AS b2, max(estimate) FILTER (WHERE term = 'x3') AS b3, max(estimate) FILTER (WHERE term = 'x4') AS b4,
	max(estimate) FILTER (WHERE term = 'x5') AS b5 FROM mlops.coefficients('poisson/latest')) AS c;
SELECT ok(bool_and(p > 0 AND p < 1), 'binomial: a probability') FROM (SELECT mlops.predict('proportion_probit/latest', d) AS p FROM glm_data AS d) AS s;
-- with the canonical link and an intercept, means add up to the target
SELECT cmp_ok(abs(sum(greatest(w, 1) * (mlops.predict('proportion/latest', d) - proportion))), '<', 1e-9::float8, 'binomial: fitted successes are those seen')
FROM glm_data AS d;
SELECT cmp_ok(abs(sum(CASE w WHEN 0 THEN 0.25 ELSE w END * (mlops.predict('poisson_weighted/latest', d) - counts))), '<', 1e-8::float8,
	'poisson: fitted counts are those seen') FROM glm_data AS d;

-- what cannot be fitted
CREATE FUNCTION pg_temp.attempt(target text, params jsonb, task text DEFAULT 'regression') RETURNS void LANGUAGE sql AS
	$$SELECT pg_temp.fit('failed', $1, $2, task => $3, features => '{x4,x5}')$$;
SELECT throws_ok($$SELECT pg_temp.attempt('number', '{"family": "poison"}')$$, '22023');
SELECT throws_like($$SELECT pg_temp.attempt('x1', '{"family": "poisson"}')$$, 'the target has a negative value (-%), which family "poisson" does not allow');
SELECT throws_like($$SELECT pg_temp.attempt('x1', '{"family": "gamma"}')$$, 'the target has a negative value (-%), which family "gamma" does not allow');
SELECT throws_like($$SELECT pg_temp.attempt('counts', '{"family": "gamma"}')$$, 'the target has the value 0 (0), which family "gamma" does not allow');
SELECT throws_ok($$SELECT pg_temp.attempt('counts', '{"family": "poisson", "link": "logit"}')$$, '22023', 'family "poisson" has no link "logit"');
SELECT throws_ok($$SELECT pg_temp.attempt('binary', '{"family": "gamma"}', 'binary')$$, '22023', 'family "gamma" needs a numeric target, not classes');
SELECT throws_ok($$SELECT pg_temp.attempt('counts', '{"family": "poisson", "offset": "nowhere"}')$$, '42703');
SELECT throws_ok($$SELECT pg_temp.attempt('counts', '{"family": "poisson", "max_iter": 0}')$$, '22023');

-- a penalty has no standard errors; a large one leaves the mean
SELECT pg_temp.fit('penalised', 'counts', '{"family": "poisson", "lambda": 1e9}');
SELECT ok(bool_and(std_error IS NULL AND p_value IS NULL AND estimate IS NOT NULL), 'ridge: estimates alone')
FROM mlops.coefficients('penalised/latest');
SELECT cmp_ok(max(abs(mlops.predict('penalised/latest', d) / (SELECT avg(counts) FROM glm_data) - 1)), '<', 1e-5::float8, 'ridge: the mean remains')
FROM glm_data AS d;

-- the same bytes from any order of rows and any number of processes
CREATE TABLE large AS SELECT g AS id, hashint4(g) / 2147483648.0 AS a, (hashint4(g + 7) % 1000)::real AS b, hashint4(g + 99) % 5 AS c,
	abs(hashint4(g + 13)) % 4 + (g % 11 = 0)::int AS counts FROM generate_series(1, 150000) AS g;
CREATE TABLE large_shuffled AS SELECT * FROM large ORDER BY hashint4(id + 5);
SET mlops.train_workers = 0;
SELECT count(*) FROM mlops.train('large', 'large', target => 'counts', key => 'id', algorithm => 'glm', params => '{"family": "poisson"}', task => 'regression', split => '"none"');
SET mlops.train_workers = 1;
SELECT count(*) FROM mlops.train('large', 'large_shuffled', target => 'counts', key => 'id', algorithm => 'glm', params => '{"family": "poisson"}', task => 'regression', split => '"none"');
SET mlops.train_workers = 2;
SELECT count(*) FROM mlops.train('large', 'large', target => 'counts', key => 'id', algorithm => 'glm', params => '{"family": "poisson"}', task => 'regression', split => '"none"');
SELECT is(count(DISTINCT model_sha256), 1::bigint, 'one model from any order and any number of workers') FROM mlops.versions WHERE model = 'large';
SELECT cmp_ok(abs(sum(mlops.predict('large/latest', l) - counts)), '<', 1e-6::float8, 'which fits its mean') FROM large AS l;

SELECT * FROM finish();
