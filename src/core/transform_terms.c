/*
 * transform_terms.c
 *	  How many terms a feature has, and their names; see transform.h.
 */
#include "core/transform_internal.h"

#include <string.h>

#include "core/transform_time.h"

#include <stdio.h>

int
transform_level_columns(const FeatureTransform *f)
{
	return f->ncodes - f->indicator;
}

int
transform_expected_terms(const FeatureTransform *f, const Feature *feature)
{
	int			terms = 0;

	switch (f->encode)
	{
		case ENCODE_REFERENCE:
		case ENCODE_ONEHOT:
			terms = f->nlevels + f->has_other + f->has_missing - (f->encode == ENCODE_REFERENCE);
			break;
		case ENCODE_ORDINAL:
		case ENCODE_CODE:
			terms = 1;
			break;
		case ENCODE_TARGET:
			return -1;
		case ENCODE_AUTO:
			if (f->map == MAP_BINS)
			{
				terms = f->bin_encode == ENCODE_ORDINAL ? 1 : f->nedges + (f->bin_encode == ENCODE_ONEHOT);
				break;
			}
			for (int element = 0; element < feature->width; element++)
				terms += !(f->dropped != NULL && f->dropped[element]);
			break;
	}
	return terms + f->indicator;
}

/* The shortest decimal that reads back as x, for bin limits. */
static const char *
number_text(double x, char *buffer, size_t size)
{
	for (int digits = 1; digits <= 17; digits++)
	{
		double		back;

		snprintf(buffer, size, "%.*g", digits, x);
		if (sscanf(buffer, "%lf", &back) == 1 && back == x)
			break;
	}
	return buffer;
}

static CoreStatus
put_name(CoreEnv *env, Transform *transform, const FeatureTransform *f, int term, char *name)
{
	if (name == NULL)
		return CORE_NO_MEMORY;
	transform->terms[f->first_term + term].name = name;
	transform->terms[f->first_term + term].feature = f->feature;
	env_poll(env);
	return CORE_OK;
}

static CoreStatus
name_bins(CoreEnv *env, Transform *transform, const FeatureTransform *f, const char *base)
{
	int			term = 0;

	if (f->bin_encode == ENCODE_ORDINAL)
		return put_name(env, transform, f, 0, env_sprintf(env, "%s.bin", base));
	for (int bin = f->bin_encode == ENCODE_REFERENCE ? 1 : 0; bin <= f->nedges; bin++)
	{
		char		low[40] = "";
		char		high[40] = "";
		char	   *name;

		if (bin > 0)
			number_text(f->edges[bin - 1], low, sizeof(low));
		if (bin < f->nedges)
			number_text(f->edges[bin], high, sizeof(high));
		if (bin == 0)
			name = env_sprintf(env, "%s<=%s", base, high);
		else if (bin == f->nedges)
			name = env_sprintf(env, "%s>%s", base, low);
		else
			name = env_sprintf(env, "%s in (%s,%s]", base, low, high);
		CORE_TRY(put_name(env, transform, f, term++, name));
	}
	return CORE_OK;
}

static CoreStatus
name_numbers(CoreEnv *env, Transform *transform, const FeatureTransform *f, const char *base)
{
	const char *open = f->map == MAP_LOG ? "log(" : f->map == MAP_LOG1P ? "log1p(" : "";
	const char *close = f->map == MAP_NONE ? "" : ")";
	int			term = 0;

	if (f->map == MAP_BINS)
		return name_bins(env, transform, f, base);
	for (int element = 0; element < f->width; element++)
	{
		char	   *name;

		if (f->dropped != NULL && f->dropped[element])
			continue;
		if (f->kind == FEATURE_VECTOR)
			name = env_sprintf(env, "%s%s[%d]%s", open, base, element + 1, close);
		else
			name = env_sprintf(env, "%s%s%s", open, base, close);
		CORE_TRY(put_name(env, transform, f, term++, name));
	}
	return CORE_OK;
}

static CoreStatus
name_levels(CoreEnv *env, Transform *transform, const FeatureTransform *f, const char *base)
{
	int			columns = transform_level_columns(f);
	int			skip = f->encode == ENCODE_REFERENCE ? 1 : 0;

	if (f->encode == ENCODE_ORDINAL || f->encode == ENCODE_CODE)
		return put_name(env, transform, f, 0, env_strdup(env, base));
	if (f->encode == ENCODE_TARGET)
	{
		for (int k = 0; k < columns; k++)
			CORE_TRY(put_name(env, transform, f, k,
							  columns == 1 ? env_sprintf(env, "%s.target", base) : env_sprintf(env, "%s.target[%d]", base, k + 1)));
		return CORE_OK;
	}
	for (int k = 0; k < columns; k++)
	{
		int			level = k + skip;
		const char *text = level < f->nlevels ? f->levels[level] : level == f->nlevels && f->has_other ? "(other)" : "(missing)";

		CORE_TRY(put_name(env, transform, f, k, env_sprintf(env, "%s=%s", base, text)));
	}
	return CORE_OK;
}

CoreStatus
transform_name_terms(CoreEnv *env, Transform *transform, const FeatureSchema *schema)
{
	CORE_ALLOC(env, transform->terms, (size_t) transform->nterms);
	for (int k = 0; k < transform->nfeatures; k++)
	{
		FeatureTransform *f = &transform->features[k];
		const Feature *feature = &schema->features[f->feature];
		const char *base = feature->name;

		f->kind = feature->kind;
		f->width = feature->width;
		if (f->parts != 0)
			base = env_sprintf(env, "%s.%s", feature->name, time_part_name((TimePart) f->parts));
		if (base == NULL)
			return CORE_NO_MEMORY;
		CORE_TRY(f->encode == 0 ? name_numbers(env, transform, f, base) : name_levels(env, transform, f, base));
		if (f->indicator)
			CORE_TRY(put_name(env, transform, f, f->nterms - 1, env_sprintf(env, "%s is missing", feature->name)));
		if (f->encode == ENCODE_CODE)
		{
			transform->terms[f->first_term].categorical = true;
			transform->terms[f->first_term].ncategories = f->nlevels + 1;
		}
	}
	return CORE_OK;
}
