/*
 * evaluate.c
 *	  mlops.evaluate, roc_curve, confusion_matrix, calibration and lift.
 *
 * All read and score a source once (scored_rows.c) and return a table.  Without
 * a source they read the recorded one and need the privilege to read the model;
 * with one, the privilege to predict.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/curves.h"
#include "core/exact_sum.h"
#include "core/metrics.h"
#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/model_ref.h"
#include "pg/pg_env.h"
#include "pg/scored_rows.h"

#define ROC_POINTS 1001
#define CALIBRATION_BINS 10
#define LIFT_BANDS 10

typedef struct Evaluation
{
	PgEnv		env;
	const ModelHandle *handle;
	const Model *model;
	ScoredRows	rows;
	ReturnSetInfo *result;
	MemoryContext caller;
} Evaluation;

static EvaluationRows
which_rows(FunctionCallInfo fcinfo)
{
	char	   *word;

	if (PG_ARGISNULL(2))
		return ROWS_HELDOUT;
	word = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (pg_strcasecmp(word, "heldout") == 0)
		return ROWS_HELDOUT;
	if (pg_strcasecmp(word, "all") == 0)
		return ROWS_ALL;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"rows\" cannot be \"%s\"", word),
			 errhint("Use 'heldout' or 'all'.")));
	return ROWS_HELDOUT;
}

/* Refused before anything is read. `what` NULL: any task will do. Models without a target are refused by scored_rows_read. */
static void
require_task(const Evaluation *evaluation, bool binary_only, const char *what)
{
	Task		task = evaluation->model->task;

	if (what == NULL || evaluation->model->target.name == NULL || task == TASK_BINARY || (!binary_only && task == TASK_MULTICLASS))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s needs a model with %s", what, binary_only ? "two classes" : "classes"),
			 errdetail("The task of model \"%s\" is %s.", evaluation->handle->name, task_name(task))));
}

/* Arguments (model, source, rows) of all functions of this file; leaves the job's memory current. */
static void
evaluation_begin(FunctionCallInfo fcinfo, Evaluation *evaluation, bool binary_only, const char *what)
{
	MemoryContext job;
	char	   *source;

	memset(evaluation, 0, sizeof(*evaluation));
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"model\" must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	evaluation->result = (ReturnSetInfo *) fcinfo->resultinfo;
	source = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	evaluation->handle = model_ref_call(fcinfo, 0, source == NULL ? PRIVILEGE_READ : PRIVILEGE_PREDICT,
										&fcinfo->flinfo->fn_extra);
	evaluation->model = evaluation->handle->model;
	require_task(evaluation, binary_only, what);

	job = AllocSetContextCreate(CurrentMemoryContext, "mlops evaluate", ALLOCSET_DEFAULT_SIZES);
	evaluation->caller = MemoryContextSwitchTo(job);
	pg_env_init(&evaluation->env, job, (Size) guc_train_memory_kb * 1024, evaluation->handle->name);
	scored_rows_read(&evaluation->env, evaluation->handle, source, which_rows(fcinfo), &evaluation->rows);
}

