/*
 * curves.h
 *	  Curves and tables over scored rows: ROC, reliability, lift.
 *
 * All take score[n], y[n] (0 or 1) and weights w[n] or NULL, count by weight, and
 * do not depend on the order of rows: rows with equal scores are one group.
 */
#ifndef CORE_CURVES_H
#define CORE_CURVES_H

#include "core/metrics.h"

typedef struct RocPoint
{
	double		threshold;		/* predicted positive: score >= threshold; infinity at the first point */
	double		recall;			/* NaN without positives */
	double		false_positive_rate;	/* NaN without negatives */
	double		true_positives;
	double		false_positives;
	double		true_negatives;
	double		false_negatives;
} RocPoint;

/*
 * From no row predicted positive to all of them, one point for each distinct
 * score; above max_points (>= 2) an even selection that keeps both ends.
 */
extern CoreStatus curve_roc(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int64_t max_points, RocPoint **points, int64_t *count);

typedef struct ReliabilityBin
{
	double		low;			/* low <= score < high; the last bin includes 1 */
	double		high;
	double		rows;
	double		mean_score;
	double		positive_rate;
} ReliabilityBin;

/* `nbins` bins of equal width over [0, 1]; empty ones are left out. */
extern CoreStatus curve_reliability(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int nbins, ReliabilityBin *bins, int *count);

typedef struct LiftBand
{
	double		rows;
	double		positives;
	double		lowest_score;	/* of the band */
	double		positive_rate;
	double		lift;			/* positive_rate over that of all rows */
	double		gain;			/* share of all positives in this band and those above */
	double		cumulative_lift;
} LiftBand;

/* `nbands` bands of equal weight, best scores first; groups that cross a border are divided in proportion. */
extern CoreStatus curve_lift(CoreEnv *env, const double *score, const double *y, const double *w, int64_t n, int nbands, LiftBand *bands, int *count);

#endif							/* CORE_CURVES_H */
