/*
 * transform_numeric.c
 *	  Learning numbers: imputation, finite range, map, scale, bins; see transform.h.
 *
 * One pass over the rows finds counts, ranges and sums of all elements;
 * medians, modes, quantiles and spreads take passes of their own and are made
 * only when asked for.  Cost: about 1 ns a value by default.
 */
#include "core/transform_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/pair.h"
#include "core/transform_time.h"

#define SCAN_PAIRS 4

typedef struct ElementStats
{
	int64_t		present;		/* rows with a value, infinities included */
	int64_t		infinite;
	double		low;			/* of the finite values */
	double		high;
	double		factor;			/* a power of two that keeps the sum in range */
	ExactSum	sum;			/* of weight * value * factor */
	ExactSum	weight;			/* of the rows with a value; weights only */
} ElementStats;

/* What learning one entry needs at hand. */
typedef struct NumberTask
{
	LearnContext *context;
	FeatureTransform *f;
	const FeatureOptions *options;
	NumberSource source;
	const char *name;
	ElementStats *stats;		/* [width] */
	int64_t		missing_rows;	/* where any element is missing */
	bool		any_infinite;
} NumberTask;

static void
add_value(const LearnContext *context, ElementStats *stats, int64_t row, double x)
{
	if (context->weight != NULL)
	{
		exact_sum_add_product(&stats->sum, context->weight[row], x * stats->factor);
		exact_sum_add(&stats->weight, context->weight[row]);
	}
	else
		exact_sum_add(&stats->sum, x * stats->factor);
}

/*
 * The common block: no weights, nothing missing or infinite.  Lanes let minima,
 * maxima and the test run side by side.  False: nothing was done.
 */
static bool
scan_plain_block(NumberTask *task, ElementStats *stats, int count, const double *x)
{
	Pair		low[SCAN_PAIRS];
	Pair		high[SCAN_PAIRS];
	Pair		zero[SCAN_PAIRS] = {{0}};	/* NaN once a value is not finite */
	double		lowest;
	double		highest;
	double		finite = 0;

	if (task->context->weight != NULL || count % (2 * SCAN_PAIRS) != 0)
		return false;
	for (int k = 0; k < SCAN_PAIRS; k++)
		low[k] = high[k] = pair_load(x + 2 * k);
	for (int i = 0; i < count; i += 2 * SCAN_PAIRS)
	{
		for (int k = 0; k < SCAN_PAIRS; k++)
		{
			Pair		value = pair_load(x + i + 2 * k);

			zero[k] += value * 0;
			low[k] = pair_min(value, low[k]);
			high[k] = pair_max(value, high[k]);
		}
	}
	lowest = low[0][0];
	highest = high[0][0];
	for (int lane = 0; lane < 2 * SCAN_PAIRS; lane++)
	{
		finite += zero[lane / 2][lane % 2];
		lowest = fmin(lowest, low[lane / 2][lane % 2]);
		highest = fmax(highest, high[lane / 2][lane % 2]);
	}
	if (!(finite == 0))
		return false;
	stats->present += count;
	stats->low = lowest < stats->low ? lowest : stats->low;
	stats->high = highest > stats->high ? highest : stats->high;
	if (task->f->impute == IMPUTE_MEAN)
		exact_sum_add_bounded(&stats->sum, x, count, fmax(fabs(lowest), fabs(highest)));
	return true;
}

/* Counts, ranges and sums of one block of one element; infinities are left out of the sum.  Whether any row is missing. */
static bool
scan_block(NumberTask *task, ElementStats *stats, int64_t first, int count, const double *x, bool *missing)
{
	const LearnContext *context = task->context;
	bool		any = false;

	if (scan_plain_block(task, stats, count, x))
		return false;
	for (int i = 0; i < count; i++)
	{
		if (!learn_row_counts(context, first + i))
			continue;
		if (x[i] != x[i])
		{
			missing[i] = any = true;
			continue;
		}
		stats->present++;
		if (isinf(x[i]))
		{
			stats->infinite++;
			task->any_infinite = true;
			continue;
		}
		stats->low = x[i] < stats->low ? x[i] : stats->low;
		stats->high = x[i] > stats->high ? x[i] : stats->high;
		if (task->f->impute == IMPUTE_MEAN)
			add_value(context, stats, first + i, x[i]);
	}
	return any;
}

