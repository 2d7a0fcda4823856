/*
 * test_isolation.c: isolation forests.
 */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/isolation.h"
#include "core/real.h"
#include "core/tree_model.h"
#include "tree_fit.h"
#include "walk.h"

#define EULER 0.57721566490153286061

/* c(n) of the paper, from harmonic numbers' usual approximation. */
static double
average_path(double n)
{
	return n <= 1 ? 0 : n == 2 ? 1 : 2 * (log(n - 1) + EULER) - 2 * (n - 1) / n;
}

/* Scores of all rows. */
static double *
scores_of(TreeFit *fit)
{
	double	   *scores = tree_fit_margins(fit);

	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
		model_respond(&fit->model, &scores[i], &scores[i]);
	return scores;
}

static void
add_normal(TreeFit *fit, TestRandom *random, const char *name)
{
	double	   *x = env_alloc(fit->rows.env, (size_t) fit->rows.data.nrows, sizeof(double));

	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
		x[i] = test_random_normal(random);
	rows_add_numbers(&fit->rows, name, x);
}

static void
add_mixed_columns(TreeFit *fit)
{
	TestRandom	random = {7};
	const char *texts[256];
	int			column;

	add_normal(fit, &random, "a");
	add_normal(fit, &random, "b");
	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
		texts[i] = i % 13 == 4 ? NULL : i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue";
	rows_add_texts(&fit->rows, "colour", texts);
	column = rows_add(&fit->rows, "count", FEATURE_NUMERIC, STORAGE_I16, 1);
	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
	{
		rows_put(&fit->rows, column, i, 0, (double) (i % 5));
		if (i % 7 == 2)
			rows_set_null(&fit->rows, column, i);
	}
}

static bool
same_terms(const double *terms, size_t n, int nterms, size_t a, size_t b)
{
	for (int j = 0; j < nterms; j++)
	{
		double		x = terms[(size_t) j * n + a];
		double		y = terms[(size_t) j * n + b];

		if (x != y && !(isnan(x) && isnan(y)))
			return false;
	}
	return true;
}

/* With samples of all rows: counts, stopping rules and scores against what a walk of every row finds. */
static void
scores_follow_path_lengths(void **state)
{
	enum {N = 100, TREES = 20, DEPTH = 7};
	CoreEnv    *env = *state;
	TreeFit		fit;
	const Model *model = &fit.model;
	WalkTree   *trees;
	double	   *terms;
	double	   *scores;
	double		paths[N] = {0};
	int			ntrees;

	tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
	tree_fit_set(&fit, "n_estimators", 20);
	add_mixed_columns(&fit);
	tree_fit_run(&fit, 1);
	assert_int_equal(model_number(model, "samples"), N);
	terms = rows_terms(&fit.rows, fit.transform, false);
	scores = scores_of(&fit);
	trees = walk_trees(env, model, &ntrees);
	assert_int_equal(ntrees, TREES);
	for (int t = 0; t < ntrees; t++)
	{
		const WalkTree *tree = &trees[t];
		const int64_t *count = (const int64_t *) model_array(model, "node_count")->data + tree->first;
		int64_t    *passed = env_alloc(env, (size_t) tree->count, sizeof(int64_t));
		int64_t		leaf[N];

		for (int i = 0; i < N; i++)
			leaf[i] = walk_row(model, tree, terms + i, N, passed);
		for (int64_t node = 0; node < tree->count; node++)
		{
			assert_int_equal(passed[node], count[node]);
			assert_true(passed[node] > 0 && tree->depth[node] <= DEPTH);
		}
		for (int i = 0; i < N; i++)
		{
			paths[i] += tree->depth[leaf[i]] + average_path((double) count[leaf[i]]);
			for (int k = 0; k < i && tree->depth[leaf[i]] < DEPTH; k++)
				assert_true(leaf[k] != leaf[i] || same_terms(terms, N, model->transform->nterms, (size_t) i, (size_t) k));
		}
	}
	for (int i = 0; i < N; i++)
	{
		assert_close(scores[i], exp2(-paths[i] / ntrees / average_path(N)), 1e-13, 1.0);
		assert_true(scores[i] > 0 && scores[i] < 1);
	}
}

