/*
 * algorithm_naive_bayes.c
 *	  'naive_bayes': classes from terms that are independent given the class.
 *
 *		log P(k | x) = log prior_k + sum_j log P(x_j | k) + constant
 *
 * What a term is follows from the training rows.  A term with values other than
 * 0 and 1 is normal within each class, with variance + var_smoothing times its
 * variance over all rows.  (scikit-learn's GaussianNB adds var_smoothing times
 * the largest variance of any term, so that results change with units; on
 * standardised terms both are the same.)  0/1 terms of one feature of which
 * never two are 1 are the levels of a category, the level of all zeros
 * included when it occurs: P(level | k) = (n + alpha) / (n_k + alpha levels), as
 * in CategoricalNB.  Any other 0/1 term is a category of two levels by itself,
 * as in BernoulliNB.  A constant term says nothing.
 *
 * Counts, means and variances are weighted.  Two passes: moments and ranges,
 * then, if there are candidates, which groups of 0/1 terms exclude each other.
 * Cost of a row: O(terms); of scoring: O(classes x terms).
 *
 * Moments of blocks are merged as in T. F. Chan, G. H. Golub, R. J. LeVeque,
 * "Updating formulae and a pairwise algorithm for computing sample variances"
 * (1979).
 */
#include "core/algorithm.h"

#include <math.h>
#include <string.h>

#include "core/real.h"

extern const Algorithm algorithm_naive_bayes;

#define ABSENT_MARGIN (-1e30)	/* of a class without training rows: probability 0 */
#define SMALLEST_VARIANCE 1e-12 /* of the variance over all rows */
#define LARGEST_DISTANCE 1e150	/* in standard deviations: its square is finite */
#define TWO_PI 6.283185307179586476925287

typedef enum TermKind
{
	TERM_CONSTANT = 0,
	TERM_NORMAL = 1,
	TERM_LEVEL = 2				/* 0/1: a level of a category, or two levels by itself */
} TermKind;

static const ParamSpec naive_bayes_params[] = {
	{"var_smoothing", PARAM_REAL, 1e-9, 0, 1e6, NULL, NULL, "This times the variance of a term is added to its variance within each class."},
	{"alpha", PARAM_REAL, 1, 1e-10, 1e6, NULL, "laplace|smoothing", "Added to the count of every level of a category (Laplace smoothing)."},
	{"priors", PARAM_REAL_LIST, 0, 0, 1, NULL, "class_prior|prior", "Probabilities of the classes, instead of their shares in the training rows; for two classes: negative, positive."},
	{NULL, PARAM_INTEGER, 0, 0, 0, NULL, NULL, NULL}
};

typedef struct BayesPlan
{
	double		var_smoothing;
	double		alpha;
	const double *priors;		/* [classes] or NULL */
	int32_t    *group;			/* [terms] first term of the terms that may be levels of one category */
} BayesPlan;

/*
 * Moments [classes x terms], and what is known of each term.  The iterate
 * carries those of the first pass to the end.
 */
typedef struct Moments
{
	int64_t		rows;			/* with positive weight */
	int64_t		pass;			/* 0: moments; 1: exclusion; iterate: the next pass */
	double		padding[6];
	double		data[];			/* see moments_view */
} Moments;

typedef struct MomentsView
{
	double	   *weight;			/* [classes] */
	double	   *mean;			/* [classes x terms] */
	double	   *squares;		/* [classes x terms] sum of w (x - mean)^2 */
	double	   *other_value;	/* [terms] 1: has values other than 0 and 1 */
	double	   *least;			/* [terms] of group leaders: fewest and most ones in a row */
	double	   *most;
} MomentsView;

static MomentsView
moments_view(const FitPlan *plan, const Moments *moments)
{
	size_t		classes = (size_t) plan->input.nclasses;
	size_t		terms = (size_t) plan->input.nterms;
	double	   *data = (double *) moments->data;
	MomentsView v;

	v.weight = data;
	v.mean = v.weight + classes;
	v.squares = v.mean + classes * terms;
	v.other_value = v.squares + classes * terms;
	v.least = v.other_value + terms;
	v.most = v.least + terms;
	return v;
}

