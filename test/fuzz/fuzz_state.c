/*
 * fuzz_state.c: states from any bytes. What is accepted is canonical, merges, solves and shows itself as JSON.
 */
#include "core/algorithm.h"
#include "core/linear_model.h"
#include "format/model_format.h"
#include "fuzz_support.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return fuzz_mutate_section(data, size, max_size, seed, state_magic);
}

static void
merge_and_solve(FuzzEnv *env, const LinearState *state)
{
	CoreEnv    *core = &env->core;
	size_t		size;
	size_t		doubles = 0;
	LinearState *sum;
	double	   *workspace;
	LinearSolution solution;

	fuzz_check(linear_state_size(state->nterms, &size) && linear_workspace_size(state->nterms, 0, &doubles));
	sum = fuzz_alloc(core, size);
	workspace = fuzz_alloc(core, doubles * sizeof(double));
	fuzz_check(sum != NULL && workspace != NULL);
	memcpy(sum, state, size);
	/* sums may leave the range of double: then there is an answer, and it is an error */
	if (linear_state_merge(core, sum, state, workspace) == CORE_OK)
		fuzz_check(sum->nrows == 2 * state->nrows && sum->weight == 2 * state->weight);
	for (int i = 0; i < 4; i++)
	{
		const LinearOptions options = {.intercept = i & 1, .ridge = i & 2 ? 1.0 : 0.0, .tolerance = 1e-11, .inference = true};

		memset(&solution, 0, sizeof(solution));
		(void) linear_state_solve(core, state, &options, &solution);
	}
}

/* A solution is a model that can be stored, or an error of numbers: never one of bytes. */
static void
solve_to_model(FuzzEnv *env, const LinearState *state)
{
	CoreEnv    *core = &env->core;
	ParamSet	params;
	Model	   *model;
	Model	   *again;
	uint8_t    *bytes;
	size_t		length;
	CoreStatus	status;

	if (params_init(core, &params, "linear", algorithm_find("linear")->params) != CORE_OK)
		return;
	status = linear_model_from_state(core, state, &params, NULL, "y", &model);
	fuzz_check(status != CORE_CORRUPT && status != CORE_INVALID);
	if (status != CORE_OK)
		return;
	status = model_encode(core, model, 0, &bytes, &length);
	fuzz_check(status == CORE_OK || status == CORE_NO_MEMORY || status == CORE_TOO_LARGE);
	if (status == CORE_OK)
		fuzz_check(model_decode(core, bytes, length, false, &again) != CORE_CORRUPT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzEnv		env;
	LinearState *state;
	CoreStatus	status;

	fuzz_env_init(&env, size);
	status = state_decode(&env.core, data, size, true, &state);
	if (status == CORE_OK)
	{
		uint8_t    *bytes;
		size_t		length;
		char	   *json;

		env.limit *= 16;
		fuzz_check(state_encode(&env.core, state, 0, &bytes, &length) == CORE_OK);
		/* canonical: only skippable sections and the checksum may differ */
		fuzz_check(length <= size);
		if (length == size)
			fuzz_check(memcmp(bytes + FRAME_FLAGS_AT, data + FRAME_FLAGS_AT, length - FRAME_FLAGS_AT) == 0);
		fuzz_check(state_to_json(&env.core, state, &json) == CORE_OK && utf8_valid(json, strlen(json)));
		merge_and_solve(&env, state);
		env.limit *= 64;
		solve_to_model(&env, state);
	}
	else
		fuzz_check((status == CORE_CORRUPT || status == CORE_UNSUPPORTED) && env.core.message[0] != '\0');
	fuzz_env_free(&env);
	return 0;
}
