-- Views with MLflow's tables: their columns against its schema; labels of experiments.
SELECT plan(31);
\ir include/registry.sql
SET client_min_messages = warning;

-- MLflow's tables, from its initial schema and migrations: columns in no order; numbers of experiments are wider here.
CREATE TEMP TABLE mlflow (relation text, columns text);
INSERT INTO mlflow VALUES
    ('experiments', 'artifact_location varchar(256), creation_time int8, experiment_id int4, last_update_time int8, lifecycle_stage varchar(32), name varchar(256)'),
    ('experiment_tags', 'experiment_id int4, key varchar(250), value varchar(5000)'),
    ('runs', 'artifact_uri varchar(200), deleted_time int8, end_time int8, entry_point_name varchar(50), experiment_id int4, lifecycle_stage varchar(20), name varchar(250), run_uuid varchar(32), source_name varchar(500), source_type varchar(20), source_version varchar(50), start_time int8, status varchar(9), user_id varchar(256)'),
    ('params', 'key varchar(250), run_uuid varchar(32), value varchar(8000)'),
    ('tags', 'key varchar(250), run_uuid varchar(32), value varchar(8000)'),
    ('metrics', 'is_nan bool, key varchar(250), run_uuid varchar(32), step int8, timestamp int8, value float8'),
    ('latest_metrics', 'is_nan bool, key varchar(250), run_uuid varchar(32), step int8, timestamp int8, value float8'),
    ('datasets', 'dataset_profile text, dataset_schema text, dataset_source text, dataset_source_type varchar(36), dataset_uuid varchar(36), digest varchar(36), experiment_id int4, name varchar(500)'),
    ('inputs', 'destination_id varchar(36), destination_type varchar(36), input_uuid varchar(36), source_id varchar(36), source_type varchar(36), step int8'),
    ('input_tags', 'input_uuid varchar(36), name varchar(255), value varchar(500)'),
    ('registered_models', 'creation_time int8, description varchar(5000), last_updated_time int8, name varchar(256)'),
    ('registered_model_tags', 'key varchar(250), name varchar(256), value varchar(5000)'),
    ('registered_model_aliases', 'alias varchar(256), name varchar(256), version int4'),
    ('model_versions', 'creation_time int8, current_stage varchar(20), description varchar(5000), last_updated_time int8, name varchar(256), run_id varchar(32), run_link varchar(500), source varchar(500), status varchar(20), status_message varchar(500), storage_location varchar(500), user_id varchar(256), version int4'),
    ('model_version_tags', 'key varchar(250), name varchar(256), value varchar(5000), version int4');
SELECT is((SELECT string_agg(attname || ' ' || CASE WHEN attname = 'experiment_id' THEN 'int4' ELSE replace(t.typname || coalesce('(' || nullif(atttypmod, -1) - 4 || ')', ''), 'character varying', 'varchar') END, ', ' ORDER BY attname COLLATE "C")
        FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = ('mlops.mlflow_' || relation)::regclass AND attnum > 0), columns, 'columns of ' || relation) FROM mlflow;
SELECT set_eq($$SELECT relname::text FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v' AND relname LIKE 'mlflow%'$$,
    $$SELECT 'mlflow_' || relation FROM mlflow$$, 'there is a view for each table, and no other');

-- labels of experiments
BEGIN;
CREATE ROLE exp_one;
CREATE ROLE exp_two;
CREATE ROLE exp_stranger;
CREATE FUNCTION pg_temp.try(role text, statement text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_as(role, statement) $$;
CREATE FUNCTION pg_temp.labels(role text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try_as(role, $q$SELECT string_agg(e.name || ' ' || t.key || '=' || t.value, ', ' ORDER BY t.key COLLATE "C") FROM mlops.mlflow_experiment_tags t JOIN mlops.mlflow_experiments e USING (experiment_id)$q$) $$;
SELECT pg_temp.try('exp_one', $$SELECT mlops.start_run('shared')$$) AS run \gset
SELECT is(pg_temp.try('exp_one', $$SELECT mlops.set_experiment_tag('shared', 'team', 'crm')$$) || pg_temp.try('exp_one', $$SELECT mlops.set_experiment_tags('shared', '{"mlflow.note.content": "who leaves", "n": 3, "team": "sales"}')$$), '', 'set');
SELECT is(pg_temp.labels('exp_one'), 'shared mlflow.note.content=who leaves, shared n=3, shared team=sales', 'seen, the last value');
SELECT is(pg_temp.labels('exp_two'), NULL, '... by who has a run there');
SELECT alike(pg_temp.try('exp_two', $$SELECT mlops.set_experiment_tag('shared', 'team', 'x')$$), '42501 | permission denied for experiment "shared" |%', 'others may not');
SELECT pg_temp.try('exp_two', $$SELECT mlops.start_run('shared')$$) AS other \gset
SELECT is(pg_temp.try('exp_two', $$SELECT mlops.set_experiment_tags('shared', '{"team": null, "absent": null, "n": "4"}')$$), '', 'with a run they may; null removes');
SELECT is(pg_temp.labels('exp_two'), 'shared mlflow.note.content=who leaves, shared n=4', 'removed');
SELECT pg_temp.add_version('owned', 'exp_one');
SELECT is(pg_temp.try('exp_one', $$SELECT mlops.set_experiment_tag('owned', 'k', 'v')$$), '', 'the experiment of a model, by its owner');
SELECT pg_temp.try('exp_two', $$SELECT mlops.start_run('owned')$$) AS other \gset
SELECT alike(pg_temp.try('exp_two', $$SELECT mlops.set_experiment_tag('owned', 'k', 'w')$$), '42501 %', '... not by who just starts a run in it');
SELECT is(pg_temp.labels('exp_two'), 'shared mlflow.note.content=who leaves, shared n=4', '... who does not see them either');
SELECT mlops.grant_access('owned', 'exp_stranger', 'read');
SELECT alike(pg_temp.try('exp_stranger', $$SELECT mlops.set_experiment_tag('owned', 'k', 'w')$$), '42501 %', '... not by a reader');
SELECT mlops.grant_access('owned', 'exp_stranger', 'write');
SELECT is(pg_temp.try('exp_stranger', $$SELECT mlops.set_experiment_tag('owned', 'k', 'w')$$), '', '... by a writer');
SELECT mlops.drop_model('owned');
SELECT is((SELECT count(*) FROM mlops.experiment_tags t WHERE NOT EXISTS (SELECT FROM mlops.experiments e WHERE e.experiment_id = t.experiment_id)), 0::bigint, 'labels go with the experiment');
SELECT is(pg_temp.try('exp_one', call), answer, call) FROM (VALUES
    ($$SELECT mlops.set_experiment_tag('nothing', 'k', 'v')$$, '42704 | experiment "nothing" does not exist | mlops.start_run makes experiments; the view mlops.mlflow_experiments lists those that you may see.'),
    ($$SELECT mlops.set_experiment_tag('shared', '', 'v')$$, '22023 | a key has 1 to 250 characters'),
    ($$SELECT mlops.set_experiment_tags('shared', '{"": "v"}')$$, '22023 | a key has 1 to 250 characters')) c (call, answer);
ROLLBACK;
