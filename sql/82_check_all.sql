-- Is everything that is stored still sound?

CREATE FUNCTION mlops.check_references()
RETURNS TABLE (severity text, object text, model text, version integer, finding text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
WITH m AS (SELECT * FROM mlops.registered_models),
     v AS (SELECT v.*, m.name FROM mlops.model_versions v LEFT JOIN m USING (model_id)),
     r AS (SELECT run_uuid FROM mlops.runs),
     -- what refers to a run, a model or a version
     of_run (object, run_uuid) AS (
         SELECT DISTINCT 'params', run_uuid FROM mlops.params UNION ALL SELECT DISTINCT 'metrics', run_uuid FROM mlops.metrics
         UNION ALL SELECT DISTINCT 'tags', run_uuid FROM mlops.tags UNION ALL SELECT DISTINCT 'inputs', run_uuid FROM mlops.inputs),
     of_model (object, model_id) AS (
         SELECT 'model_versions', model_id FROM mlops.model_versions UNION SELECT 'model_tags', model_id FROM mlops.model_tags
         UNION SELECT 'stage_history', model_id FROM mlops.stage_history UNION SELECT 'model_grants', model_id FROM mlops.model_grants
         UNION SELECT 'aliases', model_id FROM mlops.aliases UNION SELECT 'version_tags', model_id FROM mlops.version_tags
         UNION SELECT 'approvals', model_id FROM mlops.approvals UNION SELECT 'model_gates', model_id FROM mlops.model_gates
         UNION SELECT 'gate_checks', model_id FROM mlops.gate_checks UNION SELECT 'tunings', model_id FROM mlops.tunings WHERE model_id IS NOT NULL
         UNION SELECT 'scored_tables', model_id FROM mlops.scored_tables),
     of_version (object, model_id, version) AS (
         SELECT 'aliases', model_id, version FROM mlops.aliases UNION SELECT 'version_tags', model_id, version FROM mlops.version_tags
         UNION SELECT 'approvals', model_id, version FROM mlops.approvals UNION SELECT 'gate_checks', model_id, version FROM mlops.gate_checks
         UNION SELECT 'tunings', model_id, version FROM mlops.tunings WHERE model_id IS NOT NULL),
     of_role (object, role, model, version) AS (
         SELECT 'registered_models', owner, name, NULL::integer FROM m
         UNION ALL SELECT 'model_versions', user_id, name, version FROM v
         UNION ALL SELECT 'model_grants', g.grantee, m.name, NULL FROM mlops.model_grants g JOIN m USING (model_id) WHERE g.grantee <> 0
         UNION ALL SELECT 'model_gates', g.author, m.name, NULL FROM mlops.model_gates g JOIN m USING (model_id)),
     chunks AS (SELECT sha256, count(*) AS n, min(chunk_no) AS first, max(chunk_no) AS last, sum(octet_length(data)) AS bytes,
                       bool_or(octet_length(data) > 8388608) AS too_long FROM mlops.model_blobs GROUP BY sha256)
SELECT 'error', 'model_versions', v.name, v.version, 'there are no bytes ' || encode(v.model_sha256, 'hex')
FROM v WHERE NOT EXISTS (SELECT FROM chunks c WHERE c.sha256 = v.model_sha256)
UNION ALL
SELECT 'error', 'model_versions', v.name, v.version, format('%s bytes are recorded, %s are stored', v.model_bytes, c.bytes)
FROM v JOIN chunks c ON c.sha256 = v.model_sha256 WHERE v.model_bytes <> c.bytes
UNION ALL
SELECT 'error', 'model_versions', v.name, v.version, format('run %s does not exist', v.run_id)
FROM v WHERE NOT EXISTS (SELECT FROM r WHERE r.run_uuid = v.run_id)
UNION ALL
SELECT 'error', 'model_versions', v.name, v.version, format('the number is above the highest one given out, %s', m.last_version)
FROM v JOIN m USING (model_id) WHERE v.version > m.last_version
UNION ALL
SELECT 'error', 'model_blobs', NULL, NULL, format('chunks of %s are not 0 to %s without a gap, or too long', encode(sha256, 'hex'), n - 1)
FROM chunks WHERE first <> 0 OR last <> n - 1 OR too_long
UNION ALL
SELECT 'warning', 'model_blobs', NULL, NULL, format('no version has the %s bytes %s', bytes, encode(sha256, 'hex'))
FROM chunks c WHERE NOT EXISTS (SELECT FROM v WHERE v.model_sha256 = c.sha256)
UNION ALL
SELECT 'error', o.object, NULL, NULL, format('run %s does not exist', o.run_uuid)
FROM of_run o WHERE NOT EXISTS (SELECT FROM r WHERE r.run_uuid = o.run_uuid)
UNION ALL
SELECT 'error', o.object, NULL, NULL, format('model %s does not exist', o.model_id)
FROM of_model o WHERE NOT EXISTS (SELECT FROM m WHERE m.model_id = o.model_id)
UNION ALL
SELECT 'error', o.object, m.name, o.version, 'the version does not exist'
FROM of_version o JOIN m USING (model_id) WHERE NOT EXISTS (SELECT FROM v WHERE v.model_id = o.model_id AND v.version = o.version)
UNION ALL
SELECT 'error', 'runs', NULL, NULL, format('experiment %s of run %s does not exist', u.experiment_id, u.run_uuid)
FROM mlops.runs u WHERE NOT EXISTS (SELECT FROM mlops.experiments e WHERE e.experiment_id = u.experiment_id)
UNION ALL
SELECT 'error', 'registered_models', m.name, NULL, format('experiment %s does not exist', m.experiment_id)
FROM m WHERE NOT EXISTS (SELECT FROM mlops.experiments e WHERE e.experiment_id = m.experiment_id)
UNION ALL
SELECT 'error', 'datasets', d.name, NULL, format('experiment %s does not exist', d.experiment_id)
FROM mlops.datasets d WHERE NOT EXISTS (SELECT FROM mlops.experiments e WHERE e.experiment_id = d.experiment_id)
UNION ALL
SELECT DISTINCT 'error', 'experiment_tags', NULL, NULL::integer, format('experiment %s does not exist', t.experiment_id)
FROM mlops.experiment_tags t WHERE NOT EXISTS (SELECT FROM mlops.experiments e WHERE e.experiment_id = t.experiment_id)
UNION ALL
SELECT 'error', 'inputs', NULL, NULL, format('data set %s does not exist', i.dataset_uuid)
FROM mlops.inputs i WHERE NOT EXISTS (SELECT FROM mlops.datasets d WHERE d.dataset_uuid = i.dataset_uuid)
UNION ALL
SELECT 'warning', 'datasets', d.name, NULL, format('no run has read data set %s', d.dataset_uuid)
FROM mlops.datasets d WHERE NOT EXISTS (SELECT FROM mlops.inputs i WHERE i.dataset_uuid = d.dataset_uuid)
UNION ALL
SELECT 'warning', 'erasures', NULL, NULL, format('data set %s does not exist', e.dataset_uuid)
FROM mlops.erasures e WHERE NOT EXISTS (SELECT FROM mlops.datasets d WHERE d.dataset_uuid = e.dataset_uuid)
UNION ALL
SELECT DISTINCT 'error', 'tuning_trials', NULL, NULL::integer, format('search %s does not exist', t.tuning_id)
FROM mlops.tuning_trials t WHERE NOT EXISTS (SELECT FROM mlops.tunings u WHERE u.tuning_id = t.tuning_id)
UNION ALL
SELECT 'error', 'stage_history', m.name, NULL, format('%s events are recorded, the highest number is %s', m.last_event, h.last)
FROM m JOIN (SELECT model_id, max(event) AS last FROM mlops.stage_history GROUP BY model_id) h USING (model_id) WHERE h.last <> m.last_event
UNION ALL
SELECT 'error', 'registered_models', m.name, v.version, 'version in Production, but the history says otherwise'
FROM m JOIN v USING (model_id) LEFT JOIN mlops.stage_history h ON h.model_id = m.model_id AND h.event = m.production_event
WHERE v.stage = 'Production' AND (h.version IS DISTINCT FROM v.version OR h.to_stage IS DISTINCT FROM 'Production')
UNION ALL
SELECT 'warning', o.object, o.model, o.version, format('role %s does not exist', o.role::oid)
FROM of_role o WHERE NOT EXISTS (SELECT FROM pg_roles p WHERE p.oid = o.role)
$$;
COMMENT ON FUNCTION mlops.check_references() IS 'The part of mlops.check_all that looks at references between tables.';
REVOKE ALL ON FUNCTION mlops.check_references() FROM PUBLIC;

CREATE FUNCTION mlops.check_all()
RETURNS TABLE (severity text, object text, model text, version integer, finding text)
AS 'MODULE_PATHNAME', 'mlops_check_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1;
COMMENT ON FUNCTION mlops.check_all() IS
    'Reads every stored model (hash, chunks, contents) and follows every reference between the tables; a row for each thing that is wrong, none when all is well. For members of the role that owns the extension.';
REVOKE ALL ON FUNCTION mlops.check_all() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_all() TO PUBLIC;
