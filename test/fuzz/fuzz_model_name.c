/*
 * fuzz_model_name.c: references and ISO times from any text. What is accepted keeps the promises of its header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model_name.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CoreEnv		env;
	ModelName	name;
	IsoTime		time;
	char	   *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&env, 0, sizeof(env));

	/* not terminated: a copy without the zero shows reading past the end */
	if (size > 0)
	{
		char	   *exact = malloc(size);

		if (exact != NULL)
		{
			memcpy(exact, data, size);
			if (iso_time_parse(exact, size, &time))
				check(memchr(time.zone_name, '\0', sizeof(time.zone_name)) != NULL && abs(time.offset) < 16 * 3600);
			free(exact);
		}
	}

	if (model_name_parse(&env, text, &name) == CORE_OK)
	{
		check(model_name_valid(name.name, strlen(name.name)));
		check((name.kind == REF_VERSION) == (name.version > 0));
		check((name.kind == REF_STAGE) == (name.stage != NULL));
		check((name.kind == REF_ALIAS) == model_alias_valid(name.alias, strlen(name.alias)));
	}
	else
		check(env.message[0] != '\0' && env.hint[0] != '\0');
	free(text);
	return 0;
}
