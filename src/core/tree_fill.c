/*
 * tree_fill.c
 *	  Rows into bins, by a team; see tree_bins.h and tree_grow.h.
 *
 * About 2 to 3 ns for each value: a grid of equal cells says which edges are
 * near, and a binary search among them takes a step or two, or all eight where
 * the grid does not suit the values.
 *
 * Where rows go is known before they are binned: the job has the places of the
 * first row of each FILL_ROWS.  Processes therefore bin rows in any order, and
 * those that have none of them, as when class weights exist in the leader alone,
 * leave the work to the others.
 */
#include "core/tree_grow.h"

#include <float.h>
#include <string.h>

#include "core/hash.h"

#define GRID_EDGES 255			/* at most, for a grid */

/* ------------------------------------------------------------ bins of values */

/*
 * Cell of a value.  Rounding keeps the order of values, so an edge in an
 * earlier cell than x is less than x, and one in a later cell is greater.
 */
static inline int
cell_of(const TreeGrid *grid, double x)
{
	double		cell = (x - grid->low) * grid->scale;

	cell = cell > 0 ? cell : 0; /* NaN, too */
	return (int) (cell < TREE_GRID_CELLS - 1 ? cell : TREE_GRID_CELLS - 1);
}

void
tree_grid_init(TreeGrid *grid, const double *edges, int nedges)
{
	int			at = 0;
	int			most = 0;

	memset(grid, 0, sizeof(*grid));
	if (nedges == 0 || nedges > GRID_EDGES)
		return;
	grid->low = edges[0];
	grid->scale = TREE_GRID_CELLS / (edges[nedges - 1] - edges[0]);
	if (!(grid->scale <= DBL_MAX))
		grid->scale = 0;
	for (int cell = 0; cell < TREE_GRID_CELLS; cell++)
	{
		int			first = at;

		grid->first[cell] = (uint8_t) first;
		while (at < nedges && cell_of(grid, edges[at]) == cell)
			at++;
		most = at - first > most ? at - first : most;
	}
	for (grid->step = 1; 2 * grid->step - 1 < most;)
		grid->step *= 2;
}

/* As tree_bin_of, by way of the grid. `step` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void
search_grid(const TreeGrid *grid, const double *edges, int step, int missing, const double *x, int count, int *bin)
{
	for (int i = 0; i < count; i++)
	{
		int			position = grid->first[cell_of(grid, x[i])];

		for (int k = step; k > 0; k >>= 1)
			position += x[i] > edges[position + k - 1] ? k : 0;
		bin[i] = x[i] != x[i] ? missing : position;
	}
}

void
tree_grid_search(const TreeGrid *grid, const double *edges, int nedges, const double *x, int count, int *bin)
{
	int			missing = nedges + 1;

	switch (grid->step)
	{
		case 0:
			for (int i = 0; i < count; i++)
				bin[i] = x[i] != x[i] ? missing : tree_bin_of(edges, nedges, x[i]);
			break;
		case 1:
			search_grid(grid, edges, 1, missing, x, count, bin);
			break;
		case 2:
			search_grid(grid, edges, 2, missing, x, count, bin);
			break;
		case 4:
			search_grid(grid, edges, 4, missing, x, count, bin);
			break;
		default:
			search_grid(grid, edges, grid->step, missing, x, count, bin);
			break;
	}
}

static void
find_bins(const TreeBins *bins, int j, const double *x, int count, int *bin)
{
	const TreeFeature *feature = &bins->features[j];

	if (!feature->categorical)
	{
		tree_grid_search(&bins->grids[j], bins->edges[j], feature->nbins - 1, x, count, bin);
		return;
	}
	for (int i = 0; i < count; i++)
		bin[i] = x[i] >= 0 && x[i] < feature->nbins ? (int) x[i] : feature->nbins;
}

/* ------------------------------------------------------------ rows */

/* Where a row of a chunk goes. */
typedef struct Destination
{
	uint8_t    *record;			/* NULL: nowhere */
	uint16_t   *wide;
} Destination;

