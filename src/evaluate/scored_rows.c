/*
 * scored_rows.c
 *	  Rows of a source, scored by a model; see scored_rows.h.
 *
 * Whether a row was trained on follows from the identity of the split in the
 * model: the hash of its key (or of the whole row), its group, time or flag.
 * That also holds for rows of another source that carry the same keys.
 */
#include "postgres.h"

#include <math.h>

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/hash.h"
#include "core/split.h"
#include "evaluate/scored_rows.h"
#include "pg/catalog_exec.h"
#include "pg/column_names.h"
#include "pg/row_binding.h"
#include "pg/source.h"
#include "pg/value.h"

/* One column of the source that is not a feature: target, weight, key, ... */
typedef struct NamedColumn
{
	int			attribute;		/* 0: not used */
	ValueReader reader;
	char	   *what;			/* for messages */
} NamedColumn;

typedef struct ScoreState
{
	PgEnv	   *env;
	const Model *model;
	EvaluationRows which;
	ScoredRows *rows;
	int64		capacity;
	RowBinding *binding;
	NamedColumn target;
	NamedColumn weight;
	NamedColumn offset;
	NamedColumn split;			/* group, time or flag */
	NamedColumn *keys;			/* the key, or the whole row */
	int			nkeys;
	double	   *scratch;
	double	   *margins;
} ScoreState;

/* What was recorded with the version. */
typedef struct RecordedSource
{
	char	   *source;
	char	   *search_path;
	char	   *weight;
} RecordedSource;

static char *
result_text(int column)
{
	bool		isnull;
	Datum		value = catalog_result(column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void
recorded_source(const ModelHandle *handle, RecordedSource *recorded)
{
	CatalogWork work;
	CatalogArg	args[2];
	MemoryContext caller = CurrentMemoryContext;
	uint64		found;

	args[0] = arg_uuid(&handle->resolved.model.model_id);
	args[1] = arg_int4(handle->resolved.version.version);
	catalog_begin(&work);
	found = catalog_execute("SELECT v.source, d.search_path, r.arguments ->> 'weight'"
							" FROM mlops.model_versions AS v"
							" JOIN mlops.runs AS r ON r.run_uuid OPERATOR(pg_catalog.=) v.run_id"
							" LEFT JOIN mlops.inputs AS i ON i.run_uuid OPERATOR(pg_catalog.=) v.run_id"
							" AND i.context OPERATOR(pg_catalog.=) 'training'"
							" LEFT JOIN mlops.datasets AS d ON d.dataset_uuid OPERATOR(pg_catalog.=) i.dataset_uuid"
							" WHERE v.model_id OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2",
							2, args);
	if (found > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		recorded->source = result_text(1);
		recorded->search_path = result_text(2);
		recorded->weight = result_text(3);
		MemoryContextSwitchTo(spi);
	}
	catalog_end(&work);
	if (recorded->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" has no recorded source",
						handle->resolved.version.version, handle->name),
				 errhint("Give the rows to evaluate on as argument \"source\".")));
}

static void
named_column(TupleDesc descriptor, const char *name, bool hash_only, NamedColumn *column)
{
	Form_pg_attribute attribute;

	column->attribute = column_number_by_name(descriptor, name);
	column->what = psprintf("column \"%s\"", name);
	attribute = TupleDescAttr(descriptor, column->attribute - 1);
	if (hash_only)
		value_hasher_init(&column->reader, attribute->atttypid, attribute->atttypmod);
	else
		value_reader_init(&column->reader, attribute->atttypid, attribute->atttypmod, NULL, column->what);
}

static void
read_column(const NamedColumn *column, TupleTableSlot *slot, FeatureValue *value)
{
	int			i = column->attribute - 1;

	value_read(&column->reader, slot->tts_values[i], slot->tts_isnull[i], NULL, value, column->what);
}

static uint64
column_hash(const NamedColumn *column, TupleTableSlot *slot)
{
	int			i = column->attribute - 1;

	return value_hash(&column->reader, slot->tts_values[i], slot->tts_isnull[i]);
}

