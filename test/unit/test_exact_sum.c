/*
 * test_exact_sum.c: sums that do not depend on order, against schoolbook integers of 2,560 bits.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "core/exact_sum.h"

#define LIMBS 80

/* Two's complement integer in units of 2^-1074, carries at once. */
typedef struct Wide
{
	uint32_t	limb[LIMBS];
} Wide;

/* wide += sign * mantissa * 2^position, one bit at a time. */
static void
wide_add_bits(Wide *wide, uint64_t mantissa, int position, bool negative)
{
	for (int bit = 0; bit < 64; bit++)
	{
		int			limb = (position + bit) / 32;
		uint64_t	value = UINT64_C(1) << ((position + bit) % 32);

		if (!(mantissa >> bit & 1))
			continue;
		for (; limb < LIMBS && value != 0; limb++)
		{
			uint64_t	sum = negative ? (uint64_t) wide->limb[limb] - value : (uint64_t) wide->limb[limb] + value;

			wide->limb[limb] = (uint32_t) sum;
			value = sum >> 32 != 0;
		}
	}
}

static void
wide_add(Wide *wide, double x, bool negate)
{
	int			exponent;
	double		fraction = frexp(fabs(x), &exponent);
	uint64_t	mantissa = (uint64_t) ldexp(fraction, 53);
	int			position = exponent - 53 + 1074;

	/* subnormals: low bits are zero */
	for (; position < 0; position++)
		mantissa >>= 1;
	wide_add_bits(wide, mantissa, position, (x < 0) != negate);
}

static int
wide_sign(const Wide *wide)
{
	if (wide->limb[LIMBS - 1] >> 31)
		return -1;
	for (int i = 0; i < LIMBS; i++)
	{
		if (wide->limb[i] != 0)
			return 1;
	}
	return 0;
}

/*
 * Whether `value` is the double nearest to the integer: the neighbours' midpoints lie on either side (or on it, when
 * value's last bit is even).  Twice the distances keep everything whole.
 */
static bool
is_nearest(const Wide *sum, double value)
{
	Wide		above = {{0}};
	Wide		below = {{0}};
	double		up = nextafter(value, INFINITY);
	double		down = nextafter(value, -INFINITY);
	uint64_t	bits;
	bool		even;

	memcpy(&bits, &value, sizeof(bits));
	even = (bits & 1) == 0;
	if (!isfinite(up) || !isfinite(down))
		return false;
	/* value + up - 2 sum >= 0 and 2 sum - value - down >= 0 */
	for (int twice = 0; twice < 2; twice++)
	{
		uint64_t	carry = 0;

		for (int i = 0; i < LIMBS; i++)
		{
			carry += (uint64_t) below.limb[i] + sum->limb[i];
			below.limb[i] = (uint32_t) carry;
			carry >>= 32;
		}
	}
	{
		uint64_t	borrow = 0;

		for (int i = 0; i < LIMBS; i++)
		{
			uint64_t	difference = (uint64_t) 0 - below.limb[i] - borrow;

			above.limb[i] = (uint32_t) difference;
			borrow = difference >> 32 != 0;
		}
	}
	wide_add(&above, value, false);
	wide_add(&above, up, false);
	wide_add(&below, value, true);
	wide_add(&below, down, true);
	return even ? wide_sign(&above) >= 0 && wide_sign(&below) >= 0 : wide_sign(&above) > 0 && wide_sign(&below) > 0;
}

static ExactSum
sum_of(const double *x, int n)
{
	ExactSum	sum;

	exact_sum_init(&sum);
	exact_sum_add_array(&sum, x, n);
	return sum;
}

static void
shuffle(TestRandom *random, double *x, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) (test_random_bits(random) % (uint64_t) (i + 1));
		double		keep = x[i];

		x[i] = x[j];
		x[j] = keep;
	}
}

