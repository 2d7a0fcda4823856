/*
 * linear_solve.c
 *	  From a state of least squares to coefficients; see linear_state.h.
 *
 * Minimises  sum_i w_i (y_i - b0 - x_i b)^2 + ridge * sum_j s_j^2 b_j^2,  s_j the
 * weighted standard deviation of term j (root mean square without intercept).
 *
 * The triangle's columns are scaled to length 1 (van der Sluis: within a factor
 * sqrt(p) of the best scaling), then eliminated from left to right by Householder
 * reflections that skip a column when what is left of it beyond the columns
 * kept so far is shorter than `tolerance`: that term is aliased.  Without an
 * intercept the row sqrt(W) m' is put on top first; a ridge adds rows below.
 * With neither, the triangle is used as it stands.  Back-substitution is
 * refined once with residuals of twice the precision.
 *
 * Cost: O(p^3) flops in the worst case, O(p^2) without aliasing, ridge and
 * standard errors.  Memory: three p x p matrices.
 */
#include "core/linear_state.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#define INVERSE_COLUMNS 32		/* of the inverse triangle between two polls */
#define POLL_COLUMNS 64			/* when columns are copied or reflected */

/* The scaled problem: [top rows; ridge rows], p + 1 columns, the last one the target. */
typedef struct Elimination
{
	int			nterms;
	int			top;			/* rows from the state */
	int			band;			/* of which this many lie below the diagonal */
	int			lower;			/* rows of the ridge, starting at row `top` */
	int			ld;
	double	   *a;
	double	   *scale;			/* [p + 1] column lengths; 0: constant */
	int		   *column;			/* [rank] terms that were kept */
	int			rank;
	double	   *triangle;		/* rank x rank */
} Elimination;

static inline double *
column_of(const Elimination *e, int j)
{
	return e->a + (size_t) j * (size_t) e->ld;
}

/* Euclidean length without overflow or underflow. */
static double
vector_length(const double *x, int n)
{
	double		largest = 0;
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		if (fabs(x[i]) > largest)
			largest = fabs(x[i]);
	}
	if (largest == 0)
		return 0;
	for (int i = 0; i < n; i++)
		sum += (x[i] / largest) * (x[i] / largest);
	return largest * sqrt(sum);
}

/* Fills the scaled columns. */
static CoreStatus
load_state(CoreEnv *env, const LinearState *state, const LinearOptions *options, Elimination *e)
{
	int			p = state->nterms;
	double		root = sqrt(state->weight);

	memset(e, 0, sizeof(*e));
	e->nterms = p;
	e->band = options->intercept ? 0 : 1;
	e->top = p + 1 + e->band;
	e->lower = options->ridge > 0 ? p : 0;
	e->ld = e->top + e->lower;
	e->a = env_alloc(env, (size_t) e->ld * ((size_t) p + 1), sizeof(double));
	if (e->a == NULL)
		return CORE_NO_MEMORY;
	CORE_ALLOC(env, e->scale, (size_t) p + 1);
	CORE_ALLOC(env, e->column, (size_t) p + 1);
	for (int j = 0; j <= p; j++)
	{
		double	   *column = column_of(e, j);
		double		mean = root * (state->data[j] + state->data[p + 1 + j]);

		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		memcpy(column + e->band, linear_state_column(state, j), ((size_t) j + 1) * sizeof(double));
		if (!options->intercept)
			column[0] = mean;
		e->scale[j] = vector_length(column, j + 1 + e->band);
		if (e->scale[j] <= LINEAR_CONSTANT * fabs(mean))
			e->scale[j] = 0;
		for (int i = 0; i <= j + e->band; i++)
			column[i] = e->scale[j] > 0 ? column[i] / e->scale[j] : 0;
		/* the penalty in scaled units; a constant term has none and drops out */
		if (e->lower > 0 && j < p && e->scale[j] > 0)
			column[e->top + j] = sqrt(options->ridge) / root;
	}
	return CORE_OK;
}

/* One part of a reflector: `n` entries that start at `row` in every column. */
typedef struct Range
{
	int			row;
	int			n;
} Range;

static double
range_dot(const double *x, const double *y, Range range)
{
	double		sum = 0;

	for (int i = range.row; i < range.row + range.n; i++)
		sum += x[i] * y[i];
	return sum;
}

