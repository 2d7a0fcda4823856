/*
 * test_transform_target.c: target encoding against its formula row by row, and that it does not leak.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "core/metrics.h"
#include "core/sort.h"
#include "rows.h"

#define T(test) cmocka_unit_test_setup_teardown(test, test_env_setup, test_env_teardown)

/* A category of `nlevels` levels, level 0 twice as frequent; the level of each row. */
static int *
add_random_levels(Rows *rows, CoreEnv *env, TestRandom *random, int n, int nlevels)
{
	int			index;
	int		   *level = env_alloc(env, (size_t) n, sizeof(int));
	Column	   *column;

	rows_init(rows, env, n);
	index = rows_add(rows, "k", FEATURE_CATEGORICAL, STORAGE_CODE, 1);
	column = &rows->columns[index];
	column->levels = env_alloc(env, (size_t) nlevels, sizeof(char *));
	column->level_lengths = env_alloc(env, (size_t) nlevels, sizeof(int));
	column->nlevels = nlevels;
	for (int k = 0; k < nlevels; k++)
	{
		column->levels[k] = env_sprintf(env, "L%06d", k);
		column->level_lengths[k] = 7;
	}
	for (int i = 0; i < n; i++)
	{
		level[i] = (int) (test_random_bits(random) % (uint64_t) (nlevels + 1)) % nlevels;
		((uint32_t *) column->values)[i] = (uint32_t) level[i];
	}
	return level;
}

/*
 * The code of a level by the formula, from training rows of folds other than
 * `without` (-1: all); y_of gives the target that a column averages.
 */
static double
expected_code(const Rows *rows, const FeatureTransform *f, const int *level, int of_level, int without, double smoothing,
			  double (*y_of) (const Rows *, int64_t, int), int column)
{
	double		sum = 0;
	double		weight = 0;
	double		all_sum = 0;
	double		all_weight = 0;
	double		total = 0;
	int64_t		positive = 0;

	for (int64_t i = 0; i < rows->data.ntrain; i++)
	{
		double		w = rows->data.weight != NULL ? rows->data.weight[i] : 1;

		total += w;
		positive += w > 0;
		if ((int) (hash_seeded(rows->data.hash[i], f->fold_seed) % (uint64_t) f->nfolds) == without)
			continue;
		all_sum += w * y_of(rows, i, column);
		all_weight += w;
		if (level[i] != of_level)
			continue;
		sum += w * y_of(rows, i, column);
		weight += w;
	}
	smoothing *= total / (double) positive;
	return (sum + smoothing * all_sum / all_weight) / (weight + smoothing);
}

static double
value_of(const Rows *rows, int64_t row, int column)
{
	(void) column;
	return rows->data.target[row];
}

static double
class_of(const Rows *rows, int64_t row, int column)
{
	return rows->data.target[row] == column + 1;
}

/* Every training row, and every level at scoring, has the code of the formula. */
static void
assert_codes(Rows *rows, const Transform *transform, const int *level, double smoothing, int ncolumns,
			 double (*y_of) (const Rows *, int64_t, int))
{
	const FeatureTransform *f = &transform->features[0];
	double	   *x = rows_terms(rows, transform, true);
	double	   *scored = rows_terms(rows, transform, false);
	int64_t		n = rows->data.nrows;

	assert_int_equal(transform->nterms, ncolumns);
	for (int64_t i = 0; i < n; i += 7)
	{
		int			fold = (int) (hash_seeded(rows->data.hash[i], f->fold_seed) % (uint64_t) f->nfolds);

		for (int column = 0; column < ncolumns; column++)
		{
			assert_close(x[column * n + i], expected_code(rows, f, level, level[i], fold, smoothing, y_of, column), 1e-11, 1e-3);
			assert_close(scored[column * n + i], expected_code(rows, f, level, level[i], -1, smoothing, y_of, column), 1e-11, 1e-3);
		}
	}
	rows_assert_paths_agree(rows, transform);
}

static void
codes_are_smoothed_means_of_other_folds(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {1};
	FeatureOptions options = {.encode = ENCODE_TARGET, .smoothing = 7};

	for (int task = 0; task < 6; task++)
	{
		Rows		rows;
		int		   *level = add_random_levels(&rows, env, &random, 700, 8);
		int			nclasses = task % 3 == 0 ? 0 : task % 3 == 1 ? 2 : 4;

		for (int i = 0; i < 700; i++)
			rows.data.target[i] = nclasses == 0 ? 1e6 + 1e3 * level[i] + test_random_normal(&random) :
				(double) (test_random_bits(&random) % (unsigned) nclasses);
		if (task >= 3)
		{
			rows.data.weight = env_alloc(env, 700, sizeof(double));
			for (int i = 0; i < 700; i++)
				rows.data.weight[i] = i % 5 == 0 ? 0 : exp(8 * test_random_normal(&random));
		}
		assert_codes(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, nclasses), level, 7,
					 nclasses > 2 ? nclasses - 1 : 1, nclasses > 2 ? class_of : value_of);
	}
}

