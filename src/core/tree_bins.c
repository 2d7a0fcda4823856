/*
 * tree_bins.c
 *	  Learning bins; see tree_bins.h.
 *
 * The sample is the first rows in canonical order, at most SAMPLE_ROWS and
 * SAMPLE_BYTES: both depend on the data alone.  It is taken for one feature at
 * a time, so that it stays in the cache.  Cost: a radix sort of the sample for
 * each term.
 */
#include "core/tree_bins.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/sort.h"

#define SAMPLE_ROWS 200000
#define SAMPLE_BYTES ((size_t) 128 * 1024 * 1024)

/* A number t with a <= t < b, near the middle. */
static double
edge_between(double a, double b)
{
	double		low = a < -DBL_MAX ? -DBL_MAX : a;
	double		middle = low + (b / 2 - low / 2);

	if (middle >= a && middle < b)
		return middle;
	return a;
}

/* First position after `first` with another value. */
static int64_t
next_distinct(const double *sorted, int64_t n, int64_t first)
{
	int64_t		i = first + 1;

	while (i < n && sorted[i] == sorted[first])
		i++;
	return i;
}

/* Number of distinct values, counting no further than limit + 1. */
static int64_t
count_distinct(const double *sorted, int64_t n, int64_t limit)
{
	int64_t		distinct = 0;

	for (int64_t i = 0; i < n && distinct <= limit; i = next_distinct(sorted, n, i))
		distinct++;
	return distinct;
}

/* Rows in values that are at least `size` rows each, and the number of such values. */
static int64_t
count_heavy(const double *sorted, int64_t n, double size, int *values)
{
	int64_t		rows = 0;

	*values = 0;
	for (int64_t i = 0, next; i < n; i = next)
	{
		next = next_distinct(sorted, n, i);
		if ((double) (next - i) >= size)
		{
			rows += next - i;
			(*values)++;
		}
	}
	return rows;
}

static int
edges_by_size(const double *sorted, int64_t n, int max_bin, double *edges)
{
	double		size = (double) n / max_bin;
	int			heavy;
	int64_t		heavy_rows = count_heavy(sorted, n, size, &heavy);
	int64_t		rest_rows = n - heavy_rows;
	int			rest_bins = max_bin - heavy;
	double		rest_size = rest_bins > 0 ? (double) rest_rows / rest_bins : 0;
	int64_t		in_bin = 0;
	int			count = 0;

	for (int64_t i = 0, next; i < n && count < max_bin - 1; i = next)
	{
		bool		is_heavy;
		bool		next_heavy;

		next = next_distinct(sorted, n, i);
		if (next == n)
			break;
		is_heavy = (double) (next - i) >= size;
		next_heavy = (double) (n - next) >= size && (double) (next_distinct(sorted, n, next) - next) >= size;
		in_bin += next - i;
		if (!is_heavy)
		{
			rest_rows -= next - i;
			if (!next_heavy && (double) in_bin < rest_size)
				continue;
			rest_bins--;
			rest_size = rest_bins > 0 ? (double) rest_rows / rest_bins : 0;
		}
		edges[count++] = edge_between(sorted[i], sorted[next]);
		in_bin = 0;
	}
	return count;
}

int
tree_edges(const double *sorted, int64_t n, int max_bin, double *edges)
{
	int			count = 0;

	if (count_distinct(sorted, n, max_bin) > max_bin)
		return edges_by_size(sorted, n, max_bin, edges);
	for (int64_t i = 0, next; i < n; i = next)
	{
		next = next_distinct(sorted, n, i);
		if (next < n)
			edges[count++] = edge_between(sorted[i], sorted[next]);
	}
	return count;
}

