/*
 * tree_forest.h
 *	  Deep trees on targets: what random forests and decision trees grow.
 *
 * Breiman, Friedman, Olshen and Stone, "Classification and regression trees",
 * 1984; Breiman, "Random forests", 2001.  A split maximises what it takes off
 * the weighted sum of squares (regression, two classes: the Gini impurity is
 * the variance of a 0/1 target) or off the Gini impurity (more classes).  Sums
 * are integers, so they do not depend on the order of rows.
 *
 * A tree's rows are a permutation; a node is a range of it.  Nodes with far
 * fewer rows than a feature has bins sort their rows' bins instead of filling a
 * histogram.  Cost: about 2 ns for each row, level and feature looked at.
 */
#ifndef CORE_TREE_FOREST_H
#define CORE_TREE_FOREST_H

#include "core/tree_bins.h"
#include "core/tree_model.h"
#include "core/tree_split.h"

/* Rows of a forest, in canonical order; only rows of positive weight. */
typedef struct ForestRows
{
	int64_t		n;
	const TreeBins *bins;
	uint16_t  **columns;		/* [nfeatures][n] */
	int			nclasses;		/* above 2: classes are counted; else targets are averaged */
	const int32_t *class_of;	/* [n], nclasses > 2 */
	const int64_t *moment;		/* [n] (target - centre) * weight in fixed point, nclasses <= 2 */
	const int64_t *weight;		/* [n] in fixed point */
	TreeScale	scale;			/* of moment (gradient) and weight (hessian) */
	double		centre;
} ForestRows;

typedef struct ForestLimits
{
	TreeRules	rules;
	int			max_depth;
	int			max_features;	/* looked at for each split; more while none can be split */
	int64_t		max_leaves;
	uint64_t	seed;
} ForestLimits;

typedef struct ForestNode
{
	int64_t		children;		/* number of the left one, the right one follows; 0: a leaf */
	int64_t		first;			/* rows order[first .. first + count - 1] */
	int64_t		count;
	int			depth;
	TreeSplit	split;
	int64_t		set;			/* place in `sets` */
	double		cover;
	int64_t		value;			/* of leaves: place in `values` */
} ForestNode;

/* Grows one tree after the other in memory of its own. */
typedef struct ForestGrower
{
	CoreEnv    *env;
	const ForestRows *rows;
	const ForestLimits *limits;
	int			width;			/* values of a leaf: 1, or nclasses above 2 */
	uint8_t    *copies;			/* [n] how often a row is in the sample of the tree at hand */
	uint32_t   *order;			/* [n] */
	int64_t		ntaken;			/* rows of the sample */
	ForestNode *nodes;
	int64_t		nnodes;
	int64_t		node_room;
	uint32_t   *sets;
	int64_t		nsets;
	int64_t		set_room;
	double	   *values;
	int64_t		nvalues;
	int64_t		value_room;
	TreeSearch	search;
	TreeSums   *sums;			/* [most bins + 1] zero between uses */
	int64_t    *class_sums;		/* [most bins + 1][nclasses] */
	int64_t    *class_total;	/* [3][nclasses]: node, left, right */
	uint16_t   *touched;		/* [most bins + 1] bins of a small node */
	uint16_t   *position;		/* [most bins + 1] of a bin among them */
	int32_t    *bin_order;		/* [most bins + 1] */
	int32_t    *features;		/* permutation for sampling */
	uint32_t   *set;			/* scratch */
	uint32_t   *best_set;
} ForestGrower;

extern CoreStatus forest_grower_init(CoreEnv *env, const ForestRows *rows, const ForestLimits *limits, ForestGrower *grower);
/* Grows tree number `tree` from the rows with copies[] > 0. */
extern CoreStatus forest_grow(ForestGrower *grower, int64_t tree);
/* Leaf values of a row in the tree just grown; [width]. */
extern const double *forest_values(const ForestGrower *grower, int64_t row);
/* Appends the tree just grown, its values times `share`. */
extern CoreStatus forest_store(const ForestGrower *grower, double share, TreeStore *store);

#endif							/* CORE_TREE_FOREST_H */