static const char *
offset_column(const Model *model)
{
	for (int i = 0; i < model->params.count; i++)
		if (strcmp(model->params.specs[i].name, "offset") == 0)
			return model->params.values[i].text;
	return NULL;
}

static void
bind_split_columns(ScoreState *state, TupleDesc descriptor)
{
	const SplitSpec *split = &state->model->split;
	const char *list = split->key != NULL ? split->key : split->row_columns;
	char	  **names;

	if (state->which == ROWS_ALL || (split->method == SPLIT_NONE && split->sample >= 1))
		return;
	if (list != NULL)
	{
		names = column_names_split(list, &state->nkeys);
		state->keys = palloc0(sizeof(NamedColumn) * state->nkeys);
		for (int i = 0; i < state->nkeys; i++)
			named_column(descriptor, names[i], true, &state->keys[i]);
	}
	if (split->column != NULL)
		named_column(descriptor, split->column, split->method == SPLIT_GROUP, &state->split);
}

static void
bind_columns(ScoreState *state, TupleDesc descriptor, const char *weight)
{
	const Model *model = state->model;

	state->binding = row_binding_create(model, descriptor);
	named_column(descriptor, model->target.name, false, &state->target);
	if (weight != NULL)
		named_column(descriptor, weight, false, &state->weight);
	if (offset_column(model) != NULL)
		named_column(descriptor, offset_column(model), false, &state->offset);
	bind_split_columns(state, descriptor);
}

/* Class labels are compared as the text that training made of them. */
static bool
label_matches(const char *label, FeatureKind kind, const FeatureValue *value)
{
	char	   *number;

	if (kind == FEATURE_CATEGORICAL)
		return strlen(label) == (size_t) value->text_length && memcmp(label, value->text, value->text_length) == 0;
	if (kind == FEATURE_BOOLEAN)
		return strcmp(label, value->number != 0 ? "true" : "false") == 0;
	if (kind != FEATURE_NUMERIC)
		return false;
	if (value->number == rint(value->number) && fabs(value->number) < 9e15)
		number = psprintf(INT64_FORMAT, (int64) value->number);
	else
		number = float8out_internal(value->number);
	return strcmp(label, number) == 0;
}

/* False: the row has no target to compare with. */
static bool
read_target(const ScoreState *state, TupleTableSlot *slot, double *y, int *class)
{
	const TargetInfo *target = &state->model->target;
	FeatureValue value;

	*class = 0;
	read_column(&state->target, slot, &value);
	if (value.missing)
		return false;
	if (target->nclasses == 0)
	{
		*y = value.number;
		return isfinite(value.number);
	}
	for (*class = 0; *class < target->nclasses; (*class)++)
		if (label_matches(target->classes[*class], state->target.reader.kind, &value))
			break;
	if (*class == target->nclasses)
		return false;
	*y = state->model->task == TASK_BINARY ? *class == target->positive : *class;
	return true;
}

static bool
was_trained_on(const ScoreState *state, TupleTableSlot *slot, int stratum)
{
	const SplitSpec *split = &state->model->split;
	FeatureValue value = {0};
	uint64		row = hash_row_init();
	uint64		group = 0;
	RowRole		role;

	if (state->which == ROWS_ALL)
		return false;
	for (int i = 0; i < state->nkeys; i++)
		row = hash_row_add(row, column_hash(&state->keys[i], slot));
	if (split->method == SPLIT_GROUP)
		group = column_hash(&state->split, slot);
	else if (split->method == SPLIT_TIME && !slot->tts_isnull[state->split.attribute - 1])
		value.time = value_split_time(&state->split.reader, slot->tts_values[state->split.attribute - 1]);
	else if (state->split.attribute != 0)
		read_column(&state->split, slot, &value);
	role = split_role(split, hash_row_final(row), group, value.time, !value.missing && value.number != 0, stratum);
	return role == ROLE_TRAIN || (split->refit && role == ROLE_TEST);
}

