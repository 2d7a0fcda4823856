/*
 * fuzz_running.c: transition values of streaming fits with any content. What passes the check joins, merges and encodes.
 *
 * The first two bytes choose the sizes, the rest overwrites the block behind its magic.
 */
#include <stddef.h>

#include "format/model_format.h"
#include "format/running_state.h"
#include "fuzz_support.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	(void) seed;
	return LLVMFuzzerMutate(data, size, max_size);
}

static void
join(FuzzEnv *env, const RunningState *running)
{
	CoreEnv    *core = &env->core;
	LinearState *state;
	LinearState *again;
	uint8_t    *bytes;
	size_t		length;
	char	   *json;
	CoreStatus	status = running_state_join(core, running, &state);

	/* sums may leave the range of double */
	if (status != CORE_OK)
	{
		fuzz_check(status == CORE_NUMERIC && core->message[0] != '\0');
		return;
	}
	if (state_encode(core, state, 0, &bytes, &length) != CORE_OK)
		return;
	fuzz_check(state_decode(core, bytes, length, false, &again) == CORE_OK);
	fuzz_check(again->nrows == state->nrows && again->weight == state->weight);
	fuzz_check(state_to_json(core, state, &json) == CORE_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzEnv		env;
	RunningState *running;
	size_t		start = offsetof(RunningState, capacity);
	size_t		block;
	size_t		left;

	if (size < 2)
		return 0;
	fuzz_env_init(&env, size);
	env.limit *= 16;
	fuzz_check(running_state_size(data[0] % 6, data[1] % 40, &block));
	running = fuzz_alloc(&env.core, block);
	fuzz_check(running != NULL);
	running_state_init(running, data[0] % 6, data[1] % 40);
	left = size - 2 < block - start ? size - 2 : block - start;
	memcpy((char *) running + start, data + 2, left);
	fuzz_check(running_state_is(running, block));
	if (running_state_check(&env.core, running, block) == CORE_OK)
		join(&env, running);
	fuzz_env_free(&env);
	return 0;
}
