/*
 * tree_grow.c
 *	  Growing one tree; see tree_grow.h.
 *
 * Synchronisations of a tree: one or two for the root and for each split, one
 * for the sums of leaves.  In the first the process that arrives last counts the
 * rows of the sides.  Where histograms are large, all processes then make them
 * and search them, some features each, and the last to arrive chooses; else it
 * has done so already while the others waited.
 *
 * Whether a side has min_child_samples rows is estimated from hessians while
 * searching and counted when the split is made; one that has too few is undone
 * and the leaf is searched again with a higher limit.
 */
#include "core/tree_grow.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"

#define UNIT_VALUES 150000		/* bins that a unit of work reads: about 0.1 ms */
#define UNIT_FEATURES 4			/* searched in a unit of work: about 10 us */
#define SHARED_BINS 2048		/* of a histogram, from which on processes share the search */

/* ------------------------------------------------------------ leaves and slots */

/* Frees the slot of the leaf that is least worth splitting. */
static int
evict_slot(TreeGrower *grower)
{
	int			worst = -1;

	for (int slot = 0; slot < grower->job->nslots; slot++)
	{
		int			leaf = grower->slot_leaf[slot];

		if (leaf == grower->current)
			continue;
		if (worst < 0 || grower->leaves[leaf].split.gain < grower->leaves[grower->slot_leaf[worst]].split.gain)
			worst = slot;
	}
	grower->leaves[grower->slot_leaf[worst]].slot = -1;
	return worst;
}

static int
take_slot(TreeGrower *grower, int leaf)
{
	int			slot = 0;

	while (slot < grower->job->nslots && grower->slot_leaf[slot] >= 0)
		slot++;
	if (slot == grower->job->nslots)
		slot = evict_slot(grower);
	grower->slot_leaf[slot] = leaf;
	return slot;
}

static void
free_slot(TreeGrower *grower, int leaf)
{
	if (grower->leaves[leaf].slot >= 0)
		grower->slot_leaf[grower->leaves[leaf].slot] = -1;
	grower->leaves[leaf].slot = -1;
}

/* A leaf below which nothing can be split has no use for a histogram. */
static bool
can_be_split(const TreeGrower *grower, int depth, int64_t rows)
{
	const TreeJob *job = grower->job;

	return depth < job->max_depth && rows >= 2 * job->rules.min_child_samples && rows >= 2;
}

static void
leaf_init(TreeGrower *grower, int index, int node, int depth)
{
	TreeLeaf   *leaf = &grower->leaves[index];
	uint32_t   *set = leaf->set;

	memset(leaf, 0, sizeof(*leaf));
	leaf->set = set;
	leaf->node = node;
	leaf->depth = depth;
	leaf->slot = -1;
	leaf->split.feature = -1;
	leaf->sums.min_rows = (double) grower->job->rules.min_child_samples;
	leaf->sums.groups = ~UINT64_C(0);
	leaf->sums.alone = -1;
	leaf->sums.low = -INFINITY;
	leaf->sums.high = INFINITY;
	grower->nodes[node].children = 0;
	grower->nodes[node].leaf = index;
}

/* ------------------------------------------------------------ sampled features */

static void
sift_down(uint64_t *heap, int root, int count)
{
	uint64_t	item = heap[root];
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && heap[child] < heap[child + 1])
			child++;
		if (item >= heap[child])
			break;
		heap[root] = heap[child];
		root = child;
	}
	heap[root] = item;
}

/* Keeps the share of the `from` features whose hashes are smallest, at least one. */
static void
sample_features(TreeGrower *grower, const uint8_t *from, double share, uint64_t seed, uint8_t *to)
{
	int			nfeatures = grower->data.shape.nfeatures;
	uint64_t   *heap = grower->key;
	int			available = 0;
	int			wanted;
	int			size = 0;

	for (int i = 0; i < nfeatures; i++)
		available += from[i];
	wanted = (int) ceil(share * available - 1e-9);
	wanted = wanted < 1 ? 1 : wanted;
	for (int i = 0; i < nfeatures; i++)
	{
		uint64_t	key = hash_seeded((uint64_t) i, seed);

		if (!from[i] || (size == wanted && key >= heap[0]))
			continue;
		if (size < wanted)
		{
			heap[size++] = key;
			for (int root = size / 2 - 1; size == wanted && root >= 0; root--)
				sift_down(heap, root, size);
			continue;
		}
		heap[0] = key;
		sift_down(heap, 0, size);
	}
	for (int i = 0; i < nfeatures; i++)
		to[i] = from[i] && (available <= wanted || hash_seeded((uint64_t) i, seed) <= heap[0]);
}