/* Reflects the entries of column j in both ranges onto the first one; applies that to the columns after it. */
static void
reflect(CoreEnv *env, Elimination *e, int j, Range upper, Range lower, double length)
{
	double	   *pivot = column_of(e, j);
	double		head = pivot[upper.row];
	double		diagonal = head > 0 ? -length : length;
	double		factor = 1 / (diagonal * (diagonal - head));

	/* v = x - diagonal e1; H = I - factor v v' */
	pivot[upper.row] = head - diagonal;
	for (int l = j + 1; l <= e->nterms; l++)
	{
		double	   *column = column_of(e, l);
		double		dot = factor * (range_dot(pivot, column, upper) + range_dot(pivot, column, lower));

		if (l % POLL_COLUMNS == 0)
			env_poll(env);
		for (int i = upper.row; i < upper.row + upper.n; i++)
			column[i] -= dot * pivot[i];
		for (int i = lower.row; i < lower.row + lower.n; i++)
			column[i] -= dot * pivot[i];
	}
	pivot[upper.row] = diagonal;
}

/* Left to right; fills column, rank and aliased. */
static void
eliminate(CoreEnv *env, Elimination *e, double tolerance, bool *aliased)
{
	for (int j = 0; j < e->nterms; j++)
	{
		Range		upper = {e->rank, j + e->band - e->rank + 1};
		Range		lower = {e->top, e->lower > 0 ? j + 1 : 0};
		const double *column = column_of(e, j);
		double		above = vector_length(column + upper.row, upper.n);
		double		below = vector_length(column + lower.row, lower.n);
		double		length = below > 0 ? sqrt(above * above + below * below) : above;

		aliased[j] = e->scale[j] == 0 || length < tolerance;
		if (aliased[j])
			continue;
		if (upper.n + lower.n > 1)
			reflect(env, e, j, upper, lower, length);
		e->column[e->rank++] = j;
	}
}

/* The kept columns as a square triangle. */
static CoreStatus
pack_triangle(CoreEnv *env, Elimination *e)
{
	size_t		rank = (size_t) e->rank;

	e->triangle = env_alloc(env, rank * rank, sizeof(double));
	if (e->triangle == NULL)
		return CORE_NO_MEMORY;
	env_poll(env);
	for (int j = 0; j < e->rank; j++)
		memcpy(e->triangle + (size_t) j * rank, column_of(e, e->column[j]), ((size_t) j + 1) * sizeof(double));
	return CORE_OK;
}

/* *high + *low += a * b, where the low part is what rounding lost (Dekker's product, Knuth's sum). */
static inline void
add_product(double a, double b, double *high, double *low)
{
	double		product = a * b;
	double		scaled_a = a * 0x1.0000002p27;
	double		scaled_b = b * 0x1.0000002p27;
	double		high_a = scaled_a - (scaled_a - a);
	double		high_b = scaled_b - (scaled_b - b);
	double		low_a = a - high_a;
	double		low_b = b - high_b;
	double		error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b;
	double		sum = *high + product;
	double		part = sum - *high;

	*low += error + ((*high - (sum - part)) + (product - part));
	*high = sum;
}

/* Scaled coefficients of the kept columns: back-substitution and one refinement. */
static CoreStatus
back_substitute(CoreEnv *env, const Elimination *e, double *beta)
{
	int			rank = e->rank;
	const double *target = column_of(e, e->nterms);
	double	   *high;
	double	   *low;

	CORE_ALLOC(env, high, (size_t) rank);
	CORE_ALLOC(env, low, (size_t) rank);
	memcpy(beta, target, (size_t) rank * sizeof(double));
	if (rank > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, rank, e->triangle, rank, beta, 1);
	memcpy(high, target, (size_t) rank * sizeof(double));
	for (int j = 0; j < rank; j++)
	{
		const double *column = e->triangle + (size_t) j * (size_t) rank;

		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		for (int i = 0; i <= j; i++)
			add_product(-beta[j], column[i], &high[i], &low[i]);
	}
	for (int i = 0; i < rank; i++)
		high[i] += low[i];
	if (rank > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, rank, e->triangle, rank, high, 1);
	for (int i = 0; i < rank; i++)
		beta[i] += high[i];
	env_release(env, high);
	env_release(env, low);
	return CORE_OK;
}

