/*
 * test_glm.c: generalized linear models against R's glm (test/oracle/glm.R), and what must hold of any of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/glm_family.h"
#include "fit_support.h"

extern const Algorithm algorithm_glm;

/* Largest accepted relative difference from R; for coefficients relative to their standard errors where those are larger. */
#define R_TOLERANCE 1e-9

static void
set_choice(CoreEnv *env, FitData *data, const char *name, const char *value)
{
	assert_ok(env, params_set_text(env, &data->params, name, value));
}

static void
compare_coefficient(const Csv *oracle, const char *group, const char *term, double estimate, double error)
{
	double		expected = oracle_value(oracle, group, term, "value");
	double		expected_error = oracle_value(oracle, group, term, "error");
	char		what[160];

	snprintf(what, sizeof(what), "%s: %s", group, term);
	if (isnan(expected))
	{
		if (!isnan(estimate) || !isnan(error))
			fail_msg("%s is aliased in R, not here", what);
		return;
	}
	test_assert_close(estimate, expected, R_TOLERANCE, expected_error, what, __FILE__, __LINE__);
	test_assert_close(error, expected_error, R_TOLERANCE, 0, what, __FILE__, __LINE__);
}

static void
compare_with_oracle(const Csv *oracle, const char *group, const FitData *data, const Model *model)
{
	static const char *const same[] = {"deviance", "null_deviance", "aic", "bic", "log_likelihood", "dispersion"};
	bool		estimated = !isnan(model_number(model, "df_residual"));

	if (params_boolean(&data->params, "fit_intercept"))
		compare_coefficient(oracle, group, "(Intercept)", model_estimate(model, 0, 0), model_std_error(model, 0, 0));
	for (int j = 0; j < data->nterms; j++)
		compare_coefficient(oracle, group, data->terms[j].name, model_estimate(model, 0, 1 + j), model_std_error(model, 0, 1 + j));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		test_assert_close(model_number(model, same[i]), oracle_value(oracle, group, same[i], "value"), R_TOLERANCE, 0, same[i], group, 0);
	assert_true(model_number(model, estimated ? "df_residual" : "df_error") == oracle_value(oracle, group, "df", "value"));
	assert_true(model_number(model, "converged") == 1);
}

typedef struct Case
{
	const char *name;
	const char *family;
	const char *link;
	const char *target;
	const char *terms;			/* "x1 x4" */
	const char *weight;			/* NULL, "w", "w0.5" (0 becomes 0.5), "trials" */
	bool		offset;
	bool		no_intercept;
} Case;

#define ALL "x1 x2 x3 x4 x5"

static const Case cases[] = {
	{"gaussian", "gaussian", "canonical", "number", ALL, NULL, false, false},
	{"gaussian_weighted", "gaussian", "identity", "number", ALL, "0.5", true, false},
	{"gaussian_log", "gaussian", "log", "number", ALL, NULL, false, false},
	{"gaussian_inverse", "gaussian", "inverse", "number", ALL, NULL, false, false},
	{"logit", "binomial", "logit", "binary", ALL, NULL, true, false},
	{"logit_zero_weights", "binomial", "canonical", "binary", ALL, "0", false, false},
	{"probit", "binomial", "probit", "binary", ALL, NULL, false, false},
	{"cloglog", "binomial", "cloglog", "binary", ALL, NULL, true, false},
	{"binomial_log", "binomial", "log", "rare", "x4", "0", false, false},
	{"proportion", "binomial", "logit", "proportion", ALL, "1", false, false},
	{"proportion_probit", "binomial", "probit", "proportion", ALL, "1", true, false},
	{"poisson", "poisson", "canonical", "counts", ALL, NULL, true, false},
	{"poisson_weighted", "poisson", "log", "counts", ALL, "0.25", false, false},
	{"poisson_no_intercept", "poisson", "log", "counts", ALL, NULL, true, true},
	{"poisson_sqrt", "poisson", "sqrt", "counts", "x4 x3", NULL, false, false},
	{"poisson_identity", "poisson", "identity", "counts", "x4", NULL, false, false},
	{"gamma", "gamma", "canonical", "positive", ALL, NULL, false, false},
	{"gamma_log", "gamma", "log", "positive", ALL, "0.5", true, false},
	{"gamma_identity", "gamma", "identity", "positive", "x1 x4", NULL, false, false},
	{"inverse_gaussian", "inverse_gaussian", "canonical", "inverse_gaussian", ALL, NULL, false, false},
	{"inverse_gaussian_log", "inverse_gaussian", "log", "inverse_gaussian", ALL, NULL, true, false},
	{"inverse_gaussian_inverse", "inverse_gaussian", "inverse", "inverse_gaussian", ALL, "0.5", false, false},
	{"inverse_gaussian_identity", "inverse_gaussian", "identity", "inverse_gaussian", "x1 x4", NULL, false, false},
	{"aliased", "binomial", "logit", "binary", "x1 x2 x12 ones x3 x4 x5 copy", NULL, false, false}
};

