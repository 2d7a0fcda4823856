-- Vectors: arrays of one length and types like pgvector's, known by their name and their cast to real[].
SELECT plan(12);
SET client_min_messages = warning;

-- A stand-in for pgvector: the bytes of real[] behind a type of that name, and a cast by function with its three arguments.
CREATE SCHEMA extra;
CREATE TYPE extra.vector;
CREATE FUNCTION extra.vector_in(cstring, oid, int) RETURNS extra.vector LANGUAGE internal IMMUTABLE STRICT AS 'array_in';
CREATE FUNCTION extra.vector_out(extra.vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'array_out';
CREATE TYPE extra.vector (INPUT = extra.vector_in, OUTPUT = extra.vector_out, ELEMENT = float4, INTERNALLENGTH = variable,
	ALIGNMENT = int4, STORAGE = extended, SUBSCRIPT = raw_array_subscript_handler);
SELECT is((SELECT kind FROM mlops.describe($$SELECT '{1,2}'::extra.vector AS v UNION ALL SELECT '{1,3}'::extra.vector$$)), NULL, 'without a cast to real[] the type is nothing special');
CREATE FUNCTION extra.vector_to_float4(extra.vector, int, boolean) RETURNS real[] LANGUAGE internal IMMUTABLE STRICT AS 'numeric_uplus';
CREATE CAST (extra.vector AS real[]) WITH FUNCTION extra.vector_to_float4(extra.vector, int, boolean) AS IMPLICIT;
SELECT is(('{1.5,2}'::extra.vector)::real[], '{1.5,2}'::real[], 'the stand-in can be cast');

CREATE TABLE public.points AS SELECT g AS id, ARRAY[sin(g), cos(g), g % 17]::real[] AS v, 3 * sin(g) - 2 * cos(g) + 0.5 * (g % 17) + 7 AS y FROM generate_series(1, 3000) g;
CREATE TABLE public.embedded AS SELECT id, v::text::extra.vector AS v, y FROM points;
SELECT is((SELECT kind FROM mlops.describe('embedded') WHERE column_name = 'v'), 'vector', 'the type is a vector');
SELECT is(mlops.training_digest('embedded'), mlops.training_digest('points'), 'with the values of its cast');
SELECT is(rows_train, 3000::bigint, 'it can be trained on') FROM mlops.train('points', 'embedded', target => 'y', key => 'id', algorithm => 'linear', split => '"none"');
SELECT results_eq($$SELECT term, round(estimate::numeric, 4) FROM mlops.coefficients('points/latest')$$,
	$$VALUES ('(Intercept)', 7.0000), ('v[1]', 3.0000), ('v[2]', -2.0000), ('v[3]', 0.5000)$$, 'element by element');
SELECT is((SELECT count(*) FROM embedded e WHERE abs(mlops.predict('points/latest', e) - y) > 1e-5), 0::bigint, 'and predicted from');
SELECT is((SELECT count(*) FROM points p WHERE abs(mlops.predict('points/latest', p) - y) > 1e-5), 0::bigint, 'also from arrays');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT CASE id WHEN 7 THEN ''{1,2}'' ELSE v END AS v FROM embedded')$$, '2202E',
	'column "v" holds a vector of 2 elements where 3 were expected');

-- the first rows may have no vector at all, elements may be missing
SELECT is(mlops.training_digest('SELECT nullif(id, 1) AS id, CASE WHEN id > 500 THEN v END AS v FROM points ORDER BY id'),
	mlops.training_digest('SELECT nullif(id, 1) AS id, CASE WHEN id > 500 THEN v END AS v FROM points ORDER BY id DESC'), 'rows without a vector come first or last');

-- a type whose bytes are nothing like an array: all reading goes through its cast, once
CREATE TYPE extra.halfvec;
CREATE FUNCTION extra.halfvec_in(cstring) RETURNS extra.halfvec LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION extra.halfvec_out(extra.halfvec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE extra.halfvec (INPUT = extra.halfvec_in, OUTPUT = extra.halfvec_out, INTERNALLENGTH = variable, STORAGE = extended);
CREATE FUNCTION extra.halfvec_to_float4(extra.halfvec, int, boolean) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT translate(extra.halfvec_out($1)::text, '[]', '{}')::real[] $$;
CREATE CAST (extra.halfvec AS real[]) WITH FUNCTION extra.halfvec_to_float4(extra.halfvec, int, boolean) AS IMPLICIT;
CREATE TABLE public.bracketed AS SELECT id, translate(v::text, '{}', '[]')::extra.halfvec AS v, y FROM points;
SELECT is(mlops.training_digest('bracketed'), mlops.training_digest('points'), 'bytes of another layout: the values of the cast');
SELECT is((SELECT count(*) FROM bracketed b JOIN points p USING (id) WHERE mlops.predict('points/latest', b) IS DISTINCT FROM mlops.predict('points/latest', p)),
	0::bigint, 'and the same predictions');
