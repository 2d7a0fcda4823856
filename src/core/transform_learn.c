/*
 * transform_learn.c
 *	  Learning a transform from the training rows; see transform.h.
 *
 * Goes through the schema; numbers are learned in transform_numeric.c, levels
 * in transform_levels.c.  Sums are exact, so nothing depends on row order.
 */
#include "core/transform_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/transform_time.h"

#define POLL_ROWS 65536

CoreStatus
learn_add_feature(LearnContext *context, int feature, FeatureTransform **result)
{
	Transform  *transform = context->transform;
	const Feature *description = &context->data->schema.features[feature];
	FeatureTransform *f = NULL;

	if (transform->nfeatures == context->capacity)
		return env_fail(context->env, CORE_INVALID, "more terms than the schema allows");
	f = &transform->features[transform->nfeatures++];
	memset(f, 0, sizeof(*f));
	f->feature = feature;
	f->reference = -1;
	f->kind = description->kind;
	f->width = description->width;
	*result = f;
	return CORE_OK;
}

void
learn_drop_feature(LearnContext *context)
{
	context->transform->nfeatures--;
}

void
learn_note_constant(LearnContext *context, const char *format, ...)
{
	size_t		used = strlen(context->constant);
	char		name[128];
	va_list		args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	context->nconstant++;
	if (used + strlen(name) + 3 > sizeof(context->constant))
		return;
	context->nnamed++;
	snprintf(context->constant + used, sizeof(context->constant) - used, "%s%s", used > 0 ? ", " : "", name);
}

CoreStatus
row_groups_make(CoreEnv *env, const int32_t *group, int64_t n, int ngroups, RowGroups *groups)
{
	int64_t    *start;

	CORE_ALLOC(env, start, (size_t) ngroups + 2);
	CORE_ALLOC(env, groups->rows, (size_t) n);
	for (int64_t i = 0; i < n; i++)
	{
		if (group[i] >= 0)
			start[group[i] + 2]++;
	}
	for (int g = 0; g < ngroups; g++)
		start[g + 2] += start[g + 1];
	/* start[g + 1] moves from the start of group g to its end */
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		if (group[i] >= 0)
			groups->rows[start[group[i] + 1]++] = i;
	}
	groups->ngroups = ngroups;
	groups->start = start;
	return CORE_OK;
}

void
row_groups_release(CoreEnv *env, RowGroups *groups)
{
	env_release(env, groups->rows);
	env_release(env, groups->start);
}

/* Weights near 1, so that products with values do not overflow. */
static CoreStatus
learn_weights(LearnContext *context)
{
	const Dataset *data = context->data;
	ExactSum	sum;
	double		largest = 0;
	double	   *copy;
	int			exponent;

	context->positive_rows = data->ntrain;
	context->total_weight = (double) data->ntrain;
	if (data->weight == NULL)
		return CORE_OK;

	context->positive_rows = 0;
	for (int64_t i = 0; i < data->ntrain; i++)
	{
		double		weight = data->weight[i];

		if (!(weight >= 0) || isinf(weight))
			return env_fail(context->env, CORE_INVALID, "weight %g is negative or not finite", weight);
		context->positive_rows += weight > 0;
		largest = weight > largest ? weight : largest;
	}
	frexp(largest, &exponent);
	CORE_ALLOC(context->env, copy, (size_t) data->ntrain);
	exact_sum_init(&sum);
	for (int64_t i = 0; i < data->ntrain; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(context->env);
		copy[i] = ldexp(data->weight[i], -exponent);
		exact_sum_add(&sum, copy[i]);
	}
	context->weight = copy;
	context->total_weight = exact_sum_value(&sum);
	return CORE_OK;
}

/* Month and weekday, and the hour when some time is not midnight. */
static unsigned
default_parts(const LearnContext *context, const Column *column)
{
	const int64_t *times = column->values;

	for (int64_t i = 0; i < context->data->ntrain; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(context->env);
		if (!column_is_null(column, i) && learn_row_counts(context, i) &&
			!time_is_infinite(times[i]) && !time_is_midnight(times[i]))
			return PART_MONTH | PART_WEEKDAY | PART_HOUR;
	}
	return PART_MONTH | PART_WEEKDAY;
}

static CoreStatus
find_reference(LearnContext *context, int feature, const char *name, int *reference)
{
	const FeatureSchema *schema = &context->data->schema;

	*reference = schema_find(schema, name);
	if (*reference >= 0 && *reference != feature && schema->features[*reference].kind == FEATURE_TIMESTAMP)
		return CORE_OK;
	env_fail(context->env, CORE_INVALID, "the age of column \"%s\" cannot refer to \"%s\"", schema->features[feature].name, name);
	return env_hint(context->env, CORE_INVALID, "Name another date or timestamp column that is a feature.");
}

