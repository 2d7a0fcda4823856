/*
 * glm_logit.c
 *	  Logistic regression with targets 0 and 1; see glm_logit.h.
 *
 * With h = exp(-|eta| / 2) and e = h^2, both probabilities are 1 / (1 + e) and
 * e / (1 + e); the root of the working weight is h / (1 + e), and times the
 * residual it is h for a row on its side of the boundary and 1 / h for one on
 * the other.  The deviance needs the sum of log(1 + e), which is the logarithm
 * of a product.
 * What rounding takes from 1 + e is added to first order, so that rows that are
 * fitted almost perfectly keep their share.
 */
#include "core/glm_logit.h"

#include <math.h>

#include "core/pair.h"
#include "core/real.h"

#define LARGEST_ETA 700.0		/* as glm_family.c */
#define LARGEST_PRODUCT 1e290	/* of factors up to 2 */
#define LEAST_ROOT 1e-6			/* of the probability of what was observed; see glm_rows */

bool
glm_logit_applies(const GlmSpec *spec, int n, const double *y, const double *w)
{
	Pair		strange = {0, 0};
	double		rest = 0;
	int			i = 0;

	if (spec->family != GLM_BINOMIAL || spec->link != LINK_LOGIT || n == 0 || !(w[0] > 0))
		return false;
	for (; i + 2 <= n; i += 2)
	{
		Pair		target = pair_load(y + i);
		Pair		difference = pair_load(w + i) - w[0];

		strange += target * (1 - target) * (target * (1 - target)) + difference * difference;
	}
	for (; i < n; i++)
		rest += y[i] * (1 - y[i]) * (y[i] * (1 - y[i])) + (w[i] - w[0]) * (w[i] - w[0]);
	return strange[0] + strange[1] + rest == 0;
}

static inline double
limited(double x)
{
	return x < -LARGEST_ETA ? -LARGEST_ETA : x > LARGEST_ETA ? LARGEST_ETA : x;
}

void
glm_logit_rows(int n, const double *eta, const double *y, double weight, double *root_weight, double *root_residual, GlmSums *sums)
{
	double		root = sqrt(weight);
	double		product = 1;	/* of 1 + e */
	double		distance = 0;	/* |eta| of rows on the wrong side; logarithms of what rounding took from factors */
	double		scale = 0;
	double		largest = 0;
	double		finite = 0;

	for (int i = 0; i < n; i++)
	{
		double		t = limited(eta[i]);
		double		size = fabs(t);
		double		h = real_exp(-0.5 * size);
		double		e = h * h;
		double		factor = 1.0 + e;
		double		large = 1.0 / factor;
		double		side = y[i] > 0.5 ? 1.0 : -1.0;
		bool		wrong = side * t < 0;
		double		floor = wrong && h < LEAST_ROOT ? LEAST_ROOT : h;
		double		working = floor * large;

		finite += eta[i] * 0;
		largest = fabs(eta[i]) > largest ? fabs(eta[i]) : largest;
		root_weight[i] = root * working;
		root_residual[i] = root * side * (wrong ? 1.0 / floor : h);
		product *= factor;
		if (product > LARGEST_PRODUCT)
		{
			distance += real_log(product);
			product = 1;
		}
		distance += (wrong ? size : 0.0) + (e - (factor - 1.0)) * large;
		scale += working * working * (t * t + 1.0);
	}
	sums->deviance += 2.0 * weight * (real_log(product) + distance);
	sums->scale += weight * scale;
	sums->max_eta = largest > sums->max_eta ? largest : sums->max_eta;
	if (!(finite == 0))
		sums->not_finite = true;
}

void
glm_logit_separation(int n, const double *eta, const double *move, const double *y,
					 double *max_move, double *min_gain, double *min_margin)
{
	double		largest = *max_move;
	double		gain = *min_gain;
	double		margin = *min_margin;

	for (int i = 0; i < n; i++)
	{
		double		side = 2.0 * y[i] - 1.0;
		double		size = fabs(move[i]);

		largest = size > largest ? size : largest;
		gain = side * move[i] < gain ? side * move[i] : gain;
		margin = side * eta[i] < margin ? side * eta[i] : margin;
	}
	*max_move = largest;
	*min_gain = gain;
	*min_margin = margin;
}
