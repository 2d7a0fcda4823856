/*
 * test_transform_validate.c: random transforms of all kinds agree on blocks and rows; damaged ones are refused or harmless.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/transform_time.h"
#include "rows.h"

#define T(test) cmocka_unit_test_setup_teardown(test, test_env_setup, test_env_teardown)
#define MAX_COLUMNS 12

static char reference_name[] = "c0";

static double
odd_number(TestRandom *random)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e300, -1e300, 5e-324, 3};
	uint64_t	bits = test_random_bits(random);

	return bits % 8 == 0 ? odd[(bits >> 8) % 9] : test_random_normal(random) * 50;
}

static void
fill_numbers(Rows *rows, TestRandom *random, int column, int n)
{
	const Column *c = &rows->columns[column];
	bool		is_float = c->storage == STORAGE_F32 || c->storage == STORAGE_F64;

	for (int i = 0; i < n; i++)
	{
		for (int e = 0; e < c->feature->width; e++)
			rows_put(rows, column, i, e, is_float ? odd_number(random) : (double) (test_random_bits(random) % 100) - 50);
	}
}

static void
add_random_texts(Rows *rows, TestRandom *random, const char *name, int n)
{
	const char **texts = env_alloc(rows->env, (size_t) n, sizeof(char *));
	uint64_t	nlevels = 1 + test_random_bits(random) % 40;

	for (int i = 0; i < n; i++)
	{
		uint64_t	level = test_random_bits(random) % nlevels;

		level = level * level / nlevels;
		texts[i] = level == 3 ? "" : env_sprintf(rows->env, "%c%llu", (char) ('a' + level % 26), (unsigned long long) level);
	}
	rows_add_texts(rows, name, texts);
}

static void
add_random_times(Rows *rows, TestRandom *random, const char *name, int n)
{
	int			column = rows_add(rows, name, FEATURE_TIMESTAMP, STORAGE_I64, 1);
	int64_t		step = test_random_bits(random) % 2 == 0 ? TIME_DAY : INT64_C(7777777777);

	for (int i = 0; i < n; i++)
	{
		uint64_t	bits = test_random_bits(random);

		((int64_t *) rows->columns[column].values)[i] = bits % 40 == 0 ? INT64_MAX : bits % 40 == 1 ? INT64_MIN :
			bits % 40 == 2 ? (int64_t) test_random_bits(random) : ((int64_t) ((bits >> 8) % 2000) - 1000) * step;
	}
}

static void
random_options(TestRandom *random, FeatureKind kind, int column, FeatureOptions *options)
{
	uint64_t	bits = test_random_bits(random);
	static const Encoding encodings[] = {ENCODE_AUTO, ENCODE_REFERENCE, ENCODE_ONEHOT, ENCODE_ORDINAL, ENCODE_TARGET};

	memset(options, 0, sizeof(*options));
	if (bits % 3 == 0)
		return;
	options->indicator = (int) (bits >> 4) % 3 - 1;
	options->min_count = (int) (bits >> 8) % 12;
	if (kind == FEATURE_CATEGORICAL)
	{
		options->encode = encodings[(bits >> 12) % 5];
		options->max_levels = (bits >> 16) % 4 == 0 ? 5 : 0;
		options->impute = (bits >> 20) % 4 == 0 ? IMPUTE_MODE : (bits >> 20) % 4 == 1 ? IMPUTE_NONE : IMPUTE_AUTO;
		return;
	}
	options->impute = (ImputeMethod) ((bits >> 20) % 6);
	options->impute = options->impute == IMPUTE_NONE ? IMPUTE_AUTO : options->impute;
	options->scale = (ScaleMethod) ((bits >> 24) % 5);
	if (kind == FEATURE_TIMESTAMP)
	{
		options->parts = (unsigned) (bits >> 28) & ((1 << TIME_PARTS) - 1);
		options->encode = encodings[(bits >> 40) % 4];
		options->reference = (bits >> 44) % 2 == 0 && column > 0 ? reference_name : NULL;
	}
	else if (kind != FEATURE_BOOLEAN)
		options->map = (bits >> 48) % 2 == 0 ? MAP_NONE : (bits >> 49) % 2 == 0 && kind == FEATURE_NUMERIC ? MAP_BINS : MAP_LOG1P;
}

/* Columns of every kind and storage, with options; the first is a time. */
static void
random_rows(Rows *rows, CoreEnv *env, TestRandom *random, int n, FeatureOptions *options)
{
	int			ncolumns = 2 + (int) (test_random_bits(random) % (MAX_COLUMNS - 1));

	rows_init(rows, env, n);
	for (int i = 0; i < n; i++)
		rows->data.target[i] = (double) (test_random_bits(random) % 3);
	if (test_random_bits(random) % 2 == 0)
	{
		rows->data.weight = env_alloc(env, (size_t) n, sizeof(double));
		for (int i = 0; i < n; i++)
			rows->data.weight[i] = (double) (test_random_bits(random) % 3) * test_random_uniform(random);
	}
	for (int c = 0; c < ncolumns; c++)
	{
		static const FeatureKind kinds[] = {FEATURE_NUMERIC, FEATURE_BOOLEAN, FEATURE_CATEGORICAL, FEATURE_TIMESTAMP, FEATURE_VECTOR};
		FeatureKind kind = c == 0 ? FEATURE_TIMESTAMP : kinds[test_random_bits(random) % 5];
		ColumnStorage storage = (ColumnStorage) (1 + test_random_bits(random) % 6);
		char		name[16];

		snprintf(name, sizeof(name), "c%d", c);
		if (kind == FEATURE_CATEGORICAL)
			add_random_texts(rows, random, name, n);
		else if (kind == FEATURE_TIMESTAMP)
			add_random_times(rows, random, name, n);
		else
		{
			int			width = kind == FEATURE_VECTOR ? 1 + (int) (test_random_bits(random) % 5) : 1;

			rows_add(rows, name, kind, kind == FEATURE_BOOLEAN ? STORAGE_I8 : storage, width);
			fill_numbers(rows, random, c, n);
			for (int i = 0; kind == FEATURE_BOOLEAN && i < n; i++)
				rows_put(rows, c, i, 0, (double) (test_random_bits(random) % 2));
		}
		if (test_random_bits(random) % 2 == 0)
		{
			for (int i = 0; i < n; i++)
			{
				if (test_random_bits(random) % 12 == 0)
					rows_set_null(rows, c, i);
			}
		}
		random_options(random, kind, c, &options[c]);
	}
}

