/*
 * fingerprint.c
 *	  Fingerprints of sets of rows; see fingerprint.h.
 *
 * The two halves of what a row adds are draws of two streams of the row's hash.
 */
#include "core/fingerprint.h"

#define LOW_STREAM 1
#define HIGH_STREAM 2

uint64_t
fingerprint_column(const char *name, size_t length)
{
	return hash_row_final(hash_bytes(name, length));
}

void
fingerprint_add_row(Fingerprint *fingerprint, uint64_t cells)
{
	Fingerprint row = {1, hash_seeded(cells, LOW_STREAM), hash_seeded(cells, HIGH_STREAM)};

	fingerprint_merge(fingerprint, &row);
}

void
fingerprint_merge(Fingerprint *fingerprint, const Fingerprint *other)
{
	uint64_t	low = fingerprint->low + other->low;

	fingerprint->high += other->high + (low < other->low ? 1 : 0);
	fingerprint->low = low;
	fingerprint->rows += other->rows;
}

void
fingerprint_subtract(Fingerprint *fingerprint, const Fingerprint *other)
{
	fingerprint->high -= other->high + (fingerprint->low < other->low ? 1 : 0);
	fingerprint->low -= other->low;
	fingerprint->rows -= other->rows;
}

void
fingerprint_text(const Fingerprint *fingerprint, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < FINGERPRINT_DIGITS; i++)
	{
		uint64_t	half = i < 16 ? fingerprint->high : fingerprint->low;

		out[i] = digits[(half >> (60 - 4 * (i % 16))) & 15];
	}
	out[FINGERPRINT_DIGITS] = '\0';
}

bool
fingerprint_parse(const char *text, Fingerprint *fingerprint)
{
	uint64_t	halves[2] = {0, 0};

	for (int i = 0; i < FINGERPRINT_DIGITS; i++)
	{
		char		c = text[i];
		int			digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		halves[i / 16] = halves[i / 16] << 4 | (uint64_t) digit;
	}
	fingerprint->rows = 0;
	fingerprint->high = halves[0];
	fingerprint->low = halves[1];
	return text[FINGERPRINT_DIGITS] == '\0';
}
