/*
 * dataset_sort.c
 *	  Rows in canonical order; see dataset_internal.h.
 *
 * Order: (role, hash of key or row, canonical row, ordinal among equals).  The
 * hash is uniform: its leading bits deal the rows out to buckets of some hundred,
 * the next ones do the same inside a bucket, in cache, and almost nothing is
 * left to compare.  An entry is 8 bytes: the 32 bits of the hash behind those of the
 * bucket, and the row.  About 20 ns a row at 1M rows.  Rows of equal hash are
 * compared column by column; rows that are equal there are interchangeable, so
 * their order of arrival does no harm.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "core/sort.h"
#include "pg/dataset_internal.h"

#define BUCKET_ROWS 512			/* about */
#define MAX_BUCKET_BITS 13
#define MAX_INNER_BITS 12
#define FEW 24					/* entries that are sorted by insertion */
#define PREFETCH 24

typedef struct TiedRow
{
	uint64		hash;
	uint32		row;
} TiedRow;

/* ---------- rows of equal hash ---------- */

#define COMPARE(x, y) ((x) < (y) ? -1 : (x) > (y))

/* NULL first, then by value, NaN last. */
static int
compare_elements(const RawColumn *column, int64 a, int64 b)
{
	const char *x = element_at(&column->values, a);
	const char *y = element_at(&column->values, b);

	for (int i = 0; i < column->width; i++)
	{
		int			result = 0;

		switch (column->storage)
		{
			case STORAGE_I8:
				result = COMPARE(((const int8 *) x)[i], ((const int8 *) y)[i]);
				break;
			case STORAGE_I16:
				result = COMPARE(((const int16 *) x)[i], ((const int16 *) y)[i]);
				break;
			case STORAGE_I32:
				result = COMPARE(((const int32 *) x)[i], ((const int32 *) y)[i]);
				break;
			case STORAGE_I64:
				result = COMPARE(((const int64 *) x)[i], ((const int64 *) y)[i]);
				break;
			case STORAGE_CODE:
				{
					const uint32 *rank = column->dictionary->rank;

					result = COMPARE(rank[((const uint32 *) x)[i]], rank[((const uint32 *) y)[i]]);
					break;
				}
			case STORAGE_F32:
			case STORAGE_F64:
				{
					double		u = column->storage == STORAGE_F32 ? ((const float *) x)[i] : ((const double *) x)[i];
					double		v = column->storage == STORAGE_F32 ? ((const float *) y)[i] : ((const double *) y)[i];

					if (isnan(u) || isnan(v))
						result = (int) isnan(u) - (int) isnan(v);
					else
						result = COMPARE(u, v);
					break;
				}
		}
		if (result != 0)
			return result;
	}
	return 0;
}

static int
compare_rows(const DatasetBuild *build, int64 x, int64 y)
{
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < build->ncolumns; i++)
	{
		const RawColumn *column = &build->columns[i];
		bool		xnull;
		bool		ynull;
		int			result;

		if (column->omitted != NULL)
			continue;
		xnull = raw_is_null(column, x);
		ynull = raw_is_null(column, y);
		if (xnull || ynull)
			result = (int) ynull - (int) xnull;
		else
			result = compare_elements(column, x, y);
		if (result != 0)
			return result;
	}
	return COMPARE(x, y);		/* equal rows: as they arrived */
}

static int
compare_tied(const void *a, const void *b, void *arg)
{
	const TiedRow *x = a;
	const TiedRow *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return compare_rows(arg, x->row, y->row);
}

/* Orders rows of equal leading bits; most such runs are copies of one row and in order already. */
static void
sort_run(DatasetBuild *build, uint32 *order, uint64 *hash, int64 count)
{
	bool		sorted = true;
	TiedRow    *tied;

	for (int64 i = 1; i < count && sorted; i++)
		sorted = hash[i - 1] < hash[i] || (hash[i - 1] == hash[i] && compare_rows(build, order[i - 1], order[i]) < 0);
	if (sorted)
		return;
	tied = build_alloc(build, (Size) count, sizeof(TiedRow));
	for (int64 i = 0; i < count; i++)
	{
		tied[i].hash = hash[i];
		tied[i].row = order[i];
	}
	qsort_arg(tied, (size_t) count, sizeof(TiedRow), compare_tied, build);
	for (int64 i = 0; i < count; i++)
	{
		hash[i] = tied[i].hash;
		order[i] = tied[i].row;
	}
	build_free(build, tied, (Size) count, sizeof(TiedRow));
}

/* ---------- buckets ---------- */

static int
compare_entries(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	CHECK_FOR_INTERRUPTS();
	return COMPARE(x, y);
}

