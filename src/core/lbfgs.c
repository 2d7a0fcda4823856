/*
 * lbfgs.c
 *	  The two-loop recursion; see lbfgs.h.
 */
#include "core/lbfgs.h"

#include <math.h>
#include <string.h>

#define CURVATURE_TOLERANCE 1e-10

static double
dot(const double *a, const double *b, int64_t n)
{
	double		sum = 0.0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static inline double *
pair_at(const double *pairs, int64_t n, int32_t index)
{
	return (double *) pairs + (index % LBFGS_PAIRS) * 2 * n;
}

void
lbfgs_store(double *pairs, int32_t *stored, int64_t n, const double *step, const double *change)
{
	double		curvature = dot(step, change, n);
	double	   *slot = pair_at(pairs, n, *stored);

	if (!(curvature > CURVATURE_TOLERANCE * sqrt(dot(step, step, n)) * sqrt(dot(change, change, n))))
		return;
	memcpy(slot, step, (size_t) n * sizeof(double));
	memcpy(slot + n, change, (size_t) n * sizeof(double));
	(*stored)++;
}

void
lbfgs_direction(const double *pairs, int32_t stored, int64_t n, const double *gradient, LbfgsMetric metric, const void *context, double *direction)
{
	int32_t		first = stored > LBFGS_PAIRS ? stored - LBFGS_PAIRS : 0;
	double		weight[LBFGS_PAIRS];

	memcpy(direction, gradient, (size_t) n * sizeof(double));
	for (int32_t i = stored - 1; i >= first; i--)
	{
		const double *step = pair_at(pairs, n, i);
		const double *change = step + n;
		double		alpha = dot(step, direction, n) / dot(step, change, n);

		for (int64_t j = 0; j < n; j++)
			direction[j] -= alpha * change[j];
		weight[i % LBFGS_PAIRS] = alpha;
	}
	metric(context, direction);
	for (int32_t i = first; i < stored; i++)
	{
		const double *step = pair_at(pairs, n, i);
		const double *change = step + n;
		double		beta = dot(change, direction, n) / dot(step, change, n);

		for (int64_t j = 0; j < n; j++)
			direction[j] += (weight[i % LBFGS_PAIRS] - beta) * step[j];
	}
}
