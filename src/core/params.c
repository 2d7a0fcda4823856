/*
 * params.c
 *	  Parameters of algorithms from their declared tables; see params.h.
 *
 * A table has at most a few dozen entries, so look-ups are linear.  Values are
 * checked when they are set: whatever reads a ParamSet later may trust types
 * and ranges.
 */
#include "core/params.h"
#include "core/param_words.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MAX_EDIT_LENGTH 63		/* longer words are compared by their beginning */

/* Length of a word as far as words are compared. */
static int
compared_length(const char *word)
{
	int			length = 0;

	while (length < MAX_EDIT_LENGTH && word[length] != '\0')
		length++;
	return length;
}

static inline char
lower_ascii(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool
equal_ignoring_case(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (lower_ascii(a[i]) != lower_ascii(b[i]))
			return false;
	}
	return true;
}

int
word_in_list(const char *list, const char *word)
{
	size_t		length = strlen(word);
	int			index = 0;

	while (list != NULL && *list != '\0')
	{
		const char *end = strchr(list, '|');
		size_t		item = end != NULL ? (size_t) (end - list) : strlen(list);

		if (item == length && equal_ignoring_case(list, word, length))
			return index;
		index++;
		list = end != NULL ? end + 1 : NULL;
	}
	return -1;
}

/* Copies choice number `index` of "a|b|c"; NULL when refused. */
static char *
copy_choice(CoreEnv *env, const char *list, int index)
{
	const char *end;

	for (; index > 0; index--)
		list = strchr(list, '|') + 1;
	end = strchr(list, '|');
	return env_strndup(env, list, end != NULL ? (size_t) (end - list) : strlen(list));
}

CoreStatus
params_init(CoreEnv *env, ParamSet *set, const char *owner, const ParamSpec *specs)
{
	memset(set, 0, sizeof(*set));
	set->owner = owner;
	set->specs = specs;
	while (specs[set->count].name != NULL)
		set->count++;
	CORE_ALLOC(env, set->values, (size_t) set->count);
	for (int i = 0; i < set->count; i++)
	{
		set->values[i].number = specs[i].default_number;
		if (specs[i].type == PARAM_CHOICE || specs[i].type == PARAM_WEIGHTS)
		{
			set->values[i].text = copy_choice(env, specs[i].choices, (int) specs[i].default_number);
			if (set->values[i].text == NULL)
				return CORE_NO_MEMORY;
		}
	}
	return CORE_OK;
}

/*
 * Optimal string alignment distance: edits and swaps of neighbours.
 */
