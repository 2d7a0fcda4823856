/*
 * transform.h
 *	  From raw features to the columns ("terms") that an algorithm sees.
 *
 * A Transform is learned on the training rows, stored in the model and applied
 * in the same way to training blocks and to single rows at scoring.  Term j of
 * a feature depends on that feature only (ages also on their reference column).
 * Rows of weight zero teach nothing.  docs/TRANSFORMS.md is the reference.
 *
 * Numeric order of operations: missing -> impute (and indicator), infinity ->
 * finite training range, map (log...), then scale or bins.  Categories: level
 * lookup -> encoding; a value that is not a kept level scores as "(other)".
 */
#ifndef CORE_TRANSFORM_H
#define CORE_TRANSFORM_H

#include "core/dataset.h"

typedef enum ImputeMethod
{
	IMPUTE_AUTO = 0,			/* options only: chosen by algorithm and kind */
	IMPUTE_NONE,				/* NaN reaches the algorithm (trees) */
	IMPUTE_MEAN,
	IMPUTE_MEDIAN,
	IMPUTE_MODE,
	IMPUTE_CONSTANT
} ImputeMethod;

typedef enum ScaleMethod
{
	SCALE_AUTO = 0,				/* options only */
	SCALE_NONE,
	SCALE_STANDARD,				/* (x - mean) / sd */
	SCALE_MINMAX,				/* (x - min) / (max - min) */
	SCALE_ROBUST				/* (x - median) / (q75 - q25) */
} ScaleMethod;

typedef enum NumericMap
{
	MAP_NONE = 0,
	MAP_LOG,					/* log x; values <= 0 at scoring take the smallest training value */
	MAP_LOG1P,					/* sign(x) log(1 + |x|) */
	MAP_BINS					/* quantile bins, reference-coded like a category */
} NumericMap;

typedef enum Encoding
{
	ENCODE_AUTO = 0,			/* options only */
	ENCODE_REFERENCE,			/* one 0/1 column per level but the first (inference) */
	ENCODE_ONEHOT,				/* one 0/1 column per level */
	ENCODE_ORDINAL,				/* the index of the level, in byte order or in the order given */
	ENCODE_TARGET,				/* smoothed mean of the target; out-of-fold on training rows */
	ENCODE_CODE					/* trees: the index of the level as a nominal code, NaN where missing */
} Encoding;

/* Parts of a timestamp that become terms; bits of FeatureTransform.parts. */
typedef enum TimePart
{
	PART_YEAR = 1 << 0,
	PART_QUARTER = 1 << 1,
	PART_MONTH = 1 << 2,
	PART_DAY = 1 << 3,			/* of the month */
	PART_WEEKDAY = 1 << 4,		/* ISO: Monday 1 ... Sunday 7; reference-coded for linear models */
	PART_YEARDAY = 1 << 5,
	PART_HOUR = 1 << 6,
	PART_WEEKEND = 1 << 7,
	PART_AGE = 1 << 8,			/* days from this value to the reference column */
	PART_EPOCH = 1 << 9,		/* raw days since 2000-01-01: only when asked for */
	PART_NONE = 1 << 10			/* options only: no term at all, e.g. a column that ages refer to */
} TimePart;

#define TIME_PARTS 10			/* PART_YEAR .. PART_EPOCH */

/* What the user asked for, per feature; zeroed means "all defaults". */
typedef struct FeatureOptions
{
	ImputeMethod impute;
	double		impute_number;	/* IMPUTE_CONSTANT */
	char	   *impute_text;
	int			indicator;		/* 0 auto, 1 yes, -1 no */
	ScaleMethod scale;
	NumericMap	map;
	int			bins;			/* MAP_BINS: how many; 0: 10 */
	Encoding	encode;
	char	  **order;			/* ENCODE_ORDINAL: levels from low to high */
	int			order_length;
	int			min_count;		/* rarer levels pool into "(other)"; 0: 10 */
	int			max_levels;		/* 0: no limit; the most frequent are kept */
	double		smoothing;		/* ENCODE_TARGET: prior weight in rows; 0: 20 */
	unsigned	parts;			/* 0: default parts */
	char	   *reference;		/* name of the timestamp column that ages refer to */
} FeatureOptions;

/* What kind of columns the algorithm wants when the user did not say. */
typedef enum TransformProfile
{
	PROFILE_LINEAR = 1,			/* impute, indicators, reference coding, target encoding when wide */
	PROFILE_TREE				/* NaN passes, categories as level codes */
} TransformProfile;

/*
 * One learned feature, or one part of a timestamp; every field above "learning
 * only" is part of the model format.
 *
 * encode == 0: a number.  Boolean, numeric, vector, and the number that `parts`
 * (one bit) takes from a timestamp.  Terms: one per element that is not dropped
 * (MAP_BINS: one per bin, `bin_encode` says which), then the indicator.
 *
 * encode != 0: a level.  Categories, and calendar parts of a timestamp, whose
 * levels are zero-padded numbers ("03").  A row of `codes` gives all terms.
 * Columns of REFERENCE and ONEHOT: kept levels, "(other)", "(missing)", as far
 * as has_other and has_missing say, less the first for REFERENCE; then the
 * indicator.  ORDINAL and CODE: one, then the indicator.  TARGET: ncodes less
 * the indicator.
 */
