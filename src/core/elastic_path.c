/*
 * elastic_path.c
 *	  The elastic net from LinearStates; see elastic_path.h.
 *
 * The Gram matrix of standardised terms comes from the triangle R of the state,
 * G = R'R.  The error of a fit on other rows also needs only their state:
 * |R (y, -b)|^2 plus W times the squared difference of means, so cross-validation
 * reads no row again.
 */
#include "core/elastic_path.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/real.h"

#define GRAM_COLUMNS 128		/* of the Gram matrix between two polls */
#define GRAM_ROWS 1024
#define POLL_COLUMNS 64

/* A Gram problem with what leads back to the user's units. */
typedef struct ScaledProblem
{
	GramProblem gram;
	const LinearState *state;
	double	   *scale;			/* [p + 1] standard deviations, the target's last; 0: constant */
	double	   *memory;
} ScaledProblem;

static LinearState *
new_state(CoreEnv *env, int nterms)
{
	size_t		size;
	LinearState *state = NULL;

	if (linear_state_size(nterms, &size))
		state = env_alloc(env, size, 1);
	if (state != NULL)
		linear_state_init(state, nterms);
	return state;
}

/* Columns of R over sqrt(W), with the mean as a last row when there is no intercept; all of unit length. */
static void
scaled_columns(CoreEnv *env, const LinearState *state, bool intercept, double *a, double *scale)
{
	int			p = state->nterms;
	size_t		ld = (size_t) p + 2;
	double		root = sqrt(state->weight);

	for (int j = 0; j <= p; j++)
	{
		const double *r = linear_state_column(state, j);
		double	   *column = a + (size_t) j * ld;
		double		mean = state->data[j];
		double		length = 0;

		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		for (int i = 0; i <= j; i++)
			column[i] = r[i] / root;
		column[p + 1] = intercept ? 0 : mean;
		length = cblas_dnrm2(p + 2, column, 1);
		if (length <= LINEAR_CONSTANT * fabs(mean))
			length = 0;
		scale[j] = length;
		for (int i = 0; i < p + 2; i++)
			column[i] = length > 0 ? column[i] / length : 0;
	}
}

static CoreStatus
problem_create(CoreEnv *env, const LinearState *state, bool intercept, ScaledProblem *problem)
{
	int			p = state->nterms;
	size_t		columns = (size_t) p;
	size_t		ld = columns + 2;
	double	   *a;
	double	   *gram;
	double	   *c;
	const double *target;

	memset(problem, 0, sizeof(*problem));
	problem->state = state;
	CORE_ALLOC(env, problem->scale, columns + 1);
	a = env_alloc(env, ld * (columns + 1), sizeof(double));
	problem->memory = env_alloc(env, columns * (columns + 1), sizeof(double));
	if (a == NULL || problem->memory == NULL)
		return CORE_NO_MEMORY;
	scaled_columns(env, state, intercept, a, problem->scale);
	gram = problem->memory;
	c = problem->memory + columns * columns;
	target = a + columns * ld;
	for (int first = 0; first < p; first += GRAM_COLUMNS)
	{
		int			count = p - first < GRAM_COLUMNS ? p - first : GRAM_COLUMNS;

		for (int top = 0; top < p; top += GRAM_ROWS)
		{
			env_poll(env);
			cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, p - top < GRAM_ROWS ? p - top : GRAM_ROWS, count, p + 2, 1,
						a + (size_t) top * ld, (int) ld, a + (size_t) first * ld, (int) ld, 0, gram + (size_t) first * columns + top, p);
		}
	}
	for (size_t j = 0; j < columns; j++)
	{
		if (j % POLL_COLUMNS == 0)
			env_poll(env);
		gram[j * columns + j] = problem->scale[j] > 0 ? 1 : 0;
		c[j] = cblas_ddot(p + 2, a + j * ld, 1, target, 1);
	}
	problem->gram.p = p;
	problem->gram.gram = gram;
	problem->gram.c = c;
	problem->gram.square = problem->scale[p] > 0 ? 1 : 0;
	env_release(env, a);
	return CORE_OK;
}

static void
problem_release(CoreEnv *env, ScaledProblem *problem)
{
	env_release(env, problem->scale);
	env_release(env, problem->memory);
}

/* Coefficients in the user's units, without the intercept. */
static void
unscale(const ScaledProblem *problem, const double *beta, double *coefficient)
{
	int			p = problem->state->nterms;

	coefficient[0] = 0;
	for (int j = 0; j < p; j++)
		coefficient[1 + j] = problem->scale[j] > 0 ? beta[j] * (problem->scale[p] / problem->scale[j]) : 0;
}

