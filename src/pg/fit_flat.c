/*
 * fit_flat.c
 *	  A fit job as flat bytes and shared arrays; see fit_flat.h.
 *
 * One traversal serves both directions, so that they cannot disagree: flat_copy
 * and flat_rows either append what a pointer points to and leave the pointer
 * alone, or take the next piece and set the pointer.  A pointer that was NULL
 * stays NULL; its old value, copied with its structure, tells.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "pg/fit_flat.h"
#include "pg/shared_segment.h"

#define FLAT_ALIGNMENT 8

/* A pointer that is added to one of these needs a line in the traversal below. */
#if SIZEOF_VOID_P == 8
StaticAssertDecl(sizeof(FeatureTransform) == 192, "flat_transform_feature must know every pointer of FeatureTransform");
StaticAssertDecl(sizeof(Transform) == 32 && sizeof(Term) == 24, "flat_transform must know every pointer of Transform and Term");
StaticAssertDecl(sizeof(Dataset) == 80 && sizeof(Column) == 64, "flat_dataset must know every pointer of Dataset and Column");
StaticAssertDecl(sizeof(ParamValue) == 48, "flat_params must know every pointer of ParamValue");
StaticAssertDecl(sizeof(FitInput) == 56 && sizeof(FitJob) == 120, "flat_job must know every pointer of FitInput and FitJob");
#endif

typedef struct Flat
{
	CoreEnv    *env;
	char	   *from;			/* reading: next piece; NULL when writing */
	char	   *start;
	char	   *const *addresses;	/* reading: of the segments */
	StringInfoData to;			/* writing */
	FlatFit    *fit;			/* writing: segments met so far */
	SharedArena *arena;
	PiecedArray *pieced;		/* reading */
	bool		failed;
} Flat;

/* Where a piece of a row array lies. */
typedef struct RowPiece
{
	int32		segment;
	Size		offset;
} RowPiece;

/* Followed by its pieces. */
typedef struct RowArray
{
	int64		piece_rows;
	int32		npieces;
} RowArray;

static void
flat_align(Flat *flat)
{
	if (flat->from != NULL)
		flat->from = flat->start + TYPEALIGN(FLAT_ALIGNMENT, flat->from - flat->start);
	else
	{
		while (flat->to.len % FLAT_ALIGNMENT != 0)
			appendStringInfoCharMacro(&flat->to, '\0');
	}
}

/* A piece of `size` bytes that *pointer points to.  `own`: the reader needs a copy that it may change. */
static void
flat_copy(Flat *flat, void *pointer_to_pointer, Size size, bool own)
{
	void	  **pointer = pointer_to_pointer;

	if (*pointer == NULL)
		return;
	flat_align(flat);
	if (flat->from == NULL)
	{
		appendBinaryStringInfo(&flat->to, *pointer, size);
		return;
	}
	if (own)
	{
		*pointer = env_alloc(flat->env, size, 1);
		memcpy(*pointer, flat->from, size);
	}
	else
		*pointer = flat->from;
	flat->from += size;
}

static void
flat_string(Flat *flat, char **pointer)
{
	Size		size;

	if (*pointer == NULL)
		return;
	flat_align(flat);
	size = strlen(flat->from == NULL ? *pointer : flat->from) + 1;
	flat_copy(flat, pointer, size, false);
}

static void
flat_strings(Flat *flat, char ***pointer, int count)
{
	if (*pointer == NULL)
		return;
	flat_copy(flat, pointer, sizeof(char *) * count, true);
	for (int i = 0; i < count; i++)
		flat_string(flat, &(*pointer)[i]);
}

static int
flat_segment(FlatFit *fit, dsm_handle handle)
{
	for (int i = 0; i < fit->nsegments; i++)
	{
		if (fit->segments[i] == handle)
			return i;
	}
	if (fit->nsegments == FLAT_MAX_SEGMENTS)
		return -1;
	fit->segments[fit->nsegments] = handle;
	return fit->nsegments++;
}

/* Puts bytes where workers can read them. */
static bool
share_piece(Flat *flat, const char *bytes, Size size, RowPiece *place)
{
	dsm_handle	handle;

	if (!shared_arena_locate(bytes, size, &handle, &place->offset))
	{
		char	   *copy = shared_arena_alloc(flat->arena, size);

		if (copy == NULL)
			return false;
		env_copy(flat->env, copy, bytes, size);
		(void) shared_arena_locate(copy, size, &handle, &place->offset);
	}
	place->segment = flat_segment(flat->fit, handle);
	return place->segment >= 0;
}

