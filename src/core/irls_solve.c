/*
 * irls_solve.c
 *	  One Newton step from the sums of a pass; see irls.h.
 *
 * Both ways minimise sum_i W_i (r_i - d0 - z_i'd)^2 + lambda |beta + d|^2 over
 * the step (d0, d).  From the cross-product by Cholesky, refused when a pivot
 * shows that half of the digits are gone.  From the factorization by back
 * substitution after rows for the penalty and, without an intercept, for the
 * means have been worked in; columns that depend on earlier ones get no step.
 *
 * Cost O(k^3) for k terms, negligible beside a pass.
 */
#include "core/irls.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#define PIVOT_TOLERANCE 1e-9	/* of squares: a cosine of 3e-5 to the earlier columns */
#define PANEL 128				/* columns of a factorization or an inverse between two polls */
#define POLLED_COLUMNS 1024		/* of one update by a panel */

/*
 * Cholesky factorization of the n x n upper triangle in place, panel by panel so
 * that a cancel is served in between.  False when it is not positive definite.
 */
static bool
factorise(CoreEnv *env, double *matrix, int n)
{
	for (int first = 0; first < n; first += PANEL)
	{
		int			width = n - first < PANEL ? n - first : PANEL;
		double	   *corner = matrix + (size_t) first * (size_t) n + (size_t) first;

		if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', width, corner, n) != 0)
			return false;
		for (int column = first + width; column < n; column += POLLED_COLUMNS)
		{
			int			count = n - column < POLLED_COLUMNS ? n - column : POLLED_COLUMNS;
			double	   *row = matrix + (size_t) column * (size_t) n + (size_t) first;

			env_poll(env);
			cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, width, count, 1.0, corner, n, row, n);
		}
		for (int column = first + width; column < n; column += PANEL)
		{
			int			count = n - column < PANEL ? n - column : PANEL;
			const double *row = matrix + (size_t) column * (size_t) n + (size_t) first;
			double	   *block = matrix + (size_t) column * (size_t) n + (size_t) (first + width);

			env_poll(env);
			/* rows from the panel's end to the diagonal block's; its lower part is not looked at */
			cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, column + count - first - width, count, width, -1.0,
						corner + (size_t) width * (size_t) n, n, row, n, 1.0, block, n);
		}
	}
	return true;
}

static CoreStatus
solve_cross_product(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state, double ridge, IrlsStep *step)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	int			first = irls_options(plan)->intercept ? 0 : 1;
	int			n = iterate->nkept + 1 - first;
	const double *scores = irls_cross_column(state, iterate->nkept + 1);
	double	   *matrix;
	double	   *score;

	CORE_ALLOC(env, matrix, (size_t) n * (size_t) n);
	CORE_ALLOC(env, score, (size_t) n);
	for (int j = 0; j < n; j++)
	{
		memcpy(matrix + (size_t) j * (size_t) n, irls_cross_column(state, j + first) + first, (size_t) (j + 1) * sizeof(double));
		score[j] = scores[j + first];
		if (j + first > 0)
		{
			matrix[(size_t) j * (size_t) n + (size_t) j] += ridge;
			score[j] -= ridge * v.beta[j + first];
		}
		step->delta[j + first] = score[j];
	}

	step->failed = !factorise(env, matrix, n);
	for (int j = 0; j < n && !step->failed; j++)
	{
		double		pivot = matrix[(size_t) j * (size_t) n + (size_t) j];
		double		diagonal = irls_cross_column(state, j + first)[j + first] + (j + first > 0 ? ridge : 0.0);

		step->failed = !(pivot * pivot > PIVOT_TOLERANCE * diagonal);
	}
	if (!step->failed)
	{
		LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', n, 1, matrix, n, step->delta + first, n);
		for (int j = 0; j < n; j++)
			step->decrement += score[j] * step->delta[j + first];
	}
	env_release(env, score);
	env_release(env, matrix);
	return CORE_OK;
}

/* A least squares system: `rows` x (k + 1) by columns, right-hand side last, mostly triangular. */
typedef struct System
{
	int			rows;
	int			k;
	double	   *a;
	int		   *pivot;			/* [k] row of column j, or -1 when it depends on earlier columns */
	int			rank;
} System;

static inline double *
system_column(const System *system, int j)
{
	return system->a + (size_t) j * (size_t) system->rows;
}

