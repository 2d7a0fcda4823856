/*
 * check_source.c
 *	  check_source: whether a table or query still has the columns that a model
 *	  was trained on.  The source is analysed, nothing is read.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "core/params.h"
#include "pg/column_names.h"
#include "pg/compat.h"
#include "pg/recorded_source.h"
#include "pg/row_binding.h"
#include "pg/scored_rows.h"
#include "pg/value_text.h"

PG_FUNCTION_INFO_V1(mlops_check_source);

typedef struct Report
{
	ReturnSetInfo *result;
	TupleDesc	descriptor;		/* of the source */
	bool	   *known;			/* [natts] column was mentioned */
} Report;

/* 0-based, or -1. */
static int
column_index(TupleDesc descriptor, const char *name)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return i;
	}
	return -1;
}

static void
report_row(Report *report, const char *name, const char *expected, const char *actual, const char *status)
{
	Datum		values[4] = {CStringGetTextDatum(name), 0, 0, CStringGetTextDatum(status)};
	bool		nulls[4] = {false, expected == NULL, actual == NULL, false};

	if (expected != NULL)
		values[1] = CStringGetTextDatum(expected);
	if (actual != NULL)
		values[2] = CStringGetTextDatum(actual);
	tuplestore_putvalues(report->result->setResult, report->result->setDesc, values, nulls);
}

static char *
column_type(const Report *report, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(report->descriptor, column);

	report->known[column] = true;
	return value_type_name(attribute->atttypid, attribute->atttypmod);
}

/* A type outside the search path is written with its schema; which path was in force does not matter here. */
static bool
same_type(const char *a, const char *b)
{
	const char *dot_a = strrchr(a, '.');
	const char *dot_b = strrchr(b, '.');

	if (dot_a != NULL && dot_b != NULL)
		return strcmp(a, b) == 0;
	return strcmp(dot_a != NULL ? dot_a + 1 : a, dot_b != NULL ? dot_b + 1 : b) == 0;
}

static void
report_feature(Report *report, const Feature *feature)
{
	int			column = column_index(report->descriptor, feature->name);
	char	   *actual;

	if (column < 0)
	{
		report_row(report, feature->name, feature_type_name(feature), NULL, "missing");
		return;
	}
	actual = column_type(report, column);
	report_row(report, feature->name, feature_type_name(feature), actual,
			   !feature_accepts(feature, TupleDescAttr(report->descriptor, column)->atttypid) ? "type changed" :
			   same_type(actual, feature_type_name(feature)) ? "ok" : "type differs");
}

/* Target, key, split and offset columns: training and evaluation need them, scoring does not. */
static void
report_role(Report *report, const char *name, const char *expected, const char *role)
{
	int			column = name != NULL ? column_index(report->descriptor, name) : -1;
	char	   *actual;

	if (column < 0 || report->known[column])
		return;
	actual = column_type(report, column);
	report_row(report, name, expected, actual, role);
}

/*
 * A missing feature may be there under another name: the nearest, else the only one left, of the columns that are
 * nothing else and have a type that fits.
 */
static void
notice_other_name(const Report *report, const Feature *feature, bool only_one)
{
	const char **names = palloc(sizeof(char *) * Max(report->descriptor->natts, 1));
	const char *name;
	int			count = 0;

	for (int i = 0; i < report->descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(report->descriptor, i);

		if (!attribute->attisdropped && !report->known[i] && feature_accepts(feature, attribute->atttypid))
			names[count++] = NameStr(attribute->attname);
	}
	name = nearest_word(feature->name, names, count);
	if (name == NULL && count == 1 && only_one)
		name = names[0];
	if (name != NULL)
		ereport(NOTICE,
				(errmsg("column \"%s\" may be feature \"%s\" under another name", name, feature->name),
				 errhint("If so, give it the old name in a sub-select (SELECT %s AS %s, ...), or train again.",
						 quote_identifier(name), quote_identifier(feature->name))));
}

static void
notice_other_names(const Report *report, const FeatureSchema *schema)
{
	int			missing = 0;

	for (int i = 0; i < schema->count; i++)
		missing += column_index(report->descriptor, schema->features[i].name) < 0;
	for (int i = 0; i < schema->count && missing > 0; i++)
		if (column_index(report->descriptor, schema->features[i].name) < 0)
			notice_other_name(report, &schema->features[i], missing == 1);
}

/*
 * First the features in the model's order: ok; type differs (another type that
 * can stand for it); type changed (prediction raises an error); missing.  Then
 * the source's other columns: target, key, split, offset, or extra.
 */
Datum
mlops_check_source(PG_FUNCTION_ARGS)
{
	const ModelHandle *handle;
	const Model *model;
	GivenSource given;
	Report		report;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	handle = model_ref_call(fcinfo, 0, PRIVILEGE_PREDICT, &fcinfo->flinfo->fn_extra);
	model = handle->model;
	given_source_open(handle, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &given);
	report.result = (ReturnSetInfo *) fcinfo->resultinfo;
	report.descriptor = source_descriptor(given.source);
	report.known = palloc0(sizeof(bool) * Max(report.descriptor->natts, 1));
	for (int i = 0; i < model->schema.count; i++)
		report_feature(&report, &model->schema.features[i]);

	report_role(&report, model->target.name, model->target.type_name, "target");
	if (model->split.key != NULL)
	{
		int			nkeys;
		char	  **keys = column_names_split(model->split.key, &nkeys);

		for (int i = 0; i < nkeys; i++)
			report_role(&report, keys[i], NULL, "key");
	}
	report_role(&report, model->split.column, NULL, "split");
	report_role(&report, scored_offset_column(model), NULL, "offset");
	notice_other_names(&report, &model->schema);
	for (int i = 0; i < report.descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(report.descriptor, i);

		if (!attribute->attisdropped && !report.known[i])
			report_row(&report, NameStr(attribute->attname), NULL, column_type(&report, i), "extra");
	}
	given_source_close(&given);
	return (Datum) 0;
}
