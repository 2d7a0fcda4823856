-- Version numbers of imported versions: what is imported leaves numbers for the versions that follow.
SELECT plan(6);
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, i % 7 AS x, (i % 5)::float8 AS y FROM generate_series(1, 200) i;
SELECT version FROM mlops.train('one', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'linear', task => 'regression');
CREATE TABLE chunks AS SELECT * FROM mlops.export_chunks('one/1');
-- the chunks as if they had been exported under another number
CREATE FUNCTION numbered(number int) RETURNS text LANGUAGE sql AS $$
    UPDATE chunks SET version = number, data = CASE WHEN chunk_no > 0 THEN data
        ELSE convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{version}', to_jsonb(number))::text, 'UTF8') END;
    SELECT 'SELECT version FROM mlops.import_chunks(''chunks'', ''two'')' $$;

SELECT throws_ok(numbered(n), '22023', format('exported version %s of model "one" is not a version number from 1 to 1000000000', n), format('number %s is refused', n))
FROM unnest(ARRAY[2147483647, 1000000001, 0, -5]) n;
SELECT results_eq(numbered(1000000000), 'VALUES (1000000000)', 'the largest number');
SELECT results_eq($$SELECT version FROM mlops.train('two', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'linear', task => 'regression')$$,
    'VALUES (1000000001)', '... and another version after it');
