/*
 * importance.c
 *	  feature_importance and permutation_importance.
 *
 * Importances from training are sums over the terms of a feature (weights), or
 * averages by weight (gain, cover).  Linear models: the number of coefficients,
 * and as gain the sum of |coefficient| times the standard deviation of its
 * term, averaged over classes.
 *
 * Permutation importance: rows are read once, then for each feature its terms
 * go from each row to the next in an order by hash, and a metric is computed
 * again.  The order depends on the rows' contents alone, not on where they lie.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/algorithm.h"
#include "core/hash.h"
#include "core/metrics.h"
#include "core/params.h"
#include "core/sort.h"
#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/model_ref.h"
#include "pg/pg_env.h"
#include "pg/scored_rows.h"

#define POLL_ROWS 1024

PG_FUNCTION_INFO_V1(mlops_feature_importance);
PG_FUNCTION_INFO_V1(mlops_permutation_importance);

/* Of one feature. */
typedef struct Importance
{
	double		weight;
	double		gain;
	double		cover;			/* NaN: not defined */
} Importance;

/* Array of `count` doubles, or NULL. */
static const double *
numbers(const Model *model, const char *name, int64 count)
{
	const ModelArray *array = model_array(model, name);

	if (array == NULL || array->type != ARRAY_F64 || array->rows * array->cols != count)
		return NULL;
	return array->data;
}

static bool
importances_of_trees(const Model *model, Importance *result)
{
	int			nterms = model->transform->nterms;
	const double *weight = numbers(model, "importance_weight", nterms);
	const double *gain = numbers(model, "importance_gain", nterms);
	const double *cover = numbers(model, "importance_cover", nterms);

	if (weight == NULL || gain == NULL || cover == NULL)
		return false;
	for (int j = 0; j < nterms; j++)
	{
		Importance *feature = &result[model->transform->terms[j].feature];

		feature->weight += weight[j];
		feature->gain += weight[j] * gain[j];
		feature->cover += weight[j] * cover[j];
	}
	for (int i = 0; i < model->schema.count; i++)
	{
		if (result[i].weight > 0)
		{
			result[i].gain /= result[i].weight;
			result[i].cover /= result[i].weight;
		}
	}
	return true;
}

static bool
importances_of_coefficients(const Model *model, Importance *result)
{
	const ModelArray *estimate = model_array(model, "estimate");
	int			nterms = model->transform->nterms;
	const double *spread = numbers(model, "term_sd", nterms);

	if (estimate == NULL || estimate->type != ARRAY_F64 || estimate->cols != nterms + 1)
		return false;
	for (int i = 0; i < model->schema.count; i++)
		result[i].cover = NAN;
	for (int64 k = 0; k < estimate->rows; k++)
	{
		const double *coefficient = (const double *) estimate->data + k * estimate->cols + 1;

		for (int j = 0; j < nterms; j++)
		{
			Importance *feature = &result[model->transform->terms[j].feature];

			if (isnan(coefficient[j]) || coefficient[j] == 0)
				continue;
			feature->weight += 1;
			feature->gain += spread != NULL ? fabs(coefficient[j]) * spread[j] / model->noutputs : NAN;
		}
	}
	return true;
}

static int
compare_importances(const void *a, const void *b, void *context)
{
	const double *importance = context;
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	double		x = importance[i];
	double		y = importance[j];

	if (isnan(x) || isnan(y))
		return isnan(x) && isnan(y) ? i - j : isnan(x) ? 1 : -1;
	return x != y ? (x > y ? -1 : 1) : i - j;
}

/* Features by importance, the largest first. */
static int *
importance_order(double *importance, int count)
{
	int		   *order = palloc(sizeof(int) * Max(count, 1));

	for (int i = 0; i < count; i++)
		order[i] = i;
	qsort_arg(order, count, sizeof(int), compare_importances, importance);
	return order;
}

