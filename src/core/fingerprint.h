/*
 * fingerprint.h
 *	  Fingerprints of sets of rows: the same in any order, and sums of their parts.
 *
 * Each value is a 64-bit word, each value in its column a cell, the cells of a
 * row add up to the row's hash, and 128 bits derived from it are added, modulo
 * 2^128, to the fingerprint.  Rows and columns may come in any order; the
 * fingerprints of two sets add up to that of both, and rows can be taken out
 * again.  Two sets that differ by accident have different fingerprints but for
 * a chance of about 2^-64; it is no defence against someone who looks for
 * collisions.
 *
 * Numbers are compared as double precision, whatever their SQL type (integers
 * that a double cannot hold exactly: as integers); other values by the
 * canonical hash (hash.h).  None of this may ever change.
 */
#ifndef CORE_FINGERPRINT_H
#define CORE_FINGERPRINT_H

#include <string.h>

#include "core/env.h"
#include "core/hash.h"

typedef struct Fingerprint
{
	uint64_t	rows;
	uint64_t	low;
	uint64_t	high;
} Fingerprint;

#define FINGERPRINT_DIGITS 32	/* of the text form, hexadecimal */

/* Identity of a column, by name. */
extern uint64_t fingerprint_column(const char *name, size_t length);

static inline uint64_t
fingerprint_number(double value)
{
	uint64_t	word;

	if (value != value)
		return UINT64_C(0x7ff8000000000000);
	value += 0.0;				/* -0 is 0 */
	memcpy(&word, &value, sizeof(word));
	return word;
}

static inline uint64_t
fingerprint_integer(int64_t value)
{
	double		number = (double) value;

	/* 2^63 is no int64: the cast back would overflow */
	if (number < 0x1p63 && (int64_t) number == value)
		return fingerprint_number(number);
	return hash_int64(value);
}

static inline uint64_t
fingerprint_cell(uint64_t column, uint64_t word)
{
	__extension__ unsigned __int128 product = (unsigned __int128) (column ^ word) * UINT64_C(0x9ba77dc4f2a5d8b3);

	return ((uint64_t) product ^ (uint64_t) (product >> 64)) + column;
}

/* `cells`: the sum of the row's cells. */
extern void fingerprint_add_row(Fingerprint *fingerprint, uint64_t cells);
extern void fingerprint_merge(Fingerprint *fingerprint, const Fingerprint *other);
extern void fingerprint_subtract(Fingerprint *fingerprint, const Fingerprint *other);
/* out[FINGERPRINT_DIGITS + 1] */
extern void fingerprint_text(const Fingerprint *fingerprint, char *out);
/* The sum alone; false unless 32 hexadecimal digits. */
extern bool fingerprint_parse(const char *text, Fingerprint *fingerprint);

#endif							/* CORE_FINGERPRINT_H */
