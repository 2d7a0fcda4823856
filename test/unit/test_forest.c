/*
 * test_forest.c: random forests and decision trees against brute force.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "tree_fit.h"
#include "walk.h"

static int
leaf_count(const TreeFit *fit)
{
	return (int) model_array(&fit->model, "leaf_value")->rows;
}

static double
squared_error(TreeFit *fit)
{
	double	   *margins = tree_fit_margins(fit);
	double		error = 0;

	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
		error += (fit->rows.data.target[i] - margins[i]) * (fit->rows.data.target[i] - margins[i]) * (fit->weight != NULL ? fit->weight[i] : 1);
	return error;
}

/* ------------------------------------------------------------ single cuts */

/* Squares around the weighted mean of the rows with side[i]. */
static double
spread(const double *y, const double *w, const bool *side, bool which, int n, int *rows)
{
	double		weight = 0;
	double		sum = 0;
	double		squares = 0;

	*rows = 0;
	for (int i = 0; i < n; i++)
	{
		if (side[i] != which)
			continue;
		weight += w[i];
		sum += w[i] * y[i];
		(*rows)++;
	}
	for (int i = 0; i < n; i++)
	{
		if (side[i] == which)
			squares += w[i] * (y[i] - sum / weight) * (y[i] - sum / weight);
	}
	return squares;
}

/* One cut: the best of all numbers and both places of missing values, with weights and a least number of rows. */
static void
best_cut_of_all(void **state)
{
	enum {N = 120, LEAST = 7};
	CoreEnv    *env = *state;

	for (uint64_t seed = 1; seed <= 12; seed++)
	{
		TreeFit		fit;
		TestRandom	random = {seed};
		double		x[3][N];
		double		w[N];
		double	   *y;
		double		best = INFINITY;

		tree_fit_init(&fit, env, N, "decision_tree", TASK_REGRESSION, 0);
		y = fit.rows.data.target;
		for (int i = 0; i < N; i++)
		{
			for (int j = 0; j < 3; j++)
				x[j][i] = j == 1 && i % 5 == 2 ? NAN : floor(test_random_normal(&random) * 6);
			y[i] = test_random_normal(&random) + (isnan(x[1][i]) && seed % 2 ? 2 : 0) + (x[0][i] > 3 ? 1 : 0);
			w[i] = 1 + (double) (i % 3);
		}
		rows_add_numbers(&fit.rows, "a", x[0]);
		rows_add_numbers(&fit.rows, "b", x[1]);
		rows_add_numbers(&fit.rows, "c", x[2]);
		fit.weight = w;
		tree_fit_set(&fit, "max_depth", 1);
		tree_fit_set(&fit, "min_samples_leaf", LEAST);
		tree_fit_run(&fit, 1);
		for (int j = 0; j < 3; j++)
		{
			for (int cut = 0; cut < 2 * N; cut++)
			{
				bool		left[N];
				int			rows[2];
				double		error;

				for (int i = 0; i < N; i++)
					left[i] = isnan(x[j][i]) ? cut >= N : isnan(x[j][cut % N]) || x[j][i] <= x[j][cut % N];
				error = spread(y, w, left, true, N, &rows[0]) + spread(y, w, left, false, N, &rows[1]);
				if (rows[0] >= LEAST && rows[1] >= LEAST)
					best = fmin(best, error);
			}
		}
		assert_int_equal(leaf_count(&fit), 2);
		assert_close(squared_error(&fit), best, 1e-10, 1);
	}
}

/* ------------------------------------------------------------ limits */

