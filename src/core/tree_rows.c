/*
 * tree_rows.c
 *	  Passes over the rows of a block; see tree_grow.h.
 *
 * A block's rows of one leaf lie together in `order`; a division keeps them as
 * they were among each other.  Left rows are written in place, right ones to
 * spare memory and back; short records move with them.  The histogram of the
 * lighter side is summed chunk by chunk, while the chunk's rows are in the
 * nearest cache.
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

/* ------------------------------------------------------------ moving records */

static inline uint8_t *
record_at(const TreeShape *shape, uint8_t *records, int position)
{
	return records + (size_t) position * (size_t) shape->stride;
}

/* Copies a record of 8 * eights bytes to two places; all of it is read before any of it is written. */
static inline __attribute__((always_inline)) void
copy_record(int eights, const uint8_t *from, uint8_t *to, uint8_t *other)
{
	uint64_t	words[TREE_MOVING_BYTES / 8];

	memcpy(words, from, (size_t) eights * 8);
	memcpy(to, words, (size_t) eights * 8);
	memcpy(other, words, (size_t) eights * 8);
}

/* Rows to divide: order[] and their records; where the left and the right ones go. */
typedef struct Division
{
	const uint16_t *order;
	const uint8_t *records;
	uint16_t   *left;
	uint8_t    *left_records;
	uint16_t   *right;
	uint8_t    *right_records;
} Division;

/* goes_left[] of the byte at `column` of a record. `eights` is a constant where this is inlined. */
static inline __attribute__((always_inline)) int
divide_records(int eights, const Division *d, size_t column, const uint8_t *goes_left, int n)
{
	size_t		stride = (size_t) eights * 8;
	size_t		nleft = 0;

	for (size_t i = 0; i < (size_t) n; i++)
	{
		const uint8_t *record = d->records + i * stride;
		uint16_t	row = d->order[i];
		size_t		is_left = goes_left[record[column]];

		__builtin_prefetch(record + 1024);
		/* to both places: a branch would be mispredicted for every other row */
		copy_record(eights, record, d->left_records + nleft * stride, d->right_records + (i - nleft) * stride);
		d->left[nleft] = row;
		d->right[i - nleft] = row;
		nleft += is_left;
	}
	return (int) nleft;
}

static int
divide_moving(const TreeShape *shape, const Division *d, size_t column, const uint8_t *goes_left, int n)
{
	switch (shape->stride / 8)
	{
		case 1:
			return divide_records(1, d, column, goes_left, n);
		case 2:
			return divide_records(2, d, column, goes_left, n);
		case 3:
			return divide_records(3, d, column, goes_left, n);
		case 4:
			return divide_records(4, d, column, goes_left, n);
		case 5:
			return divide_records(5, d, column, goes_left, n);
		case 6:
			return divide_records(6, d, column, goes_left, n);
		case 7:
			return divide_records(7, d, column, goes_left, n);
		default:
			return divide_records(8, d, column, goes_left, n);
	}
}

/* Rows of the tree first, then the others. */
static int
order_rows(const TreeGrower *grower, TreeBlock *block)
{
	const TreeJob *job = grower->job;
	const TreeShape *shape = &job->shape;
	size_t		stride = (size_t) shape->stride;
	int			taken = 0;
	int			left_out = 0;

	if (job->sampling.subsample >= 1)
		return block->nrows;
	for (int i = 0; i < block->nrows; i++)
	{
		uint16_t	row = block->order[i];
		bool		sampled = tree_row_sampled(job, block->hash[row], grower->row_seed);

		block->order[taken] = row;
		grower->spare[left_out] = row;
		if (shape->moving && sampled)
			memmove(block->records + (size_t) taken * stride, block->records + (size_t) i * stride, stride);
		else if (shape->moving)
			memcpy(grower->spare_records + (size_t) left_out * stride, block->records + (size_t) i * stride, stride);
		taken += sampled;
		left_out += !sampled;
	}
	memcpy(block->order + taken, grower->spare, (size_t) left_out * sizeof(uint16_t));
	if (shape->moving)
		memcpy(block->records + (size_t) taken * stride, grower->spare_records, (size_t) left_out * stride);
	return taken;
}

