/*
 * test_checksum.c: CRC-32C against published values and against the definition, bit by bit.
 */
#include <string.h>

#include "format/model_format.h"
#include "support.h"

/* Division by the reflected polynomial, one bit at a time. */
static uint32_t
crc_by_definition(const uint8_t *bytes, size_t length)
{
	uint32_t	crc = 0xFFFFFFFF;

	for (size_t i = 0; i < length; i++)
	{
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
	}
	return ~crc;
}

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms. */
static void
published_values(void **state)
{
	uint8_t		bytes[32];

	(void) state;
	assert_int_equal(checksum_crc32c((const uint8_t *) "123456789", 9), 0xE3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(checksum_crc32c(bytes, sizeof(bytes)), 0x8A9136AA);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(checksum_crc32c(bytes, sizeof(bytes)), 0x62A8AB43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t) i;
	assert_int_equal(checksum_crc32c(bytes, sizeof(bytes)), 0x46DD794E);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t) (31 - i);
	assert_int_equal(checksum_crc32c(bytes, sizeof(bytes)), 0x113FDB5C);
	assert_int_equal(checksum_crc32c(bytes, 0), 0);
}

static void
equals_the_definition(void **state)
{
	uint8_t		bytes[300];
	TestRandom	random = {7};

	(void) state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) test_random_bits(&random);
	for (size_t start = 0; start < 9; start++)
	{
		for (size_t length = 0; start + length <= 100; length++)
			assert_int_equal(checksum_crc32c(bytes + start, length), crc_by_definition(bytes + start, length));
	}
	assert_int_equal(checksum_crc32c(bytes, sizeof(bytes)), crc_by_definition(bytes, sizeof(bytes)));
}

static void
parts_make_the_whole(void **state)
{
	uint8_t		bytes[64];
	TestRandom	random = {8};

	(void) state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) test_random_bits(&random);
	for (size_t cut = 0; cut <= sizeof(bytes); cut++)
	{
		uint32_t	first = checksum_crc32c_update(0, bytes, cut);

		assert_int_equal(checksum_crc32c_update(first, bytes + cut, sizeof(bytes) - cut), checksum_crc32c(bytes, sizeof(bytes)));
	}
}

static void
long_inputs_poll(void **state)
{
	TestEnv    *env = *state;
	size_t		length = ((size_t) 3 << 20) + 5;
	uint8_t    *bytes = env_alloc(&env->core, length, 1);

	bytes[length - 1] = 1;
	assert_int_equal(checksum_crc32c_polled(&env->core, bytes, length), checksum_crc32c(bytes, length));
	assert_true(env->polls >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_values),
		cmocka_unit_test(equals_the_definition),
		cmocka_unit_test(parts_make_the_whole),
		cmocka_unit_test_setup_teardown(long_inputs_poll, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
