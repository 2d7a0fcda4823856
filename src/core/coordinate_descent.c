/*
 * coordinate_descent.c
 *	  The elastic net on a Gram matrix; see coordinate_descent.h.
 *
 * Cyclic coordinate descent with covariance updates (Friedman, Hastie,
 * Tibshirani, "Regularization paths for generalized linear models via coordinate
 * descent", 2010): first over the terms that the sequential strong rule lets in
 * (Tibshirani et al., 2012), between such passes over those that are not zero;
 * then the optimality conditions of all terms are checked and violators let in.
 *
 * Cost: p flops for each coefficient that moves.
 */
#include "core/coordinate_descent.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#define LEAST_L1_RATIO 1e-3

CoreStatus
descent_state_create(CoreEnv *env, const GramProblem *problem, DescentState *state)
{
	size_t		p = (size_t) problem->p;

	memset(state, 0, sizeof(*state));
	CORE_ALLOC(env, state->beta, p);
	CORE_ALLOC(env, state->gradient, p);
	CORE_ALLOC(env, state->candidate, p);
	if (p > 0)
		memcpy(state->gradient, problem->c, p * sizeof(double));
	state->alpha = INFINITY;
	state->converged = true;
	return CORE_OK;
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
sweep(const GramProblem *problem, double l1, double l2, bool only_active, DescentState *state)
{
	size_t		p = (size_t) problem->p;
	double		largest = 0;

	for (size_t j = 0; j < p; j++)
	{
		const double *column = problem->gram + j * p;
		double		old = state->beta[j];
		double		step;

		if (!state->candidate[j] || (only_active && old == 0))
			continue;
		state->beta[j] = soft_threshold(state->gradient[j] + column[j] * old, l1) / (column[j] + l2);
		step = state->beta[j] - old;
		if (step == 0)
			continue;
		for (size_t k = 0; k < p; k++)
			state->gradient[k] -= column[k] * step;
		largest = fabs(step) > largest ? fabs(step) : largest;
	}
	return largest;
}

/* c - G beta afresh, without the rounding errors of updates. */
static void
refresh_gradient(const GramProblem *problem, DescentState *state)
{
	size_t		p = (size_t) problem->p;

	if (p > 0)
		memcpy(state->gradient, problem->c, p * sizeof(double));
	for (size_t j = 0; j < p; j++)
	{
		for (size_t k = 0; state->beta[j] != 0 && k < p; k++)
			state->gradient[k] -= problem->gram[j * p + k] * state->beta[j];
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

/* Until a pass over all candidates moves none of them by more than `limit`. */
static void
descend(CoreEnv *env, const GramProblem *problem, double l1, double l2, double limit, int max_sweeps, DescentState *state)
{
	while (state->sweeps < max_sweeps)
	{
		state->sweeps++;
		env_poll(env);
		state->converged = sweep(problem, l1, l2, false, state) <= limit;
		if (state->converged)
			return;
		while (state->sweeps < max_sweeps)
		{
			state->sweeps++;
			env_poll(env);
			if (sweep(problem, l1, l2, true, state) <= limit)
				break;
		}
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
		refresh_gradient(problem, state);
	} while (admit_violators(problem, l1, state) && state->sweeps < options->max_sweeps);
}

CoreStatus
coordinate_descent_polish(CoreEnv *env, const GramProblem *problem, const DescentOptions *options, DescentState *state)
{
	size_t		p = (size_t) problem->p;
	double		l1 = state->alpha * options->l1_ratio;
	double		l2 = state->alpha * (1 - options->l1_ratio);
	int		   *active;
	int			count = 0;
	double	   *matrix;
	double	   *solution;
	bool		accepted;

	CORE_ALLOC(env, active, p);
	for (size_t j = 0; j < p; j++)
	{
		if (state->beta[j] != 0)
			active[count++] = (int) j;
	}
	if (count == 0)
		return CORE_OK;
	matrix = env_alloc(env, (size_t) count * (size_t) count, sizeof(double));
	if (matrix == NULL)
		return CORE_NO_MEMORY;
	CORE_ALLOC(env, solution, (size_t) count);
	for (int a = 0; a < count; a++)
	{
		for (int b = 0; b <= a; b++)
			matrix[(size_t) a * (size_t) count + (size_t) b] = problem->gram[(size_t) active[a] * p + (size_t) active[b]] + (a == b ? l2 : 0);
		solution[a] = problem->c[active[a]] - (state->beta[active[a]] > 0 ? l1 : -l1);
	}
	env_poll(env);
	accepted = LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', count, 1, matrix, count, solution, count) == 0;
	env_poll(env);
	for (int a = 0; a < count && accepted; a++)
		accepted = isfinite(solution[a]) && solution[a] != 0 && (solution[a] > 0) == (state->beta[active[a]] > 0);
	for (int a = 0; a < count && accepted; a++)
		state->beta[active[a]] = solution[a];
	refresh_gradient(problem, state);
	env_release(env, solution);
	env_release(env, matrix);
	env_release(env, active);
	return CORE_OK;
}