static void
fill_waves(TreeFit *fit, uint64_t seed, double noise)
{
	CoreEnv    *env = fit->rows.env;
	int64_t		n = fit->rows.data.nrows;
	TestRandom	random = {seed};
	double	   *x = env_alloc(env, (size_t) n * 4, sizeof(double));
	const char **text = env_alloc(env, (size_t) n, sizeof(char *));

	for (int64_t i = 0; i < n; i++)
	{
		double		signal;

		for (int j = 0; j < 4; j++)
			x[j * n + i] = test_random_uniform(&random);
		x[3 * n + i] = floor(8 * x[3 * n + i]);
		if (i % 10 == 3)
			x[2 * n + i] = NAN;
		text[i] = i % 17 == 5 ? NULL : (const char *[]) {"u", "v", "w", "x", "y"}[test_random_bits(&random) % 5];
		signal = sin(6 * x[i]) + x[n + i] + (text[i] == NULL ? 1 : (text[i][0] - 'u') % 3 * 0.7) + noise * test_random_normal(&random);
		if (fit->nclasses == 0)
			fit->rows.data.target[i] = signal;
		else
			fit->rows.data.target[i] = signal < 0.8 ? 0 : signal < 1.8 || fit->nclasses == 2 ? 1 : 2;
	}
	for (int j = 0; j < 4; j++)
		rows_add_numbers(&fit->rows, (const char *[]) {"a", "b", "c", "d"}[j], x + j * n);
	rows_add_texts(&fit->rows, "text", text);
}

/* Recounted nodes keep to all limits, and hold the means of their rows. */
static void
limits_are_kept(void **state)
{
	enum {N = 1500};
	CoreEnv    *env = *state;
	TreeFit		fit;
	const double *terms;
	const int64_t *count;
	const double *value;
	WalkTree   *tree;
	int			ntrees;
	int64_t    *passed;
	double	   *sum;

	tree_fit_init(&fit, env, N, "decision_tree", TASK_REGRESSION, 0);
	fill_waves(&fit, 2, 0.3);
	tree_fit_set(&fit, "max_depth", 7);
	tree_fit_set(&fit, "min_samples_leaf", 4);
	tree_fit_set(&fit, "min_samples_split", 25);
	tree_fit_run(&fit, 1);
	tree = walk_trees(env, &fit.model, &ntrees);
	assert_int_equal(ntrees, 1);
	terms = rows_terms(&fit.rows, fit.transform, true);
	count = model_array(&fit.model, "node_count")->data;
	value = model_array(&fit.model, "leaf_value")->data;
	passed = env_alloc(env, (size_t) tree->count, sizeof(int64_t));
	sum = env_alloc(env, (size_t) tree->count, sizeof(double));
	for (int i = 0; i < N; i++)
		sum[walk_row(&fit.model, tree, terms + i, N, passed)] += fit.rows.data.target[i];
	for (int64_t node = 0; node < tree->count; node++)
	{
		assert_int_equal(passed[node], count[node]);
		assert_true(passed[node] >= 4 && tree->depth[node] <= 7);
		if (tree->children[node] != 0)
			assert_true(passed[node] >= 25);
		else
			assert_close(value[tree->leaf[node]], sum[node] / (double) passed[node], 1e-12, 1);
	}
	assert_true(tree->count > 50);
}

/* So many leaves and no more, taken where they gain most: never worse than as many depth first could be. */
static void
leaves_are_limited_by_gain(void **state)
{
	enum {N = 1500};
	CoreEnv    *env = *state;
	double		before = INFINITY;

	for (int leaves = 2; leaves <= 34; leaves += 8)
	{
		TreeFit		fit;
		double		error;

		tree_fit_init(&fit, env, N, "decision_tree", TASK_REGRESSION, 0);
		fill_waves(&fit, 3, 0.3);
		tree_fit_set(&fit, "max_leaf_nodes", leaves);
		tree_fit_run(&fit, 1);
		assert_int_equal(leaf_count(&fit), leaves);
		error = squared_error(&fit);
		assert_true(error < before);
		before = error;
	}
}

