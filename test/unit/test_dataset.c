/*
 * test_dataset.c: reading values out of columns of every storage; schemas by name.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/dataset.h"

static char empty_name[] = "";
static char lower_name[] = "x";
static char upper_name[] = "X";
static char some_type[] = "type";

#define ROWS 130				/* more than two words of NULL bits */

static const ColumnStorage numeric_storages[] = {
	STORAGE_I8, STORAGE_I16, STORAGE_I32, STORAGE_I64, STORAGE_F32, STORAGE_F64
};

#define STORAGES ((int) (sizeof(numeric_storages) / sizeof(numeric_storages[0])))

/* A value that every storage holds exactly. */
static double
sample(int64_t index)
{
	return (double) (index * 37 % 200 - 100);
}

static void
put(ColumnStorage storage, void *values, int64_t index, double value)
{
	switch (storage)
	{
		case STORAGE_I8:
			((int8_t *) values)[index] = (int8_t) value;
			break;
		case STORAGE_I16:
			((int16_t *) values)[index] = (int16_t) value;
			break;
		case STORAGE_I32:
			((int32_t *) values)[index] = (int32_t) value;
			break;
		case STORAGE_I64:
			((int64_t *) values)[index] = (int64_t) value;
			break;
		case STORAGE_F32:
			((float *) values)[index] = (float) value;
			break;
		case STORAGE_F64:
			((double *) values)[index] = value;
			break;
		case STORAGE_CODE:
			((uint32_t *) values)[index] = (uint32_t) value;
			break;
	}
}

static void
make_column(CoreEnv *env, Column *column, const Feature *feature, ColumnStorage storage, bool with_nulls)
{
	memset(column, 0, sizeof(*column));
	column->feature = feature;
	column->storage = storage;
	column->values = env_alloc(env, (size_t) ROWS * (size_t) feature->width, storage_size(storage));
	for (int64_t i = 0; i < (int64_t) ROWS * feature->width; i++)
		put(storage, column->values, i, sample(i));
	if (!with_nulls)
		return;
	column->nulls = env_alloc(env, (ROWS + 63) / 64, sizeof(uint64_t));
	for (int64_t row = 0; row < ROWS; row += 3)
	{
		column->nulls[row >> 6] |= UINT64_C(1) << (row & 63);
		column->nnulls++;
	}
}

static void
numbers_of_every_storage(void **state)
{
	TestEnv    *test = *state;
	Feature		feature = {lower_name, FEATURE_NUMERIC, some_type, NULL, 1};

	for (int s = 0; s < STORAGES; s++)
	{
		for (int nulls = 0; nulls < 2; nulls++)
		{
			Column		column;
			double		run[ROWS];

			make_column(&test->core, &column, &feature, numeric_storages[s], nulls != 0);
			/* a run that starts and ends inside words of NULL bits */
			column_numbers(&column, 5, ROWS - 9, run);
			for (int64_t row = 0; row < ROWS; row++)
			{
				bool		missing = nulls != 0 && row % 3 == 0;
				FeatureValue value;

				assert_int_equal(column_is_null(&column, row), missing);
				column_value(&column, row, NULL, &value);
				assert_int_equal(value.missing, missing);
				if (missing)
					assert_true(isnan(column_number(&column, row, 0)));
				else
				{
					assert_true(column_number(&column, row, 0) == sample(row));
					assert_true(value.number == sample(row));
				}
				if (row < 5 || row >= ROWS - 4)
					continue;
				if (missing)
					assert_true(isnan(run[row - 5]));
				else
					assert_true(run[row - 5] == sample(row));
			}
		}
	}
}

static void
integers_beyond_doubles_stay_apart(void **state)
{
	Feature		feature = {lower_name, FEATURE_TIMESTAMP, some_type, NULL, 1};
	int64_t		times[] = {INT64_MIN, -1, (INT64_C(1) << 53) + 1, INT64_MAX};
	Column		column = {.feature = &feature, .storage = STORAGE_I64, .values = times};
	FeatureValue value;

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		column_value(&column, i, NULL, &value);
		assert_true(value.time == times[i]);
	}
}

