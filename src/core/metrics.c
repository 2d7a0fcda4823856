/*
 * metrics.c
 *	  Evaluation metrics of scored rows; see metrics.h.
 *
 * Sums are exact (ExactSum), curves are accumulated over groups of equal
 * scores in descending order, so no metric depends on the order of rows.
 * Definitions are scikit-learn's; undefined values (no positives, one class,
 * a logarithm of a negative target) are NaN.  O(n log n) time, O(n) memory.
 */
#include "core/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/real.h"
#include "core/sort.h"

#define POLL_ROWS 8192
#define COUNTABLE_ROWS (INT64_C(1) << 32)	/* fewer rows: twice the area of a curve fits 64 bits */

/* Probabilities are kept this far from 0 and 1 in logarithms: one unit in the last place of 1. */
#define LOG_CLIP 2.220446049250313e-16

typedef struct MetricList
{
	Metric	   *metrics;
	int			count;
} MetricList;

static void
list_add(MetricList *list, const char *name, double value)
{
	Metric	   *metric = &list->metrics[list->count++];

	snprintf(metric->name, sizeof(metric->name), "%s", name);
	metric->value = value;
}

static inline double
weight_of(const double *w, int64_t i)
{
	return w != NULL ? w[i] : 1;
}

double
metrics_log_loss_of(double probability)
{
	double		p = probability < LOG_CLIP ? LOG_CLIP : probability > 1 ? 1 : probability;

	return -real_log(p);
}

/* Rows of the group that ends before row `end` of the order: exact sums of their weights, or counts.  Returns where it starts. */
static int64_t
add_group(CoreEnv *env, const double *score, const double *y, const double *w, const int64_t *order, int64_t end, ScoreGroup *group)
{
	ExactSum	sums[2];
	int64_t		counts[2] = {0, 0};
	int64_t		i = end;

	if (w != NULL)
	{
		exact_sum_init(&sums[0]);
		exact_sum_init(&sums[1]);
	}
	group->score = score[order[end - 1]];
	for (; i > 0 && score[order[i - 1]] == group->score; i--)
	{
		int64_t		row = order[i - 1];

		if (i % POLL_ROWS == 0)
			env_poll(env);
		if (w != NULL)
			exact_sum_add(&sums[y[row] > 0.5], w[row]);
		else
			counts[y[row] > 0.5]++;
	}
	group->positive = w != NULL ? exact_sum_value(&sums[1]) : (double) counts[1];
	group->negative = w != NULL ? exact_sum_value(&sums[0]) : (double) counts[0];
	return i;
}

CoreStatus
metrics_score_groups(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n,
					 ScoreGroup **groups, int64_t *ngroups)
{
	int64_t    *order;
	int64_t		end = n;

	CORE_ALLOC(env, order, n);
	CORE_ALLOC(env, *groups, n);
	sort_identity(order, n);
	CORE_TRY(sort_order(env, score, n, order));
	*ngroups = 0;
	while (end > 0)
	{
		ScoreGroup *group = &(*groups)[*ngroups];

		if (isnan(score[order[end - 1]]))
			return env_fail(env, CORE_INVALID, "a score is NaN");
		end = add_group(env, score, y, w, order, end, group);
		if (group->positive > 0 || group->negative > 0)
			(*ngroups)++;
	}
	env_release(env, order);
	return CORE_OK;
}

