/*
 * features_json.c
 *	  A row of features from JSON; see features.h.
 *
 * Objects go by name: every feature must have its key, null is a missing value,
 * keys that no feature has are ignored.  Arrays go by position.  A key costs one
 * binary search among the object's keys.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/params.h"
#include "pg/compat.h"
#include "pg/value_category.h"
#include "pg/value_text.h"
#include "score/features.h"

static const char *
json_type(const JsonbValue *json)
{
	switch (json->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "a string";
		case jbvNumeric:
			return "a number";
		case jbvBool:
			return "a boolean";
		case jbvArray:
			return "an array";
		case jbvObject:
			return "an object";
		case jbvBinary:
			return JsonContainerIsArray(json->val.binary.data) ? "an array" : "an object";
		case jbvDatetime:
			return "a time";
	}
	return "a value";
}

static void pg_attribute_noreturn()
unfit_json(const Features *features, int i, const JsonbValue *json)
{
	const Feature *feature = &features->model->schema.features[i];

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s cannot be %s", features->what[i], json_type(json)),
			 errdetail("It was %s at training; expected is %s.", feature_type_name(feature),
					   feature_is_number_category(feature) || feature_is_boolean_category(feature) ? feature_expectation(feature) :
					   feature->kind == FEATURE_CATEGORICAL || feature->kind == FEATURE_TIMESTAMP ? "a string" :
					   feature_is_interval(feature) ? "a string such as \"1 day\", or seconds" :
					   feature_expectation(feature))));
}

static bool
is_boolean(const Feature *feature)
{
	return feature->kind == FEATURE_BOOLEAN || feature_is_boolean_category(feature);
}

/* As a column of the feature's type would hold it: real columns round. */
static double
json_number(const Feature *feature, Numeric numeric)
{
	double		number;
	int64		integer;

	value_numeric(NumericGetDatum(numeric), &number, &integer);
	return feature_is_single(feature) ? (double) (float) number : number;
}

static void
read_vector(Features *features, int i, const JsonbValue *json)
{
	const Feature *feature = &features->model->schema.features[i];
	JsonbContainer *container = json->val.binary.data;
	double	   *vector = features->scratch[i];
	uint32		count = JsonContainerSize(container);

	if (count != (uint32) feature->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %u elements instead of %d", features->what[i], count, feature->width)));
	for (uint32 j = 0; j < count; j++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(container, j);

		if (element->type == jbvNumeric)
			vector[j] = json_number(feature, element->val.numeric);
		else if (element->type == jbvNull)
			vector[j] = NAN;
		else if (element->type != jbvString ||
				 !number_from_text(feature, pnstrdup(element->val.string.val, element->val.string.len), &vector[j]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("element %u of %s cannot be %s", j + 1, features->what[i], json_type(element)),
					 errdetail("Expected is a number or null.")));
		pfree(element);
	}
	features->values[i].vector = vector;
}

static void
read_value(Features *features, int i, const JsonbValue *json)
{
	const Feature *feature = &features->model->schema.features[i];
	FeatureValue *value = &features->values[i];

	memset(value, 0, sizeof(*value));
	switch (json->type)
	{
		case jbvNull:
			value->missing = true;
			return;
		case jbvString:
			value_from_text(feature, pnstrdup(json->val.string.val, json->val.string.len), features->scratch[i], value,
							features->what[i]);
			return;
		case jbvNumeric:
			if (feature_is_number_category(feature))
			{
				category_from_numeric(feature, json->val.numeric, value);
				return;
			}
			if (feature->kind != FEATURE_NUMERIC && !is_boolean(feature))
				break;
			value->number = json_number(feature, json->val.numeric);
			if (is_boolean(feature) && value->number != 0 && value->number != 1)
				break;
			if (feature->kind == FEATURE_CATEGORICAL)
				category_from_boolean(value->number != 0, value);
			return;
		case jbvBool:
			if (!is_boolean(feature))
				break;
			value->number = json->val.boolean ? 1 : 0;
			if (feature->kind == FEATURE_CATEGORICAL)
				category_from_boolean(json->val.boolean, value);
			return;
		case jbvBinary:
			if (feature->kind != FEATURE_VECTOR || !JsonContainerIsArray(json->val.binary.data))
				break;
			read_vector(features, i, json);
			return;
		default:
			break;
	}
	unfit_json(features, i, json);
}

/* The keys of an object, to find the one that was meant. */
static const char *
nearest_key(JsonbContainer *object, const char *name)
{
	const char **keys = palloc(sizeof(char *) * Max(JsonContainerSize(object), 1));
	int			count = 0;
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	item;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(item.val.string.val, item.val.string.len);
		if (pg_strcasecmp(key, name) == 0)
			return key;
		keys[count++] = key;
	}
	return nearest_word(name, keys, count);
}

