/*
 * tree_constraints.c
 *	  Parameters monotone_constraints and interaction_constraints; see tree_params.h.
 *
 * A text such as "price: -1, age: 1" or "price, area; age, sex", or JSON in text
 * form that says the same.  A name in double quotes is a string of JSON and may
 * hold anything; one without reaches to the next separator, where the brackets
 * of "v[1]" belong to it.
 */
#include "core/tree_params.h"

#include <string.h>

#define MAX_GROUPS 63			/* bits; all ones means no constraint */

typedef struct Constraints
{
	CoreEnv    *env;
	const FitInput *input;
	TreeFeature *features;
	const char *parameter;
	const char *hint;
	const char *at;				/* what is still to be read */
} Constraints;

static CoreStatus
find_term(CoreEnv *env, const FitInput *input, const char *parameter, const char *name, int *term)
{
	const char **names;
	const char *near;

	CORE_ALLOC(env, names, (size_t) input->nterms);
	for (int i = 0; i < input->nterms; i++)
	{
		names[i] = input->terms[i].name;
		if (strcmp(names[i], name) == 0)
		{
			*term = i;
			env_release(env, names);
			return CORE_OK;
		}
	}
	near = nearest_word(name, names, input->nterms);
	env_fail(env, CORE_INVALID, "parameter \"%s\" names \"%s\", which is not a feature of the model", parameter, name);
	return near != NULL ? env_hint(env, CORE_INVALID, "Perhaps you meant \"%s\".", near) : CORE_INVALID;
}

static CoreStatus
unreadable(const Constraints *in, const char *from)
{
	env_fail(in->env, CORE_INVALID, "parameter \"%s\" cannot be read at \"%.*s\"", in->parameter, (int) strcspn(from, ",;]}"), from);
	return env_hint(in->env, CORE_INVALID, "%s", in->hint);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip(Constraints *in, const char *what)
{
	while (*in->at != '\0' && (is_blank(*in->at) || strchr(what, *in->at) != NULL))
		in->at++;
}

/* Four hexadecimal digits as UTF-8; returns the bytes written, 0 when they are none. */
static size_t
unescape_code(const char *digits, char *out)
{
	unsigned	code = 0;

	for (int i = 0; i < 4; i++)
	{
		const char *all = "0123456789abcdef0123456789ABCDEF";
		const char *digit = digits[i] != '\0' ? strchr(all, digits[i]) : NULL;

		if (digit == NULL)
			return 0;
		code = code * 16 + (unsigned) (digit - all) % 16;
	}
	if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xC0 | code >> 6);
		out[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	out[0] = (char) (0xE0 | code >> 12);
	out[1] = (char) (0x80 | (code >> 6 & 0x3F));
	out[2] = (char) (0x80 | (code & 0x3F));
	return 3;
}

/* A string of JSON; in->at is behind its first quote. */
static CoreStatus
quoted_name(Constraints *in, char *name)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *start = in->at;

	while (*in->at != '"')
	{
		const char *escape;
		size_t		length;

		if (*in->at == '\0')
			return unreadable(in, start);
		if (*in->at != '\\')
		{
			*name++ = *in->at++;
			continue;
		}
		in->at++;
		if (*in->at == 'u' && (length = unescape_code(in->at + 1, name)) > 0)
		{
			name += length;
			in->at += 5;
			continue;
		}
		escape = *in->at != '\0' ? strchr(escapes, *in->at) : NULL;
		if (escape == NULL)
			return unreadable(in, start);
		*name++ = meanings[escape - escapes];
		in->at++;
	}
	in->at++;
	*name = '\0';
	return CORE_OK;
}

/* Up to a comma, semicolon or closing bracket, or in front of the last colon before that. */
static void
plain_name(Constraints *in, bool colon, char *name)
{
	const char *start = in->at;
	const char *end = start;
	const char *stop = NULL;

	while (*end != '\0' && strchr(",;]}", *end) == NULL)
	{
		const char *close = *end == '[' ? strchr(end, ']') : NULL;

		if (colon && *end == ':')
			stop = end;
		end = close != NULL ? close + 1 : end + 1;
	}
	if (stop != NULL)
		end = stop;
	in->at = end;
	while (end > start && is_blank(end[-1]))
		end--;
	memcpy(name, start, (size_t) (end - start));
	name[end - start] = '\0';
}

