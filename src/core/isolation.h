/*
 * isolation.h
 *	  Trees of an isolation forest, grown by the processes of a team.
 *
 * Trees come in batches of as many as there are slots for.  Of each batch the
 * processes first choose the samples, by the hashes of rows, which are shared;
 * the leader, who alone has the rows, writes down the values of those chosen;
 * then the processes cut them.  A unit of work is a tree, and a tree depends on
 * hashes, weights, values and its seed alone.
 */
#ifndef CORE_ISOLATION_H
#define CORE_ISOLATION_H

#include "core/team_table.h"
#include "core/tree_model.h"

/* What a fit is made of; flat, the first piece of a team. Categories of terms follow: -1 where they are numbers. */
typedef struct IsolationJob
{
	int64_t		nrows;
	int32_t		nterms;
	int32_t		ntrees;
	int32_t		samples;		/* rows of a tree */
	int32_t		max_depth;
	int32_t		most_categories;
	int32_t		nslots;			/* trees of a batch */
	uint64_t	seed;
	bool		weighted;
	TeamTable	rows;			/* uint64_t: hash of row and ordinal among equal rows */
	TeamTable	weights;		/* double: 0: the row is left out */
	TeamTable	slots;			/* IsolationSlot */
	TeamTable	values;			/* double[nterms] of each row of a sample, slot after slot; no infinities */
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
	IsolationNode nodes[];		/* [2 samples]; then int64_t chosen[samples] */
} IsolationSlot;

/* One process's part. */
typedef struct IsolationGrower
{
	CoreEnv    *env;
	const Team *team;
	const IsolationJob *job;
	uint64_t	seed;			/* of the tree at hand */
	int64_t		first_value;	/* in job->values */
	int64_t    *chosen;			/* of the slot at hand: heap of rows by key */
	double	   *key;			/* [samples] */
	int32_t    *order;			/* [samples] */
	int32_t    *terms;			/* [nterms] permutation */
	uint32_t   *set;			/* of the category with the most */
} IsolationGrower;

extern CoreStatus isolation_grower_create(CoreEnv *env, const Team *team, const IsolationJob *job, IsolationGrower **grower);
static inline IsolationSlot *
isolation_slot(const Team *team, const IsolationJob *job, int index)
{
	return team_table_at(team, &job->slots, index);
}
extern size_t isolation_slot_bytes(const IsolationJob *job);
/* Rows of the sample of a slot's tree, [samples]. */
extern int64_t *isolation_chosen(const IsolationJob *job, IsolationSlot *slot);
/* The sample of a tree into a slot. */
extern void isolation_choose(IsolationGrower *grower, int tree, int slot);
/* The tree on the values of its sample. */
extern void isolation_grow(IsolationGrower *grower, int tree, int slot);
/* Categories that go left at a node. */
extern void isolation_fill_set(const IsolationNode *node, int ncategories, uint32_t *set);

#endif							/* CORE_ISOLATION_H */
