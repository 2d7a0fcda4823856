/*
 * test_bytes.c: reading never leaves its bytes, writing and reading are inverse, base64 and UTF-8 are what their standards say.
 */
#include <math.h>
#include <string.h>

#include "format/base64.h"
#include "format/bytes.h"
#include "support.h"

/* What is written, byte for byte: little-endian, without padding. */
static void
numbers_are_little_endian(void **state)
{
	TestEnv    *env = *state;
	ByteWriter	writer;
	static const uint8_t expected[] = {
		0xAB,
		0x34, 0x12,
		0x78, 0x56, 0x34, 0x12,
		0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01,
		0xFE, 0xFF, 0xFF, 0xFF,
		0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
		0, 0, 0, 0, 0, 0, 0xF8, 0x3F,	/* 1.5 */
		2, 0, 0, 0, 'h', 'i',
		0xFF, 0xFF, 0xFF, 0xFF,
	};

	writer_init(&writer, &env->core, 0);
	write_u8(&writer, 0xAB);
	write_u16(&writer, 0x1234);
	write_u32(&writer, 0x12345678);
	write_u64(&writer, UINT64_C(0x0123456789ABCDEF));
	write_i32(&writer, -2);
	write_i64(&writer, -3);
	write_f64(&writer, 1.5);
	write_string(&writer, "hi");
	write_string(&writer, NULL);
	assert_int_equal(writer.status, CORE_OK);
	assert_int_equal(writer.length, sizeof(expected));
	assert_memory_equal(writer.data, expected, sizeof(expected));
}

static void
reading_inverts_writing(void **state)
{
	TestEnv    *env = *state;
	ByteWriter	writer;
	ByteReader	reader;
	static const double numbers[] = {0.0, -0.0, 1.0, -INFINITY, INFINITY, 5e-324, -1.7976931348623157e308};

	writer_init(&writer, &env->core, 5);
	write_i32(&writer, INT32_MIN);
	write_i64(&writer, INT64_MIN);
	write_string(&writer, "");
	write_f64_array(&writer, numbers, 7);
	reader_init(&reader, writer.data + 5, writer.length - 5);
	assert_int_equal(read_i32(&reader), INT32_MIN);
	assert_true(read_i64(&reader) == INT64_MIN);
	assert_string_equal(read_string(&reader, &env->core), "");
	for (int i = 0; i < 7; i++)
	{
		double		value = read_f64(&reader);

		assert_memory_equal(&value, &numbers[i], sizeof(value));
	}
	assert_false(reader.failed);
	assert_int_equal(reader_left(&reader), 0);
}

/* Any NaN in, one NaN out. */
static void
all_nans_are_one(void **state)
{
	TestEnv    *env = *state;
	static const uint64_t patterns[] = {
		UINT64_C(0x7FF8000000000000), UINT64_C(0xFFF8000000000000), UINT64_C(0x7FF0000000000001), UINT64_C(0x7FFFFFFFFFFFFFFF)
	};

	for (int i = 0; i < 4; i++)
	{
		ByteWriter	writer;
		ByteReader	reader;
		uint8_t		bytes[8];
		double		value;
		float		single = NAN;
		uint64_t	bits;

		put_u64(bytes, patterns[i]);
		memcpy(&value, &patterns[i], sizeof(value));
		writer_init(&writer, &env->core, 0);
		write_f64(&writer, value);
		write_f64_array(&writer, &value, 1);
		assert_true(get_u64(writer.data) == UINT64_C(0x7FF8000000000000));
		assert_true(get_u64(writer.data + 8) == UINT64_C(0x7FF8000000000000));
		reader_init(&reader, bytes, 8);
		value = read_f64(&reader);
		memcpy(&bits, &value, sizeof(bits));
		assert_true(bits == UINT64_C(0x7FF8000000000000));

		put_u32(bytes, 0xFF800001);
		memcpy(&single, bytes, sizeof(single));
		writer_init(&writer, &env->core, 0);
		write_f32_array(&writer, &single, 1);
		assert_int_equal(get_u32(writer.data), 0x7FC00000);
	}
}