#define TWO_PI 6.283185307179586
#define NCASES ((int) (sizeof(cases) / sizeof(cases[0])))

/* Columns of glm_data.csv and those that glm.R derives from them. */
static double
table_value(const Csv *csv, int row, const char *name)
{
	if (strcmp(name, "x12") == 0)
		return csv_number(csv, row, csv_column(csv, "x1")) + csv_number(csv, row, csv_column(csv, "x2"));
	if (strcmp(name, "ones") == 0)
		return 7;
	if (strcmp(name, "copy") == 0)
		return csv_number(csv, row, csv_column(csv, "x4"));
	if (strcmp(name, "rare") == 0)
		return csv_number(csv, row, csv_column(csv, "counts")) >= 4;
	return csv_number(csv, row, csv_column(csv, name));
}

static double *
table_values(CoreEnv *env, const Csv *csv, const char *name)
{
	double	   *values = env_alloc(env, (size_t) csv->rows, sizeof(double));

	for (int i = 0; i < csv->rows; i++)
		values[i] = table_value(csv, i, name);
	return values;
}

static FitData *
case_data(CoreEnv *env, const Csv *csv, const Case *c)
{
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, csv->rows, 0);
	char	   *names = env_strdup(env, c->terms);

	for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
		fit_data_add_column(env, data, name, table_values(env, csv, name));
	data->y = table_values(env, csv, c->target);
	if (c->weight != NULL)
	{
		data->w = table_values(env, csv, "w");
		for (int i = 0; i < csv->rows; i++)
			data->w[i] = data->w[i] == 0 ? strtod(c->weight, NULL) : data->w[i];
	}
	if (c->offset)
		data->offset = table_values(env, csv, "offset");
	set_choice(env, data, "family", c->family);
	set_choice(env, data, "link", c->link);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", !c->no_intercept));
	return data;
}

static void
agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	Csv		   *oracle = csv_read(env, "test/oracle/glm.csv");

	for (int i = 0; i < NCASES; i++)
	{
		FitData    *data = case_data(env, csv, &cases[i]);

		compare_with_oracle(oracle, cases[i].name, data, fit_data_model(env, data));
	}
}


/* Every family with every link that it has, and a mean for it. */
static void
for_each_spec(void (*check) (const GlmSpec *spec, double eta, double y))
{
	static const double targets[] = {0, 1, 0.3, 2.5, 7, -1.2};

	for (int family = GLM_GAUSSIAN; family <= GLM_INVERSE_GAUSSIAN; family++)
	{
		for (int link = LINK_IDENTITY; link <= LINK_INVERSE_SQUARE; link++)
		{
			GlmSpec		spec = {(GlmFamily) family, (Link) link};

			if (!glm_link_allowed(spec.family, spec.link))
				continue;
			for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]); t++)
			{
				if (glm_domain_error(spec.family, targets[t]) != NULL)
					continue;
				for (double mean = 0.05; mean < 0.99; mean += 0.13)
					check(&spec, glm_link(spec.link, mean), targets[t]);
			}
		}
	}
}

static double
deviance_at(const GlmSpec *spec, double eta, double y)
{
	GlmNull		sum = {0};

	glm_null_row(spec, eta, y, 2.5, &sum);
	assert_false(sum.invalid);
	return sum.deviance;
}

static double
score_at(const GlmSpec *spec, double eta, double y)
{
	GlmNull		sum = {0};

	glm_null_row(spec, eta, y, 2.5, &sum);
	return sum.score;
}