/* Terms of one feature whose names agree up to '=' may be the levels of a category. */
static bool
same_group(const Term *a, const Term *b)
{
	const char *equals = strchr(a->name, '=');
	size_t		length = equals != NULL ? (size_t) (equals - a->name) + 1 : 0;

	return a->feature == b->feature && length > 0 && strncmp(a->name, b->name, length) == 0;
}

static CoreStatus
read_priors(CoreEnv *env, const FitInput *input, BayesPlan *private)
{
	const ParamValue *priors = params_get(input->params, "priors");
	double		total = 0.0;
	CoreStatus	status;

	if (priors->list_length == 0)
		return CORE_OK;
	for (int k = 0; k < priors->list_length; k++)
		total += priors->list[k];
	if (priors->list_length == input->nclasses && fabs(total - 1.0) <= 1e-9)
	{
		private->priors = priors->list;
		return CORE_OK;
	}
	status = env_fail(env, CORE_INVALID, "parameter \"priors\" has %d numbers with sum %.10g", priors->list_length, total);
	return env_hint(env, status, "Give %d probabilities with sum 1.", input->nclasses);
}

static CoreStatus
naive_bayes_begin(CoreEnv *env, const FitInput *input, FitPlan *plan)
{
	size_t		terms = (size_t) input->nterms;
	size_t		classes = (size_t) input->nclasses;
	size_t		doubles;
	size_t		bytes;
	BayesPlan  *private;

	if (input->nclasses < 2)
		return env_fail(env, CORE_NUMERIC, "the target has fewer than two classes");
	CORE_ALLOC(env, private, 1);
	private->var_smoothing = params_number(input->params, "var_smoothing");
	private->alpha = params_number(input->params, "alpha");
	CORE_TRY(read_priors(env, input, private));
	CORE_ALLOC(env, private->group, terms);
	for (int j = 0; j < input->nterms; j++)
	{
		private->group[j] = j;
		if (j > 0 && same_group(&input->terms[j - 1], &input->terms[j]))
			private->group[j] = private->group[j - 1];
	}
	if (!size_multiply(classes, 2 * terms + 1, &doubles) || !size_add(doubles, 3 * terms, &doubles) ||
		!size_multiply(doubles, sizeof(double), &bytes) || !size_add(bytes, sizeof(Moments) + 63, &bytes))
		return env_fail(env, CORE_TOO_LARGE, "%d terms and %d classes are too many", input->nterms, input->nclasses);
	plan->algorithm = &algorithm_naive_bayes;
	plan->input = *input;
	plan->private = private;
	plan->state_size = plan->iterate_size = bytes / 64 * 64;
	plan->max_passes = 2;
	return CORE_OK;
}

static CoreStatus
naive_bayes_start(CoreEnv *env, const FitPlan *plan, void *iterate)
{
	(void) env;
	(void) plan;
	((Moments *) iterate)->pass = 0;
	return CORE_OK;
}

static void
naive_bayes_state_init(const FitPlan *plan, const void *iterate, void *state_)
{
	Moments    *state = state_;
	MomentsView v = moments_view(plan, state);

	state->pass = ((const Moments *) iterate)->pass;
	for (int j = 0; j < plan->input.nterms; j++)
		v.least[j] = INFINITY;
}

static inline double
row_weight(const DesignBlock *block, int i)
{
	return block->w != NULL ? block->w[i] : 1.0;
}

static CoreStatus
tally_rows(CoreEnv *env, const FitPlan *plan, const DesignBlock *block, Moments *state)
{
	MomentsView v = moments_view(plan, state);

	for (int i = 0; i < block->nrows; i++)
	{
		double		w = row_weight(block, i);
		double		y = block->y[i];

		if (!(w >= 0.0) || !isfinite(w))
			return env_fail(env, CORE_INVALID, "weight %g is negative or not finite", w);
		if (!(y >= 0.0) || y >= plan->input.nclasses || y != floor(y))
			return env_fail(env, CORE_INVALID, "class code %g is not one of %d classes", y, plan->input.nclasses);
		if (w == 0.0)
			continue;
		state->rows++;
		v.weight[(int) y] += w;
	}
	return CORE_OK;
}

