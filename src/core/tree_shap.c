/*
 * tree_shap.c
 *	  Exact path-dependent Shapley values; see tree_shap.h.
 *
 * With only the features in S known, a row reaches a leaf of value v with the
 * weight v * prod_{i in S} o_i * prod_{i not in S} z_i over the features i of
 * its path: o_i is 1 where the row passes all of the path's splits on i, else
 * 0, and z_i is the product of the shares of cover that go that way.  The
 * Shapley value of i in such a product is an integral,
 *
 *	  phi_i = v (o_i - z_i) int_0^1 prod_{j != i} (t o_j + (1 - t) z_j) dt,
 *
 * of a polynomial, for which Gauss-Legendre quadrature with half as many points
 * as the path has features is exact.  All terms are positive, so nothing
 * cancels at any depth, unlike in the recurrences of Lundberg et al.,
 * "Consistent individualized feature attribution for tree ensembles" (2018),
 * whose values these are.
 *
 * Going down, product[q] = prod_j (t_q o_j + (1 - t_q) z_j); coming up,
 * total[q] sums v * product[q] over the leaves below.  The edge that changes
 * (o, z) of feature i adds sum_q w_q total[q] (psi - psi before) to phi_i, with
 * psi = (o - z) / (t_q o + (1 - t_q) z).  A part of a tree that has neither
 * cover nor the row counts nothing.
 *
 * Cost: nodes x points divisions, 0.2 ms for 100 trees of 31 leaves.
 */
#include "core/tree_shap.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define NEWTON_STEPS 100
#define COSINE_TERMS 14

struct TreeShap
{
	const Model *model;
	const TreeEnsemble *trees;
	int			npoints;
	double	   *point;			/* in (0, 1) */
	double	   *weight;			/* their sum is 1 */
	double	   *mean;			/* [noutputs] */
	double	   *product;		/* [depth + 1][npoints] */
	double	   *total;			/* the same */
	double	   *one;			/* [schema.count] o and z of the path; 1 and 1 where it has not met the feature */
	double	   *zero;
	const double *terms;		/* of the present row */
	int			value;			/* index into the values of a leaf */
	double	   *attribution;
};

/* cos(x) for 0 <= x <= pi, without the library's, whose bits differ between machines. */
static double
cosine(double x)
{
	double		sign = x > PI / 2 ? -1 : 1;
	double		y = x > PI / 2 ? PI - x : x;
	double		term = 1;
	double		sum = 1;

	for (int k = 1; k <= COSINE_TERMS; k++)
	{
		term *= -y * y / ((2.0 * k - 1) * (2.0 * k));
		sum += term;
	}
	return sign * sum;
}

/* The Legendre polynomial of degree n at x, and its derivative. */
static double
legendre(int n, double x, double *derivative)
{
	double		before = 1;
	double		p = x;

	for (int k = 2; k <= n; k++)
	{
		double		next = ((2.0 * k - 1) * x * p - (k - 1.0) * before) / k;

		before = p;
		p = next;
	}
	*derivative = n * (x * p - before) / (x * x - 1);
	return p;
}

/* Gauss-Legendre on [0, 1]. */
static void
quadrature(int n, double *point, double *weight)
{
	if (n == 1)
	{
		point[0] = 0.5;
		weight[0] = 1;
		return;
	}
	for (int i = 0; i < n; i++)
	{
		double		x = cosine(PI * (i + 0.75) / (n + 0.5));
		double		derivative;

		for (int k = 0; k < NEWTON_STEPS; k++)
		{
			double		change = legendre(n, x, &derivative) / derivative;

			x -= change;
			if (fabs(change) < 1e-15)
				break;
		}
		(void) legendre(n, x, &derivative);
		point[i] = (1 + x) / 2;
		weight[i] = 1 / ((1 - x * x) * derivative * derivative);
	}
}

/* Share of the cover below an inner node that is on its left. */
static double
left_share(const TreeEnsemble *trees, int64_t node)
{
	double		left = trees->cover[trees->children[node]];
	double		both = left + trees->cover[trees->children[node] + 1];

	return both > 0 ? left / both : 0.5;
}

/* The mean of one tree: nodes come after their parents. */
static double
tree_mean(const TreeEnsemble *trees, int tree, int value, double *mean)
{
	int64_t		first = trees->first_node[tree];

	for (int64_t node = trees->first_node[tree + 1] - 1; node >= first; node--)
	{
		int64_t		left = trees->children[node] - first;

		if (trees->feature[node] < 0)
			mean[node - first] = trees->value[node][value];
		else
		{
			double		share = left_share(trees, node);

			mean[node - first] = share * mean[left] + (1 - share) * mean[left + 1];
		}
	}
	return mean[0];
}

