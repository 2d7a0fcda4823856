/*
 * tree_masks.h
 *	  Trees of few leaves as masks: rows are scored without walking.
 *
 * Each node forbids some leaves of its tree to a row: those on the other side.
 * What all nodes on one term forbid depends on the place of the row's value
 * among their thresholds alone, so it can be kept as a table of bit masks, one
 * bit for each leaf.  The intersection of the masks of all terms leaves one bit
 * in each tree: the leaf that a walk would end in.
 *
 * Masks of 16 trees (8 where trees have more than 32 leaves) stand together, 64
 * bytes wide, so one load and one AND do for them all what takes some 100 steps
 * of walks.  For 100 trees of 31 leaves on 28 terms the tables take 250 kB and a
 * row 0.4 of the time of walks.
 *
 * Method: Lucchese et al., "QuickScorer" (2015), whose bit masks these are,
 * tabulated by value instead of traversed node by node.
 */
#ifndef CORE_TREE_MASKS_H
#define CORE_TREE_MASKS_H

#include "core/tree_scorer.h"

#define TREE_MASK_LEAVES 64		/* trees with more are walked */

typedef struct TreeMasks TreeMasks;

/*
 * NULL in *result where walks do as well: large trees, or tables that would
 * leave the nearer caches.  `baseline`: no wider registers than every processor
 * has, for tests; the bits are the same.
 */
extern CoreStatus tree_masks_create(CoreEnv *env, const TreeScorer *scorer, bool baseline, const TreeMasks **result);
/* Margins of a row of terms, the bits of tree_model_score; scratch: two doubles for each used term. */
extern void tree_masks_score(const TreeMasks *masks, const double *terms, double *scratch, double *out);

#endif							/* CORE_TREE_MASKS_H */
