-- What training records, how model bytes are stored and found again, references in time, and the copies that workers of Citus read.
SELECT plan(47);
\ir include/registry.sql
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, (i % 17)::float8 AS x, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END AS c, (i % 17) + i % 5 AS y FROM generate_series(1, 400) i;

-- what training leaves
CREATE TEMP TABLE trained AS SELECT * FROM mlops.train('m', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear',
    tags => '{"team": "crm", "none": null}', params => '{"reg_lambda": 0.5}');
SELECT results_eq($$SELECT v.model, v.version, v.run_id, v.algorithm, v.task, v.rows_train, v.rows_test, v.rows_skipped, v.metrics FROM mlops.versions v$$,
    $$SELECT model, version, run_id, algorithm, task, rows_train, rows_test, rows_skipped, metrics FROM trained$$, 'mlops.versions says what train returned');
SELECT is((SELECT row(stage, target, key, source, author, tags)::text FROM mlops.versions),
    row('None', 'y', 'id', 'SELECT * FROM public.rows', current_user, '{"team": "crm"}'::jsonb)::text, 'and where it came from');
SELECT is((SELECT params ->> 'reg_lambda' FROM mlops.versions), '0.5', 'parameters as used');
SELECT is((SELECT model_sha256 FROM mlops.versions),
    (SELECT encode(sha256(string_agg(data, ''::bytea ORDER BY chunk_no)), 'hex') FROM mlops.model_blobs), 'model_sha256 is the digest of the bytes');
SELECT is((SELECT model_bytes FROM mlops.versions), (SELECT sum(length(data)) FROM mlops.model_blobs)::bigint, 'model_bytes their length');
SELECT is((SELECT row(model, version, experiment, run_name, status, source, tags)::text FROM mlops.experiment_runs),
    row('m', 1, 'm', 'm/1', 'FINISHED', 'SELECT * FROM public.rows', '{"team": "crm"}'::jsonb)::text, 'the run');
SELECT ok((SELECT start_time <= end_time AND start_time > now() - interval '1 minute' AND arguments ->> 'target' = 'y' AND search_path IS NOT NULL FROM mlops.experiment_runs),
    'with times, arguments and search_path');
SELECT results_eq($$SELECT action, version, from_stage, to_stage FROM mlops.history$$, $$VALUES ('register', 1, NULL, 'None')$$, 'history begins');
SELECT results_eq($$SELECT action, role, model, version FROM mlops.audit$$, $$VALUES ('train', 'postgres', 'm', 1)$$, 'and so does the audit log');
SELECT is((SELECT xid FROM mlops.audit WHERE action = 'train') IS NOT NULL, true, 'with the transaction');
BEGIN;
SELECT version FROM mlops.train('m', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT version FROM mlops.train('gone', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
ROLLBACK;
SELECT is((SELECT row((SELECT count(*) FROM mlops.models), (SELECT count(*) FROM mlops.runs), (SELECT count(*) FROM mlops.model_blobs), (SELECT count(*) FROM mlops.experiments),
    (SELECT count(*) FROM mlops.audit_log), (SELECT last_version FROM mlops.registered_models))::text), '(1,1,1,1,1,1)', 'a training that is rolled back leaves nothing');

-- metrics that are no numbers
INSERT INTO mlops.metrics SELECT run_uuid, k, 0, v, now(), k = 'nan' FROM mlops.runs, (VALUES ('nan', 0), ('infinite', 'Infinity'::float8)) t (k, v);
SELECT is((SELECT metrics -> 'nan' FROM mlops.versions), 'null', 'an undefined metric is null');
SELECT is((SELECT metrics ->> 'infinite' FROM mlops.versions), 'Infinity', 'an infinite one is shown');

-- bytes in chunks
CREATE TABLE answer AS SELECT mlops.model_value('m/1')::bytea AS whole;
CREATE FUNCTION pg_temp.split(pieces int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    whole bytea := (SELECT string_agg(data, ''::bytea ORDER BY chunk_no) FROM mlops.model_blobs);
    digest bytea := sha256(whole);
    size int := ceil(length(whole)::float8 / pieces);
BEGIN
    DELETE FROM mlops.model_blobs WHERE chunk_no > 0;
    UPDATE mlops.model_blobs SET data = substr(whole, 1, size);
    INSERT INTO mlops.model_blobs SELECT digest, i, substr(whole, i * size + 1, size) FROM generate_series(1, pieces - 1) i;
END $$;
SELECT pg_temp.split(13);
SELECT is(mlops.model_value('m/1')::bytea, (SELECT whole FROM answer), 'thirteen chunks are joined in order');
DELETE FROM mlops.model_blobs WHERE chunk_no = 12;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.model_value('m/1')$$), 'XX001 | %SHA-256%', 'the last one missing');
INSERT INTO mlops.model_blobs SELECT sha256, 12, ''::bytea FROM mlops.model_blobs WHERE chunk_no = 0;
DELETE FROM mlops.model_blobs WHERE chunk_no = 6;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.model_value('m/1')$$), 'XX001 | %lacks chunk 6%', 'one in the middle missing');
SELECT mlops.drop_model('m');
SELECT is((SELECT count(*) FROM mlops.model_blobs), 0::bigint, 'every chunk goes with the model');

