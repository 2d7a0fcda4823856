-- What training records, how model bytes are stored and found again, references in time, and tables that Citus keeps.
SELECT plan(39);
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

-- tables that Citus keeps: the same answers through SPI.  Its catalog is imitated; to prove which way is taken, the indexes get other names,
-- which a plain ordered scan does not survive.
SELECT version FROM mlops.train('c', 'SELECT * FROM public.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT mlops.promote('c/1'), mlops.set_alias('c/1', 'champion');
CREATE FUNCTION pg_temp.answers() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ',
        (SELECT string_agg(r || ' ' || pg_temp.try_as('none', format('SELECT md5(mlops.model_value(%L)::bytea)', r)), ' | ')
         FROM unnest('{c,c/1,c/latest,c/Staging,c@champion,c@2999-01-01,c@2001-01-01}'::text[]) r),
        pg_temp.try_as('none', $q$SELECT round(sum(mlops.predict('c', r))::numeric, 6) FROM rows r$q$),
        pg_temp.try_as('cat_reader', 'SELECT mlops.predict(''c'', 1, ''a'')'),
        pg_temp.try_as('none', 'SELECT mlops.promote(''nothing'')')) $$;
DROP ROLE IF EXISTS cat_reader;
CREATE ROLE cat_reader;
CREATE TABLE plain_answers AS SELECT pg_temp.answers() AS a;
SELECT isnt((SELECT a FROM plain_answers), NULL, 'answers of plain tables');
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char");
RESET allow_system_table_mods;
SELECT is(pg_temp.answers(), (SELECT a FROM plain_answers), 'Citus is there, but has none of our tables');
INSERT INTO pg_dist_partition SELECT oid, 'n' FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'r';
SELECT is(pg_temp.answers(), (SELECT a FROM plain_answers), 'tables of Citus: the same answers');
ALTER INDEX mlops.model_versions_pkey RENAME TO elsewhere1;
ALTER INDEX mlops.model_blobs_pkey RENAME TO elsewhere2;
SELECT is(pg_temp.answers(), (SELECT a FROM plain_answers), '... that use no index of ours');
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT is(pg_temp.answers(), (SELECT a FROM plain_answers), '... also in parallel workers');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT is((SELECT row(model, version, to_stage)::text FROM mlops.promote('c/1', stage => 'Archived')), '(c,1,Archived)', 'promote there');
DELETE FROM pg_dist_partition;
SELECT alike(pg_temp.try_as('none', $$SELECT mlops.model_value('c/latest')$$), '42P01 | relation "mlops.model_versions_pkey" does not exist | %',
    'a plain table without its index is an error, not a wrong answer');
DROP ROLE cat_reader;
