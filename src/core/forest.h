/*
 * forest.h
 *	  Forests of deep trees, each grown by one process on a sample of the rows.
 *
 * Breiman, Friedman, Olshen and Stone, "Classification and regression trees",
 * 1984; Breiman, "Random forests", 2001.  The processes of a team share the
 * binned rows and take trees, not parts of them: a tree depends on the rows in
 * canonical order, the seed and its number alone, so sums may be floating-point
 * ones, in the order of rows.
 *
 * To grow a tree a process copies the rows of its sample, one record after the
 * other.  Records move when rows are divided, so that those of a node are
 * neighbours, in canonical order.
 *
 * A node puts the categories of a feature in order of the target (smoothed
 * means; more than two classes: the first principal component of their shares,
 * after Coppersmith, Hong and Hosking, "Partitioning nominal attributes in
 * decision trees", 1999) and cuts that order.  More than FOREST_MAX_CODES of them
 * are put in order once for each tree, on its sample, and gathered into
 * FOREST_WIDE_GROUPS groups of equal weight, which are cut like numbers.
 *
 * Finished trees lie in slots of shared memory, as many at a time as a batch
 * has.  After a batch everyone adds what its trees say of the rows outside
 * their samples (out of bag), block by block, in the order of trees.
 */
#ifndef CORE_FOREST_H
#define CORE_FOREST_H

#include <string.h>

#include "core/team_table.h"
#include "core/tree_bins.h"
#include "core/tree_model.h"

#define FOREST_MAX_CODES 256	/* of categories, missing included, that nodes put in order: a byte */
#define FOREST_SET_WORDS (FOREST_MAX_CODES / 64)
#define FOREST_WIDE_GROUPS 64	/* where there are more categories than that */
#define FOREST_BLOCK_ROWS 16384 /* a unit of out-of-bag work */
#define FOREST_MAX_COPIES 60

/* A feature as trees see it; flat, in shared memory. */
typedef struct ForestFeature
{
	int32_t		nbins;			/* of values, or categories; code nbins is the missing one */
	bool		unordered;		/* few categories: nodes put them in order */
	bool		grouped;		/* many: bins are groups */
	bool		wide;			/* two bytes in a shared row */
	int32_t		offset;			/* of its code in a shared row */
	int32_t		map;			/* grouped: where its groups begin in a slot's maps */
	int32_t		edge_piece;		/* numbers: where its edges are */
	size_t		edge_offset;
} ForestFeature;

/* What a fit is made of; flat, the first piece of a team. */
typedef struct ForestJob
{
	int64_t		nrows;
	int32_t		nfeatures;
	int32_t		nclasses;		/* 0: regression */
	int32_t		width;			/* values of a leaf: 1, or nclasses above 2 */
	bool		entropy;		/* impurity of classes; else Gini's, or variance */
	int32_t		ntrees;
	uint64_t	seed;
	bool		bootstrap;		/* draw with replacement */
	bool		out_of_bag;		/* some rows are outside samples, and are to be told */
	double		rate;			/* size of a sample, as a share of the rows */
	double		cumulative[FOREST_MAX_COPIES];	/* P(copies <= k) */
	int32_t		max_features;
	int32_t		max_depth;
	int32_t		max_leaves;
	bool		best_first;		/* a limit of leaves keeps those that gain most */
	int64_t		min_samples_leaf;
	int64_t		min_samples_split;
	double		min_impurity_decrease;	/* of the weighted mean impurity of the tree */
	double		ccp_alpha;
	double		cat_smooth;

	bool		fine;			/* records have two bytes for each bin: some feature has more than 256 */
	int32_t		most_bins;		/* of a feature in records, the missing one included */
	int32_t		most_grouped;	/* categories of a grouped feature, missing included; 0: there is none */
	int32_t		map_bytes;		/* of all groups of categories */
	bool		has_unordered;	/* some feature is */
	size_t		row_size;		/* of a shared row */
	TeamTable	rows;			/* ForestRow */
	size_t		record_stride;
	int32_t		slot_piece;		/* first piece of the slots */
	int32_t		slots_per_piece;
	int32_t		nslots;			/* trees of a batch */
	size_t		slot_size;
	size_t		features;		/* offset in the first piece */
} ForestJob;