static void
blocks_and_rows_agree_for_all_kinds(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {1};
	int			learned = 0;

	for (int round = 0; round < 400; round++)
	{
		FeatureOptions options[MAX_COLUMNS + 2];
		int			n = round % 10 == 0 ? 1500 : 30 + (int) (test_random_bits(&random) % 200);
		TransformInput input = {round % 5 == 0 ? NULL : options, round % 3 == 0 ? PROFILE_TREE : PROFILE_LINEAR, true, 3, (uint64_t) round};
		Transform  *transform;
		CoreStatus	status;
		Rows		rows;

		random_rows(&rows, env, &random, n, options);
		rows.data.ntrain = n - n / 4;
		status = transform_learn(env, &rows.data, &input, &transform);
		if (status == CORE_NUMERIC)
			continue;			/* too few rows: nothing varies, or too wide to scale */
		assert_ok(env, status);
		learned++;
		assert_ok(env, transform_validate(env, transform, &rows.data.schema));
		rows_assert_paths_agree(&rows, transform);
		/* linear models get numbers, whatever comes */
		if (input.profile == PROFILE_LINEAR)
		{
			double	   *x = rows_terms(&rows, transform, true);

			for (int64_t i = 0; i < n * (int64_t) transform->nterms; i++)
				assert_true(isfinite(x[i]));
		}
		for (int term = 0; term < transform->nterms; term++)
		{
			assert_non_null(transform->terms[term].name);
			assert_int_equal(rows_term(transform, transform->terms[term].name), term);
		}
	}
	assert_true(learned > 200);
}

/* A block may start anywhere and be of any size. */
static void
blocks_are_cut_anywhere(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {2};
	FeatureOptions options[MAX_COLUMNS + 2];
	Rows		rows;
	Transform  *transform;
	double	   *whole;
	double	   *part;

	do
		random_rows(&rows, env, &random, 2000, options);
	while (rows.data.schema.count < 8);
	transform = rows_learn(&rows, NULL, PROFILE_LINEAR, 3);
	whole = rows_terms(&rows, transform, true);
	part = env_alloc(env, (size_t) transform->nterms * 2000, sizeof(double));
	for (int round = 0; round < 60; round++)
	{
		int			first = (int) (test_random_bits(&random) % 2000);
		int			count = 1 + (int) (test_random_bits(&random) % (uint64_t) (2000 - first));

		transform_block(transform, &rows.data, first, count, true, part, 2000);
		for (int term = 0; term < transform->nterms; term++)
			assert_memory_equal(part + term * 2000, whole + term * 2000 + first, (size_t) count * sizeof(double));
	}
}