-- a model of more than one chunk: 10,000 categories with names of 1 kB
CREATE TABLE wide AS SELECT i AS id, repeat(md5((i % 10000)::text), 31) AS c, (i % 10000)::float8 + i % 2 AS y FROM generate_series(1, 100000) i;
SELECT version FROM mlops.train('wide', 'SELECT * FROM public.wide', target => 'y', key => 'id', algorithm => 'linear', split => '{"method": "none"}',
    transform => '{"c": {"encode": "ordinal"}}');
SELECT cmp_ok((SELECT model_bytes FROM mlops.versions WHERE model = 'wide'), '>', 8 * 1024 * 1024::bigint, 'a large model');
SELECT is((SELECT array_agg(length(data) ORDER BY chunk_no) FROM mlops.model_blobs),
    (SELECT ARRAY[8 * 1024 * 1024, model_bytes - 8 * 1024 * 1024]::int[] FROM mlops.versions WHERE model = 'wide'), 'is kept in chunks of 8 MB');
SELECT is((SELECT model_sha256 FROM mlops.versions WHERE model = 'wide'),
    (SELECT encode(sha256(string_agg(data, ''::bytea ORDER BY chunk_no)), 'hex') FROM mlops.model_blobs), 'digest over all chunks');
SELECT is((SELECT count(*) FROM mlops.predict('wide/1', repeat(md5('7'), 31)) p WHERE p IS NOT NULL), 1::bigint, 'and scores');
SELECT mlops.drop_model('wide');

-- what was in Production when
SELECT pg_temp.add_version('past', current_user::regrole) FROM generate_series(1, 3);
SELECT mlops.promote('past/1');
SELECT mlops.promote('past/2');
SELECT mlops.promote('past/2', stage => 'Archived');
SELECT mlops.promote('past/3');
SELECT mlops.rollback('past');
-- events: 1-3 register; 4 promote 1; 5 archive 1, 6 promote 2; 7 take 2 out; 8 promote 3; 9 archive 3, 10 rollback to 1
UPDATE mlops.stage_history SET changed_at = '2026-01-01 00:00+00'::timestamptz + (CASE event WHEN 4 THEN 1 WHEN 5 THEN 2 WHEN 6 THEN 2 WHEN 7 THEN 3 WHEN 8 THEN 4 ELSE 5 END) * interval '1 day'
    WHERE event > 3;
