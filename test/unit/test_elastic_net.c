/*
 * test_elastic_net.c: optimality conditions, closed forms, scikit-learn, and cross-validation by brute force.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit_support.h"

#include "core/coordinate_descent.h"
#include "core/hash.h"
#include "core/linear_model.h"
#include "nist.h"
#include "oracle_elastic_net.h"

static FitData *
new_fit(CoreEnv *env, const char *algorithm, int64_t n, int nterms)
{
	return fit_data_create(env, algorithm_find(algorithm), TASK_REGRESSION, n, nterms);
}

static void
set(CoreEnv *env, FitData *data, const char *name, double value)
{
	assert_ok(env, params_set_number(env, &data->params, name, value));
}

static double
number(const Model *model, const char *name)
{
	double		value = model_number(model, name);

	assert_false(isnan(value));
	return value;
}

/* Correlated terms, half of them without effect. */
static FitData *
random_fit(CoreEnv *env, TestRandom *random, int64_t n, int nterms, double noise)
{
	FitData    *data = new_fit(env, "elastic_net", n, nterms);

	for (int64_t i = 0; i < n; i++)
	{
		double		common = test_random_normal(random);

		data->y[i] = 3 + noise * test_random_normal(random);
		for (int j = 0; j < nterms; j++)
		{
			double		value = (j + 1) * (common + test_random_normal(random)) + j;

			data->x[j * n + i] = value;
			if (j % 2 == 0)
				data->y[i] += value / (j + 1);
		}
	}
	return data;
}

/* Standardised moments of the design, in quadruple precision. */
typedef struct Moments
{
	double	   *mean;			/* terms, then the target */
	double	   *sd;
	double	   *gram;			/* correlations */
	double	   *c;				/* correlations with the target */
} Moments;

static Moments
moments_of(CoreEnv *env, const FitData *data)
{
	int			p = data->nterms;
	Moments		m;
	TestQuad	weight = 0;

	m.mean = env_alloc(env, (size_t) p + 1, sizeof(double));
	m.sd = env_alloc(env, (size_t) p + 1, sizeof(double));
	m.gram = env_alloc(env, (size_t) p * (size_t) p, sizeof(double));
	m.c = env_alloc(env, (size_t) p, sizeof(double));
	for (int64_t i = 0; i < data->n; i++)
		weight += data->w != NULL ? data->w[i] : 1;
	for (int j = 0; j <= p; j++)
	{
		const double *column = j < p ? data->x + j * data->n : data->y;
		TestQuad	sum = 0;
		TestQuad	squares = 0;

		for (int64_t i = 0; i < data->n; i++)
			sum += (data->w != NULL ? data->w[i] : 1) * (TestQuad) column[i];
		for (int64_t i = 0; i < data->n; i++)
			squares += (data->w != NULL ? data->w[i] : 1) * (column[i] - sum / weight) * (column[i] - sum / weight);
		m.mean[j] = (double) (sum / weight);
		m.sd[j] = sqrt((double) (squares / weight));
	}
	for (int j = 0; j < p; j++)
	{
		for (int k = j; k <= p; k++)
		{
			const double *a = data->x + j * data->n;
			const double *b = k < p ? data->x + k * data->n : data->y;
			TestQuad	sum = 0;

			for (int64_t i = 0; i < data->n; i++)
				sum += (data->w != NULL ? data->w[i] : 1) * ((TestQuad) a[i] - m.mean[j]) * ((TestQuad) b[i] - m.mean[k]);
			sum /= weight;
			if (k == p)
				m.c[j] = (double) (sum / m.sd[j] / m.sd[p]);
			else
				m.gram[j * p + k] = m.gram[k * p + j] = (double) (sum / m.sd[j] / m.sd[k]);
		}
	}
	return m;
}

