/*
 * walk.h: walks down the trees of a model that use the stored arrays alone, to compare with what the code says.
 */
#ifndef MLOPS_TEST_WALK_H
#define MLOPS_TEST_WALK_H

#include "core/model.h"

/* One tree of a model by its arrays. */
typedef struct WalkTree
{
	int64_t		first;			/* node of the whole model */
	int64_t		count;
	int64_t    *children;		/* [count] of each node in this tree; 0: a leaf */
	int64_t    *leaf;			/* [count] number of the leaf in the whole model */
	int		   *depth;			/* [count] */
} WalkTree;

extern WalkTree *walk_trees(CoreEnv *env, const Model *model, int *ntrees);
/* Node of the tree, from its first, that a row's terms end in; passed[node] is counted up where not NULL. */
extern int64_t walk_row(const Model *model, const WalkTree *tree, const double *terms, size_t stride, int64_t *passed);

#endif							/* MLOPS_TEST_WALK_H */
