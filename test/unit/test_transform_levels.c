/*
 * test_transform_levels.c: categories and times: which levels are kept, how they are coded, what unseen values score as.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/transform_time.h"
#include "rows.h"

#define T(test) cmocka_unit_test_setup_teardown(test, test_env_setup, test_env_teardown)

/* Fails unless `texts` (NULL ends them; "?" is missing) score as `expected` in one term. */
static void
assert_scores(const Transform *transform, const char *term, const char *const *texts, const double *expected)
{
	for (int i = 0; texts[i] != NULL; i++)
	{
		FeatureValue value = strcmp(texts[i], "?") == 0 ? raw_missing : raw_text(texts[i]);
		double		score = rows_score_term(transform, &value, term);

		if (!(fabs(score - expected[i]) < 1e-14 || (isnan(score) && isnan(expected[i]))))
			fail_msg("term %s of \"%s\" is %.17g instead of %.17g", term, texts[i], score, expected[i]);
	}
}

/* rows[k] rows of "a", "b", "c", "d" and missing. */
static void
add_levels(Rows *rows, CoreEnv *env, int a, int b, int c, int d, int missing)
{
	static const char *const names[] = {"a", "b", "c", "d", NULL};
	int			counts[] = {a, b, c, d, missing};
	const char *texts[1000];
	int			n = 0;

	for (int k = 0; k < 5; k++)
	{
		for (int i = 0; i < counts[k]; i++)
			texts[n++] = names[k];
	}
	rows_init(rows, env, n);
	rows_add_texts(rows, "k", texts);
}

static const char *const asked[] = {"a", "b", "c", "zzz", "", "?", NULL};

static void
reference_coding_drops_the_first_level(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;

	/* three rows of c are too few for "(other)": c and unseen levels are the average of a and b */
	add_levels(&rows, env, 20, 30, 3, 0, 12);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_scores(transform, "k=b", asked, (double[]) {0, 1, 0.6, 0.6, 0.6, 0});
	assert_scores(transform, "k=(missing)", asked, (double[]) {0, 0, 0, 0, 0, 1});
	rows_assert_paths_agree(&rows, transform);
}

static void
rare_levels_pool_into_other(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;

	add_levels(&rows, env, 20, 30, 6, 5, 9);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_scores(transform, "k=b", asked, (double[]) {0, 1, 0, 0, 0, 0});
	/* nine missing rows have no level of their own: they are unseen, too */
	assert_scores(transform, "k=(other)", asked, (double[]) {0, 0, 1, 1, 1, 1});
	rows_assert_paths_agree(&rows, transform);
}

static void
counts_decide_to_the_row(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.min_count = 3};
	Rows		rows;
	Transform  *transform;

	add_levels(&rows, env, 10, 10, 9, 0, 10);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(rows_term(transform, "k=c"), -1);
	assert_int_not_equal(rows_term(transform, "k=b"), -1);
	assert_int_not_equal(rows_term(transform, "k=(missing)"), -1);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_not_equal(rows_term(transform, "k=c"), -1);
	/* rows of weight 0 are not counted */
	rows.data.weight = env_alloc(env, (size_t) rows.data.nrows, sizeof(double));
	for (int i = 0; i < rows.data.nrows; i++)
		rows.data.weight[i] = i == 0 ? 0 : 2;
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->features[0].nlevels, 1);
}

static void
onehot_has_a_column_for_each_level(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.encode = ENCODE_ONEHOT};
	Rows		rows;
	Transform  *transform;
	double	   *x;

	add_levels(&rows, env, 20, 30, 12, 0, 12);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 4);
	assert_scores(transform, "k=a", asked, (double[]) {1, 0, 0, 20.0 / 62, 20.0 / 62, 0});
	x = rows_terms(&rows, transform, true);
	for (int i = 0; i < rows.data.nrows; i++)
		assert_true(x[i] + x[74 + i] + x[148 + i] + x[222 + i] == 1);
}

