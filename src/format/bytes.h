/*
 * bytes.h
 *	  Bounds-checked reading and growing writing of little-endian bytes.
 *
 * A reader never reads outside [data, data + length): the first failure makes
 * it sticky-failed, and every later read returns zero, so callers check once
 * per group of fields.  Counts are checked against the bytes that are left
 * before anything is allocated for them.
 */
#ifndef FORMAT_BYTES_H
#define FORMAT_BYTES_H

#include "core/env.h"

typedef struct ByteReader
{
	const uint8_t *data;
	size_t		length;
	size_t		position;
	bool		failed;
	bool		no_memory;		/* failed because an allocation was refused, not because of the bytes */
} ByteReader;

typedef struct ByteWriter
{
	CoreEnv    *env;
	uint8_t    *data;
	size_t		length;
	size_t		capacity;
	size_t		reserved_prefix;	/* bytes kept free at the start, e.g. for a varlena header */
	CoreStatus	status;			/* sticky */
} ByteWriter;

extern void reader_init(ByteReader *reader, const void *data, size_t length);
extern uint8_t read_u8(ByteReader *reader);
extern uint16_t read_u16(ByteReader *reader);
extern uint32_t read_u32(ByteReader *reader);
extern uint64_t read_u64(ByteReader *reader);
extern int32_t read_i32(ByteReader *reader);
extern int64_t read_i64(ByteReader *reader);
extern double read_f64(ByteReader *reader);
/* A count of elements that each need at least `element_size` bytes of what is left. */
extern uint32_t read_count(ByteReader *reader, size_t element_size);
extern const uint8_t *read_span(ByteReader *reader, size_t length);	/* NULL when failed */
/* u32 length and bytes; copied and zero-terminated; embedded zeros fail; NULL strings are length UINT32_MAX */
extern char *read_string(ByteReader *reader, CoreEnv *env);
/*
 * `count` strings as read_string reads them, none of them NULL, in one pool:
 * memory stays a small multiple of the bytes read.  lengths may be NULL.
 * Polls.  False when failed.
 */
extern bool read_string_list(ByteReader *reader, CoreEnv *env, uint32_t count, char ***strings, int **lengths);
/* `count` numbers into the caller's out[count]; every NaN as the one canonical NaN. They poll. */
extern void read_u32_array(ByteReader *reader, CoreEnv *env, size_t count, uint32_t *out);
extern void read_u64_array(ByteReader *reader, CoreEnv *env, size_t count, uint64_t *out);
extern void read_f32_array(ByteReader *reader, CoreEnv *env, size_t count, float *out);
extern void read_f64_array(ByteReader *reader, CoreEnv *env, size_t count, double *out);
extern size_t reader_left(const ByteReader *reader);
/* Records a failure found by the caller. */
extern void reader_fail(ByteReader *reader);

extern void writer_init(ByteWriter *writer, CoreEnv *env, size_t reserved_prefix);
extern void write_u8(ByteWriter *writer, uint8_t value);
extern void write_u16(ByteWriter *writer, uint16_t value);
extern void write_u32(ByteWriter *writer, uint32_t value);
extern void write_u64(ByteWriter *writer, uint64_t value);
extern void write_i32(ByteWriter *writer, int32_t value);
extern void write_i64(ByteWriter *writer, int64_t value);
extern void write_f64(ByteWriter *writer, double value);
extern void write_bytes(ByteWriter *writer, const void *data, size_t length);
/* text NULL: the NULL string */
extern void write_string(ByteWriter *writer, const char *text);
/* NaN payloads and signs are not kept. They poll. */
extern void write_u32_array(ByteWriter *writer, const uint32_t *values, size_t count);
extern void write_u64_array(ByteWriter *writer, const uint64_t *values, size_t count);
extern void write_f32_array(ByteWriter *writer, const float *values, size_t count);
extern void write_f64_array(ByteWriter *writer, const double *values, size_t count);
/* Overwrites bytes written before: lengths and checksums known only at the end. */
extern void writer_patch(ByteWriter *writer, size_t position, const void *data, size_t length);
/* Past this many bytes (beside the prefix) a writer fails with CORE_TOO_LARGE. */
#define WRITER_MAX_BYTES ((size_t) 256 * 1024 * 1024)

/* Little-endian bytes of a number, and back. */
extern void put_u32(uint8_t out[4], uint32_t value);
extern void put_u64(uint8_t out[8], uint64_t value);
extern uint32_t get_u32(const uint8_t in[4]);
extern uint64_t get_u64(const uint8_t in[8]);

/* Whether the bytes are UTF-8: no overlong form, surrogate, zero byte or code above U+10FFFF. */
extern bool utf8_valid(const void *data, size_t length);

#endif							/* FORMAT_BYTES_H */
