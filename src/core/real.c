/*
 * real.c
 *	  Transcendentals of our own: the same bits on every machine; see real.h.
 *
 * Only additions, multiplications, divisions and square roots of IEEE doubles
 * in a fixed order, compiled without contraction.  Method: argument reduction
 * with tables of 128 entries in two parts and a short Taylor polynomial (Tang,
 * "Table-driven implementation of the exponential function", 1989, and "...
 * of the logarithm function", 1990); where a result needs more than double
 * precision on the way (pow, products in exponents), error-free sums and
 * products (Dekker 1971, Knuth).  Errors are about 0.51 ulp for exp and log,
 * 0.55 for expm1 and log1p; test_real.c measures them.
 *
 * Cost: 5 to 15 ns each, pow 30 ns.
 */
#include "core/real.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/real_tables.h"

/* Adding and subtracting it rounds to an integer, |x| < 2^51. */
#define ROUNDING_SHIFT 0x1.8p52

/* A value as an unevaluated sum of two doubles. */
typedef struct DoubleDouble
{
	double		high;
	double		low;
} DoubleDouble;

static inline uint64_t
double_bits(double x)
{
	uint64_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline double
bits_double(uint64_t bits)
{
	double		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* 2^exponent for -1022 <= exponent <= 1023. */
static inline double
power_of_two(int exponent)
{
	return bits_double((uint64_t) (exponent + 1023) << 52);
}

/* a + b = high + low exactly. */
static inline DoubleDouble
two_sum(double a, double b)
{
	DoubleDouble result;
	double		part;

	result.high = a + b;
	part = result.high - a;
	result.low = (a - (result.high - part)) + (b - part);
	return result;
}

/* a * b = high + low exactly, barring overflow (|a|, |b| < 2^995) and underflow. */
static inline DoubleDouble
two_product(double a, double b)
{
	DoubleDouble result;
	double		scaled_a = a * 0x1.0000002p27;
	double		scaled_b = b * 0x1.0000002p27;
	double		high_a = scaled_a - (scaled_a - a);
	double		high_b = scaled_b - (scaled_b - b);
	double		low_a = a - high_a;
	double		low_b = b - high_b;

	result.high = a * b;
	result.low = ((high_a * high_b - result.high) + high_a * low_b + low_a * high_b) + low_a * low_b;
	return result;
}

/* y * 2^exponent, rounding once more only where the result is subnormal. */
static inline double
scale(double y, int exponent)
{
	if (exponent > 1023)
		return y * 0x1p1023 * power_of_two(exponent - 1023);
	if (exponent < -1022)
		return y * power_of_two(exponent + 200) * 0x1p-200;
	return y * power_of_two(exponent);
}

/* exp(r) - 1 for |r| <= log 2 / 256 and a little more. */
static inline double
exp_polynomial(double r)
{
	return r + r * r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120))));
}

/* exp(x + low) for -746 <= x <= 710 and |low| <= 1e-4. */
static double
exp_sum(double x, double low)
{
	double		k = (x * INVERSE_LN2_128 + ROUNDING_SHIFT) - ROUNDING_SHIFT;
	double		r = ((x - k * LN2_128_HIGH) - k * LN2_128_LOW) + low;
	int			n = (int) k;
	const double *entry = exp_table[n & 127];

	return scale(entry[0] + (entry[0] * exp_polynomial(r) + entry[1]), (n - (n & 127)) / 128);
}

double
real_exp(double x)
{
	if (!(x <= 710))
		return isnan(x) ? x : INFINITY;
	if (x < -746)
		return 0;
	return exp_sum(x, 0);
}

