/*
 * rows.c: data sets made in memory; see rows.h.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "rows.h"

void
rows_init(Rows *rows, CoreEnv *env, int64_t nrows)
{
	memset(rows, 0, sizeof(*rows));
	rows->env = env;
	rows->data.nrows = nrows;
	rows->data.ntrain = nrows;
	rows->data.schema.features = rows->features;
	rows->data.columns = rows->columns;
	rows->data.target = env_alloc(env, (size_t) nrows, sizeof(double));
	rows->data.hash = env_alloc(env, (size_t) nrows, sizeof(uint64_t));
	for (int64_t i = 0; i < nrows; i++)
		rows->data.hash[i] = hash_row_final(hash_row_add(hash_row_init(), hash_int64(i)));
}

int
rows_add(Rows *rows, const char *name, FeatureKind kind, ColumnStorage storage, int width)
{
	int			index = rows->data.schema.count++;
	Feature    *feature = &rows->features[index];
	Column	   *column = &rows->columns[index];

	assert_true(index < ROWS_MAX_COLUMNS);
	feature->name = env_strdup(rows->env, name);
	feature->kind = kind;
	feature->width = width;
	column->feature = feature;
	column->storage = storage;
	column->values = env_alloc(rows->env, (size_t) (rows->data.nrows * width), storage_size(storage));
	return index;
}

int
rows_add_numbers(Rows *rows, const char *name, const double *values)
{
	int			index = rows_add(rows, name, FEATURE_NUMERIC, STORAGE_F64, 1);

	memcpy(rows->columns[index].values, values, (size_t) rows->data.nrows * sizeof(double));
	return index;
}

void
rows_set_null(Rows *rows, int column, int64_t row)
{
	Column	   *c = &rows->columns[column];

	if (c->nulls == NULL)
		c->nulls = env_alloc(rows->env, (size_t) (rows->data.nrows / 64 + 1), sizeof(uint64_t));
	c->nnulls += !column_is_null(c, row);
	c->nulls[row >> 6] |= UINT64_C(1) << (row & 63);
}

void
rows_put(Rows *rows, int column, int64_t row, int element, double value)
{
	Column	   *c = &rows->columns[column];
	int64_t		i = row * c->feature->width + element;

	switch (c->storage)
	{
		case STORAGE_I8:
			((int8_t *) c->values)[i] = (int8_t) value;
			break;
		case STORAGE_I16:
			((int16_t *) c->values)[i] = (int16_t) value;
			break;
		case STORAGE_I32:
			((int32_t *) c->values)[i] = (int32_t) value;
			break;
		case STORAGE_I64:
			((int64_t *) c->values)[i] = (int64_t) value;
			break;
		case STORAGE_F32:
			((float *) c->values)[i] = (float) value;
			break;
		case STORAGE_F64:
			((double *) c->values)[i] = value;
			break;
		case STORAGE_CODE:
			fail_msg("a code is not a number");
	}
}

int
rows_add_texts(Rows *rows, const char *name, const char *const *texts)
{
	int			index = rows_add(rows, name, FEATURE_CATEGORICAL, STORAGE_CODE, 1);
	Column	   *column = &rows->columns[index];
	int64_t		n = rows->data.nrows;

	column->levels = env_alloc(rows->env, (size_t) n, sizeof(char *));
	column->level_lengths = env_alloc(rows->env, (size_t) n, sizeof(int));
	for (int64_t i = 0; i < n; i++)
	{
		int			at = 0;

		if (texts[i] == NULL)
			continue;
		while (at < column->nlevels && strcmp(column->levels[at], texts[i]) < 0)
			at++;
		if (at < column->nlevels && strcmp(column->levels[at], texts[i]) == 0)
			continue;
		memmove(column->levels + at + 1, column->levels + at, (size_t) (column->nlevels - at) * sizeof(char *));
		column->levels[at] = env_strdup(rows->env, texts[i]);
		column->nlevels++;
	}
	for (int k = 0; k < column->nlevels; k++)
		column->level_lengths[k] = (int) strlen(column->levels[k]);
	for (int64_t i = 0; i < n; i++)
	{
		if (texts[i] == NULL)
		{
			rows_set_null(rows, index, i);
			continue;
		}
		for (int k = 0; k < column->nlevels; k++)
		{
			if (strcmp(column->levels[k], texts[i]) == 0)
				((uint32_t *) column->values)[i] = (uint32_t) k;
		}
	}
	return index;
}

Transform *
rows_learn(Rows *rows, const FeatureOptions *options, TransformProfile profile, int nclasses)
{
	TransformInput input = {options, profile, nclasses > 0, nclasses, 42};
	Transform  *transform = NULL;

	assert_ok(rows->env, transform_learn(rows->env, &rows->data, &input, &transform));
	assert_ok(rows->env, transform_validate(rows->env, transform, &rows->data.schema));
	return transform;
}

double *
rows_terms(Rows *rows, const Transform *transform, bool training)
{
	size_t		ld = (size_t) rows->data.nrows;
	double	   *x = env_alloc(rows->env, ld * (size_t) transform->nterms, sizeof(double));

	transform_block(transform, &rows->data, 0, (int) rows->data.nrows, training, x, ld);
	return x;
}

int
rows_term(const Transform *transform, const char *name)
{
	for (int i = 0; i < transform->nterms; i++)
	{
		if (strcmp(transform->terms[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* One row as scoring sees it. */
static void
row_values(const Rows *rows, int64_t row, double *scratch, FeatureValue *values)
{
	for (int i = 0; i < rows->data.schema.count; i++)
	{
		column_value(&rows->columns[i], row, scratch, &values[i]);
		scratch += rows->columns[i].feature->width;
	}
}

/* Every row by transform_row has the bits that transform_block gave. */
void
rows_assert_paths_agree(Rows *rows, const Transform *transform)
{
	double	   *block = rows_terms(rows, transform, false);
	double	   *one = env_alloc(rows->env, (size_t) transform->nterms, sizeof(double));
	double	   *scratch = env_alloc(rows->env, 4096, sizeof(double));
	FeatureValue values[ROWS_MAX_COLUMNS];

	for (int64_t row = 0; row < rows->data.nrows; row++)
	{
		row_values(rows, row, scratch, values);
		transform_row(transform, values, one);
		for (int term = 0; term < transform->nterms; term++)
		{
			const double *other = &block[(int64_t) term * rows->data.nrows + row];

			if (memcmp(&one[term], other, sizeof(double)) != 0 && !(isnan(one[term]) && isnan(*other)))
				fail_msg("row %lld, term %s: %.17g and %.17g", (long long) row, transform->terms[term].name, one[term], *other);
		}
	}
}

/* Terms of one row of raw values. */
double
rows_score_term(const Transform *transform, const FeatureValue *values, const char *name)
{
	double		x[64];
	int			term = rows_term(transform, name);

	assert_true(term >= 0 && transform->nterms <= 64);
	transform_row(transform, values, x);
	return x[term];
}
