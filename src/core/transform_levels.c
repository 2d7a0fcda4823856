/*
 * transform_levels.c
 *	  Learning categories and calendar parts: which levels are kept, what each
 *	  contributes; see transform.h.
 *
 * Every row belongs to a candidate level (a dictionary entry, or a value of a
 * calendar part) or is missing.  Candidates with enough rows are kept, the
 * others pool.  A level that has no row of its own in `codes` contributes what
 * the average row contributes, so it moves a linear score neither way.
 */
#include "core/transform_internal.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/transform_time.h"

#define POLL_ROWS 65536

typedef struct LevelTask
{
	LearnContext *context;
	FeatureTransform *f;
	const FeatureOptions *options;
	const char *name;

	/* candidates, in byte order; candidate n stands for missing */
	int			n;
	const char **text;
	int		   *length;
	int64_t    *count;			/* [n + 1] rows of positive weight */
	int32_t    *group;			/* [ntrain] candidate of each row, -1: weight 0; later its level row */
	bool	   *kept;			/* [n] */
	int		   *row;			/* [n + 1] level row */
	int			imputed;		/* candidate that missing rows take, or -1 */
	int64_t		missing_rows;
	int64_t		pooled_rows;
	double	   *weight;			/* [level rows] */
} LevelTask;

static int
compare_text(const char *a, int a_length, const char *b, int b_length)
{
	int			order = memcmp(a, b, (size_t) (a_length < b_length ? a_length : b_length));

	return order != 0 ? order : a_length - b_length;
}

