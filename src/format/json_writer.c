/*
 * json_writer.c
 *	  Writing JSON text; see json_writer.h.  Linear in the text written.
 */
#include "format/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void
json_init(JsonWriter *json, CoreEnv *env)
{
	writer_init(&json->out, env, 0);
	json->comma = false;
}

CoreStatus
json_finish(JsonWriter *json, char **text)
{
	write_u8(&json->out, '\0');
	*text = (char *) json->out.data;
	return json->out.status;
}

static void
put_text(JsonWriter *json, const char *text)
{
	write_bytes(&json->out, text, strlen(text));
}

/* Control characters, quotes and backslashes are escaped; UTF-8 stands as it is. */
static void
put_quoted(JsonWriter *json, const char *text, size_t length)
{
	size_t		plain = 0;		/* start of what needs no escape */
	char		escape[8];

	put_text(json, "\"");
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		write_bytes(&json->out, text + plain, i - plain);
		if (c < 0x20)
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		else
			snprintf(escape, sizeof(escape), "\\%c", c);
		put_text(json, escape);
		plain = i + 1;
	}
	write_bytes(&json->out, text + plain, length - plain);
	put_text(json, "\"");
}

/* What comes before a value. */
static void
begin_value(JsonWriter *json, const char *key)
{
	if (json->comma)
		put_text(json, ", ");
	if (key != NULL)
	{
		put_quoted(json, key, strlen(key));
		put_text(json, ": ");
	}
	json->comma = true;
}

void
json_open(JsonWriter *json, const char *key, char bracket)
{
	begin_value(json, key);
	write_u8(&json->out, (uint8_t) bracket);
	json->comma = false;
}

void
json_close(JsonWriter *json, char bracket)
{
	write_u8(&json->out, (uint8_t) bracket);
	json->comma = true;
}

void
json_string_length(JsonWriter *json, const char *key, const char *text, size_t length)
{
	begin_value(json, key);
	put_quoted(json, text, length);
}

void
json_string(JsonWriter *json, const char *key, const char *text)
{
	if (text == NULL)
		json_null(json, key);
	else
		json_string_length(json, key, text, strlen(text));
}

void
json_number(JsonWriter *json, const char *key, double number)
{
	char		text[32];
	double		again = 0;

	if (isnan(number))
	{
		json_null(json, key);
		return;
	}
	if (isinf(number))
	{
		json_string(json, key, number > 0 ? "Infinity" : "-Infinity");
		return;
	}
	for (int digits = 15; digits <= 17; digits++)
	{
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (sscanf(text, "%lf", &again) == 1 && again == number)
			break;
	}
	begin_value(json, key);
	put_text(json, text);
}

void
json_integer(JsonWriter *json, const char *key, int64_t number)
{
	char		text[32];

	snprintf(text, sizeof(text), "%" PRId64, number);
	begin_value(json, key);
	put_text(json, text);
}

void
json_boolean(JsonWriter *json, const char *key, bool value)
{
	begin_value(json, key);
	put_text(json, value ? "true" : "false");
}

void
json_null(JsonWriter *json, const char *key)
{
	begin_value(json, key);
	put_text(json, "null");
}

void
json_list(JsonWriter *json, const char *key, const void *list, int64_t length, JsonElement element)
{
	bool		whole = length <= JSON_LIST_MAX;

	if (!whole)
	{
		json_open(json, key, '{');
		json_integer(json, "length", length);
		key = "first";
	}
	json_open(json, key, '[');
	for (int64_t i = 0; i < (whole ? length : JSON_LIST_FIRST); i++)
	{
		env_poll(json->out.env);
		element(json, list, i);
	}
	json_close(json, ']');
	if (!whole)
		json_close(json, '}');
}

static void
number_element(JsonWriter *json, const void *list, int64_t i)
{
	json_number(json, NULL, ((const double *) list)[i]);
}

static void
string_element(JsonWriter *json, const void *list, int64_t i)
{
	json_string(json, NULL, ((char *const *) list)[i]);
}

void
json_numbers(JsonWriter *json, const char *key, const double *numbers, int64_t length)
{
	json_list(json, key, numbers, length, number_element);
}

void
json_strings(JsonWriter *json, const char *key, char *const *strings, int64_t length)
{
	json_list(json, key, strings, length, string_element);
}
