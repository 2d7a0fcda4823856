-- Tables of scores: what is in them, what a refresh touches, whose rights, mistakes.
SELECT plan(65);
\ir include/registry.sql
SET client_min_messages = warning;

CREATE TABLE people AS SELECT i AS id, 'k' || i AS code, hashint4(i) % 100 AS a, i % 7 AS b, hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y,
    hashint4(i) % 100 * 2.0 + i % 7 AS v, 'c' || i % 3 AS c FROM generate_series(1, 500) i;
SELECT version FROM generate_series(1, 2) s, mlops.train('b', 'SELECT id, a, b, y FROM people', target => 'y', key => 'id', algorithm => 'logistic', params => jsonb_build_object('reg_lambda', s));
SELECT version FROM mlops.train('r', 'SELECT id, a, b, v FROM people', target => 'v', key => 'id', algorithm => 'linear');
SELECT version FROM mlops.train('c', 'SELECT id, a, b, c FROM people', target => 'c', key => 'id', algorithm => 'logistic');
SELECT version FROM mlops.train('keyless', 'SELECT a, b, v FROM people', target => 'v', algorithm => 'linear');
SELECT mlops.promote('b', 1), mlops.promote('r', 1), mlops.promote('c', 1);

-- what is in them
SELECT results_eq($$SELECT * FROM mlops.score_into('b', 'people', 'scores')$$, $$VALUES ('b', 1, 'public.scores', 500::bigint, 500::bigint, 0::bigint, 0::bigint)$$, 'a new table');
SELECT is_empty($$SELECT p.id, mlops.predict('b/1', p), mlops.predict_label('b/1', p), 1 FROM people p EXCEPT SELECT id, score, label, model_version FROM scores$$, 'holds every score and label');
SELECT is((SELECT count(DISTINCT scored_at) FROM scores), 1::bigint, 'of one moment');
SELECT col_is_pk('public', 'scores', 'id', 'by key');
SELECT col_type_is('public', 'scores', 'id', 'integer', 'of the source''s type');
SELECT results_eq($$SELECT * FROM mlops.score_into('r', 'SELECT code::varchar(9), id::numeric(10, 2) AS id, a, b FROM people -- all', 'public."Odd, Table"', 'code, id')$$,
    $$VALUES ('r', 1, 'public."Odd, Table"', 500::bigint, 500::bigint, 0::bigint, 0::bigint)$$, 'a name in quotes, a key of two columns, a query');
SELECT is((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '"Odd, Table"'::regclass AND attnum > 0),
    'code character varying(9), id numeric(10,2), score double precision, model_version integer, scored_at timestamp with time zone', 'no labels where there are none');
SELECT is((SELECT count(*) FROM mlops.score_into('c', 'people', 'classes')), 1::bigint, 'three classes');
SELECT is_empty($$SELECT p.id, mlops.predict_label('c', p), (SELECT max(x) FROM unnest(mlops.predict_proba('c', p)) x) FROM people p EXCEPT SELECT id, label, score FROM classes$$, 'the score is the probability of the label');