static int
edit_distance(const char *a, const char *b)
{
	int			rows[3][MAX_EDIT_LENGTH + 1];
	int			length_a = compared_length(a);
	int			length_b = compared_length(b);

	for (int j = 0; j <= length_b; j++)
		rows[0][j] = j;
	for (int i = 1; i <= length_a; i++)
	{
		int		   *row = rows[i % 3];
		const int  *above = rows[(i + 2) % 3];
		const int  *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (int j = 1; j <= length_b; j++)
		{
			int			cost = lower_ascii(a[i - 1]) != lower_ascii(b[j - 1]);
			int			best = above[j - 1] + cost;

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && lower_ascii(a[i - 1]) == lower_ascii(b[j - 2]) &&
				lower_ascii(a[i - 2]) == lower_ascii(b[j - 1]) && two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[length_a % 3][length_b];
}

/* Whether one of the two begins or ends with the other, at an underscore. */
static bool
extends(const char *a, const char *b)
{
	size_t		length_a = strlen(a);
	size_t		length_b = strlen(b);

	if (length_a < length_b)
		return extends(b, a);
	if (length_b == 0 || length_a == length_b)
		return false;
	return (equal_ignoring_case(a, b, length_b) && a[length_b] == '_') ||
		(equal_ignoring_case(a + length_a - length_b, b, length_b) && a[length_a - length_b - 1] == '_');
}

const char *
nearest_word(const char *word, const char *const *words, int count)
{
	int			length = compared_length(word);
	int			best = length / 3 + 2;	/* distances from here on are no longer "near" */
	const char *nearest = NULL;

	for (int i = 0; i < count; i++)
	{
		int			distance = edit_distance(word, words[i]);

		if (distance < best && distance < compared_length(words[i]))
		{
			best = distance;
			nearest = words[i];
		}
	}
	for (int i = 0; i < count && nearest == NULL; i++)
		if (extends(word, words[i]))
			nearest = words[i];
	return nearest;
}

/* Number of items of "a|b|c". */
static int
list_length(const char *list)
{
	int			count = list != NULL;

	for (; list != NULL && (list = strchr(list, '|')) != NULL; list++)
		count++;
	return count;
}

/* The name of the parameter that the known name nearest to `name`, or the nearest synonym, means; *nearest is NULL when none is near. */
static CoreStatus
find_nearest(CoreEnv *env, const ParamSet *set, const char *name, const char **nearest)
{
	const char **words;
	const char **meanings;
	const char *near;
	int			count = 0;

	for (int i = 0; i < set->count; i++)
		count += 1 + list_length(set->specs[i].synonyms);
	CORE_ALLOC(env, words, (size_t) count);
	CORE_ALLOC(env, meanings, (size_t) count);
	count = 0;
	for (int i = 0; i < set->count; i++)
	{
		words[count] = meanings[count] = set->specs[i].name;
		count++;
	}
	for (int i = 0; i < set->count; i++)
	{
		int			synonyms = list_length(set->specs[i].synonyms);

		for (int k = 0; k < synonyms; k++)
		{
			words[count] = copy_choice(env, set->specs[i].synonyms, k);
			if (words[count] == NULL)
				return CORE_NO_MEMORY;
			meanings[count++] = set->specs[i].name;
		}
	}
	near = nearest_word(name, words, count);
	*nearest = NULL;
	for (int i = 0; i < count && near != NULL; i++)
	{
		if (words[i] == near)
			*nearest = meanings[i];
	}
	return CORE_OK;
}

static CoreStatus
fail_unknown(CoreEnv *env, const ParamSet *set, const char *name)
{
	const char *advice = param_advice(set, name);
	CoreStatus	status;
	const char *nearest;

	CORE_TRY(find_nearest(env, set, name, &nearest));

	status = env_fail(env, CORE_INVALID, "unknown parameter \"%s\" for algorithm \"%s\"", name, set->owner);
	if (advice != NULL)
		return env_hint(env, status, "%s", advice);
	if (set->count == 0)
		return env_hint(env, status, "Algorithm \"%s\" has no parameters.", set->owner);
	if (nearest != NULL)
		return env_hint(env, status, "Perhaps you meant \"%s\".", nearest);
	return env_hint(env, status, "SELECT * FROM mlops.algorithm_parameters() WHERE algorithm = '%s' lists those that it has.", set->owner);
}

const ParamSpec *
params_find(const ParamSet *set, const char *name)
{
	for (int i = 0; i < set->count; i++)
	{
		if (strcmp(set->specs[i].name, name) == 0 || word_in_list(set->specs[i].synonyms, name) >= 0)
			return &set->specs[i];
	}
	return NULL;
}

/* The entry that `name` or a synonym means, not set before. */
static CoreStatus
find_unset(CoreEnv *env, ParamSet *set, const char *name, const ParamSpec **spec, ParamValue **value)
{
	*spec = params_find(set, name);
	if (*spec == NULL)
		return fail_unknown(env, set, name);
	*value = &set->values[*spec - set->specs];
	if ((*value)->given)
		return env_hint(env,
						env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" is given more than once", (*spec)->name, set->owner),
						"\"%s\" is a synonym or a repetition: give one of them.", name);
	return CORE_OK;
}

static const char *
type_phrase(ParamType type)
{
	switch (type)
	{
		case PARAM_INTEGER:
			return "an integer";
		case PARAM_REAL:
			return "a number";
		case PARAM_BOOLEAN:
			return "true or false";
		case PARAM_CHOICE:
		case PARAM_TEXT:
			return "a text";
		case PARAM_REAL_LIST:
			return "an array of numbers";
		case PARAM_WEIGHTS:
			return "a word or an object of numbers";
	}
	return "a value";
}

static CoreStatus
fail_type(CoreEnv *env, const ParamSet *set, const ParamSpec *spec)
{
	return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be %s",
					spec->name, set->owner, type_phrase(spec->type));
}

