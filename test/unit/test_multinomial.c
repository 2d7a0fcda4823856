/*
 * test_multinomial.c: multinomial logistic regression against R (as a Poisson model) and scikit-learn, and what must
 * hold of any fit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_logistic;

static FitData *
small_data(CoreEnv *env, const char *terms)
{
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, csv->rows, 0);
	char	   *names = env_strdup(env, terms);
	double	   *values = env_alloc(env, (size_t) csv->rows, sizeof(double));

	for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
	{
		for (int i = 0; i < csv->rows; i++)
			values[i] = csv_number(csv, i, csv_column(csv, name));
		fit_data_add_column(env, data, name, values);
	}
	fit_data_count_classes(env, data, csv);
	return data;
}

static FitData *
pima_data(CoreEnv *env)
{
	static const char *const terms[] = {"pregnant", "glucose", "mass", "pedigree"};
	Csv		   *csv = csv_read(env, "test/data/pima_diabetes.csv");
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, n, 0);

	for (int j = 0; j < 4; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
	{
		double		age = csv_number(csv, rows[i], csv_column(csv, "age"));

		data->y[i] = (age >= 25) + (age >= 30) + (age >= 40);
	}
	fit_data_classes(env, data, 4);
	return data;
}

static void
compare_terms(const Csv *oracle, const char *group, const FitData *data, const Model *model, double tolerance, bool errors)
{
	char		name[100];

	for (int k = 1; k < data->nclasses; k++)
	{
		for (int j = params_boolean(&data->params, "fit_intercept") ? 0 : 1; j <= data->nterms; j++)
		{
			snprintf(name, sizeof(name), "%d|%s", k, j == 0 ? "(Intercept)" : data->terms[j - 1].name);
			test_assert_close(model_estimate(model, k - 1, j), oracle_value(oracle, group, name, "value"), tolerance,
							  errors ? oracle_value(oracle, group, name, "error") : 0, name, group, 0);
			if (errors)
				test_assert_close(model_std_error(model, k - 1, j), oracle_value(oracle, group, name, "error"), tolerance, 0, name, group, 1);
			else
				assert_true(isnan(model_std_error(model, k - 1, j)));
		}
	}
	if (!errors)
		return;
	assert_close(model_number(model, "deviance"), oracle_value(oracle, group, "deviance", "value"), 1e-10, 0);
	assert_close(model_number(model, "null_deviance"), oracle_value(oracle, group, "null_deviance", "value"), 1e-10, 0);
	assert_close(model_number(model, "aic"), oracle_value(oracle, group, "aic", "value"), 1e-10, 0);
	assert_true(model_number(model, "converged") == 1);
	assert_true(model_number(model, "separation") == 0);
}

static void
agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/glm.csv");
	FitData    *data = small_data(env, "x1 x2 x3 x4 x5");
	double	   *w = data->w;

	compare_terms(oracle, "multinomial_weighted", data, fit_data_model(env, data), 1e-9, true);
	data->w = NULL;
	compare_terms(oracle, "multinomial", data, fit_data_model(env, data), 1e-9, true);
	assert_non_null(w);
	data = small_data(env, "x1 x4");
	data->w = NULL;
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "multinomial_no_intercept", data, fit_data_model(env, data), 1e-9, true);
	data = pima_data(env);
	compare_terms(oracle, "multinomial_pima", data, fit_data_model(env, data), 1e-9, true);
}

static void
ridge_agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/sklearn_fits.csv");
	FitData    *data = small_data(env, "x1 x2 x3 x4 x5");

	assert_ok(env, params_set_number(env, &data->params, "C", 10));
	compare_terms(oracle, "ridge_multinomial_weighted", data, fit_data_model(env, data), 1e-6, false);
	data = small_data(env, "x1 x2 x3 x4 x5");
	data->w = NULL;
	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 2));
	compare_terms(oracle, "ridge_multinomial", data, fit_data_model(env, data), 1e-6, false);
}


static FitData *
random_data(CoreEnv *env, int n, int nterms, int nclasses, uint64_t seed)
{
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, n, nterms);
	TestRandom	random = {seed};

	fit_data_classes(env, data, nclasses);
	for (int i = 0; i < n * nterms; i++)
		data->x[i] = test_random_normal(&random);
	for (int i = 0; i < n; i++)
	{
		double		best = -INFINITY;

		for (int k = 0; k < nclasses; k++)
		{
			/* Gumbel noise makes softmax classes */
			double		utility = k % 3 * 0.7 * data->x[i] - 0.3 * k - log(-log(test_random_uniform(&random) + 1e-300));

			if (utility > best)
				data->y[i] = k;
			best = fmax(best, utility);
		}
	}
	return data;
}

