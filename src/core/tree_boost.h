/*
 * tree_boost.h
 *	  Gradient boosting: trees fitted one after the other to what is left.
 *
 * Friedman, "Greedy function approximation: a gradient boosting machine", 2001,
 * with second-order steps.  After each iteration the mean loss of the training
 * rows and of the validation rows is known; with early stopping the fit ends
 * when the latter has not improved for so many iterations, and trees after the
 * best iteration are dropped.
 */
#ifndef CORE_TREE_BOOST_H
#define CORE_TREE_BOOST_H

#include "core/tree_bins.h"
#include "core/tree_grow.h"
#include "core/tree_model.h"

/* One process's part in boosting. */
typedef struct TreeBooster
{
	TreeGrower	grower;
	int			iterations;		/* done */
	int			best_iteration; /* with the least validation loss; = iterations without early stopping */
	double	   *training_loss;	/* [n_estimators] mean loss after each iteration */
	double	   *eval_loss;		/* of validation rows, NaN without any */
	bool		diverged;		/* gradients left the range of single precision */
	int			pending;		/* output whose scores lack the tree just grown, -1: none */

	/* leader */
	const TreeBins *bins;		/* NULL in helpers */
	TreeStore	store;
} TreeBooster;

/* Every process, after tree_job_share or tree_job_attach of its grower. */
extern CoreStatus tree_boost(TreeBooster *booster);

#endif							/* CORE_TREE_BOOST_H */
