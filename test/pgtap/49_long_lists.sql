-- Arguments of many megabytes: an answer or a cancel at once, whatever they hold, and no memory beyond that of the argument.
SELECT plan(7);
SET client_min_messages = warning;

CREATE TABLE points AS SELECT i AS id, i % 7 AS x, i % 11 AS z, (i % 5)::float8 AS y FROM generate_series(1, 100) i;
CREATE FUNCTION pg_temp.attempt(key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT 'version ' || version FROM mlops.train('m', 'points', target => 'y', key => attempt.key, algorithm => 'linear', task => 'regression'));
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET statement_timeout = '20s';
SELECT is(pg_temp.attempt('"id" , x'), 'version 1', 'two columns as the key');
SELECT is(pg_temp.attempt(repeat('x,', 2000)), '54000 a list of column names has more than 1664 names', 'more names than columns');
SELECT is(pg_temp.attempt(repeat('x,', 50000000)), '54000 a list of column names has 100000000 bytes, but at most 425984 are possible', 'a list of 100 MB');
SELECT is(pg_temp.attempt(repeat('"', 50000001)), '54000 a list of column names has 50000001 bytes, but at most 425984 are possible', 'one name of 50 MB');
SELECT throws_ok($$SELECT * FROM mlops.describe('a.b.c.d')$$, '42601', NULL, 'too many names for a relation');
SELECT throws_ok($$SELECT * FROM mlops.describe(repeat('a.', 20000000))$$, '42601', NULL, '20 million of them');
SELECT version FROM mlops.train('m', 'points', target => 'y', key => 'id', algorithm => 'linear', task => 'regression');
CREATE FUNCTION pg_temp.cancelled_after() RETURNS interval LANGUAGE plpgsql AS $$
DECLARE
    many int[] := array_fill(1, ARRAY[2000000]);
    started timestamptz := clock_timestamp();
BEGIN
    PERFORM count(*) FROM mlops.compare('m', VARIADIC many);
    RETURN NULL;
EXCEPTION WHEN query_canceled THEN
    RETURN clock_timestamp() - started;
END $$;
SET statement_timeout = '500ms';
SELECT cmp_ok(pg_temp.cancelled_after(), '<', interval '2 s', 'a cancel while versions are looked up');
