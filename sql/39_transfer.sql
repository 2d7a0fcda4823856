-- Versions between databases, as rows that COPY writes and reads.

CREATE FUNCTION mlops.export_chunks(model text)
    RETURNS TABLE (model text, version integer, chunk_no integer, data bytea)
    AS 'MODULE_PATHNAME', 'mlops_export_chunks'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 10;
COMMENT ON FUNCTION mlops.export_chunks(text) IS
    'a version as rows for COPY: chunk 0 is a manifest with run, metrics and data sets, the others are the model''s bytes; needs read';
REVOKE ALL ON FUNCTION mlops.export_chunks(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.export_chunks(text) TO PUBLIC;

CREATE FUNCTION mlops.import_chunks(source text, model text DEFAULT NULL, on_conflict text DEFAULT 'error')
    RETURNS TABLE (model text, version integer, source_model text, source_version integer, status text)
    AS 'MODULE_PATHNAME', 'mlops_import_chunks'
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.import_chunks(text, text, text) IS
    'adds the versions that a table or query of exported chunks holds, under their name or another; on_conflict, when a number is taken: error, renumber or skip; all bytes are checked; needs write on a model that exists';
REVOKE ALL ON FUNCTION mlops.import_chunks(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.import_chunks(text, text, text) TO PUBLIC;
