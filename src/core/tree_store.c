/*
 * tree_store.c
 *	  Collects trees and writes them into a model; see tree_model.h.
 */
#include "core/tree_model.h"

#include <string.h>

#define FIRST_ROOM 256
#define POLL_NODES 8192

static CoreStatus
enlarge(CoreEnv *env, void **elements, int64_t used, int64_t room, size_t size)
{
	void	   *larger = env_alloc(env, (size_t) room, size);

	if (larger == NULL)
		return CORE_NO_MEMORY;
	env_copy(env, larger, *elements, (size_t) used * size);
	env_release(env, *elements);
	*elements = larger;
	return CORE_OK;
}

#define ENLARGE(array, used, room) CORE_TRY(enlarge(store->env, (void **) &(array), (used), (room), sizeof(*(array))))

static int64_t
grown(int64_t room)
{
	return room > 0 ? 2 * room : FIRST_ROOM;
}

void
tree_store_init(CoreEnv *env, TreeStore *store, int width)
{
	memset(store, 0, sizeof(*store));
	store->env = env;
	store->width = width;
}

CoreStatus
tree_store_add_tree(TreeStore *store, int nnodes)
{
	if (store->ntrees == store->tree_room)
	{
		ENLARGE(store->tree_nodes, store->ntrees, grown(store->tree_room));
		store->tree_room = (int) grown(store->tree_room);
	}
	store->tree_nodes[store->ntrees++] = nnodes;
	return CORE_OK;
}

static CoreStatus
enlarge_nodes(TreeStore *store)
{
	int64_t		room = grown(store->node_room);

	ENLARGE(store->feature, store->nnodes, room);
	ENLARGE(store->threshold, store->nnodes, room);
	ENLARGE(store->flags, store->nnodes, room);
	ENLARGE(store->gain, store->nnodes, room);
	ENLARGE(store->cover, store->nnodes, room);
	ENLARGE(store->count, store->nnodes, room);
	store->node_room = room;
	return CORE_OK;
}

CoreStatus
tree_store_add_set(TreeStore *store, const uint32_t *set, int set_words, double *position)
{
	while (store->nwords + set_words > store->word_room)
	{
		ENLARGE(store->words, store->nwords, grown(store->word_room));
		store->word_room = grown(store->word_room);
	}
	memcpy(store->words + store->nwords, set, (size_t) set_words * sizeof(int32_t));
	*position = (double) store->nwords;
	store->nwords += set_words;
	return CORE_OK;
}

CoreStatus
tree_store_add_node(TreeStore *store, const TreeStoredNode *node)
{
	int64_t		at = store->nnodes;

	if (at % POLL_NODES == 0)
		env_poll(store->env);
	if (at == store->node_room)
		CORE_TRY(enlarge_nodes(store));
	store->feature[at] = node->feature;
	store->threshold[at] = node->feature >= 0 ? node->threshold : 0;
	store->flags[at] = node->feature >= 0 ? node->flags : 0;
	store->gain[at] = node->feature >= 0 ? node->gain : 0;
	store->cover[at] = node->cover;
	store->count[at] = node->count;
	store->nnodes++;
	if (node->feature >= 0)
		return node->set != NULL && (node->flags & NODE_CATEGORICAL) ?
			tree_store_add_set(store, node->set, node->set_words, &store->threshold[at]) : CORE_OK;
	if (store->nleaves == store->leaf_room)
	{
		int64_t		room = grown(store->leaf_room);

		ENLARGE(store->value, store->nleaves * store->width, room * store->width);
		store->leaf_room = room;
	}
	memcpy(store->value + store->nleaves * store->width, node->value, (size_t) store->width * sizeof(double));
	store->nleaves++;
	return CORE_OK;
}

void
tree_store_truncate(TreeStore *store, int ntrees)
{
	while (store->ntrees > ntrees)
	{
		int64_t		first = store->nnodes - store->tree_nodes[--store->ntrees];

		while (store->nnodes > first)
		{
			store->nnodes--;
			if (store->feature[store->nnodes] < 0)
				store->nleaves--;
			else if (store->flags[store->nnodes] & NODE_CATEGORICAL)
				store->nwords = (int64_t) store->threshold[store->nnodes];
		}
	}
}

/* Copies an array into the model and gives it back. */
static CoreStatus
move_array(TreeStore *store, Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols, void *from)
{
	void	   *data;

	env_poll(store->env);
	CORE_TRY(model_add_array(store->env, model, name, type, rows, cols, &data));
	env_copy(store->env, data, from, (size_t) (rows * cols) * array_type_size(type));
	env_release(store->env, from);
	return CORE_OK;
}

/* Splits by term: how many, and the averages of what they gain and of what passes through them. */
static CoreStatus
add_importances(TreeStore *store, int nterms, Model *model)
{
	static const char *const names[] = {"importance_weight", "importance_gain", "importance_cover"};
	double	   *arrays[3];

	for (int i = 0; i < 3; i++)
		CORE_TRY(model_add_array(store->env, model, names[i], ARRAY_F64, nterms, 1, (void **) &arrays[i]));
	for (int64_t node = 0; node < store->nnodes; node++)
	{
		int			term = store->feature[node];

		if (node % POLL_NODES == 0)
			env_poll(store->env);
		if (term < 0)
			continue;
		arrays[0][term] += 1;
		arrays[1][term] += store->gain[node];
		arrays[2][term] += store->cover[node];
	}
	for (int term = 0; term < nterms; term++)
	{
		if (arrays[0][term] == 0)
			continue;
		arrays[1][term] /= arrays[0][term];
		arrays[2][term] /= arrays[0][term];
	}
	return CORE_OK;
}

CoreStatus
tree_store_finish(TreeStore *store, const double *base, int noutputs, int nterms, Model *model)
{
	double	   *copy;

	CORE_TRY(model_add_array(store->env, model, "base_score", ARRAY_F64, noutputs, 1, (void **) &copy));
	memcpy(copy, base, (size_t) noutputs * sizeof(double));
	CORE_TRY(add_importances(store, nterms, model));
	CORE_TRY(move_array(store, model, "tree_nodes", ARRAY_I32, store->ntrees, 1, store->tree_nodes));
	CORE_TRY(move_array(store, model, "node_feature", ARRAY_I32, store->nnodes, 1, store->feature));
	CORE_TRY(move_array(store, model, "node_threshold", ARRAY_F64, store->nnodes, 1, store->threshold));
	CORE_TRY(move_array(store, model, "node_flags", ARRAY_U8, store->nnodes, 1, store->flags));
	CORE_TRY(move_array(store, model, "node_gain", ARRAY_F64, store->nnodes, 1, store->gain));
	CORE_TRY(move_array(store, model, "node_cover", ARRAY_F64, store->nnodes, 1, store->cover));
	CORE_TRY(move_array(store, model, "node_count", ARRAY_I64, store->nnodes, 1, store->count));
	CORE_TRY(move_array(store, model, "leaf_value", ARRAY_F64, store->nleaves, store->width, store->value));
	return move_array(store, model, "category_sets", ARRAY_I32, store->nwords, 1, store->words);
}
