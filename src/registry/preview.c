/*
 * preview.c
 *	  How scores, labels and deciles would move if a version were promoted.
 *
 * Both versions score the same rows, once; labels are not needed.  The score is
 * the probability of the positive class, with more than two classes that of the
 * class which the version in Production predicts, else the predicted value.
 * Everything but the reading is O(n) with sorts; results do not depend on the
 * order of rows.
 */
#include "postgres.h"

#include <math.h>

#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/exact_sum.h"
#include "core/sort.h"
#include "pg/guc.h"
#include "pg/scored_rows.h"
#include "registry/registry.h"

#define DECILES 10
#define BINS 10

PG_FUNCTION_INFO_V1(mlops_preview);

typedef struct Preview
{
	PgEnv		env;
	const ModelHandle *candidate;
	const ModelHandle *production;
	const Model *model;
	ScoredRows	rows;
	double	   *before;			/* [count] scores of the version in Production */
	double	   *after;
	ReturnSetInfo *set;
} Preview;

/* NaN and a NULL text are NULL; rows -1 too. */
static void
put_row(const Preview *preview, const char *section, const char *segment, const char *item, double production,
		double candidate, double change, int64 rows)
{
	Datum		values[7] = {CStringGetTextDatum(section)};
	bool		nulls[7] = {false, segment == NULL, item == NULL, isnan(production), isnan(candidate), isnan(change), rows < 0};

	if (segment != NULL)
		values[1] = CStringGetTextDatum(segment);
	if (item != NULL)
		values[2] = CStringGetTextDatum(item);
	values[3] = Float8GetDatum(production);
	values[4] = Float8GetDatum(candidate);
	values[5] = Float8GetDatum(change);
	values[6] = Int64GetDatum(rows);
	tuplestore_putvalues(preview->set->setResult, preview->set->setDesc, values, nulls);
}

static void
put_pair(const Preview *preview, const char *section, const char *item, double production, double candidate)
{
	put_row(preview, section, NULL, item, production, candidate, candidate - production, -1);
}

/* ---------- the versions ---------- */

/* The version that is meant, as registry_lock reads it, but without a lock. */
static void
open_versions(Preview *preview, const char *reference, int32 version, Privilege privilege)
{
	ModelRef	ref;
	const char *full = reference;

	model_ref_parse(reference, &ref);
	if (version != 0)
		full = psprintf("%s/%d", registry_bare_name(reference), version);
	else if (ref.kind == REF_PRODUCTION)
		full = psprintf("%s/latest", ref.name);
	preview->candidate = model_ref_open(full, privilege);
	preview->production = model_ref_open(ref.name, privilege);
	preview->model = preview->candidate->model;
	if (preview->candidate->resolved.version.version == preview->production->resolved.version.version)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d of model \"%s\" is in Production already",
						preview->candidate->resolved.version.version, ref.name),
				 errhint("Name the version that would replace it.")));
}

static void
take_scores(Preview *preview)
{
	const ScoredRows *rows = &preview->rows;
	const Model *model = preview->model;

	preview->before = env_alloc(&preview->env.core, rows->count, sizeof(double));
	preview->after = env_alloc(&preview->env.core, rows->count, sizeof(double));
	for (int64 i = 0; i < rows->count; i++)
	{
		int			column = 0;

		CHECK_FOR_INTERRUPTS();
		if (model->task == TASK_BINARY)
			column = model->target.positive;
		else if (model->task == TASK_MULTICLASS)
			column = model_class(preview->production->model, rows->other + i * rows->nresponse);
		preview->before[i] = rows->other[i * rows->nresponse + column];
		preview->after[i] = rows->response[i * rows->nresponse + column];
	}
}

/* ---------- sections ---------- */

typedef struct Moments
{
	double		mean;
	double		stddev;
} Moments;

static Moments
moments_of(const double *x, int64 n)
{
	ExactSum	sum;
	Moments		result;

	exact_sum_init(&sum);
	for (int64 i = 0; i < n; i++)
		exact_sum_add(&sum, x[i]);
	result.mean = exact_sum_value(&sum) / n;
	exact_sum_init(&sum);
	for (int64 i = 0; i < n; i++)
		exact_sum_add(&sum, (x[i] - result.mean) * (x[i] - result.mean));
	result.stddev = n > 1 ? sqrt(exact_sum_value(&sum) / (n - 1)) : NAN;
	return result;
}

/* A sorted copy. */
static double *
sorted_scores(Preview *preview, const double *scores)
{
	double	   *copy = env_alloc(&preview->env.core, preview->rows.count, sizeof(double));

	memcpy(copy, scores, preview->rows.count * sizeof(double));
	pg_env_check(&preview->env.core, sort_doubles(&preview->env.core, copy, preview->rows.count));
	return copy;
}