/* Doubles with exponents in the whole range, a narrow one, or made to cancel. */
static void
random_values(TestRandom *random, double *x, int n, int kind)
{
	for (int i = 0; i < n; i++)
	{
		double		fraction = test_random_uniform(random) - 0.5;

		switch (kind)
		{
			case 0:
				x[i] = ldexp(fraction, (int) (test_random_bits(random) % 2090) - 1070);
				break;
			case 1:
				x[i] = fraction;
				break;
			case 2:
				x[i] = i % 2 == 1 ? -x[i - 1] * (1 + 0x1p-52 * (double) (test_random_bits(random) % 3)) : ldexp(fraction, 300);
				break;
			case 3:
				x[i] = ldexp(floor(fraction * 64), -1074);
				break;
			default:
				x[i] = 1e9 + floor(fraction * 1e6) / 64;
		}
	}
}

static void
correctly_rounded_in_any_order(void **state)
{
	TestRandom	random = {101};
	double		x[500];

	(void) state;
	for (int round = 0; round < 400; round++)
	{
		int			n = 1 + (int) (test_random_bits(&random) % 500);
		Wide		wide = {{0}};
		ExactSum	sum;
		ExactSum	again;
		double		value;

		random_values(&random, x, n, round % 5);
		sum = sum_of(x, n);
		value = exact_sum_value(&sum);
		for (int i = 0; i < n; i++)
			wide_add(&wide, x[i], false);
		assert_true(is_nearest(&wide, value));

		shuffle(&random, x, n);
		again = sum_of(x, n / 2);
		{
			ExactSum	rest = sum_of(x + n / 2, n - n / 2);

			exact_sum_merge(&again, &rest);
		}
		assert_true(exact_sum_value(&again) == value);
		exact_sum_normalize(&sum);
		exact_sum_normalize(&again);
		assert_memory_equal(sum.digits, again.digits, sizeof(sum.digits));
		assert_true(exact_sum_value(&sum) == value);

		exact_sum_init(&again);
		for (int i = 0; i < n; i++)
			exact_sum_add(&again, x[i]);
		assert_true(exact_sum_value(&again) == value);

		/* any bound will do */
		exact_sum_init(&again);
		value = fabs(x[0]);
		for (int i = 1; i < n; i++)
			value = fmax(value, fabs(x[i]));
		exact_sum_add_bounded(&again, x, n, value * (round % 2 == 0 ? 1 : 300));
		assert_true(is_nearest(&wide, exact_sum_value(&again)));
	}
}

static double
sum3(double a, double b, double c)
{
	double		x[3] = {a, b, c};
	ExactSum	sum = sum_of(x, 3);

	return exact_sum_value(&sum);
}

static void
adversarial_cases(void **state)
{
	ExactSum	sum;

	(void) state;
	assert_true(sum3(1e308, 1, -1e308) == 1);
	assert_true(sum3(DBL_MAX, DBL_MAX, -DBL_MAX) == DBL_MAX);
	assert_true(sum3(DBL_MAX, DBL_MAX, 0) == INFINITY);
	assert_true(sum3(-DBL_MAX, -DBL_MAX, 0) == -INFINITY);
	/* half an ulp of DBL_MAX rounds to even, which is infinity; a bit less does not */
	assert_true(sum3(DBL_MAX, 0x1p970, 0) == INFINITY);
	assert_true(sum3(DBL_MAX, 0x1p970, -DBL_TRUE_MIN) == DBL_MAX);
	assert_true(sum3(0x1p63, 1, -0x1p63) == 1);
	assert_true(sum3(0x1p53, 1, 0) == 0x1p53);
	assert_true(sum3(0x1p53, 1, DBL_TRUE_MIN) == 0x1p53 + 2);
	assert_true(sum3(0x1p53 + 2, 1, 0) == 0x1p53 + 4);
	assert_true(sum3(-0x1p53, -1, -DBL_TRUE_MIN) == -0x1p53 - 2);
	assert_true(sum3(DBL_TRUE_MIN, DBL_TRUE_MIN, 0) == 2 * DBL_TRUE_MIN);
	assert_true(sum3(DBL_MIN, -DBL_TRUE_MIN, 0) == DBL_MIN - DBL_TRUE_MIN);
	assert_true(sum3(1, -1, DBL_TRUE_MIN) == DBL_TRUE_MIN);
	assert_true(sum3(-1, 1, -DBL_TRUE_MIN) == -DBL_TRUE_MIN);
	assert_true(sum3(0, 0, 0) == 0);
	assert_false(signbit(sum3(-0.0, -0.0, -0.0)));
	exact_sum_init(&sum);
	assert_true(exact_sum_value(&sum) == 0);
}