static const uint8_t *
features_of_level(TreeGrower *grower, int depth)
{
	if (grower->job->sampling.colsample_bylevel >= 1)
		return grower->allowed;
	sample_features(grower, grower->allowed, grower->job->sampling.colsample_bylevel,
					hash_seeded(grower->seed, (uint64_t) depth + 1), grower->allowed_level);
	return grower->allowed_level;
}

/* ------------------------------------------------- what the last process does */

static void
copy_set(const TreeGrower *grower, uint32_t *to, const uint32_t *from)
{
	memcpy(to, from, (size_t) grower->job->set_words * sizeof(uint32_t));
}

/* Moves the sums of all processes over one side into a histogram, from bin `first` on. */
static void
collect_bins(const TreeGrower *grower, int side, TreeSums *histogram, int first, int nbins)
{
	size_t		bytes = (size_t) nbins * sizeof(TreeSums);

	histogram += first;
	for (int rank = 0; rank < grower->team->size; rank++)
	{
		TreeSums   *partial = grower->shared.partial[2 * rank + side] + first;

		if (rank == 0)
			memcpy(histogram, partial, bytes);
		for (int i = 0; rank > 0 && i < nbins; i++)
		{
			histogram[i].gradient += partial[i].gradient;
			histogram[i].hessian += partial[i].hessian;
		}
		memset(partial, 0, bytes);
	}
}

/* histogram = histogram - other */
static void
subtract_bins(TreeSums *histogram, const TreeSums *other, int first, int nbins)
{
	for (int i = first; i < first + nbins; i++)
	{
		histogram[i].gradient -= other[i].gradient;
		histogram[i].hessian -= other[i].hessian;
	}
}

/* A feature's part of the histograms of the sides, from what was summed and the histogram of the leaf. */
static void
make_histograms(const TreeGrower *grower, const TreeFeature *feature)
{
	int			light = grower->light;
	int			nbins = feature->nbins + 1;
	TreeSums   *histograms[2];

	for (int side = 0; side < 2; side++)
		histograms[side] = grower->shared.slots[grower->side_slot[side]];
	if (light == SIDES_BOTH)
	{
		collect_bins(grower, 0, histograms[0], feature->offset, nbins);
		collect_bins(grower, 1, histograms[1], feature->offset, nbins);
		return;
	}
	collect_bins(grower, light, histograms[light], feature->offset, nbins);
	if (histograms[1 - light] != histograms[light])
		subtract_bins(histograms[1 - light], histograms[light], feature->offset, nbins);
}

/* Every row is in one bin of each feature, so any feature has the total of what was summed. */
static TreeSums
summed_total(const TreeGrower *grower, int side)
{
	const TreeFeature *feature = &grower->data.features[0];
	TreeSums	total = {0, 0};

	for (int rank = 0; rank < grower->team->size; rank++)
	{
		const TreeSums *partial = grower->shared.partial[2 * rank + side] + feature->offset;

		for (int bin = 0; bin <= feature->nbins; bin++)
		{
			total.gradient += partial[bin].gradient;
			total.hessian += partial[bin].hessian;
		}
	}
	return total;
}

/* A branch may go on with what shares a group with all that it has used. */
static bool
may_interact(const TreeFeature *feature, int index, const TreeNodeSums *sums)
{
	return sums->groups == ~UINT64_C(0) || (feature->groups & sums->groups) != 0 || index == sums->alone;
}

