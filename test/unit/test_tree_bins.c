/*
 * test_tree_bins.c: bins and thresholds agree on every value; edges lie between neighbours as stored.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "support.h"

#include "core/sort.h"
#include "core/tree_bins.h"
#include "tree_fit.h"

/* a <= edge < b for neighbours a, b in different bins, and x <= edge decides the bin. */
static void
assert_edges(const double *sorted, int64_t n, int max_bin)
{
	double		edges[TREE_MAX_BINS];
	int			nedges = tree_edges(sorted, n, max_bin, edges);

	assert_in_range(nedges, 0, max_bin - 1);
	for (int k = 1; k < nedges; k++)
		assert_true(edges[k - 1] < edges[k]);
	for (int64_t i = 0; i < n; i++)
	{
		int			bin = tree_bin_of(edges, nedges, sorted[i]);

		for (int k = 0; k < nedges; k++)
			assert_true((sorted[i] <= edges[k]) == (bin <= k));
	}
}

static int64_t
distinct_bins(const double *sorted, int64_t n, int max_bin)
{
	double		edges[TREE_MAX_BINS];

	return tree_edges(sorted, n, max_bin, edges) + 1;
}

static void
test_awkward_values(void **state)
{
	const double values[] = {
		-INFINITY, -DBL_MAX, -1e300, -1, -DBL_MIN, -DBL_TRUE_MIN, 0, DBL_TRUE_MIN, DBL_MIN, 1, 1 + DBL_EPSILON,
		9007199254740992.0, 9007199254740994.0, 9007199254740996.0, 1e300, DBL_MAX
	};
	const int	n = (int) (sizeof(values) / sizeof(values[0]));

	(void) state;
	assert_edges(values, n, TREE_MAX_BINS);
	assert_int_equal(distinct_bins(values, n, TREE_MAX_BINS), n);
	for (int max_bin = 2; max_bin < n; max_bin++)
		assert_edges(values, n, max_bin);
}

static void
test_random_values(void **state)
{
	TestRandom	random = {3};
	double	   *x = env_alloc(*state, 5000, sizeof(double));

	for (int round = 0; round < 20; round++)
	{
		int			n = 1 + (int) (test_random_bits(&random) % 5000);

		for (int i = 0; i < n; i++)
			x[i] = round % 2 ? floor(test_random_normal(&random) * 20) : exp(5 * test_random_normal(&random));
		assert_ok(*state, sort_doubles(*state, x, n));
		assert_edges(x, n, 2 + (int) (test_random_bits(&random) % 254));
	}
}

/* A value that fills many bins takes one; the others share what is left about evenly. */
/* A grid changes no bin: for even and wild edges, near each of them and far away. */
static void
test_grid(void **state)
{
	TestRandom	random = {17};
	double		edges[400 + TREE_GRID_PADDING];
	TreeGrid	grid;

	for (int round = 0; round < 400; round++)
	{
		static const int counts[] = {0, 1, 2, 3, 100, 254, 255, 256, 400};
		static const double far[] = {-INFINITY, -DBL_MAX, -1e300, -DBL_TRUE_MIN, -0.0, 0, DBL_TRUE_MIN, 1, 1e300, DBL_MAX, INFINITY, NAN};
		int			n = counts[round % 9];
		double		x[3 * 400 + 12];
		int			bin[3 * 400 + 12];
		int			count = 0;

		for (int i = 0; i < n; i++)
		{
			double		z = test_random_normal(&random);

			edges[i] = round % 5 == 0 ? i : round % 5 == 1 ? z : round % 5 == 2 ? exp(100 * z) : round % 5 == 3 ? copysign(DBL_MAX, z) * test_random_uniform(&random) : z * DBL_MIN;
		}
		assert_ok(*state, sort_doubles(*state, edges, n));
		for (int i = 0; i < TREE_GRID_PADDING; i++)
			edges[n + i] = INFINITY;
		for (int i = 0; i < n; i++)
		{
			x[count++] = edges[i];
			x[count++] = nextafter(edges[i], INFINITY);
			x[count++] = nextafter(edges[i], -INFINITY);
		}
		for (int i = 0; i < 12; i++)
			x[count++] = far[i];
		tree_grid_init(&grid, edges, n);
		tree_grid_search(&grid, edges, n, x, count, bin);
		for (int i = 0; i < count; i++)
			assert_int_equal(bin[i], isnan(x[i]) ? n + 1 : tree_bin_of(edges, n, x[i]));
	}
}

static void
test_heavy_value(void **state)
{
	double	   *x = env_alloc(*state, 10000, sizeof(double));
	double		edges[TREE_MAX_BINS];
	int			counts[TREE_MAX_BINS] = {0};
	int			nedges;

	for (int i = 0; i < 10000; i++)
		x[i] = i < 3000 ? -1 - i : i < 8000 ? 0 : i;
	assert_ok(*state, sort_doubles(*state, x, 10000));
	nedges = tree_edges(x, 10000, 50, edges);
	assert_in_range(nedges, 45, 49);
	for (int i = 0; i < 10000; i++)
		counts[tree_bin_of(edges, nedges, x[i])]++;
	for (int bin = 0; bin <= nedges; bin++)
		assert_true(counts[bin] == 5000 || counts[bin] <= 130);
}

/* What training did with rows is what scoring does with their values. */
static void
test_training_agrees_with_scoring(void **state)
{
	TreeFit		fit;
	TestRandom	random = {5};
	double		x[400];
	double	   *margins;

	tree_fit_init(&fit, *state, 400, "gbm", TASK_REGRESSION, 0);
	tree_fit_set(&fit, "n_estimators", 1);
	tree_fit_set(&fit, "num_leaves", 400);
	tree_fit_set(&fit, "min_child_samples", 1);
	tree_fit_set(&fit, "learning_rate", 1);
	tree_fit_set(&fit, "reg_lambda", 0);
	for (int i = 0; i < 400; i++)
	{
		const double awkward[] = {NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, 9007199254740992.0, 9007199254740994.0, 0};

		x[i] = i % 4 == 0 ? awkward[i / 4 % 8] : floor(test_random_uniform(&random) * 100) + 1;
		/* a number of its own for each value, so that a tree with enough leaves fits exactly */
		fit.rows.data.target[i] = i % 4 == 0 ? 200 + i / 4 % 8 : fmod(x[i] * 37, 101);
		if (isinf(x[i]) && x[i] > 0)
			fit.rows.data.target[i] = 203;	/* scored as the largest number */
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < 400; i++)
		assert_close(margins[i], fit.rows.data.target[i], 1e-5, 1);	/* gradients have single precision */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_awkward_values, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_random_values, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_grid, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_heavy_value, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_training_agrees_with_scoring, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
