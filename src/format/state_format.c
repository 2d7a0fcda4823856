/*
 * state_format.c
 *	  The bytes of mergeable states; docs/MODEL_FORMAT.md is the specification.
 *
 * A LinearState has one canonical form, so equal states are equal bytes: R is
 * unique up to the sign of its rows, which is chosen so that no diagonal element
 * is negative, and zeros are positive.  Only finite states are written and read:
 * where a sum has overflowed there is nothing left to solve.  Linear in the size
 * of the state, about 4 p^2 bytes for p terms.
 */
#include "format/model_format.h"

#include <math.h>
#include <string.h>

#include "format/sections.h"

/* Number of doubles in LinearState.data: means of terms and target, then R by columns. */
static size_t
data_length(int nterms)
{
	size_t		columns = (size_t) nterms + 1;

	return columns + columns * (columns + 1) / 2;
}

/* What holds of every state, in memory and in bytes. */
static CoreStatus
check_state(CoreEnv *env, const LinearState *state, CoreStatus status)
{
	bool		empty = state->nrows == 0;

	if (state->nterms < 0 || state->nterms > STATE_MAX_TERMS)
		return env_fail(env, status, "invalid state: %d terms; at most %d are possible", state->nterms, STATE_MAX_TERMS);
	if (state->nrows < 0)
		return env_fail(env, status, "invalid state: negative number of rows");
	if (!isfinite(state->weight) || !isfinite(state->weight_squares) || !isfinite(state->log_weight) ||
		state->weight < 0 || state->weight_squares < 0)
		return env_fail(env, status, "invalid state: its weights are not finite and positive");
	if (empty != (state->weight == 0))
		return env_fail(env, status, "invalid state: its weight does not fit its number of rows");
	return CORE_OK;
}

/* Writes the packed columns of R with the rows turned so that the diagonal is positive. */
static CoreStatus
write_triangle(ByteWriter *writer, const double *r, int columns)
{
	const double *diagonal = r;
	bool	   *turn;

	CORE_ALLOC(writer->env, turn, columns);
	for (int j = 0; j < columns; diagonal += j + 2, j++)
		turn[j] = *diagonal < 0;
	for (int j = 0; j < columns; j++)
	{
		env_poll(writer->env);
		for (int i = 0; i <= j; i++, r++)
		{
			if (!isfinite(*r))
				return env_fail(writer->env, CORE_NUMERIC, "sums of squares of the state overflowed");
			/* adding zero makes a negative zero positive */
			write_f64(writer, (turn[i] ? -*r : *r) + 0.0);
		}
	}
	env_release(writer->env, turn);
	return CORE_OK;
}

CoreStatus
state_encode(CoreEnv *env, const LinearState *state, size_t prefix, uint8_t **bytes, size_t *length)
{
	ByteWriter	writer;
	size_t		position;
	int			columns = state->nterms + 1;

	CORE_TRY(check_state(env, state, CORE_NUMERIC));
	frame_begin(&writer, env, prefix, state_magic);
	position = section_begin(&writer, SECTION_LINEAR_STATE);
	write_u32(&writer, (uint32_t) state->nterms);
	write_i64(&writer, state->nrows);
	write_f64(&writer, state->weight + 0.0);
	write_f64(&writer, state->weight_squares + 0.0);
	write_f64(&writer, state->log_weight + 0.0);
	for (int j = 0; j < columns; j++)
	{
		if (!isfinite(state->data[j]))
			return env_fail(env, CORE_NUMERIC, "means of the state overflowed");
		write_f64(&writer, state->data[j] + 0.0);
	}
	CORE_TRY(write_triangle(&writer, state->data + columns, columns));
	section_end(&writer, position);
	CORE_TRY(frame_end(&writer, 1));
	*bytes = writer.data;
	*length = writer.length;
	return CORE_OK;
}

/* Whether the numbers are as state_encode writes them. */
static CoreStatus
check_data(CoreEnv *env, const LinearState *state)
{
	int			columns = state->nterms + 1;
	const double *r = state->data + columns;
	size_t		count = data_length(state->nterms);

	for (size_t i = 0; i < count; i++)
	{
		if (i % 65536 == 0)
			env_poll(env);
		if (!isfinite(state->data[i]))
			return env_fail(env, CORE_CORRUPT, "invalid state: a number is not finite");
		if (state->data[i] == 0 ? signbit(state->data[i]) : state->nrows == 0)
			return env_fail(env, CORE_CORRUPT, "invalid state: a number is not in canonical form");
	}
	for (int j = 0; j < columns; r += j + 2, j++)
	{
		if (*r < 0)
			return env_fail(env, CORE_CORRUPT, "invalid state: a diagonal element is negative");
	}
	return CORE_OK;
}

CoreStatus
state_decode(CoreEnv *env, const uint8_t *bytes, size_t length, bool skip_checksum, LinearState **result)
{
	Frame		frame;
	ByteReader	in;
	LinearState *state;
	uint32_t	nterms;
	size_t		size;

	CORE_TRY(frame_open(env, &frame, "state", state_magic, bytes, length, skip_checksum));
	CORE_TRY(frame_section(&frame, SECTION_LINEAR_STATE, &in));
	nterms = read_u32(&in);
	if (in.failed || nterms > STATE_MAX_TERMS || !linear_state_size((int) nterms, &size) ||
		data_length((int) nterms) > reader_left(&in) / sizeof(double))
		return frame_fail(&frame, &in, "%u terms do not fit its length", nterms);
	state = env_alloc(env, size, 1);
	if (state == NULL)
		return CORE_NO_MEMORY;
	linear_state_init(state, (int) nterms);
	state->nrows = read_i64(&in);
	state->weight = read_f64(&in);
	state->weight_squares = read_f64(&in);
	state->log_weight = read_f64(&in);
	read_f64_array(&in, env, data_length((int) nterms), state->data);
	CORE_TRY(frame_section_done(&frame, SECTION_LINEAR_STATE, &in));
	CORE_TRY(frame_close(&frame));
	CORE_TRY(check_state(env, state, CORE_CORRUPT));
	CORE_TRY(check_data(env, state));
	*result = state;
	return CORE_OK;
}