/* Squared lengths of the rows of the inverse triangle: diagonal of (R'R)^-1. */
static CoreStatus
inverse_rows(CoreEnv *env, const Elimination *e, double *squares)
{
	int			rank = e->rank;
	double	   *block;

	block = env_alloc(env, (size_t) rank * INVERSE_COLUMNS, sizeof(double));
	if (block == NULL)
		return CORE_NO_MEMORY;
	for (int first = 0; first < rank; first += INVERSE_COLUMNS)
	{
		int			count = rank - first < INVERSE_COLUMNS ? rank - first : INVERSE_COLUMNS;
		int			rows = first + count;

		env_poll(env);
		memset(block, 0, (size_t) rows * (size_t) count * sizeof(double));
		for (int j = 0; j < count; j++)
			block[(size_t) j * (size_t) rows + (size_t) (first + j)] = 1;
		cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, rows, count, 1,
					e->triangle, rank, block, rows);
		for (int j = 0; j < count; j++)
		{
			const double *column = block + (size_t) j * (size_t) rows;

			for (int i = 0; i <= first + j; i++)
				squares[i] += column[i] * column[i];
		}
	}
	env_release(env, block);
	return CORE_OK;
}

/* Variance of the intercept over sigma^2: 1 / W + m' (X'X)^-1 m. */
static CoreStatus
intercept_variance(CoreEnv *env, const LinearState *state, const Elimination *e, double *variance)
{
	double	   *u;
	double		length;

	CORE_ALLOC(env, u, (size_t) e->rank);
	for (int i = 0; i < e->rank; i++)
		u[i] = state->data[e->column[i]] / e->scale[e->column[i]];
	if (e->rank > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, e->rank, e->triangle, e->rank, u, 1);
	length = vector_length(u, e->rank);
	*variance = 1 / state->weight + length * length;
	env_release(env, u);
	return CORE_OK;
}

/* Coefficients in the user's units, intercept from the means. */
static void
unscale(const LinearState *state, const LinearOptions *options, const Elimination *e, const double *beta, LinearSolution *solution)
{
	int			p = e->nterms;
	const double *mean = state->data;
	double		high = mean[p];
	double		low = mean[2 * p + 1];

	for (int j = 0; j < p; j++)
	{
		if (solution->aliased[j])
			solution->coefficient[1 + j] = NAN;
	}
	for (int i = 0; i < e->rank; i++)
	{
		int			j = e->column[i];
		double		b = beta[i] * (e->scale[p] / e->scale[j]);

		solution->coefficient[1 + j] = b;
		add_product(-b, mean[j], &high, &low);
		add_product(-b, mean[p + 1 + j], &high, &low);
	}
	solution->coefficient[0] = options->intercept ? high + low : 0;
}

/* Weighted residual sum of squares: what elimination left of the target or, with a ridge, from the saved problem. */
static double
residual_squares(const Elimination *e, const double *saved, const double *beta)
{
	const double *target = column_of(e, e->nterms);
	double		length;

	if (e->lower == 0)
		length = vector_length(target + e->rank, e->top - e->rank);
	else
	{
		double	   *residual = (double *) target;

		memcpy(residual, saved + (size_t) e->nterms * (size_t) e->top, (size_t) e->top * sizeof(double));
		for (int i = 0; i < e->rank; i++)
			cblas_daxpy(e->top, -beta[i], saved + (size_t) e->column[i] * (size_t) e->top, 1, residual, 1);
		length = vector_length(residual, e->top);
	}
	return e->scale[e->nterms] * length * (e->scale[e->nterms] * length);
}

static CoreStatus
infer(CoreEnv *env, const LinearState *state, const LinearOptions *options, const Elimination *e, LinearSolution *solution)
{
	double	   *squares;

	CORE_ALLOC(env, squares, (size_t) e->rank);
	CORE_TRY(inverse_rows(env, e, squares));
	if (options->ridge > 0)
	{
		/* trace of the hat matrix */
		for (int i = 0; i < e->rank; i++)
			solution->df_residual += options->ridge / state->weight * squares[i];
	}
	if (solution->df_residual > 0)
		solution->sigma = sqrt(solution->rss / solution->df_residual);
	if (options->ridge == 0 && solution->df_residual > 0)
	{
		double		variance;

		for (int i = 0; i < e->rank; i++)
			solution->std_error[1 + e->column[i]] = solution->sigma * sqrt(squares[i]) / e->scale[e->column[i]];
		if (options->intercept)
		{
			CORE_TRY(intercept_variance(env, state, e, &variance));
			solution->std_error[0] = solution->sigma * sqrt(variance);
		}
	}
	env_release(env, squares);
	return CORE_OK;
}

