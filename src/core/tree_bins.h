/*
 * tree_bins.h
 *	  From terms to bins: edges learned on training rows, and rows binned.
 */
#ifndef CORE_TREE_BINS_H
#define CORE_TREE_BINS_H

#include "core/tree_data.h"

#define TREE_CHUNK_ROWS 512		/* rows transformed at a time */

#define TREE_GRID_CELLS 2048
#define TREE_GRID_PADDING 256	/* infinite numbers after the edges that a grid searches */

/* Where edges lie, for a quick search; cells of equal width from the first edge to the last. */
typedef struct TreeGrid
{
	double		low;
	double		scale;
	int			step;			/* first step of the search, a power of two; 0: no grid */
	uint8_t		first[TREE_GRID_CELLS];	/* edges in earlier cells */
} TreeGrid;

typedef struct TreeBins
{
	int			nfeatures;
	TreeFeature *features;
	TreeGrid   *grids;			/* [nfeatures] */
	double	  **edges;			/* [nfeatures][nbins - 1] ascending; bin b: edges[b - 1] < x <= edges[b]; NULL for categories */
} TreeBins;

/*
 * Categories, which are known before any row is read; the others become numbers
 * in byte columns as long as max_bin is at most TREE_MAX_BINS.
 */
extern CoreStatus tree_bins_describe(CoreEnv *env, const FitInput *input, TreeFeature *features);
/* Fills column and offset, and in `shape` nfeatures, ncolumns, nwide, hist_bins. */
extern CoreStatus tree_bins_place(CoreEnv *env, int nfeatures, TreeFeature *features, TreeShape *shape);

/*
 * Learns bins of terms from the rows that come first in canonical order: a
 * random sample of them all.  Terms with at most max_bin distinct values in it
 * get a bin for each.  Edges lie between neighbouring values as stored:
 * a <= edge < b, so that bins and `x <= edge` agree on every row.
 */
typedef struct TreeLearner
{
	CoreEnv    *env;
	const FitRows *rows;
	int			max_bin;
	int64_t		limit;			/* rows of a sample at most */
	double	   *sample;
	uint64_t   *scratch;		/* for sorting */
	double	   *x;				/* of a chunk of rows */
	double	   *edges;
} TreeLearner;

extern CoreStatus tree_learner_init(CoreEnv *env, const FitRows *rows, int max_bin, TreeLearner *learner);
/* Of one feature of the transform, all its terms; edges go to bins->edges[term], allocated where NULL. */
extern CoreStatus tree_learn_feature(TreeLearner *learner, int feature, TreeBins *bins);
extern void tree_learner_free(TreeLearner *learner);
/* Memory that a learner takes, roughly. */
extern size_t tree_learner_bytes(const FitRows *rows);
/* All of it by this process alone, with up to TREE_MAX_CATEGORIES bins; columns are not placed. */
extern CoreStatus tree_bins_learn(CoreEnv *env, const FitInput *input, const FitRows *rows, int max_bin, TreeBins *bins);

/*
 * Bins of rows first .. first + count - 1, with up to TREE_MAX_CATEGORIES bins
 * of a feature: bin[feature * TREE_CHUNK_ROWS + row]; x is scratch of the same
 * size.  count is at most TREE_CHUNK_ROWS.
 */
extern void tree_bins_chunk(const FitRows *rows, const TreeBins *bins, int64_t first, int count, double *x, int *bin);

/*
 * Edges that cut n sorted values, none of them NaN, into at most max_bin bins;
 * returns their number, at most max_bin - 1.  Few distinct values: a bin each;
 * else values that fill a bin alone have one and the others share evenly.
 */
extern int	tree_edges(const double *sorted, int64_t n, int max_bin, double *edges);

/* The number of edges below x. */
extern int	tree_bin_of(const double *edges, int nedges, double x);

/* The same for many values by a grid, nedges + 1 for NaN; TREE_GRID_PADDING times infinity follow the edges. */
extern void tree_grid_init(TreeGrid *grid, const double *edges, int nedges);
extern void tree_grid_search(const TreeGrid *grid, const double *edges, int nedges, const double *x, int count, int *bin);

#endif							/* CORE_TREE_BINS_H */
