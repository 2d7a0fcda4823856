/*
 * train.h
 *	  Parts of mlops.train: arguments, fitting one model, scoring a data set.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/algorithm.h"
#include "core/metrics.h"
#include "pg/dataset_reader.h"
#include "pg/pg_env.h"

typedef enum ThresholdRule
{
	THRESHOLD_NUMBER,			/* as given, default 0.5 */
	THRESHOLD_F1,
	THRESHOLD_COST
} ThresholdRule;

typedef struct TrainArguments
{
	char	   *model;
	char	   *source;
	char	   *target;			/* NULL: unsupervised */
	const Algorithm *algorithm;
	ParamSet	params;
	char	  **features;		/* NULL: all */
	int			nfeatures;
	char	  **exclude;
	int			nexclude;
	char	   *key;			/* as given; NULL */
	char	  **keys;
	int			nkeys;
	char	   *weight;
	Task		task;			/* 0: infer */
	char	   *positive;
	ThresholdRule threshold_rule;
	double		threshold;
	double		cost_fp;
	double		cost_fn;
	bool		threshold_given;
	CalibrationMethod calibrate;
	SplitSpec	split;
	Jsonb	   *transform;		/* NULL: defaults */
	uint64		seed;
	char	   *tags_json;
	char	   *arguments_json; /* every argument that was not NULL, for the run's record */
} TrainArguments;

/* Reads and checks the arguments of mlops.train in the order of its SQL declaration. */
extern void train_arguments_read(CoreEnv *env, FunctionCallInfo fcinfo, TrainArguments *arguments);

/*
 * Everything from a data set to a bound model: transform, fit, calibration,
 * threshold, second fit on all rows where asked.  `metrics` are those of the
 * held-out rows (none: *nmetrics = 0).
 */
extern Model *train_fit(PgEnv *env, const TrainArguments *arguments, DatasetResult *rows,
						Metric *metrics, int *nmetrics);

/* response[count x model_response_count] of rows first ..; `training`: out-of-fold encodings. */
extern void train_score_rows(CoreEnv *env, const Model *model, const Dataset *data,
							 int64 first, int64 count, bool training, double *response);

/* NOTICE for each feature that alone separates the classes almost perfectly. */
extern void train_warn_leaks(PgEnv *env, const Dataset *data, Task task);

#endif							/* TRAIN_TRAIN_H */
