-- Models are UTF-8 inside. In a database with another encoding: values move in and out, plain ASCII trains, the rest is refused
-- with a reason and never stored half-converted.
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
SELECT plan(12);

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

CREATE TABLE plain AS SELECT i AS id, (i % 17)::float8 AS size, (ARRAY['early', 'late'])[1 + i % 2] AS part, 2.5 * (i % 17) + i % 2 AS y
FROM generate_series(1, 300) i;
SELECT lives_ok($$SELECT mlops.train('plain', 'plain', target => 'y', key => 'id', algorithm => 'linear')$$, 'plain names and labels train');
SELECT ok(abs(mlops.predict('plain/1', r) - r.y) < 1e-6, 'and predict') FROM plain r WHERE id = 8;
SELECT throws_ok($$SELECT mlops.train('odd', 'SELECT id, size AS "größe", part, y FROM plain', target => 'y', key => 'id', algorithm => 'linear')$$,
	'22023', 'model cannot be stored: a feature''s name is not valid UTF-8', 'other names are refused');
SELECT throws_ok($$SELECT mlops.train('odd', 'SELECT id, size, replace(part, ''a'', ''ä'') AS part, y FROM plain', target => 'y', key => 'id',
	algorithm => 'linear')$$, '22023', 'model cannot be stored: a level is not valid UTF-8', 'other levels, too');
SELECT is((SELECT count(*) FROM mlops.registered_models WHERE name = 'odd'), 0::bigint, 'and nothing is left of it');
SELECT * FROM finish();

\connect :"home"
DROP DATABASE :"latin1";
