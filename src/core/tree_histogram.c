/*
 * tree_histogram.c
 *	  The inner loop of boosting; see tree_histogram.h.
 *
 * Eight bins of a record are loaded as one word.  Records that move are read one
 * after the other, once for each eight columns, about 0.4 ns for each row and
 * byte column; others are fetched a few rows ahead, up to 0.8 ns (2.6 GHz,
 * histogram of 28 columns in the second-level cache).
 */
#include "core/tree_histogram.h"

#include <math.h>
#include <string.h>

#define MAX_PACKED_GRADIENT 32767
#define MAX_PACKED_HESSIAN 65535
#define MAX_FIXED 0x1p30		/* of TreeFixed: sums of 2^32 rows fit 64 bits */
#define SUM_BITS 62				/* of a 64-bit sum over all rows */
#define TAIL_RATIO 512			/* max over root mean square that 16 bits still serve */
#define MAX_FLOAT_SCALE 0x1p126 /* of scales that single precision holds */
#define FETCH_AHEAD 16			/* rows */

/* The largest power of two that scales `largest` to at most `limit`; 1 for zero. */
static double
power_scale(double largest, double limit)
{
	int			exponent;

	if (!(largest > 0))
		return 1;
	exponent = ilogb(limit / largest);
	/* limit / largest may have been rounded up to the power */
	if (ldexp(largest, exponent) > limit)
		exponent--;
	return ldexp(1, exponent);
}

static bool
has_tail(double largest, double squares, int64_t rows)
{
	return rows > 0 && largest * largest > (double) TAIL_RATIO * TAIL_RATIO * (squares / (double) rows);
}

/* What tree_pack and tree_fix multiply with: where gradients all but vanish, they lose digits. */
static double
float_scale(double largest, double limit)
{
	double		scale = power_scale(largest, limit);

	return scale < MAX_FLOAT_SCALE ? scale : MAX_FLOAT_SCALE;
}

TreeScale
tree_sum_scale(const TreeExtent *extent)
{
	double		limit = ldexp(1, SUM_BITS - ilogb((double) extent->rows + 1) - 1);
	TreeScale	scale;

	scale.precise = has_tail(extent->max_gradient, extent->gradient_squares, extent->rows) ||
		has_tail(extent->max_hessian, extent->hessian_squares, extent->rows);
	scale.gradient = power_scale(extent->max_gradient, limit);
	scale.hessian = power_scale(extent->max_hessian, limit);
	return scale;
}

TreeScale
tree_scale_choose(const TreeExtent *extent)
{
	TreeScale	scale = tree_sum_scale(extent);

	if (scale.precise)
		return scale;
	scale.gradient = float_scale(extent->max_gradient, MAX_PACKED_GRADIENT);
	scale.hessian = float_scale(extent->max_hessian, MAX_PACKED_HESSIAN);
	return scale;
}

TreeScale
tree_leaf_scale(const TreeExtent *extent)
{
	TreeScale	scale = tree_sum_scale(extent);

	if (scale.precise)
		return scale;
	scale.gradient = float_scale(extent->max_gradient, MAX_FIXED);
	scale.hessian = float_scale(extent->max_hessian, MAX_FIXED);
	return scale;
}

/* Rounds halves up: adding a bias keeps the numbers positive, so that truncation is a floor. */
void
tree_pack(const TreeBlock *block, const TreeScale *scale, uint32_t *restrict packed)
{
	const float *restrict g = block->gradient;
	const float *restrict h = block->hessian;
	float		gradient_scale = (float) scale->gradient;
	float		hessian_scale = (float) scale->hessian;

	for (int i = 0; i < block->nrows; i++)
	{
		int32_t		gradient = (int32_t) (g[i] * gradient_scale + 32768.5f) - 32768;
		int32_t		hessian = (int32_t) (h[i] * hessian_scale + 0.5f);

		packed[i] = (uint32_t) gradient << 16 | (uint32_t) hessian;
	}
}

