/*
 * fuzz_support.h: a CoreEnv for fuzzers that bounds memory, and a mutator that knows the frame of models and states.
 *
 * Included once by each fuzzer that needs it. Sections carry their lengths, so blind insertions only ever fail at the first
 * check; the mutator takes a section apart, mutates its payload and puts the lengths right again.
 */
#ifndef FUZZ_SUPPORT_H
#define FUZZ_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "format/sections.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define FUZZ_MEMORY_BASE ((size_t) 24 << 20)	/* names of terms */
#define FUZZ_MEMORY_FACTOR 64					/* times the length of the input */

typedef struct FuzzBlock
{
	struct FuzzBlock *next;
	char		padding[56];	/* keeps blocks aligned to 64 bytes */
} FuzzBlock;

typedef struct FuzzEnv
{
	CoreEnv		core;			/* first */
	FuzzBlock  *blocks;
	size_t		used;
	size_t		limit;
} FuzzEnv;

static inline void
fuzz_check(bool holds)
{
	if (!holds)
		abort();
}

static void *
fuzz_alloc(CoreEnv *core, size_t size)
{
	FuzzEnv    *env = (FuzzEnv *) core;
	FuzzBlock  *block;
	size_t		total;

	/* more memory than its input justifies is a bug of the reader */
	fuzz_check(size_add(env->used, size, &env->used) && env->used <= env->limit);
	total = (sizeof(FuzzBlock) + size + 63) & ~(size_t) 63;
	block = aligned_alloc(64, total);
	if (block == NULL)
		return NULL;
	memset(block, 0, total);
	block->next = env->blocks;
	env->blocks = block;
	return block + 1;
}

static inline void
fuzz_env_init(FuzzEnv *env, size_t input)
{
	memset(env, 0, sizeof(*env));
	env->core.alloc = fuzz_alloc;
	env->limit = FUZZ_MEMORY_BASE + FUZZ_MEMORY_FACTOR * input;
}

static inline void
fuzz_env_free(FuzzEnv *env)
{
	while (env->blocks != NULL)
	{
		FuzzBlock  *next = env->blocks->next;

		free(env->blocks);
		env->blocks = next;
	}
}

/* A number of exactly `n` doubles, so that writing past them is seen. */
static inline double *
fuzz_doubles(size_t n)
{
	double	   *values = malloc(n * sizeof(double) + 1);

	fuzz_check(values != NULL);
	return values;
}

/* Puts magic, version and length right, so that what follows is reached. */
static inline void
fuzz_fix_header(uint8_t *data, size_t size, const uint8_t magic[FRAME_MAGIC_BYTES])
{
	if (size < FRAME_HEADER_BYTES)
		return;
	memcpy(data, magic, FRAME_MAGIC_BYTES);
	put_u64(data + FRAME_LENGTH_AT, size);
}

/* Start of the payload of a section chosen by `seed`; 0 when the bytes have none. */
static inline size_t
fuzz_pick_section(const uint8_t *data, size_t size, unsigned int seed, size_t *length)
{
	size_t		starts[16];
	size_t		lengths[16];
	size_t		count = 0;
	size_t		at = FRAME_HEADER_BYTES;

	while (count < 16 && at <= size && size - at >= SECTION_HEADER_BYTES)
	{
		uint64_t	payload = get_u64(data + at + 4);

		at += SECTION_HEADER_BYTES;
		if (payload > size - at)
			break;
		starts[count] = at;
		lengths[count++] = (size_t) payload;
		at += (size_t) payload;
	}
	if (count == 0)
		return 0;
	*length = lengths[seed % count];
	return starts[seed % count];
}

static inline size_t
fuzz_mutate_section(uint8_t *data, size_t size, size_t max_size, unsigned int seed, const uint8_t magic[FRAME_MAGIC_BYTES])
{
	size_t		length = 0;
	size_t		start = fuzz_pick_section(data, size, seed / 8, &length);
	size_t		room;
	size_t		mutated;
	uint8_t    *payload;

	/* now and then anything at all */
	if (start == 0 || seed % 8 == 0 || size >= max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	room = max_size - size + length;
	payload = malloc(room);
	fuzz_check(payload != NULL);
	memcpy(payload, data + start, length);
	mutated = LLVMFuzzerMutate(payload, length, room);
	memmove(data + start + mutated, data + start + length, size - start - length);
	memcpy(data + start, payload, mutated);
	free(payload);
	put_u64(data + start - 8, mutated);
	size = size - length + mutated;
	fuzz_fix_header(data, size, magic);
	return size;
}

#endif							/* FUZZ_SUPPORT_H */
