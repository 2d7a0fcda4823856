/*
 * irls_pass.c
 *	  What a block of rows adds to the state of a pass; see irls.h.
 *
 * Rows are taken in chunks that stay in the cache: gather and scale the kept
 * terms while forming the linear predictor, evaluate the family, then add the
 * weighted cross-product (one product of (1, z, residual) with itself, which holds
 * information, score and Pearson statistic) or the factorization.
 *
 * Cost of a chunk of n rows and k terms: n k^2 flops for the cross-product,
 * about 2 n k^2 for QR, O(n k) for the rest.
 */
#include "core/irls.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "core/glm_logit.h"
#include "core/linear_internal.h"
#include "core/pair.h"

#define CROSS_PRODUCT_CHUNK 512
#define QR_CHUNK 1024			/* fewer rows spend too much on the triangle */
#define CHUNK_PRODUCTS (1 << 28)	/* of one cross-product between two polls */

typedef struct Chunk
{
	int			rows;
	size_t		ld;
	double	   *design;			/* columns: square root of weight, kept terms, residual */
	double	   *eta;
	double	   *move;
	double	   *weight;			/* case weights, then working weights */
	double	   *weighted;		/* observed information: constant and terms times curvature */
	bool		logit;			/* rows of glm_logit.h */
	const double *y;
	const double *offset;		/* NULL: all 0 */
} Chunk;

/* Rows of a chunk for a cross-product of so many terms. */
static int
cross_chunk(int nterms)
{
	int			rows = CROSS_PRODUCT_CHUNK;

	while (rows > 64 && (int64_t) rows * nterms * nterms > CHUNK_PRODUCTS)
		rows /= 2;
	return rows;
}

/* Of a factorization: with few rows more than columns it would mostly redo the triangle. */
static int
qr_chunk(int nterms)
{
	int			rows = QR_CHUNK;

	while (rows < BLOCK_ROWS && rows < 4 * (nterms + 1))
		rows *= 2;
	return rows;
}

size_t
irls_chunk_doubles(int nterms)
{
	size_t		terms = (size_t) nterms;
	size_t		observed = CROSS_PRODUCT_CHUNK * (2 * terms + 6);
	size_t		factorised = (size_t) qr_chunk(nterms) * (terms + 5);

	return observed > factorised ? observed : factorised;
}

static bool
weight_is_valid(double w)
{
	return w >= 0.0 && isfinite(w);
}

/* The common block, two classes without weights and offset; false: it is not of that kind, nothing was done. */
static bool
tally_classes(const FitPlan *plan, IrlsState *state, const DesignBlock *block)
{
	double		positive = 0.0;
	double		strange = 0.0;

	if (plan->input.task != TASK_BINARY || block->w != NULL || block->offset != NULL)
		return false;
	for (int i = 0; i < block->nrows; i++)
	{
		positive += block->y[i];
		strange += fabs(block->y[i] * (1.0 - block->y[i]));
	}
	if (!(strange == 0.0))
		return false;
	state->rows += block->nrows;
	state->weight += block->nrows;
	state->target += positive;
	state->class_weight[0] += block->nrows - positive;
	state->class_weight[1] += positive;
	return true;
}

/* Checks weights and target of a block; counts rows, weights and classes. */
static CoreStatus
tally_block(CoreEnv *env, const FitPlan *plan, IrlsState *state, const DesignBlock *block)
{
	const IrlsOptions *options = irls_options(plan);
	bool		binary = plan->input.task == TASK_BINARY;

	if (tally_classes(plan, state, block))
		return CORE_OK;
	for (int i = 0; i < block->nrows; i++)
	{
		double		w = block->w != NULL ? block->w[i] : 1.0;
		double		y = block->y[i];
		const char *what = glm_domain_error(options->spec.family, y);

		if (!weight_is_valid(w))
			return env_fail(env, CORE_INVALID, "weight %g is negative or not finite", w);
		if (w == 0.0)
			continue;
		if (what != NULL)
			return env_fail(env, CORE_INVALID, "the target has %s (%g), which family \"%s\" does not allow",
							what, y, glm_family_name(options->spec.family));
		if (block->offset != NULL && !isfinite(block->offset[i]))
			return env_fail(env, CORE_INVALID, "an offset is not finite");
		state->rows++;
		state->weight += w;
		state->target += w * y;
		if (block->offset != NULL && block->offset[i] != 0.0)
			state->has_offset = 1;
		if (binary)
			state->class_weight[y > 0.5] += w;
	}
	return CORE_OK;
}

