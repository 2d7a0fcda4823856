/*
 * algorithm_glm.c
 *	  'glm': generalized linear models by maximum likelihood.
 *
 * Objective and method in irls.h, families and links in glm_family.h.  The
 * target is a number, or, for family binomial, also a class (1 = positive).
 * With a number and family binomial it is a proportion in [0, 1] and the weight
 * is its number of trials.
 *
 * Standard errors, statistics (t where the dispersion is estimated, else z),
 * deviances, log-likelihood, AIC and BIC agree with R's glm.  With reg_lambda
 * above 0 there are estimates only.
 */
#include "core/irls.h"
#include "core/linear_scorer.h"

#include <math.h>
#include <string.h>

extern const Algorithm algorithm_glm;

static const ParamSpec glm_params[] = {
	{"family", PARAM_CHOICE, 0, 0, 0, GLM_FAMILY_CHOICES, NULL,
	"Distribution of the target given the features; binomial for a two-class target."},
	{"link", PARAM_CHOICE, 0, 0, 0, "canonical|identity|log|logit|probit|cloglog|inverse|sqrt|inverse_square", NULL,
	"Function of the mean that is linear in the features; canonical: identity, logit, log, inverse, inverse_square in the order of families."},
	{"reg_lambda", PARAM_REAL, 0, 0, 1e12, NULL, "lambda|l2|alpha|ridge",
	"Ridge penalty: lambda / 2 times the sum of squared coefficients of standardised terms is added to the negative log-likelihood."},
	{"fit_intercept", PARAM_BOOLEAN, 1, 0, 1, NULL, "intercept", "Whether the model has an intercept."},
	{"offset", PARAM_TEXT, 0, 0, 0, NULL, NULL, "Column that is added to the linear predictor with coefficient 1, such as the log of an exposure."},
	{"max_iter", PARAM_INTEGER, 100, 1, 10000, NULL, "max_iterations|maxit", "Most Newton iterations over all rows."},
	{"tol", PARAM_REAL, NAN, 1e-14, 0.1, NULL, "tolerance|epsilon", "Converged when the Newton step is shorter than this times the square root of the deviance; 1e-10 or, from 524,288 rows on, 1e-8."},
	{NULL, PARAM_INTEGER, 0, 0, 0, NULL, NULL, NULL}
};

static const Link link_choices[] = {
	0, LINK_IDENTITY, LINK_LOG, LINK_LOGIT, LINK_PROBIT, LINK_CLOGLOG, LINK_INVERSE, LINK_SQRT, LINK_INVERSE_SQUARE
};

/* "identity, log or inverse" for the family. */
static void
allowed_links(GlmFamily family, char *text, size_t size)
{
	int			count = 0;
	int			shown = 0;

	text[0] = '\0';
	for (int link = LINK_IDENTITY; link <= LINK_INVERSE_SQUARE; link++)
		count += glm_link_allowed(family, (Link) link);
	for (int link = LINK_IDENTITY; link <= LINK_INVERSE_SQUARE; link++)
	{
		const char *name = link_name((Link) link);

		if (!glm_link_allowed(family, (Link) link) || strlen(text) + strlen(name) + 5 > size)
			continue;
		if (shown > 0)
			strcat(text, shown == count - 1 ? " or " : ", ");
		strcat(text, name);
		shown++;
	}
}

static CoreStatus
glm_spec(CoreEnv *env, const FitInput *input, GlmSpec *spec)
{
	int			link = (int) params_number(input->params, "link");
	char		links[128];
	CoreStatus	status;

	spec->family = (GlmFamily) params_integer(input->params, "family");
	if (input->task == TASK_BINARY && !params_given(input->params, "family"))
		spec->family = GLM_BINOMIAL;
	if (input->task == TASK_BINARY && spec->family != GLM_BINOMIAL)
	{
		status = env_fail(env, CORE_INVALID, "family \"%s\" needs a numeric target, not classes", glm_family_name(spec->family));
		return env_hint(env, status, "Pass task => 'regression'.");
	}
	spec->link = link == 0 ? glm_canonical_link(spec->family) : link_choices[link];
	if (!glm_link_allowed(spec->family, spec->link))
	{
		status = env_fail(env, CORE_INVALID, "family \"%s\" has no link \"%s\"", glm_family_name(spec->family), link_name(spec->link));
		allowed_links(spec->family, links, sizeof(links));
		return env_hint(env, status, "Use link %s.", links);
	}
	return CORE_OK;
}

static CoreStatus
glm_begin(CoreEnv *env, const FitInput *input, FitPlan *plan)
{
	IrlsOptions options = {
		.intercept = params_boolean(input->params, "fit_intercept"),
		.ridge = params_number(input->params, "reg_lambda"),
		.tol = params_number(input->params, "tol"),
		.max_iter = params_integer(input->params, "max_iter"),
		.class_weight = {1.0, 1.0}
	};

	CORE_TRY(glm_spec(env, input, &options.spec));
	plan->algorithm = &algorithm_glm;
	return irls_begin(env, input, &options, plan);
}

static CoreStatus
glm_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model)
{
	CORE_TRY(irls_finish(env, plan, iterate, model));
	if (params_given(&model->params, "family") || irls_options(plan)->spec.family == GLM_GAUSSIAN)
		return CORE_OK;
	return params_record_word(env, &model->params, "family", glm_family_name(irls_options(plan)->spec.family));
}

static CoreStatus
glm_bind(CoreEnv *env, Model *model)
{
	GlmFamily	family = model->task == TASK_BINARY ? GLM_BINOMIAL : GLM_GAUSSIAN;
	bool		known = model->task == TASK_BINARY ? glm_link_allowed(family, model->link) :
		model->link >= LINK_IDENTITY && model->link <= LINK_INVERSE_SQUARE && model->link != LINK_SOFTMAX;

	if (!known)
		return env_fail(env, CORE_CORRUPT, "the model has link %d, which its task does not allow", (int) model->link);
	return linear_scorer_bind(env, model, 1);
}

const Algorithm algorithm_glm = {
	.name = "glm",
	.summary = "Generalized linear model: gaussian, binomial, poisson, gamma or inverse gaussian target, with the usual links, offset and weights.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY,
	.profile = PROFILE_LINEAR,
	.params = glm_params,
	.begin = glm_begin,
	.start = irls_start,
	.state_init = irls_state_init,
	.accumulate = irls_accumulate,
	.merge = irls_merge,
	.step = irls_step,
	.finish = glm_finish,
	.bind = glm_bind,
	.score = linear_scorer_score,
	.pass_blocks = irls_pass_blocks
};
