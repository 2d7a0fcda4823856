/*
 * json_writer.h
 *	  Writing JSON text: strings in UTF-8, commas and quotes where they belong.
 *	  Private to src/format.
 *
 * NaN becomes null and infinities become "Infinity" and "-Infinity", as in
 * PostgreSQL's to_jsonb.  Numbers take the fewest digits that read back as the
 * same double.  Lists of more than JSON_LIST_MAX elements are written as
 * {"length": n, "first": [...]}.
 */
#ifndef FORMAT_JSON_WRITER_H
#define FORMAT_JSON_WRITER_H

#include "format/bytes.h"

#define JSON_LIST_MAX 1000
#define JSON_LIST_FIRST 10

typedef struct JsonWriter
{
	ByteWriter	out;
	bool		comma;			/* a value was written at this level */
} JsonWriter;

extern void json_init(JsonWriter *json, CoreEnv *env);
/* The text, zero-terminated. */
extern CoreStatus json_finish(JsonWriter *json, char **text);

/* `key` NULL: an element of a list. */
extern void json_open(JsonWriter *json, const char *key, char bracket);	/* '{' or '[' */
extern void json_close(JsonWriter *json, char bracket); /* '}' or ']' */
extern void json_string(JsonWriter *json, const char *key, const char *text);	/* NULL: null */
extern void json_string_length(JsonWriter *json, const char *key, const char *text, size_t length);
extern void json_number(JsonWriter *json, const char *key, double number);
extern void json_integer(JsonWriter *json, const char *key, int64_t number);
extern void json_boolean(JsonWriter *json, const char *key, bool value);
extern void json_null(JsonWriter *json, const char *key);

/* Lists through a callback that writes element i. */
typedef void (*JsonElement) (JsonWriter *json, const void *list, int64_t i);
extern void json_list(JsonWriter *json, const char *key, const void *list, int64_t length, JsonElement element);
extern void json_numbers(JsonWriter *json, const char *key, const double *numbers, int64_t length);
extern void json_strings(JsonWriter *json, const char *key, char *const *strings, int64_t length);

#endif							/* FORMAT_JSON_WRITER_H */
