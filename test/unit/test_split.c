/*
 * test_split.c: shares, independence of streams, ties and strata of splits.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/split.h"

#define ROWS 20000

static uint64_t
row_hash(int64_t key)
{
	return hash_row_final(hash_row_add(hash_row_init(), hash_int64(key)));
}

/* Standard deviations that a count of hits is off its expectation. */
static double
z_score(int64_t hits, int64_t n, double p)
{
	return ((double) hits - (double) n * p) / sqrt((double) n * p * (1 - p));
}

static void
none_trains_on_everything(void **state)
{
	SplitSpec	spec = {.method = SPLIT_NONE, .test = 0.5, .sample = 1};

	(void) state;
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(split_role(&spec, row_hash(i), 0, 0, true, 0), ROLE_TRAIN);
}

static void
hash_split_has_its_share_and_its_seed(void **state)
{
	SplitSpec	spec = {.method = SPLIT_HASH, .test = 0.2, .sample = 1, .seed = 42};
	SplitSpec	other = {.method = SPLIT_HASH, .test = 0.2, .sample = 1, .seed = 43};
	SplitSpec	larger = {.method = SPLIT_HASH, .test = 0.3, .sample = 1, .seed = 42};
	int64_t		tests = 0;
	int64_t		both = 0;

	(void) state;
	for (int64_t i = 0; i < ROWS; i++)
	{
		RowRole		role = split_role(&spec, row_hash(i), 0, 0, false, 0);

		assert_int_equal(role, split_role(&spec, row_hash(i), 7, 7, true, 7));
		tests += role == ROLE_TEST;
		both += role == ROLE_TEST && split_role(&other, row_hash(i), 0, 0, false, 0) == ROLE_TEST;
		/* a larger test set contains the smaller */
		if (role == ROLE_TEST)
			assert_int_equal(split_role(&larger, row_hash(i), 0, 0, false, 0), ROLE_TEST);
	}
	assert_true(fabs(z_score(tests, ROWS, 0.2)) < 4);
	/* seeds are independent: 0.2 * 0.2 are held out by both */
	assert_true(fabs(z_score(both, ROWS, 0.04)) < 4);
}

static void
samples_nest_and_do_not_bias_the_split(void **state)
{
	SplitSpec	small = {.method = SPLIT_HASH, .test = 0.25, .sample = 0.1, .seed = 5};
	SplitSpec	large = {.method = SPLIT_HASH, .test = 0.25, .sample = 0.5, .seed = 5};
	SplitSpec	all = {.method = SPLIT_HASH, .test = 0.25, .sample = 1, .seed = 5};
	int64_t		sampled = 0;
	int64_t		tests = 0;

	(void) state;
	for (int64_t i = 0; i < ROWS; i++)
	{
		RowRole		role = split_role(&small, row_hash(i), 0, 0, false, 0);

		if (role == ROLE_SKIPPED)
			continue;
		sampled++;
		tests += role == ROLE_TEST;
		assert_int_equal(split_role(&large, row_hash(i), 0, 0, false, 0), role);
		assert_int_equal(split_role(&all, row_hash(i), 0, 0, false, 0), role);
	}
	assert_true(fabs(z_score(sampled, ROWS, 0.1)) < 4);
	assert_true(fabs(z_score(tests, sampled, 0.25)) < 4);
}

static void
groups_stay_together(void **state)
{
	SplitSpec	spec = {.method = SPLIT_GROUP, .test = 0.3, .sample = 1, .seed = 9};
	int64_t		tests = 0;

	(void) state;
	for (int64_t group = 0; group < 5000; group++)
	{
		RowRole		role = split_role(&spec, row_hash(0), row_hash(group), 0, false, 0);

		tests += role == ROLE_TEST;
		for (int64_t i = 1; i < 5; i++)
			assert_int_equal(split_role(&spec, row_hash(i), row_hash(group), 0, false, 0), role);
	}
	assert_true(fabs(z_score(tests, 5000, 0.3)) < 4);
}

static void
column_and_time_do_as_they_say(void **state)
{
	SplitSpec	column = {.method = SPLIT_COLUMN, .sample = 1};
	SplitSpec	time = {.method = SPLIT_TIME, .sample = 1, .cutoff = 100};

	(void) state;
	assert_int_equal(split_role(&column, 1, 0, 0, true, 0), ROLE_TEST);
	assert_int_equal(split_role(&column, 1, 0, 0, false, 0), ROLE_TRAIN);
	assert_int_equal(split_role(&time, 1, 0, 99, false, 0), ROLE_TRAIN);
	assert_int_equal(split_role(&time, 1, 0, 100, false, 0), ROLE_TEST);
	assert_int_equal(split_role(&time, 1, 0, INT64_MIN, false, 0), ROLE_TRAIN);
	assert_int_equal(split_role(&time, 1, 0, INT64_MAX, false, 0), ROLE_TEST);
}

static void
strata_are_held_out_by_exact_counts(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	static const int64_t sizes[] = {1, 2, 3, 10, 137, 4000};
	SplitSpec	spec = {.method = SPLIT_STRATIFIED, .test = 0.25, .sample = 1, .seed = 11};
	int64_t		held_out[6] = {0};
	uint64_t	hash[4153];
	int32_t		stratum[4153];
	int64_t		n = 0;

	for (int32_t s = 0; s < 6; s++)
	{
		for (int64_t i = 0; i < sizes[s]; i++, n++)
		{
			hash[n] = row_hash(n);
			stratum[n] = s;
		}
	}
	assert_ok(env, split_learn_strata(env, &spec, hash, stratum, n, 6));
	for (int64_t i = 0; i < n; i++)
		held_out[stratum[i]] += split_role(&spec, hash[i], 0, 0, false, stratum[i]) == ROLE_TEST;
	for (int s = 0; s < 6; s++)
		assert_int_equal(held_out[s], (int64_t) floor(0.25 * (double) sizes[s] + 0.5));
	/* a class that was not there is split as by hash */
	spec.test = 1;
	assert_int_equal(split_role(&spec, hash[0], 0, 0, false, 17), ROLE_TEST);
	assert_int_equal(split_role(&spec, hash[0], 0, 0, false, -1), ROLE_TEST);
}

