/*
 * env.h
 *	  What the numerical core needs from the program around it.
 *
 * The core has no PostgreSQL header, no I/O and no mutable global.  Memory,
 * cancellation and messages come through a CoreEnv.  Inside the server `alloc`
 * and `poll` may not return (an error or a cancel unwinds the stack), so core
 * code may hold nothing but memory obtained from the same environment: no
 * locks, no files, no malloc.
 *
 * Functions that can fail return a CoreStatus and leave a message in the
 * environment: lower case, no full stop, naming the object; the hint is a
 * sentence.  CORE_OK is zero, so `if ((status = f(...)) != CORE_OK) return
 * status;` is the usual chain (CORE_TRY).
 */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CoreStatus
{
	CORE_OK = 0,
	CORE_NO_MEMORY,				/* an allocation was refused */
	CORE_INVALID,				/* an argument or parameter is outside its domain */
	CORE_UNSUPPORTED,			/* valid, but not something this code does */
	CORE_NUMERIC,				/* no answer exists: diverged, no data, all one class */
	CORE_TOO_LARGE,				/* a size exceeds a limit, or size arithmetic overflowed */
	CORE_CORRUPT				/* bytes or arrays fail validation */
} CoreStatus;

typedef enum CoreLogLevel
{
	CORE_DEBUG,
	CORE_NOTICE,				/* the user should know: aliased terms, separation */
	CORE_WARNING
} CoreLogLevel;

typedef struct CoreEnv CoreEnv;
struct CoreEnv
{
	void	   *context;		/* for the callbacks; core never looks inside */

	/* Zeroed memory aligned to 64 bytes, or NULL when refused. May not return. */
	void	   *(*alloc) (CoreEnv *env, size_t size);
	/* Gives memory back early; optional to call, everything dies with the arena. */
	void		(*release) (CoreEnv *env, void *pointer);
	/* Called at least every few milliseconds of work. May not return. */
	void		(*poll) (CoreEnv *env);
	/* A message for the user; `message` follows the same style as errors. */
	void		(*log) (CoreEnv *env, CoreLogLevel level, const char *message);

	char		message[512];	/* set by env_fail */
	char		hint[512];		/* empty, or a sentence that tells what to do */
};

#define CORE_TRY(expression) \
	do { \
		CoreStatus	core_try_status_ = (expression); \
		if (core_try_status_ != CORE_OK) \
			return core_try_status_; \
	} while (0)

#define CORE_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Records the message, clears the hint, returns `status`. */
extern CoreStatus env_fail(CoreEnv *env, CoreStatus status, const char *format, ...) CORE_PRINTF(3, 4);
/* Adds a hint to the failure just recorded; returns `status` for chaining. */
extern CoreStatus env_hint(CoreEnv *env, CoreStatus status, const char *format, ...) CORE_PRINTF(3, 4);
extern void env_log(CoreEnv *env, CoreLogLevel level, const char *format, ...) CORE_PRINTF(3, 4);

/* memcpy and memset to zero with polls in between: where pages are new, a few megabytes take as many milliseconds. */
extern void env_copy(CoreEnv *env, void *to, const void *from, size_t bytes);
extern void env_clear(CoreEnv *env, void *to, size_t bytes);

/* count * size with overflow check; zeroed; NULL (message set) on failure. */
extern void *env_alloc(CoreEnv *env, size_t count, size_t size);
extern char *env_strdup(CoreEnv *env, const char *text);
extern char *env_strndup(CoreEnv *env, const char *text, size_t length);
/* printf into arena memory; NULL when refused. */
extern char *env_sprintf(CoreEnv *env, const char *format, ...) CORE_PRINTF(2, 3);

static inline void
env_release(CoreEnv *env, void *pointer)
{
	if (pointer != NULL && env->release != NULL)
		env->release(env, pointer);
}

static inline void
env_poll(CoreEnv *env)
{
	if (env->poll != NULL)
		env->poll(env);
}

/* *result = a * b or a + b; false on overflow. */
static inline bool
size_multiply(size_t a, size_t b, size_t *result)
{
	return !__builtin_mul_overflow(a, b, result);
}

static inline bool
size_add(size_t a, size_t b, size_t *result)
{
	return !__builtin_add_overflow(a, b, result);
}

/*
 * CORE_ALLOC(env, variable, count): variable = zeroed array of count elements
 * of its own type, returning CORE_NO_MEMORY from the enclosing function when
 * refused.
 */
#define CORE_ALLOC(env, variable, count) \
	do { \
		(variable) = env_alloc((env), (count), sizeof(*(variable))); \
		if ((variable) == NULL) \
			return CORE_NO_MEMORY; \
	} while (0)

#endif							/* CORE_ENV_H */
