-- What a role without rights could try: each attack is carried out, and must come to nothing.
SELECT plan(55);
\ir include/registry.sql

DROP ROLE IF EXISTS atk_owner, atk_mallory;
CREATE ROLE atk_owner;
CREATE ROLE atk_mallory;
CREATE SCHEMA atk AUTHORIZATION atk_mallory;
GRANT USAGE ON SCHEMA atk TO PUBLIC;
CREATE TABLE public.rows AS SELECT i AS id, (i % 13)::float8 AS x, (i % 13) * 2.0::float8 + 1 + (i % 3) AS y FROM generate_series(1, 300) i;
GRANT SELECT ON public.rows TO PUBLIC;
SET client_min_messages = warning;
SET ROLE atk_owner;
SELECT version FROM mlops.train('secret', 'SELECT id, x, y FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT version FROM mlops.promote('secret/1');
SELECT version FROM mlops.train('shown', 'SELECT id, x, y FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT version FROM mlops.promote('shown/1');
SELECT mlops.grant_access('shown', 'atk_mallory', 'predict');
RESET ROLE;

-- straight
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT mlops.predict('secret', 1)$$), '42501 | permission denied for model "secret" | %', 'predict');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT mlops.predict('secret/1', 1)$$), '42501 | permission denied for model "secret" | %', 'predict with a version');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT mlops.predict('secret@2999-01-01', 1)$$), '42501 | permission denied for model "secret" | %', 'predict at a time');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT mlops.model_value('shown/1')$$), '42501 | permission denied for model "shown" | %"read"%', 'predict does not give the value');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT count(*) FROM mlops.coefficients('shown')$$), '42501 | permission denied for model "shown" | %"read"%', '... or the coefficients');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT version FROM mlops.train('secret', 'SELECT id, x, y FROM public.rows', target => 'y', key => 'id', algorithm => 'linear')$$),
    '42501 | permission denied for model "secret" | %"write"%', 'training a version of somebody else''s model');
SELECT is(pg_temp.try_as('atk_mallory', $$SELECT mlops.predict('shown', 1) IS NOT NULL$$), 'true', 'while what was granted works');

