-- Runs for work inside and outside the database: who may write and see them, what they refuse, and MLflow's view of them.
SELECT plan(84);
\ir include/registry.sql

BEGIN;
CREATE ROLE trk_owner;
CREATE ROLE trk_member IN ROLE trk_owner;
CREATE ROLE trk_stranger;
CREATE ROLE trk_reader;
CREATE TABLE public.points AS SELECT i AS id, i::float8 AS x, i * 2.0::float8 + i % 3 AS y FROM generate_series(1, 100) i;
GRANT SELECT ON public.points TO trk_owner;
CREATE FUNCTION pg_temp.try(role text, statement text, VARIADIC arguments text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try_as(role, format(statement, VARIADIC arguments)) $$;
CREATE FUNCTION pg_temp.hex(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT replace(id::text, '-', '') $$;

-- a run with a part
SET ROLE trk_owner;
SELECT mlops.start_run('campaigns', 'outer', source_name => 'notebook.py', source_type => 'NOTEBOOK') AS outer \gset
SELECT mlops.start_run('campaigns', parent => :'outer', tags => '{"team": "crm", "none": null}') AS run \gset
SELECT isnt(:'outer'::uuid, :'run'::uuid, 'each run has an id of its own');
SELECT results_eq(format($$SELECT experiment, run_name, status, author, end_time IS NULL, parent_run_id FROM mlops.experiment_runs WHERE run_id = %L$$, :'outer'),
    $$VALUES ('campaigns', 'outer', 'RUNNING', 'trk_owner', true, NULL::uuid)$$, 'a run runs');
SELECT results_eq(format($$SELECT run_name, parent_run_id, tags->>'team', tags ? 'none' FROM mlops.experiment_runs WHERE run_id = %L$$, :'run'),
    format($$VALUES ('run-%s', %L::uuid, 'crm', false)$$, left(:'run', 8), :'outer'), 'a run may be part of another; names are given where there is none');

-- parameters stay
SELECT lives_ok(format($$SELECT mlops.log_params(%L, '{"rate": 0.1, "layers": [1, 2], "depth": null, "flag": true}')$$, :'run'), 'parameters of any JSON type');
SELECT lives_ok(format($$SELECT mlops.log_param(%L, 'rate', '0.1')$$, :'run'), 'the same once more does no harm');
SELECT results_eq(format($$SELECT key, value FROM mlops.mlflow_params WHERE run_uuid = %L ORDER BY key COLLATE "C"$$, pg_temp.hex(:'run')),
    $$VALUES ('depth'::varchar, 'null'::varchar), ('flag', 'true'), ('layers', '[1, 2]'), ('rate', '0.1')$$, 'they are kept as text');
RESET ROLE;
SELECT is(pg_temp.try('trk_owner', $$SELECT mlops.log_params(%L, '{"new": 1, "rate": 0.2}')$$, :'run'),
    '23505 | parameter "rate" of the run is recorded already | Its value is "0.1", not "0.2". | Parameters do not change; start another run.', 'another value is refused');
SELECT is((SELECT count(*) FROM mlops.params WHERE run_uuid = :'run' AND key = 'new'), 0::bigint, '... with the rest of the call');

-- metrics
SET ROLE trk_owner;
SELECT lives_ok(format($$SELECT mlops.log_metric(%L, 'loss', 1.0 / s, s, '2026-01-01 00:00:00+00'::timestamptz + s * interval '1 second') FROM generate_series(1, 3) s$$, :'run'), 'a metric at steps');
SELECT lives_ok(format($$SELECT mlops.log_metric(%L, 'loss', 0.25, 3, '2026-01-01 00:00:09.5+00')$$, :'run'), 'the same step again');
SELECT results_eq(format($$SELECT step, value, "timestamp", is_nan FROM mlops.mlflow_metrics WHERE run_uuid = %L ORDER BY step$$, pg_temp.hex(:'run')),
    $$VALUES (1::bigint, 1::float8, 1767225601000, false), (2, 0.5, 1767225602000, false), (3, 0.25, 1767225609500, false)$$, '... replaces it; times are milliseconds since 1970');
SELECT lives_ok(format($$SELECT mlops.log_metrics(%L, '{"nothing": null, "nan": "NaN", "up": "Infinity", "down": "-Infinity", "third": 0.3333333333333333}')$$, :'run'), 'what is not finite');
SELECT lives_ok(format($$SELECT mlops.log_metric(%L, 'up2', 'Infinity'), mlops.log_metric(%1$L, 'nan2', 'NaN')$$, :'run'), '... in both forms');
SELECT results_eq(format($$SELECT key, value, is_nan FROM mlops.mlflow_latest_metrics WHERE run_uuid = %L ORDER BY key COLLATE "C"$$, pg_temp.hex(:'run')),
    $$VALUES ('down'::varchar, -1.7976931348623157e308::float8, false), ('loss', 0.25, false), ('nan', 0, true), ('nan2', 0, true), ('nothing', 0, true),
        ('third', 0.3333333333333333, false), ('up', 1.7976931348623157e308, false), ('up2', 1.7976931348623157e308, false)$$,
    'the latest of each, as MLflow keeps them');
SELECT is((SELECT metrics ->> 'loss' FROM mlops.experiment_runs WHERE run_id = :'run'), '0.25', 'and for people: the last step');
SELECT is((SELECT metrics ->> 'up' FROM mlops.experiment_runs WHERE run_id = :'run'), 'Infinity', '... infinities as they are');

-- tags and notes
SELECT lives_ok(format($$SELECT mlops.set_run_tag(%L, 'k', 'v'), mlops.set_run_tag(%1$L, 'team', NULL), mlops.log_note(%1$L, 'first'), mlops.log_note(%1$L, 'second')$$, :'run'), 'tags and a note');
SELECT results_eq(format($$SELECT tags->>'k', tags ? 'team', note FROM mlops.experiment_runs WHERE run_id = %L$$, :'run'), $$VALUES ('v', false, 'second')$$, 'are set, removed, replaced');
SELECT results_eq(format($$SELECT key, value FROM mlops.mlflow_tags WHERE run_uuid = %L AND key LIKE 'mlflow.%%' ORDER BY key COLLATE "C"$$, pg_temp.hex(:'run')),
    format($$VALUES ('mlflow.note.content'::varchar, 'second'::varchar), ('mlflow.parentRunId', %L), ('mlflow.runName', 'run-%s'), ('mlflow.source.name', 'mlops.start_run'),
        ('mlflow.source.type', 'LOCAL'), ('mlflow.user', 'trk_owner')$$, pg_temp.hex(:'outer'), left(:'run', 8)), 'with the tags that MLflow''s clients set');

-- data sets
SELECT mlops.log_dataset(:'run', 'SELECT id, x, y FROM public.points', 'points', digest => 'abc') AS dataset \gset
SELECT isnt(mlops.log_dataset(:'run', 's3://bucket/file', context => 'evaluation', source_type => 's3', schema => '[]'), NULL, 'anything can be read');
SELECT results_eq($$SELECT name, digest, dataset_source_type, dataset_source, dataset_schema::jsonb->0->>'type' FROM mlops.mlflow_datasets ORDER BY dataset_source COLLATE "C"$$,
    $$VALUES ('points'::varchar, 'abc'::varchar, 'sql'::varchar, 'SELECT id, x, y FROM public.points', 'integer'), ('dataset', NULL, 's3', 's3://bucket/file', NULL)$$, 'data sets as MLflow lists them');
SELECT results_eq(format($$SELECT d.name, t.value FROM mlops.mlflow_inputs i JOIN mlops.mlflow_datasets d ON d.dataset_uuid = i.source_id JOIN mlops.mlflow_input_tags t USING (input_uuid)
    WHERE i.destination_id = %L AND t.name = 'mlflow.data.context' ORDER BY t.value COLLATE "C"$$, pg_temp.hex(:'run')),
    $$VALUES ('dataset'::varchar, 'evaluation'::varchar), ('points', 'training')$$, 'inputs join runs and data sets');
SELECT is((SELECT source_relations->0->>'relation' FROM mlops.experiment_runs WHERE run_id = :'run'), 'public.points', 'what a query names is recorded');

-- a model made outside
SELECT is((SELECT mlops.log_model(:'run', 'tracked', mlops.linear_fit(y, ARRAY[x])) FROM public.points), 1, 'a model value becomes a version');
SELECT is((SELECT mlops.log_model(:'run', 'tracked', mlops.linear_fit(y, ARRAY[x, x * x]), '{"kind": "square"}') FROM public.points), 2, 'and another');
SELECT results_eq($$SELECT version, algorithm, source, run_id, author, tags->>'kind', metrics->>'loss' FROM mlops.versions WHERE model = 'tracked' ORDER BY version$$,
    format($$VALUES (1, 'linear', 'SELECT id, x, y FROM public.points', %L::uuid, 'trk_owner', NULL, '0.25'), (2, 'linear', 'SELECT id, x, y FROM public.points', %1$L::uuid, 'trk_owner', 'square', '0.25')$$, :'run'),
    'under the run, with its source and metrics');
SELECT cmp_ok(abs(mlops.predict('tracked/1', 10::float8) - 20), '<', 2::float8, 'it predicts');
SELECT results_eq($$SELECT action, version FROM mlops.audit WHERE model = 'tracked' ORDER BY at$$, $$VALUES ('log_model', 1), ('log_model', 2)$$, 'it is in the audit log');

-- ending
SELECT lives_ok(format($$SELECT mlops.end_run(%L)$$, :'run'), 'a run ends');
SELECT results_eq(format($$SELECT status, end_time >= start_time, end_time - start_time BETWEEN 0 AND 600000, lifecycle_stage, user_id, deleted_time FROM mlops.mlflow_runs WHERE run_uuid = %L$$, pg_temp.hex(:'run')),
    $$VALUES ('FINISHED'::varchar, true, true, 'active'::varchar, 'trk_owner'::varchar, NULL::bigint)$$, 'with status and time');
SELECT lives_ok(format($$SELECT mlops.log_note(%L, 'after'), mlops.set_run_tag(%1$L, 'late', 'yes')$$, :'run'), 'notes and tags may follow');
RESET ROLE;
SELECT matches(pg_temp.try('trk_owner', call, :'run'), '^55000 \| run [0-9a-f-]+ has ended with status FINISHED \| What a run did', 'not after its end: ' || call)
FROM (VALUES ($$SELECT mlops.log_param(%L, 'a', 'b')$$), ($$SELECT mlops.log_metric(%L, 'a', 1)$$), ($$SELECT mlops.log_dataset(%L, 'public.points')$$),
    ($$SELECT mlops.log_model(%L, 'tracked', mlops.model_value('tracked/1'))$$), ($$SELECT mlops.end_run(%L)$$)) c (call);

-- bad input
SELECT is(pg_temp.try('trk_owner', call, :'outer'), answer, call) FROM (VALUES
    ($$SELECT mlops.end_run(%L, 'DONE')$$, '22023 | a run cannot end with status "DONE" | It ends FINISHED, FAILED or KILLED.'),
    ($$SELECT mlops.end_run(NULL)$$, '22004 | argument "run" must not be null'),
    ($$SELECT mlops.end_run('00000000-0000-0000-0000-000000000001')$$, '42704 | run 00000000-0000-0000-0000-000000000001 does not exist | mlops.start_run starts runs; the view mlops.mlflow_runs lists yours.'),
    ($$SELECT mlops.start_run(parent => '00000000-0000-0000-0000-000000000001')$$, '42704 | run 00000000-0000-0000-0000-000000000001 does not exist | mlops.start_run starts runs; the view mlops.mlflow_runs lists yours.'),
    ($$SELECT mlops.start_run('')$$, '22023 | an experiment''s name has 1 to 250 characters'),
    ($$SELECT mlops.start_run(tags => '[1]')$$, '22023 | argument "tags" must be a JSON object | Write it like ''{"key": 1}''.'),
    ($$SELECT mlops.start_run(tags => '{"mlflow.parentRunId": "x"}')$$, '22023 | tag "mlflow.parentRunId" is not for setting | Name the run that this one is part of as argument "parent".'),
    ($$SELECT mlops.set_run_tag(%L, 'mlflow.parentRunId', 'x')$$, '22023 | tag "mlflow.parentRunId" is not for setting | Name the run that a run is part of when it starts: mlops.start_run(parent => ...).'),
    ($$SELECT mlops.log_param(%L, '', 'x')$$, '22023 | a key has 1 to 250 characters'),
    ($$SELECT mlops.log_params(%L, '{"": 1}')$$, '22023 | a key has 1 to 250 characters'),
    ($$SELECT mlops.log_param(%L, 'x', NULL)$$, '22004 | argument "value" must not be null'),
    ($$SELECT mlops.log_params(%L, '3')$$, '22023 | argument "params" must be a JSON object | Write it like ''{"key": 1}''.'),
    ($$SELECT mlops.log_metrics(%L, '{"a": "1"}')$$, '22023 | metric "a" is not a number | A metric is a number, null, "NaN", "Infinity" or "-Infinity".'),
    ($$SELECT mlops.log_metric(%L, 'a', NULL)$$, '22004 | argument "value" must not be null | Record an undefined metric as ''NaN''.'),
    ($$SELECT mlops.log_metric(%L, 'a', 1, 0, 'infinity')$$, '22023 | the time of a metric must be finite'),
    ($$SELECT mlops.log_dataset(%L, 'public.nowhere')$$, '42P01 | relation "public.nowhere" does not exist'),
    ($$SELECT mlops.log_model(%L, 'a/1', mlops.model_value('tracked/1'))$$, '22023 | "a/1" names a version where a model is wanted | Write the model''s name alone: ''a''.'),
    ($$SELECT mlops.log_model(%L, 'a', NULL)$$, '22004 | argument "value" must not be null')) c (call, answer);

-- other roles
SELECT matches(pg_temp.try('trk_stranger', call, :'outer'), '^42501 \| permission denied for run', 'strangers may not: ' || call)
FROM (VALUES ($$SELECT mlops.log_param(%L, 'a', 'b')$$), ($$SELECT mlops.end_run(%L)$$), ($$SELECT mlops.delete_run(%L)$$), ($$SELECT mlops.start_run(parent => %L)$$)) c (call);
SELECT is(pg_temp.try('trk_stranger', $$SELECT count(*) FROM mlops.mlflow_runs$$), '0', 'nor see it');
SELECT is(pg_temp.try('trk_stranger', format($$SELECT count(*) FROM mlops.%I$$, relname)), '0', 'nothing of it is in ' || relname)
FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v' AND relname ~ '^(mlflow_|experiment_runs$)' ORDER BY relname;
SELECT is(pg_temp.try('trk_member', $$SELECT mlops.log_param(%L, 'by', 'member')$$, :'outer'), '', 'members of the owning role may');
SELECT is(pg_temp.try('trk_owner', $$SELECT mlops.grant_access('tracked', 'trk_reader', 'read')$$), '', 'the model is shared for reading');
SELECT is(pg_temp.try('trk_reader', $$SELECT string_agg(run_uuid, ' ') FROM mlops.mlflow_runs$$), pg_temp.hex(:'run'), '... and with it the run that made it, but not others');

-- a version's source runs as who made the version, so a text of somebody else's is not taken for its source
CREATE ROLE trk_boss IN ROLE trk_owner;
SET ROLE trk_owner;
SELECT mlops.start_run('campaigns') AS theirs \gset
RESET ROLE;
SELECT is(pg_temp.try('trk_boss', $$SELECT mlops.log_dataset(%L, 'SELECT x AS x1, y FROM public.points', context => 'training') IS NOT NULL$$, :'theirs'), 'true', 'a data set of a shared run');
SELECT is(pg_temp.try('trk_boss', $$SELECT mlops.log_model(%L, 'boss', mlops.model_value('tracked/1'))$$, :'theirs'), '1', 'a member of the owning role logs a model');
SELECT is((SELECT row(source, author)::text FROM mlops.versions WHERE model = 'boss'), '(,trk_boss)', '... which has no source that would run with his rights');
SELECT mlops.drop_model('boss');
SELECT mlops.delete_run(:'theirs');

-- removal
SELECT is(pg_temp.try('trk_owner', $$SELECT mlops.delete_run(%L)$$, :'run'), format('55006 | run %s made the version tracked/1 | Delete the version with mlops.delete_version first.', :'run'), 'a run that made a version stays');
SELECT is(pg_temp.try('trk_owner', $$SELECT mlops.drop_model('tracked')$$) || pg_temp.try('trk_owner', $$SELECT mlops.delete_run(%L)$$, :'run'), '', 'the run outlives the model, and can be deleted then');
SELECT is((SELECT count(*) FROM (SELECT run_uuid FROM mlops.params UNION ALL SELECT run_uuid FROM mlops.metrics UNION ALL SELECT run_uuid FROM mlops.tags UNION ALL SELECT run_uuid FROM mlops.inputs) l
    WHERE run_uuid = :'run') + (SELECT count(*) FROM mlops.datasets), 0::bigint, 'with all that belongs to it');
ROLLBACK;
