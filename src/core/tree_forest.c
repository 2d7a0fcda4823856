/*
 * tree_forest.c
 *	  Growing deep trees depth first; see tree_forest.h.
 */
#include "core/tree_forest.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"

#define SPARSE_RATIO 4			/* bins per row from which a node sorts instead of filling a histogram */
#define FIRST_ROOM 1024
#define POLL_ROWS 65536

static CoreStatus
enlarge(CoreEnv *env, void **elements, int64_t used, int64_t room, size_t size)
{
	void	   *larger = env_alloc(env, (size_t) room, size);

	if (larger == NULL)
		return CORE_NO_MEMORY;
	if (used > 0)
		memcpy(larger, *elements, (size_t) used * size);
	env_release(env, *elements);
	*elements = larger;
	return CORE_OK;
}

#define RESERVE(array, used, more, room) \
	do { \
		while ((used) + (more) > (room)) \
		{ \
			int64_t		larger_ = (room) > 0 ? 2 * (room) : FIRST_ROOM; \
			CORE_TRY(enlarge(grower->env, (void **) &(array), (used), larger_, sizeof(*(array)))); \
			(room) = larger_; \
		} \
	} while (0)

CoreStatus
forest_grower_init(CoreEnv *env, const ForestRows *rows, const ForestLimits *limits, ForestGrower *grower)
{
	int			nfeatures = rows->bins->nfeatures;
	size_t		most = 0;

	memset(grower, 0, sizeof(*grower));
	grower->env = env;
	grower->rows = rows;
	grower->limits = limits;
	grower->width = rows->nclasses > 2 ? rows->nclasses : 1;
	for (int i = 0; i < nfeatures; i++)
		most = (size_t) rows->bins->features[i].nbins + 1 > most ? (size_t) rows->bins->features[i].nbins + 1 : most;
	CORE_TRY(tree_search_init(env, &limits->rules, rows->bins->features, nfeatures, &grower->search));
	grower->search.scale = &rows->scale;
	CORE_ALLOC(env, grower->copies, (size_t) rows->n);
	CORE_ALLOC(env, grower->order, (size_t) rows->n);
	CORE_ALLOC(env, grower->sums, most);
	CORE_ALLOC(env, grower->class_sums, rows->nclasses > 2 ? most * (size_t) rows->nclasses : 0);
	CORE_ALLOC(env, grower->class_total, 3 * (size_t) (rows->nclasses + 1));
	CORE_ALLOC(env, grower->touched, most);
	CORE_ALLOC(env, grower->position, most);
	CORE_ALLOC(env, grower->bin_order, most);
	CORE_ALLOC(env, grower->features, (size_t) nfeatures);
	CORE_ALLOC(env, grower->set, (size_t) grower->search.set_words);
	CORE_ALLOC(env, grower->best_set, (size_t) grower->search.set_words);
	return CORE_OK;
}

/* ------------------------------------------------------------ bins of a node */

/* The bins of one feature that a node's rows are in. */
typedef struct NodeBins
{
	TreeFeature feature;		/* with as many bins as are told apart */
	bool		compact;		/* bin i stands for touched[i] */
	bool		missing;		/* the last touched one is the missing one */
} NodeBins;