static void
search_leaf(TreeGrower *grower, const TreeSums *histogram, const TreeNodeSums *sums, int depth, TreeSplit *split, uint32_t *set)
{
	const uint8_t *allowed;

	memset(split, 0, sizeof(*split));
	split->feature = -1;
	if (!can_be_split(grower, depth, sums->rows))
		return;
	allowed = features_of_level(grower, depth);
	for (int i = 0; i < grower->data.shape.nfeatures; i++)
	{
		const TreeFeature *feature = &grower->data.features[i];

		if (i % 64 == 0)
			env_poll(grower->env);
		if (allowed[i] && may_interact(feature, i, sums))
			tree_search_feature(&grower->search, feature, i, histogram + feature->offset, sums, split, set);
	}
}

/* What is known of a side of the current leaf's split once its rows are counted; of the root, which is not split, as side 0. */
static void
side_sums(const TreeGrower *grower, int side, TreeNodeSums *sums)
{
	const TreeRules *rules = &grower->job->rules;
	const TreeLeaf *leaf = &grower->leaves[grower->current];
	const TreeDecision *decision = grower->shared.decision;
	int			monotone;
	double		value[2];
	double		middle;

	*sums = leaf->sums;
	sums->rows = decision->rows[side];
	sums->total = decision->total[side];
	if (leaf->split.feature < 0)
		return;
	monotone = tree_split_direction(&grower->data.features[leaf->split.feature], &leaf->split);
	sums->min_rows = (double) rules->min_child_samples;
	if (grower->job->interacting)
	{
		sums->groups &= grower->data.features[leaf->split.feature].groups;
		sums->alone = grower->data.features[leaf->split.feature].groups == 0 ? leaf->split.feature : -1;
	}
	if (monotone == 0)
		return;
	for (int i = 0; i < 2; i++)
		value[i] = tree_node_value(rules, (double) decision->total[i].gradient / grower->scale.gradient,
								   (double) decision->total[i].hessian / grower->scale.hessian, leaf->sums.low, leaf->sums.high);
	middle = value[0] + (value[1] - value[0]) / 2;
	if ((monotone > 0) == (side == 0))
		sums->high = middle;
	else
		sums->low = middle;
}

/* Rows of the smaller side as hessians suggest. */
static double
estimated_rows(const TreeNodeSums *sums, const TreeSplit *split)
{
	double		hessian = (double) sums->total.hessian;
	double		smaller = 2 * split->left_hessian < hessian ? split->left_hessian : hessian - split->left_hessian;

	return smaller * ((double) sums->rows / hessian);
}

static int64_t
collect_left_rows(const TreeGrower *grower)
{
	int64_t		rows = 0;

	for (int rank = 0; rank < grower->team->size; rank++)
	{
		rows += grower->shared.left_rows[rank * 8];
		grower->shared.left_rows[rank * 8] = 0;
	}
	return rows;
}

/* The current leaf's histogram from those summed of both sides, in the slot of the left one. */
static void
rejoin_histograms(const TreeGrower *grower)
{
	TreeSums   *histogram = grower->shared.slots[grower->side_slot[0]];
	TreeSums   *right = grower->shared.slots[grower->side_slot[1]];

	for (int i = 0; i < grower->data.shape.nfeatures; i++)
	{
		const TreeFeature *feature = &grower->data.features[i];

		env_poll(grower->env);
		make_histograms(grower, feature);
		for (int bin = feature->offset; bin <= feature->offset + feature->nbins; bin++)
		{
			histogram[bin].gradient += right[bin].gradient;
			histogram[bin].hessian += right[bin].hessian;
		}
	}
}

/* Puts the rows of leaf `right` back and searches the current leaf for something with more rows on each side. */
static void
reject_split(TreeGrower *grower, int right)
{
	const TreeLeaf *leaf = &grower->leaves[grower->current];
	TreeDecision *decision = grower->shared.decision;
	size_t		nblocks = (size_t) grower->data.shape.train_blocks;
	TreeSegment *segments = grower->shared.segments;
	TreeNodeSums sums = leaf->sums;

	for (size_t i = 0; i < nblocks; i++)
		segments[(size_t) grower->current * nblocks + i].count += segments[(size_t) right * nblocks + i].count;
	decision->rejected = true;
	sums.min_rows = estimated_rows(&leaf->sums, &leaf->split) + 1;
	search_leaf(grower, grower->shared.slots[leaf->slot >= 0 ? leaf->slot : grower->side_slot[0]], &sums, leaf->depth, &decision->split[0], grower->shared.sets);
}

