/*
 * tree_score.c
 *	  Walks rows down trees; see tree_scorer.h.
 *
 * A step down is a load, a comparison and an addition, without a branch.  One
 * walk waits for memory and comparisons, so several go at the same time: of one
 * row down several trees, or of several rows down one tree.
 */
#include "core/tree_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/tree_masks.h"

#define WALKS 16					/* at the same time */

/* A code as an index into sets; what is no code is never in a set. */
static inline double
clean_category(double code, int ncategories)
{
	if (code != code)
		return ncategories;
	return code >= 0 && code < ncategories ? floor(code) : -1;
}

/* copy[2 * slot] for nodes that send missing values right, copy[2 * slot + 1] for those that send them left. */
static void
copy_row(const TreeScorer *scorer, const double *terms, size_t stride, double *copy)
{
	for (int i = 0; i < scorer->nused; i++)
	{
		double		x = terms[(size_t) scorer->used[i] * stride];

		if (scorer->ncategories[i] > 0)
			x = clean_category(x, scorer->ncategories[i]);
		else
			x = x > DBL_MAX ? DBL_MAX : x;
		copy[2 * i] = x != x ? INFINITY : x;
		copy[2 * i + 1] = x != x ? -INFINITY : x;
	}
}

/* One level down. */
static inline uint32_t
step(const ScoreNode *nodes, uint32_t position, const double *copy)
{
	const ScoreNode *node = score_node_at(nodes, position);

	return node->left + 2 * (copy[(uint32_t) node->slot] > node->threshold);
}

/* Through a tree that may have categories. */
static uint32_t
walk_any(const TreeScorer *scorer, const ScoreTree *tree, const double *copy)
{
	uint32_t	position = tree->root;
	const ScoreNode *node = score_node_at(scorer->nodes, position);

	while (node->left != position)
	{
		if (node->slot < 0)
		{
			double		code = copy[2 * (-1 - node->slot)];
			int			category = (int) code;
			const uint32_t *set = scorer->ensemble.sets + (int64_t) node->threshold;

			position = node->left + 2 * !(category >= 0 && ((set[category / 32] >> (category % 32)) & 1));
		}
		else
			position = step(scorer->nodes, position, copy);
		node = score_node_at(scorer->nodes, position);
	}
	return position;
}

static void
add_leaf(const TreeScorer *scorer, int tree, uint32_t position, double *out)
{
	int			width = scorer->ensemble.width;
	const double *leaf = scorer->leaf + (size_t) (position / 2) * (size_t) width;

	if (width == 1)
	{
		out[tree % scorer->ensemble.noutputs] += leaf[0];
		return;
	}
	for (int k = 0; k < width; k++)
		out[k] += leaf[k];
}

/* A constant count keeps the walks in registers. */
static inline void
walk_levels(const ScoreNode *nodes, int depth, int count, const double *copy, uint32_t *at)
{
	for (int level = 0; level < depth; level++)
	{
		for (int j = 0; j < count; j++)
			at[j] = step(nodes, at[j], copy);
	}
}

/* One row down up to WALKS trees of numbers. */
static void
walk_trees(const TreeScorer *scorer, int first, int count, const double *copy, uint32_t *leaf)
{
	uint32_t	at[WALKS];
	int			depth = 0;

	for (int j = 0; j < count; j++)
	{
		const ScoreTree *tree = &scorer->trees[first + j];

		at[j] = tree->root;
		depth = tree->depth > depth ? tree->depth : depth;
	}
	if (count == WALKS)
		walk_levels(scorer->nodes, depth, WALKS, copy, at);
	else
		walk_levels(scorer->nodes, depth, count, copy, at);
	for (int j = 0; j < count; j++)
		leaf[j] = at[j];
}

/* One output, leaves of one value: most models. Returns the margin. */
static double
score_single(const TreeScorer *scorer, const double *copy)
{
	const double *value = scorer->leaf;
	int			ntrees = scorer->ensemble.ntrees;
	double		sum = scorer->ensemble.base[0];

	for (int first = 0; first < ntrees;)
	{
		uint32_t	leaf[WALKS];
		int			count = 0;

		while (count < WALKS && first + count < ntrees && !scorer->trees[first + count].categorical)
			count++;
		if (count == WALKS)
		{
			walk_trees(scorer, first, WALKS, copy, leaf);
			for (int j = 0; j < WALKS; j++)
				sum += value[leaf[j] / 2];
			first += WALKS;
			continue;
		}
		if (count > 0)
			walk_trees(scorer, first, count, copy, leaf);
		else
			leaf[count++] = walk_any(scorer, &scorer->trees[first], copy);
		for (int j = 0; j < count; j++)
			sum += value[leaf[j] / 2];
		first += count;
	}
	return sum;
}

