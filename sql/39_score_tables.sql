-- Tables of scores: filled by a model, recorded with the version that filled them.

CREATE TABLE mlops.scored_tables (
    relation     text COLLATE "C" PRIMARY KEY,
    model_id     uuid NOT NULL,
    selector     text NOT NULL,
    scored_with  integer NOT NULL,
    scored_bytes bytea NOT NULL CHECK (pg_catalog.octet_length(scored_bytes) = 32),
    source       text NOT NULL,
    key          text NOT NULL,
    rows         bigint NOT NULL,
    scored_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    scored_by    regrole NOT NULL
);
COMMENT ON TABLE mlops.scored_tables IS 'Tables that mlops.score_into has filled; read mlops.score_tables.';
COMMENT ON COLUMN mlops.scored_tables.relation IS 'Schema and name, quoted where needed: a name survives a restore of parts.';
COMMENT ON COLUMN mlops.scored_tables.selector IS 'What the reference says behind the model''s name.';
COMMENT ON COLUMN mlops.scored_tables.scored_with IS 'The version, also when it is deleted: its scores are still there.';
COMMENT ON COLUMN mlops.scored_tables.scored_bytes IS 'SHA-256 of the version''s model.';
CREATE INDEX scored_tables_model ON mlops.scored_tables (model_id);
REVOKE ALL ON mlops.scored_tables FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mlops.scored_tables', '');

-- Looks in the catalogs, where no right on schema or table is asked for; a name may be that of another table by now.
CREATE FUNCTION mlops.find_score_table(relation text) RETURNS regclass LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = (parse_ident($1))[1] AND c.relname = (parse_ident($1))[2] AND c.relkind = 'r'
      AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
           AND (a.attname, a.atttypid) IN (('score', 'float8'::regtype), ('model_version', 'int4'::regtype), ('scored_at', 'timestamptz'::regtype))) = 3
$$;
COMMENT ON FUNCTION mlops.find_score_table(text) IS 'Internal: the table of scores that a record names; NULL where it is gone, or another table';
REVOKE ALL ON FUNCTION mlops.find_score_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.find_score_table(text) TO PUBLIC;

CREATE VIEW mlops.score_tables WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       s.relation COLLATE "default" AS relation,
       (m.name OPERATOR(pg_catalog.||) s.selector) COLLATE "default" AS reference,
       s.scored_with AS version,
       n.version AS current_version,
       n.model_sha256 IS DISTINCT FROM s.scored_bytes AS stale,
       s.source,
       s.key,
       s.rows,
       s.scored_at,
       pg_catalog.pg_get_userbyid(s.scored_by)::pg_catalog.text COLLATE "default" AS scored_by,
       s.model_id
FROM mlops.registered_models m
JOIN mlops.scored_tables s USING (model_id)
LEFT JOIN LATERAL (
    SELECT v.version, v.model_sha256 FROM mlops.model_versions v
    WHERE v.model_id = m.model_id
      AND CASE WHEN s.selector = '' THEN v.stage = 'Production'
               WHEN s.selector ~ '^/[0-9]+$' THEN v.version = pg_catalog.substr(s.selector, 2)::integer
               WHEN s.selector = '/latest' THEN true
               WHEN s.selector LIKE '/%' THEN v.stage = pg_catalog.substr(s.selector, 2)
               WHEN s.selector ~ '^@[A-Za-z]' THEN v.version = (SELECT a.version FROM mlops.aliases a
                   WHERE a.model_id = m.model_id AND a.alias = pg_catalog.substr(s.selector, 2))
               ELSE v.version = s.scored_with END
    ORDER BY v.version DESC LIMIT 1) n ON true
WHERE (mlops.has_access(m.model_id, 'read') OR pg_catalog.pg_has_role(s.scored_by::pg_catalog.oid, 'USAGE'))
  AND mlops.find_score_table(s.relation) IS NOT NULL;
COMMENT ON VIEW mlops.score_tables IS 'Tables that mlops.score_into has filled from models that you may read, and those that you have filled.';
COMMENT ON COLUMN mlops.score_tables.reference IS 'What the table was filled with.';
COMMENT ON COLUMN mlops.score_tables.version IS 'The version that the scores are of.';
COMMENT ON COLUMN mlops.score_tables.current_version IS 'What the reference means now.';
COMMENT ON COLUMN mlops.score_tables.stale IS 'The reference means a model with other bytes now, or none.';
GRANT SELECT ON mlops.score_tables TO PUBLIC;

CREATE FUNCTION mlops.score_into(model text, source text, target_table text, key text DEFAULT NULL,
                                 OUT model text, OUT version integer, OUT relation text, OUT rows bigint,
                                 OUT added bigint, OUT changed bigint, OUT removed bigint)
    AS 'MODULE_PATHNAME', 'mlops_score_into'
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION mlops.score_into(text, text, text, text) IS
    'scores a table, view or SELECT into a table with the key, score, label, model_version and scored_at, which it makes, or brings up to date: rows whose score and version stay are not touched, rows that the source has no more go; the table is recorded in mlops.score_tables; needs predict';
REVOKE ALL ON FUNCTION mlops.score_into(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.score_into(text, text, text, text) TO PUBLIC;
