/*
 * test_transform.c: learned transforms against what their definition says, computed row by row.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/real.h"
#include "core/sort.h"
#include "rows.h"

#define T(test) cmocka_unit_test_setup_teardown(test, test_env_setup, test_env_teardown)

static void
numbers_pass_and_missing_ones_take_the_mean(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;
	double	   *x;
	int			column;

	rows_init(&rows, env, 100);
	column = rows_add(&rows, "tenure", FEATURE_NUMERIC, STORAGE_I16, 1);
	for (int i = 0; i < 100; i++)
		rows_put(&rows, column, i, 0, i);
	for (int i = 0; i < 10; i++)
		rows_set_null(&rows, column, i * 10);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_string_equal(transform->terms[0].name, "tenure");
	assert_string_equal(transform->terms[1].name, "tenure is missing");
	x = rows_terms(&rows, transform, true);
	for (int i = 0; i < 100; i++)
	{
		/* 0 + 1 + ... + 99 less 0 + 10 + ... + 90 */
		assert_true(x[i] == (i % 10 == 0 ? (4950.0 - 450.0) / 90.0 : i));
		assert_true(x[100 + i] == (i % 10 == 0));
	}
	rows_assert_paths_agree(&rows, transform);
}

static void
nine_missing_rows_have_no_indicator(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {0};
	Rows		rows;
	Transform  *transform;
	int			column;

	rows_init(&rows, env, 100);
	column = rows_add(&rows, "x", FEATURE_NUMERIC, STORAGE_I16, 1);
	for (int i = 0; i < 100; i++)
		rows_put(&rows, column, i, 0, i);
	for (int i = 0; i < 9; i++)
		rows_set_null(&rows, column, i);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 1);
	options.indicator = 1;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	options.indicator = -1;
	rows_set_null(&rows, column, 50);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 1);
	/* nothing missing in training: scoring still has the mean */
	rows.columns[column].nulls = NULL;
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_true(rows_score_term(transform, &raw_missing, "x") == 49.5);
}

static void
not_a_number_is_missing_and_infinity_is_the_end_of_the_range(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		values[] = {NAN, INFINITY, -INFINITY, 1, 2, 4, 9};
	FeatureValue scored[] = {raw_number(NAN), raw_number(INFINITY), raw_number(-INFINITY), raw_number(1e300), raw_missing};
	Rows		rows;
	Transform  *transform;
	double	   *x;

	rows_init(&rows, env, 7);
	rows_add_numbers(&rows, "x", values);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	x = rows_terms(&rows, transform, true);
	/* mean of 9, 1, 1, 2, 4, 9 */
	assert_close(x[0], 26.0 / 6, 1e-15, 0);
	assert_true(x[1] == 9 && x[2] == 1 && x[3] == 1 && x[6] == 9);
	assert_true(rows_score_term(transform, &scored[0], "x") == x[0]);
	assert_true(rows_score_term(transform, &scored[1], "x") == 9);
	assert_true(rows_score_term(transform, &scored[2], "x") == 1);
	assert_true(rows_score_term(transform, &scored[3], "x") == 1e300);
	assert_true(rows_score_term(transform, &scored[4], "x") == x[0]);
	rows_assert_paths_agree(&rows, transform);
	/* trees see them as they are */
	transform = rows_learn(&rows, NULL, PROFILE_TREE, 0);
	x = rows_terms(&rows, transform, true);
	assert_true(isnan(x[0]) && x[1] == INFINITY && x[2] == -INFINITY && x[3] == 1);
	rows_assert_paths_agree(&rows, transform);
}

/* A column with ties, outliers, missing and infinite values; weights 0 .. 3. */
static void
mixed_numbers(TestRandom *random, double *x, double *w, int n)
{
	for (int i = 0; i < n; i++)
	{
		uint64_t	bits = test_random_bits(random) % 20;

		x[i] = bits == 0 ? NAN : bits == 1 ? INFINITY : bits == 2 ? -INFINITY :
			bits < 8 ? (double) bits : 1e6 + test_random_normal(random);
		w[i] = (double) (test_random_bits(random) % 4);
	}
}

