/*
 * folds.h
 *	  Parts of the training rows that take turns at being left out.
 */
#ifndef TRAIN_FOLDS_H
#define TRAIN_FOLDS_H

#include "postgres.h"

#include "core/dataset.h"
#include "core/split.h"
#include "pg/dataset_reader.h"
#include "pg/pg_env.h"

typedef struct Folds
{
	int			count;
	bool		forward;		/* by time: fold f is predicted from earlier rows only */
	int64		nrows;
	int32	   *of;				/* [nrows] fold of each row; -1: in no fold, always training */
} Folds;

/* By hash of key (or row) and seed. */
extern void folds_by_hash(CoreEnv *env, const uint64 *hash, int64 nrows, int count, uint64 seed, Folds *folds);

/*
 * Folds of the training rows in the manner of the split's method: by hash of
 * key; of each class; of the group; consecutive in time, where the earliest of
 * count + 1 parts is in no fold.  ERROR when a fold has no row, or leaves a
 * class without rows to train on.
 */
extern void folds_assign(PgEnv *env, const SplitSpec *split, const DatasetResult *rows, int count, uint64 seed, Folds *folds);

/* One fold with that share of the training rows: by hash of key or group, the latest by time. */
extern void folds_holdout(PgEnv *env, const SplitSpec *split, const DatasetResult *rows, double share, uint64 seed, Folds *folds);

/* weight[nrows]: the rows' own (base NULL: 1) where they train for this fold, else 0. */
extern void folds_weights(const Folds *folds, const double *base, int fold, double *weight);

#endif							/* TRAIN_FOLDS_H */
