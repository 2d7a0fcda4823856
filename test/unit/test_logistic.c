/*
 * test_logistic.c: binary logistic regression against R and scikit-learn, separation against brute force, invariances.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_logistic;
extern const Algorithm algorithm_glm;

#define GLM_ORACLE "test/oracle/glm.csv"
#define SKLEARN_ORACLE "test/oracle/sklearn_fits.csv"

static const char *const pima_terms[] = {"pregnant", "glucose", "pressure", "triceps", "insulin", "mass", "pedigree", "age"};

static void
set_number(CoreEnv *env, FitData *data, const char *name, double value)
{
	assert_ok(env, params_set_number(env, &data->params, name, value));
}

static FitData *
csv_data(CoreEnv *env, const Csv *csv, const char *target, const char *positive, const char *const *terms, int nterms)
{
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 0);

	for (int j = 0; j < nterms; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
		data->y[i] = strcmp(csv_field(csv, rows[i], csv_column(csv, target)), positive) == 0;
	return data;
}

static FitData *
pima_data(CoreEnv *env)
{
	return csv_data(env, csv_read(env, "test/data/pima_diabetes.csv"), "diabetes", "pos", pima_terms, 8);
}

static FitData *
telco_data(CoreEnv *env)
{
	Csv		   *csv = csv_read(env, "test/data/telco_churn.csv");

	/* the key and the target come first */
	return csv_data(env, csv, "churn", "Yes", (const char *const *) csv->header + 2, csv->columns - 2);
}

static void
compare_terms(const Csv *oracle, const char *group, const FitData *data, const Model *model, double tolerance, bool errors)
{
	for (int j = params_boolean(&data->params, "fit_intercept") ? 0 : 1; j <= data->nterms; j++)
	{
		const char *term = j == 0 ? "(Intercept)" : data->terms[j - 1].name;
		double		expected = oracle_value(oracle, group, term, "value");
		double		error = model_std_error(model, 0, j);
		/* estimates that are small beside their errors are compared on the scale of these */
		double		floor = errors && tolerance <= 1e-9 ? 0.1 * oracle_value(oracle, group, term, "error") : 0;

		test_assert_close(model_estimate(model, 0, j), expected, tolerance, isnan(floor) ? 0 : floor, term, group, j);
		if (errors)
			test_assert_close(error, oracle_value(oracle, group, term, "error"), tolerance, 0, term, group, j);
		else
			assert_true(isnan(error));
	}
}

static void
compare_statistics(const Csv *oracle, const char *group, const Model *model, double tolerance)
{
	static const char *const same[] = {"deviance", "null_deviance", "aic", "bic", "log_likelihood"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		test_assert_close(model_number(model, same[i]), oracle_value(oracle, group, same[i], "value"), tolerance, 0, same[i], group, 0);
	assert_true(model_number(model, "df_error") == oracle_value(oracle, group, "df", "value"));
	assert_true(model_number(model, "converged") == 1);
	assert_true(model_number(model, "separation") == 0);
	assert_true(isnan(model_number(model, "df_residual")));
}

static void
pima_agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = pima_data(env);
	Model	   *model = fit_data_model(env, data);

	compare_terms(oracle, "pima", data, model, 1e-9, true);
	compare_statistics(oracle, "pima", model, 1e-12);

	data->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int64_t i = 0; i < data->n; i++)
		data->w[i] = 1 + (double) ((i + 1) % 3);
	model = fit_data_model(env, data);
	compare_terms(oracle, "pima_weighted", data, model, 1e-9, true);
	compare_statistics(oracle, "pima_weighted", model, 1e-12);

	data->w = NULL;
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "pima_no_intercept", data, fit_data_model(env, data), 1e-9, true);
}

/* Six identical dummies and one that is a linear function of another. */
static void
telco_agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = telco_data(env);
	Model	   *model = fit_data_model(env, data);
	const char *message = ((TestEnv *) env)->last_log;

	compare_terms(oracle, "telco", data, model, 1e-9, true);
	compare_statistics(oracle, "telco", model, 1e-12);
	assert_int_equal(((TestEnv *) env)->logs, 1);
	assert_non_null(strstr(message, "7 terms"));
	assert_non_null(strstr(message, "\"online_security=No internet service\""));
}

