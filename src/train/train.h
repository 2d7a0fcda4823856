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
#include "pg/catalog.h"
#include "pg/dataset_reader.h"
#include "pg/pg_env.h"
#include "pg/source.h"

typedef enum ThresholdRule
{
	THRESHOLD_NUMBER,			/* as given, default 0.5 */
	THRESHOLD_F1,
	THRESHOLD_COST
} ThresholdRule;

/* In the order of mlops.train's declaration. */
typedef enum TrainArgument
{
	TRAIN_ARG_MODEL,
	TRAIN_ARG_SOURCE,
	TRAIN_ARG_TARGET,
	TRAIN_ARG_ALGORITHM,
	TRAIN_ARG_PARAMS,
	TRAIN_ARG_FEATURES,
	TRAIN_ARG_EXCLUDE,
	TRAIN_ARG_KEY,
	TRAIN_ARG_WEIGHT,
	TRAIN_ARG_TASK,
	TRAIN_ARG_POSITIVE,
	TRAIN_ARG_THRESHOLD,
	TRAIN_ARG_CALIBRATE,
	TRAIN_ARG_SPLIT,
	TRAIN_ARG_TRANSFORM,
	TRAIN_ARG_SEED,
	TRAIN_ARG_TAGS,
	TRAIN_ARG_SNAPSHOT,
	TRAIN_ARG_COUNT
} TrainArgument;

/* Arguments as SQL values, wherever they come from. */
typedef struct TrainInput
{
	const char *function;		/* for messages */
	Datum		values[TRAIN_ARG_COUNT];
	bool		nulls[TRAIN_ARG_COUNT];
} TrainInput;

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
	char	   *key;			/* as given or settled; NULL */
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
	bool		holdout_given;	/* the split names a test fraction or a cutoff */
	Jsonb	   *transform;		/* NULL: defaults */
	uint64		seed;
	char	   *snapshot;		/* quoted, qualified name of a table to make of the rows; NULL: none */
	char	   *tags_json;
	char	   *arguments_json; /* every argument that was not NULL, for the run's record */
} TrainArguments;

/* Argument i of the call is order[i]; TRAIN_ARG_COUNT: none of a training's. */
extern void train_input_from_call(TrainInput *input, FunctionCallInfo fcinfo, const char *function,
								  const TrainArgument *order, int count);
/* What record_arguments wrote, or ERROR 55000 when this is not it. */
extern void train_input_from_record(TrainInput *input, Jsonb *record, const char *function);
extern void train_input_set(TrainInput *input, TrainArgument argument, Datum value);

/* Reads and checks the arguments. */
extern void train_arguments_read(CoreEnv *env, const TrainInput *input, TrainArguments *arguments);

/*
 * Opens the source.  Where no key is given and the source is one table whose
 * primary key is one column that only names rows, that is the key from here on:
 * of `input`, of `arguments` and of the record; a NOTICE says so.
 */
extern Source *train_open_source(CoreEnv *env, TrainInput *input, TrainArguments *arguments);

/* What dataset_read is asked for; `split` is filled in by it. */
extern void train_request(const TrainArguments *arguments, SplitSpec *split, DatasetRequest *request);

/*
 * Everything from a data set to a bound model: transform, fit, calibration,
 * threshold, second fit on all rows where asked.  `metrics` are those of the
 * held-out rows (none: *nmetrics = 0).
 */
extern Model *train_fit(PgEnv *env, const TrainArguments *arguments, DatasetResult *rows,
						Metric *metrics, int *nmetrics);

/*
 * A bound model of all rows 0 .. ntrain-1 with these weights instead of the
 * data's; rows of weight zero teach nothing, transforms included.  Its schema
 * is the data's, unused features and all.  Nothing is logged.
 */
extern Model *train_fit_weighted(PgEnv *env, const TrainArguments *arguments, const DatasetResult *rows,
								 double *weight);

/*
 * Responses of rows first .. first+count-1, or of those whose fold (by row
 * number) is `fold`, one after the other; `training`: out-of-fold encodings.
 * Returns the rows scored; response has model_response_count for each.
 */
extern int64 train_score_rows(CoreEnv *env, const Model *model, const Dataset *data, int64 first, int64 count,
							  bool training, const int32 *folds, int32 fold, double *response);

/* Registers the model, with the profile (profile.h) of the rows; returns the seconds since `started`, as recorded. */
extern double train_store(PgEnv *env, const TrainArguments *arguments, const Source *source, const Model *model,
						  const DatasetResult *rows, const char *profile, int64 rows_test, const Metric *metrics, int nmetrics,
						  TimestampTz started, AddedVersion *added);
/* What decides the last bits of models fitted with LAPACK; kept beside the model, not in it. */
extern char *train_environment(void);
extern Datum train_metrics_jsonb(const Metric *metrics, int nmetrics);

/* NOTICE when a number to be predicted is the same in all training rows. */
extern void train_warn_constant(const Dataset *data, Task task, const char *target);

/* NOTICE for each feature that alone separates the classes almost perfectly. */
extern void train_warn_leaks(PgEnv *env, const Dataset *data, Task task);

#endif							/* TRAIN_TRAIN_H */
