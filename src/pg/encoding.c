/*
 * encoding.c
 *	  Text of models and of the database; see encoding.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "pg/encoding.h"

typedef char *(*Converter) (char *text);

static bool
same_encoding(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

static bool
is_plain(const char *text, int length)
{
	for (int i = 0; i < length; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

const char *
encoding_to_utf8(const char *text, int length, int *converted_length)
{
	const char *converted = text;

	*converted_length = length;
	if (same_encoding() || is_plain(text, length))
		return text;
	converted = pg_server_to_any(text, length, PG_UTF8);
	if (converted != text)
		*converted_length = (int) strlen(converted);
	return converted;
}

char *
encoding_text_to_utf8(char *text)
{
	if (text == NULL || same_encoding() || is_plain(text, (int) strlen(text)))
		return text;
	return pg_server_to_any(text, (int) strlen(text), PG_UTF8);
}

char *
encoding_text_from_utf8(char *text)
{
	if (text == NULL || same_encoding() || is_plain(text, (int) strlen(text)))
		return text;
	return pg_any_to_server(text, (int) strlen(text), PG_UTF8);
}

const char *
encoding_message(const char *message)
{
	int			length = (int) strlen(message);

	if (same_encoding() || is_plain(message, length) || !pg_verify_mbstr(PG_UTF8, message, length, true))
		return message;
	return pg_any_to_server(message, length, PG_UTF8);
}

static void
convert_params(ParamSet *params, Converter convert)
{
	for (int i = 0; i < params->count; i++)
	{
		ParamValue *value = &params->values[i];
		char	  **names = value->names;

		value->text = convert(value->text);
		if (names == NULL || same_encoding())
			continue;
		value->names = palloc(sizeof(char *) * value->list_length);
		for (int k = 0; k < value->list_length; k++)
			value->names[k] = convert(names[k]);
	}
}

static void
convert_split(SplitSpec *split, Converter convert)
{
	split->key = convert(split->key);
	split->row_columns = convert(split->row_columns);
	split->column = convert(split->column);
}

void
params_text_to_utf8(ParamSet *params)
{
	convert_params(params, encoding_text_to_utf8);
}

void
params_text_from_utf8(ParamSet *params)
{
	convert_params(params, encoding_text_from_utf8);
}

void
split_text_to_utf8(SplitSpec *split)
{
	convert_split(split, encoding_text_to_utf8);
}

void
model_text_from_utf8(Model *model)
{
	if (same_encoding())
		return;
	model->target.name = encoding_text_from_utf8(model->target.name);
	model->target.type_name = encoding_text_from_utf8(model->target.type_name);
	for (int i = 0; i < model->schema.count; i++)
	{
		Feature    *feature = &model->schema.features[i];

		feature->name = encoding_text_from_utf8(feature->name);
		feature->type_name = encoding_text_from_utf8(feature->type_name);
	}
	for (int i = 0; i < model->target.nclasses; i++)
		model->target.classes[i] = encoding_text_from_utf8(model->target.classes[i]);
	for (int i = 0; i < model->transform->nterms; i++)
		model->transform->terms[i].name = encoding_text_from_utf8(model->transform->terms[i].name);
	convert_params(&model->params, encoding_text_from_utf8);
	convert_split(&model->split, encoding_text_from_utf8);
}