/* Truncated: 2^-30 of the largest is less than single precision leaves of the numbers that count. */
void
tree_fix(const TreeBlock *block, const TreeScale *scale, TreeFixed *restrict fixed)
{
	const float *restrict g = block->gradient;
	const float *restrict h = block->hessian;
	float		gradient_scale = (float) scale->gradient;
	float		hessian_scale = (float) scale->hessian;

	for (int i = 0; i < block->nrows; i++)
	{
		fixed[i].gradient = (int32_t) (g[i] * gradient_scale);
		fixed[i].hessian = (int32_t) (h[i] * hessian_scale);
	}
}

CoreStatus
tree_accumulator_init(CoreEnv *env, const TreeData *data, TreeAccumulator *accumulator)
{
	accumulator->data = data;
	accumulator->rows = 0;
	CORE_ALLOC(env, accumulator->packed, (size_t) data->shape.hist_bins);
	return CORE_OK;
}

/* Eight consecutive bytes, the first in the lowest bits; rows are padded for the last ones. */
static inline uint64_t
load_eight(const uint8_t *bytes)
{
	uint64_t	word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

#define ADD(column) sums[(column) * TREE_BIN_STRIDE + ((word >> (8 * (column))) & 255)] += value

static inline void
add_eight(int64_t *sums, uint64_t word, int64_t value)
{
	ADD(0);
	ADD(1);
	ADD(2);
	ADD(3);
	ADD(4);
	ADD(5);
	ADD(6);
	ADD(7);
}

static inline void
add_few(int64_t *sums, uint64_t word, int64_t value, int columns)
{
	switch (columns)
	{
		case 7:
			ADD(6);
			/* FALLTHROUGH */
		case 6:
			ADD(5);
			/* FALLTHROUGH */
		case 5:
			ADD(4);
			/* FALLTHROUGH */
		case 4:
			ADD(3);
			/* FALLTHROUGH */
		case 3:
			ADD(2);
			/* FALLTHROUGH */
		case 2:
			ADD(1);
			/* FALLTHROUGH */
		case 1:
			ADD(0);
			/* FALLTHROUGH */
		default:
			break;
	}
}

static inline int64_t
expand(uint32_t packed)
{
	return (int64_t) (int16_t) (packed >> 16) * ((int64_t) 1 << 32) + (packed & 0xffff);
}

/* Columns 8 * eights and more from `first` on, a multiple of 8; `eights` and `moving` are constants where this is inlined. */
static inline __attribute__((always_inline)) void
add_columns(const TreeShape *shape, const uint8_t *records, int first, int eights, int rest, bool moving, const uint16_t *rows, int n, int64_t *sums)
{
	size_t		stride = (size_t) shape->stride;

	sums += (size_t) first * TREE_BIN_STRIDE;
	for (int i = 0; i < n; i++)
	{
		const uint8_t *record = records + (moving ? (size_t) i : rows[i]) * stride;
		uint32_t	packed;
		int64_t		value;

		if (!moving)
			__builtin_prefetch(records + rows[i + FETCH_AHEAD] * stride);
		memcpy(&packed, record, sizeof(packed));
		value = expand(packed);
		record += TREE_RECORD_BINS + first;
		for (int k = 0; k < eights; k++)
			add_eight(sums + (size_t) k * 8 * TREE_BIN_STRIDE, load_eight(record + k * 8), value);
		if (rest > 0)
			add_few(sums + (size_t) eights * 8 * TREE_BIN_STRIDE, load_eight(record + eights * 8), value, rest);
	}
}

/* Eight columns at a time, whose sums take half of the nearest cache; the records come from the second-level cache again. */
static void
add_moving(const TreeShape *shape, const uint8_t *records, int n, int64_t *sums)
{
	int			first = 0;

	for (; first + 8 <= shape->ncolumns; first += 8)
		add_columns(shape, records, first, 1, 0, true, NULL, n, sums);
	if (first < shape->ncolumns)
		add_columns(shape, records, first, 0, shape->ncolumns - first, true, NULL, n, sums);
}

static inline uint32_t
packed_of_row(const TreeShape *shape, const TreeBlock *block, int row)
{
	uint32_t	packed;

	memcpy(&packed, block->records + (size_t) row * (size_t) shape->stride, sizeof(packed));
	return packed;
}

static void
add_packed_wide(const TreeData *data, const TreeBlock *block, const uint16_t *rows, int n, int64_t *sums)
{
	const TreeShape *shape = &data->shape;

	for (int f = 0; f < shape->nfeatures; f++)
	{
		const TreeFeature *feature = &data->features[f];
		const uint16_t *column = block->wide + feature->column;

		if (!feature->wide)
			continue;
		for (int i = 0; i < n; i++)
			sums[feature->offset + column[(size_t) rows[i] * (size_t) shape->nwide]] += expand(packed_of_row(shape, block, rows[i]));
	}
}

static void
add_precise(const TreeData *data, const TreeScale *scale, const TreeBlock *block, const uint8_t *records, const uint16_t *rows, int n, TreeSums *sums)
{
	const TreeShape *shape = &data->shape;

	for (int i = 0; i < n; i++)
	{
		const uint8_t *row = records + (size_t) (shape->moving ? i : rows[i]) * (size_t) shape->stride + TREE_RECORD_BINS;
		int64_t		gradient = tree_fixed(block->gradient[rows[i]], scale->gradient);
		int64_t		hessian = tree_fixed(block->hessian[rows[i]], scale->hessian);

		for (int column = 0; column < shape->ncolumns; column++)
		{
			TreeSums   *bin = &sums[(size_t) column * TREE_BIN_STRIDE + row[column]];

			bin->gradient += gradient;
			bin->hessian += hessian;
		}
		for (int f = 0; shape->nwide > 0 && f < shape->nfeatures; f++)
		{
			const TreeFeature *feature = &data->features[f];
			TreeSums   *bin;

			if (!feature->wide)
				continue;
			bin = &sums[feature->offset + block->wide[(size_t) rows[i] * (size_t) shape->nwide + (size_t) feature->column]];
			bin->gradient += gradient;
			bin->hessian += hessian;
		}
	}
}

void
tree_accumulator_add(TreeAccumulator *accumulator, const TreeScale *scale, const TreeBlock *block, const uint8_t *records, const uint16_t *rows, int n, TreeSums *sums)
{
	const TreeShape *shape = &accumulator->data->shape;

	if (n == 0)
		return;
	if (!shape->moving)
		records = block->records;
	if (scale->precise)
	{
		add_precise(accumulator->data, scale, block, records, rows, n, sums);
		return;
	}
	if (accumulator->rows + n > ACCUMULATOR_ROWS)
		tree_accumulator_flush(accumulator, sums);
	accumulator->rows += n;
	if (shape->moving)
		add_moving(shape, records, n, accumulator->packed);
	else if (shape->ncolumns > 0)
		add_columns(shape, records, 0, shape->ncolumns / 8, shape->ncolumns % 8, false, rows, n, accumulator->packed);
	if (shape->nwide > 0)
		add_packed_wide(accumulator->data, block, rows, n, accumulator->packed);
}

void
tree_accumulator_flush(TreeAccumulator *accumulator, TreeSums *sums)
{
	int			nbins = accumulator->data->shape.hist_bins;

	if (accumulator->rows == 0)
		return;
	for (int i = 0; i < nbins; i++)
	{
		int64_t		sum = accumulator->packed[i];
		int64_t		hessian = (int64_t) ((uint64_t) sum & 0xffffffff);

		sums[i].gradient += (sum - hessian) >> 32;
		sums[i].hessian += hessian;
		accumulator->packed[i] = 0;
	}
	accumulator->rows = 0;
}
