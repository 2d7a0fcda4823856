/*
 * target_map.c
 *	  Transforms of a regression target and their inverses; see transform.h.
 *
 * Yeo and Johnson's power transform ("A new family of power transformations to
 * improve normality or symmetry", Biometrika 2000):
 *		y >= 0: ((1 + y)^l - 1) / l				l = 0: log(1 + y)
 *		y <  0: -((1 - y)^(2-l) - 1) / (2 - l)	l = 2: -log(1 - y)
 * l maximises the profile log-likelihood of normal residuals about a mean,
 *		-(W/2) log(var(z)) + (l - 1) sum w sign(y) log(1 + |y|),
 * over [0, 2]: there the image is the whole line, so that every prediction has
 * an inverse.  O(n) per evaluation, about 40 evaluations.
 */
#include "core/transform.h"

#include <math.h>

#include "core/real.h"
#include "core/sort.h"

#define POLL_ROWS 8192
#define LAMBDA_TOLERANCE 1e-9
#define LAMBDA_ITERATIONS 100

/* ((1 + y)^l - 1) / l for y >= 0 */
static double
power_forward(double lambda, double y)
{
	double		logarithm = real_log1p(y);

	return lambda == 0 ? logarithm : real_expm1(lambda * logarithm) / lambda;
}

static double
power_inverse(double lambda, double z)
{
	return real_expm1(lambda == 0 ? z : real_log1p(lambda * z) / lambda);
}

double
target_map_forward(TargetMap map, double lambda, double y)
{
	switch (map)
	{
		case TARGET_LOG:
			return real_log(y);
		case TARGET_LOG1P:
			return real_log1p(y);
		case TARGET_YEO_JOHNSON:
			return y < 0 ? -power_forward(2 - lambda, -y) : power_forward(lambda, y);
		case TARGET_NONE:
			break;
	}
	return y;
}

double
target_map_inverse(TargetMap map, double lambda, double z)
{
	switch (map)
	{
		case TARGET_LOG:
			return real_exp(z);
		case TARGET_LOG1P:
			return real_expm1(z);
		case TARGET_YEO_JOHNSON:
			return z < 0 ? -power_inverse(2 - lambda, -z) : power_inverse(lambda, z);
		case TARGET_NONE:
			break;
	}
	return z;
}

/* Sorted values, so that plain sums do not depend on the order of the rows. */
typedef struct Likelihood
{
	CoreEnv    *env;
	WeightedValues values;
	double		log_slope;		/* sum of w sign(y) log(1 + |y|) */
} Likelihood;

static double
log_likelihood(const Likelihood *likelihood, double lambda)
{
	const WeightedValues *values = &likelihood->values;
	double		total = 0;
	double		mean = 0;
	double		squares = 0;

	/* weighted updating formulas: West, "Updating mean and variance estimates", 1979 */
	for (int64_t i = 0; i < values->n; i++)
	{
		double		weight = values->weight != NULL ? values->weight[i] : 1;
		double		z = target_map_forward(TARGET_YEO_JOHNSON, lambda, values->value[i]);
		double		distance = z - mean;

		if (i % POLL_ROWS == 0)
			env_poll(likelihood->env);
		total += weight;
		mean += distance * (weight / total);
		squares += weight * distance * (z - mean);
	}
	squares = -total / 2 * real_log(squares / total) + (lambda - 1) * likelihood->log_slope;
	return isfinite(squares) ? squares : -INFINITY;
}

/* Golden section search; the likelihood has one maximum in practice. */
static double
maximise(const Likelihood *likelihood)
{
	const double golden = 0.6180339887498949;
	double		low = 0;
	double		high = 2;
	double		left = high - golden * (high - low);
	double		right = low + golden * (high - low);
	double		at_left = log_likelihood(likelihood, left);
	double		at_right = log_likelihood(likelihood, right);
	double		best;

	for (int i = 0; i < LAMBDA_ITERATIONS && high - low > LAMBDA_TOLERANCE; i++)
	{
		if (at_left >= at_right)
		{
			high = right;
			right = left;
			at_right = at_left;
			left = high - golden * (high - low);
			at_left = log_likelihood(likelihood, left);
		}
		else
		{
			low = left;
			left = right;
			at_left = at_right;
			right = low + golden * (high - low);
			at_right = log_likelihood(likelihood, right);
		}
	}
	best = low + (high - low) / 2;
	/* an end of the interval is reached only in the limit */
	if (log_likelihood(likelihood, 0) >= log_likelihood(likelihood, best))
		return 0;
	if (log_likelihood(likelihood, 2) >= log_likelihood(likelihood, best))
		return 2;
	return best;
}

static CoreStatus
learn_lambda(CoreEnv *env, const double *y, const double *w, int64_t n, double *lambda)
{
	Likelihood	likelihood = {.env = env};
	WeightedValues *values = &likelihood.values;

	CORE_ALLOC(env, values->value, (size_t) n);
	if (w != NULL)
		CORE_ALLOC(env, values->weight, (size_t) n);
	for (int64_t i = 0; i < n; i++)
	{
		if (w != NULL && w[i] == 0)
			continue;
		values->value[values->n] = y[i];
		if (w != NULL)
			values->weight[values->n] = w[i];
		values->n++;
	}
	CORE_TRY(weighted_sort(env, values));
	if (values->n == 0 || values->value[0] == values->value[values->n - 1])
		return env_fail(env, CORE_NUMERIC, "the target is constant over the training rows");
	for (int64_t i = 0; i < values->n; i++)
	{
		double		logarithm = real_log1p(fabs(values->value[i]));

		if (i % POLL_ROWS == 0)
			env_poll(env);
		likelihood.log_slope += (values->weight != NULL ? values->weight[i] : 1) * (values->value[i] < 0 ? -logarithm : logarithm);
	}
	*lambda = maximise(&likelihood);
	env_release(env, values->value);
	env_release(env, values->weight);
	return CORE_OK;
}

CoreStatus
target_map_learn(CoreEnv *env, TargetMap map, const double *y, const double *w, int64_t n, double *lambda)
{
	*lambda = 0;
	for (int64_t i = 0; i < n; i++)
	{
		if (!isfinite(y[i]))
			return env_fail(env, CORE_INVALID, "the target has a value that is not finite");
		if ((map == TARGET_LOG && y[i] <= 0) || (map == TARGET_LOG1P && y[i] <= -1))
		{
			env_fail(env, CORE_INVALID, "the target has values of %d or less, which have no logarithm", map == TARGET_LOG ? 0 : -1);
			return env_hint(env, CORE_INVALID, "Use \"yeo_johnson\" as \"@target\", which takes every number.");
		}
	}
	if (map == TARGET_YEO_JOHNSON)
		return learn_lambda(env, y, w, n, lambda);
	return CORE_OK;
}
