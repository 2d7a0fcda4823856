/*
 * exact_sum.c
 *	  A sum of doubles that does not depend on order; see exact_sum.h.
 *
 * Digit i stands for 2^(32 i - 1074).  A finite double is an integer of 53
 * bits times a power of two, so it touches three neighbouring digits; each lane
 * has 31 bits of headroom, so carries wait for 2^30 additions (Neal, "Fast exact
 * summation using small and large superaccumulators", 2015; Kulisch's long
 * accumulator).  Lane arithmetic is unsigned modulo 2^64: an accumulator made
 * from foreign bytes may be wrong but never undefined.
 *
 * Cost: about 2 ns an addition (0.3 to 0.6 ns by array), 100 ns a merge, 100 ns to
 * read the value.
 */
#include "core/exact_sum.h"

#include <math.h>
#include <string.h>

#include "core/pair.h"

#define PENDING_LIMIT (INT64_C(1) << 30)
#define LOWEST_EXPONENT (-1074) /* of the unit of digit 0 */
#define DIGIT_MASK UINT64_C(0xffffffff)

__extension__ typedef unsigned __int128 uint128;

static inline void
lane_add(ExactSum *sum, int digit, uint64_t value, bool negative)
{
	uint64_t	lane = (uint64_t) sum->digits[digit];

	sum->digits[digit] = (int64_t) (negative ? lane - value : lane + value);
}

/* Leaves digits 0 .. n-2 in [0, 2^32) and the sign in the last. */
static void
propagate_carries(int64_t *digits)
{
	uint64_t	carry = 0;

	for (int i = 0; i < EXACT_SUM_DIGITS - 1; i++)
	{
		uint64_t	lane = (uint64_t) digits[i] + carry;

		digits[i] = (int64_t) (lane & DIGIT_MASK);
		/* arithmetic shift of a possibly negative lane */
		carry = (lane >> 32) | (lane >> 63 ? ~DIGIT_MASK : 0);
	}
	digits[EXACT_SUM_DIGITS - 1] = (int64_t) ((uint64_t) digits[EXACT_SUM_DIGITS - 1] + carry);
}

static inline void
make_room(ExactSum *sum)
{
	if (sum->pending >= PENDING_LIMIT || sum->pending < 0)
		exact_sum_normalize(sum);
}

void
exact_sum_init(ExactSum *sum)
{
	memset(sum, 0, sizeof(*sum));
}

void
exact_sum_normalize(ExactSum *sum)
{
	propagate_carries(sum->digits);
	sum->pending = 1;
}

static inline int64_t
wrapping_add(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a + (uint64_t) b);
}

static void
add_special(ExactSum *sum, double x)
{
	int64_t    *count = isnan(x) ? &sum->nans : x > 0 ? &sum->positive_infinities : &sum->negative_infinities;

	*count = wrapping_add(*count, 1);
}

/* The caller has made room. */
static inline void
add_one(ExactSum *sum, double x)
{
	uint64_t	bits;
	uint64_t	mantissa;
	uint64_t	low;
	int			exponent;
	int			digit;
	int			shift;
	bool		negative;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int) (bits >> 52) & 0x7ff;
	mantissa = bits & UINT64_C(0xfffffffffffff);
	negative = bits >> 63;
	if (exponent == 0x7ff)
	{
		add_special(sum, x);
		return;
	}
	if (exponent == 0)
		exponent = 1;
	else
		mantissa |= UINT64_C(1) << 52;
	/* the lowest bit of the mantissa stands for 2^(exponent - 1075) */
	digit = (exponent - 1) >> 5;
	shift = (exponent - 1) & 31;
	low = (mantissa & DIGIT_MASK) << shift;
	mantissa = (mantissa >> 32) << shift;
	lane_add(sum, digit, low & DIGIT_MASK, negative);
	/* at most 2^32 + 2^52 before the split below, so halves stay within 32 bits */
	mantissa += low >> 32;
	lane_add(sum, digit + 1, mantissa & DIGIT_MASK, negative);
	lane_add(sum, digit + 2, mantissa >> 32, negative);
}

void
exact_sum_add(ExactSum *sum, double x)
{
	make_room(sum);
	add_one(sum, x);
	sum->pending++;
}

/*
 * A block of values by error-free extraction (Rump, Ogita, Oishi, "Accurate
 * floating-point summation", 2008): with s a power of two above n max|x|,
 * q = (s + x) - s is x rounded to a multiple of ulp(s), x - q is exact, and sums
 * of n such q are exact.  Mostly one extraction leaves nothing of numbers of
 * single precision and two leave nothing of doubles; what remains, if anything,
 * is added one by one, so the result is exact for any values.  The loops vectorise.
 */