/* Splits that reach min_impurity_decrease, and only those, by the recorded gains. */
static void
splits_pay_what_they_must(void **state)
{
	enum {N = 1500};
	CoreEnv    *env = *state;

	for (int which = 0; which < 5; which++)
	{
		TreeFit		fit;
		const ModelArray *gain;
		const int32_t *feature;
		double		least = INFINITY;
		bool		entropy = which > 2;
		int			nclasses = (int[]) {0, 2, 3, 2, 3}[which];

		tree_fit_init(&fit, env, N, "decision_tree", nclasses == 0 ? TASK_REGRESSION : nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, nclasses);
		fill_waves(&fit, 4, 0.3);
		tree_fit_set(&fit, "min_impurity_decrease", 0.004);
		if (entropy)
			tree_fit_set_text(&fit, "criterion", "entropy");
		tree_fit_run(&fit, 1);
		gain = model_array(&fit.model, "node_gain");
		feature = model_array(&fit.model, "node_feature")->data;
		for (int64_t i = 0; i < gain->rows; i++)
		{
			if (feature[i] >= 0)
				least = fmin(least, ((const double *) gain->data)[i] * (nclasses == 2 && !entropy ? 2 : 1) / N);
		}
		assert_true(least >= 0.004 && least < 0.02);
	}
}

/* ------------------------------------------------------------ pruning */

/* Least impurity plus price times leaves of a subtree, and the leaves of the smallest such subtree. */
static double
best_subtree(const WalkTree *tree, const double *risk, double price, int64_t node, int *leaves)
{
	int			below[2];
	double		cost;

	*leaves = 1;
	if (tree->children[node] == 0)
		return risk[node] + price;
	cost = best_subtree(tree, risk, price, tree->children[node], &below[0]) + best_subtree(tree, risk, price, tree->children[node] + 1, &below[1]);
	if (risk[node] + price <= cost)
		return risk[node] + price;
	*leaves = below[0] + below[1];
	return cost;
}

static void
pruned_trees_are_the_best_subtrees(void **state)
{
	enum {N = 800};
	static const double prices[] = {1e-5, 0.0005, 0.002, 0.01, 0.1, 1};
	CoreEnv    *env = *state;
	TreeFit		full;
	WalkTree   *tree;
	int			ntrees;
	const double *terms;
	double	   *weight;
	double	   *sum;
	double	   *squares;
	double	   *risk;
	int			distinct = 0;
	int			before = 0;

	tree_fit_init(&full, env, N, "decision_tree", TASK_REGRESSION, 0);
	fill_waves(&full, 5, 0.4);
	tree_fit_set(&full, "min_samples_leaf", 3);
	tree_fit_run(&full, 1);
	tree = walk_trees(env, &full.model, &ntrees);
	terms = rows_terms(&full.rows, full.transform, true);
	weight = env_alloc(env, (size_t) tree->count, sizeof(double));
	sum = env_alloc(env, (size_t) tree->count, sizeof(double));
	squares = env_alloc(env, (size_t) tree->count, sizeof(double));
	risk = env_alloc(env, (size_t) tree->count, sizeof(double));
	for (int i = 0; i < N; i++)
	{
		int64_t    *passed = env_alloc(env, (size_t) tree->count, sizeof(int64_t));

		walk_row(&full.model, tree, terms + i, N, passed);
		for (int64_t node = 0; node < tree->count; node++)
		{
			weight[node] += (double) passed[node];
			sum[node] += (double) passed[node] * full.rows.data.target[i];
			squares[node] += (double) passed[node] * full.rows.data.target[i] * full.rows.data.target[i];
		}
	}
	for (int64_t node = 0; node < tree->count; node++)
		risk[node] = (squares[node] - sum[node] * sum[node] / weight[node]) / N;
	for (int k = 0; k < 6; k++)
	{
		TreeFit		pruned;
		int			leaves;
		double		cost = best_subtree(tree, risk, prices[k], 0, &leaves);

		tree_fit_init(&pruned, env, N, "decision_tree", TASK_REGRESSION, 0);
		fill_waves(&pruned, 5, 0.4);
		tree_fit_set(&pruned, "min_samples_leaf", 3);
		tree_fit_set(&pruned, "ccp_alpha", prices[k]);
		tree_fit_run(&pruned, 1);
		assert_int_equal(leaf_count(&pruned), leaves);
		assert_close(squared_error(&pruned) / N + prices[k] * leaves, cost, 1e-9, 1);
		distinct += leaves != before;
		before = leaves;
	}
	assert_int_equal(before, 1);
	assert_true(distinct >= 4);
}