/*
 * Largest derivative of the penalised likelihood by a coefficient of any class,
 * per root of rows and standard deviation; 0 at the maximum.  Weights: without
 * penalty only.
 */
static double
largest_gradient(CoreEnv *env, const FitData *data, const Model *model, double ridge)
{
	int			classes = data->nclasses;
	double	   *p = env_alloc(env, (size_t) (data->n * classes), sizeof(double));
	double		largest = 0;

	for (int64_t i = 0; i < data->n; i++)
	{
		double	   *row = p + i * classes;
		double		total = 0;
		double		most = -INFINITY;

		fit_data_margins(env, data, model, i, row);
		for (int k = 0; k < classes; k++)
			most = fmax(most, row[k]);
		for (int k = 0; k < classes; k++)
			total += row[k] = exp(row[k] - most);
		for (int k = 0; k < classes; k++)
			row[k] = (data->w != NULL ? data->w[i] : 1) * ((data->y[i] == k) - row[k] / total);
	}
	for (int j = 0; j <= data->nterms; j++)
	{
		const double *x = data->x + (int64_t) (j - 1) * data->n;
		double		mean = 0;
		double		sd = 0;
		double		centre = 0;

		for (int64_t i = 0; i < data->n && j > 0; i++)
			mean += x[i] / (double) data->n;
		for (int64_t i = 0; i < data->n && j > 0; i++)
			sd += (x[i] - mean) * (x[i] - mean) / (double) data->n;
		sd = j > 0 ? sqrt(sd) : 1;
		for (int k = 1; k < classes; k++)
			centre += model_estimate(model, k - 1, j) / classes;
		for (int k = 0; k < classes; k++)
		{
			double		b = k > 0 ? model_estimate(model, k - 1, j) : 0;
			double		sum = j > 0 ? -ridge * sd * (b - centre) : 0;

			for (int64_t i = 0; i < data->n; i++)
				sum += p[i * classes + k] * (j > 0 ? (x[i] - mean) / sd : 1);
			largest = fmax(largest, fabs(sum) / sqrt((double) data->n));
		}
	}
	env_release(env, p);
	return largest;
}

static void
maximum_is_reached(void **state)
{
	CoreEnv    *env = *state;

	for (int nclasses = 3; nclasses < 6; nclasses++)
	{
		FitData    *data = random_data(env, 400, 4, nclasses, 40 + (uint64_t) nclasses);

		assert_true(largest_gradient(env, data, fit_data_model(env, data), 0) < 1e-10);
		assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 5));
		assert_true(largest_gradient(env, data, fit_data_model(env, data), 5) < 1e-10);
	}
}

/*
 * Heavy rows that are nearly separated make the first steps too long by many digits.  Where separation shows in the last
 * digits alone, a BLAS may end as separated and another run on at the same likelihood: all get there.
 */
static void
wild_weights_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	int			overlapping = 0;

	for (uint64_t seed = 1; seed <= 150; seed++)
	{
		TestRandom	random = {seed};
		FitData    *data = random_data(env, 15, 3, 3, 2000 + seed);
		Model	   *model;

		data->w = env_alloc(env, (size_t) data->n, sizeof(double));
		for (int64_t i = 0; i < data->n; i++)
		{
			data->w[i] = pow(10, (double) (test_random_bits(&random) % 7) - 3);
			data->y[i] = i < 3 ? (double) i : data->y[i];
		}
		assert_ok(env, params_set_number(env, &data->params, "max_iter", 400));
		model = fit_data_model(env, data);
		if (model_number(model, "separation") == 1)
			continue;
		overlapping++;
		assert_true(largest_gradient(env, data, model, 0) < 1e-8);
	}
	assert_true(overlapping >= 50);
}