typedef struct Filler
{
	TreeGrower *grower;
	const FitRows *rows;
	int64_t		ntrain;			/* places of the next rows */
	int64_t		nvalid;
	double	   *x;
	int			bin[TREE_CHUNK_ROWS];
	Destination destination[TREE_CHUNK_ROWS];
} Filler;

bool
tree_row_held_out(const TreeJob *job, const Dataset *data, int64_t row)
{
	return job->validation > 0 && hash_uniform(dataset_fold_hash(data)[row], job->validation_seed) < job->validation;
}

void
tree_fill_starts(CoreEnv *env, const TreeJob *job, const FitRows *rows, int64_t *starts)
{
	int64_t		ntrain = 0;
	int64_t		nvalid = 0;

	for (int64_t first = 0; first < rows->nrows; first += TREE_FILL_ROWS)
	{
		int64_t		end = rows->nrows - first < TREE_FILL_ROWS ? rows->nrows : first + TREE_FILL_ROWS;
		int64_t		here = end - first;
		int64_t		held_out = 0;

		env_poll(env);
		starts[2 * (first / TREE_FILL_ROWS)] = ntrain;
		starts[2 * (first / TREE_FILL_ROWS) + 1] = nvalid;
		for (int64_t i = first; i < end && (rows->weight != NULL || job->validation > 0); i++)
		{
			bool		counts = fit_row_counts(rows, i);

			here -= !counts;
			held_out += counts && tree_row_held_out(job, rows->data, i);
		}
		ntrain += here - held_out;
		nvalid += held_out;
	}
	starts[2 * ((rows->nrows + TREE_FILL_ROWS - 1) / TREE_FILL_ROWS)] = ntrain;
	starts[2 * ((rows->nrows + TREE_FILL_ROWS - 1) / TREE_FILL_ROWS) + 1] = nvalid;
}

static double
start_score(const Filler *fill, int64_t row, int k)
{
	double		offset = k == 0 && fill->rows->offset != NULL ? fill->rows->offset[row] : 0;

	return offset + fill->grower->shared.base[k];
}

/* Everything but bins. */
static void
fill_place(const Filler *fill, int64_t row, TreeBlock *block, int at)
{
	const TreeShape *shape = &fill->grower->data.shape;
	const FitRows *rows = fill->rows;

	block->order[at] = (uint16_t) at;
	block->target[at] = rows->target != NULL ? rows->target[row] : 0;
	for (int k = 0; k < shape->noutputs; k++)
		block->score[(size_t) k * (size_t) shape->block_rows + (size_t) at] = start_score(fill, row, k);
	if (block->weight != NULL)
		block->weight[at] = rows->weight != NULL ? rows->weight[row] : 1;
	if (block->hash != NULL)
		block->hash[at] = rows->data->hash[row];
}

static void
choose_destination(Filler *fill, int64_t row, Destination *to)
{
	const TreeShape *shape = &fill->grower->data.shape;
	TreeBlock  *block;
	int64_t		position;
	int			at;
	bool		training;

	to->record = NULL;
	if (!fit_row_counts(fill->rows, row))
		return;
	training = !tree_row_held_out(fill->grower->job, fill->rows->data, row);
	position = training ? fill->ntrain++ : fill->nvalid++;
	block = &fill->grower->data.blocks[position / shape->block_rows + (training ? 0 : shape->train_blocks)];
	at = (int) (position % shape->block_rows);
	to->record = block->records + (size_t) at * (size_t) shape->stride + TREE_RECORD_BINS;
	to->wide = block->wide + (size_t) at * (size_t) shape->nwide;
	fill_place(fill, row, block, at);
}

static void
store_bins(const Filler *fill, const TreeFeature *feature, int count)
{
	const Destination *to = fill->destination;

	for (int i = 0; i < count && !feature->wide; i++)
	{
		if (to[i].record != NULL)
			to[i].record[feature->column] = (uint8_t) fill->bin[i];
	}
	for (int i = 0; i < count && feature->wide; i++)
	{
		if (to[i].record != NULL)
			to[i].wide[feature->column] = (uint16_t) fill->bin[i];
	}
}

