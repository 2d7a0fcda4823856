-- Naive Bayes by mlops.train: against scikit-learn (test/oracle/sklearn_fits.py) and counting in SQL.

SELECT plan(16);
SET client_min_messages = warning;

CREATE TABLE oracle (kase text, name text, value float8);
\set copy_oracle '\\copy oracle FROM ''' :datadir '/../oracle/sklearn_fits.csv'' WITH (FORMAT csv, HEADER true)'
:copy_oracle
CREATE VIEW pima AS SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM test.pima_diabetes AS p WHERE p IS NOT NULL;
CREATE VIEW telco AS SELECT *, row_number() OVER (ORDER BY customer_id) - 1 AS place FROM crm.customers;
CREATE FUNCTION pg_temp.log_odds(p float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT ln(p) - ln(1 - p)$$;

SELECT count(*) FROM mlops.train('pima', 'pima', target => 'diabetes', key => 'id', exclude => '{place}', algorithm => 'naive_bayes', params => '{"var_smoothing": 0}', split => '"none"');
SELECT cmp_ok(max(abs(pg_temp.log_odds(mlops.predict('pima/latest', p)) - (b.value - a.value))), '<', 1e-8::float8, 'numbers: probabilities of scikit-learn')
FROM pima AS p JOIN oracle AS a ON a.kase = 'gaussian_nb' AND a.name = place || '|0' JOIN oracle AS b ON b.kase = 'gaussian_nb' AND b.name = place || '|1';

SELECT count(*) FROM mlops.train('telco', 'telco', target => 'churn', key => 'customer_id', algorithm => 'naive_bayes', split => '"none"',
	features => '{phone_service,multiple_lines,internet_service,online_security,contract,payment_method}');
SELECT cmp_ok(max(abs(pg_temp.log_odds(mlops.predict('telco/latest', t)) - (b.value - a.value))), '<', 1e-10::float8, 'categories: probabilities of scikit-learn')
FROM telco AS t JOIN oracle AS a ON a.kase = 'categorical_nb_1' AND a.name = place || '|0' JOIN oracle AS b ON b.kase = 'categorical_nb_1' AND b.name = place || '|1';
SELECT count(*) FROM mlops.train('mixed', 'telco', target => 'churn', key => 'customer_id', algorithm => 'naive_bayes', split => '"none"', params => '{"var_smoothing": 0}',
	features => '{phone_service,multiple_lines,internet_service,online_security,contract,payment_method,tenure,monthly_charges}');
SELECT cmp_ok(max(abs(pg_temp.log_odds(mlops.predict('mixed/latest', t)) - (b.value - a.value))), '<', 1e-10::float8, 'both: probabilities of scikit-learn')
FROM telco AS t JOIN oracle AS a ON a.kase = 'mixed_nb' AND a.name = place || '|0' JOIN oracle AS b ON b.kase = 'mixed_nb' AND b.name = place || '|1';

-- one category: Bayes' theorem with smoothed counts
SELECT count(*) FROM mlops.train('contract', 'telco', target => 'churn', key => 'customer_id', algorithm => 'naive_bayes', features => '{contract}', split => '"none"', params => '{"alpha": 5}');
SELECT cmp_ok(abs(mlops.predict('contract/latest', jsonb_build_object('contract', contract)) - yes * py / (yes * py + no * pn)), '<', 1e-14::float8, contract || ': by counting')
FROM (SELECT contract, (count(*) FILTER (WHERE churn = 'Yes') + 5.0) / (y + 15) AS yes, (count(*) FILTER (WHERE churn = 'No') + 5.0) / (n + 15) AS no, y / (y + n) AS py, n / (y + n) AS pn
	FROM telco, (SELECT count(*) FILTER (WHERE churn = 'Yes')::float8 AS y, count(*) FILTER (WHERE churn = 'No')::float8 AS n FROM telco) AS t GROUP BY contract, y, n) AS s
ORDER BY contract;

-- more than two classes
SELECT count(*) FROM mlops.train('internet', 'telco', target => 'internet_service', key => 'customer_id', algorithm => 'naive_bayes', features => '{monthly_charges,contract}', split => '"none"');
SELECT is(mlops.classes('internet/latest'), ARRAY['DSL', 'Fiber optic', 'No'], 'three classes');
SELECT cmp_ok(max(abs((SELECT sum(p) FROM unnest(mlops.predict_proba('internet/latest', t)) AS p) - 1)), '<', 1e-14::float8, 'probabilities add up to 1') FROM telco AS t;
SELECT cmp_ok(avg((mlops.predict_label('internet/latest', t) = internet_service)::int), '>', 0.8, 'charges tell the service (the largest class has 0.44)') FROM telco AS t;
SELECT ok(bool_and(p BETWEEN 0 AND 1), 'far from all training rows')
FROM unnest(mlops.predict_proba('internet/latest', '{"monthly_charges": 1e300, "contract": "lease"}'::jsonb)) AS p;

-- weights are copies
CREATE VIEW weighted AS SELECT *, (id % 3)::float8 AS w FROM pima;
CREATE VIEW copied AS SELECT p.* FROM pima AS p, generate_series(1, id % 3);
SELECT count(*) FROM mlops.train('weighted', 'weighted', target => 'diabetes', key => 'id', weight => 'w', exclude => '{place}', algorithm => 'naive_bayes', split => '"none"');
SELECT count(*) FROM mlops.train('copied', 'copied', target => 'diabetes', key => 'id', exclude => '{place}', algorithm => 'naive_bayes', split => '"none"');
SELECT cmp_ok(max(abs(mlops.predict('weighted/latest', p) - mlops.predict('copied/latest', p))), '<', 1e-10::float8, 'weights are copies') FROM pima AS p;

-- parameters
SELECT count(*) FROM mlops.train('even', 'pima', target => 'diabetes', key => 'id', exclude => '{place}', algorithm => 'naive_bayes', params => '{"priors": [0.5, 0.5], "var_smoothing": 0}', split => '"none"');
SELECT cmp_ok(max(abs(pg_temp.log_odds(mlops.predict('pima/latest', p)) - pg_temp.log_odds(mlops.predict('even/latest', p)) - odds)), '<', 1e-8::float8, 'priors shift the log odds')
FROM pima AS p, (SELECT ln(count(*) FILTER (WHERE diabetes = 'pos')::float8 / count(*) FILTER (WHERE diabetes = 'neg')) AS odds FROM pima) AS o
WHERE mlops.predict('pima/latest', p) BETWEEN 1e-6 AND 1 - 1e-6;
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'pima', target => 'diabetes', algorithm => 'naive_bayes', params => '{"priors": [0.2, 0.2]}')$$, '22023',
	'parameter "priors" has 2 numbers with sum 0.4');
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'pima', target => 'diabetes', algorithm => 'naive_bayes', params => '{"alpha": 0}')$$, '22023');
SELECT throws_ok($$SELECT * FROM mlops.coefficients('pima/latest')$$, NULL, 'models of algorithm "naive_bayes" have no coefficients');

-- the same bytes from any order of rows and any number of processes
CREATE TABLE large AS SELECT g AS id, hashint4(g) / 2147483648.0 AS a, (hashint4(g + 7) % 1000)::real + 1e6 AS b, 'level ' || hashint4(g + 99) % 3 AS c,
	hashint4(g)::bigint + hashint4(g + 13) / 2 > 0 AS y FROM generate_series(1, 150000) AS g;
CREATE FUNCTION pg_temp.bytes(source text, workers int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE sha text;
BEGIN
	PERFORM set_config('mlops.train_workers', workers::text, false);
	PERFORM mlops.train('large', source, target => 'y', key => 'id', algorithm => 'naive_bayes', split => '"none"');
	SELECT v.model_sha256 INTO sha FROM mlops.versions AS v WHERE v.model = 'large' ORDER BY v.version DESC LIMIT 1;
	RETURN sha;
END $$;
SELECT is(count(DISTINCT pg_temp.bytes(source, workers)), 1::bigint, 'the same bytes from any order and any number of workers')
FROM (VALUES ('large', 0), ('SELECT * FROM large ORDER BY b, id DESC', 1), ('large', 2)) AS v (source, workers);

SELECT * FROM finish();