static void
other_links_agree_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = pima_data(env);

	data->algorithm = &algorithm_glm;
	assert_ok(env, params_init(env, &data->params, "glm", algorithm_glm.params));
	assert_ok(env, params_set_text(env, &data->params, "link", "probit"));
	compare_terms(oracle, "pima_probit", data, fit_data_model(env, data), 1e-9, true);
	assert_ok(env, params_init(env, &data->params, "glm", algorithm_glm.params));
	assert_ok(env, params_set_text(env, &data->params, "link", "cloglog"));
	/* R's scoring creeps here and stops at 1e-8 of a standard error from the maximum */
	compare_terms(oracle, "pima_cloglog", data, fit_data_model(env, data), 1e-7, true);
}

static FitData *
small_data(CoreEnv *env)
{
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	static const char *const terms[] = {"x1", "x2", "x3", "x4", "x5"};
	FitData    *data = csv_data(env, csv, "binary", "1", terms, 5);

	data->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int i = 0; i < csv->rows; i++)
		data->w[i] = csv_number(csv, i, csv_column(csv, "w"));
	return data;
}

static void
ridge_agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, SKLEARN_ORACLE);
	FitData    *data = pima_data(env);

	set_number(env, data, "reg_lambda", 3);
	compare_terms(oracle, "ridge_pima", data, fit_data_model(env, data), 1e-7, false);

	data = pima_data(env);
	set_number(env, data, "C", 2);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "ridge_no_intercept", data, fit_data_model(env, data), 1e-7, false);

	data = small_data(env);
	set_number(env, data, "lambda", 2);
	compare_terms(oracle, "ridge_weighted", data, fit_data_model(env, data), 1e-7, false);
}


/* Largest score of the unpenalised likelihood, each relative to the root of its information: 0 at the maximum. */
static double
largest_score(CoreEnv *env, const FitData *data, const Model *model)
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
		algorithm_logistic.score(model, terms + 1, NULL, &margin);
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

static FitData *
random_data(CoreEnv *env, int n, int nterms, uint64_t seed)
{
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, nterms);
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

static void
assert_same_fit(const FitData *data, const Model *a, const Model *b, double tolerance)
{
	for (int j = 0; j <= data->nterms; j++)
	{
		assert_close(model_estimate(a, 0, j), model_estimate(b, 0, j), tolerance, model_std_error(b, 0, j));
		assert_close(model_std_error(a, 0, j), model_std_error(b, 0, j), tolerance, 0);
	}
	assert_close(model_number(a, "deviance"), model_number(b, "deviance"), tolerance, 0);
	assert_close(model_number(a, "null_deviance"), model_number(b, "null_deviance"), tolerance, 0);
}

/* x = scale z + shift must change coefficients by exactly that, whatever the size of both. */
static void
units_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 500, 3, 11);
	FitData    *moved = fit_data_copy(env, data);
	const double scale[] = {1e-9, 3e7, 1};
	const double shift[] = {1e-3, -5, 1e6};
	Model	   *plain = fit_data_model(env, data);
	Model	   *other;
	double		intercept;

	for (int j = 0; j < 3; j++)
	{
		for (int i = 0; i < 500; i++)
			moved->x[j * 500 + i] = data->x[j * 500 + i] * scale[j] + shift[j];
	}
	other = fit_data_model(env, moved);
	intercept = model_estimate(other, 0, 0);
	for (int j = 0; j < 3; j++)
	{
		/* adding 1e6 to numbers of size 1 loses ten digits of them */
		assert_close(model_estimate(other, 0, 1 + j) * scale[j], model_estimate(plain, 0, 1 + j), 1e-8, 0);
		assert_close(model_std_error(other, 0, 1 + j) * scale[j], model_std_error(plain, 0, 1 + j), 1e-8, 0);
		intercept += model_estimate(other, 0, 1 + j) * shift[j];
	}
	assert_close(intercept, model_estimate(plain, 0, 0), 1e-8, 1);
	assert_close(model_number(other, "deviance"), model_number(plain, "deviance"), 1e-10, 0);
}

static void
blocks_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 1000, 4, 12);
	FitData    *split = fit_data_copy(env, data);
	Model	   *whole = fit_data_model(env, data);

	for (int rows = 1; rows < 1000; rows = rows * 3 + 4)
	{
		split->block_rows = rows;
		split->shuffle_tree = rows % 2 == 0;
		assert_same_fit(data, fit_data_model(env, split), whole, 1e-10);
	}
}

