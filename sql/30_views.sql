-- Views for people.  They run with the rights of the extension's owner, so each
-- filters by mlops.has_access, which asks for the rights of whoever reads (also
-- through a view of somebody else's).  security_barrier: no condition of the
-- reader is tried on a row before that filter, however cheap it claims to be.
--
-- A row is shown to those who have any privilege on its model; columns that
-- carry training values or say what was read need `read` and are NULL without.
-- Texts have the database's collation, so that rows compare with those of users.

CREATE FUNCTION mlops.has_access(model text, privilege text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_has_access_name'
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.has_access(text, text) IS
    'whether the current role has a privilege (read, predict, write, approve, manage, or any) on a model; false for models that do not exist';
REVOKE ALL ON FUNCTION mlops.has_access(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_access(text, text) TO PUBLIC;

CREATE FUNCTION mlops.has_access(model_id uuid, privilege text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_has_access_id'
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.has_access(uuid, text) IS
    'Internal: whether the current role has a privilege on the model of that id; the filter of the views';
REVOKE ALL ON FUNCTION mlops.has_access(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_access(uuid, text) TO PUBLIC;

CREATE VIEW mlops.models WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       pg_catalog.pg_get_userbyid(m.owner)::pg_catalog.text COLLATE "default" AS owner,
       m.description,
       COALESCE(p.task, l.task) AS task,
       p.algorithm,
       p.version AS production_version,
       l.version AS latest_version,
       (SELECT pg_catalog.count(*) FROM mlops.model_versions v WHERE v.model_id = m.model_id) AS versions,
       (SELECT pg_catalog.jsonb_object_agg(t.key, t.value) FROM mlops.model_tags t WHERE t.model_id = m.model_id) AS tags,
       m.creation_time AS created_at,
       m.last_updated_time AS updated_at,
       m.model_id
FROM mlops.registered_models m
LEFT JOIN mlops.model_versions p ON p.model_id = m.model_id AND p.stage = 'Production'
LEFT JOIN LATERAL (SELECT v.version, v.task FROM mlops.model_versions v WHERE v.model_id = m.model_id
                   ORDER BY v.version DESC LIMIT 1) l ON true
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.models IS 'Models on which you have a privilege.';
COMMENT ON COLUMN mlops.models.task IS 'Of the version in Production, else of the newest.';
COMMENT ON COLUMN mlops.models.algorithm IS 'Of the version in Production.';
COMMENT ON COLUMN mlops.models.latest_version IS 'The newest version that still exists.';
GRANT SELECT ON mlops.models TO PUBLIC;

CREATE VIEW mlops.versions WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       v.stage,
       v.algorithm,
       v.task,
       pg_catalog.encode(v.model_sha256, 'hex') AS model_sha256,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END ORDER BY k.step)
            FROM mlops.metrics k WHERE k.run_uuid = v.run_id) END AS metrics,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, k.value)
            FROM mlops.params k WHERE k.run_uuid = v.run_id) END AS params,
       v.rows_train,
       v.rows_test,
       v.rows_skipped,
       v.target,
       v.key,
       CASE WHEN r.can_read THEN v.source END AS source,
       pg_catalog.pg_get_userbyid(v.user_id)::pg_catalog.text COLLATE "default" AS author,
       v.creation_time AS created_at,
       v.last_updated_time AS updated_at,
       v.seconds,
       v.model_bytes,
       v.description,
       (SELECT pg_catalog.array_agg(a.alias COLLATE "default" ORDER BY a.alias) FROM mlops.aliases a
        WHERE a.model_id = v.model_id AND a.version = v.version) AS aliases,
       (SELECT pg_catalog.jsonb_object_agg(t.key, t.value) FROM mlops.version_tags t
        WHERE t.model_id = v.model_id AND t.version = v.version) AS tags,
       v.run_id,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
CROSS JOIN LATERAL (SELECT mlops.has_access(v.model_id, 'read') AS can_read) r
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.versions IS 'Versions of models on which you have a privilege; metrics, params and source need read.';
COMMENT ON COLUMN mlops.versions.metrics IS 'Of the held-out rows, each at its last step; null where a metric is undefined.';
COMMENT ON COLUMN mlops.versions.params IS 'As used, defaults included.';
COMMENT ON COLUMN mlops.versions.model_sha256 IS 'Of the bytes of the model: versions with the same one predict the same.';
COMMENT ON COLUMN mlops.versions.rows_test IS 'Held out.';
COMMENT ON COLUMN mlops.versions.rows_skipped IS 'Without a usable target, or of a class that only held-out rows have.';
COMMENT ON COLUMN mlops.versions.source IS 'As it was given to train.';
COMMENT ON COLUMN mlops.versions.seconds IS 'From the call of train until the model was stored.';
COMMENT ON COLUMN mlops.versions.run_id IS 'Leads to mlops.experiment_runs: how the version was trained.';
GRANT SELECT ON mlops.versions TO PUBLIC;

CREATE VIEW mlops.deployments WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       v.stage,
       h.changed_at AS since,
       pg_catalog.pg_get_userbyid(h.changed_by)::pg_catalog.text COLLATE "default" AS promoted_by,
       h.comment,
       v.algorithm,
       v.task,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
LEFT JOIN LATERAL (SELECT e.changed_at, e.changed_by, e.comment FROM mlops.stage_history e
                   WHERE e.model_id = v.model_id AND e.version = v.version ORDER BY e.event DESC LIMIT 1) h ON true
WHERE v.stage IN ('Production', 'Staging') AND mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.deployments IS 'Versions in Production and Staging, since when and through whom.';
GRANT SELECT ON mlops.deployments TO PUBLIC;

CREATE VIEW mlops.history WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       h.event,
       h.version,
       h.action,
       CASE WHEN h.action <> 'register' THEN h.from_stage END AS from_stage,
       h.to_stage,
       h.changed_at,
       pg_catalog.pg_get_userbyid(h.changed_by)::pg_catalog.text COLLATE "default" AS changed_by,
       h.forced,
       h.comment,
       h.model_id
FROM mlops.registered_models m
JOIN mlops.stage_history h USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.history IS 'Every change of stage.';
COMMENT ON COLUMN mlops.history.event IS 'Numbers the changes of a model.';
COMMENT ON COLUMN mlops.history.forced IS 'Gates or approval were passed by force => true.';
COMMENT ON COLUMN mlops.history.from_stage IS 'NULL where the version was registered.';
GRANT SELECT ON mlops.history TO PUBLIC;

-- A run is seen by the role that it belongs to and by those who may read a
-- model that it made.
CREATE VIEW mlops.visible_runs WITH (security_barrier) AS
SELECT r.*
FROM mlops.runs r
WHERE pg_catalog.pg_has_role(r.user_id::pg_catalog.oid, 'USAGE')
   OR EXISTS (SELECT FROM mlops.model_versions v WHERE v.run_id = r.run_uuid AND mlops.has_access(v.model_id, 'read'));
COMMENT ON VIEW mlops.visible_runs IS 'Runs that the current role may see: the filter of the views of runs, not for direct use.';
REVOKE ALL ON mlops.visible_runs FROM PUBLIC;

CREATE VIEW mlops.experiment_runs WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       e.name AS experiment,
       r.run_uuid AS run_id,
       r.name AS run_name,
       r.status,
       pg_catalog.pg_get_userbyid(r.user_id)::pg_catalog.text COLLATE "default" AS author,
       r.start_time,
       r.end_time,
       r.arguments,
       r.environment,
       r.source_version AS mlops_version,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.params k WHERE k.run_uuid = r.run_uuid) AS params,
       (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END ORDER BY k.step)
        FROM mlops.metrics k WHERE k.run_uuid = r.run_uuid) AS metrics,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.tags k WHERE k.run_uuid = r.run_uuid) AS tags,
       d.dataset_source AS source,
       d.digest,
       d.dataset_schema AS features,
       d.dataset_profile AS profile,
       d.source_relations,
       d.search_path,
       (SELECT k.value::pg_catalog.uuid FROM mlops.tags k
        WHERE k.run_uuid = r.run_uuid AND k.key = 'mlflow.parentRunId'
          AND k.value ~ '^[0-9a-f]{32}$') AS parent_run_id,
       (SELECT k.value FROM mlops.tags k WHERE k.run_uuid = r.run_uuid AND k.key = 'mlflow.note.content') AS note