static const uint8_t *
features_of_sides(TreeGrower *grower)
{
	return features_of_level(grower, grower->nleaves == 0 ? 0 : grower->leaves[grower->current].depth + 1);
}

/*
 * Histograms of features first .. end - 1 and their best splits of the sides.
 * Of the root only side 0 exists, and it is the current leaf.
 */
static void
search_sides(TreeGrower *grower, const uint8_t *allowed, int first, int end, TreeSplit splits[2], uint32_t *sets)
{
	const TreeLeaf *leaf = &grower->leaves[grower->current];
	bool		root = grower->nleaves == 0;
	int			depth = root ? 0 : leaf->depth + 1;
	TreeNodeSums sums[2];
	bool		wanted[2] = {false, false};

	for (int side = 0; side < (root ? 1 : 2); side++)
	{
		side_sums(grower, side, &sums[side]);
		wanted[side] = can_be_split(grower, depth, sums[side].rows);
	}
	for (int i = first; i < end; i++)
	{
		const TreeFeature *feature = &grower->data.features[i];

		env_poll(grower->env);
		make_histograms(grower, feature);
		for (int side = 0; side < 2; side++)
		{
			if (wanted[side] && allowed[i] && may_interact(feature, i, &sums[side]))
				tree_search_feature(&grower->search, feature, i, grower->shared.slots[grower->side_slot[side]] + feature->offset,
									&sums[side], &splits[side], sets + side * grower->job->set_words);
		}
	}
}

/* Counts and sums of the sides; their best splits where one process searches. */
static void
decide_sides(CoreEnv *env, void *argument)
{
	TreeGrower *grower = argument;
	const TreeLeaf *leaf = &grower->leaves[grower->current];
	TreeDecision *decision = grower->shared.decision;
	int64_t		least = grower->job->rules.min_child_samples > 1 ? grower->job->rules.min_child_samples : 1;
	bool		root = grower->nleaves == 0;

	(void) env;
	memset(decision, 0, sizeof(*decision));
	decision->rows[0] = collect_left_rows(grower);
	decision->rows[1] = root ? 0 : leaf->sums.rows - decision->rows[0];
	if (!root && (decision->rows[0] < least || decision->rows[1] < least))
	{
		if (grower->searching && grower->light == SIDES_BOTH)
			rejoin_histograms(grower);
		for (int side = 0; side < 2 && grower->searching && grower->light != SIDES_BOTH; side++)
			for (int rank = 0; rank < grower->team->size; rank++)
				memset(grower->shared.partial[2 * rank + side], 0, (size_t) grower->data.shape.hist_bins * sizeof(TreeSums));
		reject_split(grower, grower->nleaves);
		return;
	}
	for (int side = 0; side < 2; side++)
	{
		decision->split[side].feature = -1;
		if (grower->searching && grower->light != 1 - side)
			decision->total[side] = summed_total(grower, side);
	}
	if (!grower->searching)
		return;
	if (!root && grower->light != SIDES_BOTH)
	{
		int			heavy = 1 - grower->light;

		decision->total[heavy].gradient = leaf->sums.total.gradient - decision->total[grower->light].gradient;
		decision->total[heavy].hessian = leaf->sums.total.hessian - decision->total[grower->light].hessian;
	}
	if (grower->alone)
		search_sides(grower, features_of_sides(grower), 0, grower->data.shape.nfeatures, decision->split, grower->shared.sets);
}

/* The better of two splits; of equal ones that of the first feature, as one process would have found. */
static bool
is_better(const TreeSplit *split, const TreeSplit *than)
{
	if (split->feature < 0 || than->feature < 0)
		return split->feature >= 0;
	return split->gain > than->gain || (split->gain == than->gain && split->feature < than->feature);
}