static CoreStatus
scan(NumberTask *task)
{
	const LearnContext *context = task->context;
	int			width = task->f->width;
	double		x[TRANSFORM_BLOCK];
	bool		missing[TRANSFORM_BLOCK] = {false};

	CORE_ALLOC(context->env, task->stats, (size_t) width);
	for (int e = 0; e < width; e++)
	{
		task->stats[e].low = INFINITY;
		task->stats[e].high = -INFINITY;
		task->stats[e].factor = 1;
	}
	for (int64_t first = 0; first < context->data->ntrain; first += TRANSFORM_BLOCK)
	{
		int64_t		left = context->data->ntrain - first;
		int			count = left < TRANSFORM_BLOCK ? (int) left : TRANSFORM_BLOCK;
		bool		any = false;

		for (int e = 0; e < width; e++)
		{
			if (e % 64 == 0)
				env_poll(context->env);
			number_source_load(&task->source, first, count, e, x);
			any |= scan_block(task, &task->stats[e], first, count, x, missing);
		}
		for (int i = 0; i < count && any; i++)
			task->missing_rows += missing[i];
		if (any)
			memset(missing, 0, sizeof(missing));
	}
	return CORE_OK;
}

/* Called with (task, row, value) for each training row of positive weight. */
typedef void (*RowVisitor) (NumberTask *task, void *state, int64_t row, double x);

static void
visit_rows(NumberTask *task, int element, RowVisitor visit, void *state)
{
	const LearnContext *context = task->context;

	for (int64_t first = 0; first < context->data->ntrain; first += TRANSFORM_BLOCK)
	{
		int64_t		left = context->data->ntrain - first;
		int			count = left < TRANSFORM_BLOCK ? (int) left : TRANSFORM_BLOCK;
		double		x[TRANSFORM_BLOCK];

		env_poll(context->env);
		number_source_load(&task->source, first, count, element, x);
		for (int i = 0; i < count; i++)
		{
			if (learn_row_counts(context, first + i))
				visit(task, state, first + i, x[i]);
		}
	}
}

static void
visit_sum(NumberTask *task, void *state, int64_t row, double x)
{
	ElementStats *stats = state;

	if (x == x)
		add_value(task->context, stats, row, isinf(x) ? (x > 0 ? stats->high : stats->low) : x);
}

/* Weighted mean of the values that are there, infinities as the ends of the finite range. */
static double
mean_of_element(NumberTask *task, int element)
{
	ElementStats *stats = &task->stats[element];
	double		largest = fmax(fabs(stats->low), fabs(stats->high));
	double		weight;
	double		mean;

	if (stats->infinite > 0 || largest > 0x1p900)
	{
		stats->factor = largest > 0x1p900 ? 0x1p-200 : 1;
		exact_sum_init(&stats->sum);
		exact_sum_init(&stats->weight);
		visit_rows(task, element, visit_sum, stats);
	}
	weight = task->context->weight != NULL ? exact_sum_value(&stats->weight) : (double) stats->present;
	mean = exact_sum_value(&stats->sum) / weight / stats->factor;
	/* rounding of sum, weight and quotient may leave the range by an ulp */
	return fmin(fmax(mean, stats->low), stats->high);
}

typedef struct GatherState
{
	WeightedValues values;
	int			element;
	bool		finished;		/* after imputation and map; else as they are, missing left out */
} GatherState;

static void
visit_gather(NumberTask *task, void *state, int64_t row, double x)
{
	GatherState *gather = state;
	int64_t		n = gather->values.n;

	if (gather->finished)
		x = transform_map_number(task->f, gather->element, x);
	else if (isinf(x))
		x = x > 0 ? task->stats[gather->element].high : task->stats[gather->element].low;
	if (!isfinite(x))
		return;
	gather->values.value[n] = x;
	if (gather->values.weight != NULL)
		gather->values.weight[n] = task->context->weight[row];
	gather->values.n++;
}

/* All finite values of an element, in row order. */
static CoreStatus
gather_values(NumberTask *task, int element, bool finished, GatherState *gather)
{
	CoreEnv    *env = task->context->env;
	size_t		n = (size_t) task->context->positive_rows;

	memset(gather, 0, sizeof(*gather));
	gather->element = element;
	gather->finished = finished;
	CORE_ALLOC(env, gather->values.value, n);
	if (task->context->weight != NULL)
		CORE_ALLOC(env, gather->values.weight, n);
	visit_rows(task, element, visit_gather, gather);
	return CORE_OK;
}