double
real_expm1(double x)
{
	double		k;
	double		r;
	int			n;
	double		factor;
	const double *entry;
	DoubleDouble base;

	if (fabs(x) < 0.1)
	{
		double		tail;

		if (fabs(x) < 0x1p-54)
			return x;
		tail = 1.0 / 40320 + x * (1.0 / 362880 + x * (1.0 / 3628800 + x * (1.0 / 39916800)));

		tail = 1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x * (1.0 / 720 + x * (1.0 / 5040 + x * tail))));
		return x + x * x * (0.5 + x * tail);
	}
	if (!(x <= 60))
		return real_exp(x);
	if (x < -40)
		return -1;

	/* 2^(n / 128) (1 + p) - 1 with the large parts subtracted first */
	k = (x * INVERSE_LN2_128 + ROUNDING_SHIFT) - ROUNDING_SHIFT;
	r = (x - k * LN2_128_HIGH) - k * LN2_128_LOW;
	n = (int) k;
	entry = exp_table[n & 127];
	factor = power_of_two((n - (n & 127)) / 128);
	base = two_sum(entry[0] * factor, -1);
	return base.high + (base.low + factor * (entry[0] * exp_polynomial(r) + entry[1]));
}

/* (log(1 + r) - r + r^2 / 2) / r^3 for |r| <= 2^-7 */
static inline double
log_polynomial(double r)
{
	return 1.0 / 3 + r * (-1.0 / 4 + r * (1.0 / 5 + r * (-1.0 / 6 + r * (1.0 / 7 + r * (-1.0 / 8 + r * (1.0 / 9))))));
}

/* What the logarithm of a positive finite x + low is put together from. */
typedef struct LogReduction
{
	double		base;			/* k log 2 + log c, exact in its high part */
	double		base_low;
	double		r;				/* (x + low) / (2^k c) - 1 */
	double		r_low;
} LogReduction;

static inline LogReduction
log_reduce(double x, double low)
{
	LogReduction result;
	uint64_t	bits;
	uint64_t	offset;
	int			k = 0;
	double		z;
	double		z_high;
	double		first;
	double		second;
	const double *entry;

	if (x < 0x1p-1022)
	{
		x *= 0x1p54;
		k = -54;
	}
	bits = double_bits(x);
	offset = bits - LOG_OFFSET;
	entry = log_table[(offset >> 45) & 127];
	offset &= UINT64_C(0xfff) << 52;
	z = bits_double(bits - offset);
	k += (int) ((int64_t) offset >> 52);

	/* the inverse has 10 bits and z_high 26, so both products are exact, and so is the first difference */
	z_high = bits_double(double_bits(z) & ~UINT64_C(0x7ffffff));
	first = z_high * entry[0] - 1;
	second = (z - z_high) * entry[0];
	result.r = first + second;
	result.r_low = second - (result.r - first);
	if (low != 0)
		result.r_low += low * power_of_two(-k) * entry[0];
	result.base = k * LN2_HIGH + entry[1];
	result.base_low = k * LN2_LOW + entry[2];
	return result;
}

/* log(x + low) for positive finite x, |low| <= half an ulp of x, 0 where x > 2^60. */
static double
log_sum(double x, double low)
{
	LogReduction reduced = log_reduce(x, low);
	double		r = reduced.r;
	DoubleDouble sum = two_sum(reduced.base, r);
	double		rest = (sum.low + reduced.base_low) + reduced.r_low * (1 - r);

	return sum.high + (rest + r * r * (r * log_polynomial(r) - 0.5));
}

/* log x with about 68 bits. */
static DoubleDouble
log_extended(double x)
{
	LogReduction reduced = log_reduce(x, 0);
	double		r = reduced.r;
	DoubleDouble square = two_product(-0.5 * r, r);
	DoubleDouble sum = two_sum(reduced.base, r);
	DoubleDouble total = two_sum(sum.high, square.high);
	double		rest = (sum.low + total.low) + (reduced.base_low + square.low) + reduced.r_low * (1 - r);

	rest += r * r * r * log_polynomial(r);
	return two_sum(total.high, rest);
}

double
real_log(double x)
{
	if (!(x > 0))
		return x == 0 ? -INFINITY : NAN;
	if (isinf(x))
		return x;
	return log_sum(x, 0);
}

