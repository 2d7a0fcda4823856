/*
 * forest_internal.h
 *	  What a process keeps while it grows trees; see forest.h.
 */
#ifndef CORE_FOREST_INTERNAL_H
#define CORE_FOREST_INTERNAL_H

#include <string.h>

#include "core/forest.h"

#define FOREST_CHUNK_ROWS 256	/* records looked at for all features of a batch in turn */

/* Sums of a bin. */
typedef struct ForestSums
{
	double		moment;			/* weighted deviations of the target from the node's mean; entropy: weight of positives */
	double		weight;
	int64_t		rows;
} ForestSums;

typedef struct ForestSplit
{
	double		gain;			/* 0: none */
	int32_t		feature;
	int32_t		bin;			/* the last one on the left that has rows */
	int32_t		next;			/* the first one on the right that has rows; -1: only missing ones */
	bool		default_left;	/* unordered: where categories without rows go */
	uint64_t	set[FOREST_SET_WORDS];	/* unordered: codes that go left */
} ForestSplit;

/* A range of records, and what is known of it. */
typedef struct ForestRange
{
	int64_t		first;
	int64_t		count;
	int32_t		depth;
	double		weight;
	double		mean;			/* at most two classes */
	double		impurity;		/* weighted squares around the mean; more classes: weight times Gini impurity; or times entropy */
	bool		pure;			/* all targets are the same */
} ForestRange;

/* A leaf that could be split, in the order of its key. */
typedef struct ForestPending
{
	double		key;
	int32_t		node;
	ForestRange range;
	ForestSplit split;
} ForestPending;

struct ForestGrower
{
	const Forest *forest;
	uint64_t	seed;			/* of the tree at hand */
	int			width;
	char	   *records;		/* [nrows][record_stride] of the sample */
	char	   *spare;			/* [nrows][record_stride] */
	uint8_t    *copies;			/* [nrows] */
	double		root_weight;

	/* splits */
	int32_t    *order;			/* [nfeatures] permutation for sampling */
	int			batch;			/* features that there are sums for at a time */
	ForestSums *sums;			/* [batch][most_bins] zero between uses */
	double	   *class_sums;		/* [batch][most_bins][nclasses], more than two classes */
	uint64_t   *occupied;		/* [batch][most_bins / 64 + 1] bits of bins with rows, zero between uses */
	uint16_t   *touched;		/* [most_bins] of one feature */
	double	   *key;			/* [FOREST_MAX_CODES] of categories of a node */
	double	   *shares;			/* [FOREST_MAX_CODES][nclasses], more than two classes */
	double	   *direction;		/* [2][nclasses] */
	double	   *class_total;	/* [3][nclasses] of the range measured last; left, right */
	double		deviation[FOREST_CHUNK_ROWS];	/* of a chunk: weighted; more classes: the class */
	double		weight[FOREST_CHUNK_ROWS];

	/* growing */
	ForestSlot	slot;
	int			nleaves;
	ForestPending *heap;		/* [max_leaves] */
	int			npending;
	double	   *risk;			/* [2 max_leaves - 1] where trees are pruned: squares of nodes, then costs */
	int32_t    *number;			/* [2 max_leaves - 1] */

	/* groups of categories, [most_grouped] */
	double	   *category_weight;
	double	   *category_sums;	/* [most_grouped][width] */
	double	   *category_key;
	int32_t    *category;
};

static inline ForestRecord *
forest_record(const ForestGrower *grower, int64_t index)
{
	return (ForestRecord *) (grower->records + (size_t) index * grower->forest->job->record_stride);
}

/* From reductions of sums of squares to those of the impurity that users know: Gini's is twice the variance of two classes. */
static inline double
forest_impurity_unit(const ForestJob *job)
{
	return job->nclasses == 2 && !job->entropy ? 2 : 1;
}

/* forest_sample.c */

/*
 * Keys of n categories along the direction in which their shares of classes
 * vary most, shrunk by cat_smooth; sums[n][width] are their class weights and
 * become something else.
 */
extern void forest_principal_keys(const ForestGrower *grower, int n, const double *weight, double *sums, double *key);

/* forest_entropy.c */

/* Weight times entropy in bits: of two classes, one of which has a part of the weight; of class weights. */
extern double forest_entropy_two(double weight, double positive);
extern double forest_entropy(const double *classes, int n);

/* forest_split.c */

extern CoreStatus forest_split_init(ForestGrower *grower);
/* Weight, mean, impurity of a range; `shift` is a number near the mean. */
extern void forest_range_measure(ForestGrower *grower, double shift, ForestRange *range);
/* The best split of the range measured last, by features drawn with the seed; gain 0: none. */
extern void forest_search(ForestGrower *grower, const ForestRange *range, uint64_t seed, ForestSplit *best);

#endif							/* CORE_FOREST_INTERNAL_H */
