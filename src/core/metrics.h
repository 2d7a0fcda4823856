/*
 * metrics.h
 *	  Evaluation metrics as mergeable states and as functions over arrays.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core/model.h"

typedef struct Metric
{
	char		name[40];		/* BigQuery ML's names, see below */
	double		value;			/* NaN: undefined (shown as NULL) */
} Metric;

#define METRIC_MAX 24

/*
 * Metrics of `n` scored rows.  response: n x model_response_count, row-major, as
 * model_response gives it; y as Dataset.target (regression: in the user's
 * units, not mapped); w NULL or weights.  Names: BINARY precision, recall,
 * accuracy, f1_score, log_loss, roc_auc, average_precision, brier_score,
 * threshold, positive_rate; MULTICLASS macro precision, recall, f1_score,
 * accuracy, log_loss, roc_auc (one against rest, macro); REGRESSION
 * mean_absolute_error, mean_squared_error, root_mean_squared_error,
 * mean_squared_log_error, median_absolute_error,
 * mean_absolute_percentage_error, r2_score, explained_variance; all: rows.
 */
extern CoreStatus metrics_compute(CoreEnv *env, const Model *model, const double *response, const double *y, const double *w, int64_t n, Metric *metrics, int *count);

/* One group of equal scores: exact weights of its positives and negatives. */
typedef struct ScoreGroup
{
	double		score;
	double		positive;
	double		negative;
} ScoreGroup;

/* Groups of equal scores in descending order; rows with zero weight do not count. O(n log n). */
extern CoreStatus metrics_score_groups(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, ScoreGroup **groups, int64_t *ngroups);

/* -log(p), with p kept away from 0 as scikit-learn does. */
extern double metrics_log_loss_of(double probability);

/* Weighted area under the ROC curve, ties count half; NaN with one class. O(n log n). */
extern CoreStatus metrics_roc_auc(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, double *auc);
extern CoreStatus metrics_average_precision(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, double *value);

#endif							/* CORE_METRICS_H */
