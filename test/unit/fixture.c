/*
 * fixture.c: a small fitted model with every kind of feature; see fixture.h.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/team.h"
#include "core/transform_time.h"
#include "fixture.h"
#include "rows.h"

enum
{
	TENURE,
	SIZE,
	ACTIVE,
	PLAN,
	SIGNUP,
	TODAY,
	READINGS
};

static const char *const feature_names[FIXTURE_FEATURES] = {"tenure", "size", "active", "plan", "signup", "today", "readings"};
static const char *const plans[] = {"basic", "plus", "gr\xC3\xB6\xC3\x9F" "te", "say \"hi\"\\ and\nbye"};

void
fixture_row(int64_t i, FeatureValue *values, double vector[FIXTURE_WIDTH])
{
	bool		unseen = i >= FIXTURE_ROWS;

	memset(values, 0, FIXTURE_FEATURES * sizeof(*values));
	values[TENURE].number = (double) (i * 37 % 101) / 7 - 3;
	values[TENURE].missing = i % 11 == 5;
	values[SIZE].number = (double) (i * i % 53);
	values[ACTIVE].number = i % 3 == 0;
	values[PLAN].text = unseen && i % 2 ? "never seen" : plans[i * 7 % 13 % 4];
	values[PLAN].missing = i % 17 == 3;
	values[SIGNUP].time = (8000 + i * 13 % 700) * TIME_DAY + i * 1000000;
	values[TODAY].time = 9000 * TIME_DAY;
	for (int k = 0; k < FIXTURE_WIDTH; k++)
		vector[k] = k == 1 ? 2.5 : (double) ((i + 3) * (k + 5) % 29) / 4;
	values[READINGS].vector = vector;
	if (unseen && i % 5 == 1)
		values[TENURE].number = i % 10 == 1 ? INFINITY : NAN;
	if (unseen && i % 5 == 2)
		values[SIGNUP].time = i % 10 == 2 ? INT64_MIN : INT64_MAX;
	if (unseen && i % 5 == 3)
		vector[0] = NAN;
	for (int f = 0; unseen && i % 7 == 0 && f < FIXTURE_FEATURES; f++)
		values[f].missing = true;
}

static void
fill_columns(Rows *rows)
{
	const char *texts[FIXTURE_ROWS];
	FeatureValue values[FIXTURE_FEATURES];
	double		vector[FIXTURE_WIDTH];

	for (int64_t i = 0; i < FIXTURE_ROWS; i++)
	{
		fixture_row(i, values, vector);
		texts[i] = values[PLAN].missing ? NULL : values[PLAN].text;
	}
	rows_add(rows, feature_names[TENURE], FEATURE_NUMERIC, STORAGE_F64, 1);
	rows_add(rows, feature_names[SIZE], FEATURE_NUMERIC, STORAGE_I32, 1);
	rows_add(rows, feature_names[ACTIVE], FEATURE_BOOLEAN, STORAGE_I8, 1);
	rows_add_texts(rows, feature_names[PLAN], texts);
	rows_add(rows, feature_names[SIGNUP], FEATURE_TIMESTAMP, STORAGE_I64, 1);
	rows_add(rows, feature_names[TODAY], FEATURE_TIMESTAMP, STORAGE_I64, 1);
	rows_add(rows, feature_names[READINGS], FEATURE_VECTOR, STORAGE_F32, FIXTURE_WIDTH);
	rows->features[TENURE].type_name = env_strdup(rows->env, "double precision");
	rows->features[SIGNUP].type_name = env_strdup(rows->env, "timestamp with time zone");
	rows->features[SIGNUP].time_zone = env_strdup(rows->env, "Europe/Berlin");
	for (int64_t i = 0; i < FIXTURE_ROWS; i++)
	{
		fixture_row(i, values, vector);
		rows_put(rows, TENURE, i, 0, values[TENURE].number);
		if (values[TENURE].missing)
			rows_set_null(rows, TENURE, i);
		rows_put(rows, SIZE, i, 0, values[SIZE].number);
		rows_put(rows, ACTIVE, i, 0, values[ACTIVE].number);
		((int64_t *) rows->columns[SIGNUP].values)[i] = values[SIGNUP].time;
		((int64_t *) rows->columns[TODAY].values)[i] = values[TODAY].time;
		for (int k = 0; k < FIXTURE_WIDTH; k++)
			rows_put(rows, READINGS, i, k, vector[k]);
	}
}

/* Depends on the features, with noise; positive and whole for regression, so that every family can be fitted. */
static void
fill_target(Rows *rows, Task task)
{
	FeatureValue values[FIXTURE_FEATURES];
	double		vector[FIXTURE_WIDTH];
	TestRandom	random = {11};

	for (int64_t i = 0; i < FIXTURE_ROWS; i++)
	{
		double		margin;

		fixture_row(i, values, vector);
		margin = 0.3 * values[TENURE].number - 0.05 * values[SIZE].number + 0.8 * values[ACTIVE].number + vector[0] / 4 +
			test_random_normal(&random);
		if (task == TASK_BINARY)
			rows->data.target[i] = margin > 0.5;
		else if (task == TASK_MULTICLASS)
			rows->data.target[i] = margin > 1.5 ? 2 : margin > -0.5;
		else
			rows->data.target[i] = floor(1 + fabs(3 * margin));
	}
}

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	(void) env;
	assert_int_equal(index, 0);
	*block = *(const DesignBlock *) context;
	return CORE_OK;
}

