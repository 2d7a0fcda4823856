/*
 * forest_sample.c
 *	  The rows of a tree and the groups of categories in them; see forest.h.
 *
 * How often a row is in a sample with replacement is a Poisson number from the
 * hash of the row, of its ordinal among equal rows, and of the tree: for many
 * rows the same as drawing that many, and independent of other rows.  Cost of a
 * sample: about 5 ns a row and 1 ns a value.
 */
#include "core/forest_internal.h"

#include <math.h>

#include "core/hash.h"
#include "core/real.h"

#define POLL_ROWS 1024			/* of as many bins as there are features */
#define COMPONENT_STEPS 8		/* of the power iteration */

void
forest_sample_init(ForestJob *job)
{
	double		probability = real_exp(-job->rate);
	double		sum = 0;

	for (int k = 0; k < FOREST_MAX_COPIES; k++)
	{
		sum += probability;
		job->cumulative[k] = sum;
		probability *= job->rate / (k + 1);
	}
}

uint64_t
forest_tree_seed(const ForestJob *job, int tree)
{
	return hash_seeded((uint64_t) tree, job->seed);
}

int
forest_copies(const ForestJob *job, const ForestRow *row, uint64_t tree_seed)
{
	double		uniform;
	int			copies = 0;

	if (!job->bootstrap && job->rate >= 1)
		return 1;
	uniform = hash_uniform(row->hash, tree_seed);
	if (!job->bootstrap)
		return uniform < job->rate;
	while (copies < FOREST_MAX_COPIES - 1 && uniform >= job->cumulative[copies])
		copies++;
	return copies;
}

static int64_t
draw(ForestGrower *grower, int tree, bool *everything)
{
	const Forest *forest = grower->forest;
	int64_t		nrows = forest->job->nrows;
	uint64_t	seed = forest_tree_seed(forest->job, tree);
	int64_t		taken = 0;

	for (int64_t row = 0; row < nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(forest->env);
		grower->copies[row] = (uint8_t) forest_copies(forest->job, forest_row(forest, row), seed);
		taken += grower->copies[row] > 0;
	}
	*everything = taken == 0;
	if (taken > 0)
		return taken;
	memset(grower->copies, 1, (size_t) nrows);
	return nrows;
}

/* ------------------------------------------------------------ categories */

/* Weights and sums of the target by category. */
static void
sum_categories(ForestGrower *grower, const ForestFeature *feature, double mean)
{
	const Forest *forest = grower->forest;
	size_t		width = (size_t) grower->width;
	size_t		codes = (size_t) feature->nbins + 1;

	memset(grower->category_weight, 0, codes * sizeof(double));
	memset(grower->category_sums, 0, codes * width * sizeof(double));
	for (int64_t i = 0; i < forest->job->nrows; i++)
	{
		const ForestRow *row;
		double		weight;
		size_t		code;

		if (i % POLL_ROWS == 0)
			env_poll(forest->env);
		if (grower->copies[i] == 0)
			continue;
		row = forest_row(forest, i);
		weight = row->weight * grower->copies[i];
		code = (size_t) forest_code(feature, row);
		grower->category_weight[code] += weight;
		if (width == 1)
			grower->category_sums[code] += weight * (row->target - mean);
		else
			grower->category_sums[code * width + (size_t) row->target] += weight;
	}
}

/* Turns class weights of categories into deviations of their shares from those of all, times the root of the weight. */
static void
center_shares(int n, int width, const double *weight, double *sums, double *total)
{
	double		all = 0;

	memset(total, 0, (size_t) width * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		all += weight[i];
		for (int k = 0; k < width; k++)
			total[k] += sums[i * width + k];
	}
	for (int i = 0; i < n; i++)
	{
		for (int k = 0; k < width && weight[i] > 0; k++)
			sums[i * width + k] = (sums[i * width + k] / weight[i] - total[k] / all) * sqrt(weight[i]);
	}
}

static double
inner_product(const double *a, const double *b, int n)
{
	double		sum = 0;

	for (int k = 0; k < n; k++)
		sum += a[k] * b[k];
	return sum;
}

/* The longest of n rows, where the power iteration starts. */
static int
longest_row(int n, int width, const double *rows)
{
	double		largest = -1;
	int			longest = 0;

	for (int i = 0; i < n; i++)
	{
		double		length = inner_product(rows + (size_t) i * (size_t) width, rows + (size_t) i * (size_t) width, width);

		if (length > largest)
		{
			largest = length;
			longest = i;
		}
	}
	return longest;
}

