/*
 * base64.c
 *	  Base64 as in RFC 4648, section 4; see base64.h.  Linear; polls.
 */
#include "format/base64.h"

#define POLL_BYTES ((size_t) 1 << 20)	/* a millisecond or two */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

void
base64_encode(CoreEnv *env, const uint8_t *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i += 3)
	{
		size_t		left = length - i;
		uint32_t	group = (uint32_t) bytes[i] << 16;

		if (i % (3 * POLL_BYTES) == 0)
			env_poll(env);
		if (left > 1)
			group |= (uint32_t) bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[(group >> 12) & 63];
		*out++ = left > 1 ? alphabet[(group >> 6) & 63] : '=';
		*out++ = left > 2 ? alphabet[group & 63] : '=';
	}
}

/* 0 .. 63, or -1 for a character outside the alphabet. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/*
 * Writes the bytes of one group of four characters, of which `padding` were
 * '='; false when left-over bits are set.
 */
static bool
put_group(uint32_t group, int padding, uint8_t **out)
{
	if ((padding == 1 && (group & 0xFF) != 0) || (padding == 2 && (group & 0xFFFF) != 0))
		return false;
	*(*out)++ = (uint8_t) (group >> 16);
	if (padding < 2)
		*(*out)++ = (uint8_t) (group >> 8);
	if (padding < 1)
		*(*out)++ = (uint8_t) group;
	return true;
}

CoreStatus
base64_decode(CoreEnv *env, const char *text, size_t text_length, size_t prefix, uint8_t **bytes, size_t *length)
{
	uint8_t    *result = env_alloc(env, prefix + text_length / 4 * 3 + 3, 1);
	uint8_t    *out;
	uint32_t	group = 0;
	int			digits = 0;		/* characters of the current group */
	int			padding = 0;
	bool		ended = false;

	if (result == NULL)
		return CORE_NO_MEMORY;
	out = result + prefix;
	for (size_t i = 0; i < text_length; i++)
	{
		char		c = text[i];
		int			value;

		if (i % POLL_BYTES == 0)
			env_poll(env);
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		value = digit_value(c);
		if (c == '=' && digits >= 2)
		{
			padding++;
			value = 0;
		}
		else if (value < 0 || padding > 0)
			return env_fail(env, CORE_INVALID, "invalid base64 text at character %zu", i + 1);
		if (ended)
			return env_fail(env, CORE_INVALID, "base64 text goes on after its end at character %zu", i + 1);
		group = group << 6 | (uint32_t) value;
		if (++digits == 4)
		{
			if (!put_group(group, padding, &out))
				return env_fail(env, CORE_INVALID, "invalid base64 text at character %zu", i + 1);
			ended = padding > 0;
			group = 0;
			digits = padding = 0;
		}
	}
	if (digits != 0)
		return env_fail(env, CORE_INVALID, "base64 text ends within a group of four characters");
	*bytes = result;
	*length = (size_t) (out - result);
	return CORE_OK;
}
