-- Values at the ends of the range of numbers and of dates: an answer, or an error that speaks of the data, never one of damaged bytes.
SELECT plan(8);
SET client_min_messages = error;

CREATE TABLE base AS SELECT i AS id, (i * 37 % 101)::float8 AS x, (i * 7 % 13)::float8 AS z, 2.0 * (i * 37 % 101) + (i * 7 % 13) + (i % 2) AS y FROM generate_series(1, 300) i;
CREATE VIEW scales AS SELECT a.s AS sx, b.s AS sy FROM (VALUES (1e-310), (1e-300), (1e-160), (1e160), (1e300)) a(s), (VALUES (1e-310), (1e-300), (1e-160), (1.0), (1e160), (1e300)) b(s);

-- error or damaged: the SQLSTATE; else whether all predictions are numbers
CREATE FUNCTION trained(algorithm text, sx float8, sy float8, class boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE finite boolean;
BEGIN
    PERFORM mlops.train('extreme', format('SELECT id, x * %L::float8 AS x, z, %s AS y FROM base', sx, CASE WHEN class THEN 'x + z * 3 > 70' ELSE format('y * %L::float8', sy) END),
        target => 'y', key => 'id', algorithm => algorithm);
    SELECT bool_and(p > '-Infinity' AND p < 'Infinity') INTO finite FROM (SELECT mlops.predict('extreme/latest', b) AS p FROM (SELECT x * sx AS x, z FROM base) b) p;
    RETURN CASE WHEN finite THEN 'finite' ELSE 'not finite' END;
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$;
CREATE FUNCTION solved(sx float8, sy float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE p float8;
BEGIN
    SELECT mlops.predict(mlops.solve(mlops.linear_state(y * sy, ARRAY[x * sx, z])), 50 * sx, 3::float8) INTO p FROM base;
    RETURN CASE WHEN p > '-Infinity' AND p < 'Infinity' THEN 'finite' ELSE 'not finite' END;
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT is((SELECT array_agg(DISTINCT format('%s %s %s', sx, sy, r)) FROM scales, trained('linear', sx, sy, false) r WHERE r !~ '^(finite|22)|^XX' OR r ~ '22P03'), NULL, 'linear');
SELECT is((SELECT array_agg(DISTINCT format('%s %s %s', sx, sy, r)) FROM scales, trained('elastic_net', sx, sy, false) r WHERE r !~ '^(finite|22)' OR r ~ '22P03'), NULL, 'elastic_net');
SELECT is((SELECT array_agg(DISTINCT format('%s %s', sx, r)) FROM scales, trained('logistic', sx, 1, true) r WHERE sy = 1 AND (r !~ '^(finite|22)' OR r ~ '22P03')), NULL, 'logistic');
SELECT is((SELECT array_agg(DISTINCT format('%s %s', sx, r)) FROM scales, trained('naive_bayes', sx, 1, true) r WHERE sy = 1 AND (r !~ '^(finite|22)' OR r ~ '22P03')), NULL, 'naive_bayes');
SELECT is((SELECT array_agg(DISTINCT format('%s %s %s', sx, sy, r)) FROM scales, trained('gbm', sx, sy, false) r WHERE r !~ '^(finite|22)' OR r ~ '22P03'), NULL, 'gbm');
SELECT is((SELECT array_agg(DISTINCT format('%s %s %s', sx, sy, r)) FROM scales, solved(sx, sy) r WHERE r !~ '^(finite|22)' OR r ~ '22P03'), NULL, 'solve');
SELECT alike(trained('linear', 1e-310, 1, false), '22000 the coefficient of "x" is beyond the range of numbers', 'which column is to blame');

-- dates that no timestamp reaches: as a row and as JSON
CREATE TABLE dated AS SELECT i AS id, date '2020-01-01' + i AS day, i * 1.5 AS y FROM generate_series(1, 200) i;
SELECT mlops.train('dated', 'dated', target => 'y', key => 'id', algorithm => 'linear');
SELECT is((SELECT count(*) FROM (SELECT v::date AS day FROM unnest('{5874897-12-31,294277-01-01,294276-12-31,infinity,-infinity,"4714-11-24 BC"}'::text[]) v) r
    WHERE mlops.predict('dated/1', r) IS DISTINCT FROM mlops.predict('dated/1', to_jsonb(r))), 0::bigint, 'dates after the last timestamp');
SELECT * FROM finish();
