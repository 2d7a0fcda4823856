/*
 * pg_env.h
 *	  A CoreEnv on PostgreSQL's memory contexts, interrupts and ereport.
 */
#ifndef PG_PG_ENV_H
#define PG_PG_ENV_H

#include "postgres.h"

#include "core/env.h"

typedef struct PgEnv
{
	CoreEnv		core;			/* first: a PgEnv is a CoreEnv */
	MemoryContext context;
	Size		budget;			/* bytes the environment may take; 0: no limit */
	Size		used;
	const char *object;			/* named in messages: model, aggregate or function; may be NULL */
} PgEnv;

/* `env` usually lives on the caller's stack or in `context`. Polls serve cancels. */
extern CoreEnv *pg_env_init(PgEnv *env, MemoryContext context, Size budget, const char *object);

/*
 * Turns a failed status into an ERROR with the environment's message and hint:
 * NO_MEMORY 53200, INVALID 22023, UNSUPPORTED 0A000, NUMERIC 22000, TOO_LARGE
 * 54000, CORRUPT XX001 (22P03 for values given by a user).  CORE_OK returns.
 */
extern void pg_env_check(CoreEnv *env, CoreStatus status);
/* The same for bytes that a user gave: CORRUPT is 22P03 (invalid binary representation). */
extern void pg_env_check_input(CoreEnv *env, CoreStatus status);

/* What env->log is: a message as a NOTICE or WARNING. */
extern void pg_env_log(CoreEnv *core, CoreLogLevel level, const char *message);
/*
 * Turns a block of the environment into an ordinary palloc'd chunk (moved in
 * place, still accounted) that may be returned to the executor as a Datum.
 */
extern void *pg_env_detach(CoreEnv *env, void *pointer, Size length);

/* Asks for large pages where the memory is large; the environment's own has been asked for. */
extern void pg_env_advise(char *start, Size size);

/* Accounts memory taken outside the environment; ERROR 53200 naming both figures past the budget. */
extern void pg_env_account(PgEnv *env, Size bytes);
extern void pg_env_unaccount(PgEnv *env, Size bytes);

#endif							/* PG_PG_ENV_H */