/* Weight 3 is three rows, weight 0 is none. */
static void
weights_are_copies(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 200, 2, 13);
	FitData    *copies;
	Model	   *weighted;
	Model	   *repeated;
	int			n = 0;

	data->w = env_alloc(env, 200, sizeof(double));
	for (int i = 0; i < 200; i++)
		n += (int) (data->w[i] = i % 4);
	copies = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 2);
	for (int i = 0, row = 0; i < 200; i++)
	{
		for (int k = 0; k < i % 4; k++, row++)
		{
			copies->y[row] = data->y[i];
			copies->x[row] = data->x[i];
			copies->x[n + row] = data->x[200 + i];
		}
	}
	weighted = fit_data_model(env, data);
	repeated = fit_data_model(env, copies);
	assert_same_fit(data, weighted, repeated, 1e-10);
	assert_true(model_number(weighted, "rows") == 150 && model_number(repeated, "rows") == n);
}

static void
class_weights_are_weights(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 300, 2, 14);
	FitData    *explicit = fit_data_copy(env, data);
	double		positive = 0;

	explicit->w = env_alloc(env, 300, sizeof(double));
	for (int i = 0; i < 300; i++)
		positive += data->y[i];
	for (int i = 0; i < 300; i++)
		explicit->w[i] = data->y[i] == 1 ? 150 / positive : 150 / (300 - positive);
	assert_ok(env, params_set_text(env, &data->params, "class_weight", "balanced"));
	assert_same_fit(data, fit_data_model(env, data), fit_data_model(env, explicit), 1e-10);

	data = random_data(env, 300, 2, 14);
	set_number(env, data, "scale_pos_weight", 2.5);
	for (int i = 0; i < 300; i++)
		explicit->w[i] = data->y[i] == 1 ? 2.5 : 1;
	assert_same_fit(data, fit_data_model(env, data), fit_data_model(env, explicit), 1e-10);
}

/* An offset that is linear in the terms moves the coefficients and nothing else. */
static void
offsets_move_coefficients(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 400, 2, 15);
	Model	   *plain = fit_data_model(env, data);
	Model	   *offset;

	data->offset = env_alloc(env, 400, sizeof(double));
	for (int i = 0; i < 400; i++)
		data->offset[i] = 30 - 2 * data->x[i];
	offset = fit_data_model(env, data);
	assert_close(model_estimate(offset, 0, 0) + 30, model_estimate(plain, 0, 0), 1e-9, 1);
	assert_close(model_estimate(offset, 0, 1) - 2, model_estimate(plain, 0, 1), 1e-9, 0);
	assert_close(model_estimate(offset, 0, 2), model_estimate(plain, 0, 2), 1e-9, 0);
	assert_close(model_std_error(offset, 0, 2), model_std_error(plain, 0, 2), 1e-9, 0);
	assert_close(model_number(offset, "deviance"), model_number(plain, "deviance"), 1e-12, 0);
	/* the null model has the offset too, and one free intercept: its score is 0 */
	assert_true(model_number(offset, "null_deviance") > model_number(offset, "deviance"));
}

/* Large data sets begin on a sample; the result may not show it. */
static void
sampling_does_not_matter(void **state)
{
	CoreEnv    *env = *state;
	int64_t		n = 130 * BLOCK_ROWS + 17;
	FitData    *data = random_data(env, (int) n, 2, 16);
	int64_t		nblocks = 131;
	Model	   *sampled = fit_data_model(env, data);
	Model	   *whole;

	assert_true(data->blocks_read < 5 * nblocks);
	assert_true(largest_score(env, data, sampled) < 1e-8);
	/* a penalty needs all rows from the start; this one is nothing */
	data = random_data(env, (int) n, 2, 16);
	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 1e-12));
	whole = fit_data_model(env, data);
	for (int j = 0; j < 3; j++)
		assert_close(model_estimate(sampled, 0, j), model_estimate(whole, 0, j), 1e-9, 0);
	assert_true(model_number(sampled, "converged") == 1);
}

/*
 * Whether integer data (rows of 1, a, b) with classes s = +1, -1 are separated:
 * the cone {d: s_i z_i'd >= 0} is not just 0 exactly when one of its edges, each
 * perpendicular to two rows, is in it.  Exact arithmetic; rank 3 assumed.
 */