Datum
mlops_feature_importance(PG_FUNCTION_ARGS)
{
	const ModelHandle *handle = model_ref_call(fcinfo, 0, PRIVILEGE_READ, &fcinfo->flinfo->fn_extra);
	const Model *model = handle->model;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count = model->schema.count;
	Importance *importance = palloc0(sizeof(Importance) * Max(count, 1));
	double	   *total = palloc(sizeof(double) * Max(count, 1));
	bool		coefficients = false;
	int		   *order;

	if (!importances_of_trees(model, importance))
	{
		coefficients = importances_of_coefficients(model, importance);
		if (!coefficients)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a model of algorithm \"%s\" holds no importances of features", model->algorithm->name),
					 errhint("mlops.permutation_importance() measures them for every algorithm.")));
	}
	for (int i = 0; i < count; i++)
		total[i] = coefficients ? importance[i].gain : importance[i].weight * importance[i].gain;
	order = importance_order(total, count);

	InitMaterializedSRF(fcinfo, 0);
	for (int k = 0; k < count; k++)
	{
		const Importance *feature = &importance[order[k]];
		Datum		values[4] = {
			CStringGetTextDatum(model->schema.features[order[k]].name), Float8GetDatum(feature->weight),
			Float8GetDatum(feature->gain), Float8GetDatum(feature->cover)
		};
		bool		nulls[4] = {false, false, isnan(feature->gain), isnan(feature->cover)};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---------- permutation ---------- */

typedef struct Permutation
{
	PgEnv		env;
	const Model *model;
	const Model *fast;			/* scores as the model does */
	ScoredRows	rows;
	const char *metric;
	bool		smaller_is_better;
	uint64	   *hash;			/* [rows.count] of contents */
	double	   *key;
	int64	   *order;
	double	   *terms;			/* of one row */
	double	   *scratch;
	double	   *margins;
	double	   *response;		/* [rows.count x nresponse] */
} Permutation;

static const char *
default_metric(const Model *model)
{
	switch (model->task)
	{
		case TASK_BINARY:
			return "roc_auc";
		case TASK_MULTICLASS:
			return "log_loss";
		default:
			return "root_mean_squared_error";
	}
}

static bool
is_loss(const char *metric)
{
	return strcmp(metric, "log_loss") == 0 || strcmp(metric, "brier_score") == 0 || strstr(metric, "_error") != NULL;
}

/* The metric of these responses; ERROR naming those that there are when it is none of them. */
static double
compute_metric(Permutation *permutation, const double *response)
{
	CoreEnv    *core = &permutation->env.core;
	Metric		metrics[METRIC_MAX];
	const char *names[METRIC_MAX];
	const char *nearest;
	int			count;

	pg_env_check(core, metrics_compute(core, permutation->model, response, permutation->rows.y, permutation->rows.w,
									   permutation->rows.count, metrics, &count));
	for (int i = 0; i < count; i++)
	{
		if (strcmp(metrics[i].name, permutation->metric) == 0)
			return metrics[i].value;
		names[i] = metrics[i].name;
	}
	nearest = nearest_word(permutation->metric, names, count);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\" for a %s model", permutation->metric, task_name(permutation->model->task)),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("mlops.evaluate() shows the metrics of the model.")));
}

static void
permutation_begin(Permutation *permutation)
{
	CoreEnv    *core = &permutation->env.core;
	const ScoredRows *rows = &permutation->rows;
	int			nterms = permutation->model->transform->nterms;

	permutation->hash = env_alloc(core, rows->count, sizeof(uint64));
	permutation->key = env_alloc(core, rows->count, sizeof(double));
	permutation->order = env_alloc(core, rows->count, sizeof(int64));
	permutation->response = env_alloc(core, (size_t) rows->count * rows->nresponse, sizeof(double));
	permutation->terms = env_alloc(core, nterms, sizeof(double));
	permutation->scratch = env_alloc(core, model_scratch_size(permutation->model), sizeof(double));
	permutation->margins = env_alloc(core, permutation->model->noutputs, sizeof(double));
	/* each row is scored once for each feature */
	permutation->fast = permutation->model;
	if (rows->count * permutation->model->schema.count > 1000)
		pg_env_check(core, model_hasten(core, permutation->model, &permutation->fast));
	for (int64 i = 0; i < rows->count; i++)
	{
		uint64		hash = hash_row_add(hash_row_init(), hash_double(rows->y[i]));

		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nterms; j++)
			hash = hash_row_add(hash, hash_double(rows->terms[i * nterms + j]));
		permutation->hash[i] = hash_row_final(hash);
	}
}