/* Score = -1/2 d deviance / d eta, curvature = -d score / d eta, and chunks agree with single rows. */
static void
check_derivatives(const GlmSpec *spec, double eta, double y)
{
	double		h = 1e-4 * fmax(fabs(eta), 0.01);
	double		w = 2.5;
	double		root;
	double		residual;
	double		curvature;
	GlmSums		sums = {0};
	double		slope = (deviance_at(spec, eta - 2 * h, y) - 8 * deviance_at(spec, eta - h, y) + 8 * deviance_at(spec, eta + h, y) -
						 deviance_at(spec, eta + 2 * h, y)) / (12 * h);
	double		bend = (score_at(spec, eta - 2 * h, y) - 8 * score_at(spec, eta - h, y) + 8 * score_at(spec, eta + h, y) -
						score_at(spec, eta + 2 * h, y)) / (12 * h);

	glm_rows(spec, 1, &eta, &y, &w, &root, &residual, &sums);
	glm_curvature(spec, 1, &eta, &y, &w, &curvature);
	assert_false(sums.invalid);
	assert_close(sums.deviance, deviance_at(spec, eta, y), 1e-13, 1e-3);
	assert_close(root * root * residual, -0.5 * slope, 1e-7, 1e-3 * root * root);
	assert_close(root * root * residual, score_at(spec, eta, y), 1e-12, 0);
	assert_close(curvature, -bend, 1e-7, root * root);
	assert_close(sums.pearson, root * root * residual * residual, 1e-12, 0);
	if (spec->link == glm_canonical_link(spec->family))
		assert_close(curvature, root * root, 1e-10, 0);
}

static void
derivatives_agree_with_differences(void **state)
{
	(void) state;
	for_each_spec(check_derivatives);
}

/* Log-densities written out, summed with the dispersion that the fit statistics use. */
static void
likelihoods_are_those_of_the_densities(void **state)
{
	static const double y[] = {0.5, 1.5, 4, 2};
	static const double mean[] = {0.8, 1.1, 3, 2.5};
	static const double w[] = {1, 2, 0.5, 3};
	double		deviance[2] = {0, 0};
	double		constant[2] = {0, 0};
	double		expected[2] = {0, 0};
	double		weight = 0;
	const GlmSpec specs[2] = {{GLM_GAMMA, LINK_LOG}, {GLM_INVERSE_GAUSSIAN, LINK_LOG}};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		weight += w[i];
		for (int s = 0; s < 2; s++)
		{
			GlmNull		sum = {0};

			glm_null_row(&specs[s], log(mean[i]), y[i], w[i], &sum);
			deviance[s] += sum.deviance;
			constant[s] += glm_likelihood_constant(&specs[s], y[i], w[i]);
		}
	}
	for (int i = 0; i < 4; i++)
	{
		double		shape = weight / deviance[0];
		double		scale = mean[i] / shape;
		double		dispersion = deviance[1] / weight;

		expected[0] += w[i] * ((shape - 1) * log(y[i]) - y[i] / scale - shape * log(scale) - lgamma(shape));
		expected[1] += w[i] * (-0.5 * log(TWO_PI * dispersion * y[i] * y[i] * y[i])
							   - (y[i] - mean[i]) * (y[i] - mean[i]) / (2 * dispersion * mean[i] * mean[i] * y[i]));
	}
	for (int s = 0; s < 2; s++)
		assert_close(glm_log_likelihood(&specs[s], deviance[s], weight, 4, constant[s]), expected[s], 1e-12, 0);
}

static FitData *
poisson_data(CoreEnv *env, int n, uint64_t seed)
{
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, n, 2);
	TestRandom	random = {seed};

	for (int i = 0; i < 2 * n; i++)
		data->x[i] = test_random_normal(&random);
	for (int i = 0; i < n; i++)
	{
		double		limit = exp(-exp(0.3 + 0.5 * data->x[i]));

		/* Knuth's way to Poisson numbers */
		for (double product = test_random_uniform(&random); product > limit; product *= test_random_uniform(&random))
			data->y[i]++;
	}
	set_choice(env, data, "family", "poisson");
	return data;
}

/* Counts of a group that are all 0 send its estimate to minus infinity; the rest stays as without the group. */
static void
poisson_separation_is_found(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = poisson_data(env, 200, 31);
	FitData    *rest = fit_data_copy(env, data);
	double	   *group = env_alloc(env, 200, sizeof(double));
	Model	   *model;
	Model	   *expected;

	rest->w = env_alloc(env, 200, sizeof(double));
	for (int i = 0; i < 200; i++)
	{
		group[i] = data->y[i] == 0 && i % 2 == 0;
		rest->w[i] = 1 - group[i];
	}
	assert_true(model_number(fit_data_model(env, data), "separation") == 0);
	fit_data_add_column(env, data, "group", group);
	model = fit_data_model(env, data);
	expected = fit_data_model(env, rest);
	assert_true(model_number(model, "separation") == 1);
	assert_true(model_estimate(model, 0, 3) < -5 && isnan(model_std_error(model, 0, 3)));
	for (int j = 0; j < 3; j++)
	{
		assert_close(model_estimate(model, 0, j), model_estimate(expected, 0, j), 1e-6, 1);
		assert_close(model_std_error(model, 0, j), model_std_error(expected, 0, j), 1e-6, 0);
	}
}

