/*
 * coordinate_descent.c
 *	  The elastic net on a Gram matrix; see coordinate_descent.h.
 *
 * Cyclic coordinate descent with covariance updates (Friedman, Hastie,
 * Tibshirani, "Regularization paths for generalized linear models via coordinate
 * descent", 2010): first over the terms that the sequential strong rule lets in
 * (Tibshirani et al., 2012), between such passes over those that are not zero;
 * then the optimality conditions of all terms are checked and violators let in.
 * Where correlated terms make steps small, the signs are usually right long before
 * the values are: then the values come from one linear system.
 *
 * Cost: p flops for each coefficient that moves, n^3 / 3 for a system of n of them.
 */
#include "core/coordinate_descent.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#define LEAST_L1_RATIO 1e-3
#define SWEEPS_BEFORE_NEWTON 8
#define NEWTON_TERMS 1024		/* a larger system would take longer than a cancel may wait */
#define POLL_TERMS 256

CoreStatus
descent_state_create(CoreEnv *env, const GramProblem *problem, DescentState *state)
{
	size_t		p = (size_t) problem->p;

	memset(state, 0, sizeof(*state));
	CORE_ALLOC(env, state->beta, p);
	CORE_ALLOC(env, state->gradient, p);
	CORE_ALLOC(env, state->candidate, p);
	CORE_ALLOC(env, state->active, p);
	CORE_ALLOC(env, state->solution, p);
	state->matrix = env_alloc(env, p * p, sizeof(double));
	if (state->matrix == NULL)
		return CORE_NO_MEMORY;
	if (p > 0)
		memcpy(state->gradient, problem->c, p * sizeof(double));
	state->alpha = INFINITY;
	state->converged = true;
	return CORE_OK;
}

void
descent_state_release(CoreEnv *env, DescentState *state)
{
	env_release(env, state->beta);
	env_release(env, state->gradient);
	env_release(env, state->candidate);
	env_release(env, state->active);
	env_release(env, state->solution);
	env_release(env, state->matrix);
}

double
coordinate_descent_alpha_max(const GramProblem *problem, double l1_ratio)
{
	double		largest = 0;

	for (int j = 0; j < problem->p; j++)
		largest = fabs(problem->c[j]) > largest ? fabs(problem->c[j]) : largest;
	return largest / (l1_ratio > LEAST_L1_RATIO ? l1_ratio : LEAST_L1_RATIO);
}

static inline double
soft_threshold(double x, double limit)
{
	return x > limit ? x - limit : x < -limit ? x + limit : 0;
}

/* One pass over the candidates, or over those of them that are not zero; returns the largest step. */
static double
sweep(CoreEnv *env, const GramProblem *problem, double l1, double l2, bool only_active, DescentState *state)
{
	size_t		p = (size_t) problem->p;
	double		largest = 0;

	for (size_t j = 0; j < p; j++)
	{
		const double *column = problem->gram + j * p;
		double		old = state->beta[j];
		double		step;

		if (j % POLL_TERMS == 0)
			env_poll(env);
		if (!state->candidate[j] || (only_active && old == 0))
			continue;
		state->beta[j] = soft_threshold(state->gradient[j] + column[j] * old, l1) / (column[j] + l2);
		step = state->beta[j] - old;
		if (step == 0)
			continue;
		cblas_daxpy(problem->p, -step, column, 1, state->gradient, 1);
		largest = fabs(step) > largest ? fabs(step) : largest;
	}
	return largest;
}

/* c - G beta afresh, without the rounding errors of updates. */
static void
refresh_gradient(CoreEnv *env, const GramProblem *problem, DescentState *state)
{
	size_t		p = (size_t) problem->p;

	if (p > 0)
		memcpy(state->gradient, problem->c, p * sizeof(double));
	for (size_t j = 0; j < p; j++)
	{
		if (j % POLL_TERMS == 0)
			env_poll(env);
		if (state->beta[j] != 0)
			cblas_daxpy(problem->p, -state->beta[j], problem->gram + j * p, 1, state->gradient, 1);
	}
}