static void
not_finite(void **state)
{
	(void) state;
	assert_true(isnan(sum3(1, NAN, 2)));
	assert_true(isnan(sum3(INFINITY, -INFINITY, 2)));
	assert_true(isnan(sum3(INFINITY, NAN, 2)));
	assert_true(sum3(1, INFINITY, -1e308) == INFINITY);
	assert_true(sum3(-INFINITY, -INFINITY, 1e308) == -INFINITY);
}

/* More additions than lanes can hold without carries: 2^31 of the largest digit pattern, by doubling through merges. */
static void
carries_are_propagated_in_time(void **state)
{
	ExactSum	sum;
	double		block[4096];

	(void) state;
	for (int i = 0; i < 4096; i++)
		block[i] = -nextafter(2, 0);
	sum = sum_of(block, 4096);
	for (int doubling = 0; doubling < 40; doubling++)
	{
		ExactSum	copy = sum;

		exact_sum_merge(&sum, &copy);
		assert_true(exact_sum_value(&sum) == -ldexp(nextafter(2, 0), 13 + doubling));
	}
	/* a forged counter must not disturb the sum either */
	sum.pending = INT64_MAX;
	exact_sum_add(&sum, 0);
	assert_true(exact_sum_value(&sum) == -ldexp(nextafter(2, 0), 52));
}

static void
random_bytes_are_harmless(void **state)
{
	TestRandom	random = {103};
	ExactSum	sum;
	ExactSum	other;

	(void) state;
	for (int round = 0; round < 200; round++)
	{
		for (int i = 0; i < EXACT_SUM_DIGITS; i++)
		{
			sum.digits[i] = (int64_t) test_random_bits(&random);
			other.digits[i] = (int64_t) test_random_bits(&random);
		}
		sum.pending = (int64_t) test_random_bits(&random);
		other.pending = (int64_t) test_random_bits(&random);
		sum.nans = other.nans = sum.positive_infinities = other.positive_infinities = 0;
		sum.negative_infinities = other.negative_infinities = 0;
		exact_sum_merge(&sum, &other);
		exact_sum_add(&sum, 1);
		exact_sum_add_product(&sum, 1e100, 1e-300);
		assert_false(isnan(exact_sum_value(&sum)));
	}
}

static void
products_are_exact(void **state)
{
	TestRandom	random = {107};
	ExactSum	sum;

	(void) state;
	for (int round = 0; round < 2000; round++)
	{
		double		a = ldexp(test_random_uniform(&random) - 0.5, (int) (test_random_bits(&random) % 900) - 450);
		double		b = ldexp(test_random_uniform(&random) - 0.5, (int) (test_random_bits(&random) % 900) - 450);
		double		product = a * b;

		/* the rounding error of a product is a double, which fma gives */
		exact_sum_init(&sum);
		exact_sum_add_product(&sum, a, b);
		assert_true(exact_sum_value(&sum) == product);
		exact_sum_add(&sum, -product);
		assert_true(exact_sum_value(&sum) == fma(a, b, -product));
	}
	exact_sum_init(&sum);
	exact_sum_add_product(&sum, 0x1p-600, 0x1p-600);
	assert_true(exact_sum_value(&sum) == 0);
	exact_sum_add_product(&sum, 3 * DBL_TRUE_MIN, 0.75);
	assert_true(exact_sum_value(&sum) == 2 * DBL_TRUE_MIN);
	exact_sum_add_product(&sum, 0, 1e308);
	assert_true(exact_sum_value(&sum) == 2 * DBL_TRUE_MIN);
	exact_sum_add_product(&sum, 1e200, 1e200);
	assert_true(exact_sum_value(&sum) == INFINITY);
	exact_sum_add_product(&sum, -1e200, 1e200);
	assert_true(isnan(exact_sum_value(&sum)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(correctly_rounded_in_any_order),
		cmocka_unit_test(adversarial_cases),
		cmocka_unit_test(not_finite),
		cmocka_unit_test(carries_are_propagated_in_time),
		cmocka_unit_test(random_bytes_are_harmless),
		cmocka_unit_test(products_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
