-- Evaluation: every function reads and scores a source once.  Without a source they
-- read the recorded one as its author; rows that the version was trained on are left out unless rows => 'all'.

CREATE FUNCTION mlops.evaluate(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (metric text, value float8)
AS 'MODULE_PATHNAME', 'mlops_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 24;
COMMENT ON FUNCTION mlops.evaluate(text, text, text) IS 'Metrics of a model on rows that it was not trained on.';
REVOKE ALL ON FUNCTION mlops.evaluate(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.evaluate(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.evaluate(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (metric text, value float8)
AS 'MODULE_PATHNAME', 'mlops_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 24;
COMMENT ON FUNCTION mlops.evaluate(mlops.model, text, text) IS 'Metrics of a model on rows that it was not trained on.';
REVOKE ALL ON FUNCTION mlops.evaluate(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.evaluate(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.roc_curve(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (threshold float8, recall float8, false_positive_rate float8, true_positives float8, false_positives float8, true_negatives float8, false_negatives float8)
AS 'MODULE_PATHNAME', 'mlops_roc_curve' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1001;
COMMENT ON FUNCTION mlops.roc_curve(text, text, text) IS 'Points of the ROC curve: predicted positive where the score is at least the threshold; at most 1,001 of them.';
REVOKE ALL ON FUNCTION mlops.roc_curve(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_curve(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.roc_curve(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (threshold float8, recall float8, false_positive_rate float8, true_positives float8, false_positives float8, true_negatives float8, false_negatives float8)
AS 'MODULE_PATHNAME', 'mlops_roc_curve' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1001;
COMMENT ON FUNCTION mlops.roc_curve(mlops.model, text, text) IS 'Points of the ROC curve: predicted positive where the score is at least the threshold; at most 1,001 of them.';
REVOKE ALL ON FUNCTION mlops.roc_curve(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_curve(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.confusion_matrix(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (expected_label text, predicted_label text, count float8)
AS 'MODULE_PATHNAME', 'mlops_confusion_matrix' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 9;
COMMENT ON FUNCTION mlops.confusion_matrix(text, text, text) IS 'How often each label was predicted for each true label, by weight.';
REVOKE ALL ON FUNCTION mlops.confusion_matrix(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.confusion_matrix(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.confusion_matrix(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (expected_label text, predicted_label text, count float8)
AS 'MODULE_PATHNAME', 'mlops_confusion_matrix' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 9;
COMMENT ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) IS 'How often each label was predicted for each true label, by weight.';
REVOKE ALL ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.calibration(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (lower_bound float8, upper_bound float8, count float8, mean_prediction float8, positive_rate float8)
AS 'MODULE_PATHNAME', 'mlops_calibration' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.calibration(text, text, text) IS 'Predicted against observed share of positives, in ten bins of equal width.';
REVOKE ALL ON FUNCTION mlops.calibration(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.calibration(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.calibration(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (lower_bound float8, upper_bound float8, count float8, mean_prediction float8, positive_rate float8)
AS 'MODULE_PATHNAME', 'mlops_calibration' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.calibration(mlops.model, text, text) IS 'Predicted against observed share of positives, in ten bins of equal width.';
REVOKE ALL ON FUNCTION mlops.calibration(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.calibration(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.lift(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (decile integer, count float8, positives float8, lowest_score float8, positive_rate float8, lift float8, gain float8, cumulative_lift float8)
AS 'MODULE_PATHNAME', 'mlops_lift' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.lift(text, text, text) IS 'Deciles of the rows by falling score: share of positives, lift over the average, share of all positives reached.';
REVOKE ALL ON FUNCTION mlops.lift(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lift(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.lift(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (decile integer, count float8, positives float8, lowest_score float8, positive_rate float8, lift float8, gain float8, cumulative_lift float8)
AS 'MODULE_PATHNAME', 'mlops_lift' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.lift(mlops.model, text, text) IS 'Deciles of the rows by falling score: share of positives, lift over the average, share of all positives reached.';
REVOKE ALL ON FUNCTION mlops.lift(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lift(mlops.model, text, text) TO PUBLIC;

