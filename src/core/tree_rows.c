/*
 * tree_rows.c
 *	  Passes over the rows of a block; see tree_grow.h.
 *
 * A block's rows of one leaf lie together in `order`, in no particular order:
 * nothing depends on it.  Short records move with them; a division exchanges, in
 * place, those that lie on the wrong side (Edelkamp and Weiss, BlockQuicksort,
 * 2016).  The histogram of the lighter side is summed some rows at a time, while
 * they are in the caches.
 */
#include "core/tree_grow.h"

#include <string.h>

#include "core/hash.h"

#define CHUNK_ROWS 512
#define SUM_ROWS 1024			/* of records that move, summed at a time: they stay in the second-level cache */
#define FETCH_AHEAD 32			/* rows */
#define SCAN_ROWS 128			/* looked at from an end on before rows change places; at most 256 */

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
 * One end of rows that are being divided: how many were looked at from there on,
 * and which of them, by their distance from the end, belong to the other one.
 */
typedef struct DivisionEnd
{
	int			scanned;
	int			next;			/* first misplaced row that still waits */
	int			count;			/* end of them */
	uint8_t		misplaced[SCAN_ROWS];
} DivisionEnd;

/* Rows of a block being divided in place: those before `low` go left, those from `high` on right. */
typedef struct Division
{
	uint8_t    *records;		/* of the block */
	uint16_t   *order;
	const uint8_t *goes_left;	/* by the byte at `column` of a record */
	size_t		column;
	int			low;
	int			high;
	int			unsummed[2];	/* rows next to low and high that are not in the histogram yet */
	DivisionEnd end[2];
} Division;

/* Looks at n rows from an end on.  No branch: it would be mispredicted for every other row. */
static void
scan_end(const TreeShape *shape, Division *d, int side, int n)
{
	const ptrdiff_t stride = side == 0 ? shape->stride : -(ptrdiff_t) shape->stride;
	const uint8_t *column = record_at(shape, d->records, side == 0 ? d->low : d->high - 1) + d->column;
	const uint8_t *goes_left = d->goes_left;
	DivisionEnd *end = &d->end[side];
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		__builtin_prefetch(column + SCAN_ROWS * stride);
		end->misplaced[count] = (uint8_t) i;
		count += goes_left[*column] == side;
		column += stride;
	}
	end->scanned = n;
	end->next = 0;
	end->count = count;
}

/* Rows change places in pairs.  `eights`, of the bytes of a record, is a constant where this is inlined. */
static inline __attribute__((always_inline)) void
exchange_records(int eights, const Division *d, const uint8_t *left, const uint8_t *right, int n)
{
	const size_t stride = (size_t) eights * 8;

	for (int i = 0; i < n; i++)
	{
		size_t		a = (size_t) d->low + left[i];
		size_t		b = (size_t) d->high - 1 - right[i];
		uint16_t	row = d->order[a];
		uint64_t	words[2][TREE_MOVING_BYTES / 8];

		memcpy(words[0], d->records + a * stride, stride);
		memcpy(words[1], d->records + b * stride, stride);
		memcpy(d->records + a * stride, words[1], stride);
		memcpy(d->records + b * stride, words[0], stride);
		d->order[a] = d->order[b];
		d->order[b] = row;
	}
}

#define EXCHANGE(eights) \
	case eights: \
		exchange_records(eights, d, left->misplaced + left->next, right->misplaced + right->next, n); \
		break

/* Rows misplaced on the left change places with ones misplaced on the right while both ends have any. */
static void
exchange_misplaced(const TreeShape *shape, Division *d)
{
	DivisionEnd *left = &d->end[0];
	DivisionEnd *right = &d->end[1];
	int			nleft = left->count - left->next;
	int			nright = right->count - right->next;
	int			n = nleft < nright ? nleft : nright;

	switch (shape->stride / 8)
	{
		EXCHANGE(1);
		EXCHANGE(2);
		EXCHANGE(3);
		EXCHANGE(4);
		EXCHANGE(5);
		EXCHANGE(6);
		EXCHANGE(7);
		EXCHANGE(8);
		default:
			break;
	}
	left->next += n;
	right->next += n;
}

