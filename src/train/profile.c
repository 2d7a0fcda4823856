/*
 * profile.c
 *	  What a training has read, in figures; see profile.h.
 *
 * Taken from the resident columns: about 0.6 ns a value, and a sort of at most
 * PROFILE_SAMPLE numbers for each column.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "core/moments.h"
#include "core/sort.h"
#include "pg/encoding.h"
#include "pg/params_json.h"
#include "pg/value.h"
#include "train/profile.h"

#define FREQUENT_ITEMS 10
#define POLL_ROWS 65536
#define FREQUENT_LEVELS 100000	/* counted for columns with at most as many */

static const double quantiles[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};

typedef struct LevelCount
{
	int			level;
	int64		count;
} LevelCount;

static void
append_number(StringInfo out, const char *name, double value)
{
	appendStringInfo(out, ", \"%s\": ", name);
	json_append_number(out, value);
}

static void
append_count(StringInfo out, const char *name, int64 count)
{
	appendStringInfo(out, ", \"%s\": " INT64_FORMAT, name, count);
}

/* What casts to text, and so what a source gives, depend on. */
static void
append_settings(StringInfo out)
{
	static const char *const names[] = {"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "lc_monetary"};

	appendStringInfoString(out, ", \"settings\": {");
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		appendStringInfo(out, "%s\"%s\": ", i > 0 ? ", " : "", names[i]);
		escape_json(out, GetConfigOption(names[i], false, false));
	}
	appendStringInfoChar(out, '}');
}

/* Quantiles by linear interpolation between sorted[0 .. n-1], as percentile_cont. */
static void
append_sample(StringInfo out, const double *sorted, int64 n, double rows)
{
	appendStringInfoString(out, ", \"quantiles\": {");
	for (int i = 0; i < (int) lengthof(quantiles); i++)
	{
		double		place = quantiles[i] * (double) (n - 1);
		int64		below = (int64) floor(place);
		double		low = sorted[below];
		double		high = sorted[Min(below + 1, n - 1)];

		appendStringInfo(out, "%s\"%g\": ", i > 0 ? ", " : "", quantiles[i]);
		json_append_number(out, low + (place - (double) below) * (high - low));
	}
	appendStringInfoChar(out, '}');
	append_number(out, "median", sorted[(n - 1) / 2] + (n % 2 == 0 ? (sorted[n / 2] - sorted[(n - 1) / 2]) / 2 : 0));
	append_number(out, "distinct_count", distinct_estimate(sorted, n, rows));
	append_count(out, "sample_rows", n);
}

static void
append_moments(PgEnv *env, StringInfo out, const Moments *moments, double *sample, int64 n)
{
	int64		finite = 0;

	append_count(out, "num_nan", moments->nans);
	append_count(out, "num_infinite", moments->infinities);
	append_count(out, "num_zeros", moments->zeros);
	append_number(out, "avg", moments->mean);
	append_number(out, "stddev", moments->sd);
	append_number(out, "min", moments->min);
	append_number(out, "max", moments->max);
	for (int64 i = 0; i < n; i++)
		if (isfinite(sample[i]))
			sample[finite++] = sample[i];
	if (finite == 0)
		return;
	pg_env_check(&env->core, sort_doubles(&env->core, sample, finite));
	append_sample(out, sample, finite, (double) moments->count);
}

static void
append_numeric(PgEnv *env, StringInfo out, const Column *column, int64 nrows)
{
	int			n = (int) Min(nrows, PROFILE_SAMPLE);
	double	   *sample = env_alloc(&env->core, n, sizeof(double));
	Moments		moments;

	pg_env_check(&env->core, moments_of_column(&env->core, column, nrows, &moments));
	column_numbers(column, 0, n, sample);
	append_moments(env, out, &moments, sample, n);
	env_release(&env->core, sample);
}

static void
append_doubles(PgEnv *env, StringInfo out, const double *values, int64 nrows)
{
	int64		n = Min(nrows, PROFILE_SAMPLE);
	double	   *sample = env_alloc(&env->core, n, sizeof(double));
	Moments		moments;

	moments_of_array(&env->core, values, nrows, &moments);
	memcpy(sample, values, n * sizeof(double));
	append_count(out, "count", nrows);
	append_count(out, "num_nulls", 0);
	append_moments(env, out, &moments, sample, n);
	env_release(&env->core, sample);
}

static void
append_time(StringInfo out, const char *name, int64 time)
{
	char		text[MAXDATELEN + 1];

	(void) JsonEncodeDateTime(text, TimestampGetDatum(time), TIMESTAMPOID, NULL);
	appendStringInfo(out, ", \"%s\": \"%s\"", name, text);
}

static void
append_times(StringInfo out, const Column *column, int64 nrows)
{
	const int64 *times = column->values;
	int64		low = PG_INT64_MAX;
	int64		high = PG_INT64_MIN;

	for (int64 i = 0; i < nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (column_is_null(column, i))
			continue;
		low = Min(low, times[i]);
		high = Max(high, times[i]);
	}
	if (column->nnulls == nrows)
		return;
	append_time(out, "min", low);
	append_time(out, "max", high);
}