/* Rows that are all wanted and lie one after the other in one block, as most do. */
static void
store_run(const Filler *fill, const TreeFeature *feature, int count)
{
	size_t		stride = (size_t) fill->grower->data.shape.stride;
	uint8_t    *to = fill->destination[0].record + feature->column;

	for (int i = 0; i < count; i++)
		to[(size_t) i * stride] = (uint8_t) fill->bin[i];
}

static bool
is_run(const Filler *fill, int count)
{
	const Destination *to = fill->destination;
	size_t		stride = (size_t) fill->grower->data.shape.stride;

	for (int i = 0; i < count; i++)
	{
		if (to[i].record == NULL || to[i].record != to[0].record + (size_t) i * stride)
			return false;
	}
	return true;
}

static void
fill_chunk(Filler *fill, int64_t first, int count)
{
	const FitRows *rows = fill->rows;
	const TreeBins *bins = &fill->grower->shared.bins;
	bool		run;

	env_poll(fill->grower->env);
	transform_block(rows->transform, rows->data, first, count, rows->training, fill->x, TREE_CHUNK_ROWS);
	for (int i = 0; i < count; i++)
		choose_destination(fill, first + i, &fill->destination[i]);
	run = is_run(fill, count);
	for (int j = 0; j < bins->nfeatures; j++)
	{
		find_bins(bins, j, fill->x + (size_t) j * TREE_CHUNK_ROWS, count, fill->bin);
		if (run && !bins->features[j].wide)
			store_run(fill, &bins->features[j], count);
		else
			store_bins(fill, &bins->features[j], count);
	}
}

static CoreStatus
fill_rows(TreeGrower *grower, const FitRows *rows)
{
	CoreEnv    *env = grower->env;
	Filler	   *fill;
	int64_t		unit;

	CORE_ALLOC(env, fill, 1);
	CORE_ALLOC(env, fill->x, (size_t) TREE_CHUNK_ROWS * (size_t) grower->data.shape.nfeatures);
	fill->grower = grower;
	fill->rows = rows;
	while ((unit = team_take(grower->team)) * TREE_FILL_ROWS < rows->nrows)
	{
		int64_t		end = (unit + 1) * TREE_FILL_ROWS < rows->nrows ? (unit + 1) * TREE_FILL_ROWS : rows->nrows;

		grower->team->prepared += end - unit * TREE_FILL_ROWS;
		fill->ntrain = grower->shared.fill_starts[2 * unit];
		fill->nvalid = grower->shared.fill_starts[2 * unit + 1];
		for (int64_t first = unit * TREE_FILL_ROWS; first < end; first += TREE_CHUNK_ROWS)
			fill_chunk(fill, first, end - first < TREE_CHUNK_ROWS ? (int) (end - first) : TREE_CHUNK_ROWS);
	}
	env_release(env, fill->x);
	env_release(env, fill);
	return CORE_OK;
}

static CoreStatus
learn_features(TreeGrower *grower, const FitRows *rows)
{
	TreeLearner learner;
	int64_t		unit;

	CORE_TRY(tree_learner_init(grower->env, rows, grower->job->max_bin, &learner));
	while ((unit = team_take(grower->team)) < rows->transform->nfeatures)
		CORE_TRY(tree_learn_feature(&learner, (int) unit, &grower->shared.bins));
	tree_learner_free(&learner);
	return CORE_OK;
}

CoreStatus
tree_fill(TreeGrower *grower, const FitRows *rows)
{
	if (rows != NULL)
		CORE_TRY(learn_features(grower, rows));
	team_synchronize(grower->team, grower->env, NULL, NULL);
	if (rows != NULL)
		CORE_TRY(fill_rows(grower, rows));
	team_synchronize(grower->team, grower->env, NULL, NULL);
	return CORE_OK;
}

void
tree_bins_chunk(const FitRows *rows, const TreeBins *bins, int64_t first, int count, double *x, int *bin)
{
	transform_block(rows->transform, rows->data, first, count, rows->training, x, TREE_CHUNK_ROWS);
	for (int j = 0; j < bins->nfeatures; j++)
	{
		size_t		column = (size_t) j * TREE_CHUNK_ROWS;

		find_bins(bins, j, x + column, count, bin + column);
	}
}