static CoreStatus
compute_means(CoreEnv *env, TreeShap *shap)
{
	const TreeEnsemble *trees = shap->trees;
	int64_t		largest = 1;
	double	   *mean;

	for (int tree = 0; tree < trees->ntrees; tree++)
	{
		if (trees->first_node[tree + 1] - trees->first_node[tree] > largest)
			largest = trees->first_node[tree + 1] - trees->first_node[tree];
	}
	CORE_ALLOC(env, mean, (size_t) largest);
	CORE_ALLOC(env, shap->mean, (size_t) trees->noutputs);
	memcpy(shap->mean, trees->base, (size_t) trees->noutputs * sizeof(double));
	for (int tree = 0; tree < trees->ntrees; tree++)
	{
		env_poll(env);
		if (trees->width == 1)
			shap->mean[tree % trees->noutputs] += tree_mean(trees, tree, 0, mean);
		else
			for (int k = 0; k < trees->width; k++)
				shap->mean[k] += tree_mean(trees, tree, k, mean);
	}
	env_release(env, mean);
	return CORE_OK;
}

CoreStatus
tree_shap_create(CoreEnv *env, const Model *model, TreeShap **result)
{
	const TreeEnsemble *trees = model->scorer;
	size_t		nfeatures = (size_t) model->schema.count;
	int			most = trees->depth < model->schema.count ? trees->depth : model->schema.count;
	TreeShap   *shap;
	size_t		levels;

	CORE_ALLOC(env, shap, 1);
	shap->model = model;
	shap->trees = trees;
	shap->npoints = most > 1 ? (most + 1) / 2 : 1;
	levels = ((size_t) trees->depth + 1) * (size_t) shap->npoints;
	CORE_ALLOC(env, shap->point, (size_t) shap->npoints);
	CORE_ALLOC(env, shap->weight, (size_t) shap->npoints);
	CORE_ALLOC(env, shap->product, levels);
	CORE_ALLOC(env, shap->total, levels);
	CORE_ALLOC(env, shap->one, nfeatures);
	CORE_ALLOC(env, shap->zero, nfeatures);
	for (size_t i = 0; i < nfeatures; i++)
		shap->one[i] = shap->zero[i] = 1;
	quadrature(shap->npoints, shap->point, shap->weight);
	CORE_TRY(compute_means(env, shap));
	*result = shap;
	return CORE_OK;
}

double
tree_shap_baseline(const TreeShap *shap, int output)
{
	return shap->mean[output];
}

static void walk(TreeShap *shap, int64_t node, int level);

/* One side of a split: `share` of the cover goes there, and the row where `passes`. */
static void
walk_side(TreeShap *shap, int64_t child, int feature, double share, bool passes, int level)
{
	int			n = shap->npoints;
	const double *product = shap->product + (size_t) level * (size_t) n;
	double	   *total = shap->total + (size_t) level * (size_t) n;
	double	   *below = total + n;
	double	   *product_below = shap->product + (size_t) (level + 1) * (size_t) n;
	double		one_before = shap->one[feature];
	double		zero_before = shap->zero[feature];
	double		one = passes ? one_before : 0;
	double		zero = zero_before * share;
	double		sum = 0;

	if (one == 0 && zero == 0)
		return;
	for (int q = 0; q < n; q++)
	{
		double		t = shap->point[q];

		product_below[q] = product[q] * ((t * one + (1 - t) * zero) / (t * one_before + (1 - t) * zero_before));
	}
	shap->one[feature] = one;
	shap->zero[feature] = zero;
	walk(shap, child, level + 1);
	shap->one[feature] = one_before;
	shap->zero[feature] = zero_before;
	for (int q = 0; q < n; q++)
	{
		double		t = shap->point[q];

		sum += shap->weight[q] * below[q] *
			((one - zero) / (t * one + (1 - t) * zero) - (one_before - zero_before) / (t * one_before + (1 - t) * zero_before));
		total[q] += below[q];
	}
	shap->attribution[feature] += sum;
}

/* No deeper than TREE_DEPTH_LIMIT. */
static void
walk(TreeShap *shap, int64_t node, int level)
{
	const TreeEnsemble *trees = shap->trees;
	const Term *terms = shap->model->transform->terms;
	size_t		n = (size_t) shap->npoints;
	const double *product = shap->product + (size_t) level * n;
	double	   *total = shap->total + (size_t) level * n;
	int			feature;
	double		share;
	bool		left;

	if (trees->feature[node] < 0)
	{
		for (size_t q = 0; q < n; q++)
			total[q] = trees->value[node][shap->value] * product[q];
		return;
	}
	feature = terms[trees->feature[node]].feature;
	share = left_share(trees, node);
	left = tree_goes_left(trees, node, terms, shap->terms);
	for (size_t q = 0; q < n; q++)
		total[q] = 0;
	walk_side(shap, trees->children[node], feature, share, left, level);
	walk_side(shap, trees->children[node] + 1, feature, 1 - share, !left, level);
}

void
tree_shap_attribute(TreeShap *shap, const double *terms, int output, double *attribution)
{
	const TreeEnsemble *trees = shap->trees;
	bool		shared = trees->width > 1;

	for (int i = 0; i < shap->model->schema.count; i++)
		attribution[i] = 0;
	shap->terms = terms;
	shap->attribution = attribution;
	shap->value = shared ? output : 0;
	for (int q = 0; q < shap->npoints; q++)
		shap->product[q] = 1;
	for (int tree = shared ? 0 : output; tree < trees->ntrees; tree += shared ? 1 : trees->noutputs)
		walk(shap, trees->first_node[tree], 0);
}
