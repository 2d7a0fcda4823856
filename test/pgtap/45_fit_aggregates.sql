-- Least squares as aggregates: certified problems, PostgreSQL's own regr_* functions, states kept and merged, plans, bad input.

-- the operators of mlops.state and mlops.model
SET search_path = public, mlops;
SELECT plan(83);

CREATE TEMP TABLE filip (y float8, x float8);
\set copy_filip '\\copy filip FROM ''' :datadir '/nist/filip.csv'' WITH (FORMAT csv, HEADER true)'
CREATE FUNCTION pg_temp.digits(estimate float8, certified float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$SELECT -log(greatest(abs(estimate - certified) / CASE WHEN certified = 0 THEN 1 ELSE abs(certified) END, 1e-15))$$;
-- the fewest digits in which two lists agree
CREATE FUNCTION pg_temp.digits(estimates float8[], certified float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$SELECT min(pg_temp.digits(e, c)) FROM unnest(estimates, certified) AS u (e, c)$$;
CREATE FUNCTION pg_temp.estimates(m mlops.model) RETURNS float8[] LANGUAGE sql AS
	$$SELECT array_agg(estimate ORDER BY ordinality) FROM ROWS FROM (mlops.coefficients(m)) WITH ORDINALITY$$;
CREATE FUNCTION pg_temp.errors(m mlops.model) RETURNS float8[] LANGUAGE sql AS
	$$SELECT array_agg(std_error ORDER BY ordinality) FROM ROWS FROM (mlops.coefficients(m)) WITH ORDINALITY$$;
CREATE FUNCTION pg_temp.statistic(m mlops.model, name text) RETURNS float8 LANGUAGE sql AS
	$$SELECT value FROM mlops.fit_statistics(m) AS s (statistic, value) WHERE s.statistic = name$$;
-- the largest relative difference of two models' coefficients and standard errors
CREATE FUNCTION pg_temp.distance(a mlops.model, b mlops.model) RETURNS float8 LANGUAGE sql AS
	$$SELECT max(abs(e - f) / abs(f)) FROM unnest(pg_temp.estimates(a) || pg_temp.errors(a), pg_temp.estimates(b) || pg_temp.errors(b)) AS u (e, f)$$;

-- Certified problems
CREATE TEMP TABLE longley AS SELECT mlops.linear_fit(y, ARRAY[x1, x2, x3, x4, x5, x6]) AS m FROM test.longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.estimates(m), '{-3482258.63459582, 15.0618722713733, -0.358191792925910E-01, -2.02022980381683,
	-1.03322686717359, -0.511041056535807E-01, 1829.15146461355}'), '>=', 12::float8, 'Longley: coefficients to 12 digits') FROM longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.errors(m), '{890420.383607373, 84.9149257747669, 0.334910077722432E-01, 0.488399681651699,
	0.214274163161675, 0.226073200069370, 455.478499142212}'), '>=', 12::float8, 'Longley: standard errors to 12 digits') FROM longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.statistic(m, 'residual_sd'), 304.854073561965), '>=', 13::float8, 'Longley: residual sd') FROM longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.statistic(m, 'r_squared'), 0.995479004577296), '>=', 13::float8, 'Longley: R squared') FROM longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.statistic(m, 'f_statistic'), 330.285339234588), '>=', 12::float8, 'Longley: F, from the certified analysis of variance')
	FROM longley;
SELECT cmp_ok(pg_temp.digits(pg_temp.estimates(mlops.linear_fit(y, ARRAY[x, x^2, x^3, x^4, x^5])), '{1, 1, 1, 1, 1, 1}'), '>=', 8::float8,
	'Wampler1: coefficients') FROM test.wampler1;
SELECT cmp_ok(pg_temp.digits(pg_temp.estimates(mlops.linear_fit(y, ARRAY[x, x^2, x^3, x^4, x^5])), '{1, 1E-1, 1E-2, 1E-3, 1E-4, 1E-5}'), '>=', 11::float8,
	'Wampler2: coefficients') FROM test.wampler2;
:copy_filip
SELECT cmp_ok(pg_temp.digits(pg_temp.estimates(mlops.linear_fit(y, ARRAY[x, x^2, x^3, x^4, x^5, x^6, x^7, x^8, x^9, x^10])),
	'{-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349, -75.1242017393757,
	-10.8753180355343, -1.06221498588947, -0.670191154593408E-01, -0.246781078275479E-02, -0.402962525080404E-04}'), '>=', 7::float8,
	'Filip: coefficients of degree 10') FROM filip;

-- PostgreSQL knows the case of one x
CREATE TEMP TABLE lines AS
	SELECT 'price' AS what, carat::float8 AS x, price::float8 AS y FROM test.diamonds
	UNION ALL SELECT 'far away', 1e6 + i, 1e6 - 3 * i + (hashint4(i) % 100) / 10.0 FROM generate_series(1, 5000) AS i;
SELECT cmp_ok(max(abs(mlops_slope / regr_slope - 1)), '<', 1e-9::float8, 'the slope is that of regr_slope')
	FROM (SELECT (pg_temp.estimates(mlops.linear_fit(y, ARRAY[x])))[2] AS mlops_slope, regr_slope(y, x) FROM lines GROUP BY what) AS g;
SELECT cmp_ok(max(abs(mlops_r2 / regr_r2 - 1)), '<', 1e-9::float8, 'R squared is that of regr_r2')
	FROM (SELECT pg_temp.statistic(mlops.linear_fit(y, ARRAY[x]), 'r_squared') AS mlops_r2, regr_r2(y, x) FROM lines GROUP BY what) AS g;
SELECT is(pg_temp.estimates(mlops.linear_fit(y, ARRAY[x])), ARRAY[5, 2]::float8[], 'a line through whole numbers is exact')
	FROM (VALUES (0::float8, 5::float8), (1, 7), (2, 9), (3, 11)) AS v (x, y);

-- States kept and merged
CREATE TEMP TABLE rows AS
	SELECT id, abs(hashint4(id)) % 31 AS day, price::float8 AS y, ARRAY[carat, depth, "table", x, y, z]::float8[] AS x FROM test.diamonds;
CREATE TEMP TABLE whole AS SELECT mlops.linear_state(y, x) AS s, mlops.linear_fit(y, x) AS m FROM rows;
CREATE TEMP TABLE days AS SELECT day, mlops.linear_state(y, x) AS s FROM rows GROUP BY day;
SELECT cmp_ok((SELECT count(*) FROM days), '=', 31::bigint, 'a state for each day');
SELECT cmp_ok(pg_temp.distance(mlops.solve((SELECT mlops.merge(s) FROM days)), m), '<', 1e-10::float8, 'states of days, merged, are one pass over everything')
	FROM whole;
SELECT cmp_ok(pg_temp.distance(mlops.solve(s), m), '<', 1e-15::float8, 'linear_fit is linear_state and solve') FROM whole;
SELECT is((mlops.merge(s)::jsonb ->> 'rows')::bigint, (SELECT count(*) FROM rows), 'merge counts every row') FROM days;
SELECT cmp_ok(pg_temp.distance(mlops.solve(mlops.merge(s)), (SELECT mlops.linear_fit(y, x) FROM rows WHERE day < 3)), '<', 1e-10::float8, 'some of the days')
	FROM days WHERE day < 3;
SELECT is(mlops.merge(s ORDER BY day)::text, mlops.merge(s ORDER BY day)::text, 'merging in the same order gives the same bytes') FROM days;
SELECT is(mlops.merge(s), (SELECT s FROM whole), 'merging one state gives it back') FROM whole;
SELECT is(mlops.merge(v), (SELECT s FROM whole), 'NULLs do not count') FROM (SELECT s FROM whole UNION ALL SELECT NULL) AS u (v);
SELECT is(mlops.merge(NULL), NULL, 'merge of NULL') FROM generate_series(1, 3);
SELECT is(mlops.merge(s), NULL, 'merge of nothing') FROM whole WHERE false;
CREATE TEMP TABLE kept (day int, s mlops.state);
INSERT INTO kept SELECT * FROM days;
SELECT is((SELECT mlops.merge(s ORDER BY day) FROM kept), (SELECT mlops.merge(s ORDER BY day) FROM days), 'stored states are the same states');
SELECT is(s::text::mlops.state, s, 'text form') FROM whole;
SELECT is(s::bytea::mlops.state, s, 'bytes') FROM whole;
SELECT throws_ok($$SELECT mlops.merge(s) FROM (SELECT s FROM days UNION ALL SELECT mlops.linear_state(1, '{1,2}'::float8[])) AS u$$, '22023',
	'states of 6 and 2 terms cannot be merged', 'states of other lengths');

-- GROUP BY, FILTER, windows, DISTINCT
SELECT is(mlops.linear_fit(y, x) FILTER (WHERE day = 7), (SELECT mlops.linear_fit(y, x) FROM rows WHERE day = 7), 'FILTER') FROM rows;
SELECT is(count(*), 31::bigint, 'each group is the fit of its own rows') FROM
	(SELECT day, mlops.linear_fit(y, x) AS m FROM rows GROUP BY day) AS g
	WHERE pg_temp.distance(m, (SELECT mlops.linear_fit(y, x) FROM rows AS r WHERE r.day = g.day)) < 1e-10;
CREATE TEMP TABLE running AS
	SELECT id, mlops.linear_state(y, x) OVER (ORDER BY id) AS s FROM rows WHERE id <= 700;
SELECT cmp_ok(max(pg_temp.distance(mlops.solve(s), (SELECT mlops.linear_fit(y, x) FROM rows AS r WHERE r.id <= running.id))), '<', 1e-8::float8,
	'a window: every result is that of its rows, and reading it changes nothing') FROM running WHERE id IN (20, 63, 64, 65, 300, 699, 700);
CREATE TEMP TABLE small AS
	SELECT i % 20000 AS g, mlops.linear_state(i * 2 + 1, ARRAY[i, i / 20000]::float8[]) AS s FROM generate_series(1, 80000) AS i GROUP BY 1;
SELECT is(count(*), 20000::bigint, 'many small groups') FROM small WHERE (s::jsonb ->> 'rows')::int = 4;

-- Parallel plans
CREATE TABLE many AS SELECT i AS id, i % 3 AS g, (hashint4(i) % 1000)::float8 + i % 7 + (hashint4(i + 13) % 1000) / 10.0 AS y,
	ARRAY[i % 7, hashint4(i) % 1000, hashint4(i + 5) % 1000, hashint4(i + 77) % 1000 + 1e6]::float8[] AS x FROM generate_series(1, 200000) AS i;
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT mlops.linear_fit(y, x) AS m, mlops.linear_state(y, x) AS s FROM many;
CREATE TEMP TABLE serial_groups AS SELECT g, mlops.linear_fit(y, x) AS m FROM many GROUP BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS
	$$DECLARE line text; whole text := ''; BEGIN
		FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP whole := whole || line || E'\n'; END LOOP;
		RETURN whole; END$$;
SELECT matches(pg_temp.plan_of('SELECT mlops.linear_fit(y, x) FROM many'), 'Finalize Aggregate.*Gather.*Workers Launched: 2.*Partial Aggregate',
	'linear_fit is combined across workers');
SELECT matches(pg_temp.plan_of('SELECT mlops.linear_state(y, x) FROM many'), 'Workers Launched: 2.*Partial Aggregate', 'linear_state, too');
SELECT matches(pg_temp.plan_of('SELECT g, mlops.linear_fit(y, x) FROM many GROUP BY g'), 'Workers Launched: 2.*Partial (Hash|Group)Aggregate', 'and by group');
-- without functions that keep a query out of workers
CREATE TEMP TABLE workers AS SELECT mlops.linear_fit(y, x) AS m, mlops.linear_state(y, x) AS s FROM many;
CREATE TEMP TABLE worker_groups AS SELECT g, mlops.linear_fit(y, x) AS m FROM many GROUP BY g;
SELECT cmp_ok(pg_temp.distance(w.m, s.m), '<', 1e-10::float8, 'workers and one process agree') FROM workers AS w, serial AS s;
SELECT is((s::jsonb ->> 'rows')::int, 200000, 'workers lose no waiting row') FROM workers;
SELECT cmp_ok(max(pg_temp.distance(w.m, s.m)), '<', 1e-10::float8, 'groups in workers') FROM worker_groups AS w JOIN serial_groups AS s USING (g);
CREATE TEMP TABLE nobody AS SELECT mlops.linear_state(y, x) AS s FROM many WHERE id < 0;
SELECT is(s, NULL, 'workers without rows') FROM nobody;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
SELECT is(mlops.linear_state(y, x), (SELECT s FROM serial), 'two aggregates share a transition value and leave it alone') FROM many;

-- Rows that do not count
CREATE TEMP TABLE holes (y float8, x float8[]);
INSERT INTO holes SELECT y, x FROM rows WHERE day = 1;
CREATE TEMP TABLE clean AS SELECT mlops.linear_fit(y, x) AS m FROM holes;
INSERT INTO holes SELECT NULL, x FROM holes LIMIT 5;
INSERT INTO holes VALUES (1, NULL), (1, ARRAY[1, 2, NULL, 4, 5, 6]), ('nan', '{1,2,3,4,5,6}'), ('infinity', '{1,2,3,4,5,6}'), (1, '{1,2,nan,4,5,6}'),
	(1, '{-infinity,2,3,4,5,6}'), (1, '{1,2,3,4,5,infinity}');
SELECT is(mlops.linear_fit(y, x), (SELECT m FROM clean), 'rows with NULL, NaN and infinity are left out') FROM holes;
SELECT is((mlops.linear_state(y, x)::jsonb ->> 'rows')::bigint, (SELECT count(*) FROM rows WHERE day = 1), 'and not counted') FROM holes;
SELECT is(mlops.linear_fit(y, x), NULL, 'nothing but such rows') FROM (VALUES ('nan'::float8, '{1}'::float8[]), (NULL, '{1}'), (1, NULL)) AS v (y, x);
SELECT is((mlops.linear_state(y, x)::jsonb ->> 'rows')::int, 0, 'a state of rows that do not count has none') FROM (VALUES ('nan'::float8, '{1}'::float8[])) AS v (y, x);
SELECT is(mlops.solve(mlops.linear_state(y, x)), NULL, 'and no model') FROM (VALUES ('nan'::float8, '{1}'::float8[])) AS v (y, x);
SELECT is(mlops.linear_fit(y, x), NULL, 'no rows, no model') FROM rows WHERE false;
SELECT is(mlops.linear_state(y, x), NULL, 'no rows, no state') FROM rows WHERE false;

-- Arrays of any type of numbers are what they are as float8[], to the bit
CREATE TABLE numbers_of AS SELECT i AS id, i % 3 AS g, (hashint4(i) % 1000)::float8 + i % 7 AS y, (i % 7)::smallint AS a, hashint4(i) % 1000 AS b,
	hashint4(i + 5)::bigint * 100000 AS c, ((hashint4(i + 7) % 1000) / 7.0)::real AS d, (hashint4(i + 9) % 100000) / 100.0 AS e FROM generate_series(1, 30000) AS i;
-- two queries, so that memory cuts the same blocks
CREATE FUNCTION pg_temp.fit_of(x text, from_clause text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT mlops.linear_fit(y, %1$s)::text || mlops.linear_state(y, %1$s)::text FROM %2$s', x, from_clause) INTO result;
	RETURN result;
END$$;
CREATE FUNCTION pg_temp.same_as_float8(x text, from_clause text = 'numbers_of') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is(md5(pg_temp.fit_of(x, from_clause)), md5(pg_temp.fit_of(format('(%s)::float8[]', x), from_clause)), x);
END$$;
SELECT pg_temp.same_as_float8('ARRAY[a, a * a]');
SELECT pg_temp.same_as_float8('ARRAY[a, b, b * b]');
SELECT pg_temp.same_as_float8('ARRAY[a, c]');
SELECT pg_temp.same_as_float8('ARRAY[a::real, d]');
SELECT pg_temp.same_as_float8('ARRAY[a, e, e * e, 0.1, 123456789012345678901234567890.5 * b]');
SELECT pg_temp.same_as_float8('ARRAY[b, d]');
SELECT pg_temp.same_as_float8('x', $$(SELECT y, CASE WHEN id % 7 = 0 THEN NULL WHEN id % 11 = 0 THEN ARRAY[b, NULL] ELSE ARRAY[a, b] END AS x FROM numbers_of) AS s$$);
SELECT pg_temp.same_as_float8('x', $$(SELECT y, CASE WHEN id % 7 = 0 THEN ARRAY[e, 'NaN'] WHEN id % 11 = 0 THEN ARRAY['-infinity', e] ELSE ARRAY[a, e] END AS x FROM numbers_of) AS s$$);
SELECT is(count(*) FILTER (WHERE one = other), 3::bigint, 'GROUP BY and FILTER of real[]')
	FROM (SELECT mlops.linear_fit(y, ARRAY[d, a::real]) FILTER (WHERE b > 0) AS one, mlops.linear_fit(y, ARRAY[d, a]::float8[]) FILTER (WHERE b > 0) AS other
		FROM numbers_of GROUP BY g) AS s;
SELECT throws_ok($$SELECT mlops.linear_fit(1, x) FROM (VALUES ('{1,2}'::real[]), ('{1,2,3}')) AS v (x)$$, '2202E',
	'x has 3 elements, but earlier rows had 2', 'arrays of real of two lengths');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT matches(pg_temp.plan_of('SELECT mlops.linear_fit(y, ARRAY[d, a::real]) FROM numbers_of'), 'Finalize Aggregate.*Gather.*Workers Launched: 2.*Partial Aggregate',
	'arrays of real are combined across workers');
CREATE TEMP TABLE real_workers AS SELECT mlops.linear_fit(y, ARRAY[d, a::real]) AS m FROM numbers_of;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
SELECT cmp_ok(pg_temp.distance(m, (SELECT mlops.linear_fit(y, ARRAY[d, a::real]) FROM numbers_of)), '<', 1e-10::float8, 'with the same result') FROM real_workers;

-- Few rows, no terms, aliased terms
SELECT is(pg_temp.estimates(mlops.linear_fit(7, '{3}'::float8[])), '{7, NULL}'::float8[], 'one row: its target, and nothing about x');
SELECT is(pg_temp.estimates(mlops.linear_fit(y, '{}'::float8[])), ARRAY[2]::float8[], 'no terms: the mean') FROM (VALUES (1::float8), (3)) AS v (y);
SELECT cmp_ok(abs((pg_temp.errors(mlops.linear_fit(y, '{}'::float8[])))[1] - 1), '<', 1e-15::float8, 'and its standard error') FROM (VALUES (1::float8), (3)) AS v (y);
SELECT is(pg_temp.estimates(mlops.linear_fit(y, ARRAY[x, 2 * x, 1])), '{5, 2, NULL, NULL}'::float8[], 'a multiple and a constant are aliased')
	FROM (VALUES (0::float8, 5::float8), (1, 7), (2, 9), (3, 11)) AS v (x, y);
SELECT is(pg_temp.statistic(mlops.linear_fit(3, ARRAY[x]), 'r_squared'), NULL, 'a constant target has no R squared') FROM generate_series(1, 5) AS x;

-- Errors
SELECT throws_ok($$SELECT mlops.linear_fit(1, x) FROM (VALUES ('{1,2}'::float8[]), ('{1,2,3}')) AS v (x)$$, '2202E',
	'x has 3 elements, but earlier rows had 2', 'arrays of two lengths');
SELECT throws_ok($$SELECT mlops.linear_fit(1, '{{1,2},{3,4}}'::float8[])$$, '2202E', 'x must be an array of one dimension, not 2', 'a matrix');
SELECT throws_ok($$SELECT mlops.linear_fit(1, array_fill(0::float8, ARRAY[8001]))$$, '54000', 'x has 8001 elements, but at most 8000 are possible', 'too many terms');
SELECT throws_ok($$SELECT mlops.linear_fit(1, ARRAY[x]) FROM (VALUES (1e308), (-1e308), (1e307)) AS v (x)$$, '22000',
	'the values of column 1 are too large for double precision', 'values whose squares cannot be added');
SELECT throws_ok($$SELECT mlops.linear_accumulate(NULL, 1, '{1}'::float8[])$$, '0A000', NULL, 'the transition function is not for calling');
SELECT throws_ok($$SELECT mlops.linear_combine(s, s) FROM whole$$, '0A000', NULL, 'nor is the combine function');

-- solve
SELECT is((SELECT array_agg(term ORDER BY ordinality) FROM ROWS FROM (mlops.coefficients(mlops.solve(s, '{"names": ["a", "b", "c", "d", "e", "f"]}')))
	WITH ORDINALITY), '{(Intercept),a,b,c,d,e,f}', 'names of terms') FROM whole;
SELECT is(mlops.solve(s, '{}'), mlops.solve(s), 'no parameters') FROM whole;
SELECT cmp_ok(pg_temp.digits((pg_temp.estimates(mlops.solve(mlops.linear_state(y, ARRAY[x]), '{"fit_intercept": false}')))[1], 2.07438016528926), '>=', 14::float8, 'without intercept: NIST NoInt1')
	FROM (SELECT 60 + i AS x, 130 + i AS y FROM generate_series(0, 10) AS i) AS v;
-- x centred has sum of squares 20 and variance 5: slope 6 / (20 + 3 * 5)
SELECT cmp_ok(abs((pg_temp.estimates(mlops.solve(mlops.linear_state(y, ARRAY[x]), '{"ridge": 3}')))[2] - 3.0 / 35), '<', 1e-15::float8, 'ridge, by its synonym')
	FROM (VALUES (-3, 1), (-1, 0), (1, 0), (3, 2)) AS v (x, y);
SELECT throws_ok($$SELECT mlops.solve(s, '{"rigde": 1}') FROM whole$$, '22023', 'unknown parameter "rigde" for algorithm "linear"', 'an unknown parameter');
SELECT throws_ok($$SELECT mlops.solve(s, '{"reg_lambda": -1}') FROM whole$$, '22023', NULL, 'a negative penalty');
SELECT throws_ok($$SELECT mlops.solve(s, '{"names": ["a"]}') FROM whole$$, '22023', 'parameter "names" must be an array of 6 texts, one for each element of x', 'too few names');
SELECT throws_ok($$SELECT mlops.solve(s, '[1]') FROM whole$$, '22023', NULL, 'parameters that are no object');
SELECT is(mlops.solve(NULL), NULL, 'solve of NULL');

-- Prediction
SELECT cmp_ok(max(abs(mlops.predict(m, x) - (e[1] + e[2] * x[1] + e[3] * x[2] + e[4] * x[3] + e[5] * x[4] + e[6] * x[5] + e[7] * x[6]))), '<', 1e-8::float8,
	'predict by array is the linear form') FROM rows, (SELECT m, pg_temp.estimates(m) AS e FROM whole) AS w WHERE id <= 1000;

SELECT cmp_ok(abs(mlops.predict(mlops.linear_fit(2 * i + 1, i::float8 || array_fill(0::float8, ARRAY[1999])), 10::float8 || array_fill(0::float8, ARRAY[1999])) - 21),
	'<', 1e-12::float8, 'more elements than a table has columns are one vector') FROM generate_series(1, 5) AS i;

-- Transition values as results: an aggregate of the user's own that has no final function
CREATE AGGREGATE pg_temp.raw_state(float8, float8[]) (SFUNC = mlops.linear_accumulate, STYPE = mlops.state, COMBINEFUNC = mlops.linear_combine);
CREATE TEMP TABLE raw AS SELECT day, pg_temp.raw_state(y, x) AS s FROM rows WHERE day < 5 GROUP BY day;
SELECT is((SELECT array_agg(s::text ORDER BY day) FROM raw), (SELECT array_agg(s::text ORDER BY day) FROM days WHERE day < 5), 'shown, they are the states they stand for');
SELECT is((SELECT mlops.merge(s ORDER BY day) FROM raw), (SELECT mlops.merge(s ORDER BY day) FROM days WHERE day < 5), 'stored and merged, too');
SELECT is((SELECT count(*) FROM raw JOIN days USING (s)), 5::bigint, 'they compare and hash like those');

-- Forged bytes
SELECT throws_ok(format('SELECT %L::bytea::mlops.state', set_byte(s::bytea, 40, get_byte(s::bytea, 40) # 1)), '22P03', NULL, 'a changed byte') FROM whole;
SELECT throws_ok(format('SELECT %L::bytea::mlops.state', '\x8d4d4c4f50530a52f51a07e3'::bytea || decode(repeat('00', 500), 'hex')), '22P03', NULL,
	'bytes that claim to be a transition value');

SELECT * FROM finish();
