/*
 * sort.c
 *	  Radix sorts of doubles and weighted quantiles; see sort.h.
 *
 * Least significant digit first, 8 bits at a time; digits that all keys share
 * are skipped, so integers and float4 values cost fewer passes.
 */
#include "core/sort.h"

#include <math.h>
#include <string.h>

#define DIGITS 8
#define BUCKETS 256
#define INSERTION_MAX 48		/* below, histograms cost more than comparisons */
#define POLL_ROWS 65536

typedef struct Entry
{
	uint64_t	key;
	int64_t		index;
} Entry;

/* Unsigned integers in the order of the doubles. */
static inline uint64_t
key_of(double x)
{
	uint64_t	bits;

	if (x != x)
		return UINT64_MAX;
	x += 0.0;					/* -0 becomes 0 */
	memcpy(&bits, &x, sizeof(bits));
	return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

static inline double
double_of(uint64_t key)
{
	double		x;

	if (key == UINT64_MAX)
		return NAN;
	key = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
	memcpy(&x, &key, sizeof(x));
	return x;
}

static inline unsigned
digit_of(uint64_t key, int digit)
{
	return (unsigned) (key >> (8 * digit)) & (BUCKETS - 1);
}

/* Counts become start positions; false when one bucket holds everything. */
static bool
bucket_starts(int64_t *counts, int64_t n)
{
	int64_t		position = 0;

	for (int bucket = 0; bucket < BUCKETS; bucket++)
	{
		int64_t		count = counts[bucket];

		if (count == n)
			return false;
		counts[bucket] = position;
		position += count;
	}
	return true;
}

static void
insertion_sort_keys(uint64_t *keys, int64_t n)
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

/* Sorts with `spare` as the second buffer; returns the one that holds the result. */
static uint64_t *
radix_sort_keys(CoreEnv *env, uint64_t *keys, uint64_t *spare, int64_t n)
{
	int64_t		counts[DIGITS][BUCKETS] = {{0}};

	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		for (int digit = 0; digit < DIGITS; digit++)
			counts[digit][digit_of(keys[i], digit)]++;
	}
	for (int digit = 0; digit < DIGITS; digit++)
	{
		int64_t    *position = counts[digit];
		uint64_t   *swap = keys;

		if (!bucket_starts(position, n))
			continue;
		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_ROWS == 0)
				env_poll(env);
			spare[position[digit_of(keys[i], digit)]++] = keys[i];
		}
		keys = spare;
		spare = swap;
	}
	return keys;
}

static Entry *
radix_sort_entries(CoreEnv *env, Entry *entries, Entry *spare, int64_t n)
{
	int64_t		counts[DIGITS][BUCKETS] = {{0}};

	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		for (int digit = 0; digit < DIGITS; digit++)
			counts[digit][digit_of(entries[i].key, digit)]++;
	}
	for (int digit = 0; digit < DIGITS; digit++)
	{
		int64_t    *position = counts[digit];
		Entry	   *swap = entries;

		if (!bucket_starts(position, n))
			continue;
		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_ROWS == 0)
				env_poll(env);
			spare[position[digit_of(entries[i].key, digit)]++] = entries[i];
		}
		entries = spare;
		spare = swap;
	}
	return entries;
}

CoreStatus
sort_doubles(CoreEnv *env, double *keys, int64_t n)
{
	uint64_t   *bits;
	uint64_t   *spare;
	uint64_t   *sorted;

	if (n < 2)
		return CORE_OK;
	CORE_ALLOC(env, bits, (size_t) n);
	for (int64_t i = 0; i < n; i++)
		bits[i] = key_of(keys[i]);
	if (n <= INSERTION_MAX)
	{
		insertion_sort_keys(bits, n);
		spare = NULL;
		sorted = bits;
	}
	else
	{
		CORE_ALLOC(env, spare, (size_t) n);
		sorted = radix_sort_keys(env, bits, spare, n);
	}
	for (int64_t i = 0; i < n; i++)
		keys[i] = double_of(sorted[i]);
	env_release(env, spare);
	env_release(env, bits);
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
		order[i] = sorted[i].index;
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

CoreStatus
weighted_sort(CoreEnv *env, WeightedValues *values)
{
	int64_t    *order;

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
	/* added in the order in which quantiles accumulate, so that p = 1 is the last value */
	values->total = 0;
	for (int64_t i = 0; i < values->n; i++)
		values->total += values->weight[i];
	return CORE_OK;
}

double
weighted_quantile(const WeightedValues *values, double p, bool average)
{
	double		target = p * values->total;
	double		sum = 0;
	int64_t		i;

	if (values->weight == NULL)
	{
		i = (int64_t) ceil(target) - 1;
		i = i < 0 ? 0 : i >= values->n ? values->n - 1 : i;
		sum = (double) (i + 1);
	}
	else
	{
		for (i = 0; i < values->n; i++)
		{
			sum += values->weight[i];
			if (sum >= target)
				break;
		}
		if (i == values->n)
			i--;
	}
	if (average && sum == target && i + 1 < values->n)
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
