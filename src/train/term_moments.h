/*
 * term_moments.h
 *	  Means and spreads of a linear model's terms, kept for explanations.
 */
#ifndef TRAIN_TERM_MOMENTS_H
#define TRAIN_TERM_MOMENTS_H

#include "postgres.h"

#include "core/model.h"
#include "pg/pg_env.h"

/*
 * Adds the arrays "term_mean" and "term_sd" [nterms x 1] of the training rows,
 * weighted, encoded as when scoring, to a model that has coefficients.
 */
extern void train_add_term_moments(PgEnv *env, Model *model, const Dataset *data);

#endif							/* TRAIN_TERM_MOMENTS_H */
