/*
 * support.h: what every unit test includes: cmocka and the headers it wants first, and a CoreEnv for tests.
 */
#ifndef MLOPS_TEST_SUPPORT_H
#define MLOPS_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/env.h"

/* A CoreEnv on malloc that remembers what it gave and was told; `core` is first. */
typedef struct TestEnv
{
	CoreEnv		core;
	void	   *blocks;			/* list of what is allocated */
	int64_t		allocations;	/* calls so far */
	int64_t		fail_after;		/* refuse every allocation after so many; -1: never */
	int64_t		polls;
	int			logs;			/* messages so far */
	char		last_log[512];
} TestEnv;

extern CoreEnv *test_env_init(TestEnv *env);
extern void test_env_free(TestEnv *env);	/* gives all memory back */

/* cmocka set-up and tear-down: *state is a fresh TestEnv for each test. */
extern int	test_env_setup(void **state);
extern int	test_env_teardown(void **state);

/* A small reproducible generator: uniform 64-bit words, uniforms in [0, 1), standard normals. */
typedef struct TestRandom
{
	uint64_t	state;
} TestRandom;

extern uint64_t test_random_bits(TestRandom *random);
extern double test_random_uniform(TestRandom *random);
extern double test_random_normal(TestRandom *random);

/* At least 113 bits of mantissa, for references. */
#if __LDBL_MANT_DIG__ >= 113
typedef long double TestQuad;
#else
__extension__ typedef __float128 TestQuad;
#endif

/* Fails with both values when |actual - expected| > tolerance * max(|expected|, floor). */
#define assert_close(actual, expected, tolerance, floor) \
	test_assert_close((actual), (expected), (tolerance), (floor), #actual, __FILE__, __LINE__)
extern void test_assert_close(double actual, double expected, double tolerance, double floor, const char *what, const char *file, int line);

#define assert_ok(env, expression) test_assert_ok((env), (expression), #expression, __FILE__, __LINE__)
extern void test_assert_ok(const CoreEnv *env, CoreStatus status, const char *what, const char *file, int line);

#endif							/* MLOPS_TEST_SUPPORT_H */