/* More than 600 coefficients: L-BFGS finds the same maximum, without standard errors. */
static void
many_coefficients_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 1000, 151, 5, 46);
	Model	   *model;

	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 10));
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
	assert_true(largest_gradient(env, data, model, 10) < 1e-5);

	data = random_data(env, 2500, 151, 5, 47);
	/* collinear to the edge: the basis makes that harmless */
	for (int i = 0; i < 2500; i++)
		data->x[2500 + i] = data->x[i] + 1e-4 * data->x[2500 + i];
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
	assert_true(largest_gradient(env, data, model, 0) < 1e-5);
	assert_true(isnan(model_std_error(model, 0, 1)));
	assert_non_null(strstr(((TestEnv *) env)->last_log, "no standard errors"));
}

/* Without rows of one class of three the model is that of two classes. */
static void
two_of_three_classes_are_binary(void **state)
{
	CoreEnv    *env = *state;

	for (int absent = 0; absent < 3; absent++)
	{
		FitData    *data = random_data(env, 300, 2, 2, 50);
		FitData    *binary = fit_data_create(env, &algorithm_logistic, TASK_BINARY, 300, 2);
		Model	   *model;
		Model	   *expected;
		int			low = absent == 0 ? 1 : 0;
		int			high = absent == 2 ? 1 : 2;
		/* without the first class there is a row for each class */
		int			row = absent == 0 ? high : high - 1;

		memcpy(binary->x, data->x, 600 * sizeof(double));
		memcpy(binary->y, data->y, 300 * sizeof(double));
		for (int i = 0; i < 300; i++)
			data->y[i] = data->y[i] == 1 ? high : low;
		fit_data_classes(env, data, 3);
		model = fit_data_model(env, data);
		assert_non_null(strstr(((TestEnv *) env)->last_log, "has no training rows"));
		expected = fit_data_model(env, binary);
		for (int j = 0; j < 3; j++)
		{
			assert_close(model_estimate(model, row, j), model_estimate(expected, 0, j), 1e-9, model_std_error(expected, 0, j));
			assert_close(model_std_error(model, row, j), model_std_error(expected, 0, j), 1e-9, 0);
		}
		assert_close(model_number(model, "aic"), model_number(expected, "aic"), 1e-12, 0);
		assert_close(model_number(model, "null_deviance"), model_number(expected, "null_deviance"), 1e-12, 0);
		for (int i = 0; i < 300; i += 50)
		{
			double		margins[3];
			double		margin;

			fit_data_margins(env, data, model, i, margins);
			fit_data_margins(env, binary, expected, i, &margin);
			assert_close(margins[high] - margins[low], margin, 1e-9, 1);
			assert_true(margins[absent] < -1e6);
		}
	}
}

/* The first class is the reference only on paper. */
static void
reference_does_not_matter(void **state)
{
	CoreEnv    *env = *state;

	for (int penalised = 0; penalised < 2; penalised++)
	{
		FitData    *data = random_data(env, 300, 3, 3, 51);
		FitData    *turned = fit_data_copy(env, data);
		Model	   *a;
		Model	   *b;

		for (int i = 0; i < 300; i++)
			turned->y[i] = data->y[i] == 2 ? 0 : data->y[i] + 1;
		if (penalised)
		{
			assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 3));
			assert_ok(env, params_set_number(env, &turned->params, "reg_lambda", 3));
		}
		a = fit_data_model(env, data);
		b = fit_data_model(env, turned);
		assert_close(model_number(a, "deviance"), model_number(b, "deviance"), 1e-11, 0);
		for (int i = 0; i < 300; i += 10)
		{
			double		margins[3];
			double		other[3];

			fit_data_margins(env, data, a, i, margins);
			fit_data_margins(env, turned, b, i, other);
			for (int k = 0; k < 3; k++)
				assert_close(margins[k] - margins[2], other[(k + 1) % 3] - other[0], 1e-9, 1);
		}
	}
}

