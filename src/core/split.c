/*
 * split.c
 *	  Roles of rows; see split.h.
 *
 * The sample draws from a stream of its own, so that a smaller sample is a
 * subset of a larger one and says nothing about which side a row is on.
 */
#include "core/split.h"

#include <math.h>

#include "core/hash.h"
#include "core/sort.h"

#define SAMPLE_STREAM UINT64_C(0x73616d706c65)	/* added to the seed */
#define POLL_ROWS 65536

RowRole
split_role(const SplitSpec *spec, uint64_t hash, uint64_t group, int64_t time, bool flag, int stratum)
{
	double		limit = spec->test;

	if (spec->sample < 1 && hash_uniform(hash, spec->seed + SAMPLE_STREAM) >= spec->sample)
		return ROLE_SKIPPED;
	switch (spec->method)
	{
		case SPLIT_NONE:
			return ROLE_TRAIN;
		case SPLIT_STRATIFIED:
			/* a class that training never saw: as without strata */
			if (stratum >= 0 && stratum < spec->nstrata)
				limit = spec->limits[stratum];
			break;
		case SPLIT_GROUP:
			hash = group;
			break;
		case SPLIT_TIME:
			return time >= spec->cutoff ? ROLE_TEST : ROLE_TRAIN;
		case SPLIT_COLUMN:
			return flag ? ROLE_TEST : ROLE_TRAIN;
		case SPLIT_HASH:
			break;
	}
	return hash_uniform(hash, spec->seed) < limit ? ROLE_TEST : ROLE_TRAIN;
}

/* How many of n rows a fraction means: the nearest number, halves up. */
static int64_t
share_of(double fraction, int64_t n)
{
	int64_t		share = (int64_t) floor(fraction * (double) n + 0.5);

	return share < 0 ? 0 : share > n ? n : share;
}

static int64_t
distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

CoreStatus
split_learn_strata(CoreEnv *env, SplitSpec *spec, const uint64_t *hash, const int32_t *stratum, int64_t n, int nstrata)
{
	double	   *uniform;
	int64_t    *start;

	CORE_ALLOC(env, spec->limits, (size_t) nstrata);
	spec->nstrata = nstrata;
	CORE_ALLOC(env, start, (size_t) nstrata + 2);
	CORE_ALLOC(env, uniform, (size_t) n);

	/* counting sort: start[s + 1] ends as the end of class s */
	for (int64_t i = 0; i < n; i++)
	{
		if (stratum[i] >= nstrata)
			return env_fail(env, CORE_INVALID, "class %d of %d does not exist", (int) stratum[i], nstrata);
		if (stratum[i] >= 0)
			start[stratum[i] + 2]++;
	}
	for (int s = 0; s < nstrata; s++)
		start[s + 2] += start[s + 1];
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		if (stratum[i] >= 0)
			uniform[start[stratum[i] + 1]++] = hash_uniform(hash[i], spec->seed);
	}
	for (int s = 0; s < nstrata; s++)
	{
		int64_t		count = start[s + 1] - start[s];
		int64_t		held_out = share_of(spec->test, count);

		CORE_TRY(sort_doubles(env, uniform + start[s], count));
		spec->limits[s] = held_out < count ? uniform[start[s] + held_out] : 1;
	}
	env_release(env, uniform);
	env_release(env, start);
	return CORE_OK;
}

/*
 * The cutoff is a time that occurs; rows of one time stay together, so of the
 * two times next to the wanted share the one that comes nearer is taken, the
 * later one when both are as near.
 */
CoreStatus
split_learn_cutoff(CoreEnv *env, SplitSpec *spec, const int64_t *time, int64_t n)
{
	double	   *day;
	double	   *rest;
	int64_t    *order;
	int64_t		wanted = share_of(spec->test, n);
	int64_t		first;
	int64_t		next;

	if (n == 0)
		return env_fail(env, CORE_NUMERIC, "no row has a time to split by");
	CORE_ALLOC(env, day, (size_t) n);
	CORE_ALLOC(env, rest, (size_t) n);
	CORE_ALLOC(env, order, (size_t) n);
	/* 64-bit integers as two doubles that hold their halves exactly */
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		high = time[i] >> 32;

		day[i] = (double) high;
		rest[i] = (double) (time[i] & INT64_C(0xffffffff));
	}
	sort_identity(order, n);
	CORE_TRY(sort_order(env, rest, n, order));
	CORE_TRY(sort_order(env, day, n, order));
	if (time[order[0]] == time[order[n - 1]])
	{
		env_fail(env, CORE_NUMERIC, "all rows have the same time in column \"%s\"", spec->column != NULL ? spec->column : "");
		return env_hint(env, CORE_NUMERIC, "Split by another column, or use {\"method\": \"hash\"}.");
	}

	/* first: where the time of the wanted position starts; next: where the following time starts */
	first = wanted > 0 ? n - wanted : n - 1;
	next = first;
	while (next < n && time[order[next]] == time[order[first]])
		next++;
	while (first > 0 && time[order[first - 1]] == time[order[first]])
		first--;
	if (first == 0 || (next < n && distance(n - next, wanted) <= distance(n - first, wanted)))
		first = next;
	spec->cutoff = time[order[first]];
	env_release(env, order);
	env_release(env, rest);
	env_release(env, day);
	return CORE_OK;
}

const char *
split_method_name(SplitMethod method)
{
	switch (method)
	{
		case SPLIT_NONE:
			return "none";
		case SPLIT_HASH:
			return "hash";
		case SPLIT_STRATIFIED:
			return "stratified";
		case SPLIT_GROUP:
			return "group";
		case SPLIT_TIME:
			return "time";
		case SPLIT_COLUMN:
			return "column";
	}
	return "unknown";
}
