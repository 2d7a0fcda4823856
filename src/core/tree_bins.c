/*
 * tree_bins.c
 *	  Learning bins and binning rows; see tree_bins.h.
 *
 * The sample is the first rows in canonical order, at most SAMPLE_ROWS and
 * SAMPLE_BYTES: both depend on the data alone.  Cost: a radix sort of the
 * sample for each term, then about 3 ns for each value: a grid of equal cells
 * says which edges are near, and a binary search among them takes a step or
 * two, or all eight where the grid does not suit the values.
 */
#include "core/tree_bins.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/sort.h"

#define SAMPLE_ROWS 200000
#define SAMPLE_BYTES ((size_t) 128 * 1024 * 1024)
#define GRID_EDGES 255			/* at most, for a grid */

/* A number t with a <= t < b, near the middle. */
static double
edge_between(double a, double b)
{
	double		low = a < -DBL_MAX ? -DBL_MAX : a;
	double		middle = low + (b / 2 - low / 2);

	if (middle >= a && middle < b)
		return middle;
	return a;
}

/* First position after `first` with another value. */
static int64_t
next_distinct(const double *sorted, int64_t n, int64_t first)
{
	int64_t		i = first + 1;

	while (i < n && sorted[i] == sorted[first])
		i++;
	return i;
}

/* Number of distinct values, counting no further than limit + 1. */
static int64_t
count_distinct(const double *sorted, int64_t n, int64_t limit)
{
	int64_t		distinct = 0;

	for (int64_t i = 0; i < n && distinct <= limit; i = next_distinct(sorted, n, i))
		distinct++;
	return distinct;
}

/* Rows in values that are at least `size` rows each, and the number of such values. */
static int64_t
count_heavy(const double *sorted, int64_t n, double size, int *values)
{
	int64_t		rows = 0;

	*values = 0;
	for (int64_t i = 0, next; i < n; i = next)
	{
		next = next_distinct(sorted, n, i);
		if ((double) (next - i) >= size)
		{
			rows += next - i;
			(*values)++;
		}
	}
	return rows;
}

static int
edges_by_size(const double *sorted, int64_t n, int max_bin, double *edges)
{
	double		size = (double) n / max_bin;
	int			heavy;
	int64_t		heavy_rows = count_heavy(sorted, n, size, &heavy);
	int64_t		rest_rows = n - heavy_rows;
	int			rest_bins = max_bin - heavy;
	double		rest_size = rest_bins > 0 ? (double) rest_rows / rest_bins : 0;
	int64_t		in_bin = 0;
	int			count = 0;

	for (int64_t i = 0, next; i < n && count < max_bin - 1; i = next)
	{
		bool		is_heavy;
		bool		next_heavy;

		next = next_distinct(sorted, n, i);
		if (next == n)
			break;
		is_heavy = (double) (next - i) >= size;
		next_heavy = (double) (n - next) >= size && (double) (next_distinct(sorted, n, next) - next) >= size;
		in_bin += next - i;
		if (!is_heavy)
		{
			rest_rows -= next - i;
			if (!next_heavy && (double) in_bin < rest_size)
				continue;
			rest_bins--;
			rest_size = rest_bins > 0 ? (double) rest_rows / rest_bins : 0;
		}
		edges[count++] = edge_between(sorted[i], sorted[next]);
		in_bin = 0;
	}
	return count;
}

int
tree_edges(const double *sorted, int64_t n, int max_bin, double *edges)
{
	int			count = 0;

	if (count_distinct(sorted, n, max_bin) > max_bin)
		return edges_by_size(sorted, n, max_bin, edges);
	for (int64_t i = 0, next; i < n; i = next)
	{
		next = next_distinct(sorted, n, i);
		if (next < n)
			edges[count++] = edge_between(sorted[i], sorted[next]);
	}
	return count;
}

