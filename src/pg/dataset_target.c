/*
 * dataset_target.c
 *	  What the target column asks for: task, classes, positive class; see dataset_internal.h.
 *
 * When the task is not given: boolean, text and enum targets are classes;
 * integers are classes when there are two distinct values, or at most
 * INFERRED_CLASSES with INFERRED_ROWS rows for each on average; everything else
 * is a regression.
 *
 * The positive class of a binary target is the one that is given; else true;
 * else the one label that says yes (see says_yes), when exactly one does; else
 * the last label.  Labels are in the natural order of their type: false before
 * true, numbers by value, enums as declared, text by bytes.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "pg/class_label.h"
#include "pg/dataset_internal.h"
#include "pg/encoding.h"

#define INFERRED_CLASSES 20
#define INFERRED_ROWS 20
#define MAX_CLASSES 1000
#define SHOWN_CLASSES 20		/* in messages */

/* NULL targets and targets that are not finite say nothing: counted and left out. */
bool
target_skips(DatasetBuild *build, Datum datum, bool isnull)
{
	double		number;

	if (isnull)
	{
		build->null_targets++;
		return true;
	}
	switch ((ValueCode) build->target->reader.code)
	{
		case VALUE_FLOAT4:
			number = DatumGetFloat4(datum);
			break;
		case VALUE_FLOAT8:
			number = DatumGetFloat8(datum);
			break;
		case VALUE_NUMERIC:
		case VALUE_INTERVAL:
			{
				FeatureValue value;

				value_read(&build->target->reader, datum, false, NULL, &value, build->target->what);
				number = value.number;
				break;
			}
		default:
			return false;
	}
	if (isfinite(number))
		return false;
	build->nonfinite_targets++;
	return true;
}

/* ---------- distinct values ---------- */

/* Distinct numbers in ascending order, up to a limit. */
typedef struct NumberSet
{
	int			count;
	int			limit;
	double		values[MAX_CLASSES + 1];
} NumberSet;

/* The place of a number; inserts it when missing. False when the set is full. */
static bool
number_set_add(NumberSet *set, double value)
{
	int			low = 0;
	int			high = set->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (set->values[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < set->count && set->values[low] == value)
		return true;
	if (set->count == set->limit)
		return false;
	memmove(&set->values[low + 1], &set->values[low], sizeof(double) * (set->count - low));
	set->values[low] = value;
	set->count++;
	return true;
}

static int
number_set_find(const NumberSet *set, double value)
{
	int			low = 0;
	int			high = set->count - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (set->values[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* False when there are more than `limit` distinct values. */
static bool
collect_numbers(DatasetBuild *build, NumberSet *set, int limit)
{
	double		last = NAN;

	set->count = 0;
	set->limit = limit;
	for (int64 row = 0; row < build->nrows; row++)
	{
		double		value = raw_number(build->target, row);

		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (value == last)
			continue;
		last = value;
		if (!number_set_add(set, value))
			return false;
	}
	return true;
}

/* ---------- classes ---------- */

static void
too_many_classes(const DatasetBuild *build, const char *count)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("target %s has %s classes, at most %d are allowed", build->target->what, count, MAX_CLASSES),
			 build->target->storage == STORAGE_CODE ?
			 errhint("Group rare labels in the source, or choose another target.") :
			 errhint("Use task => 'regression', or group the values in the source.")));
}

static void
set_classes(DatasetBuild *build, int count)
{
	TargetInfo *target = &build->result->target;

	target->nclasses = count;
	target->classes = env_alloc(&build->env->core, count, sizeof(char *));
	build->classes = build_alloc(build, build->nrows, sizeof(int32));
}

static void
boolean_classes(DatasetBuild *build)
{
	const RawColumn *column = build->target;
	CoreEnv    *env = &build->env->core;
	bool		constant = build->nrows > 0 && column->min == column->max;

	set_classes(build, constant ? 1 : 2);
	if (constant)
		build->result->target.classes[0] = env_strdup(env, column->min == 0 ? "false" : "true");
	else
	{
		build->result->target.classes[0] = env_strdup(env, "false");
		build->result->target.classes[1] = env_strdup(env, "true");
	}
	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		build->classes[row] = constant ? 0 : ELEMENT(&column->values, int8, row);
	}
}