static const FeatureOptions number_options[] = {
	{.scale = SCALE_STANDARD},
	{.impute = IMPUTE_MEDIAN, .scale = SCALE_ROBUST},
	{.impute = IMPUTE_MODE, .scale = SCALE_MINMAX},
	{.impute = IMPUTE_CONSTANT, .impute_number = 3, .map = MAP_LOG1P, .scale = SCALE_STANDARD},
	{.impute = IMPUTE_MEDIAN, .map = MAP_BINS, .bins = 4},
	{.map = MAP_LOG, .indicator = 1},
};

#define NUMBER_OPTIONS (sizeof(number_options) / sizeof(number_options[0]))

/* Fails unless a number was learned in the same way, to a relative tolerance. */
static void
assert_same_number(const FeatureTransform *a, const FeatureTransform *b, double tolerance)
{
	assert_int_equal(a->nterms, b->nterms);
	assert_int_equal(a->nedges, b->nedges);
	for (int i = 0; i < a->nedges; i++)
		assert_true(a->edges[i] == b->edges[i]);
	assert_close(a->impute_value[0], b->impute_value[0], tolerance, 0);
	assert_true(a->low[0] == b->low[0] && a->high[0] == b->high[0]);
	if (a->scale != SCALE_NONE)
	{
		assert_close(a->center[0], b->center[0], tolerance, 0);
		assert_close(a->spread[0], b->spread[0], tolerance, 0);
	}
}

static void
weights_are_copies_of_rows(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {5};

	for (size_t k = 0; k < NUMBER_OPTIONS; k++)
	{
		FeatureOptions options = number_options[k];
		Rows		weighted;
		Rows		copied;
		double		x[300];
		double		w[300];
		double		copies[900];
		int			n = 0;

		mixed_numbers(&random, x, w, 300);
		for (int i = 0; i < 300; i++)
		{
			for (int times = 0; times < (int) w[i]; times++)
				copies[n++] = x[i];
		}
		rows_init(&weighted, env, 300);
		rows_add_numbers(&weighted, "x", x);
		weighted.data.weight = w;
		rows_init(&copied, env, n);
		rows_add_numbers(&copied, "x", copies);
		/* whether there is an indicator depends on numbers of rows */
		options.indicator = -1;
		assert_same_number(&rows_learn(&weighted, &options, PROFILE_LINEAR, 0)->features[0],
						   &rows_learn(&copied, &options, PROFILE_LINEAR, 0)->features[0], 1e-14);
	}
}

static void
row_order_and_unit_of_weights_do_not_matter(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {6};

	for (size_t k = 0; k < NUMBER_OPTIONS; k++)
	{
		Rows		one;
		Rows		other;
		double		x[300];
		double		w[300];
		double		reversed_x[300];
		double		reversed_w[300];

		mixed_numbers(&random, x, w, 300);
		for (int i = 0; i < 300; i++)
		{
			w[i] *= test_random_uniform(&random);
			reversed_x[i] = x[299 - i];
			reversed_w[i] = 0;
		}
		for (int i = 0; i < 300; i++)
			reversed_w[i] = w[299 - i] * 0x1p60;
		rows_init(&one, env, 300);
		rows_add_numbers(&one, "x", x);
		one.data.weight = w;
		rows_init(&other, env, 300);
		rows_add_numbers(&other, "x", reversed_x);
		other.data.weight = reversed_w;
		assert_same_number(&rows_learn(&one, &number_options[k], PROFILE_LINEAR, 0)->features[0],
						   &rows_learn(&other, &number_options[k], PROFILE_LINEAR, 0)->features[0], 0);
	}
}

