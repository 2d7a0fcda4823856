/*
 * linear_state.c
 *	  Accumulating and merging the state of least squares; see linear_state.h.
 *
 * A block is centred about its own means, found in two passes so that they are
 * exact to twice the working precision, scaled by the square roots of the
 * weights, and reduced to its triangle by blocked Householder QR.  Its triangle
 * and the row sqrt(Wa Wb / W) (mb - ma) are then folded into the state's
 * triangle by a QR that exploits both triangles (LAPACK's triangular-pentagonal
 * kernels; Demmel, Grigori, Hoemmen, Langou, "Communication-optimal parallel
 * and sequential QR and LU factorizations", 2012; Chan, Golub, LeVeque,
 * "Updating formulae and a pairwise algorithm for computing sample variances",
 * 1979, for the means).  Blocks whose columns are far from collinear take a
 * shorter way to the same triangle (linear_gram.c); such a block is centred in
 * one pass about means that are near its own.
 *
 * Panels are driven from here rather than by one LAPACK call, so that a cancel
 * is served between them whatever the number of terms.  The shapes depend on the
 * number of terms and rows only.
 *
 * Cost: 2 (p + 1)^2 flops a row; with 28 terms about 0.12 us, the shorter way 0.05.
 */
#include "core/linear_internal.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "core/pair.h"
#include "core/real.h"

#define CHUNK_ROWS 4096
#define WIDE_CHUNK_ROWS 1024	/* with more columns than this, a chunk of as many rows */
#define OWN_QR_ROWS 2048		/* fewer rows are folded into the state's triangle directly */
#define ROWS_START 8				/* the row before it is free for the mean difference */
#define POLL_COLUMNS 64			/* copied between two polls */
#define UPDATE_COLUMNS 512		/* of the trailing matrix between two polls */
#define LANES 8
#define SHIFT_PAIRS 2
#define LEADING_ROWS 64			/* their mean stands in for that of all rows */
#define LARGEST_ENTRY 1e300		/* of means and triangles */
#define SMALL_FACTOR 1e-140		/* of a product: two of them do not vanish, nor their inverses overflow */

/* The parts of a workspace for k columns. */
typedef struct Workspace
{
	double	   *rows;			/* row_stride(chunk) x k, column-major: mean difference, then at ROWS_START the centred rows */
	double	   *root_weight;	/* chunk */
	double	   *weights;		/* chunk: the positive ones */
	double	   *triangle;		/* k x k */
	double	   *bottom;			/* (k + 1) x k: mean difference, then the other triangle */
	double	   *mean;			/* 2 k */
	double	   *shift;			/* k: means of differences from what the rows were centred about */
	double	   *factor;			/* panel x panel: triangular factor of a panel's reflectors */
	double	   *update;			/* panel x max(UPDATE_COLUMNS, panel) */
	int			chunk;
	int			panel;
} Workspace;

bool
linear_state_size(int nterms, size_t *size)
{
	if (nterms < 0 || nterms > LINEAR_MAX_TERMS)
		return false;
	*size = sizeof(LinearState) + linear_state_doubles(nterms) * sizeof(double);
	return true;
}

void
linear_state_init(LinearState *state, int nterms)
{
	memset(state, 0, sizeof(*state) + linear_state_doubles(nterms) * sizeof(double));
	state->nterms = nterms;
}

static int
panel_width(int k)
{
	return k <= 64 ? 8 : k <= 256 ? 16 : 32;
}

static int
chunk_rows(int k, int nrows)
{
	int			limit = k > WIDE_CHUNK_ROWS ? WIDE_CHUNK_ROWS : CHUNK_ROWS;

	return nrows < limit ? nrows : limit;
}

/* Whole cache lines, so that every part stays aligned. */
static inline size_t
padded(size_t doubles)
{
	return (doubles + 7) & ~(size_t) 7;
}

/* Leading dimension for n centred rows and one before them, so that columns stay aligned. */
static inline size_t
row_stride(int n)
{
	return padded((size_t) n) + ROWS_START;
}

/* The next `count` doubles from *offset on; NULL when only sizes are wanted. */
static double *
place(double *base, size_t *offset, size_t count)
{
	double	   *start = base != NULL ? base + *offset : NULL;

	*offset += padded(count);
	return start;
}