static void
number_classes(DatasetBuild *build)
{
	NumberSet  *set = MemoryContextAlloc(build->scratch, sizeof(NumberSet));

	if (!collect_numbers(build, set, MAX_CLASSES))
		too_many_classes(build, psprintf("more than %d", MAX_CLASSES));
	set_classes(build, set->count);
	for (int i = 0; i < set->count; i++)
	{
		char		label[CLASS_NUMBER_BYTES];

		class_label_of_number(set->values[i], label);
		build->result->target.classes[i] = env_strdup(&build->env->core, label);
	}
	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		build->classes[row] = number_set_find(set, raw_number(build->target, row));
	}
	pfree(set);
}

typedef struct LabelOrder
{
	uint32		code;
	uint32		rank;
	float		enum_order;
} LabelOrder;

static int
compare_labels(const void *a, const void *b)
{
	const LabelOrder *x = a;
	const LabelOrder *y = b;

	if (x->enum_order != y->enum_order)
		return x->enum_order < y->enum_order ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static float
label_enum_order(const ValueReader *reader, const char *label)
{
	for (int i = 0; i < reader->enum_count; i++)
	{
		if (strcmp(reader->enum_labels[i], label) == 0)
			return reader->enum_order[i];
	}
	return INFINITY;			/* not an enum, or a label added since: by bytes */
}

/* Classes are the labels that kept rows have. */
static void
label_classes(DatasetBuild *build)
{
	const RawColumn *column = build->target;
	const Dictionary *dictionary = column->dictionary;
	int32	   *class_of = build_alloc(build, dictionary->count, sizeof(int32));
	LabelOrder	labels[MAX_CLASSES];
	int			count = 0;

	for (uint32 code = 0; code < dictionary->count; code++)
		class_of[code] = -1;
	for (int64 row = 0; row < build->nrows; row++)
	{
		uint32		code = ELEMENT(&column->values, uint32, row);

		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (class_of[code] >= 0)
			continue;
		if (count == MAX_CLASSES)
			too_many_classes(build, psprintf("up to %u", dictionary->count));
		class_of[code] = 0;
		labels[count].code = code;
		labels[count].rank = dictionary->rank[code];
		labels[count].enum_order = label_enum_order(&column->reader, encoding_text_from_utf8(ELEMENT(&dictionary->texts, char *, code)));
		count++;
	}
	qsort(labels, count, sizeof(LabelOrder), compare_labels);

	set_classes(build, count);
	for (int i = 0; i < count; i++)
	{
		class_of[labels[i].code] = i;
		build->result->target.classes[i] = env_strdup(&build->env->core,
															encoding_text_from_utf8(ELEMENT(&dictionary->texts, char *, labels[i].code)));
	}
	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		build->classes[row] = class_of[ELEMENT(&column->values, uint32, row)];
	}
	build_free(build, class_of, dictionary->count, sizeof(int32));
}

/* ---------- task and positive class ---------- */

static bool
is_integer_type(const RawColumn *column)
{
	return column->reader.code == VALUE_INT2 || column->reader.code == VALUE_INT4 || column->reader.code == VALUE_INT8;
}

/* Numbers are no classes to an algorithm that predicts numbers, but not so many classes. */
static bool
fits_classes(const DatasetBuild *build, int nclasses)
{
	unsigned	tasks = build->request->tasks;

	return (tasks & 1u << TASK_REGRESSION) == 0 || (tasks & 1u << (nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS)) != 0;
}

