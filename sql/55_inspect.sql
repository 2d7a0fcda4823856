-- What is inside one model, given by reference or by value.  What only tells how to call it needs the privilege to predict
-- (classes, features, check_source); what carries training values needs read.

CREATE FUNCTION mlops.classes(model text)
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_classes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.classes(text) IS 'labels of the classes, in the order of predict_proba; empty for models without classes';
REVOKE ALL ON FUNCTION mlops.classes(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.classes(text) TO PUBLIC;

CREATE FUNCTION mlops.classes(model mlops.model)
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_classes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.classes(mlops.model) IS 'labels of the classes, in the order of predict_proba; empty for models without classes';
REVOKE ALL ON FUNCTION mlops.classes(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.classes(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.features(model text)
    RETURNS TABLE ("position" integer, feature text, kind text, type text, width integer, terms integer, transform text)
    AS 'MODULE_PATHNAME', 'mlops_features' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.features(text) IS 'features in the order of predict(), with what is done to them before the algorithm sees them';
REVOKE ALL ON FUNCTION mlops.features(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.features(text) TO PUBLIC;

CREATE FUNCTION mlops.features(model mlops.model)
    RETURNS TABLE ("position" integer, feature text, kind text, type text, width integer, terms integer, transform text)
    AS 'MODULE_PATHNAME', 'mlops_features' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.features(mlops.model) IS 'features in the order of predict(), with what is done to them before the algorithm sees them';
REVOKE ALL ON FUNCTION mlops.features(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.features(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.coefficients(model text, confidence float8 DEFAULT 0.95)
    RETURNS TABLE (class text, term text, estimate float8, std_error float8, statistic float8, p_value float8, conf_low float8, conf_high float8)
    AS 'MODULE_PATHNAME', 'mlops_coefficients' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 30;
COMMENT ON FUNCTION mlops.coefficients(text, float8) IS 'coefficients in the units of the terms, with confidence limits; NULL where aliased or not defined';
REVOKE ALL ON FUNCTION mlops.coefficients(text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.coefficients(text, float8) TO PUBLIC;

CREATE FUNCTION mlops.coefficients(model mlops.model, confidence float8 DEFAULT 0.95)
    RETURNS TABLE (class text, term text, estimate float8, std_error float8, statistic float8, p_value float8, conf_low float8, conf_high float8)
    AS 'MODULE_PATHNAME', 'mlops_coefficients' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 30;
COMMENT ON FUNCTION mlops.coefficients(mlops.model, float8) IS 'coefficients in the units of the terms, with confidence limits; NULL where aliased or not defined';
REVOKE ALL ON FUNCTION mlops.coefficients(mlops.model, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.coefficients(mlops.model, float8) TO PUBLIC;

CREATE FUNCTION mlops.fit_statistics(model text)
    RETURNS TABLE (statistic text, value float8)
    AS 'MODULE_PATHNAME', 'mlops_fit_statistics' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.fit_statistics(text) IS 'statistics of the fit on its training rows';
REVOKE ALL ON FUNCTION mlops.fit_statistics(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fit_statistics(text) TO PUBLIC;

CREATE FUNCTION mlops.fit_statistics(model mlops.model)
    RETURNS TABLE (statistic text, value float8)
    AS 'MODULE_PATHNAME', 'mlops_fit_statistics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.fit_statistics(mlops.model) IS 'statistics of the fit on its training rows';
REVOKE ALL ON FUNCTION mlops.fit_statistics(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fit_statistics(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.training_info(model text)
    RETURNS TABLE (training_run integer, iteration integer, loss float8, eval_loss float8, learning_rate float8, duration_ms float8)
    AS 'MODULE_PATHNAME', 'mlops_training_info' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION mlops.training_info(text) IS 'loss of each iteration, where the algorithm records it';
REVOKE ALL ON FUNCTION mlops.training_info(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_info(text) TO PUBLIC;

CREATE FUNCTION mlops.training_info(model mlops.model)
    RETURNS TABLE (training_run integer, iteration integer, loss float8, eval_loss float8, learning_rate float8, duration_ms float8)
    AS 'MODULE_PATHNAME', 'mlops_training_info' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION mlops.training_info(mlops.model) IS 'loss of each iteration, where the algorithm records it';
REVOKE ALL ON FUNCTION mlops.training_info(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_info(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_params(model text)
    RETURNS TABLE (param text, value text, origin text, summary text)
    AS 'MODULE_PATHNAME', 'mlops_model_params' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 15;
COMMENT ON FUNCTION mlops.model_params(text) IS 'parameters as the fit used them: given, default, or chosen from the data';
REVOKE ALL ON FUNCTION mlops.model_params(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_params(text) TO PUBLIC;

CREATE FUNCTION mlops.model_params(model mlops.model)
    RETURNS TABLE (param text, value text, origin text, summary text)
    AS 'MODULE_PATHNAME', 'mlops_model_params' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 15;
COMMENT ON FUNCTION mlops.model_params(mlops.model) IS 'parameters as the fit used them: given, default, or chosen from the data';
REVOKE ALL ON FUNCTION mlops.model_params(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_params(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.check_source(model text, source text = NULL)
    RETURNS TABLE (column_name text, expected_type text, actual_type text, status text)
    AS 'MODULE_PATHNAME', 'mlops_check_source' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.check_source(text, text) IS 'what changed in the columns of a table or query since training, by default of the recorded source: ok, type differs, type changed, missing, target, key, split, offset, extra';
REVOKE ALL ON FUNCTION mlops.check_source(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_source(text, text) TO PUBLIC;

CREATE FUNCTION mlops.check_source(model mlops.model, source text = NULL)
    RETURNS TABLE (column_name text, expected_type text, actual_type text, status text)
    AS 'MODULE_PATHNAME', 'mlops_check_source' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.check_source(mlops.model, text) IS 'what changed in the columns of a table or query since training, by default of the recorded source: ok, type differs, type changed, missing, target, key, split, offset, extra';
REVOKE ALL ON FUNCTION mlops.check_source(mlops.model, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_source(mlops.model, text) TO PUBLIC;

CREATE FUNCTION mlops.model_value(model text)
    RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_model_value' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.model_value(text) IS 'the model itself as a value; needs the privilege read and is noted in the server log';
REVOKE ALL ON FUNCTION mlops.model_value(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_value(text) TO PUBLIC;

CREATE FUNCTION mlops.model_cache(OUT models bigint, OUT bytes bigint, OUT pinned bigint, OUT hits bigint, OUT decodes bigint)
    AS 'MODULE_PATHNAME', 'mlops_model_cache' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mlops.model_cache() IS
    'decoded models that this session keeps, their bytes, how many are in use, how often one was found and how often one was decoded';
REVOKE ALL ON FUNCTION mlops.model_cache() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_cache() TO PUBLIC;
