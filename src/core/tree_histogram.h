/*
 * tree_histogram.h
 *	  Sums of gradients and hessians by bin, as integers.
 *
 * Gradients and hessians become fixed-point numbers of 16 bits, scaled by
 * powers of two from their largest values, and travel together in one 64-bit
 * word: gradient << 32 + hessian.  Adding a row to a bin is one addition, and
 * sums do not depend on the order of rows.  32 bits hold the sums of
 * ACCUMULATOR_ROWS rows; before they could overflow, they are widened into two
 * 64-bit sums (TreeSums).
 *
 * Where few rows dwarf the others (TreeScale.precise), 16 bits are too few:
 * then each bin has two 64-bit sums from the start, at about twice the cost.
 */
#ifndef CORE_TREE_HISTOGRAM_H
#define CORE_TREE_HISTOGRAM_H

#include "core/tree_data.h"

#define ACCUMULATOR_ROWS 65536

/* Fixed-point sums of one bin. */
typedef struct TreeSums
{
	int64_t		gradient;
	int64_t		hessian;
} TreeSums;

/* From gradients to integers; the same for a whole tree. */
typedef struct TreeScale
{
	double		gradient;		/* powers of two: integer = round(value * scale) */
	double		hessian;
	bool		precise;
} TreeScale;

/* Of one row, for the sums of leaves. */
typedef struct TreeFixed
{
	int32_t		gradient;
	int32_t		hessian;
} TreeFixed;

/* What the scale is chosen from. */
typedef struct TreeExtent
{
	double		max_gradient;	/* largest magnitudes */
	double		max_hessian;
	double		gradient_squares;	/* sums of squares */
	double		hessian_squares;
	int64_t		rows;
} TreeExtent;

/* A process's own sums on the way to a histogram. */
typedef struct TreeAccumulator
{
	const TreeData *data;
	int			rows;			/* in `packed` */
	int64_t    *packed;			/* [hist_bins] gradient << 32 + hessian */
} TreeAccumulator;

/* The integer nearest to value * scale, halves away from zero. */
static inline int64_t
tree_fixed(double value, double scale)
{
	double		scaled = value * scale;

	return (int64_t) (scaled + (scaled < 0 ? -0.5 : 0.5));
}

extern TreeScale tree_scale_choose(const TreeExtent *extent);
/* As much resolution as 64-bit sums over all rows can have. */
extern TreeScale tree_sum_scale(const TreeExtent *extent);
/* For the sums of leaves: that where the scale is precise, else 30 bits for a row. */
extern TreeScale tree_leaf_scale(const TreeExtent *extent);
/* Gradients and hessians of a block's rows as records have them: gradient << 16 + hessian. Not for precise scales, nor is the next. */
extern void tree_pack(const TreeBlock *block, const TreeScale *scale, uint32_t *packed);
extern void tree_fix(const TreeBlock *block, const TreeScale *scale, TreeFixed *fixed);

extern CoreStatus tree_accumulator_init(CoreEnv *env, const TreeData *data, TreeAccumulator *accumulator);
/*
 * Adds n rows of a block, n <= ACCUMULATOR_ROWS; sums that leave the
 * accumulator on the way go to `sums`.  `records` are those of rows[0 ..] one
 * after the other where records move, else unused.
 */
extern void tree_accumulator_add(TreeAccumulator *accumulator, const TreeScale *scale, const TreeBlock *block, const uint8_t *records, const uint16_t *rows, int n, TreeSums *sums);
/* Moves what is left to `sums`; the accumulator is empty again. */
extern void tree_accumulator_flush(TreeAccumulator *accumulator, TreeSums *sums);

#endif							/* CORE_TREE_HISTOGRAM_H */
