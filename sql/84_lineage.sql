-- Where a model comes from, and what uses it.

CREATE FUNCTION mlops.lineage(model text)
RETURNS TABLE (direction text, kind text, object text, relates_to text, version integer, definition text)
AS 'MODULE_PATHNAME', 'mlops_lineage'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 20;
COMMENT ON FUNCTION mlops.lineage(text) IS
    'From source to use: the relations that each version was trained on, views included, with their definitions at that time; the versions; and the tables that mlops.score_into has filled and the views, materialized views, column defaults, constraints, policies and SQL functions (BEGIN ATOMIC) that predict with the model by a constant reference, with the views that read those; kind "function text" is a guess: a body (PL/pgSQL, a string) in which a call with the model''s name is written.';
REVOKE ALL ON FUNCTION mlops.lineage(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lineage(text) TO PUBLIC;
