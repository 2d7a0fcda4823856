/*
 * multinomial_pass.c
 *	  What a block of rows adds to the state of a pass; see multinomial.h.
 *
 * The information is diag(p) x zz' minus (p x z)(p x z)', a Kronecker product in
 * each row.  The second part is one cross-product of all columns p_a z; the
 * blocks on the diagonal, where both parts nearly cancel when a class is nearly
 * certain, are summed apart with the weights p (1 - p).
 *
 * Cost of a row with k terms and K classes: k^2 flops for the change of basis
 * and K^2 k^2 for the information (Newton's method), K k for the rest.
 */
#include "core/multinomial.h"

#include <cblas.h>
#include <math.h>

#include "core/real.h"

#define CHUNK_ROWS 256
#define POLL_ROWS 32
#define POLL_SUMS 1048576
#define STRIDE (CHUNK_ROWS + 8) /* of columns: not a power of two, which would map them to few cache lines */

typedef struct Chunk
{
	int			rows;
	int			columns;		/* 1 + nkept */
	int			actives;
	double	   *design;			/* rows x columns, column-major, ones first */
	double	   *weighted;		/* rows x (actives x columns): the same times roots of weights */
	double	   *eta;			/* rows x actives; then probabilities */
	double	   *move;			/* rows x actives; then w p (1 - p) */
	double	   *residual;		/* rows x actives */
	double	   *weight;
	double	   *reference;		/* probability of the reference class */
	const double *y;
} Chunk;

size_t
multinomial_chunk_doubles(int nterms, int nclasses, bool newton)
{
	size_t		columns = (size_t) nterms + 1;
	size_t		actives = (size_t) nclasses - 1;

	return STRIDE * (columns + (newton ? actives * columns : 0) + 3 * actives + 2);
}

/* Checks weights and target of a block; counts rows and classes. */
static CoreStatus
tally_block(CoreEnv *env, const FitPlan *plan, MultinomialState *state, const DesignBlock *block)
{
	for (int i = 0; i < block->nrows; i++)
	{
		double		w = block->w != NULL ? block->w[i] : 1.0;
		double		y = block->y[i];

		if (!(w >= 0.0) || !isfinite(w))
			return env_fail(env, CORE_INVALID, "weight %g is negative or not finite", w);
		if (!(y >= 0.0) || y >= plan->input.nclasses || y != floor(y))
			return env_fail(env, CORE_INVALID, "class code %g is not one of %d classes", y, plan->input.nclasses);
		if (block->offset != NULL && block->offset[i] != 0.0)
			return env_fail(env, CORE_UNSUPPORTED, "an offset needs a target with two classes");
		if (w == 0.0)
			continue;
		state->rows++;
		state->weight += w;
		state->data[(int) y] += w;
	}
	return CORE_OK;
}

static void
fill_design(const FitPlan *plan, const MultinomialVectors *v, const DesignBlock *block, int first, Chunk *chunk)
{
	int			nkept = chunk->columns - 1;

	for (int i = 0; i < chunk->rows; i++)
	{
		double		w = block->w != NULL ? block->w[first + i] : 1.0;

		chunk->design[i] = 1.0;
		chunk->weight[i] = w * v->factor[(int) chunk->y[i]];
	}
	for (int k = 1; k <= nkept; k++)
	{
		const double *restrict x = block->x + (size_t) v->kept[k] * block->ld + first;
		double	   *restrict z = chunk->design + (size_t) k * STRIDE;
		double		centre = v->centre[k];
		double		factor = 1.0 / v->spread[k];

		for (int i = 0; i < chunk->rows; i++)
			z[i] = (x[i] - centre) * factor;
	}
	if (multinomial_plan(plan)->uncorrelated && nkept > 0)
		cblas_dtrmm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, chunk->rows, nkept,
					1.0, v->basis, nkept, chunk->design + STRIDE, STRIDE);
}

/* How far the margin of the row's own class is above the best other one; `margins` by class rows of stride STRIDE. */
static double
lead(const double *margins, int actives, int own)
{
	double		mine = own < 0 ? 0.0 : margins[(size_t) own * STRIDE];
	double		best = own < 0 ? -INFINITY : 0.0;

	for (int a = 0; a < actives; a++)
	{
		if (a != own)
			best = fmax(best, margins[(size_t) a * STRIDE]);
	}
	return mine - best;
}

