/*
 * sort.h
 *	  Sorting numbers, and quantiles of weighted numbers.
 *
 * libc's qsort allocates behind the back of the environment and does not poll;
 * these are stable radix sorts, O(n), with memory from the environment that is
 * given back.  Order: -infinity .. infinity, NaN last; -0 and 0 are equal.
 */
#ifndef CORE_SORT_H
#define CORE_SORT_H

#include "core/env.h"

/* Ascending, in place. 16n bytes of scratch. */
extern CoreStatus sort_doubles(CoreEnv *env, double *keys, int64_t n);
/* The same with scratch[2n] of the caller, who sorts many times. */
extern void sort_doubles_with(CoreEnv *env, double *keys, int64_t n, uint64_t *scratch);

/* By insertion: for a few dozen at most. */
extern void sort_few_keys(uint64_t *keys, int64_t n);

/* order[i] = i */
extern void sort_identity(int64_t *order, int64_t n);

/*
 * Reorders the permutation so that keys[order[0]] <= keys[order[1]] ...; equal
 * keys stay as they were in `order`, so sorting by a second key first and by
 * the first key then orders by both.  32n bytes of scratch.
 */
extern CoreStatus sort_order(CoreEnv *env, const double *keys, int64_t n, int64_t *order);

/* Numbers with weights, ascending by (value, weight): the order does not depend on that of the input. */
typedef struct WeightedValues
{
	int64_t		n;
	double	   *value;
	double	   *weight;			/* NULL: all 1 */
	double		total;			/* of the weights */
} WeightedValues;

/* Sorts the arrays of `values` in place and sets the total. No NaN; weights positive and finite. */
extern CoreStatus weighted_sort(CoreEnv *env, WeightedValues *values);

/*
 * The smallest value whose cumulative weight reaches p * total; with `average`,
 * where it is reached exactly, the mean of that value and the next (the inverse
 * distribution function with averaging).  An integer weight is the same as that
 * many copies, and a common factor of all weights does not matter.  Sorted
 * values, n > 0, 0 <= p <= 1.
 */
extern double weighted_quantile(const WeightedValues *values, double p, bool average);
/* The value of the largest total weight; among equals the smallest. */
extern double weighted_mode(const WeightedValues *values);

#endif							/* CORE_SORT_H */