static void
put_summary(Preview *preview, const double *before, const double *after)
{
	static const struct
	{
		const char *item;
		double		p;
	}			quantiles[] = {
		{"min", 0}, {"p05", 0.05}, {"p25", 0.25}, {"median", 0.5}, {"p75", 0.75}, {"p95", 0.95}, {"max", 1}
	};
	int64		n = preview->rows.count;
	Moments		old = moments_of(preview->before, n);
	Moments		new = moments_of(preview->after, n);
	WeightedValues x = {.n = n, .value = (double *) before, .total = (double) n};
	WeightedValues y = {.n = n, .value = (double *) after, .total = (double) n};
	ExactSum	moved;

	exact_sum_init(&moved);
	for (int64 i = 0; i < n; i++)
		exact_sum_add(&moved, fabs(preview->after[i] - preview->before[i]));
	put_row(preview, "summary", NULL, "rows", n, n, 0, n);
	put_pair(preview, "summary", "mean", old.mean, new.mean);
	put_pair(preview, "summary", "stddev", old.stddev, new.stddev);
	for (size_t i = 0; i < lengthof(quantiles); i++)
		put_pair(preview, "summary", quantiles[i].item, weighted_quantile(&x, quantiles[i].p, true),
				 weighted_quantile(&y, quantiles[i].p, true));
	put_row(preview, "summary", NULL, "mean absolute change", NAN, NAN, exact_sum_value(&moved) / n, -1);
}

/* Rows with a lower score, by binary search. */
static int64
rank_of(const double *sorted, int64 n, double score)
{
	int64		low = 0;
	int64		high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (sorted[middle] < score)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Scores from which the second, third, … tenth of the rows begins: the first
 * with at least a tenth, two tenths, … of the rows below it.  Rows with equal
 * scores stay together, so there may be fewer.
 */
static int
decile_edges(const double *sorted, int64 n, double *edges)
{
	int			count = 0;

	for (int decile = 1; decile < DECILES; decile++)
	{
		int64		i = (decile * n + DECILES - 1) / DECILES;

		while (i < n && sorted[i] == sorted[i - 1])
			i++;
		if (i < n)
			edges[count++] = sorted[i];
	}
	return count;
}

/* 0 for the highest scores. */
static int
decile_of(double score, const double *edges, int nedges)
{
	int			below = 0;

	for (int i = 0; i < nedges; i++)
		below += edges[i] <= score;
	return DECILES - 1 - below;
}

/* How many rows go from which decile of scores to which; 1 has the highest scores, as in mlops.lift. */
static void
put_deciles(Preview *preview, const double *before, const double *after)
{
	int64		n = preview->rows.count;
	int64		moves[DECILES][DECILES] = {{0}};
	double		edges[2][DECILES];
	int			nbefore = decile_edges(before, n, edges[0]);
	int			nafter = decile_edges(after, n, edges[1]);

	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		moves[decile_of(preview->before[i], edges[0], nbefore)][decile_of(preview->after[i], edges[1], nafter)]++;
	}
	for (int i = 0; i < DECILES; i++)
		for (int j = 0; j < DECILES; j++)
			if (moves[i][j] > 0)
				put_row(preview, "decile", NULL, psprintf("%d -> %d", i + 1, j + 1), i + 1, j + 1, j - i, moves[i][j]);
}

static void
put_distribution(Preview *preview, const double *before, const double *after)
{
	int64		n = preview->rows.count;
	bool		probability = preview->model->task == TASK_BINARY || preview->model->task == TASK_MULTICLASS;
	double		low = probability ? 0 : Min(before[0], after[0]);
	double		high = probability ? 1 : Max(before[n - 1], after[n - 1]);
	int64		start[2] = {0, 0};

	if (!(high > low) || !isfinite(high - low))
		return;
	for (int bin = 0; bin < BINS; bin++)
	{
		bool		last = bin == BINS - 1;
		double		left = low + (high - low) * bin / BINS;
		double		right = last ? high : low + (high - low) * (bin + 1) / BINS;
		int64		end[2];

		end[0] = last ? n : rank_of(before, n, right);
		end[1] = last ? n : rank_of(after, n, right);
		put_pair(preview, "distribution", psprintf("[%g, %g%c", left, right, last ? ']' : ')'), end[0] - start[0],
				 end[1] - start[1]);
		start[0] = end[0];
		start[1] = end[1];
	}
}

typedef struct Segment
{
	int64		rows;
	ExactSum	before;
	ExactSum	after;
} Segment;

static int
compare_labels(const void *a, const void *b, void *labels)
{
	return strcmp(((char **) labels)[*(const int *) a], ((char **) labels)[*(const int *) b]);
}

/* Mean scores of each segment. */
static void
put_segments(Preview *preview, const int *order)
{
	const ScoredRows *rows = &preview->rows;
	Segment    *segments;

	if (rows->slice == NULL)
		return;
	segments = env_alloc(&preview->env.core, rows->nslices, sizeof(Segment));
	memset(segments, 0, sizeof(Segment) * rows->nslices);
	for (int64 i = 0; i < rows->count; i++)
	{
		Segment    *segment = &segments[rows->slice[i]];

		CHECK_FOR_INTERRUPTS();
		segment->rows++;
		exact_sum_add(&segment->before, preview->before[i]);
		exact_sum_add(&segment->after, preview->after[i]);
	}
	for (int k = 0; k < rows->nslices; k++)
	{
		Segment    *segment = &segments[order[k]];
		double		before = exact_sum_value(&segment->before) / segment->rows;
		double		after = exact_sum_value(&segment->after) / segment->rows;

		put_row(preview, "segment", rows->slices[order[k]], "mean", before, after, after - before, segment->rows);
	}
}

