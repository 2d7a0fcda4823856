/*
 * running_state.h
 *	  The transition value of streaming fits: a LinearState and rows that it does
 *	  not contain yet, in one flat block.
 *
 * A QR for each row would cost ten times one for many, so rows wait in a buffer,
 * column by column.  The block holds no pointer: it can be copied, and a
 * parallel worker's can be sent to the leader as it is.  It is in native
 * representation and never leaves the server: whatever shows, stores or sends a
 * state first makes the canonical one of it (running_state_join, state_encode).
 *
 * Inside the server the block is a varlena, whose size word is its first four
 * bytes; this layer leaves them alone.  Blocks may be foreign: check them
 * with running_state_check before anything else.
 *
 * Layout: RunningState, LinearState (at RUNNING_STATE_HEADER), columns of the terms and
 * the target, each running_state_stride(capacity) doubles.
 */
#ifndef FORMAT_RUNNING_STATE_H
#define FORMAT_RUNNING_STATE_H

#include "core/linear_state.h"

#define RUNNING_MAX_ROWS 4096

typedef struct RunningState
{
	uint8_t		size_word[4];
	uint8_t		magic[12];
	int32_t		capacity;		/* rows that fit */
	int32_t		count;			/* rows waiting */
} RunningState;

#define RUNNING_STATE_HEADER sizeof(RunningState)

static inline LinearState *
running_state_linear(const RunningState *running)
{
	return (LinearState *) ((char *) running + RUNNING_STATE_HEADER);
}

/* Columns do not start a power of two apart, which would put them into the same lines of a cache. */
static inline size_t
running_state_stride(int capacity)
{
	return capacity > 0 ? (size_t) capacity + 8 : 0;
}

/* Column j of the waiting rows; the target is column nterms. */
static inline double *
running_state_column(const RunningState *running, int j)
{
	LinearState *state = running_state_linear(running);

	return state->data + linear_state_doubles(state->nterms) + (size_t) j * running_state_stride(running->capacity);
}

/* Bytes of the block; false where nterms or capacity is out of range. */
extern bool running_state_size(int nterms, int capacity, size_t *size);
/* An empty one in zeroed memory of that size. */
extern void running_state_init(RunningState *running, int nterms, int capacity);
/* Copies `from` to zeroed memory with another capacity, not below the rows that wait. */
extern void running_state_resize(RunningState *to, const RunningState *from, int capacity);

/* Whether bytes claim to be such a block. */
extern bool running_state_is(const void *bytes, size_t size);
/* Sizes, counts and the LinearState; CORE_CORRUPT otherwise. `bytes` are aligned to 8. */
extern CoreStatus running_state_check(CoreEnv *env, const void *bytes, size_t size);

/*
 * Adds the waiting rows to the LinearState.  Rows with a value that is not
 * finite are left out.  workspace: linear_workspace_size(nterms, capacity).
 */
extern CoreStatus running_state_flush(CoreEnv *env, RunningState *running, double *workspace);
/* A LinearState of its own with all rows; `running` is not changed. */
extern CoreStatus running_state_join(CoreEnv *env, const RunningState *running, LinearState **state);

#endif							/* FORMAT_RUNNING_STATE_H */