/* The value that an unseen level gets is the weighted mean of the column. */
static void
unseen_levels_are_the_weighted_average(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};
	FeatureOptions options = {.encode = ENCODE_ONEHOT};
	FeatureValue unseen = raw_text("unseen");
	Rows		rows;
	Transform  *transform;
	double		weight[3] = {0, 0, 0};

	add_levels(&rows, env, 50, 60, 70, 0, 0);
	rows.data.weight = env_alloc(env, 180, sizeof(double));
	for (int i = 0; i < 180; i++)
	{
		rows.data.weight[i] = test_random_uniform(&random) * 1e-9;
		weight[i < 50 ? 0 : i < 110 ? 1 : 2] += rows.data.weight[i];
	}
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	for (int k = 0; k < 3; k++)
		assert_close(rows_score_term(transform, &unseen, transform->terms[k].name),
					 weight[k] / (weight[0] + weight[1] + weight[2]), 1e-12, 0);
}

static void
missing_takes_the_mode_or_a_constant(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	char		b[] = "b";
	char		unknown[] = "aa unknown";
	FeatureOptions options = {.impute = IMPUTE_MODE, .indicator = 1};
	Rows		rows;
	Transform  *transform;

	add_levels(&rows, env, 20, 15, 30, 0, 12);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 3);
	assert_scores(transform, "k=c", asked, (double[]) {0, 0, 1, 42.0 / 77, 42.0 / 77, 1});
	assert_scores(transform, "k is missing", asked, (double[]) {0, 0, 0, 0, 0, 1});
	rows_assert_paths_agree(&rows, transform);

	options.impute = IMPUTE_CONSTANT;
	options.impute_text = b;
	options.indicator = 0;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_scores(transform, "k=b", asked, (double[]) {0, 1, 0, 27.0 / 77, 27.0 / 77, 1});
	rows_assert_paths_agree(&rows, transform);

	/* a constant that does not occur is a level of its own */
	options.impute_text = unknown;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 3);
	assert_scores(transform, "k=aa unknown", asked, (double[]) {0, 0, 0, 12.0 / 77, 12.0 / 77, 1});
	rows_assert_paths_agree(&rows, transform);

	options.impute = IMPUTE_NONE;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_scores(transform, "k=b", asked, (double[]) {0, 1, 0, 15.0 / 65, 15.0 / 65, 15.0 / 65});
}

/* A row of weight 2 is two rows: then 20 of "a" are more than 30 of "c". */
static void
the_mode_counts_weights(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.impute = IMPUTE_MODE};
	FeatureValue missing = raw_missing;
	Rows		rows;
	Transform  *transform;

	for (int factor = 1; factor <= 3; factor++)
	{
		add_levels(&rows, env, 20, 15, 30, 0, 12);
		rows.data.weight = env_alloc(env, 77, sizeof(double));
		for (int i = 0; i < 77; i++)
			rows.data.weight[i] = i < 20 ? factor : 1;
		transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
		/* reference coding: "a" is 0 in both terms */
		assert_close(rows_score_term(transform, &missing, "k=c"), factor == 1 ? 1 : 0, 0, 0);
		assert_close(rows_score_term(transform, &missing, "k=b"), 0, 0, 0);
		rows_assert_paths_agree(&rows, transform);
	}
}

static void
the_most_frequent_levels_stay(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.max_levels = 2};
	Rows		rows;
	Transform  *transform;

	/* of b and c, as frequent, the first in byte order */
	add_levels(&rows, env, 11, 20, 20, 30, 0);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_string_equal(transform->features[0].levels[0], "b");
	assert_string_equal(transform->features[0].levels[1], "d");
	assert_scores(transform, "k=(other)", asked, (double[]) {1, 0, 1, 1, 1, 1});
}