FROM mlops.visible_runs r
JOIN mlops.experiments e ON e.experiment_id = r.experiment_id
LEFT JOIN mlops.model_versions v ON v.run_id = r.run_uuid AND mlops.has_access(v.model_id, 'read')
LEFT JOIN mlops.registered_models m ON m.model_id = v.model_id
LEFT JOIN LATERAL (SELECT x.* FROM mlops.inputs i JOIN mlops.datasets x ON x.dataset_uuid = i.dataset_uuid
                   WHERE i.run_uuid = r.run_uuid AND i.context = 'training'
                   ORDER BY x.dataset_uuid LIMIT 1) d ON true;
COMMENT ON VIEW mlops.experiment_runs IS 'Runs of yours and runs that made versions which you may read: arguments, parameters, latest metrics, data, software.';
COMMENT ON COLUMN mlops.experiment_runs.model IS 'The model that the run made a version of, if it made one that you may read.';
COMMENT ON COLUMN mlops.experiment_runs.metrics IS 'Each at its last step; null where undefined.';
COMMENT ON COLUMN mlops.experiment_runs.arguments IS 'Of the call of train; those that were left out have their defaults.';
COMMENT ON COLUMN mlops.experiment_runs.environment IS 'Software and processor type: what decides the bits of a fit with LAPACK.';
COMMENT ON COLUMN mlops.experiment_runs.digest IS 'What mlops.fingerprint gave for the source.';
COMMENT ON COLUMN mlops.experiment_runs.profile IS 'As rows: mlops.profiles.';
COMMENT ON COLUMN mlops.experiment_runs.source_relations IS 'Tables and views that the source names, with columns and definitions of then.';
GRANT SELECT ON mlops.experiment_runs TO PUBLIC;