/* Scores each row with the terms of `feature` from the row after it in the order by hash. */
static void
score_permuted(Permutation *permutation, int feature)
{
	CoreEnv    *core = &permutation->env.core;
	const Model *model = permutation->model;
	const ScoredRows *rows = &permutation->rows;
	const Term *terms = model->transform->terms;
	int			nterms = model->transform->nterms;
	int64		n = rows->count;

	for (int64 i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		permutation->key[i] = hash_uniform(permutation->hash[i], model->seed + (uint64) feature);
	}
	sort_identity(permutation->order, n);
	pg_env_check(core, sort_order(core, permutation->key, n, permutation->order));
	for (int64 k = 0; k < n; k++)
	{
		int64		row = permutation->order[k];
		const double *other = rows->terms + permutation->order[(k + 1) % n] * nterms;

		if (k % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(permutation->terms, rows->terms + row * nterms, sizeof(double) * nterms);
		for (int j = 0; j < nterms; j++)
		{
			if (terms[j].feature == feature)
				permutation->terms[j] = other[j];
		}
		model->algorithm->score(permutation->fast, permutation->terms, permutation->scratch, permutation->margins);
		if (rows->offset != NULL)
			permutation->margins[0] += rows->offset[row];
		model_respond(model, permutation->margins, permutation->response + row * rows->nresponse);
	}
}

static void
read_rows(FunctionCallInfo fcinfo, const ModelHandle *handle, Permutation *permutation)
{
	ScoringRequest request = {.nmodels = 1, .handles = {handle}, .which = ROWS_HELDOUT, .terms = true};
	const char *rows;

	if (!PG_ARGISNULL(1))
		request.source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	permutation->model = handle->model;
	permutation->metric = PG_ARGISNULL(2) ? default_metric(handle->model) : text_to_cstring(PG_GETARG_TEXT_PP(2));
	permutation->smaller_is_better = is_loss(permutation->metric);
	rows = PG_ARGISNULL(3) ? "heldout" : text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (pg_strcasecmp(rows, "all") == 0)
		request.which = ROWS_ALL;
	else if (pg_strcasecmp(rows, "heldout") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"rows\" cannot be \"%s\"", rows),
				 errhint("Use 'heldout' or 'all'.")));
	scored_rows_collect(&permutation->env, &request, &permutation->rows);
}

/* permutation_importance(model, source, metric, rows): the loss of the metric for each feature, the largest first. */
Datum
mlops_permutation_importance(PG_FUNCTION_ARGS)
{
	MemoryContext job = AllocSetContextCreate(CurrentMemoryContext, "mlops permutation", ALLOCSET_DEFAULT_SIZES);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const ModelHandle *handle;
	Permutation permutation = {0};
	int			count;
	double		baseline;
	double	   *importance;
	int		   *order;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	handle = model_ref_call(fcinfo, 0, PRIVILEGE_READ, &fcinfo->flinfo->fn_extra);
	count = handle->model->schema.count;
	pg_env_init(&permutation.env, job, (Size) guc_train_memory_kb * 1024, handle->name);
	read_rows(fcinfo, handle, &permutation);
	permutation_begin(&permutation);
	baseline = compute_metric(&permutation, permutation.rows.response);
	importance = palloc(sizeof(double) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		double		permuted;

		score_permuted(&permutation, i);
		permuted = compute_metric(&permutation, permutation.response);
		importance[i] = permutation.smaller_is_better ? permuted - baseline : baseline - permuted;
	}
	order = importance_order(importance, count);
	for (int k = 0; k < count; k++)
	{
		Datum		values[2] = {CStringGetTextDatum(handle->model->schema.features[order[k]].name), Float8GetDatum(importance[order[k]])};
		bool		nulls[2] = {false, isnan(importance[order[k]])};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextDelete(job);
	return (Datum) 0;
}