static bool
separated_by_brute_force(const int (*z)[3], const int *s, int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = i + 1; j < n; j++)
		{
			int			d[3] = {
				z[i][1] * z[j][2] - z[i][2] * z[j][1],
				z[i][2] * z[j][0] - z[i][0] * z[j][2],
				z[i][0] * z[j][1] - z[i][1] * z[j][0]
			};
			bool		up = true;
			bool		down = true;

			if (d[0] == 0 && d[1] == 0 && d[2] == 0)
				continue;
			for (int k = 0; k < n; k++)
			{
				int			gain = s[k] * (z[k][0] * d[0] + z[k][1] * d[1] + z[k][2] * d[2]);

				up = up && gain >= 0;
				down = down && gain <= 0;
			}
			if (up || down)
				return true;
		}
	}
	return false;
}

static bool
has_rank_3(const int (*z)[3], int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
		{
			for (int k = 0; k < j; k++)
			{
				if (z[i][0] * (z[j][1] * z[k][2] - z[j][2] * z[k][1]) - z[i][1] * (z[j][0] * z[k][2] - z[j][2] * z[k][0]) +
					z[i][2] * (z[j][0] * z[k][1] - z[j][1] * z[k][0]) != 0)
					return true;
			}
		}
	}
	return false;
}

static void
separation_is_exact(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {17};
	int			found[2] = {0, 0};

	for (int round = 0; round < 600; round++)
	{
		int			n = 5 + (int) (test_random_uniform(&random) * 20);
		int			z[32][3];
		int			s[32];
		int			positive = 0;
		FitData    *data;
		Model	   *model;
		bool		separated;

		for (int i = 0; i < n; i++)
		{
			double		lean;

			z[i][0] = 1;
			z[i][1] = (int) (test_random_uniform(&random) * 7) - 3;
			z[i][2] = round % 2 == 0 ? (int) (test_random_uniform(&random) * 7) - 3 : test_random_uniform(&random) < 0.3;
			lean = z[i][1] + (round % 3) * z[i][2] + 4 * (test_random_uniform(&random) - 0.5);
			s[i] = lean > 0 ? 1 : -1;
			positive += s[i] > 0;
		}
		if (positive == 0 || positive == n || !has_rank_3(z, n))
			continue;
		data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 2);
		for (int i = 0; i < n; i++)
		{
			data->y[i] = s[i] > 0;
			data->x[i] = z[i][1];
			data->x[n + i] = z[i][2];
		}
		separated = separated_by_brute_force(z, s, n);
		model = fit_data_model(env, data);
		found[separated]++;
		if ((model_number(model, "separation") == 1) != separated)
			fail_msg("round %d: separation is %d, found %g", round, separated, model_number(model, "separation"));
		assert_true(model_number(model, "converged") == !separated);
		for (int j = 0; j < 3; j++)
			assert_true(isfinite(model_estimate(model, 0, j)));
		if (!separated)
			assert_true(largest_score(env, data, model) < 1e-8);
	}
	assert_true(found[0] > 100 && found[1] > 100);
}

/* One row on the wrong side by a hair: the maximum is far out but finite. */
static void
near_separation_is_not_separation(void **state)
{
	CoreEnv    *env = *state;

	for (double overlap = 0.1; overlap > 1e-7; overlap *= 0.1)
	{
		FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, 22, 1);
		Model	   *model;

		for (int i = 0; i < 20; i++)
		{
			data->y[i] = i >= 10;
			data->x[i] = i >= 10 ? i - 9 : i - 10;
		}
		data->y[20] = 0;
		data->x[20] = overlap;
		data->y[21] = 1;
		data->x[21] = -overlap;
		model = fit_data_model(env, data);
		assert_true(model_number(model, "separation") == 0);
		assert_true(model_number(model, "converged") == 1);
		assert_true(largest_score(env, data, model) < 1e-7);
		assert_true(isfinite(model_std_error(model, 0, 1)));
	}
}

/*
 * A term that is 1 only in rows of one class: its estimate is infinite, and the
 * others have the estimates and errors of a fit without those rows.
 */