CREATE FUNCTION pg_temp.at(stamp text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    got text := pg_temp.try_as('none', format('SELECT mlops.set_alias(%L, %L)', 'past@' || stamp, 'probe'));
BEGIN
    RETURN CASE WHEN got = '' THEN (SELECT version::text FROM mlops.versions WHERE 'probe' = ANY (aliases)) ELSE left(got, 5) END;
END $$;
SELECT is(pg_temp.at(stamp), want, 'in Production at ' || stamp)
FROM (VALUES
    ('2026-01-01', '42704'), ('2026-01-01 23:59:59.999999', '42704'), ('2026-01-02', '1'), ('2026-01-02 23:59:59', '1'),
    ('2026-01-03', '2'), ('2026-01-03T12:00:00Z', '2'), ('2026-01-04 00:00:01', '42704'), ('2026-01-05', '3'), ('2026-01-06', '1'), ('2030-01-01', '1'),
    ('2026-01-03 00:30+01:00', '1')) t (stamp, want);

-- Copies for the workers of Citus, whose catalogs are imitated (test/t/090_citus.pl has the real one).
SELECT version FROM mlops.train('c', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT mlops.promote('c/1'), mlops.set_alias('c/1', 'champion');
DROP ROLE IF EXISTS cat_reader, cat_owner;
CREATE ROLE cat_reader;
CREATE FUNCTION pg_temp.answers() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ',
        pg_temp.try_as('none', $q$SELECT md5(mlops.model_value('c/1')::bytea)$q$),
        pg_temp.try_as('none', $q$SELECT mlops.model_value('c/7')$q$),
        pg_temp.try_as('none', $q$SELECT round(sum(mlops.predict('c/1', r))::numeric, 6) FROM rows r$q$),
        pg_temp.try_as('cat_reader', 'SELECT mlops.predict(''c/1'', 1, ''a'')'),
        pg_temp.try_as('none', 'SELECT mlops.predict(''nothing'', 1)')) $$;
SET check_function_bodies = off;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT 'm', row(model_id, name, owner::text, last_version)::text FROM mlops.registered_models UNION ALL SELECT 'v', row(model_id, version, stage, run_id, model_sha256)::text FROM mlops.model_versions
        UNION ALL SELECT 'b', b::text FROM mlops.model_blobs b UNION ALL SELECT 'a', a::text FROM mlops.aliases a
        UNION ALL SELECT 'h', row(model_id, event, version, from_stage, to_stage, changed_at)::text FROM mlops.stage_history
        UNION ALL SELECT 'g', row(model_id, replace(grantee::text, '-', 'public'), privilege)::text FROM mlops.model_grants) t (k, r)
    FULL JOIN (
        SELECT 'm', s::text FROM mlops.shared_registered_models s UNION ALL SELECT 'v', s::text FROM mlops.shared_model_versions s
        UNION ALL SELECT 'b', s::text FROM mlops.shared_model_blobs s UNION ALL SELECT 'a', s::text FROM mlops.shared_aliases s
        UNION ALL SELECT 'h', s::text FROM mlops.shared_stage_history s UNION ALL SELECT 'g', s::text FROM mlops.shared_model_grants s) s (k, r) USING (k, r)
    WHERE t IS NULL OR s IS NULL $$;

SELECT alike(pg_temp.try_as('none', 'SELECT mlops.citus_share()'), '42704 | extension "citus" is not installed%', 'nothing to share without Citus');
SELECT alike(pg_temp.try_as('cat_reader', 'SELECT mlops.citus_share()'), '42501 | permission denied for function citus_share%', 'nor for everybody');
CREATE ROLE cat_owner;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO public, cat_reader;
DO $$
BEGIN
    EXECUTE (SELECT string_agg(format('ALTER TABLE mlops.%I OWNER TO cat_owner', relname), ';') FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'r');
END $$;
SELECT is(mlops.copy_registry(), '{mlops.shared_registered_models,mlops.shared_model_versions,mlops.shared_model_blobs,mlops.shared_aliases,mlops.shared_stage_history,mlops.shared_model_grants}',
    'copies are made');
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM public, cat_reader;
SELECT is(pg_temp.differences(), 0::bigint, 'with all that there is');
SELECT is_empty($$SELECT relname FROM pg_class, aclexplode(relacl) a WHERE relname LIKE 'shared\_%' AND relnamespace = 'mlops'::regnamespace AND a.grantee <> relowner$$,
    'and nobody may read them');