static void
held_out_rows_teach_nothing(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {7};

	for (size_t k = 0; k < NUMBER_OPTIONS; k++)
	{
		Rows		rows;
		Transform  *before;
		double		x[400];
		double		w[400];

		mixed_numbers(&random, x, w, 400);
		rows_init(&rows, env, 400);
		rows_add_numbers(&rows, "x", x);
		rows.data.ntrain = 300;
		before = rows_learn(&rows, &number_options[k], PROFILE_LINEAR, 0);
		for (int i = 300; i < 400; i++)
			((double *) rows.columns[0].values)[i] = -1e12 * i;
		assert_same_number(&before->features[0], &rows_learn(&rows, &number_options[k], PROFILE_LINEAR, 0)->features[0], 0);
	}
}

/* Mean, sd, median and quartiles of a training column of terms. */
static void
term_moments(const double *x, int n, double *mean, double *sd)
{
	*mean = *sd = 0;
	for (int i = 0; i < n; i++)
		*mean += x[i] / n;
	for (int i = 0; i < n; i++)
		*sd += (x[i] - *mean) * (x[i] - *mean) / n;
	*sd = sqrt(*sd);
}

static void
scales_do_what_they_say(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {8};
	static const double offsets[] = {0, 1e9, -1e15};
	static const double units[] = {1, 1e-200, 1e200};

	for (int offset = 0; offset < 3; offset++)
	{
		for (int unit = 0; unit < 3; unit++)
		{
			FeatureOptions options = {0};
			Rows		rows;
			double		x[2001];
			double	   *z;
			double		mean;
			double		sd;

			for (int i = 0; i < 2001; i++)
				x[i] = (offsets[offset] + floor(1000 * test_random_normal(&random))) * units[unit];
			rows_init(&rows, env, 2001);
			rows_add_numbers(&rows, "x", x);

			options.scale = SCALE_STANDARD;
			z = rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true);
			term_moments(z, 2001, &mean, &sd);
			/* the mean of x is known to an ulp of its size, in units of an sd of about 1,000 */
			assert_close(mean, 0, 1e-12 + fabs(offsets[offset]) * 2e-19, 1);
			assert_close(sd, 1, 1e-12 + pow(offsets[offset] * 2e-19, 2), 0);

			options.scale = SCALE_MINMAX;
			z = rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true);
			assert_ok(env, sort_doubles(env, z, 2001));
			assert_true(z[0] == 0 && z[2000] == 1);

			options.scale = SCALE_ROBUST;
			z = rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true);
			assert_ok(env, sort_doubles(env, z, 2001));
			/* 2,001 rows: quartiles are the values at ceil(2001 / 4) and ceil(3 * 2001 / 4) */
			assert_true(z[1000] == 0);
			assert_close(z[1500] - z[500], 1, 1e-12, 0);
		}
	}
}

static void
robust_scale_of_mostly_equal_values_is_the_deviation(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.scale = SCALE_ROBUST};
	double		x[100] = {0};
	Rows		rows;
	Transform  *transform;

	x[0] = 10;
	rows_init(&rows, env, 100);
	rows_add_numbers(&rows, "x", x);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_true(transform->features[0].center[0] == 0);
	assert_true(transform->features[0].spread[0] == 1); /* sqrt(100 / 100) */
}

static void
the_widest_ranges_are_scaled_or_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.scale = SCALE_STANDARD};
	TransformInput input = {&options, PROFILE_LINEAR, false, 0, 1};
	double		large[] = {1.7e308, 1.7e308, 1.6e308, 1.5e308};
	double		wide[] = {1.7e308, -1.7e308, 0, 1};
	double		tiny[] = {5e-324, 1e-323, 0, 0};
	Rows		rows;
	Transform  *transform;
	double	   *z;
	double		mean;
	double		sd;

	rows_init(&rows, env, 4);
	rows_add_numbers(&rows, "x", large);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_close(transform->features[0].impute_value[0], 1.625e308, 1e-14, 0);
	z = rows_terms(&rows, transform, true);
	term_moments(z, 4, &mean, &sd);
	assert_close(sd, 1, 1e-10, 0);
	assert_close(mean, 0, 1e-10, 1);

	rows_init(&rows, env, 4);
	rows_add_numbers(&rows, "x", wide);
	assert_ok(env, transform_learn(env, &rows.data, &input, &transform));
	z = rows_terms(&rows, transform, true);
	assert_true(isfinite(z[0]) && isfinite(z[1]));
	options.scale = SCALE_MINMAX;
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "\"x\""));

	rows_init(&rows, env, 4);
	rows_add_numbers(&rows, "x", tiny);
	if (transform_learn(env, &rows.data, &input, &transform) == CORE_OK)
	{
		z = rows_terms(&rows, transform, true);
		assert_true(z[1] == 1 && z[2] == 0);
	}
}

