/*
 * curves.c
 *	  Curves and tables over scored rows; see curves.h.  O(n log n).
 */
#include "core/curves.h"

#include <math.h>

#include "core/exact_sum.h"

#define POLL_GROUPS 8192

static double
share(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

static void
group_totals(CoreEnv *env, const ScoreGroup *groups, int64_t ngroups, double *positive, double *negative)
{
	ExactSum	positives;
	ExactSum	negatives;

	exact_sum_init(&positives);
	exact_sum_init(&negatives);
	for (int64_t g = 0; g < ngroups; g++)
	{
		if (g % POLL_GROUPS == 0)
			env_poll(env);
		exact_sum_add(&positives, groups[g].positive);
		exact_sum_add(&negatives, groups[g].negative);
	}
	*positive = exact_sum_value(&positives);
	*negative = exact_sum_value(&negatives);
}

CoreStatus
curve_roc(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int64_t max_points,
		  RocPoint **points, int64_t *count)
{
	ScoreGroup *groups;
	int64_t		ngroups;
	int64_t		npoints;
	int64_t		next = 0;
	double		positive;
	double		negative;
	ExactSum	above_positives;	/* exact, so that what is left is never below 0 */
	ExactSum	above_negatives;

	CORE_TRY(metrics_score_groups(env, score, y, w, n, &groups, &ngroups));
	group_totals(env, groups, ngroups, &positive, &negative);
	exact_sum_init(&above_positives);
	exact_sum_init(&above_negatives);
	npoints = ngroups + 1 < max_points ? ngroups + 1 : max_points;
	CORE_ALLOC(env, *points, npoints);
	*count = 0;
	for (int64_t g = 0; g <= ngroups; g++)
	{
		RocPoint   *point;
		double		above_positive;
		double		above_negative;

		if (g % POLL_GROUPS == 0)
			env_poll(env);
		if (g > 0)
		{
			exact_sum_add(&above_positives, groups[g - 1].positive);
			exact_sum_add(&above_negatives, groups[g - 1].negative);
		}
		if (g != next)
			continue;
		above_positive = exact_sum_value(&above_positives);
		above_negative = exact_sum_value(&above_negatives);
		point = &(*points)[(*count)++];
		point->threshold = g > 0 ? groups[g - 1].score : INFINITY;
		point->true_positives = above_positive;
		point->false_positives = above_negative;
		point->true_negatives = negative - above_negative;
		point->false_negatives = positive - above_positive;
		point->recall = share(above_positive, positive);
		point->false_positive_rate = share(above_negative, negative);
		/* the group of the next point: evenly spaced from the first to the last */
		if (*count < npoints)
			next = (int64_t) ((double) *count * (double) ngroups / (double) (npoints - 1));
	}
	env_release(env, groups);
	return CORE_OK;
}

CoreStatus
curve_reliability(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int nbins,
				  ReliabilityBin *bins, int *count)
{
	ScoreGroup *groups;
	int64_t		ngroups;
	int64_t		g;

	CORE_TRY(metrics_score_groups(env, score, y, w, n, &groups, &ngroups));
	*count = 0;
	g = ngroups - 1;
	for (int b = 0; b < nbins; b++)
	{
		ReliabilityBin bin = {0};
		ExactSum	scores;
		ExactSum	positives;
		ExactSum	rows;

		bin.low = (double) b / nbins;
		bin.high = (double) (b + 1) / nbins;
		exact_sum_init(&scores);
		exact_sum_init(&positives);
		exact_sum_init(&rows);
		for (; g >= 0 && (groups[g].score < bin.high || b == nbins - 1); g--)
		{
			if (g % POLL_GROUPS == 0)
				env_poll(env);
			exact_sum_add(&rows, groups[g].positive);
			exact_sum_add(&rows, groups[g].negative);
			exact_sum_add(&positives, groups[g].positive);
			exact_sum_add(&scores, groups[g].score * (groups[g].positive + groups[g].negative));
		}
		bin.rows = exact_sum_value(&rows);
		if (bin.rows <= 0)
			continue;
		bin.mean_score = exact_sum_value(&scores) / bin.rows;
		bin.positive_rate = exact_sum_value(&positives) / bin.rows;
		bins[(*count)++] = bin;
	}
	env_release(env, groups);
	return CORE_OK;
}

CoreStatus
curve_lift(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int nbands,
		   LiftBand *bands, int *count)
{
	ScoreGroup *groups;
	int64_t		ngroups;
	int64_t		g = 0;
	double		positive;
	double		negative;
	double		total;
	double		used = 0;		/* part of group g that lies in earlier bands, by weight */
	double		above = 0;		/* positives in earlier bands */

	CORE_TRY(metrics_score_groups(env, score, y, w, n, &groups, &ngroups));
	group_totals(env, groups, ngroups, &positive, &negative);
	total = positive + negative;
	*count = total > 0 ? nbands : 0;
	for (int b = 0; b < *count; b++)
	{
		LiftBand   *band = &bands[b];
		double		room = total / nbands;

		*band = (LiftBand) {0};
		band->rows = room;
		while (g < ngroups)
		{
			double		weight = groups[g].positive + groups[g].negative;
			double		left = weight - used;
			/* the last band takes what rounding left */
			double		taken = left <= room || b == nbands - 1 ? left : room;

			if (g % POLL_GROUPS == 0)
				env_poll(env);
			band->lowest_score = groups[g].score;
			band->positives += groups[g].positive * (taken / weight);
			room -= taken;
			used += taken;
			if (taken < left)
				break;
			g++;
			used = 0;
			if (room <= total * 1e-12 && b < nbands - 1)
				break;
		}
		above += band->positives;
		band->positive_rate = band->positives / band->rows;
		band->lift = share(band->positive_rate, positive / total);
		band->gain = share(above, positive);
		band->cumulative_lift = share(band->gain, (double) (b + 1) / nbands);
	}
	env_release(env, groups);
	return CORE_OK;
}