#define EXTRACT_ROWS 512
#define EXTRACT_BITS 10			/* 2^10 > EXTRACT_ROWS with a bit to spare */
#define EXTRACT_PAIRS 4			/* running sums side by side: their sum is exact in any order */

/* The sum of the multiples, and whether anything is left; rest may be x. */
static double
extract(const double *x, double *rest, int n, double s, bool *left)
{
	Pair		total[EXTRACT_PAIRS] = {{0}};
	PairBits	bits[EXTRACT_PAIRS] = {{0}};
	int64_t		end_bits;
	double		sum;
	int			i = 0;

	for (; i + 2 * EXTRACT_PAIRS <= n; i += 2 * EXTRACT_PAIRS)
	{
		for (int k = 0; k < EXTRACT_PAIRS; k++)
		{
			Pair		value = pair_load(x + i + 2 * k);
			Pair		q = (s + value) - s;
			Pair		r = value - q;

			total[k] += q;
			bits[k] |= (PairBits) r;
			pair_store(rest + i + 2 * k, r);
		}
	}
	for (int k = 1; k < EXTRACT_PAIRS; k++)
	{
		total[0] += total[k];
		bits[0] |= bits[k];
	}
	sum = total[0][0] + total[0][1];
	end_bits = bits[0][0] | bits[0][1];
	for (; i < n; i++)
	{
		double		q = (s + x[i]) - s;

		sum += q;
		rest[i] = x[i] - q;
		end_bits |= rest[i] != 0;
	}
	/* a zero may have a sign */
	*left = (end_bits & INT64_MAX) != 0;
	return sum;
}

static double
largest_magnitude(const double *x, int n)
{
	Pair		largest[EXTRACT_PAIRS] = {{0}};
	Pair		zero[EXTRACT_PAIRS] = {{0}};	/* NaN once a value is not finite */
	double		result = 0;
	double		finite = 0;
	int			i = 0;

	for (; i + 2 * EXTRACT_PAIRS <= n; i += 2 * EXTRACT_PAIRS)
	{
		for (int k = 0; k < EXTRACT_PAIRS; k++)
		{
			Pair		value = pair_load(x + i + 2 * k);

			zero[k] += value * 0;
			largest[k] = pair_max(largest[k], pair_max(value, -value));
		}
	}
	for (; i < n; i++)
	{
		finite += x[i] * 0;
		result = fmax(result, fabs(x[i]));
	}
	for (int k = 0; k < EXTRACT_PAIRS; k++)
	{
		finite += zero[k][0] + zero[k][1];
		result = fmax(result, fmax(largest[k][0], largest[k][1]));
	}
	return finite == 0 ? result : NAN;
}

/* At most EXTRACT_ROWS values up to `largest`.  False: not a block of ordinary numbers, nothing was done. */
static bool
add_by_extraction(ExactSum *sum, const double *x, int n, double largest)
{
	double		rest[EXTRACT_ROWS];
	double		s;
	int			exponent;
	bool		left;

	if (largest == 0)
		return true;
	/* far enough from overflow and from subnormal numbers for both extractions */
	if (!(largest > 0x1p-800 && largest < 0x1p1000))
		return false;
	(void) frexp(largest, &exponent);
	s = ldexp(1, exponent + EXTRACT_BITS);
	add_one(sum, extract(x, rest, n, s, &left));
	if (left)
		add_one(sum, extract(rest, rest, n, s * 0x1p-43, &left));	/* 53 - EXTRACT_BITS bits further down */
	sum->pending += 2;
	for (int i = 0; left && i < n; i++)
		exact_sum_add(sum, rest[i]);
	return true;
}

static void
add_array(ExactSum *sum, const double *x, int64_t n, const double *bound)
{
	for (int64_t done = 0; done < n; done += EXTRACT_ROWS)
	{
		int			count = n - done < EXTRACT_ROWS ? (int) (n - done) : EXTRACT_ROWS;

		make_room(sum);
		if (add_by_extraction(sum, x + done, count, bound != NULL ? *bound : largest_magnitude(x + done, count)))
			continue;
		for (int i = 0; i < count; i++)
			exact_sum_add(sum, x[done + i]);
	}
}

void
exact_sum_add_array(ExactSum *sum, const double *x, int64_t n)
{
	add_array(sum, x, n, NULL);
}

void
exact_sum_add_bounded(ExactSum *sum, const double *x, int64_t n, double bound)
{
	add_array(sum, x, n, &bound);
}

/* |x| = mantissa * 2^(exponent - 1075) for finite x. */
static void
split_double(double x, uint64_t *mantissa, int *exponent)
{
	uint64_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	*exponent = (int) (bits >> 52) & 0x7ff;
	*mantissa = bits & UINT64_C(0xfffffffffffff);
	if (*exponent == 0)
		*exponent = 1;
	else
		*mantissa |= UINT64_C(1) << 52;
}

