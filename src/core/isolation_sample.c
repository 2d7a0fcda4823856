/*
 * isolation_sample.c
 *	  Which rows each tree of an isolation forest sees; see isolation.h.
 *
 * A sample is the rows with the least keys, where the key of a row for a tree
 * is an exponential number with the row's weight as its rate (Efraimidis and
 * Spirakis, "Weighted random sampling with a reservoir", 2006).  Keys come from
 * hashes of row, ordinal among rows of equal hash and seed, so that a row's do
 * not depend on other rows.
 *
 * Drawing a key for each row and tree would cost rows x trees.  Instead a row
 * has one sequence of arrivals for a group of trees, as often as all its trees
 * together would: gaps are exponential, each arrival falls to a tree at random,
 * and a tree's first one is the row's key.  Arrivals beyond a horizon, by which
 * each tree has some more rows than its sample takes, need not be known: for
 * most rows that is all of them, and one hash tells so.  Where samples are a
 * large part of the rows, a key is drawn for each row and tree after all.
 *
 * Cost: 3 ns a row for each group of 128 trees, or of as many as take 8 MB.
 */
#include "core/isolation.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"

#define POLL_ROWS 65536
#define POLL_DRAWS 4096
#define MOST_TREES 128			/* of a group; a power of two */
#define LEAST_TREES 8
#define GROUP_ROWS (1 << 19)	/* of the samples of a group */
#define SPARSE 8				/* rows for each that a horizon is to reach */
#define EXPONENTS 2100			/* of doubles, from that of the least */
#define LEAST_EXPONENT (-1074)
#define STEPS 8					/* of a horizon, between powers of two */

/* The rows with the least keys: a heap with the greatest on top. */
typedef struct SampleHeap
{
	int			count;
	double	   *key;
	int64_t    *row;
} SampleHeap;

struct IsolationSampler
{
	CoreEnv    *env;
	const uint64_t *hash;
	const double *weight;
	int64_t		nrows;
	int			samples;
	uint64_t	seed;
	int			group;			/* trees sampled at a time; 1: by a key for each row */
	int			first;			/* tree of those in the heaps; -1: none */
	double		horizon;		/* of arrivals, in units of 1 / weight */
	unsigned	draws;
	SampleHeap *heaps;			/* [group] */
};

/* ------------------------------------------------------------ the least keys */

static bool
comes_after(const SampleHeap *heap, int a, int b)
{
	if (heap->key[a] != heap->key[b])
		return heap->key[a] > heap->key[b];
	return heap->row[a] > heap->row[b];
}

static void
swap_entries(SampleHeap *heap, int a, int b)
{
	int64_t		row = heap->row[a];
	double		key = heap->key[a];

	heap->row[a] = heap->row[b];
	heap->key[a] = heap->key[b];
	heap->row[b] = row;
	heap->key[b] = key;
}

static void
sift_down(SampleHeap *heap, int root)
{
	int			child;

	while ((child = 2 * root + 1) < heap->count)
	{
		if (child + 1 < heap->count && comes_after(heap, child + 1, child))
			child++;
		if (!comes_after(heap, child, root))
			break;
		swap_entries(heap, root, child);
		root = child;
	}
}

/* Rows are offered in ascending order. */
static inline void
offer(SampleHeap *heap, int samples, int64_t row, double key)
{
	if (heap->count < samples)
	{
		heap->key[heap->count] = key;
		heap->row[heap->count++] = row;
		for (int root = samples / 2 - 1; heap->count == samples && root >= 0; root--)
			sift_down(heap, root);
	}
	else if (key < heap->key[0])
	{
		heap->key[0] = key;
		heap->row[0] = row;
		sift_down(heap, 0);
	}
}

/* ------------------------------------------------------------ the horizon */

/* How many rows have an arrival of one tree until `horizon`, on average; rows by the exponent of their weight. */
static double
expected_rows(const int64_t *count, const double *mean, double horizon)
{
	double		rows = 0;

	for (int e = 0; e < EXPONENTS; e++)
	{
		if (count[e] > 0)
			rows += (double) count[e] * -real_expm1(-ldexp(mean[e], e + LEAST_EXPONENT) * horizon);
	}
	return rows;
}

static double
horizon_at(int step)
{
	int			power = (step + EXPONENTS * STEPS) / STEPS - EXPONENTS;

	return ldexp(1 + (double) (step - power * STEPS) / STEPS, power);
}

/* The first step by which a tree can expect `wanted` rows. */
static double
find_horizon(const int64_t *count, const double *mean, double wanted)
{
	int			low = -EXPONENTS * STEPS;
	int			high = EXPONENTS * STEPS;

	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (expected_rows(count, mean, horizon_at(middle)) < wanted)
			low = middle;
		else
			high = middle;
	}
	return horizon_at(high);
}

/* Enough for a sample, but for a chance of 1 in 10^12; what is missing then comes from a farther one. */
static double
enough_rows(int samples)
{
	return 1.02 * samples + 8 * sqrt(samples) + 32;
}

