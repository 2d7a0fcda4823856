/*
 * bayes_explain.c
 *	  Attributions of naive Bayes; see bayes_explain.h.
 *
 * The intercept of a model holds the constants of all densities: here each goes
 * back to its feature.  For a normal term it follows from the variance.  Terms
 * of 0 and 1 hold the log odds of 1 against 0 and the probability of 1, from
 * which that of 0 follows; the levels of one category have one such constant
 * together.  What is left of the intercept is the prior.
 */
#include "core/bayes_explain.h"

#include <math.h>
#include <string.h>

#include "core/real.h"

#define TWO_PI 6.283185307179586476925287
#define LARGEST_DISTANCE 1e150	/* as in scoring */
#define ABSENT_PRIOR (-1e29)	/* classes below have no training rows */
#define SUM_TOLERANCE 1e-6		/* of probabilities that are a distribution */

struct BayesExplainer
{
	const Model *model;
	int			classes;
	int			terms;
	const uint8_t *kind;
	const double *log_odds;		/* [classes][terms] */
	const double *mean;
	double	   *inverse_sd;		/* 0: not normal */
	double	   *constant;		/* [classes][terms] */
	double	   *baseline;		/* [classes] log prior */
	double	   *share;			/* [classes] of a class in the mean over classes */
};

typedef enum TermKind
{
	TERM_CONSTANT = 0,
	TERM_NORMAL = 1,
	TERM_LEVEL = 2
} TermKind;

/* The levels of a category have names that agree up to '='. */
static bool
same_category(const Term *a, const Term *b)
{
	const char *equals = strchr(a->name, '=');
	size_t		length = equals != NULL ? (size_t) (equals - a->name) + 1 : 0;

	return a->feature == b->feature && length > 0 && strncmp(a->name, b->name, length) == 0;
}

static size_t
place(const BayesExplainer *explainer, int class, int term)
{
	return (size_t) class * (size_t) explainer->terms + (size_t) term;
}

/* log P(0 | class) of a term of 0 and 1; of the levels of a category: that none of them is 1, or 0 where that does not occur. */
static double
log_rest(const BayesExplainer *explainer, int class, int term)
{
	size_t		at = place(explainer, class, term);

	return real_log(explainer->mean[at]) - explainer->log_odds[at];
}

/* Whether terms first .. first+count-1 are one category: then their probabilities and that of none of them are a distribution. */
static bool
is_category(const BayesExplainer *explainer, int first, int count)
{
	for (int k = 0; k < explainer->classes; k++)
	{
		double		rest = log_rest(explainer, k, first);
		double		sum = 0;

		for (int j = first; j < first + count; j++)
			sum += explainer->mean[place(explainer, k, j)];
		if (!(fabs(sum + real_exp(rest) - 1) <= SUM_TOLERANCE) && !(fabs(rest) <= SUM_TOLERANCE && fabs(sum - 1) <= SUM_TOLERANCE))
			return false;
	}
	return true;
}

static void
set_constants(BayesExplainer *explainer, const double *variance)
{
	const Term *terms = explainer->model->transform->terms;
	int			count;

	for (int first = 0; first < explainer->terms; first += count)
	{
		bool		category;

		for (count = 1; first + count < explainer->terms && same_category(&terms[first], &terms[first + count]); count++)
			;
		category = count > 1;
		for (int j = first; j < first + count; j++)
			category = category && explainer->kind[j] == TERM_LEVEL;
		if (category)
			category = is_category(explainer, first, count);
		for (int j = first; j < first + count; j++)
		{
			for (int k = 0; k < explainer->classes; k++)
			{
				double	   *constant = &explainer->constant[place(explainer, k, j)];

				if (explainer->kind[j] == TERM_NORMAL)
					*constant = -0.5 * real_log(TWO_PI * variance[place(explainer, k, j)]);
				else if (explainer->kind[j] == TERM_LEVEL && (!category || j == first))
					*constant = log_rest(explainer, k, j);
			}
		}
	}
}