static bool
infers_classes(DatasetBuild *build)
{
	const RawColumn *column = build->target;
	NumberSet  *set;
	bool		few;

	if (column->reader.kind == FEATURE_BOOLEAN || column->storage == STORAGE_CODE)
		return true;
	if (build->request->positive != NULL)
		return true;
	if (!is_integer_type(column))
		return false;
	set = MemoryContextAlloc(build->scratch, sizeof(NumberSet));
	few = collect_numbers(build, set, INFERRED_CLASSES) &&
		(set->count == 2 || (set->count > 2 && build->nrows >= (int64) INFERRED_ROWS * set->count)) &&
		fits_classes(build, set->count);
	pfree(set);
	return few;
}

static bool
says_yes(const char *label)
{
	static const char *const words[] = {"true", "yes", "y", "t", "1", "pos", "positive"};

	for (int i = 0; i < (int) lengthof(words); i++)
	{
		if (pg_strcasecmp(label, words[i]) == 0)
			return true;
	}
	return false;
}

static char *
list_classes(const TargetInfo *target)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < target->nclasses && i < SHOWN_CLASSES; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", target->classes[i]);
	if (target->nclasses > SHOWN_CLASSES)
		appendStringInfo(&list, " and %d more", target->nclasses - SHOWN_CLASSES);
	return list.data;
}

static int
given_positive(const DatasetBuild *build)
{
	const TargetInfo *target = &build->result->target;
	const char *positive = build->request->positive;

	for (int i = 0; i < target->nclasses; i++)
	{
		if (strcmp(target->classes[i], positive) == 0)
			return i;
	}
	for (int i = 0; i < target->nclasses; i++)
	{
		if (pg_strcasecmp(target->classes[i], positive) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("positive class \"%s\" does not occur in target %s", positive, build->target->what),
			 errhint("The classes are %s.", list_classes(target))));
}

static void
choose_positive(DatasetBuild *build)
{
	TargetInfo *target = &build->result->target;
	int			yes = 0;

	if (build->request->positive != NULL)
	{
		target->positive = given_positive(build);
		return;
	}
	target->positive = target->nclasses - 1;
	for (int i = 0; i < target->nclasses; i++)
		yes += says_yes(target->classes[i]) ? 1 : 0;
	if (yes == 1)
		target->positive = says_yes(target->classes[0]) ? 0 : 1;
}

/* Binary or multiclass from the number of classes, and whether the request agrees. */
static void
settle_task(DatasetBuild *build)
{
	const DatasetRequest *request = build->request;
	DatasetResult *result = build->result;
	TargetInfo *target = &result->target;

	if (target->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("target %s has only one class: \"%s\"", build->target->what,
						target->nclasses == 1 ? target->classes[0] : ""),
				 errhint("A classifier needs rows of at least two classes.")));
	if (target->nclasses > 2 && (request->task == TASK_BINARY || request->positive != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target %s has %d classes, a binary task needs two", build->target->what, target->nclasses),
				 errdetail("The classes are %s.", list_classes(target)),
				 errhint("Use task => 'multiclass' without a positive class, or a boolean expression in the source.")));
	result->task = target->nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS;
	if (result->task == TASK_BINARY)
		choose_positive(build);
	else
		target->positive = -1;
}

static void
announce_task(const DatasetBuild *build)
{
	const DatasetRequest *request = build->request;
	const DatasetResult *result = build->result;
	const TargetInfo *target = &result->target;

	if (result->task == TASK_BINARY && request->positive == NULL)
		ereport(NOTICE,
				(errmsg("target \"%s\": binary classification with positive class \"%s\" (the other is \"%s\")",
						target->name, target->classes[target->positive], target->classes[1 - target->positive]),
				 errhint("Use positive or task to choose otherwise.")));
	else if (result->task == TASK_MULTICLASS && request->task == 0)
		ereport(NOTICE,
				(errmsg("target \"%s\": classification with %d classes", target->name, target->nclasses),
				 is_integer_type(build->target) ? errhint("Use task => 'regression' to predict the number.") : 0));
	else if (result->task == TASK_REGRESSION && request->task == 0)
		ereport(NOTICE,
				(errmsg("target \"%s\": regression", target->name)));
}