/* The mean of the target less what the terms give at their means; exact, as means may be large. */
static double
intercept_of(const LinearState *state, const double *coefficient)
{
	int			p = state->nterms;
	ExactSum	sum;

	exact_sum_init(&sum);
	exact_sum_add(&sum, state->data[p]);
	exact_sum_add(&sum, state->data[2 * p + 1]);
	for (int j = 0; j < p; j++)
	{
		exact_sum_add_product(&sum, -coefficient[1 + j], state->data[j]);
		exact_sum_add_product(&sum, -coefficient[1 + j], state->data[p + 1 + j]);
	}
	return exact_sum_value(&sum);
}

/*
 * Weighted squared error on the rows of `test` of coefficients that were fitted
 * on the rows of `train`; residual: [p + 1] scratch.
 */
static double
squared_error(const LinearState *test, const LinearState *train, const double *coefficient, bool intercept, double *residual)
{
	int			p = test->nterms;
	double		shift = test->data[p] - (intercept ? train->data[p] : 0);
	double		length;

	memcpy(residual, linear_state_column(test, p), ((size_t) p + 1) * sizeof(double));
	for (int j = 0; j < p; j++)
	{
		double		b = coefficient[1 + j];

		if (b == 0)
			continue;
		cblas_daxpy(j + 1, -b, linear_state_column(test, j), 1, residual, 1);
		shift -= b * (test->data[j] - (intercept ? train->data[j] : 0));
	}
	length = cblas_dnrm2(p + 1, residual, 1);
	return length * length + test->weight * shift * shift;
}

static CoreStatus
path_create(CoreEnv *env, int count, ElasticPath *path)
{
	path->count = count;
	CORE_ALLOC(env, path->alpha, (size_t) count);
	CORE_ALLOC(env, path->loss, (size_t) count);
	CORE_ALLOC(env, path->loss_se, (size_t) count);
	CORE_ALLOC(env, path->nonzero, (size_t) count);
	CORE_ALLOC(env, path->r_squared, (size_t) count);
	return CORE_OK;
}

/* The values of alpha, descending. */
static void
fill_alphas(const ElasticOptions *options, double alpha_max, double *alpha)
{
	for (int i = 0; i < options->nalphas; i++)
	{
		int			j = i;
		double		value;

		if (options->alphas == NULL)
		{
			alpha[i] = i == 0 ? alpha_max : alpha_max * real_pow(options->eps, (double) i / (options->nalphas - 1));
			continue;
		}
		value = options->alphas[i];
		for (; j > 0 && alpha[j - 1] < value; j--)
			alpha[j] = alpha[j - 1];
		alpha[j] = value;
	}
}

/* Losses of one fold over the path: sums of squared errors over its weight into `loss`. */
static CoreStatus
fold_losses(CoreEnv *env, const LinearState *test, const LinearState *train, const ElasticOptions *options, const ElasticPath *path, double *loss)
{
	ScaledProblem problem;
	DescentState state;
	double	   *coefficient;
	double	   *residual;

	CORE_TRY(problem_create(env, train, options->intercept, &problem));
	CORE_TRY(descent_state_create(env, &problem.gram, &state));
	CORE_ALLOC(env, coefficient, (size_t) train->nterms + 1);
	CORE_ALLOC(env, residual, (size_t) train->nterms + 1);
	for (int i = 0; i < path->count; i++)
	{
		coordinate_descent_solve(env, &problem.gram, &options->descent, path->alpha[i], &state);
		unscale(&problem, state.beta, coefficient);
		loss[i] = squared_error(test, train, coefficient, options->intercept, residual) / test->weight;
	}
	env_release(env, coefficient);
	env_release(env, residual);
	descent_state_release(env, &state);
	problem_release(env, &problem);
	return CORE_OK;
}

/* after[k]: the states of folds k+1 ... merged. */
static CoreStatus
merge_suffixes(CoreEnv *env, const LinearState *const *folds, int count, double *workspace, LinearState **after)
{
	for (int k = count - 1; k >= 0; k--)
	{
		after[k] = new_state(env, folds[0]->nterms);
		if (after[k] == NULL)
			return CORE_NO_MEMORY;
		if (k == count - 1)
			continue;
		CORE_TRY(linear_state_merge(env, after[k], after[k + 1], workspace));
		CORE_TRY(linear_state_merge(env, after[k], folds[k + 1], workspace));
	}
	return CORE_OK;
}