static void pg_attribute_noreturn()
missing_keys(const Features *features, JsonbContainer *object)
{
	const FeatureSchema *schema = &features->model->schema;
	StringInfoData list;
	const char *first = NULL;
	const char *nearest;
	int			count = 0;

	initStringInfo(&list);
	for (int i = 0; i < schema->count; i++)
	{
		const char *name = schema->features[i].name;

		if (getKeyJsonValueFromContainer(object, name, (int) strlen(name), NULL) != NULL)
			continue;
		if (first == NULL)
			first = name;
		appendStringInfo(&list, "%s\"%s\"", count++ > 0 ? ", " : "", name);
	}
	nearest = count == 1 ? nearest_key(object, first) : NULL;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 count == 1 ? errmsg("JSON object has no key %s, which model \"%s\" needs", list.data, features->model_name) :
			 errmsg("JSON object lacks %d keys that model \"%s\" needs: %s", count, features->model_name, list.data),
			 nearest != NULL ? errhint("Perhaps you meant key \"%s\".", nearest) :
			 errhint("Give null for a value that is not known.")));
}

static void
read_object(Features *features, JsonbContainer *object)
{
	const FeatureSchema *schema = &features->model->schema;

	for (int i = 0; i < schema->count; i++)
	{
		const char *name = schema->features[i].name;
		JsonbValue	json;

		if (getKeyJsonValueFromContainer(object, name, (int) strlen(name), &json) == NULL)
			missing_keys(features, object);
		read_value(features, i, &json);
	}
}

static void
read_array(Features *features, JsonbContainer *array)
{
	features_check_count(features, (int) JsonContainerSize(array));
	for (int i = 0; i < features->model->schema.count; i++)
	{
		JsonbValue *json = getIthJsonbValueFromContainer(array, (uint32) i);

		read_value(features, i, json);
	}
}

/* Whether an array is the one vector of a model rather than all its features. */
static bool
is_the_vector(const Features *features, JsonbContainer *array)
{
	const FeatureSchema *schema = &features->model->schema;

	return schema->count == 1 && schema->features[0].kind == FEATURE_VECTOR &&
		!(JsonContainerSize(array) == 1 && getIthJsonbValueFromContainer(array, 0)->type == jbvBinary);
}

const FeatureValue *
features_read_jsonb(Features *features, Jsonb *json)
{
	JsonbContainer *root = &json->root;

	if (JB_ROOT_IS_OBJECT(json))
		read_object(features, root);
	else if (JB_ROOT_IS_SCALAR(json))
	{
		JsonbValue	scalar;

		if (JsonbExtractScalar(root, &scalar) && scalar.type == jbvNull)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features of model \"%s\" cannot be given as a JSON scalar", features->model_name),
				 errhint("Pass a JSON object with a key for each feature, or an array in the order of mlops.features().")));
	}
	else if (is_the_vector(features, root))
	{
		JsonbValue	vector;

		vector.type = jbvBinary;
		vector.val.binary.data = root;
		vector.val.binary.len = VARSIZE(json) - VARHDRSZ;
		read_value(features, 0, &vector);
	}
	else
		read_array(features, root);
	return features->values;
}
