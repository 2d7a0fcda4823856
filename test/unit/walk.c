/*
 * walk.c: walks down the trees of a model; see walk.h.
 */
#include "support.h"

#include <math.h>

#include "core/tree_model.h"
#include "walk.h"

WalkTree *
walk_trees(CoreEnv *env, const Model *model, int *ntrees)
{
	const int32_t *tree_nodes = model_array(model, "tree_nodes")->data;
	const int32_t *feature = model_array(model, "node_feature")->data;
	WalkTree   *trees;
	int64_t		node = 0;
	int64_t		leaf = 0;

	*ntrees = (int) model_array(model, "tree_nodes")->rows;
	trees = env_alloc(env, (size_t) *ntrees, sizeof(WalkTree));
	for (int t = 0; t < *ntrees; t++)
	{
		WalkTree   *tree = &trees[t];
		int64_t		inner = 0;

		tree->first = node;
		tree->count = tree_nodes[t];
		tree->children = env_alloc(env, (size_t) tree->count, sizeof(int64_t));
		tree->leaf = env_alloc(env, (size_t) tree->count, sizeof(int64_t));
		tree->depth = env_alloc(env, (size_t) tree->count, sizeof(int));
		for (int64_t i = 0; i < tree->count; i++, node++)
		{
			if (feature[node] < 0)
			{
				tree->leaf[i] = leaf++;
				continue;
			}
			tree->children[i] = 2 * inner + 1;
			tree->depth[2 * inner + 1] = tree->depth[2 * inner + 2] = tree->depth[i] + 1;
			inner++;
		}
	}
	return trees;
}

int64_t
walk_row(const Model *model, const WalkTree *tree, const double *terms, size_t stride, int64_t *passed)
{
	const int32_t *feature = (const int32_t *) model_array(model, "node_feature")->data + tree->first;
	const double *threshold = (const double *) model_array(model, "node_threshold")->data + tree->first;
	const uint8_t *flags = (const uint8_t *) model_array(model, "node_flags")->data + tree->first;
	const uint32_t *sets = model_array(model, "category_sets")->data;
	int64_t		node = 0;

	for (;;)
	{
		double		x;
		bool		left;

		if (passed != NULL)
			passed[node]++;
		if (feature[node] < 0)
			return node;
		x = terms[(size_t) feature[node] * stride];
		if (flags[node] & NODE_CATEGORICAL)
		{
			int			code = isnan(x) ? model->transform->terms[feature[node]].ncategories : (int) x;

			left = (sets[(int64_t) threshold[node] + code / 32] >> (code % 32)) & 1;
		}
		else
			left = isnan(x) ? (flags[node] & NODE_DEFAULT_LEFT) != 0 : x <= threshold[node];
		node = tree->children[node] + (left ? 0 : 1);
	}
}
