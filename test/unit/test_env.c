/*
 * test_env.c: copies with polls in between.
 */
#include "support.h"

#include <string.h>

static void
a_copy_is_equal_and_may_be_interrupted(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	static const size_t sizes[] = {0, 1, 1048575, 1048576, 1048577, 7340032, 7654321};
	size_t		most = 7654321 + 1;
	char	   *from = env_alloc(env, most, 1);
	char	   *to = env_alloc(env, most, 1);

	for (size_t i = 0; i < most; i++)
		from[i] = (char) (i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		int64_t		before = ((TestEnv *) *state)->polls;

		memset(to, 'x', most);
		env_copy(env, to, from, sizes[i]);
		assert_true(memcmp(to, from, sizes[i]) == 0);
		assert_true(to[sizes[i]] == 'x');
		assert_true(((TestEnv *) *state)->polls - before >= (int64_t) (sizes[i] / 2097152));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_is_equal_and_may_be_interrupted, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
