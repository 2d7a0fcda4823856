/*
 * tree_model.c
 *	  Checks the trees of a model and lays them out; see tree_model.h.
 *
 * Bytes of a model may be forged: every count, index, set and number is checked
 * here, so that scoring needs no checks.  Linear in the nodes.
 */
#include "core/tree_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/tree_scorer.h"

#define POLL_NODES 65536
#define TILE_BYTES 16384		/* of copied rows: half of the nearest cache */
#define MAX_TILE_ROWS 64

typedef struct Binder
{
	CoreEnv    *env;
	const Model *model;
	TreeScorer *scorer;
	const int32_t *tree_nodes;
	const double *value;
	int64_t		nleaves;
	int64_t		nwords;
	int64_t    *first;
	int32_t    *children;
	const double **leaf_value;
	ScoreNode  *nodes;
	double	   *leaf;
	ScoreTree  *trees;
	int32_t    *slot_of_term;	/* -1: not used */
} Binder;

static CoreStatus
corrupt(const Binder *bind, int64_t node, const char *what)
{
	return env_fail(bind->env, CORE_CORRUPT, "node %lld of the trees of the model %s", (long long) node, what);
}

static CoreStatus
require_arrays(Binder *bind)
{
	CoreEnv    *env = bind->env;
	const Model *model = bind->model;
	TreeEnsemble *trees = &bind->scorer->ensemble;
	const ModelArray *array;
	int64_t		nnodes;

	trees->noutputs = model->noutputs;
	CORE_TRY(model_require(env, model, "base_score", ARRAY_F64, trees->noutputs, 1, &array));
	trees->base = array->data;
	CORE_TRY(model_require(env, model, "tree_nodes", ARRAY_I32, -1, 1, &array));
	if (array->rows > INT32_MAX)
		return env_fail(env, CORE_CORRUPT, "the model has %lld trees", (long long) array->rows);
	trees->ntrees = (int) array->rows;
	bind->tree_nodes = array->data;
	CORE_TRY(model_require(env, model, "node_feature", ARRAY_I32, -1, 1, &array));
	nnodes = trees->nnodes = array->rows;
	trees->feature = array->data;
	CORE_TRY(model_require(env, model, "node_threshold", ARRAY_F64, nnodes, 1, &array));
	trees->threshold = array->data;
	CORE_TRY(model_require(env, model, "node_flags", ARRAY_U8, nnodes, 1, &array));
	trees->flags = array->data;
	CORE_TRY(model_require(env, model, "node_cover", ARRAY_F64, nnodes, 1, &array));
	trees->cover = array->data;
	CORE_TRY(model_require(env, model, "node_gain", ARRAY_F64, nnodes, 1, &array));
	CORE_TRY(model_require(env, model, "node_count", ARRAY_I64, nnodes, 1, &array));
	CORE_TRY(model_require(env, model, "category_sets", ARRAY_I32, -1, 1, &array));
	trees->sets = array->data;
	bind->nwords = array->rows;
	CORE_TRY(model_require(env, model, "leaf_value", ARRAY_F64, -1, -1, &array));
	if (array->cols != 1 && array->cols != trees->noutputs)
		return env_fail(env, CORE_CORRUPT, "leaves of the model have %lld values", (long long) array->cols);
	trees->width = (int) array->cols;
	bind->nleaves = array->rows;
	bind->value = array->data;
	if (trees->width == 1 && trees->noutputs > 0 && trees->ntrees % trees->noutputs != 0)
		return env_fail(env, CORE_CORRUPT, "the model has %d trees for %d outputs", trees->ntrees, trees->noutputs);
	for (int k = 0; k < trees->noutputs; k++)
	{
		if (!isfinite(trees->base[k]))
			return env_fail(env, CORE_CORRUPT, "base score %d of the model is not finite", k);
	}
	for (int64_t i = 0; i < bind->nleaves * trees->width; i++)
	{
		if (!isfinite(bind->value[i]))
			return env_fail(env, CORE_CORRUPT, "leaf value %lld of the model is not finite", (long long) i);
	}
	return CORE_OK;
}