static void
set_params(CoreEnv *env, Model *model, const Algorithm *algorithm, const char *const *params)
{
	assert_ok(env, params_init(env, &model->params, algorithm->name, algorithm->params));
	for (; params != NULL && *params != NULL; params++)
	{
		const char *equals = strchr(*params, '=');
		char	   *name = env_strndup(env, *params, (size_t) (equals - *params));
		char	   *end;
		double		number = strtod(equals + 1, &end);

		if (strchr(name, ':') != NULL)
		{
			char	   *class = strchr(name, ':') + 1;

			class[-1] = '\0';
			assert_ok(env, params_set_weights(env, &model->params, name, (const char *const *) &class, &number, 1));
		}
		else if (*end == '\0')
			assert_ok(env, params_set_number(env, &model->params, name, number));
		else
			assert_ok(env, params_set_text(env, &model->params, name, equals + 1));
	}
}

static void
describe_target(CoreEnv *env, Model *model)
{
	static const char *const labels[] = {"no", "y\xC3\xA9s", "maybe"};
	TargetInfo *target = &model->target;

	target->name = env_strdup(env, "the \"target\"");
	target->type_name = env_strdup(env, "text");
	target->threshold = 0.5;
	if (model->task == TASK_BINARY || model->task == TASK_MULTICLASS)
	{
		target->nclasses = model->task == TASK_BINARY ? 2 : 3;
		target->classes = env_alloc(env, (size_t) target->nclasses, sizeof(char *));
		for (int k = 0; k < target->nclasses; k++)
			target->classes[k] = env_strdup(env, labels[k]);
		target->positive = model->task == TASK_BINARY ? 1 : 0;
	}
	model->split.method = SPLIT_TIME;
	model->split.column = env_strdup(env, "signup");
	model->split.key = env_strdup(env, "customer_id");
	model->split.test = 0.2;
	model->split.sample = 1;
	model->split.cutoff = INT64_C(123456789012345);
}

/* Algorithms that take all rows at once. */
static void
fit_rows(CoreEnv *env, Model *model, const Rows *rows, const FitInput *input)
{
	FitRows		fit = {
		.data = &rows->data, .transform = model->transform, .nrows = FIXTURE_ROWS, .target = rows->data.target, .training = true
	};
	Team		team;

	assert_ok(env, team_init_serial(env, &team));
	assert_ok(env, model->algorithm->fit_rows(env, input, &fit, &team, model));
	assert_ok(env, algorithm_bind(env, model));
}

static void
fit(CoreEnv *env, Model *model, Rows *rows)
{
	DesignBlock block = {
		.nrows = FIXTURE_ROWS, .nterms = model->transform->nterms, .ld = FIXTURE_ROWS,
		.y = rows->data.target, .hash = rows->data.hash
	};
	FitInput	input = {
		.params = &model->params, .task = model->task, .nterms = model->transform->nterms, .terms = model->transform->terms,
		.nclasses = model->target.nclasses, .classes = model->target.classes, .nrows = FIXTURE_ROWS, .seed = 42
	};
	FitPlan		plan = {.algorithm = model->algorithm, .input = input};
	void	   *iterate;

	if (model->algorithm->fit_rows != NULL)
	{
		fit_rows(env, model, rows, &input);
		return;
	}
	block.x = rows_terms(rows, model->transform, true);
	assert_ok(env, model->algorithm->begin(env, &input, &plan));
	plan.algorithm = model->algorithm;
	iterate = env_alloc(env, 1, plan.iterate_size);
	assert_ok(env, fit_serial(env, &plan, read_block, &block, 1, iterate));
	assert_ok(env, model->algorithm->finish(env, &plan, iterate, model));
	assert_ok(env, algorithm_bind(env, model));
}