static void
gather_release(NumberTask *task, GatherState *gather)
{
	env_release(task->context->env, gather->values.value);
	env_release(task->context->env, gather->values.weight);
}

static CoreStatus
learn_impute_value(NumberTask *task, int element)
{
	FeatureTransform *f = task->f;
	GatherState gather;

	switch (f->impute)
	{
		case IMPUTE_MEAN:
			f->impute_value[element] = mean_of_element(task, element);
			break;
		case IMPUTE_CONSTANT:
			f->impute_value[element] = task->options->impute_number;
			break;
		case IMPUTE_MEDIAN:
		case IMPUTE_MODE:
			CORE_TRY(gather_values(task, element, false, &gather));
			CORE_TRY(weighted_sort(task->context->env, &gather.values));
			f->impute_value[element] = f->impute == IMPUTE_MEDIAN ?
				weighted_quantile(&gather.values, 0.5, true) : weighted_mode(&gather.values);
			gather_release(task, &gather);
			break;
		case IMPUTE_AUTO:
		case IMPUTE_NONE:
			break;
	}
	return CORE_OK;
}

static CoreStatus
check_logarithm(NumberTask *task, int element)
{
	CoreEnv    *env = task->context->env;
	FeatureTransform *f = task->f;

	if (task->stats[element].low > 0 && (f->impute != IMPUTE_CONSTANT || f->impute_value[element] > 0))
		return CORE_OK;
	env_fail(env, CORE_INVALID, "column \"%s\" has values that have no logarithm", task->name);
	return env_hint(env, CORE_INVALID, "Use the map \"log1p\", which takes every number and keeps its sign.");
}

/* A power of two that brings numbers up to x near 1. */
static double
power_factor(double x)
{
	int			exponent;

	frexp(x, &exponent);
	return ldexp(1, -(exponent < -1000 ? -1000 : exponent));
}

static double
mean_of_values(CoreEnv *env, const WeightedValues *values, double total)
{
	ExactSum	sum;
	double		largest = 0;
	double		factor;

	for (int64_t i = 0; i < values->n; i++)
		largest = fmax(largest, fabs(values->value[i]));
	factor = largest > 0x1p900 ? 0x1p-200 : 1;
	exact_sum_init(&sum);
	for (int64_t i = 0; i < values->n; i++)
	{
		if (i % 65536 == 0)
			env_poll(env);
		if (values->weight != NULL)
			exact_sum_add_product(&sum, values->weight[i], values->value[i] * factor);
		else
			exact_sum_add(&sum, values->value[i] * factor);
	}
	return exact_sum_value(&sum) / total / factor;
}

/* Root of the weighted mean square of the distances from the centre. */
static double
deviation_of_values(CoreEnv *env, const WeightedValues *values, double total, double center)
{
	ExactSum	sum;
	double		largest = 0;
	double		factor;

	for (int64_t i = 0; i < values->n; i++)
		largest = fmax(largest, fabs(values->value[i] - center));
	if (largest == 0)
		return 0;
	factor = power_factor(largest);
	exact_sum_init(&sum);
	for (int64_t i = 0; i < values->n; i++)
	{
		double		distance = (values->value[i] - center) * factor;

		if (i % 65536 == 0)
			env_poll(env);
		exact_sum_add_product(&sum, values->weight != NULL ? values->weight[i] : 1, distance * distance);
	}
	return sqrt(exact_sum_value(&sum) / total) / factor;
}

static double
total_of_values(const WeightedValues *values)
{
	ExactSum	sum;

	if (values->weight == NULL)
		return (double) values->n;
	exact_sum_init(&sum);
	exact_sum_add_array(&sum, values->weight, values->n);
	return exact_sum_value(&sum);
}

