/*
 * exact_sum.h
 *	  A sum of doubles that does not depend on order: a mergeable superaccumulator.
 *
 * ExactSum holds the exact sum of finite doubles as a wide fixed-point number in
 * overlapping digits with delayed carries; the rounded result is the correctly
 * rounded exact sum.  NaN and infinities are counted apart and decide the
 * result as IEEE addition in any order would (inf - inf = NaN).
 * Flat and pointer-free: copies, shared memory and state bytes may hold it.
 */
#ifndef CORE_EXACT_SUM_H
#define CORE_EXACT_SUM_H

#include "core/env.h"

#define EXACT_SUM_DIGITS 68		/* 32-bit digits in 64-bit lanes: range of double plus 2^64 additions */

typedef struct ExactSum
{
	int64_t		digits[EXACT_SUM_DIGITS];
	int64_t		pending;		/* additions since the last carry propagation */
	int64_t		nans;
	int64_t		positive_infinities;
	int64_t		negative_infinities;
} ExactSum;

extern void exact_sum_init(ExactSum *sum);
extern void exact_sum_add(ExactSum *sum, double x);
extern void exact_sum_add_array(ExactSum *sum, const double *x, int64_t n);
/* The same for finite values of magnitude at most `bound`, which saves looking for it. */
extern void exact_sum_add_bounded(ExactSum *sum, const double *x, int64_t n, double bound);
/* a * b exactly (two terms). */
extern void exact_sum_add_product(ExactSum *sum, double a, double b);
extern void exact_sum_merge(ExactSum *sum, const ExactSum *other);
/* Propagates carries: equal sums of finite numbers then have equal digits, whatever their order. */
extern void exact_sum_normalize(ExactSum *sum);
/* Correctly rounded value; does not change the sum. */
extern double exact_sum_value(const ExactSum *sum);

#endif							/* CORE_EXACT_SUM_H */