int
tree_bin_of(const double *edges, int nedges, double x)
{
	int			low = 0;
	int			high = nedges;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (edges[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Terms of the sample, column-major with leading dimension *nsample. */
static CoreStatus
take_sample(CoreEnv *env, const FitRows *rows, int nterms, double **sample, int64_t *nsample)
{
	int64_t		limit = (int64_t) (SAMPLE_BYTES / sizeof(double)) / nterms;
	int64_t		taken = 0;
	double	   *x;

	limit = limit > SAMPLE_ROWS ? SAMPLE_ROWS : limit;
	limit = limit > rows->nrows ? rows->nrows : limit;
	CORE_ALLOC(env, *sample, (size_t) limit * (size_t) nterms);
	CORE_ALLOC(env, x, (size_t) TREE_CHUNK_ROWS * (size_t) nterms);
	for (int64_t first = 0; first < rows->nrows && taken < limit; first += TREE_CHUNK_ROWS)
	{
		int			count = rows->nrows - first < TREE_CHUNK_ROWS ? (int) (rows->nrows - first) : TREE_CHUNK_ROWS;
		int64_t		start = taken;

		env_poll(env);
		transform_block(rows->transform, rows->data, first, count, rows->training, x, TREE_CHUNK_ROWS);
		for (int j = 0; j < nterms; j++)
		{
			const double *from = x + (size_t) j * TREE_CHUNK_ROWS;
			double	   *to = *sample + (size_t) j * (size_t) limit;

			taken = start;
			for (int i = 0; i < count && taken < limit; i++)
			{
				if (fit_row_counts(rows, first + i))
					to[taken++] = from[i];
			}
		}
	}
	env_release(env, x);
	/* fewer rows than there was room for: close the gaps between columns */
	for (int j = 1; taken < limit && j < nterms; j++)
		memmove(*sample + (size_t) j * (size_t) taken, *sample + (size_t) j * (size_t) limit, (size_t) taken * sizeof(double));
	*nsample = taken;
	return CORE_OK;
}

/* Sorts one column of the sample in place and cuts it. */
static CoreStatus
learn_edges(CoreEnv *env, double *values, int64_t n, int max_bin, double *space, TreeFeature *feature, double **edges)
{
	int64_t		known = 0;
	int			nedges;

	for (int64_t i = 0; i < n; i++)
	{
		/* scoring does not tell infinity from the largest number */
		if (values[i] == values[i])
			values[known++] = values[i] > DBL_MAX ? DBL_MAX : values[i];
	}
	CORE_TRY(sort_doubles(env, values, known));
	nedges = tree_edges(values, known, max_bin, space);
	feature->nbins = nedges + 1;
	feature->wide = feature->nbins > TREE_MAX_BINS;
	CORE_ALLOC(env, *edges, (size_t) nedges + TREE_GRID_PADDING);
	memcpy(*edges, space, (size_t) nedges * sizeof(double));
	for (int i = 0; i < TREE_GRID_PADDING; i++)
		(*edges)[nedges + i] = INFINITY;
	return CORE_OK;
}

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

static CoreStatus
learn_category(CoreEnv *env, const Term *term, TreeFeature *feature)
{
	feature->categorical = true;
	feature->nbins = term->ncategories;
	feature->wide = feature->nbins > TREE_MAX_BINS;
	if (feature->nbins <= TREE_MAX_CATEGORIES)
		return CORE_OK;
	env_fail(env, CORE_TOO_LARGE, "column \"%s\" has %d categories, more than %d", term->name, term->ncategories, TREE_MAX_CATEGORIES);
	return env_hint(env, CORE_TOO_LARGE, "Set its option \"max_levels\", or its option \"encode\" to \"target\".");
}

/* Byte columns first, each with room for 256 bins, then wide ones. */
static CoreStatus
place_columns(CoreEnv *env, const TreeBins *bins, TreeShape *shape)
{
	int64_t		offset = 0;

	shape->nfeatures = bins->nfeatures;
	shape->ncolumns = 0;
	shape->nwide = 0;
	for (int i = 0; i < bins->nfeatures; i++)
	{
		TreeFeature *feature = &bins->features[i];

		if (feature->wide)
			continue;
		feature->column = shape->ncolumns++;
		feature->offset = (int32_t) offset;
		offset += TREE_BIN_STRIDE;
	}
	for (int i = 0; i < bins->nfeatures; i++)
	{
		TreeFeature *feature = &bins->features[i];

		if (!feature->wide)
			continue;
		feature->column = shape->nwide++;
		feature->offset = (int32_t) offset;
		offset += (feature->nbins + 1 + 7) / 8 * 8;
		if (offset > TREE_MAX_FEATURES * TREE_BIN_STRIDE)
			return env_fail(env, CORE_TOO_LARGE, "the categories of all features are too many");
	}
	shape->hist_bins = (int32_t) offset;
	return CORE_OK;
}

CoreStatus
tree_bins_learn(CoreEnv *env, const FitInput *input, const FitRows *rows, int max_bin, TreeBins *bins, TreeShape *shape)
{
	int			nterms = input->nterms;
	double	   *sample;
	double	   *space;
	int64_t		nsample;

	if (nterms > TREE_MAX_FEATURES)
		return env_fail(env, CORE_TOO_LARGE, "tree algorithms take at most %d terms, not %d", TREE_MAX_FEATURES, nterms);
	bins->nfeatures = nterms;
	CORE_ALLOC(env, bins->features, (size_t) nterms);
	CORE_ALLOC(env, bins->edges, (size_t) nterms);
	CORE_ALLOC(env, bins->grids, (size_t) nterms);
	CORE_ALLOC(env, space, (size_t) max_bin);
	CORE_TRY(take_sample(env, rows, nterms, &sample, &nsample));
	for (int j = 0; j < nterms; j++)
	{
		if (input->terms[j].categorical)
			CORE_TRY(learn_category(env, &input->terms[j], &bins->features[j]));
		else
			CORE_TRY(learn_edges(env, sample + (size_t) j * (size_t) nsample, nsample, max_bin, space, &bins->features[j], &bins->edges[j]));
		tree_grid_init(&bins->grids[j], bins->edges[j], input->terms[j].categorical ? 0 : bins->features[j].nbins - 1);
	}
	env_release(env, sample);
	env_release(env, space);
	return shape != NULL ? place_columns(env, bins, shape) : CORE_OK;
}

/* ------------------------------------------------------------------ filling */

/* Where the rows of a chunk go. */
typedef struct Destination
{
	uint8_t    *record;			/* NULL: nowhere */
	uint16_t   *wide;
} Destination;

typedef struct Filler
{
	const FitRows *rows;
	const TreeBins *bins;
	TreeData   *data;
	TreeRowFilter held_out;
	const void *context;
	int64_t		ntrain;			/* filled so far */
	int64_t		nvalid;
	double	   *x;
	int			bin[TREE_CHUNK_ROWS];
	Destination destination[TREE_CHUNK_ROWS];
} Filler;

static void
choose_destination(Filler *fill, int64_t row, Destination *to)
{
	const TreeShape *shape = &fill->data->shape;
	const Dataset *data = fill->rows->data;
	TreeBlock  *block;
	int64_t		position;
	int			at;
	bool		training;

	to->record = NULL;
	if (!fit_row_counts(fill->rows, row))
		return;
	training = fill->held_out == NULL || !fill->held_out(fill->context, data->hash[row]);
	position = training ? fill->ntrain++ : fill->nvalid++;
	block = &fill->data->blocks[position / shape->block_rows + (training ? 0 : shape->train_blocks)];
	at = (int) (position % shape->block_rows);
	to->record = block->records + (size_t) at * (size_t) shape->stride + TREE_RECORD_BINS;
	to->wide = block->wide + (size_t) at * (size_t) shape->nwide;
	block->order[at] = (uint16_t) at;
	block->target[at] = fill->rows->target != NULL ? fill->rows->target[row] : 0;
	block->score[at] = fill->rows->offset != NULL ? fill->rows->offset[row] : 0;
	if (block->weight != NULL)
		block->weight[at] = fill->rows->weight != NULL ? fill->rows->weight[row] : 1;
	if (block->hash != NULL)
		block->hash[at] = data->hash[row];
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

CoreStatus
tree_bins_fill(CoreEnv *env, const FitRows *rows, const TreeBins *bins, TreeRowFilter held_out, const void *context, TreeData *data)
{
	Filler	   *fill;

	CORE_ALLOC(env, fill, 1);
	CORE_ALLOC(env, fill->x, (size_t) TREE_CHUNK_ROWS * (size_t) bins->nfeatures);
	fill->rows = rows;
	fill->bins = bins;
	fill->data = data;
	fill->held_out = held_out;
	fill->context = context;
	for (int64_t first = 0; first < rows->nrows; first += TREE_CHUNK_ROWS)
	{
		int			count = rows->nrows - first < TREE_CHUNK_ROWS ? (int) (rows->nrows - first) : TREE_CHUNK_ROWS;

		env_poll(env);
		transform_block(rows->transform, rows->data, first, count, rows->training, fill->x, TREE_CHUNK_ROWS);
		for (int i = 0; i < count; i++)
			choose_destination(fill, first + i, &fill->destination[i]);
		for (int j = 0; j < bins->nfeatures; j++)
		{
			find_bins(bins, j, fill->x + (size_t) j * TREE_CHUNK_ROWS, count, fill->bin);
			store_bins(fill, &bins->features[j], count);
		}
	}
	env_release(env, fill->x);
	env_release(env, fill);
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