/* Means and squares of one term in every class; two passes over the block, the first about its first value. */
static CoreStatus
term_moments(CoreEnv *env, const FitPlan *plan, const DesignBlock *block, int j, MomentsView *v)
{
	int			terms = plan->input.nterms;
	int			classes = plan->input.nclasses;
	const double *x = block->x + (size_t) j * block->ld;
	double		shift = 0.0;
	bool		shifted = false;

	for (int i = 0; i < block->nrows; i++)
	{
		double		w = row_weight(block, i);

		if (w == 0.0)
			continue;
		if (!isfinite(x[i]))
			return env_fail(env, CORE_NUMERIC, "term \"%s\" has values that are not finite", plan->input.terms[j].name);
		if (!shifted)
			shift = x[i];
		shifted = true;
		if (x[i] != 0.0 && x[i] != 1.0)
			v->other_value[j] = 1.0;
		v->mean[(size_t) block->y[i] * (size_t) terms + (size_t) j] += w * (x[i] - shift);
	}
	for (int k = 0; k < classes; k++)
	{
		double	   *mean = &v->mean[(size_t) k * (size_t) terms + (size_t) j];

		*mean = v->weight[k] > 0.0 ? shift + *mean / v->weight[k] : 0.0;
	}
	for (int i = 0; i < block->nrows; i++)
	{
		size_t		at = (size_t) block->y[i] * (size_t) terms + (size_t) j;
		double		difference = x[i] - v->mean[at];
		double		w = row_weight(block, i);

		v->squares[at] += w > 0.0 ? w * difference * difference : 0.0;
	}
	return CORE_OK;
}

/* Fewest and most ones in a row, for each group of 0/1 terms. */
static void
count_ones(const FitPlan *plan, const Moments *iterate, const DesignBlock *block, int leader, MomentsView *v)
{
	const BayesPlan *private = plan->private;
	MomentsView known = moments_view(plan, iterate);

	for (int i = 0; i < block->nrows; i++)
	{
		double		ones = 0.0;

		if (row_weight(block, i) == 0.0)
			continue;
		for (int j = leader; j < plan->input.nterms && private->group[j] == leader; j++)
			ones += known.other_value[j] > 0.0 ? 0.0 : block->x[(size_t) j * block->ld + (size_t) i];
		v->least[leader] = fmin(v->least[leader], ones);
		v->most[leader] = fmax(v->most[leader], ones);
	}
}

static CoreStatus
naive_bayes_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state_, const DesignBlock *block)
{
	const BayesPlan *private = plan->private;
	Moments    *state = state_;
	MomentsView v = moments_view(plan, state);

	if (state->pass == 0)
		CORE_TRY(tally_rows(env, plan, block, state));
	for (int j = 0; j < plan->input.nterms; j++)
	{
		if (j % 16 == 0)
			env_poll(env);
		if (state->pass == 0)
			CORE_TRY(term_moments(env, plan, block, j, &v));
		else if (private->group[j] == j)
			count_ones(plan, iterate, block, j, &v);
	}
	return CORE_OK;
}