/* One term's values in scaled units, and its share in the linear predictors. */
static void
fill_term(const IrlsVectors *v, int k, const double *x, bool with_move, Chunk *chunk)
{
	double	   *z = chunk->design + (size_t) k * chunk->ld;
	double		factor = 1.0 / v->spread[k];

	for (int i = 0; i < chunk->rows; i++)
	{
		z[i] = (x[i] - v->centre[k]) * factor;
		chunk->eta[i] += v->beta[k] * z[i];
		if (with_move)
			chunk->move[i] += v->direction[k] * z[i];
	}
}

/* Two terms in one go; the same bits as one after the other.  The chunk has an even number of rows. */
static inline void
fill_two(const IrlsVectors *v, int k, const double *x, const double *x2, bool with_move, Chunk *chunk)
{
	double	   *z = chunk->design + (size_t) k * chunk->ld;
	double	   *z2 = z + chunk->ld;
	double	   *eta = chunk->eta;
	double	   *move = chunk->move;
	Pair		centre = pair_of(v->centre[k]);
	Pair		centre2 = pair_of(v->centre[k + 1]);
	Pair		factor = pair_of(1.0 / v->spread[k]);
	Pair		factor2 = pair_of(1.0 / v->spread[k + 1]);
	Pair		beta = pair_of(v->beta[k]);
	Pair		beta2 = pair_of(v->beta[k + 1]);
	Pair		direction = pair_of(v->direction[k]);
	Pair		direction2 = pair_of(v->direction[k + 1]);

	for (int i = 0; i < chunk->rows; i += 2)
	{
		Pair		value = (pair_load(x + i) - centre) * factor;
		Pair		value2 = (pair_load(x2 + i) - centre2) * factor2;

		pair_store(z + i, value);
		pair_store(z2 + i, value2);
		pair_store(eta + i, (pair_load(eta + i) + beta * value) + beta2 * value2);
		if (with_move)
			pair_store(move + i, (pair_load(move + i) + direction * value) + direction2 * value2);
	}
}

/* Kept terms, centred and scaled, and with them the linear predictor and, if wanted, the last move. */
static void
fill_design(const IrlsVectors *v, int nkept, const DesignBlock *block, int first, bool with_move, Chunk *chunk)
{
	for (int i = 0; i < chunk->rows; i++)
	{
		chunk->eta[i] = v->beta[0];
		chunk->move[i] = v->direction[0];
	}
	for (int k = 1; k <= nkept; k++)
	{
		const double *x = block->x + (size_t) v->kept[k] * block->ld + first;
		const double *next = k < nkept ? block->x + (size_t) v->kept[k + 1] * block->ld + first : NULL;

		if (next == NULL || chunk->rows % 2 != 0)
			fill_term(v, k, x, with_move, chunk);
		else if (with_move)
			fill_two(v, k++, x, next, true, chunk);
		else
			fill_two(v, k++, x, next, false, chunk);
	}
}

/* Tests the direction of the last move, and the fit itself, for separation. */
static void
test_separation(const GlmSpec *spec, const Chunk *chunk, IrlsState *state)
{
	if (chunk->logit)
	{
		glm_logit_separation(chunk->rows, chunk->eta, chunk->move, chunk->y, &state->max_move, &state->min_gain, &state->min_margin);
		return;
	}
	for (int i = 0; i < chunk->rows; i++)
	{
		double		move = chunk->move[i];
		int			sign;

		if (chunk->weight[i] == 0.0)
			continue;
		sign = glm_recession_sign(spec, chunk->y[i]);
		state->max_move = fmax(state->max_move, fabs(move));
		if (sign == 0)
			state->max_stray = fmax(state->max_stray, fabs(move));
		state->min_gain = fmin(state->min_gain, sign * move);
		state->min_margin = fmin(state->min_margin, sign * chunk->eta[i]);
	}
}