static CoreStatus
build_system(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const LinearState *state, double ridge, System *system)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	int			k = state->nterms;
	bool		intercept = irls_options(plan)->intercept;
	double		root_weight = sqrt(state->weight);
	double		root_ridge = sqrt(ridge);

	system->k = k;
	system->rows = k + (intercept ? 0 : 1) + (ridge > 0.0 ? k : 0);
	CORE_ALLOC(env, system->a, (size_t) system->rows * ((size_t) k + 1));
	CORE_ALLOC(env, system->pivot, (size_t) k);
	for (int j = 0; j <= k; j++)
	{
		double	   *column = system_column(system, j);
		int			next = k;

		memcpy(column, linear_state_column(state, j), (size_t) (j < k ? j + 1 : k) * sizeof(double));
		if (!intercept)
			column[next++] = root_weight * state->data[j];
		if (ridge > 0.0 && j < k)
			column[next + j] = root_ridge;
		for (int i = 0; ridge > 0.0 && j == k && i < k; i++)
			column[next + i] = -root_ridge * v.beta[1 + i];
	}
	return CORE_OK;
}

/* Householder reflection of column j that clears it below row r, applied to all later columns. */
static void
reflect(System *system, int j, int r)
{
	double	   *u = system_column(system, j);
	int			last = system->rows - 1;
	double		norm = 0.0;
	double		alpha;
	double		factor;

	while (last > r && u[last] == 0.0)
		last--;
	if (last == r)
		return;
	for (int i = r; i <= last; i++)
		norm = hypot(norm, u[i]);
	alpha = u[r] > 0.0 ? -norm : norm;
	factor = 1.0 / (alpha * (alpha - u[r]));
	u[r] -= alpha;
	for (int c = j + 1; c <= system->k; c++)
	{
		double	   *column = system_column(system, c);
		double		product = 0.0;

		for (int i = r; i <= last; i++)
			product += u[i] * column[i];
		product *= factor;
		for (int i = r; i <= last; i++)
			column[i] -= product * u[i];
	}
	u[r] = alpha;
	memset(u + r + 1, 0, (size_t) (last - r) * sizeof(double));
}

static void
triangularise(CoreEnv *env, System *system)
{
	system->rank = 0;
	for (int j = 0; j < system->k; j++)
	{
		double	   *column = system_column(system, j);
		double		norm = 0.0;
		double		rest = 0.0;

		env_poll(env);
		for (int i = 0; i < system->rows; i++)
		{
			norm = hypot(norm, column[i]);
			if (i >= system->rank)
				rest = hypot(rest, column[i]);
		}
		system->pivot[j] = -1;
		if (!(rest > LINEAR_TOLERANCE * norm))
			continue;
		reflect(system, j, system->rank);
		system->pivot[j] = system->rank++;
	}
}

static void
back_substitute(const System *system, double *x)
{
	const double *rhs = system_column(system, system->k);

	for (int j = system->k - 1; j >= 0; j--)
	{
		int			r = system->pivot[j];
		double		sum;

		x[j] = 0.0;
		if (r < 0)
			continue;
		sum = rhs[r];
		for (int c = j + 1; c < system->k; c++)
			sum -= system_column(system, c)[r] * x[c];
		x[j] = sum / system_column(system, j)[r];
	}
}

/* The kept columns of the system, scaled to unit length: triangle[rank x rank] and lengths[rank]. */
static void
pack_triangle(const System *system, double *triangle, double *lengths)
{
	size_t		n = (size_t) system->rank;
	size_t		c = 0;

	for (int j = 0; j < system->k; j++)
	{
		const double *column = system_column(system, j);

		if (system->pivot[j] < 0)
			continue;
		lengths[c] = cblas_dnrm2((int) c + 1, column, 1);
		for (size_t i = 0; i <= c; i++)
			triangle[c * n + i] = column[i] / lengths[c];
		c++;
	}
}

