/*
 * checksum.c
 *	  CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes a step.
 *
 * Slicing-by-8: table k holds the checksum of a byte followed by k zero bytes.
 * A checksum is linear over exclusive or, so each table follows from its eight
 * entries for single bits, and the compiler expands them: nothing is computed
 * at run time and there is no mutable state.  About 2 GB/s.
 *
 * Source: Koopman, "32-bit cyclic redundancy codes for Internet applications"
 * (2002), for the polynomial; Kounavis and Berry, "A systematic approach to
 * building high performance software-based CRC generators" (2005).
 */
#include "format/bytes.h"
#include "format/model_format.h"

#define BIT(n, k, entry) ((((n) >> (k)) & 1) ? (entry) : UINT32_C(0))
#define ENTRY(n, a, b, c, d, e, f, g, h) \
	(BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^ BIT(n, 7, h))
#define ENTRIES4(n, ...) \
	ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define ENTRIES16(n, ...) \
	ENTRIES4(n, __VA_ARGS__), ENTRIES4((n) + 4, __VA_ARGS__), ENTRIES4((n) + 8, __VA_ARGS__), ENTRIES4((n) + 12, __VA_ARGS__)
#define ENTRIES64(n, ...) \
	ENTRIES16(n, __VA_ARGS__), ENTRIES16((n) + 16, __VA_ARGS__), ENTRIES16((n) + 32, __VA_ARGS__), ENTRIES16((n) + 48, __VA_ARGS__)
#define TABLE(...) \
	{ENTRIES64(0, __VA_ARGS__), ENTRIES64(64, __VA_ARGS__), ENTRIES64(128, __VA_ARGS__), ENTRIES64(192, __VA_ARGS__)}

static const uint32_t crc_tables[8][256] = {
	TABLE(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78),
	TABLE(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9),
	TABLE(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743),
	TABLE(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F),
	TABLE(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91, 0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C),
	TABLE(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F, 0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6),
	TABLE(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53, 0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4),
	TABLE(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA, 0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664),
};

uint32_t
checksum_crc32c_update(uint32_t checksum, const uint8_t *bytes, size_t length)
{
	uint32_t	crc = ~checksum;

	for (; length >= 8; bytes += 8, length -= 8)
	{
		uint32_t	low = crc ^ get_u32(bytes);
		uint32_t	high = get_u32(bytes + 4);

		crc = crc_tables[7][low & 0xFF] ^ crc_tables[6][(low >> 8) & 0xFF] ^
			crc_tables[5][(low >> 16) & 0xFF] ^ crc_tables[4][low >> 24] ^
			crc_tables[3][high & 0xFF] ^ crc_tables[2][(high >> 8) & 0xFF] ^
			crc_tables[1][(high >> 16) & 0xFF] ^ crc_tables[0][high >> 24];
	}
	for (; length > 0; bytes++, length--)
		crc = (crc >> 8) ^ crc_tables[0][(crc ^ *bytes) & 0xFF];
	return ~crc;
}

uint32_t
checksum_crc32c(const uint8_t *bytes, size_t length)
{
	return checksum_crc32c_update(0, bytes, length);
}

uint32_t
checksum_crc32c_polled(CoreEnv *env, const uint8_t *bytes, size_t length)
{
	const size_t step = (size_t) 1 << 20;
	uint32_t	checksum = 0;

	for (size_t start = 0; start < length; start += step)
	{
		env_poll(env);
		checksum = checksum_crc32c_update(checksum, bytes + start, length - start < step ? length - start : step);
	}
	return checksum;
}