typedef struct FeatureTransform
{
	int			feature;		/* index into the schema */
	int			first_term;		/* its terms are first_term .. first_term + nterms - 1 */
	int			nterms;

	/* numbers, booleans, vectors (arrays of `width` elements where noted) */
	ImputeMethod impute;
	bool		indicator;		/* last term: 1 where missing (vectors: where any element is) */
	NumericMap	map;
	ScaleMethod scale;
	double	   *impute_value;	/* [width], before map and scale */
	double	   *low;			/* [width] finite training range */
	double	   *high;
	double	   *center;			/* [width] after map */
	double	   *spread;			/* [width] finite, > 0 */
	bool	   *dropped;		/* [width] element is constant in training and has no term; NULL: none is */
	int			nedges;			/* MAP_BINS: inner edges, ascending; bin = number of edges < x */
	double	   *edges;
	Encoding	bin_encode;		/* MAP_BINS: REFERENCE, ONEHOT or ORDINAL (the bin's index) */

	/* categories */
	Encoding	encode;
	int			nlevels;		/* kept levels, in byte order (memcmp, then length), distinct */
	char	  **levels;
	int		   *level_lengths;
	bool		has_other;		/* training rows pooled into "(other)": a level of its own, after the kept ones */
	bool		has_missing;	/* NULL is a level of its own, "(missing)", last */
	int			ncodes;			/* columns of `codes`: nterms, or 0 without codes */
	double	   *codes;			/* [(nlevels + 3) x ncodes] row-major: what each level contributes;
								 * rows nlevels, +1, +2: "(other)", "(missing)", unseen; finite, but
								 * for CODE's missing row */

	/* timestamps */
	unsigned	parts;			/* one bit; 0 for other kinds */
	int			reference;		/* schema index of the reference column, or -1 */

	/* of the schema, not stored: set by transform_learn and transform_name_terms */
	FeatureKind kind;
	int			width;

	/*
	 * Learning only, not stored: out-of-fold target encoding of training rows.
	 * [nfolds x (nlevels + 3) x nterms]; the fold of a row is
	 * hash_seeded(hash, seed) % nfolds.
	 */
	int			nfolds;
	double	   *fold_codes;
	uint64_t	fold_seed;
	int		   *code_map;		/* dictionary code -> level row of `codes` */
} FeatureTransform;

typedef struct Term
{
	char	   *name;			/* "tenure", "contract=One year", "signup.month=03", "v[3]", "total_charges is missing" */
	int			feature;		/* schema index */
	bool		categorical;	/* a nominal code 0 .. ncategories-1, NaN where missing (ENCODE_CODE) */
	int			ncategories;
} Term;

typedef struct Transform
{
	int			nfeatures;
	FeatureTransform *features; /* in schema order; one per used feature, for timestamps one per part */
	int			nterms;
	Term	   *terms;
} Transform;

typedef struct TransformInput
{
	const FeatureOptions *options;	/* [schema.count]; NULL: all defaults */
	TransformProfile profile;
	bool		classification;
	int			nclasses;		/* 0 for regression */
	uint64_t	seed;
} TransformInput;

/*
 * Learns from rows 0 .. ntrain-1 of `data`; weights count.  Features that
 * cannot contribute (constant, all NULL) get no terms and a NOTICE.
 * O(n log n) in the rows for medians and quantiles.
 */
extern CoreStatus transform_learn(CoreEnv *env, const Dataset *data, const TransformInput *input, Transform **result);

/*
 * Terms of rows first .. first+count-1 into x, column-major with leading
 * dimension `ld` >= count.  With `training`, target encodings are out-of-fold.
 * Needs the learned (not a decoded) transform for speed: code_map set by
 * transform_learn or transform_bind_dataset.
 */
extern void transform_block(const Transform *transform, const Dataset *data, int64_t first, int count, bool training, double *x, size_t ld);
/* The terms of one of the transform's features alone. */
extern void transform_feature_block(const Transform *transform, const Dataset *data, int feature, int64_t first, int count, bool training, double *x, size_t ld);
/* Prepares a decoded transform for transform_block over a data set with other dictionaries. */
extern CoreStatus transform_bind_dataset(CoreEnv *env, Transform *transform, const Dataset *data);
/* Terms of one row; values[] parallel to the schema.  Allocates nothing. */
extern void transform_row(const Transform *transform, const FeatureValue *values, double *x);
/*
 * Checks every index, count and array of a decoded transform against the
 * schema; the decoder gave each array the length documented above, NULL where
 * that is 0, and [width] arrays in full or NULL.  `terms` is not looked at.
 */
extern CoreStatus transform_validate(CoreEnv *env, const Transform *transform, const FeatureSchema *schema);
/*
 * Allocates and names the terms, and sets kind and width of each feature: none
 * of it is stored.  A decoded transform: transform_validate first, then this,
 * then it can be applied.
 */
extern CoreStatus transform_name_terms(CoreEnv *env, Transform *transform, const FeatureSchema *schema);
/* The level row of `codes` for a text value: binary search, no allocation; unlisted: "(other)" if learned, else unseen. */
extern int	transform_level(const FeatureTransform *feature, const char *text, int length);

/* Transform of a regression target and its inverse. */
typedef enum TargetMap
{
	TARGET_NONE = 0,
	TARGET_LOG,					/* log y, y > 0 */
	TARGET_LOG1P,				/* log(1 + y), y > -1 */
	TARGET_YEO_JOHNSON			/* lambda by maximum likelihood on training rows */
} TargetMap;

extern CoreStatus target_map_learn(CoreEnv *env, TargetMap map, const double *y, const double *w, int64_t n, double *lambda);
extern double target_map_forward(TargetMap map, double lambda, double y);
extern double target_map_inverse(TargetMap map, double lambda, double z);

#endif							/* CORE_TRANSFORM_H */