-- the tables
SELECT is(pg_temp.try_as('atk_mallory', statement), '42501 | permission denied for ' || what, statement)
FROM (VALUES
    ('SELECT * FROM mlops.model_blobs', 'table model_blobs'),
    ('SELECT name FROM mlops.registered_models', 'table registered_models'),
    ('INSERT INTO mlops.model_grants SELECT model_id, ''atk_mallory''::regrole, ''manage'', ''atk_mallory''::regrole FROM mlops.models', 'table model_grants'),
    ('UPDATE mlops.registered_models SET owner = ''atk_mallory''::regrole', 'table registered_models'),
    ('DELETE FROM mlops.audit_log', 'table audit_log'),
    ('TRUNCATE mlops.stage_history CASCADE', 'table stage_history'),
    ('LOCK TABLE mlops.registered_models IN ACCESS EXCLUSIVE MODE', 'table registered_models'),
    ('LOCK TABLE mlops.models IN ACCESS EXCLUSIVE MODE', 'view models'),
    ('SELECT * FROM mlops.models FOR UPDATE', 'view models'),
    ('CREATE TABLE atk.probe (id uuid REFERENCES mlops.registered_models)', 'table registered_models'),
    ('CREATE FUNCTION mlops.predict(text, int) RETURNS float8 LANGUAGE sql AS ''SELECT 1.0::float8''', 'schema mlops')
) AS t (statement, what);
SELECT is(pg_temp.try_as('atk_mallory', 'CREATE TRIGGER t BEFORE UPDATE ON mlops.registered_models EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    '42501 | permission denied for table registered_models', 'a trigger');
SELECT is(pg_temp.try_as('atk_mallory', 'CREATE RULE r AS ON UPDATE TO mlops.registered_models DO INSTEAD NOTHING'),
    '42501 | must be owner of table registered_models', 'a rule');
ANALYZE mlops.registered_models, mlops.metrics;
SELECT is(pg_temp.try_as('atk_mallory', $$SELECT count(*) FROM pg_stats WHERE schemaname = 'mlops'$$), '0', 'statistics of the tables');

-- a function that notes what it is shown, and claims to cost nothing
SET ROLE atk_mallory;
CREATE TABLE atk.seen (what text);
CREATE FUNCTION atk.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    INSERT INTO atk.seen VALUES ($1);
    RETURN true;
END $$;
CREATE OPERATOR atk.?? (RIGHTARG = text, FUNCTION = atk.leak);
SELECT count(*) FROM mlops.models m WHERE atk.leak(m.model) AND OPERATOR(atk.??) m.owner AND atk.leak(m.model_id::text);
SELECT count(*) FROM mlops.versions v WHERE atk.leak(v.model) AND atk.leak(v.source) AND atk.leak(v.metrics::text) AND atk.leak(v.model_sha256);
SELECT count(*) FROM mlops.deployments d WHERE atk.leak(d.model);
SELECT count(*) FROM mlops.history h WHERE atk.leak(h.model) AND atk.leak(h.comment);
SELECT count(*) FROM mlops.experiment_runs r WHERE atk.leak(r.model) AND atk.leak(r.source) AND atk.leak(r.params::text);
SELECT count(*) FROM mlops.grants g WHERE atk.leak(g.model) AND atk.leak(g.grantee);
SELECT count(*) FROM mlops.audit a WHERE atk.leak(a.model) AND atk.leak(a.action);
SELECT count(*) FROM mlops.models m JOIN mlops.versions v ON atk.leak(v.model || v.source) AND m.model_id = v.model_id;
SELECT count(*) FROM (SELECT * FROM mlops.models OFFSET 0) m WHERE atk.leak(m.model);
RESET ROLE;
SELECT is((SELECT count(*) FROM atk.seen WHERE what LIKE '%secret%'), 0::bigint, 'a leaky function sees no hidden model');
SELECT is((SELECT count(*) FROM atk.seen WHERE what LIKE '%SELECT id%' OR what LIKE '%rmse%' OR what LIKE '%error%'), 0::bigint, '... and no training values of a model that it may only score with');
SELECT cmp_ok((SELECT count(*) FROM atk.seen WHERE what = 'shown'), '>=', 4::bigint, '... though it ran');

-- names of mallory's in front of the server's
SET ROLE atk_mallory;
CREATE TABLE atk.calls (who text);
CREATE FUNCTION atk.trap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO atk.calls VALUES (current_user);
    RETURN true;
END $$;
CREATE FUNCTION atk.eq(text, text) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(uuid, uuid) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(int, int) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(oid, int) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(regrole, regrole) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(regrole, int) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(bytea, bytea) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.eq(float8, float8) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT atk.trap()';
CREATE FUNCTION atk.plus(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT atk.trap()::int';
CREATE OPERATOR atk.= (LEFTARG = text, RIGHTARG = text, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = int, RIGHTARG = int, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = oid, RIGHTARG = int, FUNCTION = atk.eq);
CREATE OPERATOR atk.<> (LEFTARG = regrole, RIGHTARG = int, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = regrole, RIGHTARG = regrole, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = atk.eq);
CREATE OPERATOR atk.= (LEFTARG = float8, RIGHTARG = float8, FUNCTION = atk.eq);
CREATE OPERATOR atk.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = atk.plus);
CREATE FUNCTION atk.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT clock_timestamp() FROM (SELECT atk.trap()) t';
CREATE FUNCTION atk.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() FROM (SELECT atk.trap()) t';
CREATE FUNCTION atk.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT pg_catalog.unnest($1) FROM (SELECT atk.trap()) t';
CREATE FUNCTION atk.jsonb_each_text(jsonb, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE sql AS 'SELECT e.key, e.value FROM pg_catalog.jsonb_each_text($1) e, (SELECT atk.trap()) t';
CREATE FUNCTION atk.array_length(anyarray, int) RETURNS int LANGUAGE sql AS 'SELECT 0 FROM (SELECT atk.trap()) t';
CREATE FUNCTION atk.gen_random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT pg_catalog.gen_random_uuid() FROM (SELECT atk.trap()) t';
CREATE DOMAIN atk.regrole AS text;
CREATE DOMAIN atk.jsonb AS text;
GRANT ALL ON ALL TABLES IN SCHEMA atk TO PUBLIC;
RESET ROLE;
CREATE TABLE public.steps AS SELECT * FROM (VALUES
    ($$SELECT mlops.promote('spare/1')$$), ($$SELECT mlops.promote('spare/2', comment => 'x')$$), ($$SELECT mlops.rollback('spare')$$),
    ($$SELECT mlops.set_alias('spare/2', 'a')$$), ($$SELECT mlops.drop_alias('spare', 'a')$$), ($$SELECT mlops.set_tag('spare', 'k', 'v')$$),
    ($$SELECT mlops.set_tag('spare/1', 'k', 'v')$$), ($$SELECT mlops.set_description('spare', 'd')$$),
    ($$SELECT mlops.grant_access('spare', 'public', 'all')$$), ($$SELECT mlops.revoke_access('spare', 'public', 'all')$$), ($$SELECT mlops.prune_grants()$$),
    ($$SELECT mlops.rename_model('spare', 'spare2')$$), ($$SELECT mlops.transfer_ownership('spare2', 'atk_owner')$$), ($$SELECT mlops.delete_version('spare2/2')$$),
    ($$SELECT pg_catalog.count(value) FROM mlops.mlflow_metrics$$), ($$SELECT pg_catalog.count(value) FROM mlops.mlflow_latest_metrics$$),
    ($$SELECT pg_catalog.count(*) FROM mlops.evaluate('spare2/1', rows => 'all')$$),
    ($$SELECT mlops.predict('spare2/1', 1)$$), ($$SELECT mlops.has_access('spare2', 'read')$$),
    ($$SELECT row((SELECT pg_catalog.count(*) FROM mlops.models), (SELECT pg_catalog.count(*) FROM mlops.versions), (SELECT pg_catalog.count(*) FROM mlops.deployments),
        (SELECT pg_catalog.count(*) FROM mlops.history), (SELECT pg_catalog.count(*) FROM mlops.experiment_runs), (SELECT pg_catalog.count(*) FROM mlops.grants),
        (SELECT pg_catalog.count(*) FROM mlops.audit))$$),
    ($$SELECT mlops.promote('spare2', 'Staging')$$), ($$SELECT mlops.set_experiment_tag('spare2', 'k', 'v')$$), ($$SELECT mlops.score_into('spare2/1', 'SELECT id, x FROM public.rows', 'public.spare_scores')$$),
    ($$SELECT mlops.score_into('spare2/1', 'SELECT id, x FROM public.rows', 'public.spare_scores')$$), ($$SELECT pg_catalog.count(*) FROM mlops.score_tables$$), ($$SELECT pg_catalog.count(*) FROM mlops.lineage('spare2')$$),
    ($$SELECT pg_catalog.count(*) FROM mlops.forget('spare2', '3')$$), ($$SELECT pg_catalog.count(*) FROM mlops.check_all()$$),
    ($$SELECT pg_catalog.count(*) FROM mlops.verify('spare2/1')$$), ($$SELECT pg_catalog.count(*) FROM mlops.compare('spare2')$$),
    ($$CREATE TABLE public.parcel AS SELECT * FROM mlops.export_chunks('spare2/1')$$), ($$SELECT pg_catalog.count(*) FROM mlops.import_chunks('public.parcel', 'spare3')$$), ($$SELECT mlops.drop_model('spare3')$$),
    ($$SELECT mlops.promote('spare2/1', stage => 'None')$$), ($$SELECT mlops.drop_model('spare2')$$)) AS s (statement);
CREATE FUNCTION pg_temp.under_hostile_path() RETURNS text LANGUAGE plpgsql SET search_path = pg_temp, atk, pg_catalog AS $$
DECLARE
    s text := 'train';
    steps text[] := ARRAY(SELECT statement FROM public.steps);
    source text := 'SELECT id, x, y FROM public.rows';
BEGIN
    CREATE TEMP TABLE registered_models (model_id uuid, name text);
    CREATE TEMP TABLE model_versions (model_id uuid, version int);
    CREATE TEMP TABLE model_grants (model_id uuid, grantee regrole, privilege text);
    EXECUTE pg_catalog.format('SELECT version FROM mlops.train(%L, %L, target => %L, key => %L, algorithm => %L, split => %L)', 'spare', source, 'y', 'id', 'linear', '{"method": "none"}');
    EXECUTE pg_catalog.format('SELECT version FROM mlops.train(%L, %L, target => %L, key => %L, algorithm => %L, tags => %L)', 'spare', source, 'y', 'id', 'linear', '{"a": "b"}');
    FOREACH s IN ARRAY steps LOOP
        EXECUTE s;
    END LOOP;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN pg_catalog.format('%s: %s', s, SQLERRM);
END $$;
SELECT is(pg_temp.under_hostile_path(), 'done', 'every registry function works under a hostile search_path');
SELECT is((SELECT count(*) FROM atk.calls), 0::bigint, 'and calls nothing of it');
CREATE FUNCTION pg_temp.trap_works() RETURNS text LANGUAGE plpgsql SET search_path = atk, pg_catalog AS $$
BEGIN
    RETURN (SELECT count(*)::text FROM public.rows WHERE id = 1);
END $$;
SELECT is(pg_temp.trap_works(), '300', 'the same operators do catch a careless query');

-- functions of mallory's that run inside a superuser's maintenance
SET ROLE atk_mallory;
CREATE TABLE atk.attempts (during text, what text, outcome text);
CREATE FUNCTION atk.attempt(during text, what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    EXECUTE what INTO outcome;
    INSERT INTO atk.attempts VALUES (during, what, 'done: ' || coalesce(outcome, 'NULL'));
EXCEPTION WHEN OTHERS THEN
    INSERT INTO atk.attempts VALUES (during, what, SQLSTATE);
END $$;
CREATE FUNCTION atk.evil(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    during text := nullif(current_setting('atk.during', true), '');
BEGIN
    IF during IS NOT NULL THEN
        PERFORM atk.attempt(during, $q$SELECT mlops.grant_access('secret', 'atk_mallory', 'manage')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.promote('secret/1', stage => 'Archived')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.predict('secret', 1)$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.model_value('secret/1')$q$);
        PERFORM atk.attempt(during, $q$SELECT nullif(count(*), 0) FROM mlops.models WHERE model = 'secret'$q$);
        PERFORM atk.attempt(during, $q$SELECT nullif(mlops.has_access('secret', 'any'), false)$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.transfer_ownership('secret', 'atk_mallory')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.export_chunks('secret/1')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.forget('secret', '1')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.lineage('secret')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.verify('secret/1')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.check_all()$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.set_gate('secret', condition => 'true')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.approve('secret/1')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.delete_version('secret/1')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.drop_model('secret')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.set_experiment_tag('secret', 'k', 'v')$q$);
        PERFORM atk.attempt(during, $q$SELECT mlops.score_into('secret', 'public.rows', 'atk.stolen', 'id')$q$);
        PERFORM atk.attempt(during, $q$SELECT count(*) FROM mlops.train('secret', 'SELECT id, x, y FROM public.rows', target => 'y', key => 'id', algorithm => 'linear')$q$);
    END IF;
    RETURN i;
END $$;
CREATE TABLE atk.bait AS SELECT 1 AS i;
CREATE INDEX bait_evil ON atk.bait (atk.evil(i));
CREATE TABLE atk.partial_bait AS SELECT 1 AS i;
CREATE INDEX partial_evil ON atk.partial_bait (i) WHERE atk.evil(i) > 0;
CREATE MATERIALIZED VIEW atk.mat AS SELECT atk.evil(i) FROM atk.bait;
RESET ROLE;
SET atk.during = 'reindex';
REINDEX TABLE atk.bait;
REINDEX TABLE atk.partial_bait;
SET atk.during = 'analyze';
ANALYZE atk.bait;
SET atk.during = 'refresh';
REFRESH MATERIALIZED VIEW atk.mat;
SET atk.during = 'cluster';
CLUSTER atk.bait USING bait_evil;
SET atk.during = 'create index';
CREATE INDEX bait_again ON atk.bait (atk.evil(i));
RESET atk.during;
SELECT results_eq($$SELECT DISTINCT during FROM atk.attempts ORDER BY 1$$, $$VALUES ('analyze'), ('cluster'), ('create index'), ('refresh'), ('reindex')$$,
    'functions in indexes and views ran inside the maintenance');
SELECT is_empty($$SELECT * FROM atk.attempts WHERE outcome NOT IN ('42501', 'done: NULL')$$, '... with their owner''s rights only');
SELECT is((SELECT count(*) FROM atk.attempts WHERE outcome = 'done: NULL' AND what !~ '^SELECT nullif'), 0::bigint, '... and every action was denied');
SELECT is((SELECT owner || production_version FROM mlops.models WHERE model = 'secret'), 'atk_owner1', 'the model is as it was');
SELECT is((SELECT count(*) FROM mlops.grants WHERE model = 'secret'), 0::bigint, 'nothing was granted');

-- views and functions of others
CREATE VIEW public.all_models AS SELECT model, owner FROM mlops.models;
CREATE VIEW public.scores AS SELECT id, mlops.predict('secret', x) AS score FROM public.rows;
GRANT SELECT ON public.all_models, public.scores TO PUBLIC;
SELECT is(pg_temp.try_as('atk_mallory', 'SELECT string_agg(model, '','') FROM public.all_models'), 'shown', 'a superuser''s view over mlops.models shows the reader''s models');
SELECT alike(pg_temp.try_as('atk_mallory', 'SELECT sum(score) FROM public.scores'), '42501 | permission denied for model "secret" | %', 'a superuser''s view does not lend its right to predict');
SELECT is(pg_temp.try_as('atk_owner', 'SELECT count(score) FROM public.scores'), '300', '... and works for who has it');
SET ROLE atk_owner;
CREATE FUNCTION pg_temp.lent(float8) RETURNS float8 LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$SELECT mlops.predict('secret', $1)$$;
RESET ROLE;
SELECT is(pg_temp.try_as('atk_mallory', 'SELECT pg_temp.lent(1) IS NOT NULL'), 'true', 'an owner''s SECURITY DEFINER function does lend it, as it says');

-- one session, several roles; plans and caches that outlive a change of role
PREPARE score AS SELECT mlops.predict('secret', 1) IS NOT NULL;
PREPARE list AS SELECT string_agg(model, ',' ORDER BY model) FROM mlops.models;
SET plan_cache_mode = force_generic_plan;
EXECUTE score;
SELECT is(pg_temp.try_as('atk_mallory', 'EXECUTE list'), 'shown', 'a prepared list after SET ROLE');
SELECT alike(pg_temp.try_as('atk_mallory', 'EXECUTE score'), '42501 | %', 'a prepared prediction after SET ROLE');
SELECT is(pg_temp.try_as('atk_owner', 'EXECUTE list'), 'secret,shown', 'the same prepared list for the owner');
SELECT is(pg_temp.try_as('none', 'SELECT mlops.revoke_access(''shown'', ''atk_mallory'', ''all'')'), '', 'revoke');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT mlops.predict('shown', 1)$$), '42501 | %', 'takes effect in a session that has the model in its cache');
DEALLOCATE ALL;

-- parallel workers ask as the role of the session
SELECT mlops.grant_access('shown', 'atk_mallory', 'read');
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
CREATE FUNCTION pg_temp.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || statement; END $$;
SELECT isnt((SELECT count(*) FROM pg_temp.plan('SELECT model, version FROM mlops.versions') p WHERE p LIKE '%Gather%'), 0::bigint, 'a plan with workers');
SELECT is(pg_temp.try_as('atk_mallory', $$SELECT string_agg(model || version, ',') FROM mlops.versions$$), 'shown1', 'workers filter for mallory');
SELECT is(pg_temp.try_as('atk_mallory', $$SELECT count(*) FROM public.rows r WHERE mlops.has_access('secret', 'any') OR r.id < 0$$), '0', 'has_access in workers');
SELECT alike(pg_temp.try_as('atk_mallory', $$SELECT sum(mlops.predict('secret', r.x)) FROM public.rows r$$), '42501 | %', 'predict in workers');
SELECT is(pg_temp.try_as('atk_mallory', $$SELECT count(mlops.predict('shown', r.x)) FROM public.rows r$$), '300', 'predict in workers, granted');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

-- references that are none
SELECT alike(pg_temp.try_as('atk_mallory', format('SELECT mlops.predict(%L, 1)', r)), '22023 | %', 'not a reference: ' || left(quote_literal(r), 40))
FROM unnest(ARRAY['', 'shown''--', 'shown"; DROP TABLE x', repeat('x', 100000), 'models:/models:/shown', E'shown\n/1']) r;

-- bytes that were tampered with, by somebody who owns the tables
SELECT version FROM mlops.train('damaged', 'SELECT id, x, y FROM public.rows', target => 'y', key => 'id', algorithm => 'linear', seed => 7);
UPDATE mlops.model_blobs b SET data = set_byte(data, length(data) / 2, get_byte(data, length(data) / 2) # 1)
    FROM mlops.model_versions v JOIN mlops.registered_models m USING (model_id) WHERE m.name = 'damaged' AND b.sha256 = v.model_sha256;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.predict('damaged/1', 1)$$), 'XX001 | %', 'a changed byte is noticed');
UPDATE mlops.model_blobs b SET data = (SELECT o.data FROM mlops.model_blobs o JOIN mlops.model_versions v ON v.model_sha256 = o.sha256
        JOIN mlops.registered_models m USING (model_id) WHERE m.name = 'secret')
    FROM mlops.model_versions v JOIN mlops.registered_models m USING (model_id) WHERE m.name = 'damaged' AND b.sha256 = v.model_sha256;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.predict('damaged/1', 1)$$), 'XX001 | %SHA-256%', 'the bytes of another model, valid in themselves, too');
SET session_replication_role = replica;
DELETE FROM mlops.model_blobs b USING mlops.model_versions v, mlops.registered_models m WHERE v.model_id = m.model_id AND m.name = 'damaged' AND b.sha256 = v.model_sha256;
RESET session_replication_role;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.predict('damaged/1', 1)$$), 'XX001 | %', 'missing bytes too');

DROP SCHEMA atk CASCADE;
DROP VIEW public.scores, public.all_models;
DROP FUNCTION pg_temp.lent(float8);
DROP TABLE public.rows CASCADE;
DROP OWNED BY atk_mallory, atk_owner CASCADE;
DROP ROLE atk_mallory, atk_owner;