/* A saturated model fits its target; the fit must end all the same. */
static void
saturated_models_fit_exactly(void **state)
{
	CoreEnv    *env = *state;
	static const char *const families[] = {"gaussian", "poisson", "gamma", "inverse_gaussian"};

	for (int f = 0; f < 4; f++)
	{
		FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, 3, 2);
		Model	   *model;

		set_choice(env, data, "family", families[f]);
		set_choice(env, data, "link", "log");
		for (int i = 0; i < 3; i++)
		{
			data->y[i] = 1 + 3 * i;
			data->x[i] = i == 1;
			data->x[3 + i] = i == 2;
		}
		model = fit_data_model(env, data);
		assert_close(model_estimate(model, 0, 0), 0, 1e-12, 1);
		assert_close(model_estimate(model, 0, 1), log(4), 1e-12, 0);
		assert_close(model_estimate(model, 0, 2), log(7), 1e-12, 0);
		assert_true(model_number(model, "converged") == 1);
		assert_true(fabs(model_number(model, "deviance")) < 1e-14);
	}
}

/* With the identity link the gaussian model is least squares: Longley's data, NIST's certified values. */
static void
gaussian_is_least_squares(void **state)
{
	CoreEnv    *env = *state;
	static const char *const terms[] = {"x1", "x2", "x3", "x4", "x5", "x6"};
	static const double certified[] = {
		-3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359, -0.511041056535807e-01,
		1829.15146461355
	};
	static const double errors[] = {
		890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675, 0.226073200069370,
		455.478499142212
	};
	Csv		   *csv = csv_read(env, "test/data/nist/longley.csv");
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, n, 0);
	Model	   *model;

	for (int j = 0; j < 6; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
		data->y[i] = csv_number(csv, rows[i], csv_column(csv, "y"));
	model = fit_data_model(env, data);
	for (int j = 0; j < 7; j++)
	{
		assert_close(model_estimate(model, 0, j), certified[j], 1e-12, 0);
		assert_close(model_std_error(model, 0, j), errors[j], 1e-12, 0);
	}
}

/* Scaling of terms and target by powers of ten, and blocks, change nothing but units. */
static void
units_and_blocks_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");

	for (int i = 0; i < NCASES; i++)
	{
		FitData    *data = case_data(env, csv, &cases[i]);
		FitData    *moved = fit_data_copy(env, data);
		Model	   *model = fit_data_model(env, data);
		Model	   *other;

		for (int64_t at = 0; at < data->n * data->nterms; at++)
			moved->x[at] *= 1e-7;
		moved->block_rows = 11;
		moved->shuffle_tree = true;
		other = fit_data_model(env, moved);
		for (int j = 0; j < data->nterms; j++)
		{
			assert_close(model_estimate(other, 0, 1 + j) * 1e-7, model_estimate(model, 0, 1 + j), 1e-9, model_std_error(model, 0, 1 + j));
			assert_close(model_std_error(other, 0, 1 + j) * 1e-7, model_std_error(model, 0, 1 + j), 1e-9, 0);
		}
	}
}

static void
expect_failure(CoreEnv *env, FitData *data, CoreStatus expected, const char *part, const char *hint)
{
	Model	   *model;

	assert_int_equal(fit_data_fit(env, data, &model), expected);
	if (strstr(env->message, part) == NULL || strstr(env->hint, hint) == NULL)
		fail_msg("\"%s\" (%s) does not say \"%s\" (%s)", env->message, env->hint, part, hint);
}

static void
bad_targets_are_refused(void **state)
{
	CoreEnv    *env = *state;
	static const struct
	{
		const char *family;
		double		value;
		const char *message;
	}			bad[] = {
		{"poisson", -1, "the target has a negative value (-1), which family \"poisson\" does not allow"},
		{"gamma", 0, "the target has the value 0 (0), which family \"gamma\" does not allow"},
		{"inverse_gaussian", -3, "a negative value"},
		{"binomial", 1.5, "a value above 1 (1.5)"},
		{"binomial", -0.5, "a negative value"},
		{"gaussian", INFINITY, "not finite"}
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, 5, 1);

		set_choice(env, data, "family", bad[i].family);
		for (int row = 0; row < 5; row++)
		{
			data->y[row] = 0.5;
			data->x[row] = row;
		}
		data->y[3] = bad[i].value;
		expect_failure(env, data, CORE_INVALID, bad[i].message, "");
		/* a row of no weight has no say */
		data->w = env_alloc(env, 5, sizeof(double));
		for (int row = 0; row < 5; row++)
			data->w[row] = row != 3;
		fit_data_model(env, data);
	}
}

