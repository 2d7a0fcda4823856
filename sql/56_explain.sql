-- Why predictions are what they are.  Attributions are on the margin scale: log-odds for classes, the predicted value (or its
-- link) for numbers.  They need the privilege to predict; importances, which come from training, need read.

CREATE FUNCTION mlops.explain(model text, VARIADIC features "any")
    RETURNS TABLE (feature text, value text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_explain' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.explain(text, "any") IS 'what each feature adds to the margin of a prediction, after the baseline; together they are the margin';
REVOKE ALL ON FUNCTION mlops.explain(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.explain(model mlops.model, VARIADIC features "any")
    RETURNS TABLE (feature text, value text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_explain' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.explain(mlops.model, "any") IS 'what each feature adds to the margin of a prediction by a model value, after the baseline; together they are the margin';
REVOKE ALL ON FUNCTION mlops.explain(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.explain_class(model text, class text, VARIADIC features "any")
    RETURNS TABLE (feature text, value text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_explain_class' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.explain_class(text, text, "any") IS 'what each feature adds to the margin of one class, predicted or not, after the baseline; together they are the margin';
REVOKE ALL ON FUNCTION mlops.explain_class(text, text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain_class(text, text, "any") TO PUBLIC;

CREATE FUNCTION mlops.explain_class(model mlops.model, class text, VARIADIC features "any")
    RETURNS TABLE (feature text, value text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_explain_class' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.explain_class(mlops.model, text, "any") IS 'what each feature adds to the margin of one class of a model value, predicted or not, after the baseline; together they are the margin';
REVOKE ALL ON FUNCTION mlops.explain_class(mlops.model, text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain_class(mlops.model, text, "any") TO PUBLIC;

CREATE FUNCTION mlops.reasons(model text, k integer, VARIADIC features "any")
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_reasons' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.reasons(text, integer, "any") IS 'the k features that count most for a prediction, as short texts with their attributions';
REVOKE ALL ON FUNCTION mlops.reasons(text, integer, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reasons(text, integer, "any") TO PUBLIC;

CREATE FUNCTION mlops.reasons(model mlops.model, k integer, VARIADIC features "any")
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_reasons' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.reasons(mlops.model, integer, "any") IS 'the k features that count most for a prediction by a model value, as short texts with their attributions';
REVOKE ALL ON FUNCTION mlops.reasons(mlops.model, integer, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reasons(mlops.model, integer, "any") TO PUBLIC;

CREATE FUNCTION mlops.global_explain(model text, source text = NULL)
    RETURNS TABLE (feature text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_global_explain' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
COMMENT ON FUNCTION mlops.global_explain(text, text) IS 'mean size of the attributions of each feature over a table or query, by default the recorded source';
REVOKE ALL ON FUNCTION mlops.global_explain(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.global_explain(text, text) TO PUBLIC;

CREATE FUNCTION mlops.global_explain(model mlops.model, source text = NULL)
    RETURNS TABLE (feature text, attribution float8)
    AS 'MODULE_PATHNAME', 'mlops_global_explain' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
COMMENT ON FUNCTION mlops.global_explain(mlops.model, text) IS 'mean size of the attributions of each feature over a table or query of a model value';
REVOKE ALL ON FUNCTION mlops.global_explain(mlops.model, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.global_explain(mlops.model, text) TO PUBLIC;

CREATE FUNCTION mlops.feature_importance(model text)
    RETURNS TABLE (feature text, importance_weight float8, importance_gain float8, importance_cover float8)
    AS 'MODULE_PATHNAME', 'mlops_feature_importance' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.feature_importance(text) IS 'how much each feature mattered in training: number of splits, average gain and average cover; linear models: number of coefficients, and their size times the spread of their terms';
REVOKE ALL ON FUNCTION mlops.feature_importance(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.feature_importance(text) TO PUBLIC;

CREATE FUNCTION mlops.feature_importance(model mlops.model)
    RETURNS TABLE (feature text, importance_weight float8, importance_gain float8, importance_cover float8)
    AS 'MODULE_PATHNAME', 'mlops_feature_importance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.feature_importance(mlops.model) IS 'how much each feature mattered in training of a model value: number of splits, average gain and average cover; linear models: number of coefficients, and their size times the spread of their terms';
REVOKE ALL ON FUNCTION mlops.feature_importance(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.feature_importance(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.permutation_importance(model text, source text = NULL, metric text = NULL, rows text = 'heldout')
    RETURNS TABLE (feature text, importance float8)
    AS 'MODULE_PATHNAME', 'mlops_permutation_importance' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
COMMENT ON FUNCTION mlops.permutation_importance(text, text, text, text) IS 'how much worse a metric becomes when the values of one feature go to other rows; by default held-out rows of the recorded source';
REVOKE ALL ON FUNCTION mlops.permutation_importance(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.permutation_importance(text, text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.permutation_importance(model mlops.model, source text = NULL, metric text = NULL, rows text = 'heldout')
    RETURNS TABLE (feature text, importance float8)
    AS 'MODULE_PATHNAME', 'mlops_permutation_importance' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
COMMENT ON FUNCTION mlops.permutation_importance(mlops.model, text, text, text) IS 'how much worse a metric becomes when the values of one feature of a model value go to other rows; by default held-out rows of the recorded source';
REVOKE ALL ON FUNCTION mlops.permutation_importance(mlops.model, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.permutation_importance(mlops.model, text, text, text) TO PUBLIC;