/* Centre and spread of the mapped values; robust falls back to the deviation when half of the values are equal. */
static CoreStatus
learn_scale(NumberTask *task, ScaleMethod scale, int element)
{
	FeatureTransform *f = task->f;
	CoreEnv    *env = task->context->env;
	GatherState gather;
	double		center;
	double		spread;
	double		total;

	CORE_TRY(gather_values(task, element, true, &gather));
	total = total_of_values(&gather.values);
	if (scale == SCALE_STANDARD)
	{
		center = mean_of_values(env, &gather.values, total);
		spread = deviation_of_values(env, &gather.values, total, center);
	}
	else
	{
		CORE_TRY(weighted_sort(env, &gather.values));
		if (scale == SCALE_MINMAX)
		{
			center = gather.values.value[0];
			spread = gather.values.value[gather.values.n - 1] - center;
		}
		else
		{
			center = weighted_quantile(&gather.values, 0.5, true);
			spread = weighted_quantile(&gather.values, 0.75, true) - weighted_quantile(&gather.values, 0.25, true);
			if (spread == 0)
				spread = deviation_of_values(env, &gather.values, total, center);
		}
	}
	gather_release(task, &gather);
	if (!isfinite(center) || !isfinite(spread) || spread <= 0)
		return env_fail(env, CORE_NUMERIC, "the range of column \"%s\" is too wide or too narrow to be scaled", task->name);
	f->center[element] = center;
	f->spread[element] = spread;
	return CORE_OK;
}

/* Quantiles of the values that are there; each edge is a value, so no bin is empty. */
static CoreStatus
learn_bins(NumberTask *task)
{
	FeatureTransform *f = task->f;
	CoreEnv    *env = task->context->env;
	Encoding	encode = task->options->encode;
	int			bins = task->options->bins > 0 ? task->options->bins : TRANSFORM_BINS;
	GatherState gather;
	double		largest;

	CORE_TRY(gather_values(task, 0, false, &gather));
	CORE_TRY(weighted_sort(env, &gather.values));
	CORE_ALLOC(env, f->edges, (size_t) bins);
	largest = gather.values.value[gather.values.n - 1];
	for (int i = 1; i < bins; i++)
	{
		double		edge = weighted_quantile(&gather.values, (double) i / bins, false);

		if (edge < largest && (f->nedges == 0 || edge > f->edges[f->nedges - 1]))
			f->edges[f->nedges++] = edge;
	}
	gather_release(task, &gather);
	f->bin_encode = encode == ENCODE_REFERENCE || encode == ENCODE_ONEHOT || encode == ENCODE_ORDINAL ? encode :
		task->context->input->profile == PROFILE_TREE ? ENCODE_ORDINAL : ENCODE_REFERENCE;
	return CORE_OK;
}

/* Whether an element differs between training rows, after imputation and map. */
static bool
element_varies(const NumberTask *task, int element)
{
	const FeatureTransform *f = task->f;
	const ElementStats *stats = &task->stats[element];
	double		low = transform_map_number(f, element, stats->low);
	double		high = transform_map_number(f, element, stats->high);
	bool		missing = stats->present < task->context->positive_rows;

	if (stats->present == stats->infinite)
		return false;
	if (f->impute == IMPUTE_NONE)
		return low != high || missing || stats->infinite > 0;
	return low != high || (missing && transform_map_number(f, element, NAN) != low);
}

/* An element without a term: numbers that validation accepts. */
static CoreStatus
drop_element(NumberTask *task, int element)
{
	FeatureTransform *f = task->f;

	if (f->dropped == NULL)
		CORE_ALLOC(task->context->env, f->dropped, (size_t) f->width);
	f->dropped[element] = true;
	f->low[element] = 0;
	f->high[element] = 0;
	f->impute_value[element] = 0;
	if (f->kind == FEATURE_VECTOR)
		learn_note_constant(task->context, "%s[%d]", task->name, element + 1);
	else if (f->parts != 0)
		learn_note_constant(task->context, "%s.%s", task->name, time_part_name((TimePart) f->parts));
	else
		learn_note_constant(task->context, "%s", task->name);
	return CORE_OK;
}

static CoreStatus
learn_element(NumberTask *task, ScaleMethod scale, int element)
{
	FeatureTransform *f = task->f;
	const ElementStats *stats = &task->stats[element];

	f->center[element] = 0;
	f->spread[element] = 1;
	if (stats->present == stats->infinite)
		return drop_element(task, element);
	f->low[element] = stats->low;
	f->high[element] = stats->high;
	CORE_TRY(learn_impute_value(task, element));
	if (f->map == MAP_LOG)
		CORE_TRY(check_logarithm(task, element));
	if (!element_varies(task, element))
		return drop_element(task, element);
	if (scale != SCALE_NONE)
		CORE_TRY(learn_scale(task, scale, element));
	return CORE_OK;
}

