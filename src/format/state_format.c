/*
 * state_format.c
 *	  The bytes of mergeable states; docs/MODEL_FORMAT.md is the specification.
 *
 * A LinearState has one canonical form, so equal states are equal bytes: R is
 * unique up to the sign of its rows, which is chosen so that no diagonal element
 * is negative, and zeros are positive.  Linear in the size of the state, about
 * 4 p^2 bytes for p terms.
 */
#include "format/model_format.h"

#include <math.h>

#include "format/sections.h"

/* Writes the packed columns of R with the rows turned so that the diagonal is positive. */
static CoreStatus
write_triangle(ByteWriter *writer, const double *r, int columns)
{
	const double *diagonal = r;
	bool	   *turn;

	CORE_ALLOC(writer->env, turn, (size_t) columns);
	for (int j = 0; j < columns; diagonal += j + 2, j++)
		turn[j] = *diagonal < 0;
	for (int j = 0; j < columns; j++)
	{
		env_poll(writer->env);
		/* adding zero makes a negative zero positive */
		for (int i = 0; i <= j; i++, r++)
			write_f64(writer, (turn[i] ? -*r : *r) + 0.0);
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

	CORE_TRY(linear_state_check(env, state));
	frame_begin(&writer, env, prefix, state_magic);
	position = section_begin(&writer, SECTION_LINEAR_STATE);
	write_u32(&writer, (uint32_t) state->nterms);
	write_i64(&writer, state->nrows);
	write_f64(&writer, state->weight + 0.0);
	write_f64(&writer, state->weight_squares + 0.0);
	write_f64(&writer, state->log_weight + 0.0);
	for (int j = 0; j < 2 * columns; j++)
		write_f64(&writer, state->data[j] + 0.0);
	CORE_TRY(write_triangle(&writer, linear_state_column(state, 0), columns));
	section_end(&writer, position);
	CORE_TRY(frame_end(&writer, 1));
	*bytes = writer.data;
	*length = writer.length;
	return CORE_OK;
}

static bool
is_negative_zero(double value)
{
	return value == 0 && signbit(value);
}

/* Whether the numbers are as state_encode writes them. */
static CoreStatus
check_canonical(CoreEnv *env, const LinearState *state)
{
	size_t		count = linear_state_doubles(state->nterms);
	bool		negative_zero = is_negative_zero(state->weight) || is_negative_zero(state->weight_squares) ||
		is_negative_zero(state->log_weight);

	for (size_t i = 0; i < count; i++)
	{
		if (i % 65536 == 0)
			env_poll(env);
		negative_zero |= is_negative_zero(state->data[i]);
	}
	if (negative_zero)
		return env_fail(env, CORE_CORRUPT, "invalid state: a zero is negative");
	for (int j = 0; j <= state->nterms; j++)
	{
		if (linear_state_column(state, j)[j] < 0)
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
	if (in.failed || nterms > LINEAR_MAX_TERMS || !linear_state_size((int) nterms, &size) ||
		linear_state_doubles((int) nterms) > reader_left(&in) / sizeof(double))
		return frame_fail(&frame, &in, "%u terms do not fit its length", nterms);
	state = env_alloc(env, size, 1);
	if (state == NULL)
		return CORE_NO_MEMORY;
	linear_state_init(state, (int) nterms);
	state->nrows = read_i64(&in);
	state->weight = read_f64(&in);
	state->weight_squares = read_f64(&in);
	state->log_weight = read_f64(&in);
	read_f64_array(&in, env, linear_state_doubles((int) nterms), state->data);
	CORE_TRY(frame_section_done(&frame, SECTION_LINEAR_STATE, &in));
	CORE_TRY(frame_close(&frame));
	CORE_TRY(frame_explain(&frame, linear_state_check(env, state)));
	CORE_TRY(check_canonical(env, state));
	*result = state;
	return CORE_OK;
}