static void
units_and_blocks_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 500, 3, 3, 52);
	FitData    *moved = fit_data_copy(env, data);
	Model	   *model = fit_data_model(env, data);
	Model	   *other;

	for (int i = 0; i < 500; i++)
	{
		moved->x[i] = 1e-8 * data->x[i];
		moved->x[500 + i] = data->x[500 + i] + 1e5;
		moved->x[1000 + i] = 1e6 * (data->x[1000 + i] + 1e-4 * data->x[i]);
	}
	moved->block_rows = 13;
	moved->shuffle_tree = true;
	other = fit_data_model(env, moved);
	for (int k = 0; k < 2; k++)
	{
		assert_close(model_estimate(other, k, 2), model_estimate(model, k, 2), 1e-9, 0);
		assert_close(model_std_error(other, k, 2), model_std_error(model, k, 2), 1e-9, 0);
		assert_close(model_estimate(other, k, 3) * 1e6, model_estimate(model, k, 3), 1e-9, 0);
		assert_close(model_std_error(other, k, 3) * 1e6, model_std_error(model, k, 3), 1e-9, 0);
	}
	assert_close(model_number(other, "deviance"), model_number(model, "deviance"), 1e-12, 0);
}

/* The vector perpendicular to three others in four dimensions. */
static void
perpendicular(const long (*v)[4], int a, int b, int c, long *out)
{
	static const int other[4][3] = {{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}};

	for (int i = 0; i < 4; i++)
	{
		int			x = other[i][0];
		int			y = other[i][1];
		int			z = other[i][2];
		long		minor = v[a][x] * (v[b][y] * v[c][z] - v[b][z] * v[c][y]) - v[a][y] * (v[b][x] * v[c][z] - v[b][z] * v[c][x])
			+ v[a][z] * (v[b][x] * v[c][y] - v[b][y] * v[c][x]);

		out[i] = i % 2 == 0 ? minor : -minor;
	}
}

/* As in test_logistic.c, over the coefficients (intercept, slope) of classes 1 and 2 against 0. */
static bool
separated_by_brute_force(const long (*v)[4], int n, bool *full_rank)
{
	bool		found = false;

	*full_rank = false;
	for (int a = 0; a < n; a++)
	{
		for (int b = a + 1; b < n; b++)
		{
			for (int c = b + 1; c < n; c++)
			{
				long		d[4];
				bool		up = true;
				bool		down = true;

				perpendicular(v, a, b, c, d);
				if (d[0] == 0 && d[1] == 0 && d[2] == 0 && d[3] == 0)
					continue;
				for (int i = 0; i < n; i++)
				{
					long		gain = v[i][0] * d[0] + v[i][1] * d[1] + v[i][2] * d[2] + v[i][3] * d[3];

					*full_rank = *full_rank || gain != 0;
					up = up && gain >= 0;
					down = down && gain <= 0;
				}
				found = found || up || down;
			}
		}
	}
	return found;
}

static void
separation_is_exact(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {53};
	int			found[2] = {0, 0};

	for (int round = 0; round < 300; round++)
	{
		int			n = 6 + (int) (test_random_uniform(&random) * 13);
		FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, n, 1);
		long		v[40][4] = {{0}};
		int			count = 0;
		int			seen[3] = {0, 0, 0};
		bool		full_rank;
		bool		separated;
		Model	   *model;

		fit_data_classes(env, data, 3);
		for (int i = 0; i < n; i++)
		{
			long		x = (long) (test_random_uniform(&random) * 9) - 4;
			double		lean = (double) x + 12 * (test_random_uniform(&random) - 0.5) * (round % 4 > 0);
			int			y = lean < -1 ? 0 : lean < 2 ? 1 : 2;

			data->x[i] = (double) x;
			data->y[i] = y;
			seen[y]++;
			for (int k = 0; k < 3; k++)
			{
				if (k == y)
					continue;
				for (int sign = 1; sign >= -1; sign -= 2)
				{
					int			class = sign > 0 ? y : k;

					if (class > 0)
					{
						v[count][2 * (class - 1)] += sign;
						v[count][2 * (class - 1) + 1] += sign * x;
					}
				}
				count++;
			}
		}
		if (seen[0] == 0 || seen[1] == 0 || seen[2] == 0)
			continue;
		separated = separated_by_brute_force((const long (*)[4]) v, count, &full_rank);
		if (!full_rank)
			continue;
		model = fit_data_model(env, data);
		if (isnan(model_estimate(model, 0, 1)))
			continue;			/* the term is constant */
		found[separated]++;
		if ((model_number(model, "separation") == 1) != separated)
			fail_msg("round %d: separation is %d, found %g", round, separated, model_number(model, "separation"));
		assert_true(model_number(model, "converged") == !separated);
	}
	assert_true(found[0] > 50 && found[1] > 50);
}