static CoreStatus
naive_bayes_merge(CoreEnv *env, const FitPlan *plan, void *state_, const void *other_)
{
	Moments    *state = state_;
	const Moments *other = other_;
	MomentsView a = moments_view(plan, state);
	MomentsView b = moments_view(plan, other);
	size_t		terms = (size_t) plan->input.nterms;

	state->rows += other->rows;
	for (int k = 0; k < plan->input.nclasses; k++)
	{
		double		weight = a.weight[k] + b.weight[k];
		double		share = weight > 0.0 ? b.weight[k] / weight : 0.0;

		env_poll(env);
		for (size_t at = (size_t) k * terms; at < ((size_t) k + 1) * terms; at++)
		{
			double		difference = b.mean[at] - a.mean[at];

			a.squares[at] += b.squares[at] + a.weight[k] * share * difference * difference;
			a.mean[at] = a.weight[k] > 0.0 ? a.mean[at] + difference * share : b.mean[at];
		}
		a.weight[k] = weight;
	}
	for (size_t j = 0; j < terms; j++)
	{
		a.other_value[j] = fmax(a.other_value[j], b.other_value[j]);
		a.least[j] = fmin(a.least[j], b.least[j]);
		a.most[j] = fmax(a.most[j], b.most[j]);
	}
	return CORE_OK;
}

static CoreStatus
check_classes(CoreEnv *env, const FitPlan *plan, const Moments *moments)
{
	MomentsView v = moments_view(plan, moments);
	int			present = 0;
	int			last = 0;
	CoreStatus	status;

	for (int k = 0; k < plan->input.nclasses; k++)
	{
		if (v.weight[k] > 0.0)
		{
			present++;
			last = k;
		}
	}
	if (present == 0)
		return env_fail(env, CORE_NUMERIC, "no training row has a positive weight");
	if (present > 1)
		return CORE_OK;
	status = env_fail(env, CORE_NUMERIC, "all training rows have class \"%s\"", plan->input.classes[last]);
	return env_hint(env, status, "Train on rows of at least two classes, with positive weights.");
}

static CoreStatus
naive_bayes_step(CoreEnv *env, const FitPlan *plan, void *iterate_, const void *state_, bool *done)
{
	const BayesPlan *private = plan->private;
	Moments    *iterate = iterate_;
	const Moments *state = state_;
	int			terms = plan->input.nterms;

	if (iterate->pass == 0)
	{
		CORE_TRY(check_classes(env, plan, state));
		memcpy(iterate, state, plan->state_size);
		iterate->pass = 1;
		*done = true;
		for (int j = 0; j < terms; j++)
			*done = *done && private->group[j] == j;
		return CORE_OK;
	}
	memcpy(moments_view(plan, iterate).least, moments_view(plan, state).least, 2 * (size_t) terms * sizeof(double));
	*done = true;
	return CORE_OK;
}

/* Where the results go: [classes x terms] and [classes], classes in code order. */
typedef struct BayesArrays
{
	uint8_t    *kind;			/* [terms] TermKind */
	double	   *log_prior;		/* [classes] */
	double	   *intercept;		/* [classes] log joint density where all terms count as 0 */
	double	   *mean;			/* TERM_LEVEL: probability of 1 */
	double	   *variance;		/* TERM_NORMAL, else NaN */
	double	   *log_odds;		/* TERM_LEVEL: what 1 adds to the log density, else 0 */
} BayesArrays;

static CoreStatus
add_arrays(CoreEnv *env, const FitPlan *plan, Model *model, BayesArrays *arrays)
{
	int			classes = plan->input.nclasses;
	int			terms = plan->input.nterms;
	void	   *data;

	CORE_TRY(model_add_array(env, model, "kind", ARRAY_U8, 1, terms, &data));
	arrays->kind = data;
	CORE_TRY(model_add_array(env, model, "class_log_prior", ARRAY_F64, 1, classes, &data));
	arrays->log_prior = data;
	CORE_TRY(model_add_array(env, model, "intercept", ARRAY_F64, 1, classes, &data));
	arrays->intercept = data;
	CORE_TRY(model_add_array(env, model, "mean", ARRAY_F64, classes, terms, &data));
	arrays->mean = data;
	CORE_TRY(model_add_array(env, model, "variance", ARRAY_F64, classes, terms, &data));
	arrays->variance = data;
	CORE_TRY(model_add_array(env, model, "log_odds", ARRAY_F64, classes, terms, &data));
	arrays->log_odds = data;
	return CORE_OK;
}