/* A power of two that brings weights with this total near 1. */
static double
scale_of(double total)
{
	int			exponent;

	(void) frexp(total, &exponent);
	return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

/*
 * Probability that a positive row is scored above a negative one; ties count half.
 * Products of weights are taken of scaled ones, which stay in range.
 */
static double
area_of_weights(CoreEnv *env, const ScoreGroup *groups, int64_t ngroups)
{
	ExactSum	area;
	ExactSum	positives;
	ExactSum	negatives;
	double		positive;
	double		negative;
	double		positive_scale;
	double		negative_scale;

	exact_sum_init(&area);
	exact_sum_init(&positives);
	exact_sum_init(&negatives);
	for (int64_t g = 0; g < ngroups; g++)
	{
		if (g % POLL_ROWS == 0)
			env_poll(env);
		exact_sum_add(&positives, groups[g].positive);
		exact_sum_add(&negatives, groups[g].negative);
	}
	positive = exact_sum_value(&positives);
	negative = exact_sum_value(&negatives);
	if (!(positive > 0 && negative > 0))
		return NAN;
	positive_scale = scale_of(positive);
	negative_scale = scale_of(negative);
	exact_sum_init(&positives);
	for (int64_t g = 0; g < ngroups; g++)
	{
		/* positives above this group beat all its negatives; its own tie with them */
		double		above = exact_sum_value(&positives) * positive_scale;
		double		own = groups[g].positive * positive_scale;
		double		below = groups[g].negative * negative_scale;

		if (g % POLL_ROWS == 0)
			env_poll(env);
		exact_sum_add_product(&area, above, below);
		exact_sum_add_product(&area, 0.5 * own, below);
		exact_sum_add(&positives, groups[g].positive);
	}
	return exact_sum_value(&area) / (positive * positive_scale) / (negative * negative_scale);
}

/* The same without weights: totals are counts, and twice the area is a whole number below 2^64. */
static double
area_of_counts(CoreEnv *env, const ScoreGroup *groups, int64_t ngroups)
{
	uint64_t	area = 0;
	uint64_t	positive = 0;
	uint64_t	negative = 0;

	for (int64_t g = 0; g < ngroups; g++)
	{
		if (g % POLL_ROWS == 0)
			env_poll(env);
		/* positives above this group beat all its negatives; its own tie with them */
		area += (2 * positive + (uint64_t) groups[g].positive) * (uint64_t) groups[g].negative;
		positive += (uint64_t) groups[g].positive;
		negative += (uint64_t) groups[g].negative;
	}
	return positive > 0 && negative > 0 ? 0.5 * (double) area / (double) positive / (double) negative : NAN;
}

CoreStatus
metrics_roc_auc(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, double *auc)
{
	ScoreGroup *groups;
	int64_t		ngroups;

	*auc = NAN;
	CORE_TRY(metrics_score_groups(env, score, y, w, n, &groups, &ngroups));
	*auc = w == NULL && n < COUNTABLE_ROWS ? area_of_counts(env, groups, ngroups) : area_of_weights(env, groups, ngroups);
	env_release(env, groups);
	return CORE_OK;
}

CoreStatus
metrics_average_precision(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n,
						  double *value)
{
	ScoreGroup *groups;
	int64_t		ngroups;
	ExactSum	sum;
	double		positive = 0;
	double		negative = 0;

	*value = NAN;
	CORE_TRY(metrics_score_groups(env, score, y, w, n, &groups, &ngroups));
	exact_sum_init(&sum);
	for (int64_t g = 0; g < ngroups; g++)
	{
		if (g % POLL_ROWS == 0)
			env_poll(env);
		positive += groups[g].positive;
		negative += groups[g].negative;
		exact_sum_add(&sum, groups[g].positive * (positive / (positive + negative)));
	}
	if (positive > 0)
		*value = exact_sum_value(&sum) / positive;
	env_release(env, groups);
	return CORE_OK;
}

static double
ratio(double numerator, double denominator)
{
	return denominator > 0 ? numerator / denominator : NAN;
}

/* scikit-learn's zero_division=0, which keeps f1 and macro averages defined. */
static double
ratio_or_zero(double numerator, double denominator)
{
	return denominator > 0 ? numerator / denominator : 0;
}

static CoreStatus
binary_metrics(CoreEnv *env, const Model *model, const double *response, const double *y, const double *w,
			   int64_t n, MetricList *list)
{
	int			positive = model->target.positive;
	ExactSum	cells[2][2];	/* [actual][predicted] */
	ExactSum	loss;
	ExactSum	brier;
	double		value[2][2];
	double	   *p;
	double		auc;
	double		average_precision;
	double		total;
	double		precision;
	double		recall;

	CORE_ALLOC(env, p, n);
	for (int k = 0; k < 4; k++)
		exact_sum_init(&cells[k / 2][k % 2]);
	exact_sum_init(&loss);
	exact_sum_init(&brier);
	for (int64_t i = 0; i < n; i++)
	{
		int			actual = y[i] > 0.5;
		double		weight = weight_of(w, i);
		double		error;

		if (i % POLL_ROWS == 0)
			env_poll(env);
		p[i] = response[2 * i + positive];
		error = p[i] - actual;
		exact_sum_add(&cells[actual][model_class(model, response + 2 * i) == positive], weight);
		exact_sum_add(&loss, weight * metrics_log_loss_of(actual ? p[i] : 1 - p[i]));
		exact_sum_add(&brier, weight * error * error);
	}
	for (int k = 0; k < 4; k++)
		value[k / 2][k % 2] = exact_sum_value(&cells[k / 2][k % 2]);
	total = value[0][0] + value[0][1] + value[1][0] + value[1][1];
	precision = ratio(value[1][1], value[1][1] + value[0][1]);
	recall = ratio(value[1][1], value[1][1] + value[1][0]);
	CORE_TRY(metrics_roc_auc(env, p, y, w, n, &auc));
	CORE_TRY(metrics_average_precision(env, p, y, w, n, &average_precision));

	list_add(list, "precision", precision);
	list_add(list, "recall", recall);
	list_add(list, "accuracy", ratio(value[0][0] + value[1][1], total));
	list_add(list, "f1_score", ratio(2 * value[1][1], 2 * value[1][1] + value[0][1] + value[1][0]));
	list_add(list, "log_loss", ratio(exact_sum_value(&loss), total));
	list_add(list, "roc_auc", auc);
	list_add(list, "average_precision", average_precision);
	list_add(list, "brier_score", ratio(exact_sum_value(&brier), total));
	list_add(list, "threshold", model->target.threshold);
	list_add(list, "positive_rate", ratio(value[1][0] + value[1][1], total));
	env_release(env, p);
	return CORE_OK;
}

/* Mean over classes of the area of that class against the rest; NaN unless every class occurs. */
static CoreStatus
one_against_rest(CoreEnv *env, int nclasses, const double *response, const double *y, const double *w, int64_t n,
				 double *auc)
{
	double	   *score;
	double	   *label;
	double		sum = 0;

	CORE_ALLOC(env, score, n);
	CORE_ALLOC(env, label, n);
	for (int k = 0; k < nclasses; k++)
	{
		double		area;

		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_ROWS == 0)
				env_poll(env);
			score[i] = response[i * nclasses + k];
			label[i] = y[i] == k;
		}
		CORE_TRY(metrics_roc_auc(env, score, label, w, n, &area));
		sum += area;
	}
	*auc = sum / nclasses;
	env_release(env, score);
	env_release(env, label);
	return CORE_OK;
}

