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
extern size_t reader_left(const ByteReader *reader);

extern void writer_init(ByteWriter *writer, CoreEnv *env, size_t reserved_prefix);
extern void write_u8(ByteWriter *writer, uint8_t value);
extern void write_u16(ByteWriter *writer, uint16_t value);
extern void write_u32(ByteWriter *writer, uint32_t value);
extern void write_u64(ByteWriter *writer, uint64_t value);
extern void write_i32(ByteWriter *writer, int32_t value);
extern void write_i64(ByteWriter *writer, int64_t value);
extern void write_f64(ByteWriter *writer, double value);
extern void write_bytes(ByteWriter *writer, const void *data, size_t length);
extern void write_string(ByteWriter *writer, const char *text);

#endif							/* FORMAT_BYTES_H */
