/*
 * term_moments.h
 *	  Means and spreads of a linear model's terms, kept for explanations.
 */
#ifndef TRAIN_TERM_MOMENTS_H
#define TRAIN_TERM_MOMENTS_H

#include "postgres.h"

#include "pg/fit_driver.h"

/* Has the fit record moments of the blocks that it reads. */
extern void train_want_term_moments(PgEnv *env, FitJob *job);

/*
 * Adds the arrays "term_mean" and "term_sd" [nterms x 1] of the training rows,
 * weighted, encoded as when scoring, to a model that has coefficients.
 */
extern void train_add_term_moments(PgEnv *env, FitJob *job, Model *model);

#endif							/* TRAIN_TERM_MOMENTS_H */