/* ------------------------------------------------------------ samples */

/* One tree that is exact on its sample: all error is that of rows it did not see. */
static void
out_of_bag_rows_are_those_not_drawn(void **state)
{
	enum {N = 900};
	CoreEnv    *env = *state;

	for (int sampling = 0; sampling < 2; sampling++)
	{
		TreeFit		fit;
		TestRandom	random = {9};
		double		x[N];
		double		y_mean = 0;
		double		bag;
		double		error;

		tree_fit_init(&fit, env, N, "random_forest", TASK_REGRESSION, 0);
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 250;		/* a bin for each, with equal values in each */
			fit.rows.data.target[i] = sin(x[i] / 20) + (i < 250 ? test_random_normal(&random) : fit.rows.data.target[i % 250]);
			if (i >= 250)
				fit.rows.data.target[i] = fit.rows.data.target[i % 250];
			y_mean += fit.rows.data.target[i] / N;
		}
		rows_add_numbers(&fit.rows, "x", x);
		tree_fit_set(&fit, "n_estimators", 1);
		tree_fit_set(&fit, "min_samples_leaf", 1);
		if (sampling == 1)
		{
			assert_ok(env, params_set_boolean(env, &fit.params, "bootstrap", false));
			tree_fit_set(&fit, "max_samples", 0.25);
		}
		tree_fit_run(&fit, 1);
		bag = (double) *(const int64_t *) model_array(&fit.model, "node_count")->data;
		assert_int_equal(bag + model_number(&fit.model, "oob_rows"), N);
		assert_close(bag / N, sampling == 0 ? 1 - exp(-1) : 0.25, 0.06, 1);
		error = squared_error(&fit) / model_number(&fit.model, "oob_rows");
		assert_true(error > 0.001);
		assert_close(model_number(&fit.model, "oob_error"), error, 1e-9, 0);
		(void) y_mean;
	}
}

/* Out-of-bag errors promise nothing where there is nothing: a random category of many levels, a random target. */
static void
out_of_bag_is_honest(void **state)
{
	enum {N = 4000};
	CoreEnv    *env = *state;

	for (int nclasses = 0; nclasses <= 3; nclasses += nclasses == 0 ? 2 : 1)
	{
		TreeFit		fit;
		TestRandom	random = {13};
		const char **text = env_alloc(env, N, sizeof(char *));

		tree_fit_init(&fit, env, N, "random_forest", nclasses == 0 ? TASK_REGRESSION : nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, nclasses);
		for (int i = 0; i < N; i++)
		{
			text[i] = env_sprintf(env, "level %d", (int) (test_random_bits(&random) % 380));
			fit.rows.data.target[i] = nclasses == 0 ? test_random_normal(&random) : (double) (test_random_bits(&random) % (uint64_t) nclasses);
		}
		rows_add_texts(&fit.rows, "text", text);
		tree_fit_set(&fit, "n_estimators", 30);
		tree_fit_run(&fit, 1);
		if (nclasses == 0)
			assert_true(model_number(&fit.model, "oob_score") < 0.03);
		else
			assert_close(model_number(&fit.model, "oob_error"), 1 - 1.0 / nclasses, 0.05, 1);
	}
}

/* Copies of a row are drawn apart. */
static void
duplicates_are_drawn_apart(void **state)
{
	enum {N = 1000};
	CoreEnv    *env = *state;
	TreeFit		fit;
	const int32_t *nodes;
	const int64_t *count;
	double	   *x = env_alloc(env, N, sizeof(double));

	tree_fit_init(&fit, env, N, "random_forest", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = i % 2;
		fit.rows.data.target[i] = i % 2;
		fit.rows.data.hash[i] = 7;
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "n_estimators", 10);
	tree_fit_run(&fit, 1);
	nodes = model_array(&fit.model, "tree_nodes")->data;
	count = model_array(&fit.model, "node_count")->data;
	for (int t = 0; t < 10; count += nodes[t++])
		assert_true(*count > 550 && *count < 720);
}

