/*
 * test_fit_serial.c: the tree in which states merge, seen through an algorithm whose state is a picture of that tree.
 */
#include <string.h>

#include "support.h"

#include "core/algorithm.h"
#include "core/hash.h"

/* Merging is neither commutative nor associative, so equal pictures mean equal trees. */
typedef struct Picture
{
	uint64_t	tree;
	int64_t		blocks;
	char		padding[48];
} Picture;

typedef struct Iterate
{
	int64_t		passes;
	uint64_t	last_tree;
	char		padding[48];
} Iterate;

typedef struct Source
{
	int64_t		reads;
	int64_t		fail_at;		/* block that cannot be read; -1: none */
} Source;

static int	wanted_passes;

static uint64_t
leaf(int64_t index)
{
	return hash_int64(index);
}

static uint64_t
node(uint64_t left, uint64_t right)
{
	return hash_seeded(left, right);
}

static void
picture_init(const FitPlan *plan, const void *iterate, void *state)
{
	(void) plan;
	(void) iterate;
	assert_int_equal(((Picture *) state)->blocks, 0);
}

static CoreStatus
picture_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block)
{
	Picture    *picture = state;

	(void) env;
	(void) plan;
	(void) iterate;
	picture->tree = block->hash[0];
	picture->blocks = 1;
	return CORE_OK;
}

static CoreStatus
picture_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other)
{
	Picture    *picture = state;
	const Picture *right = other;

	(void) plan;
	if (picture->blocks > 1000000)
		return env_fail(env, CORE_NUMERIC, "too many");
	picture->tree = node(picture->tree, right->tree);
	picture->blocks += right->blocks;
	return CORE_OK;
}

static CoreStatus
picture_start(CoreEnv *env, const FitPlan *plan, void *iterate)
{
	(void) env;
	(void) plan;
	assert_int_equal(((Iterate *) iterate)->passes, 0);
	return CORE_OK;
}

static CoreStatus
picture_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done)
{
	Iterate    *current = iterate;

	(void) env;
	(void) plan;
	current->passes++;
	current->last_tree = ((const Picture *) state)->tree;
	*done = current->passes == wanted_passes;
	return CORE_OK;
}

static int64_t
first_pass_reads_half(const FitPlan *plan, const void *iterate, int64_t nblocks)
{
	(void) plan;
	return ((const Iterate *) iterate)->passes == 0 ? nblocks / 2 : nblocks;
}

static const Algorithm picture_algorithm = {
	.name = "picture",
	.start = picture_start,
	.state_init = picture_init,
	.accumulate = picture_accumulate,
	.merge = picture_merge,
	.step = picture_step,
};

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	Source	   *source = context;
	static uint64_t hash;

	if (index == source->fail_at)
		return env_fail(env, CORE_CORRUPT, "block %lld is bad", (long long) index);
	source->reads++;
	hash = leaf(index);
	block->nrows = 1;
	block->hash = &hash;
	return CORE_OK;
}

static FitPlan
new_plan(const Algorithm *algorithm)
{
	FitPlan		plan = {.algorithm = algorithm, .state_size = sizeof(Picture), .iterate_size = sizeof(Iterate), .max_passes = 3};

	return plan;
}

/* The tree by its definition: perfect trees of powers of two, the remainders joined from the right. */
static uint64_t
expected_tree(int64_t first, int64_t count)
{
	int64_t		left = 1;

	if (count == 1)
		return leaf(first);
	while (left * 2 < count)
		left *= 2;
	return node(expected_tree(first, left), expected_tree(first + left, count - left));
}

static void
the_tree_is_a_binary_counter(void **state)
{
	CoreEnv    *env = *state;
	FitPlan		plan = new_plan(&picture_algorithm);
	Iterate		iterate = {0};

	for (int64_t n = 1; n < 140; n++)
	{
		Source		source = {0, -1};
		Picture		picture;

		assert_ok(env, fit_merge_range(env, &plan, &iterate, read_block, &source, 0, n, &picture));
		assert_int_equal(picture.blocks, n);
		assert_int_equal(source.reads, n);
		assert_true(picture.tree == expected_tree(0, n));
	}
}

