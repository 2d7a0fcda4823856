/*
 * tree_split.h
 *	  The best split of a node, from its histogram.
 *
 * A node with gradient sum G and hessian sum H has the value w = -T(G) / (H +
 * reg_lambda), T(G) = sign(G) max(|G| - reg_alpha, 0), and the score T(G)^2 /
 * (H + reg_lambda): twice what w takes off the second-order expansion of the
 * loss (Chen and Guestrin, "XGBoost", 2016).  A split gains the scores of its
 * two sides less the node's.  Everything is computed in the integer units of
 * the histogram; ties go to the lowest feature, then the lowest bin.
 */
#ifndef CORE_TREE_SPLIT_H
#define CORE_TREE_SPLIT_H

#include "core/tree_histogram.h"

/* What a split must keep to, from the parameters; flat. */
typedef struct TreeRules
{
	double		reg_lambda;
	double		reg_alpha;
	double		min_split_gain;
	double		min_child_weight;	/* sum of hessians */
	double		max_delta_step; /* largest magnitude of a value; 0: no limit */
	int64_t		min_child_samples;
	double		cat_smooth;
	double		cat_l2;
	int64_t		min_data_per_group;
	int32_t		max_cat_threshold;
	int32_t		max_cat_to_onehot;
} TreeRules;

/* A node as the search sees it. */
typedef struct TreeNodeSums
{
	TreeSums	total;
	int64_t		rows;
	double		min_rows;		/* least estimated rows of a side: min_child_samples, or more */
	uint64_t	groups;			/* interaction groups that the branch so far is within; all ones: any */
	int32_t		alone;			/* feature in no group that the branch has used, and may use again; -1: none */
	double		low;			/* bounds of values from monotone constraints */
	double		high;
} TreeNodeSums;

typedef struct TreeSplit
{
	double		gain;			/* in units of the loss; the split is worth making when feature >= 0 */
	double		left_hessian;	/* in integer units */
	int32_t		feature;		/* -1: none */
	int32_t		bin;			/* numbers: bins up to this go left */
	bool		categorical;	/* bins in the set go left */
	bool		default_left;	/* numbers: where missing ones go */
} TreeSplit;

/* Scratch of a search; memory for the feature with the most categories. */
typedef struct TreeSearch
{
	const TreeRules *rules;
	const TreeScale *scale;
	int			most_categories;	/* of a feature, the missing one included */
	bool		wide;			/* wider vectors than every machine has: the same bits */
	int			set_words;		/* of a set of bins: (most categories + 1 + 31) / 32; 0 without categories */
	double	   *key;			/* [categories + 1] */
	int32_t    *category;
} TreeSearch;

extern CoreStatus tree_search_init(CoreEnv *env, const TreeRules *rules, const TreeFeature *features, int nfeatures, TreeSearch *search);
/*
 * Replaces *best when the feature offers more; sums[] are the bins of this
 * feature (nbins and the missing one).  For a categorical split set[set_words]
 * says which bins go left.
 */
extern void tree_search_feature(const TreeSearch *search, const TreeFeature *feature, int index, const TreeSums *sums, const TreeNodeSums *node, TreeSplit *best, uint32_t *set);

/* Which way the values of a split's sides must be ordered; 0: any. Where all numbers go left, only missing ones are told apart. */
static inline int
tree_split_direction(const TreeFeature *feature, const TreeSplit *split)
{
	return split->categorical || split->bin == feature->nbins - 1 ? 0 : feature->monotone;
}

/* Value of a node in units of the margin, within its bounds. */
extern double tree_node_value(const TreeRules *rules, double gradient, double hessian, double low, double high);

#endif							/* CORE_TREE_SPLIT_H */
