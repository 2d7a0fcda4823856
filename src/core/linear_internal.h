/*
 * linear_internal.h
 *	  What the parts of the LinearState share: linear_state.c, linear_gram.c; the
 *	  Gram matrix serves irls_pass.c, too.
 */
#ifndef CORE_LINEAR_INTERNAL_H
#define CORE_LINEAR_INTERNAL_H

#include "core/linear_state.h"

/* a + b = *high + *low exactly. */
static inline void
linear_two_sum(double a, double b, double *high, double *low)
{
	double		sum = a + b;
	double		part = sum - a;

	*high = sum;
	*low = (a - (sum - part)) + (b - part);
}

/* Mean j of another part (means, then their low parts) less that of the state. */
static inline double
linear_mean_difference(const LinearState *state, const double *other_mean, int j)
{
	int			k = state->nterms + 1;

	return (other_mean[j] - state->data[j]) + (other_mean[k + j] - state->data[k + j]);
}

/* Mean j of the state moves. */
static inline void
linear_mean_shift(LinearState *state, int j, double shift)
{
	int			k = state->nterms + 1;
	double		low;

	linear_two_sum(state->data[j], shift, &state->data[j], &low);
	linear_two_sum(state->data[j], state->data[k + j] + low, &state->data[j], &state->data[k + j]);
}

/*
 * Adds the Gram matrix of the rows (column-major, leading dimension ld) to the
 * upper triangle of the k x k matrix; the rest of that is left undefined.
 */
extern void linear_gram_add(int k, int nrows, const double *rows, size_t ld, double *gram);

/*
 * Joins `nrows` centred rows (column-major, leading dimension ld) of the given
 * weight and means through a Gram matrix, when that gives the triangle as
 * accurately as QR would: false, and nothing has changed, when it does not.  The
 * caller adds the weights.  shift: rows are centred about values that are so
 * much below their means (times root weights); NULL: about their means.
 * work: 2 k^2 doubles for k = nterms + 1.
 */
extern bool linear_gram_join(LinearState *state, int nrows, const double *rows, size_t ld, double weight, const double *mean, const double *shift, double *work);
/* Whether that is worth trying for so many rows of k columns. */
extern bool linear_gram_suits(int k, int nrows);

#endif							/* CORE_LINEAR_INTERNAL_H */
