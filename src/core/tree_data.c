/*
 * tree_data.c
 *	  Places and addresses of binned rows; see tree_data.h.
 */
#include "core/tree_data.h"

#include <string.h>

#define MIN_BLOCK_ROWS 64
#define PADDING 64				/* after each array: kernels read a few elements too many */

static size_t
place(size_t *end, size_t count, size_t size)
{
	size_t		start = *end;

	if (count > 0)
		*end = (start + count * size + PADDING + 63) & ~(size_t) 63;
	return start;
}

/* Arrays of 8 bytes first. Counts are bounded by limits, so nothing overflows. */
static void
place_arrays(TreeShape *shape)
{
	size_t		rows = (size_t) shape->block_rows;
	size_t		end = 0;

	shape->score = place(&end, rows * (size_t) shape->noutputs, sizeof(double));
	shape->target = place(&end, rows, sizeof(double));
	shape->weight = place(&end, shape->has_weight ? rows : 0, sizeof(double));
	shape->hash = place(&end, shape->has_hash ? rows : 0, sizeof(uint64_t));
	shape->shift = place(&end, shape->noutputs > 1 ? rows : 0, sizeof(double));
	shape->gradient = place(&end, rows, sizeof(float));
	shape->hessian = place(&end, rows, sizeof(float));
	shape->order = place(&end, rows, sizeof(uint16_t));
	shape->wide = place(&end, rows * (size_t) shape->nwide, sizeof(uint16_t));
	shape->records = place(&end, rows * (size_t) shape->stride, 1);
	shape->block_size = end;
}

CoreStatus
tree_shape_complete(CoreEnv *env, TreeShape *shape)
{
	int64_t		longest = shape->ntrain > shape->nvalid ? shape->ntrain : shape->nvalid;

	shape->stride = (TREE_RECORD_BINS + shape->ncolumns + 7) / 8 * 8;
	shape->moving = shape->stride <= TREE_MOVING_BYTES && shape->nwide == 0;
	shape->block_rows = TREE_BLOCK_ROWS;
	while (shape->block_rows > MIN_BLOCK_ROWS && shape->block_rows / 2 >= longest)
		shape->block_rows /= 2;
	place_arrays(shape);
	while (shape->block_size > TEAM_PIECE_MAX && shape->block_rows > MIN_BLOCK_ROWS)
	{
		shape->block_rows /= 2;
		place_arrays(shape);
	}
	if (shape->block_size > TEAM_PIECE_MAX)
		return env_fail(env, CORE_TOO_LARGE, "rows of %d features and %d outputs are too large", shape->nfeatures, shape->noutputs);
	if (longest / shape->block_rows > INT32_MAX / 4)
		return env_fail(env, CORE_TOO_LARGE, "%lld rows are too many", (long long) shape->ntrain);
	shape->train_blocks = (int32_t) ((shape->ntrain + shape->block_rows - 1) / shape->block_rows);
	shape->nblocks = shape->train_blocks + (int32_t) ((shape->nvalid + shape->block_rows - 1) / shape->block_rows);
	shape->blocks_per_piece = (int32_t) (TEAM_PIECE_MAX / shape->block_size);
	if (shape->blocks_per_piece > shape->nblocks)
		shape->blocks_per_piece = shape->nblocks > 0 ? shape->nblocks : 1;
	shape->npieces = (shape->nblocks + shape->blocks_per_piece - 1) / shape->blocks_per_piece;
	return CORE_OK;
}

static void
resolve_block(const TreeShape *shape, int index, char *base, TreeBlock *block)
{
	bool		valid = index >= shape->train_blocks;
	int64_t		first = (int64_t) (valid ? index - shape->train_blocks : index) * shape->block_rows;
	int64_t		left = (valid ? shape->nvalid : shape->ntrain) - first;

	block->nrows = left < shape->block_rows ? (int) left : shape->block_rows;
	block->score = (double *) (base + shape->score);
	block->target = (double *) (base + shape->target);
	block->weight = shape->has_weight ? (double *) (base + shape->weight) : NULL;
	block->hash = shape->has_hash ? (uint64_t *) (base + shape->hash) : NULL;
	block->shift = shape->noutputs > 1 ? (double *) (base + shape->shift) : NULL;
	block->gradient = (float *) (base + shape->gradient);
	block->hessian = (float *) (base + shape->hessian);
	block->order = (uint16_t *) (base + shape->order);
	block->wide = (uint16_t *) (base + shape->wide);
	block->records = (uint8_t *) (base + shape->records);
}

CoreStatus
tree_data_attach(CoreEnv *env, const Team *team, int first_piece, const TreeShape *shape, const TreeFeature *features, TreeData *data)
{
	data->shape = *shape;
	data->features = features;
	CORE_ALLOC(env, data->blocks, (size_t) shape->nblocks);
	for (int i = 0; i < shape->nblocks; i++)
	{
		char	   *piece = team->pieces[first_piece + i / shape->blocks_per_piece];

		resolve_block(shape, i, piece + (size_t) (i % shape->blocks_per_piece) * shape->block_size, &data->blocks[i]);
	}
	return CORE_OK;
}

CoreStatus
tree_data_create(CoreEnv *env, Team *team, const TreeShape *shape, const TreeFeature *features, TreeData *data)
{
	int			first_piece = team->npieces;

	for (int i = 0; i < shape->npieces; i++)
	{
		int			left = shape->nblocks - i * shape->blocks_per_piece;
		int			count = left < shape->blocks_per_piece ? left : shape->blocks_per_piece;
		void	   *piece;

		CORE_TRY(team_share_unset(team, env, (size_t) count * shape->block_size, &piece));
	}
	return tree_data_attach(env, team, first_piece, shape, features, data);
}