/* Rows far from the others have the highest scores. */
static void
planted_rows_score_highest(void **state)
{
	enum {N = 2000, PLANTED = 10};
	CoreEnv    *env = *state;
	TreeFit		fit;
	TestRandom	random = {3};
	double	   *x[4];
	double	   *scores;
	double		least = 1;
	double		most = 0;

	tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
	for (int j = 0; j < 4; j++)
	{
		char		name[2] = {(char) ('a' + j), 0};

		x[j] = env_alloc(env, N, sizeof(double));
		for (int i = 0; i < N; i++)
			x[j][i] = test_random_normal(&random) + (i % (N / PLANTED) == 50 ? (i % 3 - 1.5) * 8 : 0);
		rows_add_numbers(&fit.rows, name, x[j]);
	}
	tree_fit_run(&fit, 1);
	scores = scores_of(&fit);
	for (int i = 0; i < N; i++)
	{
		if (i % (N / PLANTED) == 50)
			least = fmin(least, scores[i]);
		else
			most = fmax(most, scores[i]);
	}
	assert_true(least > most);
	assert_true(least > 0.6 && most < 0.75);
}

/* A value that hardly any row has is told from a missing one, from a category, from an ordinary number. */
static void
rare_values_stand_out(void **state)
{
	enum {N = 600};
	CoreEnv    *env = *state;

	for (int kind = 0; kind < 3; kind++)
	{
		TreeFit		fit;
		TestRandom	random = {11};
		const char *texts[N];
		double	   *scores;
		int			column;
		int			higher = 0;

		tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
		add_normal(&fit, &random, "noise");
		tree_fit_set(&fit, "max_samples", 600);
		if (kind == 0)
		{
			for (int i = 0; i < N; i++)
				texts[i] = i % 60 == 7 ? NULL : "usual";
			rows_add_texts(&fit.rows, "text", texts);
		}
		else
		{
			column = rows_add(&fit.rows, "number", FEATURE_NUMERIC, STORAGE_F64, 1);
			for (int i = 0; i < N; i++)
				rows_put(&fit.rows, column, i, 0, kind == 2 && i % 60 == 7 ? -INFINITY : 5);
			for (int i = 7; kind == 1 && i < N; i += 60)
				rows_set_null(&fit.rows, column, i);
		}
		tree_fit_run(&fit, 1);
		scores = scores_of(&fit);
		for (int i = 7; i < N; i += 60)
		{
			double		twin = 0;

			/* the ordinary row with the nearest noise */
			for (int k = 0, best = -1; k < N; k++)
			{
				const double *noise = fit.rows.columns[0].values;

				if (k % 60 == 7 || (best >= 0 && fabs(noise[k] - noise[i]) >= fabs(noise[best] - noise[i])))
					continue;
				best = k;
				twin = scores[k];
			}
			higher += scores[i] > twin;
		}
		assert_int_equal(higher, 10);
	}
}

/* Copies of a row are drawn one by one: rows with equal hashes are all candidates. */
static void
duplicates_are_sampled_apart(void **state)
{
	enum {N = 4000};
	CoreEnv    *env = *state;
	TreeFit		fit;
	const Model *model = &fit.model;
	double	   *x = env_alloc(env, N, sizeof(double));
	const ModelArray *threshold;
	double		highest = 0;

	tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = i;
		fit.rows.data.hash[i] = 99;
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "n_estimators", 1);
	tree_fit_run(&fit, 1);
	threshold = model_array(model, "node_threshold");
	for (int64_t i = 0; i < threshold->rows; i++)
		highest = fmax(highest, ((const double *) threshold->data)[i]);
	assert_true(highest > N * 0.8);
}