static CoreStatus
check_range(CoreEnv *env, const ParamSet *set, const ParamSpec *spec, double number)
{
	/* written so that NaN fails */
	if (number >= spec->min && number <= spec->max)
		return CORE_OK;
	if (isinf(spec->max))
		return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be at least %.15g, not %.15g",
						spec->name, set->owner, spec->min, number);
	return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be between %.15g and %.15g, not %.15g",
					spec->name, set->owner, spec->min, spec->max, number);
}

CoreStatus
params_set_number(CoreEnv *env, ParamSet *set, const char *name, double number)
{
	const ParamSpec *spec = NULL;
	ParamValue *value = NULL;

	CORE_TRY(find_unset(env, set, name, &spec, &value));
	if (spec->type == PARAM_REAL_LIST)
		return params_set_list(env, set, name, &number, 1);
	if (spec->type != PARAM_INTEGER && spec->type != PARAM_REAL)
		return fail_type(env, set, spec);
	CORE_TRY(check_range(env, set, spec, number));
	if (!isfinite(number) || (spec->type == PARAM_INTEGER && number != floor(number)))
		return fail_type(env, set, spec);
	value->number = number;
	value->given = true;
	return CORE_OK;
}

CoreStatus
params_set_boolean(CoreEnv *env, ParamSet *set, const char *name, bool boolean)
{
	const ParamSpec *spec = NULL;
	ParamValue *value = NULL;

	CORE_TRY(find_unset(env, set, name, &spec, &value));
	if (spec->type != PARAM_BOOLEAN)
		return fail_type(env, set, spec);
	value->number = boolean ? 1 : 0;
	value->given = true;
	return CORE_OK;
}

CoreStatus
params_set_text(CoreEnv *env, ParamSet *set, const char *name, const char *text)
{
	const ParamSpec *spec = NULL;
	ParamValue *value = NULL;
	char	   *copy;
	int			choice = 0;

	CORE_TRY(find_unset(env, set, name, &spec, &value));
	if (spec->type == PARAM_CHOICE || spec->type == PARAM_WEIGHTS)
	{
		const char *meaning = param_choice_meaning(spec, text);

		choice = word_in_list(spec->choices, meaning != NULL ? meaning : text);
		if (choice < 0)
			return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be one of %s, not \"%s\"",
							spec->name, set->owner, spec->choices, text);
		copy = copy_choice(env, spec->choices, choice);
	}
	else if (spec->type == PARAM_REAL && spec->choices != NULL)
	{
		choice = word_in_list(spec->choices, text);
		if (choice < 0)
			return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be a number or one of %s, not \"%s\"",
							spec->name, set->owner, spec->choices, text);
		value->number = -1 - choice;
		value->given = true;
		return CORE_OK;
	}
	else if (spec->type == PARAM_TEXT)
		copy = env_strdup(env, text);
	else
		return fail_type(env, set, spec);
	if (copy == NULL)
		return CORE_NO_MEMORY;
	if (spec->type != PARAM_TEXT)
		value->number = choice;
	value->text = copy;
	value->given = true;
	return CORE_OK;
}

