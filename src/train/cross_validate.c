/*
 * cross_validate.c
 *	  mlops.cross_validate: how well a training would do, from folds.
 *
 * The source is read once.  For each fold everything is learned anew on the
 * other rows (transforms, calibration, threshold and model), by giving the fold's
 * rows weight zero, and the fold's rows are scored as new rows would be.
 * Nothing is registered.  Cost: as many fits as there are folds.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/progress.h"
#include "train/cross_validate.h"

#define MAX_FOLDS 100
#define LOSS_ROWS 20000

PG_FUNCTION_INFO_V1(mlops_cross_validate);

const char *
loss_metric(Task task)
{
	return task == TASK_REGRESSION ? "mean_squared_error" : "log_loss";
}

double
metric_value(const Metric *metrics, int nmetrics, const char *name)
{
	for (int i = 0; i < nmetrics; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return metrics[i].value;
	return NAN;
}

void
folds_check_count(int count)
{
	if (count < 2 || count > MAX_FOLDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"folds\" must be between 2 and %d, not %d", MAX_FOLDS, count)));
}

/* Metrics of the fold's rows, scored as new rows. */
static void
score_fold(CoreEnv *env, const Model *model, const Dataset *data, const Folds *folds, int fold, FoldResult *result)
{
	int			nresponse = model_response_count(model);
	int64		count = 0;
	int64		n = 0;
	double	   *response;
	double	   *y;
	double	   *w = NULL;

	for (int64 i = 0; i < folds->nrows; i++)
		count += folds->of[i] == fold ? 1 : 0;
	response = env_alloc(env, (size_t) count * nresponse, sizeof(double));
	y = env_alloc(env, count, sizeof(double));
	if (data->weight != NULL)
		w = env_alloc(env, count, sizeof(double));
	for (int64 i = 0; i < folds->nrows; i++)
	{
		if (folds->of[i] != fold)
			continue;
		y[n] = data->target[i];
		if (w != NULL)
			w[n] = data->weight[i];
		n++;
	}
	(void) train_score_rows(env, model, data, 0, folds->nrows, false, folds->of, fold, response);
	pg_env_check(env, metrics_compute(env, model, response, y, w, count, result->metrics, &result->nmetrics));
}

static double
training_loss(CoreEnv *env, const Model *model, const Dataset *data, const double *weight)
{
	int64		count = Min(data->ntrain, LOSS_ROWS);
	double	   *response = env_alloc(env, (size_t) count * model_response_count(model), sizeof(double));
	Metric		metrics[METRIC_MAX];
	int			nmetrics;

	(void) train_score_rows(env, model, data, 0, count, true, NULL, 0, response);
	pg_env_check(env, metrics_compute(env, model, response, data->target, weight, count, metrics, &nmetrics));
	return metric_value(metrics, nmetrics, loss_metric(model->task));
}

static void
evaluate_fold(PgEnv *env, const TrainArguments *arguments, const DatasetResult *rows, const Folds *folds, int fold,
			  bool losses, FoldResult *result)
{
	double	   *weight = env_alloc(&env->core, folds->nrows, sizeof(double));
	Model	   *model;

	folds_weights(folds, rows->data.weight, fold, weight);
	model = train_fit_weighted(env, arguments, rows, weight);
	progress_phase("scoring held-out rows", folds->nrows);
	score_fold(&env->core, model, &rows->data, folds, fold, result);
	result->training_loss = losses ? training_loss(&env->core, model, &rows->data, weight) : NAN;
}

void
folds_evaluate(PgEnv *env, const TrainArguments *arguments, const DatasetResult *rows, const Folds *folds, bool losses,
			   FoldResult *results)
{
	MemoryContext old = CurrentMemoryContext;

	for (int fold = 0; fold < folds->count; fold++)
	{
		PgEnv		own = *env;

		own.core.context = &own;
		own.context = AllocSetContextCreate(env->context, "mlops fold", ALLOCSET_DEFAULT_SIZES);
		MemoryContextSwitchTo(own.context);
		progress_part(psprintf("fold %d of %d", fold + 1, folds->count));
		evaluate_fold(&own, arguments, rows, folds, fold, losses, &results[fold]);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(own.context);
	}
	progress_part(NULL);
}