/* Mean loss and its standard error over folds, weighted by the folds' weights, as glmnet's cvm and cvsd. */
static void
summarise_losses(const LinearState *const *folds, const ElasticOptions *options, const bool *used, const double *losses, ElasticPath *path)
{
	for (int i = 0; i < path->count; i++)
	{
		double		weight = 0;
		double		mean = 0;
		double		square = 0;
		int			count = 0;

		for (int k = 0; k < options->folds; k++)
		{
			if (!used[k])
				continue;
			count++;
			weight += folds[k]->weight;
			mean += folds[k]->weight * losses[(size_t) k * (size_t) path->count + (size_t) i];
		}
		mean /= weight;
		for (int k = 0; k < options->folds; k++)
		{
			double		difference = losses[(size_t) k * (size_t) path->count + (size_t) i] - mean;

			if (used[k])
				square += folds[k]->weight * difference * difference;
		}
		path->loss[i] = mean;
		path->loss_se[i] = sqrt(square / weight / (count - 1));
	}
}

/* Index of the alpha that the rule picks; ties go to the larger one. */
static int
choose(const ElasticPath *path, bool one_standard_error)
{
	int			best = 0;
	int			chosen;

	for (int i = 1; i < path->count; i++)
	{
		if (path->loss[i] < path->loss[best])
			best = i;
	}
	if (!one_standard_error)
		return best;
	for (chosen = 0; path->loss[chosen] > path->loss[best] + path->loss_se[best]; chosen++)
		;
	return chosen;
}

static CoreStatus
cross_validate(CoreEnv *env, const LinearState *const *folds, const ElasticOptions *options, double *workspace, ElasticPath *path)
{
	LinearState **after;
	LinearState *before;
	double	   *losses;
	bool	   *used;
	int			count = 0;

	CORE_ALLOC(env, after, (size_t) options->folds);
	CORE_ALLOC(env, used, (size_t) options->folds);
	losses = env_alloc(env, (size_t) options->folds * (size_t) path->count, sizeof(double));
	before = new_state(env, folds[0]->nterms);
	if (losses == NULL || before == NULL)
		return CORE_NO_MEMORY;
	CORE_TRY(merge_suffixes(env, folds, options->folds, workspace, after));
	for (int k = 0; k < options->folds; k++)
	{
		LinearState *train = after[k];

		CORE_TRY(linear_state_merge(env, train, before, workspace));
		CORE_TRY(linear_state_merge(env, before, folds[k], workspace));
		used[k] = folds[k]->weight > 0 && train->weight > 0;
		if (!used[k])
			continue;
		CORE_TRY(fold_losses(env, folds[k], train, options, path, losses + (size_t) k * (size_t) path->count));
		count++;
	}
	if (count < 2)
		return env_hint(env, env_fail(env, CORE_NUMERIC, "too few rows to choose alpha by cross-validation"),
						"Give \"alpha\", or use more rows.");
	summarise_losses(folds, options, used, losses, path);
	path->chosen = choose(path, options->one_standard_error);
	for (int k = 0; k < options->folds; k++)
		env_release(env, after[k]);
	env_release(env, after);
	env_release(env, before);
	env_release(env, losses);
	env_release(env, used);
	return CORE_OK;
}

static int
count_nonzero(const DescentState *state, int p)
{
	int			count = 0;

	for (int j = 0; j < p; j++)
		count += state->beta[j] != 0;
	return count;
}

/* 1 - rss / tss from the Gram matrix: b'c + b'gradient is what the terms explain. */
static double
explained(const GramProblem *problem, const DescentState *state)
{
	double		sum = 0;

	for (int j = 0; j < problem->p; j++)
		sum += state->beta[j] * (problem->c[j] + state->gradient[j]);
	return problem->square > 0 ? sum / problem->square : NAN;
}

/* Least squares and ridge regression have a direct solution. */
static CoreStatus
solve_directly(CoreEnv *env, const LinearState *state, const ElasticOptions *options, ElasticFit *fit)
{
	LinearOptions linear = {options->intercept, fit->alpha * state->weight, LINEAR_TOLERANCE, false};
	LinearSolution solution;

	CORE_TRY(linear_state_solve(env, state, &linear, &solution));
	fit->nonzero = 0;
	for (int j = 0; j <= state->nterms; j++)
	{
		fit->coefficient[j] = isnan(solution.coefficient[j]) ? 0 : solution.coefficient[j];
		fit->nonzero += j > 0 && fit->coefficient[j] != 0;
	}
	fit->converged = true;
	fit->sweeps = 1;
	return CORE_OK;
}

