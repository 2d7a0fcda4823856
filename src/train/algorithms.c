/*
 * algorithms.c
 *	  mlops.algorithm_parameters(): the parameter tables of all algorithms as rows.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/algorithm.h"
#include "pg/compat.h"

PG_FUNCTION_INFO_V1(mlops_algorithm_parameters);

static const char *const type_names[] = {
	[PARAM_INTEGER] = "integer",
	[PARAM_REAL] = "real",
	[PARAM_BOOLEAN] = "boolean",
	[PARAM_CHOICE] = "choice",
	[PARAM_TEXT] = "text",
	[PARAM_REAL_LIST] = "array of real",
	[PARAM_WEIGHTS] = "choice or object"
};

/* "a|b|c" as text[]. */
static Datum
words_array(const char *words)
{
	ArrayBuildState *state = NULL;
	char	   *copy = pstrdup(words);
	char	   *save = NULL;

	for (char *word = strtok_r(copy, "|", &save); word != NULL; word = strtok_r(NULL, "|", &save))
		state = accumArrayResult(state, CStringGetTextDatum(word), false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

static Datum
tasks_array(unsigned tasks)
{
	ArrayBuildState *state = NULL;

	for (int task = TASK_REGRESSION; task <= TASK_ANOMALY; task++)
		if (tasks & (1u << task))
			state = accumArrayResult(state, CStringGetTextDatum(task_name((Task) task)), false, TEXTOID,
									 CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

/* The default as a user would write it, or NULL when the data decide. */
static char *
default_text(const ParamSpec *spec)
{
	char	   *choices;
	char	   *save = NULL;
	char	   *word;

	switch (spec->type)
	{
		case PARAM_BOOLEAN:
			return isnan(spec->default_number) ? NULL : pstrdup(spec->default_number != 0 ? "true" : "false");
		case PARAM_CHOICE:
		case PARAM_WEIGHTS:
			if (isnan(spec->default_number))
				return NULL;
			choices = pstrdup(spec->choices);
			word = strtok_r(choices, "|", &save);
			for (int i = 0; i < (int) spec->default_number && word != NULL; i++)
				word = strtok_r(NULL, "|", &save);
			return word;
		case PARAM_INTEGER:
		case PARAM_REAL:
			return isnan(spec->default_number) ? NULL : double_to_shortest_decimal(spec->default_number);
		default:
			return NULL;
	}
}

static void
put_parameter(ReturnSetInfo *result, const Algorithm *algorithm, const ParamSpec *spec)
{
	Datum		values[11];
	bool		nulls[11] = {false};
	bool		ranged;
	char	   *text;

	values[0] = CStringGetTextDatum(algorithm->name);
	values[1] = CStringGetTextDatum(algorithm->summary);
	values[2] = tasks_array(algorithm->tasks);
	if (spec == NULL)
	{
		memset(nulls + 3, true, sizeof(nulls) - 3);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		return;
	}
	ranged = spec->type == PARAM_INTEGER || spec->type == PARAM_REAL || spec->type == PARAM_REAL_LIST ||
		spec->type == PARAM_WEIGHTS;
	text = default_text(spec);
	values[3] = CStringGetTextDatum(spec->name);
	values[4] = CStringGetTextDatum(type_names[spec->type]);
	nulls[5] = text == NULL;
	values[5] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
	nulls[6] = nulls[7] = !ranged;
	values[6] = Float8GetDatum(spec->min);
	values[7] = Float8GetDatum(spec->max);
	nulls[8] = spec->choices == NULL;
	values[8] = spec->choices != NULL ? words_array(spec->choices) : (Datum) 0;
	nulls[9] = spec->synonyms == NULL;
	values[9] = spec->synonyms != NULL ? words_array(spec->synonyms) : (Datum) 0;
	values[10] = CStringGetTextDatum(spec->summary);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mlops_algorithm_parameters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; algorithm_at(i) != NULL; i++)
	{
		const Algorithm *algorithm = algorithm_at(i);

		if (algorithm->params == NULL || algorithm->params[0].name == NULL)
			put_parameter(result, algorithm, NULL);
		else
			for (const ParamSpec *spec = algorithm->params; spec->name != NULL; spec++)
				put_parameter(result, algorithm, spec);
	}
	return (Datum) 0;
}
