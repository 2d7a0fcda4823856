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

void *
build_alloc(DatasetBuild *build, Size count, Size size)
{
	Size		bytes = checked_bytes(count, size);

	account(build, bytes);
	return MemoryContextAllocHuge(build->scratch, bytes);
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
	account(build, bytes - old_bytes);
	if (array->data == NULL)
		array->data = MemoryContextAllocHuge(build->env->context, bytes);
	else
		array->data = repalloc_huge(array->data, bytes);
	if (array->zeroed)
		memset(array->data + old_bytes, 0, bytes - old_bytes);
	array->capacity = capacity;
}

void
grow_free(DatasetBuild *build, GrowArray *array)
{
	Size		bytes = (Size) array->capacity * array->element;

	if (array->data != NULL && bytes >= MIN_SPARE_BYTES && build->nspares < MAX_SPARES && build->arena == NULL)
	{
		build->spares[build->nspares].data = array->data;
		build->spares[build->nspares].bytes = bytes;
		build->nspares++;
	}
	else if (array->data != NULL)
	{
		pfree(array->data);
		unaccount(build, bytes);
	}
	array->data = NULL;
	array->capacity = 0;
}

/* A spare buffer that is large enough, cut to size; NULL when there is none. */
static void *
take_spare(DatasetBuild *build, Size bytes)
{
	for (int i = 0; i < build->nspares; i++)
	{
		SpareBuffer spare = build->spares[i];

		if (spare.bytes < bytes || spare.bytes / 2 > bytes)
			continue;
		build->spares[i] = build->spares[--build->nspares];
		unaccount(build, spare.bytes);
		pg_env_account(build->env, bytes);
		return spare.bytes == bytes ? spare.data : repalloc_huge(spare.data, bytes);
	}
	return NULL;
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
	return memory != NULL ? memory : MemoryContextAllocHuge(build->env->context, bytes);
}

void
spares_free(DatasetBuild *build)
{
	for (int i = 0; i < build->nspares; i++)
	{
		pfree(build->spares[i].data);
		unaccount(build, build->spares[i].bytes);
	}
	build->nspares = 0;
}