static void
test_separation(const MultinomialVectors *v, const Chunk *chunk, MultinomialState *state)
{
	for (int i = 0; i < chunk->rows; i++)
	{
		int			own = v->active[(int) chunk->y[i]];

		if (chunk->weight[i] == 0.0)
			continue;
		for (int a = 0; a < chunk->actives; a++)
			state->max_move = fmax(state->max_move, fabs(chunk->move[(size_t) a * STRIDE + (size_t) i]));
		state->min_gain = fmin(state->min_gain, lead(chunk->move + i, chunk->actives, own));
		state->min_margin = fmin(state->min_margin, lead(chunk->eta + i, chunk->actives, own));
	}
}

/*
 * Softmax of one row in place, with residuals w (1[own] - p).  1 - p of a likely
 * class is summed from the others, so that both keep their relative accuracy.
 */
static void
evaluate_row(Chunk *chunk, int i, int own, MultinomialState *state)
{
	double		w = chunk->weight[i];
	double		largest = 0.0;
	double		total;
	double		own_eta = own < 0 ? 0.0 : chunk->eta[(size_t) own * STRIDE + (size_t) i];

	for (int a = 0; a < chunk->actives; a++)
	{
		double		eta = chunk->eta[(size_t) a * STRIDE + (size_t) i];

		if (!isfinite(eta))
			state->not_finite = 1;
		largest = fmax(largest, eta);
		state->max_eta = fmax(state->max_eta, fabs(eta));
	}
	chunk->reference[i] = total = real_exp(-largest);
	for (int a = 0; a < chunk->actives; a++)
	{
		double	   *eta = chunk->eta + (size_t) a * STRIDE + (size_t) i;

		*eta = real_exp(*eta - largest);
		total += *eta;
	}
	state->deviance += 2.0 * w * (real_log(total) + (largest - own_eta));
	chunk->reference[i] /= total;
	for (int a = 0; a < chunk->actives; a++)
		chunk->eta[(size_t) a * STRIDE + (size_t) i] /= total;
	for (int a = 0; a < chunk->actives; a++)
	{
		double		p = chunk->eta[(size_t) a * STRIDE + (size_t) i];
		double		rest = 1.0 - p;

		if (p > 0.5)
		{
			rest = chunk->reference[i];
			for (int b = 0; b < chunk->actives; b++)
				rest += b != a ? chunk->eta[(size_t) b * STRIDE + (size_t) i] : 0.0;
		}
		chunk->residual[(size_t) a * STRIDE + (size_t) i] = w * (a == own ? rest : -p);
		/* for the information: the move is not needed any more */
		chunk->move[(size_t) a * STRIDE + (size_t) i] = w * p * rest;
		state->scale += w * p * rest;
	}
}

/* out = columns of the design times the factor of each row. */
static void
scale_design(const Chunk *chunk, const double *restrict factor, double *restrict out)
{
	for (int k = 0; k < chunk->columns; k++)
	{
		const double *restrict z = chunk->design + (size_t) k * STRIDE;

		for (int i = 0; i < chunk->rows; i++)
			out[(size_t) k * STRIDE + (size_t) i] = z[i] * factor[i];
	}
}

static void
add_information(CoreEnv *env, Chunk *chunk, double *products, double *blocks)
{
	size_t		columns = (size_t) chunk->columns;
	int			size = chunk->actives * chunk->columns;

	for (int a = 0; a < chunk->actives; a++)
	{
		double	   *restrict factor = chunk->move + (size_t) a * STRIDE;

		for (int i = 0; i < chunk->rows; i++)
			factor[i] = sqrt(factor[i]);
		scale_design(chunk, factor, chunk->weighted);
		cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, chunk->columns, chunk->rows, 1.0, chunk->weighted, STRIDE,
					1.0, blocks + (size_t) a * columns * columns, chunk->columns);
	}
	env_poll(env);
	for (int a = 0; a < chunk->actives; a++)
	{
		double	   *restrict factor = chunk->eta + (size_t) a * STRIDE;

		for (int i = 0; i < chunk->rows; i++)
			factor[i] *= sqrt(chunk->weight[i]);
		scale_design(chunk, factor, chunk->weighted + (size_t) a * columns * STRIDE);
	}
	cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, size, chunk->rows, 1.0, chunk->weighted, STRIDE, 1.0, products, size);
}

