/*
 * tune_space.c
 *	  What a search tries; see tune_space.h.
 *
 * Values are kept as JSON texts: what is tried, shown, compared and later given
 * to the parameters is one and the same.  Numbers drawn from a range are rounded
 * to six digits, which is finer than any such choice matters.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "core/hash.h"
#include "core/real.h"
#include "train/tune_space.h"

#define DEFAULT_DRAWS 20
#define MAX_REPEATS 1000		/* draws in a row that were drawn before */
#define MAX_STEPS 1000

typedef struct Dimension
{
	char	   *name;
	int			nvalues;		/* 0: a range without steps */
	char	  **values;			/* JSON */
	bool		integer;
	bool		logarithmic;
	double		min;
	double		max;
} Dimension;

typedef struct Space
{
	int			count;
	Dimension  *dimensions;
} Space;

SearchStrategy
search_strategy(const char *word)
{
	if (pg_strcasecmp(word, "grid") == 0)
		return SEARCH_GRID;
	if (pg_strcasecmp(word, "random") == 0)
		return SEARCH_RANDOM;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("strategy \"%s\" is not known", word),
			 errhint("Use 'grid' or 'random'.")));
	return SEARCH_GRID;
}

static void
bad_range(const char *name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("range of parameter \"%s\" %s", name, what),
			 errhint("Write [value, ...] or {\"min\": a, \"max\": b, \"scale\": \"log\", \"steps\": n}.")));
}

/* A scalar as JSON text. */
static char *
scalar_json(const char *name, const JsonbValue *value)
{
	StringInfoData out;

	initStringInfo(&out);
	switch (value->type)
	{
		case jbvNumeric:
			return numeric_normalize(value->val.numeric);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvString:
			escape_json(&out, pnstrdup(value->val.string.val, value->val.string.len));
			return out.data;
		case jbvNull:
			return pstrdup("null");
		case jbvBinary:
			(void) JsonbToCString(&out, value->val.binary.data, value->val.binary.len);
			return out.data;
		default:
			bad_range(name, "holds something that is no value");
	}
	return NULL;
}

static void
read_candidates(Dimension *dimension, JsonbContainer *array)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	if (JsonContainerSize(array) == 0)
		bad_range(dimension->name, "is an empty array");
	if (JsonContainerSize(array) > MAX_STEPS)
		bad_range(dimension->name, psprintf("has more than %d values", MAX_STEPS));
	dimension->values = palloc(sizeof(char *) * JsonContainerSize(array));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			dimension->values[dimension->nvalues++] = scalar_json(dimension->name, &value);
	}
}

static double
range_number(const Dimension *dimension, const char *member, const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		bad_range(dimension->name, psprintf("has a \"%s\" that is no number", member));
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!isfinite(number))
		bad_range(dimension->name, psprintf("has a \"%s\" that is not finite", member));
	return number;
}

/* Part `share` in [0, 1] of the way from min to max, as JSON. */
static char *
range_value(const Dimension *dimension, double share)
{
	double		value;

	if (dimension->logarithmic)
		value = real_exp(real_log(dimension->min) + share * (real_log(dimension->max) - real_log(dimension->min)));
	else
		value = dimension->min + share * (dimension->max - dimension->min);
	if (dimension->integer)
		return psprintf("%.0f", Max(dimension->min, Min(dimension->max, floor(value + 0.5))));
	value = strtod(psprintf("%.6g", value), NULL);
	return double_to_shortest_decimal(Max(dimension->min, Min(dimension->max, value)));
}

static void
read_range(Dimension *dimension, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	double		steps = 0;

	dimension->min = dimension->max = NAN;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *member;

		if (token != WJB_KEY)
			continue;
		member = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (strcmp(member, "min") == 0)
			dimension->min = range_number(dimension, member, &value);
		else if (strcmp(member, "max") == 0)
			dimension->max = range_number(dimension, member, &value);
		else if (strcmp(member, "steps") == 0)
			steps = range_number(dimension, member, &value);
		else if (strcmp(member, "scale") == 0)
		{
			char	   *scale = scalar_json(dimension->name, &value);

			dimension->logarithmic = strcmp(scale, "\"log\"") == 0;
			if (!dimension->logarithmic && strcmp(scale, "\"linear\"") != 0)
				bad_range(dimension->name, "has a \"scale\" other than \"linear\" and \"log\"");
		}
		else
			bad_range(dimension->name, psprintf("has an unknown member \"%s\"", member));
	}
	if (isnan(dimension->min) || isnan(dimension->max))
		bad_range(dimension->name, "needs \"min\" and \"max\"");
	if (dimension->min >= dimension->max)
		bad_range(dimension->name, "has a \"min\" that is not below its \"max\"");
	if (dimension->logarithmic && dimension->min <= 0)
		bad_range(dimension->name, "has a logarithmic scale, but a \"min\" that is not positive");
	if (steps == 0)
		return;
	if (!(steps >= 2 && steps <= MAX_STEPS && steps == floor(steps)))
		bad_range(dimension->name, psprintf("has \"steps\" that are no integer from 2 to %d", MAX_STEPS));
	dimension->values = palloc(sizeof(char *) * (int) steps);
	for (int i = 0; i < (int) steps; i++)
	{
		char	   *text = range_value(dimension, i / (steps - 1));

		if (dimension->nvalues == 0 || strcmp(text, dimension->values[dimension->nvalues - 1]) != 0)
			dimension->values[dimension->nvalues++] = text;
	}
}