static void
reserve(ScoreState *state)
{
	ScoredRows *rows = state->rows;
	int64		larger;

	if (rows->count < state->capacity)
		return;
	larger = Max(4096, state->capacity * 2);
	pg_env_account(state->env, (larger - state->capacity) * (rows->nresponse + 2) * sizeof(double));
#define GROW(array, width) \
	(array) = state->capacity == 0 ? \
		MemoryContextAllocHuge(state->env->context, (Size) larger * (width) * sizeof(double)) : \
		repalloc_huge((array), (Size) larger * (width) * sizeof(double))
	GROW(rows->response, rows->nresponse);
	GROW(rows->y, 1);
	if (state->weight.attribute != 0)
		GROW(rows->w, 1);
#undef GROW
	state->capacity = larger;
}

static void
score_row(ScoreState *state, TupleTableSlot *slot, double *response)
{
	FeatureValue offset;

	row_binding_read_slot(state->binding, slot);
	if (state->offset.attribute == 0)
	{
		model_response(state->model, state->binding->values, state->scratch, response);
		return;
	}
	read_column(&state->offset, slot, &offset);
	model_margin(state->model, state->binding->values, state->scratch, state->margins);
	state->margins[0] += offset.missing ? 0 : offset.number;
	model_respond(state->model, state->margins, response);
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	ScoreState *state = context;
	ScoredRows *rows = state->rows;
	double		y;
	int			class;

	slot_getallattrs(slot);
	if (!read_target(state, slot, &y, &class))
	{
		rows->rows_skipped++;
		return true;
	}
	if (was_trained_on(state, slot, class))
	{
		rows->rows_trained++;
		return true;
	}
	reserve(state);
	rows->y[rows->count] = y;
	if (state->weight.attribute != 0)
	{
		FeatureValue weight;

		read_column(&state->weight, slot, &weight);
		if (weight.missing || !(weight.number >= 0) || isinf(weight.number))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s has a weight that is not a finite number of zero or more", state->weight.what)));
		rows->w[rows->count] = weight.number;
	}
	score_row(state, slot, rows->response + rows->count * rows->nresponse);
	rows->count++;
	return true;
}

static void
report_rows(const ModelHandle *handle, const ScoredRows *rows)
{
	if (rows->rows_trained > 0)
		ereport(NOTICE,
				(errmsg("left out " INT64_FORMAT " rows that model \"%s\" was trained on", rows->rows_trained, handle->name),
				 errhint("Pass rows => 'all' to include them; the result then flatters the model.")));
	if (rows->rows_skipped > 0)
		ereport(NOTICE,
				(errmsg("skipped " INT64_FORMAT " rows whose target is null, not finite or of an unknown class",
						rows->rows_skipped)));
	if (rows->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("no row is left to evaluate model \"%s\" on", handle->name),
				 rows->rows_trained > 0
				 ? errhint("The model was trained on all rows of the source; give newer rows, or pass rows => 'all'.")
				 : errhint("The source has no row with a usable target.")));
}

static void
check_handle(const ModelHandle *handle, const char *source)
{
	if (handle->model->target.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has no target to evaluate against", handle->name)));
	if (source == NULL && handle->by_value)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a model value has no recorded source"),
				 errhint("Give the rows to evaluate on as argument \"source\".")));
}

void
scored_rows_read(PgEnv *env, const ModelHandle *handle, const char *source, EvaluationRows which, ScoredRows *rows)
{
	ScoreState	state = {0};
	RecordedSource recorded = {0};
	Source	   *query;
	int			guc_level = NewGUCNestLevel();

	check_handle(handle, source);
	memset(rows, 0, sizeof(*rows));
	if (source == NULL)
	{
		recorded_source(handle, &recorded);
		source = recorded.source;
		if (recorded.search_path != NULL)
			(void) set_config_option("search_path", recorded.search_path, PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
	}
	state.env = env;
	state.model = handle->model;
	state.which = which;
	state.rows = rows;
	rows->nresponse = model_response_count(handle->model);
	state.scratch = env_alloc(&env->core, model_scratch_size(handle->model), sizeof(double));
	state.margins = env_alloc(&env->core, handle->model->noutputs, sizeof(double));

	query = source_open(source);
	bind_columns(&state, source_descriptor(query), recorded.weight);
	(void) source_run(query, receive_row, &state);
	source_close(query);
	AtEOXact_GUC(true, guc_level);
	report_rows(handle, rows);
}