/* The best of what the processes found. */
static void
choose_splits(CoreEnv *env, void *argument)
{
	TreeGrower *grower = argument;
	TreeDecision *decision = grower->shared.decision;
	int			set_words = grower->job->set_words;

	(void) env;
	for (int side = 0; side < 2; side++)
	{
		for (int rank = 0; rank < grower->team->size; rank++)
		{
			const TreeSplit *split = &grower->shared.candidates[rank].split[side];

			if (!is_better(split, &decision->split[side]))
				continue;
			decision->split[side] = *split;
			copy_set(grower, grower->shared.sets + side * set_words, grower->shared.candidate_sets + (2 * rank + side) * set_words);
		}
	}
}

/* What all processes do once a leaf's rows are divided. */
static void
decide(TreeGrower *grower)
{
	Team	   *team = grower->team;
	TreeSplit  *splits = grower->shared.candidates[team->rank].split;
	int			nfeatures = grower->data.shape.nfeatures;
	const uint8_t *allowed;
	int64_t		unit;

	grower->alone = team->size == 1 || grower->data.shape.hist_bins < SHARED_BINS;
	team_synchronize(team, grower->env, decide_sides, grower);
	if (grower->alone || !grower->searching || grower->shared.decision->rejected)
		return;
	for (int side = 0; side < 2; side++)
	{
		memset(&splits[side], 0, sizeof(splits[side]));
		splits[side].feature = -1;
	}
	allowed = features_of_sides(grower);
	while ((unit = team_take(team)) * UNIT_FEATURES < nfeatures)
	{
		int			first = (int) unit * UNIT_FEATURES;
		int			end = first + UNIT_FEATURES < nfeatures ? first + UNIT_FEATURES : nfeatures;

		search_sides(grower, allowed, first, end, splits, grower->shared.candidate_sets + 2 * team->rank * grower->job->set_words);
	}
	team_synchronize(team, grower->env, choose_splits, grower);
}

/* Adds up the sums of leaves into those of the leader, and takes Newton steps. */
static void
decide_values(CoreEnv *env, void *argument)
{
	TreeGrower *grower = argument;
	const TreeJob *job = grower->job;
	TreeLeafSums *sums = grower->shared.leaf_sums;
	double		gradient;
	double		hessian;

	(void) env;
	for (int rank = 1; rank < grower->team->size; rank++)
	{
		const TreeLeafSums *other = sums + (size_t) rank * (size_t) job->num_leaves;

		for (int leaf = 0; leaf < grower->nleaves; leaf++)
		{
			for (int part = 0; part < 2; part++)
			{
				sums[leaf].gradient[part] += other[leaf].gradient[part];
				sums[leaf].hessian[part] += other[leaf].hessian[part];
			}
		}
	}
	for (int leaf = 0; leaf < grower->nleaves; leaf++)
	{
		const TreeNodeSums *node = &grower->leaves[leaf].sums;

		tree_leaf_totals(grower, leaf, &gradient, &hessian);
		grower->shared.leaf_value[leaf] = job->learning_rate * tree_node_value(&job->rules, gradient, hessian, node->low, node->high);
	}
}

/* ------------------------------------------------------------ what all do */

void
tree_leaf_totals(const TreeGrower *grower, int leaf, double *gradient, double *hessian)
{
	const TreeLeafSums *sums = &grower->shared.leaf_sums[leaf];
	const TreeScale *scale = &grower->leaf_scale;

	*gradient = ((double) sums->gradient[0] + (double) sums->gradient[1] * 0x1p-30) / scale->gradient;
	*hessian = ((double) sums->hessian[0] + (double) sums->hessian[1] * 0x1p-30) / scale->hessian;
}

/* Blocks that make a unit of work on a leaf of so many rows. */
static int
blocks_per_unit(const TreeGrower *grower, int64_t rows)
{
	const TreeShape *shape = &grower->data.shape;
	int64_t		unit_rows = UNIT_VALUES / (shape->ncolumns + 2 * shape->nwide + 8) + 1;
	int64_t		blocks = rows > 0 ? unit_rows * shape->train_blocks / rows : shape->train_blocks;

	blocks = blocks < 1 ? 1 : blocks;
	return blocks < shape->train_blocks ? (int) blocks : shape->train_blocks;
}

