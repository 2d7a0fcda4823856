/*
 * folds.c
 *	  Parts of the training rows that take turns at being left out; see folds.h.
 *
 * A fit without a fold is a fit in which its rows have weight zero: the data
 * set is read, ordered and kept once, whatever the number of folds.  Folds
 * follow from hashes of keys or groups and the seed, so rows of one key stay
 * together and physical order does not matter.  The seeds are not those of the
 * inner folds that calibration and target encodings use: a fold left out
 * outside would otherwise be a fold missing inside.
 *
 * Cost: O(n log n) for folds by class and by time, O(n) for the others.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/hash.h"
#include "train/folds.h"

#define FOLD_STREAM UINT64CONST(0x666f6c6473)	/* added to the seed */
#define POLL_ROWS 65536

typedef struct FoldRow
{
	int32		class_index;
	uint64		place;			/* hash, or time with the sign bit turned */
	int64		row;
} FoldRow;

void
folds_by_hash(CoreEnv *env, const uint64 *hash, int64 nrows, int count, uint64 seed, Folds *folds)
{
	folds->count = count;
	folds->forward = false;
	folds->nrows = nrows;
	folds->of = env_alloc(env, nrows, sizeof(int32));
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		folds->of[i] = (int32) (hash_seeded(hash[i], seed) % (uint64) count);
	}
}

static int
compare_rows(const void *a, const void *b)
{
	const FoldRow *x = a;
	const FoldRow *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->class_index != y->class_index)
		return x->class_index < y->class_index ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static FoldRow *
sorted_rows(PgEnv *env, const DatasetResult *rows, bool by_time, uint64 seed)
{
	const Dataset *data = &rows->data;
	FoldRow    *sorted = env_alloc(&env->core, data->ntrain, sizeof(FoldRow));

	for (int64 i = 0; i < data->ntrain; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		sorted[i].row = i;
		sorted[i].class_index = by_time || rows->target.nclasses == 0 ? 0 : (int32) data->target[i];
		sorted[i].place = by_time ? (uint64) rows->split_values[i] ^ (UINT64CONST(1) << 63) :
			hash_seeded(data->hash[i], seed);
	}
	qsort(sorted, data->ntrain, sizeof(FoldRow), compare_rows);
	return sorted;
}

/* Cuts each class, in order of hashes, into `count` parts of nearly equal size; equal hashes stay together. */
static void
assign_stratified(PgEnv *env, const DatasetResult *rows, uint64 seed, Folds *folds)
{
	FoldRow    *sorted = sorted_rows(env, rows, false, seed);
	int64		n = folds->nrows;

	for (int64 start = 0, end; start < n; start = end)
	{
		end = start;
		while (end < n && sorted[end].class_index == sorted[start].class_index)
			end++;
		for (int64 i = start; i < end; i++)
			folds->of[sorted[i].row] = i > start && sorted[i].place == sorted[i - 1].place ?
				folds->of[sorted[i - 1].row] : (int32) ((i - start) * folds->count / (end - start));
	}
	env_release(&env->core, sorted);
}

/* The earliest rows in no fold, then parts of about equal size; rows of one time stay together. */
static void
assign_by_time(PgEnv *env, const DatasetResult *rows, double first_share, Folds *folds)
{
	FoldRow    *sorted = sorted_rows(env, rows, true, 0);
	int64		n = folds->nrows;
	double		part = (1 - first_share) / folds->count;

	folds->forward = true;
	for (int64 i = 0; i < n; i++)
	{
		double		position = (double) i / (double) n;
		int32		fold = position < first_share ? -1 : (int32) ((position - first_share) / part);

		if (i > 0 && sorted[i].place == sorted[i - 1].place)
			fold = folds->of[sorted[i - 1].row];
		folds->of[sorted[i].row] = Min(fold, folds->count - 1);
	}
	env_release(&env->core, sorted);
}

