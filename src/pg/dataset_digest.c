/*
 * dataset_digest.c
 *	  A fingerprint of the rows of a data set; see dataset_reader.h.
 *
 * Each row is reduced to 64 bits by the canonical hash, column by column, and
 * the row hashes in canonical order go through SHA-256.  It tells data that
 * changed from data that did not; it is no defence against someone who looks
 * for collisions of the 64-bit hash.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"

#include "core/hash.h"
#include "pg/dataset_reader.h"

#define DIGEST_ROWS 4096		/* rows at a time */

static void
add_numbers(const Column *column, int64 first, int count, uint64 *rows)
{
	const int	width = column->feature->width;

	for (int i = 0; i < count; i++)
	{
		for (int e = 0; e < width; e++)
			rows[i] = hash_row_add(rows[i], hash_double(column_number(column, first + i, e)));
	}
}

static void
add_times(const Column *column, int64 first, int count, uint64 *rows)
{
	const int64 *times = (const int64 *) column->values + first;

	for (int i = 0; i < count; i++)
		rows[i] = hash_row_add(rows[i], hash_time(times[i]));
}

static void
add_texts(const Column *column, const uint64 *levels, int64 first, int count, uint64 *rows)
{
	const uint32 *codes = (const uint32 *) column->values + first;

	for (int i = 0; i < count; i++)
		rows[i] = hash_row_add(rows[i], levels[codes[i]]);
}

static void
add_column(const Column *column, const uint64 *levels, int64 first, int count, uint64 *rows)
{
	if (column->storage == STORAGE_CODE)
		add_texts(column, levels, first, count, rows);
	else if (column->feature->kind == FEATURE_TIMESTAMP)
		add_times(column, first, count, rows);
	else
		add_numbers(column, first, count, rows);
	if (column->nulls == NULL)
		return;
	for (int i = 0; i < count; i++)
	{
		if (column_is_null(column, first + i))
			rows[i] = hash_row_add(rows[i], hash_null());
	}
}

static void
add_doubles(const double *values, int64 first, int count, uint64 *rows)
{
	if (values == NULL)
		return;
	for (int i = 0; i < count; i++)
		rows[i] = hash_row_add(rows[i], hash_double(values[first + i]));
}

static void
update(pg_cryptohash_ctx *sha, const void *bytes, Size length)
{
	if (pg_cryptohash_update(sha, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(sha));
}

/* Hashes of the levels of each text column; NULL for the others. */
static uint64 **
level_hashes(PgEnv *env, const Dataset *data)
{
	uint64	  **hashes = env_alloc(&env->core, data->schema.count, sizeof(uint64 *));

	for (int c = 0; c < data->schema.count; c++)
	{
		const Column *column = &data->columns[c];

		if (column->storage != STORAGE_CODE)
			continue;
		hashes[c] = env_alloc(&env->core, column->nlevels, sizeof(uint64));
		for (int i = 0; i < column->nlevels; i++)
			hashes[c][i] = hash_bytes(column->levels[i], column->level_lengths[i]);
	}
	return hashes;
}

/*
 * A context with an error in between is freed by the resource owner at the end
 * of the transaction, or holds palloc'd memory only.
 */
char *
dataset_digest(PgEnv *env, const Dataset *data)
{
	pg_cryptohash_ctx *sha = pg_cryptohash_create(PG_SHA256);
	uint64	  **levels = level_hashes(env, data);
	uint64		rows[DIGEST_ROWS];
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *text = env_alloc(&env->core, 2 * sizeof(digest) + 1, 1);
	uint64		sizes[2] = {(uint64) data->nrows, (uint64) data->ntrain};

	if (sha == NULL || pg_cryptohash_init(sha) < 0)
		elog(ERROR, "could not start SHA-256");
	update(sha, sizes, sizeof(sizes));
	for (int c = 0; c < data->schema.count; c++)
	{
		const Feature *feature = &data->schema.features[c];
		uint64		kind[2] = {feature->kind, (uint64) feature->width};

		update(sha, feature->name, strlen(feature->name) + 1);
		update(sha, kind, sizeof(kind));
	}
	for (int64 first = 0; first < data->nrows; first += DIGEST_ROWS)
	{
		int			count = (int) Min(DIGEST_ROWS, data->nrows - first);

		for (int i = 0; i < count; i++)
			rows[i] = data->hash[first + i];
		for (int c = 0; c < data->schema.count; c++)
		{
			CHECK_FOR_INTERRUPTS();
			add_column(&data->columns[c], levels[c], first, count, rows);
		}
		add_doubles(data->target, first, count, rows);
		add_doubles(data->weight, first, count, rows);
		add_doubles(data->offset, first, count, rows);
		update(sha, rows, sizeof(uint64) * count);
	}
	if (pg_cryptohash_final(sha, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not finish SHA-256");
	pg_cryptohash_free(sha);
	for (int c = 0; c < data->schema.count; c++)
		env_release(&env->core, levels[c]);
	env_release(&env->core, levels);
	for (int i = 0; i < (int) sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}
