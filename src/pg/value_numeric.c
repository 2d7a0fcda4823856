/*
 * value_numeric.c
 *	  Numerics as doubles and integers; see value.h.
 *
 * The digits are decoded here (the on-disk form, which is fixed as long as
 * pg_upgrade keeps data files): up to 2^53 over a power of ten up to 10^22 one
 * division rounds correctly (W. D. Clinger, "How to read floating point numbers
 * accurately", PLDI 1990), about 10 ns; longer ones go through the server's
 * conversion, which prints and parses, some 300 ns.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/value.h"

/* The header bits of a stored numeric. */
#define NUMERIC_KIND_MASK		0xC000
#define NUMERIC_KIND_NEGATIVE	0x4000
#define NUMERIC_KIND_SHORT		0x8000
#define NUMERIC_KIND_SPECIAL	0xC000
#define NUMERIC_SHORT_NEGATIVE	0x2000
#define NUMERIC_SHORT_WEIGHT_NEGATIVE 0x0040
#define NUMERIC_SHORT_WEIGHT_MASK 0x003F
#define NUMERIC_BASE 10000
#define EXACT_POWERS 22			/* 10^22 is the largest power of ten that a double holds exactly */
#define EXACT_MANTISSA (UINT64CONST(1) << 53)

static const double power_of_ten[EXACT_POWERS + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

static inline uint16
load_uint16(const char *data)
{
	uint16		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

/* All digits of an integral value as int64; false when it does not fit. */
static bool
numeric_digits_integer(const char *digits, int ndigits, int weight, bool negative, int64 *integer)
{
	uint64		magnitude = 0;
	const uint64 limit = negative ? UINT64CONST(1) << 63 : (UINT64CONST(1) << 63) - 1;

	if (weight < ndigits - 1)
		return false;			/* digits after the point; trailing zeros are not stored */
	if (weight > 4)
		return false;			/* 10^20 and more */
	for (int i = 0; i <= weight; i++)
	{
		uint64		digit = i < ndigits ? load_uint16(digits + 2 * i) : 0;

		if (__builtin_mul_overflow(magnitude, (uint64) NUMERIC_BASE, &magnitude) ||
			__builtin_add_overflow(magnitude, digit, &magnitude))
			return false;
	}
	if (magnitude > limit)
		return false;
	*integer = negative ? (int64) (~magnitude + 1) : (int64) magnitude;
	return true;
}

/* One correctly rounded division or product, when both operands are exact. */
static bool
numeric_digits_exact(const char *digits, int ndigits, int weight, bool negative, double *number)
{
	uint64		mantissa = 0;
	int			exponent = 4 * (weight - ndigits + 1);

	if (exponent > EXACT_POWERS || exponent < -EXACT_POWERS)
		return false;
	for (int i = 0; i < ndigits; i++)
	{
		if (mantissa > EXACT_MANTISSA / NUMERIC_BASE)
			return false;
		mantissa = mantissa * NUMERIC_BASE + load_uint16(digits + 2 * i);
	}
	if (mantissa > EXACT_MANTISSA)
		return false;
	*number = exponent >= 0 ? (double) mantissa * power_of_ten[exponent] : (double) mantissa / power_of_ten[-exponent];
	if (negative)
		*number = -*number;
	return true;
}

bool
value_numeric(Datum datum, double *number, int64 *integer)
{
	struct varlena *packed = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(datum));
	const char *data = VARDATA_ANY(packed);
	int			length = VARSIZE_ANY_EXHDR(packed);
	uint16		header = load_uint16(data);
	int			kind = header & NUMERIC_KIND_MASK;

	if (kind != NUMERIC_KIND_SPECIAL)
	{
		bool		negative;
		int			weight;
		int			ndigits;
		const char *digits;

		if (kind == NUMERIC_KIND_SHORT)
		{
			negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
			weight = header & NUMERIC_SHORT_WEIGHT_MASK;
			if (header & NUMERIC_SHORT_WEIGHT_NEGATIVE)
				weight -= NUMERIC_SHORT_WEIGHT_MASK + 1;
			digits = data + 2;
			ndigits = (length - 2) / 2;
		}
		else
		{
			negative = kind == NUMERIC_KIND_NEGATIVE;
			weight = (int16) load_uint16(data + 2);
			digits = data + 4;
			ndigits = (length - 4) / 2;
		}

		if (ndigits == 0)
		{
			*number = 0;
			*integer = 0;
			return true;
		}
		if (numeric_digits_integer(digits, ndigits, weight, negative, integer))
		{
			*number = (double) *integer;
			return true;
		}
		if (numeric_digits_exact(digits, ndigits, weight, negative, number))
			return false;
	}
	*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, PointerGetDatum(packed)));
	return false;
}