static CoreStatus
multiclass_metrics(CoreEnv *env, const Model *model, const double *response, const double *y, const double *w,
				   int64_t n, MetricList *list)
{
	int			nclasses = model->target.nclasses;
	ExactSum   *actual;
	ExactSum   *predicted;
	ExactSum   *correct;
	ExactSum	loss;
	double		total = 0;
	double		right = 0;
	double		precision = 0;
	double		recall = 0;
	double		f1 = 0;
	double		auc;
	int			present = 0;

	CORE_ALLOC(env, actual, 3 * (size_t) nclasses);
	predicted = actual + nclasses;
	correct = predicted + nclasses;
	for (int k = 0; k < 3 * nclasses; k++)
		exact_sum_init(&actual[k]);
	exact_sum_init(&loss);
	for (int64_t i = 0; i < n; i++)
	{
		const double *p = response + i * nclasses;
		int			truth = (int) y[i];
		int			guess = model_class(model, p);
		double		weight = weight_of(w, i);

		if (i % POLL_ROWS == 0)
			env_poll(env);
		exact_sum_add(&actual[truth], weight);
		exact_sum_add(&predicted[guess], weight);
		if (truth == guess)
			exact_sum_add(&correct[truth], weight);
		exact_sum_add(&loss, weight * metrics_log_loss_of(p[truth]));
	}
	for (int k = 0; k < nclasses; k++)
	{
		double		a = exact_sum_value(&actual[k]);
		double		g = exact_sum_value(&predicted[k]);
		double		c = exact_sum_value(&correct[k]);

		total += a;
		right += c;
		/* macro averages are over the classes that occur, as labels or as predictions */
		if (a <= 0 && g <= 0)
			continue;
		present++;
		precision += ratio_or_zero(c, g);
		recall += ratio_or_zero(c, a);
		f1 += ratio_or_zero(2 * c, a + g);
	}
	CORE_TRY(one_against_rest(env, nclasses, response, y, w, n, &auc));
	list_add(list, "precision", ratio(precision, present));
	list_add(list, "recall", ratio(recall, present));
	list_add(list, "accuracy", ratio(right, total));
	list_add(list, "f1_score", ratio(f1, present));
	list_add(list, "log_loss", ratio(exact_sum_value(&loss), total));
	list_add(list, "roc_auc", auc);
	env_release(env, actual);
	return CORE_OK;
}

/* Exact weighted sums over the errors of a regression. */
typedef struct ErrorSums
{
	ExactSum	weight;
	ExactSum	y;
	ExactSum	error;
	ExactSum	absolute;
	ExactSum	square;
	ExactSum	relative;
	ExactSum	log_square;
	bool		log_defined;
	double		least;			/* target of rows that count */
	double		most;
} ErrorSums;

static void
error_sums_add(ErrorSums *sums, double y, double prediction, double weight)
{
	double		error = y - prediction;
	/* scikit-learn's guard against targets of zero */
	double		size = fabs(y) > LOG_CLIP ? fabs(y) : LOG_CLIP;

	if (weight > 0)
	{
		sums->least = fmin(sums->least, y);
		sums->most = fmax(sums->most, y);
	}
	exact_sum_add(&sums->weight, weight);
	exact_sum_add(&sums->y, weight * y);
	exact_sum_add(&sums->error, weight * error);
	exact_sum_add(&sums->absolute, weight * fabs(error));
	exact_sum_add(&sums->square, weight * error * error);
	exact_sum_add(&sums->relative, weight * fabs(error) / size);
	if (y <= -1 || prediction <= -1)
		sums->log_defined = false;
	else if (sums->log_defined)
	{
		double		difference = real_log1p(y) - real_log1p(prediction);

		exact_sum_add(&sums->log_square, weight * difference * difference);
	}
}