CoreStatus
params_set_list(CoreEnv *env, ParamSet *set, const char *name, const double *list, int length)
{
	const ParamSpec *spec = NULL;
	ParamValue *value = NULL;
	double	   *copy;

	CORE_TRY(find_unset(env, set, name, &spec, &value));
	if (spec->type != PARAM_REAL_LIST)
		return fail_type(env, set, spec);
	for (int i = 0; i < length; i++)
	{
		CORE_TRY(check_range(env, set, spec, list[i]));
		if (!isfinite(list[i]))
			return fail_type(env, set, spec);
	}
	CORE_ALLOC(env, copy, (size_t) length);
	if (length > 0)
		memcpy(copy, list, (size_t) length * sizeof(double));
	value->list = copy;
	value->list_length = length;
	value->given = true;
	return CORE_OK;
}

CoreStatus
params_set_weights(CoreEnv *env, ParamSet *set, const char *name, const char *const *names, const double *list, int length)
{
	const ParamSpec *spec = NULL;
	ParamValue *value = NULL;

	CORE_TRY(find_unset(env, set, name, &spec, &value));
	if (spec->type != PARAM_WEIGHTS)
		return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" must be %s, not an object",
						spec->name, set->owner, type_phrase(spec->type));
	if (length == 0)
		return env_fail(env, CORE_INVALID, "parameter \"%s\" of algorithm \"%s\" is an object without members",
						spec->name, set->owner);
	for (int i = 0; i < length; i++)
		CORE_TRY(check_range(env, set, spec, list[i]));
	CORE_ALLOC(env, value->names, (size_t) length);
	CORE_ALLOC(env, value->list, (size_t) length);
	for (int i = 0; i < length; i++)
	{
		value->list[i] = list[i];
		value->names[i] = env_strdup(env, names[i]);
		if (value->names[i] == NULL)
			return CORE_NO_MEMORY;
	}
	value->list_length = length;
	value->number = -1;
	value->text = NULL;
	value->given = true;
	return CORE_OK;
}

CoreStatus
params_copy(CoreEnv *env, const ParamSet *from, ParamSet *set)
{
	ParamValue *values;

	CORE_ALLOC(env, values, (size_t) from->count);
	memcpy(values, from->values, (size_t) from->count * sizeof(ParamValue));
	*set = *from;
	set->values = values;
	return CORE_OK;
}

void
params_record(ParamSet *set, const char *name, double number)
{
	ParamValue *value = &set->values[params_get(set, name) - set->values];

	value->number = number;
	value->chosen = !value->given;
}

CoreStatus
params_record_word(CoreEnv *env, ParamSet *set, const char *name, const char *word)
{
	const ParamSpec *spec = params_find(set, name);
	ParamValue *value = &set->values[params_get(set, name) - set->values];
	int			choice = word_in_list(spec->choices, word);

	value->text = copy_choice(env, spec->choices, choice);
	if (value->text == NULL)
		return CORE_NO_MEMORY;
	value->number = choice;
	value->chosen = !value->given;
	return CORE_OK;
}

void
params_imply(ParamSet *set, const char *name, double number)
{
	set->values[params_get(set, name) - set->values].number = number;
}

const ParamValue *
params_get(const ParamSet *set, const char *name)
{
	for (int i = 0; i < set->count; i++)
	{
		if (strcmp(set->specs[i].name, name) == 0)
			return &set->values[i];
	}
	assert(!"parameter is not in the table");
	return NULL;
}

double
params_number(const ParamSet *set, const char *name)
{
	return params_get(set, name)->number;
}

int
params_integer(const ParamSet *set, const char *name)
{
	return (int) params_get(set, name)->number;
}

bool
params_boolean(const ParamSet *set, const char *name)
{
	return params_get(set, name)->number != 0;
}

const char *
params_choice(const ParamSet *set, const char *name)
{
	return params_get(set, name)->text;
}

bool
params_given(const ParamSet *set, const char *name)
{
	return params_get(set, name)->given;
}
