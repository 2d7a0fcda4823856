-- Scores of rows.  Exactly two overloads of each name, by reference (text) and by value (mlops.model): a third would make
-- calls ambiguous.  By name the catalog is read under the query's snapshot, so STABLE; by value nothing but the arguments
-- counts, so IMMUTABLE.  Not STRICT: a NULL among the features is a missing value.  The cost is what counts where the planner
-- cannot know the model.

CREATE FUNCTION mlops.predict_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mlops_predict_support' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.predict_support(internal) IS
    'tells the planner what a prediction costs and how to fetch no more columns for it than the model needs';
REVOKE ALL ON FUNCTION mlops.predict_support(internal) FROM PUBLIC;

CREATE FUNCTION mlops.served_is(model text, sha256 bytea) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_served_is' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION mlops.served_is(text, bytea) IS
    'Internal: whether a reference means a model with this hash that the caller may predict with; part of rewritten predictions, where the hash is that of planning';
REVOKE ALL ON FUNCTION mlops.served_is(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.served_is(text, bytea) TO PUBLIC;

CREATE FUNCTION mlops.predict(model text, VARIADIC features "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_predict' LANGUAGE C STABLE PARALLEL SAFE COST 100
    SUPPORT mlops.predict_support;
COMMENT ON FUNCTION mlops.predict(text, "any") IS
    'score of a row, jsonb object, array or list of values: the value (regression), the probability of the positive class (two classes) or the score (anomaly)';
REVOKE ALL ON FUNCTION mlops.predict(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict(model mlops.model, VARIADIC features "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_predict' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict(mlops.model, "any") IS
    'score of a row, jsonb object, array or list of values by a model value';
REVOKE ALL ON FUNCTION mlops.predict(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_label(model text, VARIADIC features "any") RETURNS text
    AS 'MODULE_PATHNAME', 'mlops_predict_label' LANGUAGE C STABLE PARALLEL SAFE COST 100
    SUPPORT mlops.predict_support;
COMMENT ON FUNCTION mlops.predict_label(text, "any") IS 'predicted class; of two by the threshold of the model';
REVOKE ALL ON FUNCTION mlops.predict_label(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_label(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_label(model mlops.model, VARIADIC features "any") RETURNS text
    AS 'MODULE_PATHNAME', 'mlops_predict_label' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_label(mlops.model, "any") IS 'predicted class by a model value; of two by the threshold of the model';
REVOKE ALL ON FUNCTION mlops.predict_label(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_label(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_proba(model text, VARIADIC features "any") RETURNS float8[]
    AS 'MODULE_PATHNAME', 'mlops_predict_proba' LANGUAGE C STABLE PARALLEL SAFE COST 100
    SUPPORT mlops.predict_support;
COMMENT ON FUNCTION mlops.predict_proba(text, "any") IS 'probabilities of the classes, in the order of mlops.classes(model)';
REVOKE ALL ON FUNCTION mlops.predict_proba(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_proba(model mlops.model, VARIADIC features "any") RETURNS float8[]
    AS 'MODULE_PATHNAME', 'mlops_predict_proba' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_proba(mlops.model, "any") IS
    'probabilities of the classes, in the order of mlops.classes(model), by a model value';
REVOKE ALL ON FUNCTION mlops.predict_proba(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_json(model text, features jsonb) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_predict_json' LANGUAGE C STABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION mlops.predict_json(text, jsonb) IS
    'label, score, probabilities, model and version for one JSON object of features';
REVOKE ALL ON FUNCTION mlops.predict_json(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_json(text, jsonb) TO PUBLIC;

CREATE FUNCTION mlops.predict_json(model mlops.model, features jsonb) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_predict_json' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION mlops.predict_json(mlops.model, jsonb) IS
    'label, score and probabilities for one JSON object of features, by a model value';
REVOKE ALL ON FUNCTION mlops.predict_json(mlops.model, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_json(mlops.model, jsonb) TO PUBLIC;
