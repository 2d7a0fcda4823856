/*
 * tree_rows.c
 *	  Passes over the rows of a block; see tree_grow.h.
 *
 * A block's rows of one leaf lie together in `order`, in no particular order:
 * nothing depends on it.  Short records move with them; a division writes each
 * once, in place.  The histogram of the lighter side is summed chunk by chunk,
 * while the chunk's rows are in the nearest cache.
 */
#include "core/tree_grow.h"

#include <string.h>

#include "core/hash.h"

#define CHUNK_ROWS 512
#define FETCH_AHEAD 32			/* rows */
#define FETCH_BYTES 1024		/* ahead: the processor's own fetching ends with each page */
#define ASIDE_ROWS 256			/* put aside on each side of a division */

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

/*
 * Records and their rows being divided in place: left ones are written from
 * `left` on, right ones from `right` - 1 down.
 */
typedef struct Division
{
	uint8_t    *records;		/* of the block */
	uint16_t   *order;
	size_t		left;
	size_t		right;
	const uint8_t *goes_left;	/* by the byte at `column` of a record */
	size_t		column;
} Division;

/*
 * Divides n records of 8 * eights bytes, the first at `from`, the next a step of
 * 1 or -1 away.  They may lie where they are written to: each is read before
 * anything is written to its place.  `eights` and `step` are constants where
 * this is inlined.
 */
static inline __attribute__((always_inline)) void
divide_records(int eights, int step, Division *d, const uint8_t *from, const uint16_t *order, int n)
{
	const ptrdiff_t stride = (ptrdiff_t) eights * 8;
	const Division here = *d;
	size_t		left = d->left;
	size_t		last = d->right - 1;

	for (int i = 0; i < n; i++)
	{
		const uint8_t *record = from + i * step * stride;
		uint16_t	row = order[i * step];
		size_t		is_left = here.goes_left[record[here.column]];
		size_t		to = last ^ ((last ^ left) & -is_left);	/* a branch would be mispredicted for every other row */
		uint64_t	words[TREE_MOVING_BYTES / 8];

		__builtin_prefetch(record + step * FETCH_BYTES);
		memcpy(words, record, (size_t) stride);
		memcpy(here.records + to * (size_t) stride, words, (size_t) stride);
		here.order[to] = row;
		left += is_left;
		last -= 1 - is_left;
	}
	d->left = left;
	d->right = last + 1;
}

#define DIVIDE(eights) \
	case eights: \
		if (step > 0) \
			divide_records(eights, 1, d, from, order, n); \
		else \
			divide_records(eights, -1, d, from, order, n); \
		break

