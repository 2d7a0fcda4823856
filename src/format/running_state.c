/*
 * running_state.c
 *	  A LinearState with rows that wait for it; see running_state.h.
 *
 * That a row is finite is not checked when it comes, which would cost as much as
 * copying it, but when least squares reports that a block is not: then the
 * offending rows are taken out and the block is tried again.
 */
#include "format/running_state.h"

#include <math.h>
#include <string.h>

static const uint8_t running_magic[12] = {0x8D, 'M', 'L', 'O', 'P', 'S', '\n', 'R', 0xF5, 0x1A, 0x07, 0xE3};

bool
running_state_size(int nterms, int capacity, size_t *size)
{
	size_t		columns = (size_t) nterms + 1;

	if (capacity < 0 || capacity > RUNNING_MAX_ROWS || !linear_state_size(nterms, size))
		return false;
	*size += RUNNING_STATE_HEADER + columns * running_state_stride(capacity) * sizeof(double);
	return true;
}

void
running_state_init(RunningState *running, int nterms, int capacity)
{
	memcpy(running->magic, running_magic, sizeof(running_magic));
	running->capacity = capacity;
	running->count = 0;
	linear_state_init(running_state_linear(running), nterms);
}

void
running_state_resize(RunningState *to, const RunningState *from, int capacity)
{
	const LinearState *state = running_state_linear(from);

	running_state_init(to, state->nterms, capacity);
	memcpy(running_state_linear(to), state, sizeof(*state) + linear_state_doubles(state->nterms) * sizeof(double));
	to->count = from->count;
	for (int j = 0; from->count > 0 && j <= state->nterms; j++)
		memcpy(running_state_column(to, j), running_state_column(from, j), (size_t) from->count * sizeof(double));
}

bool
running_state_is(const void *bytes, size_t size)
{
	return size >= RUNNING_STATE_HEADER &&
		memcmp(((const RunningState *) bytes)->magic, running_magic, sizeof(running_magic)) == 0;
}

CoreStatus
running_state_check(CoreEnv *env, const void *bytes, size_t size)
{
	const RunningState *running = bytes;
	const LinearState *state;
	size_t		expected;

	if (!running_state_is(bytes, size) || size < RUNNING_STATE_HEADER + sizeof(LinearState))
		return env_fail(env, CORE_CORRUPT, "invalid running state: too short");
	state = running_state_linear(running);
	if (!running_state_size(state->nterms, running->capacity, &expected) || expected != size ||
		running->count < 0 || running->count > running->capacity)
		return env_fail(env, CORE_CORRUPT, "invalid running state: its size does not fit its counts");
	return linear_state_check(env, state);
}

/* Takes rows that are not finite out; returns how many remain. */
static int
drop_rows(RunningState *running)
{
	int			columns = running_state_linear(running)->nterms + 1;
	int			kept = 0;

	for (int i = 0; i < running->count; i++)
	{
		bool		finite = true;

		for (int j = 0; j < columns && finite; j++)
			finite = isfinite(running_state_column(running, j)[i]);
		if (!finite)
			continue;
		for (int j = 0; kept < i && j < columns; j++)
			running_state_column(running, j)[kept] = running_state_column(running, j)[i];
		kept++;
	}
	return kept;
}

CoreStatus
running_state_flush(CoreEnv *env, RunningState *running, double *workspace)
{
	LinearState *state = running_state_linear(running);
	const double *x = running_state_column(running, 0);
	const double *y = running_state_column(running, state->nterms);
	size_t		stride = running_state_stride(running->capacity);
	CoreStatus	status;
	int			kept;

	if (running->count == 0)
		return CORE_OK;
	status = linear_state_add(env, state, running->count, x, stride, y, NULL, workspace);
	if (status == CORE_NUMERIC && (kept = drop_rows(running)) < running->count)
	{
		/* a block that fails leaves the state as it was: it is one chunk, whose values are checked before it is joined */
		running->count = kept;
		status = linear_state_add(env, state, kept, x, stride, y, NULL, workspace);
	}
	if (status == CORE_OK)
		running->count = 0;
	return status;
}

CoreStatus
running_state_join(CoreEnv *env, const RunningState *running, LinearState **result)
{
	int			nterms = running_state_linear(running)->nterms;
	RunningState *copy;
	double	   *workspace;
	size_t		size;
	size_t		doubles;

	if (!running_state_size(nterms, running->capacity, &size) || !linear_workspace_size(nterms, running->count, &doubles))
		return env_fail(env, CORE_CORRUPT, "invalid running state");
	copy = env_alloc(env, size, 1);
	if (copy == NULL)
		return CORE_NO_MEMORY;
	running_state_resize(copy, running, running->capacity);
	if (running->count > 0)
	{
		CORE_ALLOC(env, workspace, doubles);
		CORE_TRY(running_state_flush(env, copy, workspace));
		env_release(env, workspace);
	}
	*result = running_state_linear(copy);
	return CORE_OK;
}
