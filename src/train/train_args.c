/*
 * train_args.c
 *	  The arguments of a training: read, checked, recorded.
 *
 * They come from a call (mlops.train, mlops.cross_validate, mlops.tune) or from
 * the record of an earlier one (mlops.verify).  What can be wrong without looking
 * at the data is refused here, before the source query runs.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "pg/column_names.h"
#include "pg/params_json.h"
#include "train/train.h"

static const char *const argument_names[TRAIN_ARG_COUNT] = {
	"model", "source", "target", "algorithm", "params", "features", "exclude", "key", "weight",
	"task", "positive", "threshold", "calibrate", "split", "transform", "seed", "tags", "snapshot"
};

void
train_input_from_call(TrainInput *input, FunctionCallInfo fcinfo, const char *function, const TrainArgument *order, int count)
{
	memset(input, 0, sizeof(*input));
	input->function = function;
	memset(input->nulls, true, sizeof(input->nulls));
	/* the script of an older version declares fewer, until ALTER EXTENSION UPDATE */
	for (int i = 0; i < Min(count, PG_NARGS()); i++)
	{
		if (order[i] != TRAIN_ARG_COUNT && !PG_ARGISNULL(i))
			train_input_set(input, order[i], PG_GETARG_DATUM(i));
	}
}

void
train_input_set(TrainInput *input, TrainArgument argument, Datum value)
{
	input->values[argument] = value;
	input->nulls[argument] = false;
}

static Datum
recorded_array(const JsonbValue *value)
{
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	element;

	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM && element.type == jbvString)
			state = accumArrayResult(state, PointerGetDatum(cstring_to_text_with_len(element.val.string.val, element.val.string.len)),
									 false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

static bool
recorded_value(TrainArgument argument, JsonbValue *value, Datum *datum)
{
	switch (argument)
	{
		case TRAIN_ARG_PARAMS:
		case TRAIN_ARG_THRESHOLD:
		case TRAIN_ARG_SPLIT:
		case TRAIN_ARG_TRANSFORM:
		case TRAIN_ARG_TAGS:
			*datum = JsonbPGetDatum(JsonbValueToJsonb(value));
			return true;
		case TRAIN_ARG_FEATURES:
		case TRAIN_ARG_EXCLUDE:
			if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
				return false;
			*datum = recorded_array(value);
			return true;
		case TRAIN_ARG_SEED:
			if (value->type != jbvNumeric)
				return false;
			*datum = DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
			return true;
		default:
			if (value->type != jbvString)
				return false;
			*datum = PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
			return true;
	}
}

void
train_input_from_record(TrainInput *input, Jsonb *record, const char *function)
{
	memset(input, 0, sizeof(*input));
	input->function = function;
	memset(input->nulls, true, sizeof(input->nulls));
	for (int i = 0; i < TRAIN_ARG_COUNT; i++)
	{
		JsonbValue *value = getKeyJsonValueFromContainer(&record->root, argument_names[i], strlen(argument_names[i]), NULL);

		if (value == NULL || value->type == jbvNull)
			continue;
		if (!recorded_value(i, value, &input->values[i]))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("recorded argument \"%s\" has an unexpected type", argument_names[i])));
		input->nulls[i] = false;
	}
}

static char *
text_argument(const TrainInput *input, int i)
{
	return input->nulls[i] ? NULL : text_to_cstring(DatumGetTextPP(input->values[i]));
}

static void
require_argument(const TrainInput *input, int i)
{
	if (input->nulls[i])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of %s must not be null", argument_names[i], input->function)));
}

static char **
name_array(const TrainInput *input, int i, int *count)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	char	  **names;

	*count = 0;
	if (input->nulls[i])
		return NULL;
	array = DatumGetArrayTypeP(input->values[i]);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	names = palloc0(sizeof(char *) * Max(*count, 1));
	for (int k = 0; k < *count; k++)
	{
		if (nulls[k])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" of %s must not contain null", argument_names[i], input->function)));
		names[k] = TextDatumGetCString(elements[k]);
	}
	return names;
}

