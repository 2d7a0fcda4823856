/*
 * pg_env.c
 *	  A CoreEnv on PostgreSQL's memory contexts, interrupts and ereport; see
 *	  pg_env.h.
 *
 * Blocks are aligned to 64 bytes by taking more than asked for; a small header
 * before the aligned address remembers the palloc'd one, so that release works
 * on every server version.  Costs at most BLOCK_OVERHEAD bytes a block, which
 * the budget counts too.
 */
#include "postgres.h"

#include <sys/mman.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/encoding.h"
#include "pg/pg_env.h"

#define BLOCK_ALIGNMENT 64
#define PAGE_ALIGNMENT 4096		/* at least: of addresses that the kernel takes advice for */
#define LARGE_BLOCK ((Size) 4 * 1024 * 1024)	/* bytes from which large pages are asked for */
#define BLOCK_OVERHEAD (BLOCK_ALIGNMENT + sizeof(BlockHeader))

/* Lies just before each block handed out. */
typedef struct BlockHeader
{
	void	   *chunk;			/* what palloc gave */
	Size		size;			/* of the chunk, as accounted */
} BlockHeader;

/* A size for people. Needs are rounded up and limits down, so that they never look alike. */
static char *
format_bytes(Size bytes, bool round_up)
{
	static const char *const units[] = {"kB", "MB", "GB"};
	Size		unit = 1024;
	int			i = 0;

	while (i < 2 && bytes >= unit * 1024 * 10)
	{
		unit *= 1024;
		i++;
	}
	return psprintf("%zu %s", bytes / unit + (round_up && bytes % unit != 0 ? 1 : 0), units[i]);
}

static const char *
subject(const PgEnv *env)
{
	return env->object != NULL ? psprintf("\"%s\"", env->object) : "this operation";
}

/* Adds to the account; an ERROR names what would be needed and what is allowed. */
static void
charge(PgEnv *env, Size bytes)
{
	Size		needed;

	if (!size_add(env->used, bytes, &needed))
		needed = SIZE_MAX;
	if (env->budget > 0 && needed > env->budget)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("%s needs at least %s of memory, but \"mlops.train_memory\" allows %s",
						subject(env),
						format_bytes(needed, true), format_bytes(env->budget, false)),
				 errhint("Raise \"mlops.train_memory\", or use fewer rows (\"sample\" in the split) or fewer features.")));
	env->used = needed;
}

/* Large pages come and, when a cancel throws memory away, go hundreds of times faster than small ones. */
void
pg_env_advise(char *start, Size size)
{
#ifdef MADV_HUGEPAGE
	char	   *first = (char *) TYPEALIGN(PAGE_ALIGNMENT, start);

	if (size >= LARGE_BLOCK)
		(void) madvise(first, size - (Size) (first - start), MADV_HUGEPAGE);
#endif
}

static void *
pg_env_alloc(CoreEnv *core, size_t size)
{
	PgEnv	   *env = (PgEnv *) core;
	Size		total;
	char	   *chunk;
	char	   *block;
	BlockHeader *header;

	if (!size_add(size, BLOCK_OVERHEAD, &total) || !AllocHugeSizeIsValid(total))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s needs a block of %zu bytes, which exceeds the limit of the server",
						subject(env), size)));
	charge(env, total);
	chunk = MemoryContextAllocExtended(env->context, total, MCXT_ALLOC_HUGE);
	block = (char *) TYPEALIGN(BLOCK_ALIGNMENT, chunk + sizeof(BlockHeader));
	header = (BlockHeader *) block - 1;
	header->chunk = chunk;
	header->size = total;
	pg_env_advise(block, size);
	env_clear(core, block, size);
	return block;
}

static void
pg_env_release(CoreEnv *core, void *pointer)
{
	PgEnv	   *env = (PgEnv *) core;
	BlockHeader *header = (BlockHeader *) pointer - 1;

	pg_env_unaccount(env, header->size);
	pfree(header->chunk);
}

static void
pg_env_poll(CoreEnv *core)
{
	CHECK_FOR_INTERRUPTS();
}

void
pg_env_log(CoreEnv *core, CoreLogLevel level, const char *message)
{
	ereport(level == CORE_WARNING ? WARNING : level == CORE_NOTICE ? NOTICE : DEBUG1,
			(errmsg_internal("%s", encoding_message(message))));
}

CoreEnv *
pg_env_init(PgEnv *env, MemoryContext context, Size budget, const char *object)
{
	memset(env, 0, sizeof(*env));
	env->core.context = env;
	env->core.alloc = pg_env_alloc;
	env->core.release = pg_env_release;
	env->core.poll = pg_env_poll;
	env->core.log = pg_env_log;
	env->context = context;
	env->budget = budget;
	env->object = object;
	return &env->core;
}

void *
pg_env_detach(CoreEnv *core, void *pointer, Size length)
{
	BlockHeader header = *((BlockHeader *) pointer - 1);

	Assert(length <= header.size - BLOCK_OVERHEAD);
	return memmove(header.chunk, pointer, length);
}

static int
status_sqlstate(CoreStatus status, int corrupt)
{
	switch (status)
	{
		case CORE_OK:
			return ERRCODE_SUCCESSFUL_COMPLETION;
		case CORE_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case CORE_INVALID:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case CORE_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case CORE_NUMERIC:
			return ERRCODE_DATA_EXCEPTION;
		case CORE_TOO_LARGE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case CORE_CORRUPT:
			return corrupt;
	}
	return ERRCODE_INTERNAL_ERROR;
}

static void
raise_status(CoreEnv *env, CoreStatus status, int corrupt)
{
	if (status == CORE_OK)
		return;
	ereport(ERROR,
			(errcode(status_sqlstate(status, corrupt)),
			 errmsg_internal("%s", encoding_message(env->message)),
			 env->hint[0] != '\0' ? errhint("%s", encoding_message(env->hint)) : 0));
}

void
pg_env_check(CoreEnv *env, CoreStatus status)
{
	raise_status(env, status, ERRCODE_DATA_CORRUPTED);
}

void
pg_env_check_input(CoreEnv *env, CoreStatus status)
{
	raise_status(env, status, ERRCODE_INVALID_BINARY_REPRESENTATION);
}

void
pg_env_account(PgEnv *env, Size bytes)
{
	charge(env, bytes);
}

void
pg_env_unaccount(PgEnv *env, Size bytes)
{
	Assert(env->used >= bytes);
	env->used -= Min(bytes, env->used);
}
