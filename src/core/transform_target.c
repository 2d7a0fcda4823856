/*
 * transform_target.c
 *	  Smoothed target encoding, out of fold on training rows.
 *
 * The code of a level with weight W and target sum S is (S + m p) / (W + m): a
 * weighted mean of the level's mean and the overall mean p, with m rows of
 * average weight for the latter (Micci-Barreca, "A preprocessing scheme for
 * high-cardinality categorical attributes", 2001).  Binary and regression: one
 * column, the mean of the target; K classes: the shares of classes 1 .. K-1.
 *
 * A training row is encoded from the rows of other folds alone, overall mean
 * included, so its own target never reaches it: a category without information
 * then has no correlation with the target.  Folds are by row hash (by
 * that of its group, where the split is by group), so equal rows share a fold.
 */
#include "core/transform_internal.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/hash.h"

#define FOLD_STREAM UINT64_C(0x746172676574)	/* apart from splits and samples of the same seed */

/* Sums of one level, or of all rows: columns 0 .. ncolumns-1 the target, column ncolumns the weight. */
typedef struct TargetTask
{
	LearnContext *context;
	FeatureTransform *f;
	int			ncolumns;
	double		prior_weight;
	ExactSum   *sums;			/* [folds x (ncolumns + 1)] of the level at hand */
	ExactSum   *totals;			/* the same of all rows */
	double	   *values;			/* [folds x (ncolumns + 1)] rounded sums */
	double	   *priors;			/* [(folds + 1) x ncolumns] overall means without fold k; last: of all rows */
} TargetTask;

static size_t
fold_of(const TargetTask *task, int64_t row)
{
	return (size_t) (hash_seeded(dataset_fold_hash(task->context->data)[row], task->f->fold_seed) % TRANSFORM_FOLDS);
}

static void
add_row(TargetTask *task, int64_t row)
{
	const LearnContext *context = task->context;
	ExactSum   *sums = task->sums + fold_of(task, row) * (size_t) (task->ncolumns + 1);
	double		weight = context->weight != NULL ? context->weight[row] : 1;
	double		y = context->data->target[row];

	exact_sum_add(&sums[task->ncolumns], weight);
	if (context->input->nclasses <= 2)
		exact_sum_add_product(&sums[0], weight, y);
	else if (y >= 1)
		exact_sum_add(&sums[(int) y - 1], weight);
}

/* Rounds sums[folds x columns] into task->values. */
static void
round_sums(TargetTask *task, const ExactSum *sums)
{
	for (int i = 0; i < TRANSFORM_FOLDS * (task->ncolumns + 1); i++)
		task->values[i] = exact_sum_value(&sums[i]);
}

/* Sum of a column over the folds but `without`, which may be none of them. */
static double
sum_of_folds(const TargetTask *task, int column, int without)
{
	double		sum = 0;

	for (int fold = 0; fold < TRANSFORM_FOLDS; fold++)
	{
		if (fold != without)
			sum += task->values[fold * (task->ncolumns + 1) + column];
	}
	return sum;
}

/* Overall means; a fold that holds every row has no others to learn from. */
static void
learn_priors(TargetTask *task)
{
	int			n = task->ncolumns;

	round_sums(task, task->totals);
	for (int fold = TRANSFORM_FOLDS; fold >= 0; fold--)
	{
		double		weight = sum_of_folds(task, n, fold);

		for (int column = 0; column < n; column++)
			task->priors[fold * n + column] = weight > 0 ? sum_of_folds(task, column, fold) / weight :
				task->priors[TRANSFORM_FOLDS * n + column];
	}
}

static double *
target_row(const TargetTask *task, int row, int fold)
{
	FeatureTransform *f = task->f;
	double	   *codes = fold == TRANSFORM_FOLDS ? f->codes :
		f->fold_codes + (size_t) fold * (size_t) CODE_ROWS(f) * (size_t) f->ncodes;

	return codes + (size_t) row * (size_t) f->ncodes;
}

/* Codes of one level row from task->values, for every fold and for all rows. */
static void
encode_level(TargetTask *task, int row)
{
	int			n = task->ncolumns;

	for (int fold = 0; fold <= TRANSFORM_FOLDS; fold++)
	{
		double		weight = sum_of_folds(task, n, fold);
		double	   *codes = target_row(task, row, fold);

		for (int column = 0; column < n; column++)
			codes[column] = (sum_of_folds(task, column, fold) + task->prior_weight * task->priors[fold * n + column]) /
				(weight + task->prior_weight);
	}
}

