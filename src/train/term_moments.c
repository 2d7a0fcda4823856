/*
 * term_moments.c
 *	  Means and spreads of a linear model's terms; see term_moments.h.
 *
 * Rows are in canonical order and blocks are merged in that order, so the bits
 * depend on nothing else.  Cost: one pass, 2 ns a value.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "train/term_moments.h"

#define MOMENT_ROWS 512			/* of a block */

/* Weighted mean of the block's values and sum of squares around it. */
static void
block_moments(const double *x, const double *w, int count, double total, double *mean, double *squares)
{
	double		sum = 0;

	for (int i = 0; i < count; i++)
		sum += w != NULL ? w[i] * x[i] : x[i];
	*mean = sum / total;
	*squares = 0;
	for (int i = 0; i < count; i++)
	{
		double		d = x[i] - *mean;

		*squares += w != NULL ? w[i] * d * d : d * d;
	}
}

void
train_add_term_moments(PgEnv *env, Model *model, const Dataset *data)
{
	CoreEnv    *core = &env->core;
	int			nterms = model->transform->nterms;
	double	   *mean;
	double	   *squares;
	double	   *block;
	double		weight = 0;

	if (model_array(model, "estimate") == NULL)
		return;
	pg_env_check(core, model_add_array(core, model, "term_mean", ARRAY_F64, nterms, 1, (void **) &mean));
	pg_env_check(core, model_add_array(core, model, "term_sd", ARRAY_F64, nterms, 1, (void **) &squares));
	block = env_alloc(core, (size_t) MOMENT_ROWS * nterms, sizeof(double));
	for (int64 first = 0; first < data->ntrain; first += MOMENT_ROWS)
	{
		int			count = (int) Min(MOMENT_ROWS, data->ntrain - first);
		const double *w = data->weight != NULL ? data->weight + first : NULL;
		double		added = count;

		CHECK_FOR_INTERRUPTS();
		if (w != NULL)
		{
			added = 0;
			for (int i = 0; i < count; i++)
				added += w[i];
		}
		if (!(added > 0))
			continue;
		weight += added;
		transform_block(model->transform, data, first, count, false, block, MOMENT_ROWS);
		for (int j = 0; j < nterms; j++)
		{
			double		block_mean;
			double		block_squares;
			double		delta;

			block_moments(block + (size_t) j * MOMENT_ROWS, w, count, added, &block_mean, &block_squares);
			delta = block_mean - mean[j];
			mean[j] += delta * (added / weight);
			squares[j] += block_squares + delta * delta * (added * ((weight - added) / weight));
		}
	}
	for (int j = 0; j < nterms; j++)
		squares[j] = sqrt(squares[j] / weight);
	env_release(core, block);
}