static int
compare_counts(const void *a, const void *b)
{
	const LevelCount *x = a;
	const LevelCount *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->level < y->level ? -1 : 1;
}

static void
append_frequent(StringInfo out, LevelCount *counts, int nlevels, char **levels, bool utf8)
{
	qsort(counts, nlevels, sizeof(LevelCount), compare_counts);
	appendStringInfoString(out, ", \"frequent_items\": [");
	for (int i = 0; i < Min(nlevels, FREQUENT_ITEMS) && counts[i].count > 0; i++)
	{
		appendStringInfoString(out, i > 0 ? ", {\"item\": " : "{\"item\": ");
		escape_json(out, utf8 ? encoding_text_from_utf8(levels[counts[i].level]) : levels[counts[i].level]);
		appendStringInfo(out, ", \"count\": " INT64_FORMAT "}", counts[i].count);
	}
	appendStringInfoChar(out, ']');
}

static LevelCount *
level_counts(PgEnv *env, int nlevels)
{
	LevelCount *counts = env_alloc(&env->core, nlevels, sizeof(LevelCount));

	for (int i = 0; i < nlevels; i++)
		counts[i].level = i;
	return counts;
}

/* Exact: codes are cheap to count. */
static void
append_levels(PgEnv *env, StringInfo out, const Column *column, int64 nrows)
{
	const uint32 *codes = column->values;
	LevelCount *counts;

	append_count(out, "distinct_count", column->nlevels);
	if (column->nlevels > FREQUENT_LEVELS)
		return;
	counts = level_counts(env, column->nlevels);
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (!column_is_null(column, i))
			counts[codes[i]].count++;
	}
	append_frequent(out, counts, column->nlevels, column->levels, true);
	env_release(&env->core, counts);
}

static void
append_classes(PgEnv *env, StringInfo out, const DatasetResult *rows)
{
	const TargetInfo *target = &rows->target;
	LevelCount *counts = level_counts(env, target->nclasses);

	for (int64 i = 0; i < rows->data.nrows; i++)
	{
		int			code = (int) rows->data.target[i];

		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (rows->task == TASK_BINARY)
			code = code == 1 ? target->positive : 1 - target->positive;
		counts[code].count++;
	}
	append_count(out, "count", rows->data.nrows);
	append_count(out, "num_nulls", 0);
	append_count(out, "distinct_count", target->nclasses);
	append_frequent(out, counts, target->nclasses, target->classes, false);
	env_release(&env->core, counts);
}

static void
append_feature(PgEnv *env, StringInfo out, const Column *column, int64 nrows)
{
	append_count(out, "count", nrows - column->nnulls);
	append_count(out, "num_nulls", column->nnulls);
	append_number(out, "percent_null", 100.0 * (double) column->nnulls / (double) Max(nrows, 1));
	switch (column->feature->kind)
	{
		case FEATURE_NUMERIC:
		case FEATURE_BOOLEAN:
			append_numeric(env, out, column, nrows);
			break;
		case FEATURE_CATEGORICAL:
			append_levels(env, out, column, nrows);
			break;
		case FEATURE_TIMESTAMP:
			append_times(out, column, nrows);
			break;
		case FEATURE_VECTOR:
			append_count(out, "width", column->feature->width);
			break;
	}
}

static void
append_column(PgEnv *env, StringInfo out, Form_pg_attribute attribute, uint64 print, const DatasetResult *rows)
{
	const char *name = NameStr(attribute->attname);
	int			feature = schema_find(&rows->data.schema, name);
	bool		is_target = rows->target.name != NULL && strcmp(rows->target.name, name) == 0;

	appendStringInfoString(out, ", {\"column_name\": ");
	escape_json(out, name);
	appendStringInfoString(out, ", \"data_type\": ");
	escape_json(out, value_type_name(attribute->atttypid, attribute->atttypmod));
	appendStringInfo(out, ", \"role\": \"%s\", \"fingerprint\": \"" UINT64_FORMAT "\"",
					 is_target ? "target" : feature >= 0 ? "feature" : "other", print);
	if (is_target && rows->target.nclasses > 0)
		append_classes(env, out, rows);
	else if (is_target)
		append_doubles(env, out, rows->data.target, rows->data.nrows);
	else if (feature >= 0)
		append_feature(env, out, &rows->data.columns[feature], rows->data.nrows);
	appendStringInfoChar(out, '}');
}

char *
profile_json(PgEnv *env, TupleDesc descriptor, const DatasetResult *rows)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "[{\"column_name\": \":table\", \"count\": " INT64_FORMAT ", \"rows_used\": " INT64_FORMAT
					 ", \"rows_skipped\": " INT64_FORMAT ", \"rows_outside_sample\": " INT64_FORMAT,
					 rows->rows_seen, rows->data.nrows, rows->rows_skipped, rows->rows_unsampled);
	append_settings(&out);
	appendStringInfoChar(&out, '}');
	for (int i = 0; i < descriptor->natts; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!TupleDescAttr(descriptor, i)->attisdropped)
			append_column(env, &out, TupleDescAttr(descriptor, i), rows->column_prints[i], rows);
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}