static void
divide_moving(const TreeShape *shape, int step, Division *d, const uint8_t *from, const uint16_t *order, int n)
{
	switch (shape->stride / 8)
	{
		DIVIDE(1);
		DIVIDE(2);
		DIVIDE(3);
		DIVIDE(4);
		DIVIDE(5);
		DIVIDE(6);
		DIVIDE(7);
		DIVIDE(8);
		default:
			break;
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

/* Puts what was packed by row into n records from position `first` on. */
static void
place_packed(const TreeShape *shape, const TreeBlock *block, const uint32_t *packed, int first, int n)
{
	size_t		stride = (size_t) shape->stride;

	for (int i = first; i < first + n; i++)
	{
		int			row = block->order[i];

		memcpy(block->records + (size_t) (shape->moving ? i : row) * stride, &packed[row], sizeof(uint32_t));
	}
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
	if (!grower->scale.precise)
		tree_pack(block, &grower->scale, grower->packed);
	for (int first = 0; first < count; first += CHUNK_ROWS)
	{
		int			rows = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;

		env_poll(grower->env);
		if (!grower->scale.precise)
			place_packed(shape, block, grower->packed, first, rows);
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

/* Adds the rows of a side that lie from `first` to `end` where sides are summed. */
static void
sum_side(TreeGrower *grower, const TreeBlock *block, int side, size_t first, size_t end)
{
	if (!grower->searching || grower->light == 1 - side || first == end)
		return;
	tree_accumulator_add(&grower->accumulator[side], &grower->scale, block, record_at(&grower->data.shape, block->records, (int) first),
						 block->order + first, (int) (end - first), grower->shared.partial[2 * grower->team->rank + side]);
}

/* Divides a chunk and sums what it adds to the sides. */
static void
divide_chunk(TreeGrower *grower, const TreeBlock *block, int step, Division *d, const uint8_t *from, const uint16_t *order, int n)
{
	size_t		left = d->left;
	size_t		right = d->right;

	env_poll(grower->env);
	divide_moving(&grower->data.shape, step, d, from, order, n);
	sum_side(grower, block, 0, left, d->left);
	sum_side(grower, block, 1, d->right, right);
}

/*
 * In place: the first and the last rows are put aside, and from then on the
 * next one comes from the side with less room, so that there is always room for
 * a chunk of as many on both sides.
 */
static int
split_moving(TreeGrower *grower, TreeBlock *block, size_t column, int first, int count)
{
	const TreeShape *shape = &grower->data.shape;
	int			aside = count < 2 * ASIDE_ROWS ? count : 2 * ASIDE_ROWS;
	int			low = first + (aside + 1) / 2;	/* from here to `high` rows are still to be read */
	int			high = first + count - aside / 2;
	int			begin = low - first;
	Division	d = {block->records, block->order, (size_t) first, (size_t) (first + count), grower->goes_left, column};

	memcpy(grower->spare, block->order + first, (size_t) begin * sizeof(uint16_t));
	memcpy(grower->spare + begin, block->order + high, (size_t) (aside - begin) * sizeof(uint16_t));
	memcpy(grower->spare_records, record_at(shape, block->records, first), (size_t) begin * (size_t) shape->stride);
	memcpy(record_at(shape, grower->spare_records, begin), record_at(shape, block->records, high), (size_t) (aside - begin) * (size_t) shape->stride);
	while (low < high)
	{
		int			rows = high - low < ASIDE_ROWS ? high - low : ASIDE_ROWS;

		if (low - (int) d.left <= (int) d.right - high)
		{
			divide_chunk(grower, block, 1, &d, record_at(shape, block->records, low), block->order + low, rows);
			low += rows;
		}
		else
		{
			divide_chunk(grower, block, -1, &d, record_at(shape, block->records, high - 1), block->order + high - 1, rows);
			high -= rows;
		}
	}
	for (int done = 0; done < aside; done += ASIDE_ROWS)
		divide_chunk(grower, block, 1, &d, record_at(shape, grower->spare_records, done), grower->spare + done,
					 aside - done < ASIDE_ROWS ? aside - done : ASIDE_ROWS);
	return (int) d.left - first;
}

/* Rows alone move; left ones stay in place, right ones go by way of spare memory. */
static int
split_order(TreeGrower *grower, TreeBlock *block, const TreeFeature *feature, int first, int count)
{
	const TreeShape *shape = &grower->data.shape;
	uint16_t   *order = block->order + first;
	int			nleft = 0;
	int			nright = 0;

	for (int done = 0; done < count; done += CHUNK_ROWS)
	{
		int			rows = count - done < CHUNK_ROWS ? count - done : CHUNK_ROWS;
		uint16_t   *left = order + nleft;
		uint16_t   *right = grower->spare + nright;
		int			chunk_left;

		env_poll(grower->env);
		if (feature->wide)
			chunk_left = divide_wide(block->wide + feature->column, (size_t) shape->nwide, grower->goes_left, order + done, rows, left, right);
		else
			chunk_left = divide_bytes(block->records + TREE_RECORD_BINS + feature->column, (size_t) shape->stride, grower->goes_left, order + done, rows, left, right);
		nleft += chunk_left;
		nright += rows - chunk_left;
	}
	memcpy(order + nleft, grower->spare, (size_t) nright * sizeof(uint16_t));
	for (int done = 0; done < nleft; done += CHUNK_ROWS)
		sum_side(grower, block, 0, (size_t) (first + done), (size_t) (first + (nleft - done < CHUNK_ROWS ? nleft : done + CHUNK_ROWS)));
	for (int done = nleft; done < count; done += CHUNK_ROWS)
		sum_side(grower, block, 1, (size_t) (first + done), (size_t) (first + (count - done < CHUNK_ROWS ? count : done + CHUNK_ROWS)));
	return nleft;
}

int
tree_rows_split(TreeGrower *grower, int index, int right)
{
	const TreeShape *shape = &grower->data.shape;
	TreeBlock  *block = &grower->data.blocks[index];
	TreeSegment *segment = &grower->shared.segments[(size_t) grower->current * (size_t) shape->train_blocks + (size_t) index];
	TreeSegment *other = &grower->shared.segments[(size_t) right * (size_t) shape->train_blocks + (size_t) index];
	const TreeFeature *feature = &grower->data.features[grower->leaves[grower->current].split.feature];
	int			nleft;

	grower->team->units++;
	if (shape->moving)
		nleft = split_moving(grower, block, TREE_RECORD_BINS + (size_t) feature->column, segment->first, segment->count);
	else
		nleft = split_order(grower, block, feature, segment->first, segment->count);
	other->first = (uint16_t) (segment->first + nleft);
	other->count = (uint16_t) (segment->count - nleft);
	segment->count = (uint16_t) nleft;
	return nleft;
}

/* Adds the nearest integer to sums[0], and to sums[1] what that leaves, 2^30 times finer. */
static inline void
add_fixed(int64_t sums[2], double value, double scale)
{
	int64_t		whole = tree_fixed(value, scale);

	sums[0] += whole;
	sums[1] += tree_fixed(value - (double) whole / scale, scale * 0x1p30);
}

static void
sum_precisely(const TreeGrower *grower, const TreeBlock *block, const uint16_t *order, int n, TreeLeafSums *sums)
{
	for (int i = 0; i < n; i++)
	{
		add_fixed(sums->gradient, block->gradient[order[i]], grower->leaf_scale.gradient);
		add_fixed(sums->hessian, block->hessian[order[i]], grower->leaf_scale.hessian);
	}
}

void
tree_rows_sum(TreeGrower *grower, int index, TreeLeafSums *sums)
{
	const TreeShape *shape = &grower->data.shape;
	const TreeBlock *block = &grower->data.blocks[index];

	env_poll(grower->env);
	if (!grower->scale.precise)
		tree_fix(block, &grower->leaf_scale, grower->fixed);
	for (int leaf = 0; leaf < grower->nleaves; leaf++)
	{
		const TreeSegment *segment = &grower->shared.segments[(size_t) leaf * (size_t) shape->train_blocks + (size_t) index];
		const uint16_t *order = block->order + segment->first;
		int64_t		gradient = 0;
		int64_t		hessian = 0;

		if (grower->scale.precise)
		{
			sum_precisely(grower, block, order, segment->count, &sums[leaf]);
			continue;
		}
		for (int i = 0; i < segment->count; i++)
		{
			gradient += grower->fixed[order[i]].gradient;
			hessian += grower->fixed[order[i]].hessian;
		}
		sums[leaf].gradient[0] += gradient;
		sums[leaf].hessian[0] += hessian;
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
