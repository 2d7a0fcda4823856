/*
 * moments.c
 *	  Count, mean, spread and extremes of the numbers of a column; see moments.h.
 *
 * Sums of differences from the first number, in LANES interleaved sums: no
 * cancellation for values far from zero, the same bits whatever the machine's
 * vectors, and fast.  These are figures for people; nothing is fitted with them.
 *
 * distinct_estimate: P. J. Haas, L. Stokes, "Estimating the number of classes in
 * a finite population", J. Am. Stat. Assoc. 93 (1998), estimator Duj1.
 */
#include "core/moments.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/pair.h"

#define LANES 4
#define CHUNK 1024				/* stays in the first cache */

typedef struct Sums
{
	bool		started;
	double		shift;
	int64_t		n;
	int64_t		nans;
	int64_t		infinities;
	int64_t		zeros;
	double		first[LANES];
	double		second[LANES];
	double		min[LANES];
	double		max[LANES];
} Sums;

static void
sums_init(Sums *sums)
{
	memset(sums, 0, sizeof(*sums));
	for (int k = 0; k < LANES; k++)
	{
		sums->min[k] = INFINITY;
		sums->max[k] = -INFINITY;
	}
}

/* Counts what is not finite, and moves finite numbers to the front. */
static int
finite_only(Sums *sums, double *x, int count)
{
	int			kept = 0;

	for (int i = 0; i < count; i++)
	{
		double		value = x[i];

		sums->nans += value != value;
		sums->infinities += fabs(value) > DBL_MAX;
		x[kept] = value;
		kept += fabs(value) <= DBL_MAX;
	}
	return kept;
}

/* Sums in local variables, which stay in registers; false, with nothing done, when some number is not finite. */
static bool
add_finite(Sums *sums, const double *x, int count)
{
	Pair		first[LANES / 2] = {{0}};
	Pair		second[LANES / 2] = {{0}};
	Pair		min[LANES / 2];
	Pair		max[LANES / 2];
	PairBits	zeros[LANES / 2] = {{0}};
	double		shift = sums->shift;
	int64_t		total_zeros = 0;
	int			i;

	for (int k = 0; k < LANES / 2; k++)
		min[k] = max[k] = pair_of(x[0]);
	for (i = 0; i + LANES <= count; i += LANES)
		for (int k = 0; k < LANES / 2; k++)
		{
			Pair		value = pair_load(x + i + 2 * k);
			Pair		d = value - shift;

			first[k] += d;
			second[k] += d * d;
			min[k] = pair_min(value, min[k]);
			max[k] = pair_max(value, max[k]);
			zeros[k] -= value == 0;	/* true is -1 */
		}
	for (; i < count; i++)
	{
		double		d = x[i] - shift;

		first[0][0] += d;
		second[0][0] += d * d;
		min[0][0] = x[i] < min[0][0] ? x[i] : min[0][0];
		max[0][0] = x[i] > max[0][0] ? x[i] : max[0][0];
		total_zeros += x[i] == 0;
	}
	for (int k = 0; k < LANES; k++)
		if (!(fabs(first[k / 2][k % 2]) <= DBL_MAX))
			return false;
	for (int k = 0; k < LANES; k++)
	{
		sums->first[k] += first[k / 2][k % 2];
		sums->second[k] += second[k / 2][k % 2];
		sums->min[k] = fmin(sums->min[k], min[k / 2][k % 2]);
		sums->max[k] = fmax(sums->max[k], max[k / 2][k % 2]);
		total_zeros += zeros[k / 2][k % 2];
	}
	sums->zeros += total_zeros;
	sums->n += count;
	return true;
}

/* Finite numbers whose sum is not: there is no mean to tell, but the rest can be. */
static void
add_huge(Sums *sums, const double *x, int count)
{
	for (int i = 0; i < count; i++)
	{
		sums->zeros += x[i] == 0;
		sums->min[0] = fmin(sums->min[0], x[i]);
		sums->max[0] = fmax(sums->max[0], x[i]);
	}
	sums->first[0] = NAN;
	sums->n += count;
}

static void
add_chunk(Sums *sums, double *x, int count)
{
	/* NaN or an infinity anywhere makes a sum that is not finite */
	if (sums->started && add_finite(sums, x, count))
		return;
	count = finite_only(sums, x, count);
	if (count == 0)
		return;
	if (!sums->started)
		sums->shift = x[0];
	sums->started = true;
	if (!add_finite(sums, x, count))
		add_huge(sums, x, count);
}

static void
sums_finish(const Sums *sums, Moments *moments)
{
	double		first = 0;
	double		second = 0;

	memset(moments, 0, sizeof(*moments));
	moments->count = sums->n;
	moments->nans = sums->nans;
	moments->infinities = sums->infinities;
	moments->zeros = sums->zeros;
	moments->mean = moments->sd = moments->min = moments->max = NAN;
	if (sums->n == 0)
		return;
	moments->min = INFINITY;
	moments->max = -INFINITY;
	for (int k = 0; k < LANES; k++)
	{
		first += sums->first[k];
		second += sums->second[k];
		moments->min = fmin(moments->min, sums->min[k]);
		moments->max = fmax(moments->max, sums->max[k]);
	}
	moments->mean = sums->shift + first / (double) sums->n;
	if (sums->n > 1)
		moments->sd = isnan(first) ? NAN : sqrt(fmax(0, second - first * (first / (double) sums->n)) / (double) (sums->n - 1));
}

CoreStatus
moments_of_column(CoreEnv *env, const Column *column, int64_t nrows, Moments *moments)
{
	double	   *chunk;
	Sums		sums;

	CORE_ALLOC(env, chunk, (size_t) CHUNK);
	sums_init(&sums);
	for (int64_t first = 0; first < nrows; first += CHUNK)
	{
		int			count = nrows - first < CHUNK ? (int) (nrows - first) : CHUNK;

		env_poll(env);
		column_numbers(column, first, count, chunk);
		add_chunk(&sums, chunk, count);
	}
	env_release(env, chunk);
	sums_finish(&sums, moments);
	moments->nans -= column->nnulls;
	return CORE_OK;
}

void
moments_of_array(CoreEnv *env, const double *values, int64_t n, Moments *moments)
{
	Sums		sums;
	double		chunk[256];

	sums_init(&sums);
	for (int64_t first = 0; first < n; first += 256)
	{
		int			count = n - first < 256 ? (int) (n - first) : 256;

		env_poll(env);
		memcpy(chunk, values + first, (size_t) count * sizeof(double));
		add_chunk(&sums, chunk, count);
	}
	sums_finish(&sums, moments);
}

double
distinct_estimate(const double *sorted, int64_t nsample, double n)
{
	int64_t		distinct = 0;
	int64_t		once = 0;
	double		share;

	for (int64_t i = 0, end; i < nsample; i = end)
	{
		end = i + 1;
		while (end < nsample && sorted[end] == sorted[i])
			end++;
		distinct++;
		once += end - i == 1;
	}
	if (nsample == 0 || n <= (double) nsample)
		return (double) distinct;
	share = (double) nsample / n;
	/* all once: as many as there are rows */
	return fmin(n, floor((double) distinct / (1 - (1 - share) * (double) once / (double) nsample) + 0.5));
}
