-- What must hold before a version enters Production: gates and approvals.

CREATE FUNCTION mlops.set_gate(model text, metric text DEFAULT NULL, threshold float8 DEFAULT NULL,
                               min_absolute_change float8 DEFAULT NULL, min_relative_change float8 DEFAULT NULL,
                               higher_is_better boolean DEFAULT NULL, source text DEFAULT NULL, slice text DEFAULT NULL,
                               max_slice_loss float8 DEFAULT NULL, min_slice_rows bigint DEFAULT 30, query text DEFAULT NULL,
                               condition text DEFAULT NULL, mode text DEFAULT 'enabled', gate text DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_gate'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_gate(text, text, float8, float8, float8, boolean, text, text, float8, bigint, text, text, text, text) IS
    'sets or replaces a gate that versions pass to enter Production: a metric with limits, also per slice of the rows, or a boolean condition over a query; mode disabled, dry_run or enabled; needs manage';
REVOKE ALL ON FUNCTION mlops.set_gate(text, text, float8, float8, float8, boolean, text, text, float8, bigint, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_gate(text, text, float8, float8, float8, boolean, text, text, float8, bigint, text, text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.drop_gate(model text, gate text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_drop_gate'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_gate(text, text) IS 'removes a gate; needs manage';
REVOKE ALL ON FUNCTION mlops.drop_gate(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_gate(text, text) TO PUBLIC;

CREATE FUNCTION mlops.check_gates(model text, version integer DEFAULT NULL)
    RETURNS TABLE (gate text, mode text, metric text, slice text, value float8, baseline float8, baseline_version integer,
                   rows_checked bigint, passed boolean, message text)
    AS 'MODULE_PATHNAME', 'mlops_check_gates'
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.check_gates(text, integer) IS
    'evaluates the gates of a model for a version (argument, or ''churn/3'', or the newest) and records the results, without promoting; needs read and write';
REVOKE ALL ON FUNCTION mlops.check_gates(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_gates(text, integer) TO PUBLIC;

CREATE FUNCTION mlops.require_approval(model text, required boolean DEFAULT true) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_require_approval'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.require_approval(text, boolean) IS
    'whether versions need an approval from somebody else than their author to enter Production; needs manage';
REVOKE ALL ON FUNCTION mlops.require_approval(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.require_approval(text, boolean) TO PUBLIC;

CREATE FUNCTION mlops.approve(model text, version integer DEFAULT NULL, comment text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_approve'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.approve(text, integer, text) IS
    'approves a version (argument, or ''churn/3'') for Production; not by its author; needs approve';
REVOKE ALL ON FUNCTION mlops.approve(text, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.approve(text, integer, text) TO PUBLIC;

CREATE FUNCTION mlops.withdraw_approval(model text, version integer DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_withdraw_approval'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.withdraw_approval(text, integer) IS 'takes your approval of a version back; needs approve';
REVOKE ALL ON FUNCTION mlops.withdraw_approval(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.withdraw_approval(text, integer) TO PUBLIC;

CREATE VIEW mlops.gates WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       g.gate COLLATE "default" AS gate,
       g.mode,
       g.metric,
       g.threshold,
       g.min_absolute_change,
       g.min_relative_change,
       g.higher_is_better,
       g.source,
       g.slice,
       g.max_slice_loss,
       g.min_slice_rows,
       g.query,
       g.condition,
       pg_catalog.pg_get_userbyid(g.author)::pg_catalog.text COLLATE "default" AS author,
       g.search_path,
       g.created_at,
       g.model_id
FROM mlops.registered_models m
JOIN mlops.model_gates g USING (model_id)
WHERE mlops.has_access(m.model_id, 'read');
COMMENT ON VIEW mlops.gates IS 'Gates of the models that you may read.';
COMMENT ON COLUMN mlops.gates.author IS 'Whose rights the gate''s queries have.';
GRANT SELECT ON mlops.gates TO PUBLIC;

CREATE VIEW mlops.gate_results WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       c.version,
       c.gate,
       c.mode,
       c.metric,
       c.slice,
       c.value,
       c.baseline,
       c.baseline_version,
       c.rows_checked,
       c.passed,
       c.message,
       c.purpose,
       c.checked_at,
       pg_catalog.pg_get_userbyid(c.checked_by)::pg_catalog.text COLLATE "default" AS checked_by,
       c.model_id
FROM mlops.registered_models m
JOIN mlops.gate_checks c USING (model_id)
WHERE mlops.has_access(m.model_id, 'read');
COMMENT ON VIEW mlops.gate_results IS 'Results of gates that were recorded, of models that you may read; a promotion that was refused leaves none.';
COMMENT ON COLUMN mlops.gate_results.slice IS 'Value of the expression slice; NULL: all rows.';
COMMENT ON COLUMN mlops.gate_results.baseline IS 'The same of the version in Production, on the same rows; NULL where nothing is compared.';
COMMENT ON COLUMN mlops.gate_results.purpose IS 'check: by check_gates; promote; force: promote with force => true.';
GRANT SELECT ON mlops.gate_results TO PUBLIC;

CREATE VIEW mlops.version_approvals WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       a.version,
       pg_catalog.pg_get_userbyid(a.approver)::pg_catalog.text COLLATE "default" AS approver,
       a.approved_at,
       a.comment,
       v.stage,
       m.require_approval,
       a.model_id
FROM mlops.registered_models m
JOIN mlops.approvals a USING (model_id)
JOIN mlops.model_versions v ON v.model_id = a.model_id AND v.version = a.version
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.version_approvals IS 'Who approved which version, of models on which you have a privilege.';
GRANT SELECT ON mlops.version_approvals TO PUBLIC;