/* Returns the size in doubles. */
static size_t
workspace_layout(Workspace *ws, double *base, int nterms, int nrows)
{
	size_t		k = (size_t) nterms + 1;
	size_t		panel = (size_t) panel_width((int) k);
	size_t		chunk = (size_t) chunk_rows((int) k, nrows);
	size_t		offset = 0;

	ws->chunk = (int) chunk;
	ws->panel = (int) panel;
	ws->rows = place(base, &offset, row_stride((int) chunk) * k);
	ws->root_weight = place(base, &offset, chunk);
	ws->weights = place(base, &offset, chunk);
	ws->triangle = place(base, &offset, k * k);
	ws->bottom = place(base, &offset, (k + 1) * k);
	ws->mean = place(base, &offset, 2 * k);
	ws->shift = place(base, &offset, k);
	ws->factor = place(base, &offset, panel * panel);
	ws->update = place(base, &offset, panel * UPDATE_COLUMNS);
	return offset;
}

bool
linear_workspace_size(int nterms, int nrows, size_t *doubles)
{
	Workspace	ws;

	if (nterms < 0 || nterms > LINEAR_MAX_TERMS || nrows < 0)
		return false;
	*doubles = workspace_layout(&ws, NULL, nterms, nrows);
	return true;
}

static CoreStatus
lapack_failed(CoreEnv *env, const char *routine, lapack_int info)
{
	return env_fail(env, CORE_NUMERIC, "LAPACK routine %s failed with code %d", routine, (int) info);
}

static CoreStatus
fail_range(CoreEnv *env, int column)
{
	return env_fail(env, CORE_NUMERIC, "the values of column %d are too large for double precision", column + 1);
}

/* QR of the m x k matrix a: R in its upper trapezoid, reflectors below. */
static CoreStatus
factor_rows(CoreEnv *env, int m, int k, double *a, int lda, const Workspace *ws)
{
	int			steps = m < k ? m : k;

	for (int i = 0; i < steps; i += ws->panel)
	{
		int			width = steps - i < ws->panel ? steps - i : ws->panel;
		double	   *corner = a + (size_t) i * (size_t) lda + i;
		lapack_int	info;

		info = LAPACKE_dgeqrt3_work(LAPACK_COL_MAJOR, m - i, width, corner, lda, ws->factor, ws->panel);
		if (info != 0)
			return lapack_failed(env, "dgeqrt3", info);
		for (int j = i + width; j < k; j += UPDATE_COLUMNS)
		{
			int			count = k - j < UPDATE_COLUMNS ? k - j : UPDATE_COLUMNS;

			env_poll(env);
			info = LAPACKE_dlarfb_work(LAPACK_COL_MAJOR, 'L', 'T', 'F', 'C', m - i, count, width, corner, lda,
									   ws->factor, ws->panel, a + (size_t) j * (size_t) lda + i, lda, ws->update, count);
			if (info != 0)
				return lapack_failed(env, "dlarfb", info);
		}
	}
	env_poll(env);
	return CORE_OK;
}

/*
 * QR of [a; b]: a is k x k upper triangular and receives R; b has m rows, the
 * last `trapezoid` of which are an upper trapezoid.
 */
static CoreStatus
fold_rows(CoreEnv *env, int k, double *a, int m, int trapezoid, double *b, int ldb, const Workspace *ws)
{
	for (int i = 0; i < k; i += ws->panel)
	{
		int			width = k - i < ws->panel ? k - i : ws->panel;
		int			height = m - trapezoid + i + width < m ? m - trapezoid + i + width : m;
		int			slanted = i >= trapezoid ? 0 : height - m + trapezoid - i;
		double	   *corner = a + (size_t) i * (size_t) k + i;
		double	   *panel = b + (size_t) i * (size_t) ldb;
		lapack_int	info;

		info = LAPACKE_dtpqrt2_work(LAPACK_COL_MAJOR, height, width, slanted, corner, k, panel, ldb, ws->factor, ws->panel);
		if (info != 0)
			return lapack_failed(env, "dtpqrt2", info);
		for (int j = i + width; j < k; j += UPDATE_COLUMNS)
		{
			int			count = k - j < UPDATE_COLUMNS ? k - j : UPDATE_COLUMNS;

			env_poll(env);
			info = LAPACKE_dtprfb_work(LAPACK_COL_MAJOR, 'L', 'T', 'F', 'C', height, count, width, slanted, panel, ldb,
									   ws->factor, ws->panel, a + (size_t) j * (size_t) k + i, k,
									   b + (size_t) j * (size_t) ldb, ldb, ws->update, width);
			if (info != 0)
				return lapack_failed(env, "dtprfb", info);
		}
	}
	env_poll(env);
	return CORE_OK;
}

