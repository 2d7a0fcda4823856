/*
 * tree_objective.c
 *	  Gradients and losses of blocks; see tree_objective.h.
 *
 * Loops are over whole chunks and without branches, so that the compiler makes
 * vectors of them, wider ones where the processor has them; the exponential is a
 * polynomial of our own (relative error below 1e-11), which is the same on every
 * machine.  About 4 ns a row for binary targets.
 */
#include "core/tree_objective.h"

#include <math.h>
#include <string.h>

#include "core/real.h"

#define CHUNK 256				/* rows at a time; products of so many numbers up to 2 do not overflow */

/*
 * What is inlined here is compiled for the baseline and for wider vectors: the
 * same operations on more rows at a time, so the same bits.
 */
#define KERNEL static inline __attribute__((always_inline))

/* exp(x) for |x| <= 700. */
KERNEL double
bounded_exp(double x)
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

KERNEL double
limit_exponent(double x)
{
	x = x > 700 ? 700 : x;
	return x < -700 ? -700 : x;
}

static double
row_exp(double x)
{
	return bounded_exp(limit_exponent(x));
}

/* In place. The loops are apart because compilers make branches of limits that constants follow. */
KERNEL void
chunk_exp(double *restrict x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = limit_exponent(x[i]);
	for (int i = 0; i < n; i++)
		x[i] = bounded_exp(x[i]);
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

#define POLL_ROWS 512			/* each of them takes an exponential for every class */
#define LANES 4				/* interleaved sums, so that several additions are under way */

KERNEL double
lanes_sum(const double lanes[LANES])
{
	return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/*
 * The loss of a row is the log of penalty * exp(excess).  Without weights one
 * logarithm serves the whole chunk: of a product of numbers between 1 and 2.
 */
KERNEL double
binary_loss(const Chunk *c, const double *penalty, const double *excess)
{
	double		sum[LANES] = {0, 0, 0, 0};
	double		product[LANES] = {1, 1, 1, 1};
	int			i = 0;

	if (c->weight != NULL)
	{
		for (; i < c->n; i++)
			sum[0] += c->weight[i] * (excess[i] + real_log(penalty[i]));
		return sum[0];
	}
	for (; i + LANES <= c->n; i += LANES)
	{
		for (int lane = 0; lane < LANES; lane++)
		{
			sum[lane] += excess[i + lane];
			product[lane] *= penalty[i + lane];
		}
	}
	for (; i < c->n; i++)
	{
		sum[0] += excess[i];
		product[0] *= penalty[i];
	}
	return lanes_sum(sum) + real_log((product[0] * product[1]) * (product[2] * product[3]));
}

/* Gradients, hessians before weights, and the weighted loss. */
KERNEL double
binary_chunk(const Chunk *c)
{
	const double *restrict score = c->score;
	const double *restrict target = c->target;
	float	   *restrict gradient = c->gradient;
	float	   *restrict hessian = c->hessian;
	double		m[CHUNK];
	double		penalty[CHUNK];
	double		excess[CHUNK];

	for (int i = 0; i < c->n; i++)
		m[i] = -fabs(score[i]);
	chunk_exp(m, c->n);
	for (int i = 0; i < c->n; i++)
	{
		double		sign = 2 * target[i] - 1;
		double		z = sign * score[i];
		double		inverse = 1 / (1 + m[i]);
		double		right = m[i] * inverse;

		penalty[i] = 1 + m[i];
		excess[i] = 0.5 * (fabs(z) - z);
		/* times the probability of the other class */
		gradient[i] = (float) (-sign * real_choose_by_sign(z, inverse, right));
		hessian[i] = (float) (right * inverse);
	}
	return binary_loss(c, penalty, excess);
}

KERNEL void
squared_chunk(const Chunk *c)
{
	for (int i = 0; i < c->n; i++)
	{
		c->gradient[i] = (float) (c->score[i] - c->target[i]);
		c->hessian[i] = 1;
	}
}

KERNEL void
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
KERNEL void
quantile_chunk(const Chunk *c, double alpha, double factor)
{
	for (int i = 0; i < c->n; i++)
	{
		double		error = c->score[i] - c->target[i];

		c->gradient[i] = (float) (factor * (error > 0 ? 1 - alpha : error < 0 ? -alpha : 0));
		c->hessian[i] = 1;
	}
}

KERNEL void
poisson_chunk(const Chunk *c)
{
	double		mean[CHUNK];

	memcpy(mean, c->score, (size_t) c->n * sizeof(double));
	chunk_exp(mean, c->n);
	for (int i = 0; i < c->n; i++)
	{
		c->gradient[i] = (float) (mean[i] - c->target[i]);
		c->hessian[i] = (float) mean[i];
	}
}

KERNEL void
gamma_chunk(const Chunk *c)
{
	double		ratio[CHUNK];

	for (int i = 0; i < c->n; i++)
		ratio[i] = -c->score[i];
	chunk_exp(ratio, c->n);
	for (int i = 0; i < c->n; i++)
	{
		ratio[i] *= c->target[i];
		c->gradient[i] = (float) (1 - ratio[i]);
		c->hessian[i] = (float) (0.5 * (1 + ratio[i]));
	}
}

KERNEL void
tweedie_chunk(const Chunk *c, double power)
{
	double		a[CHUNK];
	double		b[CHUNK];

	for (int i = 0; i < c->n; i++)
	{
		a[i] = (1 - power) * c->score[i];
		b[i] = (2 - power) * c->score[i];
	}
	chunk_exp(a, c->n);
	chunk_exp(b, c->n);
	for (int i = 0; i < c->n; i++)
	{
		a[i] *= c->target[i];
		c->gradient[i] = (float) (b[i] - a[i]);
		c->hessian[i] = (float) ((power - 1) * a[i] + (2 - power) * b[i]);
	}
}

/* shift[] is the log of the sum of exponentials of all outputs. */
KERNEL void
multiclass_chunk(const Chunk *c, const double *shift, int k, int noutputs)
{
	double		factor = (double) noutputs / (noutputs - 1);
	double		p[CHUNK];

	for (int i = 0; i < c->n; i++)
		p[i] = c->score[i] - shift[i];
	chunk_exp(p, c->n);
	for (int i = 0; i < c->n; i++)
	{
		c->gradient[i] = (float) (p[i] - (c->target[i] == k ? 1 : 0));
		c->hessian[i] = (float) (factor * p[i] * (1 - p[i]));
	}
}

/* Returns the weighted loss where it comes with the gradients, else 0. */
KERNEL double
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

/* Largest magnitude, as the order of the bits of positive numbers is theirs; and the sum of squares. */
KERNEL void
measure(const float *restrict x, int n, double *largest, double *squares)
{
	uint32_t	most = 0;
	double		sum[LANES] = {0, 0, 0, 0};
	float		value;
	int			i = 0;

	for (; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits &= 0x7fffffff;
		most = bits > most ? bits : most;
	}
	for (i = 0; i + LANES <= n; i += LANES)
		for (int lane = 0; lane < LANES; lane++)
			sum[lane] += (double) x[i + lane] * (double) x[i + lane];
	for (; i < n; i++)
		sum[0] += (double) x[i] * (double) x[i];
	memcpy(&value, &most, sizeof(value));
	if (value > *largest)
		*largest = value;
	*squares += lanes_sum(sum);
}

/* All chunks of a block; the loss is added where it comes with the gradients. */
KERNEL void
block_gradients(const TreeObjective *objective, const TreeShape *shape, const TreeBlock *block, int k, TreeBlockStatistics *statistics)
{
	TreeExtent *extent = &statistics->extent;

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

static void
block_gradients_baseline(const TreeObjective *objective, const TreeShape *shape, const TreeBlock *block, int k, TreeBlockStatistics *statistics)
{
	block_gradients(objective, shape, block, k, statistics);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
block_gradients_wide(const TreeObjective *objective, const TreeShape *shape, const TreeBlock *block, int k, TreeBlockStatistics *statistics)
{
	block_gradients(objective, shape, block, k, statistics);
}
#endif

/* Log of the sum of exponentials of each row's scores. */
static void
update_shift(CoreEnv *env, const TreeShape *shape, TreeBlock *block)
{
	for (int i = 0; i < block->nrows; i++)
	{
		const double *score = block->score + i;
		double		largest = score[0];
		double		sum = 0;

		if (i % POLL_ROWS == 0)
			env_poll(env);

		for (int k = 1; k < shape->noutputs; k++)
		{
			double		s = score[(size_t) k * (size_t) shape->block_rows];

			largest = s > largest ? s : largest;
		}
		for (int k = 0; k < shape->noutputs; k++)
			sum += row_exp(score[(size_t) k * (size_t) shape->block_rows] - largest);
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
			return row_exp(f) - y * f;
		case LOSS_GAMMA:
			return f + y * row_exp(-f);
		case LOSS_TWEEDIE:
			return row_exp((2 - p) * f) / (2 - p) - y * row_exp((1 - p) * f) / (1 - p);
		case LOSS_BINARY:
			error = (1 - 2 * y) * f;
			return (error > 0 ? error : 0) + real_log(1 + row_exp(-fabs(error)));
		case LOSS_MULTICLASS:
			break;
	}
	return 0;
}

/* Weighted sum in the order of rows; several outputs: also brings `shift` up to date. */
double
tree_loss(CoreEnv *env, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block)
{
	double		loss = 0;

	if (objective->loss == LOSS_MULTICLASS)
		update_shift(env, shape, block);
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
tree_gradients_on(CoreEnv *env, bool wide, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block, int k,
				  TreeBlockStatistics *statistics)
{
	memset(&statistics->extent, 0, sizeof(statistics->extent));
	statistics->extent.rows = block->nrows;
	if (k == 0)
		statistics->loss = tree_loss_with_gradients(objective) ? 0 : tree_loss(env, objective, shape, block);
#if defined(__x86_64__)
	if (wide)
	{
		block_gradients_wide(objective, shape, block, k, statistics);
		return;
	}
#endif
	(void) wide;
	block_gradients_baseline(objective, shape, block, k, statistics);
}

void
tree_gradients(CoreEnv *env, const TreeObjective *objective, const TreeShape *shape, TreeBlock *block, int k, TreeBlockStatistics *statistics)
{
	bool		wide = false;

#if defined(__x86_64__)
	wide = __builtin_cpu_supports("avx2");
#endif
	tree_gradients_on(env, wide, objective, shape, block, k, statistics);
}
