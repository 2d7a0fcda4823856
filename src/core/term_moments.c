/*
 * term_moments.c
 *	  Weighted means and spreads of the terms of a design; see term_moments.h.
 *
 * In a block the mean is found first and squares are of distances to it; blocks
 * are joined as Chan, Golub and LeVeque do ("Updating formulae and a pairwise
 * algorithm for computing sample variances", 1979).
 */
#include "core/term_moments.h"

#include <math.h>

#include "core/pair.h"

#define PAIRS 4					/* running sums side by side, added in a fixed order */

static double
total(const Pair *lane)
{
	Pair		sum = (lane[0] + lane[2]) + (lane[1] + lane[3]);

	return sum[0] + sum[1];
}

/* Sum of w x, or of x. */
static double
weighted_sum(const double *x, const double *w, int n)
{
	Pair		lane[PAIRS] = {{0}};
	double		rest = 0;
	int			i = 0;

	for (; w == NULL && i + 2 * PAIRS <= n; i += 2 * PAIRS)
		for (int k = 0; k < PAIRS; k++)
			lane[k] += pair_load(x + i + 2 * k);
	for (; w != NULL && i + 2 * PAIRS <= n; i += 2 * PAIRS)
		for (int k = 0; k < PAIRS; k++)
			lane[k] += pair_load(w + i + 2 * k) * pair_load(x + i + 2 * k);
	for (; i < n; i++)
		rest += w != NULL ? w[i] * x[i] : x[i];
	return total(lane) + rest;
}

/* Sum of w (x - center)^2, or of (x - center)^2. */
static double
weighted_squares(const double *x, const double *w, int n, double center)
{
	Pair		lane[PAIRS] = {{0}};
	double		rest = 0;
	int			i = 0;

	for (; i + 2 * PAIRS <= n; i += 2 * PAIRS)
		for (int k = 0; k < PAIRS; k++)
		{
			Pair		d = pair_load(x + i + 2 * k) - center;

			lane[k] += w != NULL ? d * d * pair_load(w + i + 2 * k) : d * d;
		}
	for (; i < n; i++)
		rest += (x[i] - center) * (x[i] - center) * (w != NULL ? w[i] : 1);
	return total(lane) + rest;
}

void
term_moments_record(const DesignBlock *block, double *record)
{
	int			n = block->nrows;
	double		weight = block->w != NULL ? weighted_sum(block->w, NULL, n) : n;
	double	   *mean = record + 2;
	double	   *square = mean + block->nterms;

	record[0] = 1;
	record[1] = weight;
	for (int j = 0; j < block->nterms && weight > 0; j++)
	{
		const double *x = block->x + (size_t) j * block->ld;

		mean[j] = weighted_sum(x, block->w, n) / weight;
		square[j] = weighted_squares(x, block->w, n, mean[j]);
	}
}

void
term_moments_join(const double *records, int64_t nblocks, int nterms, double *mean, double *sd)
{
	double		weight = 0;

	for (int j = 0; j < nterms; j++)
		mean[j] = sd[j] = 0;
	for (int64_t b = 0; b < nblocks; b++)
	{
		const double *record = records + (size_t) b * term_moments_doubles(nterms);
		double		added = record[1];

		if (!(added > 0))
			continue;
		weight += added;
		for (int j = 0; j < nterms; j++)
		{
			double		delta = record[2 + j] - mean[j];

			mean[j] += delta * (added / weight);
			sd[j] += record[2 + nterms + j] + delta * delta * (added * ((weight - added) / weight));
		}
	}
	for (int j = 0; j < nterms; j++)
		sd[j] = sqrt(sd[j] / weight);
}