/* Past the end: zero, for ever, whatever is asked for next. */
static void
failure_is_sticky(void **state)
{
	TestEnv    *env = *state;
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
	ByteReader	reader;
	double		numbers[2] = {9, 9};

	reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(read_u64(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(read_u8(&reader), 0);
	assert_int_equal(read_u16(&reader), 0);
	assert_int_equal(read_u32(&reader), 0);
	assert_null(read_span(&reader, 0));
	assert_null(read_string(&reader, &env->core));
	assert_int_equal(read_count(&reader, 1), 0);
	read_f64_array(&reader, &env->core, 2, numbers);
	assert_true(numbers[0] == 9);
	assert_int_equal(reader_left(&reader), 0);
	reader_init(&reader, bytes, sizeof(bytes));
	assert_null(read_span(&reader, SIZE_MAX));
	assert_true(reader.failed);
	reader_init(&reader, bytes, sizeof(bytes));
	read_f64_array(&reader, &env->core, SIZE_MAX / 4, numbers);
	assert_true(reader.failed);
}

static void
counts_are_bounded_by_what_is_left(void **state)
{
	uint8_t		bytes[4 + 24];
	ByteReader	reader;

	(void) state;
	memset(bytes, 0, sizeof(bytes));
	put_u32(bytes, 3);
	reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(read_count(&reader, 8), 3);
	assert_false(reader.failed);
	reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(read_count(&reader, 9), 0);
	assert_true(reader.failed);
	put_u32(bytes, UINT32_MAX);
	reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(read_count(&reader, SIZE_MAX / 2), 0);
	assert_true(reader.failed);
}

static void
strings_hold_no_zero_byte(void **state)
{
	TestEnv    *env = *state;
	uint8_t		bytes[] = {3, 0, 0, 0, 'a', 0, 'b', 0};
	ByteReader	reader;

	reader_init(&reader, bytes, 7);
	assert_null(read_string(&reader, &env->core));
	assert_true(reader.failed);
	/* longer than what is left */
	reader_init(&reader, bytes, 6);
	assert_null(read_string(&reader, &env->core));
	assert_true(reader.failed);
}

static void
lists_of_strings(void **state)
{
	TestEnv    *env = *state;
	ByteWriter	writer;
	ByteReader	reader;
	char	  **strings;
	int		   *lengths;
	int64_t		before;

	writer_init(&writer, &env->core, 0);
	write_string(&writer, "one");
	write_string(&writer, "");
	write_string(&writer, "three");
	before = env->allocations;
	reader_init(&reader, writer.data, writer.length);
	assert_true(read_string_list(&reader, &env->core, 3, &strings, &lengths));
	assert_int_equal(env->allocations - before, 3);
	assert_string_equal(strings[0], "one");
	assert_string_equal(strings[1], "");
	assert_string_equal(strings[2], "three");
	assert_int_equal(lengths[2], 5);
	assert_int_equal(reader_left(&reader), 0);

	reader_init(&reader, writer.data, writer.length);
	assert_false(read_string_list(&reader, &env->core, 4, &strings, &lengths));
	writer_init(&writer, &env->core, 0);
	write_string(&writer, NULL);
	reader_init(&reader, writer.data, writer.length);
	assert_false(read_string_list(&reader, &env->core, 1, &strings, NULL));
	assert_true(reader.failed);
	assert_false(reader.no_memory);
}

/* Refused memory is told apart from bad bytes. */
static void
refused_memory(void **state)
{
	TestEnv    *env = *state;
	static const uint8_t bytes[] = {1, 0, 0, 0, 'x'};
	ByteReader	reader;
	ByteWriter	writer;
	char	  **strings;
	uint8_t		big[8192] = {0};

	env->fail_after = env->allocations;
	reader_init(&reader, bytes, sizeof(bytes));
	assert_null(read_string(&reader, &env->core));
	assert_true(reader.failed && reader.no_memory);
	reader_init(&reader, bytes, sizeof(bytes));
	assert_false(read_string_list(&reader, &env->core, 1, &strings, NULL));
	assert_true(reader.failed && reader.no_memory);
	writer_init(&writer, &env->core, 0);
	assert_int_equal(writer.status, CORE_NO_MEMORY);
	write_u64(&writer, 1);

	env->fail_after = env->allocations + 1;
	writer_init(&writer, &env->core, 0);
	write_bytes(&writer, big, sizeof(big));
	assert_int_equal(writer.status, CORE_NO_MEMORY);
}

static void
writers_have_a_limit(void **state)
{
	TestEnv    *env = *state;
	ByteWriter	writer;
	size_t		step = (size_t) 64 << 20;
	uint8_t    *bytes = env_alloc(&env->core, step, 1);

	writer_init(&writer, &env->core, 4);
	for (int i = 0; i < 4; i++)
		write_bytes(&writer, bytes, step);
	assert_int_equal(writer.status, CORE_OK);
	assert_int_equal(writer.length, WRITER_MAX_BYTES + 4);
	write_u8(&writer, 0);
	assert_int_equal(writer.status, CORE_TOO_LARGE);
	writer_init(&writer, &env->core, 0);
	write_f64_array(&writer, (const double *) bytes, SIZE_MAX / 2);
	assert_int_equal(writer.status, CORE_TOO_LARGE);
}

/* Table 3-7 of the Unicode standard: well-formed byte sequences, and their neighbours. */
static void
utf8(void **state)
{
	static const char *const valid[] = {
		"", "plain", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
		"\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "Gr\xC3\xB6\xC3\x9F" "e"
	};
	static const char *const invalid[] = {
		"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x7F", "\xC2\xC0", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
		"\xED\xBF\xBF", "\xEF\xBF", "\xEF\xBF\x7F", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
		"\xFF", "ok\xC3", "\xF1\x80\x80\xC0"
	};

	(void) state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		assert_true(utf8_valid(valid[i], strlen(valid[i])));
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		assert_false(utf8_valid(invalid[i], strlen(invalid[i])));
	assert_false(utf8_valid("a\0b", 3));
}

/* RFC 4648, section 10. */
static void
base64_vectors(void **state)
{
	TestEnv    *env = *state;
	static const char *const vectors[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		char		text[16] = "";
		uint8_t    *bytes;
		size_t		length;

		base64_encode(&env->core, (const uint8_t *) vectors[i][0], strlen(vectors[i][0]), text);
		assert_string_equal(text, vectors[i][1]);
		assert_int_equal(base64_length(strlen(vectors[i][0])), strlen(vectors[i][1]));
		assert_ok(&env->core, base64_decode(&env->core, text, strlen(text), 4, &bytes, &length));
		assert_int_equal(length, 4 + strlen(vectors[i][0]));
		assert_memory_equal(bytes + 4, vectors[i][0], length - 4);
	}
}

static void
base64_any_bytes(void **state)
{
	TestEnv    *env = *state;
	TestRandom	random = {3};
	uint8_t		bytes[200];
	char		text[300];
	char		spaced[400];

	for (size_t n = 0; n < sizeof(bytes); n++)
	{
		uint8_t    *back;
		size_t		length;
		size_t		k = 0;

		bytes[n] = (uint8_t) test_random_bits(&random);
		base64_encode(&env->core, bytes, n, text);
		for (size_t i = 0; i < base64_length(n); i++)
		{
			spaced[k++] = text[i];
			if (i % 7 == 0)
				spaced[k++] = " \n\t\r"[i / 7 % 4];
		}
		assert_ok(&env->core, base64_decode(&env->core, spaced, k, 0, &back, &length));
		assert_int_equal(length, n);
		assert_memory_equal(back, bytes, n);
	}
}

static void
base64_refuses(void **state)
{
	TestEnv    *env = *state;
	static const char *const invalid[] = {
		"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zg=g", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v!", "Zm9v-_8=", "Zm9v\x80", "Zg== A"
	};

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
	{
		uint8_t    *bytes;
		size_t		length;

		assert_int_equal(base64_decode(&env->core, invalid[i], strlen(invalid[i]), 0, &bytes, &length), CORE_INVALID);
		assert_non_null(strstr(env->core.message, "base64"));
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_little_endian),
		TEST(reading_inverts_writing),
		TEST(all_nans_are_one),
		TEST(failure_is_sticky),
		TEST(counts_are_bounded_by_what_is_left),
		TEST(strings_hold_no_zero_byte),
		TEST(lists_of_strings),
		TEST(refused_memory),
		TEST(writers_have_a_limit),
		TEST(utf8),
		TEST(base64_vectors),
		TEST(base64_any_bytes),
		TEST(base64_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
