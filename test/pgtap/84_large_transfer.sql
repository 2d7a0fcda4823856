-- A model of several chunks travels: in any order of rows; damage of any kind is named, and nothing of it is kept.
SELECT plan(27);
\ir include/registry.sql
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, hashint4(i)::float8 / 1e6 AS x1, hashint4(i * 3)::float8 / 1e6 AS x2, hashint4(i * 7)::float8 / 1e6 AS x3, hashint4(i * 13)::float8 / 1e6 AS y
    FROM generate_series(1, 60000) i;
SELECT version FROM mlops.train('forest', 'rows', target => 'y', key => 'id', algorithm => 'random_forest', params => '{"n_estimators": 9, "min_samples_leaf": 1}', split => '"none"');
SELECT model_bytes AS size, model_sha256 AS sha FROM mlops.versions WHERE model = 'forest' \gset
SELECT cmp_ok(:size::bigint, '>', 3 * 8388608::bigint, 'a model of more than three chunks');
SELECT results_eq($$SELECT chunk_no, length(data) FROM mlops.model_blobs ORDER BY 1$$,
    format($$SELECT i, least(8388608, %s - i * 8388608)::int FROM generate_series(0, (%1$s - 1) / 8388608) i$$, :size), 'is kept in chunks of 8 MB');

CREATE TABLE parcel (model text, version int, chunk_no int, data bytea);
ALTER TABLE parcel ALTER data SET STORAGE EXTERNAL;
INSERT INTO parcel SELECT * FROM mlops.export_chunks('forest/1');
SELECT is((SELECT array_agg(chunk_no ORDER BY chunk_no) FROM parcel), (SELECT array_agg(i) FROM generate_series(0, (:size + 8388607) / 8388608) i)::int[], 'a manifest and the chunks');
SELECT cmp_ok((SELECT max(length(data)) FROM parcel), '<=', 8388608, 'of at most 8 MB');
SELECT is((SELECT encode(sha256(string_agg(data, ''::bytea ORDER BY chunk_no)), 'hex') FROM parcel WHERE chunk_no > 0), :'sha', 'together they are the bytes');

CREATE FUNCTION pg_temp.arrives(source text, name text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.try_as('none', format('SELECT status || (SELECT model_sha256 FROM mlops.versions v WHERE v.model = i.model) FROM mlops.import_chunks(%L, %L) i', source, name)) $$;
CREATE FUNCTION pg_temp.sha(name text) RETURNS text LANGUAGE sql AS $$ SELECT model_sha256 FROM mlops.versions WHERE model = name $$;
SELECT is(pg_temp.try_as('none', format('SELECT status FROM mlops.import_chunks(%L, %L)', source, name)), 'imported', 'imported: ' || what) FROM (VALUES
    ('in order', 'SELECT * FROM parcel ORDER BY chunk_no', 'ordered'), ('backwards', 'SELECT * FROM parcel ORDER BY chunk_no DESC', 'backwards'),
    ('shuffled', 'SELECT * FROM parcel ORDER BY md5(chunk_no::text)', 'shuffled'),
    ('cut otherwise', $$SELECT model, version, 2 * chunk_no - 2 + h AS chunk_no, CASE h WHEN 1 THEN substr(data, 1, 1000000) ELSE substr(data, 1000001) END AS data
        FROM parcel, generate_series(1, 2) h WHERE chunk_no > 0 UNION ALL SELECT model, version, 0, data FROM parcel WHERE chunk_no = 0$$, 'cut')) c (what, source, name);
SELECT is((SELECT array_agg(DISTINCT model_sha256) FROM mlops.versions), ARRAY[:'sha'], 'with the same bytes');
SELECT is((SELECT count(DISTINCT sha256) FROM mlops.model_blobs), 1::bigint, '... which are stored once');
SELECT is((SELECT count(*) FROM rows r WHERE id <= 300 AND mlops.predict('shuffled/1', r) IS DISTINCT FROM mlops.predict('forest/1', r)), 0::bigint, '... and the same scores');

-- damage
CREATE FUNCTION pg_temp.damaged(source text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_as('none', format('SELECT mlops.import_chunks(%L, %L)', source, 'damaged')) $$;
CREATE TEMP TABLE last AS SELECT max(chunk_no) AS n FROM parcel;
GRANT SELECT ON last TO PUBLIC;
SELECT is(pg_temp.damaged(source), '22P03 | exported version 1 of model "forest" is damaged | ' || answer || ' | Export it again with mlops.export_chunks; every chunk must arrive.', what) FROM (VALUES
    ('the last chunk is missing', 'SELECT * FROM parcel WHERE chunk_no < (SELECT n FROM last)', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('the last chunk was cut', 'SELECT model, version, chunk_no, CASE WHEN chunk_no = (SELECT n FROM last) THEN substr(data, 1, length(data) - 1) ELSE data END AS data FROM parcel', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('one in the middle is missing', 'SELECT * FROM parcel WHERE chunk_no <> 2', 'Chunk 2 is missing, or there more than once.'),
    ('one in the middle was cut', 'SELECT model, version, chunk_no, CASE WHEN chunk_no = 2 THEN substr(data, 2) ELSE data END AS data FROM parcel', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('one is there twice', 'SELECT * FROM parcel UNION ALL SELECT * FROM parcel WHERE chunk_no = 2', 'Chunk 2 is missing, or there more than once.'),
    ('all are there twice', 'SELECT * FROM parcel UNION ALL SELECT * FROM parcel', 'Chunk 0 is missing, or there more than once.'),
    ('two have changed numbers', 'SELECT model, version, CASE chunk_no WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE chunk_no END AS chunk_no, data FROM parcel', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('one bit of the third', 'SELECT model, version, chunk_no, CASE WHEN chunk_no = 3 THEN set_bit(data, 4000000, 1 - get_bit(data, 4000000)) ELSE data END AS data FROM parcel', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('one more at the end', 'SELECT * FROM parcel UNION ALL SELECT model, version, n + 1, ''\x00'' FROM parcel, last WHERE chunk_no = 0', 'Its bytes do not match the SHA-256 of the manifest.'),
    ('one without data', 'SELECT model, version, chunk_no, CASE WHEN chunk_no <> 2 THEN data END AS data FROM parcel', 'A chunk has no number or no data.'),
    ('a negative number', 'SELECT model, version, CASE WHEN chunk_no = 1 THEN -1 ELSE chunk_no END AS chunk_no, data FROM parcel', 'Chunk -1 is missing, or there more than once.'),
    ('more bytes than a model can have', 'SELECT model, version, 40 * chunk_no + i AS chunk_no, data FROM parcel, generate_series(0, 39) i WHERE chunk_no = 0 AND i = 0 UNION ALL SELECT model, version, i, data FROM parcel, generate_series(1, 40) i WHERE chunk_no = 1',
        'The model is larger than a model can be.')) d (what, source, answer);
SELECT is((SELECT count(*) FROM mlops.models WHERE model = 'damaged') + (SELECT count(DISTINCT sha256) - 1 FROM mlops.model_blobs), 0::bigint, 'nothing of it was kept');
SELECT is(pg_temp.try_as('none', $$SELECT string_agg(status, ',') FROM mlops.import_chunks('parcel', 'ordered', 'renumber')$$), 'renumbered', 'the parcel itself is whole');
SELECT is_empty('SELECT * FROM mlops.check_all()', 'all is sound');