/* The conditions that characterise the minimum, for a fitted model. */
static void
check_optimal(CoreEnv *env, const FitData *data, const Model *model, double alpha, double l1_ratio)
{
	Moments		m = moments_of(env, data);
	int			p = data->nterms;
	double		limit = alpha * l1_ratio;
	double		slack = 1e-10;
	double		intercept = m.mean[p];

	for (int j = 0; j < p; j++)
	{
		double		beta = model_estimate(model, 0, j + 1) * m.sd[j] / m.sd[p];
		double		gradient = m.c[j] - alpha * (1 - l1_ratio) * beta;

		for (int k = 0; k < p; k++)
			gradient -= m.gram[j * p + k] * model_estimate(model, 0, k + 1) * m.sd[k] / m.sd[p];
		if (beta != 0)
			assert_close(gradient, beta > 0 ? limit : -limit, 1, slack);
		else
			assert_true(fabs(gradient) <= limit + slack);
		intercept -= model_estimate(model, 0, j + 1) * m.mean[j];
	}
	assert_close(model_estimate(model, 0, 0), intercept, 1e-10, 1);
}

static void
satisfies_the_optimality_conditions(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {301};
	static const double ratios[] = {1, 0.5, 0.05};

	for (int r = 0; r < 3; r++)
	{
		for (int shape = 0; shape < 3; shape++)
		{
			/* many rows, few rows, fewer rows than terms */
			FitData    *data = random_fit(env, &random, shape == 0 ? 500 : shape == 1 ? 60 : 25, shape == 2 ? 40 : 12, 2);

			if (shape == 1)
			{
				data->w = env_alloc(env, (size_t) data->n, sizeof(double));
				for (int64_t i = 0; i < data->n; i++)
					data->w[i] = 0.5 + test_random_uniform(&random);
			}
			set(env, data, "l1_ratio", ratios[r]);
			for (double alpha = 1; alpha > 1e-4; alpha /= 5)
			{
				FitData    *copy = fit_data_copy(env, data);

				set(env, copy, "alpha", alpha);
				check_optimal(env, copy, fit_data_model(env, copy), alpha, ratios[r]);
			}
			test_env_free(*state);
		}
	}
}

/* Terms that do not correlate: beta_j = soft(c_j, alpha l1_ratio) / (1 + alpha (1 - l1_ratio)). */
static void
orthogonal_terms_have_a_closed_form(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = new_fit(env, "elastic_net", 16, 4);
	static const double c[4] = {5, -3, 1, 0.2};
	double		spread = sqrt(25 + 9 + 1 + 0.04);
	Model	   *model;

	for (int i = 0; i < 16; i++)
	{
		data->y[i] = 10;
		for (int j = 0; j < 4; j++)
		{
			data->x[j * 16 + i] = i >> j & 1 ? 1 : -1;
			data->y[i] += c[j] * data->x[j * 16 + i];
		}
	}
	set(env, data, "alpha", 1.5 / spread);
	set(env, data, "l1_ratio", 0.4);
	model = fit_data_model(env, data);
	assert_close(model_estimate(model, 0, 0), 10, 1e-14, 0);
	assert_close(model_estimate(model, 0, 1), (5 - 0.6) / (1 + 0.9 / spread), 1e-14, 0);
	assert_close(model_estimate(model, 0, 2), (-3 + 0.6) / (1 + 0.9 / spread), 1e-14, 0);
	assert_close(model_estimate(model, 0, 3), (1 - 0.6) / (1 + 0.9 / spread), 1e-14, 0);
	assert_true(model_estimate(model, 0, 4) == 0);
	assert_close(number(model, "alpha_max"), 5 / spread / 0.4, 1e-14, 0);
	assert_close(number(model, "df_model"), 3, 0, 0);
	assert_null(model_array(model, "std_error"));
}