static double
json_number(const JsonbValue *value, const char *what, double low, double high)
{
	double		number;

	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a number", what)));
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value->val.numeric)));
	if (!(number >= low && number <= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %g and %g, not %g", what, low, high, number)));
	return number;
}

static char *
json_string(const JsonbValue *value, const char *what)
{
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a string", what)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Unknown member of a JSON argument: names the nearest known one. */
static void
unknown_member(const char *argument, const char *member, const char *const *known, int nknown)
{
	const char *near = nearest_word(member, known, nknown);
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < nknown; i++)
		appendStringInfo(&all, "%s%s", i > 0 ? ", " : "", known[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not known in argument \"%s\"", member, argument),
			 near != NULL ? errhint("Did you mean \"%s\"? Known are: %s.", near, all.data)
			 : errhint("Known are: %s.", all.data)));
}

#define THRESHOLD_HINT "Write threshold => '0.3', '{\"method\": \"f1\"}' or '{\"cost_fp\": 1, \"cost_fn\": 9}'."

static void
threshold_word(TrainArguments *arguments, const JsonbValue *value)
{
	char	   *word = json_string(value, "threshold");

	if (pg_strcasecmp(word, "f1") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold \"%s\" is not known", word),
				 errhint(THRESHOLD_HINT)));
	arguments->threshold_rule = THRESHOLD_F1;
}

static void
read_threshold(TrainArguments *arguments, Jsonb *json)
{
	static const char *const members[] = {"method", "cost_fp", "cost_fn"};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	arguments->threshold_given = true;
	if (JB_ROOT_IS_SCALAR(json))
	{
		JsonbExtractScalar(&json->root, &value);
		if (value.type == jbvString)
		{
			threshold_word(arguments, &value);
			return;
		}
		arguments->threshold = json_number(&value, "threshold", 0, 1);
		return;
	}
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold cannot be a JSON array"),
				 errhint(THRESHOLD_HINT)));

	arguments->cost_fp = arguments->cost_fn = 1;
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = json_string(&value, "threshold");
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (strcmp(name, "method") == 0)
			threshold_word(arguments, &value);
		else if (strcmp(name, "cost_fp") == 0)
			arguments->cost_fp = json_number(&value, "cost_fp", 0, 1e300);
		else if (strcmp(name, "cost_fn") == 0)
			arguments->cost_fn = json_number(&value, "cost_fn", 0, 1e300);
		else
			unknown_member("threshold", name, members, lengthof(members));
	}
	if (JB_ROOT_COUNT(json) == 0 || (arguments->threshold_rule == THRESHOLD_F1 && JB_ROOT_COUNT(json) > 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold takes a method or costs"),
				 errhint(THRESHOLD_HINT)));
	if (arguments->threshold_rule == THRESHOLD_F1)
		return;
	arguments->threshold_rule = THRESHOLD_COST;
	if (arguments->cost_fp + arguments->cost_fn <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cost_fp and cost_fn cannot both be zero")));
}

static SplitMethod
split_method(const char *word)
{
	static const char *const words[] = {"none", "hash", "stratified", "group", "time", "column"};
	static const SplitMethod methods[] = {
		SPLIT_NONE, SPLIT_HASH, SPLIT_STRATIFIED, SPLIT_GROUP, SPLIT_TIME, SPLIT_COLUMN
	};

	for (int i = 0; i < (int) lengthof(words); i++)
		if (pg_strcasecmp(word, words[i]) == 0)
			return methods[i];
	unknown_member("split", word, words, lengthof(words));
	return SPLIT_NONE;
}

