/*
 * gate_evaluate.c
 *	  What a gate says about a version; see gates.h.
 *
 * A metric is computed over rows that the version was not trained on; where it
 * is compared with the version in Production, over rows that neither was
 * trained on, the same for both.  Each gate runs in a subtransaction: an ERROR
 * in it is its failure, and leaves user and settings as they were.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "core/metrics.h"
#include "pg/guc.h"
#include "pg/scored_rows.h"
#include "pg/source.h"
#include "pg/stored_sql.h"
#include "registry/gates.h"

typedef struct GateJob
{
	const Registered *target;
	const Gate *gate;
	int32		production;		/* 0: none but the version itself */
	char	   *candidate_ref;
	char	   *production_ref; /* NULL: none */
	MemoryContext result_context;
	List	   *results;
	/* a metric */
	PgEnv		env;
	const Model *model;
	ScoredRows	rows;
} GateJob;

static GateResult *
add_result(GateJob *job, const char *slice, double value, double baseline, int64 rows, bool passed, const char *message)
{
	MemoryContext old = MemoryContextSwitchTo(job->result_context);
	GateResult *result = palloc0(sizeof(GateResult));

	result->gate = job->gate;
	result->slice = slice != NULL ? pstrdup(slice) : NULL;
	result->value = value;
	result->baseline = baseline;
	result->baseline_version = isnan(baseline) ? 0 : job->production;
	result->rows = rows;
	result->passed = passed;
	result->message = pstrdup(message);
	job->results = lappend(job->results, result);
	MemoryContextSwitchTo(old);
	return result;
}

/* ---------- metrics ---------- */

/* The gate's metric of `count` rows; NaN when it is not defined for them. */
static double
metric_of(GateJob *job, const double *response, const double *y, const double *w, int64 count)
{
	Metric		metrics[METRIC_MAX];
	int			nmetrics = 0;
	StringInfoData names;

	if (count == 0)
		return NAN;
	pg_env_check(&job->env.core,
				 metrics_compute(&job->env.core, job->model, response, y, w, count, metrics, &nmetrics));
	initStringInfo(&names);
	for (int i = 0; i < nmetrics; i++)
	{
		if (strcmp(metrics[i].name, job->gate->metric) == 0)
			return metrics[i].value;
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", metrics[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a model of task %s has no metric \"%s\"", task_name(job->model->task), job->gate->metric),
			 errdetail("Its metrics are %s.", names.data)));
}

/* By how much a value is better than another, negative when worse. */
static double
improvement(const Gate *gate, double value, double baseline)
{
	return gate->higher_is_better ? value - baseline : baseline - value;
}

/* NULL: passed; otherwise what is wrong. */
static char *
judge(const GateJob *job, double value, double baseline)
{
	const Gate *gate = job->gate;
	double		change = improvement(gate, value, baseline);

	if (isnan(value))
		return psprintf("%s is not defined for these rows", gate->metric);
	if (gate->threshold.given && improvement(gate, value, gate->threshold.value) < 0)
		return psprintf("%s is %.6g, %s %.6g", gate->metric, value, gate->higher_is_better ? "below" : "above",
						gate->threshold.value);
	if (job->production == 0)
		return NULL;
	if (gate->min_absolute_change.given && !(change >= gate->min_absolute_change.value))
		return psprintf("%s is %.6g after %.6g of version %d, a change for the better of %.6g where %.6g is asked for",
						gate->metric, value, baseline, job->production, change, gate->min_absolute_change.value);
	if (gate->min_relative_change.given && !(change >= gate->min_relative_change.value * fabs(baseline)))
		return psprintf("%s is %.6g after %.6g of version %d, a relative change for the better of %.6g where %.6g is asked for",
						gate->metric, value, baseline, job->production, change / fabs(baseline),
						gate->min_relative_change.value);
	return NULL;
}

static bool
compares(const Gate *gate)
{
	return gate->min_absolute_change.given || gate->min_relative_change.given || gate->max_slice_loss.given;
}

static void
read_rows(GateJob *job)
{
	const Gate *gate = job->gate;
	ScoringRequest request = {
		.nmodels = 1, .which = ROWS_HELDOUT, .source = gate->source, .slice = gate->slice, .quiet = true
	};

	request.handles[0] = model_ref_open(job->candidate_ref, PRIVILEGE_WRITE);
	job->model = request.handles[0]->model;
	if (job->production != 0 && compares(gate))
	{
		request.handles[1] = model_ref_open(job->production_ref, PRIVILEGE_WRITE);
		request.nmodels = 2;
	}
	pg_env_init(&job->env, CurrentMemoryContext, (Size) guc_train_memory_kb * 1024, job->target->model.name);
	if (gate->source == NULL)
		scored_rows_collect(&job->env, &request, &job->rows);
	else
	{
		RoleSwitch caller;

		stored_sql_begin(&caller, gate->author, gate->search_path, psprintf("gate \"%s\"", gate->name));
		scored_rows_collect(&job->env, &request, &job->rows);
		stored_sql_end(&caller);
	}
	if (job->rows.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 request.nmodels > 1 ?
				 errmsg("the source has no row that neither version %d nor version %d was trained on",
						job->target->version.version, job->production) :
				 errmsg("the source has no row that version %d was not trained on", job->target->version.version)));
}