CREATE VIEW mlops.grants WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       CASE WHEN g.grantee::pg_catalog.oid = 0 THEN 'public'
            ELSE pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text COLLATE "default" END AS grantee,
       g.privilege,
       pg_catalog.pg_get_userbyid(g.granted_by)::pg_catalog.text COLLATE "default" AS granted_by,
       g.granted_at,
       g.model_id
FROM mlops.registered_models m
JOIN mlops.model_grants g USING (model_id)
WHERE g.grantee::pg_catalog.oid = 0
   OR pg_catalog.pg_has_role(g.grantee::pg_catalog.oid, 'USAGE')
   OR mlops.has_access(m.model_id, 'manage');
COMMENT ON VIEW mlops.grants IS 'Privileges on models: those of yours, of PUBLIC, and all on models that you manage. Owners have every privilege without a grant.';
GRANT SELECT ON mlops.grants TO PUBLIC;

CREATE VIEW mlops.audit WITH (security_barrier) AS
SELECT a.at,
       pg_catalog.pg_get_userbyid(a.role)::pg_catalog.text COLLATE "default" AS role,
       a.action,
       a.model,
       a.version,
       a.detail,
       a.xid,
       a.model_id,
       a.audit_id
FROM mlops.audit_log a
WHERE mlops.has_access(a.model_id, 'manage');
COMMENT ON VIEW mlops.audit IS 'Committed changes to models that you manage; superusers also see those to models that are gone.';
COMMENT ON COLUMN mlops.audit.role IS 'Who did it.';
COMMENT ON COLUMN mlops.audit.model IS 'Its name of then; model_id stays.';
COMMENT ON COLUMN mlops.audit.xid IS 'The transaction: what was done together has the same.';
GRANT SELECT ON mlops.audit TO PUBLIC;