static void
agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	const NistProblem *longley = &nist_problems[0];

	assert_string_equal(longley->name, "longley");
	for (int o = 0; o < (int) (sizeof(elastic_oracle) / sizeof(elastic_oracle[0])); o++)
	{
		const ElasticOracle *oracle = &elastic_oracle[o];
		FitData    *data = new_fit(env, "elastic_net", longley->nrows, 6);
		Model	   *model;

		if (oracle->weighted)
			data->w = env_alloc(env, (size_t) data->n, sizeof(double));
		for (int i = 0; i < longley->nrows; i++)
		{
			data->y[i] = longley->data[7 * i];
			for (int j = 0; j < 6; j++)
				data->x[j * data->n + i] = longley->data[7 * i + 1 + j];
			if (oracle->weighted)
				data->w[i] = 1 + i % 3;
		}
		set(env, data, "alpha", oracle->alpha);
		set(env, data, "l1_ratio", oracle->l1_ratio);
		model = fit_data_model(env, data);
		for (int j = 0; j <= 6; j++)
			assert_close(model_estimate(model, 0, j), oracle->coefficient[j], 1e-7, 1e-9);
		check_optimal(env, data, model, oracle->alpha, oracle->l1_ratio);
	}
}

static void
ridge_and_no_penalty_are_algorithm_linear(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {307};
	static const double alphas[] = {0, 0.01, 1};

	for (int a = 0; a < 3; a++)
	{
		FitData    *data = random_fit(env, &random, 200, 8, 1);
		FitData    *linear = new_fit(env, "linear", 200, 8);
		Model	   *ours;
		Model	   *theirs;

		memcpy(linear->x, data->x, 1600 * sizeof(double));
		memcpy(linear->y, data->y, 200 * sizeof(double));
		set(env, data, "alpha", alphas[a]);
		set(env, data, "l1_ratio", 0);
		set(env, linear, "reg_lambda", alphas[a] * 200);
		ours = fit_data_model(env, data);
		theirs = fit_data_model(env, linear);
		for (int j = 0; j <= 8; j++)
			assert_close(model_estimate(ours, 0, j), model_estimate(theirs, 0, j), 1e-12, 1e-12);
		assert_close(number(ours, "r_squared"), number(theirs, "r_squared"), 1e-12, 0);
		assert_close(number(ours, "deviance"), number(theirs, "deviance"), 1e-11, 0);
		if (alphas[a] > 0)
			check_optimal(env, data, ours, alphas[a], 0);
	}
}

/* Coordinate descent itself, without the direct solution, reaches ridge regression too. */
static void
descent_reaches_ridge(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {311};
	FitData    *data = random_fit(env, &random, 100, 6, 1);
	Moments		m = moments_of(env, data);
	GramProblem problem = {6, m.gram, m.c, 1};
	DescentOptions options = {0, 1e-13, 100000};
	DescentState descent;

	assert_ok(env, descent_state_create(env, &problem, &descent));
	coordinate_descent_solve(env, &problem, &options, 0.3, &descent);
	assert_true(descent.converged);
	for (int j = 0; j < 6; j++)
		assert_close(descent.gradient[j], 0.3 * descent.beta[j], 1e-10, 0.01);
	options.max_sweeps = 1;
	options.tolerance = 1e-15;
	assert_ok(env, descent_state_create(env, &problem, &descent));
	coordinate_descent_solve(env, &problem, &options, 0.01, &descent);
	assert_false(descent.converged);
}

static void
alpha_max_is_where_the_first_term_enters(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {313};
	FitData    *data = random_fit(env, &random, 300, 10, 1);
	double		alpha_max;
	FitData    *copy = fit_data_copy(env, data);

	set(env, copy, "alpha", 1);
	alpha_max = number(fit_data_model(env, copy), "alpha_max");
	for (int side = 0; side < 2; side++)
	{
		Model	   *model;

		copy = fit_data_copy(env, data);
		set(env, copy, "alpha", alpha_max * (side == 0 ? 1 + 1e-12 : 1 - 1e-6));
		model = fit_data_model(env, copy);
		assert_close(number(model, "df_model"), side, 0, 0);
		assert_close(number(model, "r_squared"), 0, 1, side == 0 ? 1e-14 : 1e-4);
	}
}

