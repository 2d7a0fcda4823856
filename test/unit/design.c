/*
 * design.c: see design.h.
 */
#include "design.h"

Design
design_create(CoreEnv *env, int nrows, int nterms, bool weighted)
{
	Design		design = {nrows, nterms, NULL, NULL, NULL};

	design.x = env_alloc(env, (size_t) nrows * (size_t) nterms, sizeof(double));
	design.y = env_alloc(env, (size_t) nrows, sizeof(double));
	if (weighted)
		design.w = env_alloc(env, (size_t) nrows, sizeof(double));
	return design;
}

Design
design_random(CoreEnv *env, TestRandom *random, int nrows, int nterms, bool weighted, double offset)
{
	Design		design = design_create(env, nrows, nterms, weighted);

	for (int i = 0; i < nrows; i++)
	{
		design.y[i] = test_random_normal(random);
		for (int j = 0; j < nterms; j++)
		{
			double		value = offset * (j + 1) + test_random_normal(random) * (j % 3 == 0 ? 100 : 1);

			design.x[(size_t) j * (size_t) nrows + (size_t) i] = value;
			design.y[i] += value * (j % 2 == 0 ? 0.5 : -0.25);
		}
		if (weighted)
			design.w[i] = 0.1 + 3 * test_random_uniform(random);
	}
	return design;
}

LinearState *
design_state_new(CoreEnv *env, int nterms)
{
	size_t		size;
	LinearState *state;

	assert_true(linear_state_size(nterms, &size));
	state = env_alloc(env, 1, size);
	linear_state_init(state, nterms);
	return state;
}

double *
design_workspace(CoreEnv *env, int nterms, int nrows)
{
	size_t		doubles;

	assert_true(linear_workspace_size(nterms, nrows, &doubles));
	return env_alloc(env, doubles, sizeof(double));
}

LinearState *
design_state(CoreEnv *env, const Design *design, int first, int count, int step)
{
	LinearState *state = design_state_new(env, design->nterms);
	double	   *workspace = design_workspace(env, design->nterms, step);

	for (int i = first; i < first + count; i += step)
	{
		int			rows = first + count - i < step ? first + count - i : step;

		assert_ok(env, linear_state_add(env, state, rows, design->x + i, (size_t) design->nrows, design->y + i,
										design->w != NULL ? design->w + i : NULL, workspace));
	}
	env_release(env, workspace);
	return state;
}

LinearSolution
design_solve(CoreEnv *env, const LinearState *state, bool intercept, double ridge)
{
	LinearOptions options = {intercept, ridge, LINEAR_TOLERANCE, true};
	LinearSolution solution;

	assert_ok(env, linear_state_solve(env, state, &options, &solution));
	return solution;
}