static void
write_rows(Flat *flat, const char *rows, int64 nrows, Size row_bytes)
{
	RowArray	array;
	RowArray   *pointer = &array;

	array.piece_rows = nrows;
	if ((Size) nrows * row_bytes > SHARED_SEGMENT_MAX)
		array.piece_rows = Max(SHARED_SEGMENT_BYTES / row_bytes / BLOCK_ROWS, 1) * BLOCK_ROWS;
	array.npieces = (int32) ((nrows + array.piece_rows - 1) / array.piece_rows);
	flat_copy(flat, &pointer, sizeof(RowArray), false);
	for (int i = 0; i < array.npieces && !flat->failed; i++)
	{
		RowPiece	piece = {0, 0};
		RowPiece   *place = &piece;
		int64		first = i * array.piece_rows;

		CHECK_FOR_INTERRUPTS();
		flat->failed = !share_piece(flat, rows + (Size) first * row_bytes,
									(Size) Min(array.piece_rows, nrows - first) * row_bytes, &piece);
		flat_copy(flat, &place, sizeof(RowPiece), false);
	}
}

static void
read_rows(Flat *flat, char **rows, Size row_bytes)
{
	RowArray	none;
	RowArray   *array = &none;
	PiecedArray *pieced;

	flat_copy(flat, &array, sizeof(RowArray), false);
	pieced = env_alloc(flat->env, 1, sizeof(PiecedArray));
	pieced->pieces = env_alloc(flat->env, (size_t) array->npieces, sizeof(char *));
	pieced->npieces = array->npieces;
	pieced->piece_rows = array->piece_rows;
	pieced->row_bytes = row_bytes;
	pieced->pointer = rows;
	for (int i = 0; i < array->npieces; i++)
	{
		RowPiece	nowhere;
		RowPiece   *place = &nowhere;

		flat_copy(flat, &place, sizeof(RowPiece), false);
		pieced->pieces[i] = flat->addresses[place->segment] + place->offset;
	}
	*rows = pieced->pieces[0];
	if (pieced->npieces > 1)
	{
		pieced->next = flat->pieced;
		flat->pieced = pieced;
	}
}

/* An array with an entry of row_bytes for each row. */
static void
flat_rows(Flat *flat, void *pointer_to_pointer, int64 nrows, Size row_bytes)
{
	char	  **pointer = pointer_to_pointer;

	if (*pointer == NULL || flat->failed)
		return;
	if (flat->from == NULL)
		write_rows(flat, *pointer, nrows, row_bytes);
	else
		read_rows(flat, pointer, row_bytes);
}

void
fit_select_pieces(PiecedArray *pieced, int64 first)
{
	for (; pieced != NULL; pieced = pieced->next)
	{
		int64		piece = first / pieced->piece_rows;

		/* an address that row numbers of the whole array can be added to */
		*pieced->pointer = (char *) ((uintptr_t) pieced->pieces[piece] -
									 (uintptr_t) piece * pieced->piece_rows * pieced->row_bytes);
	}
}

static void
flat_transform_feature(Flat *flat, FeatureTransform *f)
{
	Size		width = sizeof(double) * Max(f->width, 1);
	Size		codes = sizeof(double) * f->ncodes * ((Size) f->nlevels + 3);

	flat_copy(flat, &f->impute_value, width, false);
	flat_copy(flat, &f->low, width, false);
	flat_copy(flat, &f->high, width, false);
	flat_copy(flat, &f->center, width, false);
	flat_copy(flat, &f->spread, width, false);
	flat_copy(flat, &f->dropped, sizeof(bool) * Max(f->width, 1), false);
	flat_copy(flat, &f->edges, sizeof(double) * f->nedges, false);
	flat_strings(flat, &f->levels, f->nlevels);
	flat_copy(flat, &f->level_lengths, sizeof(int) * f->nlevels, false);
	flat_copy(flat, &f->codes, codes, false);
	flat_copy(flat, &f->fold_codes, codes * f->nfolds, false);
}

static void
flat_transform(Flat *flat, Transform **transform, const Dataset *data)
{
	Transform  *t;

	flat_copy(flat, transform, sizeof(Transform), true);
	t = *transform;
	flat_copy(flat, &t->features, sizeof(FeatureTransform) * t->nfeatures, true);
	flat_copy(flat, &t->terms, sizeof(Term) * t->nterms, true);
	for (int k = 0; k < t->nfeatures; k++)
	{
		FeatureTransform *f = &t->features[k];

		flat_transform_feature(flat, f);
		flat_copy(flat, &f->code_map, sizeof(int) * data->columns[f->feature].nlevels, false);
	}
	for (int i = 0; i < t->nterms; i++)
		flat_string(flat, &t->terms[i].name);
}

static bool
is_read(const Transform *transform, int feature)
{
	for (int k = 0; k < transform->nfeatures; k++)
	{
		if (transform->features[k].feature == feature || transform->features[k].reference == feature)
			return true;
	}
	return false;
}

