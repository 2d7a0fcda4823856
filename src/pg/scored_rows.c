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
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/hash.h"
#include "core/split.h"
#include "pg/class_label.h"
#include "pg/column_names.h"
#include "pg/recorded_source.h"
#include "pg/row_binding.h"
#include "pg/scored_rows.h"
#include "pg/source.h"
#include "pg/stored_sql.h"
#include "pg/value.h"

/* One column of the source that is not a feature: target, weight, key, ... */
typedef struct NamedColumn
{
	int			attribute;		/* 0: not used */
	ValueReader reader;
	char	   *what;			/* for messages */
} NamedColumn;

/* One model over the rows of the source. */
typedef struct RowScorer
{
	const Model *model;
	RowBinding *binding;
	NamedColumn target;
	NamedColumn offset;
	NamedColumn split;			/* group, time or flag */
	NamedColumn *keys;			/* the key, or the whole row */
	int			nkeys;
	double	   *scratch;
	double	   *margins;
} RowScorer;

#define SLICE_SLOTS 4096		/* power of two, well above SCORED_SLICES */

typedef struct ScoreState
{
	PgEnv	   *env;
	const ScoringRequest *request;
	ScoredRows *rows;
	int64		capacity;
	RowScorer	scorers[SCORED_MODELS];
	NamedColumn weight;
	int			slice_attribute;	/* 0: no slices */
	int16	   *slice_slots;	/* [SLICE_SLOTS] index of a slice plus 1, by hash */
	int		   *key_attributes;
	FmgrInfo   *key_output;
	int			nkeys;			/* columns of the key's text */
} ScoreState;

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

/* What training would not have taken for the purpose has no meaning here either: its number would be 0. */
static void
require_kind(TupleDesc descriptor, const NamedColumn *column, FeatureKind kind, FeatureKind other, const char *purpose, const char *hint)
{
	Form_pg_attribute attribute = TupleDescAttr(descriptor, column->attribute - 1);

	if (column->reader.kind != kind && column->reader.kind != other)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of type %s cannot be the %s", column->what, value_type_name(attribute->atttypid, attribute->atttypmod), purpose),
				 errhint("%s", hint)));
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

const char *
scored_offset_column(const Model *model)
{
	for (int i = 0; i < model->params.count; i++)
		if (strcmp(model->params.specs[i].name, "offset") == 0)
			return model->params.values[i].text;
	return NULL;
}

static void
bind_split_columns(RowScorer *scorer, TupleDesc descriptor, EvaluationRows which)
{
	const SplitSpec *split = &scorer->model->split;
	const char *list = split->key != NULL ? split->key : split->row_columns;
	char	  **names;

	if (which == ROWS_ALL || (split->method == SPLIT_NONE && split->sample >= 1))
		return;
	if (list != NULL)
	{
		names = column_names_split(list, &scorer->nkeys);
		scorer->keys = palloc0(sizeof(NamedColumn) * scorer->nkeys);
		for (int i = 0; i < scorer->nkeys; i++)
			named_column(descriptor, names[i], true, &scorer->keys[i]);
	}
	if (split->column == NULL)
		return;
	named_column(descriptor, split->column, split->method == SPLIT_GROUP, &scorer->split);
	if (split->method == SPLIT_TIME)
		require_kind(descriptor, &scorer->split, FEATURE_TIMESTAMP, FEATURE_TIMESTAMP, "time of a split", "It must be a date or timestamp, as in training.");
	else if (split->method == SPLIT_COLUMN)
		require_kind(descriptor, &scorer->split, FEATURE_BOOLEAN, FEATURE_NUMERIC, "flag of a split", "It must be boolean, or 0 and 1, as in training.");
}

static void
bind_target(RowScorer *scorer, TupleDesc descriptor)
{
	const TargetInfo *target = &scorer->model->target;

	named_column(descriptor, target->name, false, &scorer->target);
	if (target->nclasses == 0)
		require_kind(descriptor, &scorer->target, FEATURE_NUMERIC, FEATURE_BOOLEAN, "target of a regression", "Cast it to a number in the source.");
	else if (scorer->target.reader.kind != FEATURE_CATEGORICAL)
		require_kind(descriptor, &scorer->target, FEATURE_NUMERIC, FEATURE_BOOLEAN, "target of a classification", "It must hold the labels of training.");
}

