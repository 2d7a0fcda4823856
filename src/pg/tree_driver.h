/*
 * tree_driver.h
 *	  Fits of algorithms that need all rows at once, by a team of processes.
 */
#ifndef PG_TREE_DRIVER_H
#define PG_TREE_DRIVER_H

#include "postgres.h"

#include "pg/fit_driver.h"

/*
 * Fits and finishes into `model`; for algorithms with fit_rows.  The team is
 * this process and as many parallel workers as mlops.train_workers, the
 * server's limits and the size of the job allow; the bits do not depend on it.
 */
extern void tree_driver_fit(PgEnv *env, const FitJob *job, Model *model);

#endif							/* PG_TREE_DRIVER_H */