static void
add_chunk(CoreEnv *env, const FitPlan *plan, const MultinomialIterate *iterate, const DesignBlock *block, int first, Chunk *chunk, MultinomialState *state)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	double	   *gradient = multinomial_payload(plan, state);
	size_t		size = (size_t) chunk->actives * (size_t) chunk->columns;

	chunk->y = block->y + first;
	fill_design(plan, &v, block, first, chunk);
	cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, chunk->rows, chunk->actives, chunk->columns,
				1.0, chunk->design, STRIDE, v.beta, chunk->columns, 0.0, chunk->eta, STRIDE);
	env_poll(env);
	if (iterate->moved)
	{
		cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, chunk->rows, chunk->actives, chunk->columns,
					1.0, chunk->design, STRIDE, v.direction, chunk->columns, 0.0, chunk->move, STRIDE);
		test_separation(&v, chunk, state);
	}
	for (int i = 0; i < chunk->rows; i++)
	{
		/* as many exponentials as there are classes */
		if (i % POLL_ROWS == 0)
			env_poll(env);
		evaluate_row(chunk, i, v.active[(int) chunk->y[i]], state);
	}
	env_poll(env);
	cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, chunk->columns, chunk->actives, chunk->rows,
				1.0, chunk->design, STRIDE, chunk->residual, STRIDE, 1.0, gradient, chunk->columns);
	if (multinomial_plan(plan)->newton)
		add_information(env, chunk, gradient + size, gradient + size + size * size);
}

CoreStatus
multinomial_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate_, void *state_, const DesignBlock *block)
{
	const MultinomialIterate *iterate = iterate_;
	const MultinomialPlan *private = plan->private;
	MultinomialState *state = state_;
	Chunk		chunk = {.columns = iterate->nkept + 1, .actives = iterate->present - 1};

	CORE_TRY(tally_block(env, plan, state, block));
	if (!iterate->surveyed)
		return linear_state_add(env, multinomial_linear_state(plan, state), block->nrows, block->x, block->ld, block->y, block->w, private->workspace);

	chunk.design = private->chunk;
	chunk.eta = chunk.design + (size_t) chunk.columns * STRIDE;
	chunk.move = chunk.eta + (size_t) chunk.actives * STRIDE;
	chunk.residual = chunk.move + (size_t) chunk.actives * STRIDE;
	chunk.weight = chunk.residual + (size_t) chunk.actives * STRIDE;
	chunk.reference = chunk.weight + STRIDE;
	chunk.weighted = chunk.reference + STRIDE;
	for (int first = 0; first < block->nrows; first += CHUNK_ROWS)
	{
		env_poll(env);
		chunk.rows = block->nrows - first < CHUNK_ROWS ? block->nrows - first : CHUNK_ROWS;
		add_chunk(env, plan, iterate, block, first, &chunk, state);
	}
	return CORE_OK;
}

CoreStatus
multinomial_merge(CoreEnv *env, const FitPlan *plan, void *state_, const void *other_)
{
	MultinomialState *a = state_;
	const MultinomialState *b = other_;

	a->rows += b->rows;
	a->not_finite |= b->not_finite;
	a->weight += b->weight;
	a->deviance += b->deviance;
	a->scale += b->scale;
	a->max_eta = fmax(a->max_eta, b->max_eta);
	a->max_move = fmax(a->max_move, b->max_move);
	a->min_gain = fmin(a->min_gain, b->min_gain);
	a->min_margin = fmin(a->min_margin, b->min_margin);
	for (int c = 0; c < plan->input.nclasses; c++)
		a->data[c] += b->data[c];
	if (a->columns > 0)
	{
		size_t		columns = (size_t) a->columns;
		size_t		actives = (size_t) a->actives;
		double	   *sum = multinomial_payload(plan, a);
		const double *term = multinomial_payload(plan, b);
		size_t		n = actives * columns;

		if (multinomial_plan(plan)->newton)
			n += n * n + actives * columns * columns;
		for (size_t i = 0; i < n; i++)
		{
			if (i % POLL_SUMS == 0)
				env_poll(env);
			sum[i] += term[i];
		}
		return CORE_OK;
	}
	return linear_state_merge(env, multinomial_linear_state(plan, a), multinomial_linear_state(plan, b), multinomial_plan(plan)->workspace);
}