/* What a sampler is to find: every arrival of every row, without a horizon. Keys [TREES][n]. */
static double *
all_keys(CoreEnv *env, const uint64_t *hash, const double *weight, int n, uint64_t seed)
{
	enum {TREES = 128};
	double	   *keys = env_alloc(env, (size_t) TREES * (size_t) n, sizeof(double));
	uint64_t	ordinal = 0;

	for (int row = 0; row < n; row++)
	{
		double		at = 0;
		int			left = TREES;
		uint64_t	own;

		ordinal = row > 0 && hash[row] == hash[row - 1] ? ordinal + 1 : 0;
		own = ordinal > 0 ? hash_seeded(hash[row], ordinal) : hash[row];
		for (int t = 0; t < TREES; t++)
			keys[t * n + row] = INFINITY;
		for (uint64_t i = 0; left > 0 && weight[row] > 0; i++)
		{
			uint64_t	draw = hash_seeded(own, hash_seeded(0, ~seed) + i);
			double	   *key = &keys[(int) (draw % TREES) * n + row];

			at -= real_log1p(-((double) (draw >> 11) * 0x1p-53));
			if (*key < INFINITY)
				continue;
			*key = at / weight[row];
			left--;
		}
	}
	return keys;
}

/* Exactly the rows with the least keys, whatever the weights. */
static void
samples_have_the_least_keys(void **state)
{
	enum {N = 6000, SAMPLES = 20, TREES = 128};
	CoreEnv    *env = *state;
	uint64_t   *hash = env_alloc(env, N, sizeof(uint64_t));
	double	   *weight = env_alloc(env, N, sizeof(double));
	TestRandom	random = {17};

	for (int i = 0; i < N; i++)
		hash[i] = i % 10 < 3 ? hash_int64(i / 10) : hash_int64(i + N);
	for (int kind = 0; kind < 4; kind++)
	{
		IsolationSampler *sampler;
		double	   *keys;
		int			usable = 0;

		for (int i = 0; i < N; i++)
		{
			double		normal = test_random_normal(&random);

			weight[i] = kind == 0 ? 1 : kind == 1 ? i % 4 : kind == 2 ? exp(8 * normal) : i < 10 ? 1e300 : i % 2 ? 1 : 1e-300;
			usable += weight[i] > 0;
		}
		keys = all_keys(env, hash, weight, N, 5);
		assert_ok(env, isolation_sampler_create(env, hash, kind == 0 ? NULL : weight, N, usable, SAMPLES, 5, &sampler));
		for (int t = 0; t < TREES; t++)
		{
			const int64_t *rows = isolation_sample(sampler, t);
			bool		taken[N] = {false};
			double		most = 0;

			for (int i = 0; i < SAMPLES; i++)
			{
				assert_false(taken[rows[i]]);
				taken[rows[i]] = true;
				most = fmax(most, keys[t * N + rows[i]]);
			}
			assert_true(most < INFINITY);
			for (int i = 0; i < N; i++)
				assert_true(taken[i] || keys[t * N + i] > most);
		}
	}
}

/* How often rows are drawn, alone and in pairs of trees, is what chance says; a row more changes few samples. */
static void
samples_are_fair(void **state)
{
	enum {N = 10000, SAMPLES = 100, TREES = 1024};
	CoreEnv    *env = *state;
	uint64_t   *hash = env_alloc(env, N, sizeof(uint64_t));
	int		   *drawn = env_alloc(env, N, sizeof(int));
	int64_t    *before = env_alloc(env, (size_t) TREES * SAMPLES, sizeof(int64_t));
	bool	   *marked = env_alloc(env, N, sizeof(bool));
	IsolationSampler *sampler;
	double		chi_squared = 0;
	int			shared = 0;
	int			moved = 0;

	for (int i = 0; i < N; i++)
		hash[i] = hash_int64(i);
	assert_ok(env, isolation_sampler_create(env, hash, NULL, N, N, SAMPLES, 42, &sampler));
	for (int t = 0; t < TREES; t++)
	{
		memcpy(before + (size_t) t * SAMPLES, isolation_sample(sampler, t), SAMPLES * sizeof(int64_t));
		for (int i = 0; i < SAMPLES; i++)
		{
			int64_t		row = before[(size_t) t * SAMPLES + (size_t) i];

			drawn[row]++;
			shared += t > 0 && marked[row];
		}
		memset(marked, 0, N * sizeof(bool));
		for (int i = 0; i < SAMPLES; i++)
			marked[before[(size_t) t * SAMPLES + (size_t) i]] = true;
	}
	/* each row is in 1 % of the samples */
	for (int i = 0; i < N; i++)
		chi_squared += (drawn[i] - TREES * 0.01) * (drawn[i] - TREES * 0.01) / (TREES * 0.01 * 0.99);
	assert_true(fabs(chi_squared - N) < 5 * sqrt(2.0 * N));
	/* neighbouring trees share one row on average */
	assert_true(abs(shared - TREES) < 5 * sqrt(TREES));

	assert_ok(env, isolation_sampler_create(env, hash, NULL, N - 1, N - 1, SAMPLES, 42, &sampler));
	for (int t = 0; t < TREES; t++)
	{
		memset(marked, 0, N * sizeof(bool));
		for (int i = 0; i < SAMPLES; i++)
			marked[before[(size_t) t * SAMPLES + (size_t) i]] = true;
		for (int i = 0; i < SAMPLES; i++)
			moved += !marked[isolation_sample(sampler, t)[i]];
	}
	assert_int_equal(moved, drawn[N - 1]);
}