void
tree_model_score(const Model *model, const double *terms, double *scratch, double *out)
{
	const TreeScorer *scorer = model->scorer;
	const TreeEnsemble *trees = &scorer->ensemble;

	if (scorer->masks != NULL)
	{
		tree_masks_score(scorer->masks, terms, scratch, out);
		return;
	}
	copy_row(scorer, terms, 1, scratch);
	if (trees->noutputs == 1 && trees->width == 1)
	{
		out[0] = score_single(scorer, scratch);
		return;
	}
	memcpy(out, trees->base, (size_t) trees->noutputs * sizeof(double));
	for (int first = 0; first < trees->ntrees;)
	{
		uint32_t	leaf[WALKS];
		int			count = 0;

		while (count < WALKS && first + count < trees->ntrees && !scorer->trees[first + count].categorical)
			count++;
		if (count > 0)
			walk_trees(scorer, first, count, scratch, leaf);
		else
		{
			leaf[0] = walk_any(scorer, &scorer->trees[first], scratch);
			count = 1;
		}
		for (int j = 0; j < count; j++)
			add_leaf(scorer, first + j, leaf[j], out);
		first += count;
	}
}

/* Up to WALKS rows down one tree of numbers. */
static void
walk_rows(const TreeScorer *scorer, const ScoreTree *tree, const double *copies, size_t stride, int count, uint32_t *leaf)
{
	const ScoreNode *nodes = scorer->nodes;
	uint32_t	at[WALKS];

	for (int j = 0; j < WALKS; j++)
		at[j] = tree->root;
	for (int level = 0; level < tree->depth; level++)
	{
		for (int j = 0; j < WALKS; j++)
			at[j] = step(nodes, at[j], copies + (size_t) (j < count ? j : 0) * stride);
	}
	for (int j = 0; j < count; j++)
		leaf[j] = at[j];
}

static void
score_tile(const TreeScorer *scorer, const double *copies, int n, double *out)
{
	const TreeEnsemble *trees = &scorer->ensemble;
	size_t		stride = 2 * (size_t) scorer->nused;
	size_t		noutputs = (size_t) trees->noutputs;

	for (int i = 0; i < n; i++)
		memcpy(out + (size_t) i * noutputs, trees->base, noutputs * sizeof(double));
	for (int index = 0; index < trees->ntrees; index++)
	{
		const ScoreTree *tree = &scorer->trees[index];

		for (int first = 0; first < n; first += WALKS)
		{
			int			count = n - first < WALKS ? n - first : WALKS;
			uint32_t	leaf[WALKS];

			if (tree->categorical)
				for (int j = 0; j < count; j++)
					leaf[j] = walk_any(scorer, tree, copies + (size_t) (first + j) * stride);
			else
				walk_rows(scorer, tree, copies + (size_t) first * stride, stride, count, leaf);
			for (int j = 0; j < count; j++)
				add_leaf(scorer, index, leaf[j], out + (size_t) (first + j) * noutputs);
		}
	}
}

void
tree_model_score_rows(const Model *model, const double *x, size_t ld, int n, double *scratch, double *out)
{
	const TreeScorer *scorer = model->scorer;

	for (int first = 0; first < n; first += scorer->tile_rows)
	{
		int			count = n - first < scorer->tile_rows ? n - first : scorer->tile_rows;

		for (int i = 0; i < count; i++)
			copy_row(scorer, x + first + i, ld, scratch + (size_t) i * 2 * (size_t) scorer->nused);
		score_tile(scorer, scratch, count, out + (size_t) first * (size_t) scorer->ensemble.noutputs);
	}
}

int
tree_model_scratch(const Model *model)
{
	const TreeScorer *scorer = model->scorer;

	return 2 * scorer->nused * scorer->tile_rows;
}

CoreStatus
tree_model_hasten(CoreEnv *env, const Model *model, const Model **result)
{
	const TreeMasks *masks;
	TreeScorer *scorer;
	Model	   *copy;

	*result = model;
	CORE_TRY(tree_masks_create(env, model->scorer, false, &masks));
	if (masks == NULL)
		return CORE_OK;
	CORE_ALLOC(env, scorer, 1);
	*scorer = *(const TreeScorer *) model->scorer;
	scorer->masks = masks;
	CORE_ALLOC(env, copy, 1);
	*copy = *model;
	copy->scorer = scorer;
	*result = copy;
	return CORE_OK;
}

bool
tree_goes_left(const TreeEnsemble *trees, int64_t node, const Term *terms, const double *row)
{
	double		x = row[trees->feature[node]];
	const uint32_t *set;
	int			category;

	x = x > DBL_MAX ? DBL_MAX : x;
	if (!(trees->flags[node] & NODE_CATEGORICAL))
		return x != x ? (trees->flags[node] & NODE_DEFAULT_LEFT) != 0 : x <= trees->threshold[node];
	category = (int) clean_category(x, terms[trees->feature[node]].ncategories);
	set = trees->sets + (int64_t) trees->threshold[node];
	return category >= 0 && ((set[category / 32] >> (category % 32)) & 1);
}
