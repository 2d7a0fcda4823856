-- Logistic regression by mlops.train: R's coefficients, aliased terms, separation, more than two classes, parameters.

SELECT plan(51);
SET client_min_messages = warning;

CREATE TABLE oracle (kase text, name text, value text, error text);
\set copy_oracle '\\copy oracle FROM ''' :datadir '/../oracle/glm.csv'' WITH (FORMAT csv, HEADER true)'
:copy_oracle
CREATE VIEW telco AS SELECT * FROM crm.customers WHERE total_charges IS NOT NULL;
CREATE VIEW pima AS SELECT * FROM test.pima_diabetes AS p WHERE p IS NOT NULL;
CREATE FUNCTION pg_temp.statistic(model text, name text) RETURNS float8 LANGUAGE sql AS
	$$SELECT value FROM mlops.fit_statistics($1) AS s (statistic, value) WHERE s.statistic = $2$$;

-- binary: the same rows as in R, all of them
SELECT count(*) FROM mlops.train('telco', 'telco', target => 'churn', key => 'customer_id', algorithm => 'logistic', split => '"none"');
SELECT count(*) FROM mlops.train('pima', 'pima', target => 'diabetes', key => 'id', algorithm => 'logistic', split => '"none"');
SELECT is((SELECT array_agg(term) FROM mlops.coefficients('telco/latest')), (SELECT array_agg(name) FILTER (WHERE error <> 'NA' OR value = 'NA') FROM oracle WHERE kase = 'telco'),
	'telco: the terms of R, in its order');
SELECT is(count(*), 7::bigint, 'telco: seven terms are aliased') FROM mlops.coefficients('telco/latest') WHERE estimate IS NULL AND std_error IS NULL;
SELECT is((SELECT array_agg(term) FROM mlops.coefficients('telco/latest') WHERE estimate IS NULL), (SELECT array_agg(name) FROM oracle WHERE kase = 'telco' AND value = 'NA'),
	'telco: the same as in R');
SELECT cmp_ok(max(abs(c.estimate / o.value::float8 - 1)), '<', 1e-9::float8, 'telco: coefficients of R')
FROM mlops.coefficients('telco/latest') AS c JOIN oracle AS o ON o.kase = 'telco' AND o.name = c.term WHERE o.value <> 'NA';
SELECT cmp_ok(max(abs(c.std_error / o.error::float8 - 1)), '<', 1e-9::float8, 'telco: standard errors of R')
FROM mlops.coefficients('telco/latest') AS c JOIN oracle AS o ON o.kase = 'telco' AND o.name = c.term WHERE o.value <> 'NA';
SELECT cmp_ok(max(abs(c.estimate / o.value::float8 - 1)), '<', 1e-9::float8, 'pima: coefficients of R')
FROM mlops.coefficients('pima/latest') AS c JOIN oracle AS o ON o.kase = 'pima' AND o.name = c.term;
SELECT cmp_ok(max(abs(c.std_error / o.error::float8 - 1)), '<', 1e-9::float8, 'pima: standard errors of R')
FROM mlops.coefficients('pima/latest') AS c JOIN oracle AS o ON o.kase = 'pima' AND o.name = c.term;
SELECT cmp_ok(abs(s.value / o.value::float8 - 1), '<', 1e-12::float8, kase || ': ' || name || ' of R')
FROM unnest(ARRAY['telco', 'pima']) AS k (kase) JOIN oracle AS o USING (kase) CROSS JOIN LATERAL mlops.fit_statistics(kase || '/latest') AS s (statistic, value)
WHERE s.statistic = o.name ORDER BY kase, name;
SELECT is(pg_temp.statistic('telco/latest', 'separation'), 0::float8, 'telco: not separated');
SELECT is(pg_temp.statistic('telco/latest', 'converged'), 1::float8, 'telco: converged');
SELECT ok(bool_and(statistic = estimate / std_error AND p_value BETWEEN 0 AND 1 AND conf_low < estimate AND estimate < conf_high), 'pima: inference')
FROM mlops.coefficients('pima/latest');
SELECT cmp_ok(max(abs(c.p_value / v.p - 1)), '<', 1e-9::float8, 'pima: p-values as in R''s summary()')
FROM mlops.coefficients('pima/latest') AS c JOIN (VALUES ('age', 6.47426393458966e-02), ('glucose', 3.24215057832062e-11), ('triceps', 5.11279210704937e-01))
	AS v (term, p) USING (term);

