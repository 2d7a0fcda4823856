/*
 * transform_internal.h
 *	  What the files of the transform share; not for others.
 */
#ifndef CORE_TRANSFORM_INTERNAL_H
#define CORE_TRANSFORM_INTERNAL_H

#include <float.h>

#include "core/sort.h"
#include "core/transform.h"

#define TRANSFORM_FOLDS 5		/* of out-of-fold target encoding */
#define TRANSFORM_MIN_COUNT 10	/* rows of a level that is kept; missing rows that get an indicator */
#define TRANSFORM_WIDE_LEVELS 50	/* more kept levels are target-encoded */
#define TRANSFORM_MAX_DUMMIES 1000	/* columns of one reference-coded or one-hot feature */
#define TRANSFORM_SMOOTHING 20
#define TRANSFORM_BINS 10
#define TRANSFORM_BLOCK 512		/* rows at a time while learning */

/* Rows of `codes` after the kept levels. */
#define ROW_OTHER(f) ((f)->nlevels)
#define ROW_MISSING(f) ((f)->nlevels + 1)
#define ROW_UNSEEN(f) ((f)->nlevels + 2)
#define CODE_ROWS(f) ((f)->nlevels + 3)

/* Raw numbers of one feature: elements of a column, or a part of its times. */
typedef struct NumberSource
{
	const Column *column;
	const Column *reference;	/* PART_AGE; else NULL */
	TimePart	part;			/* 0: not a time */
} NumberSource;

/* Element `element` of rows first .. first+count-1, NaN where missing. */
extern void number_source_load(const NumberSource *source, int64_t first, int count, int element, double *out);
/* Missing values and infinities, as imputation replaces them. */
static inline double
transform_replace_missing(double x, double impute_value, double low, double high)
{
	x = x != x ? impute_value : x;
	x = x > DBL_MAX ? high : x;
	return x < -DBL_MAX ? low : x;
}

/* The terms of one entry for one row; x is the row of all terms. */
extern void transform_feature_row(const FeatureTransform *f, const FeatureValue *values, double *x);
extern double transform_map_number(const FeatureTransform *f, int element, double x);
/* Columns of `codes` less the indicator's. */
extern int	transform_level_columns(const FeatureTransform *f);
/* The code columns that FeatureTransform's comment defines, -1 where a learned count decides (TARGET). */
extern int	transform_expected_terms(const FeatureTransform *f, const Feature *feature);

/* State of transform_learn, shared by the kinds of features. */
typedef struct LearnContext
{
	CoreEnv    *env;
	const Dataset *data;
	const TransformInput *input;
	Transform  *transform;
	int			capacity;		/* of transform->features */
	const double *weight;		/* of the training rows, times a power of two; NULL: all 1 */
	double		total_weight;	/* of the training rows */
	int64_t		positive_rows;	/* training rows of positive weight */
	int			nconstant;		/* elements, parts and features left out because they are constant */
	int			nnamed;			/* of them are named in `constant` */
	char		constant[256];
} LearnContext;

static inline bool
learn_row_counts(const LearnContext *context, int64_t row)
{
	return context->weight == NULL || context->weight[row] > 0;
}

/* A new entry of the transform for a feature of the schema. */
extern CoreStatus learn_add_feature(LearnContext *context, int feature, FeatureTransform **result);
/* Takes the newest entry away again. */
extern void learn_drop_feature(LearnContext *context);
extern void learn_note_constant(LearnContext *context, const char *format, ...) CORE_PRINTF(2, 3);

/* transform_numeric.c: learns an entry whose kind, part and reference are set; may drop it. */
extern CoreStatus learn_number(LearnContext *context, FeatureTransform *f, const FeatureOptions *options, bool want_indicator);
/* transform_levels.c: the same for categories and calendar parts. */
extern CoreStatus learn_levels(LearnContext *context, FeatureTransform *f, const FeatureOptions *options, bool want_indicator);

/*
 * transform_target.c: codes and fold codes of ENCODE_TARGET; group[row] is a
 * level row, or -1; missing values have the code of level row missing_as.
 */
extern CoreStatus learn_target_codes(LearnContext *context, FeatureTransform *f, const FeatureOptions *options,
									 const int32_t *group, int missing_as);

/*
 * Training rows by a small integer: rows[start[g]] .. rows[start[g + 1] - 1] are
 * those with group g, in order; rows of group -1 are in none.
 */
typedef struct RowGroups
{
	int			ngroups;
	int64_t    *start;			/* [ngroups + 1] */
	int64_t    *rows;
} RowGroups;

extern CoreStatus row_groups_make(CoreEnv *env, const int32_t *group, int64_t n, int ngroups, RowGroups *groups);
extern void row_groups_release(CoreEnv *env, RowGroups *groups);

#endif							/* CORE_TRANSFORM_INTERNAL_H */
