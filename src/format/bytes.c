/*
 * bytes.c
 *	  Bounds-checked reading and growing writing of little-endian bytes; see
 *	  bytes.h.
 *
 * Every number is assembled from single bytes, so neither alignment nor the
 * byte order of the machine matters; compilers turn that into plain loads.
 * NaN has many bit patterns and processors differ in which one they make, so
 * all NaNs are written and read as one: equal models give equal bytes.
 * All functions are linear in the bytes they touch.
 */
#include "format/bytes.h"

#include <limits.h>
#include <string.h>

#define NULL_STRING UINT32_MAX
#define CANONICAL_NAN UINT64_C(0x7ff8000000000000)
#define CANONICAL_NAN_F32 UINT32_C(0x7fc00000)
#define POLL_ELEMENTS 65536		/* array elements between polls: well under a millisecond */

void
put_u32(uint8_t out[4], uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t) (value >> (8 * i));
}

void
put_u64(uint8_t out[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t) (value >> (8 * i));
}

uint32_t
get_u32(const uint8_t in[4])
{
	return (uint32_t) in[0] | (uint32_t) in[1] << 8 | (uint32_t) in[2] << 16 | (uint32_t) in[3] << 24;
}

uint64_t
get_u64(const uint8_t in[8])
{
	return (uint64_t) get_u32(in) | (uint64_t) get_u32(in + 4) << 32;
}