/* The fit of some rows at one alpha, as an own model of the rows outside the fold. */
static double
fold_loss(CoreEnv *env, const FitData *data, int fold, int folds, double alpha, double *weight)
{
	FitData    *train = fit_data_copy(env, data);
	Model	   *model;
	double		loss = 0;

	*weight = 0;
	train->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int64_t i = 0; i < data->n; i++)
		train->w[i] = (int) (hash_seeded(hash_int64(i), 42) % (uint64_t) folds) == fold ? 0 : data->w != NULL ? data->w[i] : 1;
	set(env, train, "alpha", alpha);
	model = fit_data_model(env, train);
	for (int64_t i = 0; i < data->n; i++)
	{
		double		margin;
		double		w = data->w != NULL ? data->w[i] : 1;

		if (train->w[i] > 0 || w == 0)
			continue;
		fit_data_margins(env, data, model, i, &margin);
		loss += w * (data->y[i] - margin) * (data->y[i] - margin);
		*weight += w;
	}
	return loss / *weight;
}

static const double *
path(const Model *model, const char *name, int64_t *count)
{
	const ModelArray *array = model_array(model, name);

	assert_non_null(array);
	*count = array->rows;
	return array->data;
}

static void
cross_validation_is_what_it_says(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {317};
	int64_t		count;

	for (int weighted = 0; weighted < 2; weighted++)
	{
		FitData    *data = random_fit(env, &random, 150, 6, 4);
		FitData    *chosen;
		Model	   *model;
		const double *alpha;
		const double *loss;
		const double *loss_se;
		int			best = 0;

		if (weighted)
		{
			data->w = env_alloc(env, 150, sizeof(double));
			for (int i = 0; i < 150; i++)
				data->w[i] = i % 4;
		}
		set(env, data, "cv", 5);
		set(env, data, "n_alphas", 12);
		chosen = fit_data_copy(env, data);
		chosen->block_rows = 32;
		model = fit_data_model(env, chosen);
		alpha = path(model, "path_alpha", &count);
		loss = path(model, "path_loss", &count);
		loss_se = path(model, "path_loss_se", &count);
		assert_int_equal(count, 12);
		assert_close(alpha[0], number(model, "alpha_max"), 1e-14, 0);
		assert_close(alpha[11], alpha[0] * 1e-4, 1e-12, 0);
		for (int a = 0; a < 12; a++)
		{
			double		losses[5];
			double		weights[5];
			double		mean = 0;
			double		total = 0;
			double		square = 0;

			for (int k = 0; k < 5; k++)
			{
				losses[k] = fold_loss(env, data, k, 5, alpha[a], &weights[k]);
				mean += weights[k] * losses[k];
				total += weights[k];
			}
			mean /= total;
			for (int k = 0; k < 5; k++)
				square += weights[k] * (losses[k] - mean) * (losses[k] - mean);
			assert_close(loss[a], mean, 1e-6, 0);
			assert_close(loss_se[a], sqrt(square / total / 4), 1e-5, 0);
			if (loss[a] < loss[best])
				best = a;
		}
		assert_true(number(model, "alpha") == alpha[best]);
		assert_true(number(model, "cv_loss") == loss[best]);
		check_optimal(env, data, model, alpha[best], 0.5);
		test_env_free(*state);
	}
}

static void
one_standard_error_prefers_the_simpler_model(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {331};
	FitData    *data = random_fit(env, &random, 200, 10, 6);
	FitData    *simple = fit_data_copy(env, data);
	Model	   *best;
	Model	   *simpler;
	const double *alpha;
	const double *loss;
	const double *loss_se;
	int64_t		count;
	int			index = 0;

	assert_ok(env, params_set_text(env, &simple->params, "rule", "1se"));
	best = fit_data_model(env, data);
	simpler = fit_data_model(env, simple);
	alpha = path(best, "path_alpha", &count);
	loss = path(best, "path_loss", &count);
	loss_se = path(best, "path_loss_se", &count);
	assert_int_equal(count, 100);
	while (alpha[index] != number(best, "alpha"))
		index++;
	assert_true(number(simpler, "alpha") > number(best, "alpha"));
	for (int i = 0; i < count; i++)
	{
		assert_true(i == 0 || alpha[i] < alpha[i - 1]);
		if (alpha[i] > number(simpler, "alpha"))
			assert_true(loss[i] > loss[index] + loss_se[index]);
		if (alpha[i] == number(simpler, "alpha"))
			assert_true(loss[i] <= loss[index] + loss_se[index]);
	}
}

