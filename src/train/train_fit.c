/*
 * train_fit.c
 *	  From a data set to a bound model: transform, fit, calibration, threshold.
 *
 * Calibration and chosen thresholds need scores of rows that the scoring model
 * has not seen.  They come from FOLDS further fits in which the rows of one
 * fold, by hash, have weight zero; the final model is fitted on all training
 * rows.  Cost: FOLDS + 1 fits, and one more with "refit".
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "core/calibrate.h"
#include "core/exact_sum.h"
#include "pg/encoding.h"
#include "pg/fit_driver.h"
#include "pg/progress.h"
#include "train/folds.h"
#include "train/term_moments.h"
#include "train/train.h"
#include "train/transform_options.h"

#define FOLDS 5
#define SCORE_ROWS 512			/* rows transformed at a time when scoring a data set */

/* Checked against the 20,000 rows that come first by hash: a sample of the training rows. */
#define LEAK_ROWS 20000
#define LEAK_AUC 0.98
/* Columns that are not near it on fewer rows are not looked at further, where these hold enough of both classes. */
#define LEAK_FIRST_ROWS 2000
#define LEAK_FIRST_AUC 0.9
#define LEAK_FIRST_CLASS 50

int64
train_score_rows(CoreEnv *env, const Model *model, const Dataset *data, int64 first, int64 count,
				 bool training, const int32 *folds, int32 fold, double *response)
{
	int			nterms = model->transform->nterms;
	int			nresponse = model_response_count(model);
	double	   *block = env_alloc(env, (size_t) SCORE_ROWS * Max(nterms, 1), sizeof(double));
	double	   *terms = env_alloc(env, Max(nterms, 1), sizeof(double));
	double	   *scratch = env_alloc(env, model_scratch_size(model), sizeof(double));
	double	   *margins = env_alloc(env, model->noutputs, sizeof(double));
	int64		scored = 0;

	for (int64 done = 0; done < count; done += SCORE_ROWS)
	{
		int			rows = (int) Min(SCORE_ROWS, count - done);

		transform_block(model->transform, data, first + done, rows, training, block, SCORE_ROWS);
		for (int i = 0; i < rows; i++)
		{
			int64		row = first + done + i;

			CHECK_FOR_INTERRUPTS(); /* a forest of deep trees takes 0.1 ms */
			if (folds != NULL && folds[row] != fold)
				continue;
			for (int j = 0; j < nterms; j++)
				terms[j] = block[(size_t) j * SCORE_ROWS + i];
			model->algorithm->score(model, terms, scratch, margins);
			if (data->offset != NULL)
				margins[0] += data->offset[row];
			model_respond(model, margins, response + (size_t) scored++ * nresponse);
		}
	}
	env_release(env, block);
	env_release(env, terms);
	env_release(env, scratch);
	env_release(env, margins);
	return scored;
}

/* The schema a caller of predict must provide: features that have terms, and their reference columns. */
static void
prune_features(CoreEnv *env, Dataset *data, Transform *transform)
{
	int			count = data->schema.count;
	int		   *position = env_alloc(env, count, sizeof(int));
	FeatureSchema schema = {0};
	Column	   *columns = env_alloc(env, count, sizeof(Column));

	schema.features = env_alloc(env, count, sizeof(Feature));
	for (int i = 0; i < transform->nfeatures; i++)
	{
		position[transform->features[i].feature] = 1;
		if (transform->features[i].reference >= 0)
			position[transform->features[i].reference] = 1;
	}
	for (int i = 0; i < count; i++)
	{
		if (!position[i])
			continue;
		schema.features[schema.count] = data->schema.features[i];
		columns[schema.count] = data->columns[i];
		columns[schema.count].feature = &schema.features[schema.count];
		position[i] = schema.count++;
	}
	for (int i = 0; i < transform->nfeatures; i++)
	{
		FeatureTransform *feature = &transform->features[i];

		feature->feature = position[feature->feature];
		if (feature->reference >= 0)
			feature->reference = position[feature->reference];
	}
	for (int i = 0; i < transform->nterms; i++)
		transform->terms[i].feature = position[transform->terms[i].feature];
	data->schema = schema;
	data->columns = columns;
}