-- a refresh touches what changed
SELECT xmin AS before FROM scores WHERE id = 1 \gset
UPDATE people SET a = -a - 1 WHERE id IN (5, 6);
DELETE FROM people WHERE id = 7;
INSERT INTO people (id, code, a, b) VALUES (1000, 'k1000', 5, NULL);
SELECT results_eq($$SELECT rows, added, changed, removed FROM mlops.score_into('b', 'people', 'scores')$$, $$VALUES (500::bigint, 1::bigint, 2::bigint, 1::bigint)$$, 'counts');
SELECT is_empty($$(SELECT p.id, mlops.predict('b/1', p), mlops.predict_label('b/1', p) FROM people p EXCEPT SELECT id, score, label FROM scores) UNION ALL (SELECT id, score, label FROM scores EXCEPT SELECT p.id, mlops.predict('b/1', p), mlops.predict_label('b/1', p) FROM people p)$$, 'the table is as if made anew');
SELECT is((SELECT array_agg(id ORDER BY id) FROM scores WHERE xmin::text <> :'before'), '{5,6,1000}'::int[], 'rows that stay are not written');
SELECT is((SELECT array_agg(id ORDER BY id) FROM scores WHERE scored_at = (SELECT max(scored_at) FROM scores)), '{5,6,1000}'::int[], 'scored_at moves with the row only');
SELECT mlops.promote('b', 2);
SELECT is((SELECT (version, current_version, stale)::text FROM mlops.score_tables WHERE relation = 'public.scores'), '(1,2,t)', 'stale after a promotion');
SELECT results_eq($$SELECT version, changed FROM mlops.score_into('b', 'people', 'scores')$$, $$VALUES (2, 500::bigint)$$, 'filled by the new version');
SELECT is((SELECT (version, stale, rows)::text FROM mlops.score_tables WHERE relation = 'public.scores'), '(2,f,500)', 'no longer stale');
SELECT is((SELECT array_agg(DISTINCT model_version) FROM scores), '{2}'::int[], 'each row says so');
SELECT results_eq($$SELECT * FROM mlops.score_into('b', 'SELECT * FROM people WHERE false', 'scores')$$, $$VALUES ('b', 2, 'public.scores', 0::bigint, 0::bigint, 0::bigint, 500::bigint)$$, 'an empty source empties it');

-- nothing is compiled while a table is filled; the setting is the caller's again after it and after an error
SET jit = on;
SELECT is((SELECT rows FROM mlops.score_into('b', $$SELECT * FROM people WHERE current_setting('jit') = 'off'$$, 'scores')), 500::bigint, 'filled without jit');
SELECT is(current_setting('jit'), 'on', 'jit as before');
SELECT throws_ok($$SELECT mlops.score_into('b', 'SELECT * FROM people WHERE 1 / (a * 0) = 1', 'scores')$$, '22012');
SELECT is(current_setting('jit'), 'on', 'after an error, too');
RESET jit;

-- in a transaction
BEGIN;
SELECT count(*) FROM mlops.score_into('b', 'people', 'gone');
ROLLBACK;
SELECT is((SELECT count(*) FROM mlops.score_tables WHERE relation = 'public.gone') + (SELECT count(*) FROM pg_class WHERE relname = 'gone'), 0::bigint, 'rolled back: no table, no record');
BEGIN READ ONLY;
SELECT is(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'people', 'gone')$$), '25006 | cannot execute mlops.score_into() in a read-only transaction', 'read-only');
ROLLBACK;

-- mistakes
SELECT is(pg_temp.try_as('none', call), answer, call) FROM (VALUES
    ($$SELECT mlops.score_into('nothing', 'people', 't')$$, '42704 | model "nothing" does not exist | The view mlops.models lists the models that you may use; mlops.train makes new ones.'),
    ($$SELECT mlops.score_into('b/9', 'people', 't')$$, '42704 | version 9 of model "b" does not exist | Its versions are 1 to 2. | The view mlops.versions lists them.'),
    ($$SELECT mlops.score_into('b', 'nowhere', 't')$$, '42P01 | relation "nowhere" does not exist'),
    ($$SELECT mlops.score_into('b', 'people', 'nowhere.t')$$, '3F000 | schema "nowhere" does not exist'),
    ($$SELECT mlops.score_into('b', 'people', NULL)$$, '22004 | argument "target_table" must not be null'),
    ($$SELECT mlops.score_into('b', 'DELETE FROM people', 't')$$, '22023 | source is the command DELETE, not a query | Give the name of a table or view, or exactly one SELECT.'),
    ($$SELECT mlops.score_into('b', 'people', 't', 'a')$$, NULL),
    ($$SELECT mlops.score_into('b', 'people', 't', 'idd')$$, NULL),
    ($$SELECT mlops.score_into('keyless/1', 'people', 't')$$, '22023 | the rows of a table of scores need a key | Version 1 of model "keyless" was trained without one. | Pass key => ''customer_id'', or several columns separated by commas.'),
    ($$SELECT mlops.score_into('b', 'people', 'people')$$, '42P07 | relation public.people already exists | It was not made by mlops.score_into. | Name a new table: it gets the columns that scores need.'),
    ($$SELECT mlops.score_into('r', 'people', 'scores')$$, '42P07 | table public.scores holds the scores of another model | Name another table, or drop this one first.'),
    ($$SELECT mlops.score_into('b', 'people', 'scores', 'code')$$, '22023 | table public.scores has the key "id", not "code" | Name another table, or drop this one first.'),
    ($$SELECT mlops.score_into('b', 'people', 'pg_temp.t')$$, '42P16 | a table of scores cannot be temporary')) c (call, answer) WHERE answer IS NOT NULL;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'people', 't', 'a')$$), '23505 | key "a" does not tell the rows of the source apart | % of its values are NULL or there more than once.', 'a key that is none');
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'people', 't', 'idd')$$), '42703 | column "idd" of the source does not exist%', 'a column that is none');