static CoreStatus
learn_time(LearnContext *context, int feature, const FeatureOptions *options)
{
	const Column *column = &context->data->columns[feature];
	unsigned	parts = options->parts;
	bool		want_indicator = true;
	int			reference = -1;

	if (options->reference != NULL)
	{
		CORE_TRY(find_reference(context, feature, options->reference, &reference));
		parts |= PART_AGE;
	}
	if (parts == 0)
		parts = default_parts(context, column);
	for (int i = 0; i < TIME_PARTS; i++)
	{
		TimePart	part = (TimePart) (1 << i);
		int			before = context->transform->nfeatures;
		FeatureTransform *f = NULL;

		if ((parts & part) == 0 || (part == PART_AGE && reference < 0))
			continue;
		CORE_TRY(learn_add_feature(context, feature, &f));
		f->parts = part;
		f->reference = part == PART_AGE ? reference : -1;
		/* trees cut a calendar as they cut a number; for them and on demand it stays one */
		if (time_part_is_level(part) && options->encode != ENCODE_ORDINAL &&
			(context->input->profile == PROFILE_LINEAR || options->encode != ENCODE_AUTO))
			CORE_TRY(learn_levels(context, f, options, want_indicator));
		else
			CORE_TRY(learn_number(context, f, options, want_indicator));
		if (context->transform->nfeatures > before && f->indicator)
			want_indicator = false;
	}
	return CORE_OK;
}

static CoreStatus
learn_feature(LearnContext *context, int feature)
{
	static const FeatureOptions defaults;
	const FeatureOptions *options = context->input->options != NULL ? &context->input->options[feature] : &defaults;
	FeatureTransform *f = NULL;

	switch (context->data->schema.features[feature].kind)
	{
		case FEATURE_TIMESTAMP:
			return learn_time(context, feature, options);
		case FEATURE_CATEGORICAL:
			CORE_TRY(learn_add_feature(context, feature, &f));
			return learn_levels(context, f, options, true);
		case FEATURE_NUMERIC:
		case FEATURE_BOOLEAN:
		case FEATURE_VECTOR:
			CORE_TRY(learn_add_feature(context, feature, &f));
			return learn_number(context, f, options, true);
	}
	return env_fail(context->env, CORE_INVALID, "feature \"%s\" is of no known kind", context->data->schema.features[feature].name);
}

static void
report_constant(const LearnContext *context)
{
	char		more[40] = "";

	if (context->nconstant == 0)
		return;
	if (context->nconstant > context->nnamed)
		snprintf(more, sizeof(more), " and %d more", context->nconstant - context->nnamed);
	env_log(context->env, CORE_NOTICE, "left out because the training rows do not vary in it: %s%s", context->constant, more);
}

CoreStatus
transform_learn(CoreEnv *env, const Dataset *data, const TransformInput *input, Transform **result)
{
	LearnContext context = {.env = env, .data = data, .input = input};
	Transform  *transform;

	CORE_ALLOC(env, transform, 1);
	context.transform = transform;
	for (int i = 0; i < data->schema.count; i++)
		context.capacity += data->schema.features[i].kind == FEATURE_TIMESTAMP ? TIME_PARTS : 1;
	CORE_ALLOC(env, transform->features, (size_t) context.capacity);
	CORE_TRY(learn_weights(&context));
	if (context.positive_rows == 0)
		return env_fail(env, CORE_NUMERIC, "no training row has a positive weight");

	for (int i = 0; i < data->schema.count; i++)
	{
		env_poll(env);
		CORE_TRY(learn_feature(&context, i));
	}
	for (int k = 0; k < transform->nfeatures; k++)
	{
		transform->features[k].first_term = transform->nterms;
		if (__builtin_add_overflow(transform->nterms, transform->features[k].nterms, &transform->nterms))
			return env_fail(env, CORE_TOO_LARGE, "too many terms");
	}
	report_constant(&context);
	if (transform->nterms == 0)
	{
		env_fail(env, CORE_NUMERIC, "no feature varies over the training rows");
		return env_hint(env, CORE_NUMERIC, "Name other columns in features, or train on more rows.");
	}
	CORE_TRY(transform_name_terms(env, transform, &data->schema));
	env_release(env, (void *) context.weight);
	*result = transform;
	return CORE_OK;
}