/* ------------------------------------------------------------ categories and classes */

/* Categories that alone tell the class or the number, however many there are of them. */
static void
categories_are_told_apart(void **state)
{
	enum {N = 6000};
	CoreEnv    *env = *state;
	static const int levels[] = {12, 500};

	for (int which = 0; which < 2; which++)
	{
		for (int nclasses = 0; nclasses <= 4; nclasses += nclasses == 0 ? 2 : 1)
		{
			TreeFit		fit;
			const char **text = env_alloc(env, N, sizeof(char *));
			double	   *margins;
			int			wrong = 0;

			tree_fit_init(&fit, env, N, "decision_tree", nclasses == 0 ? TASK_REGRESSION : nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, nclasses);
			for (int i = 0; i < N; i++)
			{
				int			level = i * 7919 % levels[which];

				text[i] = level == 3 ? NULL : env_sprintf(env, "level %d", level);
				fit.rows.data.target[i] = nclasses == 0 ? level * 31 % 5 : level * 31 % 97 % nclasses;
			}
			rows_add_texts(&fit.rows, "text", text);
			if (nclasses > 0 && which == 0)
				tree_fit_set_text(&fit, "criterion", "entropy");
			tree_fit_run(&fit, 1);
			margins = tree_fit_margins(&fit);
			for (int i = 0; i < N; i++)
			{
				double		y = fit.rows.data.target[i];

				if (nclasses > 2)
					wrong += margins[i * nclasses + (int) y] < 0.5;
				else
					wrong += fabs(margins[i] - y) > 0.49;
			}
			assert_true(wrong <= (which == 0 ? 0 : N / 10));
		}
	}
}

/* Shares of classes are probabilities, and means of the trees'. */
static void
shares_are_probabilities(void **state)
{
	enum {N = 600, K = 3};
	CoreEnv    *env = *state;
	TreeFit		fit;
	double	   *margins;

	tree_fit_init(&fit, env, N, "random_forest", TASK_MULTICLASS, K);
	fill_waves(&fit, 6, 0.5);
	tree_fit_set(&fit, "n_estimators", 7);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
	{
		double		response[K];

		assert_close(margins[i * K] + margins[i * K + 1] + margins[i * K + 2], 1, 1e-14, 1);
		model_respond(&fit.model, margins + i * K, response);
		for (int k = 0; k < K; k++)
		{
			assert_true(response[k] >= 0 && response[k] <= 1);
			assert_close(response[k], margins[i * K + k], 1e-14, 1);
		}
	}
}

/* ------------------------------------------------------------ numbers */