/* Label before and after, overall and by segment; unchanged labels too, so that shares can be taken. */
static void
put_flips(Preview *preview, const int *order)
{
	const ScoredRows *rows = &preview->rows;
	char	  **classes = preview->model->target.classes;
	int			n = preview->model->target.nclasses;
	int			segments = rows->slice == NULL ? 0 : rows->nslices;
	int64	   *counts;

	if (n == 0)
		return;
	counts = env_alloc(&preview->env.core, (Size) (segments + 1) * n * n, sizeof(int64));
	memset(counts, 0, (Size) (segments + 1) * n * n * sizeof(int64));
	for (int64 i = 0; i < rows->count; i++)
	{
		int			from = model_class(preview->production->model, rows->other + i * rows->nresponse);
		int			to = model_class(preview->model, rows->response + i * rows->nresponse);

		CHECK_FOR_INTERRUPTS();
		counts[from * n + to]++;
		if (segments > 0)
			counts[((Size) rows->slice[i] + 1) * n * n + from * n + to]++;
	}
	for (int k = 0; k <= segments; k++)
	{
		const int64 *table = counts + (Size) (k == 0 ? 0 : order[k - 1] + 1) * n * n;

		for (int cell = 0; cell < n * n; cell++)
			if (table[cell] > 0)
				put_row(preview, cell / n == cell % n ? "same label" : "flip", k == 0 ? NULL : rows->slices[order[k - 1]],
						psprintf("%s -> %s", classes[cell / n], classes[cell % n]), NAN, NAN, NAN, table[cell]);
	}
}

/* The rows whose scores move most; among equals by key. */
static void
put_movers(Preview *preview, int64 wanted)
{
	const ScoredRows *rows = &preview->rows;
	CoreEnv    *env = &preview->env.core;
	double	   *change = env_alloc(env, rows->count, sizeof(double));
	int64	   *order = env_alloc(env, rows->count, sizeof(int64));

	for (int64 i = 0; i < rows->count; i++)
		change[i] = -fabs(preview->after[i] - preview->before[i]);
	sort_identity(order, rows->count);
	/* scores first, so that the result does not depend on the order of rows unless rows are alike */
	pg_env_check(env, sort_order(env, preview->after, rows->count, order));
	pg_env_check(env, sort_order(env, preview->before, rows->count, order));
	pg_env_check(env, sort_order(env, change, rows->count, order));
	for (int64 i = 0; i < Min(wanted, rows->count); i++)
	{
		int64		row = order[i];

		put_row(preview, "mover", rows->slice == NULL ? NULL : rows->slices[rows->slice[row]],
				rows->key == NULL ? NULL : rows->key[row], preview->before[row], preview->after[row],
				preview->after[row] - preview->before[row], 1);
	}
}

/* preview(model, version, source, segment, movers) */
Datum
mlops_preview(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		version = registry_version(fcinfo, 1);
	char	   *source = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "source");
	char	   *segment = PG_ARGISNULL(3) ? NULL : registry_text(fcinfo, 3, "segment");
	int32		movers = PG_ARGISNULL(4) ? 10 : PG_GETARG_INT32(4);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job;
	ScoringRequest request = {
		.nmodels = 2, .source = source, .which = ROWS_ALL, .without_target = true, .slice = segment, .keys = true, .quiet = true
	};
	Preview		preview = {0};
	double	   *before;
	double	   *after;
	int		   *order;

	if (movers < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"movers\" must not be negative")));
	if (segment != NULL && source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a preview by segment needs a source"),
				 errhint("The segment is an expression over the columns of argument \"source\".")));
	InitMaterializedSRF(fcinfo, 0);
	preview.set = (ReturnSetInfo *) fcinfo->resultinfo;
	job = AllocSetContextCreate(caller, "mlops preview", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(job);

	open_versions(&preview, reference, version, source == NULL ? PRIVILEGE_READ : PRIVILEGE_PREDICT);
	pg_env_init(&preview.env, job, (Size) guc_train_memory_kb * 1024, preview.candidate->name);
	request.handles[0] = preview.candidate;
	request.handles[1] = preview.production;
	scored_rows_collect(&preview.env, &request, &preview.rows);
	if (preview.rows.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no rows to preview model \"%s\" on", preview.candidate->name)));
	take_scores(&preview);
	before = sorted_scores(&preview, preview.before);
	after = sorted_scores(&preview, preview.after);
	order = env_alloc(&preview.env.core, preview.rows.nslices + 1, sizeof(int));
	for (int k = 0; k < preview.rows.nslices; k++)
		order[k] = k;
	qsort_arg(order, preview.rows.nslices, sizeof(int), compare_labels, preview.rows.slices);

	put_summary(&preview, before, after);
	put_distribution(&preview, before, after);
	put_deciles(&preview, before, after);
	put_flips(&preview, order);
	put_segments(&preview, order);
	put_movers(&preview, movers);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}
