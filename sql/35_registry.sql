-- Stages, aliases, privileges and the rest of what changes the registry.  Each
-- function checks the rights of the role that calls it, then works as the
-- extension's owner; all see what was committed before they began, and lock the
-- model's row until the transaction ends.  Those that return a row return one
-- row, not a set of rows: beside a set in a SELECT list PostgreSQL evaluates
-- other calls once more to learn that the set has ended.

CREATE FUNCTION mlops.promote(model text, version integer DEFAULT NULL, stage text DEFAULT 'Production',
                              comment text DEFAULT NULL, force boolean DEFAULT false,
                              OUT model text, OUT version integer, OUT from_stage text, OUT to_stage text,
                              OUT previous_production integer)
    AS 'MODULE_PATHNAME', 'mlops_promote'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.promote(text, integer, text, text, boolean) IS
    'moves a version (argument, or ''churn/3'', or the newest) to a stage; Production asks for gates and approval, and the version that was there becomes Archived; needs manage';
REVOKE ALL ON FUNCTION mlops.promote(text, integer, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.promote(text, integer, text, text, boolean) TO PUBLIC;

CREATE FUNCTION mlops.promote(model text, version text, stage text DEFAULT NULL,
                              comment text DEFAULT NULL, force boolean DEFAULT false,
                              OUT model text, OUT version integer, OUT from_stage text, OUT to_stage text,
                              OUT previous_production integer)
    AS 'MODULE_PATHNAME', 'mlops_promote_text'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.promote(text, text, text, text, boolean) IS
    'the same with a text: a version number, or a stage, to which the newest version (or the one of ''churn/3'') goes: promote(''churn'', ''Staging'')';
REVOKE ALL ON FUNCTION mlops.promote(text, text, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.promote(text, text, text, text, boolean) TO PUBLIC;

CREATE FUNCTION mlops.rollback(model text, comment text DEFAULT NULL, OUT from_version integer, OUT to_version integer)
    AS 'MODULE_PATHNAME', 'mlops_rollback'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.rollback(text, text) IS
    'puts back the version that was in Production before, without asking gates again; twice goes back two; needs manage';
REVOKE ALL ON FUNCTION mlops.rollback(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rollback(text, text) TO PUBLIC;

CREATE FUNCTION mlops.set_alias(model text, alias text, version integer DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_alias'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_alias(text, text, integer) IS
    'points an alias (''churn@champion'') at a version, moving it if it exists; needs write';
REVOKE ALL ON FUNCTION mlops.set_alias(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_alias(text, text, integer) TO PUBLIC;

CREATE FUNCTION mlops.drop_alias(model text, alias text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_drop_alias'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_alias(text, text) IS 'removes an alias; needs write';
REVOKE ALL ON FUNCTION mlops.drop_alias(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_alias(text, text) TO PUBLIC;

CREATE FUNCTION mlops.grant_access(model text, role text, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_grant_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.grant_access(text, text, text) IS
    'grants privileges (read, predict, write, approve, manage, a comma-separated list, or all) on a model to a role or ''public''; needs manage';
REVOKE ALL ON FUNCTION mlops.grant_access(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.grant_access(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.grant_access(model text, role regrole, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_grant_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.grant_access(text, regrole, text) IS 'grants privileges on a model to a role; needs manage';
REVOKE ALL ON FUNCTION mlops.grant_access(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.grant_access(text, regrole, text) TO PUBLIC;

CREATE FUNCTION mlops.revoke_access(model text, role text, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_revoke_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.revoke_access(text, text, text) IS
    'takes privileges on a model back from a role or ''public''; needs manage';
REVOKE ALL ON FUNCTION mlops.revoke_access(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.revoke_access(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.revoke_access(model text, role regrole, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_revoke_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.revoke_access(text, regrole, text) IS 'takes privileges on a model back from a role; needs manage';
REVOKE ALL ON FUNCTION mlops.revoke_access(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.revoke_access(text, regrole, text) TO PUBLIC;

CREATE FUNCTION mlops.prune_grants() RETURNS bigint
    AS 'MODULE_PATHNAME', 'mlops_prune_grants'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.prune_grants() IS
    'removes grants to roles that no longer exist, on the models that you manage; returns how many';
REVOKE ALL ON FUNCTION mlops.prune_grants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.prune_grants() TO PUBLIC;

CREATE FUNCTION mlops.transfer_ownership(model text, new_owner text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_transfer_ownership'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.transfer_ownership(text, text) IS
    'gives a model to another role; by its owner, to a role that he can become, or by a superuser';
REVOKE ALL ON FUNCTION mlops.transfer_ownership(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.transfer_ownership(text, text) TO PUBLIC;

CREATE FUNCTION mlops.transfer_ownership(model text, new_owner regrole) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_transfer_ownership'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.transfer_ownership(text, regrole) IS 'gives a model to another role';
REVOKE ALL ON FUNCTION mlops.transfer_ownership(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.transfer_ownership(text, regrole) TO PUBLIC;

CREATE FUNCTION mlops.rename_model(model text, new_name text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_rename_model'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.rename_model(text, text) IS 'renames a model; needs manage';
REVOKE ALL ON FUNCTION mlops.rename_model(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rename_model(text, text) TO PUBLIC;

CREATE FUNCTION mlops.drop_model(model text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_drop_model'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_model(text) IS
    'removes a model that has no version in Production, with all its versions, runs and grants; needs manage';
REVOKE ALL ON FUNCTION mlops.drop_model(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_model(text) TO PUBLIC;

CREATE FUNCTION mlops.delete_version(model text, version integer DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_delete_version'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.delete_version(text, integer) IS
    'removes a version (argument, or ''churn/3'') that is not in Production and has no alias; its number is not used again; needs manage';
REVOKE ALL ON FUNCTION mlops.delete_version(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.delete_version(text, integer) TO PUBLIC;

CREATE FUNCTION mlops.set_description(model text, description text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_description'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_description(text, text) IS
    'describes a model (''churn'') or a version (''churn/3''); NULL removes the text; needs write';
REVOKE ALL ON FUNCTION mlops.set_description(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_description(text, text) TO PUBLIC;

CREATE FUNCTION mlops.set_tag(model text, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_tag'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_tag(text, text, text) IS
    'labels a model (''churn'') or a version (''churn/3''); a NULL value removes the label; needs write';
REVOKE ALL ON FUNCTION mlops.set_tag(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_tag(text, text, text) TO PUBLIC;