/* The triangle becomes the state's, if it is within range. */
static CoreStatus
store_triangle(CoreEnv *env, LinearState *state, const double *triangle, size_t ld)
{
	for (int j = 0; j <= state->nterms; j++)
	{
		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		for (int i = 0; i <= j; i++)
		{
			if (!(fabs(triangle[(size_t) j * ld + (size_t) i]) < LARGEST_ENTRY))
				return fail_range(env, j);
		}
	}
	for (int j = 0; j <= state->nterms; j++)
	{
		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		memcpy(linear_state_column(state, j), triangle + (size_t) j * ld, ((size_t) j + 1) * sizeof(double));
	}
	return CORE_OK;
}

/*
 * Joins a part of weight other_weight, with means other_mean (high parts, low
 * parts), to the state.  Row 0 of the m x k matrix `part` (leading dimension ld) is free for the mean
 * difference; the others are the part's centred rows, or its triangle as an
 * upper trapezoid.  The caller adds the weights.
 */
static CoreStatus
join_part(CoreEnv *env, LinearState *state, double other_weight, const double *other_mean, int m, int trapezoid, double *part, size_t ld, const Workspace *ws)
{
	int			k = state->nterms + 1;
	double		fraction = other_weight / (state->weight + other_weight);
	double		root = sqrt(state->weight * fraction);

	for (int j = 0; j < k; j++)
	{
		double	   *column = linear_state_column(state, j);
		double	   *target = ws->triangle + (size_t) j * (size_t) k;
		double		difference = linear_mean_difference(state, other_mean, j);

		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		linear_mean_shift(state, j, difference * fraction);
		part[(size_t) j * ld] = root * difference;
		memcpy(target, column, ((size_t) j + 1) * sizeof(double));
		memset(target + j + 1, 0, ((size_t) (k - j) - 1) * sizeof(double));
	}
	CORE_TRY(fold_rows(env, k, ws->triangle, m, trapezoid, part, (int) ld, ws));
	return store_triangle(env, state, ws->triangle, (size_t) k);
}

/* Sum of w (x - center), or of x - center without weights; running sums in a fixed order. */
static double
centred_sum(const double *x, const double *w, int n, double center)
{
	Pair		lane[LANES / 2] = {{0}};
	Pair		sum;
	double		rest = 0;
	int			i = 0;

	if (w == NULL)
	{
		for (; i + LANES <= n; i += LANES)
		{
			for (int l = 0; l < LANES / 2; l++)
				lane[l] += pair_load(x + i + 2 * l) - center;
		}
	}
	else
	{
		for (; i + LANES <= n; i += LANES)
		{
			for (int l = 0; l < LANES / 2; l++)
				lane[l] += pair_load(w + i + 2 * l) * (pair_load(x + i + 2 * l) - center);
		}
	}
	for (; i < n; i++)
		rest += (w != NULL ? w[i] : 1) * (x[i] - center);
	sum = (lane[0] + lane[2]) + (lane[1] + lane[3]);
	return (sum[0] + sum[1]) + rest;
}

/*
 * Centres one column of n values into `out`, which may be the column itself,
 * and scales it by root weights.  Two passes: the second finds what rounding
 * left of the first one's mean.
 */