static void
constants_fill_and_modes_are_the_most_frequent(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		x[] = {3, 1, 3, 1, 7, NAN};
	FeatureOptions options = {.impute = IMPUTE_MODE};
	Rows		rows;

	rows_init(&rows, env, 6);
	rows_add_numbers(&rows, "x", x);
	assert_true(rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true)[5] == 1);
	options.impute = IMPUTE_MEDIAN;
	assert_true(rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true)[5] == 3);
	options.impute = IMPUTE_CONSTANT;
	options.impute_number = -5;
	assert_true(rows_terms(&rows, rows_learn(&rows, &options, PROFILE_LINEAR, 0), true)[5] == -5);
}

static void
logarithms(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		positive[] = {1, 2, 4, NAN};
	double		mixed[] = {-3, 0, 3, NAN};
	FeatureValue scored[] = {raw_number(0), raw_number(-5), raw_number(8)};
	FeatureOptions options = {.map = MAP_LOG};
	TransformInput input = {&options, PROFILE_LINEAR, false, 0, 1};
	Rows		rows;
	Transform  *transform;
	double	   *z;

	rows_init(&rows, env, 4);
	rows_add_numbers(&rows, "x", positive);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	z = rows_terms(&rows, transform, true);
	assert_string_equal(transform->terms[0].name, "log(x)");
	assert_true(z[0] == 0 && z[1] == real_log(2) && z[2] == real_log(4));
	assert_true(z[3] == real_log(7.0 / 3)); /* imputed before the map */
	/* what has no logarithm takes that of the smallest training value */
	assert_true(rows_score_term(transform, &scored[0], "log(x)") == 0);
	assert_true(rows_score_term(transform, &scored[1], "log(x)") == 0);
	assert_true(rows_score_term(transform, &scored[2], "log(x)") == real_log(8));

	rows_init(&rows, env, 4);
	rows_add_numbers(&rows, "x", mixed);
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_INVALID);
	assert_non_null(strstr(env->hint, "log1p"));
	options.map = MAP_LOG1P;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	z = rows_terms(&rows, transform, true);
	assert_string_equal(transform->terms[0].name, "log1p(x)");
	assert_true(z[0] == -real_log1p(3) && z[1] == 0 && z[2] == real_log1p(3) && z[3] == 0);
}

static void
bins_hold_equal_shares(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.map = MAP_BINS, .bins = 4, .encode = ENCODE_ORDINAL};
	FeatureValue scored[] = {raw_number(-1e9), raw_number(1e9), raw_missing};
	double		x[1000];
	int			counts[4] = {0};
	Rows		rows;
	Transform  *transform;
	double	   *z;

	for (int i = 0; i < 1000; i++)
		x[i] = (i * 7919) % 1000;
	rows_init(&rows, env, 1000);
	rows_add_numbers(&rows, "x", x);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_string_equal(transform->terms[0].name, "x.bin");
	z = rows_terms(&rows, transform, true);
	for (int i = 0; i < 1000; i++)
	{
		assert_true(z[i] == floor(x[i] / 250));
		counts[(int) z[i]]++;
	}
	for (int bin = 0; bin < 4; bin++)
		assert_int_equal(counts[bin], 250);
	assert_true(rows_score_term(transform, &scored[0], "x.bin") == 0);
	assert_true(rows_score_term(transform, &scored[1], "x.bin") == 3);
	assert_true(rows_score_term(transform, &scored[2], "x.bin") == 2); /* 499.5 */

	options.encode = ENCODE_AUTO;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 3);
	assert_string_equal(transform->terms[0].name, "x in (249,499]");
	assert_string_equal(transform->terms[2].name, "x>749");
	assert_true(rows_score_term(transform, &scored[1], "x>749") == 1);
	assert_true(rows_score_term(transform, &scored[0], "x>749") == 0);
	options.encode = ENCODE_ONEHOT;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 4);
	assert_string_equal(transform->terms[0].name, "x<=249");
	rows_assert_paths_agree(&rows, transform);
}