static void
ordinals_follow_bytes_or_the_given_order(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	char		levels[3][2] = {"c", "a", "b"};
	char	   *order[] = {levels[0], levels[1], levels[2]};
	FeatureOptions options = {.encode = ENCODE_ORDINAL};
	Rows		rows;
	Transform  *transform;
	TestEnv    *test = *state;

	add_levels(&rows, env, 20, 30, 50, 5, 20);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_scores(transform, "k", asked, (double[]) {0, 1, 2, 1.3, 1.3, 1.3});
	assert_scores(transform, "k is missing", asked, (double[]) {0, 0, 0, 0, 0, 1});
	rows_assert_paths_agree(&rows, transform);

	options = (FeatureOptions) {.order = order, .order_length = 3};
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_scores(transform, "k", asked, (double[]) {1, 2, 0, 0.8, 0.8, 0.8});
	/* d is not listed, and its rows are told about */
	assert_non_null(strstr(test->last_log, "5 training rows"));
	rows_assert_paths_agree(&rows, transform);
}

static void
trees_get_nominal_codes(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;

	add_levels(&rows, env, 20, 30, 12, 2, 2);
	transform = rows_learn(&rows, NULL, PROFILE_TREE, 0);
	assert_int_equal(transform->nterms, 1);
	assert_true(transform->terms[0].categorical);
	assert_int_equal(transform->terms[0].ncategories, 4);
	assert_scores(transform, "k", asked, (double[]) {0, 1, 2, 3, 3, NAN});
	rows_assert_paths_agree(&rows, transform);
}

static void
texts_of_any_bytes_are_found(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	static const char *const levels[] = {"", "\x01", " ", "A", "AB", "B", "a", "\x7f", "\xc3\xa9", "\xff"};
	const char *texts[200];
	FeatureOptions options = {.encode = ENCODE_ORDINAL};
	Rows		rows;
	Transform  *transform;

	for (int i = 0; i < 200; i++)
		texts[i] = levels[(i * 7) % 10];
	rows_init(&rows, env, 200);
	rows_add_texts(&rows, "k", texts);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	for (int k = 0; k < 10; k++)
	{
		FeatureValue value = raw_text(levels[k]);

		/* listed in byte order above */
		assert_true(rows_score_term(transform, &value, "k") == k);
	}
	/* a prefix of a level is another level */
	assert_int_equal(transform_level(&transform->features[0], "AB", 1), 3);
	assert_int_equal(transform_level(&transform->features[0], "ABC", 3), transform->features[0].nlevels + 2);
	rows_assert_paths_agree(&rows, transform);
}

static void
single_levels_are_left_out(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TransformInput input = {NULL, PROFILE_LINEAR, false, 0, 1};
	Rows		rows;
	Transform  *transform;
	static const TransformProfile profiles[] = {PROFILE_LINEAR, PROFILE_TREE};
	static const Encoding encodings[] = {ENCODE_AUTO, ENCODE_REFERENCE, ENCODE_ONEHOT, ENCODE_ORDINAL, ENCODE_TARGET};

	for (int p = 0; p < 2; p++)
	{
		for (int e = 0; e < 5; e++)
		{
			FeatureOptions options = {.encode = encodings[e]};

			input.options = &options;
			input.profile = profiles[p];
			/* one level; every level rare; nothing at all */
			add_levels(&rows, env, 30, 0, 0, 0, 0);
			assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
			add_levels(&rows, env, 0, 0, 0, 0, 30);
			assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
			/* one level or missing: two sides */
			add_levels(&rows, env, 30, 0, 0, 0, 12);
			transform = rows_learn(&rows, &options, profiles[p], 0);
			assert_true(transform->nterms >= 1);
			rows_assert_paths_agree(&rows, transform);
		}
	}
	input = (TransformInput) {NULL, PROFILE_LINEAR, false, 0, 1};
	add_levels(&rows, env, 3, 4, 5, 6, 0);
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_NUMERIC);
}

static void
too_many_dummies_are_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.encode = ENCODE_ONEHOT, .min_count = 1};
	TransformInput input = {&options, PROFILE_LINEAR, false, 0, 1};
	char		names[1200][16];
	const char *texts[1200];
	Rows		rows;
	Transform  *transform;

	for (int i = 0; i < 1200; i++)
	{
		snprintf(names[i], sizeof(names[i]), "%04d", i);
		texts[i] = names[i];
	}
	rows_init(&rows, env, 1200);
	rows_add_texts(&rows, "city", texts);
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_TOO_LARGE);
	assert_non_null(strstr(env->message, "city"));
	assert_non_null(strstr(env->hint, "max_levels"));
	options.max_levels = 1000;
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_TOO_LARGE);	/* and "(other)" */
	options.max_levels = 999;
	assert_ok(env, transform_learn(env, &rows.data, &input, &transform));
	assert_int_equal(transform->nterms, 1000);
}