/* Rows of weight zero are never drawn; heavy ones more often. */
static void
weights_are_chances(void **state)
{
	enum {N = 1000};
	CoreEnv    *env = *state;
	TreeFit		fit;
	const Model *model = &fit.model;
	double	   *x = env_alloc(env, N, sizeof(double));
	double	   *weight = env_alloc(env, N, sizeof(double));
	const double *threshold;
	const int64_t *count;
	const int32_t *feature;
	double		heavy = 0;

	for (int i = 0; i < N; i++)
	{
		x[i] = i % 3 == 0 ? 1e6 + i : i;
		weight[i] = i % 3 == 0 ? 0 : i < N / 2 ? 9 : 1;
	}
	tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
	rows_add_numbers(&fit.rows, "x", x);
	fit.weight = weight;
	tree_fit_set(&fit, "max_samples", 0.1);
	tree_fit_run(&fit, 1);
	assert_int_equal(model_number(model, "rows"), 666);
	assert_int_equal(model_number(model, "samples"), 67);
	threshold = model_array(model, "node_threshold")->data;
	count = model_array(model, "node_count")->data;
	feature = model_array(model, "node_feature")->data;
	for (int64_t i = 0; i < model_array(model, "node_threshold")->rows; i++)
		assert_true(feature[i] < 0 || threshold[i] < N);

	/* one cut at the middle would tell; trees of one cut at random places: average their left sides */
	for (int64_t i = 0, tree = 0; tree < 100; i += ((const int32_t *) model_array(model, "tree_nodes")->data)[tree++])
		heavy += (double) count[i + 1] / (double) count[i] - threshold[i] / N;
	assert_true(heavy / 100 > 0.1);
}

static void
contamination_gives_a_threshold(void **state)
{
	enum {N = 1000};			/* scored in several steps; the rows of the last ones lie far out */
	CoreEnv    *env = *state;
	TreeFit		fit;
	TestRandom	random = {5};
	const Model *model = &fit.model;
	double	   *scores;
	double		x[N];
	double		threshold;
	int			above = 0;

	tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
	for (int i = 0; i < N; i++)
		x[i] = test_random_normal(&random) * (i < N * 9 / 10 ? 1 : 20);
	rows_add_numbers(&fit.rows, "a", x);
	add_normal(&fit, &random, "b");
	tree_fit_run(&fit, 1);
	assert_true(isnan(model_number(&fit.model, "threshold")));
	tree_fit_set(&fit, "contamination", 0.03);
	tree_fit_set(&fit, "n_estimators", 500);	/* few rows a step */
	tree_fit_run(&fit, 1);
	threshold = model_number(model, "threshold");
	scores = scores_of(&fit);
	for (int i = 0; i < N; i++)
		above += scores[i] >= threshold;
	assert_in_range(above, 29, 32);
}