void
forest_principal_keys(const ForestGrower *grower, int n, const double *weight, double *sums, double *key)
{
	int			width = grower->width;
	double	   *direction = grower->direction;
	double	   *next = direction + width;

	center_shares(n, width, weight, sums, next);
	memcpy(direction, sums + (size_t) longest_row(n, width, sums) * (size_t) width, (size_t) width * sizeof(double));
	for (int step = 0; step < COMPONENT_STEPS; step++)
	{
		double		length;

		memset(next, 0, (size_t) width * sizeof(double));
		for (int i = 0; i < n; i++)
		{
			const double *row = sums + (size_t) i * (size_t) width;
			double		along = inner_product(row, direction, width);

			for (int k = 0; k < width; k++)
				next[k] += along * row[k];
		}
		length = sqrt(inner_product(next, next, width));
		if (!(length > 0))
			break;
		for (int k = 0; k < width; k++)
			direction[k] = next[k] / length;
	}
	for (int i = 0; i < n; i++)
		key[i] = weight[i] > 0 ? inner_product(sums + (size_t) i * (size_t) width, direction, width) / sqrt(weight[i]) *
			(weight[i] / (weight[i] + grower->forest->job->cat_smooth)) : 0;
}

static bool
sorts_before(const ForestGrower *grower, int a, int b)
{
	if (grower->category_key[a] != grower->category_key[b])
		return grower->category_key[a] < grower->category_key[b];
	return a < b;
}

static void
sift_down(ForestGrower *grower, int root, int count)
{
	int32_t    *order = grower->category;
	int32_t		item = order[root];
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && sorts_before(grower, order[child], order[child + 1]))
			child++;
		if (!sorts_before(grower, item, order[child]))
			break;
		order[root] = order[child];
		root = child;
	}
	order[root] = item;
}

static void
sort_categories(ForestGrower *grower, int codes)
{
	int32_t    *order = grower->category;

	for (int code = 0; code < codes; code++)
		order[code] = code;
	for (int root = codes / 2 - 1; root >= 0; root--)
		sift_down(grower, root, codes);
	for (int end = codes - 1; end > 0; end--)
	{
		int32_t		first = order[0];

		order[0] = order[end];
		order[end] = first;
		sift_down(grower, 0, end);
	}
}

/* Groups of a feature's categories for the tree at hand; those without rows have the mean of all. */
static void
group_categories(ForestGrower *grower, const ForestFeature *feature, double mean, uint8_t *map)
{
	int			codes = feature->nbins + 1;
	double		total = 0;
	double		before = 0;

	sum_categories(grower, feature, mean);
	if (grower->width > 1)
		forest_principal_keys(grower, codes, grower->category_weight, grower->category_sums, grower->category_key);
	for (int code = 0; code < codes; code++)
	{
		double		smoothed = grower->category_weight[code] + grower->forest->job->cat_smooth;

		total += grower->category_weight[code];
		if (grower->width == 1)
			grower->category_key[code] = smoothed > 0 ? grower->category_sums[code] / smoothed : 0;
	}
	sort_categories(grower, codes);
	for (int i = 0; i < codes; i++)
	{
		int			code = grower->category[i];
		double		middle = before + grower->category_weight[code] / 2;

		map[code] = (uint8_t) (middle < total ? middle / total * FOREST_WIDE_GROUPS : FOREST_WIDE_GROUPS - 1);
		before += grower->category_weight[code];
	}
}

/* ------------------------------------------------------------ records */

static double
sample_mean(const ForestGrower *grower)
{
	const Forest *forest = grower->forest;
	double		weight = 0;
	double		sum = 0;

	for (int64_t i = 0; i < forest->job->nrows; i++)
	{
		const ForestRow *row = forest_row(forest, i);

		weight += grower->copies[i] * row->weight;
		sum += grower->copies[i] * row->weight * row->target;
	}
	return sum / weight;
}

static void
copy_bins(const Forest *forest, const ForestRow *row, const uint8_t *maps, char *bins)
{
	for (int f = 0; f < forest->job->nfeatures; f++)
	{
		const ForestFeature *feature = &forest->features[f];
		int			bin = forest_code(feature, row);

		if (feature->grouped)
			bin = maps[feature->map + bin];
		if (forest->job->fine)
			((uint16_t *) bins)[f] = (uint16_t) bin;
		else
			((uint8_t *) bins)[f] = (uint8_t) bin;
	}
}

int64_t
forest_sample(ForestGrower *grower, int tree, ForestSlot *slot)
{
	const Forest *forest = grower->forest;
	const ForestJob *job = forest->job;
	int64_t		taken = draw(grower, tree, &slot->everything);
	int64_t		copied = 0;
	double		mean = job->most_grouped > 0 && grower->width == 1 ? sample_mean(grower) : 0;

	for (int f = 0; f < job->nfeatures; f++)
	{
		if (forest->features[f].grouped)
			group_categories(grower, &forest->features[f], mean, slot->maps + forest->features[f].map);
	}
	for (int64_t i = 0; i < job->nrows; i++)
	{
		const ForestRow *row;
		ForestRecord *record;

		if (i % POLL_ROWS == 0)
			env_poll(forest->env);
		if (grower->copies[i] == 0)
			continue;
		row = forest_row(forest, i);
		record = forest_record(grower, copied++);
		record->target = row->target;
		record->weight = row->weight * grower->copies[i];
		copy_bins(forest, row, slot->maps, (char *) (record + 1));
	}
	return taken;
}