void
exact_sum_add_product(ExactSum *sum, double a, double b)
{
	double		rounded = a * b;
	uint64_t	mantissa_a;
	uint64_t	mantissa_b;
	int			exponent_a;
	int			exponent_b;
	int			position;
	uint128		product;
	bool		negative = (a < 0) != (b < 0);

	make_room(sum);
	sum->pending++;
	if (!isfinite(rounded))
	{
		add_special(sum, rounded);
		return;
	}
	split_double(a, &mantissa_a, &exponent_a);
	split_double(b, &mantissa_b, &exponent_b);
	product = (uint128) mantissa_a * mantissa_b;
	position = exponent_a + exponent_b - 2 * 1075 - LOWEST_EXPONENT;
	if (position < 0)
	{
		/* bits below the smallest subnormal are cut off, as no double could hold them */
		product = position <= -128 ? 0 : product >> -position;
		position = 0;
	}
	for (int digit = position >> 5, shift = position & 31; product != 0; digit++)
	{
		lane_add(sum, digit, ((uint64_t) product << shift) & DIGIT_MASK, negative);
		product >>= 32 - shift;
		shift = 0;
	}
}

void
exact_sum_merge(ExactSum *sum, const ExactSum *other)
{
	ExactSum	normal;

	make_room(sum);
	if (other->pending > PENDING_LIMIT || other->pending < 0)
	{
		normal = *other;
		exact_sum_normalize(&normal);
		other = &normal;
	}
	for (int i = 0; i < EXACT_SUM_DIGITS; i++)
		sum->digits[i] = wrapping_add(sum->digits[i], other->digits[i]);
	sum->pending += other->pending;
	sum->nans = wrapping_add(sum->nans, other->nans);
	sum->positive_infinities = wrapping_add(sum->positive_infinities, other->positive_infinities);
	sum->negative_infinities = wrapping_add(sum->negative_infinities, other->negative_infinities);
}

/* Correctly rounded value of a non-negative number in carried digits. */
static double
magnitude_value(const int64_t *digits)
{
	int			top = EXACT_SUM_DIGITS - 1;
	uint64_t	window;
	bool		sticky = false;
	int			exponent;
	int			drop;
	uint64_t	kept;
	uint64_t	rest;

	while (top > 0 && digits[top] == 0)
		top--;
	if (top < 2)
	{
		/* subnormals and the first normal numbers: exact when they fit, else the general case pads below */
		uint64_t	value = (uint64_t) digits[0] | (uint64_t) digits[1] << 32;

		if (value < UINT64_C(1) << 53)
			return ldexp((double) value, LOWEST_EXPONENT);
	}

	/* the leading 64 bits, and whether anything below them is set */
	{
		uint64_t	high = (uint64_t) digits[top];
		uint64_t	middle = top > 0 ? (uint64_t) digits[top - 1] : 0;
		uint64_t	low = top > 1 ? (uint64_t) digits[top - 2] : 0;
		int			leading = __builtin_clzll(high) - 32;	/* zeros in a 32-bit digit; negative above */
		uint128		all = (uint128) high << 64 | (uint128) middle << 32 | low;
		int			shift = 32 - leading;

		window = (uint64_t) (all >> shift);
		sticky = shift > 0 && (all & (((uint128) 1 << shift) - 1)) != 0;
		exponent = 32 * (top - 2) + shift + LOWEST_EXPONENT;
	}
	for (int i = top - 3; i >= 0 && !sticky; i--)
		sticky = digits[i] != 0;

	/* 53 bits; the value is at least 2^53 units here, so no subnormal rounds twice */
	drop = 11;
	kept = window >> drop;
	rest = window & ((UINT64_C(1) << drop) - 1);
	if (rest > UINT64_C(1) << (drop - 1) ||
		(rest == UINT64_C(1) << (drop - 1) && (sticky || (kept & 1))))
		kept++;
	return ldexp((double) kept, exponent + drop);
}

double
exact_sum_value(const ExactSum *sum)
{
	int64_t		digits[EXACT_SUM_DIGITS];
	bool		negative;

	if (sum->nans != 0 || (sum->positive_infinities != 0 && sum->negative_infinities != 0))
		return NAN;
	if (sum->positive_infinities != 0)
		return INFINITY;
	if (sum->negative_infinities != 0)
		return -INFINITY;

	memcpy(digits, sum->digits, sizeof(digits));
	propagate_carries(digits);
	negative = digits[EXACT_SUM_DIGITS - 1] < 0;
	if (negative)
	{
		for (int i = 0; i < EXACT_SUM_DIGITS; i++)
			digits[i] = (int64_t) (0 - (uint64_t) digits[i]);
		propagate_carries(digits);
	}
	return negative ? -magnitude_value(digits) : magnitude_value(digits);
}
