-- Models are UTF-8 inside: values move in and out of a database with another encoding. test/t/013_encodings.pl trains there.
SELECT current_database() AS home, 'mlops_latin1_' || pg_backend_pid() AS latin1 \gset
CREATE TABLE rows AS
SELECT i AS id, (i % 17)::float8 AS "größe", (ARRAY['früh', 'spät'])[1 + i % 2] AS zeit, 2.5 * (i % 17) + i % 2 AS y FROM generate_series(1, 300) i;
SET client_min_messages = warning;
SELECT count(*) AS trained FROM mlops.train('utf8', 'rows', target => 'y', key => 'id', algorithm => 'linear') \gset
SELECT mlops.model_value('utf8/1') AS model, mlops.predict('utf8/1', r) AS expected FROM rows r WHERE id = 8 \gset

CREATE DATABASE :"latin1" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\connect :"latin1"
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION mlops;
SELECT plan(7);

SELECT is(pg_encoding_to_char(encoding)::text, 'LATIN1', 'a database of another encoding') FROM pg_database WHERE datname = current_database();
CREATE TABLE models (m mlops.model);
SELECT lives_ok(format('INSERT INTO models VALUES (%L)', :'model'), 'a model from a UTF-8 database comes in');
SELECT is(m::text, :'model', 'and goes out as it was') FROM models;
SELECT is(m::jsonb #>> '{features,0,name}', 'größe', 'its names are shown in the encoding of the database') FROM models;
SELECT is((SELECT count(*) FROM models, jsonb_array_elements_text(m::jsonb #> '{features,1,transforms,0,levels}') l WHERE l IN ('früh', 'spät')), 2::bigint,
	'its levels, too');
CREATE TABLE rows AS SELECT 8::float8 AS "größe", 'früh'::text AS zeit;
SELECT is(mlops.predict(m, r), :'expected'::float8, 'columns and levels are matched across encodings') FROM models, rows r;
SELECT is((SELECT mlops.predict_json(m, '{"größe": 8, "zeit": "früh"}') ->> 'score' FROM models)::float8, :'expected'::float8, 'in JSON, too');

SELECT * FROM finish();

\connect :"home"
DROP DATABASE :"latin1";