/* A target that is noise gets (almost) no terms, one that is not keeps its own. */
static void
noise_is_left_out(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {337};
	FitData    *data = random_fit(env, &random, 1000, 20, 1);
	Model	   *model;

	assert_ok(env, params_set_text(env, &data->params, "rule", "1se"));
	set(env, data, "l1_ratio", 1);
	model = fit_data_model(env, data);
	for (int j = 0; j < 20; j += 2)
		assert_close(model_estimate(model, 0, j + 1), 1.0 / (j + 1), 0.2, 0);
	assert_true(number(model, "r_squared") > 0.98);

	for (int64_t i = 0; i < data->n; i++)
		data->y[i] = test_random_normal(&random);
	model = fit_data_model(env, fit_data_copy(env, data));
	assert_true(number(model, "df_model") == 0);
	assert_close(model_estimate(model, 0, 0), 0, 1, 0.2);
}

static void
blocks_units_weights_and_offsets(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {347};
	FitData    *data = random_fit(env, &random, 400, 5, 2);
	FitData    *copy;
	Model	   *model;
	Model	   *other;

	set(env, data, "alpha", 0.2);
	model = fit_data_model(env, fit_data_copy(env, data));

	copy = fit_data_copy(env, data);
	copy->block_rows = 37;
	copy->shuffle_tree = true;
	other = fit_data_model(env, copy);
	for (int j = 0; j <= 5; j++)
		assert_close(model_estimate(other, 0, j), model_estimate(model, 0, j), 1e-10, 1e-10);

	/* the penalty does not depend on units or origins */
	copy = fit_data_copy(env, data);
	for (int64_t i = 0; i < 400; i++)
	{
		copy->x[i] = copy->x[i] * 1000 + 7e6;
		copy->y[i] = copy->y[i] * 50 - 1e4;
	}
	other = fit_data_model(env, copy);
	assert_close(model_estimate(other, 0, 1) * 20, model_estimate(model, 0, 1), 1e-8, 0);
	assert_close(model_estimate(other, 0, 2) / 50, model_estimate(model, 0, 2), 1e-8, 0);
	assert_close(model_estimate(other, 0, 0) + 7e6 * model_estimate(other, 0, 1) + 1e4, 50 * model_estimate(model, 0, 0), 1e-8, 1);

	/* an offset is taken from the target; a constant weight changes nothing */
	copy = fit_data_copy(env, data);
	copy->offset = env_alloc(env, 400, sizeof(double));
	copy->w = env_alloc(env, 400, sizeof(double));
	for (int64_t i = 0; i < 400; i++)
	{
		copy->offset[i] = (double) i;
		copy->y[i] += (double) i;
		copy->w[i] = 4;
	}
	other = fit_data_model(env, copy);
	for (int j = 0; j <= 5; j++)
		assert_close(model_estimate(other, 0, j), model_estimate(model, 0, j), 1e-10, 1e-10);
}