double
real_log1p(double x)
{
	DoubleDouble sum;

	if (fabs(x) < 0x1p-54)
		return x;
	if (fabs(x) < 0x1p-7)
		return x + x * x * (x * log_polynomial(x) - 0.5);
	if (!(x > -1))
		return x == -1 ? -INFINITY : NAN;
	if (x > 0x1p60)
		return real_log(x);
	sum = two_sum(x, 1);
	return log_sum(sum.high, sum.low);
}

/* exp of y log |x|, for finite x != 0 and finite y. */
static double
pow_magnitude(double x, double y)
{
	DoubleDouble logarithm = log_extended(x);
	DoubleDouble product;
	double		estimate = y * logarithm.high;

	if (estimate > 720)
		return INFINITY;
	if (estimate < -760)
		return 0;
	if (fabs(estimate) < 0x1p-54)
		return 1 + estimate;
	product = two_product(y, logarithm.high);
	product.low += y * logarithm.low;
	/* exp_sum has its own limits */
	if (product.high > 710)
		return INFINITY;
	if (product.high < -746)
		return 0;
	return exp_sum(product.high, product.low);
}

double
real_pow(double x, double y)
{
	bool		whole;
	bool		odd;
	double		magnitude;
	double		result;

	if (y == 0 || x == 1)
		return 1;
	if (isnan(x) || isnan(y))
		return NAN;
	magnitude = fabs(x);
	if (isinf(y))
		return magnitude == 1 ? 1 : (magnitude > 1) == (y > 0) ? INFINITY : 0;
	whole = y == floor(y);
	odd = whole && fabs(y) < 0x1p53 && floor(y / 2) * 2 != y;
	if (x == 0 || isinf(x))
		result = (x == 0) == (y < 0) ? INFINITY : 0;
	else if (x < 0 && !whole)
		return NAN;
	else if (y == 1)
		return x;
	else if (y == 2)
		return x * x;
	else
		result = pow_magnitude(magnitude, y);
	return odd && signbit(x) ? -result : result;
}

double
real_logistic(double x)
{
	double		e;

	if (x >= 0)
		return 1 / (1 + real_exp(-x));
	e = real_exp(x);
	return e / (1 + e);
}

double
real_softplus(double x)
{
	if (x > 0)
		return x + real_log1p(real_exp(-x));
	return real_log1p(real_exp(x));
}

void
real_softmax(double *margins, int k)
{
	double		largest = -INFINITY;
	double		sum = 0;

	for (int i = 0; i < k; i++)
	{
		if (margins[i] > largest)
			largest = margins[i];
	}
	for (int i = 0; i < k; i++)
	{
		/* several infinite margins share the probability */
		margins[i] = margins[i] == largest ? 1 : real_exp(margins[i] - largest);
		sum += margins[i];
	}
	for (int i = 0; i < k; i++)
		margins[i] /= sum;
}

double
real_normal_upper(double z)
{
	double		t;
	double		twice;
	double		current = 0;
	double		previous = 0;
	double		high;

	if (z < 0)
		return 1 - real_normal_upper(-z);
	if (!(z < 39))
		return isnan(z) ? z : 0;

	/* Clenshaw's recurrence */
	t = (z - 5) / (z + 5);
	twice = 2 * t;
	for (int i = TAIL_TERMS - 1; i > 0; i--)
	{
		double		next = twice * current - previous + tail_coefficients[i];

		previous = current;
		current = next;
	}
	/* z^2 / 2 in two parts: the relative error of exp is the absolute one of its argument */
	high = bits_double(double_bits(z) & ~UINT64_C(0x7ffffff));
	return exp_sum(-0.5 * high * high, -0.5 * (z - high) * (z + high)) *
		((t * current - previous + tail_coefficients[0]) / (1 + 2 * z));
}

double
real_normal_cdf(double x)
{
	return real_normal_upper(-x);
}