-- predictions are those of the coefficients, and add up
SELECT cmp_ok(max(abs(mlops.predict('pima/latest', p) - 1 / (1 + exp(-(b0 + bpregnant * pregnant + bglucose * glucose + bpressure * pressure + btriceps * triceps
	+ binsulin * insulin + bmass * mass + bpedigree * pedigree + bage * age))))), '<', 1e-13::float8, 'the probability is that of the coefficients')
FROM pima AS p, (SELECT max(estimate) FILTER (WHERE term = '(Intercept)') AS b0, max(estimate) FILTER (WHERE term = 'pregnant') AS bpregnant,
	max(estimate) FILTER (WHERE term = 'glucose') AS bglucose, max(estimate) FILTER (WHERE term = 'pressure') AS bpressure,
	max(estimate) FILTER (WHERE term = 'triceps') AS btriceps, max(estimate) FILTER (WHERE term = 'insulin') AS binsulin,
	max(estimate) FILTER (WHERE term = 'mass') AS bmass, max(estimate) FILTER (WHERE term = 'pedigree') AS bpedigree,
	max(estimate) FILTER (WHERE term = 'age') AS bage FROM mlops.coefficients('pima/latest')) AS c;
SELECT cmp_ok(abs(sum(mlops.predict('telco/latest', t) - (churn = 'Yes')::int)), '<', 1e-7::float8, 'probabilities add up to the number of positives') FROM telco AS t;

-- separation: a flag that only positives have; the other estimates stay usable
CREATE VIEW flagged AS SELECT p.*, diabetes = 'pos' AND id % 6 = 0 AS flag FROM pima AS p;
SELECT count(*) FROM mlops.train('flagged', 'flagged', target => 'diabetes', key => 'id', algorithm => 'logistic', split => '"none"');
SELECT count(*) FROM mlops.train('unflagged', 'SELECT * FROM flagged WHERE NOT flag', target => 'diabetes', key => 'id', exclude => '{flag}', algorithm => 'logistic', split => '"none"');
SELECT is(pg_temp.statistic('flagged/latest', name), expected, 'separated: ' || name)
FROM (VALUES ('separation', 1::float8), ('converged', 0)) AS v (name, expected);
SELECT ok(estimate > 5 AND std_error IS NULL AND p_value IS NULL, 'separated: the flag has no standard error') FROM mlops.coefficients('flagged/latest') WHERE term = 'flag';
SELECT cmp_ok(max(abs(a.estimate - b.estimate) / b.std_error + abs(a.std_error / b.std_error - 1)), '<', 1e-5::float8, 'separated: the rest is as without those rows')
FROM mlops.coefficients('flagged/latest') AS a JOIN mlops.coefficients('unflagged/latest') AS b USING (term);
SELECT ok(bool_and(p > 0.99), 'separated: rows with the flag are as good as certain') FROM (SELECT mlops.predict('flagged/latest', f) AS p FROM flagged AS f WHERE flag) AS s;
SELECT count(*) FROM mlops.train('flagged', 'flagged', target => 'diabetes', key => 'id', algorithm => 'logistic', params => '{"reg_lambda": 1}', split => '"none"');
SELECT is(pg_temp.statistic('flagged/latest', name), expected, 'penalised: ' || name)
FROM (VALUES ('separation', 0::float8), ('converged', 1), ('aic', NULL)) AS v (name, expected);
SELECT ok(bool_and(estimate IS NOT NULL AND std_error IS NULL), 'penalised: estimates alone') FROM mlops.coefficients('flagged/latest');

-- parameters
SELECT count(*) FROM mlops.train('c', 'pima', target => 'diabetes', key => 'id', algorithm => 'logistic', params => '{"C": 0.5}', split => '"none"');
SELECT count(*) FROM mlops.train('lambda', 'pima', target => 'diabetes', key => 'id', algorithm => 'logistic', params => '{"lambda": 2}', split => '"none"');
SELECT results_eq($$SELECT term, estimate FROM mlops.coefficients('c/latest')$$, $$SELECT term, estimate FROM mlops.coefficients('lambda/latest')$$, 'C is the inverse of lambda');
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'pima', target => 'diabetes', algorithm => 'logistic', params => '{"C": 0.5, "reg_lambda": 2}')$$, '22023',
	'parameters "C" and "reg_lambda" exclude each other');
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'pima', target => 'diabetes', algorithm => 'logistic', params => '{"reg_lambda": -1}')$$, '22023');
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'pima', target => 'diabetes', algorithm => 'logistic', params => '{"class_weight": "equal"}')$$, '22023');
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'test.ames', target => 'sale_price', algorithm => 'logistic', task => 'regression')$$);
SELECT count(*) FROM mlops.train('balanced', 'pima', target => 'diabetes', key => 'id', algorithm => 'logistic', params => '{"class_weight": "balanced"}', split => '"none"');
SELECT cmp_ok(abs(avg(p) FILTER (WHERE diabetes = 'pos') + avg(p) FILTER (WHERE diabetes = 'neg') - 1), '<', 1e-9::float8, 'balanced: mean probabilities mirror each other')
FROM (SELECT diabetes, mlops.predict('balanced/latest', p) AS p FROM pima AS p) AS s;