/* Ties leave fewer bins, and none of them empty. */
static void
bins_of_tied_values_are_not_empty(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {9};
	FeatureOptions options = {.map = MAP_BINS, .encode = ENCODE_ORDINAL};

	for (int round = 0; round < 50; round++)
	{
		double		x[60];
		int			counts[11] = {0};
		Rows		rows;
		Transform  *transform;
		double	   *z;

		for (int i = 0; i < 60; i++)
			x[i] = floor(exp(test_random_normal(&random)) * (round % 5 + 1));
		x[0] = 1000;
		options.bins = 2 + round % 10;
		rows_init(&rows, env, 60);
		rows_add_numbers(&rows, "x", x);
		transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
		z = rows_terms(&rows, transform, true);
		for (int i = 0; i < 60; i++)
			counts[(int) z[i]]++;
		for (int bin = 0; bin <= transform->features[0].nedges; bin++)
			assert_true(counts[bin] > 0);
	}
}

static void
vectors_have_a_term_for_each_element_that_varies(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;
	double	   *z;
	int			column;

	rows_init(&rows, env, 40);
	column = rows_add(&rows, "v", FEATURE_VECTOR, STORAGE_F32, 4);
	for (int i = 0; i < 40; i++)
	{
		rows_put(&rows, column, i, 0, i);
		rows_put(&rows, column, i, 1, 5);	/* constant */
		rows_put(&rows, column, i, 2, i % 2 == 0 && i < 20 ? NAN : -i);
		rows_put(&rows, column, i, 3, i * i);
	}
	rows_set_null(&rows, column, 39);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 4);
	assert_string_equal(transform->terms[0].name, "v[1]");
	assert_string_equal(transform->terms[1].name, "v[3]");
	assert_string_equal(transform->terms[2].name, "v[4]");
	assert_string_equal(transform->terms[3].name, "v is missing");
	assert_non_null(strstr(((TestEnv *) env)->last_log, "v[2]"));
	z = rows_terms(&rows, transform, true);
	for (int i = 0; i < 40; i++)
	{
		bool		some_missing = i == 39 || (i % 2 == 0 && i < 20);

		assert_true(z[120 + i] == some_missing);
		assert_true(z[i] == (i == 39 ? 19.0 : i)); /* mean of 0 .. 38 */
	}
	rows_assert_paths_agree(&rows, transform);
}

static void
booleans_are_zero_and_one(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureValue scored[] = {raw_number(0), raw_number(1), raw_missing};
	Rows		rows;
	Transform  *transform;
	int			column;

	rows_init(&rows, env, 40);
	column = rows_add(&rows, "flag", FEATURE_BOOLEAN, STORAGE_I8, 1);
	for (int i = 0; i < 40; i++)
		rows_put(&rows, column, i, 0, i % 4 == 0);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 1);
	assert_true(rows_score_term(transform, &scored[0], "flag") == 0);
	assert_true(rows_score_term(transform, &scored[1], "flag") == 1);
	assert_true(rows_score_term(transform, &scored[2], "flag") == 0.25);
}