static CoreStatus
set_baselines(CoreEnv *env, BayesExplainer *explainer, const double *intercept)
{
	double		present = 0;

	for (int k = 0; k < explainer->classes; k++)
	{
		explainer->baseline[k] = intercept[k];
		for (int j = 0; j < explainer->terms; j++)
		{
			if (!isfinite(explainer->constant[place(explainer, k, j)]))
				return env_fail(env, CORE_CORRUPT, "term %d of the model has an impossible probability", j);
			explainer->baseline[k] -= explainer->constant[place(explainer, k, j)];
		}
		explainer->share[k] = intercept[k] > ABSENT_PRIOR ? 1 : 0;
		present += explainer->share[k];
	}
	for (int k = 0; k < explainer->classes && present > 0; k++)
		explainer->share[k] /= present;
	return CORE_OK;
}

CoreStatus
bayes_explainer_create(CoreEnv *env, const Model *model, BayesExplainer **result)
{
	int			classes = model->target.nclasses;
	int			terms = model->transform->nterms;
	size_t		size = (size_t) classes * (size_t) terms;
	const ModelArray *array;
	const double *variance;
	BayesExplainer *explainer;

	CORE_ALLOC(env, explainer, 1);
	explainer->model = model;
	explainer->classes = classes;
	explainer->terms = terms;
	CORE_TRY(model_require(env, model, "kind", ARRAY_U8, 1, terms, &array));
	explainer->kind = array->data;
	CORE_TRY(model_require(env, model, "mean", ARRAY_F64, classes, terms, &array));
	explainer->mean = array->data;
	CORE_TRY(model_require(env, model, "log_odds", ARRAY_F64, classes, terms, &array));
	explainer->log_odds = array->data;
	CORE_TRY(model_require(env, model, "variance", ARRAY_F64, classes, terms, &array));
	variance = array->data;
	CORE_TRY(model_require(env, model, "intercept", ARRAY_F64, 1, classes, &array));
	CORE_ALLOC(env, explainer->inverse_sd, size);
	CORE_ALLOC(env, explainer->constant, size);
	CORE_ALLOC(env, explainer->baseline, (size_t) classes);
	CORE_ALLOC(env, explainer->share, (size_t) classes);
	for (int j = 0; j < terms; j++)
	{
		for (int k = 0; k < classes && explainer->kind[j] == TERM_NORMAL; k++)
			explainer->inverse_sd[place(explainer, k, j)] = 1 / sqrt(variance[place(explainer, k, j)]);
	}
	set_constants(explainer, variance);
	CORE_TRY(set_baselines(env, explainer, array->data));
	*result = explainer;
	return CORE_OK;
}

/* What a term adds to the log joint density of a class. */
static double
log_density(const BayesExplainer *explainer, int class, int term, double x)
{
	size_t		at = place(explainer, class, term);
	double		distance = fabs(x - explainer->mean[at]) * explainer->inverse_sd[at];

	if (distance > LARGEST_DISTANCE)
		distance = LARGEST_DISTANCE;
	return explainer->constant[at] + explainer->log_odds[at] * x - 0.5 * distance * distance;
}

double
bayes_explainer_baseline(const BayesExplainer *explainer, int output)
{
	double		mean = 0;

	if (explainer->model->task == TASK_BINARY)
		return explainer->baseline[1] - explainer->baseline[0];
	for (int k = 0; k < explainer->classes; k++)
	{
		if (explainer->share[k] > 0)
			mean += explainer->share[k] * explainer->baseline[k];
	}
	return explainer->baseline[output] - mean;
}

void
bayes_explainer_attribute(const BayesExplainer *explainer, const double *terms, int output, double *attribution)
{
	const Transform *transform = explainer->model->transform;

	for (int i = 0; i < explainer->model->schema.count; i++)
		attribution[i] = 0;
	for (int j = 0; j < explainer->terms; j++)
	{
		double	   *to = &attribution[transform->terms[j].feature];

		if (explainer->model->task == TASK_BINARY)
		{
			*to += log_density(explainer, 1, j, terms[j]) - log_density(explainer, 0, j, terms[j]);
			continue;
		}
		*to += log_density(explainer, output, j, terms[j]);
		for (int k = 0; k < explainer->classes; k++)
		{
			if (explainer->share[k] > 0)
				*to -= explainer->share[k] * log_density(explainer, k, j, terms[j]);
		}
	}
}