void
target_analyse(DatasetBuild *build)
{
	const DatasetRequest *request = build->request;
	DatasetResult *result = build->result;
	TargetInfo *target = &result->target;
	bool		classify;

	result->task = request->task;
	if (build->target == NULL)
		return;
	target->name = env_strdup(&build->env->core, build->target->name);
	target->type_name = env_strdup(&build->env->core, build->target->type_name);
	target->threshold = 0.5;
	target->positive = -1;

	if (build->target->dictionary != NULL)
		dictionary_rank(build, build->target->dictionary, NULL);
	if (request->task == TASK_REGRESSION)
	{
		if (build->target->storage == STORAGE_CODE || request->positive != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 build->target->storage == STORAGE_CODE ?
					 errmsg("target %s of type %s cannot be predicted by regression", build->target->what, build->target->type_name) :
					 errmsg("a regression has no positive class"),
					 errhint("Use task => 'classification', or a number as the target.")));
		classify = false;
	}
	else if (request->task == TASK_BINARY || request->task == TASK_MULTICLASS)
		classify = true;
	else
		classify = infers_classes(build);

	if (!classify)
	{
		result->task = TASK_REGRESSION;
		announce_task(build);
		return;
	}
	if (build->target->reader.kind == FEATURE_BOOLEAN)
		boolean_classes(build);
	else if (build->target->storage == STORAGE_CODE)
		label_classes(build);
	else
		number_classes(build);
	settle_task(build);		/* announced when classes that do not train are out */
}

/* ---------- after the split ---------- */

/* Removes one class from labels, row codes and strata. */
static void
remove_classes(DatasetBuild *build, const int64 *train_rows)
{
	TargetInfo *target = &build->result->target;
	SplitSpec  *spec = build->request->split;
	int32		new_class[MAX_CLASSES];
	int64		removed = 0;
	int			kept = 0;

	for (int c = 0; c < target->nclasses; c++)
	{
		new_class[c] = train_rows[c] > 0 ? kept : -1;
		if (train_rows[c] == 0)
			continue;
		if (spec->nstrata > c)
			spec->limits[kept] = spec->limits[c];
		target->classes[kept++] = target->classes[c];
	}
	for (int64 row = 0; row < build->nrows; row++)
	{
		int32		class_index = new_class[build->classes[row]];

		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		build->classes[row] = class_index;
		if (class_index >= 0 || build->roles[row] == ROLE_SKIPPED)
			continue;
		build->role_count[build->roles[row]]--;
		build->roles[row] = ROLE_SKIPPED;
		removed++;
	}
	if (spec->nstrata > kept)
		spec->nstrata = kept;
	build->result->rows_skipped += removed;
	ereport(NOTICE,
			(errmsg("%d of %d classes of target \"%s\" would be in held-out rows only: " INT64_FORMAT " rows left out",
					target->nclasses - kept, target->nclasses, target->name, removed),
			 errhint("Use more rows, or split => '{\"method\": \"stratified\"}'.")));
	target->nclasses = kept;
}

void
target_drop_unseen(DatasetBuild *build)
{
	TargetInfo *target = &build->result->target;
	int64		train_rows[MAX_CLASSES] = {0};
	int			seen = 0;

	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (build->roles[row] == ROLE_TRAIN)
			train_rows[build->classes[row]]++;
	}
	if (build->role_count[ROLE_TRAIN] == 0)
		return;					/* reported with the shares */
	for (int c = 0; c < target->nclasses; c++)
		seen += train_rows[c] > 0 ? 1 : 0;
	if (seen < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the training rows hold only one class of target %s", build->target->what),
				 errhint("Use more rows, or split => '{\"method\": \"stratified\"}'.")));
	if (seen < target->nclasses)
		remove_classes(build, train_rows);
	if (target->nclasses == 2 && build->result->task == TASK_MULTICLASS)
	{
		build->result->task = TASK_BINARY;
		choose_positive(build);
	}
	announce_task(build);
}