/* Whatever aligned ranges the blocks are divided into, their states are subtrees of the whole. */
static void
aligned_ranges_are_subtrees(void **state)
{
	CoreEnv    *env = *state;
	FitPlan		plan = new_plan(&picture_algorithm);
	Iterate		iterate = {0};

	for (int64_t size = 1; size <= 64; size *= 2)
	{
		for (int64_t n = 1; n < 140; n += 3)
		{
			uint64_t	parts[140];
			int64_t		count = 0;
			Source		source = {0, -1};

			for (int64_t first = 0; first < n; first += size)
			{
				Picture		picture;

				assert_ok(env, fit_merge_range(env, &plan, &iterate, read_block, &source, first, n - first < size ? n - first : size, &picture));
				parts[count++] = picture.tree;
			}
			/* the parts merge like blocks: in the same tree, one level up for each doubling */
			while (count > 1)
			{
				int64_t		pairs = 0;

				for (int64_t i = 0; i < count; i += 2)
					parts[pairs++] = i + 1 < count ? node(parts[i], parts[i + 1]) : parts[i];
				count = pairs;
			}
			assert_true(parts[0] == expected_tree(0, n));
		}
	}
}

static void
no_blocks_give_the_initial_state(void **state)
{
	CoreEnv    *env = *state;
	FitPlan		plan = new_plan(&picture_algorithm);
	Iterate		iterate = {0};
	Source		source = {0, -1};
	Picture		picture;

	memset(&picture, 0xff, sizeof(picture));
	assert_ok(env, fit_merge_range(env, &plan, &iterate, read_block, &source, 0, 0, &picture));
	assert_int_equal(picture.blocks, 0);
}

static void
memory_is_a_state_for_each_level(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	FitPlan		plan = new_plan(&picture_algorithm);
	Iterate		iterate = {0};
	Source		source = {0, -1};
	Picture		picture;

	assert_ok(env, fit_merge_range(env, &plan, &iterate, read_block, &source, 0, 100000, &picture));
	assert_true(test->allocations <= 19);
	assert_null(test->blocks);
	assert_true(test->polls >= 100000);
}

static void
passes_go_on_until_done(void **state)
{
	CoreEnv    *env = *state;
	Algorithm	algorithm = picture_algorithm;
	FitPlan		plan = new_plan(&algorithm);
	Iterate		iterate;
	Source		source = {0, -1};

	memset(&iterate, 0xff, sizeof(iterate));
	wanted_passes = 3;
	assert_ok(env, fit_serial(env, &plan, read_block, &source, 10, &iterate));
	assert_int_equal(iterate.passes, 3);
	assert_int_equal(source.reads, 30);
	assert_true(iterate.last_tree == expected_tree(0, 10));

	wanted_passes = 4;
	assert_int_equal(fit_serial(env, &plan, read_block, &source, 10, &iterate), CORE_NUMERIC);
	assert_string_equal(env->message, "algorithm \"picture\" did not finish in 3 passes");

	wanted_passes = 2;
	source.reads = 0;
	algorithm.pass_blocks = first_pass_reads_half;
	assert_ok(env, fit_serial(env, &plan, read_block, &source, 10, &iterate));
	assert_int_equal(source.reads, 15);
}

static void
failures_are_passed_on(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	FitPlan		plan = new_plan(&picture_algorithm);
	Iterate		iterate;
	Source		source = {0, 7};

	wanted_passes = 1;
	assert_int_equal(fit_serial(env, &plan, read_block, &source, 10, &iterate), CORE_CORRUPT);
	assert_string_equal(env->message, "block 7 is bad");
	source.fail_at = -1;
	for (int limit = 0; limit < 4; limit++)
	{
		test->fail_after = test->allocations + limit;
		assert_int_equal(fit_serial(env, &plan, read_block, &source, 10, &iterate), CORE_NO_MEMORY);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_tree_is_a_binary_counter),
		TEST(aligned_ranges_are_subtrees),
		TEST(no_blocks_give_the_initial_state),
		TEST(memory_is_a_state_for_each_level),
		TEST(passes_go_on_until_done),
		TEST(failures_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
