/*
 * sort.c
 *	  Radix sorts of doubles and weighted quantiles; see sort.h.
 *
 * Least significant digit first.  Bits that all keys share are left out and the
 * others divided into digits of equal length, so integers and float4 values
 * cost fewer passes.
 */
#include "core/sort.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define DIGIT_BITS 11			/* at most: the counts of all digits stay in the second cache */
#define FEW_BITS 8				/* at most where there are few items, that counts are not to outweigh */
#define FEW_ITEMS 4096
#define COUNTS (6 << DIGIT_BITS)	/* of all digits */
#define INSERTION_MAX 48		/* below, histograms cost more than comparisons */
#define POLL_ROWS 65536
#define QUANTILE_TOLERANCE 0x1p-50	/* of the total weight */

typedef struct Entry
{
	uint64_t	key;
	int64_t		index;
} Entry;

#define KEY_ZERO (UINT64_C(1) << 63)
#define SINGLE_ZERO (UINT32_C(1) << 31)

/* Unsigned integers in the order of the doubles; bits that are zero at the end of a number are zero in its key. */
static inline uint64_t
key_of(double x)
{
	uint64_t	bits;

	if (x != x)
		return UINT64_MAX;
	memcpy(&bits, &x, sizeof(bits));
	/* -0 is 0 */
	return bits >> 63 ? KEY_ZERO - (bits ^ KEY_ZERO) : KEY_ZERO + bits;
}

static inline double
double_of(uint64_t key)
{
	double		x;

	if (key == UINT64_MAX)
		return NAN;
	key = key >> 63 ? key - KEY_ZERO : (KEY_ZERO - key) ^ KEY_ZERO;
	memcpy(&x, &key, sizeof(x));
	return x;
}

/* Digits of equal length between the bits that all keys share. */
typedef struct Digits
{
	int			count;
	int			bits;			/* of each */
	int			first;			/* lowest bit of the first */
} Digits;

/* `differing`: bits in which some of n keys differ. */
static Digits
choose_digits(uint64_t differing, int64_t n)
{
	int			most = n < FEW_ITEMS ? FEW_BITS : DIGIT_BITS;
	Digits		digits = {0, most, 0};
	int			width;

	if (differing == 0)
		return digits;
	digits.first = __builtin_ctzll(differing);
	width = 64 - __builtin_clzll(differing) - digits.first;
	digits.count = (width + most - 1) / most;
	digits.bits = (width + digits.count - 1) / digits.count;
	return digits;
}

static inline unsigned
digit_of(uint64_t key, int shift, unsigned mask)
{
	return (unsigned) (key >> shift) & mask;
}

/* Counts become start positions; false when one bucket holds everything. */
static bool
bucket_starts(int64_t *counts, int buckets, int64_t n)
{
	int64_t		position = 0;

	for (int bucket = 0; bucket < buckets; bucket++)
	{
		int64_t		count = counts[bucket];

		if (count == n)
			return false;
		counts[bucket] = position;
		position += count;
	}
	return true;
}