static void
bind_scorer(ScoreState *state, RowScorer *scorer, const ModelHandle *handle, TupleDesc descriptor)
{
	const Model *model = handle->model;
	CoreEnv    *env = &state->env->core;

	scorer->model = model;
	scorer->scratch = env_alloc(env, model_scratch_size(model), sizeof(double));
	scorer->margins = env_alloc(env, model->noutputs, sizeof(double));
	scorer->binding = row_binding_create_for(model, handle->name, descriptor);
	if (!state->request->without_target)
		bind_target(scorer, descriptor);
	if (scored_offset_column(model) != NULL)
	{
		named_column(descriptor, scored_offset_column(model), false, &scorer->offset);
		require_kind(descriptor, &scorer->offset, FEATURE_NUMERIC, FEATURE_NUMERIC, "offset", "Offsets are numbers.");
	}
	bind_split_columns(scorer, descriptor, state->request->which);
}

/* The key's columns, for their text. */
static void
bind_key_text(ScoreState *state, TupleDesc descriptor)
{
	const char *list = state->request->handles[0]->model->split.key;
	char	  **names;

	if (!state->request->keys || list == NULL)
		return;
	names = column_names_split(list, &state->nkeys);
	state->key_attributes = palloc(sizeof(int) * state->nkeys);
	state->key_output = palloc(sizeof(FmgrInfo) * state->nkeys);
	for (int i = 0; i < state->nkeys; i++)
	{
		Oid			output;
		bool		varlena;

		state->key_attributes[i] = column_number_by_name(descriptor, names[i]);
		getTypeOutputInfo(TupleDescAttr(descriptor, state->key_attributes[i] - 1)->atttypid, &output, &varlena);
		fmgr_info(output, &state->key_output[i]);
	}
}

static void
bind_columns(ScoreState *state, TupleDesc descriptor, const char *weight)
{
	const ScoringRequest *request = state->request;

	for (int i = 0; i < request->nmodels; i++)
		bind_scorer(state, &state->scorers[i], request->handles[i], descriptor);
	if (weight != NULL)
	{
		named_column(descriptor, weight, false, &state->weight);
		require_kind(descriptor, &state->weight, FEATURE_NUMERIC, FEATURE_NUMERIC, "weight", "Weights are numbers.");
	}
	if (request->slice != NULL)
	{
		state->slice_attribute = descriptor->natts;
		state->slice_slots = palloc0(sizeof(int16) * SLICE_SLOTS);
		state->rows->slices = palloc(sizeof(char *) * SCORED_SLICES);
	}
	bind_key_text(state, descriptor);
}

/* False: the row has no target to compare with. */
static bool
read_target(const RowScorer *scorer, TupleTableSlot *slot, double *y, int *class)
{
	const TargetInfo *target = &scorer->model->target;
	FeatureValue value;

	*class = 0;
	read_column(&scorer->target, slot, &value);
	if (value.missing)
		return false;
	if (target->nclasses == 0)
	{
		*y = value.number;
		return isfinite(value.number);
	}
	*class = class_of_value(target, scorer->target.reader.kind, &value);
	if (*class < 0)
		return false;
	*y = scorer->model->task == TASK_BINARY ? *class == target->positive : *class;
	return true;
}

/* As training does: where a value says nothing of the row, no answer would be right. */
static void
check_split_value(const NamedColumn *column, TupleTableSlot *slot, bool flag, const FeatureValue *value)
{
	if (slot->tts_isnull[column->attribute - 1])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("split %s is NULL in some row", column->what),
				 errhint("Leave such rows out of the source, or pass rows => 'all'.")));
	if (flag && value->number != 0 && value->number != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split %s is %g in some row", column->what, value->number),
				 errhint("The column must be boolean, or 0 and 1.")));
}

/* The split's time or flag of a row. */
static void
read_split(const RowScorer *scorer, TupleTableSlot *slot, FeatureValue *value)
{
	const NamedColumn *column = &scorer->split;

	if (scorer->model->split.method == SPLIT_TIME)
	{
		check_split_value(column, slot, false, value);
		value->time = value_split_time(&column->reader, slot->tts_values[column->attribute - 1]);
	}
	else if (scorer->model->split.method == SPLIT_COLUMN)
	{
		read_column(column, slot, value);
		check_split_value(column, slot, true, value);
	}
}

static bool
was_trained_on(const RowScorer *scorer, TupleTableSlot *slot, int stratum)
{
	const SplitSpec *split = &scorer->model->split;
	FeatureValue value = {0};
	uint64		row = hash_row_init();
	uint64		group = 0;
	RowRole		role;

	for (int i = 0; i < scorer->nkeys; i++)
		row = hash_row_add(row, column_hash(&scorer->keys[i], slot));
	if (split->method == SPLIT_GROUP)
		group = column_hash(&scorer->split, slot);
	else if (scorer->split.attribute != 0)
		read_split(scorer, slot, &value);
	role = split_role(split, hash_row_final(row), group, value.time, !value.missing && value.number != 0, stratum);
	return role == ROLE_TRAIN || (split->refit && role == ROLE_TEST);
}

