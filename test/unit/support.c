/*
 * support.c: see support.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Lies before each allocation; its size keeps the payload aligned to 64 bytes. */
typedef struct TestBlock
{
	_Alignas(64) struct TestBlock *next;
	struct TestBlock *previous;
} TestBlock;

static void *
test_alloc(CoreEnv *env, size_t size)
{
	TestEnv    *test = (TestEnv *) env;
	size_t		total = (size + sizeof(TestBlock) + 63) & ~(size_t) 63;
	TestBlock  *block;

	if (test->fail_after >= 0 && test->allocations >= test->fail_after)
		return NULL;
	test->allocations++;
	block = aligned_alloc(64, total);
	assert_non_null(block);
	memset(block, 0, total);
	block->next = test->blocks;
	if (block->next != NULL)
		block->next->previous = block;
	test->blocks = block;
	return block + 1;
}

static void
test_release(CoreEnv *env, void *pointer)
{
	TestEnv    *test = (TestEnv *) env;
	TestBlock  *block = (TestBlock *) pointer - 1;

	if (block->next != NULL)
		block->next->previous = block->previous;
	if (block->previous != NULL)
		block->previous->next = block->next;
	else
		test->blocks = block->next;
	free(block);
}

static void
test_poll(CoreEnv *env)
{
	((TestEnv *) env)->polls++;
}

static void
test_log(CoreEnv *env, CoreLogLevel level, const char *message)
{
	TestEnv    *test = (TestEnv *) env;

	(void) level;
	test->logs++;
	strncpy(test->last_log, message, sizeof(test->last_log) - 1);
}

CoreEnv *
test_env_init(TestEnv *env)
{
	memset(env, 0, sizeof(*env));
	env->fail_after = -1;
	env->core.alloc = test_alloc;
	env->core.release = test_release;
	env->core.poll = test_poll;
	env->core.log = test_log;
	return &env->core;
}

void
test_env_free(TestEnv *env)
{
	while (env->blocks != NULL)
		test_release(&env->core, (TestBlock *) env->blocks + 1);
}

int
test_env_setup(void **state)
{
	TestEnv    *env = malloc(sizeof(TestEnv));

	if (env == NULL)
		return -1;
	test_env_init(env);
	*state = env;
	return 0;
}

int
test_env_teardown(void **state)
{
	test_env_free(*state);
	free(*state);
	return 0;
}

/* Marsaglia's 64-bit xorshift with a final multiplication; state 0 is replaced. */
uint64_t
test_random_bits(TestRandom *random)
{
	uint64_t	x = random->state != 0 ? random->state : UINT64_C(88172645463325252);

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * UINT64_C(2685821657736338717);
}

double
test_random_uniform(TestRandom *random)
{
	return (double) (test_random_bits(random) >> 11) * 0x1p-53;
}

double
test_random_normal(TestRandom *random)
{
	double		u = test_random_uniform(random);
	double		v = test_random_uniform(random);

	return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
}

void
test_assert_close(double actual, double expected, double tolerance, double floor, const char *what, const char *file, int line)
{
	double		scale = fabs(expected) > floor ? fabs(expected) : floor;

	if (actual == expected || (isnan(actual) && isnan(expected)) || fabs(actual - expected) <= tolerance * scale)
		return;
	print_error("%s is %.17g instead of %.17g (relative error %.3g, allowed %.3g)\n",
				what, actual, expected, fabs(actual - expected) / scale, tolerance);
	_fail(file, line);
}

void
test_assert_ok(const CoreEnv *env, CoreStatus status, const char *what, const char *file, int line)
{
	if (status == CORE_OK)
		return;
	print_error("%s failed with status %d: %s (%s)\n", what, (int) status, env->message, env->hint);
	_fail(file, line);
}