SELECT version FROM mlops.train('d', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear', seed => 7);
SELECT version FROM mlops.train('c', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear', seed => 7, params => '{"reg_lambda": 3}');
SELECT mlops.promote('c/2'), mlops.rollback('c'), mlops.set_alias('c/2', 'champion'), mlops.set_alias('c/2', 'other'), mlops.drop_alias('c', 'other');
SELECT mlops.grant_access('c', 'cat_reader', 'read'), mlops.grant_access('d', 'public', 'predict'), mlops.rename_model('d', 'e'), mlops.transfer_ownership('e', 'cat_reader');
SELECT is(pg_temp.differences(), 0::bigint, 'every change goes into the copies');
SELECT cmp_ok((SELECT count(*) FROM mlops.shared_model_grants), '=', 2::bigint, 'grants too');
SELECT mlops.revoke_access('c', 'cat_reader', 'read'), mlops.drop_model('e'), mlops.delete_version('past', 3);
SELECT is(pg_temp.differences(), 0::bigint, 'so does what is removed');
SELECT mlops.grant_access('c', 'public', 'read');

-- a worker: no rows of its own, the copies are in shards
CREATE TABLE before AS SELECT pg_temp.answers() AS a;
SELECT isnt((SELECT a FROM before), NULL, 'answers of the registry');
TRUNCATE mlops.registered_models, mlops.model_versions, mlops.model_blobs, mlops.aliases, mlops.stage_history, mlops.model_grants;
DO $$
DECLARE t text; i text;
BEGIN
    FOR t, i IN SELECT c.relname, x.relname FROM pg_index JOIN pg_class c ON c.oid = indrelid JOIN pg_class x ON x.oid = indexrelid
                WHERE c.relname LIKE 'shared\_%' AND c.relnamespace = 'mlops'::regnamespace LOOP
        EXECUTE format('ALTER INDEX mlops.%I RENAME TO %I', i, i || '_102008');
    END LOOP;
    FOR t IN SELECT relname FROM pg_class WHERE relname LIKE 'shared\_%' AND relkind = 'r' AND relnamespace = 'mlops'::regnamespace LOOP
        EXECUTE format('ALTER TABLE mlops.%I RENAME TO %I', t, t || '_102008');
        EXECUTE format('CREATE TABLE mlops.%I (LIKE mlops.%I)', t, t || '_102008');
    END LOOP;
END $$;
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_local_group (groupid int);
INSERT INTO pg_dist_local_group VALUES (0);
CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass, shardid bigint);
CREATE INDEX pg_dist_shard_logicalrelid_index ON pg_catalog.pg_dist_shard (logicalrelid);
RESET allow_system_table_mods;
INSERT INTO pg_dist_shard SELECT oid, 102008 FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relname LIKE 'shared\_%' AND relname NOT LIKE '%102008' AND relkind = 'r';
SELECT alike(pg_temp.answers(), '42704 | %', 'a coordinator reads the registry itself');
UPDATE pg_dist_local_group SET groupid = 3;
SELECT is(pg_temp.answers(), (SELECT a FROM before), 'a worker reads the copies');
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT is(pg_temp.answers(), (SELECT a FROM before), '... also in parallel workers');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT is_empty($$SELECT r, a FROM (SELECT r, pg_temp.try_as('none', format(q, r)) AS a FROM unnest('{c,c/latest,c/Archived,c@champion,c@2999-01-01}'::text[]) r,
        (VALUES ('SELECT sum(mlops.predict(%L, r)) FROM rows r'), ('SELECT mlops.model_value(%L)')) AS q (q)) AS x
    WHERE a NOT LIKE format('0A000 | "%s" may mean another version of the model on another node%%', r)$$, 'what may differ between nodes is refused there');
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.promote('c/2')$$), '0A000 | the model registry of this node is a copy%', 'and so are changes');
UPDATE mlops.shared_model_grants_102008 SET grantee = 'pg_gone_7';
SELECT alike(pg_temp.try_as('cat_reader', 'SELECT mlops.predict(''c/1'', 1, ''a'')'), '42501 | %', 'a role that is gone is not everybody');
DELETE FROM pg_dist_local_group;
DROP OWNED BY cat_reader;
REASSIGN OWNED BY cat_owner TO postgres;
DROP ROLE cat_reader, cat_owner;