/* A signal of 1e-3 on 1e9, and targets over many orders of magnitude. */
static void
offsets_and_tails(void **state)
{
	enum {N = 2000};
	CoreEnv    *env = *state;
	TreeFit		fit;
	double		x[N];
	double	   *margins;

	tree_fit_init(&fit, env, N, "decision_tree", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = i % 100;
		fit.rows.data.target[i] = 1e9 + (i % 100 < 37 ? 0.001 : 0.002);
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_run(&fit, 1);
	assert_int_equal(leaf_count(&fit), 2);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
		assert_true(margins[i] == fit.rows.data.target[i]);

	tree_fit_init(&fit, env, N, "decision_tree", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
		fit.rows.data.target[i] = exp2(i % 100 - 60);
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "min_samples_leaf", 1);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
		assert_close(margins[i], fit.rows.data.target[i], 1e-12, 0);
}

/*
 * One term is drawn for each node.  One that varies but cannot be cut ends the branch, or small nodes would be split by whichever term
 * is left; one that does not vary says nothing, and another is drawn.
 */
static void
terms_drawn_in_vain(void **state)
{
	enum {N = 400, TREES = 60};
	CoreEnv    *env = *state;

	for (int constant = 0; constant < 2; constant++)
	{
		TreeFit		fit;
		TestRandom	random = {17};
		double	   *x = env_alloc(env, N, sizeof(double));
		double	   *other = env_alloc(env, N, sizeof(double));

		tree_fit_init(&fit, env, N, "random_forest", TASK_REGRESSION, 0);
		for (int i = 0; i < N; i++)
		{
			x[i] = test_random_normal(&random);
			other[i] = constant ? i % 2 : i == 5;
			fit.rows.data.target[i] = x[i] + test_random_normal(&random);
		}
		rows_add_numbers(&fit.rows, "x", x);
		rows_add_numbers(&fit.rows, "other", other);
		tree_fit_set(&fit, "n_estimators", TREES);
		assert_ok(env, params_set_boolean(env, &fit.params, "bootstrap", false));
		tree_fit_set(&fit, "max_samples", 1);
		tree_fit_set(&fit, "max_features", 0.5);
		tree_fit_set(&fit, "min_samples_leaf", 3);
		tree_fit_set(&fit, "max_depth", constant ? 2 : 1);
		tree_fit_run(&fit, 1);
		if (constant)			/* within a half only x varies */
			assert_int_equal(leaf_count(&fit), 4 * TREES);
		else
			assert_in_range(leaf_count(&fit), TREES + TREES / 4, TREES + 3 * TREES / 4);
	}
}

static void
edge_cases(void **state)
{
	CoreEnv    *env = *state;
	TreeFit		fit;
	static const double two[] = {1, 2};
	double		none[] = {0, 1};

	/* two rows, one tree whose sample may be empty */
	for (uint64_t seed = 0; seed < 20; seed++)
	{
		tree_fit_init(&fit, env, 2, "random_forest", TASK_REGRESSION, 0);
		rows_add_numbers(&fit.rows, "x", two);
		memcpy(fit.rows.data.target, two, sizeof(two));
		fit.seed = seed;
		tree_fit_set(&fit, "n_estimators", 1);
		tree_fit_run(&fit, 1);
		assert_true(tree_fit_margins(&fit)[0] >= 1 && tree_fit_margins(&fit)[0] <= 2);
	}

	/* no row with weight; a target that overflows */
	tree_fit_init(&fit, env, 2, "decision_tree", TASK_REGRESSION, 0);
	rows_add_numbers(&fit.rows, "x", two);
	fit.weight = none;
	none[1] = 0;
	assert_int_equal(tree_fit_try(&fit, 1), CORE_NUMERIC);
	fit.weight = NULL;
	fit.rows.data.target[0] = 1e200;
	assert_int_equal(tree_fit_try(&fit, 1), CORE_INVALID);

	/* a constant target: a leaf */
	fit.rows.data.target[0] = fit.rows.data.target[1] = 3;
	tree_fit_run(&fit, 1);
	assert_int_equal(leaf_count(&fit), 1);
	assert_true(tree_fit_margins(&fit)[1] == 3);
	fit.model.link = LINK_LOGIT;
	assert_int_equal(algorithm_bind(env, &fit.model), CORE_CORRUPT);
}

/* Words for max_features, recorded as what they came to; a record that is read again means the same. */
static void
features_by_word(void **state)
{
	CoreEnv    *env = *state;
	static const struct
	{
		const char *word;
		double		number;
		double		recorded;
	}			cases[] = {{"sqrt", 0, 2}, {"log2", 0, 2}, {NULL, 0.5, 3}, {NULL, 1, 5}, {NULL, 3, 3}, {NULL, 0.01, 0.2}, {NULL, 99, 5}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TreeFit		fit;
		uint64_t	digest;

		tree_fit_init(&fit, env, 300, "random_forest", TASK_REGRESSION, 0);
		fill_waves(&fit, 8, 0.3);
		tree_fit_set(&fit, "n_estimators", 2);
		if (cases[i].word != NULL)
			tree_fit_set_text(&fit, "max_features", cases[i].word);
		else
			tree_fit_set(&fit, "max_features", cases[i].number);
		tree_fit_run(&fit, 1);
		assert_close(params_number(&fit.model.params, "max_features"), cases[i].recorded, 1e-15, 1);
		digest = tree_fit_digest(&fit);
		tree_fit_run(&fit, 1);
		assert_true(tree_fit_digest(&fit) == digest);
	}
	{
		TreeFit		fit;

		tree_fit_init(&fit, env, 2, "random_forest", TASK_REGRESSION, 0);
		assert_int_equal(params_set_text(env, &fit.params, "max_features", "auto"), CORE_INVALID);
	}
}

/* ------------------------------------------------------------ teams */

/* The same bits for any number of processes, in one batch of trees or in several. */
static void
teams_agree(void **state)
{
	enum {N = 40000};
	CoreEnv    *env = *state;

	for (int nclasses = 0; nclasses <= 3; nclasses += 3)
	{
		TreeFit		fit;
		uint64_t	digest = 0;
		double	   *weight = env_alloc(env, N, sizeof(double));

		tree_fit_init(&fit, env, N, "random_forest", nclasses == 0 ? TASK_REGRESSION : TASK_MULTICLASS, nclasses);
		fill_waves(&fit, 10, 0.5);
		for (int i = 0; i < N; i++)
			weight[i] = i % 11 == 0 ? 0 : exp(i % 7);
		fit.weight = weight;
		tree_fit_set(&fit, "n_estimators", nclasses == 0 ? 60 : 40);
		tree_fit_set(&fit, "max_depth", 5);
		tree_fit_set(&fit, "min_samples_leaf", 1);
		for (int processes = 1; processes <= 3; processes++)
		{
			tree_fit_run(&fit, processes);
			if (processes == 1)
				digest = tree_fit_digest(&fit);
			assert_true(tree_fit_digest(&fit) == digest);
		}
	}
}

/* Leaves of class models are shares: forged ones could make probabilities of anything. */
static void
forged_shares(void **state)
{
	enum {N = 200};

	for (int classes = 2; classes <= 3; classes++)
	{
		TreeFit		fit;
		TestRandom	random = {11};
		double	   *x = env_alloc(*state, N, sizeof(double));
		double	   *share;

		tree_fit_init(&fit, *state, N, "random_forest", classes == 2 ? TASK_BINARY : TASK_MULTICLASS, classes);
		for (int i = 0; i < N; i++)
		{
			x[i] = test_random_normal(&random);
			fit.rows.data.target[i] = i % classes;
		}
		rows_add_numbers(&fit.rows, "x", x);
		tree_fit_set(&fit, "n_estimators", 3);
		tree_fit_run(&fit, 1);
		share = model_array(&fit.model, "leaf_value")->data;
		for (int k = 0; k < 2; k++)
		{
			double		kept = share[1];

			share[1] = k == 0 ? 1.5 : -0.5;
			assert_int_equal(algorithm_bind(*state, &fit.model), CORE_CORRUPT);
			share[1] = kept;
			assert_ok(*state, algorithm_bind(*state, &fit.model));
		}
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(best_cut_of_all),
		TEST(limits_are_kept),
		TEST(leaves_are_limited_by_gain),
		TEST(splits_pay_what_they_must),
		TEST(pruned_trees_are_the_best_subtrees),
		TEST(out_of_bag_rows_are_those_not_drawn),
		TEST(out_of_bag_is_honest),
		TEST(duplicates_are_drawn_apart),
		TEST(categories_are_told_apart),
		TEST(shares_are_probabilities),
		TEST(offsets_and_tails),
		TEST(terms_drawn_in_vain), TEST(edge_cases),
		TEST(features_by_word),
		TEST(teams_agree),
		TEST(forged_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
