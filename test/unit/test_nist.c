/*
 * test_nist.c: certified digits of least squares on NIST's reference problems.
 */
#include <math.h>
#include <string.h>

#include "design.h"
#include "nist.h"

static double
certified_digits(double estimate, double certified)
{
	double		error = certified != 0 ? fabs((estimate - certified) / certified) : fabs(estimate);

	return error < 1e-15 ? 15 : -log10(error);
}

static Design
nist_design(CoreEnv *env, const NistProblem *problem)
{
	int			nterms = problem->degree > 0 ? problem->degree : problem->ncolumns;
	Design		design = design_create(env, problem->nrows, nterms, false);
	const double *row = problem->data;

	for (int i = 0; i < problem->nrows; i++)
	{
		double		power = 1;

		design.y[i] = row[0];
		for (int j = 0; j < nterms; j++)
		{
			power *= row[1];
			design.x[j * problem->nrows + i] = problem->degree > 0 ? power : row[1 + j];
		}
		row += 1 + problem->ncolumns;
	}
	return design;
}

/* Digits that must hold, whether the rows come in one block, singly, or as merged states. */
static void
check_nist(CoreEnv *env, const char *name, double digits, double error_digits, double tiny)
{
	const NistProblem *problem = nist_problems;
	Design		design;
	LinearState *states[3];
	double	   *workspace;

	while (strcmp(problem->name, name) != 0)
		problem++;
	design = nist_design(env, problem);
	states[0] = design_state(env, &design, 0, design.nrows, design.nrows);
	states[1] = design_state(env, &design, 0, design.nrows, 1);
	states[2] = design_state(env, &design, 0, 5, 5);
	workspace = design_workspace(env, design.nterms, 0);
	assert_ok(env, linear_state_merge(env, states[2], design_state(env, &design, 5, design.nrows - 5, 4), workspace));

	for (int s = 0; s < 3; s++)
	{
		LinearSolution solution = design_solve(env, states[s], problem->intercept, 0);
		int			first = problem->intercept ? 0 : 1;
		int			count = design.nterms + 1 - first;
		double		worst = 15;
		double		worst_error = 15;

		for (int i = 0; i < count; i++)
		{
			double		coefficient = solution.coefficient[i + first];
			double		std_error = solution.std_error[i + first];

			worst = fmin(worst, certified_digits(coefficient, problem->coefficient[i]));
			/* a certified 0 is compared with the coefficient it belongs to */
			worst_error = fmin(worst_error, problem->std_error[i] != 0 ? certified_digits(std_error, problem->std_error[i])
							   : certified_digits(std_error / problem->coefficient[i], 0));
		}
		print_message("%-9s %s: %.1f digits, standard errors %.1f, rank %d, condition %.2g\n", name,
					  s == 0 ? "one block " : s == 1 ? "row by row" : "merged    ", worst, worst_error, solution.rank, solution.condition);
		/* more factorisations lose a little where the condition number is 5e9 */
		assert_true(worst >= (s > 0 ? digits - 0.5 : digits));
		assert_true(worst_error >= error_digits);
		assert_int_equal(solution.rank, count);
		assert_close(solution.sigma, problem->residual_sd, 1e-7, tiny);
		assert_close(1 - solution.rss / solution.tss, problem->r_squared, 1e-9, 1e-10);
	}
}

static void
nist_longley(void **state)
{
	check_nist(*state, "longley", 12, 12, 0);
}

static void
nist_wampler(void **state)
{
	check_nist(*state, "wampler1", 8, 9, 1);
	check_nist(*state, "wampler2", 11, 11, 1e-4);
	check_nist(*state, "wampler3", 8, 11, 0);
	check_nist(*state, "wampler4", 7, 11, 0);
	check_nist(*state, "wampler5", 5, 11, 0);
}

static void
nist_others(void **state)
{
	check_nist(*state, "pontius", 11, 11, 0);
	check_nist(*state, "noint1", 14, 14, 0);
	check_nist(*state, "filip", 7.2, 7, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nist_longley),
		TEST(nist_wampler),
		TEST(nist_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