static void
wide_categories_are_target_encoded_by_default(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {2};
	FeatureValue unseen = raw_text("elsewhere");
	Rows		rows;
	Transform  *transform;
	int		   *level = add_random_levels(&rows, env, &random, 3000, 60);
	double		mean = 0;

	for (int i = 0; i < 3000; i++)
	{
		rows.data.target[i] = level[i] % 2 == 0 ? test_random_uniform(&random) < 0.9 : test_random_uniform(&random) < 0.1;
		mean += rows.data.target[i] / 3000;
	}
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 2);
	assert_int_equal(transform->features[0].encode, ENCODE_TARGET);
	assert_string_equal(transform->terms[0].name, "k.target");
	assert_codes(&rows, transform, level, 20, 1, value_of);
	/* an unseen level is the overall mean */
	assert_close(rows_score_term(transform, &unseen, "k.target"), mean, 1e-12, 0);
	assert_close(rows_score_term(transform, &raw_missing, "k.target"), mean, 1e-12, 0);
	/* 50 levels keep dummies; without a target the most frequent ones do */
	add_random_levels(&rows, env, &random, 3000, 50);
	assert_int_equal(rows_learn(&rows, NULL, PROFILE_LINEAR, 2)->nterms, 49);
	add_random_levels(&rows, env, &random, 3000, 60);
	rows.data.target = NULL;
	assert_int_equal(rows_learn(&rows, NULL, PROFILE_LINEAR, 0)->nterms, 50);
}

static void
missing_and_rare_levels_have_codes_of_their_own(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.encode = ENCODE_TARGET, .smoothing = 1e-9};
	FeatureValue rare = raw_text("r3");
	FeatureValue unseen = raw_text("u");
	const char *texts[100];
	Rows		rows;
	Transform  *transform;

	rows_init(&rows, env, 100);
	for (int i = 0; i < 100; i++)
	{
		static const char *const names[] = {"r0", "r1", "r2", "r3", "r4"};

		texts[i] = i < 40 ? "a" : i < 70 ? "b" : i < 85 ? names[i % 5] : NULL;
		rows.data.target[i] = i < 40 ? 1 : i < 70 ? 2 : i < 85 ? 3 : 4;
	}
	rows_add_texts(&rows, "k", texts);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 1);
	assert_close(rows_score_term(transform, &rare, "k.target"), 3, 1e-6, 0);
	assert_close(rows_score_term(transform, &unseen, "k.target"), 3, 1e-6, 0);
	assert_close(rows_score_term(transform, &raw_missing, "k.target"), 4, 1e-6, 0);
	options.impute = IMPUTE_MODE;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_close(rows_score_term(transform, &raw_missing, "k.target"), (40 * 1 + 15 * 4) / 55.0, 1e-6, 0);
	rows_assert_paths_agree(&rows, transform);
}

static void
equal_rows_share_a_fold(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};
	FeatureOptions options = {.encode = ENCODE_TARGET};
	Rows		rows;
	Transform  *transform;
	double	   *x;

	/* copies of a row: its own copies must not tell its target */
	add_random_levels(&rows, env, &random, 1000, 10);
	for (int i = 0; i < 1000; i++)
	{
		rows.data.hash[i] = rows.data.hash[i / 10 * 10];
		((uint32_t *) rows.columns[0].values)[i] = (uint32_t) (i / 10 % 10);
		rows.data.target[i] = i / 10 % 3 == 0;
	}
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 2);
	x = rows_terms(&rows, transform, true);
	for (int i = 0; i < 1000; i++)
		assert_true(x[i] == x[i / 10 * 10]);
}

/* Correlation of a column with the target, in standard errors. */
static double
correlation_z(const double *x, const double *y, int n)
{
	double		mx = 0;
	double		my = 0;
	double		xx = 0;
	double		yy = 0;
	double		xy = 0;

	for (int i = 0; i < n; i++)
	{
		mx += x[i] / n;
		my += y[i] / n;
	}
	for (int i = 0; i < n; i++)
	{
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	return xy / sqrt(xx * yy) * sqrt(n);
}

/* 5,000 random levels and a noise target: nothing to learn, in training or held out. */
static void
noise_stays_noise(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.encode = ENCODE_TARGET, .min_count = 1};
	int			n = 40000;

	for (uint64_t seed = 1; seed <= 3; seed++)
	{
		TestRandom	random = {seed};
		Rows		rows;
		Transform  *transform;
		double	   *x;
		double		auc;

		add_random_levels(&rows, env, &random, n, 5000);
		for (int i = 0; i < n; i++)
			rows.data.target[i] = test_random_bits(&random) % 2;
		rows.data.ntrain = n / 2;
		transform = rows_learn(&rows, &options, PROFILE_LINEAR, 2);
		x = rows_terms(&rows, transform, true);
		assert_true(fabs(correlation_z(x, rows.data.target, n / 2)) < 4);
		assert_ok(env, metrics_roc_auc(env, x, rows.data.target, NULL, n / 2, &auc));
		assert_true(fabs(auc - 0.5) < 0.03);
		/* in fold it would have been learned: the test can fail */
		x = rows_terms(&rows, transform, false);
		assert_true(correlation_z(x, rows.data.target, n / 2) > 20);
		/* held out */
		assert_ok(env, metrics_roc_auc(env, x + n / 2, rows.data.target + n / 2, NULL, n / 2, &auc));
		assert_true(fabs(auc - 0.5) < 0.03);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(codes_are_smoothed_means_of_other_folds),
		T(wide_categories_are_target_encoded_by_default),
		T(missing_and_rare_levels_have_codes_of_their_own),
		T(equal_rows_share_a_fold),
		T(noise_stays_noise),
	};

	return cmocka_run_group_tests_name("transform_target", tests, NULL, NULL);
}
