-- Tracking: runs for work inside and outside the database.  A run belongs to
-- the role that started it; only that role, its members and superusers write to
-- it.  It is seen by them and by those who may read a model that it produced.

CREATE FUNCTION mlops.start_run(experiment text DEFAULT 'Default', name text DEFAULT NULL, parent uuid DEFAULT NULL,
                                tags jsonb DEFAULT '{}', source_name text DEFAULT NULL, source_type text DEFAULT 'LOCAL')
    RETURNS uuid
    AS 'MODULE_PATHNAME', 'mlops_start_run'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.start_run(text, text, uuid, jsonb, text, text) IS
    'starts a run in an experiment, which is made when it is new; parent: the run that it is part of; returns the run''s id';
REVOKE ALL ON FUNCTION mlops.start_run(text, text, uuid, jsonb, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.start_run(text, text, uuid, jsonb, text, text) TO PUBLIC;

CREATE FUNCTION mlops.end_run(run uuid, status text DEFAULT 'FINISHED') RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_end_run'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.end_run(uuid, text) IS 'ends a running run as FINISHED, FAILED or KILLED';
REVOKE ALL ON FUNCTION mlops.end_run(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.end_run(uuid, text) TO PUBLIC;

CREATE FUNCTION mlops.delete_run(run uuid) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_delete_run'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.delete_run(uuid) IS 'removes a run with all that was logged to it; not one that a version of a model came from';
REVOKE ALL ON FUNCTION mlops.delete_run(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.delete_run(uuid) TO PUBLIC;

CREATE FUNCTION mlops.log_param(run uuid, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_log_param'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_param(uuid, text, text) IS 'records a parameter of a running run; a parameter does not change once it is recorded';
REVOKE ALL ON FUNCTION mlops.log_param(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_param(uuid, text, text) TO PUBLIC;

CREATE FUNCTION mlops.log_params(run uuid, params jsonb) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_log_params'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_params(uuid, jsonb) IS 'records the members of an object as parameters of a running run';
REVOKE ALL ON FUNCTION mlops.log_params(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_params(uuid, jsonb) TO PUBLIC;

CREATE FUNCTION mlops.log_metric(run uuid, key text, value float8, step bigint DEFAULT 0, "timestamp" timestamptz DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_log_metric'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_metric(uuid, text, float8, bigint, timestamptz) IS
    'records a metric of a running run at a step; the same key and step once more replaces the value';
REVOKE ALL ON FUNCTION mlops.log_metric(uuid, text, float8, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_metric(uuid, text, float8, bigint, timestamptz) TO PUBLIC;

CREATE FUNCTION mlops.log_metrics(run uuid, metrics jsonb, step bigint DEFAULT 0, "timestamp" timestamptz DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_log_metrics'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_metrics(uuid, jsonb, bigint, timestamptz) IS
    'records the members of an object as metrics of a running run at a step: numbers, or "NaN", "Infinity", "-Infinity"';
REVOKE ALL ON FUNCTION mlops.log_metrics(uuid, jsonb, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_metrics(uuid, jsonb, bigint, timestamptz) TO PUBLIC;

CREATE FUNCTION mlops.set_run_tag(run uuid, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_run_tag'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_run_tag(uuid, text, text) IS 'labels a run, also one that has ended; a NULL value removes the label';
REVOKE ALL ON FUNCTION mlops.set_run_tag(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_run_tag(uuid, text, text) TO PUBLIC;

CREATE FUNCTION mlops.log_note(run uuid, note text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_log_note'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_note(uuid, text) IS 'writes the note of a run, also of one that has ended; NULL removes it';
REVOKE ALL ON FUNCTION mlops.log_note(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_note(uuid, text) TO PUBLIC;

CREATE FUNCTION mlops.log_dataset(run uuid, source text, name text DEFAULT NULL, context text DEFAULT 'training',
                                  source_type text DEFAULT 'sql', digest text DEFAULT NULL, schema jsonb DEFAULT NULL,
                                  profile jsonb DEFAULT NULL)
    RETURNS uuid
    AS 'MODULE_PATHNAME', 'mlops_log_dataset'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_dataset(uuid, text, text, text, text, text, jsonb, jsonb) IS
    'records what a running run read: a table or SELECT (source_type sql: checked, with its relations and columns) or anything else; returns the data set''s id';
REVOKE ALL ON FUNCTION mlops.log_dataset(uuid, text, text, text, text, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_dataset(uuid, text, text, text, text, text, jsonb, jsonb) TO PUBLIC;

CREATE FUNCTION mlops.log_model(run uuid, model text, value mlops.model, tags jsonb DEFAULT '{}') RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_log_model'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.log_model(uuid, text, mlops.model, jsonb) IS
    'registers a model value as a new version, made by a running run; needs write on a model that exists; returns the version';
REVOKE ALL ON FUNCTION mlops.log_model(uuid, text, mlops.model, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_model(uuid, text, mlops.model, jsonb) TO PUBLIC;

CREATE FUNCTION mlops.set_experiment_tag(experiment text, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_experiment_tag'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_experiment_tag(text, text, text) IS
    'labels an experiment in which you have a run; one that is a model''s needs write on the model; a NULL value removes the label';
REVOKE ALL ON FUNCTION mlops.set_experiment_tag(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_experiment_tag(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.set_experiment_tags(experiment text, tags jsonb) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_experiment_tags'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_experiment_tags(text, jsonb) IS
    'labels an experiment with the members of an object; null removes a label';
REVOKE ALL ON FUNCTION mlops.set_experiment_tags(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_experiment_tags(text, jsonb) TO PUBLIC;