static Datum
evaluation_end(Evaluation *evaluation)
{
	MemoryContext job = evaluation->env.context;

	MemoryContextSwitchTo(evaluation->caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}

static void
put_row(const Evaluation *evaluation, Datum *values, bool *nulls)
{
	tuplestore_putvalues(evaluation->result->setResult, evaluation->result->setDesc, values, nulls);
}

/* Doubles as SQL values: NaN stands for undefined and becomes NULL. */
static void
put_numbers(const double *numbers, int count, Datum *values, bool *nulls)
{
	for (int i = 0; i < count; i++)
	{
		nulls[i] = isnan(numbers[i]);
		values[i] = Float8GetDatum(numbers[i]);
	}
}

/* P(positive) of each scored row. */
static double *
positive_scores(Evaluation *evaluation)
{
	const ScoredRows *rows = &evaluation->rows;
	double	   *score = env_alloc(&evaluation->env.core, rows->count, sizeof(double));

	for (int64 i = 0; i < rows->count; i++)
		score[i] = rows->response[i * rows->nresponse + evaluation->model->target.positive];
	return score;
}

PG_FUNCTION_INFO_V1(mlops_evaluate);

Datum
mlops_evaluate(PG_FUNCTION_ARGS)
{
	Evaluation	evaluation;
	Metric		metrics[METRIC_MAX];
	int			nmetrics = 0;
	ScoredRows *rows = &evaluation.rows;

	evaluation_begin(fcinfo, &evaluation, false, NULL);
	pg_env_check(&evaluation.env.core,
				 metrics_compute(&evaluation.env.core, evaluation.model, rows->response, rows->y, rows->w,
								 rows->count, metrics, &nmetrics));
	for (int i = 0; i < nmetrics; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		values[0] = CStringGetTextDatum(metrics[i].name);
		put_numbers(&metrics[i].value, 1, values + 1, nulls + 1);
		put_row(&evaluation, values, nulls);
	}
	return evaluation_end(&evaluation);
}

PG_FUNCTION_INFO_V1(mlops_roc_curve);

Datum
mlops_roc_curve(PG_FUNCTION_ARGS)
{
	Evaluation	evaluation;
	RocPoint   *points;
	int64		count;

	evaluation_begin(fcinfo, &evaluation, true, "a ROC curve");
	pg_env_check(&evaluation.env.core,
				 curve_roc(&evaluation.env.core, positive_scores(&evaluation), evaluation.rows.y, evaluation.rows.w,
						   evaluation.rows.count, ROC_POINTS, &points, &count));
	for (int64 i = 0; i < count; i++)
	{
		const RocPoint *point = &points[i];
		double		numbers[7] = {
			point->threshold, point->recall, point->false_positive_rate, point->true_positives,
			point->false_positives, point->true_negatives, point->false_negatives
		};
		Datum		values[7];
		bool		nulls[7];

		put_numbers(numbers, 7, values, nulls);
		put_row(&evaluation, values, nulls);
	}
	return evaluation_end(&evaluation);
}

PG_FUNCTION_INFO_V1(mlops_confusion_matrix);

Datum
mlops_confusion_matrix(PG_FUNCTION_ARGS)
{
	Evaluation	evaluation;
	const Model *model;
	int			nclasses;
	ExactSum   *cells;

	evaluation_begin(fcinfo, &evaluation, false, "a confusion matrix");
	model = evaluation.model;
	nclasses = model->target.nclasses;
	cells = env_alloc(&evaluation.env.core, (size_t) nclasses * nclasses, sizeof(ExactSum));
	for (int64 i = 0; i < evaluation.rows.count; i++)
	{
		int			truth = (int) evaluation.rows.y[i];
		int			guess = model_class(model, evaluation.rows.response + i * evaluation.rows.nresponse);

		if (model->task == TASK_BINARY)
			truth = truth == 1 ? model->target.positive : 1 - model->target.positive;
		exact_sum_add(&cells[truth * nclasses + guess], evaluation.rows.w != NULL ? evaluation.rows.w[i] : 1);
	}
	for (int k = 0; k < nclasses * nclasses; k++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(model->target.classes[k / nclasses]);
		values[1] = CStringGetTextDatum(model->target.classes[k % nclasses]);
		values[2] = Float8GetDatum(exact_sum_value(&cells[k]));
		put_row(&evaluation, values, nulls);
	}
	return evaluation_end(&evaluation);
}

PG_FUNCTION_INFO_V1(mlops_calibration);

Datum
mlops_calibration(PG_FUNCTION_ARGS)
{
	Evaluation	evaluation;
	ReliabilityBin bins[CALIBRATION_BINS];
	int			count;

	evaluation_begin(fcinfo, &evaluation, true, "calibration");
	pg_env_check(&evaluation.env.core,
				 curve_reliability(&evaluation.env.core, positive_scores(&evaluation), evaluation.rows.y,
								   evaluation.rows.w, evaluation.rows.count, CALIBRATION_BINS, bins, &count));
	for (int i = 0; i < count; i++)
	{
		double		numbers[5] = {
			bins[i].low, bins[i].high, bins[i].rows, bins[i].mean_score, bins[i].positive_rate
		};
		Datum		values[5];
		bool		nulls[5];

		put_numbers(numbers, 5, values, nulls);
		put_row(&evaluation, values, nulls);
	}
	return evaluation_end(&evaluation);
}

PG_FUNCTION_INFO_V1(mlops_lift);

Datum
mlops_lift(PG_FUNCTION_ARGS)
{
	Evaluation	evaluation;
	LiftBand	bands[LIFT_BANDS];
	int			count;

	evaluation_begin(fcinfo, &evaluation, true, "a lift table");
	pg_env_check(&evaluation.env.core,
				 curve_lift(&evaluation.env.core, positive_scores(&evaluation), evaluation.rows.y,
							evaluation.rows.w, evaluation.rows.count, LIFT_BANDS, bands, &count));
	for (int i = 0; i < count; i++)
	{
		double		numbers[7] = {
			bands[i].rows, bands[i].positives, bands[i].lowest_score, bands[i].positive_rate,
			bands[i].lift, bands[i].gain, bands[i].cumulative_lift
		};
		Datum		values[8];
		bool		nulls[8] = {false};

		values[0] = Int32GetDatum(i + 1);
		put_numbers(numbers, 7, values + 1, nulls + 1);
		put_row(&evaluation, values, nulls);
	}
	return evaluation_end(&evaluation);
}
