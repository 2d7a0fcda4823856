/*
 * params_json.c
 *	  Parameters between jsonb and a core ParamSet; see params_json.h.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "pg/params_json.h"
#include "pg/pg_env.h"

static double
jsonb_number(const JsonbValue *value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value->val.numeric)));
}

static CoreStatus
set_list(CoreEnv *env, ParamSet *set, const char *name, const JsonbValue *array)
{
	JsonbIterator *iterator = JsonbIteratorInit(array->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	element;
	int			capacity = JsonContainerSize(array->val.binary.data);
	double	   *list = palloc(sizeof(double) * Max(capacity, 1));
	int			length = 0;

	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvNumeric)
		{
			CORE_TRY(params_set_list(env, set, name, list, 0)); /* whether there is such a list at all */
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" of algorithm \"%s\" takes an array of numbers", name, set->owner)));
		}
		Assert(length < capacity);
		list[length++] = jsonb_number(&element);
	}
	return params_set_list(env, set, name, list, length);
}

/* {"class": weight, ...} */
static CoreStatus
set_weights(CoreEnv *env, ParamSet *set, const char *name, const JsonbValue *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			capacity = JsonContainerSize(object->val.binary.data);
	char	  **names = palloc(sizeof(char *) * Max(capacity, 1));
	double	   *list = palloc(sizeof(double) * Max(capacity, 1));
	int			length = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		names[length] = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvNumeric)
		{
			const double any = 1;

			CORE_TRY(params_set_weights(env, set, name, (const char *const *) &names[length], &any, 1));	/* whether it takes an object at all */
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" of algorithm \"%s\" takes numbers, but \"%s\" has another value", name, set->owner, names[length]),
					 errhint("Write it as {\"class\": 5, \"other class\": 1}.")));
		}
		list[length++] = jsonb_number(&value);
	}
	return params_set_weights(env, set, name, (const char *const *) names, list, length);
}

/* Lists and objects of names, where a text says the same: {"price": -1} as "price: -1". */
static CoreStatus
set_container(CoreEnv *env, ParamSet *set, const char *name, const JsonbValue *value)
{
	const ParamSpec *spec = params_find(set, name);

	if (spec != NULL && spec->type == PARAM_TEXT)
		return params_set_text(env, set, name, JsonbToCString(NULL, value->val.binary.data, value->val.binary.len));
	if (JsonContainerIsArray(value->val.binary.data))
		return set_list(env, set, name, value);
	return set_weights(env, set, name, value);
}

static CoreStatus
set_member(CoreEnv *env, ParamSet *set, const char *name, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return CORE_OK;
		case jbvNumeric:
			return params_set_number(env, set, name, jsonb_number(value));
		case jbvBool:
			return params_set_boolean(env, set, name, value->val.boolean);
		case jbvString:
			return params_set_text(env, set, name,
								   pnstrdup(value->val.string.val, value->val.string.len));
		case jbvBinary:
			return set_container(env, set, name, value);
		default:
			elog(ERROR, "unexpected jsonb value %d", (int) value->type);
	}
	return CORE_OK;
}

void
params_from_jsonb(CoreEnv *env, ParamSet *set, Jsonb *params)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(params))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of \"%s\" must be a JSON object", set->owner),
				 errhint("Write them as '{\"name\": value}'.")));

	iterator = JsonbIteratorInit(&params->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		token = JsonbIteratorNext(&iterator, &value, true);
		if (token != WJB_VALUE)
			elog(ERROR, "unexpected jsonb token %d", (int) token);
		pg_env_check(env, set_member(env, set,
									 pnstrdup(key.val.string.val, key.val.string.len), &value));
	}
}

void
json_append_number(StringInfo out, double value)
{
	if (isfinite(value))
		appendStringInfoString(out, double_to_shortest_decimal(value));
	else
		appendStringInfoString(out, "null");
}

static void
append_weights(StringInfo out, const ParamValue *value)
{
	if (value->text != NULL)
	{
		escape_json(out, value->text);
		return;
	}
	for (int i = 0; i < value->list_length; i++)
	{
		appendStringInfoString(out, i > 0 ? ", " : "{");
		escape_json(out, value->names[i]);
		appendStringInfoString(out, ": ");
		json_append_number(out, value->list[i]);
	}
	appendStringInfoChar(out, '}');
}

void
param_to_json(StringInfo out, const ParamSpec *spec, const ParamValue *value)
{
	switch (spec->type)
	{
		case PARAM_INTEGER:
		case PARAM_REAL:
			json_append_number(out, value->number);
			break;
		case PARAM_BOOLEAN:
			appendStringInfoString(out, value->number != 0 ? "true" : "false");
			break;
		case PARAM_CHOICE:
		case PARAM_TEXT:
			escape_json(out, value->text);
			break;
		case PARAM_REAL_LIST:
			appendStringInfoChar(out, '[');
			for (int k = 0; k < value->list_length; k++)
			{
				if (k > 0)
					appendStringInfoString(out, ", ");
				json_append_number(out, value->list[k]);
			}
			appendStringInfoChar(out, ']');
			break;
		case PARAM_WEIGHTS:
			append_weights(out, value);
			break;
	}
}

void
params_to_json(StringInfo out, const ParamSet *set)
{
	const char *separator = "";

	appendStringInfoChar(out, '{');
	for (int i = 0; i < set->count; i++)
	{
		const ParamSpec *spec = &set->specs[i];
		const ParamValue *value = &set->values[i];

		if (spec->type == PARAM_TEXT ? value->text == NULL :
			spec->type == PARAM_WEIGHTS ? false :
			spec->type == PARAM_REAL_LIST ? value->list_length == 0 :
			spec->type == PARAM_CHOICE ? value->text == NULL : isnan(value->number))
			continue;

		appendStringInfoString(out, separator);
		separator = ", ";
		escape_json(out, spec->name);
		appendStringInfoString(out, ": ");
		param_to_json(out, spec, value);
	}
	appendStringInfoChar(out, '}');
}

void
json_check_keys(Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY &&
			(value.val.string.len == 0 || pg_mbstrlen_with_len(value.val.string.val, value.val.string.len) > JSON_MAX_KEY))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a key has 1 to %d characters", JSON_MAX_KEY)));
}