static void
edge_cases(void **state)
{
	CoreEnv    *env = *state;
	TreeFit		fit;
	uint64_t	digest;
	double	   *scores;
	static const double extremes[] = {-INFINITY, -DBL_MAX, 0, 0, DBL_MAX, INFINITY};

	tree_fit_init(&fit, env, 6, "isolation_forest", TASK_ANOMALY, 0);
	rows_add_numbers(&fit.rows, "x", extremes);
	tree_fit_run(&fit, 1);
	scores = scores_of(&fit);
	for (int i = 0; i < 6; i++)
		assert_true(scores[i] > 0 && scores[i] < 1);
	assert_true(scores[0] == scores[1] && scores[4] == scores[5] && scores[2] < scores[1]);

	/* two rows: one cut, both at the average path of two entries */
	tree_fit_init(&fit, env, 2, "isolation_forest", TASK_ANOMALY, 0);
	rows_add_numbers(&fit.rows, "x", extremes + 1);
	tree_fit_run(&fit, 1);
	scores = scores_of(&fit);
	assert_close(scores[0], 0.5, 1e-14, 1.0);
	assert_close(scores[1], 0.5, 1e-14, 1.0);

	/* seeds matter, nothing else does */
	tree_fit_init(&fit, env, 200, "isolation_forest", TASK_ANOMALY, 0);
	add_mixed_columns(&fit);
	tree_fit_run(&fit, 1);
	digest = tree_fit_digest(&fit);
	tree_fit_run(&fit, 1);
	assert_true(tree_fit_digest(&fit) == digest);
	fit.seed = 43;
	tree_fit_run(&fit, 1);
	assert_true(tree_fit_digest(&fit) != digest);

	fit.model.link = LINK_IDENTITY;
	assert_int_equal(algorithm_bind(env, &fit.model), CORE_CORRUPT);
	fit.model.link = LINK_LOG;
	assert_ok(env, algorithm_bind(env, &fit.model));
	/* a score above 1 */
	((double *) model_array(&fit.model, "leaf_value")->data)[0] = 0.5;
	assert_int_equal(algorithm_bind(env, &fit.model), CORE_CORRUPT);
}

/* The same bits for any number of processes, in one batch of trees and in several. */
static void
teams_agree(void **state)
{
	enum {N = 70000};
	CoreEnv    *env = *state;

	for (int large = 0; large < 2; large++)
	{
		TreeFit		fit;
		TestRandom	random = {11};
		uint64_t	digest = 0;
		const char **text = env_alloc(env, N, sizeof(char *));
		double	   *weight = env_alloc(env, N, sizeof(double));

		tree_fit_init(&fit, env, N, "isolation_forest", TASK_ANOMALY, 0);
		for (int j = 0; j < 6; j++)
			add_normal(&fit, &random, (const char *[]) {"a", "b", "c", "d", "e", "f"}[j]);
		for (int i = 0; i < N; i++)
		{
			text[i] = i % 13 == 4 ? NULL : (const char *[]) {"red", "green", "blue"}[i % 3];
			weight[i] = i % 11 == 0 ? 0 : exp(i % 7);
			if (i % 5 == 0)
				fit.rows.data.hash[i] = fit.rows.data.hash[i - i % 10];	/* rows of one key */
		}
		rows_add_texts(&fit.rows, "colour", text);
		if (large)
			fit.weight = weight;
		tree_fit_set(&fit, "n_estimators", large ? 25 : 50);
		tree_fit_set(&fit, "max_samples", large ? 30000 : 256);
		tree_fit_set(&fit, "contamination", 0.1);	/* all processes score; with large trees the leader alone */
		for (int processes = 1; processes <= 3; processes++)
		{
			tree_fit_run(&fit, processes);
			if (processes == 1)
				digest = tree_fit_digest(&fit);
			assert_true(tree_fit_digest(&fit) == digest);
		}
		assert_int_equal(model_array(&fit.model, "tree_nodes")->rows, large ? 25 : 50);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(scores_follow_path_lengths),
		TEST(planted_rows_score_highest),
		TEST(rare_values_stand_out),
		TEST(duplicates_are_sampled_apart),
		TEST(samples_have_the_least_keys),
		TEST(samples_are_fair),
		TEST(weights_are_chances),
		TEST(contamination_gives_a_threshold),
		TEST(edge_cases),
		TEST(teams_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
