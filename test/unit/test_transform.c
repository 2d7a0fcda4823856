/*
 * test_transform.c: learned transforms against what their definition says, computed row by row.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/real.h"
#include "rows.h"

/* ----------------------------------------------------------------- helpers */

/* One row as scoring sees it. */
static void
row_values(const Rows *rows, int64_t row, double *scratch, FeatureValue *values)
{
	for (int i = 0; i < rows->data.schema.count; i++)
	{
		column_value(&rows->columns[i], row, scratch, &values[i]);
		scratch += rows->columns[i].feature->width;
	}
}

/* Every row by transform_row has the bits that transform_block gave. */
static void
assert_paths_agree(Rows *rows, const Transform *transform)
{
	double	   *block = rows_terms(rows, transform, false);
	double	   *one = env_alloc(rows->env, (size_t) transform->nterms, sizeof(double));
	double	   *scratch = env_alloc(rows->env, 4096, sizeof(double));
	FeatureValue values[ROWS_MAX_COLUMNS];

	for (int64_t row = 0; row < rows->data.nrows; row++)
	{
		row_values(rows, row, scratch, values);
		transform_row(transform, values, one);
		for (int term = 0; term < transform->nterms; term++)
		{
			const double *other = &block[(int64_t) term * rows->data.nrows + row];

			if (memcmp(&one[term], other, sizeof(double)) != 0 && !(isnan(one[term]) && isnan(*other)))
				fail_msg("row %lld, term %s: %.17g and %.17g", (long long) row, transform->terms[term].name, one[term], *other);
		}
	}
}

/* Terms of one row of raw values. */
static double
score_term(const Transform *transform, const FeatureValue *values, const char *name)
{
	double		x[64];
	int			term = rows_term(transform, name);

	assert_true(term >= 0 && transform->nterms <= 64);
	transform_row(transform, values, x);
	return x[term];
}

static FeatureValue
number(double x)
{
	return (FeatureValue) {.number = x};
}

static FeatureValue
text(const char *x)
{
	return (FeatureValue) {.text = x, .text_length = (int) strlen(x)};
}

static const FeatureValue missing = {.missing = true};

/* ----------------------------------------------------------------- numbers */

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
	assert_paths_agree(&rows, transform);
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
	assert_true(score_term(transform, &missing, "x") == 49.5);
}

static void
not_a_number_is_missing_and_infinity_is_the_end_of_the_range(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		values[] = {NAN, INFINITY, -INFINITY, 1, 2, 4, 9};
	FeatureValue scored[] = {number(NAN), number(INFINITY), number(-INFINITY), number(1e300), missing};
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
	assert_true(score_term(transform, &scored[0], "x") == x[0]);
	assert_true(score_term(transform, &scored[1], "x") == 9);
	assert_true(score_term(transform, &scored[2], "x") == 1);
	assert_true(score_term(transform, &scored[3], "x") == 1e300);
	assert_true(score_term(transform, &scored[4], "x") == x[0]);
	assert_paths_agree(&rows, transform);
	/* trees see them as they are */
	transform = rows_learn(&rows, NULL, PROFILE_TREE, 0);
	x = rows_terms(&rows, transform, true);
	assert_true(isnan(x[0]) && x[1] == INFINITY && x[2] == -INFINITY && x[3] == 1);
	assert_paths_agree(&rows, transform);
}

/* -------------------------------------------------------------- categories */

/* a * 20, b * 30, c * 3 (rare), and missing * 12 */
static void
few_texts(const char **texts)
{
	for (int i = 0; i < 65; i++)
		texts[i] = i < 20 ? "a" : i < 50 ? "b" : i < 53 ? "c" : NULL;
}

static void
reference_coding_drops_the_first_level(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	const char *texts[65];
	FeatureValue scored[] = {text("a"), text("b"), text("c"), text("zzz"), missing};
	Rows		rows;
	Transform  *transform;

	few_texts(texts);
	rows_init(&rows, env, 65);
	rows_add_texts(&rows, "k", texts);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_string_equal(transform->terms[0].name, "k=b");
	assert_string_equal(transform->terms[1].name, "k=(missing)");
	assert_true(score_term(transform, &scored[0], "k=b") == 0);
	assert_true(score_term(transform, &scored[1], "k=b") == 1);
	assert_true(score_term(transform, &scored[1], "k=(missing)") == 0);
	assert_true(score_term(transform, &scored[4], "k=b") == 0);
	assert_true(score_term(transform, &scored[4], "k=(missing)") == 1);
	/* three rows of c are too few for "(other)": c and unseen levels are the average of a and b */
	assert_close(score_term(transform, &scored[2], "k=b"), 30.0 / 50, 1e-15, 0);
	assert_close(score_term(transform, &scored[3], "k=b"), 30.0 / 50, 1e-15, 0);
	assert_true(score_term(transform, &scored[3], "k=(missing)") == 0);
	assert_paths_agree(&rows, transform);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_pass_and_missing_ones_take_the_mean, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(nine_missing_rows_have_no_indicator, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(not_a_number_is_missing_and_infinity_is_the_end_of_the_range, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(reference_coding_drops_the_first_level, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
