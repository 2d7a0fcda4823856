/*
 * fit_support.c: see fit_support.h.
 */
#include "fit_support.h"

#include "core/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
read_file(CoreEnv *env, const char *path)
{
	FILE	   *in = fopen(path, "rb");
	long		size;
	char	   *text;

	if (in == NULL)
		fail_msg("cannot open %s", path);
	fseek(in, 0, SEEK_END);
	size = ftell(in);
	rewind(in);
	text = env_alloc(env, (size_t) size + 1, 1);
	assert_int_equal(fread(text, 1, (size_t) size, in), size);
	fclose(in);
	return text;
}

/* Splits a line in place; returns the number of fields. */
static int
split_line(char *line, char **fields, int most)
{
	int			count = 0;

	for (;;)
	{
		char	   *comma = strchr(line, ',');

		assert_true(count < most);
		fields[count++] = line;
		if (comma == NULL)
			return count;
		*comma = '\0';
		line = comma + 1;
	}
}

Csv *
csv_read(CoreEnv *env, const char *path)
{
	Csv		   *csv = env_alloc(env, 1, sizeof(Csv));
	char	   *text = read_file(env, path);
	char	   *fields[512];
	int			lines = 0;
	char	   *line;

	for (char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	line = strtok(text, "\r\n");
	csv->columns = split_line(line, fields, 512);
	csv->header = env_alloc(env, (size_t) csv->columns, sizeof(char *));
	memcpy(csv->header, fields, (size_t) csv->columns * sizeof(char *));
	csv->fields = env_alloc(env, (size_t) lines * (size_t) csv->columns, sizeof(char *));
	while ((line = strtok(NULL, "\r\n")) != NULL)
	{
		assert_int_equal(split_line(line, fields, 512), csv->columns);
		memcpy(csv->fields + (size_t) csv->rows++ * (size_t) csv->columns, fields, (size_t) csv->columns * sizeof(char *));
	}
	return csv;
}

int
csv_column(const Csv *csv, const char *name)
{
	for (int i = 0; i < csv->columns; i++)
	{
		if (strcmp(csv->header[i], name) == 0)
			return i;
	}
	fail_msg("no column %s", name);
	return -1;
}

const char *
csv_field(const Csv *csv, int row, int column)
{
	return csv->fields[(size_t) row * (size_t) csv->columns + (size_t) column];
}

double
csv_number(const Csv *csv, int row, int column)
{
	const char *field = csv_field(csv, row, column);

	return *field == '\0' || strcmp(field, "NA") == 0 ? NAN : strtod(field, NULL);
}

FitData *
fit_data_create(CoreEnv *env, const Algorithm *algorithm, Task task, int64_t n, int nterms)
{
	FitData    *data = env_alloc(env, 1, sizeof(FitData));

	data->algorithm = algorithm;
	data->task = task;
	data->n = n;
	data->nterms = nterms;
	data->block_rows = BLOCK_ROWS;
	data->terms = env_alloc(env, (size_t) nterms, sizeof(Term));
	for (int j = 0; j < nterms; j++)
	{
		data->terms[j].name = env_sprintf(env, "x%d", j + 1);
		data->terms[j].feature = j;
	}
	data->x = env_alloc(env, (size_t) n * (size_t) nterms, sizeof(double));
	data->y = env_alloc(env, (size_t) n, sizeof(double));
	data->hash = env_alloc(env, (size_t) n, sizeof(uint64_t));
	for (int64_t i = 0; i < n; i++)
		data->hash[i] = hash_int64(i);
	assert_ok(env, params_init(env, &data->params, algorithm->name, algorithm->params));
	if (task == TASK_BINARY)
		fit_data_classes(env, data, 2);
	return data;
}

void
fit_data_classes(CoreEnv *env, FitData *data, int nclasses)
{
	data->nclasses = nclasses;
	data->classes = env_alloc(env, (size_t) nclasses, sizeof(char *));
	for (int k = 0; k < nclasses; k++)
		data->classes[k] = env_sprintf(env, "c%d", k);
}

static double *
copy_doubles(CoreEnv *env, const double *source, size_t count)
{
	double	   *copy;

	if (source == NULL)
		return NULL;
	copy = env_alloc(env, count, sizeof(double));
	memcpy(copy, source, count * sizeof(double));
	return copy;
}

FitData *
fit_data_copy(CoreEnv *env, const FitData *data)
{
	FitData    *copy = env_alloc(env, 1, sizeof(FitData));
	size_t		n = (size_t) data->n;

	*copy = *data;
	copy->x = copy_doubles(env, data->x, n * (size_t) data->nterms);
	copy->y = copy_doubles(env, data->y, n);
	copy->w = copy_doubles(env, data->w, n);
	copy->offset = copy_doubles(env, data->offset, n);
	copy->params.values = env_alloc(env, (size_t) data->params.count, sizeof(ParamValue));
	memcpy(copy->params.values, data->params.values, (size_t) data->params.count * sizeof(ParamValue));
	return copy;
}

void
fit_data_add_column(CoreEnv *env, FitData *data, const char *name, const double *values)
{
	size_t		n = (size_t) data->n;
	size_t		p = (size_t) data->nterms;
	double	   *x = env_alloc(env, n * (p + 1), sizeof(double));
	Term	   *terms = env_alloc(env, p + 1, sizeof(Term));

	memcpy(x, data->x, n * p * sizeof(double));
	memcpy(x + n * p, values, n * sizeof(double));
	memcpy(terms, data->terms, p * sizeof(Term));
	terms[p].name = env_strdup(env, name);
	terms[p].feature = (int) p;
	data->x = x;
	data->terms = terms;
	data->nterms++;
}

int
csv_complete_rows(CoreEnv *env, const Csv *csv, int **rows)
{
	int			count = 0;

	*rows = env_alloc(env, (size_t) csv->rows, sizeof(int));
	for (int i = 0; i < csv->rows; i++)
	{
		bool		complete = true;

		for (int j = 0; j < csv->columns; j++)
			complete = complete && *csv_field(csv, i, j) != '\0';
		if (complete)
			(*rows)[count++] = i;
	}
	return count;
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
fit_data_add_csv(CoreEnv *env, FitData *data, const Csv *csv, const char *name, const int *rows)
{
	int			column = csv_column(csv, name);
	size_t		n = (size_t) data->n;
	double	   *values = env_alloc(env, n, sizeof(double));
	const char **levels = env_alloc(env, n, sizeof(char *));
	bool		numeric = true;

	for (size_t i = 0; i < n; i++)
	{
		char	   *end;

		levels[i] = csv_field(csv, rows[i], column);
		values[i] = strtod(levels[i], &end);
		numeric = numeric && *end == '\0' && end != levels[i];
	}
	if (numeric)
	{
		fit_data_add_column(env, data, name, values);
		return;
	}
	qsort(levels, n, sizeof(char *), compare_text);
	for (size_t l = 1; l < n; l++)
	{
		if (strcmp(levels[l], levels[l - 1]) == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			values[i] = strcmp(csv_field(csv, rows[i], column), levels[l]) == 0;
		fit_data_add_column(env, data, env_sprintf(env, "%s=%s", name, levels[l]), values);
	}
}

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	FitData    *data = context;
	int64_t		first = index * data->block_rows;

	(void) env;
	data->blocks_read++;
	block->nrows = (int) (data->n - first < data->block_rows ? data->n - first : data->block_rows);
	block->nterms = data->nterms;
	block->x = data->x + first;
	block->ld = (size_t) data->n;
	block->y = data->y + first;
	block->w = data->w != NULL ? data->w + first : NULL;
	block->offset = data->offset != NULL ? data->offset + first : NULL;
	block->hash = data->hash + first;
	return CORE_OK;
}

/* As fit_serial, but each pass joins two subtrees that were computed apart. */
static CoreStatus
fit_in_ranges(CoreEnv *env, const FitPlan *plan, FitData *data, int64_t nblocks, void *iterate)
{
	void	   *left = env_alloc(env, 1, plan->state_size);
	void	   *right = env_alloc(env, 1, plan->state_size);
	bool		done = false;

	memset(iterate, 0, plan->iterate_size);
	CORE_TRY(plan->algorithm->start(env, plan, iterate));
	while (!done)
	{
		int64_t		count = plan->algorithm->pass_blocks != NULL ? plan->algorithm->pass_blocks(plan, iterate, nblocks) : nblocks;
		int64_t		half = count / 2;

		CORE_TRY(fit_merge_range(env, plan, iterate, read_block, data, 0, half, left));
		CORE_TRY(fit_merge_range(env, plan, iterate, read_block, data, half, count - half, right));
		CORE_TRY(plan->algorithm->merge(env, plan, left, right));
		CORE_TRY(plan->algorithm->step(env, plan, iterate, left, &done));
		assert_true(++data->passes <= plan->max_passes);
	}
	return CORE_OK;
}

void
fit_data_count_classes(CoreEnv *env, FitData *data, const Csv *csv)
{
	data->w = env_alloc(env, (size_t) csv->rows, sizeof(double));
	for (int i = 0; i < csv->rows; i++)
	{
		double		count = csv_number(csv, i, csv_column(csv, "counts"));

		data->y[i] = count == 0 ? 0 : count < 3 ? 1 : 2;
		data->w[i] = csv_number(csv, i, csv_column(csv, "w"));
	}
	fit_data_classes(env, data, 3);
}

CoreStatus
fit_data_fit(CoreEnv *env, FitData *data, Model **result)
{
	FitInput	input = {
		.params = &data->params, .task = data->task, .nterms = data->nterms, .terms = data->terms,
		.nclasses = data->nclasses, .classes = data->classes, .nrows = data->n, .seed = 42
	};
	FitPlan		plan = {.algorithm = data->algorithm, .input = input};
	int64_t		nblocks = (data->n + data->block_rows - 1) / data->block_rows;
	Model	   *model;
	void	   *iterate;

	data->passes = 0;
	data->blocks_read = 0;
	CORE_TRY(data->algorithm->begin(env, &input, &plan));
	assert_true(plan.state_size % 64 == 0 && plan.iterate_size % 64 == 0);
	iterate = env_alloc(env, 1, plan.iterate_size);
	if (iterate == NULL)
		return CORE_NO_MEMORY;
	CORE_TRY(data->shuffle_tree ? fit_in_ranges(env, &plan, data, nblocks, iterate) :
			 fit_serial(env, &plan, read_block, data, nblocks, iterate));

	CORE_ALLOC(env, model, 1);
	model->algorithm = data->algorithm;
	model->task = data->task;
	CORE_TRY(params_copy(env, &data->params, &model->params));
	model->target.nclasses = data->nclasses;
	model->target.classes = data->classes;
	model->target.positive = 1;
	model->target.threshold = 0.5;
	CORE_ALLOC(env, model->transform, 1);
	model->transform->nterms = data->nterms;
	model->transform->terms = data->terms;
	CORE_TRY(data->algorithm->finish(env, &plan, iterate, model));
	*result = model;
	return CORE_OK;
}

Model *
fit_data_model(CoreEnv *env, FitData *data)
{
	Model	   *model = NULL;

	assert_ok(env, fit_data_fit(env, data, &model));
	assert_ok(env, data->algorithm->bind(env, model));
	return model;
}

static double
array_element(const Model *model, const char *name, int row, int column)
{
	const ModelArray *array = model_array(model, name);

	assert_non_null(array);
	assert_true(row < array->rows && column < array->cols);
	return ((const double *) array->data)[(int64_t) row * array->cols + column];
}

void
fit_data_refuse_memory(TestEnv *test, FitData *data)
{
	CoreEnv    *env = &test->core;
	Model	   *model;
	int64_t		before = test->allocations;
	int64_t		needed;

	assert_ok(env, fit_data_fit(env, data, &model));
	needed = test->allocations - before;
	for (int64_t refused = 0; refused < needed; refused++)
	{
		test->fail_after = test->allocations + refused;
		assert_int_equal(fit_data_fit(env, data, &model), CORE_NO_MEMORY);
		test->fail_after = -1;
	}
}

double
model_estimate(const Model *model, int row, int column)
{
	return array_element(model, "estimate", row, column);
}

double
model_std_error(const Model *model, int row, int column)
{
	return array_element(model, "std_error", row, column);
}

void
fit_data_margins(CoreEnv *env, const FitData *data, const Model *model, int64_t i, double *out)
{
	int			scratch_size = data->algorithm->scratch != NULL ? data->algorithm->scratch(model) : 0;
	double	   *terms = env_alloc(env, (size_t) data->nterms + (size_t) scratch_size, sizeof(double));

	for (int j = 0; j < data->nterms; j++)
		terms[j] = data->x[(int64_t) j * data->n + i];
	data->algorithm->score(model, terms, terms + data->nterms, out);
	env_release(env, terms);
}

static int
oracle_row(const Csv *oracle, const char *group, const char *name)
{
	for (int i = 0; i < oracle->rows; i++)
	{
		if (strcmp(csv_field(oracle, i, 0), group) == 0 && strcmp(csv_field(oracle, i, 1), name) == 0)
			return i;
	}
	return -1;
}

double
oracle_value(const Csv *oracle, const char *group, const char *name, const char *column)
{
	int			row = oracle_row(oracle, group, name);

	if (row < 0)
		fail_msg("the oracle has no %s of %s", name, group);
	return csv_number(oracle, row, csv_column(oracle, column));
}

bool
oracle_has(const Csv *oracle, const char *group, const char *name)
{
	return oracle_row(oracle, group, name) >= 0;
}

FitData *
binary_data_random(CoreEnv *env, const Algorithm *algorithm, int n, int nterms, uint64_t seed)
{
	FitData    *data = fit_data_create(env, algorithm, TASK_BINARY, n, nterms);
	TestRandom	random = {seed};

	for (int i = 0; i < n * nterms; i++)
		data->x[i] = test_random_normal(&random);
	for (int i = 0; i < n; i++)
	{
		double		eta = -0.5 + data->x[i] - (nterms > 1 ? 0.5 * data->x[n + i] : 0);

		data->y[i] = test_random_uniform(&random) < 1 / (1 + exp(-eta));
	}
	return data;
}

double
binary_data_score(CoreEnv *env, const FitData *data, const Model *model)
{
	int			p = data->nterms;
	double	   *score = env_alloc(env, (size_t) p + 1, sizeof(double));
	double	   *information = env_alloc(env, (size_t) p + 1, sizeof(double));
	double	   *terms = env_alloc(env, (size_t) p + 1, sizeof(double));
	double		largest = 0;

	terms[0] = 1;
	for (int64_t i = 0; i < data->n; i++)
	{
		double		w = data->w != NULL ? data->w[i] : 1;
		double		margin;
		double		probability;

		for (int j = 0; j < p; j++)
			terms[1 + j] = data->x[j * data->n + i];
		data->algorithm->score(model, terms + 1, NULL, &margin);
		probability = 1 / (1 + exp(-margin - (data->offset != NULL ? data->offset[i] : 0)));
		for (int j = 0; j <= p; j++)
		{
			score[j] += w * (data->y[i] - probability) * terms[j];
			information[j] += w * probability * (1 - probability) * terms[j] * terms[j];
		}
	}
	for (int j = 0; j <= p; j++)
	{
		if (information[j] > 0)
			largest = fmax(largest, fabs(score[j]) / sqrt(information[j]));
	}
	return largest;
}