/* Mean and variance of a term over the rows of all classes. */
static void
overall_moments(const FitPlan *plan, const MomentsView *v, int j, double *mean, double *variance)
{
	size_t		terms = (size_t) plan->input.nterms;
	double		weight = 0.0;
	double		squares = 0.0;

	*mean = 0.0;
	for (int k = 0; k < plan->input.nclasses; k++)
	{
		double		difference = v->mean[(size_t) k * terms + (size_t) j] - *mean;
		double		total = weight + v->weight[k];

		if (v->weight[k] == 0.0)
			continue;
		squares += v->squares[(size_t) k * terms + (size_t) j] + weight * (v->weight[k] / total) * difference * difference;
		*mean += difference * (v->weight[k] / total);
		weight = total;
	}
	*variance = squares / weight;
}

static void
finish_normal(const FitPlan *plan, const MomentsView *v, int j, BayesArrays *arrays)
{
	const BayesPlan *private = plan->private;
	double		mean;
	double		variance;

	overall_moments(plan, v, j, &mean, &variance);
	arrays->kind[j] = variance > 0.0 ? TERM_NORMAL : TERM_CONSTANT;
	for (int k = 0; k < plan->input.nclasses; k++)
	{
		size_t		at = (size_t) k * (size_t) plan->input.nterms + (size_t) j;
		bool		present = v->weight[k] > 0.0;

		arrays->mean[at] = present ? v->mean[at] : mean;
		arrays->variance[at] = NAN;
		if (variance == 0.0)
			continue;
		arrays->variance[at] = fmax((present ? v->squares[at] / v->weight[k] : variance) + private->var_smoothing * variance,
									SMALLEST_VARIANCE * variance);
		arrays->intercept[k] -= 0.5 * real_log(TWO_PI * arrays->variance[at]);
	}
}

/*
 * 0/1 terms first .. first+count-1 of which at most one is 1.  With `rest` the
 * level of all zeros occurs; without it, zeros (an unknown level) say nothing.
 */
static void
finish_category(const FitPlan *plan, const MomentsView *v, int first, int count, bool rest, BayesArrays *arrays)
{
	const BayesPlan *private = plan->private;
	int			levels = count + (rest ? 1 : 0);

	for (int k = 0; k < plan->input.nclasses; k++)
	{
		const double *share = v->mean + (size_t) k * (size_t) plan->input.nterms + first;
		double		denominator = v->weight[k] + private->alpha * levels;
		double		others = v->weight[k];
		double		base = 0.0;

		for (int j = 0; j < count; j++)
			others -= v->weight[k] * share[j];
		if (rest)
			base = real_log((fmax(others, 0.0) + private->alpha) / denominator);
		arrays->intercept[k] += base;
		for (int j = 0; j < count; j++)
		{
			size_t		at = (size_t) k * (size_t) plan->input.nterms + (size_t) (first + j);
			double		probability = (v->weight[k] * share[j] + private->alpha) / denominator;

			arrays->kind[first + j] = TERM_LEVEL;
			arrays->mean[at] = probability;
			arrays->variance[at] = NAN;
			arrays->log_odds[at] = real_log(probability) - base;
		}
	}
}

/* A 0/1 term that is constant has no spread in any class. */
static bool
is_constant(const FitPlan *plan, const MomentsView *v, int j)
{
	double		mean;
	double		variance;

	overall_moments(plan, v, j, &mean, &variance);
	return variance == 0.0;
}

static void
finish_group(const FitPlan *plan, const MomentsView *v, int first, int count, BayesArrays *arrays)
{
	bool		zero_one = true;

	for (int j = first; j < first + count; j++)
		zero_one = zero_one && v->other_value[j] == 0.0;
	if (count > 1 && zero_one && v->most[first] <= 1.0)
	{
		finish_category(plan, v, first, count, v->least[first] < 1.0, arrays);
		return;
	}
	for (int j = first; j < first + count; j++)
	{
		if (v->other_value[j] == 0.0 && !is_constant(plan, v, j))
			finish_category(plan, v, j, 1, true, arrays);
		else
			finish_normal(plan, v, j, arrays);
	}
}

