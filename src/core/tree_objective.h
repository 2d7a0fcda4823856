/*
 * tree_objective.h
 *	  Losses that boosting minimises: gradients, hessians, starting values.
 *
 * With margin f and target y, per unit of weight:
 *	  squared     (f - y)^2 / 2
 *	  absolute    |f - y|            leaves: lower weighted median of y - f
 *	  huber       (f - y)^2 / 2 up to |f - y| = delta, linear beyond
 *	              leaves: that median plus the mean of the clipped rest
 *	  quantile    (y - f) (alpha - [y < f])    leaves: lower weighted quantile
 *	  poisson     exp(f) - y f
 *	  gamma       f + y exp(-f)
 *	  tweedie     exp((2 - p) f) / (2 - p) - y exp((1 - p) f) / (1 - p)
 *	  binary      log(1 + exp(f)) - y f, y in {0, 1}
 *	  multiclass  log(sum_k exp(f_k)) - f_y
 * Poisson, gamma and tweedie have hessians kept away from zero by their own
 * expected values, which steady the first steps.
 */
#ifndef CORE_TREE_OBJECTIVE_H
#define CORE_TREE_OBJECTIVE_H

#include "core/tree_histogram.h"

typedef enum TreeLoss
{
	LOSS_SQUARED = 0,
	LOSS_ABSOLUTE,
	LOSS_HUBER,
	LOSS_QUANTILE,
	LOSS_POISSON,
	LOSS_GAMMA,
	LOSS_TWEEDIE,
	LOSS_BINARY,
	LOSS_MULTICLASS
} TreeLoss;

typedef struct TreeObjective
{
	TreeLoss	loss;
	double		alpha;			/* quantile */
	double		delta;			/* huber */
	double		power;			/* tweedie: between 1 and 2 */
} TreeObjective;

/* Sums over the rows of a block, in the order of rows. */
typedef struct TreeBlockStatistics
{
	TreeExtent	extent;
	double		loss;			/* of the scores before this step, weighted */
} TreeBlockStatistics;

/* Whether the loss comes with the gradients, of which it takes a fraction of what tree_loss would. */
static inline bool
tree_loss_with_gradients(const TreeObjective *objective)
{
	return objective->loss == LOSS_BINARY;
}

/*
 * Gradients and hessians of a block's scores with respect to output k, and
 * their extent.  For the first output also the loss, and what the others need
 * to know of all scores (TreeBlock.shift).
 */
extern void tree_gradients(CoreEnv *env, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block, int k, TreeBlockStatistics *statistics);
/* The same, with the widest vectors or with those that every machine has: the same bits. For tests. */
extern void tree_gradients_on(CoreEnv *env, bool wide, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block, int k,
							  TreeBlockStatistics *statistics);
/* Loss of a block, summed in the order of rows. */
extern double tree_loss(CoreEnv *env, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block);
/* Whether leaves take order statistics of residuals instead of Newton steps. */
static inline bool
tree_objective_renews(const TreeObjective *objective)
{
	return objective->loss == LOSS_ABSOLUTE || objective->loss == LOSS_HUBER || objective->loss == LOSS_QUANTILE;
}

/*
 * The constant margins that minimise the loss of the rows given their offsets
 * (regression and binary: one; multiclass: log shares); what the trees start
 * from.  Sets delta of huber.  NUMERIC where a target is outside the loss's
 * domain.
 */
extern CoreStatus tree_objective_start(CoreEnv *env, TreeObjective *objective, const FitRows *rows, const double *weight, int noutputs, double *base);

#endif							/* CORE_TREE_OBJECTIVE_H */
