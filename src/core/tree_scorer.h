/*
 * tree_scorer.h
 *	  Trees laid out for scoring; shared by tree_model.c and tree_score.c.
 *
 * A node takes 16 bytes.  Positions count 8 bytes, two for each node, so that an
 * address needs no shift.  A leaf is a node that every value passes to itself,
 * so a walk may go on past it and needs no branch.  Rows are copied first: each
 * used term once for nodes that send missing values right (as infinity) and
 * once for those that send them left (as minus infinity); infinities of the
 * data become the largest numbers.
 */
#ifndef CORE_TREE_SCORER_H
#define CORE_TREE_SCORER_H

#include "core/tree_model.h"

typedef struct ScoreNode
{
	double		threshold;		/* categories: where the set begins */
	uint32_t	left;			/* position of the left child, the right one follows; leaves: their own */
	int32_t		slot;			/* of the row's copy; categories: -1 - used term */
} ScoreNode;

typedef struct ScoreTree
{
	uint32_t	root;			/* position */
	int32_t		depth;
	bool		categorical;	/* has such nodes */
} ScoreTree;

/* model->scorer of models of trees. */
typedef struct TreeScorer
{
	TreeEnsemble ensemble;		/* first */
	int			nused;
	const int32_t *used;		/* terms that some node looks at */
	const int32_t *ncategories; /* of each used term; 0: a number */
	const ScoreNode *nodes;
	const double *leaf;			/* [nnodes x width] values of leaves */
	const ScoreTree *trees;
	int			tile_rows;		/* rows that score_rows copies at a time */
	const struct TreeMasks *masks;	/* of hastened models that have them, else NULL */
} TreeScorer;

static inline uint32_t
score_position(int64_t node)
{
	return 2 * (uint32_t) node;
}

static inline const ScoreNode *
score_node_at(const ScoreNode *nodes, uint32_t position)
{
	return (const ScoreNode *) ((const double *) nodes + position);
}

#endif							/* CORE_TREE_SCORER_H */
