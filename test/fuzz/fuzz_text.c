/*
 * fuzz_text.c: the text form of models and states, as the input functions of the types read it.
 */
#include <stdint.h>

#include "format/base64.h"
#include "format/model_format.h"
#include "fuzz_support.h"

/* No frame here: the text is mutated as it stands. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	(void) seed;
	return LLVMFuzzerMutate(data, size, max_size);
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text without blanks is exactly what encoding gives back. */
static void
check_unique(FuzzEnv *env, const uint8_t *data, size_t size, const uint8_t *bytes, size_t length)
{
	char	   *text = malloc(base64_length(length) + 1);
	size_t		position = 0;

	fuzz_check(text != NULL);
	base64_encode(&env->core, bytes, length, text);
	for (size_t i = 0; i < size; i++)
	{
		if (is_blank(data[i]))
			continue;
		fuzz_check(position < base64_length(length) && (uint8_t) text[position] == data[i]);
		position++;
	}
	fuzz_check(position == base64_length(length));
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzEnv		env;
	uint8_t    *bytes;
	size_t		length;
	Model	   *model;
	LinearState *state;

	fuzz_env_init(&env, size);
	if (base64_decode(&env.core, (const char *) data, size, 4, &bytes, &length) == CORE_OK)
	{
		check_unique(&env, data, size, bytes + 4, length - 4);
		(void) model_decode(&env.core, bytes + 4, length - 4, false, &model);
		(void) state_decode(&env.core, bytes + 4, length - 4, false, &state);
	}
	fuzz_env_free(&env);
	return 0;
}
