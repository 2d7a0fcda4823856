/*
 * shared_arena.c
 *	  Arrays in dynamic shared memory; see shared_arena.h.
 *
 * The live arenas of a process form a list; it is short (a data set and one
 * fit), so looking a pointer up is a scan over its segments.  A segment that the
 * resource owner drops on abort takes itself out through its detach callback.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/shared_arena.h"
#include "pg/shared_segment.h"

#define ARENA_SEGMENTS 512
#define ARENA_ALIGNMENT 64

struct SharedArena
{
	SharedArena *next;			/* in the list of live arenas */
	ResourceOwner owner;		/* in force when it was made */
	bool		short_of_memory;
	Size		expected;		/* bytes still to be asked for, at a guess */
	int			nsegments;
	dsm_segment *segments[ARENA_SEGMENTS];	/* NULL: gone */
	Size		sizes[ARENA_SEGMENTS];
	int			current;		/* arrays come out of this segment */
	Size		used;			/* of it */
	MemoryContextCallback callback;
};

static SharedArena *live_arenas = NULL;

static void
release_from(SharedArena *arena, int first)
{
	for (int i = first; i < arena->nsegments; i++)
	{
		if (arena->segments[i] != NULL)
			dsm_detach(arena->segments[i]);
	}
	arena->nsegments = first;
}

void
shared_arena_release(SharedArena *arena)
{
	release_from(arena, 0);
}

void
shared_arena_release_owned(ResourceOwner owner)
{
	for (SharedArena *arena = live_arenas; arena != NULL; arena = arena->next)
	{
		if (arena->owner == owner)
			shared_arena_release(arena);
	}
}

/* The memory context goes away. */
static void
arena_forget(void *arg)
{
	SharedArena *arena = arg;

	shared_arena_release(arena);
	for (SharedArena **link = &live_arenas; *link != NULL; link = &(*link)->next)
	{
		if (*link == arena)
		{
			*link = arena->next;
			break;
		}
	}
}

/* A segment goes away: released, or dropped by its resource owner. */
static void
segment_forget(dsm_segment *segment, Datum arg)
{
	SharedArena *arena = (SharedArena *) DatumGetPointer(arg);

	for (int i = 0; i < arena->nsegments; i++)
	{
		if (arena->segments[i] == segment)
			arena->segments[i] = NULL;
	}
	arena->short_of_memory = true;	/* no further array: some are gone */
}

SharedArena *
shared_arena_create(MemoryContext context, Size expected)
{
	SharedArena *arena = MemoryContextAllocZero(context, sizeof(SharedArena));

	arena->owner = CurrentResourceOwner;
	arena->expected = expected;
	arena->callback.func = arena_forget;
	arena->callback.arg = arena;
	arena->next = live_arenas;
	live_arenas = arena;
	MemoryContextRegisterResetCallback(context, &arena->callback);
	return arena;
}

static bool
arena_extend(SharedArena *arena, Size size)
{
	dsm_segment *segment = NULL;

	if (arena->nsegments < ARENA_SEGMENTS)
		segment = shared_segment_create(size);
	if (segment == NULL)
		return false;
	on_dsm_detach(segment, segment_forget, PointerGetDatum(arena));
	arena->sizes[arena->nsegments] = size;
	arena->segments[arena->nsegments++] = segment;
	return true;
}

static Size
array_size(Size size)
{
	return TYPEALIGN(ARENA_ALIGNMENT, Max(size, 1));
}

bool
shared_arena_reserve(SharedArena *arena, const Size *sizes, int count)
{
	Size		together = 0;	/* of arrays for the next segment */
	int			before = arena->nsegments;

	for (int i = 0; i <= count; i++)
	{
		Size		size = i < count ? array_size(sizes[i]) : 0;

		if (size > SHARED_SEGMENT_MAX)
			continue;
		if (together > 0 && (i == count || together + size > SHARED_SEGMENT_BYTES))
		{
			if (!arena_extend(arena, together))
			{
				release_from(arena, before);
				return false;
			}
			together = 0;
		}
		together += size;
	}
	return true;
}

/* Goes to the next segment with room, or takes one. */
static bool
arena_find(SharedArena *arena, Size size)
{
	Size		alike = size * Max(SHARED_SEGMENT_BYTES / size, 1);	/* arrays come in equal sizes: no gap at the end */

	while (arena->current < arena->nsegments && arena->sizes[arena->current] - arena->used < size)
	{
		arena->current++;
		arena->used = 0;
	}
	return arena->current < arena->nsegments || arena_extend(arena, Max(size, Min(arena->expected, alike)));
}

void *
shared_arena_alloc(SharedArena *arena, Size size)
{
	Size		rounded = array_size(size);
	char	   *address;

	if (arena->short_of_memory || size > SHARED_SEGMENT_MAX)
		return NULL;
	if (!arena_find(arena, rounded))
	{
		arena->short_of_memory = true;
		return NULL;
	}
	address = (char *) dsm_segment_address(arena->segments[arena->current]) + arena->used;
	arena->used += rounded;
	arena->expected -= Min(arena->expected, rounded);
	return address;
}

bool
shared_arena_locate(const void *pointer, Size size, dsm_handle *segment, Size *offset)
{
	for (SharedArena *arena = live_arenas; arena != NULL; arena = arena->next)
	{
		for (int i = 0; i < arena->nsegments; i++)
		{
			dsm_segment *candidate = arena->segments[i];
			const char *start;

			if (candidate == NULL)
				continue;
			start = dsm_segment_address(candidate);
			if ((const char *) pointer < start ||
				(const char *) pointer + size > start + dsm_segment_map_length(candidate))
				continue;
			*segment = dsm_segment_handle(candidate);
			*offset = (Size) ((const char *) pointer - start);
			return true;
		}
	}
	return false;
}