/* Where a text is among the candidates, or would be inserted. */
static int
find_candidate(const LevelTask *task, const char *text, int length, bool *found)
{
	int			low = 0;
	int			high = task->n;

	*found = false;
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = compare_text(task->text[middle], task->length[middle], text, length);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static CoreStatus
alloc_candidates(LevelTask *task, int n)
{
	CoreEnv    *env = task->context->env;

	CORE_ALLOC(env, task->text, (size_t) n + 1);	/* one more for an imputed constant */
	CORE_ALLOC(env, task->length, (size_t) n + 1);
	CORE_ALLOC(env, task->count, (size_t) n + 2);
	CORE_ALLOC(env, task->kept, (size_t) n + 1);
	CORE_ALLOC(env, task->row, (size_t) n + 2);
	CORE_ALLOC(env, task->group, (size_t) task->context->data->ntrain);
	task->n = n;
	task->imputed = -1;
	return CORE_OK;
}

static CoreStatus
collect_dictionary(LevelTask *task)
{
	LearnContext *context = task->context;
	const Column *column = &context->data->columns[task->f->feature];
	const uint32_t *codes = column->values;

	CORE_TRY(alloc_candidates(task, column->nlevels));
	for (int i = 0; i < task->n; i++)
	{
		task->text[i] = column->levels[i];
		task->length[i] = column->level_lengths[i];
	}
	for (int64_t row = 0; row < context->data->ntrain; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(context->env);
		task->group[row] = !learn_row_counts(context, row) ? -1 : column_is_null(column, row) ? task->n : (int32_t) codes[row];
	}
	return CORE_OK;
}

static CoreStatus
collect_parts(LevelTask *task)
{
	LearnContext *context = task->context;
	NumberSource source = {&context->data->columns[task->f->feature], NULL, (TimePart) task->f->parts};
	char	   *texts;
	int			lowest;
	int			n = time_part_levels(source.part, &lowest);

	CORE_TRY(alloc_candidates(task, n));
	CORE_ALLOC(context->env, texts, (size_t) n * 4);
	for (int i = 0; i < n; i++)
	{
		task->text[i] = texts + i * 4;
		task->length[i] = time_part_level_text(source.part, lowest + i, texts + i * 4);
	}
	for (int64_t first = 0; first < context->data->ntrain; first += TRANSFORM_BLOCK)
	{
		int64_t		left = context->data->ntrain - first;
		int			count = left < TRANSFORM_BLOCK ? (int) left : TRANSFORM_BLOCK;
		double		parts[TRANSFORM_BLOCK];

		env_poll(context->env);
		number_source_load(&source, first, count, 0, parts);
		for (int i = 0; i < count; i++)
			task->group[first + i] = !learn_row_counts(context, first + i) ? -1 :
				parts[i] != parts[i] ? n : (int32_t) parts[i] - lowest;
	}
	return CORE_OK;
}

static void
count_candidates(LevelTask *task)
{
	for (int64_t row = 0; row < task->context->data->ntrain; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(task->context->env);
		if (task->group[row] >= 0)
			task->count[task->group[row]]++;
	}
	task->missing_rows = task->count[task->n];
}

/* A candidate of its own for a constant that does not occur. */
static void
insert_candidate(LevelTask *task, int position, const char *text)
{
	size_t		tail = (size_t) (task->n - position);

	memmove(task->text + position + 1, task->text + position, tail * sizeof(*task->text));
	memmove(task->length + position + 1, task->length + position, tail * sizeof(*task->length));
	memmove(task->count + position + 1, task->count + position, (tail + 1) * sizeof(*task->count));
	task->text[position] = text;
	task->length[position] = (int) strlen(text);
	task->count[position] = 0;
	task->n++;
	for (int64_t row = 0; row < task->context->data->ntrain; row++)
		task->group[row] += task->group[row] >= position;
}

/* Sums of the weights of the rows in each of so many groups. */
static CoreStatus
sum_groups(LevelTask *task, int ngroups, double *weight)
{
	LearnContext *context = task->context;
	RowGroups	groups;

	CORE_TRY(row_groups_make(context->env, task->group, context->data->ntrain, ngroups, &groups));
	for (int group = 0; group < ngroups; group++)
	{
		ExactSum	sum;

		exact_sum_init(&sum);
		for (int64_t i = groups.start[group]; i < groups.start[group + 1]; i++)
			exact_sum_add(&sum, context->weight[groups.rows[i]]);
		weight[group] = exact_sum_value(&sum);
		env_poll(context->env);
	}
	row_groups_release(context->env, &groups);
	return CORE_OK;
}

/* The candidate with the most rows, by weight; among equals the first. */
static CoreStatus
most_frequent(LevelTask *task, int *level)
{
	CoreEnv    *env = task->context->env;
	double	   *weight;

	CORE_ALLOC(env, weight, (size_t) task->n + 1);
	for (int i = 0; i < task->n; i++)
		weight[i] = (double) task->count[i];
	if (task->context->weight != NULL)
		CORE_TRY(sum_groups(task, task->n + 1, weight));
	*level = 0;
	for (int i = 1; i < task->n; i++)
		*level = weight[i] > weight[*level] ? i : *level;
	env_release(env, weight);
	return CORE_OK;
}

/* Missing rows become rows of a level: the most frequent one, or a constant. */
static CoreStatus
impute_level(LevelTask *task)
{
	const FeatureOptions *options = task->options;
	int			level = 0;
	bool		found = true;

	if (task->f->parts != 0 || (options->impute != IMPUTE_MODE && options->impute != IMPUTE_CONSTANT))
		return CORE_OK;
	if (options->impute == IMPUTE_CONSTANT && options->impute_text != NULL)
	{
		level = find_candidate(task, options->impute_text, (int) strlen(options->impute_text), &found);
		if (!found && task->missing_rows == 0)
			return CORE_OK;
		if (!found)
			insert_candidate(task, level, options->impute_text);
	}
	else
		CORE_TRY(most_frequent(task, &level));
	if (task->n == 0)
		return CORE_OK;
	task->imputed = level;
	task->count[level] += task->missing_rows;
	task->count[task->n] = 0;
	for (int64_t row = 0; row < task->context->data->ntrain; row++)
	{
		if (task->group[row] == task->n)
			task->group[row] = level;
	}
	return CORE_OK;
}

/* Of the kept candidates only the `limit` most frequent, among equals the first in byte order. */
static CoreStatus
keep_most_frequent(LevelTask *task, int limit)
{
	CoreEnv    *env = task->context->env;
	double	   *rarity;
	int64_t    *order;
	int			taken = 0;

	CORE_ALLOC(env, rarity, (size_t) task->n);
	CORE_ALLOC(env, order, (size_t) task->n);
	for (int i = 0; i < task->n; i++)
		rarity[i] = -(double) task->count[i];
	sort_identity(order, task->n);
	CORE_TRY(sort_order(env, rarity, task->n, order));
	for (int i = 0; i < task->n; i++)
	{
		if (task->kept[order[i]] && ++taken > limit)
			task->kept[order[i]] = false;
	}
	env_release(env, rarity);
	env_release(env, order);
	return CORE_OK;
}

static CoreStatus
keep_levels(LevelTask *task, int max_levels)
{
	const FeatureOptions *options = task->options;
	int			min_count = options->min_count > 0 ? options->min_count : TRANSFORM_MIN_COUNT;
	int			nlevels = 0;

	for (int i = 0; i < task->n; i++)
		task->kept[i] = task->count[i] >= min_count;
	if (max_levels > 0)
		CORE_TRY(keep_most_frequent(task, max_levels));
	task->pooled_rows = 0;
	for (int i = 0; i < task->n; i++)
	{
		if (task->kept[i])
			nlevels++;
		else
			task->pooled_rows += task->count[i];
	}
	task->f->nlevels = nlevels;
	task->f->has_other = task->pooled_rows >= min_count;
	return CORE_OK;
}

/* Levels that the user listed are kept whatever their number of rows. */
static void
keep_listed(LevelTask *task)
{
	const FeatureOptions *options = task->options;
	bool		found;

	memset(task->kept, 0, (size_t) task->n * sizeof(*task->kept));
	task->f->nlevels = 0;
	for (int i = 0; i < options->order_length; i++)
	{
		int			at = find_candidate(task, options->order[i], (int) strlen(options->order[i]), &found);

		if (found && !task->kept[at])
		{
			task->kept[at] = true;
			task->f->nlevels++;
		}
	}
	task->pooled_rows = 0;
	for (int i = 0; i < task->n; i++)
		task->pooled_rows += task->kept[i] ? 0 : task->count[i];
	if (task->pooled_rows > 0)
		env_log(task->context->env, CORE_NOTICE, "column \"%s\": %lld training rows have a level that is not in its \"order\" and count as the average level",
				task->name, (long long) task->pooled_rows);
}

static CoreStatus
choose_encoding(LevelTask *task)
{
	LearnContext *context = task->context;
	FeatureTransform *f = task->f;
	Encoding	encode = task->options->encode;
	bool		has_target = context->data->target != NULL;

	if (encode == ENCODE_AUTO && f->parts == 0 && context->input->profile == PROFILE_TREE)
		encode = task->options->order_length > 0 ? ENCODE_ORDINAL : ENCODE_CODE;
	if (encode == ENCODE_AUTO && task->options->order_length > 0)
		encode = ENCODE_ORDINAL;
	if (encode == ENCODE_TARGET && !has_target)
		return env_fail(context->env, CORE_INVALID, "column \"%s\" cannot be encoded by the target: there is none", task->name);
	if (encode == ENCODE_ORDINAL && task->options->order_length > 0)
		keep_listed(task);
	else
		CORE_TRY(keep_levels(task, task->options->max_levels));
	if (encode == ENCODE_AUTO && f->nlevels > TRANSFORM_WIDE_LEVELS && has_target)
	{
		encode = ENCODE_TARGET;
		env_log(context->env, CORE_NOTICE, "column \"%s\" has %d levels and is encoded by the mean of the target", task->name, f->nlevels);
	}
	else if (encode == ENCODE_AUTO && f->nlevels > TRANSFORM_WIDE_LEVELS)
		CORE_TRY(keep_levels(task, TRANSFORM_WIDE_LEVELS));
	f->encode = encode == ENCODE_AUTO ? ENCODE_REFERENCE : encode;
	if (f->encode == ENCODE_CODE)
		f->has_other = task->pooled_rows > 0;
	if (f->encode == ENCODE_ORDINAL)
		f->has_other = false;
	return CORE_OK;
}

/* Whether missing is a level, or has an indicator, or neither. */
static void
choose_missing(LevelTask *task, bool want_indicator)
{
	FeatureTransform *f = task->f;
	int			option = task->options->indicator;
	bool		some = task->missing_rows > 0 && task->missing_rows < task->context->positive_rows;
	bool		enough = some && option >= 0 && (option > 0 || task->missing_rows >= TRANSFORM_MIN_COUNT);

	if (f->encode == ENCODE_CODE)
		return;
	if (task->options->impute == IMPUTE_MODE || task->options->impute == IMPUTE_CONSTANT)
		f->indicator = some && option > 0 && want_indicator;
	else if (f->parts != 0 || f->encode == ENCODE_ORDINAL)
		f->indicator = enough && want_indicator;
	else if (task->options->impute != IMPUTE_NONE)
		f->has_missing = enough;
}

static CoreStatus
store_levels(LevelTask *task)
{
	FeatureTransform *f = task->f;
	CoreEnv    *env = task->context->env;
	int			level = 0;

	CORE_ALLOC(env, f->levels, (size_t) f->nlevels);
	CORE_ALLOC(env, f->level_lengths, (size_t) f->nlevels);
	for (int i = 0; i < task->n; i++)
	{
		if (!task->kept[i])
		{
			task->row[i] = f->has_other ? ROW_OTHER(f) : ROW_UNSEEN(f);
			continue;
		}
		f->levels[level] = env_strndup(env, task->text[i], (size_t) task->length[i]);
		if (f->levels[level] == NULL)
			return CORE_NO_MEMORY;
		f->level_lengths[level] = task->length[i];
		task->row[i] = level++;
	}
	task->row[task->n] = ROW_MISSING(f);
	for (int64_t row = 0; row < task->context->data->ntrain; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(env);
		if (task->group[row] >= 0)
			task->group[row] = task->row[task->group[row]];
	}
	return CORE_OK;
}

/* Training weight of each level row. */
static CoreStatus
weigh_levels(LevelTask *task)
{
	LearnContext *context = task->context;
	FeatureTransform *f = task->f;

	CORE_ALLOC(context->env, task->weight, (size_t) CODE_ROWS(f));
	if (context->weight != NULL)
		return sum_groups(task, CODE_ROWS(f), task->weight);
	for (int i = 0; i <= task->n; i++)
		task->weight[task->row[i]] += (double) task->count[i];
	return CORE_OK;
}

/* Weighted average of a column of codes over the levels that are values: kept ones and "(other)". */
static double
average_code(const LevelTask *task, int column)
{
	const FeatureTransform *f = task->f;
	double		sum = 0;
	double		total = 0;

	for (int level = 0; level < f->nlevels + f->has_other; level++)
	{
		sum += task->weight[level] * f->codes[(size_t) level * (size_t) f->ncodes + (size_t) column];
		total += task->weight[level];
	}
	return total > 0 ? sum / total : 0;
}

static double *
code_row(const FeatureTransform *f, int row)
{
	return f->codes + (size_t) row * (size_t) f->ncodes;
}

/* The level row that missing values share: their own, that of the imputed level, or unseen. */
static int
missing_as(const LevelTask *task)
{
	const FeatureTransform *f = task->f;

	return f->has_missing ? ROW_MISSING(f) : task->imputed >= 0 ? task->row[task->imputed] : ROW_UNSEEN(f);
}

/* Rows that were not learned themselves: "(other)", "(missing)" and unseen. */
static void
complete_codes(LevelTask *task)
{
	FeatureTransform *f = task->f;
	size_t		size = (size_t) f->ncodes * sizeof(double);

	for (int column = 0; column < f->ncodes; column++)
		code_row(f, ROW_UNSEEN(f))[column] = average_code(task, column);
	if (f->has_other)
		memcpy(code_row(f, ROW_UNSEEN(f)), code_row(f, ROW_OTHER(f)), size);
	else
		memcpy(code_row(f, ROW_OTHER(f)), code_row(f, ROW_UNSEEN(f)), size);
	if (!f->has_missing)
		memcpy(code_row(f, ROW_MISSING(f)), code_row(f, missing_as(task)), size);
	if (f->indicator)
		code_row(f, ROW_MISSING(f))[f->ncodes - 1] = 1;
}

static void
fill_dummies(FeatureTransform *f)
{
	int			skip = f->encode == ENCODE_REFERENCE ? 1 : 0;

	for (int level = skip; level < f->nlevels + f->has_other; level++)
		code_row(f, level)[level - skip] = 1;
	if (f->has_missing)
		code_row(f, ROW_MISSING(f))[f->nlevels + f->has_other - skip] = 1;
}

static void
fill_ordinal(LevelTask *task)
{
	FeatureTransform *f = task->f;
	int			listed = task->options->order_length;

	for (int level = 0; level < f->nlevels; level++)
		code_row(f, level)[0] = level;
	for (int i = 0; i < listed; i++)
	{
		int			row = transform_level(f, task->options->order[i], (int) strlen(task->options->order[i]));

		if (row < f->nlevels)
			code_row(f, row)[0] = i;
	}
}

static CoreStatus
fill_codes(LevelTask *task)
{
	FeatureTransform *f = task->f;
	CoreEnv    *env = task->context->env;
	size_t		cells;

	if (f->nterms > TRANSFORM_MAX_DUMMIES)
	{
		env_fail(env, CORE_TOO_LARGE, "column \"%s\" has %d levels, too many for a column each", task->name, f->nlevels);
		return env_hint(env, CORE_TOO_LARGE, "Set its option \"encode\" to \"target\", or \"max_levels\" to at most %d.", TRANSFORM_MAX_DUMMIES);
	}
	f->ncodes = f->nterms;
	if (!size_multiply((size_t) CODE_ROWS(f), (size_t) f->ncodes, &cells))
		return env_fail(env, CORE_TOO_LARGE, "column \"%s\" has too many levels", task->name);
	CORE_ALLOC(env, f->codes, cells);
	switch (f->encode)
	{
		case ENCODE_TARGET:
			CORE_TRY(learn_target_codes(task->context, f, task->options, task->group, missing_as(task)));
			break;
		case ENCODE_ORDINAL:
			fill_ordinal(task);
			complete_codes(task);
			break;
		case ENCODE_CODE:
			for (int row = 0; row < CODE_ROWS(f); row++)
				f->codes[row] = row < f->nlevels ? row : f->nlevels;
			f->codes[ROW_MISSING(f)] = task->imputed >= 0 ? f->codes[task->row[task->imputed]] : NAN;
			break;
		default:
			fill_dummies(f);
			complete_codes(task);
			break;
	}
	return CORE_OK;
}

/* Levels that occur in training rows, missing included where it is told apart. */
static int
levels_in_use(const LevelTask *task)
{
	const FeatureTransform *f = task->f;
	int			used = f->has_other + (f->encode == ENCODE_CODE ? task->count[task->n] > 0 : f->has_missing);

	for (int i = 0; i < task->n; i++)
		used += task->kept[i] && task->count[i] > 0;
	return used;
}

/* Dictionary codes to level rows, for transform_block. */
static CoreStatus
map_dictionary(LevelTask *task)
{
	FeatureTransform *f = task->f;
	const Column *column = &task->context->data->columns[f->feature];

	CORE_ALLOC(task->context->env, f->code_map, (size_t) column->nlevels);
	for (int code = 0; code < column->nlevels; code++)
	{
		if (code % POLL_ROWS == 0)
			env_poll(task->context->env);
		f->code_map[code] = transform_level(f, column->levels[code], column->level_lengths[code]);
	}
	return CORE_OK;
}

static void
release_task(LevelTask *task)
{
	CoreEnv    *env = task->context->env;

	env_release(env, task->text);
	env_release(env, task->length);
	env_release(env, task->count);
	env_release(env, task->kept);
	env_release(env, task->row);
	env_release(env, task->group);
	env_release(env, task->weight);
}

static CoreStatus
drop_levels(LevelTask *task)
{
	if (task->f->parts != 0)
		learn_note_constant(task->context, "%s.%s", task->name, time_part_name((TimePart) task->f->parts));
	else
		learn_note_constant(task->context, "%s", task->name);
	release_task(task);
	learn_drop_feature(task->context);
	return CORE_OK;
}

CoreStatus
learn_levels(LearnContext *context, FeatureTransform *f, const FeatureOptions *options, bool want_indicator)
{
	const Feature *feature = &context->data->schema.features[f->feature];
	LevelTask	task = {.context = context, .f = f, .options = options, .name = feature->name};

	CORE_TRY(f->parts != 0 ? collect_parts(&task) : collect_dictionary(&task));
	count_candidates(&task);
	CORE_TRY(impute_level(&task));
	f->impute = options->impute == IMPUTE_AUTO ? IMPUTE_NONE : options->impute;
	CORE_TRY(choose_encoding(&task));
	choose_missing(&task, want_indicator);
	if (levels_in_use(&task) < 2)
	{
		if (!f->indicator)
			return drop_levels(&task);
		/* only whether it is missing varies: reference coding then has no other column */
		memset(task.kept, 0, (size_t) task.n * sizeof(*task.kept));
		f->nlevels = 0;
		f->encode = ENCODE_REFERENCE;
		f->has_other = true;
		f->has_missing = false;
	}
	CORE_TRY(store_levels(&task));
	CORE_TRY(weigh_levels(&task));
	f->nterms = transform_expected_terms(f, feature);
	if (f->encode == ENCODE_TARGET)
		f->nterms = (context->input->nclasses > 2 ? context->input->nclasses - 1 : 1) + f->indicator;
	CORE_TRY(fill_codes(&task));
	if (f->parts == 0)
		CORE_TRY(map_dictionary(&task));
	release_task(&task);
	return CORE_OK;
}