/* The null model of two classes without offset: every row of a class counts the same. */
static void
add_null_classes(const FitPlan *plan, const IrlsIterate *iterate, const Chunk *chunk, GlmNull *null)
{
	const GlmSpec *spec = &irls_options(plan)->spec;
	double		positive = 0.0;

	for (int i = 0; i < chunk->rows; i++)
		positive += chunk->y[i];
	glm_null_row(spec, iterate->null_eta, 0.0, (chunk->rows - positive) * chunk->weight[0], null);
	glm_null_row(spec, iterate->null_eta, 1.0, positive * chunk->weight[0], null);
}

static void
add_null_model(const FitPlan *plan, const IrlsIterate *iterate, const Chunk *chunk, IrlsState *state)
{
	const GlmSpec *spec = &irls_options(plan)->spec;
	GlmNull		null = {0};

	if (chunk->logit && chunk->offset == NULL)
		add_null_classes(plan, iterate, chunk, &null);
	for (int i = 0; i < chunk->rows && !(chunk->logit && chunk->offset == NULL); i++)
	{
		double		offset = chunk->offset != NULL ? chunk->offset[i] : 0.0;

		glm_null_row(spec, iterate->null_eta + offset, chunk->y[i], chunk->weight[i], &null);
	}
	state->null_deviance += null.deviance;
	state->null_score += null.score;
	state->null_information += null.information;
	if (null.invalid)
		state->null_invalid = 1;
}

/*
 * The first step has no coefficients yet: its linear predictor is that of the
 * family's starting means, and the step leads from 0 to the least squares fit
 * of the working response.
 */
static void
starting_rows(const FitPlan *plan, const IrlsIterate *iterate, const Chunk *chunk, double *root, double *residual, GlmSums *sums)
{
	const GlmSpec *spec = &irls_options(plan)->spec;

	for (int i = 0; i < chunk->rows; i++)
		chunk->eta[i] = chunk->weight[i] == 0.0 ? 0.0 :
			glm_link(spec->link, glm_start_mean(spec, chunk->y[i], chunk->weight[i], iterate->start_mean));
	glm_rows(spec, chunk->rows, chunk->eta, chunk->y, chunk->weight, root, residual, sums);
	for (int i = 0; i < chunk->rows; i++)
	{
		if (root[i] > 0.0)
			residual[i] += chunk->eta[i] - (chunk->offset != NULL ? chunk->offset[i] : 0.0);
	}
}

static void
add_offset(Chunk *chunk)
{
	if (chunk->offset == NULL)
		return;
	for (int i = 0; i < chunk->rows; i++)
		chunk->eta[i] += chunk->offset[i];
}

static void
add_sums(IrlsState *state, const GlmSums *sums)
{
	state->deviance += sums->deviance;
	state->pearson += sums->pearson;
	state->scale += sums->scale;
	state->max_eta = fmax(state->max_eta, sums->max_eta);
	state->invalid |= sums->invalid;
	state->not_finite |= sums->not_finite;
}

static bool
tests_separation(const FitPlan *plan, const IrlsIterate *iterate)
{
	return iterate->moved && !iterate->starting && glm_can_separate(&irls_options(plan)->spec);
}