/* Local time as text into microseconds; timestamps of sources are read as local time too. */
static int64
parse_cutoff(char *text)
{
	return DatumGetTimestamp(DirectFunctionCall3(timestamp_in, CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static void
check_split(const SplitSpec *split, bool has_cutoff)
{
	const char *method = split_method_name(split->method);
	bool		needs_column = split->method == SPLIT_GROUP || split->method == SPLIT_TIME ||
		split->method == SPLIT_COLUMN;

	if (needs_column && split->column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"%s\" needs a column", method),
				 errhint("Write split => '{\"method\": \"%s\", \"column\": \"...\"}'.", method)));
	if (!needs_column && split->column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"%s\" takes no column", method)));
	if (has_cutoff && split->method != SPLIT_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"%s\" takes no cutoff", method)));
	if (split->refit && split->method == SPLIT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"none\" leaves nothing to refit")));
}

/* *given: the rows to hold out are told, by a fraction or a cutoff */
static void
read_split(SplitSpec *split, Jsonb *json, bool *given)
{
	static const char *const members[] = {"method", "test", "column", "cutoff", "sample", "refit"};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		has_cutoff = false;
	bool		has_test = false;

	if (json == NULL)
		return;
	if (JB_ROOT_IS_SCALAR(json))
	{
		JsonbExtractScalar(&json->root, &value);
		if (value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("split must be a JSON object or the name of a method"),
					 errhint("Write split => '{\"test\": 0.3}' to hold out another share of the rows.")));
		split->method = split_method(json_string(&value, "split"));
		check_split(split, false);
		if (split->method == SPLIT_NONE)
			split->test = 0;
		return;
	}
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split must be a JSON object or the name of a method")));

	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = json_string(&value, "split");
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (strcmp(name, "method") == 0)
			split->method = split_method(json_string(&value, "split method"));
		else if (strcmp(name, "test") == 0)
		{
			split->test = json_number(&value, "split test", 0, 0.95);
			has_test = true;
		}
		else if (strcmp(name, "sample") == 0)
			split->sample = json_number(&value, "split sample", 1e-9, 1);
		else if (strcmp(name, "column") == 0)
			split->column = json_string(&value, "split column");
		else if (strcmp(name, "cutoff") == 0)
		{
			split->cutoff = parse_cutoff(json_string(&value, "split cutoff"));
			has_cutoff = true;
		}
		else if (strcmp(name, "refit") == 0)
		{
			if (value.type != jbvBool)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("split refit must be true or false")));
			split->refit = value.val.boolean;
		}
		else
			unknown_member("split", name, members, lengthof(members));
	}
	*given = has_cutoff || has_test;
	check_split(split, has_cutoff);
	if (has_cutoff && has_test)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split takes a cutoff or a test fraction, not both")));
	if (has_cutoff || split->method == SPLIT_NONE || split->method == SPLIT_COLUMN)
		split->test = 0;
}

/* "classification" is multiclass, which becomes binary when the target has two classes. */
static Task
read_task(const char *word)
{
	static const char *const words[] = {
		"regression", "binary", "multiclass", "classification", "clustering", "anomaly"
	};
	static const Task tasks[] = {
		TASK_REGRESSION, TASK_BINARY, TASK_MULTICLASS, TASK_MULTICLASS, TASK_CLUSTERING, TASK_ANOMALY
	};

	for (int i = 0; i < (int) lengthof(words); i++)
		if (pg_strcasecmp(word, words[i]) == 0)
			return tasks[i];
	unknown_member("task", word, words, lengthof(words));
	return TASK_REGRESSION;
}

static CalibrationMethod
read_calibrate(const char *word)
{
	static const char *const words[] = {"platt", "isotonic", "none"};

	if (pg_strcasecmp(word, "platt") == 0)
		return CALIBRATE_PLATT;
	if (pg_strcasecmp(word, "isotonic") == 0)
		return CALIBRATE_ISOTONIC;
	if (pg_strcasecmp(word, "none") == 0)
		return CALIBRATE_NONE;
	unknown_member("calibrate", word, words, lengthof(words));
	return CALIBRATE_NONE;
}