/* Rows in order of their slice: start[k] is the first of slice k. */
static int64 *
rows_by_slice(GateJob *job, int64 **start)
{
	const ScoredRows *rows = &job->rows;
	int64	   *order = env_alloc(&job->env.core, rows->count, sizeof(int64));
	int64	   *next = env_alloc(&job->env.core, rows->nslices + 1, sizeof(int64));

	*start = env_alloc(&job->env.core, rows->nslices + 1, sizeof(int64));
	memset(*start, 0, sizeof(int64) * (rows->nslices + 1));
	for (int64 i = 0; i < rows->count; i++)
		(*start)[rows->slice[i] + 1]++;
	for (int k = 0; k < rows->nslices; k++)
		(*start)[k + 1] += (*start)[k];
	memcpy(next, *start, sizeof(int64) * (rows->nslices + 1));
	for (int64 i = 0; i < rows->count; i++)
		order[next[rows->slice[i]]++] = i;
	return order;
}

static int
compare_labels(const void *a, const void *b, void *labels)
{
	return strcmp(((char **) labels)[*(const int *) a], ((char **) labels)[*(const int *) b]);
}

/* Slices in the order of their labels: the order in which rows came says nothing. */
static int *
slice_order(GateJob *job)
{
	int		   *order = env_alloc(&job->env.core, job->rows.nslices, sizeof(int));

	for (int k = 0; k < job->rows.nslices; k++)
		order[k] = k;
	qsort_arg(order, job->rows.nslices, sizeof(int), compare_labels, job->rows.slices);
	return order;
}

/* Metric of the rows of one slice under both models; `response`, `other` and `y` are buffers. */
static void
judge_slice(GateJob *job, int slice, const int64 *order, int64 count, double *response, double *other, double *y)
{
	const Gate *gate = job->gate;
	const ScoredRows *rows = &job->rows;
	Size		width = rows->nresponse * sizeof(double);
	const char *label = rows->slices[slice];
	double		value;
	double		baseline;

	for (int64 i = 0; i < count; i++)
	{
		memcpy(response + i * rows->nresponse, rows->response + order[i] * rows->nresponse, width);
		memcpy(other + i * rows->nresponse, rows->other + order[i] * rows->nresponse, width);
		y[i] = rows->y[order[i]];
	}
	value = metric_of(job, response, y, NULL, count);
	baseline = metric_of(job, other, y, NULL, count);
	/* a segment with one class has no roc_auc, in either version: nothing is lost there */
	if (isnan(value) && isnan(baseline))
		return;
	if (improvement(gate, baseline, value) <= gate->max_slice_loss.value)
		add_result(job, label, value, baseline, count, true, "passed");
	else
		add_result(job, label, value, baseline, count, false,
				   psprintf("%s of segment \"%s\" is %.6g after %.6g of version %d, a loss of more than %.6g",
							gate->metric, label, value, baseline, job->production, gate->max_slice_loss.value));
}

static void
judge_slices(GateJob *job)
{
	const ScoredRows *rows = &job->rows;
	CoreEnv    *env = &job->env.core;
	Size		width = rows->nresponse * sizeof(double);
	int64	   *start;
	int64	   *order = rows_by_slice(job, &start);
	int		   *slices = slice_order(job);
	double	   *response = env_alloc(env, rows->count, width);
	double	   *other = env_alloc(env, rows->count, width);
	double	   *y = env_alloc(env, rows->count, sizeof(double));

	for (int i = 0; i < rows->nslices; i++)
	{
		int			k = slices[i];
		int64		count = start[k + 1] - start[k];

		CHECK_FOR_INTERRUPTS();
		if (count >= job->gate->min_slice_rows)
			judge_slice(job, k, order + start[k], count, response, other, y);
	}
}

static void
evaluate_metric(GateJob *job)
{
	double		value;
	double		baseline = NAN;
	char	   *problem;

	read_rows(job);
	value = metric_of(job, job->rows.response, job->rows.y, job->rows.w, job->rows.count);
	if (job->rows.other != NULL)
		baseline = metric_of(job, job->rows.other, job->rows.y, job->rows.w, job->rows.count);
	problem = judge(job, value, baseline);
	add_result(job, NULL, value, baseline, job->rows.count, problem == NULL,
			   problem != NULL ? problem : job->production == 0 && compares(job->gate) ?
			   "passed; no other version is in Production to compare with" : "passed");
	if (job->gate->slice != NULL && job->production != 0)
		judge_slices(job);
}

/* ---------- conditions ---------- */