/* Squares of very large numbers are infinite. */
static CoreStatus
check_moments(CoreEnv *env, const FitPlan *plan, const BayesArrays *arrays)
{
	for (int k = 0; k < plan->input.nclasses; k++)
	{
		for (int j = 0; j < plan->input.nterms; j++)
		{
			size_t		at = (size_t) k * (size_t) plan->input.nterms + (size_t) j;
			CoreStatus	status;

			if (isfinite(arrays->mean[at]) && (arrays->kind[j] != TERM_NORMAL || isfinite(arrays->variance[at])))
				continue;
			status = env_fail(env, CORE_NUMERIC, "the variance of \"%s\" is beyond the range of numbers", plan->input.terms[j].name);
			return env_hint(env, status, "Its values are too large: divide them by a power of ten.");
		}
	}
	return CORE_OK;
}

static CoreStatus
naive_bayes_finish(CoreEnv *env, const FitPlan *plan, const void *iterate_, Model *model)
{
	const BayesPlan *private = plan->private;
	const Moments *moments = iterate_;
	MomentsView v = moments_view(plan, moments);
	int			terms = plan->input.nterms;
	BayesArrays arrays;
	double		weight = 0.0;
	int			count;

	model->link = model->task == TASK_BINARY ? LINK_LOGIT : LINK_SOFTMAX;
	model->noutputs = model->task == TASK_BINARY ? 1 : plan->input.nclasses;
	CORE_TRY(add_arrays(env, plan, model, &arrays));
	for (int k = 0; k < plan->input.nclasses; k++)
		weight += v.weight[k];
	for (int j = 0; j < terms; j += count)
	{
		for (count = 1; j + count < terms && private->group[j + count] == j; count++)
			;
		finish_group(plan, &v, j, count, &arrays);
	}
	CORE_TRY(check_moments(env, plan, &arrays));
	for (int k = 0; k < plan->input.nclasses; k++)
	{
		double		prior = private->priors != NULL ? private->priors[k] : v.weight[k] / weight;
		bool		present = v.weight[k] > 0.0 && prior > 0.0;

		arrays.log_prior[k] = present ? real_log(prior) : ABSENT_MARGIN;
		arrays.intercept[k] += arrays.log_prior[k];
		if (v.weight[k] == 0.0)
			env_log(env, CORE_WARNING, "class \"%s\" has no training rows: its probability is always 0", plan->input.classes[k]);
	}
	model->rows_train = moments->rows;
	model->weight_train = weight;
	return model_add_number(env, model, "rows", (double) moments->rows);
}

/* What scoring reads: rows of [1 + terms] as the linear part, then mean and 1 / sd, by classes. */
typedef struct BayesScorer
{
	int			classes;
	int			terms;
	const double *intercept;
	const double *log_odds;
	const double *mean;
	double	   *inverse_sd;		/* 0: not normal */
} BayesScorer;

static CoreStatus
check_finite(CoreEnv *env, const ModelArray *array)
{
	const double *values = array->data;

	for (int64_t i = 0; i < array->rows * array->cols; i++)
	{
		if (!isfinite(values[i]))
			return env_fail(env, CORE_CORRUPT, "array \"%s\" of the model has a value that is not finite", array->name);
	}
	return CORE_OK;
}