int
tree_bin_of(const double *edges, int nedges, double x)
{
	int			low = 0;
	int			high = nedges;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (edges[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int64_t
sample_limit(int nterms, int64_t nrows)
{
	int64_t		limit = (int64_t) (SAMPLE_BYTES / sizeof(double)) / nterms;

	limit = limit > SAMPLE_ROWS ? SAMPLE_ROWS : limit;
	return limit > nrows ? nrows : limit;
}

static int
most_terms(const Transform *transform)
{
	int			most = 1;

	for (int k = 0; k < transform->nfeatures; k++)
		most = transform->features[k].nterms > most ? transform->features[k].nterms : most;
	return most;
}

size_t
tree_learner_bytes(const FitRows *rows)
{
	size_t		limit = (size_t) sample_limit(rows->transform->nterms, rows->nrows);

	return limit * sizeof(double) * ((size_t) most_terms(rows->transform) + 2);
}

CoreStatus
tree_learner_init(CoreEnv *env, const FitRows *rows, int max_bin, TreeLearner *learner)
{
	size_t		most = (size_t) most_terms(rows->transform);

	learner->env = env;
	learner->rows = rows;
	learner->max_bin = max_bin;
	learner->limit = sample_limit(rows->transform->nterms, rows->nrows);
	CORE_ALLOC(env, learner->sample, (size_t) learner->limit * most);
	CORE_ALLOC(env, learner->scratch, 2 * (size_t) learner->limit);
	CORE_ALLOC(env, learner->x, TREE_CHUNK_ROWS * most);
	CORE_ALLOC(env, learner->edges, (size_t) max_bin);
	return CORE_OK;
}

void
tree_learner_free(TreeLearner *learner)
{
	env_release(learner->env, learner->sample);
	env_release(learner->env, learner->scratch);
	env_release(learner->env, learner->x);
	env_release(learner->env, learner->edges);
}

/* The sample of a feature's terms, column-major with leading dimension `limit`; returns its rows. */
static int64_t
take_sample(TreeLearner *learner, int feature)
{
	const FitRows *rows = learner->rows;
	int			nterms = rows->transform->features[feature].nterms;
	int64_t		taken = 0;

	for (int64_t first = 0; first < rows->nrows && taken < learner->limit; first += TREE_CHUNK_ROWS)
	{
		int			count = rows->nrows - first < TREE_CHUNK_ROWS ? (int) (rows->nrows - first) : TREE_CHUNK_ROWS;
		int64_t		start = taken;

		env_poll(learner->env);
		transform_feature_block(rows->transform, rows->data, feature, first, count, rows->training, learner->x, TREE_CHUNK_ROWS);
		for (int j = 0; j < nterms; j++)
		{
			const double *from = learner->x + (size_t) j * TREE_CHUNK_ROWS;
			double	   *to = learner->sample + (size_t) j * (size_t) learner->limit;

			taken = start;
			for (int i = 0; i < count && taken < learner->limit; i++)
			{
				if (fit_row_counts(rows, first + i))
					to[taken++] = from[i];
			}
		}
	}
	return taken;
}

static CoreStatus
keep_edges(CoreEnv *env, const double *edges, int nedges, double **kept)
{
	if (*kept == NULL)
		CORE_ALLOC(env, *kept, (size_t) nedges + TREE_GRID_PADDING);
	memcpy(*kept, edges, (size_t) nedges * sizeof(double));
	for (int i = 0; i < TREE_GRID_PADDING; i++)
		(*kept)[nedges + i] = INFINITY;
	return CORE_OK;
}

/* Sorts one column of the sample in place and cuts it. */
static CoreStatus
learn_edges(TreeLearner *learner, double *values, int64_t n, TreeFeature *feature, double **edges)
{
	int64_t		known = 0;
	int			nedges;

	for (int64_t i = 0; i < n; i++)
	{
		/* scoring does not tell infinity from the largest number */
		if (values[i] == values[i])
			values[known++] = values[i] > DBL_MAX ? DBL_MAX : values[i];
	}
	sort_doubles_with(learner->env, values, known, learner->scratch);
	nedges = tree_edges(values, known, learner->max_bin, learner->edges);
	feature->nbins = nedges + 1;
	feature->wide = feature->nbins > TREE_MAX_BINS;
	return keep_edges(learner->env, learner->edges, nedges, edges);
}

CoreStatus
tree_learn_feature(TreeLearner *learner, int feature, TreeBins *bins)
{
	const FeatureTransform *f = &learner->rows->transform->features[feature];
	int64_t		nsample;

	if (f->nterms == 0 || (f->nterms == 1 && bins->features[f->first_term].categorical))
		return CORE_OK;
	nsample = take_sample(learner, feature);
	for (int j = 0; j < f->nterms; j++)
	{
		int			term = f->first_term + j;

		if (bins->features[term].categorical)
			continue;
		CORE_TRY(learn_edges(learner, learner->sample + (size_t) j * (size_t) learner->limit, nsample, &bins->features[term], &bins->edges[term]));
		tree_grid_init(&bins->grids[term], bins->edges[term], bins->features[term].nbins - 1);
	}
	return CORE_OK;
}

static CoreStatus
learn_category(CoreEnv *env, const Term *term, TreeFeature *feature)
{
	feature->categorical = true;
	feature->nbins = term->ncategories;
	feature->wide = feature->nbins > TREE_MAX_BINS;
	if (feature->nbins <= TREE_MAX_CATEGORIES)
		return CORE_OK;
	env_fail(env, CORE_TOO_LARGE, "column \"%s\" has %d categories, more than %d", term->name, term->ncategories, TREE_MAX_CATEGORIES);
	return env_hint(env, CORE_TOO_LARGE, "Set its option \"max_levels\", or its option \"encode\" to \"target\".");
}

CoreStatus
tree_bins_describe(CoreEnv *env, const FitInput *input, TreeFeature *features)
{
	if (input->nterms > TREE_MAX_FEATURES)
		return env_fail(env, CORE_TOO_LARGE, "tree algorithms take at most %d terms, not %d", TREE_MAX_FEATURES, input->nterms);
	for (int j = 0; j < input->nterms; j++)
	{
		if (input->terms[j].categorical)
			CORE_TRY(learn_category(env, &input->terms[j], &features[j]));
	}
	return CORE_OK;
}

/* Byte columns first, each with room for 256 bins, then wide ones. */
CoreStatus
tree_bins_place(CoreEnv *env, int nfeatures, TreeFeature *features, TreeShape *shape)
{
	int64_t		offset = 0;

	shape->nfeatures = nfeatures;
	shape->ncolumns = 0;
	shape->nwide = 0;
	for (int i = 0; i < nfeatures; i++)
	{
		TreeFeature *feature = &features[i];

		if (feature->wide)
			continue;
		feature->column = shape->ncolumns++;
		feature->offset = (int32_t) offset;
		offset += TREE_BIN_STRIDE;
	}
	for (int i = 0; i < nfeatures; i++)
	{
		TreeFeature *feature = &features[i];

		if (!feature->wide)
			continue;
		feature->column = shape->nwide++;
		feature->offset = (int32_t) offset;
		offset += (feature->nbins + 1 + 7) / 8 * 8;
		if (offset > TREE_MAX_FEATURES * TREE_BIN_STRIDE)
			return env_fail(env, CORE_TOO_LARGE, "the categories of all features are too many");
	}
	shape->hist_bins = (int32_t) offset;
	return CORE_OK;
}

CoreStatus
tree_bins_learn(CoreEnv *env, const FitInput *input, const FitRows *rows, int max_bin, TreeBins *bins)
{
	TreeLearner learner;

	bins->nfeatures = input->nterms;
	CORE_ALLOC(env, bins->features, (size_t) input->nterms);
	CORE_ALLOC(env, bins->edges, (size_t) input->nterms);
	CORE_ALLOC(env, bins->grids, (size_t) input->nterms);
	CORE_TRY(tree_bins_describe(env, input, bins->features));
	CORE_TRY(tree_learner_init(env, rows, max_bin, &learner));
	for (int k = 0; k < rows->transform->nfeatures; k++)
		CORE_TRY(tree_learn_feature(&learner, k, bins));
	tree_learner_free(&learner);
	return CORE_OK;
}
