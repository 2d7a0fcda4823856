-- Before and after a promotion: comparing, previewing, what was live when, retention.

CREATE FUNCTION mlops.preview(model text, version integer DEFAULT NULL, source text DEFAULT NULL, segment text DEFAULT NULL,
                              movers integer DEFAULT 10)
    RETURNS TABLE (section text, segment text, item text, production float8, candidate float8, change float8, rows bigint)
    AS 'MODULE_PATHNAME', 'mlops_preview'
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION mlops.preview(text, integer, text, text, integer) IS
    'how scores, labels and deciles of a source would move if a version (argument, or ''churn/3'', or the newest) replaced the one in Production, also by segment, with the rows that move most; needs predict, without a source read';
REVOKE ALL ON FUNCTION mlops.preview(text, integer, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.preview(text, integer, text, text, integer) TO PUBLIC;

CREATE FUNCTION mlops.compare(model text, VARIADIC versions integer[] DEFAULT NULL)
    RETURNS TABLE (kind text, name text, version integer, value text, number float8, differs boolean)
    AS 'MODULE_PATHNAME', 'mlops_compare'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION mlops.compare(text, integer[]) IS
    'versions of a model (all, when none is named) side by side: metrics, parameters, data, features, tags; one row for each fact and version; needs read';
REVOKE ALL ON FUNCTION mlops.compare(text, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.compare(text, integer[]) TO PUBLIC;

CREATE FUNCTION mlops.compare_runs(VARIADIC runs uuid[])
    RETURNS TABLE (kind text, name text, run_id uuid, value text, number float8, differs boolean)
    AS 'MODULE_PATHNAME', 'mlops_compare_runs'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION mlops.compare_runs(uuid[]) IS 'runs that you may see side by side: metrics, parameters, data, features, tags';
REVOKE ALL ON FUNCTION mlops.compare_runs(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.compare_runs(uuid[]) TO PUBLIC;

CREATE FUNCTION mlops.version_at(model text, at timestamptz) RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_version_at'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION mlops.version_at(text, timestamptz) IS
    'the version that was in Production at a time, also one that has been deleted since; NULL: none; needs any privilege';
REVOKE ALL ON FUNCTION mlops.version_at(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.version_at(text, timestamptz) TO PUBLIC;

CREATE FUNCTION mlops.archive(model text, version integer DEFAULT NULL, comment text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_archive'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.archive(text, integer, text) IS
    'moves a version (argument, or ''churn/3'') to stage Archived; one that is in Production leaves it empty; needs manage';
REVOKE ALL ON FUNCTION mlops.archive(text, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.archive(text, integer, text) TO PUBLIC;

CREATE FUNCTION mlops.prune(model text, keep integer DEFAULT 10, dry_run boolean DEFAULT false)
    RETURNS TABLE (version integer, stage text, created_at timestamptz, model_bytes bigint)
    AS 'MODULE_PATHNAME', 'mlops_prune'
    LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION mlops.prune(text, integer, boolean) IS
    'deletes old versions but the newest ones (keep), those in Production or Staging, with an alias, or that rollback would restore; returns what it deleted, with dry_run what it would; needs manage';
REVOKE ALL ON FUNCTION mlops.prune(text, integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.prune(text, integer, boolean) TO PUBLIC;
