/*
 * cross_validate.h
 *	  Fits that leave out one fold after another, and how they do on it.
 */
#ifndef TRAIN_CROSS_VALIDATE_H
#define TRAIN_CROSS_VALIDATE_H

#include "postgres.h"

#include "core/metrics.h"
#include "train/folds.h"
#include "train/train.h"

typedef struct FoldResult
{
	Metric		metrics[METRIC_MAX];	/* of the rows left out; the same names for every fold */
	int			nmetrics;
	double		training_loss;	/* of the rows fitted: at most the first 20,000 by hash */
} FoldResult;

/* Mean squared error for regression, log loss for classes. */
extern const char *loss_metric(Task task);
extern double metric_value(const Metric *metrics, int nmetrics, const char *name);	/* NaN: there is none */

/*
 * Fits once for each fold; results[folds->count].  Memory of a fit is given
 * back before the next.  With `losses`, training losses too (one more pass over
 * at most 20,000 rows).
 */
extern void folds_evaluate(PgEnv *env, const TrainArguments *arguments, const DatasetResult *rows, const Folds *folds,
						   bool losses, FoldResult *results);

/* ERROR unless the number of folds is between 2 and 100. */
extern void folds_check_count(int count);

#endif							/* TRAIN_CROSS_VALIDATE_H */