void
sort_few_keys(uint64_t *keys, int64_t n)
{
	for (int64_t i = 1; i < n; i++)
	{
		uint64_t	key = keys[i];
		int64_t		j = i;

		for (; j > 0 && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

static void
insertion_sort_entries(Entry *entries, int64_t n)
{
	for (int64_t i = 1; i < n; i++)
	{
		Entry		entry = entries[i];
		int64_t		j = i;

		for (; j > 0 && entries[j - 1].key > entry.key; j--)
			entries[j] = entries[j - 1];
		entries[j] = entry;
	}
}

/*
 * Sorts with `spare` as the second buffer; returns the one that holds the
 * result.  A macro for both kinds of items: KEY(item) is its key.
 */
#define RADIX_SORT(name, Item, KEY) \
	static Item * \
	name(CoreEnv *env, Item *items, Item *spare, int64_t n) \
	{ \
		int64_t		counts[COUNTS]; \
		uint64_t	differing = 0; \
		Digits		digits; \
		unsigned	mask; \
		for (int64_t i = 0; i < n; i++) \
		{ \
			if (i % POLL_ROWS == 0) \
				env_poll(env); \
			differing |= KEY(items[i]) ^ KEY(items[0]); \
		} \
		digits = choose_digits(differing, n); \
		mask = (1u << digits.bits) - 1; \
		memset(counts, 0, ((size_t) digits.count << digits.bits) * sizeof(int64_t)); \
		for (int64_t i = 0; i < n; i++) \
		{ \
			if (i % POLL_ROWS == 0) \
				env_poll(env); \
			for (int digit = 0, shift = digits.first; digit < digits.count; digit++, shift += digits.bits) \
				counts[(digit << digits.bits) + (int) digit_of(KEY(items[i]), shift, mask)]++; \
		} \
		for (int digit = 0, shift = digits.first; digit < digits.count; digit++, shift += digits.bits) \
		{ \
			int64_t    *position = counts + (digit << digits.bits); \
			Item	   *swap = items; \
			if (!bucket_starts(position, 1 << digits.bits, n)) \
				continue; \
			for (int64_t i = 0; i < n; i++) \
			{ \
				if (i % POLL_ROWS == 0) \
					env_poll(env); \
				spare[position[digit_of(KEY(items[i]), shift, mask)]++] = items[i]; \
			} \
			items = spare; \
			spare = swap; \
		} \
		return items; \
	}

#define KEY_ITSELF(item) (item)
#define KEY_OF_ENTRY(item) ((item).key)

RADIX_SORT(radix_sort_keys, uint64_t, KEY_ITSELF)
RADIX_SORT(radix_sort_entries, Entry, KEY_OF_ENTRY)
RADIX_SORT(radix_sort_singles, uint32_t, KEY_ITSELF)

/* Whether the numbers are those of a float4 column: half the bytes will do. */
static bool
are_singles(const double *keys, int64_t n)
{
	int64_t		others = 0;

	for (int64_t i = 0; i < n; i++)
	{
		float		single = fabs(keys[i]) <= FLT_MAX ? (float) keys[i] : 0;

		others += (double) single != keys[i];
	}
	return others == 0;
}

static void
sort_singles(CoreEnv *env, double *keys, int64_t n, uint32_t *scratch)
{
	uint32_t   *sorted;

	for (int64_t i = 0; i < n; i++)
	{
		float		single = (float) keys[i];
		uint32_t	bits;

		memcpy(&bits, &single, sizeof(bits));
		scratch[i] = bits >> 31 ? SINGLE_ZERO - (bits ^ SINGLE_ZERO) : SINGLE_ZERO + bits;
	}
	sorted = radix_sort_singles(env, scratch, scratch + n, n);
	for (int64_t i = 0; i < n; i++)
	{
		uint32_t	bits = sorted[i] >= SINGLE_ZERO ? sorted[i] - SINGLE_ZERO : (SINGLE_ZERO - sorted[i]) ^ SINGLE_ZERO;
		float		single;

		memcpy(&single, &bits, sizeof(single));
		keys[i] = single;
	}
}

void
sort_doubles_with(CoreEnv *env, double *keys, int64_t n, uint64_t *scratch)
{
	uint64_t   *sorted = scratch;

	if (n >= FEW_ITEMS && are_singles(keys, n))
	{
		sort_singles(env, keys, n, (uint32_t *) scratch);
		return;
	}
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		scratch[i] = key_of(keys[i]);
	}
	if (n <= INSERTION_MAX)
		sort_few_keys(scratch, n);
	else
		sorted = radix_sort_keys(env, scratch, scratch + n, n);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		keys[i] = double_of(sorted[i]);
	}
}

CoreStatus
sort_doubles(CoreEnv *env, double *keys, int64_t n)
{
	uint64_t   *scratch;

	if (n < 2)
		return CORE_OK;
	CORE_ALLOC(env, scratch, 2 * (size_t) n);
	sort_doubles_with(env, keys, n, scratch);
	env_release(env, scratch);
	return CORE_OK;
}

void
sort_identity(int64_t *order, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		order[i] = i;
}

CoreStatus
sort_order(CoreEnv *env, const double *keys, int64_t n, int64_t *order)
{
	Entry	   *entries;
	Entry	   *spare;
	Entry	   *sorted;

	if (n < 2)
		return CORE_OK;
	CORE_ALLOC(env, entries, (size_t) n);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		entries[i].key = key_of(keys[order[i]]);
		entries[i].index = order[i];
	}
	if (n <= INSERTION_MAX)
	{
		insertion_sort_entries(entries, n);
		spare = NULL;
		sorted = entries;
	}
	else
	{
		CORE_ALLOC(env, spare, (size_t) n);
		sorted = radix_sort_entries(env, entries, spare, n);
	}
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		order[i] = sorted[i].index;
	}
	env_release(env, spare);
	env_release(env, entries);
	return CORE_OK;
}