/* A row of the result: metric, mean, sd, min, max and the value of each fold. */
static void
put_metric(ReturnSetInfo *result, const FoldResult *folds, int count, int metric)
{
	Datum		elements[MAX_FOLDS];
	bool		element_nulls[MAX_FOLDS];
	Datum		values[6];
	bool		nulls[6] = {false};
	int			dims[1] = {count};
	int			lower[1] = {1};
	double		mean = 0;
	double		squares = 0;
	double		low = INFINITY;
	double		high = -INFINITY;

	for (int k = 0; k < count; k++)
	{
		double		value = folds[k].metrics[metric].value;

		elements[k] = Float8GetDatum(value);
		element_nulls[k] = isnan(value);
		mean += value / count;
		low = Min(low, value);
		high = Max(high, value);
	}
	for (int k = 0; k < count; k++)
	{
		double		off = folds[k].metrics[metric].value - mean;

		squares += off * off;
	}
	values[0] = CStringGetTextDatum(folds[0].metrics[metric].name);
	values[1] = Float8GetDatum(mean);
	values[2] = Float8GetDatum(sqrt(squares / (count - 1)));
	values[3] = Float8GetDatum(low);
	values[4] = Float8GetDatum(high);
	for (int i = 1; i < 5; i++)
		nulls[i] = isnan(mean);
	values[5] = PointerGetDatum(construct_md_array(elements, element_nulls, 1, dims, lower, FLOAT8OID, sizeof(float8),
												   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The split tells how folds are made; no row is held out beside them. */
static void
check_split(const TrainArguments *arguments)
{
	if (arguments->holdout_given || arguments->split.refit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the split of a cross-validation takes no test fraction, cutoff or refit"),
				 errdetail("Every row is left out once; argument \"folds\" tells how many at a time."),
				 errhint("Give method, column and sample only.")));
	if (arguments->split.method == SPLIT_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"column\" makes no folds"),
				 errhint("Use hash, stratified, group or time; a group column may number the folds.")));
	if (arguments->target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"target\" of mlops.cross_validate must not be null")));
}

static void
read_rows(PgEnv *env, TrainInput *input, TrainArguments *arguments, DatasetResult *rows)
{
	Source	   *source = train_open_source(&env->core, input, arguments);
	SplitSpec	split = arguments->split;
	DatasetRequest request;

	split.test = 0;
	split.cutoff = PG_INT64_MAX;
	if (split.method != SPLIT_GROUP && split.method != SPLIT_TIME)
		split.method = SPLIT_NONE;
	train_request(arguments, &split, &request);
	request.keep_split = true;
	dataset_read(env, source, &request, rows);
	rows->data.ntrain = rows->data.nrows;	/* a time of infinity is not before any cutoff */
	source_close(source);
}

Datum
mlops_cross_validate(PG_FUNCTION_ARGS)
{
	static const TrainArgument order[] = {
		TRAIN_ARG_SOURCE, TRAIN_ARG_TARGET, TRAIN_ARG_ALGORITHM, TRAIN_ARG_PARAMS, TRAIN_ARG_COUNT, TRAIN_ARG_FEATURES,
		TRAIN_ARG_EXCLUDE, TRAIN_ARG_KEY, TRAIN_ARG_WEIGHT, TRAIN_ARG_TASK, TRAIN_ARG_POSITIVE, TRAIN_ARG_THRESHOLD,
		TRAIN_ARG_CALIBRATE, TRAIN_ARG_SPLIT, TRAIN_ARG_TRANSFORM, TRAIN_ARG_SEED
	};
	const int	folds_argument = 4;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job = AllocSetContextCreate(caller, "mlops cross_validate", ALLOCSET_DEFAULT_SIZES);
	PgEnv		env;
	TrainInput	input;
	TrainArguments arguments;
	DatasetResult rows;
	Folds		folds;
	FoldResult *results;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(job);
	pg_env_init(&env, job, (Size) guc_train_memory_kb * 1024, "cross-validation");
	train_input_from_call(&input, fcinfo, "mlops.cross_validate", order, lengthof(order));
	train_input_set(&input, TRAIN_ARG_MODEL, CStringGetTextDatum("cross-validation"));
	train_input_set(&input, TRAIN_ARG_TAGS, DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	train_arguments_read(&env.core, &input, &arguments);
	check_split(&arguments);
	if (PG_ARGISNULL(folds_argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"folds\" of mlops.cross_validate must not be null")));
	folds_check_count(PG_GETARG_INT32(folds_argument));

	progress_begin("cross-validation", arguments.algorithm->name);
	read_rows(&env, &input, &arguments, &rows);
	folds_assign(&env, &arguments.split, &rows, PG_GETARG_INT32(folds_argument), arguments.seed, &folds);
	results = palloc0(sizeof(FoldResult) * folds.count);
	folds_evaluate(&env, &arguments, &rows, &folds, false, results);
	progress_end();
	for (int i = 0; i < results[0].nmetrics; i++)
		put_metric((ReturnSetInfo *) fcinfo->resultinfo, results, folds.count, i);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}