static CoreStatus
alloc_layout(Binder *bind)
{
	TreeEnsemble *trees = &bind->scorer->ensemble;
	size_t		nnodes = (size_t) trees->nnodes;
	size_t		values;

	if (trees->nnodes > INT32_MAX / 2 || !size_multiply(nnodes, (size_t) trees->width, &values))
		return env_fail(bind->env, CORE_CORRUPT, "the model has %lld nodes", (long long) trees->nnodes);
	/* bounds what is taken below by what the model brings: forged nodes could come without values */
	if (bind->nleaves > INT32_MAX || 2 * bind->nleaves != trees->nnodes + trees->ntrees)
		return env_fail(bind->env, CORE_CORRUPT, "the model has values of %lld leaves for %lld nodes of %d trees",
						(long long) bind->nleaves, (long long) trees->nnodes, trees->ntrees);
	CORE_ALLOC(bind->env, bind->first, (size_t) trees->ntrees + 1);
	CORE_ALLOC(bind->env, bind->children, nnodes);
	CORE_ALLOC(bind->env, bind->leaf_value, nnodes);
	CORE_ALLOC(bind->env, bind->nodes, nnodes);
	CORE_ALLOC(bind->env, bind->leaf, values);
	CORE_ALLOC(bind->env, bind->trees, (size_t) trees->ntrees);
	CORE_ALLOC(bind->env, bind->slot_of_term, (size_t) bind->model->transform->nterms);
	trees->first_node = bind->first;
	trees->children = bind->children;
	trees->value = bind->leaf_value;
	return CORE_OK;
}

static CoreStatus
check_inner_node(const Binder *bind, int64_t node)
{
	const TreeEnsemble *trees = &bind->scorer->ensemble;
	const Transform *transform = bind->model->transform;
	int32_t		feature = trees->feature[node];
	double		threshold = trees->threshold[node];
	const Term *term;

	if (feature < 0 || feature >= transform->nterms)
		return corrupt(bind, node, "splits on a term that does not exist");
	if (trees->flags[node] & ~(NODE_DEFAULT_LEFT | NODE_CATEGORICAL))
		return corrupt(bind, node, "has unknown flags");
	if (threshold != threshold)
		return corrupt(bind, node, "has no threshold");
	term = &transform->terms[feature];
	if (term->categorical != ((trees->flags[node] & NODE_CATEGORICAL) != 0))
		return corrupt(bind, node, "splits a term of another kind");
	if (term->categorical &&
		!(threshold >= 0 && threshold <= (double) (bind->nwords - TREE_SET_WORDS(term->ncategories)) && threshold == floor(threshold)))
		return corrupt(bind, node, "refers to a set that does not exist");
	return CORE_OK;
}

/* Structure of one tree; `depth` is scratch for its nodes. */
static CoreStatus
check_tree(Binder *bind, int index, int32_t *depth, int64_t *leaves)
{
	TreeEnsemble *trees = &bind->scorer->ensemble;
	int64_t		first = bind->first[index];
	int64_t		count = bind->tree_nodes[index];
	int64_t		inner = 0;

	depth[first] = 0;
	for (int64_t i = 0; i < count; i++)
	{
		int64_t		node = first + i;

		if (node % POLL_NODES == 0)
			env_poll(bind->env);
		if (!(trees->cover[node] >= 0 && trees->cover[node] <= DBL_MAX))
			return corrupt(bind, node, "has an invalid cover");
		if (trees->feature[node] == -1)
		{
			if (*leaves >= bind->nleaves)
				return corrupt(bind, node, "is a leaf without a value");
			bind->leaf_value[node] = bind->value + *leaves * trees->width;
			(*leaves)++;
			if (depth[node] > bind->trees[index].depth)
				bind->trees[index].depth = depth[node];
			continue;
		}
		CORE_TRY(check_inner_node(bind, node));
		if (2 * inner + 1 <= i || 2 * inner + 2 >= count)
			return corrupt(bind, node, "has no children after it");
		if (depth[node] >= TREE_DEPTH_LIMIT)
			return corrupt(bind, node, "is too deep");
		bind->children[node] = (int32_t) (first + 2 * inner + 1);
		depth[first + 2 * inner + 1] = depth[node] + 1;
		depth[first + 2 * inner + 2] = depth[node] + 1;
		bind->trees[index].categorical |= (trees->flags[node] & NODE_CATEGORICAL) != 0;
		inner++;
	}
	if (count != 2 * inner + 1)
		return env_fail(bind->env, CORE_CORRUPT, "tree %d of the model has nodes without a parent", index);
	return CORE_OK;
}

static CoreStatus
check_trees(Binder *bind)
{
	TreeEnsemble *trees = &bind->scorer->ensemble;
	int64_t		position = 0;
	int64_t		leaves = 0;
	int32_t    *depth;

	for (int i = 0; i < trees->ntrees; i++)
	{
		bind->first[i] = position;
		if (bind->tree_nodes[i] < 1 || bind->tree_nodes[i] > trees->nnodes - position)
			return env_fail(bind->env, CORE_CORRUPT, "tree %d of the model has %d nodes", i, bind->tree_nodes[i]);
		position += bind->tree_nodes[i];
	}
	bind->first[trees->ntrees] = position;
	if (position != trees->nnodes)
		return env_fail(bind->env, CORE_CORRUPT, "the model has nodes that belong to no tree");
	CORE_ALLOC(bind->env, depth, (size_t) trees->nnodes);
	for (int i = 0; i < trees->ntrees; i++)
	{
		CORE_TRY(check_tree(bind, i, depth, &leaves));
		bind->trees[i].root = score_position(bind->first[i]);
		if (bind->trees[i].depth > trees->depth)
			trees->depth = bind->trees[i].depth;
	}
	env_release(bind->env, depth);
	if (leaves != bind->nleaves)
		return env_fail(bind->env, CORE_CORRUPT, "the model has leaf values that belong to no leaf");
	return CORE_OK;
}