static void
sort_bins(uint16_t *bins, int n)
{
	for (int gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
	{
		for (int i = gap; i < n; i++)
		{
			uint16_t	bin = bins[i];
			int			j = i;

			for (; j >= gap && bins[j - gap] > bin; j -= gap)
				bins[j] = bins[j - gap];
			bins[j] = bin;
		}
	}
}

/* Numbers the bins that occur in a small node. */
static void
compact_bins(ForestGrower *grower, const ForestNode *node, const uint16_t *column, NodeBins *bins)
{
	int			nbins = bins->feature.nbins;
	int			n = 0;
	int			distinct = 0;

	for (int64_t i = 0; i < node->count; i++)
		grower->touched[n++] = column[grower->order[node->first + i]];
	sort_bins(grower->touched, n);
	for (int i = 0; i < n; i++)
	{
		if (distinct == 0 || grower->touched[distinct - 1] != grower->touched[i])
			grower->touched[distinct++] = grower->touched[i];
	}
	for (int i = 0; i < distinct; i++)
		grower->position[grower->touched[i]] = (uint16_t) i;
	bins->compact = true;
	bins->missing = distinct > 0 && grower->touched[distinct - 1] == nbins;
	bins->feature.nbins = distinct - bins->missing;
}

static void
fill_sums(ForestGrower *grower, const ForestNode *node, const uint16_t *column, const NodeBins *bins)
{
	const ForestRows *rows = grower->rows;

	for (int64_t i = 0; i < node->count; i++)
	{
		uint32_t	row = grower->order[node->first + i];
		int			bin = bins->compact ? grower->position[column[row]] : column[row];
		int64_t		copies = grower->copies[row];

		if (rows->nclasses > 2)
			grower->class_sums[(size_t) bin * (size_t) rows->nclasses + (size_t) rows->class_of[row]] += copies * rows->weight[row];
		else
			grower->sums[bin].gradient -= copies * rows->moment[row];
		grower->sums[bin].hessian += copies * rows->weight[row];
	}
}

static void
clear_sums(ForestGrower *grower, const NodeBins *bins)
{
	size_t		count = (size_t) bins->feature.nbins + 1;

	memset(grower->sums, 0, count * sizeof(TreeSums));
	if (grower->rows->nclasses > 2)
		memset(grower->class_sums, 0, count * (size_t) grower->rows->nclasses * sizeof(int64_t));
}

/* ------------------------------------------------------------ many classes */

/* sum of squares of the class sums over their total */
static double
purity(const int64_t *classes, int nclasses, double total)
{
	double		squares = 0;

	for (int k = 0; k < nclasses; k++)
		squares += (double) classes[k] * (double) classes[k];
	return total > 0 ? squares / total : 0;
}

/* Moves a bin from the right side to the left one. */
static void
move_bin(ForestGrower *grower, int bin)
{
	int			nclasses = grower->rows->nclasses;
	const int64_t *sums = grower->class_sums + (size_t) bin * (size_t) nclasses;
	int64_t    *left = grower->class_total + nclasses;
	int64_t    *right = left + nclasses;

	for (int k = 0; k < nclasses; k++)
	{
		left[k] += sums[k];
		right[k] -= sums[k];
	}
}

/* The order in which bins go left: numbers as they are, categories by their share of the node's largest class. */
static int
order_bins(ForestGrower *grower, const TreeFeature *feature, int32_t *order)
{
	int			nclasses = grower->rows->nclasses;
	int			largest = 0;
	int			count = 0;

	for (int bin = 0; bin < feature->nbins + (feature->categorical ? 1 : 0); bin++)
	{
		if (grower->sums[bin].hessian > 0)
			order[count++] = bin;
	}
	if (!feature->categorical)
		return count;
	for (int k = 1; k < nclasses; k++)
		largest = grower->class_total[k] > grower->class_total[largest] ? k : largest;
	for (int i = 1; i < count; i++)
	{
		int32_t		bin = order[i];
		double		share = (double) grower->class_sums[(size_t) bin * (size_t) nclasses + (size_t) largest] / (double) grower->sums[bin].hessian;
		int			j = i;

		for (; j > 0; j--)
		{
			int32_t		before = order[j - 1];

			if ((double) grower->class_sums[(size_t) before * (size_t) nclasses + (size_t) largest] / (double) grower->sums[before].hessian <= share)
				break;
			order[j] = before;
		}
		order[j] = bin;
	}
	return count;
}

/* One pass over the ordered bins; numbers: missing values on the left if `missing_left`. */
static void
scan_classes(ForestGrower *grower, const TreeNodeSums *node, const TreeFeature *feature, int index, const int32_t *order, int count, bool missing_left, TreeSplit *best, uint32_t *set)
{
	int			nclasses = grower->rows->nclasses;
	int64_t    *left = grower->class_total + nclasses;
	int64_t    *right = left + nclasses;
	double		total = (double) node->total.hessian;
	double		own = purity(grower->class_total, nclasses, total);
	double		least = node->min_rows * total / (double) node->rows - 0.5 * total / (double) node->rows;
	double		left_total = 0;
	int			found = -1;

	memset(left, 0, (size_t) nclasses * sizeof(int64_t));
	memcpy(right, grower->class_total, (size_t) nclasses * sizeof(int64_t));
	if (missing_left)
	{
		move_bin(grower, feature->nbins);
		left_total += (double) grower->sums[feature->nbins].hessian;
	}
	for (int i = 0; i < count; i++)
	{
		double		gain;

		move_bin(grower, order[i]);
		left_total += (double) grower->sums[order[i]].hessian;
		if (left_total < least || total - left_total < least || total - left_total < 1)
			continue;
		gain = (purity(left, nclasses, left_total) + purity(right, nclasses, total - left_total) - own) / grower->rows->scale.hessian;
		if (gain <= best->gain || gain < 1e-10 * own / grower->rows->scale.hessian || gain < grower->limits->rules.min_split_gain)
			continue;
		best->gain = gain;
		best->feature = index;
		best->bin = feature->categorical ? -1 : order[i];
		best->categorical = feature->categorical;
		best->default_left = missing_left;
		best->left_hessian = left_total;
		found = i;
	}
	if (found < 0)
		return;
	if (!feature->categorical && grower->sums[feature->nbins].hessian == 0)
		best->default_left = 2 * best->left_hessian >= total;
	if (!feature->categorical)
		return;
	memset(set, 0, (size_t) grower->search.set_words * sizeof(uint32_t));
	for (int i = 0; i <= found; i++)
		set[order[i] / 32] |= UINT32_C(1) << (order[i] % 32);
}

static void
search_classes(ForestGrower *grower, const TreeNodeSums *node, const TreeFeature *feature, int index, int32_t *order, TreeSplit *best, uint32_t *set)
{
	int			count = order_bins(grower, feature, order);

	scan_classes(grower, node, feature, index, order, count, false, best, set);
	if (!feature->categorical && grower->sums[feature->nbins].hessian > 0)
		scan_classes(grower, node, feature, index, order, count, true, best, set);
}

/* ------------------------------------------------------------ one node */

/* Compact bins back to the feature's own. */
static void
expand_split(ForestGrower *grower, const NodeBins *bins, TreeSplit *split)
{
	int			words = grower->search.set_words;

	if (!bins->compact)
	{
		memcpy(grower->best_set, grower->set, (size_t) words * sizeof(uint32_t));
		return;
	}
	if (!split->categorical)
	{
		split->bin = split->bin < bins->feature.nbins - 1 ? grower->touched[split->bin] : split->bin;
		return;
	}
	memset(grower->best_set, 0, (size_t) words * sizeof(uint32_t));
	for (int i = 0; i < bins->feature.nbins + bins->missing; i++)
	{
		int			bin = grower->touched[i];

		if ((grower->set[i / 32] >> (i % 32)) & 1)
			grower->best_set[bin / 32] |= UINT32_C(1) << (bin % 32);
	}
}

static void
try_feature(ForestGrower *grower, const ForestNode *node, const TreeNodeSums *sums, int index, TreeSplit *best)
{
	const ForestRows *rows = grower->rows;
	const TreeFeature *feature = &rows->bins->features[index];
	const uint16_t *column = rows->columns[index];
	NodeBins	bins = {*feature, false, false};
	double		before = best->gain;

	if (node->count * SPARSE_RATIO < feature->nbins)
		compact_bins(grower, node, column, &bins);
	fill_sums(grower, node, column, &bins);
	if (rows->nclasses > 2)
		search_classes(grower, sums, &bins.feature, index, grower->bin_order, best, grower->set);
	else
		tree_search_feature(&grower->search, &bins.feature, index, grower->sums, sums, best, grower->set);
	clear_sums(grower, &bins);
	if (best->gain > before)
	{
		/* the cut after the last value parts missing ones from all others */
		if (!best->categorical && best->bin == bins.feature.nbins - 1)
			best->bin = feature->nbins - 1;
		else
			expand_split(grower, &bins, best);
	}
}

/* Draws features without replacement; beyond max_features only while there is no split. */
static void
search_node(ForestGrower *grower, const ForestNode *node, const TreeNodeSums *sums, uint64_t seed, TreeSplit *best)
{
	int			nfeatures = grower->rows->bins->nfeatures;

	memset(best, 0, sizeof(*best));
	best->feature = -1;
	for (int i = 0; i < nfeatures; i++)
		grower->features[i] = i;
	for (int i = 0; i < nfeatures && (i < grower->limits->max_features || best->feature < 0); i++)
	{
		int			other = i + (int) (hash_seeded((uint64_t) i, seed) % (uint64_t) (nfeatures - i));
		int32_t		feature = grower->features[other];

		if (grower->limits->max_features >= nfeatures)
			feature = i;
		else
		{
			grower->features[other] = grower->features[i];
			grower->features[i] = feature;
		}
		env_poll(grower->env);
		try_feature(grower, node, sums, feature, best);
	}
}

static bool
goes_left(const ForestGrower *grower, const ForestNode *node, int bin)
{
	const TreeFeature *feature = &grower->rows->bins->features[node->split.feature];
	const uint32_t *set = grower->sets + node->set;

	if (node->split.categorical)
		return (set[bin / 32] >> (bin % 32)) & 1;
	return bin == feature->nbins ? node->split.default_left : bin <= node->split.bin;
}

/* Rows that go left first; returns their number. */
static int64_t
divide_rows(ForestGrower *grower, const ForestNode *node)
{
	const uint16_t *column = grower->rows->columns[node->split.feature];
	uint32_t   *order = grower->order + node->first;
	int64_t		left = 0;
	int64_t		right = node->count;

	while (left < right)
	{
		uint32_t	row = order[left];

		if (goes_left(grower, node, column[row]))
			left++;
		else
		{
			order[left] = order[--right];
			order[right] = row;
		}
	}
	return left;
}

/* Totals of a node; many classes: class_total, too. */
static void
sum_node(ForestGrower *grower, const ForestNode *node, TreeNodeSums *sums)
{
	const ForestRows *rows = grower->rows;

	memset(sums, 0, sizeof(*sums));
	if (rows->nclasses > 2)
		memset(grower->class_total, 0, (size_t) rows->nclasses * sizeof(int64_t));
	for (int64_t i = 0; i < node->count; i++)
	{
		uint32_t	row = grower->order[node->first + i];
		int64_t		copies = grower->copies[row];

		sums->rows += copies;
		sums->total.hessian += copies * rows->weight[row];
		if (rows->nclasses > 2)
			grower->class_total[rows->class_of[row]] += copies * rows->weight[row];
		else
			sums->total.gradient -= copies * rows->moment[row];
	}
	sums->min_rows = (double) grower->limits->rules.min_child_samples;
	sums->low = -INFINITY;
	sums->high = INFINITY;
}

static CoreStatus
make_leaf(ForestGrower *grower, ForestNode *node, const TreeNodeSums *sums)
{
	const ForestRows *rows = grower->rows;
	double		weight = (double) sums->total.hessian;
	double	   *values;

	RESERVE(grower->values, grower->nvalues, grower->width, grower->value_room);
	node->value = grower->nvalues;
	values = grower->values + grower->nvalues;
	grower->nvalues += grower->width;
	if (rows->nclasses > 2)
	{
		for (int k = 0; k < rows->nclasses; k++)
			values[k] = weight > 0 ? (double) grower->class_total[k] / weight : 1.0 / rows->nclasses;
		return CORE_OK;
	}
	values[0] = rows->centre;
	if (weight > 0)
		values[0] -= (double) sums->total.gradient / rows->scale.gradient / (weight / rows->scale.hessian);
	return CORE_OK;
}

static CoreStatus
add_children(ForestGrower *grower, int64_t index)
{
	ForestNode *node;
	int64_t		left;

	RESERVE(grower->nodes, grower->nnodes, 2, grower->node_room);
	RESERVE(grower->sets, grower->nsets, grower->search.set_words, grower->set_room);
	node = &grower->nodes[index];
	node->set = grower->nsets;
	if (node->split.categorical)
	{
		memcpy(grower->sets + grower->nsets, grower->best_set, (size_t) grower->search.set_words * sizeof(uint32_t));
		grower->nsets += grower->search.set_words;
	}
	left = divide_rows(grower, node);
	node->children = grower->nnodes;
	for (int side = 0; side < 2; side++)
	{
		ForestNode *child = &grower->nodes[grower->nnodes++];

		memset(child, 0, sizeof(*child));
		child->first = node->first + (side == 0 ? 0 : left);
		child->count = side == 0 ? left : node->count - left;
		child->depth = node->depth + 1;
	}
	return CORE_OK;
}

CoreStatus
forest_grow(ForestGrower *grower, int64_t tree)
{
	const ForestLimits *limits = grower->limits;
	uint64_t	seed = hash_seeded((uint64_t) tree, limits->seed);

	grower->ntaken = 0;
	grower->nsets = 0;
	grower->nvalues = 0;
	for (int64_t row = 0; row < grower->rows->n; row++)
	{
		if (grower->copies[row] > 0)
			grower->order[grower->ntaken++] = (uint32_t) row;
	}
	RESERVE(grower->nodes, 0, 1, grower->node_room);
	memset(&grower->nodes[0], 0, sizeof(ForestNode));
	grower->nodes[0].count = grower->ntaken;
	grower->nnodes = 1;

	/* breadth first: a limit on leaves then cuts all branches at about the same depth */
	for (int64_t index = 0; index < grower->nnodes; index++)
	{
		ForestNode *node = &grower->nodes[index];
		TreeNodeSums sums;

		sum_node(grower, node, &sums);
		node->cover = (double) sums.total.hessian / grower->rows->scale.hessian;
		node->split.feature = -1;
		if (node->depth < limits->max_depth && (grower->nnodes + 1) / 2 < limits->max_leaves &&
			sums.rows >= 2 * limits->rules.min_child_samples && node->count >= 2)
			search_node(grower, node, &sums, hash_seeded((uint64_t) index, seed), &node->split);
		if (node->split.feature < 0)
			CORE_TRY(make_leaf(grower, node, &sums));
		else
			CORE_TRY(add_children(grower, index));
	}
	return CORE_OK;
}

const double *
forest_values(const ForestGrower *grower, int64_t row)
{
	const ForestNode *node = grower->nodes;

	while (node->children != 0)
	{
		bool		left = goes_left(grower, node, grower->rows->columns[node->split.feature][row]);

		node = &grower->nodes[node->children + (left ? 0 : 1)];
	}
	return grower->values + node->value;
}

CoreStatus
forest_store(const ForestGrower *grower, double share, TreeStore *store)
{
	const TreeBins *bins = grower->rows->bins;
	double	   *values;

	CORE_ALLOC(grower->env, values, (size_t) grower->width);
	CORE_TRY(tree_store_add_tree(store, (int) grower->nnodes));
	for (int64_t i = 0; i < grower->nnodes; i++)
	{
		const ForestNode *node = &grower->nodes[i];
		TreeStoredNode stored = {0};

		stored.feature = node->split.feature;
		stored.cover = node->cover;
		stored.count = node->count;
		if (node->children == 0)
		{
			for (int k = 0; k < grower->width; k++)
				values[k] = grower->values[node->value + k] * share;
			stored.feature = -1;
			stored.value = values;
		}
		else
		{
			const TreeFeature *feature = &bins->features[node->split.feature];

			stored.gain = node->split.gain;
			stored.flags = (uint8_t) ((node->split.default_left ? NODE_DEFAULT_LEFT : 0) | (node->split.categorical ? NODE_CATEGORICAL : 0));
			stored.set = grower->sets + node->set;
			stored.set_words = TREE_SET_WORDS(feature->nbins);
			if (!node->split.categorical)
				stored.threshold = node->split.bin < feature->nbins - 1 ? bins->edges[node->split.feature][node->split.bin] : INFINITY;
		}
		CORE_TRY(tree_store_add_node(store, &stored));
	}
	env_release(grower->env, values);
	return CORE_OK;
}
