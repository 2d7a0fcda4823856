/*
 * moments.h
 *	  Count, mean, spread and extremes of the numbers of a column.
 */
#ifndef CORE_MOMENTS_H
#define CORE_MOMENTS_H

#include "core/dataset.h"

typedef struct Moments
{
	int64_t		count;			/* finite numbers; the rest is about them only */
	int64_t		nans;			/* NULLs not included */
	int64_t		infinities;
	int64_t		zeros;
	double		mean;			/* NaN without numbers */
	double		sd;				/* of the sample: divided by count - 1; NaN below two numbers */
	double		min;
	double		max;
} Moments;

/* Of rows 0 .. nrows-1 of a numeric or boolean column. About 0.6 ns a value. */
extern CoreStatus moments_of_column(CoreEnv *env, const Column *column, int64_t nrows, Moments *moments);
extern void moments_of_array(CoreEnv *env, const double *values, int64_t n, Moments *moments);

/* How often a sample says values are distinct in n rows (Haas and Stokes' Duj1, as ANALYZE). sorted: ascending, no NaN. */
extern double distinct_estimate(const double *sorted, int64_t nsample, double n);

#endif							/* CORE_MOMENTS_H */