static void
centre_column(const double *x, const double *w, const double *root_weight, int n, double weight, double *out, double *mean, double *mean_low)
{
	double		high = x[0] + centred_sum(x, w, n, x[0]) / weight;
	double		low = centred_sum(x, w, n, high) / weight;
	int			i = 0;

	if (w == NULL)
	{
		for (; i + 4 <= n; i += 4)
		{
			Pair		a = (pair_load(x + i) - high) - low;
			Pair		b = (pair_load(x + i + 2) - high) - low;

			pair_store(out + i, a);
			pair_store(out + i + 2, b);
		}
		for (; i < n; i++)
			out[i] = (x[i] - high) - low;
	}
	else
	{
		for (; i + 2 <= n; i += 2)
			pair_store(out + i, ((pair_load(x + i) - high) - low) * pair_load(root_weight + i));
		for (; i < n; i++)
			out[i] = ((x[i] - high) - low) * root_weight[i];
	}
	linear_two_sum(high, low, mean, mean_low);
}

/*
 * The quick way to centre: differences from `center`, scaled by root weights,
 * and their weighted sum and sum of squares, in one pass.
 */
static void
shift_column(const double *x, const double *w, const double *root_weight, int n, double center, double *out, double *sum, double *squares)
{
	Pair		first[SHIFT_PAIRS] = {{0}};
	Pair		second[SHIFT_PAIRS] = {{0}};
	int			i = 0;

	for (; i + 2 * SHIFT_PAIRS <= n; i += 2 * SHIFT_PAIRS)
	{
		for (int l = 0; l < SHIFT_PAIRS; l++)
		{
			Pair		d = pair_load(x + i + 2 * l) - center;
			Pair		scaled = w != NULL ? d * pair_load(root_weight + i + 2 * l) : d;

			first[l] += w != NULL ? d * pair_load(w + i + 2 * l) : d;
			second[l] += scaled * scaled;
			pair_store(out + i + 2 * l, scaled);
		}
	}
	first[0] += first[1];
	second[0] += second[1];
	*sum = first[0][0] + first[0][1];
	*squares = second[0][0] + second[0][1];
	for (; i < n; i++)
	{
		double		d = x[i] - center;

		out[i] = w != NULL ? d * root_weight[i] : d;
		*sum += w != NULL ? d * w[i] : d;
		*squares += out[i] * out[i];
	}
}

/* Copies what has positive weight; returns how many. */
static int
gather(const double *values, const double *w, int n, double *out)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		if (w[i] > 0)
			out[count++] = values[i];
	}
	return count;
}

static CoreStatus
fail_weights(CoreEnv *env)
{
	return env_fail(env, CORE_NUMERIC, "the weights are too large for double precision");
}

/* Counts and weights of what has been joined; foreign states may hold any. */
static CoreStatus
add_weights(CoreEnv *env, LinearState *state, int64_t nrows, double weight, double weight_squares, double log_weight)
{
	if (__builtin_add_overflow(state->nrows, nrows, &state->nrows))
		return env_fail(env, CORE_NUMERIC, "there are more rows than can be counted");
	state->weight += weight;
	state->weight_squares += weight_squares;
	state->log_weight += log_weight;
	if (!isfinite(state->weight) || !isfinite(state->weight_squares) || !isfinite(state->log_weight))
		return fail_weights(env);
	return CORE_OK;
}

/* Copies R of the factored rows, or as many rows as there are, under the free row of ws->bottom. */
static void
take_triangle(int k, int nrows, const Workspace *ws)
{
	for (int j = 0; j < k; j++)
	{
		int			count = j + 1 < nrows ? j + 1 : nrows;
		double	   *bottom = ws->bottom + (size_t) j * ((size_t) k + 1) + 1;

		memcpy(bottom, ws->rows + (size_t) j * row_stride(nrows) + ROWS_START, (size_t) count * sizeof(double));
		memset(bottom + count, 0, (size_t) (k - count) * sizeof(double));
	}
}

/*
 * Centred rows into the state: the cheap way where that is as good, else by QR,
 * of the rows alone first where that pays.
 */
