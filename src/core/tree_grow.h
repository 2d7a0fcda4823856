/*
 * tree_grow.h
 *	  One tree, grown leaf by leaf by a team.
 *
 * The leaf whose split gains most is split next.  A split takes one pass over
 * the leaf's rows, block by block, which moves each row to its side and adds
 * the rows of the lighter side to a histogram; the other side's is the
 * difference.  Histograms live in a pool of slots; a leaf whose slot was taken
 * for another one is split with sums over both sides.
 *
 * Every process keeps its own copy of leaves and nodes, and they agree.
 */
#ifndef CORE_TREE_GROW_H
#define CORE_TREE_GROW_H

#include "core/tree_bins.h"
#include "core/tree_objective.h"
#include "core/tree_split.h"

typedef struct TreeSampling
{
	double		subsample;		/* share of rows for each tree */
	double		colsample_bytree;
	double		colsample_bylevel;
	uint64_t	seed;
} TreeSampling;

#define TREE_RENEW_DIGITS 2048
#define SIDES_BOTH 2

/* What a fit is made of; flat, the first piece of a team. */
typedef struct TreeJob
{
	TreeShape	shape;
	TreeRules	rules;
	TreeSampling sampling;
	TreeObjective objective;
	double		learning_rate;
	bool		interacting;	/* there are interaction constraints */
	double		train_weight;	/* of the training rows, of the validation rows */
	double		valid_weight;
	double		validation;		/* share of rows held out, by hash; 0: none */
	uint64_t	validation_seed;
	int64_t		nrows;			/* before those of weight zero are left out */
	size_t		learner_bytes;	/* that learning bins takes of each process */
	bool		own_weights;	/* only the leader has the weights of rows */
	int32_t		max_bin;
	int32_t		num_leaves;
	int32_t		max_depth;
	int32_t		n_estimators;
	int32_t		early_stopping_rounds;	/* 0: none */
	int32_t		capacity;		/* processes that per-process memory is there for */
	int32_t		nslots;
	int32_t		set_words;
	int32_t		histograms_per_piece;
	int32_t		data_piece;		/* first piece of the rows */
	int32_t		histogram_piece;	/* first piece of the histograms */
	int32_t		bins_piece;		/* grids of the features, then their edges */
	size_t		base, fill_starts;
	size_t		features, segments, left_rows, leaf_sums, leaf_value, statistics, decision, sets, candidates, candidate_sets;	/* offsets in the first piece */
	size_t		size;			/* of the first piece */
} TreeJob;

/* Rows of a leaf in a block's order. */
typedef struct TreeSegment
{
	uint16_t	first;
	uint16_t	count;
} TreeSegment;

/* Sums in fixed point that order does not change, in two parts. */
typedef struct TreeLeafSums
{
	int64_t		gradient[2];
	int64_t		hessian[2];
} TreeLeafSums;

/* What the last process to arrive found. */
typedef struct TreeDecision
{
	bool		rejected;		/* a side had too few rows; split[0] is the leaf's next best */
	int64_t		rows[2];
	TreeSums	total[2];
	TreeSplit	split[2];
} TreeDecision;

/* The best splits of both sides among the features that one process searched; a cache line each. */
typedef struct TreeCandidates
{
	_Alignas(64) TreeSplit split[2];
} TreeCandidates;

/* Shared memory of a job as this process sees it. */
typedef struct TreeShared
{
	TreeBins	bins;
	double	   *base;			/* [noutputs] where scores start */
	int64_t    *fill_starts;	/* [blocks of TREE_FILL_ROWS][2] places of their first training row and validation row */
	TreeSegment *segments;		/* [num_leaves][train_blocks] */
	int64_t    *left_rows;		/* [capacity], a cache line apart */
	TreeLeafSums *leaf_sums;	/* [capacity][num_leaves] */
	double	   *leaf_value;		/* [num_leaves] */
	TreeBlockStatistics *statistics;	/* [nblocks] */
	TreeDecision *decision;
	uint32_t   *sets;			/* [2][set_words] of decision->split */
	TreeCandidates *candidates; /* [capacity] */
	uint32_t   *candidate_sets; /* [capacity][2][set_words] */
	TreeSums  **partial;		/* [capacity][2] sums of one pass; all zero between passes */
	TreeSums  **slots;			/* [nslots] histograms of leaves */
} TreeShared;

typedef struct TreeNode
{
	int			children;		/* index of the left one, the right one follows; 0: a leaf */
	int			leaf;			/* of a leaf: its number */
	TreeSplit	split;
	uint32_t   *set;			/* categorical: [set_words] bins that go left */
	int64_t		rows;
	double		least;			/* of tree_renew_order: of the leaves below, and their bounds */
	double		most;
	double		low;
	double		high;
} TreeNode;

typedef struct TreeLeaf
{
	int			node;
	int			depth;
	int			slot;			/* of its histogram, -1: none */
	TreeNodeSums sums;
	TreeSplit	split;			/* the best one */
	uint32_t   *set;			/* [set_words] of the best split */
} TreeLeaf;

