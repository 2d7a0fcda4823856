-- Erasure of a person's rows.

CREATE FUNCTION mlops.forget(model text, key text)
RETURNS TABLE (version integer, role text, rows_found bigint, rows_erased bigint, kept_in text, detail text)
AS 'MODULE_PATHNAME', 'mlops_forget'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 5;
COMMENT ON FUNCTION mlops.forget(text, text) IS
    'Takes the rows with a key out of what trainings of a model keep (snapshots) and of the tables that mlops.score_into filled, tells for each version whether it was trained on them, and lets mlops.verify expect the data without them. Call it before the rows go from the source. A key of several columns is a JSON object.';
REVOKE ALL ON FUNCTION mlops.forget(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.forget(text, text) TO PUBLIC;

CREATE FUNCTION mlops.forget(model text, key jsonb)
RETURNS TABLE (version integer, role text, rows_found bigint, rows_erased bigint, kept_in text, detail text)
AS 'MODULE_PATHNAME', 'mlops_forget_json'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 5;
COMMENT ON FUNCTION mlops.forget(text, jsonb) IS 'The same with a key as an object: {"column": value, ...}.';
REVOKE ALL ON FUNCTION mlops.forget(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.forget(text, jsonb) TO PUBLIC;