static void
special_numbers_come_through(void **state)
{
	Feature		feature = {lower_name, FEATURE_NUMERIC, some_type, NULL, 1};
	double		numbers[] = {INFINITY, -INFINITY, NAN, 5e-324, 1.7976931348623157e308};
	float		singles[] = {INFINITY, -INFINITY, NAN, 1e-45f, 3.4028235e38f};
	Column		wide = {.feature = &feature, .storage = STORAGE_F64, .values = numbers};
	Column		narrow = {.feature = &feature, .storage = STORAGE_F32, .values = singles};
	double		run[5];

	(void) state;
	column_numbers(&wide, 0, 5, run);
	assert_memory_equal(run, numbers, sizeof(numbers));
	column_numbers(&narrow, 0, 5, run);
	for (int i = 0; i < 5; i++)
		assert_true(isnan(singles[i]) ? isnan(run[i]) : run[i] == (double) singles[i]);
	/* NaN is a value, NULL is not */
	assert_false(column_is_null(&wide, 2));
}

static void
vectors_row_by_row(void **state)
{
	TestEnv    *test = *state;
	Feature		feature = {lower_name, FEATURE_VECTOR, some_type, NULL, 5};

	for (int s = 0; s < STORAGES; s++)
	{
		Column		column;
		double		scratch[5];
		FeatureValue value;

		make_column(&test->core, &column, &feature, numeric_storages[s], true);
		for (int64_t row = 0; row < ROWS; row++)
		{
			column_value(&column, row, scratch, &value);
			if (row % 3 == 0)
			{
				assert_true(value.missing);
				continue;
			}
			assert_ptr_equal(value.vector, scratch);
			for (int e = 0; e < 5; e++)
			{
				assert_true(scratch[e] == sample(row * 5 + e));
				assert_true(column_number(&column, row, e) == sample(row * 5 + e));
			}
		}
	}
}

static void
texts_through_the_dictionary(void **state)
{
	Feature		feature = {lower_name, FEATURE_CATEGORICAL, some_type, NULL, 1};
	char		texts[] = "\0a\0a\0b\0z";
	char	   *levels[] = {texts, texts + 1, texts + 3, texts + 7};
	int			lengths[] = {0, 1, 3, 1};
	uint32_t	codes[] = {3, 0, 2, 1};
	Column		column = {.feature = &feature, .storage = STORAGE_CODE, .values = codes, .nlevels = 4,
	.levels = levels, .level_lengths = lengths};
	FeatureValue value;

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		column_value(&column, i, NULL, &value);
		assert_false(value.missing);
		assert_int_equal(value.text_length, lengths[codes[i]]);
		assert_memory_equal(value.text, levels[codes[i]], (size_t) value.text_length);
	}
}

static void
schemas_by_exact_name(void **state)
{
	Feature		features[] = {
		{lower_name, FEATURE_NUMERIC, some_type, NULL, 1}, {upper_name, FEATURE_BOOLEAN, some_type, NULL, 1}, {empty_name, FEATURE_VECTOR, some_type, NULL, 2}
	};
	FeatureSchema schema = {3, features};
	FeatureSchema empty = {0, NULL};

	(void) state;
	assert_int_equal(schema_find(&schema, "x"), 0);
	assert_int_equal(schema_find(&schema, "X"), 1);
	assert_int_equal(schema_find(&schema, ""), 2);
	assert_int_equal(schema_find(&schema, "x "), -1);
	assert_int_equal(schema_find(&empty, "x"), -1);
	assert_string_equal(feature_kind_name(FEATURE_TIMESTAMP), "timestamp");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_of_every_storage, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(integers_beyond_doubles_stay_apart, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(special_numbers_come_through, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(vectors_row_by_row, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(texts_through_the_dictionary, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(schemas_by_exact_name, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