static void *
grow(ScoreState *state, void *array, int64 larger, Size width)
{
	if (width == 0)
		return NULL;
	pg_env_account(state->env, (Size) (larger - state->capacity) * width);
	return state->capacity == 0 ? MemoryContextAllocHuge(state->env->context, (Size) larger * width) :
		repalloc_huge(array, (Size) larger * width);
}

static void
reserve(ScoreState *state)
{
	ScoredRows *rows = state->rows;
	Size		response = rows->nresponse * sizeof(double);
	int64		larger;

	if (rows->count < state->capacity)
		return;
	larger = Max(4096, state->capacity * 2);
	rows->response = grow(state, rows->response, larger, response);
	rows->other = grow(state, rows->other, larger, state->request->nmodels > 1 ? response : 0);
	if (state->request->terms)
	{
		rows->terms = grow(state, rows->terms, larger, state->scorers[0].model->transform->nterms * sizeof(double));
		rows->offset = grow(state, rows->offset, larger, state->scorers[0].offset.attribute != 0 ? sizeof(double) : 0);
	}
	rows->y = grow(state, rows->y, larger, state->request->without_target ? 0 : sizeof(double));
	rows->w = grow(state, rows->w, larger, state->weight.attribute != 0 ? sizeof(double) : 0);
	rows->slice = grow(state, rows->slice, larger, state->slice_attribute != 0 ? sizeof(int32) : 0);
	rows->key = grow(state, rows->key, larger, state->nkeys != 0 ? sizeof(char *) : 0);
	state->capacity = larger;
}

static double
read_offset(const NamedColumn *column, TupleTableSlot *slot)
{
	FeatureValue offset;

	read_column(column, slot, &offset);
	if (offset.missing)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("offset %s is NULL in some row", column->what),
				 errhint("Leave such rows out of the source, or use coalesce().")));
	if (!isfinite(offset.number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("offset %s is %g in some row", column->what, offset.number),
				 errhint("Offsets must be finite.")));
	return offset.number;
}

static void
score_row(const RowScorer *scorer, TupleTableSlot *slot, double *response)
{
	row_binding_read_slot(scorer->binding, slot);
	if (scorer->offset.attribute == 0)
	{
		model_response(scorer->model, scorer->binding->values, scorer->scratch, response);
		return;
	}
	model_margin(scorer->model, scorer->binding->values, scorer->scratch, scorer->margins);
	scorer->margins[0] += read_offset(&scorer->offset, slot);
	model_respond(scorer->model, scorer->margins, response);
}

/* The first model's, which has just scored the row. */
static void
keep_terms(const ScoreState *state, TupleTableSlot *slot)
{
	const RowScorer *scorer = &state->scorers[0];
	ScoredRows *rows = state->rows;
	int			nterms = scorer->model->transform->nterms;

	memcpy(rows->terms + rows->count * nterms, scorer->scratch, nterms * sizeof(double));
	if (rows->offset != NULL)
		rows->offset[rows->count] = read_offset(&scorer->offset, slot);
}