static void
choose_transforms(CoreEnv *env, FixtureVariant variant, FeatureOptions options[FIXTURE_FEATURES])
{
	memset(options, 0, FIXTURE_FEATURES * sizeof(*options));
	options[SIGNUP].reference = env_strdup(env, feature_names[TODAY]);
	options[TODAY].parts = PART_NONE;
	if (variant == FIXTURE_PLAIN)
	{
		options[SIGNUP].parts = PART_AGE | PART_MONTH;
		return;
	}
	options[TENURE].map = MAP_BINS;
	options[TENURE].bins = 4;
	options[TENURE].indicator = 1;
	options[SIZE].map = MAP_LOG1P;
	options[SIZE].scale = SCALE_STANDARD;
	options[PLAN].encode = ENCODE_TARGET;
	options[SIGNUP].parts = PART_AGE | PART_YEAR | PART_QUARTER | PART_DAY | PART_WEEKDAY | PART_YEARDAY | PART_WEEKEND | PART_EPOCH;
	options[READINGS].impute = IMPUTE_MEDIAN;
	options[READINGS].scale = SCALE_ROBUST;
}

/* What the fit itself does not touch: any valid values do. */
static void
enrich(CoreEnv *env, Model *model)
{
	static const double knots[2][4] = {{0, 0.3, 0.6, 1}, {0.05, 0.2, 0.2, 0.95}};

	if (model->task == TASK_BINARY)
	{
		model->calibration.method = CALIBRATE_ISOTONIC;
		model->calibration.slope = 1.25;
		model->calibration.intercept = -0.5;
		model->calibration.nknots = 4;
		model->calibration.x = env_alloc(env, 4, sizeof(double));
		model->calibration.y = env_alloc(env, 4, sizeof(double));
		memcpy(model->calibration.x, knots[0], sizeof(knots[0]));
		memcpy(model->calibration.y, knots[1], sizeof(knots[1]));
		model->target.threshold = 0.3125;
	}
	if (model->task == TASK_REGRESSION)
	{
		model->target.map = TARGET_YEO_JOHNSON;
		model->target.lambda = 0.5;
	}
	model->split.method = SPLIT_STRATIFIED;
	model->split.refit = true;
	model->split.nstrata = 2;
	model->split.limits = env_alloc(env, 2, sizeof(double));
	model->split.limits[0] = 0.21;
	model->split.limits[1] = 0.19;
	model->split.key = NULL;
	model->split.row_columns = env_strdup(env, "tenure, size");
}

Model *
fixture_model(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant, const char *const *params)
{
	Model	   *model = env_alloc(env, 1, sizeof(Model));
	Rows	   *rows = env_alloc(env, 1, sizeof(Rows));
	FeatureOptions options[FIXTURE_FEATURES];

	rows_init(rows, env, FIXTURE_ROWS);
	fill_columns(rows);
	fill_target(rows, task);
	choose_transforms(env, variant, options);
	model->algorithm = algorithm;
	model->task = task;
	model->seed = 42;
	model->rows_train = FIXTURE_ROWS;
	model->weight_train = FIXTURE_ROWS;
	model->schema = rows->data.schema;
	describe_target(env, model);
	set_params(env, model, algorithm, params);
	model->transform = rows_learn(rows, options, algorithm->profile, model->target.nclasses);
	fit(env, model, rows);
	if (variant == FIXTURE_RICH)
		enrich(env, model);
	return model;
}

void
fixture_response(CoreEnv *env, const Model *model, int64_t i, double *out)
{
	FeatureValue values[FIXTURE_FEATURES];
	double		vector[FIXTURE_WIDTH];
	double	   *scratch = env_alloc(env, (size_t) model_scratch_size(model), sizeof(double));

	fixture_row(i, values, vector);
	model_response(model, values, scratch, out);
	env_release(env, scratch);
}

void
fixture_each(CoreEnv *env, FixtureTest test)
{
	const Algorithm *algorithm;

	for (int i = 0; (algorithm = algorithm_at(i)) != NULL; i++)
	{
		for (Task task = TASK_REGRESSION; task <= TASK_ANOMALY; task++)
		{
			if ((algorithm->tasks & (1u << task)) == 0)
				continue;
			test(env, algorithm, task, FIXTURE_PLAIN);
			test(env, algorithm, task, FIXTURE_RICH);
		}
	}
}