static void
refused_memory_is_reported(void **state)
{
	TestEnv    *test = *state;
	CoreEnv    *env = &test->core;
	TestRandom	random = {4};
	FeatureOptions options[MAX_COLUMNS + 2];
	TransformInput input = {options, PROFILE_LINEAR, true, 3, 1};
	Rows		rows;
	Transform  *transform;
	int64_t		start;
	int			refused = 0;

	do
		random_rows(&rows, env, &random, 300, options);
	while (rows.data.schema.count < 6 || transform_learn(env, &rows.data, &input, &transform) != CORE_OK);
	start = test->allocations;
	for (int64_t allowed = 0;; allowed++)
	{
		CoreStatus	status;

		test->fail_after = test->allocations + allowed;
		status = transform_learn(env, &rows.data, &input, &transform);
		if (status == CORE_OK)
			break;
		assert_int_equal(status, CORE_NO_MEMORY);
		refused++;
	}
	test->fail_after = -1;
	assert_true(test->allocations > start && refused > 20);
}

/* ---------------------------------------------------------- damaged transforms */

/* A transform with every kind of entry, and its rows. */
static Transform *
rich_transform(Rows *rows, CoreEnv *env)
{
	TestRandom	random = {3};
	FeatureOptions options[7];

	memset(options, 0, sizeof(options));
	rows_init(rows, env, 400);
	for (int i = 0; i < 400; i++)
		rows->data.target[i] = (double) (test_random_bits(&random) % 2);
	add_random_times(rows, &random, "c0", 400);
	fill_numbers(rows, &random, rows_add(rows, "x", FEATURE_NUMERIC, STORAGE_F64, 1), 400);
	fill_numbers(rows, &random, rows_add(rows, "binned", FEATURE_NUMERIC, STORAGE_I16, 1), 400);
	fill_numbers(rows, &random, rows_add(rows, "v", FEATURE_VECTOR, STORAGE_F32, 3), 400);
	for (int i = 0; i < 400; i++)
		rows_put(rows, 3, i, 1, 1);
	add_random_texts(rows, &random, "k", 400);
	add_random_texts(rows, &random, "t", 400);
	fill_numbers(rows, &random, rows_add(rows, "logged", FEATURE_NUMERIC, STORAGE_I32, 1), 400);
	for (int i = 0; i < 400; i++)
		rows_put(rows, 6, i, 0, i + 1);
	options[0].parts = PART_MONTH | PART_YEAR | PART_HOUR;
	options[1].scale = SCALE_STANDARD;
	options[2].map = MAP_BINS;
	options[3].scale = SCALE_ROBUST;
	options[5].encode = ENCODE_TARGET;
	options[6].map = MAP_LOG;
	return rows_learn(rows, options, PROFILE_LINEAR, 2);
}

static FeatureTransform *
entry_of(Transform *transform, int feature)
{
	for (int k = 0; k < transform->nfeatures; k++)
	{
		if (transform->features[k].feature == feature)
			return &transform->features[k];
	}
	fail_msg("feature %d has no entry", feature);
	return NULL;
}