/* Every argument that is not null as one JSON object. */
static char *
record_arguments(const TrainInput *input, const TrainArguments *arguments)
{
	StringInfoData out;
	const char *separator = "";

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	for (int i = 0; i < TRAIN_ARG_COUNT; i++)
	{
		if (input->nulls[i])
			continue;
		appendStringInfoString(&out, separator);
		separator = ", ";
		escape_json(&out, argument_names[i]);
		appendStringInfoString(&out, ": ");
		switch (i)
		{
			case TRAIN_ARG_PARAMS:
			case TRAIN_ARG_THRESHOLD:
			case TRAIN_ARG_SPLIT:
			case TRAIN_ARG_TRANSFORM:
			case TRAIN_ARG_TAGS:
				{
					Jsonb	   *json = DatumGetJsonbP(input->values[i]);

					appendStringInfoString(&out, JsonbToCString(NULL, &json->root, VARSIZE(json)));
					break;
				}
			case TRAIN_ARG_FEATURES:
			case TRAIN_ARG_EXCLUDE:
				{
					int			count;
					char	  **names = name_array(input, i, &count);

					appendStringInfoChar(&out, '[');
					for (int k = 0; k < count; k++)
					{
						if (k > 0)
							appendStringInfoString(&out, ", ");
						escape_json(&out, names[k]);
					}
					appendStringInfoChar(&out, ']');
					break;
				}
			case TRAIN_ARG_SEED:
				appendStringInfo(&out, INT64_FORMAT, DatumGetInt64(input->values[i]));
				break;
			case TRAIN_ARG_SNAPSHOT:
				escape_json(&out, arguments->snapshot);
				break;
			default:
				escape_json(&out, text_argument(input, i));
		}
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

static void
read_tags(TrainArguments *arguments, Jsonb *tags)
{
	if (!JB_ROOT_IS_OBJECT(tags))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tags must be a JSON object")));
	json_check_keys(tags);
	arguments->tags_json = JsonbToCString(NULL, &tags->root, VARSIZE(tags));
}

/* The name as it means the same on any search_path; a new table goes where CREATE TABLE would put it. */
static char *
qualified_name(text *name)
{
	RangeVar   *relation = makeRangeVarFromNameList(textToQualifiedNameList(name));
	char	   *schema = relation->schemaname;

	if (schema == NULL)
		schema = get_namespace_name(RangeVarGetCreationNamespace(relation));
	return quote_qualified_identifier(schema, relation->relname);
}

/* Clustering and anomaly have no target; what is asked for must fit.  Settles the task where the algorithm leaves no choice. */
static void
check_target(const TrainInput *input, TrainArguments *arguments)
{
	const uint32 without_target = (1u << TASK_CLUSTERING) | (1u << TASK_ANOMALY);
	const Algorithm *algorithm = arguments->algorithm;
	bool		asks_without;

	if (arguments->task == 0 && algorithm->tasks == (1u << TASK_CLUSTERING))
		arguments->task = TASK_CLUSTERING;
	else if (arguments->task == 0 && algorithm->tasks == (1u << TASK_ANOMALY))
		arguments->task = TASK_ANOMALY;
	asks_without = arguments->task != 0 && ((1u << arguments->task) & without_target) != 0;

	if (asks_without && (algorithm->tasks & (1u << arguments->task)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" does not do %s", algorithm->name, task_name(arguments->task)),
				 errhint("The view mlops.algorithms shows the tasks of each algorithm.")));
	if (arguments->target != NULL && asks_without)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s has no target", task_name(arguments->task)),
				 errhint("Leave argument target out, and put a column that is no feature into exclude.")));
	if (asks_without && !input->nulls[TRAIN_ARG_POSITIVE])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s has no positive class", task_name(arguments->task))));
	if (arguments->task != 0 && !asks_without && (algorithm->tasks & ~without_target) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" does not do %s", algorithm->name, task_name(arguments->task)),
				 errhint("It has no target: leave argument task out.")));
	if (arguments->target == NULL && !asks_without &&
		(arguments->task != 0 || (algorithm->tasks & without_target) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of %s must not be null", argument_names[TRAIN_ARG_TARGET], input->function),
				 errhint("Name the column to predict: target => 'column'.")));
}

