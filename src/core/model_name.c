/*
 * model_name.c
 *	  The grammar of model references; see model_name.h.
 */
#include "core/model_name.h"

#include <string.h>

#define PREFIX "models:/"

static const char *const stages[] = {"None", "Staging", "Production", "Archived"};

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t
name_span(const char *text, size_t length)
{
	size_t		n = 0;

	while (n < length && (is_letter(text[n]) || is_digit(text[n]) || text[n] == '_' || text[n] == '-'))
		n++;
	return n;
}

bool
model_alias_valid(const char *text, size_t length)
{
	return length >= 1 && length <= MODEL_NAME_MAX && is_letter(text[0]) && name_span(text, length) == length;
}

bool
model_name_valid(const char *text, size_t length)
{
	return length >= 1 && length <= MODEL_NAME_MAX && (is_letter(text[0]) || text[0] == '_') &&
		name_span(text, length) == length;
}

static bool
same_word(const char *text, const char *word)
{
	for (; *text != '\0' && *word != '\0'; text++, word++)
	{
		char		a = *text,
					b = *word;

		if (a >= 'A' && a <= 'Z')
			a = (char) (a - 'A' + 'a');
		if (b >= 'A' && b <= 'Z')
			b = (char) (b - 'A' + 'a');
		if (a != b)
			return false;
	}
	return *text == *word;
}

const char *
model_stage(const char *text)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
	{
		if (same_word(text, stages[i]))
			return stages[i];
	}
	return NULL;
}

/*
 * Bytes of text to show in a message: at most 64, never cut inside a multibyte
 * character (bytes below 0x80 stand for themselves in every server encoding).
 */
static int
shown(const char *text)
{
	size_t		n = 0;

	while (n < 64 && text[n] != '\0')
		n++;
	if (text[n] != '\0')
	{
		while (n > 0 && (unsigned char) text[n - 1] >= 0x80)
			n--;
	}
	return (int) n;
}

static CoreStatus
invalid(CoreEnv *env, const char *text, const char *reason)
{
	env_fail(env, CORE_INVALID, "invalid model reference \"%.*s\": %s", shown(text), text, reason);
	return env_hint(env, CORE_INVALID,
					"Write churn (the Production version), churn/3, churn/latest, churn/Staging, "
					"churn@alias or churn@2026-03-01 (what was in Production then).");
}

static CoreStatus
parse_which(CoreEnv *env, const char *text, const char *which, ModelName *name)
{
	if (is_digit(which[0]))
	{
		int64_t		version = 0;

		for (; is_digit(*which); which++)
		{
			version = version * 10 + (*which - '0');
			if (version > INT32_MAX)
				return invalid(env, text, "version number is out of range");
		}
		if (*which != '\0')
			return invalid(env, text, "a version is a number");
		if (version == 0)
			return invalid(env, text, "versions start at 1");
		name->kind = REF_VERSION;
		name->version = (int32_t) version;
		return CORE_OK;
	}
	if (same_word(which, "latest"))
	{
		name->kind = REF_LATEST;
		return CORE_OK;
	}
	name->stage = model_stage(which);
	if (name->stage == NULL)
		return invalid(env, text, "what follows / is a version number, latest, or a stage (None, Staging, Production, Archived)");
	name->kind = REF_STAGE;
	return CORE_OK;
}

static CoreStatus
parse_tag(CoreEnv *env, const char *text, const char *tag, ModelName *name)
{
	size_t		length = strlen(tag);

	if (is_digit(tag[0]))
	{
		if (!iso_time_parse(tag, length, &name->time))
			return invalid(env, text, "a time is written 2026-03-01 or 2026-03-01T12:00+01:00");
		name->kind = REF_TIME;
		return CORE_OK;
	}
	if (!model_alias_valid(tag, length))
		return invalid(env, text, "what follows @ is an alias, which starts with a letter, or a time");
	name->kind = REF_ALIAS;
	memcpy(name->alias, tag, length);
	return CORE_OK;
}

CoreStatus
model_name_parse(CoreEnv *env, const char *text, ModelName *name)
{
	const char *start = text;
	const char *rest;
	size_t		length;

	memset(name, 0, sizeof(*name));
	if (strncmp(start, PREFIX, strlen(PREFIX)) == 0)
		start += strlen(PREFIX);

	length = strcspn(start, "/@");
	if (length == 0)
		return invalid(env, text, "the model's name is missing");
	if (length > MODEL_NAME_MAX)
		return invalid(env, text, "a model's name has at most 63 characters");
	if (!model_name_valid(start, length))
		return invalid(env, text, "a model's name consists of letters, digits, _ and -, and starts with a letter or _");
	memcpy(name->name, start, length);

	rest = start + length;
	if (*rest == '\0')
	{
		name->kind = REF_PRODUCTION;
		return CORE_OK;
	}
	return *rest == '/' ? parse_which(env, text, rest + 1, name) : parse_tag(env, text, rest + 1, name);
}