static double
total_weight(const Dataset *data, int64 nrows)
{
	ExactSum	sum;

	if (data->weight == NULL)
		return (double) nrows;
	exact_sum_init(&sum);
	exact_sum_add_array(&sum, data->weight, nrows);
	return exact_sum_value(&sum);
}

/* Regression target on the scale of the fit; NULL where that is the user's own. */
static double *
map_target(CoreEnv *env, TargetInfo *target, const Dataset *data)
{
	double	   *mapped;

	if (target->map == TARGET_NONE)
		return NULL;
	pg_env_check(env, target_map_learn(env, target->map, data->target, data->weight,
									   data->ntrain, &target->lambda));
	mapped = env_alloc(env, data->nrows, sizeof(double));
	for (int64 i = 0; i < data->nrows; i++)
	{
		if (i % SCORE_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		mapped[i] = target_map_forward(target->map, target->lambda, data->target[i]);
	}
	return mapped;
}

static void
fit_job_init(FitJob *job, const Model *model, const Dataset *data, const double *mapped)
{
	memset(job, 0, sizeof(*job));
	job->algorithm = model->algorithm;
	job->input.params = &model->params;
	job->input.task = model->task;
	job->input.nterms = model->transform->nterms;
	job->input.terms = model->transform->terms;
	job->input.nclasses = model->target.nclasses;
	job->input.classes = model->target.classes;
	job->input.nrows = data->ntrain;
	job->input.seed = model->seed;
	job->transform = model->transform;
	job->data = data;
	job->nrows = data->ntrain;
	job->target = mapped;
	job->training = true;
}

static void
learn_transform(PgEnv *env, Model *model, Dataset *data, const FeatureOptions *options)
{
	TransformInput input = {0};

	input.options = options;
	input.profile = model->algorithm->profile;
	input.classification = model->target.nclasses > 0;
	input.nclasses = model->target.nclasses;
	input.seed = model->seed;
	progress_phase("learning transforms", data->schema.count);
	pg_env_check(&env->core, transform_learn(&env->core, data, &input, &model->transform));
	if (model->transform->nterms == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no feature of model \"%s\" has anything to learn from", env->object),
				 errhint("Every feature column is constant, empty or an identifier on the training rows.")));
}

/* A fit records what it chooses, and the next one chooses anew. */
static void
copy_params(CoreEnv *core, const TrainArguments *arguments, Model *model)
{
	pg_env_check(core, params_copy(core, &arguments->params, &model->params));
	params_text_to_utf8(&model->params);
}

/* P(positive) of every training row from a model that was fitted without its fold. */
static double *
out_of_fold_scores(PgEnv *env, const TrainArguments *arguments, const Model *model, const Dataset *data)
{
	CoreEnv    *core = &env->core;
	double	   *scores = env_alloc(core, data->ntrain, sizeof(double));
	double	   *weight = env_alloc(core, data->ntrain, sizeof(double));
	double	   *response = env_alloc(core, data->ntrain * 2, sizeof(double));
	PgEnv		quiet = *env;
	Folds		folds;

	quiet.core.log = NULL;		/* the final fit reports aliased terms and the like */
	folds_by_hash(core, dataset_fold_hash(data), data->ntrain, FOLDS, model->seed, &folds);
	for (int fold = 0; fold < FOLDS; fold++)
	{
		Model		folded = *model;
		FitJob		job;
		int64		scored = 0;

		/* with a refit the model has been fitted before: its arrays are not the fold's to replace */
		folded.arrays = NULL;
		folded.narrays = 0;
		folded.numbers = NULL;
		folded.nnumbers = 0;
		copy_params(core, arguments, &folded);
		progress_part(psprintf("out of fold %d of %d", fold + 1, FOLDS));
		folds_weights(&folds, data->weight, fold, weight);
		fit_job_init(&job, &folded, data, NULL);
		job.weight = weight;
		fit_run(&quiet, &job, &folded);
		pg_env_check(&quiet.core, algorithm_bind(&quiet.core, &folded));
		folded.calibration.method = CALIBRATE_NONE;
		train_score_rows(core, &folded, data, 0, data->ntrain, true, folds.of, fold, response);
		for (int64 i = 0; i < data->ntrain; i++)
			if (folds.of[i] == fold)
				scores[i] = response[2 * scored++ + folded.target.positive];
	}
	progress_part(NULL);
	env->used = quiet.used;
	env_release(core, folds.of);
	env_release(core, weight);
	env_release(core, response);
	return scores;
}

