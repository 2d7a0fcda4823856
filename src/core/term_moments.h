/*
 * term_moments.h
 *	  Weighted means and spreads of the terms of a design, block by block.
 *
 * Whoever reads a block for a fit records its moments while it is in the cache;
 * records are joined in the order of blocks, so the bits do not depend on who
 * recorded what.  Cost: 0.3 ns a value.
 */
#ifndef CORE_TERM_MOMENTS_H
#define CORE_TERM_MOMENTS_H

#include "core/algorithm.h"

/* A record: whether it is made, weight of the block, means, sums of squares around them. */
static inline size_t
term_moments_doubles(int nterms)
{
	return 2 + 2 * (size_t) nterms;
}

static inline bool
term_moments_made(const double *record)
{
	return record[0] != 0;
}

/* A record is zero before. */
extern void term_moments_record(const DesignBlock *block, double *record);
/* Mean and standard deviation (divided by the weight) of each term; all records are made. */
extern void term_moments_join(const double *records, int64_t nblocks, int nterms, double *mean, double *sd);

#endif							/* CORE_TERM_MOMENTS_H */