static void
flush_sides(TreeGrower *grower)
{
	for (int side = 0; side < 2; side++)
		tree_accumulator_flush(&grower->accumulator[side], grower->shared.partial[2 * grower->team->rank + side]);
}

static void
grow_root(TreeGrower *grower)
{
	TreeDecision *decision = grower->shared.decision;
	TreeLeaf   *leaf = &grower->leaves[0];
	int64_t		block;
	int64_t		rows = 0;

	grower->nleaves = 0;
	grower->nnodes = 1;
	grower->current = 0;
	for (int slot = 0; slot < grower->job->nslots; slot++)
		grower->slot_leaf[slot] = -1;
	leaf_init(grower, 0, 0, 0);
	leaf->slot = take_slot(grower, 0);
	grower->searching = true;
	grower->light = 0;
	grower->side_slot[0] = grower->side_slot[1] = leaf->slot;
	while ((block = team_take(grower->team)) < grower->data.shape.train_blocks)
		rows += tree_rows_root(grower, (int) block);
	flush_sides(grower);
	grower->shared.left_rows[grower->team->rank * 8] = rows;
	decide(grower);
	grower->nleaves = 1;
	leaf->sums.rows = decision->rows[0];
	leaf->sums.total = decision->total[0];
	leaf->split = decision->split[0];
	copy_set(grower, leaf->set, grower->shared.sets);
	grower->nodes[0].rows = leaf->sums.rows;
}

/* The leaf to split next, -1 when none is worth it. */
static int
best_leaf(const TreeGrower *grower)
{
	int			best = -1;

	for (int leaf = 0; leaf < grower->nleaves; leaf++)
	{
		if (grower->leaves[leaf].split.feature < 0)
			continue;
		if (best < 0 || grower->leaves[leaf].split.gain > grower->leaves[best].split.gain)
			best = leaf;
	}
	return best;
}

/* Which side is summed, and where histograms go. */
static void
plan_split(TreeGrower *grower)
{
	TreeLeaf   *leaf = &grower->leaves[grower->current];

	/* a leaf that has lost its histogram gets it back from its sides, should the split be undone */
	grower->searching = grower->constrained || leaf->slot < 0 ||
		(grower->nleaves + 1 < grower->job->num_leaves && can_be_split(grower, leaf->depth + 1, leaf->sums.rows - grower->job->rules.min_child_samples));
	if (!grower->searching)
		return;
	if (leaf->slot < 0)
	{
		grower->light = SIDES_BOTH;
		grower->side_slot[0] = take_slot(grower, grower->current);
		grower->side_slot[1] = take_slot(grower, grower->nleaves);
		return;
	}
	grower->light = 2 * leaf->split.left_hessian <= (double) leaf->sums.total.hessian ? 0 : 1;
	grower->side_slot[1 - grower->light] = leaf->slot;
	grower->side_slot[grower->light] = take_slot(grower, grower->nleaves);
}

static void
undo_split(TreeGrower *grower)
{
	TreeLeaf   *leaf = &grower->leaves[grower->current];

	leaf->sums.min_rows = estimated_rows(&leaf->sums, &leaf->split) + 1;
	leaf->split = grower->shared.decision->split[0];
	copy_set(grower, leaf->set, grower->shared.sets);
	if (!grower->searching)
		return;
	if (leaf->slot < 0)
		leaf->slot = grower->side_slot[0];
	for (int side = 0; side < 2; side++)
	{
		if (grower->side_slot[side] != leaf->slot)
			grower->slot_leaf[grower->side_slot[side]] = -1;
	}
}