/* Numbers the terms that nodes look at. */
static CoreStatus
list_used_terms(Binder *bind)
{
	const TreeEnsemble *trees = &bind->scorer->ensemble;
	const Transform *transform = bind->model->transform;
	int32_t    *used;
	int32_t    *ncategories;

	for (int64_t node = 0; node < trees->nnodes; node++)
	{
		if (node % POLL_NODES == 0)
			env_poll(bind->env);
		if (trees->feature[node] >= 0)
			bind->slot_of_term[trees->feature[node]] = 1;
	}
	CORE_ALLOC(bind->env, used, (size_t) transform->nterms);
	CORE_ALLOC(bind->env, ncategories, (size_t) transform->nterms);
	for (int term = 0; term < transform->nterms; term++)
	{
		if (bind->slot_of_term[term] == 0)
			continue;
		bind->slot_of_term[term] = bind->scorer->nused;
		ncategories[bind->scorer->nused] = transform->terms[term].categorical ? transform->terms[term].ncategories : 0;
		used[bind->scorer->nused++] = term;
	}
	bind->scorer->used = used;
	bind->scorer->ncategories = ncategories;
	return CORE_OK;
}

static void
lay_out_nodes(Binder *bind)
{
	const TreeEnsemble *trees = &bind->scorer->ensemble;

	for (int64_t node = 0; node < trees->nnodes; node++)
	{
		ScoreNode  *to = &bind->nodes[node];
		int32_t		slot;

		if (node % POLL_NODES == 0)
			env_poll(bind->env);
		if (trees->feature[node] < 0)
		{
			to->threshold = INFINITY;
			to->left = score_position(node);
			memcpy(bind->leaf + node * trees->width, trees->value[node], (size_t) trees->width * sizeof(double));
			continue;
		}
		slot = bind->slot_of_term[trees->feature[node]];
		/* rows have no infinities but for missing values */
		to->threshold = trees->threshold[node] > DBL_MAX ? DBL_MAX : trees->threshold[node];
		to->left = score_position(trees->children[node]);
		if (trees->flags[node] & NODE_CATEGORICAL)
			to->slot = -1 - slot;
		else
			to->slot = 2 * slot + ((trees->flags[node] & NODE_DEFAULT_LEFT) ? 1 : 0);
	}
}

CoreStatus
tree_model_bind(CoreEnv *env, Model *model)
{
	Binder		bind = {.env = env, .model = model};
	TreeScorer *scorer;

	CORE_ALLOC(env, scorer, 1);
	bind.scorer = scorer;
	CORE_TRY(require_arrays(&bind));
	CORE_TRY(alloc_layout(&bind));
	CORE_TRY(check_trees(&bind));
	CORE_TRY(list_used_terms(&bind));
	lay_out_nodes(&bind);
	env_release(env, bind.slot_of_term);
	scorer->nodes = bind.nodes;
	scorer->leaf = bind.leaf;
	scorer->trees = bind.trees;
	scorer->tile_rows = MAX_TILE_ROWS;
	while (scorer->tile_rows > 1 && (size_t) scorer->tile_rows * 2 * (size_t) scorer->nused * sizeof(double) > TILE_BYTES)
		scorer->tile_rows /= 2;
	model->scorer = scorer;
	return CORE_OK;
}

CoreStatus
tree_model_check_values(CoreEnv *env, const Model *model, double least, double most)
{
	const TreeScorer *scorer = model->scorer;
	const TreeEnsemble *trees = &scorer->ensemble;
	const ModelArray *array = model_array(model, "leaf_value");
	const double *value = array->data;

	for (int k = 0; k < trees->noutputs; k++)
	{
		if (!(trees->base[k] >= least && trees->base[k] <= most))
			return env_fail(env, CORE_CORRUPT, "base score %d of the model is %g", k, trees->base[k]);
	}
	for (int64_t i = 0; i < array->rows * array->cols; i++)
	{
		if (i % POLL_NODES == 0)
			env_poll(env);
		if (!(value[i] >= least && value[i] <= most))
			return env_fail(env, CORE_CORRUPT, "leaf value %lld of the model is %g", (long long) i, value[i]);
	}
	return CORE_OK;
}
