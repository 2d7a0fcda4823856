/*
 * tree_start.c
 *	  What boosting starts from: the best constant margins; see tree_objective.h.
 *
 * Sums are exact, so they do not depend on the order of rows.  With offsets o
 * the losses with a log link still have closed forms: poisson log(sum y / sum
 * exp(o)), and so on; binary takes Newton steps.
 */
#include "core/tree_objective.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/real.h"
#include "core/sort.h"

#define NEWTON_STEPS 50
#define NEWTON_TOLERANCE 1e-12
#define LARGEST_GRADIENT 1e30	/* leaves room in single precision for weights and sums */
#define LARGEST_LOGARITHM 300	/* sums of its exponentials are finite */
#define SMALLEST_GRADIENT 1e-30 /* of the largest: less is as good as zero in single precision */
#define POLL_ROWS 65536

typedef struct Starter
{
	CoreEnv    *env;
	TreeObjective *objective;
	const FitRows *rows;
	const double *weight;
} Starter;

static inline double
weight_of(const Starter *start, int64_t row)
{
	return start->weight != NULL ? start->weight[row] : 1;
}

static inline double
offset_of(const Starter *start, int64_t row)
{
	return start->rows->offset != NULL ? start->rows->offset[row] : 0;
}

/* Weighted sum of term(row) over the rows. */
typedef double (*RowTerm) (const Starter *start, int64_t row, double parameter);

static double
sum_rows(const Starter *start, RowTerm term, double parameter)
{
	ExactSum	sum;

	exact_sum_init(&sum);
	for (int64_t row = 0; row < start->rows->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(start->env);
		if (weight_of(start, row) > 0)
			exact_sum_add(&sum, weight_of(start, row) * term(start, row, parameter));
	}
	return exact_sum_value(&sum);
}

static double
one(const Starter *start, int64_t row, double parameter)
{
	(void) start;
	(void) row;
	(void) parameter;
	return 1;
}

static double
residual(const Starter *start, int64_t row, double parameter)
{
	(void) parameter;
	return start->rows->target[row] - offset_of(start, row);
}

static double
target_times_power(const Starter *start, int64_t row, double parameter)
{
	double		offset = offset_of(start, row);

	return start->rows->target[row] * (offset != 0 ? real_exp(parameter * offset) : 1);
}

static double
power_of_offset(const Starter *start, int64_t row, double parameter)
{
	double		offset = offset_of(start, row);

	return offset != 0 ? real_exp(parameter * offset) : 1;
}

static double
is_class(const Starter *start, int64_t row, double parameter)
{
	return start->rows->target[row] == parameter ? 1 : 0;
}

/* Sum of the weights of rows of a class; NAN: of all.  Without weights rows are counted, which is as exact and quicker. */
static double
sum_weights(const Starter *start, double class)
{
	const double *target = start->rows->target;
	int64_t		nrows = start->rows->nrows;
	int64_t		count = 0;

	if (start->weight != NULL)
		return isnan(class) ? sum_rows(start, one, 0) : sum_rows(start, is_class, class);
	if (isnan(class))
		return (double) nrows;
	for (int64_t first = 0; first < nrows; first += POLL_ROWS)
	{
		int64_t		end = nrows - first < POLL_ROWS ? nrows : first + POLL_ROWS;

		env_poll(start->env);
		for (int64_t row = first; row < end; row++)
			count += target[row] == class;
	}
	return (double) count;
}

static double
probability(const Starter *start, int64_t row, double parameter)
{
	return real_logistic(parameter + offset_of(start, row));
}

static double
probability_variance(const Starter *start, int64_t row, double parameter)
{
	double		p = real_logistic(parameter + offset_of(start, row));

	return p * (1 - p);
}

static CoreStatus
start_binary(const Starter *start, double *base)
{
	double		total = sum_weights(start, NAN);
	double		positives = sum_weights(start, 1);
	double		f;

	if (!(positives > 0 && positives < total))
		return env_fail(start->env, CORE_NUMERIC, "all training rows are of one class");
	f = real_log(positives) - real_log(total - positives);
	for (int i = 0; start->rows->offset != NULL && i < NEWTON_STEPS; i++)
	{
		double		step = (positives - sum_rows(start, probability, f)) / sum_rows(start, probability_variance, f);

		if (!(fabs(step) < 1e6))
			break;
		f += step > 4 ? 4 : step < -4 ? -4 : step;
		if (fabs(step) <= NEWTON_TOLERANCE * (1 + fabs(f)))
			break;
	}
	*base = f;
	return CORE_OK;
}

/* A class without rows starts far below the others. */
static void
start_multiclass(const Starter *start, int noutputs, double *base)
{
	double		total = sum_weights(start, NAN);

	for (int k = 0; k < noutputs; k++)
	{
		double		share = sum_weights(start, k) / total;

		base[k] = real_log(share > 1e-10 ? share : 1e-10);
	}
}

