/*
 * model_format.h
 *	  The bytes of models and of states; docs/MODEL_FORMAT.md specifies them.
 */
#ifndef FORMAT_MODEL_FORMAT_H
#define FORMAT_MODEL_FORMAT_H

#include "core/linear_state.h"
#include "core/model.h"

#define MODEL_MAX_BYTES ((size_t) 256 * 1024 * 1024)

/*
 * Bytes of a model.  The result begins with `prefix` free bytes (a varlena
 * header inside the server); *length includes them.  Deterministic: equal
 * models give equal bytes.
 */
extern CoreStatus model_encode(CoreEnv *env, const Model *model, size_t prefix, uint8_t **bytes, size_t *length);

/*
 * Decodes untrusted bytes: checks magic, version, checksum, every count, index
 * and array, then binds the algorithm.  Strings must be valid in no particular
 * encoding here; the caller validates the server encoding of names and labels.
 * skip_checksum is for fuzzing only.
 */
extern CoreStatus model_decode(CoreEnv *env, const uint8_t *bytes, size_t length, bool skip_checksum, Model **model);

/* Only the header: cheap test whether bytes may be a model; format version or 0. */
extern int	model_peek(const uint8_t *bytes, size_t length);

/* The same for streaming states; today the only kind is a LinearState. */
extern CoreStatus state_encode(CoreEnv *env, const LinearState *state, size_t prefix, uint8_t **bytes, size_t *length);
extern CoreStatus state_decode(CoreEnv *env, const uint8_t *bytes, size_t length, bool skip_checksum, LinearState **state);

/* CRC-32C of bytes; table driven. */
extern uint32_t checksum_crc32c(const uint8_t *bytes, size_t length);
/* Continues the checksum of bytes before these; 0 to begin. */
extern uint32_t checksum_crc32c_update(uint32_t checksum, const uint8_t *bytes, size_t length);
/* The same for long inputs: polls once per megabyte. */
extern uint32_t checksum_crc32c_polled(CoreEnv *env, const uint8_t *bytes, size_t length);

/* A JSON text of everything in the model (large arrays shortened); zero-terminated. */
extern CoreStatus model_to_json(CoreEnv *env, const Model *model, char **json);
extern CoreStatus state_to_json(CoreEnv *env, const LinearState *state, char **json);

#endif							/* FORMAT_MODEL_FORMAT_H */
