/*
 * tree_rows.c
 *	  Passes over the rows of a block; see tree_grow.h.
 *
 * A block's rows of one leaf lie together in `order`, in ascending order: the
 * division keeps it.  Left rows are written in place, right ones to spare
 * memory and back.  The histogram of the lighter side is summed chunk by
 * chunk, while the chunk's rows are in the nearest cache.
 */
#include "core/tree_grow.h"

#include <string.h>

#include "core/hash.h"

#define CHUNK_ROWS 512
#define FETCH_AHEAD 32			/* rows */

bool
tree_row_sampled(const TreeJob *job, uint64_t hash, uint64_t seed)
{
	return job->sampling.subsample >= 1 || hash_uniform(hash, seed) < job->sampling.subsample;
}

/* Rows of the tree first, then the others, both in ascending order. */
static int
order_rows(const TreeGrower *grower, TreeBlock *block)
{
	const TreeJob *job = grower->job;
	int			taken = 0;
	int			left_out = 0;

	if (job->sampling.subsample >= 1)
	{
		for (int i = 0; i < block->nrows; i++)
			block->order[i] = (uint16_t) i;
		return block->nrows;
	}
	for (int i = 0; i < block->nrows; i++)
	{
		bool		sampled = tree_row_sampled(job, block->hash[i], grower->row_seed);

		block->order[taken] = (uint16_t) i;
		grower->spare[left_out] = (uint16_t) i;
		taken += sampled;
		left_out += !sampled;
	}
	memcpy(block->order + taken, grower->spare, (size_t) left_out * sizeof(uint16_t));
	return taken;
}

int
tree_rows_root(TreeGrower *grower, int index)
{
	TreeBlock  *block = &grower->data.blocks[index];
	TreeSums   *sums = grower->shared.partial[2 * grower->team->rank];
	int			count = order_rows(grower, block);

	tree_pack(block, &grower->scale);
	grower->shared.segments[index].first = 0;
	grower->shared.segments[index].count = (uint16_t) count;
	for (int first = 0; first < count; first += CHUNK_ROWS)
	{
		int			rows = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;

		env_poll(grower->env);
		tree_accumulator_add(&grower->accumulator[0], &grower->scale, block, block->order + first, rows, sums);
	}
	return count;
}

void
tree_rows_direct(TreeGrower *grower, const TreeSplit *split, const uint32_t *set)
{
	const TreeFeature *feature = &grower->data.features[split->feature];

	for (int bin = 0; bin <= feature->nbins; bin++)
		grower->goes_left[bin] = split->categorical ? (set[bin / 32] >> (bin % 32)) & 1 :
			bin == feature->nbins ? split->default_left : bin <= split->bin;
}

/*
 * Divides n rows of order[]: those that go left to left[], which may be order
 * itself, the others to right[]; returns how many went left.
 */
static int
divide_bytes(const uint8_t *column, size_t stride, const uint8_t *goes_left, const uint16_t *order, int n, uint16_t *left, uint16_t *right)
{
	int			nleft = 0;

	for (int i = 0; i < n; i++)
	{
		uint16_t	row = order[i];
		int			is_left = goes_left[column[row * stride]];

		__builtin_prefetch(column + order[i + FETCH_AHEAD] * stride);
		left[nleft] = row;
		right[i - nleft] = row;
		nleft += is_left;
	}
	return nleft;
}

static int
divide_wide(const uint16_t *column, size_t stride, const uint8_t *goes_left, const uint16_t *order, int n, uint16_t *left, uint16_t *right)
{
	int			nleft = 0;

	for (int i = 0; i < n; i++)
	{
		uint16_t	row = order[i];
		int			is_left = goes_left[column[row * stride]];

		left[nleft] = row;
		right[i - nleft] = row;
		nleft += is_left;
	}
	return nleft;
}

static int
divide(const TreeGrower *grower, const TreeBlock *block, const uint16_t *order, int n, uint16_t *left, uint16_t *right)
{
	const TreeFeature *feature = &grower->data.features[grower->leaves[grower->current].split.feature];
	const TreeShape *shape = &grower->data.shape;

	if (feature->wide)
		return divide_wide(block->wide + feature->column, (size_t) shape->nwide, grower->goes_left, order, n, left, right);
	return divide_bytes(block->bins + feature->column, (size_t) shape->ncolumns, grower->goes_left, order, n, left, right);
}