/*
 * Once all rows have been looked at only one end has misplaced rows, and no
 * others lie between low and high: the innermost ones change places with the
 * innermost rows.
 */
static void
gather_misplaced(const TreeShape *shape, Division *d)
{
	int			side = d->end[0].next < d->end[0].count ? 0 : 1;
	DivisionEnd *from = &d->end[side];
	DivisionEnd *to = &d->end[1 - side];
	int			n = from->count - from->next;
	int			boundary;

	for (int i = 0; i < n / 2; i++)
	{
		uint8_t		swapped = from->misplaced[from->next + i];

		from->misplaced[from->next + i] = from->misplaced[from->count - 1 - i];
		from->misplaced[from->count - 1 - i] = swapped;
	}
	for (int i = 0; i < n; i++)
		to->misplaced[i] = (uint8_t) i;
	to->next = 0;
	to->count = n;
	exchange_misplaced(shape, d);
	if (side == 0)
		boundary = d->high - n;
	else
		boundary = d->low + n;
	d->unsummed[0] += boundary - d->low;
	d->unsummed[1] += d->high - boundary;
	d->low = d->high = boundary;
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
	for (int first = 0; first < count; first += SUM_ROWS)
	{
		int			rows = count - first < SUM_ROWS ? count - first : SUM_ROWS;

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

static void
sum_settled(TreeGrower *grower, const TreeBlock *block, Division *d, int side)
{
	int			n = d->unsummed[side];
	int			first = side == 0 ? d->low - n : d->high;

	sum_side(grower, block, side, (size_t) first, (size_t) (first + n));
	d->unsummed[side] = 0;
}

/* The rows looked at from an end on all belong there: moves it. */
static void
settle_end(TreeGrower *grower, const TreeBlock *block, Division *d, int side)
{
	int			n = d->end[side].scanned;

	if (side == 0)
		d->low += n;
	else
		d->high -= n;
	d->end[side].scanned = 0;
	d->unsummed[side] += n;
	if (d->unsummed[side] >= SUM_ROWS)
		sum_settled(grower, block, d, side);
}

/* Settles ends and looks at more rows, until there are no more. */
static bool
advance_ends(TreeGrower *grower, const TreeBlock *block, Division *d)
{
	int			unseen;

	for (int side = 0; side < 2; side++)
	{
		if (d->end[side].next == d->end[side].count)
			settle_end(grower, block, d, side);
	}
	unseen = d->high - d->low - d->end[0].scanned - d->end[1].scanned;
	if (unseen == 0)
		return false;
	for (int side = 0; side < 2; side++)
	{
		int			share = side == 0 && d->end[1].scanned == 0 ? (unseen + 1) / 2 : unseen;
		int			n = share < SCAN_ROWS ? share : SCAN_ROWS;

		if (d->end[side].scanned > 0)
			continue;
		scan_end(&grower->data.shape, d, side, n);
		unseen -= n;
	}
	return true;
}

/*
 * In place, from both ends: a row that lies where it belongs is not written, and
 * the others change places in pairs.
 */
static int
split_moving(TreeGrower *grower, TreeBlock *block, size_t column, int first, int count)
{
	Division	d = {.records = block->records,.order = block->order,.goes_left = grower->goes_left,.column = column,.low = first,.high = first + count};

	while (advance_ends(grower, block, &d))
	{
		env_poll(grower->env);
		exchange_misplaced(&grower->data.shape, &d);
	}
	gather_misplaced(&grower->data.shape, &d);
	for (int side = 0; side < 2; side++)
		sum_settled(grower, block, &d, side);
	return d.low - first;
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