static double
f64_from_bits(uint64_t bits)
{
	double		value;

	if ((bits & UINT64_C(0x7fffffffffffffff)) > UINT64_C(0x7ff0000000000000))
		bits = CANONICAL_NAN;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t
f64_to_bits(double value)
{
	uint64_t	bits;

	if (value != value)
		return CANONICAL_NAN;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
f32_from_bits(uint32_t bits)
{
	float		value;

	if ((bits & UINT32_C(0x7fffffff)) > UINT32_C(0x7f800000))
		bits = CANONICAL_NAN_F32;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t
f32_to_bits(float value)
{
	uint32_t	bits;

	if (value != value)
		return CANONICAL_NAN_F32;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

bool
utf8_valid(const void *data, size_t length)
{
	const uint8_t *p = data;
	const uint8_t *end = p + length;

	while (p < end)
	{
		uint8_t		lead = *p++;
		int			following;
		uint8_t		low = 0x80;
		uint8_t		high = 0xBF;

		if (lead < 0x80)
		{
			if (lead == 0)
				return false;
			continue;
		}
		if (lead >= 0xC2 && lead <= 0xDF)
			following = 1;
		else if ((lead & 0xF0) == 0xE0)
			following = 2;
		else if (lead >= 0xF0 && lead <= 0xF4)
			following = 3;
		else
			return false;
		/* the second byte rules out overlong forms, surrogates and what lies past U+10FFFF */
		if (lead == 0xE0)
			low = 0xA0;
		else if (lead == 0xED)
			high = 0x9F;
		else if (lead == 0xF0)
			low = 0x90;
		else if (lead == 0xF4)
			high = 0x8F;
		if (end - p < following || *p < low || *p > high)
			return false;
		p++;
		for (int i = 1; i < following; i++, p++)
		{
			if ((*p & 0xC0) != 0x80)
				return false;
		}
	}
	return true;
}

void
reader_init(ByteReader *reader, const void *data, size_t length)
{
	reader->data = data;
	reader->length = length;
	reader->position = 0;
	reader->failed = false;
	reader->no_memory = false;
}

void
reader_fail(ByteReader *reader)
{
	reader->failed = true;
}

size_t
reader_left(const ByteReader *reader)
{
	return reader->failed ? 0 : reader->length - reader->position;
}

const uint8_t *
read_span(ByteReader *reader, size_t length)
{
	const uint8_t *span;

	if (reader->failed || length > reader->length - reader->position)
	{
		reader->failed = true;
		return NULL;
	}
	span = reader->data + reader->position;
	reader->position += length;
	return span;
}

uint8_t
read_u8(ByteReader *reader)
{
	const uint8_t *span = read_span(reader, 1);

	return span != NULL ? span[0] : 0;
}

uint16_t
read_u16(ByteReader *reader)
{
	const uint8_t *span = read_span(reader, 2);

	return span != NULL ? (uint16_t) (span[0] | span[1] << 8) : 0;
}

uint32_t
read_u32(ByteReader *reader)
{
	const uint8_t *span = read_span(reader, 4);

	return span != NULL ? get_u32(span) : 0;
}

uint64_t
read_u64(ByteReader *reader)
{
	const uint8_t *span = read_span(reader, 8);

	return span != NULL ? get_u64(span) : 0;
}

int32_t
read_i32(ByteReader *reader)
{
	return (int32_t) read_u32(reader);
}

int64_t
read_i64(ByteReader *reader)
{
	return (int64_t) read_u64(reader);
}

double
read_f64(ByteReader *reader)
{
	return f64_from_bits(read_u64(reader));
}

uint32_t
read_count(ByteReader *reader, size_t element_size)
{
	uint32_t	count = read_u32(reader);
	size_t		bytes;

	if (reader->failed)
		return 0;
	if (!size_multiply(count, element_size, &bytes) || bytes > reader_left(reader))
	{
		reader->failed = true;
		return 0;
	}
	return count;
}

char *
read_string(ByteReader *reader, CoreEnv *env)
{
	uint32_t	length = read_u32(reader);
	const uint8_t *span;
	char	   *text;

	if (reader->failed || length == NULL_STRING)
		return NULL;
	span = read_span(reader, length);
	if (span == NULL || memchr(span, 0, length) != NULL)
	{
		reader->failed = true;
		return NULL;
	}
	text = env_strndup(env, (const char *) span, length);
	if (text == NULL)
		reader->failed = reader->no_memory = true;
	return text;
}

/* Bytes that a list of strings needs with a terminator each; advances the reader past it. */
static size_t
measure_strings(ByteReader *reader, CoreEnv *env, uint32_t count)
{
	size_t		total = 0;

	for (uint32_t i = 0; i < count && !reader->failed; i++)
	{
		uint32_t	length = read_u32(reader);
		const uint8_t *span;

		if (i % POLL_ELEMENTS == 0)
			env_poll(env);
		if (length > INT_MAX)
			reader->failed = true;
		span = read_span(reader, length);
		if (span != NULL && memchr(span, 0, length) != NULL)
			reader->failed = true;
		total += (size_t) length + 1;
	}
	return total;
}

bool
read_string_list(ByteReader *reader, CoreEnv *env, uint32_t count, char ***strings, int **lengths)
{
	size_t		start = reader->position;
	size_t		total = measure_strings(reader, env, count);
	char	  **list;
	int		   *list_lengths = NULL;
	char	   *pool;

	if (reader->failed)
		return false;
	list = env_alloc(env, count, sizeof(*list));
	pool = env_alloc(env, total, 1);
	if (lengths != NULL)
		list_lengths = env_alloc(env, count, sizeof(*list_lengths));
	if (list == NULL || pool == NULL || (lengths != NULL && list_lengths == NULL))
	{
		reader->failed = reader->no_memory = true;
		return false;
	}
	reader->position = start;
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t	length = read_u32(reader);

		if (i % POLL_ELEMENTS == 0)
			env_poll(env);
		memcpy(pool, read_span(reader, length), length);
		list[i] = pool;
		if (list_lengths != NULL)
			list_lengths[i] = (int) length;
		pool += (size_t) length + 1;
	}
	*strings = list;
	if (lengths != NULL)
		*lengths = list_lengths;
	return true;
}

/* The bytes of `count` elements, or NULL when failed. */
static const uint8_t *
read_elements(ByteReader *reader, size_t count, size_t size)
{
	size_t		bytes;

	if (!size_multiply(count, size, &bytes))
	{
		reader->failed = true;
		return NULL;
	}
	return read_span(reader, bytes);
}

/* The loops are as long as they look: a poll in each POLL_ELEMENTS, conversion in between. */
#define READ_ELEMENTS(convert, size) \
	do { \
		const uint8_t *span = read_elements(reader, count, (size)); \
		for (size_t i = 0; span != NULL && i < count; i++) \
		{ \
			if (i % POLL_ELEMENTS == 0) \
				env_poll(env); \
			out[i] = convert(span + i * (size)); \
		} \
	} while (0)

#define GET_F32(bytes) f32_from_bits(get_u32(bytes))
#define GET_F64(bytes) f64_from_bits(get_u64(bytes))

void
read_u32_array(ByteReader *reader, CoreEnv *env, size_t count, uint32_t *out)
{
	READ_ELEMENTS(get_u32, 4);
}

void
read_u64_array(ByteReader *reader, CoreEnv *env, size_t count, uint64_t *out)
{
	READ_ELEMENTS(get_u64, 8);
}

void
read_f32_array(ByteReader *reader, CoreEnv *env, size_t count, float *out)
{
	READ_ELEMENTS(GET_F32, 4);
}

void
read_f64_array(ByteReader *reader, CoreEnv *env, size_t count, double *out)
{
	READ_ELEMENTS(GET_F64, 8);
}

void
writer_init(ByteWriter *writer, CoreEnv *env, size_t reserved_prefix)
{
	writer->env = env;
	writer->capacity = reserved_prefix + 4096;
	writer->length = reserved_prefix;
	writer->reserved_prefix = reserved_prefix;
	writer->data = env_alloc(env, writer->capacity, 1);
	writer->status = writer->data != NULL ? CORE_OK : CORE_NO_MEMORY;
}

/* Room for `length` more bytes, or NULL with the status set. */
static uint8_t *
writer_reserve(ByteWriter *writer, size_t length)
{
	size_t		needed;
	size_t		capacity;
	uint8_t    *grown;
	uint8_t    *out;

	if (writer->status != CORE_OK)
		return NULL;
	if (!size_add(writer->length, length, &needed) || needed - writer->reserved_prefix > WRITER_MAX_BYTES)
	{
		writer->status = env_fail(writer->env, CORE_TOO_LARGE, "value exceeds the limit of %zu MB", WRITER_MAX_BYTES / (1024 * 1024));
		return NULL;
	}
	if (needed > writer->capacity)
	{
		capacity = writer->capacity * 2 > needed ? writer->capacity * 2 : needed;
		if (capacity > WRITER_MAX_BYTES + writer->reserved_prefix)
			capacity = WRITER_MAX_BYTES + writer->reserved_prefix;
		grown = env_alloc(writer->env, capacity, 1);
		if (grown == NULL)
		{
			writer->status = CORE_NO_MEMORY;
			return NULL;
		}
		memcpy(grown, writer->data, writer->length);
		env_release(writer->env, writer->data);
		writer->data = grown;
		writer->capacity = capacity;
	}
	out = writer->data + writer->length;
	writer->length = needed;
	return out;
}

void
write_u8(ByteWriter *writer, uint8_t value)
{
	write_bytes(writer, &value, 1);
}

void
write_u16(ByteWriter *writer, uint16_t value)
{
	uint8_t		bytes[2] = {(uint8_t) value, (uint8_t) (value >> 8)};

	write_bytes(writer, bytes, sizeof(bytes));
}

void
write_u32(ByteWriter *writer, uint32_t value)
{
	uint8_t    *out = writer_reserve(writer, 4);

	if (out != NULL)
		put_u32(out, value);
}

void
write_u64(ByteWriter *writer, uint64_t value)
{
	uint8_t    *out = writer_reserve(writer, 8);

	if (out != NULL)
		put_u64(out, value);
}

void
write_i32(ByteWriter *writer, int32_t value)
{
	write_u32(writer, (uint32_t) value);
}

void
write_i64(ByteWriter *writer, int64_t value)
{
	write_u64(writer, (uint64_t) value);
}

void
write_f64(ByteWriter *writer, double value)
{
	write_u64(writer, f64_to_bits(value));
}

void
write_bytes(ByteWriter *writer, const void *data, size_t length)
{
	uint8_t    *out = writer_reserve(writer, length);

	if (out != NULL && length > 0)
		memcpy(out, data, length);
}

void
write_string(ByteWriter *writer, const char *text)
{
	size_t		length = text != NULL ? strlen(text) : 0;

	if (length > INT_MAX)
	{
		/* far past the writer's limit: let it say so */
		writer_reserve(writer, length);
		return;
	}
	write_u32(writer, text != NULL ? (uint32_t) length : NULL_STRING);
	write_bytes(writer, text, length);
}

/* Room for `count` elements, or NULL with the status set. */
static uint8_t *
reserve_elements(ByteWriter *writer, size_t count, size_t size)
{
	size_t		bytes;

	if (!size_multiply(count, size, &bytes))
		bytes = SIZE_MAX;
	return writer_reserve(writer, bytes);
}

#define WRITE_ELEMENTS(put, convert, size) \
	do { \
		uint8_t    *out = reserve_elements(writer, count, (size)); \
		for (size_t i = 0; out != NULL && i < count; i++) \
		{ \
			if (i % POLL_ELEMENTS == 0) \
				env_poll(writer->env); \
			put(out + i * (size), convert(values[i])); \
		} \
	} while (0)

void
write_u32_array(ByteWriter *writer, const uint32_t *values, size_t count)
{
	WRITE_ELEMENTS(put_u32, , 4);
}

void
write_u64_array(ByteWriter *writer, const uint64_t *values, size_t count)
{
	WRITE_ELEMENTS(put_u64, , 8);
}

void
write_f32_array(ByteWriter *writer, const float *values, size_t count)
{
	WRITE_ELEMENTS(put_u32, f32_to_bits, 4);
}

void
write_f64_array(ByteWriter *writer, const double *values, size_t count)
{
	WRITE_ELEMENTS(put_u64, f64_to_bits, 8);
}

void
writer_patch(ByteWriter *writer, size_t position, const void *data, size_t length)
{
	if (writer->status == CORE_OK && position <= writer->length && length <= writer->length - position)
		memcpy(writer->data + position, data, length);
}