static void
what_does_not_vary_is_left_out_with_a_notice(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TransformInput input = {NULL, PROFILE_LINEAR, false, 0, 1};
	double		constant[50];
	double		nothing[50];
	double		varies[50];
	double		some[50];
	Rows		rows;
	Transform  *transform;

	for (int i = 0; i < 50; i++)
	{
		constant[i] = 4;
		nothing[i] = i == 7 ? INFINITY : NAN;
		varies[i] = i;
		some[i] = i < 12 ? NAN : 4;
	}
	rows_init(&rows, env, 50);
	rows_add_numbers(&rows, "constant", constant);
	rows_add_numbers(&rows, "nothing", nothing);
	rows_add_numbers(&rows, "varies", varies);
	rows_add_numbers(&rows, "some", some);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_string_equal(transform->terms[0].name, "varies");
	/* one value or missing: whether it is missing is all there is to know */
	assert_string_equal(transform->terms[1].name, "some is missing");
	rows_assert_paths_agree(&rows, transform);
	assert_int_equal(((TestEnv *) env)->logs, 1);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "constant, nothing, some"));
	/* a value that only rows of weight 0 have does not vary */
	rows.data.weight = env_alloc(env, 50, sizeof(double));
	rows.data.weight[20] = rows.data.weight[21] = 1;
	varies[20] = varies[21];
	memcpy(rows.columns[2].values, varies, sizeof(varies));
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
	rows.data.weight[20] = rows.data.weight[21] = 0;
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
	rows.data.weight[20] = -1;
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_INVALID);
}

/* A long list is cut between names, and the rest counted. */
static void
many_constants_are_counted(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	const char *log = ((TestEnv *) *state)->last_log;
	Rows		rows;
	int			named = 1;
	int			more = 0;

	rows_init(&rows, env, 20);
	rows_add(&rows, "embedding_of_the_text", FEATURE_VECTOR, STORAGE_F32, 200);
	for (int i = 0; i < 20; i++)
		rows_put(&rows, 0, i, 7, i);
	assert_int_equal(rows_learn(&rows, NULL, PROFILE_LINEAR, 0)->nterms, 1);
	assert_non_null(strstr(log, "embedding_of_the_text[1], embedding_of_the_text[2]"));
	for (const char *comma = strchr(log, ','); comma != NULL; comma = strchr(comma + 1, ','))
		named++;
	assert_non_null(strstr(log, " and "));
	assert_int_equal(sscanf(strstr(log, " and "), " and %d more", &more), 1);
	assert_int_equal(named + more, 199);
}

static void
linear_models_refuse_unimputed_values(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.impute = IMPUTE_NONE};
	TransformInput input = {&options, PROFILE_LINEAR, false, 0, 1};
	double		x[] = {1, 2, NAN};
	Rows		rows;
	Transform  *transform;

	rows_init(&rows, env, 3);
	rows_add_numbers(&rows, "price", x);
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_INVALID);
	assert_non_null(strstr(env->message, "\"price\""));
	assert_int_not_equal(env->hint[0], 0);
	input.profile = PROFILE_TREE;
	assert_ok(env, transform_learn(env, &rows.data, &input, &transform));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(numbers_pass_and_missing_ones_take_the_mean),
		T(nine_missing_rows_have_no_indicator),
		T(not_a_number_is_missing_and_infinity_is_the_end_of_the_range),
		T(weights_are_copies_of_rows),
		T(row_order_and_unit_of_weights_do_not_matter),
		T(held_out_rows_teach_nothing),
		T(scales_do_what_they_say),
		T(robust_scale_of_mostly_equal_values_is_the_deviation),
		T(the_widest_ranges_are_scaled_or_refused),
		T(constants_fill_and_modes_are_the_most_frequent),
		T(logarithms),
		T(bins_hold_equal_shares),
		T(bins_of_tied_values_are_not_empty),
		T(vectors_have_a_term_for_each_element_that_varies),
		T(booleans_are_zero_and_one),
		T(what_does_not_vary_is_left_out_with_a_notice),
		T(many_constants_are_counted),
		T(linear_models_refuse_unimputed_values),
	};

	return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