/* Validation refuses the transform while `place` holds `value`. */
#define refuse(place, value) \
	do { \
		__typeof__(place) saved_ = (place); \
		(place) = (value); \
		if (transform_validate(env, transform, &rows.data.schema) != CORE_CORRUPT) \
			fail_msg("%s = %s is accepted", #place, #value); \
		(place) = saved_; \
		assert_ok(env, transform_validate(env, transform, &rows.data.schema)); \
	} while (0)

static void
damaged_numbers_are_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform = rich_transform(&rows, env);
	FeatureTransform *x = entry_of(transform, 1);
	FeatureTransform *binned = entry_of(transform, 2);
	FeatureTransform *v = entry_of(transform, 3);
	FeatureTransform *logged = entry_of(transform, 6);

	assert_true(v->dropped != NULL && v->dropped[1]);

	refuse(transform->nterms, transform->nterms + 1);
	refuse(transform->nterms, -1);
	refuse(transform->nfeatures, transform->nfeatures - 1);
	refuse(transform->features, NULL);
	refuse(x->feature, -1);
	refuse(x->feature, rows.data.schema.count);
	refuse(x->feature, 4);
	refuse(binned->feature, 1);
	refuse(x->first_term, x->first_term + 1);
	refuse(x->nterms, 0);
	refuse(x->nterms, INT32_MAX);
	refuse(x->impute, (ImputeMethod) 77);
	refuse(x->impute, IMPUTE_AUTO);
	refuse(x->map, (NumericMap) 9);
	refuse(x->scale, SCALE_AUTO);
	refuse(x->scale, (ScaleMethod) 9);
	refuse(x->encode, (Encoding) 9);
	refuse(x->encode, ENCODE_REFERENCE);
	refuse(x->indicator, !x->indicator);
	refuse(x->impute_value, NULL);
	refuse(x->low, NULL);
	refuse(x->high, NULL);
	refuse(x->center, NULL);
	refuse(x->spread, NULL);
	refuse(x->impute_value[0], NAN);
	refuse(x->high[0], INFINITY);
	refuse(x->spread[0], 0);
	refuse(x->spread[0], -1);
	refuse(x->center[0], NAN);
	refuse(x->parts, PART_MONTH);
	refuse(x->reference, 0);
	refuse(x->nedges, 3);
	refuse(v->dropped[1], false);
	refuse(v->dropped, NULL);
	refuse(logged->low[0], 0);
	refuse(logged->low, NULL);
	refuse(binned->nedges, 0);
	refuse(binned->edges, NULL);
	refuse(binned->edges[1], binned->edges[0]);
	refuse(binned->edges[1], NAN);
	refuse(binned->bin_encode, ENCODE_TARGET);
	refuse(binned->bin_encode, ENCODE_ONEHOT);
}

static void
damaged_levels_and_times_are_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	Rows		rows;
	Transform  *transform = rich_transform(&rows, env);
	FeatureTransform *month = NULL;
	FeatureTransform *k = entry_of(transform, 4);
	FeatureTransform *t = entry_of(transform, 5);

	for (int i = 0; i < transform->nfeatures; i++)
		month = transform->features[i].parts == PART_MONTH ? &transform->features[i] : month;
	assert_true(month != NULL && k->nlevels > 2);

	refuse(k->nlevels, -1);
	refuse(k->nlevels, INT32_MAX);
	refuse(k->levels, NULL);
	refuse(k->level_lengths, NULL);
	refuse(k->levels[1], NULL);
	refuse(k->levels[1], k->levels[0]);
	refuse(k->level_lengths[1], k->level_lengths[1] + 1);
	refuse(k->level_lengths[1], -1);
	refuse(k->codes, NULL);
	refuse(k->codes[0], INFINITY);
	refuse(k->ncodes, k->ncodes + 1);
	refuse(k->has_other, !k->has_other);
	refuse(k->encode, ENCODE_AUTO);
	refuse(k->encode, ENCODE_CODE);
	refuse(t->nterms, 0);
	refuse(t->ncodes, 0);
	refuse(month->parts, 0);
	refuse(month->parts, PART_MONTH | PART_YEAR);
	refuse(month->parts, PART_NONE);
	refuse(month->parts, PART_AGE);
	refuse(month->reference, 1);
	refuse(rows.data.schema.features[3].width, 0);
}

/*
 * A copy whose arrays have exactly the lengths that the counts of the entry
 * say, as a decoder makes them, so that reading outside is caught.
 */
static void *
exact_copy(CoreEnv *env, const void *from, size_t have, size_t want, size_t size)
{
	char	   *copy;

	if (from == NULL || want == 0 || want > 100000)
		return NULL;
	copy = env_alloc(env, want, size);
	memcpy(copy, from, (have < want ? have : want) * size);
	return copy;
}