static void
choose_threshold(CoreEnv *env, const TrainArguments *arguments, TargetInfo *target,
				 const double *scores, const Dataset *data)
{
	if (arguments->threshold_rule == THRESHOLD_F1)
		pg_env_check(env, threshold_f1(env, scores, data->target, data->weight, data->ntrain,
									   &target->threshold));
	else
		pg_env_check(env, threshold_cost(env, scores, data->target, data->weight, data->ntrain,
										 arguments->cost_fp, arguments->cost_fn,
										 &target->threshold));
}

static void
calibrate(PgEnv *env, const TrainArguments *arguments, Model *model, const Dataset *data)
{
	CoreEnv    *core = &env->core;
	double	   *scores;

	if (arguments->calibrate == CALIBRATE_NONE && arguments->threshold_rule == THRESHOLD_NUMBER)
		return;
	progress_phase("out-of-fold scores", FOLDS);
	scores = out_of_fold_scores(env, arguments, model, data);
	if (arguments->calibrate == CALIBRATE_PLATT)
		pg_env_check(core, calibrate_platt(core, scores, data->target, data->weight,
										   data->ntrain, &model->calibration));
	else if (arguments->calibrate == CALIBRATE_ISOTONIC)
		pg_env_check(core, calibrate_isotonic(core, scores, data->target, data->weight,
											  data->ntrain, &model->calibration));
	for (int64 i = 0; i < data->ntrain; i++)
	{
		if (i % SCORE_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		scores[i] = calibration_apply(&model->calibration, scores[i]);
	}
	if (arguments->threshold_rule != THRESHOLD_NUMBER)
		choose_threshold(core, arguments, &model->target, scores, data);
	env_release(core, scores);
}

static void
check_task(const TrainArguments *arguments, Task task)
{
	const Algorithm *algorithm = arguments->algorithm;
	StringInfoData fitting;

	if (task != TASK_BINARY &&
		(arguments->threshold_given || arguments->calibrate != CALIBRATE_NONE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold and calibrate need a target with two classes"),
				 errdetail("The task of model \"%s\" is %s.", arguments->model, task_name(task))));
	if (algorithm->tasks & (1u << task))
		return;
	initStringInfo(&fitting);
	for (int i = 0; algorithm_at(i) != NULL; i++)
		if (algorithm_at(i)->tasks & (1u << task))
			appendStringInfo(&fitting, "%s\"%s\"", fitting.len > 0 ? ", " : "", algorithm_at(i)->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("algorithm \"%s\" does not do %s", algorithm->name, task_name(task)),
			 errhint("For this target use one of %s, or set argument task.", fitting.data)));
}

static void
held_out_metrics(PgEnv *env, const Model *model, const Dataset *data, Metric *metrics, int *nmetrics)
{
	CoreEnv    *core = &env->core;
	int64		ntest = data->nrows - data->ntrain;
	double	   *response;

	*nmetrics = 0;
	if (ntest == 0 || data->target == NULL)
		return;
	progress_phase("scoring held-out rows", ntest);
	response = env_alloc(core, (size_t) ntest * model_response_count(model), sizeof(double));
	train_score_rows(core, model, data, data->ntrain, ntest, false, NULL, 0, response);
	pg_env_check(core, metrics_compute(core, model, response, data->target + data->ntrain,
									   data->weight != NULL ? data->weight + data->ntrain : NULL,
									   ntest, metrics, nmetrics));
	env_release(core, response);
}

static void
fit_once(PgEnv *env, const TrainArguments *arguments, Model *model, Dataset *data,
		 const FeatureOptions *options)
{
	double	   *mapped;
	FitJob		job;

	copy_params(&env->core, arguments, model);
	learn_transform(env, model, data, options);
	mapped = map_target(&env->core, &model->target, data);
	calibrate(env, arguments, model, data);
	model->rows_train = data->ntrain;
	model->weight_train = total_weight(data, data->ntrain);
	progress_phase("fitting", 0);
	fit_job_init(&job, model, data, mapped);
	train_want_term_moments(env, &job);
	fit_run(env, &job, model);
	train_add_term_moments(env, &job, model);
	env_release(&env->core, mapped);
}