/* The term that is named next. */
static CoreStatus
next_term(Constraints *in, bool colon, int *term)
{
	const char *start = in->at;
	char	   *name;

	CORE_ALLOC(in->env, name, strlen(start) + 1);
	if (*in->at == '"')
	{
		in->at++;
		CORE_TRY(quoted_name(in, name));
	}
	else
		plain_name(in, colon, name);
	skip(in, "");
	if (colon ? *in->at != ':' : *in->at != '\0' && strchr(",;]", *in->at) == NULL)
		return unreadable(in, start);
	CORE_TRY(find_term(in->env, in->input, in->parameter, name, term));
	env_release(in->env, name);
	return CORE_OK;
}

static CoreStatus
next_direction(Constraints *in, int term)
{
	const char *name = in->input->terms[term].name;
	TreeFeature *feature = &in->features[term];
	size_t		length;
	int			direction = 0;

	in->at++;
	skip(in, "\"");
	length = strcspn(in->at, ",}\" \t\r\n");
	if ((length == 1 && in->at[0] == '1') || (length == 2 && strncmp(in->at, "+1", 2) == 0))
		direction = 1;
	else if (length == 2 && strncmp(in->at, "-1", 2) == 0)
		direction = -1;
	else if (length != 1 || in->at[0] != '0')
		return env_fail(in->env, CORE_INVALID, "parameter \"%s\" gives \"%s\" a direction that is not -1, 0 or 1", in->parameter, name);
	if (feature->categorical && direction != 0)
		return env_fail(in->env, CORE_INVALID, "\"%s\" in parameter \"%s\" is a category, which has no direction", name, in->parameter);
	if (feature->monotone != 0 && feature->monotone != direction)
		return env_fail(in->env, CORE_INVALID, "parameter \"%s\" gives \"%s\" two directions", in->parameter, name);
	feature->monotone = direction;
	in->at += length;
	skip(in, "\"}");
	if (*in->at != '\0' && *in->at != ',')
		return unreadable(in, in->at);
	if (*in->at == ',')
		in->at++;
	return CORE_OK;
}

static CoreStatus
parse_monotone(Constraints *in)
{
	for (skip(in, "{[}]"); *in->at != '\0'; skip(in, "{["))
	{
		int			term;

		CORE_TRY(next_term(in, true, &term));
		CORE_TRY(next_direction(in, term));
	}
	return CORE_OK;
}

/* "a, b; c" or [["a", "b"], ["c"]]; returns the number of groups that are not empty. */
static CoreStatus
parse_groups(Constraints *in, int *groups)
{
	bool		empty = true;

	*groups = 0;
	for (skip(in, "[,"); *in->at != '\0'; skip(in, "[,"))
	{
		int			term;

		if (*in->at == ';' || *in->at == ']')
		{
			in->at++;
			*groups += !empty;
			empty = true;
			continue;
		}
		CORE_TRY(next_term(in, false, &term));
		if (*groups == MAX_GROUPS)
			return env_fail(in->env, CORE_INVALID, "parameter \"%s\" has more than %d groups", in->parameter, MAX_GROUPS);
		in->features[term].groups |= UINT64_C(1) << *groups;
		empty = false;
	}
	*groups += !empty;
	return CORE_OK;
}

CoreStatus
tree_constraints_parse(CoreEnv *env, const FitInput *input, TreeFeature *features, bool *interacting)
{
	Constraints in = {.env = env, .input = input, .features = features};
	int			groups = 0;

	in.parameter = "monotone_constraints";
	in.hint = "Write it as \"price: -1, age: 1\".";
	in.at = params_get(input->params, in.parameter)->text;
	if (in.at != NULL)
		CORE_TRY(parse_monotone(&in));
	in.parameter = "interaction_constraints";
	in.hint = "Write it as \"price, area; age, sex\".";
	in.at = params_get(input->params, in.parameter)->text;
	if (in.at != NULL)
		CORE_TRY(parse_groups(&in, &groups));
	*interacting = groups > 0;
	return CORE_OK;
}
