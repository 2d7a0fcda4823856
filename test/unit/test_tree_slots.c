/*
 * test_tree_slots.c: boosting with more leaves than there is memory for histograms.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "tree_fit.h"

#define N 500
#define OWN 5					/* features that differ */
#define LEAVES 40
#define REPEATED (OWN * 1600)	/* so many features leave room for the histograms of 8 leaves */

/* On a vector of `width` elements that repeat after OWN. With weights as different as these hessians say little about numbers of rows, so that splits are undone. */
static void
fit_repeated(TreeFit *fit, CoreEnv *env, int width, int processes)
{
	TestRandom	random = {5};
	int			column;

	tree_fit_init(fit, env, N, "gbm", TASK_BINARY, 2);
	column = rows_add(&fit->rows, "v", FEATURE_VECTOR, STORAGE_F64, width);
	fit->weight = env_alloc(env, N, sizeof(double));
	for (int i = 0; i < N; i++)
	{
		double		sum = 0;

		for (int k = 0; k < OWN; k++)
		{
			double		x = floor(100 * test_random_uniform(&random));

			sum += sin(x / (5 + 3 * k));
			for (int element = k; element < width; element += OWN)
				rows_put(&fit->rows, column, i, element, x);
		}
		fit->rows.data.target[i] = sum + 2 * test_random_uniform(&random) > 1;
		fit->weight[i] = pow(30, floor(3 * test_random_uniform(&random)) - 1);
	}
	tree_fit_set(fit, "n_estimators", 1);
	tree_fit_set(fit, "num_leaves", LEAVES);
	tree_fit_set(fit, "min_child_samples", 8);
	tree_fit_set(fit, "min_child_weight", 0);
	tree_fit_run(fit, processes);
}

static void
assert_same_array(const TreeFit *a, const TreeFit *b, const char *name)
{
	const ModelArray *first = model_array(&a->model, name);
	const ModelArray *second = model_array(&b->model, name);

	assert_int_equal(first->rows, second->rows);
	assert_memory_equal(first->data, second->data, (size_t) first->rows * array_type_size(first->type));
}

/* Of equal features the first is split, so repeated ones change nothing: not even where splits of leaves that have lost their histograms are undone. */
static void
test_lost_histograms(void **state)
{
	TreeFit		narrow;

	fit_repeated(&narrow, *state, OWN, 1);
	for (int processes = 1; processes <= 2; processes++)
	{
		TreeFit		wide;

		fit_repeated(&wide, *state, REPEATED, processes);
		assert_same_array(&narrow, &wide, "tree_nodes");
		assert_same_array(&narrow, &wide, "node_feature");
		assert_same_array(&narrow, &wide, "node_threshold");
		assert_same_array(&narrow, &wide, "node_count");
		assert_same_array(&narrow, &wide, "node_gain");
		assert_same_array(&narrow, &wide, "leaf_value");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lost_histograms, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