int
tree_rows_split(TreeGrower *grower, int index, int right)
{
	const TreeShape *shape = &grower->data.shape;
	TreeBlock  *block = &grower->data.blocks[index];
	TreeSegment *segment = &grower->shared.segments[(size_t) grower->current * (size_t) shape->train_blocks + (size_t) index];
	TreeSegment *other = &grower->shared.segments[(size_t) right * (size_t) shape->train_blocks + (size_t) index];
	TreeSums  **sums = grower->shared.partial + 2 * grower->team->rank;
	uint16_t   *order = block->order + segment->first;
	int			count = segment->count;
	int			nleft = 0;
	int			nright = 0;

	for (int first = 0; first < count; first += CHUNK_ROWS)
	{
		int			rows = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;
		int			chunk_left = divide(grower, block, order + first, rows, order + nleft, grower->spare + nright);

		env_poll(grower->env);
		if (grower->searching && grower->light != 1)
			tree_accumulator_add(&grower->accumulator[0], &grower->scale, block, order + nleft, chunk_left, sums[0]);
		if (grower->searching && grower->light != 0)
			tree_accumulator_add(&grower->accumulator[1], &grower->scale, block, grower->spare + nright, rows - chunk_left, sums[1]);
		nleft += chunk_left;
		nright += rows - chunk_left;
	}
	memcpy(order + nleft, grower->spare, (size_t) nright * sizeof(uint16_t));
	other->first = (uint16_t) (segment->first + nleft);
	other->count = (uint16_t) nright;
	segment->count = (uint16_t) nleft;
	return nleft;
}

/* Adds the nearest integer to sums[0], and to sums[1] what that leaves, 2^30 times finer. */
static inline void
add_fixed(int64_t sums[2], double value, double scale, bool precise)
{
	int64_t		whole = tree_fixed(value, scale);

	sums[0] += whole;
	if (precise)
		sums[1] += tree_fixed(value - (double) whole / scale, scale * 0x1p30);
}

void
tree_rows_sum(TreeGrower *grower, int index, TreeLeafSums *sums)
{
	const TreeShape *shape = &grower->data.shape;
	const TreeBlock *block = &grower->data.blocks[index];
	bool		precise = grower->scale.precise;
	TreeScale	scale = tree_sum_scale(&grower->extent);

	env_poll(grower->env);
	for (int leaf = 0; leaf < grower->nleaves; leaf++)
	{
		const TreeSegment *segment = &grower->shared.segments[(size_t) leaf * (size_t) shape->train_blocks + (size_t) index];
		const uint16_t *order = block->order + segment->first;
		TreeLeafSums sum = {{0, 0}, {0, 0}};

		for (int i = 0; i < segment->count; i++)
		{
			add_fixed(sum.gradient, block->gradient[order[i]], scale.gradient, precise);
			add_fixed(sum.hessian, block->hessian[order[i]], scale.hessian, precise);
		}
		for (int part = 0; part < 2; part++)
		{
			sums[leaf].gradient[part] += sum.gradient[part];
			sums[leaf].hessian[part] += sum.hessian[part];
		}
	}
}

/* Bin of a row, the missing one included. */
static inline int
bin_of_row(const TreeShape *shape, const TreeFeature *feature, const TreeBlock *block, int row)
{
	if (feature->wide)
		return block->wide[(size_t) row * (size_t) shape->nwide + (size_t) feature->column];
	return block->bins[(size_t) row * (size_t) shape->ncolumns + (size_t) feature->column];
}

/* Leaf that a row falls into. */
static int
walk(const TreeGrower *grower, const TreeBlock *block, int row)
{
	const TreeNode *node = grower->nodes;

	while (node->children != 0)
	{
		const TreeFeature *feature = &grower->data.features[node->split.feature];
		int			bin = bin_of_row(&grower->data.shape, feature, block, row);
		bool		left;

		if (node->split.categorical)
			left = (node->set[bin / 32] >> (bin % 32)) & 1;
		else
			left = bin == feature->nbins ? node->split.default_left : bin <= node->split.bin;
		node = &grower->nodes[node->children + (left ? 0 : 1)];
	}
	return node->leaf;
}

void
tree_rows_apply(TreeGrower *grower, int index, int k)
{
	const TreeShape *shape = &grower->data.shape;
	TreeBlock  *block = &grower->data.blocks[index];
	double	   *score = block->score + (size_t) k * (size_t) shape->block_rows;
	int			placed = 0;

	if (index >= shape->train_blocks)
	{
		for (int row = 0; row < block->nrows; row++)
			score[row] += grower->shared.leaf_value[walk(grower, block, row)];
		return;
	}
	for (int leaf = 0; leaf < grower->nleaves; leaf++)
	{
		const TreeSegment *segment = &grower->shared.segments[(size_t) leaf * (size_t) shape->train_blocks + (size_t) index];
		const uint16_t *order = block->order + segment->first;
		double		value = grower->shared.leaf_value[leaf];

		for (int i = 0; i < segment->count; i++)
			score[order[i]] += value;
		placed += segment->count;
	}
	for (int i = placed; i < block->nrows; i++)
		score[block->order[i]] += grower->shared.leaf_value[walk(grower, block, block->order[i])];
}
