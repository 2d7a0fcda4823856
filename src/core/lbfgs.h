/*
 * lbfgs.h
 *	  The direction of the limited-memory BFGS method from stored pairs.
 *
 * A pair is a step s and the change of gradient y along it, n doubles each, in
 * a ring of LBFGS_PAIRS.  Cost: 4 n multiplications a pair.  J. Nocedal,
 * "Updating quasi-Newton matrices with limited storage" (1980).
 */
#ifndef CORE_LBFGS_H
#define CORE_LBFGS_H

#include "core/env.h"

#define LBFGS_PAIRS 10

/*
 * Stores the pair, unless its curvature s'y is not clearly positive; `stored`
 * counts the pairs so far.  pairs: LBFGS_PAIRS x 2 x n doubles.
 */
extern void lbfgs_store(double *pairs, int32_t *stored, int64_t n, const double *step, const double *change);

/*
 * direction = H gradient, where H approximates the inverse of the matrix of
 * second derivatives and starts from `metric` (which multiplies in place).
 */
typedef void (*LbfgsMetric) (const void *context, double *vector);
extern void lbfgs_direction(const double *pairs, int32_t stored, int64_t n, const double *gradient, LbfgsMetric metric, const void *context, double *direction);

#endif							/* CORE_LBFGS_H */