static double
read_weight(const ScoreState *state, TupleTableSlot *slot)
{
	FeatureValue weight;

	read_column(&state->weight, slot, &weight);
	if (weight.missing || !(weight.number >= 0) || isinf(weight.number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has a weight that is not a finite number of zero or more", state->weight.what)));
	return weight.number;
}

/* Index of the row's slice among those met so far. */
static int32
find_slice(ScoreState *state, TupleTableSlot *slot)
{
	ScoredRows *rows = state->rows;
	int			i = state->slice_attribute - 1;
	const char *label = slot->tts_isnull[i] ? "(null)" : TextDatumGetCString(slot->tts_values[i]);
	uint64		position = hash_bytes(label, strlen(label)) % SLICE_SLOTS;

	for (; state->slice_slots[position] != 0; position = (position + 1) % SLICE_SLOTS)
		if (strcmp(rows->slices[state->slice_slots[position] - 1], label) == 0)
			return state->slice_slots[position] - 1;
	if (rows->nslices == SCORED_SLICES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the slice expression has more than %d values", SCORED_SLICES),
				 errhint("Use a coarser expression, such as width_bucket() of a number or date_trunc() of a time.")));
	rows->slices[rows->nslices] = MemoryContextStrdup(state->env->context, label);
	state->slice_slots[position] = (int16) ++rows->nslices;
	return rows->nslices - 1;
}

static char *
key_text(ScoreState *state, TupleTableSlot *slot)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < state->nkeys; i++)
	{
		int			k = state->key_attributes[i] - 1;

		if (i > 0)
			appendStringInfoString(&text, ", ");
		if (!slot->tts_isnull[k])
			appendStringInfoString(&text, OutputFunctionCall(&state->key_output[i], slot->tts_values[k]));
	}
	pg_env_account(state->env, (Size) text.len + 1);
	return MemoryContextStrdup(state->env->context, text.data);
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	ScoreState *state = context;
	const ScoringRequest *request = state->request;
	ScoredRows *rows = state->rows;
	double		y = 0;
	int			class = 0;

	slot_getallattrs(slot);
	if (!request->without_target && !read_target(&state->scorers[0], slot, &y, &class))
	{
		rows->rows_skipped++;
		return true;
	}
	for (int i = 0; i < request->nmodels; i++)
	{
		if (request->which == ROWS_HELDOUT && was_trained_on(&state->scorers[i], slot, class))
		{
			rows->rows_trained++;
			return true;
		}
	}
	reserve(state);
	if (rows->y != NULL)
		rows->y[rows->count] = y;
	if (rows->w != NULL)
		rows->w[rows->count] = read_weight(state, slot);
	if (rows->slice != NULL)
		rows->slice[rows->count] = find_slice(state, slot);
	if (rows->key != NULL)
		rows->key[rows->count] = key_text(state, slot);
	score_row(&state->scorers[0], slot, rows->response + rows->count * rows->nresponse);
	if (request->terms)
		keep_terms(state, slot);
	if (request->nmodels > 1)
		score_row(&state->scorers[1], slot, rows->other + rows->count * rows->nresponse);
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
check_handle(const ModelHandle *handle, const ScoringRequest *request)
{
	if (handle->model->target.name == NULL && !request->without_target)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has no target to evaluate against", handle->name),
				 errhint("Where rows have a label, compare it with the scores: mlops.roc_auc(label, mlops.predict(...)).")));
}

/* Two models compare row by row when they predict the same thing. */
static void
check_comparable(const ModelHandle *a, const ModelHandle *b)
{
	const TargetInfo *x = &a->model->target;
	const TargetInfo *y = &b->model->target;
	bool		same = a->model->task == b->model->task && x->nclasses == y->nclasses &&
		(x->name == NULL) == (y->name == NULL) && (x->name == NULL || strcmp(x->name, y->name) == 0) &&
		(a->model->task != TASK_BINARY || x->positive == y->positive);

	for (int i = 0; same && i < x->nclasses; i++)
		same = strcmp(x->classes[i], y->classes[i]) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("versions %d and %d of model \"%s\" do not predict the same", a->resolved.version.version,
						b->resolved.version.version, a->name),
				 errdetail("They differ in task, target, classes or positive class.")));
}

static void
run_source(ScoreState *state, const char *source, const char *weight)
{
	Source	   *query = state->request->slice == NULL ? source_open(source) :
		source_open_extended(source, state->request->slice);

	bind_columns(state, source_descriptor(query), weight);
	(void) source_run(query, receive_row, state);
	source_close(query);
}

void
scored_rows_collect(PgEnv *env, const ScoringRequest *request, ScoredRows *rows)
{
	const ModelHandle *first = request->handles[0];
	ScoreState	state = {0};

	for (int i = 0; i < request->nmodels; i++)
		check_handle(request->handles[i], request);
	if (request->nmodels > 1)
		check_comparable(first, request->handles[1]);
	memset(rows, 0, sizeof(*rows));
	rows->nresponse = model_response_count(first->model);
	state.env = env;
	state.request = request;
	state.rows = rows;

	if (request->source != NULL)
		run_source(&state, request->source, NULL);
	else
	{
		RecordedSource recorded = {0};
		RoleSwitch caller;

		recorded_source_find(first, &recorded);
		stored_sql_begin(&caller, recorded.author, recorded.search_path,
						 psprintf("version %d of model \"%s\"", first->resolved.version.version, first->name));
		run_source(&state, recorded.source, recorded.weight);
		stored_sql_end(&caller);
	}
	if (!request->quiet)
		report_rows(first, rows);
}

void
scored_rows_read(PgEnv *env, const ModelHandle *handle, const char *source, EvaluationRows which, ScoredRows *rows)
{
	ScoringRequest request = {.nmodels = 1, .handles = {handle}, .source = source, .which = which};

	scored_rows_collect(env, &request, rows);
}