/* Lets in terms that violate the conditions at zero; whether there were any. */
static bool
admit_violators(const GramProblem *problem, double l1, DescentState *state)
{
	bool		found = false;

	for (int j = 0; j < problem->p; j++)
	{
		if (state->candidate[j] || problem->gram[(size_t) j * (size_t) problem->p + (size_t) j] == 0 || fabs(state->gradient[j]) <= l1)
			continue;
		state->candidate[j] = true;
		found = true;
	}
	return found;
}

/*
 * Coefficients that are not zero move towards the minimum that keeps their signs,
 * found by Cholesky; the first that would change its sign stops there, at zero.
 * Does nothing when the matrix is singular or too large.
 */
static void
newton_step(CoreEnv *env, const GramProblem *problem, double l1, double l2, DescentState *state)
{
	size_t		p = (size_t) problem->p;
	int			count = 0;
	int		   *active = state->active;
	double	   *matrix = state->matrix;
	double	   *solution = state->solution;
	double		fraction = 1;

	for (size_t j = 0; j < p; j++)
	{
		if (state->beta[j] != 0)
			active[count++] = (int) j;
	}
	if (count == 0 || count > NEWTON_TERMS)
		return;
	for (int a = 0; a < count; a++)
	{
		const double *column = problem->gram + (size_t) active[a] * p;

		for (int b = 0; b <= a; b++)
			matrix[(size_t) a * (size_t) count + (size_t) b] = column[active[b]] + (a == b ? l2 : 0);
		solution[a] = problem->c[active[a]] - (state->beta[active[a]] > 0 ? l1 : -l1);
	}
	env_poll(env);
	if (LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', count, 1, matrix, count, solution, count) != 0)
		return;
	env_poll(env);
	for (int a = 0; a < count; a++)
	{
		double		old = state->beta[active[a]];

		if (!isfinite(solution[a]))
			return;
		if ((solution[a] > 0) != (old > 0) && old / (old - solution[a]) < fraction)
			fraction = old / (old - solution[a]);
	}
	for (int a = 0; a < count; a++)
	{
		double		old = state->beta[active[a]];
		bool		blocks = (solution[a] > 0) != (old > 0) && old / (old - solution[a]) <= fraction;

		state->beta[active[a]] = blocks ? 0 : fraction == 1 ? solution[a] : old + fraction * (solution[a] - old);
	}
	refresh_gradient(env, problem, state);
}

/* Until a pass over all candidates moves none of them by more than `limit`. */
static void
descend(CoreEnv *env, const GramProblem *problem, double l1, double l2, double limit, int max_sweeps, DescentState *state)
{
	while (state->sweeps < max_sweeps)
	{
		double		step = INFINITY;

		state->sweeps++;
		state->converged = sweep(env, problem, l1, l2, false, state) <= limit;
		if (state->converged)
			return;
		for (int i = 0; i < SWEEPS_BEFORE_NEWTON && step > limit && state->sweeps < max_sweeps; i++)
		{
			state->sweeps++;
			step = sweep(env, problem, l1, l2, true, state);
		}
		if (step > limit)
			newton_step(env, problem, l1, l2, state);
	}
}

void
coordinate_descent_solve(CoreEnv *env, const GramProblem *problem, const DescentOptions *options, double alpha, DescentState *state)
{
	double		l1 = alpha * options->l1_ratio;
	double		l2 = alpha * (1 - options->l1_ratio);
	double		strong = isinf(state->alpha) ? 0 : options->l1_ratio * (2 * alpha - state->alpha);
	double		limit = options->tolerance * sqrt(problem->square);

	for (int j = 0; j < problem->p; j++)
	{
		bool		varies = problem->gram[(size_t) j * (size_t) problem->p + (size_t) j] > 0;

		state->candidate[j] = varies && (state->beta[j] != 0 || fabs(state->gradient[j]) >= strong);
	}
	state->alpha = alpha;
	state->sweeps = 0;
	state->converged = false;
	do
	{
		descend(env, problem, l1, l2, limit, options->max_sweeps, state);
		refresh_gradient(env, problem, state);
	} while (admit_violators(problem, l1, state) && state->sweeps < options->max_sweeps);
}

void
coordinate_descent_polish(CoreEnv *env, const GramProblem *problem, const DescentOptions *options, DescentState *state)
{
	newton_step(env, problem, state->alpha * options->l1_ratio, state->alpha * (1 - options->l1_ratio), state);
}
