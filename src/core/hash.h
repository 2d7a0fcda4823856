/*
 * hash.h
 *	  The one hash of the project, over canonical values.
 *
 * Row order, splits, folds, samples and fingerprints all derive from it, so it
 * may never change.  Equal values hash equal whatever their SQL type: 1::int2,
 * 1::int8, 1.0::float8 and 1.00::numeric are one value, as are -0.0 and 0; all
 * NaNs are one value; NULL is a value of its own; text is its bytes.
 *
 * A row hash is row = hash_row_init(); row = hash_row_add(row, value) for each
 * column in order; hash_row_final(row).
 */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/env.h"

extern uint64_t hash_null(void);
extern uint64_t hash_bytes(const void *data, size_t length);	/* text, bytea, uuid */
extern uint64_t hash_int64(int64_t value);
extern uint64_t hash_double(double value);	/* integral and within int64: as hash_int64 */
extern uint64_t hash_bool(bool value);
extern uint64_t hash_time(int64_t microseconds);	/* date, timestamp(tz): since 2000-01-01 */

extern uint64_t hash_row_init(void);
extern uint64_t hash_row_add(uint64_t row, uint64_t value);
extern uint64_t hash_row_final(uint64_t row);

/* Mixes a row hash with a seed: an independent uniform 64-bit value per seed. */
extern uint64_t hash_seeded(uint64_t hash, uint64_t seed);
/* The top 53 bits of hash_seeded as a double in [0, 1). */
extern double hash_uniform(uint64_t hash, uint64_t seed);

#endif							/* CORE_HASH_H */