-- more than two classes
CREATE VIEW ages AS SELECT id, pregnant, glucose, mass, pedigree,
	CASE WHEN age < 25 THEN '1 young' WHEN age < 30 THEN '2 twenties' WHEN age < 40 THEN '3 thirties' ELSE '4 older' END AS age FROM pima;
SELECT count(*) FROM mlops.train('ages', 'ages', target => 'age', key => 'id', algorithm => 'logistic', split => '"none"');
SELECT is(task, 'multiclass', 'four classes') FROM mlops.versions WHERE model = 'ages';
SELECT is(array_agg(DISTINCT class ORDER BY class), ARRAY['2 twenties', '3 thirties', '4 older'], 'coefficients against the first class') FROM mlops.coefficients('ages/latest');
SELECT cmp_ok(max(abs(c.estimate - o.value::float8) / o.error::float8 + abs(c.std_error / o.error::float8 - 1)), '<', 1e-9::float8, 'multinomial: coefficients and standard errors of R')
FROM mlops.coefficients('ages/latest') AS c JOIN oracle AS o ON o.kase = 'multinomial_pima' AND o.name = (left(c.class, 1)::int - 1) || '|' || c.term;
SELECT cmp_ok(abs(pg_temp.statistic('ages/latest', name) / value::float8 - 1), '<', 1e-11::float8, 'multinomial: ' || name || ' of R')
FROM oracle WHERE kase = 'multinomial_pima' AND error = 'NA' ORDER BY name;
SELECT cmp_ok(max(abs((SELECT sum(p) FROM unnest(mlops.predict_proba('ages/latest', a)) AS p) - 1)), '<', 1e-14::float8, 'probabilities add up to 1') FROM ages AS a;
SELECT cmp_ok(max(abs(total)), '<', 1e-8::float8, 'and, by class, to the rows of the class')
FROM (SELECT k, sum(p - (age = (mlops.classes('ages/latest'))[k])::int) AS total FROM ages AS a, unnest(mlops.predict_proba('ages/latest', a)) WITH ORDINALITY AS u (p, k) GROUP BY k) AS s;
SELECT throws_ok($$SELECT * FROM mlops.train('x', 'ages', target => 'age', algorithm => 'logistic', params => '{"scale_pos_weight": 2}')$$, '22023');

-- the same bytes from any order of rows and any number of processes, with and without a sample to start from
CREATE TABLE large AS SELECT g AS id, hashint4(g) / 2147483648.0 AS a, (hashint4(g + 7) % 1000)::real AS b, hashint4(g + 99) % 5 AS c,
	hashint4(g) / 2147483648.0 + hashint4(g + 13) / 1073741824.0 > 0.2 AS y, 'class ' || abs(hashint4(g + 5)) % 3 AS k FROM generate_series(1, 600000) AS g;
CREATE FUNCTION pg_temp.bytes(source text, y text, workers int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE sha text;
BEGIN
	PERFORM set_config('mlops.train_workers', workers::text, false);
	PERFORM mlops.train('large', source, target => y, key => 'id', features => '{a,b,c}', algorithm => 'logistic', split => '"none"');
	SELECT v.model_sha256 INTO sha FROM mlops.versions AS v WHERE v.model = 'large' ORDER BY v.version DESC LIMIT 1;
	RETURN sha;
END $$;
SELECT is(count(DISTINCT pg_temp.bytes(source, y, workers)), 1::bigint, 'the same bytes: ' || y || what)
FROM (VALUES ('y', '', 'large', 0), ('y', '', 'SELECT * FROM large ORDER BY b, id DESC', 1), ('y', '', 'large', 2),
	('k', ', fewer rows', 'SELECT * FROM large WHERE id < 120000', 0), ('k', ', fewer rows', 'SELECT * FROM large WHERE id < 120000 ORDER BY b, id DESC', 2))
	AS v (y, what, source, workers) GROUP BY y, what ORDER BY y;

SELECT * FROM finish();