void
train_arguments_read(CoreEnv *env, const TrainInput *input, TrainArguments *arguments)
{
	static const int required[] = {TRAIN_ARG_MODEL, TRAIN_ARG_SOURCE, TRAIN_ARG_ALGORITHM, TRAIN_ARG_PARAMS, TRAIN_ARG_SEED, TRAIN_ARG_TAGS};

	memset(arguments, 0, sizeof(*arguments));
	for (int i = 0; i < (int) lengthof(required); i++)
		require_argument(input, required[i]);

	arguments->model = text_argument(input, TRAIN_ARG_MODEL);
	arguments->source = text_argument(input, TRAIN_ARG_SOURCE);
	arguments->target = text_argument(input, TRAIN_ARG_TARGET);
	arguments->features = name_array(input, TRAIN_ARG_FEATURES, &arguments->nfeatures);
	arguments->exclude = name_array(input, TRAIN_ARG_EXCLUDE, &arguments->nexclude);
	arguments->key = text_argument(input, TRAIN_ARG_KEY);
	if (arguments->key != NULL)
		arguments->keys = column_names_split(arguments->key, &arguments->nkeys);
	arguments->weight = text_argument(input, TRAIN_ARG_WEIGHT);
	arguments->positive = text_argument(input, TRAIN_ARG_POSITIVE);
	arguments->seed = (uint64) DatumGetInt64(input->values[TRAIN_ARG_SEED]);

	pg_env_check(env, algorithm_lookup(env, text_argument(input, TRAIN_ARG_ALGORITHM),
									   &arguments->algorithm));
	pg_env_check(env, params_init(env, &arguments->params, arguments->algorithm->name,
								  arguments->algorithm->params));
	params_from_jsonb(env, &arguments->params, DatumGetJsonbP(input->values[TRAIN_ARG_PARAMS]));

	if (!input->nulls[TRAIN_ARG_TASK])
		arguments->task = read_task(text_argument(input, TRAIN_ARG_TASK));
	check_target(input, arguments);
	arguments->threshold = 0.5;
	if (!input->nulls[TRAIN_ARG_THRESHOLD])
		read_threshold(arguments, DatumGetJsonbP(input->values[TRAIN_ARG_THRESHOLD]));
	if (!input->nulls[TRAIN_ARG_CALIBRATE])
		arguments->calibrate = read_calibrate(text_argument(input, TRAIN_ARG_CALIBRATE));

	arguments->split.method = SPLIT_HASH;
	arguments->split.test = 0.2;
	arguments->split.sample = 1;
	arguments->split.seed = arguments->seed;
	arguments->split.key = arguments->key;
	read_split(&arguments->split, input->nulls[TRAIN_ARG_SPLIT] ? NULL : DatumGetJsonbP(input->values[TRAIN_ARG_SPLIT]),
			   &arguments->holdout_given);

	if (!input->nulls[TRAIN_ARG_TRANSFORM])
		arguments->transform = DatumGetJsonbP(input->values[TRAIN_ARG_TRANSFORM]);
	read_tags(arguments, DatumGetJsonbP(input->values[TRAIN_ARG_TAGS]));
	if (!input->nulls[TRAIN_ARG_SNAPSHOT])
		arguments->snapshot = qualified_name(DatumGetTextPP(input->values[TRAIN_ARG_SNAPSHOT]));
	arguments->arguments_json = record_arguments(input, arguments);
}