static void
balanced_classes_are_weights(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 300, 2, 3, 57);
	FitData    *explicit = fit_data_copy(env, data);
	double		count[3] = {0, 0, 0};
	Model	   *model;
	Model	   *expected;

	for (int i = 0; i < 300; i++)
		count[(int) data->y[i]]++;
	explicit->w = env_alloc(env, 300, sizeof(double));
	for (int i = 0; i < 300; i++)
		explicit->w[i] = 100 / count[(int) data->y[i]];
	assert_ok(env, params_set_text(env, &data->params, "class_weight", "balanced"));
	model = fit_data_model(env, data);
	expected = fit_data_model(env, explicit);
	for (int k = 0; k < 2; k++)
	{
		for (int j = 0; j < 3; j++)
		{
			assert_close(model_estimate(model, k, j), model_estimate(expected, k, j), 1e-10, 1);
			assert_close(model_std_error(model, k, j), model_std_error(expected, k, j), 1e-10, 0);
		}
	}
	assert_close(model_number(model, "null_deviance"), model_number(expected, "null_deviance"), 1e-12, 0);
}

static void
bad_data_is_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 30, 2, 3, 54);
	Model	   *model;

	data->offset = env_alloc(env, 30, sizeof(double));
	data->offset[4] = 1;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_UNSUPPORTED);
	data->offset = NULL;
	data->w = env_alloc(env, 30, sizeof(double));
	assert_int_equal(fit_data_fit(env, data, &model), CORE_NUMERIC);
	data->w = NULL;
	data->y[3] = 3;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_INVALID);
	for (int i = 0; i < 30; i++)
		data->y[i] = 2;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "all training rows have class \"c2\""));
	data = random_data(env, 30, 2, 3, 54);
	assert_ok(env, params_set_number(env, &data->params, "scale_pos_weight", 2));
	assert_int_equal(fit_data_fit(env, data, &model), CORE_INVALID);
}

static void
forged_models_are_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 60, 2, 3, 55);
	Model	   *model = fit_data_model(env, data);
	ModelArray *estimate = (ModelArray *) model_array(model, "estimate");

	((double *) estimate->data)[4] = -INFINITY;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	((double *) estimate->data)[4] = 0;
	assert_ok(env, algorithm_logistic.bind(env, model));
	estimate->rows = 1;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	estimate->rows = 2;
	model->noutputs = 2;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	model->noutputs = 3;
	model->target.nclasses = 1;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	model->target.nclasses = 3;
	model->link = LINK_LOGIT;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
}

static void
memory_may_be_refused(void **state)
{
	CoreEnv    *env = *state;

	fit_data_refuse_memory(*state, random_data(env, 60, 2, 3, 56));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(agrees_with_r),
		TEST(ridge_agrees_with_scikit_learn),
		TEST(maximum_is_reached),
		TEST(wild_weights_are_fitted),
		TEST(many_coefficients_are_fitted),
		TEST(two_of_three_classes_are_binary),
		TEST(reference_does_not_matter),
		TEST(units_and_blocks_do_not_matter),
		TEST(separation_is_exact),
		TEST(balanced_classes_are_weights),
		TEST(bad_data_is_refused),
		TEST(forged_models_are_refused),
		TEST(memory_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