static CoreStatus
choose_horizon(IsolationSampler *sampler, int64_t usable)
{
	CoreEnv    *env = sampler->env;
	int64_t    *count;
	double	   *mean;

	CORE_ALLOC(env, count, EXPONENTS);
	CORE_ALLOC(env, mean, EXPONENTS);
	for (int64_t row = 0; row < sampler->nrows && sampler->weight != NULL; row++)
	{
		int			exponent;
		double		mantissa;

		if (row % POLL_ROWS == 0)
			env_poll(env);
		if (!(sampler->weight[row] > 0))
			continue;
		mantissa = frexp(sampler->weight[row], &exponent);
		count[exponent - LEAST_EXPONENT]++;
		mean[exponent - LEAST_EXPONENT] += mantissa;
	}
	if (sampler->weight == NULL)
	{
		count[-LEAST_EXPONENT] = usable;
		mean[-LEAST_EXPONENT] = (double) usable;
	}
	for (int e = 0; e < EXPONENTS; e++)
		mean[e] /= (double) (count[e] > 0 ? count[e] : 1);
	sampler->horizon = find_horizon(count, mean, enough_rows(sampler->samples));
	env_release(env, count);
	env_release(env, mean);
	return CORE_OK;
}

/* ------------------------------------------------------------ passes over the rows */

static double
exponential(uint64_t draw)
{
	return -real_log1p(-((double) (draw >> 11) * 0x1p-53));
}

/* First arrivals of a row at the trees of the group, until the horizon. */
static inline void
offer_arrivals(IsolationSampler *sampler, uint64_t seed, int64_t row, uint64_t hash, double weight)
{
	double		limit = weight * sampler->horizon * sampler->group;
	uint64_t	seen[MOST_TREES / 64] = {0};
	int			left = sampler->group;
	double		at = 0;

	for (uint64_t i = 0; left > 0; i++)
	{
		uint64_t	draw = hash_seeded(hash, seed + i);
		unsigned	tree = (unsigned) (draw & (uint64_t) (sampler->group - 1));

		/* an exponential number is at least the uniform one that it comes from */
		if (at + (double) (draw >> 11) * 0x1p-53 >= limit)
			return;
		at += exponential(draw);
		if (at >= limit)
			return;
		if (++sampler->draws % POLL_DRAWS == 0)
			env_poll(sampler->env);
		if ((seen[tree / 64] >> (tree % 64)) & 1)
			continue;
		seen[tree / 64] |= UINT64_C(1) << (tree % 64);
		left--;
		offer(&sampler->heaps[tree], sampler->samples, row, at / weight);
	}
}

static void
scan_rows(IsolationSampler *sampler, uint64_t seed)
{
	const uint64_t *hash = sampler->hash;
	const double *weight = sampler->weight;
	uint64_t	ordinal = 0;

	for (int64_t row = 0; row < sampler->nrows; row++)
	{
		uint64_t	own;

		if (row % POLL_ROWS == 0)
			env_poll(sampler->env);
		/* equal hashes are neighbours */
		ordinal = row > 0 && hash[row] == hash[row - 1] ? ordinal + 1 : 0;
		if (weight != NULL && !(weight[row] > 0))
			continue;
		own = ordinal > 0 ? hash_seeded(hash[row], ordinal) : hash[row];
		if (sampler->group > 1)
			offer_arrivals(sampler, seed, row, own, weight != NULL ? weight[row] : 1);
		else if (weight != NULL)
			offer(&sampler->heaps[0], sampler->samples, row, exponential(hash_seeded(own, seed)) / weight[row]);
		else
			offer(&sampler->heaps[0], sampler->samples, row, hash_uniform(own, seed));
	}
}

static bool
are_full(const IsolationSampler *sampler)
{
	for (int i = 0; i < sampler->group; i++)
	{
		if (sampler->heaps[i].count < sampler->samples)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------ interface */

CoreStatus
isolation_sampler_create(CoreEnv *env, const uint64_t *hash, const double *weight, int64_t nrows, int64_t usable, int samples, uint64_t seed,
						 IsolationSampler **result)
{
	IsolationSampler *sampler;
	double	   *keys;
	int64_t    *rows;

	CORE_ALLOC(env, sampler, 1);
	sampler->env = env;
	sampler->hash = hash;
	sampler->weight = weight;
	sampler->nrows = nrows;
	sampler->samples = samples;
	sampler->seed = seed;
	sampler->group = 1;
	sampler->first = -1;
	if ((double) usable >= SPARSE * enough_rows(samples))
	{
		for (sampler->group = MOST_TREES; sampler->group > LEAST_TREES && sampler->group * samples > GROUP_ROWS;)
			sampler->group /= 2;
		CORE_TRY(choose_horizon(sampler, usable));
	}
	CORE_ALLOC(env, sampler->heaps, (size_t) sampler->group);
	CORE_ALLOC(env, keys, (size_t) sampler->group * (size_t) samples);
	CORE_ALLOC(env, rows, (size_t) sampler->group * (size_t) samples);
	for (int i = 0; i < sampler->group; i++)
	{
		sampler->heaps[i].key = keys + (size_t) i * (size_t) samples;
		sampler->heaps[i].row = rows + (size_t) i * (size_t) samples;
	}
	*result = sampler;
	return CORE_OK;
}

const int64_t *
isolation_sample(IsolationSampler *sampler, int tree)
{
	int			first = tree - tree % sampler->group;

	while (sampler->first != first)
	{
		for (int i = 0; i < sampler->group; i++)
			sampler->heaps[i].count = 0;
		scan_rows(sampler, hash_seeded((uint64_t) first, ~sampler->seed));
		if (are_full(sampler))
			sampler->first = first;
		else
			sampler->horizon *= 2;
	}
	return sampler->heaps[tree - first].row;
}