SELECT is(pg_temp.try_as('none', call), answer, call) FROM (VALUES
    ($$SELECT mlops.score_into('b', 'people', 't', '')$$, '22023 | the key names no column'),
    ($$SELECT mlops.score_into('b', 'people', 't', 'id, id')$$, '42701 | column "id" is in the key twice'),
    ($$SELECT mlops.score_into('b', 'SELECT id AS label, a, b FROM people', 't', 'label')$$,
     '42701 | a table of scores has a column "label", which cannot be its key | Give the key another name in the source: SELECT label AS id, ...')) c (call, answer);

-- a key that the table would round is no key of the table
SELECT is(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'SELECT id + 0.4 AS id, a, b FROM people', 'scores')$$),
    '42804 | table public.scores cannot take these scores | Column "id" has type integer, but would need numeric. | Name another table, or drop this one first.', 'another type of key');
SELECT is(pg_temp.try_as('none', $$SELECT mlops.score_into('r', 'SELECT code::varchar(9), id::numeric AS id, a, b FROM people', '"Odd, Table"')$$),
    '42804 | table public."Odd, Table" cannot take these scores | Column "id" has type numeric(10,2), but would need numeric. | Name another table, or drop this one first.', 'a wider one');

-- the key's collation is the source's, also where it takes different texts for the same
CREATE COLLATION score_any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT rows FROM mlops.score_into('b', 'SELECT code COLLATE score_any_case AS code, a, b FROM people', 'any_case', 'code');
SELECT is((SELECT collname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation WHERE attrelid = 'any_case'::regclass AND attname = 'code'), 'score_any_case', 'collation of a key');
SELECT results_eq($$SELECT rows, added, removed FROM mlops.score_into('b', 'SELECT upper(code) COLLATE score_any_case AS code, a, b FROM people', 'any_case')$$,
    $$VALUES (500::bigint, 0::bigint, 0::bigint)$$, 'the same keys, written otherwise');
SELECT rows FROM mlops.score_into('b', 'SELECT code COLLATE "C" AS code, a, b FROM people', 'in_bytes', 'code');
SELECT results_eq($$SELECT rows, added, removed FROM mlops.score_into('b', 'SELECT code COLLATE "POSIX" AS code, a, b FROM people', 'in_bytes')$$,
    $$VALUES (500::bigint, 0::bigint, 0::bigint)$$, 'a source of another collation');

-- another table, or a view, has got the name
SELECT rows FROM mlops.score_into('b', 'people', 'replaced');
DROP TABLE replaced;
SELECT is((SELECT count(*) FROM mlops.score_tables WHERE relation = 'public.replaced'), 0::bigint, 'a table that is dropped is not listed');
CREATE TABLE replaced (id integer PRIMARY KEY, score float8, amount integer);
INSERT INTO replaced VALUES (1, 2, 3);
SELECT is(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'people', 'replaced')$$),
    '42804 | table public.replaced cannot take these scores | It has no column "label" of type text. | Name another table, or drop this one first.', 'another table of that name');
SELECT is((SELECT count(*) FROM mlops.score_tables WHERE relation = 'public.replaced'), 0::bigint, '... is not listed either');
SELECT is((SELECT count(*) FROM mlops.lineage('b') WHERE object = 'public.replaced'), 0::bigint, '... is no use of the model');
SELECT rows_erased FROM mlops.forget('b', '1');
SELECT is((SELECT count(*) FROM replaced), 1::bigint, '... and keeps its rows, whatever is to be forgotten');
DROP TABLE replaced;
CREATE VIEW replaced AS SELECT * FROM scores;
SELECT is(pg_temp.try_as('none', $$SELECT mlops.score_into('b', 'people', 'replaced')$$),
    '42809 | public.replaced is not a table | Name a new table: it gets the columns that scores need.', 'a view of that name');