/* The leaf's node gets children; the leaf itself becomes the left one, a new leaf the right one. */
static void
commit_split(TreeGrower *grower)
{
	const TreeDecision *decision = grower->shared.decision;
	TreeLeaf   *leaf = &grower->leaves[grower->current];
	TreeNode   *node = &grower->nodes[leaf->node];
	int			sides[2] = {grower->current, grower->nleaves};
	int			depth = leaf->depth + 1;
	TreeNodeSums sums[2];

	for (int side = 0; side < 2; side++)
		side_sums(grower, side, &sums[side]);
	if (!grower->searching)
		free_slot(grower, grower->current);
	node->split = leaf->split;
	node->set = grower->node_sets + (size_t) (grower->nleaves - 1) * (size_t) grower->job->set_words;
	copy_set(grower, node->set, leaf->set);
	node->children = grower->nnodes;
	for (int side = 0; side < 2; side++)
	{
		TreeLeaf   *child = &grower->leaves[sides[side]];

		leaf_init(grower, sides[side], grower->nnodes + side, depth);
		grower->nodes[child->node].rows = decision->rows[side];
		child->sums = sums[side];
		child->split = decision->split[side];
		copy_set(grower, child->set, grower->shared.sets + side * grower->job->set_words);
		if (!grower->searching)
			continue;
		child->slot = grower->side_slot[side];
		grower->slot_leaf[child->slot] = sides[side];
		if (child->split.feature < 0)
			free_slot(grower, sides[side]);
	}
	grower->nnodes += 2;
	grower->nleaves++;
}

static void
split_leaf(TreeGrower *grower)
{
	const TreeShape *shape = &grower->data.shape;
	const TreeLeaf *leaf = &grower->leaves[grower->current];
	int			unit_blocks = blocks_per_unit(grower, leaf->sums.rows);
	int64_t		left_rows = 0;
	int64_t		unit;

	tree_rows_direct(grower, &leaf->split, leaf->set);
	while ((unit = team_take(grower->team)) * unit_blocks < shape->train_blocks)
	{
		int64_t		end = (unit + 1) * unit_blocks;

		for (int64_t block = unit * unit_blocks; block < end && block < shape->train_blocks; block++)
			left_rows += tree_rows_split(grower, (int) block, grower->nleaves);
	}
	if (grower->searching)
		flush_sides(grower);
	grower->shared.left_rows[grower->team->rank * 8] = left_rows;
	decide(grower);
	if (grower->shared.decision->rejected)
		undo_split(grower);
	else
		commit_split(grower);
}

static void
sum_leaves(TreeGrower *grower)
{
	TreeLeafSums *sums = grower->shared.leaf_sums + (size_t) grower->team->rank * (size_t) grower->job->num_leaves;
	int64_t		block;

	memset(sums, 0, (size_t) grower->nleaves * sizeof(*sums));
	while ((block = team_take(grower->team)) < grower->data.shape.train_blocks)
		tree_rows_sum(grower, (int) block, sums);
	team_synchronize(grower->team, grower->env, decide_values, grower);
}

static void
order_leaves(CoreEnv *env, void *argument)
{
	TreeGrower *grower = argument;

	(void) env;
	if (grower->constrained)
		tree_renew_order(grower);
}

/* Losses whose Newton steps say little about the best value of a leaf. */
static void
renew_leaves(TreeGrower *grower)
{
	int64_t		leaf;

	while ((leaf = team_take(grower->team)) < grower->nleaves)
		grower->shared.leaf_value[leaf] = tree_renew_leaf(grower, (int) leaf);
	team_synchronize(grower->team, grower->env, order_leaves, grower);
}

void
tree_grow(TreeGrower *grower, int64_t iteration, int output)
{
	const TreeSampling *sampling = &grower->job->sampling;
	int			nfeatures = grower->data.shape.nfeatures;

	grower->row_seed = hash_seeded((uint64_t) iteration, sampling->seed);
	grower->seed = hash_seeded((uint64_t) output, grower->row_seed);
	grower->scale = tree_scale_choose(&grower->extent);
	grower->leaf_scale = tree_leaf_scale(&grower->extent);
	grower->search.scale = &grower->scale;
	memset(grower->allowed, 1, (size_t) nfeatures);
	if (sampling->colsample_bytree < 1)
		sample_features(grower, grower->allowed, sampling->colsample_bytree, grower->seed, grower->allowed);
	grow_root(grower);
	while (grower->nleaves < grower->job->num_leaves && (grower->current = best_leaf(grower)) >= 0)
	{
		plan_split(grower);
		split_leaf(grower);
	}
	sum_leaves(grower);
	if (tree_objective_renews(&grower->job->objective))
		renew_leaves(grower);
}
