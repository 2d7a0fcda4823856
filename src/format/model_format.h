/*
 * model_format.h
 *	  The bytes of models and of states; docs/MODEL_FORMAT.md specifies them.
 */
#ifndef FORMAT_MODEL_FORMAT_H
#define FORMAT_MODEL_FORMAT_H

#include "core/linear_state.h"
#include "core/model.h"

/* Limits of format version 1; encoding checks the same ones that decoding does. */
#define MODEL_MAX_BYTES ((size_t) 256 * 1024 * 1024)
#define MODEL_MAX_STRING 1048576	/* bytes of one name, label or level */
#define MODEL_MAX_NAME 255		/* bytes of a feature's name, which each of its terms repeats */
#define MODEL_MAX_FEATURES 1664 /* columns of a PostgreSQL query */
#define MODEL_MAX_TRANSFORMS (10 * MODEL_MAX_FEATURES)	/* a timestamp has one for each part */
#define MODEL_MAX_TERMS 65536	/* also of all vector elements together */
#define MODEL_MAX_CLASSES 65536
#define MODEL_MAX_PARAMS 1024
#define PARAM_CHOSEN_BIT 0x80	/* of a parameter's type: the value was found in the data */
#define MODEL_MAX_ARRAYS 64
#define MODEL_MAX_NUMBERS 1024

/*
 * Bytes of a model.  The result begins with `prefix` free bytes (a varlena
 * header inside the server); *length includes them.  Deterministic: equal
 * models give equal bytes.  All strings must be UTF-8.  CORE_INVALID or
 * CORE_TOO_LARGE for a model that model_decode would refuse.
 */
extern CoreStatus model_encode(CoreEnv *env, const Model *model, size_t prefix, uint8_t **bytes, size_t *length);

/*
 * Decodes untrusted bytes: checks magic, version, checksum, every count, index
 * and array and that strings are UTF-8, then binds the algorithm.  Linear in
 * `length`, in time and memory.  CORE_UNSUPPORTED for a newer version, an
 * unknown algorithm or parameter; otherwise CORE_CORRUPT.  The model shares
 * nothing with `bytes`.  skip_checksum is for fuzzing only.
 */
extern CoreStatus model_decode(CoreEnv *env, const uint8_t *bytes, size_t length, bool skip_checksum, Model **model);

/* Only the header: cheap test whether bytes may be a model; format version or 0. */
extern int	model_peek(const uint8_t *bytes, size_t length);

/*
 * Whether a model in memory keeps the limits and rules of the format: enums in
 * range, outputs, link and classes that fit the task, strings in UTF-8, unique
 * names.  `status` and `prefix` for the message are the caller's.
 */
extern CoreStatus model_check(CoreEnv *env, const Model *model, CoreStatus status, const char *prefix);

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
