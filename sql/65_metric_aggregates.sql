-- Metrics as aggregates over (truth, prediction [, weight]).  Rows with a NULL are
-- ignored, empty groups give NULL; sums are exact, so plans and row order do not matter.

CREATE FUNCTION mlops.metric_sums_merge(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_metric_sums_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_sums_merge(bytea, bytea) IS 'Combine function of metric aggregates.';
CREATE FUNCTION mlops.metric_curve_merge(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_merge(bytea, bytea) IS 'Combine function of metric aggregates over scored rows.';
REVOKE ALL ON FUNCTION mlops.metric_sums_merge(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_sums_merge(bytea, bytea) TO PUBLIC;
REVOKE ALL ON FUNCTION mlops.metric_curve_merge(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_merge(bytea, bytea) TO PUBLIC;

CREATE FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_squared_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_squared_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_absolute_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_absolute_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_percentage_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_percentage_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_r2_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_r2_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_log_loss_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_log_loss_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_brier_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_brier_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_brier_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) TO PUBLIC;
CREATE FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_text_cells_add(bytea, text, text) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_text_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) TO PUBLIC;
CREATE FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_text_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_curve_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) TO PUBLIC;

CREATE FUNCTION mlops.metric_mean_loss_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_mean_loss_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_mean_loss_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_mean_loss_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_mean_loss_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_root_mean_loss_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_root_mean_loss_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_root_mean_loss_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_root_mean_loss_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_root_mean_loss_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_r2_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_r2_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_accuracy_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_accuracy_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_accuracy_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_accuracy_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_accuracy_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_precision_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_precision_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_precision_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_precision_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_precision_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_recall_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_recall_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_recall_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_recall_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_recall_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_f1_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_f1_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_f1_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_f1_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_f1_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_roc_auc_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_roc_auc_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_roc_auc_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_roc_auc_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_roc_auc_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_average_precision_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_average_precision_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_average_precision_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_average_precision_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_average_precision_final(bytea) TO PUBLIC;

CREATE AGGREGATE mlops.mse(y float8, prediction float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8) IS 'Mean squared error.';
REVOKE ALL ON FUNCTION mlops.mse(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mse(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mse(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8, float8) IS 'Mean squared error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mse(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mse(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.rmse(y float8, prediction float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_root_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8) IS 'Root mean squared error.';
REVOKE ALL ON FUNCTION mlops.rmse(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rmse(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.rmse(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_root_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8, float8) IS 'Root mean squared error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.rmse(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rmse(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mae(y float8, prediction float8) (
    SFUNC = mlops.metric_absolute_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8) IS 'Mean absolute error.';
REVOKE ALL ON FUNCTION mlops.mae(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mae(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mae(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_absolute_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8, float8) IS 'Mean absolute error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mae(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mae(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mape(y float8, prediction float8) (
    SFUNC = mlops.metric_percentage_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8) IS 'Mean absolute percentage error, as a fraction.';
REVOKE ALL ON FUNCTION mlops.mape(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mape(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mape(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_percentage_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8, float8) IS 'Mean absolute percentage error, as a fraction, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mape(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mape(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.r2(y float8, prediction float8) (
    SFUNC = mlops.metric_r2_add, STYPE = bytea, FINALFUNC = mlops.metric_r2_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8) IS 'Coefficient of determination; NULL for a constant y.';
REVOKE ALL ON FUNCTION mlops.r2(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.r2(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.r2(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_r2_add, STYPE = bytea, FINALFUNC = mlops.metric_r2_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8, float8) IS 'Coefficient of determination; NULL for a constant y, rows weighted.';
REVOKE ALL ON FUNCTION mlops.r2(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.r2(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.log_loss(label boolean, probability float8) (
    SFUNC = mlops.metric_log_loss_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, float8) IS 'Mean negative log likelihood of the labels.';
REVOKE ALL ON FUNCTION mlops.log_loss(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_loss(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.log_loss(label boolean, probability float8, weight float8) (
    SFUNC = mlops.metric_log_loss_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, float8, float8) IS 'Mean negative log likelihood of the labels, rows weighted.';
REVOKE ALL ON FUNCTION mlops.log_loss(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_loss(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.brier(label boolean, probability float8) (
    SFUNC = mlops.metric_brier_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, float8) IS 'Mean squared difference of probability and label.';
REVOKE ALL ON FUNCTION mlops.brier(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.brier(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.brier(label boolean, probability float8, weight float8) (
    SFUNC = mlops.metric_brier_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, float8, float8) IS 'Mean squared difference of probability and label, rows weighted.';
REVOKE ALL ON FUNCTION mlops.brier(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.brier(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(boolean, boolean) IS 'Share of labels predicted right.';
REVOKE ALL ON FUNCTION mlops.accuracy(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(boolean, boolean, float8) IS 'Share of labels predicted right, rows weighted.';
REVOKE ALL ON FUNCTION mlops.accuracy(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label text, prediction text) (
    SFUNC = mlops.metric_text_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(text, text) IS 'Share of labels predicted right.';
REVOKE ALL ON FUNCTION mlops.accuracy(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(text, text) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label text, prediction text, weight float8) (
    SFUNC = mlops.metric_text_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(text, text, float8) IS 'Share of labels predicted right, rows weighted.';
REVOKE ALL ON FUNCTION mlops.accuracy(text, text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(text, text, float8) TO PUBLIC;
CREATE AGGREGATE mlops.precision(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_precision_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision(boolean, boolean) IS 'True positives among predicted positives.';
REVOKE ALL ON FUNCTION mlops.precision(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.precision(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.precision(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_precision_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision(boolean, boolean, float8) IS 'True positives among predicted positives, rows weighted.';
REVOKE ALL ON FUNCTION mlops.precision(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.precision(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.recall(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_recall_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall(boolean, boolean) IS 'True positives among positives.';
REVOKE ALL ON FUNCTION mlops.recall(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.recall(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.recall(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_recall_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall(boolean, boolean, float8) IS 'True positives among positives, rows weighted.';
REVOKE ALL ON FUNCTION mlops.recall(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.recall(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.f1(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_f1_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean) IS 'Harmonic mean of precision and recall.';
REVOKE ALL ON FUNCTION mlops.f1(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.f1(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.f1(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_f1_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean, float8) IS 'Harmonic mean of precision and recall, rows weighted.';
REVOKE ALL ON FUNCTION mlops.f1(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.f1(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.roc_auc(label boolean, score float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_roc_auc_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, float8) IS 'Area under the ROC curve, ties count half; NULL with one class.';
REVOKE ALL ON FUNCTION mlops.roc_auc(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_auc(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.roc_auc(label boolean, score float8, weight float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_roc_auc_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, float8, float8) IS 'Area under the ROC curve, ties count half; NULL with one class, rows weighted.';
REVOKE ALL ON FUNCTION mlops.roc_auc(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_auc(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.average_precision(label boolean, score float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_average_precision_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision(boolean, float8) IS 'Area under the precision-recall curve, as a step function.';
REVOKE ALL ON FUNCTION mlops.average_precision(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.average_precision(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.average_precision(label boolean, score float8, weight float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_average_precision_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision(boolean, float8, float8) IS 'Area under the precision-recall curve, as a step function, rows weighted.';
REVOKE ALL ON FUNCTION mlops.average_precision(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.average_precision(boolean, float8, float8) TO PUBLIC;
