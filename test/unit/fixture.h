/*
 * fixture.h: a small fitted model with every kind of feature, for tests of the format.
 */
#ifndef MLOPS_TEST_FIXTURE_H
#define MLOPS_TEST_FIXTURE_H

#include "core/algorithm.h"

#define FIXTURE_FEATURES 7
#define FIXTURE_ROWS 400
#define FIXTURE_WIDTH 3

/*
 * Row i of the made-up data, by a fixed formula: golden predictions depend on
 * it. values[FIXTURE_FEATURES] point into `vector` and to static text. Rows from
 * FIXTURE_ROWS on have what training never saw: new categories, missing, NaN,
 * infinite.
 */
extern void fixture_row(int64_t i, FeatureValue *values, double vector[FIXTURE_WIDTH]);

/* How much of the format a model uses. */
typedef enum FixtureVariant
{
	FIXTURE_PLAIN,				/* default transforms */
	FIXTURE_RICH				/* bins, maps, scales, target encoding, date parts, calibration, target transform, strata */
} FixtureVariant;

/* `params`: "name=value" pairs, the last NULL, numbers and words; NULL: all defaults. */
extern Model *fixture_model(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant, const char *const *params);

/* The response to row i; out[model_response_count]. */
extern void fixture_response(CoreEnv *env, const Model *model, int64_t i, double *out);

/* Calls `test` for every algorithm, each task that it has and each variant. */
typedef void (*FixtureTest) (CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant);
extern void fixture_each(CoreEnv *env, FixtureTest test);

#endif							/* MLOPS_TEST_FIXTURE_H */
