/*
 * dataset_dictionary.c
 *	  Distinct texts of a column: codes in order of arrival, levels in byte order.
 *
 * An open-addressing hash table over the canonical hash, which the reader has
 * computed anyway; texts lie in blocks that never move.  About 20 ns a look-up
 * while the table is in cache, 60 bytes and the text for each distinct value.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/dataset_internal.h"

#define FIRST_SLOTS 256
#define FIRST_BLOCK 4096
#define LARGEST_BLOCK (1024 * 1024)

Dictionary *
dictionary_create(DatasetBuild *build)
{
	Dictionary *dictionary = MemoryContextAllocZero(build->scratch, sizeof(Dictionary));

	dictionary->nslots = FIRST_SLOTS;
	dictionary->slots = build_alloc(build, FIRST_SLOTS, sizeof(uint32));
	memset(dictionary->slots, 0, FIRST_SLOTS * sizeof(uint32));
	grow_init(&dictionary->hashes, sizeof(uint64), 0);
	grow_init(&dictionary->texts, sizeof(char *), 0);
	grow_init(&dictionary->lengths, sizeof(int), 0);
	return dictionary;
}

static void
dictionary_grow(DatasetBuild *build, Dictionary *dictionary)
{
	uint32		nslots = dictionary->nslots * 2;
	uint32	   *slots = build_alloc(build, nslots, sizeof(uint32));

	memset(slots, 0, (Size) nslots * sizeof(uint32));
	for (uint32 code = 0; code < dictionary->count; code++)
	{
		uint32		slot = (uint32) ELEMENT(&dictionary->hashes, uint64, code) & (nslots - 1);

		while (slots[slot] != 0)
			slot = (slot + 1) & (nslots - 1);
		slots[slot] = code + 1;
	}
	build_free(build, dictionary->slots, dictionary->nslots, sizeof(uint32));
	dictionary->slots = slots;
	dictionary->nslots = nslots;
}

static char *
dictionary_store(DatasetBuild *build, Dictionary *dictionary, const char *text, int length)
{
	Size		size = (Size) length + 1;
	char	   *copy;

	if (dictionary->block_left < size)
	{
		Size		bytes = Max(Min(Max(dictionary->block_bytes, FIRST_BLOCK), LARGEST_BLOCK), size);
		MemoryContext old;

		/* outlives the build: the levels of the data set point here */
		pg_env_account(build->env, bytes);
		dictionary->block = MemoryContextAllocHuge(build->env->context, bytes);
		dictionary->block_left = bytes;
		dictionary->block_bytes += bytes;
		old = MemoryContextSwitchTo(build->scratch);
		dictionary->blocks = lappend(dictionary->blocks, dictionary->block);
		MemoryContextSwitchTo(old);
	}
	copy = dictionary->block;
	memcpy(copy, text, length);
	copy[length] = '\0';
	dictionary->block += size;
	dictionary->block_left -= size;
	return copy;
}

uint32
dictionary_add(DatasetBuild *build, Dictionary *dictionary, const char *text, int length, uint64 hash)
{
	uint32		slot = (uint32) hash & (dictionary->nslots - 1);
	uint32		code;

	while (dictionary->slots[slot] != 0)
	{
		code = dictionary->slots[slot] - 1;
		if (ELEMENT(&dictionary->hashes, uint64, code) == hash &&
			ELEMENT(&dictionary->lengths, int, code) == length &&
			memcmp(ELEMENT(&dictionary->texts, char *, code), text, length) == 0)
			return code;
		slot = (slot + 1) & (dictionary->nslots - 1);
	}

	code = dictionary->count;
	grow_reserve(build, &dictionary->hashes, (int64) code + 1);
	grow_reserve(build, &dictionary->texts, (int64) code + 1);
	grow_reserve(build, &dictionary->lengths, (int64) code + 1);
	ELEMENT(&dictionary->hashes, uint64, code) = hash;
	ELEMENT(&dictionary->texts, char *, code) = dictionary_store(build, dictionary, text, length);
	ELEMENT(&dictionary->lengths, int, code) = length;
	dictionary->slots[slot] = code + 1;
	dictionary->count++;
	if (dictionary->count > dictionary->nslots / 2)
		dictionary_grow(build, dictionary);
	return code;
}

void
dictionary_free(DatasetBuild *build, Dictionary *dictionary, bool with_texts)
{
	ListCell   *cell;

	build_free(build, dictionary->slots, dictionary->nslots, sizeof(uint32));
	grow_free(build, &dictionary->hashes);
	grow_free(build, &dictionary->texts);
	grow_free(build, &dictionary->lengths);
	if (with_texts)
	{
		foreach(cell, dictionary->blocks)
			pfree(lfirst(cell));
		pg_env_unaccount(build->env, dictionary->block_bytes);
	}
	list_free(dictionary->blocks);
	if (dictionary->rank != NULL)
		build_free(build, dictionary->rank, dictionary->count, sizeof(uint32));
	pfree(dictionary);
}

static int
compare_texts(const void *a, const void *b, void *arg)
{
	const Dictionary *dictionary = arg;
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;
	int			xlength = ELEMENT(&dictionary->lengths, int, x);
	int			ylength = ELEMENT(&dictionary->lengths, int, y);
	int			result;

	CHECK_FOR_INTERRUPTS();
	result = memcmp(ELEMENT(&dictionary->texts, char *, x), ELEMENT(&dictionary->texts, char *, y),
					Min(xlength, ylength));
	return result != 0 ? result : xlength < ylength ? -1 : xlength > ylength;
}

void
dictionary_rank(DatasetBuild *build, Dictionary *dictionary, Column *column)
{
	CoreEnv    *env = &build->env->core;
	uint32		count = dictionary->count;
	uint32	   *sorted = build_alloc(build, count, sizeof(uint32));

	for (uint32 code = 0; code < count; code++)
		sorted[code] = code;
	qsort_arg(sorted, count, sizeof(uint32), compare_texts, dictionary);

	dictionary->rank = build_alloc(build, count, sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
		dictionary->rank[sorted[i]] = i;
	if (column != NULL)
	{
		column->nlevels = (int) count;
		column->levels = env_alloc(env, count, sizeof(char *));
		column->level_lengths = env_alloc(env, count, sizeof(int));
		for (uint32 i = 0; i < count; i++)
		{
			column->levels[i] = ELEMENT(&dictionary->texts, char *, sorted[i]);
			column->level_lengths[i] = ELEMENT(&dictionary->lengths, int, sorted[i]);
		}
	}
	build_free(build, sorted, count, sizeof(uint32));
}
