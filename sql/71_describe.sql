-- A source as training reads it.

CREATE FUNCTION mlops.describe(source text)
RETURNS TABLE (column_name text, data_type text, kind text, role text, count bigint, num_nulls bigint, distinct_count bigint, omitted text)
AS 'MODULE_PATHNAME', 'mlops_describe'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 30;
COMMENT ON FUNCTION mlops.describe(text) IS
    'The columns of a table, view or SELECT as training reads them: kind of feature, counts, and why a column would be left out.';
REVOKE ALL ON FUNCTION mlops.describe(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.describe(text) TO PUBLIC;

CREATE FUNCTION mlops.training_digest(source text)
RETURNS text
AS 'MODULE_PATHNAME', 'mlops_training_digest'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION mlops.training_digest(text) IS
    'SHA-256 of the rows of a table, view or SELECT as training reads them; the same for any physical order of rows.';
REVOKE ALL ON FUNCTION mlops.training_digest(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_digest(text) TO PUBLIC;