static void
sum_level(TargetTask *task, const RowGroups *groups, int level)
{
	for (int i = 0; i < TRANSFORM_FOLDS * (task->ncolumns + 1); i++)
		exact_sum_init(&task->sums[i]);
	for (int64_t i = groups->start[level]; i < groups->start[level + 1]; i++)
	{
		if (i % 4096 == 0)
			env_poll(task->context->env);
		add_row(task, groups->rows[i]);
	}
}

static void
copy_level(TargetTask *task, int from, int to)
{
	size_t		size = (size_t) task->f->ncodes * sizeof(double);

	for (int fold = 0; fold <= TRANSFORM_FOLDS; fold++)
		memcpy(target_row(task, to, fold), target_row(task, from, fold), size);
}

static CoreStatus
check_finite(const TargetTask *task)
{
	const FeatureTransform *f = task->f;
	size_t		cells = (size_t) CODE_ROWS(f) * (size_t) f->ncodes;

	for (size_t i = 0; i < cells; i++)
	{
		if (!isfinite(f->codes[i]))
			return env_fail(task->context->env, CORE_NUMERIC, "sums of the target are beyond double precision");
	}
	return CORE_OK;
}

static CoreStatus
alloc_task(TargetTask *task)
{
	CoreEnv    *env = task->context->env;
	FeatureTransform *f = task->f;
	size_t		width = (size_t) task->ncolumns + 1;
	size_t		cells;

	CORE_ALLOC(env, task->sums, TRANSFORM_FOLDS * width);
	CORE_ALLOC(env, task->totals, TRANSFORM_FOLDS * width);
	CORE_ALLOC(env, task->values, TRANSFORM_FOLDS * width);
	CORE_ALLOC(env, task->priors, (TRANSFORM_FOLDS + 1) * width);
	if (!size_multiply((size_t) CODE_ROWS(f) * TRANSFORM_FOLDS, (size_t) f->ncodes, &cells))
		return env_fail(env, CORE_TOO_LARGE, "too many levels to encode by the target");
	CORE_ALLOC(env, f->fold_codes, cells);
	return CORE_OK;
}

static void
release_task(TargetTask *task)
{
	CoreEnv    *env = task->context->env;

	env_release(env, task->sums);
	env_release(env, task->totals);
	env_release(env, task->values);
	env_release(env, task->priors);
}

/* Level rows without training rows of their own. */
static void
complete_rows(TargetTask *task, int missing_as)
{
	FeatureTransform *f = task->f;

	if (f->has_other)
		copy_level(task, ROW_OTHER(f), ROW_UNSEEN(f));
	else
	{
		/* no weight at all: the overall mean */
		memset(task->values, 0, (size_t) TRANSFORM_FOLDS * (size_t) (task->ncolumns + 1) * sizeof(double));
		encode_level(task, ROW_UNSEEN(f));
		copy_level(task, ROW_UNSEEN(f), ROW_OTHER(f));
	}
	if (missing_as != ROW_MISSING(f))
		copy_level(task, missing_as, ROW_MISSING(f));
	if (f->indicator)
	{
		for (int fold = 0; fold <= TRANSFORM_FOLDS; fold++)
			target_row(task, ROW_MISSING(f), fold)[f->ncodes - 1] = 1;
	}
}

CoreStatus
learn_target_codes(LearnContext *context, FeatureTransform *f, const FeatureOptions *options, const int32_t *group, int missing_as)
{
	CoreEnv    *env = context->env;
	double		smoothing = options->smoothing > 0 ? options->smoothing : TRANSFORM_SMOOTHING;
	TargetTask	task = {
		.context = context,
		.f = f,
		.ncolumns = transform_level_columns(f),
		.prior_weight = smoothing * context->total_weight / (double) context->positive_rows
	};
	RowGroups	groups;

	f->nfolds = TRANSFORM_FOLDS;
	f->fold_seed = context->input->seed + FOLD_STREAM;
	CORE_TRY(alloc_task(&task));
	CORE_TRY(row_groups_make(env, group, context->data->ntrain, CODE_ROWS(f), &groups));

	/* one pass for the overall means, one for the codes: sums of one level at a time keep memory small */
	for (int level = 0; level < CODE_ROWS(f); level++)
	{
		sum_level(&task, &groups, level);
		for (int i = 0; i < TRANSFORM_FOLDS * (task.ncolumns + 1); i++)
			exact_sum_merge(&task.totals[i], &task.sums[i]);
	}
	learn_priors(&task);
	for (int level = 0; level < CODE_ROWS(f); level++)
	{
		sum_level(&task, &groups, level);
		round_sums(&task, task.sums);
		encode_level(&task, level);
	}
	complete_rows(&task, missing_as);
	row_groups_release(env, &groups);
	CORE_TRY(check_finite(&task));
	release_task(&task);
	return CORE_OK;
}