static bool
is_integer(const Algorithm *algorithm, const char *name)
{
	for (const ParamSpec *spec = algorithm->params; spec->name != NULL; spec++)
	{
		char	   *words = psprintf("|%s|%s|", spec->name, spec->synonyms != NULL ? spec->synonyms : "");

		if (strstr(words, psprintf("|%s|", name)) != NULL)
			return spec->type == PARAM_INTEGER;
	}
	return false;
}

static void
read_space(Jsonb *json, const Algorithm *algorithm, Space *space)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(json) || JB_ROOT_COUNT(json) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"space\" must be a JSON object with at least one parameter"),
				 errhint("Write '{\"name\": [value, ...], \"other\": {\"min\": a, \"max\": b}}'.")));
	space->count = 0;
	space->dimensions = palloc0(sizeof(Dimension) * JB_ROOT_COUNT(json));
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		Dimension  *dimension;

		if (token != WJB_KEY)
			continue;
		dimension = &space->dimensions[space->count++];
		dimension->name = pnstrdup(value.val.string.val, value.val.string.len);
		dimension->integer = is_integer(algorithm, dimension->name);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvBinary)
			bad_range(dimension->name, "is neither an array nor an object");
		if (JsonContainerIsArray(value.val.binary.data))
			read_candidates(dimension, value.val.binary.data);
		else
			read_range(dimension, value.val.binary.data);
	}
}

/* Combinations, at most TUNE_MAX_TRIALS + 1; 0: some range is continuous. */
static int
combinations(const Space *space, const char **continuous)
{
	int64		product = 1;

	*continuous = NULL;
	for (int i = 0; i < space->count; i++)
	{
		if (space->dimensions[i].nvalues == 0)
		{
			*continuous = space->dimensions[i].name;
			return 0;
		}
		product = Min(product * space->dimensions[i].nvalues, TUNE_MAX_TRIALS + 1);
	}
	return (int) product;
}

static void
append_member(StringInfo out, const Dimension *dimension, const char *value)
{
	appendStringInfoString(out, out->len > 0 ? ", " : "{");
	escape_json(out, dimension->name);
	appendStringInfo(out, ": %s", value);
}

static char *
grid_trial(const Space *space, int number)
{
	StringInfoData out;
	int			divisor = 1;

	for (int i = 1; i < space->count; i++)
		divisor *= space->dimensions[i].nvalues;
	initStringInfo(&out);
	for (int i = 0; i < space->count; i++)
	{
		const Dimension *dimension = &space->dimensions[i];

		append_member(&out, dimension, dimension->values[number / divisor % dimension->nvalues]);
		if (i + 1 < space->count)
			divisor /= space->dimensions[i + 1].nvalues;
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

static char *
random_trial(const Space *space, int64 draw, uint64 seed)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < space->count; i++)
	{
		const Dimension *dimension = &space->dimensions[i];
		uint64		name = hash_bytes(dimension->name, strlen(dimension->name));
		double		share = hash_uniform(hash_row_add(name, hash_int64(draw)), seed);

		append_member(&out, dimension, dimension->nvalues > 0 ? dimension->values[(int) (share * dimension->nvalues)] :
					  range_value(dimension, share));
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

static bool
is_listed(const TrialList *trials, const char *params)
{
	for (int i = 0; i < trials->count; i++)
		if (strcmp(trials->params[i], params) == 0)
			return true;
	return false;
}

static void
draw_trials(const Space *space, int n_trials, uint64 seed, TrialList *trials)
{
	int			repeats = 0;

	for (int64 draw = 0; trials->count < n_trials && repeats < MAX_REPEATS; draw++)
	{
		char	   *params = random_trial(space, draw, seed);

		CHECK_FOR_INTERRUPTS();
		if (is_listed(trials, params))
		{
			repeats++;
			continue;
		}
		repeats = 0;
		trials->params[trials->count++] = params;
	}
}

void
tune_space_trials(Jsonb *json, const Algorithm *algorithm, SearchStrategy strategy, int n_trials, uint64 seed,
				  TrialList *trials)
{
	Space		space;
	const char *continuous;
	int			all;

	read_space(json, algorithm, &space);
	all = combinations(&space, &continuous);
	if (strategy == SEARCH_GRID && continuous != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a grid needs values for parameter \"%s\", not a range", continuous),
				 errhint("List values, add \"steps\" to the range, or use strategy => 'random'.")));
	if (strategy == SEARCH_GRID && all > (n_trials > 0 ? n_trials : TUNE_MAX_TRIALS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the grid has more than %d combinations", n_trials > 0 ? n_trials : TUNE_MAX_TRIALS),
				 errhint("Use fewer values, or strategy => 'random', which tries some of them.")));
	if (n_trials == 0)
		n_trials = strategy == SEARCH_GRID ? all : DEFAULT_DRAWS;

	trials->count = 0;
	trials->params = palloc(sizeof(char *) * Max(n_trials, all));
	if (strategy == SEARCH_RANDOM && (all == 0 || all > n_trials))
	{
		draw_trials(&space, n_trials, seed, trials);
		return;
	}
	for (int i = 0; i < all; i++)
		trials->params[trials->count++] = grid_trial(&space, i);
}
