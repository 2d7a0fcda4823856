/*
 * isolation.h
 *	  Samples, trees and scores of an isolation forest, by the processes of a team.
 *
 * Trees come in batches of as many as there are slots for.  The leader, who
 * alone has the rows, chooses the samples of a batch and writes down their
 * values; then the processes cut them: a unit of work is a tree, which depends on
 * values and its seed alone.  Where the training rows are to be scored, each
 * process keeps all trees; the leader writes down the terms of some blocks of rows
 * at a time, and a unit is a block.
 */
#ifndef CORE_ISOLATION_H
#define CORE_ISOLATION_H

#include "core/team_table.h"
#include "core/tree_model.h"

/* What a fit is made of; flat, the first piece of a team. Categories of terms follow: -1 where they are numbers. */
typedef struct IsolationJob
{
	int32_t		nterms;
	int32_t		ntrees;
	int32_t		samples;		/* rows of a tree */
	int32_t		max_depth;
	int32_t		most_categories;
	int32_t		nslots;			/* trees of a batch */
	int32_t		block_rows;		/* of those that are scored; 0: none are */
	int32_t		nblocks;		/* at a time */
	int64_t		nrows;			/* to score */
	bool		helpers_score;	/* too; else they wait */
	uint64_t	seed;
	TeamTable	slots;			/* IsolationSlot */
	TeamTable	values;			/* double[nterms] of each row of a sample, slot after slot; no infinities */
	TeamTable	blocks;			/* double[nterms][block_rows] terms, double[block_rows] margins */
	int32_t		ncategories[];
} IsolationJob;

/* A node; of its sample's rows, those in order[first .. first + count - 1]. */
typedef struct IsolationNode
{
	int32_t		first;
	int32_t		count;
	int32_t		depth;
	int32_t		feature;		/* -1: a leaf */
	double		threshold;
	uint64_t	seed;			/* of a random set of categories */
	int32_t		turned;			/* category that is on the other side than by seed; -1: none */
	uint8_t		flags;			/* NODE_... */
} IsolationNode;

/* A tree; nodes in breadth-first order. */
typedef struct IsolationSlot
{
	int32_t		nnodes;
	IsolationNode nodes[];		/* [2 samples] */
} IsolationSlot;

/* One process's part. */
typedef struct IsolationGrower
{
	CoreEnv    *env;
	const Team *team;
	const IsolationJob *job;
	uint64_t	seed;			/* of the tree at hand */
	int64_t		first_value;	/* in job->values */
	int32_t    *order;			/* [samples] */
	int32_t    *terms;			/* [nterms] permutation */
	uint32_t   *set;			/* of the category with the most */
} IsolationGrower;

static inline IsolationSlot *
isolation_slot(const Team *team, const IsolationJob *job, int index)
{
	return team_table_at(team, &job->slots, index);
}

/* isolation_sample.c: `usable` of the rows have positive weight (NULL: all), at least `samples`. Rows in canonical order. */
typedef struct IsolationSampler IsolationSampler;
extern CoreStatus isolation_sampler_create(CoreEnv *env, const uint64_t *hash, const double *weight, int64_t nrows, int64_t usable, int samples,
										   uint64_t seed, IsolationSampler **sampler);
/* Rows of the sample of a tree, until the next call; trees are best asked for in order. */
extern const int64_t *isolation_sample(IsolationSampler *sampler, int tree);

/* isolation_tree.c */
extern CoreStatus isolation_grower_create(CoreEnv *env, const Team *team, const IsolationJob *job, IsolationGrower **grower);
extern size_t isolation_slot_bytes(const IsolationJob *job);
/* The tree on the values of its sample. */
extern void isolation_grow(IsolationGrower *grower, int tree, int slot);
extern CoreStatus isolation_store(IsolationGrower *grower, int slot, TreeStore *store);

/* isolation_score.c: rows and memory of a block */
extern void isolation_plan_blocks(IsolationJob *job, int64_t nrows);
extern size_t isolation_block_bytes(const IsolationJob *job);
/* All processes, with their trees (or NULL). Leader: margins of all rows [nrows] of `rows`; the others: `rows` and `margin` are NULL. */
extern CoreStatus isolation_score_rows(CoreEnv *env, Team *team, const IsolationJob *job, const Model *model, const FitRows *rows, double *margin);

#endif							/* CORE_ISOLATION_H */