/* A transform learned on one dictionary applied to rows with another. */
static void
other_dictionaries_are_bound(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	const char *texts[] = {"zebra", "b", "a", NULL, "c", "aardvark", "b"};
	Rows		rows;
	Rows		others;
	Transform  *transform;
	double	   *x;

	add_levels(&rows, env, 20, 30, 12, 0, 12);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	rows_init(&others, env, 7);
	rows_add_texts(&others, "k", texts);
	assert_ok(env, transform_bind_dataset(env, transform, &others.data));
	rows_assert_paths_agree(&others, transform);
	x = rows_terms(&others, transform, false);
	assert_string_equal(transform->terms[0].name, "k=b");
	assert_true(x[1] == 1 && x[2] == 0 && x[6] == 1);
	assert_close(x[0], 30.0 / 62, 1e-15, 0);
}

/* -------------------------------------------------------------------- times */

/* Days from 2000-01-01 (a Saturday) on, `step` microseconds apart. */
static void
add_times(Rows *rows, CoreEnv *env, int n, int64_t step)
{
	int			column;

	rows_init(rows, env, n);
	column = rows_add(rows, "t", FEATURE_TIMESTAMP, STORAGE_I64, 1);
	for (int i = 0; i < n; i++)
		((int64_t *) rows->columns[column].values)[i] = i * step;
}

static void
dates_become_month_and_weekday(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureValue sunday = raw_time(TIME_DAY);	/* 2000-01-02 */
	FeatureValue june = raw_time(160 * TIME_DAY);	/* 2000-06-09 */
	FeatureValue infinite = raw_time(INT64_MAX);
	Rows		rows;
	Transform  *transform;

	add_times(&rows, env, 730, TIME_DAY);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 11 + 6);
	assert_string_equal(transform->terms[0].name, "t.month=02");
	assert_string_equal(transform->terms[10].name, "t.month=12");
	assert_string_equal(transform->terms[11].name, "t.weekday=2");
	assert_true(rows_score_term(transform, &sunday, "t.weekday=7") == 1);
	assert_true(rows_score_term(transform, &sunday, "t.month=06") == 0);
	assert_true(rows_score_term(transform, &june, "t.month=06") == 1);
	/* no calendar part: the average day; 58 of 730 days are in two Junes or so */
	assert_close(rows_score_term(transform, &infinite, "t.month=06"), 60.0 / 730, 1e-14, 0);
	rows_assert_paths_agree(&rows, transform);
}

static void
times_of_day_add_the_hour(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform;

	/* every 11 hours: 24 hours of day, 12 months */
	add_times(&rows, env, 900, 11 * TIME_DAY / 24);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 11 + 6 + 23);
	assert_int_not_equal(rows_term(transform, "t.hour=23"), -1);
	rows_assert_paths_agree(&rows, transform);
}

static void
missing_times_have_one_indicator(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.parts = PART_MONTH | PART_DAY | PART_WEEKEND};
	Rows		rows;
	Transform  *transform;
	double	   *x;
	int			indicator;

	add_times(&rows, env, 730, TIME_DAY);
	for (int i = 0; i < 20; i++)
		rows_set_null(&rows, 0, i * 30);
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 11 + 1 + 1 + 1);
	indicator = rows_term(transform, "t is missing");
	assert_int_equal(indicator, 11);
	x = rows_terms(&rows, transform, true);
	for (int i = 0; i < 730; i++)
		assert_true(x[indicator * 730 + i] == (i % 30 == 0 && i < 600));
	rows_assert_paths_agree(&rows, transform);
}