static void
quasi_separation_leaves_the_rest(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 300, 3, 18);
	FitData    *rest = fit_data_create(env, &algorithm_logistic, TASK_BINARY, 300, 2);
	Model	   *model;
	Model	   *expected;

	rest->w = env_alloc(env, 300, sizeof(double));
	for (int i = 0; i < 300; i++)
	{
		bool		marked = data->y[i] == 1 && i % 5 == 0;

		rest->y[i] = data->y[i];
		rest->x[i] = data->x[i];
		rest->x[300 + i] = data->x[600 + i];
		rest->w[i] = marked ? 0 : 1;
		data->x[300 + i] = marked;
	}
	data->terms[1].name = env_strdup(env, "marked");
	model = fit_data_model(env, data);
	expected = fit_data_model(env, rest);
	assert_true(model_number(model, "separation") == 1 && model_number(model, "converged") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "partly separated: estimates of \"marked\" have"));
	assert_true(model_estimate(model, 0, 2) > 5 && isfinite(model_estimate(model, 0, 2)));
	assert_true(isnan(model_std_error(model, 0, 2)));
	for (int j = 0; j < 3; j++)
	{
		int			at = j == 2 ? 3 : j;

		assert_close(model_estimate(model, 0, at), model_estimate(expected, 0, j), 1e-6, model_std_error(expected, 0, j));
		assert_close(model_std_error(model, 0, at), model_std_error(expected, 0, j), 1e-5, 0);
	}
	/* a penalty makes the estimate finite */
	set_number(env, data, "reg_lambda", 0.1);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 0 && model_number(model, "converged") == 1);
}

static void
complete_separation_is_reported(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 100, 2, 19);
	Model	   *model;

	for (int i = 0; i < 100; i++)
		data->y[i] = data->x[i] + data->x[100 + i] > 0.3;
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1 && model_number(model, "converged") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "completely separated"));
	assert_true(model_number(model, "deviance") < 1e-3);
	for (int i = 0; i < 100; i++)
	{
		double		margin;

		fit_data_margins(env, data, model, i, &margin);
		assert_true((margin > 0) == (data->y[i] == 1));
	}
}

/* Weights over nine orders of magnitude, a handful of positives. */
static void
uneven_rows_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 2000, 3, 27);
	TestRandom	random = {28};
	Model	   *model;
	int			positive = 0;

	data->w = env_alloc(env, 2000, sizeof(double));
	for (int i = 0; i < 2000; i++)
		data->w[i] = pow(10, 9 * test_random_uniform(&random) - 4);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
	assert_true(largest_score(env, data, model) < 1e-7);

	data->w = NULL;
	for (int i = 0; i < 2000; i++)
		positive += (int) (data->y[i] = data->y[i] == 1 && i % 200 == 7);
	assert_true(positive > 3 && positive < 20);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1 || largest_score(env, data, model) < 1e-8);
}

static void
penalty_has_its_limits(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 300, 2, 20);
	Model	   *plain = fit_data_model(env, data);
	Model	   *model;

	set_number(env, data, "reg_lambda", 1e-9);
	model = fit_data_model(env, data);
	for (int j = 0; j < 3; j++)
	{
		assert_close(model_estimate(model, 0, j), model_estimate(plain, 0, j), 1e-9, 0);
		assert_true(isnan(model_std_error(model, 0, j)));
	}
	assert_true(isnan(model_number(model, "aic")));
	data = random_data(env, 300, 2, 20);
	set_number(env, data, "C", 1e-10);
	model = fit_data_model(env, data);
	assert_true(fabs(model_estimate(model, 0, 1)) < 1e-7);
	assert_close(model_number(model, "deviance"), model_number(model, "null_deviance"), 1e-7, 0);
}

static void
expect_failure(CoreEnv *env, FitData *data, CoreStatus expected, const char *part)
{
	Model	   *model;
	CoreStatus	status = fit_data_fit(env, data, &model);

	assert_int_equal(status, expected);
	if (strstr(env->message, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", env->message, part);
}

static void
bad_data_is_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 50, 2, 21);

	data->w = env_alloc(env, 50, sizeof(double));
	expect_failure(env, data, CORE_NUMERIC, "no training row has a positive weight");
	for (int i = 0; i < 50; i++)
		data->w[i] = data->y[i];
	expect_failure(env, data, CORE_NUMERIC, "all training rows have class \"c1\"");
	assert_non_null(strstr(env->hint, "both classes"));
	data->w[3] = -1;
	expect_failure(env, data, CORE_INVALID, "weight -1");
	data->w = NULL;
	data->x[60] = INFINITY;
	expect_failure(env, data, CORE_NUMERIC, "");
	data->x[60] = 0;
	data->offset = env_alloc(env, 50, sizeof(double));
	data->offset[7] = NAN;
	expect_failure(env, data, CORE_INVALID, "offset");
	data->offset = NULL;
	set_number(env, data, "C", 1);
	set_number(env, data, "reg_lambda", 1);
	expect_failure(env, data, CORE_INVALID, "exclude each other");
}

