-- The registry and the runs under MLflow's own table and column names and with
-- its types, so that queries and dashboards written for an MLflow database read
-- them: ids without hyphens, times in milliseconds since 1970.  An experiment's
-- number, which MLflow takes from a sequence, is made of its uuid's first 60
-- bits.  What is seen is what the views of 30_views.sql show: runs of yours and
-- of models that you may read, models that you have a privilege on.

CREATE FUNCTION mlops.mlflow_id(id uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT ('x0' OPERATOR(pg_catalog.||) pg_catalog.substr(pg_catalog.replace(id::pg_catalog.text, '-', ''), 1, 15))::pg_catalog."bit"::pg_catalog.int8 $$;
COMMENT ON FUNCTION mlops.mlflow_id(uuid) IS 'Internal: the number by which MLflow''s views name an experiment';
REVOKE ALL ON FUNCTION mlops.mlflow_id(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mlflow_id(uuid) TO PUBLIC;

CREATE FUNCTION mlops.mlflow_run_id(id uuid) RETURNS varchar
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT pg_catalog.replace(id::pg_catalog.text, '-', '')::pg_catalog."varchar" $$;
COMMENT ON FUNCTION mlops.mlflow_run_id(uuid) IS 'Internal: a run''s id as MLflow writes it: 32 hexadecimal digits';
REVOKE ALL ON FUNCTION mlops.mlflow_run_id(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mlflow_run_id(uuid) TO PUBLIC;

CREATE FUNCTION mlops.mlflow_time(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT pg_catalog.floor(pg_catalog.date_part('epoch', at) OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)::pg_catalog.int8 $$;
COMMENT ON FUNCTION mlops.mlflow_time(timestamptz) IS 'Internal: milliseconds since 1970';
REVOKE ALL ON FUNCTION mlops.mlflow_time(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mlflow_time(timestamptz) TO PUBLIC;

-- MLflow keeps infinite metrics as the largest finite number.
CREATE FUNCTION mlops.mlflow_value(value float8) RETURNS float8
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT CASE WHEN value OPERATOR(pg_catalog.=) 'Infinity'::pg_catalog.float8 THEN 1.7976931348623157e308::pg_catalog.float8
                      WHEN value OPERATOR(pg_catalog.=) '-Infinity'::pg_catalog.float8 THEN -1.7976931348623157e308::pg_catalog.float8
                      ELSE value END $$;
COMMENT ON FUNCTION mlops.mlflow_value(float8) IS 'Internal: a metric as MLflow stores it: infinities as the largest finite number';
REVOKE ALL ON FUNCTION mlops.mlflow_value(float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mlflow_value(float8) TO PUBLIC;

CREATE VIEW mlops.mlflow_experiments WITH (security_barrier) AS
SELECT mlops.mlflow_id(e.experiment_id) AS experiment_id,
       e.name::varchar(256) AS name,
       NULL::varchar(256) AS artifact_location,
       e.lifecycle_stage::varchar(32) AS lifecycle_stage,
       mlops.mlflow_time(e.creation_time) AS creation_time,
       mlops.mlflow_time(e.last_update_time) AS last_update_time
FROM mlops.experiments e
WHERE EXISTS (SELECT FROM mlops.visible_runs r WHERE r.experiment_id = e.experiment_id)
   OR EXISTS (SELECT FROM mlops.registered_models m WHERE m.experiment_id = e.experiment_id AND mlops.has_access(m.model_id, 'any'));
COMMENT ON VIEW mlops.mlflow_experiments IS 'MLflow''s table experiments: those with a run or model that you may see.';
GRANT SELECT ON mlops.mlflow_experiments TO PUBLIC;

CREATE VIEW mlops.mlflow_experiment_tags WITH (security_barrier) AS
SELECT t.key::varchar(250) AS key,
       t.value::varchar(5000) AS value,
       mlops.mlflow_id(t.experiment_id) AS experiment_id
FROM mlops.experiment_tags t
WHERE EXISTS (SELECT FROM mlops.registered_models m WHERE m.experiment_id = t.experiment_id AND mlops.has_access(m.model_id, 'any'))
   OR (NOT EXISTS (SELECT FROM mlops.registered_models m WHERE m.experiment_id = t.experiment_id)
       AND EXISTS (SELECT FROM mlops.visible_runs r WHERE r.experiment_id = t.experiment_id));
COMMENT ON VIEW mlops.mlflow_experiment_tags IS 'MLflow''s table experiment_tags; those of a model''s experiment need a privilege on the model.';
GRANT SELECT ON mlops.mlflow_experiment_tags TO PUBLIC;

CREATE VIEW mlops.mlflow_runs WITH (security_barrier) AS
SELECT mlops.mlflow_run_id(r.run_uuid)::varchar(32) AS run_uuid,
       r.name::varchar(250) AS name,
       (CASE WHEN r.source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'PROJECT') THEN r.source_type
             WHEN r.source_type = 'TRAIN' THEN 'LOCAL' ELSE 'UNKNOWN' END)::varchar(20) AS source_type,
       r.source_name::varchar(500) AS source_name,
       r.entry_point_name::varchar(50) AS entry_point_name,
       (pg_catalog.pg_get_userbyid(r.user_id)::text COLLATE "default")::varchar(256) AS user_id,
       r.status::varchar(9) AS status,
       mlops.mlflow_time(r.start_time) AS start_time,
       mlops.mlflow_time(r.end_time) AS end_time,
       NULL::bigint AS deleted_time,
       r.source_version::varchar(50) AS source_version,
       r.lifecycle_stage::varchar(20) AS lifecycle_stage,
       NULL::varchar(200) AS artifact_uri,
       mlops.mlflow_id(r.experiment_id) AS experiment_id
FROM mlops.visible_runs r;
COMMENT ON VIEW mlops.mlflow_runs IS 'MLflow''s table runs: yours, and those that made versions which you may read.';
GRANT SELECT ON mlops.mlflow_runs TO PUBLIC;

CREATE VIEW mlops.mlflow_params WITH (security_barrier) AS
SELECT p.key::varchar(250) AS key,
       p.value::varchar(8000) AS value,
       mlops.mlflow_run_id(p.run_uuid)::varchar(32) AS run_uuid
FROM mlops.visible_runs r JOIN mlops.params p USING (run_uuid);
COMMENT ON VIEW mlops.mlflow_params IS 'MLflow''s table params.';
GRANT SELECT ON mlops.mlflow_params TO PUBLIC;

CREATE VIEW mlops.mlflow_metrics WITH (security_barrier) AS
SELECT k.key::varchar(250) AS key,
       mlops.mlflow_value(k.value) AS value,
       mlops.mlflow_time(k."timestamp") AS "timestamp",
       mlops.mlflow_run_id(k.run_uuid)::varchar(32) AS run_uuid,
       k.step,
       k.is_nan
FROM mlops.visible_runs r JOIN mlops.metrics k USING (run_uuid);
COMMENT ON VIEW mlops.mlflow_metrics IS 'MLflow''s table metrics: every step.';
GRANT SELECT ON mlops.mlflow_metrics TO PUBLIC;

CREATE VIEW mlops.mlflow_latest_metrics WITH (security_barrier) AS
SELECT DISTINCT ON (k.run_uuid, k.key)
       k.key::varchar(250) AS key,
       mlops.mlflow_value(k.value) AS value,
       mlops.mlflow_time(k."timestamp") AS "timestamp",
       k.step,
       k.is_nan,
       mlops.mlflow_run_id(k.run_uuid)::varchar(32) AS run_uuid
FROM mlops.visible_runs r JOIN mlops.metrics k USING (run_uuid)
ORDER BY k.run_uuid, k.key, k.step DESC;
COMMENT ON VIEW mlops.mlflow_latest_metrics IS 'MLflow''s table latest_metrics: each metric at its last step.';
GRANT SELECT ON mlops.mlflow_latest_metrics TO PUBLIC;

-- The union stands in a subquery: one at the top of a view is taken apart by the planner, security barrier or not, and conditions
-- of the reader would be tried on rows before the filter.
CREATE VIEW mlops.mlflow_tags WITH (security_barrier) AS
SELECT u.key, u.value, u.run_uuid FROM (
SELECT t.key::varchar(250) AS key,
       t.value::varchar(8000) AS value,
       mlops.mlflow_run_id(t.run_uuid)::varchar(32) AS run_uuid
FROM mlops.visible_runs r JOIN mlops.tags t USING (run_uuid)
UNION ALL
SELECT s.key::varchar(250), s.value::varchar(8000), mlops.mlflow_run_id(r.run_uuid)::varchar(32)
FROM mlops.visible_runs r
CROSS JOIN LATERAL (VALUES ('mlflow.runName', r.name), ('mlflow.source.type', r.source_type),
                           ('mlflow.source.name', COALESCE(r.source_name, r.entry_point_name)),
                           ('mlflow.user', pg_catalog.pg_get_userbyid(r.user_id)::text COLLATE "default")) s (key, value)
WHERE s.value IS NOT NULL
  AND NOT EXISTS (SELECT FROM mlops.tags t WHERE t.run_uuid = r.run_uuid AND t.key = s.key)) u;
COMMENT ON VIEW mlops.mlflow_tags IS 'MLflow''s table tags, with the tags that its clients set themselves.';
GRANT SELECT ON mlops.mlflow_tags TO PUBLIC;

CREATE VIEW mlops.mlflow_datasets WITH (security_barrier) AS
SELECT d.dataset_uuid::varchar(36) AS dataset_uuid,
       mlops.mlflow_id(d.experiment_id) AS experiment_id,
       d.name::varchar(500) AS name,
       d.digest::varchar(36) AS digest,
       d.dataset_source_type::varchar(36) AS dataset_source_type,
       d.dataset_source,
       d.dataset_schema::text AS dataset_schema,
       d.dataset_profile::text AS dataset_profile
FROM mlops.datasets d
WHERE EXISTS (SELECT FROM mlops.visible_runs r JOIN mlops.inputs i USING (run_uuid) WHERE i.dataset_uuid = d.dataset_uuid);
COMMENT ON VIEW mlops.mlflow_datasets IS 'MLflow''s table datasets: what the runs that you may see have read.';
GRANT SELECT ON mlops.mlflow_datasets TO PUBLIC;

CREATE VIEW mlops.mlflow_inputs WITH (security_barrier) AS
SELECT pg_catalog.md5(i.run_uuid::text OPERATOR(pg_catalog.||) i.dataset_uuid::text OPERATOR(pg_catalog.||) i.context)::varchar(36) AS input_uuid,
       'DATASET'::varchar(36) AS source_type,
       i.dataset_uuid::varchar(36) AS source_id,
       'RUN'::varchar(36) AS destination_type,
       mlops.mlflow_run_id(i.run_uuid)::varchar(36) AS destination_id,
       0::bigint AS step
FROM mlops.visible_runs r JOIN mlops.inputs i USING (run_uuid);
COMMENT ON VIEW mlops.mlflow_inputs IS 'MLflow''s table inputs: which run read which data set.';
GRANT SELECT ON mlops.mlflow_inputs TO PUBLIC;

CREATE VIEW mlops.mlflow_input_tags WITH (security_barrier) AS
SELECT pg_catalog.md5(i.run_uuid::text OPERATOR(pg_catalog.||) i.dataset_uuid::text OPERATOR(pg_catalog.||) i.context)::varchar(36) AS input_uuid,
       'mlflow.data.context'::varchar(255) AS name,
       i.context::varchar(500) AS value
FROM mlops.visible_runs r JOIN mlops.inputs i USING (run_uuid);
COMMENT ON VIEW mlops.mlflow_input_tags IS 'MLflow''s table input_tags: what a data set was read for.';
GRANT SELECT ON mlops.mlflow_input_tags TO PUBLIC;

CREATE VIEW mlops.mlflow_registered_models WITH (security_barrier) AS
SELECT (m.name COLLATE "default")::varchar(256) AS name,
       mlops.mlflow_time(m.creation_time) AS creation_time,
       mlops.mlflow_time(m.last_updated_time) AS last_updated_time,
       m.description::varchar(5000) AS description
FROM mlops.registered_models m
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.mlflow_registered_models IS 'MLflow''s table registered_models.';
GRANT SELECT ON mlops.mlflow_registered_models TO PUBLIC;

CREATE VIEW mlops.mlflow_registered_model_tags WITH (security_barrier) AS
SELECT t.key::varchar(250) AS key, t.value::varchar(5000) AS value, (m.name COLLATE "default")::varchar(256) AS name
FROM mlops.registered_models m JOIN mlops.model_tags t USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.mlflow_registered_model_tags IS 'MLflow''s table registered_model_tags.';
GRANT SELECT ON mlops.mlflow_registered_model_tags TO PUBLIC;

CREATE VIEW mlops.mlflow_registered_model_aliases WITH (security_barrier) AS
SELECT (a.alias COLLATE "default")::varchar(256) AS alias, a.version, (m.name COLLATE "default")::varchar(256) AS name
FROM mlops.registered_models m JOIN mlops.aliases a USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.mlflow_registered_model_aliases IS 'MLflow''s table registered_model_aliases.';
GRANT SELECT ON mlops.mlflow_registered_model_aliases TO PUBLIC;

CREATE VIEW mlops.mlflow_model_versions WITH (security_barrier) AS
SELECT (m.name COLLATE "default")::varchar(256) AS name,
       v.version,
       mlops.mlflow_time(v.creation_time) AS creation_time,
       mlops.mlflow_time(v.last_updated_time) AS last_updated_time,
       v.description::varchar(5000) AS description,
       (pg_catalog.pg_get_userbyid(v.user_id)::text COLLATE "default")::varchar(256) AS user_id,
       v.stage::varchar(20) AS current_stage,
       pg_catalog.format('models:/%s/%s', m.name, v.version)::varchar(500) AS source,
       mlops.mlflow_run_id(v.run_id)::varchar(32) AS run_id,
       NULL::varchar(500) AS run_link,
       'READY'::varchar(20) AS status,
       NULL::varchar(500) AS status_message,
       NULL::varchar(500) AS storage_location
FROM mlops.registered_models m JOIN mlops.model_versions v USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.mlflow_model_versions IS 'MLflow''s table model_versions.';
GRANT SELECT ON mlops.mlflow_model_versions TO PUBLIC;

CREATE VIEW mlops.mlflow_model_version_tags WITH (security_barrier) AS
SELECT t.key::varchar(250) AS key, t.value::varchar(5000) AS value, (m.name COLLATE "default")::varchar(256) AS name, t.version
FROM mlops.registered_models m JOIN mlops.version_tags t USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.mlflow_model_version_tags IS 'MLflow''s table model_version_tags.';
GRANT SELECT ON mlops.mlflow_model_version_tags TO PUBLIC;