/* One process's part in growing. */
typedef struct TreeGrower
{
	CoreEnv    *env;
	Team	   *team;
	const TreeJob *job;
	TreeData	data;
	TreeShared	shared;
	TreeScale	scale;			/* of the tree at hand */
	TreeScale	leaf_scale;		/* of the sums of its leaves */
	TreeExtent	extent;
	TreeSearch	search;
	TreeAccumulator accumulator[2];
	uint64_t	seed;			/* of the tree at hand: which features */
	uint64_t	row_seed;		/* of the iteration at hand: which rows */
	uint8_t    *allowed;		/* [nfeatures] sampled for the tree */
	uint8_t    *allowed_level;	/* [nfeatures] and for the level */
	uint64_t   *key;			/* [nfeatures] scratch */
	int64_t    *digits;			/* [TREE_RENEW_DIGITS] scratch of tree_renew_leaf */
	uint8_t    *goes_left;		/* by bin, of the split at hand */
	uint16_t   *spare;			/* [block_rows] and padding */
	uint8_t    *spare_records;	/* [block_rows][stride] and padding, where records move */
	uint32_t   *packed;			/* [block_rows] gradients of the block at hand, by row */
	TreeFixed  *fixed;			/* [block_rows] the same for the sums of leaves */
	TreeLeaf   *leaves;			/* [num_leaves] */
	int			nleaves;
	TreeNode   *nodes;			/* [2 num_leaves - 1] */
	int			nnodes;
	uint32_t   *node_sets;		/* [num_leaves - 1][set_words] */
	int		   *slot_leaf;		/* [nslots] owner, -1: free */
	int			current;		/* leaf that is being split */
	int			light;			/* its lighter side, which is summed; or SIDES_BOTH */
	bool		searching;		/* children will be searched */
	bool		alone;			/* by the last process to arrive, since there is too little to share */
	bool		constrained;	/* some feature is monotone, so every leaf has bounds */
	int			side_slot[2];	/* where the histograms of its sides go */
} TreeGrower;

/* tree_job.c */

/* Completes the job: number of slots, places. The team's capacity is final. */
extern CoreStatus tree_job_complete(CoreEnv *env, const Team *team, const TreeFeature *features, TreeJob *job);
/* Leader: takes the pieces and copies the job and the features into the first. */
extern CoreStatus tree_job_share(CoreEnv *env, Team *team, TreeJob *job, const TreeFeature *features, TreeGrower *grower);
/* Helper: finds the pieces. */
extern CoreStatus tree_job_attach(CoreEnv *env, Team *team, TreeGrower *grower);
/* The same in all processes, once the team's pieces are there. */
extern CoreStatus tree_grower_init(TreeGrower *grower);

/* tree_fill.c */

#define TREE_FILL_ROWS 8192		/* that a process bins at a time: about 0.5 ms for 28 columns */

extern bool tree_row_held_out(const TreeJob *job, const Dataset *data, int64_t row);
/* Fills starts[][2], last the numbers of rows; needs nothing of the job but what is held out. */
extern void tree_fill_starts(CoreEnv *env, const TreeJob *job, const FitRows *rows, int64_t *starts);
/*
 * Every process: learns the bins of all terms and bins the rows of positive
 * weight into `data`, with target, weight, hash and starting scores.  rows NULL:
 * this process does not have them and waits for the others.
 */
extern CoreStatus tree_fill(TreeGrower *grower, const FitRows *rows);

/* tree_grow.c */

/*
 * Grows the tree of an iteration for one output from the gradients and hessians
 * of the blocks, whose extent is grower->extent.  Afterwards leaf_value has the
 * leaves' Newton steps times the learning rate.
 */
extern void tree_grow(TreeGrower *grower, int64_t iteration, int output);
/* Leader, after growing: sums over the training rows of a leaf. */
extern void tree_leaf_totals(const TreeGrower *grower, int leaf, double *gradient, double *hessian);

/* tree_rows.c: passes over rows */

/* Packs a block, chooses its rows for the tree and adds them to the root's histogram; returns their number. */
extern int	tree_rows_root(TreeGrower *grower, int index);
/* Divides the current leaf's rows of a block between it and leaf `right`; returns how many went left. */
extern int	tree_rows_split(TreeGrower *grower, int index, int right);
/* Adds each leaf's gradients and hessians of a block to sums[nleaves]. */
extern void tree_rows_sum(TreeGrower *grower, int index, TreeLeafSums *sums);
/* Adds leaf_value to output k of the scores of a block: by segment, rows outside them by walking the tree. */
extern void tree_rows_apply(TreeGrower *grower, int index, int k);
/* goes_left[] of a split. */
extern void tree_rows_direct(TreeGrower *grower, const TreeSplit *split, const uint32_t *set);
/* tree_renew.c: the learning rate's share of the value that leaves take for losses that renew them. */
extern double tree_renew_leaf(TreeGrower *grower, int leaf);
/* Makes renewed leaves keep to monotone constraints. */
extern void tree_renew_order(TreeGrower *grower);
/* Whether a row takes part in the tree whose sampling seed is given. */
extern bool tree_row_sampled(const TreeJob *job, uint64_t hash, uint64_t seed);

#endif							/* CORE_TREE_GROW_H */