/* Is there a row in each fold, and one of each class to train on? */
static void
check_folds(PgEnv *env, const Folds *folds, const DatasetResult *rows)
{
	int			nclasses = Max(rows->target.nclasses, 1);

	for (int fold = 0; fold < folds->count; fold++)
	{
		int64	   *outside = env_alloc(&env->core, nclasses, sizeof(int64));
		int64		tested = 0;

		for (int64 i = 0; i < folds->nrows; i++)
		{
			int			class_index = rows->target.nclasses > 0 ? (int) rows->data.target[i] : 0;

			if (i % POLL_ROWS == 0)
				CHECK_FOR_INTERRUPTS();
			if (folds->of[i] == fold)
				tested++;
			else if (!folds->forward || folds->of[i] < fold)
				outside[class_index]++;
		}
		if (tested == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("fold %d of %d has no row", fold + 1, folds->count),
					 errhint("Use fewer folds: rows of one key, group or time stay together.")));
		for (int k = 0; k < nclasses; k++)
			if (outside[k] == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 rows->target.nclasses > 0
						 ? errmsg("without fold %d of %d there is no row of class \"%s\" to train on", fold + 1, folds->count,
								  rows->target.classes[rows->task == TASK_BINARY ?
													   (k == 1 ? rows->target.positive : 1 - rows->target.positive) : k])
						 : errmsg("without fold %d of %d there is no row to train on", fold + 1, folds->count),
						 errhint("Use fewer folds, or split => '\"stratified\"'.")));
		env_release(&env->core, outside);
	}
}

static void
folds_begin(PgEnv *env, const DatasetResult *rows, int count, Folds *folds)
{
	memset(folds, 0, sizeof(*folds));
	folds->count = count;
	folds->nrows = rows->data.ntrain;
}

void
folds_assign(PgEnv *env, const SplitSpec *split, const DatasetResult *rows, int count, uint64 seed, Folds *folds)
{
	const Dataset *data = &rows->data;

	seed += FOLD_STREAM;
	folds_begin(env, rows, count, folds);
	if (split->method == SPLIT_GROUP)
		folds_by_hash(&env->core, (const uint64 *) rows->split_values, data->ntrain, count, seed, folds);
	else if (split->method == SPLIT_STRATIFIED || split->method == SPLIT_TIME)
	{
		folds->of = env_alloc(&env->core, data->ntrain, sizeof(int32));
		if (split->method == SPLIT_TIME)
			assign_by_time(env, rows, 1.0 / (count + 1), folds);
		else
			assign_stratified(env, rows, seed, folds);
	}
	else
		folds_by_hash(&env->core, data->hash, data->ntrain, count, seed, folds);
	check_folds(env, folds, rows);
}

void
folds_holdout(PgEnv *env, const SplitSpec *split, const DatasetResult *rows, double share, uint64 seed, Folds *folds)
{
	const uint64 *hash = split->method == SPLIT_GROUP ? (const uint64 *) rows->split_values : rows->data.hash;

	folds_begin(env, rows, 1, folds);
	folds->of = env_alloc(&env->core, folds->nrows, sizeof(int32));
	if (split->method == SPLIT_TIME)
		assign_by_time(env, rows, 1 - share, folds);
	else
		for (int64 i = 0; i < folds->nrows; i++)
		{
			if (i % POLL_ROWS == 0)
				CHECK_FOR_INTERRUPTS();
			folds->of[i] = hash_uniform(hash[i], seed + FOLD_STREAM) < share ? 0 : -1;
		}
	check_folds(env, folds, rows);
}

void
folds_weights(const Folds *folds, const double *base, int fold, double *weight)
{
	for (int64 i = 0; i < folds->nrows; i++)
	{
		bool		trains = folds->forward ? folds->of[i] < fold : folds->of[i] != fold;

		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		weight[i] = !trains ? 0 : base != NULL ? base[i] : 1;
	}
}