static void
odd_data(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {349};
	FitData    *data = random_fit(env, &random, 100, 4, 1);
	FitData    *copy;
	Model	   *model;

	/* a constant term never enters, a copy shares */
	copy = fit_data_copy(env, data);
	for (int i = 0; i < 100; i++)
	{
		copy->x[i] = 0.1;
		copy->x[300 + i] = copy->x[200 + i];
	}
	set(env, copy, "alpha", 0.1);
	model = fit_data_model(env, copy);
	assert_true(model_estimate(model, 0, 1) == 0);
	assert_close(model_estimate(model, 0, 3), model_estimate(model, 0, 4), 1e-8, 0);

	/* a constant target */
	copy = fit_data_copy(env, data);
	for (int i = 0; i < 100; i++)
		copy->y[i] = 5;
	model = fit_data_model(env, copy);
	assert_close(model_estimate(model, 0, 0), 5, 1e-15, 0);
	for (int j = 1; j <= 4; j++)
		assert_true(model_estimate(model, 0, j) == 0);
	assert_true(isnan(model_number(model, "r_squared")));

	/* one row has nothing to choose */
	copy = fit_data_copy(env, data);
	copy->n = 1;
	model = fit_data_model(env, copy);
	assert_close(model_estimate(model, 0, 0), copy->y[0], 1e-15, 0);

	/* rows of one key fall into one fold: nothing to choose alpha with, but enough for a given one */
	copy = fit_data_copy(env, data);
	copy->hash = env_alloc(env, 100, sizeof(uint64_t));
	assert_int_equal(fit_data_fit(env, copy, &model), CORE_NUMERIC);
	assert_non_null(strstr(env->hint, "alpha"));
	set(env, copy, "alpha", 1);
	(void) fit_data_model(env, copy);

	/* one's own path, in any order */
	copy = fit_data_copy(env, data);
	assert_ok(env, params_set_list(env, &copy->params, "alphas", (const double[]) {0.1, 2, 0.01, 0.5}, 4));
	model = fit_data_model(env, copy);
	{
		int64_t		count;
		const double *alpha = path(model, "path_alpha", &count);

		assert_int_equal(count, 4);
		assert_true(alpha[0] == 2 && alpha[1] == 0.5 && alpha[2] == 0.1 && alpha[3] == 0.01);
	}
}

/* Rows and their mirror images have means 0 and the same squares: with intercept the same fit as the rows without one. */
static void
no_intercept(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {359};
	FitData    *data = random_fit(env, &random, 90, 4, 1);
	FitData    *mirrored = new_fit(env, "elastic_net", 180, 4);
	Model	   *model;
	Model	   *expected;

	for (int i = 0; i < 90; i++)
	{
		mirrored->y[i] = data->y[i];
		mirrored->y[90 + i] = -data->y[i];
		for (int j = 0; j < 4; j++)
		{
			mirrored->x[180 * j + i] = data->x[90 * j + i];
			mirrored->x[180 * j + 90 + i] = -data->x[90 * j + i];
		}
	}
	set(env, data, "alpha", 0.3);
	set(env, mirrored, "alpha", 0.3);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	model = fit_data_model(env, data);
	expected = fit_data_model(env, mirrored);
	assert_true(model_estimate(model, 0, 0) == 0);
	for (int j = 1; j <= 4; j++)
		assert_close(model_estimate(model, 0, j), model_estimate(expected, 0, j), 1e-10, 1e-10);
	assert_close(number(model, "r_squared"), number(expected, "r_squared"), 1e-12, 0);
}

static void
refused_memory_is_reported(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	TestRandom	random = {353};
	FitData    *data = random_fit(env, &random, 60, 3, 1);
	Model	   *model;
	int			limit = 0;
	CoreStatus	status;

	set(env, data, "n_alphas", 3);
	set(env, data, "cv", 3);
	fit_data_model(env, data);
	do
	{
		test->fail_after = test->allocations + limit++;
		status = fit_data_fit(env, data, &model);
		test->fail_after = -1;
		assert_true(status == CORE_OK || status == CORE_NO_MEMORY);
	} while (status != CORE_OK);
	assert_true(limit > 50);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(satisfies_the_optimality_conditions),
		TEST(orthogonal_terms_have_a_closed_form),
		TEST(agrees_with_scikit_learn),
		TEST(ridge_and_no_penalty_are_algorithm_linear),
		TEST(descent_reaches_ridge),
		TEST(alpha_max_is_where_the_first_term_enters),
		TEST(cross_validation_is_what_it_says),
		TEST(one_standard_error_prefers_the_simpler_model),
		TEST(noise_is_left_out),
		TEST(blocks_units_weights_and_offsets),
		TEST(odd_data),
		TEST(no_intercept),
		TEST(refused_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
