/*
 * dataset_memory.c
 *	  Memory of rows as they arrive and of the final columns; see dataset_internal.h.
 *
 * Everything is accounted before it is taken.  Arrays start at the planner's
 * estimate, as far as a quarter of the budget allows: pages that are never
 * touched cost nothing, and a column that is in one piece can be read in any order
 * without a look-up.  Large raw columns are kept when they have been copied and
 * become the next final columns, which saves the page faults of new memory.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/dataset_internal.h"
#include "pg/shared_segment.h"

static Size
checked_bytes(Size count, Size size)
{
	Size		bytes;

	if (!size_multiply(count, size, &bytes) || !AllocHugeSizeIsValid(bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rows of the source exceed the address space")));
	return Max(bytes, 1);
}

static void
account(DatasetBuild *build, Size bytes)
{
	pg_env_account(build->env, bytes);
	build->scratch_bytes += bytes;
}

static void
unaccount(DatasetBuild *build, Size bytes)
{
	pg_env_unaccount(build->env, bytes);
	build->scratch_bytes -= bytes;
}

static void *
large_alloc(MemoryContext context, Size bytes)
{
	void	   *memory = MemoryContextAllocHuge(context, bytes);

	pg_env_advise(memory, bytes);
	return memory;
}

void *
build_alloc(DatasetBuild *build, Size count, Size size)
{
	Size		bytes = checked_bytes(count, size);

	account(build, bytes);
	return large_alloc(build->scratch, bytes);
}

void
build_free(DatasetBuild *build, void *pointer, Size count, Size size)
{
	pfree(pointer);
	unaccount(build, checked_bytes(count, size));
}

void
grow_init(GrowArray *array, Size element, int64 initial)
{
	memset(array, 0, sizeof(*array));
	array->element = element;
	array->initial = Max(initial, 64);
}

void
grow_reserve(DatasetBuild *build, GrowArray *array, int64 count)
{
	Size		old_bytes = (Size) array->capacity * array->element;
	int64		capacity;
	Size		bytes;

	if (count <= array->capacity)
		return;
	capacity = array->capacity == 0 ? array->initial : array->capacity + array->capacity / 2;
	capacity = Max(capacity, count);
	bytes = checked_bytes((Size) capacity, array->element);
	account(build, array->shared ? bytes : bytes - old_bytes);
	if (array->data == NULL)
		array->data = large_alloc(build->env->context, bytes);
	else if (array->shared)
	{
		/* what it leaves stays taken, and accounted, as long as the arena */
		char	   *copy = large_alloc(build->env->context, bytes);

		env_copy(&build->env->core, copy, array->data, old_bytes);
		array->data = copy;
		array->shared = false;
	}
	else
		array->data = repalloc_huge(array->data, bytes);
	if (array->zeroed)
		memset(array->data + old_bytes, 0, bytes - old_bytes);
	array->capacity = capacity;
}

void
grow_place(DatasetBuild *build, GrowArray *array, char *data, int64 capacity)
{
	account(build, (Size) capacity * array->element);
	array->data = data;
	array->capacity = capacity;
	array->shared = true;
}

/* Final columns lie in the arena, when there is one, and else in memory of this process. */
static bool
keep_spare(DatasetBuild *build, const GrowArray *array, Size bytes)
{
	SpareBuffer *spare = &build->spares[build->nspares];

	if (build->nspares == MAX_SPARES || array->shared != (build->arena != NULL) || (!array->shared && bytes < MIN_SPARE_BYTES))
		return false;
	spare->data = array->data;
	spare->bytes = bytes;
	spare->shared = array->shared;
	build->nspares++;
	return true;
}

void
grow_free(DatasetBuild *build, GrowArray *array)
{
	Size		bytes = (Size) array->capacity * array->element;

	if (array->data != NULL && !keep_spare(build, array, bytes))
	{
		if (!array->shared)
			pfree(array->data);
		unaccount(build, bytes);
	}
	array->data = NULL;
	array->capacity = 0;
	array->shared = false;
}

/* The smallest spare buffer that is large enough, cut to size; NULL when there is none. */
static void *
take_spare(DatasetBuild *build, Size bytes)
{
	int			best = -1;
	SpareBuffer spare;

	for (int i = 0; i < build->nspares; i++)
	{
		spare = build->spares[i];
		if (spare.bytes < bytes || (!spare.shared && spare.bytes / 2 > bytes))
			continue;
		if (best < 0 || spare.bytes < build->spares[best].bytes)
			best = i;
	}
	if (best < 0)
		return NULL;
	spare = build->spares[best];
	build->spares[best] = build->spares[--build->nspares];
	unaccount(build, spare.bytes);
	pg_env_account(build->env, bytes);
	return spare.shared || spare.bytes == bytes ? spare.data : repalloc_huge(spare.data, bytes);
}

void *
final_alloc(DatasetBuild *build, Size count, Size size)
{
	Size		bytes = checked_bytes(count, size);
	void	   *memory = take_spare(build, bytes);

	if (memory != NULL)
		return memory;
	pg_env_account(build->env, bytes);
	if (build->arena != NULL)
		memory = shared_arena_alloc(build->arena, bytes);
	if (memory != NULL)
		shared_segment_touch(memory, bytes);
	return memory != NULL ? memory : large_alloc(build->env->context, bytes);
}

void
spares_free(DatasetBuild *build)
{
	for (int i = 0; i < build->nspares; i++)
	{
		if (!build->spares[i].shared)
			pfree(build->spares[i].data);
		unaccount(build, build->spares[i].bytes);
	}
	build->nspares = 0;
}
