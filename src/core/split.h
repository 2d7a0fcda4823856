/*
 * split.h
 *	  Which rows train and which are held out: by hash of key and seed, never by
 *	  position, so duplicates fall on one side and any machine agrees.
 */
#ifndef CORE_SPLIT_H
#define CORE_SPLIT_H

#include "core/env.h"

typedef enum SplitMethod
{
	SPLIT_NONE = 0,				/* all rows train */
	SPLIT_HASH,					/* held out when hash_uniform(key hash, seed) < test */
	SPLIT_STRATIFIED,			/* per class: the test fraction with the smallest uniforms */
	SPLIT_GROUP,				/* as HASH, over the hash of the group column */
	SPLIT_TIME,					/* held out when time >= cutoff */
	SPLIT_COLUMN				/* held out where the boolean column is true */
} SplitMethod;

typedef enum RowRole
{
	ROLE_TRAIN = 0,
	ROLE_TEST = 1,
	ROLE_SKIPPED = 2			/* outside the sample */
} RowRole;

/* Identity of a split; part of the model. */
typedef struct SplitSpec
{
	SplitMethod method;
	double		test;			/* fraction; 0 when the cutoff was given */
	double		sample;			/* fraction of rows used at all, by hash; 1: all */
	bool		refit;			/* the model was fitted again on all rows */
	uint64_t	seed;
	char	   *key;			/* comma-separated key columns, or NULL: the row is its own key */
	char	   *row_columns;	/* without a key: comma-separated columns that were hashed, in order */
	char	   *column;			/* GROUP, TIME, COLUMN */
	int64_t		cutoff;			/* TIME: microseconds; resolved even when `test` was given */
	int			nstrata;		/* STRATIFIED: class i is held out below limits[i] */
	double	   *limits;			/* [nstrata] */
} SplitSpec;

/*
 * Role of one row.  `hash`: key (or row) hash; `group`: hash of the group
 * column; `time`, `flag`, `stratum`: for the methods that need them.
 */
extern RowRole split_role(const SplitSpec *spec, uint64_t hash, uint64_t group, int64_t time, bool flag, int stratum);
/* STRATIFIED: learn limits from (stratum, hash) of all sampled rows. */
extern CoreStatus split_learn_strata(CoreEnv *env, SplitSpec *spec, const uint64_t *hash, const int32_t *stratum, int64_t n, int nstrata);
/* TIME with a test fraction: learn the cutoff from the times of all sampled rows. */
extern CoreStatus split_learn_cutoff(CoreEnv *env, SplitSpec *spec, const int64_t *time, int64_t n);
extern const char *split_method_name(SplitMethod method);

#endif							/* CORE_SPLIT_H */