/* Down the path to fit->alpha, from which the coefficients are taken. */
static CoreStatus
solve_by_descent(CoreEnv *env, const ScaledProblem *problem, const ElasticOptions *options, const double *alphas, int count, ElasticFit *fit)
{
	DescentState state;
	ElasticPath *path = &fit->path;

	CORE_TRY(descent_state_create(env, &problem->gram, &state));
	for (int i = 0; i < count; i++)
	{
		coordinate_descent_solve(env, &problem->gram, &options->descent, alphas[i], &state);
		if (path->count > 0)
		{
			path->nonzero[i] = count_nonzero(&state, problem->gram.p);
			path->r_squared[i] = explained(&problem->gram, &state);
		}
		if (i != (path->count > 0 ? path->chosen : count - 1))
			continue;
		fit->sweeps = state.sweeps;
		fit->converged = state.converged;
		coordinate_descent_polish(env, &problem->gram, &options->descent, &state);
		fit->nonzero = count_nonzero(&state, problem->gram.p);
		unscale(problem, state.beta, fit->coefficient);
		if (options->intercept)
			fit->coefficient[0] = intercept_of(problem->state, fit->coefficient);
	}
	descent_state_release(env, &state);
	return CORE_OK;
}

/* A few values from alpha_max down to alpha, as warm starts. */
static CoreStatus
warm_alphas(CoreEnv *env, double alpha_max, double alpha, double **alphas, int *count)
{
	*count = alpha < alpha_max ? 20 : 1;
	*alphas = env_alloc(env, (size_t) *count, sizeof(double));
	if (*alphas == NULL)
		return CORE_NO_MEMORY;
	for (int i = 0; i < *count; i++)
		(*alphas)[i] = i == *count - 1 ? alpha : alpha_max * real_pow(alpha / alpha_max, (double) (i + 1) / *count);
	return CORE_OK;
}

static CoreStatus
merge_all(CoreEnv *env, const LinearState *const *folds, int count, double *workspace, LinearState **total)
{
	*total = new_state(env, folds[0]->nterms);
	if (*total == NULL)
		return CORE_NO_MEMORY;
	for (int k = 0; k < count; k++)
		CORE_TRY(linear_state_merge(env, *total, folds[k], workspace));
	if ((*total)->nrows == 0)
		return env_fail(env, CORE_NUMERIC, "no rows to fit");
	return CORE_OK;
}

CoreStatus
elastic_path_fit(CoreEnv *env, const LinearState *const *folds, const ElasticOptions *options, double *workspace, ElasticFit *fit)
{
	LinearState *total;
	ScaledProblem problem;
	double	   *residual;
	double	   *alphas;
	int			count;

	memset(fit, 0, sizeof(*fit));
	CORE_TRY(merge_all(env, folds, options->folds, workspace, &total));
	CORE_TRY(problem_create(env, total, options->intercept, &problem));
	CORE_ALLOC(env, fit->coefficient, (size_t) total->nterms + 1);
	CORE_ALLOC(env, residual, (size_t) total->nterms + 1);
	fit->nrows = total->nrows;
	fit->weight = total->weight;
	fit->tss = problem.scale[total->nterms] * problem.scale[total->nterms] * total->weight;
	fit->alpha_max = coordinate_descent_alpha_max(&problem.gram, options->descent.l1_ratio);
	fit->alpha = options->alpha;

	/* a target without any linear relation needs no penalty, and no choice of one */
	if (isnan(fit->alpha) && fit->alpha_max == 0)
		fit->alpha = 0;
	if (isnan(fit->alpha))
	{
		CORE_TRY(path_create(env, options->nalphas, &fit->path));
		fill_alphas(options, fit->alpha_max, fit->path.alpha);
		CORE_TRY(cross_validate(env, folds, options, workspace, &fit->path));
		fit->alpha = fit->path.alpha[fit->path.chosen];
		CORE_TRY(solve_by_descent(env, &problem, options, fit->path.alpha, fit->path.count, fit));
	}
	else if (fit->alpha > 0 && options->descent.l1_ratio > 0)
	{
		CORE_TRY(warm_alphas(env, fit->alpha_max, fit->alpha, &alphas, &count));
		CORE_TRY(solve_by_descent(env, &problem, options, alphas, count, fit));
		env_release(env, alphas);
	}
	if (fit->alpha == 0 || options->descent.l1_ratio == 0)
		CORE_TRY(solve_directly(env, total, options, fit));
	fit->rss = squared_error(total, total, fit->coefficient, options->intercept, residual);
	env_release(env, residual);
	problem_release(env, &problem);
	env_release(env, total);
	return CORE_OK;
}