static bool
mutate(CoreEnv *env, TestRandom *random, const FeatureSchema *schema, FeatureTransform *f)
{
	FeatureTransform old = *f;
	size_t		width = (size_t) schema->features[f->feature].width;
	size_t		codes = (size_t) (old.nlevels + 3) * (size_t) old.ncodes;
	int			small = (int) (test_random_bits(random) % 5) - 1;

	switch (test_random_bits(random) % 14)
	{
		case 0: f->nterms += small; break;
		case 1: f->first_term += small; break;
		case 2: f->feature = small + 1; break;
		case 3: f->encode = (Encoding) (test_random_bits(random) % 7); break;
		case 4: f->map = (NumericMap) (test_random_bits(random) % 4); break;
		case 5: f->impute = (ImputeMethod) (test_random_bits(random) % 6); break;
		case 6: f->scale = (ScaleMethod) (test_random_bits(random) % 5); break;
		case 7: f->indicator = !f->indicator; break;
		case 8: f->nedges += small; break;
		case 9: f->nlevels += small; break;
		case 10: f->ncodes += small; break;
		case 11: f->parts = 1u << (test_random_bits(random) % 12); break;
		case 12: f->reference = small; break;
		default: f->bin_encode = (Encoding) (test_random_bits(random) % 7); break;
	}
	if (f->nlevels < 0 || f->ncodes < 0 || f->nedges < 0 || f->feature < 0 || f->feature >= schema->count)
		return false;			/* a decoder refuses these itself */
	if ((size_t) schema->features[f->feature].width != width)
		width = 1;
	f->impute_value = exact_copy(env, old.impute_value, width, (size_t) schema->features[f->feature].width, sizeof(double));
	f->low = exact_copy(env, old.low, width, (size_t) schema->features[f->feature].width, sizeof(double));
	f->high = exact_copy(env, old.high, width, (size_t) schema->features[f->feature].width, sizeof(double));
	f->center = exact_copy(env, old.center, width, (size_t) schema->features[f->feature].width, sizeof(double));
	f->spread = exact_copy(env, old.spread, width, (size_t) schema->features[f->feature].width, sizeof(double));
	f->dropped = exact_copy(env, old.dropped, width, (size_t) schema->features[f->feature].width, sizeof(bool));
	f->edges = exact_copy(env, old.edges, (size_t) old.nedges, (size_t) f->nedges, sizeof(double));
	f->levels = exact_copy(env, old.levels, (size_t) old.nlevels, (size_t) f->nlevels, sizeof(char *));
	f->level_lengths = exact_copy(env, old.level_lengths, (size_t) old.nlevels, (size_t) f->nlevels, sizeof(int));
	f->codes = exact_copy(env, old.codes, codes, (size_t) (f->nlevels + 3) * (size_t) f->ncodes, sizeof(double));
	f->code_map = NULL;
	f->fold_codes = NULL;
	return true;
}

static void
what_passes_can_be_applied(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {5};
	Rows		rows;
	Transform  *original = rich_transform(&rows, env);
	int			passed = 0;

	for (int round = 0; round < 20000; round++)
	{
		TestEnv		arena;
		CoreEnv    *inner = test_env_init(&arena);
		Transform	transform = *original;
		int			entry = (int) (test_random_bits(&random) % (unsigned) original->nfeatures);
		int			mutations = 1 + (int) (test_random_bits(&random) % 3);
		bool		decoded = true;

		transform.features = env_alloc(inner, (size_t) original->nfeatures, sizeof(FeatureTransform));
		memcpy(transform.features, original->features, (size_t) original->nfeatures * sizeof(FeatureTransform));
		for (int m = 0; m < mutations && decoded; m++)
			decoded = mutate(inner, &random, &rows.data.schema, &transform.features[entry]);
		if (decoded && transform_validate(inner, &transform, &rows.data.schema) == CORE_OK)
		{
			passed++;
			assert_ok(inner, transform_name_terms(inner, &transform, &rows.data.schema));
			assert_ok(inner, transform_bind_dataset(inner, &transform, &rows.data));
			if (passed % 20 == 0)
			{
				Rows		copy = rows;

				copy.env = inner;
				rows_assert_paths_agree(&copy, &transform);
			}
		}
		test_env_free(&arena);
	}
	assert_true(passed > 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(blocks_and_rows_agree_for_all_kinds),
		T(blocks_are_cut_anywhere),
		T(refused_memory_is_reported),
		T(damaged_numbers_are_refused),
		T(damaged_levels_and_times_are_refused),
		T(what_passes_can_be_applied),
	};

	return cmocka_run_group_tests_name("transform_validate", tests, NULL, NULL);
}