/* A row in shared memory; codes of features follow the values. */
typedef struct ForestRow
{
	double		target;			/* value; class; 1 for the positive of two */
	double		weight;
	uint64_t	hash;			/* of row and ordinal among equal rows */
	double		bags;			/* trees that did not see it */
	double		value[];		/* [width] sum of what they say; then codes */
} ForestRow;

/* A row of a sample, in private memory; bins follow. */
typedef struct ForestRecord
{
	double		target;
	double		weight;			/* times copies */
} ForestRecord;

typedef struct ForestNode
{
	int32_t		children;		/* number of the left one, the right one follows; 0: a leaf */
	int32_t		feature;
	int32_t		bin;			/* bins up to this go left; unordered features have a set */
	bool		default_left;	/* numbers: where missing ones go */
	double		gain;			/* what the split takes off the weighted impurity */
	double		cover;			/* weight in the sample */
	int64_t		rows;			/* of the sample */
} ForestNode;

/* A finished tree. */
typedef struct ForestSlot
{
	int32_t		nnodes;
	bool		everything;		/* no row was drawn, so all were taken */
	bool		cut;			/* for the limit of leaves */
	ForestNode *nodes;			/* [2 max_leaves - 1] */
	double	   *values;			/* [nodes][width] */
	uint64_t   *sets;			/* [nodes][FOREST_SET_WORDS] codes that go left, where some feature is unordered */
	uint8_t    *maps;			/* groups of categories by code, feature after feature */
} ForestSlot;

/* The start of a slot's memory. */
typedef struct ForestSlotHeader
{
	int32_t		nnodes;
	bool		everything;
	bool		cut;
} ForestSlotHeader;

/* One process's part. */
typedef struct Forest
{
	CoreEnv    *env;
	Team	   *team;
	const ForestJob *job;
	const ForestFeature *features;
	const double **edges;		/* [nfeatures] NULL: categories, one value */
} Forest;

typedef struct ForestGrower ForestGrower;

static inline ForestRow *
forest_row(const Forest *forest, int64_t row)
{
	return team_table_at(forest->team, &forest->job->rows, row);
}

static inline bool
forest_in_set(const uint64_t *set, int code)
{
	return (set[code / 64] >> (code % 64)) & 1;
}

static inline int
forest_code(const ForestFeature *feature, const ForestRow *row)
{
	const char *at = (const char *) row + feature->offset;
	uint16_t	code;

	if (!feature->wide)
		return *(const uint8_t *) at;
	memcpy(&code, at, sizeof(code));
	return code;
}

/* forest_share.c */

/* Leader: completes the job and takes the pieces; the edges are copied, rows are to be filled. */
extern CoreStatus forest_share(CoreEnv *env, Team *team, const TreeBins *bins, ForestJob *job, Forest *forest);
/* Helper: finds them. */
extern CoreStatus forest_attach(CoreEnv *env, Team *team, Forest *forest);
extern ForestSlot forest_slot(const Forest *forest, int index);
/* Stores how large the tree has become. */
extern void forest_slot_close(const Forest *forest, int index, const ForestSlot *slot);

/* forest_sample.c */

/* P(copies <= k) of a sample with replacement. */
extern void forest_sample_init(ForestJob *job);
extern uint64_t forest_tree_seed(const ForestJob *job, int tree);
/* How often a row is in a tree's sample. */
extern int	forest_copies(const ForestJob *job, const ForestRow *row, uint64_t tree_seed);
/* Copies the sample of a tree into records, categories as groups; returns their number. */
extern int64_t forest_sample(ForestGrower *grower, int tree, ForestSlot *slot);

/* forest_grow.c */

extern CoreStatus forest_grower_create(const Forest *forest, ForestGrower **grower);
/* Grows a tree into a slot. */
extern void forest_grow(ForestGrower *grower, int tree, int slot);

/* forest_bag.c */

/* Adds what the trees of a batch, from `first` in slots 0 .., say of the rows of a block that they did not see. */
extern void forest_out_of_bag(const Forest *forest, int first, int count, int64_t block);

#endif							/* CORE_FOREST_H */