char *
gate_condition_query(const Gate *gate, const char *candidate, const char *production, const char *metrics,
					 const char *production_metrics)
{
	StringInfoData text;
	const char *null = "NULL";

	/* a line break ends a comment at the end of either part */
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT (%s\n) AS passed FROM (SELECT %s::pg_catalog.text AS candidate, "
					 "%s::pg_catalog.text AS production, %s::pg_catalog.jsonb AS metrics, "
					 "%s::pg_catalog.jsonb AS production_metrics) AS gate",
					 gate->condition, quote_literal_cstr(candidate),
					 production != NULL ? quote_literal_cstr(production) : null, quote_literal_cstr(metrics),
					 production_metrics != NULL ? quote_literal_cstr(production_metrics) : null);
	if (gate->query != NULL)
		appendStringInfo(&text, " CROSS JOIN LATERAL (%s\n) AS q", gate->query);
	return text.data;
}

typedef struct ConditionRows
{
	int64		rows;
	int64		failed;
} ConditionRows;

static bool
receive_condition(TupleTableSlot *slot, void *context)
{
	ConditionRows *rows = context;
	bool		isnull;
	Datum		value = slot_getattr(slot, 1, &isnull);

	rows->rows++;
	if (isnull || !DatumGetBool(value))
		rows->failed++;
	return true;
}

/* Recorded metrics of a version as jsonb text. */
static char *
recorded_metrics(const GateJob *job, int32 version)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_uuid(&job->target->model.model_id), arg_int4(version)};
	CatalogWork work;
	char	   *result;
	bool		isnull;

	catalog_begin(&work);
	catalog_execute("SELECT COALESCE(pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END "
					"ORDER BY k.step) FILTER (WHERE k.key IS NOT NULL), '{}')::pg_catalog.text "
					"FROM mlops.model_versions v LEFT JOIN mlops.metrics k ON k.run_uuid = v.run_id "
					"WHERE v.model_id = $1 AND v.version = $2", lengthof(args), args);
	result = MemoryContextStrdup(caller, TextDatumGetCString(catalog_result(1, &isnull)));
	catalog_end(&work);
	return result;
}

static void
evaluate_condition(GateJob *job)
{
	char	   *metrics = recorded_metrics(job, job->target->version.version);
	char	   *baseline = job->production != 0 ? recorded_metrics(job, job->production) : NULL;
	ConditionRows rows = {0};
	RoleSwitch caller;
	Source	   *query;

	stored_sql_begin(&caller, job->gate->author, job->gate->search_path, psprintf("gate \"%s\"", job->gate->name));
	query = source_open(gate_condition_query(job->gate, job->candidate_ref, job->production_ref, metrics, baseline));
	(void) source_run(query, receive_condition, &rows);
	source_close(query);
	stored_sql_end(&caller);

	if (rows.rows == 0)
		add_result(job, NULL, NAN, NAN, 0, false, "the query of its condition returned no row");
	else if (rows.failed > 0)
		add_result(job, NULL, NAN, NAN, rows.rows, false,
				   rows.rows == 1 ? psprintf("condition %s does not hold", job->gate->condition) :
				   psprintf("condition %s does not hold for " INT64_FORMAT " of " INT64_FORMAT " rows", job->gate->condition,
							rows.failed, rows.rows));
	else
		add_result(job, NULL, NAN, NAN, rows.rows, true, "passed");
}

/* ---------- all gates of a model ---------- */

static bool
ends_everything(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INTERNAL_ERROR ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
}

static void
evaluate_gate(GateJob *job)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext work = AllocSetContextCreate(caller, "mlops gate", ALLOCSET_DEFAULT_SIZES);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(work);
	PG_TRY();
	{
		catalog_push_snapshot();
		if (job->gate->metric != NULL)
			evaluate_metric(job);
		else
			evaluate_condition(job);
		catalog_pop_snapshot();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		/* also before an error goes on: the server does not end a subtransaction that it did not begin */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (ends_everything(error->sqlerrcode))
			ReThrowError(error);
		add_result(job, NULL, NAN, NAN, 0, false, psprintf("it could not be evaluated: %s", error->message));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(work);
}

List *
gates_evaluate(const Registered *target, List *gates)
{
	GateJob		job = {.target = target, .result_context = CurrentMemoryContext};
	VersionRow	production;
	ListCell   *cell;

	if (gates == NIL)
		return NIL;
	catalog_push_snapshot();
	if (catalog_find_production(&target->model.model_id, &production) && production.version != target->version.version)
		job.production = production.version;
	catalog_pop_snapshot();
	job.candidate_ref = psprintf("%s/%d", target->model.name, target->version.version);
	if (job.production != 0)
		job.production_ref = psprintf("%s/%d", target->model.name, job.production);

	foreach(cell, gates)
	{
		job.gate = lfirst(cell);
		CHECK_FOR_INTERRUPTS();
		evaluate_gate(&job);
	}
	return job.results;
}