static CoreStatus
start_quantile(const Starter *start, double p, double *base)
{
	CoreEnv    *env = start->env;
	TreeObjective *objective = start->objective;
	int64_t		nrows = start->rows->nrows;
	WeightedValues values = {0};

	CORE_ALLOC(env, values.value, (size_t) nrows);
	CORE_ALLOC(env, values.weight, (size_t) nrows);
	for (int64_t row = 0; row < nrows; row++)
	{
		if (!(weight_of(start, row) > 0))
			continue;
		values.value[values.n] = residual(start, row, 0);
		values.weight[values.n++] = weight_of(start, row);
	}
	CORE_TRY(weighted_sort(env, &values));
	*base = weighted_quantile(&values, p, false);
	if (objective->loss == LOSS_HUBER)
	{
		for (int64_t i = 0; i < values.n; i++)
			values.value[i] = fabs(values.value[i] - *base);
		CORE_TRY(weighted_sort(env, &values));
		objective->delta = weighted_quantile(&values, objective->alpha, false);
	}
	env_release(env, values.value);
	env_release(env, values.weight);
	return CORE_OK;
}

/* minimises sum w (exp(up (f + o)) / up - y exp(down (f + o)) / down), up - down = 1: poisson, gamma (up = 0), tweedie */
static CoreStatus
start_log_link(const Starter *start, double up, double *base)
{
	double		numerator = sum_rows(start, target_times_power, up - 1);
	double		denominator = up == 0 ? sum_weights(start, NAN) : sum_rows(start, power_of_offset, up);

	if (!(numerator > 0))
		return env_fail(start->env, CORE_NUMERIC, "the target is zero on all training rows, which this objective cannot fit");
	*base = real_log(numerator) - real_log(denominator);
	return CORE_OK;
}

static CoreStatus
check_row(const Starter *start, int64_t row)
{
	TreeLoss	loss = start->objective->loss;
	bool		log_link = loss == LOSS_POISSON || loss == LOSS_GAMMA || loss == LOSS_TWEEDIE;
	double		y = start->rows->target[row];
	double		weight = weight_of(start, row);
	double		offset = offset_of(start, row);

	if ((y < 0 && (loss == LOSS_POISSON || loss == LOSS_TWEEDIE)) || (y <= 0 && loss == LOSS_GAMMA))
	{
		env_fail(start->env, CORE_INVALID, "the target has the value %.15g, outside the range of this objective", y);
		return env_hint(start->env, CORE_INVALID, "Objectives \"poisson\" and \"tweedie\" need values from 0, \"gamma\" above 0.");
	}
	if (!(fabs(y) * weight < LARGEST_GRADIENT && weight < LARGEST_GRADIENT))
	{
		env_fail(start->env, CORE_INVALID, "a target of %.15g with weight %.15g is too large for boosting", y, weight);
		return env_hint(start->env, CORE_INVALID, "Use another unit, or transform the target with \"log\".");
	}
	if (!(fabs(offset) * (log_link ? 1 : weight) < (log_link ? LARGEST_LOGARITHM : LARGEST_GRADIENT)))
	{
		env_fail(start->env, CORE_INVALID, "an offset of %.15g with weight %.15g is too large for boosting", offset, weight);
		return env_hint(start->env, CORE_INVALID, log_link ? "Offsets of this objective are logarithms, such as that of an exposure." : "Use another unit.");
	}
	return CORE_OK;
}

static CoreStatus
check_targets(const Starter *start)
{
	double		most_weight = 0;
	double		most = 0;

	if ((start->objective->loss == LOSS_BINARY || start->objective->loss == LOSS_MULTICLASS) && start->weight == NULL && start->rows->offset == NULL)
		return CORE_OK;			/* classes are small numbers */
	for (int64_t row = 0; row < start->rows->nrows; row++)
	{
		double		weight = weight_of(start, row);
		double		gradient = fabs(start->rows->target[row]) * weight;

		if (row % POLL_ROWS == 0)
			env_poll(start->env);
		if (!(weight > 0))
			continue;
		CORE_TRY(check_row(start, row));
		most_weight = weight > most_weight ? weight : most_weight;
		most = gradient > most ? gradient : most;
	}
	if (most_weight < SMALLEST_GRADIENT || (most > 0 && most < SMALLEST_GRADIENT))
	{
		env_fail(start->env, CORE_INVALID, "all %s are too small for boosting", most_weight < SMALLEST_GRADIENT ? "weights" : "targets");
		return env_hint(start->env, CORE_INVALID, "Use another unit.");
	}
	return CORE_OK;
}

CoreStatus
tree_objective_start(CoreEnv *env, TreeObjective *objective, const FitRows *rows, const double *weight, int noutputs, double *base)
{
	Starter		start = {env, objective, rows, weight};

	CORE_TRY(check_targets(&start));
	switch (objective->loss)
	{
		case LOSS_SQUARED:
			*base = sum_rows(&start, residual, 0) / sum_weights(&start, NAN);
			return CORE_OK;
		case LOSS_ABSOLUTE:
		case LOSS_HUBER:
			return start_quantile(&start, 0.5, base);
		case LOSS_QUANTILE:
			return start_quantile(&start, objective->alpha, base);
		case LOSS_POISSON:
			return start_log_link(&start, 1, base);
		case LOSS_GAMMA:
			return start_log_link(&start, 0, base);
		case LOSS_TWEEDIE:
			return start_log_link(&start, 2 - objective->power, base);
		case LOSS_BINARY:
			return start_binary(&start, base);
		case LOSS_MULTICLASS:
			start_multiclass(&start, noutputs, base);
			return CORE_OK;
	}
	return CORE_OK;
}
