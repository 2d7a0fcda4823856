/*
 * transform_validate.c
 *	  Checks a transform that came from untrusted bytes; see transform.h.
 *
 * After it, applying the transform to any row of the schema stays inside its
 * arrays and every learned number is one that learning could have given.
 */
#include "core/transform_internal.h"

#include <math.h>
#include <string.h>

#include "core/transform_time.h"

#define POLL_LEVELS 16384

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) \
			return env_fail(env, CORE_CORRUPT, __VA_ARGS__); \
	} while (0)

static bool
all_finite(const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

static CoreStatus
check_choices(CoreEnv *env, const FeatureTransform *f, const char *name)
{
	CHECK(f->encode <= ENCODE_CODE, "feature \"%s\": encoding %d does not exist", name, (int) f->encode);
	if (f->encode != 0)
		return CORE_OK;
	CHECK(f->impute >= IMPUTE_NONE && f->impute <= IMPUTE_CONSTANT,
		  "feature \"%s\": imputation %d does not exist", name, (int) f->impute);
	CHECK(f->map <= MAP_BINS, "feature \"%s\": map %d does not exist", name, (int) f->map);
	CHECK(f->scale >= SCALE_NONE && f->scale <= SCALE_ROBUST, "feature \"%s\": scale %d does not exist", name, (int) f->scale);
	return CORE_OK;
}

static CoreStatus
check_bins(CoreEnv *env, const FeatureTransform *f, const Feature *feature)
{
	CHECK(feature->kind != FEATURE_VECTOR && f->dropped == NULL && f->scale == SCALE_NONE,
		  "feature \"%s\": bins with what they exclude", feature->name);
	CHECK(f->bin_encode >= ENCODE_REFERENCE && f->bin_encode <= ENCODE_ORDINAL,
		  "feature \"%s\": encoding of bins %d does not exist", feature->name, (int) f->bin_encode);
	CHECK(f->nedges > 0 && f->edges != NULL && all_finite(f->edges, (size_t) f->nedges),
		  "feature \"%s\": bins without edges", feature->name);
	for (int i = 1; i < f->nedges; i++)
		CHECK(f->edges[i - 1] < f->edges[i], "feature \"%s\": edges do not ascend", feature->name);
	return CORE_OK;
}

static CoreStatus
check_numbers(CoreEnv *env, const FeatureTransform *f, const Feature *feature)
{
	size_t		width = (size_t) feature->width;

	CHECK(feature->kind != FEATURE_CATEGORICAL, "feature \"%s\": a category as a number", feature->name);
	CHECK(f->ncodes == 0 && f->nlevels == 0 && !f->has_other && !f->has_missing,
		  "feature \"%s\": a number with levels", feature->name);
	if (f->impute != IMPUTE_NONE)
	{
		CHECK(f->impute_value != NULL && f->low != NULL && f->high != NULL,
			  "feature \"%s\": imputation without values", feature->name);
		CHECK(all_finite(f->impute_value, width) && all_finite(f->low, width) && all_finite(f->high, width),
			  "feature \"%s\": imputation by a value that is not finite", feature->name);
	}
	if (f->map == MAP_LOG)
	{
		CHECK(f->low != NULL, "feature \"%s\": a logarithm without a range", feature->name);
		for (size_t i = 0; i < width; i++)
			CHECK(f->low[i] > 0 || (f->dropped != NULL && f->dropped[i]),
				  "feature \"%s\": a logarithm of a range that is not positive", feature->name);
	}
	if (f->map == MAP_BINS)
		return check_bins(env, f, feature);
	CHECK(f->nedges == 0, "feature \"%s\": edges without bins", feature->name);
	if (f->scale != SCALE_NONE)
	{
		CHECK(f->center != NULL && f->spread != NULL && all_finite(f->center, width) && all_finite(f->spread, width),
			  "feature \"%s\": scaling without finite values", feature->name);
		for (size_t i = 0; i < width; i++)
			CHECK(f->spread[i] > 0, "feature \"%s\": scaling by a spread that is not positive", feature->name);
	}
	return CORE_OK;
}

static CoreStatus
check_codes(CoreEnv *env, const FeatureTransform *f, const char *name)
{
	size_t		cells;

	CHECK(f->ncodes == f->nterms && f->codes != NULL, "feature \"%s\": codes and terms differ", name);
	CHECK(size_multiply((size_t) f->nlevels + 3, (size_t) f->ncodes, &cells), "feature \"%s\": too many codes", name);
	for (size_t i = 0; i < cells; i++)
	{
		bool		may_be_missing;

		if (i % POLL_LEVELS == 0)
			env_poll(env);
		may_be_missing = f->encode == ENCODE_CODE && i / (size_t) f->ncodes == (size_t) ROW_MISSING(f);

		CHECK(isfinite(f->codes[i]) || (may_be_missing && isnan(f->codes[i])), "feature \"%s\": a code is not finite", name);
	}
	if (f->encode != ENCODE_CODE)
		return CORE_OK;
	CHECK(f->ncodes == 1, "feature \"%s\": nominal codes with a second term", name);
	for (int row = 0; row < CODE_ROWS(f); row++)
		CHECK(row == ROW_MISSING(f) || (f->codes[row] >= 0 && f->codes[row] <= f->nlevels && f->codes[row] == floor(f->codes[row])),
			  "feature \"%s\": a nominal code outside its range", name);
	return CORE_OK;
}

static CoreStatus
check_levels(CoreEnv *env, const FeatureTransform *f, const Feature *feature)
{
	CHECK(feature->kind == FEATURE_CATEGORICAL || (f->parts != 0 && time_part_is_level((TimePart) f->parts)),
		  "feature \"%s\": a number as a category", feature->name);
	/* + 3 rows and + 2 columns must not overflow */
	CHECK(f->nlevels >= 0 && f->nlevels < INT32_MAX - 16, "feature \"%s\": %d levels", feature->name, f->nlevels);
	CHECK(f->nlevels == 0 || (f->levels != NULL && f->level_lengths != NULL), "feature \"%s\": levels without texts", feature->name);
	for (int i = 0; i < f->nlevels; i++)
	{
		int			order;

		if (i % POLL_LEVELS == 0)
			env_poll(env);
		CHECK(f->levels[i] != NULL && f->level_lengths[i] >= 0 && strlen(f->levels[i]) == (size_t) f->level_lengths[i],
			  "feature \"%s\": level %d has a wrong length", feature->name, i);
		if (i == 0)
			continue;
		order = strcmp(f->levels[i - 1], f->levels[i]);
		CHECK(order < 0, "feature \"%s\": levels are not in byte order", feature->name);
	}
	return check_codes(env, f, feature->name);
}

static CoreStatus
check_feature(CoreEnv *env, const FeatureTransform *f, const FeatureSchema *schema)
{
	const Feature *feature = &schema->features[f->feature];
	int			expected;

	CHECK(feature->width >= 1 && (feature->kind == FEATURE_VECTOR || feature->width == 1),
		  "feature \"%s\": width %d", feature->name, feature->width);
	CORE_TRY(check_choices(env, f, feature->name));
	if (feature->kind == FEATURE_TIMESTAMP)
		CHECK(f->parts != 0 && f->parts <= PART_EPOCH && (f->parts & (f->parts - 1)) == 0,
			  "feature \"%s\": not one part of a time", feature->name);
	else
		CHECK(f->parts == 0, "feature \"%s\": a part of what is no time", feature->name);
	if (f->parts == PART_AGE)
		CHECK(f->reference >= 0 && f->reference < schema->count && schema->features[f->reference].kind == FEATURE_TIMESTAMP,
			  "feature \"%s\": reference column %d", feature->name, f->reference);
	else
		CHECK(f->reference == -1, "feature \"%s\": a reference without an age", feature->name);
	CORE_TRY(f->encode == 0 ? check_numbers(env, f, feature) : check_levels(env, f, feature));

	expected = transform_expected_terms(f, feature);
	if (expected < 0)
		CHECK(f->nterms > f->indicator, "feature \"%s\": %d terms", feature->name, f->nterms);
	else
		CHECK(f->nterms == expected && expected > 0, "feature \"%s\": %d terms instead of %d", feature->name, f->nterms, expected);
	return CORE_OK;
}

CoreStatus
transform_validate(CoreEnv *env, const Transform *transform, const FeatureSchema *schema)
{
	int			terms = 0;

	CHECK(transform->nfeatures >= 0 && transform->nterms >= 0, "negative counts in the transform");
	CHECK(transform->nfeatures == 0 || transform->features != NULL, "a transform without features");
	for (int k = 0; k < transform->nfeatures; k++)
	{
		const FeatureTransform *f = &transform->features[k];
		const FeatureTransform *before = k > 0 ? f - 1 : NULL;

		env_poll(env);
		CHECK(f->feature >= 0 && f->feature < schema->count, "feature %d of %d does not exist", f->feature, schema->count);
		CHECK(before == NULL || before->feature < f->feature || (before->feature == f->feature && before->parts < f->parts),
			  "feature \"%s\": not in the order of the schema", schema->features[f->feature].name);
		CHECK(f->first_term == terms && f->nterms > 0 && f->nterms <= transform->nterms - terms,
			  "feature \"%s\": terms %d and %d more of %d", schema->features[f->feature].name, f->first_term, f->nterms, transform->nterms);
		CORE_TRY(check_feature(env, f, schema));
		terms += f->nterms;
	}
	CHECK(terms == transform->nterms, "%d terms instead of %d", terms, transform->nterms);
	return CORE_OK;
}