static CoreStatus
join_rows(CoreEnv *env, LinearState *state, int nrows, double weight, bool by_gram, const Workspace *ws)
{
	int			k = state->nterms + 1;

	/* triangle and bottom, which follow each other, are its work space */
	if (by_gram && linear_gram_join(state, nrows, ws->rows + ROWS_START, row_stride(nrows), weight, ws->mean, NULL, ws->triangle))
		return CORE_OK;
	if (state->weight > 0 && nrows < OWN_QR_ROWS)
		return join_part(env, state, weight, ws->mean, nrows + 1, 0, ws->rows + ROWS_START - 1, row_stride(nrows), ws);

	CORE_TRY(factor_rows(env, nrows, k, ws->rows + ROWS_START, (int) row_stride(nrows), ws));
	take_triangle(k, nrows, ws);
	if (state->weight > 0)
		return join_part(env, state, weight, ws->mean, k + 1, k, ws->bottom, (size_t) k + 1, ws);
	memcpy(state->data, ws->mean, 2 * (size_t) k * sizeof(double));
	return store_triangle(env, state, ws->bottom + 1, (size_t) k + 1);
}

/* As logarithms of products, which lose nothing to speak of while these stay in range. */
static double
sum_of_logs(const double *w, int n)
{
	double		product = 1;
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		if (!(w[i] > SMALL_FACTOR && w[i] < 1 / SMALL_FACTOR))
		{
			sum += real_log(w[i]);
			continue;
		}
		product *= w[i];
		if (!(product > SMALL_FACTOR && product < 1 / SMALL_FACTOR))
		{
			sum += real_log(product);
			product = 1;
		}
	}
	return sum + real_log(product);
}

/*
 * Rows into the state by way of their Gram matrix about the means so far, or
 * those of the first rows, which the means of the rows then correct.  A mean
 * that is not farther away than the spread costs a bit at most.  False, and
 * nothing has changed, where that does not hold or the Gram matrix will not do,
 * which *by_gram then says.
 */
static bool
add_shifted(LinearState *state, int nrows, const double *x, size_t ld, const double *y, const double *w, double weight, bool *by_gram, const Workspace *ws)
{
	int			k = state->nterms + 1;
	int			leading = nrows < LEADING_ROWS ? nrows : LEADING_ROWS;

	if (!linear_gram_suits(k, nrows))
		return false;
	for (int j = 0; j < k; j++)
	{
		const double *column = j < k - 1 ? x + (size_t) j * ld : y;
		double		center = state->weight > 0 ? state->data[j] : column[0] + centred_sum(column, NULL, leading, column[0]) / leading;
		double		sum;
		double		squares;

		shift_column(column, w, ws->root_weight, nrows, center, ws->rows + (size_t) j * row_stride(nrows) + ROWS_START, &sum, &squares);
		ws->shift[j] = sum / weight;
		/* written so that NaN fails */
		if (!(ws->shift[j] * sum <= 0.5 * squares && fabs(center) < LARGEST_ENTRY))
			return false;
		linear_two_sum(center, ws->shift[j], &ws->mean[j], &ws->mean[k + j]);
	}
	*by_gram = linear_gram_join(state, nrows, ws->rows + ROWS_START, row_stride(nrows), weight, ws->mean, ws->shift, ws->triangle);
	return *by_gram;
}

/* Rows of positive weight, at most a chunk, into the state.  `in_place`: they are where the centred ones belong. */
static CoreStatus
add_chunk(CoreEnv *env, LinearState *state, int nrows, const double *x, size_t ld, const double *y, const double *w, bool in_place, const Workspace *ws)
{
	int			k = state->nterms + 1;
	double		weight = nrows;
	double		weight_squares = nrows;
	double		log_weight = 0;
	bool		by_gram = true;

	if (w != NULL)
	{
		weight = centred_sum(w, NULL, nrows, 0);
		weight_squares = centred_sum(w, w, nrows, 0);
		log_weight = sum_of_logs(w, nrows);
		for (int i = 0; i < nrows; i++)
			ws->root_weight[i] = sqrt(w[i]);
		if (!isfinite(weight_squares))
			return fail_weights(env);
	}
	if (!in_place && add_shifted(state, nrows, x, ld, y, w, weight, &by_gram, ws))
	{
		env_poll(env);
		return add_weights(env, state, nrows, weight, weight_squares, log_weight);
	}
	for (int j = 0; j < k; j++)
	{
		const double *column = j < k - 1 ? x + (size_t) j * ld : y;
		double	   *out = ws->rows + (size_t) j * row_stride(nrows) + ROWS_START;

		centre_column(column, w, ws->root_weight, nrows, weight, out, &ws->mean[j], &ws->mean[k + j]);
		if (!(fabs(ws->mean[j]) < LARGEST_ENTRY))
			return fail_range(env, j);
	}
	env_poll(env);
	CORE_TRY(join_rows(env, state, nrows, weight, by_gram, ws));
	return add_weights(env, state, nrows, weight, weight_squares, log_weight);
}