int
tree_rows_root(TreeGrower *grower, int index)
{
	const TreeShape *shape = &grower->data.shape;
	TreeBlock  *block = &grower->data.blocks[index];
	TreeSums   *sums = grower->shared.partial[2 * grower->team->rank];
	int			count = order_rows(grower, block);

	grower->team->units++;
	grower->shared.segments[index].first = 0;
	grower->shared.segments[index].count = (uint16_t) count;
	for (int first = 0; first < count; first += CHUNK_ROWS)
	{
		int			rows = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;

		env_poll(grower->env);
		tree_pack(shape, block, &grower->scale, first, rows);
		tree_accumulator_add(&grower->accumulator[0], &grower->scale, block, record_at(shape, block->records, first), block->order + first, rows, sums);
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
divide(const TreeGrower *grower, const TreeBlock *block, const Division *d, int n)
{
	const TreeFeature *feature = &grower->data.features[grower->leaves[grower->current].split.feature];
	const TreeShape *shape = &grower->data.shape;
	size_t		column = TREE_RECORD_BINS + (size_t) feature->column;

	if (shape->moving)
		return divide_moving(shape, d, column, grower->goes_left, n);
	if (feature->wide)
		return divide_wide(block->wide + feature->column, (size_t) shape->nwide, grower->goes_left, d->order, n, d->left, d->right);
	return divide_bytes(block->records + column, (size_t) shape->stride, grower->goes_left, d->order, n, d->left, d->right);
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
	uint8_t    *records = record_at(shape, block->records, segment->first);
	int			count = segment->count;
	int			nleft = 0;
	int			nright = 0;

	grower->team->units++;
	for (int first = 0; first < count; first += CHUNK_ROWS)
	{
		int			rows = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;
		Division	d;
		int			chunk_left;

		d.order = order + first;
		d.records = record_at(shape, records, first);
		d.left = order + nleft;
		d.left_records = record_at(shape, records, nleft);
		d.right = grower->spare + nright;
		d.right_records = record_at(shape, grower->spare_records, nright);
		chunk_left = divide(grower, block, &d, rows);
		env_poll(grower->env);
		if (grower->searching && grower->light != 1)
			tree_accumulator_add(&grower->accumulator[0], &grower->scale, block, d.left_records, d.left, chunk_left, sums[0]);
		if (grower->searching && grower->light != 0)
			tree_accumulator_add(&grower->accumulator[1], &grower->scale, block, d.right_records, d.right, rows - chunk_left, sums[1]);
		nleft += chunk_left;
		nright += rows - chunk_left;
	}
	memcpy(order + nleft, grower->spare, (size_t) nright * sizeof(uint16_t));
	if (shape->moving)
		memcpy(record_at(shape, records, nleft), grower->spare_records, (size_t) nright * (size_t) shape->stride);
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

/* Bin of the row at a place of the order, the missing one included. */
static inline int
bin_at(const TreeShape *shape, const TreeFeature *feature, const TreeBlock *block, int position)
{
	int			row = block->order[position];

	if (feature->wide)
		return block->wide[(size_t) row * (size_t) shape->nwide + (size_t) feature->column];
	return record_at(shape, block->records, shape->moving ? position : row)[TREE_RECORD_BINS + feature->column];
}

/* Leaf that the row at a place of the order falls into. */
static int
walk(const TreeGrower *grower, const TreeBlock *block, int position)
{
	const TreeNode *node = grower->nodes;

	while (node->children != 0)
	{
		const TreeFeature *feature = &grower->data.features[node->split.feature];
		int			bin = bin_at(&grower->data.shape, feature, block, position);
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
		for (int i = 0; i < block->nrows; i++)
			score[block->order[i]] += grower->shared.leaf_value[walk(grower, block, i)];
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
		score[block->order[i]] += grower->shared.leaf_value[walk(grower, block, i)];
}
