/*
 * tree_boost.c
 *	  The iterations of boosting; see tree_boost.h.
 *
 * Every process runs the same loop.  Scores are brought up to date with the
 * last tree by the pass that computes the next gradients, block by block, while
 * the block is in the cache.
 */
#include "core/tree_boost.h"

#include <math.h>
#include <string.h>

#define WORST_TREND 1e-12		/* relative improvement of the loss that counts as one */

/* ------------------------------------------------------------ storing a tree */

static uint8_t
node_flags(const TreeNode *node)
{
	return (uint8_t) ((node->split.default_left ? NODE_DEFAULT_LEFT : 0) | (node->split.categorical ? NODE_CATEGORICAL : 0));
}

static double
node_threshold(const TreeBins *bins, const TreeNode *node)
{
	const TreeFeature *feature = &bins->features[node->split.feature];

	if (node->split.categorical)
		return 0;
	return node->split.bin < feature->nbins - 1 ? bins->edges[node->split.feature][node->split.bin] : INFINITY;
}

/* Hessian sums of all nodes: leaves' own, then parents from their children, who come after them. */
static void
fill_covers(const TreeGrower *grower, double *cover)
{
	double		gradient;

	for (int leaf = 0; leaf < grower->nleaves; leaf++)
		tree_leaf_totals(grower, leaf, &gradient, &cover[grower->leaves[leaf].node]);
	for (int i = grower->nnodes - 1; i >= 0; i--)
	{
		int			children = grower->nodes[i].children;

		if (children != 0)
			cover[i] = cover[children] + cover[children + 1];
	}
}

static CoreStatus
store_tree(TreeBooster *booster)
{
	TreeGrower *grower = &booster->grower;
	int			nnodes = grower->nnodes;
	double	   *cover;
	int		   *queue;
	int			tail = 1;

	CORE_ALLOC(grower->env, cover, (size_t) nnodes);
	CORE_ALLOC(grower->env, queue, (size_t) nnodes);
	fill_covers(grower, cover);
	CORE_TRY(tree_store_add_tree(&booster->store, nnodes));
	for (int head = 0; head < tail; head++)
	{
		const TreeNode *node = &grower->nodes[queue[head]];
		TreeStoredNode stored = {0};

		stored.cover = cover[queue[head]];
		stored.count = node->rows;
		stored.feature = -1;
		if (node->children != 0)
		{
			stored.feature = node->split.feature;
			stored.threshold = node_threshold(booster->bins, node);
			stored.flags = node_flags(node);
			stored.gain = node->split.gain;
			stored.set = node->set;
			stored.set_words = TREE_SET_WORDS(booster->bins->features[node->split.feature].nbins);
			queue[tail++] = node->children;
			queue[tail++] = node->children + 1;
		}
		else
			stored.value = &grower->shared.leaf_value[node->leaf];
		CORE_TRY(tree_store_add_node(&booster->store, &stored));
	}
	env_release(grower->env, cover);
	env_release(grower->env, queue);
	return CORE_OK;
}

/* ------------------------------------------------------------ passes */

/* Scores up to date, then losses (first output) and gradients of output k, -1: none. */
static void
gradient_pass(TreeBooster *booster, int k)
{
	TreeGrower *grower = &booster->grower;
	const TreeJob *job = grower->job;
	const TreeShape *shape = &grower->data.shape;
	int64_t		unit;

	while ((unit = team_take(grower->team)) < shape->nblocks)
	{
		TreeBlock  *block = &grower->data.blocks[unit];
		TreeBlockStatistics *statistics = &grower->shared.statistics[unit];

		env_poll(grower->env);
		if (booster->pending >= 0)
			tree_rows_apply(grower, (int) unit, booster->pending);
		if ((k >= 0 && unit < shape->train_blocks) || (k <= 0 && tree_loss_with_gradients(&job->objective)))
			tree_gradients(grower->env, &job->objective, shape, block, k >= 0 ? k : 0, statistics);
		else if (k <= 0)
			statistics->loss = tree_loss(grower->env, &job->objective, shape, block);
	}
	booster->pending = -1;
	team_synchronize(grower->team, grower->env, NULL, NULL);
}