static CoreStatus
naive_bayes_bind(CoreEnv *env, Model *model)
{
	int			classes = model->target.nclasses;
	int			terms = model->transform->nterms;
	bool		binary = model->task == TASK_BINARY;
	const ModelArray *kind;
	const ModelArray *intercept;
	const ModelArray *mean;
	const ModelArray *variance;
	const ModelArray *log_odds;
	BayesScorer *scorer;

	if (classes < 2 || (binary && classes != 2) || model->noutputs != (binary ? 1 : classes))
		return env_fail(env, CORE_CORRUPT, "the model has %d outputs for %d classes", model->noutputs, classes);
	if (model->link != (binary ? LINK_LOGIT : LINK_SOFTMAX))
		return env_fail(env, CORE_CORRUPT, "the model has link %d, which its task does not allow", (int) model->link);
	CORE_TRY(model_require(env, model, "kind", ARRAY_U8, 1, terms, &kind));
	CORE_TRY(model_require(env, model, "intercept", ARRAY_F64, 1, classes, &intercept));
	CORE_TRY(model_require(env, model, "mean", ARRAY_F64, classes, terms, &mean));
	CORE_TRY(model_require(env, model, "variance", ARRAY_F64, classes, terms, &variance));
	CORE_TRY(model_require(env, model, "log_odds", ARRAY_F64, classes, terms, &log_odds));
	CORE_TRY(check_finite(env, intercept));
	CORE_TRY(check_finite(env, mean));
	CORE_TRY(check_finite(env, log_odds));

	CORE_ALLOC(env, scorer, 1);
	scorer->classes = classes;
	scorer->terms = terms;
	scorer->intercept = intercept->data;
	scorer->log_odds = log_odds->data;
	scorer->mean = mean->data;
	scorer->inverse_sd = env_alloc(env, (size_t) classes * (size_t) terms, sizeof(double));
	if (scorer->inverse_sd == NULL)
		return CORE_NO_MEMORY;
	for (int k = 0; k < classes; k++)
	{
		for (int j = 0; j < terms; j++)
		{
			size_t		at = (size_t) k * (size_t) terms + (size_t) j;
			double		v = ((const double *) variance->data)[at];

			if (((const uint8_t *) kind->data)[j] > TERM_LEVEL)
				return env_fail(env, CORE_CORRUPT, "term %d of the model has an unknown kind", j);
			if (((const uint8_t *) kind->data)[j] != TERM_NORMAL)
				continue;
			if (!(v > 0.0) || !isfinite(v))
				return env_fail(env, CORE_CORRUPT, "term %d of the model has no positive variance", j);
			scorer->inverse_sd[at] = 1.0 / sqrt(v);
		}
	}
	model->scorer = scorer;
	return CORE_OK;
}

static double
log_joint(const BayesScorer *scorer, int k, const double *terms)
{
	const double *log_odds = scorer->log_odds + (size_t) k * (size_t) scorer->terms;
	const double *mean = scorer->mean + (size_t) k * (size_t) scorer->terms;
	const double *inverse_sd = scorer->inverse_sd + (size_t) k * (size_t) scorer->terms;
	double		sum = scorer->intercept[k];

	for (int j = 0; j < scorer->terms; j++)
	{
		double		distance = fabs(terms[j] - mean[j]) * inverse_sd[j];

		if (distance > LARGEST_DISTANCE)
			distance = LARGEST_DISTANCE;
		sum += log_odds[j] * terms[j] - 0.5 * distance * distance;
	}
	return sum;
}

static void
naive_bayes_score(const Model *model, const double *terms, double *scratch, double *out)
{
	const BayesScorer *scorer = model->scorer;

	(void) scratch;
	if (model->task == TASK_BINARY)
	{
		out[0] = log_joint(scorer, 1, terms) - log_joint(scorer, 0, terms);
		return;
	}
	for (int k = 0; k < scorer->classes; k++)
		out[k] = log_joint(scorer, k, terms);
}

const Algorithm algorithm_naive_bayes = {
	.name = "naive_bayes",
	.summary = "Naive Bayes: normal numbers and smoothed categories, independent given the class.",
	.tasks = 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_LINEAR,
	.params = naive_bayes_params,
	.begin = naive_bayes_begin,
	.start = naive_bayes_start,
	.state_init = naive_bayes_state_init,
	.accumulate = naive_bayes_accumulate,
	.merge = naive_bayes_merge,
	.step = naive_bayes_step,
	.finish = naive_bayes_finish,
	.bind = naive_bayes_bind,
	.score = naive_bayes_score
};
