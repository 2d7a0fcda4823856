/*
 * base64.h
 *	  The text form of models and states: base64 (RFC 4648) without line breaks.
 */
#ifndef FORMAT_BASE64_H
#define FORMAT_BASE64_H

#include "core/env.h"

/* Characters that base64_encode writes for `length` bytes; no terminator. */
extern size_t base64_length(size_t length);
extern void base64_encode(CoreEnv *env, const uint8_t *bytes, size_t length, char *out);

/*
 * Blanks, tabs and line breaks are skipped; padding is required and nothing may
 * follow it; bits that padding leaves over must be zero, so that no two texts
 * (blanks apart) mean the same bytes.  The result begins with `prefix` free
 * bytes; *length includes them.  CORE_INVALID names the position.
 */
extern CoreStatus base64_decode(CoreEnv *env, const char *text, size_t text_length, size_t prefix, uint8_t **bytes, size_t *length);

#endif							/* FORMAT_BASE64_H */
