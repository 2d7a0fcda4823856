/*
 * tree_objective.c
 *	  Gradients and losses of blocks; see tree_objective.h.
 *
 * Loops are over whole chunks and without branches, so that the compiler makes
 * vectors of them; the exponential is a polynomial of our own (relative error
 * below 1e-11), which is the same on every machine.  About 3 ns a row for
 * binary targets.
 */
#include "core/tree_objective.h"

#include <math.h>
#include <string.h>

#include "core/real.h"

#define CHUNK 256				/* rows at a time; products of so many numbers up to 2 do not overflow */

/* exp(x) for |x| <= 700. */
static inline double
chunk_exp(double x)
{
	const double shift = 0x1.8p52;	/* adding it rounds to an integer in the low bits */
	double		scaled = x * 1.4426950408889634 + shift;
	double		k = scaled - shift;
	double		r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
	double		p;
	uint64_t	bits;

	p = 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * r + 1;
	p = p * r + 1;
	memcpy(&bits, &scaled, sizeof(bits));
	bits = (bits + 1023) << 52;
	memcpy(&scaled, &bits, sizeof(scaled));
	return p * scaled;
}

static inline double
limit_exponent(double x)
{
	x = x > 700 ? 700 : x;
	return x < -700 ? -700 : x;
}

/* One chunk of at most CHUNK rows. */
typedef struct Chunk
{
	int			n;
	const double *score;
	const double *target;
	const double *weight;		/* NULL: all 1 */
	float	   *gradient;
	float	   *hessian;
} Chunk;

/*
 * The loss of a row is the log of penalty * exp(excess).  Without weights one
 * logarithm serves the whole chunk: of a product of numbers between 1 and 2.
 */
static double
binary_loss(const Chunk *c, const double *penalty, const double *excess)
{
	double		sum = 0;
	double		product[4] = {1, 1, 1, 1};

	for (int i = 0; c->weight != NULL && i < c->n; i++)
		sum += c->weight[i] * (excess[i] + real_log(penalty[i]));
	if (c->weight != NULL)
		return sum;
	for (int i = 0; i < c->n; i++)
	{
		sum += excess[i];
		product[i & 3] *= penalty[i];
	}
	return sum + real_log((product[0] * product[1]) * (product[2] * product[3]));
}

/* Gradients, hessians before weights, and the weighted loss. */
static double
binary_chunk(const Chunk *c)
{
	double		penalty[CHUNK];
	double		excess[CHUNK];

	for (int i = 0; i < c->n; i++)
	{
		double		sign = 2 * c->target[i] - 1;
		double		z = sign * c->score[i];
		double		m = chunk_exp(limit_exponent(-fabs(z)));
		double		inverse = 1 / (1 + m);
		double		wrong = (z >= 0 ? m : 1) * inverse;	/* probability of the other class */

		penalty[i] = 1 + m;
		excess[i] = z < 0 ? -z : 0;
		c->gradient[i] = (float) (-sign * wrong);
		c->hessian[i] = (float) (m * inverse * inverse);
	}
	return binary_loss(c, penalty, excess);
}

static void
squared_chunk(const Chunk *c)
{
	for (int i = 0; i < c->n; i++)
	{
		c->gradient[i] = (float) (c->score[i] - c->target[i]);
		c->hessian[i] = 1;
	}
}

static void
huber_chunk(const Chunk *c, double delta)
{
	for (int i = 0; i < c->n; i++)
	{
		double		error = c->score[i] - c->target[i];

		error = error > delta ? delta : error;
		c->gradient[i] = (float) (error < -delta ? -delta : error);
		c->hessian[i] = 1;
	}
}

/* Absolute error is the median's, alpha = 1/2, on twice the scale. */
static void
quantile_chunk(const Chunk *c, double alpha, double factor)
{
	for (int i = 0; i < c->n; i++)
	{
		double		error = c->score[i] - c->target[i];

		c->gradient[i] = (float) (factor * (error > 0 ? 1 - alpha : error < 0 ? -alpha : 0));
		c->hessian[i] = 1;
	}
}

static void
poisson_chunk(const Chunk *c)
{
	for (int i = 0; i < c->n; i++)
	{
		double		mean = chunk_exp(limit_exponent(c->score[i]));

		c->gradient[i] = (float) (mean - c->target[i]);
		c->hessian[i] = (float) mean;
	}
}

static void
gamma_chunk(const Chunk *c)
{
	for (int i = 0; i < c->n; i++)
	{
		double		ratio = c->target[i] * chunk_exp(limit_exponent(-c->score[i]));

		c->gradient[i] = (float) (1 - ratio);
		c->hessian[i] = (float) (0.5 * (1 + ratio));
	}
}

static void
tweedie_chunk(const Chunk *c, double power)
{
	for (int i = 0; i < c->n; i++)
	{
		double		a = c->target[i] * chunk_exp(limit_exponent((1 - power) * c->score[i]));
		double		b = chunk_exp(limit_exponent((2 - power) * c->score[i]));

		c->gradient[i] = (float) (b - a);
		c->hessian[i] = (float) ((power - 1) * a + (2 - power) * b);
	}
}

/* shift[] is the log of the sum of exponentials of all outputs. */
static void
multiclass_chunk(const Chunk *c, const double *shift, int k, int noutputs)
{
	double		factor = (double) noutputs / (noutputs - 1);

	for (int i = 0; i < c->n; i++)
	{
		double		p = chunk_exp(limit_exponent(c->score[i] - shift[i]));

		c->gradient[i] = (float) (p - (c->target[i] == k ? 1 : 0));
		c->hessian[i] = (float) (factor * p * (1 - p));
	}
}