static void
strata_do_not_depend_on_row_order_and_ignore_rows_without_class(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	SplitSpec	forward = {.test = 0.2, .sample = 1, .seed = 3};
	SplitSpec	backward = forward;
	uint64_t	hash[1000];
	int32_t		stratum[1000];

	for (int i = 0; i < 1000; i++)
	{
		hash[i] = row_hash(i);
		stratum[i] = i % 5 - 1;
	}
	assert_ok(env, split_learn_strata(env, &forward, hash, stratum, 1000, 4));
	for (int i = 0; i < 500; i++)
	{
		uint64_t	h = hash[i];
		int32_t		s = stratum[i];

		hash[i] = hash[999 - i];
		stratum[i] = stratum[999 - i];
		hash[999 - i] = h;
		stratum[999 - i] = s;
	}
	assert_ok(env, split_learn_strata(env, &backward, hash, stratum, 1000, 4));
	assert_memory_equal(forward.limits, backward.limits, 4 * sizeof(double));
}

static void
duplicate_rows_share_a_stratum_side(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	SplitSpec	spec = {.method = SPLIT_STRATIFIED, .test = 0.3, .sample = 1, .seed = 4};
	uint64_t	hash[900];
	int32_t		stratum[900] = {0};
	int64_t		held_out = 0;

	for (int i = 0; i < 900; i++)
		hash[i] = row_hash(i / 9);
	assert_ok(env, split_learn_strata(env, &spec, hash, stratum, 900, 1));
	for (int i = 0; i < 900; i++)
		held_out += split_role(&spec, hash[i], 0, 0, false, 0) == ROLE_TEST;
	/* whole groups of nine, as near below 270 as they allow */
	assert_int_equal(held_out, 270);
	assert_int_equal(held_out % 9, 0);
}

/* The share held out by every possible cutoff, and the best of them. */
static double
best_possible(const int64_t *time, int64_t n, double test)
{
	double		best = INFINITY;

	for (int64_t i = 0; i < n; i++)
	{
		int64_t		held_out = 0;

		for (int64_t k = 0; k < n; k++)
			held_out += time[k] >= time[i];
		if (held_out < n)
			best = fmin(best, fabs((double) held_out - floor(test * (double) n + 0.5)));
	}
	return best;
}

static void
cutoff_is_the_nearest_that_keeps_times_together(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {8};

	for (int round = 0; round < 500; round++)
	{
		SplitSpec	spec = {.method = SPLIT_TIME, .test = 0.05 + 0.9 * test_random_uniform(&random), .sample = 1};
		int64_t		time[60];
		int64_t		n = 2 + (int64_t) (test_random_bits(&random) % 58);
		int64_t		held_out = 0;

		for (int64_t i = 0; i < n; i++)
			time[i] = (int64_t) (test_random_bits(&random) % 12) * INT64_C(3000000000000000) - INT64_C(15000000000000000);
		time[0] = INT64_MIN;
		assert_ok(env, split_learn_cutoff(env, &spec, time, n));
		for (int64_t i = 0; i < n; i++)
			held_out += split_role(&spec, 0, 0, time[i], false, 0) == ROLE_TEST;
		assert_true(held_out > 0 && held_out < n);
		assert_true(fabs((double) held_out - floor(spec.test * (double) n + 0.5)) == best_possible(time, n, spec.test));
	}
}

static void
one_time_cannot_be_split(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	char		column[] = "day";
	SplitSpec	spec = {.method = SPLIT_TIME, .test = 0.2, .sample = 1, .column = column};
	int64_t		time[] = {5, 5, 5};

	assert_int_equal(split_learn_cutoff(env, &spec, time, 3), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "day"));
	assert_int_not_equal(env->hint[0], 0);
	assert_int_equal(split_learn_cutoff(env, &spec, time, 0), CORE_NUMERIC);
}

/* Neighbours beyond the 53 bits of a double are told apart. */
static void
cutoff_is_exact_to_the_microsecond(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	SplitSpec	spec = {.method = SPLIT_TIME, .test = 0.5, .sample = 1};
	int64_t		base = INT64_C(9000000000000000001);
	int64_t		time[] = {base + 3, base, base + 1, base + 2};

	assert_ok(env, split_learn_cutoff(env, &spec, time, 4));
	assert_true(spec.cutoff == base + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_trains_on_everything),
		cmocka_unit_test(hash_split_has_its_share_and_its_seed),
		cmocka_unit_test(samples_nest_and_do_not_bias_the_split),
		cmocka_unit_test(groups_stay_together),
		cmocka_unit_test(column_and_time_do_as_they_say),
		cmocka_unit_test_setup_teardown(strata_are_held_out_by_exact_counts, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(strata_do_not_depend_on_row_order_and_ignore_rows_without_class, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(duplicate_rows_share_a_stratum_side, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(cutoff_is_the_nearest_that_keeps_times_together, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(one_time_cannot_be_split, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(cutoff_is_exact_to_the_microsecond, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