static void
families_and_links_must_match(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, 4, 1);

	set_choice(env, data, "family", "poisson");
	set_choice(env, data, "link", "logit");
	expect_failure(env, data, CORE_INVALID, "family \"poisson\" has no link \"logit\"", "Use link identity, log or sqrt.");
	data = fit_data_create(env, &algorithm_glm, TASK_BINARY, 4, 1);
	set_choice(env, data, "family", "gamma");
	expect_failure(env, data, CORE_INVALID, "needs a numeric target", "task => 'regression'");
	data = fit_data_create(env, &algorithm_glm, TASK_BINARY, 4, 1);
	data->y[0] = 1;
	data->x[1] = data->x[0] = 1;
	data->x[3] = 0.5;
	data->y[2] = 1;
	assert_int_equal(fit_data_model(env, data)->link, LINK_LOGIT);
}

/* Targets on the boundary of the family, and targets that a link cannot start from. */
static void
extreme_targets_are_fitted_or_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = poisson_data(env, 50, 35);
	Model	   *model;

	memset(data->y, 0, 50 * sizeof(double));
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1 && model_number(model, "null_deviance") == 0);
	for (int i = 0; i < 50; i++)
		data->y[i] = 1e9 * exp(0.1 * data->x[i]) + (i % 3 - 1) * 1e4;
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
	assert_close(model_estimate(model, 0, 1), 0.1, 1e-4, 0);

	data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, 6, 1);
	set_choice(env, data, "link", "log");
	for (int i = 0; i < 6; i++)
	{
		data->x[i] = i;
		data->y[i] = -1 - i;
	}
	expect_failure(env, data, CORE_NUMERIC, "the target gives no starting values for family \"gaussian\" with link \"log\"", "");
	for (int i = 0; i < 6; i++)
		data->y[i] = 20 * exp(0.3 * i) - (i == 0 ? 30 : 0);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
}

/* A term that only a limit fits: identity link and counts that the line would take below 0. */
static void
means_stay_in_range(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, 40, 1);
	Model	   *model;
	double		margin;

	set_choice(env, data, "family", "poisson");
	set_choice(env, data, "link", "identity");
	for (int i = 0; i < 40; i++)
	{
		data->x[i] = i;
		data->y[i] = i < 20 ? 0 : i - 19;
	}
	model = fit_data_model(env, data);
	for (int i = 0; i < 40; i++)
	{
		fit_data_margins(env, data, model, i, &margin);
		assert_true(margin > 0);
	}
}

static void
memory_may_be_refused(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	FitData    *data = poisson_data(env, 40, 33);
	Model	   *model;
	int64_t		before;
	int64_t		needed;

	set_choice(env, data, "link", "sqrt");
	before = test->allocations;
	assert_ok(env, fit_data_fit(env, data, &model));
	needed = test->allocations - before;
	for (int64_t refused = 0; refused < needed; refused++)
	{
		test->fail_after = test->allocations + refused;
		assert_int_equal(fit_data_fit(env, data, &model), CORE_NO_MEMORY);
		test->fail_after = -1;
	}
}

static void
forged_models_are_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = poisson_data(env, 40, 34);
	Model	   *model = fit_data_model(env, data);

	model->link = LINK_SOFTMAX;
	assert_int_equal(algorithm_glm.bind(env, model), CORE_CORRUPT);
	model->link = (Link) 77;
	assert_int_equal(algorithm_glm.bind(env, model), CORE_CORRUPT);
	model->link = LINK_LOG;
	assert_ok(env, algorithm_glm.bind(env, model));
	model->task = TASK_BINARY;
	model->link = LINK_SQRT;
	assert_int_equal(algorithm_glm.bind(env, model), CORE_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(agrees_with_r),
		TEST(derivatives_agree_with_differences),
		TEST(likelihoods_are_those_of_the_densities),
		TEST(poisson_separation_is_found),
		TEST(saturated_models_fit_exactly),
		TEST(gaussian_is_least_squares),
		TEST(units_and_blocks_do_not_matter),
		TEST(bad_targets_are_refused),
		TEST(families_and_links_must_match),
		TEST(extreme_targets_are_fitted_or_refused),
		TEST(means_stay_in_range),
		TEST(memory_may_be_refused),
		TEST(forged_models_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