/* Square roots of working weights to column 0, working residuals to the last column; these, too, weighted for rows of glm_logit.h in a cross-product. */
static void
evaluate_chunk(const FitPlan *plan, const IrlsIterate *iterate, Chunk *chunk, IrlsState *state)
{
	const GlmSpec *spec = &irls_options(plan)->spec;
	double	   *root = chunk->design;
	double	   *residual = chunk->design + (size_t) (iterate->nkept + 1) * chunk->ld;
	GlmSums		sums = {0};

	if (iterate->starting)
		starting_rows(plan, iterate, chunk, root, residual, &sums);
	else
	{
		if (tests_separation(plan, iterate))
			test_separation(spec, chunk, state);
		add_offset(chunk);
		if (chunk->logit && iterate->basis == IRLS_CROSS_PRODUCT)
			glm_logit_rows(chunk->rows, chunk->eta, chunk->y, chunk->weight[0], root, residual, &sums);
		else
			glm_rows(spec, chunk->rows, chunk->eta, chunk->y, chunk->weight, root, residual, &sums);
		if (!iterate->sampled && (iterate->has_offset || iterate->basis == IRLS_QR))
			add_null_model(plan, iterate, chunk, state);
		/* of targets 0 and 1 it is 0 */
		for (int i = 0; i < chunk->rows && iterate->basis == IRLS_QR && !chunk->logit; i++)
			state->likelihood_constant += glm_likelihood_constant(spec, chunk->y[i], chunk->weight[i]);
	}
	add_sums(state, &sums);
}

static void
add_cross_product(const IrlsIterate *iterate, const Chunk *chunk, double *square)
{
	int			columns = iterate->nkept + 2;
	bool		weighted = chunk->logit && !iterate->starting;	/* the residuals are */
	const double *restrict root = chunk->design;

	for (int k = 1; k < columns - weighted; k++)
	{
		double	   *restrict z = chunk->design + (size_t) k * chunk->ld;

		for (int i = 0; i < chunk->rows; i++)
			z[i] *= root[i];
	}
	linear_gram_add(columns, chunk->rows, chunk->design, chunk->ld, square);
}

/* The same with the observed information, whose weights may be negative; the score is that of the expected one. */
static void
add_observed(const FitPlan *plan, const IrlsIterate *iterate, const Chunk *chunk, double *square)
{
	int			columns = iterate->nkept + 1;
	const double *root = chunk->design;
	double	   *score = chunk->design + (size_t) columns * chunk->ld;
	double	   *curvature = chunk->weighted;

	glm_curvature(&irls_options(plan)->spec, chunk->rows, chunk->eta, chunk->y, chunk->weight, curvature);
	for (int k = 1; k < columns; k++)
	{
		const double *restrict z = chunk->design + (size_t) k * chunk->ld;
		double	   *restrict out = chunk->weighted + (size_t) k * chunk->ld;

		for (int i = 0; i < chunk->rows; i++)
			out[i] = curvature[i] * z[i];
	}
	for (int i = 0; i < chunk->rows; i++)
	{
		score[i] *= root[i] * root[i];
		chunk->design[i] = 1.0;
	}
	cblas_dgemv(CblasColMajor, CblasTrans, chunk->rows, columns, 1.0, chunk->design, (int) chunk->ld, score, 1,
				1.0, square + (size_t) columns * (size_t) (columns + 1), 1);
	cblas_dsyr2k(CblasColMajor, CblasUpper, CblasTrans, columns, chunk->rows, 0.5, chunk->design, (int) chunk->ld,
				 chunk->weighted, (int) chunk->ld, 1.0, square, columns + 1);
}

/* Case weights of the chunk, with class factors. */
static void
fill_weights(const FitPlan *plan, const IrlsIterate *iterate, const DesignBlock *block, int first, Chunk *chunk)
{
	bool		binary = plan->input.task == TASK_BINARY;

	for (int i = 0; i < chunk->rows; i++)
	{
		double		w = block->w != NULL ? block->w[first + i] : 1.0;

		chunk->weight[i] = binary ? w * iterate->class_factor[chunk->y[i] > 0.5] : w;
	}
}