/* Sorts a bucket into `out`.  Equal entries there are none: each has its row. */
static void
sort_bucket(const uint64 *entries, int64 count, uint64 *out)
{
	uint32		place[(1 << MAX_INNER_BITS) + 1];
	int			bits = Min(pg_leftmost_one_pos64((uint64) count) + 1, MAX_INNER_BITS);
	int			shift = 64 - bits;
	uint32		start = 0;

	memset(place, 0, sizeof(uint32) * ((Size) (1 << bits) + 1));
	for (int64 i = 0; i < count; i++)
		place[(entries[i] >> shift) + 1]++;
	for (int b = 1; b < 1 << bits; b++)
		place[b] += place[b - 1];
	for (int64 i = 0; i < count; i++)
		out[place[entries[i] >> shift]++] = entries[i];
	/* each place is now where its bucket ends */
	for (int b = 0; b < 1 << bits; b++)
	{
		uint32		size = place[b] - start;

		if (size > FEW)
			qsort(out + start, size, sizeof(uint64), compare_entries);
		else if (size > 1)
			sort_few_keys(out + start, size);
		start = place[b];
	}
}

/* Rows and hashes of a sorted bucket, into their final places. */
static void
emit_bucket(DatasetBuild *build, const uint64 *entries, int64 count, int64 first)
{
	const uint64 *from = (const uint64 *) build->hash.data;
	uint32	   *order = build->order + first;
	uint64	   *hash = build->result->data.hash + first;
	int64		start = 0;

	for (int64 i = 0; i < count; i++)
	{
		if (i + PREFETCH < count)
			__builtin_prefetch(&from[(uint32) entries[i + PREFETCH]]);
		order[i] = (uint32) entries[i];
		hash[i] = from[order[i]];
	}
	for (int64 i = 1; i <= count; i++)
	{
		if (i < count && entries[i] >> 32 == entries[start] >> 32)
			continue;
		if (i - start > 1)
			sort_run(build, order + start, hash + start, i - start);
		start = i;
	}
}

/* The bucket of a row: roles apart, held-out rows last. */
static inline uint32
bucket_of(uint8 role, uint64 hash, int bits)
{
	return (uint32) role << bits | (uint32) ((hash >> 1) >> (63 - bits));
}

/* Counts the rows of each bucket, then turns counts into places; place[b + 1] belongs to bucket b. */
static int64
count_buckets(const DatasetBuild *build, int64 *place, int nbuckets, int bits)
{
	int64		largest = 0;

	memset(place, 0, sizeof(int64) * ((Size) nbuckets + 1));
	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (build->roles[row] != ROLE_SKIPPED)
			place[bucket_of(build->roles[row], ELEMENT(&build->hash, uint64, row), bits) + 1]++;
	}
	for (int b = 1; b <= nbuckets; b++)
	{
		largest = Max(largest, place[b]);
		place[b] += place[b - 1];
	}
	return largest;
}

/* Afterwards place[b] is where bucket b ends. */
static void
deal_out(const DatasetBuild *build, int64 *place, int bits, uint64 *entries)
{
	for (int64 row = 0; row < build->nrows; row++)
	{
		uint64		hash = ELEMENT(&build->hash, uint64, row);

		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (build->roles[row] != ROLE_SKIPPED)
			entries[place[bucket_of(build->roles[row], hash, bits)]++] =
				((hash << bits) & UINT64CONST(0xffffffff00000000)) | (uint64) row;
	}
}

/* Fills build->order and the final hashes. */
void
order_rows(DatasetBuild *build, int64 count)
{
	int			bits = 0;
	int			nbuckets;
	int64	   *place;
	int64		largest;
	uint64	   *entries;
	uint64	   *sorted;
	int64		start = 0;

	while (bits < MAX_BUCKET_BITS && (count >> bits) > BUCKET_ROWS)
		bits++;
	nbuckets = 2 << bits;
	place = build_alloc(build, (Size) nbuckets + 1, sizeof(int64));
	largest = count_buckets(build, place, nbuckets, bits);
	entries = build_alloc(build, (Size) count, sizeof(uint64));
	sorted = build_alloc(build, (Size) largest, sizeof(uint64));
	deal_out(build, place, bits, entries);
	for (int b = 0; b < nbuckets; b++)
	{
		int64		size = place[b] - start;

		CHECK_FOR_INTERRUPTS();
		if (size > 0)
		{
			sort_bucket(entries + start, size, sorted);
			emit_bucket(build, sorted, size, start);
		}
		start = place[b];
	}
	build_free(build, sorted, (Size) largest, sizeof(uint64));
	build_free(build, entries, (Size) count, sizeof(uint64));
	build_free(build, place, (Size) nbuckets + 1, sizeof(int64));
}