static void
degenerate_designs_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 60, 3, 22);
	Model	   *model;

	/* no terms: the log odds */
	data->nterms = 0;
	model = fit_data_model(env, data);
	assert_close(model_number(model, "deviance"), model_number(model, "null_deviance"), 1e-12, 0);
	data->nterms = 3;
	/* constant, zero and duplicate terms have no coefficient */
	for (int i = 0; i < 60; i++)
	{
		data->x[i] = 1e9;
		data->x[120 + i] = 3 * data->x[60 + i] - 7;
	}
	model = fit_data_model(env, data);
	assert_true(isnan(model_estimate(model, 0, 1)) && isfinite(model_estimate(model, 0, 2)) && isnan(model_estimate(model, 0, 3)));
	assert_true(largest_score(env, data, model) < 1e-3);
	assert_true(model_number(model, "df_error") == 58);
	/* more terms than rows separate anything */
	data = random_data(env, 10, 30, 23);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1);
	assert_true(isnan(model_estimate(model, 0, 30)));
	/* but not with a penalty */
	set_number(env, data, "reg_lambda", 1);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1 && isfinite(model_estimate(model, 0, 30)));
}

/* As wide as several panels of the factorization. */
static void
wide_designs_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 6000, 300, 26);
	Model	   *model = fit_data_model(env, data);
	FitData    *narrow;
	Model	   *expected;

	assert_true(model_number(model, "converged") == 1);
	assert_true(largest_score(env, data, model) < 1e-8);
	/* terms that only rotate others: the same fit, and the same errors of what is not rotated */
	narrow = fit_data_copy(env, data);
	for (int i = 0; i < 6000; i++)
	{
		for (int j = 200; j < 300; j++)
			narrow->x[j * 6000 + i] = data->x[j * 6000 + i] + 0.5 * data->x[(j - 100) * 6000 + i];
	}
	expected = fit_data_model(env, narrow);
	for (int j = 201; j <= 300; j++)
		assert_close(model_estimate(model, 0, j), model_estimate(expected, 0, j), 1e-9, model_std_error(model, 0, j));
	for (int j = 0; j <= 100; j++)
		assert_close(model_std_error(model, 0, j), model_std_error(expected, 0, j), 1e-9, 0);
}

static void
too_few_iterations_are_reported(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = pima_data(env);
	Model	   *model;

	set_number(env, data, "max_iter", 2);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 0 && model_number(model, "separation") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "did not converge"));
}

static void
forged_models_are_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 60, 2, 24);
	Model	   *model = fit_data_model(env, data);
	double	   *estimate = ((ModelArray *) model_array(model, "estimate"))->data;
	double		saved = estimate[1];

	estimate[1] = INFINITY;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	estimate[1] = saved;
	assert_ok(env, algorithm_logistic.bind(env, model));
	((ModelArray *) model_array(model, "estimate"))->cols = 2;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	((ModelArray *) model_array(model, "estimate"))->cols = 3;
	model->noutputs = 2;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	model->noutputs = 1;
	model->link = LINK_PROBIT;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
}

/* Every allocation may be refused: the fit says so and nothing breaks. */
static void
memory_may_be_refused(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	FitData    *data = random_data(env, 60, 3, 25);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pima_agrees_with_r),
		TEST(telco_agrees_with_r),
		TEST(other_links_agree_with_r),
		TEST(ridge_agrees_with_scikit_learn),
		TEST(units_do_not_matter),
		TEST(blocks_do_not_matter),
		TEST(weights_are_copies),
		TEST(class_weights_are_weights),
		TEST(offsets_move_coefficients),
		TEST(sampling_does_not_matter),
		TEST(separation_is_exact),
		TEST(near_separation_is_not_separation),
		TEST(quasi_separation_leaves_the_rest),
		TEST(complete_separation_is_reported),
		TEST(uneven_rows_are_fitted),
		TEST(penalty_has_its_limits),
		TEST(bad_data_is_refused),
		TEST(degenerate_designs_are_fitted),
		TEST(wide_designs_are_fitted),
		TEST(too_few_iterations_are_reported),
		TEST(forged_models_are_refused),
		TEST(memory_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
