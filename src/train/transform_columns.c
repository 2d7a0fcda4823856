/*
 * transform_columns.c
 *	  What the `transform` argument says of columns before they are read, and
 *	  what is made of their options afterwards; see transform_options.h.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "core/schema.h"
#include "pg/encoding.h"
#include "train/transform_options.h"

char **
transform_options_references(Jsonb *transform, int *count)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			depth = 0;
	char	  **names = NULL;

	*count = 0;
	if (transform == NULL)
		return NULL;
	names = palloc0(sizeof(char *) * Max(JB_ROOT_COUNT(transform), 1));
	iterator = JsonbIteratorInit(&transform->root);
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool		age;

		if (token == WJB_BEGIN_OBJECT || token == WJB_BEGIN_ARRAY)
			depth++;
		else if (token == WJB_END_OBJECT || token == WJB_END_ARRAY)
			depth--;
		if (token != WJB_KEY || depth != 2)
			continue;
		age = value.val.string.len == 3 && memcmp(value.val.string.val, "age", 3) == 0;
		token = JsonbIteratorNext(&iterator, &value, true);
		if (age && token == WJB_VALUE && value.type == jbvString)
			names[(*count)++] = pnstrdup(value.val.string.val, value.val.string.len);
	}
	return names;
}

char **
transform_options_categories(Jsonb *transform, int *count)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	char	  **names = NULL;

	*count = 0;
	if (transform == NULL || !JB_ROOT_IS_OBJECT(transform))
		return NULL;
	names = palloc0(sizeof(char *) * Max(JB_ROOT_COUNT(transform), 1));
	iterator = JsonbIteratorInit(&transform->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue	value;
		JsonbValue	buffer;
		const JsonbValue *kind = &value;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
			kind = getKeyJsonValueFromContainer(value.val.binary.data, "kind", strlen("kind"), &buffer);
		if (kind != NULL && kind->type == jbvString && kind->val.string.len == strlen("categorical") &&
			memcmp(kind->val.string.val, "categorical", kind->val.string.len) == 0)
			names[(*count)++] = pnstrdup(key.val.string.val, key.val.string.len);
	}
	return names;
}

void
transform_check_reference(const FeatureSchema *schema, int feature, FeatureOptions *options, bool by_default)
{
	int			reference;

	if (options->reference == NULL)
		return;
	reference = schema_find(schema, options->reference);
	if (reference == feature && by_default)
	{
		/* a default for all times leaves out the one that the others refer to */
		options->reference = NULL;
		options->parts &= ~(unsigned) PART_AGE;
		return;
	}
	if (reference < 0 || reference == feature || schema->features[reference].kind != FEATURE_TIMESTAMP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the age of \"%s\" in argument \"transform\" cannot refer to \"%s\"",
						schema->features[feature].name, options->reference),
				 errhint("Name another date or timestamp column that is a feature.")));
}

void
transform_options_to_utf8(FeatureOptions *options)
{
	char	  **order = options->order;

	options->impute_text = encoding_text_to_utf8(options->impute_text);
	options->reference = encoding_text_to_utf8(options->reference);
	if (order == NULL)
		return;
	options->order = palloc(sizeof(char *) * options->order_length);
	for (int i = 0; i < options->order_length; i++)
		options->order[i] = encoding_text_to_utf8(order[i]);
}