/*
 * Rows of no weight are left out by copying the others to where add_chunk puts
 * the centred columns anyway: each column is read before it is overwritten.
 */
static CoreStatus
add_chunk_compacted(CoreEnv *env, LinearState *state, int nrows, const double *x, size_t ld, const double *y, const double *w, const Workspace *ws)
{
	int			k = state->nterms + 1;
	int			count = gather(w, w, nrows, ws->weights);
	size_t		stride = row_stride(count);
	double	   *rows = ws->rows + ROWS_START;

	if (count == 0)
		return CORE_OK;
	for (int j = 0; j < k; j++)
		gather(j < k - 1 ? x + (size_t) j * ld : y, w, nrows, rows + (size_t) j * stride);
	return add_chunk(env, state, count, rows, stride, rows + (size_t) (k - 1) * stride, ws->weights, true, ws);
}

static bool
has_zero(const double *w, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!(w[i] > 0))
			return true;
	}
	return false;
}

CoreStatus
linear_state_add(CoreEnv *env, LinearState *state, int nrows, const double *x, size_t ld, const double *y, const double *w, double *workspace)
{
	Workspace	ws;

	workspace_layout(&ws, workspace, state->nterms, nrows);
	while (nrows > 0)
	{
		int			count = nrows < ws.chunk ? nrows : ws.chunk;

		if (w != NULL && has_zero(w, count))
			CORE_TRY(add_chunk_compacted(env, state, count, x, ld, y, w, &ws));
		else
			CORE_TRY(add_chunk(env, state, count, x, ld, y, w, false, &ws));
		x += count;
		y += count;
		if (w != NULL)
			w += count;
		nrows -= count;
	}
	return CORE_OK;
}

CoreStatus
linear_state_merge(CoreEnv *env, LinearState *state, const LinearState *other, double *workspace)
{
	Workspace	ws;
	int			k = state->nterms + 1;

	if (other->nterms != state->nterms)
		return env_fail(env, CORE_INVALID, "states of %d and %d terms cannot be merged", state->nterms, other->nterms);
	if (other->weight == 0)
		return CORE_OK;
	if (state->weight == 0)
	{
		env_copy(env, state, other, sizeof(*state) + linear_state_doubles(state->nterms) * sizeof(double));
		return CORE_OK;
	}
	workspace_layout(&ws, workspace, state->nterms, 0);
	for (int j = 0; j < k; j++)
	{
		double	   *bottom = ws.bottom + (size_t) j * ((size_t) k + 1) + 1;

		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		memcpy(bottom, linear_state_column(other, j), ((size_t) j + 1) * sizeof(double));
		memset(bottom + j + 1, 0, ((size_t) (k - j) - 1) * sizeof(double));
	}
	CORE_TRY(join_part(env, state, other->weight, other->data, k + 1, k, ws.bottom, (size_t) k + 1, &ws));
	return add_weights(env, state, other->nrows, other->weight, other->weight_squares, other->log_weight);
}

CoreStatus
linear_state_check(CoreEnv *env, const LinearState *state)
{
	size_t		doubles = linear_state_doubles(state->nterms);
	bool		empty = state->nrows == 0;

	if (state->nrows < 0 || !(state->weight >= 0) || !isfinite(state->weight) ||
		!(state->weight_squares >= 0) || !isfinite(state->weight_squares) || !isfinite(state->log_weight) ||
		empty != (state->weight == 0))
		return env_fail(env, CORE_CORRUPT, "the state's row count and weights do not agree");
	for (size_t i = 0; i < doubles; i++)
	{
		if (!(fabs(state->data[i]) < LARGEST_ENTRY))
			return env_fail(env, CORE_CORRUPT, "the state holds a value that is not finite");
		if (empty && state->data[i] != 0)
			return env_fail(env, CORE_CORRUPT, "the state has no rows but values");
	}
	return CORE_OK;
}
