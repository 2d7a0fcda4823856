/*
 * tree_data.h
 *	  Rows as tree algorithms keep them: binned, in blocks, in shared memory.
 *
 * A value is a small integer: its bin, or its category's code.  The training
 * rows come first, in canonical order, then those held out for early stopping,
 * from a block of their own.  A block holds all that is known of its rows; its
 * arrays lie one after the other (TreeShape has the offsets).  Several blocks
 * make a piece of shared memory (team.h).
 *
 * What histograms need of a row is its record: gradient and hessian packed in 4
 * bytes, then the bins of byte columns.  Short records are moved when rows are
 * divided between leaves, so that those of a leaf are read one after the other;
 * longer ones stay where they are.
 *
 * Memory per row: a byte for each feature (two for a category feature with
 * more than 255 categories), 16 for target and score, 8 for gradient and
 * hessian, 4 packed, up to 7 of padding, 2 for the order, and 8 each for weights
 * and for hashes where the fit needs them; with several outputs 8 more for each
 * and 8 more.
 */
#ifndef CORE_TREE_DATA_H
#define CORE_TREE_DATA_H

#include "core/algorithm.h"
#include "core/team.h"

#define TREE_BLOCK_ROWS 16384	/* at most; fewer where rows are wide */
#define TREE_BIN_STRIDE 256		/* bins of a histogram that a byte column takes */
#define TREE_MAX_BINS 255		/* of values; one more code is for missing ones */
#define TREE_MAX_FEATURES 8192
#define TREE_MAX_CATEGORIES 65534

/* How a term is binned; flat, in shared memory. */
typedef struct TreeFeature
{
	int32_t		nbins;			/* of values, or categories; code nbins stands for missing ones */
	int32_t		column;			/* of the byte matrix, or of the side matrix when `wide` */
	int32_t		offset;			/* of its bins in a histogram */
	uint64_t	groups;			/* bits of the interaction groups it is in */
	int8_t		monotone;		/* 1: the prediction may only rise with it, -1: fall */
	bool		categorical;
	bool		wide;			/* two bytes a value */
} TreeFeature;

/* Sizes and places; flat, in shared memory. */
typedef struct TreeShape
{
	int32_t		nfeatures;
	int32_t		ncolumns;		/* byte columns */
	int32_t		nwide;			/* two-byte columns */
	int32_t		hist_bins;		/* bins of a histogram, all features */
	int32_t		noutputs;
	int32_t		stride;			/* bytes of a record, a multiple of 8 */
	bool		moving;			/* records move with `order` */
	int32_t		block_rows;		/* a power of two */
	int32_t		train_blocks;
	int32_t		nblocks;
	int32_t		blocks_per_piece;
	int32_t		npieces;
	int64_t		ntrain;
	int64_t		nvalid;
	bool		has_weight;
	bool		has_hash;
	size_t		block_size;
	size_t		score, target, weight, hash, shift, gradient, hessian, order, wide, records;	/* offsets in a block */
} TreeShape;

/* One block, resolved to addresses in this process. */
typedef struct TreeBlock
{
	int			nrows;
	double	   *score;			/* [noutputs][block_rows] margins so far */
	double	   *target;
	double	   *weight;			/* NULL: all 1 */
	uint64_t   *hash;			/* NULL: the fit does not sample */
	double	   *shift;			/* several outputs: log of the sum of exponentials of the scores */
	float	   *gradient;
	float	   *hessian;
	uint16_t   *order;			/* rows, those of a leaf together */
	uint16_t   *wide;			/* row-major */
	uint8_t    *records;		/* of row order[i] if they move, else of row i */
} TreeBlock;

typedef struct TreeData
{
	TreeShape	shape;
	const TreeFeature *features;
	TreeBlock  *blocks;			/* [shape.nblocks] */
} TreeData;

#define TREE_RECORD_BINS 4		/* where bins begin in a record, after 32 bits of packed numbers */
#define TREE_MOVING_BYTES 64	/* longest record that moves */

/* Rows of a fit before they are binned; see Algorithm.fit_rows. */
static inline bool
fit_row_counts(const FitRows *rows, int64_t row)
{
	return rows->weight == NULL || rows->weight[row] > 0;
}

/*
 * Places, given nfeatures, columns, outputs, numbers of rows and what rows
 * have; TOO_LARGE when not even few rows fit a piece.
 */
extern CoreStatus tree_shape_complete(CoreEnv *env, TreeShape *shape);
/* Takes the pieces; the leader's view of them. `features` must outlive it. */
extern CoreStatus tree_data_create(CoreEnv *env, Team *team, const TreeShape *shape, const TreeFeature *features, TreeData *data);
/* A helper's view: pieces first_piece .. of the team. */
extern CoreStatus tree_data_attach(CoreEnv *env, const Team *team, int first_piece, const TreeShape *shape, const TreeFeature *features, TreeData *data);

#endif							/* CORE_TREE_DATA_H */