static CoreStatus
add_chunk(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const DesignBlock *block, int first, Chunk *chunk, IrlsState *state)
{
	const IrlsPlan *private = plan->private;
	IrlsVectors v = irls_vectors(plan, iterate);

	chunk->y = block->y + first;
	chunk->offset = block->offset != NULL ? block->offset + first : NULL;
	fill_weights(plan, iterate, block, first, chunk);
	chunk->logit = glm_logit_applies(&irls_options(plan)->spec, chunk->rows, chunk->y, chunk->weight);
	fill_design(&v, iterate->nkept, block, first, tests_separation(plan, iterate), chunk);
	evaluate_chunk(plan, iterate, chunk, state);
	if (state->invalid || state->not_finite)
		return CORE_OK;			/* the step will be shortened, sums are not needed */
	if (iterate->basis == IRLS_CROSS_PRODUCT)
	{
		if (iterate->observed)
			add_observed(plan, iterate, chunk, private->square);
		else
			add_cross_product(iterate, chunk, private->square);
		return CORE_OK;
	}
	for (int i = 0; i < chunk->rows; i++)
		chunk->weight[i] = chunk->design[i] * chunk->design[i];
	return linear_state_add(env, irls_linear_state(state), chunk->rows, chunk->design + chunk->ld, chunk->ld,
							chunk->design + (size_t) (iterate->nkept + 1) * chunk->ld, chunk->weight, private->workspace);
}

CoreStatus
irls_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate_, void *state_, const DesignBlock *block)
{
	const IrlsPlan *private = plan->private;
	const IrlsIterate *iterate = iterate_;
	IrlsState  *state = state_;
	Chunk		chunk;

	CORE_TRY(tally_block(env, plan, state, block));
	if (iterate->basis == IRLS_SURVEY)
		return linear_state_add(env, irls_linear_state(state), block->nrows, block->x, block->ld, block->y, block->w, private->workspace);

	chunk.ld = (size_t) (iterate->basis == IRLS_QR ? qr_chunk(iterate->nkept) : cross_chunk(iterate->nkept));
	chunk.design = private->chunk;
	chunk.eta = chunk.design + chunk.ld * ((size_t) iterate->nkept + 2);
	chunk.move = chunk.eta + chunk.ld;
	chunk.weight = chunk.move + chunk.ld;
	chunk.weighted = chunk.weight + chunk.ld;
	memset(private->square, 0, (size_t) state->cross_columns * (size_t) state->cross_columns * sizeof(double));
	for (int first = 0; first < block->nrows; first += (int) chunk.ld)
	{
		env_poll(env);
		chunk.rows = block->nrows - first < (int) chunk.ld ? block->nrows - first : (int) chunk.ld;
		CORE_TRY(add_chunk(env, plan, iterate, block, first, &chunk, state));
	}
	for (int j = 0; j < state->cross_columns; j++)
		memcpy(irls_cross_column(state, j), private->square + (size_t) j * (size_t) state->cross_columns, ((size_t) j + 1) * sizeof(double));
	return CORE_OK;
}

CoreStatus
irls_merge(CoreEnv *env, const FitPlan *plan, void *state_, const void *other_)
{
	IrlsState  *a = state_;
	const IrlsState *b = other_;

	a->rows += b->rows;
	a->invalid |= b->invalid;
	a->not_finite |= b->not_finite;
	a->has_offset |= b->has_offset;
	a->null_invalid |= b->null_invalid;
	a->weight += b->weight;
	a->target += b->target;
	a->class_weight[0] += b->class_weight[0];
	a->class_weight[1] += b->class_weight[1];
	a->deviance += b->deviance;
	a->pearson += b->pearson;
	a->scale += b->scale;
	a->max_eta = fmax(a->max_eta, b->max_eta);
	a->likelihood_constant += b->likelihood_constant;
	a->null_deviance += b->null_deviance;
	a->null_score += b->null_score;
	a->null_information += b->null_information;
	a->max_move = fmax(a->max_move, b->max_move);
	a->min_gain = fmin(a->min_gain, b->min_gain);
	a->max_stray = fmax(a->max_stray, b->max_stray);
	a->min_margin = fmin(a->min_margin, b->min_margin);
	if (a->cross_columns > 0)
	{
		size_t		n = (size_t) a->cross_columns * ((size_t) a->cross_columns + 1) / 2;

		for (size_t i = 0; i < n; i++)
			a->data[i] += b->data[i];
		return CORE_OK;
	}
	if (a->invalid || a->not_finite)
		return CORE_OK;
	return linear_state_merge(env, irls_linear_state(a), irls_linear_sums(b), ((const IrlsPlan *) plan->private)->workspace);
}