static CoreStatus
permute(CoreEnv *env, double *values, const int64_t *order, int64_t n)
{
	double	   *copy;

	CORE_ALLOC(env, copy, (size_t) n);
	memcpy(copy, values, (size_t) n * sizeof(double));
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		values[i] = copy[order[i]];
	}
	env_release(env, copy);
	return CORE_OK;
}

/* *sum + *rest += x, where the rest is what rounding lost (Knuth). */
static inline void
cumulate(double x, double *sum, double *rest)
{
	double		next = *sum + x;
	double		part = next - *sum;

	*rest += (*sum - (next - part)) + (x - part);
	*sum = next;
}

CoreStatus
weighted_sort(CoreEnv *env, WeightedValues *values)
{
	int64_t    *order;
	double		rest = 0;

	if (values->weight == NULL)
	{
		values->total = (double) values->n;
		return sort_doubles(env, values->value, values->n);
	}
	CORE_ALLOC(env, order, (size_t) values->n);
	sort_identity(order, values->n);
	CORE_TRY(sort_order(env, values->weight, values->n, order));
	CORE_TRY(sort_order(env, values->value, values->n, order));
	CORE_TRY(permute(env, values->value, order, values->n));
	CORE_TRY(permute(env, values->weight, order, values->n));
	env_release(env, order);
	values->total = 0;
	for (int64_t i = 0; i < values->n; i++)
		cumulate(values->weight[i], &values->total, &rest);
	values->total += rest;
	return CORE_OK;
}

/*
 * A share is reached where weights add up to it but for the rounding of p and of
 * the weights themselves: ten rows of weight 0.1 are as ten rows.
 */
double
weighted_quantile(const WeightedValues *values, double p, bool average)
{
	double		target = p * values->total;
	double		tolerance = QUANTILE_TOLERANCE * values->total;
	double		sum = 0;
	double		rest = 0;
	int64_t		i;

	if (values->weight == NULL)
	{
		i = (int64_t) ceil(target - tolerance) - 1;
		i = i < 0 ? 0 : i >= values->n ? values->n - 1 : i;
		sum = (double) (i + 1);
	}
	else
	{
		for (i = 0; i < values->n - 1; i++)
		{
			cumulate(values->weight[i], &sum, &rest);
			if (sum + rest >= target - tolerance)
				break;
		}
	}
	if (average && i + 1 < values->n && fabs((sum - target) + rest) <= tolerance)
		return values->value[i] + (values->value[i + 1] - values->value[i]) / 2;
	return values->value[i];
}

double
weighted_mode(const WeightedValues *values)
{
	double		best = values->value[0];
	double		best_weight = -1;
	int64_t		i = 0;

	while (i < values->n)
	{
		double		value = values->value[i];
		double		weight = 0;

		for (; i < values->n && values->value[i] == value; i++)
			weight += values->weight != NULL ? values->weight[i] : 1;
		if (weight > best_weight)
		{
			best_weight = weight;
			best = value;
		}
	}
	return best;
}