static CoreStatus
condition_number(CoreEnv *env, const Elimination *e, double *condition)
{
	double		reciprocal = 1;
	double	   *work;
	lapack_int *iwork;

	*condition = 1;
	if (e->rank == 0)
		return CORE_OK;
	CORE_ALLOC(env, work, 3 * (size_t) e->rank);
	CORE_ALLOC(env, iwork, (size_t) e->rank);
	if (LAPACKE_dtrcon_work(LAPACK_COL_MAJOR, '1', 'U', 'N', e->rank, e->triangle, e->rank, &reciprocal, work, iwork) != 0)
		return env_fail(env, CORE_NUMERIC, "LAPACK routine dtrcon failed");
	*condition = reciprocal > 0 ? 1 / reciprocal : INFINITY;
	env_release(env, work);
	env_release(env, iwork);
	return CORE_OK;
}

static CoreStatus
solution_create(CoreEnv *env, int nterms, LinearSolution *solution)
{
	size_t		count = (size_t) nterms + 1;

	memset(solution, 0, sizeof(*solution));
	solution->nterms = nterms;
	CORE_ALLOC(env, solution->coefficient, count);
	CORE_ALLOC(env, solution->std_error, count);
	CORE_ALLOC(env, solution->aliased, count);
	for (size_t j = 0; j < count; j++)
		solution->std_error[j] = NAN;
	solution->sigma = NAN;
	return CORE_OK;
}

/* A copy of the problem before elimination, needed for the residuals of a ridge; NULL without. */
static CoreStatus
save_problem(CoreEnv *env, const Elimination *e, double **saved)
{
	*saved = NULL;
	if (e->lower == 0)
		return CORE_OK;
	*saved = env_alloc(env, (size_t) e->top * ((size_t) e->nterms + 1), sizeof(double));
	if (*saved == NULL)
		return CORE_NO_MEMORY;
	for (int j = 0; j <= e->nterms; j++)
		memcpy(*saved + (size_t) j * (size_t) e->top, column_of(e, j), (size_t) e->top * sizeof(double));
	return CORE_OK;
}

CoreStatus
linear_state_solve(CoreEnv *env, const LinearState *state, const LinearOptions *options, LinearSolution *solution)
{
	Elimination e;
	double	   *saved;
	double	   *beta;

	if (state->nrows == 0)
		return env_fail(env, CORE_NUMERIC, "no rows to fit");
	CORE_TRY(solution_create(env, state->nterms, solution));
	CORE_TRY(load_state(env, state, options, &e));
	CORE_TRY(save_problem(env, &e, &saved));
	eliminate(env, &e, options->tolerance, solution->aliased);
	CORE_TRY(pack_triangle(env, &e));
	CORE_ALLOC(env, beta, (size_t) e.rank);
	CORE_TRY(back_substitute(env, &e, beta));
	unscale(state, options, &e, beta, solution);

	solution->rank = e.rank + (options->intercept ? 1 : 0);
	solution->tss = e.scale[state->nterms] * e.scale[state->nterms];
	solution->df_residual = (double) state->nrows - solution->rank;
	/* as many coefficients as rows leave nothing but rounding */
	if (options->ridge > 0 || solution->df_residual > 0)
		solution->rss = residual_squares(&e, saved, beta);
	if (options->inference)
		CORE_TRY(infer(env, state, options, &e, solution));
	else if (solution->df_residual > 0)
		solution->sigma = sqrt(solution->rss / solution->df_residual);
	env_poll(env);
	CORE_TRY(condition_number(env, &e, &solution->condition));

	env_poll(env);
	env_release(env, beta);
	env_release(env, saved);
	env_release(env, e.triangle);
	env_release(env, e.column);
	env_release(env, e.scale);
	env_release(env, e.a);
	return CORE_OK;
}