/* Rows have names and labels in the database's encoding; models, and the fits that make them, in UTF-8. */
static void
target_to_utf8(TargetInfo *target)
{
	char	  **classes = target->classes;

	target->name = encoding_text_to_utf8(target->name);
	target->type_name = encoding_text_to_utf8(target->type_name);
	if (target->nclasses == 0)
		return;
	target->classes = palloc(sizeof(char *) * target->nclasses);
	for (int i = 0; i < target->nclasses; i++)
		target->classes[i] = encoding_text_to_utf8(classes[i]);
}

static Dataset
data_in_utf8(CoreEnv *core, const Dataset *rows)
{
	Dataset		data = *rows;
	Feature    *features = env_alloc(core, Max(data.schema.count, 1), sizeof(Feature));
	Column	   *columns = env_alloc(core, Max(data.schema.count, 1), sizeof(Column));

	for (int i = 0; i < data.schema.count; i++)
	{
		features[i] = data.schema.features[i];
		features[i].name = encoding_text_to_utf8(features[i].name);
		features[i].type_name = encoding_text_to_utf8(features[i].type_name);
		columns[i] = data.columns[i];
		columns[i].feature = &features[i];
	}
	data.schema.features = features;
	data.columns = columns;
	return data;
}

/* A model with everything that is known before the fit. */
static Model *
model_begin(CoreEnv *core, const TrainArguments *arguments, const DatasetResult *rows, FeatureOptions **options)
{
	Model	   *model = env_alloc(core, 1, sizeof(Model));
	TargetMap	target_map = TARGET_NONE;

	check_task(arguments, rows->task);
	model->algorithm = arguments->algorithm;
	model->task = rows->task;
	model->seed = arguments->seed;
	model->target = rows->target;
	if (rows->task == TASK_BINARY)
		model->target.threshold = arguments->threshold;
	else
		model->target.positive = 0;
	model->split = arguments->split;
	*options = NULL;
	transform_options_parse(core, arguments->transform, rows, options, &target_map);
	model->target.map = target_map;
	target_to_utf8(&model->target);
	split_text_to_utf8(&model->split);
	return model;
}

Model *
train_fit_weighted(PgEnv *env, const TrainArguments *arguments, const DatasetResult *rows, double *weight)
{
	PgEnv		quiet = *env;
	Dataset		data = data_in_utf8(&env->core, &rows->data);
	FeatureOptions *options;
	Model	   *model = model_begin(&env->core, arguments, rows, &options);

	quiet.core.log = NULL;
	data.weight = weight;
	fit_once(&quiet, arguments, model, &data, options);
	env->used = quiet.used;
	model->schema = data.schema;
	pg_env_check(&env->core, algorithm_bind(&env->core, model));
	return model;
}

Model *
train_fit(PgEnv *env, const TrainArguments *arguments, DatasetResult *rows,
		  Metric *metrics, int *nmetrics)
{
	CoreEnv    *core = &env->core;
	Dataset		utf8 = data_in_utf8(core, &rows->data);
	Dataset    *data = &utf8;
	FeatureOptions *options;
	Model	   *model = model_begin(core, arguments, rows, &options);

	fit_once(env, arguments, model, data, options);
	if (data->nrows > data->ntrain)
	{
		Model		held_out = *model;

		pg_env_check(core, algorithm_bind(core, &held_out));
		held_out_metrics(env, &held_out, data, metrics, nmetrics);
	}
	else
		*nmetrics = 0;

	if (model->split.refit)
	{
		/* The metrics above are of the first fit, and so were its messages; everything is learned anew from all rows. */
		PgEnv		quiet = *env;

		quiet.core.log = NULL;
		data->ntrain = data->nrows;
		model->arrays = NULL;	/* copies of the first model hold them */
		model->numbers = NULL;
		model->narrays = 0;
		model->nnumbers = 0;
		fit_once(&quiet, arguments, model, data, options);
		env->used = quiet.used;
	}
	prune_features(core, data, model->transform);
	model->schema = data->schema;
	pg_env_check(core, algorithm_bind(core, model));
	return model;
}