DROP VIEW replaced;

-- whose rights
DROP ROLE IF EXISTS score_owner, score_stranger;
CREATE ROLE score_owner;
CREATE ROLE score_stranger;
CREATE SCHEMA crm2 AUTHORIZATION score_owner;
GRANT SELECT ON people TO score_owner;
SELECT alike(pg_temp.try_as('score_owner', $$SELECT mlops.score_into('b', 'people', 'crm2.s')$$), '42501 | permission denied for model "b" |%', 'it takes predict');
SELECT mlops.grant_access('b', 'score_owner', 'predict'), mlops.grant_access('b', 'score_stranger', 'predict');
SELECT is(pg_temp.try_as('score_owner', $$SELECT rows FROM mlops.score_into('b', 'people', 'crm2.s')$$), '500', '... and no more');
SELECT is((SELECT tableowner::text FROM pg_tables WHERE tablename = 's'), 'score_owner', 'the table is the caller''s');
SELECT is(pg_temp.try_as('score_owner', $$SELECT string_agg(relation, ',') FROM mlops.score_tables$$), 'crm2.s', 'who filled it sees it');
SELECT alike(pg_temp.try_as('score_stranger', $$SELECT mlops.score_into('b', 'SELECT 1 AS id, 2 AS a, 3 AS b', 'crm2.s')$$), '42501 | permission denied for %', 'the table needs the caller''s rights');
SELECT alike(pg_temp.try_as('score_stranger', $$SELECT mlops.score_into('b', 'SELECT 1 AS id, 2 AS a, 3 AS b', 'crm2.t')$$), '42501 | permission denied for %', 'the schema, too');
SELECT is(pg_temp.try_as('score_stranger', $$SELECT count(*) FROM mlops.score_tables$$), '0', 'others do not see it');
-- whoever changes a version need not reach the schema of every table
CREATE ROLE score_manager;
SELECT mlops.grant_access('b', 'score_manager', 'manage'), mlops.grant_access('b', 'score_manager', 'read'), mlops.grant_access('b', 'score_manager', 'write');
SELECT mlops.set_alias('b', 'best', 2);
SELECT is(pg_temp.try_as('score_owner', $$SELECT rows FROM mlops.score_into('b@best', 'people', 'crm2.best')$$), '500', 'a table by alias');
SELECT is(pg_temp.try_as('score_manager', call), answer, call || ', with a table out of reach') FROM (VALUES
    ($$SELECT previous_production FROM mlops.promote('b', 1)$$, '2'), ($$SELECT to_version FROM mlops.rollback('b')$$, '2'),
    ($$SELECT mlops.set_alias('b', 'best', 1)$$, ''), ($$SELECT mlops.archive('b', 1)$$, '')) c (call, answer);
SELECT mlops.revoke_access('b', 'score_manager', 'all');
DROP ROLE score_manager;
GRANT SELECT, INSERT, UPDATE, DELETE ON crm2.s TO score_stranger; GRANT USAGE ON SCHEMA crm2 TO score_stranger;

-- operators of somebody's do not decide which rows go
CREATE SCHEMA evil;
CREATE FUNCTION evil.eq(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.eq);
SET search_path = evil, pg_catalog, public;
SELECT results_eq($$SELECT mlops.score_into('b', 'people', 'crm2.s')::text$$, $$VALUES ('(b,2,crm2.s,500,0,0,0)')$$, 'a hostile search_path changes nothing');
RESET search_path;
DROP SCHEMA crm2, evil CASCADE;
SELECT mlops.revoke_access('b', 'score_owner', 'all'), mlops.revoke_access('b', 'score_stranger', 'all');
DROP OWNED BY score_owner, score_stranger;
DROP ROLE score_owner, score_stranger;
SELECT is_empty('SELECT * FROM mlops.check_all() WHERE severity = ''error''', 'all is well');