/* Returns the weighted loss where it comes with the gradients, else 0. */
static double
chunk_gradients(const TreeObjective *objective, const Chunk *c, const double *shift, int k, int noutputs)
{
	double		loss = 0;

	switch (objective->loss)
	{
		case LOSS_SQUARED:
			squared_chunk(c);
			break;
		case LOSS_ABSOLUTE:
			quantile_chunk(c, 0.5, 2);
			break;
		case LOSS_HUBER:
			huber_chunk(c, objective->delta);
			break;
		case LOSS_QUANTILE:
			quantile_chunk(c, objective->alpha, 1);
			break;
		case LOSS_POISSON:
			poisson_chunk(c);
			break;
		case LOSS_GAMMA:
			gamma_chunk(c);
			break;
		case LOSS_TWEEDIE:
			tweedie_chunk(c, objective->power);
			break;
		case LOSS_BINARY:
			loss = binary_chunk(c);
			break;
		case LOSS_MULTICLASS:
			multiclass_chunk(c, shift, k, noutputs);
			break;
	}
	for (int i = 0; c->weight != NULL && i < c->n; i++)
	{
		c->gradient[i] = (float) (c->gradient[i] * c->weight[i]);
		c->hessian[i] = (float) (c->hessian[i] * c->weight[i]);
	}
	return loss;
}

/* Largest magnitude, as the order of the bits of positive numbers is theirs; and four interleaved sums of squares. */
static void
measure(const float *x, int n, double *largest, double *squares)
{
	uint32_t	most = 0;
	double		sum[4] = {0, 0, 0, 0};
	float		value;

	for (int i = 0; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits &= 0x7fffffff;
		most = bits > most ? bits : most;
	}
	for (int i = 0; i < n; i++)
		sum[i & 3] += (double) x[i] * x[i];
	memcpy(&value, &most, sizeof(value));
	if (value > *largest)
		*largest = value;
	*squares += (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Log of the sum of exponentials of each row's scores. */
static void
update_shift(const TreeShape *shape, TreeBlock *block)
{
	for (int i = 0; i < block->nrows; i++)
	{
		const double *score = block->score + i;
		double		largest = score[0];
		double		sum = 0;

		for (int k = 1; k < shape->noutputs; k++)
		{
			double		s = score[(size_t) k * (size_t) shape->block_rows];

			largest = s > largest ? s : largest;
		}
		for (int k = 0; k < shape->noutputs; k++)
			sum += chunk_exp(limit_exponent(score[(size_t) k * (size_t) shape->block_rows] - largest));
		block->shift[i] = largest + real_log(sum);
	}
}

static double
row_loss(const TreeObjective *objective, double f, double y)
{
	double		error = f - y;
	double		size = fabs(error);
	double		p = objective->power;

	switch (objective->loss)
	{
		case LOSS_SQUARED:
			return error * error;
		case LOSS_ABSOLUTE:
			return size;
		case LOSS_HUBER:
			return size <= objective->delta ? error * error / 2 : objective->delta * (size - objective->delta / 2);
		case LOSS_QUANTILE:
			return error > 0 ? (1 - objective->alpha) * error : -objective->alpha * error;
		case LOSS_POISSON:
			return chunk_exp(limit_exponent(f)) - y * f;
		case LOSS_GAMMA:
			return f + y * chunk_exp(limit_exponent(-f));
		case LOSS_TWEEDIE:
			return chunk_exp(limit_exponent((2 - p) * f)) / (2 - p) - y * chunk_exp(limit_exponent((1 - p) * f)) / (1 - p);
		case LOSS_BINARY:
			error = (1 - 2 * y) * f;
			return (error > 0 ? error : 0) + real_log(1 + chunk_exp(limit_exponent(-fabs(error))));
		case LOSS_MULTICLASS:
			break;
	}
	return 0;
}

/* Weighted sum in the order of rows; several outputs: also brings `shift` up to date. */
double
tree_loss(const TreeObjective *objective, const TreeShape *shape, TreeBlock *block)
{
	double		loss = 0;

	if (objective->loss == LOSS_MULTICLASS)
		update_shift(shape, block);
	for (int i = 0; i < block->nrows; i++)
	{
		double		w = block->weight != NULL ? block->weight[i] : 1;

		if (objective->loss == LOSS_MULTICLASS)
			loss += w * (block->shift[i] - block->score[(size_t) block->target[i] * (size_t) shape->block_rows + (size_t) i]);
		else
			loss += w * row_loss(objective, block->score[i], block->target[i]);
	}
	return loss;
}

void
tree_gradients(const TreeObjective *objective, const TreeShape *shape, TreeBlock *block, int k, TreeBlockStatistics *statistics)
{
	TreeExtent *extent = &statistics->extent;

	memset(extent, 0, sizeof(*extent));
	extent->rows = block->nrows;
	if (k == 0)
		statistics->loss = objective->loss == LOSS_BINARY ? 0 : tree_loss(objective, shape, block);
	for (int first = 0; first < block->nrows; first += CHUNK)
	{
		Chunk		c;
		double		loss;

		c.n = block->nrows - first < CHUNK ? block->nrows - first : CHUNK;
		c.score = block->score + (size_t) k * (size_t) shape->block_rows + first;
		c.target = block->target + first;
		c.weight = block->weight != NULL ? block->weight + first : NULL;
		c.gradient = block->gradient + first;
		c.hessian = block->hessian + first;
		loss = chunk_gradients(objective, &c, block->shift != NULL ? block->shift + first : NULL, k, shape->noutputs);
		statistics->loss += k == 0 ? loss : 0;
		measure(c.gradient, c.n, &extent->max_gradient, &extent->gradient_squares);
		measure(c.hessian, c.n, &extent->max_hessian, &extent->hessian_squares);
	}
}