/* Columns without their dictionaries; values only of those that the transform reads. */
static void
flat_dataset(Flat *flat, Dataset **dataset, Transform **transform)
{
	Dataset    *data;

	flat_copy(flat, dataset, sizeof(Dataset), true);
	data = *dataset;
	flat_copy(flat, &data->schema.features, sizeof(Feature) * data->schema.count, true);
	flat_copy(flat, &data->columns, sizeof(Column) * data->schema.count, true);
	flat_transform(flat, transform, data);
	for (int c = 0; c < data->schema.count; c++)
	{
		Column	   *column = &data->columns[c];
		if (flat->from != NULL)
		{
			column->feature = &data->schema.features[c];
			column->levels = NULL;
			column->level_lengths = NULL;
		}
		if (!is_read(*transform, c))
			continue;
		flat_rows(flat, &column->values, data->nrows, data->schema.features[c].width * storage_size(column->storage));
		/* one piece, whatever the number of rows: 2^31 bits */
		flat_rows(flat, &column->nulls, (data->nrows + 63) / 64, sizeof(uint64));
	}
	flat_rows(flat, &data->target, data->nrows, sizeof(double));
	flat_rows(flat, &data->weight, data->nrows, sizeof(double));
	flat_rows(flat, &data->offset, data->nrows, sizeof(double));
	flat_rows(flat, &data->hash, data->nrows, sizeof(uint64));
	flat_rows(flat, &data->group, data->nrows, sizeof(uint64));
}

static void
flat_params(Flat *flat, ParamSet **params)
{
	ParamSet   *set;

	flat_copy(flat, params, sizeof(ParamSet), true);
	set = *params;
	flat_copy(flat, &set->values, sizeof(ParamValue) * set->count, true);
	for (int i = 0; i < set->count; i++)
	{
		flat_string(flat, &set->values[i].text);
		flat_strings(flat, &set->values[i].names, set->values[i].list_length);
		flat_copy(flat, &set->values[i].list, sizeof(double) * set->values[i].list_length, false);
	}
}

static void
flat_job(Flat *flat, FitJob **job)
{
	FitJob	   *j;
	FitInput   *input;

	flat_copy(flat, job, sizeof(FitJob), true);
	j = *job;
	j->moments = NULL;			/* its place is told apart */
	input = &j->input;
	flat_params(flat, (ParamSet **) &input->params);
	flat_strings(flat, &input->classes, input->nclasses);
	flat_dataset(flat, (Dataset **) &j->data, &j->transform);
	input->terms = j->transform->terms;
	flat_rows(flat, &j->target, j->nrows, sizeof(double));
	flat_rows(flat, &j->weight, j->nrows, sizeof(double));
}

void
fit_row_arrays(const FitJob *job, FitRowArray *arrays)
{
	const Dataset *data = job->data;
	const FitRowArray all[FIT_ROW_ARRAYS] = {
		{job->target, job->nrows}, {job->weight, job->nrows},
		{data->target, data->nrows}, {data->weight, data->nrows}, {data->offset, data->nrows},
		{data->hash, data->nrows}, {data->group, data->nrows}
	};

	memcpy(arrays, all, sizeof(all));
}

bool
fit_flatten(CoreEnv *env, const FitJob *job, SharedArena *arena, FlatFit *fit)
{
	Flat		flat = {0};
	FitJob		copy = *job;
	FitJob	   *pointer = &copy;
	char	   *name = (char *) job->algorithm->name;

	memset(fit, 0, sizeof(*fit));
	flat.env = env;
	initStringInfo(&flat.to);
	flat.fit = fit;
	flat.arena = arena;
	flat_string(&flat, &name);
	flat_job(&flat, &pointer);
	fit->bytes = flat.to.data;
	fit->length = (Size) flat.to.len;
	return !flat.failed;
}

FitJob *
fit_unflatten(CoreEnv *env, char *bytes, char *const *addresses, PiecedArray **pieced)
{
	Flat		flat = {0};
	FitJob	   *job = (FitJob *) bytes;	/* not NULL: set by flat_copy */
	char	   *name = bytes;

	flat.env = env;
	flat.start = flat.from = bytes;
	flat.addresses = addresses;
	flat_string(&flat, &name);
	flat_job(&flat, &job);
	*pieced = flat.pieced;
	job->algorithm = algorithm_find(name);
	if (job->algorithm == NULL)
		elog(ERROR, "algorithm \"%s\" is not known to this process", name);
	((ParamSet *) job->input.params)->specs = job->algorithm->params;
	((ParamSet *) job->input.params)->owner = job->algorithm->name;
	return job;
}
