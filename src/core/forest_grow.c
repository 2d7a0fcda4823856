/*
 * forest_grow.c
 *	  Growing one tree on the records of its sample; see forest.h.
 *
 * Nodes are split depth first, while their records are in the cache, or, where
 * leaves are limited, those that gain most first.  Pruning cuts off what does
 * not pay ccp_alpha for each leaf: the smallest subtree that minimises impurity
 * plus ccp_alpha times leaves (Breiman et al., chapter 3) comes from one pass
 * over the nodes from the leaves up.
 */
#include "core/forest_internal.h"

#include <math.h>

#include "core/hash.h"

#define POLL_ROWS 16384

CoreStatus
forest_grower_create(const Forest *forest, ForestGrower **result)
{
	CoreEnv    *env = forest->env;
	const ForestJob *job = forest->job;
	size_t		categories = (size_t) job->most_grouped;
	ForestGrower *grower;

	CORE_ALLOC(env, grower, 1);
	grower->forest = forest;
	grower->width = job->width;
	CORE_ALLOC(env, grower->records, (size_t) job->nrows * job->record_stride);
	CORE_ALLOC(env, grower->spare, (size_t) job->nrows * job->record_stride);
	CORE_ALLOC(env, grower->copies, (size_t) job->nrows);
	CORE_ALLOC(env, grower->heap, (size_t) job->max_leaves);
	CORE_ALLOC(env, grower->risk, job->ccp_alpha > 0 ? 2 * (size_t) job->max_leaves : 0);
	CORE_ALLOC(env, grower->number, job->ccp_alpha > 0 ? 2 * (size_t) job->max_leaves : 0);
	CORE_ALLOC(env, grower->category_weight, categories);
	CORE_ALLOC(env, grower->category_sums, categories * (size_t) job->width);
	CORE_ALLOC(env, grower->category_key, categories);
	CORE_ALLOC(env, grower->category, categories);
	CORE_TRY(forest_split_init(grower));
	*result = grower;
	return CORE_OK;
}

/* ------------------------------------------------------------ waiting nodes */

static bool
comes_before(const ForestPending *a, const ForestPending *b)
{
	return a->key != b->key ? a->key > b->key : a->node < b->node;
}

static void
push(ForestGrower *grower, const ForestPending *pending)
{
	int			at = grower->npending++;

	for (; at > 0 && comes_before(pending, &grower->heap[(at - 1) / 2]); at = (at - 1) / 2)
		grower->heap[at] = grower->heap[(at - 1) / 2];
	grower->heap[at] = *pending;
}

static ForestPending
pop(ForestGrower *grower)
{
	ForestPending first = grower->heap[0];
	ForestPending last = grower->heap[--grower->npending];
	int			at = 0;
	int			child;

	while ((child = 2 * at + 1) < grower->npending)
	{
		if (child + 1 < grower->npending && comes_before(&grower->heap[child + 1], &grower->heap[child]))
			child++;
		if (!comes_before(&grower->heap[child], &last))
			break;
		grower->heap[at] = grower->heap[child];
		at = child;
	}
	grower->heap[at] = last;
	return first;
}

/* ------------------------------------------------------------ nodes */

static void
set_values(ForestGrower *grower, int node, const ForestRange *range)
{
	double	   *values = grower->slot.values + (size_t) node * (size_t) grower->width;

	if (grower->width == 1)
		values[0] = range->mean;
	for (int k = 0; k < grower->width && grower->width > 1; k++)
		values[k] = grower->class_total[k] / range->weight;
}

/* A node for a range; it waits to be split if that is possible. `shift` is a number near the mean. */
static void
add_node(ForestGrower *grower, double shift, ForestRange *range)
{
	const ForestJob *job = grower->forest->job;
	int			number = grower->slot.nnodes++;
	ForestNode *node = &grower->slot.nodes[number];
	ForestPending pending;

	forest_range_measure(grower, shift, range);
	set_values(grower, number, range);
	memset(node, 0, sizeof(*node));
	node->feature = -1;
	node->cover = range->weight;
	node->rows = range->count;
	if (job->ccp_alpha > 0)
		grower->risk[number] = range->impurity;
	if (number == 0)
		grower->root_weight = range->weight;
	if (range->pure || range->depth >= job->max_depth || range->count < job->min_samples_split || range->count < 2 * job->min_samples_leaf)
		return;
	pending.node = number;
	pending.range = *range;
	forest_search(grower, range, hash_seeded((uint64_t) number, grower->seed), &pending.split);
	if (pending.split.gain == 0)
		return;
	pending.key = job->best_first ? pending.split.gain : number;
	push(grower, &pending);
}

/* Where values are cut that lie between the two sides: in the middle, as far as edges allow; groups: in the middle of them. */
static int
cut_bin(const Forest *forest, const ForestSplit *split)
{
	const double *edges = forest->edges[split->feature];
	int			low = split->bin;
	int			high = split->next - 1;
	double		middle;

	if (split->next < 0)
		return forest->features[split->feature].nbins - 1;
	if (forest->features[split->feature].grouped)
		return low + (high - low) / 2;
	if (low == high)
		return low;
	middle = edges[low] / 2 + edges[high] / 2;
	while (low < high)
	{
		int			bin = low + (high - low) / 2;

		if (edges[bin] < middle)
			low = bin + 1;
		else
			high = bin;
	}
	return low > split->bin && middle - edges[low - 1] < edges[low] - middle ? low - 1 : low;
}

static inline int
record_bin(const char *bins, int feature, bool fine)
{
	return fine ? ((const uint16_t *) bins)[feature] : ((const uint8_t *) bins)[feature];
}