static void
ages_count_days_to_the_reference(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	char		reference[] = "snapshot";
	FeatureOptions options[2] = {{.reference = reference}, {.parts = PART_NONE}};
	TransformInput input = {options, PROFILE_LINEAR, false, 0, 1};
	Rows		rows;
	Transform  *transform;
	double	   *x;

	add_times(&rows, env, 100, TIME_DAY);
	rows_add(&rows, "snapshot", FEATURE_TIMESTAMP, STORAGE_I64, 1);
	for (int i = 0; i < 100; i++)
		((int64_t *) rows.columns[1].values)[i] = 100 * TIME_DAY + i * TIME_DAY / 2;
	for (int i = 0; i < 12; i++)
		rows_set_null(&rows, i % 2, i * 8);
	transform = rows_learn(&rows, options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
	assert_string_equal(transform->terms[0].name, "t.age");
	x = rows_terms(&rows, transform, true);
	for (int i = 0; i < 100; i++)
	{
		bool		none = i % 8 == 0 && i < 96;

		assert_true(x[100 + i] == none);
		if (!none)
			assert_true(x[i] == 100 - i / 2.0);
	}
	rows_assert_paths_agree(&rows, transform);

	reference[0] = 'S';
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_INVALID);
	assert_non_null(strstr(env->message, "Snapshot"));
	options[0].reference = rows.features[0].name;
	assert_int_equal(transform_learn(env, &rows.data, &input, &transform), CORE_INVALID);
}

static void
infinite_times_are_the_ends_of_amounts(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureOptions options = {.parts = PART_YEAR | PART_EPOCH | PART_DAY};
	FeatureValue future = raw_time(INT64_MAX);
	Rows		rows;
	Transform  *transform;
	int64_t    *times;

	add_times(&rows, env, 1000, TIME_DAY);
	times = rows.columns[0].values;
	times[0] = INT64_MIN;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 3);
	assert_true(rows_score_term(transform, &future, "t.year") == 2002);
	assert_true(rows_score_term(transform, &future, "t.epoch") == 999);
	assert_true(rows_terms(&rows, transform, true)[0] == 2000);
	rows_assert_paths_agree(&rows, transform);
}

static void
trees_see_calendar_parts_as_numbers(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	FeatureValue june = raw_time(160 * TIME_DAY);
	FeatureOptions options = {.encode = ENCODE_REFERENCE};
	Rows		rows;
	Transform  *transform;

	add_times(&rows, env, 730, TIME_DAY);
	rows_set_null(&rows, 0, 3);
	transform = rows_learn(&rows, NULL, PROFILE_TREE, 0);
	assert_int_equal(transform->nterms, 2);
	assert_true(rows_score_term(transform, &june, "t.month") == 6);
	assert_true(isnan(rows_score_term(transform, &raw_missing, "t.month")));
	rows_assert_paths_agree(&rows, transform);
	transform = rows_learn(&rows, &options, PROFILE_TREE, 0);
	assert_int_equal(transform->nterms, 11 + 6);
	options.encode = ENCODE_ORDINAL;
	transform = rows_learn(&rows, &options, PROFILE_LINEAR, 0);
	assert_int_equal(transform->nterms, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(reference_coding_drops_the_first_level),
		T(rare_levels_pool_into_other),
		T(counts_decide_to_the_row),
		T(onehot_has_a_column_for_each_level),
		T(unseen_levels_are_the_weighted_average),
		T(missing_takes_the_mode_or_a_constant),
		T(the_mode_counts_weights),
		T(the_most_frequent_levels_stay),
		T(ordinals_follow_bytes_or_the_given_order),
		T(trees_get_nominal_codes),
		T(texts_of_any_bytes_are_found),
		T(single_levels_are_left_out),
		T(too_many_dummies_are_refused),
		T(other_dictionaries_are_bound),
		T(dates_become_month_and_weekday),
		T(times_of_day_add_the_hour),
		T(missing_times_have_one_indicator),
		T(ages_count_days_to_the_reference),
		T(infinite_times_are_the_ends_of_amounts),
		T(trees_see_calendar_parts_as_numbers),
	};

	return cmocka_run_group_tests_name("transform_levels", tests, NULL, NULL);
}