/* Does `values` alone order the classes of `label` with an area above `limit`, one way or the other? */
static bool
orders(CoreEnv *env, const double *values, const double *label, int64 n, double limit)
{
	double		auc;

	if (metrics_roc_auc(env, values, label, NULL, n, &auc) != CORE_OK)
		return false;
	return auc > limit || auc < 1 - limit;
}

/* Almost perfectly? */
static bool
separates(CoreEnv *env, const double *values, const double *label, int64 n)
{
	int64		positive = 0;

	if (n > LEAK_FIRST_ROWS)
	{
		for (int64 i = 0; i < LEAK_FIRST_ROWS; i++)
			positive += label[i] > 0.5;
		if (Min(positive, LEAK_FIRST_ROWS - positive) >= LEAK_FIRST_CLASS &&
			!orders(env, values, label, LEAK_FIRST_ROWS, LEAK_FIRST_AUC))
			return false;
	}
	return orders(env, values, label, n, LEAK_AUC);
}

/*
 * Values of a column as numbers for ranking: a category counts as its share of
 * positives among the other rows of its level, so that a level of one row
 * tells nothing.
 */
static void
rank_values(CoreEnv *env, const Column *column, const double *label, int64 n, double *values)
{
	double	   *positives;
	double	   *counts;
	const uint32 *codes = column->values;

	if (column->storage != STORAGE_CODE)
	{
		for (int64 i = 0; i < n; i++)
		{
			double		value = column_number(column, i, 0);

			values[i] = isnan(value) ? -INFINITY : value;
		}
		return;
	}
	positives = env_alloc(env, column->nlevels + 1, sizeof(double));
	counts = env_alloc(env, column->nlevels + 1, sizeof(double));
	for (int64 i = 0; i < n; i++)
	{
		uint32		code = column_is_null(column, i) ? (uint32) column->nlevels : codes[i];

		positives[code] += label[i];
		counts[code] += 1;
	}
	for (int64 i = 0; i < n; i++)
	{
		uint32		code = column_is_null(column, i) ? (uint32) column->nlevels : codes[i];

		values[i] = counts[code] > 1 ? (positives[code] - label[i]) / (counts[code] - 1) : 0.5;
	}
	env_release(env, positives);
	env_release(env, counts);
}

void
train_warn_constant(const Dataset *data, Task task, const char *target)
{
	if (task != TASK_REGRESSION)
		return;
	for (int64 i = 1; i < data->ntrain; i++)
	{
		if (data->target[i] != data->target[0])
			return;
		if (i % SCORE_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
	}
	ereport(NOTICE,
			(errmsg("target \"%s\" is %g in all training rows", target, data->target[0]),
			 errhint("Every prediction will be about that number.")));
}

void
train_warn_leaks(PgEnv *env, const Dataset *data, Task task)
{
	CoreEnv    *core = &env->core;
	int64		n = Min(data->ntrain, LEAK_ROWS);
	double	   *values;
	StringInfoData names;
	int			count = 0;

	if (task != TASK_BINARY || n < 20)
		return;
	values = env_alloc(core, n, sizeof(double));
	initStringInfo(&names);
	for (int i = 0; i < data->schema.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (data->columns[i].feature->kind == FEATURE_VECTOR)
			continue;
		rank_values(core, &data->columns[i], data->target, n, values);
		if (separates(core, values, data->target, n))
			appendStringInfo(&names, "%s\"%s\"", count++ > 0 ? ", " : "", data->schema.features[i].name);
	}
	env_release(core, values);
	if (count > 0)
		ereport(NOTICE,
				(errmsg_plural("column %s alone separates the classes almost perfectly",
							   "columns %s each separate the classes almost perfectly", count, names.data),
				 errdetail("Its area under the ROC curve is above %g. Such a column may hold what is known only after the fact.", LEAK_AUC),
				 errhint("Leave it out with exclude if it is not known when predictions are made.")));
}