/* Records that go left first, both sides in the order they had; returns how many. */
static int64_t
divide(ForestGrower *grower, const ForestRange *range, const ForestNode *node)
{
	const Forest *forest = grower->forest;
	size_t		stride = forest->job->record_stride;
	bool		fine = forest->job->fine;
	const ForestFeature *feature = &forest->features[node->feature];
	const uint64_t *set = feature->unordered ? grower->slot.sets + (size_t) (node - grower->slot.nodes) * FOREST_SET_WORDS : NULL;
	int			missing = feature->grouped ? -1 : feature->nbins;
	const char *from = grower->records + (size_t) range->first * stride;
	char	   *left = grower->records + (size_t) range->first * stride;
	char	   *right = grower->spare;
	int64_t		nleft;

	for (int64_t i = 0; i < range->count; i++, from += stride)
	{
		int			bin = record_bin(from + sizeof(ForestRecord), node->feature, fine);
		size_t		goes_left = set != NULL ? forest_in_set(set, bin) : bin == missing ? node->default_left : bin <= node->bin;

		if (i % POLL_ROWS == 0)
			env_poll(forest->env);
		/* to both places: a branch would be mispredicted for every other row */
		memcpy(right, from, stride);
		memmove(left, from, stride);
		left += goes_left * stride;
		right += (1 - goes_left) * stride;
	}
	nleft = (int64_t) ((size_t) (left - grower->records) / stride) - range->first;
	env_copy(forest->env, left, grower->spare, (size_t) (right - grower->spare));
	return nleft;
}

static void
split_node(ForestGrower *grower, const ForestPending *pending)
{
	ForestNode *node = &grower->slot.nodes[pending->node];
	const ForestRange *range = &pending->range;
	ForestRange sides[2] = {{0}};
	int64_t		nleft;

	node->feature = pending->split.feature;
	if (grower->forest->features[node->feature].unordered)
		memcpy(grower->slot.sets + (size_t) pending->node * FOREST_SET_WORDS, pending->split.set, sizeof(pending->split.set));
	else
		node->bin = cut_bin(grower->forest, &pending->split);
	node->default_left = pending->split.default_left;
	node->gain = pending->split.gain;
	nleft = divide(grower, range, node);
	node->children = grower->slot.nnodes;
	grower->nleaves++;
	sides[0].first = range->first;
	sides[0].count = nleft;
	sides[1].first = range->first + nleft;
	sides[1].count = range->count - nleft;
	for (int side = 0; side < 2; side++)
	{
		sides[side].depth = range->depth + 1;
		add_node(grower, range->mean, &sides[side]);
	}
}

/* ------------------------------------------------------------ pruning */

/* Drops nodes below leaves; the others keep their order, so that none is written over before it is read. */
static void
compact(ForestGrower *grower)
{
	ForestSlot *slot = &grower->slot;
	size_t		width = (size_t) grower->width;
	int32_t    *number = grower->number;
	int			kept = 0;

	memset(number, 0, (size_t) slot->nnodes * sizeof(int32_t));
	number[0] = 1;
	for (int i = 0; i < slot->nnodes; i++)
	{
		if (number[i] == 0)
			continue;
		number[i] = kept++;
		if (slot->nodes[i].children != 0)
			number[slot->nodes[i].children] = number[slot->nodes[i].children + 1] = 1;
		else
			slot->nodes[i].feature = -1;
		slot->nodes[number[i]] = slot->nodes[i];
		memmove(slot->values + (size_t) number[i] * width, slot->values + (size_t) i * width, width * sizeof(double));
		if (grower->forest->job->has_unordered)
			memmove(slot->sets + (size_t) number[i] * FOREST_SET_WORDS, slot->sets + (size_t) i * FOREST_SET_WORDS, FOREST_SET_WORDS * sizeof(uint64_t));
	}
	for (int i = 0; i < kept; i++)
	{
		if (slot->nodes[i].children != 0)
			slot->nodes[i].children = number[slot->nodes[i].children];
	}
	slot->nnodes = kept;
}

static void
prune(ForestGrower *grower)
{
	const ForestJob *job = grower->forest->job;
	ForestSlot *slot = &grower->slot;
	double		price = job->ccp_alpha * grower->root_weight;

	/* risk[] becomes the cost of the best subtree */
	for (int i = slot->nnodes - 1; i >= 0; i--)
	{
		ForestNode *node = &slot->nodes[i];
		double		own = grower->risk[i] * forest_impurity_unit(job) + price;
		double		below;

		grower->risk[i] = own;
		if (node->children == 0)
			continue;
		below = grower->risk[node->children] + grower->risk[node->children + 1];
		if (own <= below)
		{
			node->children = 0;
			node->gain = 0;
		}
		else
			grower->risk[i] = below;
	}
	compact(grower);
}

void
forest_grow(ForestGrower *grower, int tree, int slot)
{
	const Forest *forest = grower->forest;
	const ForestJob *job = forest->job;
	ForestRange root = {0};

	grower->slot = forest_slot(forest, slot);
	grower->slot.nnodes = 0;
	grower->slot.cut = false;
	grower->seed = hash_seeded(0, forest_tree_seed(job, tree));
	grower->nleaves = 1;
	grower->npending = 0;
	for (int f = 0; f < job->nfeatures; f++)
		grower->order[f] = f;
	root.count = forest_sample(grower, tree, &grower->slot);
	add_node(grower, forest_record(grower, 0)->target, &root);
	while (grower->npending > 0 && grower->nleaves < job->max_leaves)
	{
		ForestPending pending = pop(grower);

		split_node(grower, &pending);
	}
	grower->slot.cut = grower->npending > 0;
	if (job->ccp_alpha > 0)
		prune(grower);
	forest_slot_close(forest, slot, &grower->slot);
}