/* Squared lengths of the rows of the inverse of the n x n triangle. */
static CoreStatus
inverse_rows(CoreEnv *env, int n, const double *triangle, double *squares)
{
	double	   *block;

	CORE_ALLOC(env, block, (size_t) n * PANEL);
	for (int first = 0; first < n; first += PANEL)
	{
		int			count = n - first < PANEL ? n - first : PANEL;
		int			rows = first + count;

		env_poll(env);
		memset(block, 0, (size_t) rows * (size_t) count * sizeof(double));
		for (int j = 0; j < count; j++)
			block[(size_t) j * (size_t) rows + (size_t) (first + j)] = 1.0;
		cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, rows, count, 1.0, triangle, n, block, rows);
		for (int j = 0; j < count; j++)
		{
			for (int i = 0; i <= first + j; i++)
				squares[i] += block[(size_t) j * (size_t) rows + (size_t) i] * block[(size_t) j * (size_t) rows + (size_t) i];
		}
	}
	env_release(env, block);
	return CORE_OK;
}

/*
 * Square roots of the diagonal of (X'WX)^-1 in the user's units, intercept
 * first: with T the triangle of the kept columns, var b_j = |row j of T^-1|^2 /
 * s_j^2, and the intercept, at the user's zero, has 1/W + |T^-T m/s|^2 where m
 * are the weighted means of the raw terms.
 */
static CoreStatus
unscaled_errors(CoreEnv *env, const System *system, const IrlsVectors *v, const LinearState *state, bool intercept, IrlsStep *step)
{
	int			n = system->rank;
	double	   *triangle;
	double	   *lengths;
	double	   *mean;
	double	   *squares;
	double	   *work;
	int		   *iwork;
	int			c = 0;
	double		reciprocal = 1.0;

	CORE_ALLOC(env, triangle, (size_t) n * (size_t) n);
	CORE_ALLOC(env, lengths, (size_t) n);
	CORE_ALLOC(env, mean, (size_t) n);
	CORE_ALLOC(env, squares, (size_t) n);
	CORE_ALLOC(env, work, 3 * (size_t) n);
	CORE_ALLOC(env, iwork, (size_t) n);
	pack_triangle(system, triangle, lengths);
	env_poll(env);
	if (n > 0)
		LAPACKE_dtrcon_work(LAPACK_COL_MAJOR, '1', 'U', 'N', n, triangle, n, &reciprocal, work, iwork);
	step->condition = 1.0 / reciprocal;
	CORE_TRY(inverse_rows(env, n, triangle, squares));
	for (int j = 0; j < system->k; j++)
	{
		step->error[1 + j] = NAN;
		if (system->pivot[j] < 0)
			continue;
		step->error[1 + j] = sqrt(squares[c]) / (lengths[c] * v->spread[1 + j]);
		mean[c] = (v->centre[1 + j] / v->spread[1 + j] + state->data[j]) / lengths[c];
		c++;
	}
	if (n > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, n, triangle, n, mean, 1);
	step->error[0] = intercept ? hypot(1.0 / sqrt(state->weight), cblas_dnrm2(n, mean, 1)) : NAN;
	env_release(env, iwork);
	env_release(env, work);
	env_release(env, squares);
	env_release(env, mean);
	env_release(env, lengths);
	env_release(env, triangle);
	return CORE_OK;
}

static CoreStatus
solve_qr(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const LinearState *state, double ridge, IrlsStep *step)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	bool		intercept = irls_options(plan)->intercept;
	System		system;
	const double *rhs;

	CORE_TRY(build_system(env, plan, iterate, state, ridge, &system));
	triangularise(env, &system);
	back_substitute(&system, step->delta + 1);
	rhs = system_column(&system, system.k);
	for (int r = 0; r < system.rank; r++)
		step->decrement += rhs[r] * rhs[r];
	if (intercept)
	{
		double		mean = state->data[system.k];

		step->delta[0] = mean;
		for (int j = 0; j < system.k; j++)
			step->delta[0] -= step->delta[1 + j] * state->data[j];
		step->decrement += state->weight * mean * mean;
	}
	step->rank = system.rank + (intercept ? 1 : 0);
	CORE_TRY(unscaled_errors(env, &system, &v, state, intercept, step));
	env_release(env, system.pivot);
	env_release(env, system.a);
	return CORE_OK;
}

CoreStatus
irls_solve(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state, double ridge, IrlsStep *step)
{
	memset(step, 0, sizeof(*step));
	CORE_ALLOC(env, step->delta, (size_t) iterate->nkept + 1);
	CORE_ALLOC(env, step->error, (size_t) iterate->nkept + 1);
	if (iterate->basis == IRLS_QR)
		return solve_qr(env, plan, iterate, irls_linear_sums(state), ridge, step);
	return solve_cross_product(env, plan, iterate, state, ridge, step);
}