static bool
indicator_wanted(const NumberTask *task, bool want_indicator)
{
	int			option = task->options->indicator;
	int64_t		present_rows = task->context->positive_rows - task->missing_rows;

	if (!want_indicator || option < 0 || task->missing_rows == 0 || present_rows == 0)
		return false;
	/* a handful of missing rows among many tends to have one class only, and then separates it */
	return option > 0 || (task->f->impute != IMPUTE_NONE &&
						  task->missing_rows >= TRANSFORM_MIN_COUNT && present_rows >= TRANSFORM_MIN_COUNT &&
						  task->missing_rows >= task->context->positive_rows / 100);
}

static CoreStatus
learn_elements(NumberTask *task)
{
	FeatureTransform *f = task->f;
	CoreEnv    *env = task->context->env;
	ScaleMethod scale = task->options->scale;

	if (scale == SCALE_AUTO || task->options->map == MAP_BINS)
		scale = SCALE_NONE;
	CORE_ALLOC(env, f->impute_value, (size_t) f->width);
	CORE_ALLOC(env, f->low, (size_t) f->width);
	CORE_ALLOC(env, f->high, (size_t) f->width);
	CORE_ALLOC(env, f->center, (size_t) f->width);
	CORE_ALLOC(env, f->spread, (size_t) f->width);
	/* values are finished up to the map while centre and spread are learned */
	f->scale = SCALE_NONE;
	f->map = task->options->map == MAP_BINS ? MAP_NONE : task->options->map;
	for (int e = 0; e < f->width; e++)
		CORE_TRY(learn_element(task, scale, e));
	f->scale = scale;
	if (task->options->map == MAP_BINS && f->dropped == NULL)
	{
		CORE_TRY(learn_bins(task));
		if (f->nedges > 0)
			f->map = MAP_BINS;
		else
			CORE_TRY(drop_element(task, 0));
	}
	if (f->impute == IMPUTE_NONE)
		f->impute_value = NULL;
	if (f->impute == IMPUTE_NONE && f->map != MAP_LOG)
		f->low = f->high = NULL;
	if (f->scale == SCALE_NONE)
		f->center = f->spread = NULL;
	return CORE_OK;
}

CoreStatus
learn_number(LearnContext *context, FeatureTransform *f, const FeatureOptions *options, bool want_indicator)
{
	const Dataset *data = context->data;
	const Feature *feature = &data->schema.features[f->feature];
	NumberTask	task = {
		.context = context,
		.f = f,
		.options = options,
		.source = {&data->columns[f->feature], f->reference >= 0 ? &data->columns[f->reference] : NULL, (TimePart) f->parts},
		.name = feature->name
	};

	if (options->map == MAP_BINS && f->kind == FEATURE_VECTOR)
		return env_fail(context->env, CORE_UNSUPPORTED, "vector \"%s\" cannot be cut into bins", feature->name);
	f->impute = options->impute != IMPUTE_AUTO ? options->impute :
		context->input->profile == PROFILE_TREE ? IMPUTE_NONE : IMPUTE_MEAN;
	CORE_TRY(scan(&task));
	if (f->impute == IMPUTE_NONE && context->input->profile == PROFILE_LINEAR && (task.missing_rows > 0 || task.any_infinite))
	{
		env_fail(context->env, CORE_INVALID, "column \"%s\" has missing or infinite values, and its option \"impute\" is \"none\"", feature->name);
		return env_hint(context->env, CORE_INVALID, "This algorithm needs a number in every row: impute the mean, median, mode or a constant.");
	}
	CORE_TRY(learn_elements(&task));
	f->indicator = indicator_wanted(&task, want_indicator);
	if (options->indicator > 0 && want_indicator && !f->indicator)
		learn_note_constant(context, "%s is missing", feature->name);
	f->nterms = transform_expected_terms(f, feature);
	if (f->nterms == 0)
		learn_drop_feature(context);
	env_release(context->env, task.stats);
	return CORE_OK;
}
