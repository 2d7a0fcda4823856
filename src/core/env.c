/*
 * env.c
 *	  Messages and checked allocation on top of a CoreEnv; see env.h.
 */
#include "core/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STEP_BYTES ((size_t) 1024 * 1024)	/* bytes between polls */

CoreStatus
env_fail(CoreEnv *env, CoreStatus status, const char *format, ...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(env->message, sizeof(env->message), format, args);
	va_end(args);
	env->hint[0] = '\0';
	return status;
}

CoreStatus
env_hint(CoreEnv *env, CoreStatus status, const char *format, ...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(env->hint, sizeof(env->hint), format, args);
	va_end(args);
	return status;
}

void
env_log(CoreEnv *env, CoreLogLevel level, const char *format, ...)
{
	char		message[512];
	va_list		args;

	if (env->log == NULL)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	env->log(env, level, message);
}

void *
env_alloc(CoreEnv *env, size_t count, size_t size)
{
	size_t		total;
	void	   *pointer;

	if (!size_multiply(count, size, &total))
	{
		env_fail(env, CORE_TOO_LARGE, "%zu elements of %zu bytes exceed the address space", count, size);
		return NULL;
	}
	/* an empty array is a valid array: give it an address of its own */
	pointer = env->alloc(env, total > 0 ? total : 1);
	if (pointer == NULL)
		env_fail(env, CORE_NO_MEMORY, "out of memory: %zu bytes were refused", total);
	return pointer;
}

void
env_copy(CoreEnv *env, void *to, const void *from, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += STEP_BYTES)
	{
		if (bytes > STEP_BYTES)
			env_poll(env);
		memcpy((char *) to + done, (const char *) from + done, bytes - done < STEP_BYTES ? bytes - done : STEP_BYTES);
	}
}

void
env_clear(CoreEnv *env, void *to, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += STEP_BYTES)
	{
		if (bytes > STEP_BYTES)
			env_poll(env);
		memset((char *) to + done, 0, bytes - done < STEP_BYTES ? bytes - done : STEP_BYTES);
	}
}

char *
env_strndup(CoreEnv *env, const char *text, size_t length)
{
	size_t		size;
	char	   *copy;

	if (!size_add(length, 1, &size))
		return NULL;
	copy = env_alloc(env, size, 1);
	if (copy != NULL)
	{
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

char *
env_strdup(CoreEnv *env, const char *text)
{
	return env_strndup(env, text, strlen(text));
}

char *
env_sprintf(CoreEnv *env, const char *format, ...)
{
	va_list		args;
	int			length;
	char	   *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return NULL;
	text = env_alloc(env, (size_t) length + 1, 1);
	if (text == NULL)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t) length + 1, format, args);
	va_end(args);
	return text;
}