static CoreStatus
median_absolute_error(CoreEnv *env, const double *response, const double *y, const double *w, int64_t n,
					  double *median)
{
	WeightedValues errors = {0};

	CORE_ALLOC(env, errors.value, n);
	if (w != NULL)
		CORE_ALLOC(env, errors.weight, n);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		if (weight_of(w, i) <= 0)
			continue;
		errors.value[errors.n] = fabs(y[i] - response[i]);
		if (w != NULL)
			errors.weight[errors.n] = w[i];
		errors.n++;
	}
	*median = NAN;
	if (errors.n > 0)
	{
		CORE_TRY(weighted_sort(env, &errors));
		*median = weighted_quantile(&errors, 0.5, true);
	}
	env_release(env, errors.value);
	env_release(env, errors.weight);
	return CORE_OK;
}

/* Weighted variance of y - x (x NULL: of y) from its mean, whose rounding is made good. */
static double
variance_of(CoreEnv *env, const double *y, const double *x, const double *w, int64_t n, double mean, double weight)
{
	ExactSum	squares;
	ExactSum	rest;
	double		shift;

	exact_sum_init(&squares);
	exact_sum_init(&rest);
	for (int64_t i = 0; i < n; i++)
	{
		double		d = (x != NULL ? y[i] - x[i] : y[i]) - mean;

		if (i % POLL_ROWS == 0)
			env_poll(env);
		exact_sum_add(&rest, weight_of(w, i) * d);
		exact_sum_add(&squares, weight_of(w, i) * d * d);
	}
	shift = ratio(exact_sum_value(&rest), weight);
	return ratio(exact_sum_value(&squares), weight) - shift * shift;
}

static CoreStatus
regression_metrics(CoreEnv *env, const double *response, const double *y, const double *w, int64_t n,
				   MetricList *list)
{
	ErrorSums  *sums;
	double		weight;
	double		square;
	double		variance = 0;	/* of the target */
	double		spread;			/* of the errors */
	double		median;

	CORE_ALLOC(env, sums, 1);
	sums->log_defined = true;
	sums->least = INFINITY;
	sums->most = -INFINITY;
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		error_sums_add(sums, y[i], response[i], weight_of(w, i));
	}
	weight = exact_sum_value(&sums->weight);
	square = ratio(exact_sum_value(&sums->square), weight);
	/* a constant may differ from its own mean by rounding */
	if (sums->least < sums->most)
		variance = variance_of(env, y, NULL, w, n, ratio(exact_sum_value(&sums->y), weight), weight);
	spread = variance_of(env, y, response, w, n, ratio(exact_sum_value(&sums->error), weight), weight);
	CORE_TRY(median_absolute_error(env, response, y, w, n, &median));

	list_add(list, "mean_absolute_error", ratio(exact_sum_value(&sums->absolute), weight));
	list_add(list, "mean_squared_error", square);
	list_add(list, "root_mean_squared_error", sqrt(square));
	list_add(list, "mean_squared_log_error",
			 sums->log_defined ? ratio(exact_sum_value(&sums->log_square), weight) : NAN);
	list_add(list, "median_absolute_error", median);
	list_add(list, "mean_absolute_percentage_error", ratio(exact_sum_value(&sums->relative), weight));
	list_add(list, "r2_score", variance > 0 ? 1 - square / variance : NAN);
	list_add(list, "explained_variance",
			 variance > 0 ? 1 - spread / variance : NAN);
	env_release(env, sums);
	return CORE_OK;
}

CoreStatus
metrics_compute(CoreEnv *env, const Model *model, const double *response, const double *y, const double *w,
				int64_t n, Metric *metrics, int *count)
{
	MetricList	list = {metrics, 0};

	switch (model->task)
	{
		case TASK_BINARY:
			CORE_TRY(binary_metrics(env, model, response, y, w, n, &list));
			break;
		case TASK_MULTICLASS:
			CORE_TRY(multiclass_metrics(env, model, response, y, w, n, &list));
			break;
		case TASK_REGRESSION:
			CORE_TRY(regression_metrics(env, response, y, w, n, &list));
			break;
		default:
			return env_fail(env, CORE_UNSUPPORTED, "%s has no metrics against a target", task_name(model->task));
	}
	list_add(&list, "rows", (double) n);
	*count = list.count;
	return CORE_OK;
}
