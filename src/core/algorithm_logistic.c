/*
 * algorithm_logistic.c
 *	  'logistic': logistic regression, binary and multinomial.
 *
 * Binary, with s_i = +1 for the positive class and -1 for the other, minimises
 *
 *		sum_i w_i log(1 + exp(-s_i eta_i)) + lambda/2 sum_j (sd_j b_j)^2
 *
 * over eta_i = b0 + x_i'b + offset_i (irls.h).  With more than two classes the
 * model is multinomial with softmax (multinomial.h).
 *
 * lambda is 0 by default, so that coefficients come with standard errors, z
 * statistics and p-values, as from R's glm(family = binomial); C is accepted as
 * its inverse, as in scikit-learn.
 */
#include "core/class_weight.h"
#include "core/irls.h"
#include "core/linear_scorer.h"
#include "core/multinomial.h"

#include <math.h>

extern const Algorithm algorithm_logistic;

static const ParamSpec logistic_params[] = {
	{"reg_lambda", PARAM_REAL, 0, 0, 1e12, NULL, "lambda|l2|alpha|ridge",
	"Ridge penalty: lambda / 2 times the sum of squared coefficients of standardised terms is added to the negative log-likelihood."},
	{"C", PARAM_REAL, NAN, 1e-12, 1e12, NULL, NULL, "The inverse of reg_lambda, instead of it."},
	{"fit_intercept", PARAM_BOOLEAN, 1, 0, 1, NULL, "intercept", "Whether the model has an intercept."},
	{"class_weight", PARAM_WEIGHTS, 0, 1e-9, 1e9, "none|balanced", NULL,
	"balanced: classes have equal total weights. An object of classes and numbers: factors on the weights of their rows."},
	{"scale_pos_weight", PARAM_REAL, 1, 1e-9, 1e9, NULL, NULL, "Factor on the weight of positive rows; two classes only."},
	{"offset", PARAM_TEXT, 0, 0, 0, NULL, NULL, "Column that is added to the linear predictor with coefficient 1; two classes only."},
	{"max_iter", PARAM_INTEGER, 100, 1, 10000, NULL, "max_iterations|maxit", "Most Newton iterations over all rows."},
	{"tol", PARAM_REAL, NAN, 1e-14, 0.1, NULL, "tolerance|epsilon", "Converged when the Newton step is shorter than this times the square root of the deviance; 1e-10 or, from 524,288 rows on, 1e-8."},
	{NULL, PARAM_INTEGER, 0, 0, 0, NULL, NULL, NULL}
};

static inline bool
is_multinomial(const FitPlan *plan)
{
	return plan->input.task == TASK_MULTICLASS;
}

static CoreStatus
penalty(CoreEnv *env, const ParamSet *params, double *ridge)
{
	*ridge = params_number(params, "reg_lambda");
	if (!params_given(params, "C"))
		return CORE_OK;
	if (params_given(params, "reg_lambda"))
	{
		CoreStatus	status = env_fail(env, CORE_INVALID, "parameters \"C\" and \"reg_lambda\" exclude each other");

		return env_hint(env, status, "C is 1 / reg_lambda: give one of them.");
	}
	*ridge = 1.0 / params_number(params, "C");
	return CORE_OK;
}

static CoreStatus
logistic_begin(CoreEnv *env, const FitInput *input, FitPlan *plan)
{
	bool		balanced = class_weight_balanced(input->params);
	double	   *factor;

	plan->algorithm = &algorithm_logistic;
	CORE_ALLOC(env, factor, (size_t) input->nclasses + 2);
	factor[0] = factor[1] = 1;
	CORE_TRY(class_weight_factors(env, input, factor));
	if (input->task == TASK_MULTICLASS)
	{
		MultinomialOptions options = {
			.intercept = params_boolean(input->params, "fit_intercept"),
			.tol = params_number(input->params, "tol"),
			.max_iter = params_integer(input->params, "max_iter"),
			.balanced = balanced,
			.class_weight = factor
		};

		if (params_given(input->params, "scale_pos_weight"))
			return env_fail(env, CORE_INVALID, "parameter \"scale_pos_weight\" needs a target with two classes");
		CORE_TRY(penalty(env, input->params, &options.ridge));
		return multinomial_begin(env, input, &options, plan);
	}
	else
	{
		IrlsOptions options = {
			.spec = {.family = GLM_BINOMIAL, .link = LINK_LOGIT},
			.intercept = params_boolean(input->params, "fit_intercept"),
			.tol = params_number(input->params, "tol"),
			.max_iter = params_integer(input->params, "max_iter"),
			.balanced = balanced,
			.class_weight = {factor[0], factor[1] * params_number(input->params, "scale_pos_weight")}
		};

		CORE_TRY(penalty(env, input->params, &options.ridge));
		return irls_begin(env, input, &options, plan);
	}
}

static CoreStatus
logistic_start(CoreEnv *env, const FitPlan *plan, void *iterate)
{
	return is_multinomial(plan) ? multinomial_start(env, plan, iterate) : irls_start(env, plan, iterate);
}

static void
logistic_state_init(const FitPlan *plan, const void *iterate, void *state)
{
	if (is_multinomial(plan))
		multinomial_state_init(plan, iterate, state);
	else
		irls_state_init(plan, iterate, state);
}

static CoreStatus
logistic_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block)
{
	return is_multinomial(plan) ? multinomial_accumulate(env, plan, iterate, state, block) :
		irls_accumulate(env, plan, iterate, state, block);
}

static CoreStatus
logistic_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other)
{
	return is_multinomial(plan) ? multinomial_merge(env, plan, state, other) : irls_merge(env, plan, state, other);
}

static CoreStatus
logistic_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done)
{
	return is_multinomial(plan) ? multinomial_step(env, plan, iterate, state, done) : irls_step(env, plan, iterate, state, done);
}

static CoreStatus
logistic_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model)
{
	if (params_given(plan->input.params, "C"))
		params_imply(&model->params, "reg_lambda", 1.0 / params_number(plan->input.params, "C"));
	return is_multinomial(plan) ? multinomial_finish(env, plan, iterate, model) : irls_finish(env, plan, iterate, model);
}

static int64_t
logistic_pass_blocks(const FitPlan *plan, const void *iterate, int64_t nblocks)
{
	return is_multinomial(plan) ? multinomial_pass_blocks(plan, iterate, nblocks) : irls_pass_blocks(plan, iterate, nblocks);
}

static CoreStatus
logistic_bind(CoreEnv *env, Model *model)
{
	if (model->task == TASK_MULTICLASS)
		return multinomial_bind(env, model);
	if (model->link != LINK_LOGIT)
		return env_fail(env, CORE_CORRUPT, "the model has link %d instead of logit", (int) model->link);
	return linear_scorer_bind(env, model, 1);
}

static void
logistic_score(const Model *model, const double *terms, double *scratch, double *out)
{
	if (model->task == TASK_MULTICLASS)
		multinomial_score(model, terms, scratch, out);
	else
		linear_scorer_score(model, terms, scratch, out);
}

const Algorithm algorithm_logistic = {
	.name = "logistic",
	.summary = "Logistic regression for two classes, multinomial for more, with standard errors and p-values, or with a ridge penalty.",
	.tasks = 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_LINEAR,
	.params = logistic_params,
	.begin = logistic_begin,
	.start = logistic_start,
	.state_init = logistic_state_init,
	.accumulate = logistic_accumulate,
	.merge = logistic_merge,
	.step = logistic_step,
	.finish = logistic_finish,
	.bind = logistic_bind,
	.score = logistic_score,
	.pass_blocks = logistic_pass_blocks
};