static void
merge_extents(TreeGrower *grower)
{
	TreeExtent *extent = &grower->extent;

	memset(extent, 0, sizeof(*extent));
	for (int i = 0; i < grower->data.shape.train_blocks; i++)
	{
		const TreeExtent *block = &grower->shared.statistics[i].extent;

		if (block->max_gradient > extent->max_gradient)
			extent->max_gradient = block->max_gradient;
		if (block->max_hessian > extent->max_hessian)
			extent->max_hessian = block->max_hessian;
		extent->gradient_squares += block->gradient_squares;
		extent->hessian_squares += block->hessian_squares;
		extent->rows += block->rows;
	}
}

/* Squares, since the largest magnitude does not see NaN. */
static bool
extent_is_finite(const TreeExtent *extent)
{
	return isfinite(extent->gradient_squares) && isfinite(extent->hessian_squares);
}

static double
mean_loss(const TreeGrower *grower, int first, int end, double weight)
{
	double		loss = 0;

	for (int i = first; i < end; i++)
		loss += grower->shared.statistics[i].loss;
	return weight > 0 ? loss / weight : NAN;
}

/* Losses after iteration number `iterations`; true when it is time to stop. */
static bool
note_losses(TreeBooster *booster)
{
	TreeGrower *grower = &booster->grower;
	const TreeShape *shape = &grower->data.shape;
	const TreeJob *job = grower->job;
	int			done = booster->iterations;
	double		best;

	if (done == 0)
		return false;
	booster->training_loss[done - 1] = mean_loss(grower, 0, shape->train_blocks, job->train_weight);
	booster->eval_loss[done - 1] = mean_loss(grower, shape->train_blocks, shape->nblocks, job->valid_weight);
	if (grower->team->rank == 0 && grower->team->progress != NULL)
		grower->team->progress(grower->team, done, job->n_estimators, booster->training_loss[done - 1]);
	if (job->early_stopping_rounds == 0 || shape->nvalid == 0)
	{
		booster->best_iteration = done;
		return false;
	}
	best = booster->best_iteration > 0 ? booster->eval_loss[booster->best_iteration - 1] : INFINITY;
	if (booster->best_iteration == 0 || booster->eval_loss[done - 1] < best - WORST_TREND * fabs(best))
		booster->best_iteration = done;
	return done - booster->best_iteration >= job->early_stopping_rounds;
}

/* Trees of all outputs; false when none could be split and no other sample would change that. */
static CoreStatus
boost_once(TreeBooster *booster, bool *grown)
{
	TreeGrower *grower = &booster->grower;
	const TreeJob *job = grower->job;

	*grown = job->sampling.subsample < 1 || job->sampling.colsample_bytree < 1 || job->sampling.colsample_bylevel < 1;
	for (int k = 0; k < job->shape.noutputs; k++)
	{
		if (k > 0)
			gradient_pass(booster, k);
		merge_extents(grower);
		booster->diverged = !extent_is_finite(&grower->extent);
		if (booster->diverged)
			return CORE_OK;
		tree_grow(grower, booster->iterations, k);
		booster->pending = k;
		*grown |= grower->nleaves > 1;
		if (booster->bins != NULL)
			CORE_TRY(store_tree(booster));
	}
	return CORE_OK;
}

CoreStatus
tree_boost(TreeBooster *booster)
{
	TreeGrower *grower = &booster->grower;
	const TreeJob *job = grower->job;
	bool		grown = true;

	CORE_TRY(tree_grower_init(grower));
	CORE_ALLOC(grower->env, booster->training_loss, (size_t) job->n_estimators);
	CORE_ALLOC(grower->env, booster->eval_loss, (size_t) job->n_estimators);
	booster->pending = -1;
	for (;;)
	{
		bool		last = booster->iterations == job->n_estimators || !grown;

		gradient_pass(booster, last ? -1 : 0);
		if (note_losses(booster) || last)
			break;
		CORE_TRY(boost_once(booster, &grown));
		if (booster->diverged)
			return CORE_OK;
		if (grown)
			booster->iterations++;
	}
	if (booster->bins != NULL)
		tree_store_truncate(&booster->store, booster->best_iteration * job->shape.noutputs);
	return CORE_OK;
}
