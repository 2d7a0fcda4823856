/*
 * forest_split.c
 *	  The best split of a range of records; see forest.h.
 *
 * A split is worth what it takes off the impurity: with weight W and moment S of
 * the deviations d = y - mean on a side, S_left^2 / W_left + S_right^2 / W_right
 * - S^2 / W, which is the reduction of the weighted sum of squares, and for two
 * classes half that of the weighted Gini impurity.  More classes: the same with
 * sums of squares of class weights.  With criterion "entropy": what it takes off
 * weight times entropy (forest_entropy.c).
 *
 * Bins that have rows are noted as bits, so that a small range costs what its
 * rows cost, not what all bins would.  Sums are added in the order of rows.
 * Cost: about 1.5 ns for each row and feature, 3 ns a bin that has rows.
 */
#include "core/forest_internal.h"

#include <math.h>

#include "core/hash.h"

#define BATCH_BYTES 262144		/* of sums of features looked at together */
#define POLL_ROWS 65536
#define LEAST_GAIN 1e-12		/* of the impurity: less is rounding */
#define LEAST_CLASS 1e-12		/* of a class's weight: less is rounding, and entropy would see it */

static size_t
words_of(int bins)
{
	return ((size_t) bins + 63) / 64;
}

CoreStatus
forest_split_init(ForestGrower *grower)
{
	CoreEnv    *env = grower->forest->env;
	const ForestJob *job = grower->forest->job;
	size_t		bins = (size_t) job->most_bins;
	size_t		width = grower->width > 1 ? (size_t) grower->width : 0;
	size_t		bytes = bins * (sizeof(ForestSums) + width * sizeof(double));

	grower->batch = BATCH_BYTES / bytes > 1 ? (int) (BATCH_BYTES / bytes) : 1;
	if (grower->batch > job->nfeatures)
		grower->batch = job->nfeatures;
	CORE_ALLOC(env, grower->order, (size_t) job->nfeatures);
	CORE_ALLOC(env, grower->sums, (size_t) grower->batch * bins);
	CORE_ALLOC(env, grower->class_sums, (size_t) grower->batch * bins * width);
	CORE_ALLOC(env, grower->occupied, (size_t) grower->batch * words_of(job->most_bins));
	CORE_ALLOC(env, grower->touched, bins);
	CORE_ALLOC(env, grower->class_total, 3 * width);
	CORE_ALLOC(env, grower->key, FOREST_MAX_CODES);
	CORE_ALLOC(env, grower->shares, FOREST_MAX_CODES * width);
	CORE_ALLOC(env, grower->direction, 2 * width);
	return CORE_OK;
}

/* ------------------------------------------------------------ impurity */

static void
measure_numbers(const ForestGrower *grower, double shift, ForestRange *range)
{
	double		weight = 0;
	double		moment = 0;
	double		squares = 0;
	double		low = INFINITY;
	double		high = -INFINITY;

	for (int64_t i = range->first; i < range->first + range->count; i++)
	{
		const ForestRecord *record = forest_record(grower, i);
		double		deviation = record->target - shift;

		if ((i - range->first) % POLL_ROWS == 0)
			env_poll(grower->forest->env);
		weight += record->weight;
		moment += record->weight * deviation;
		squares += record->weight * deviation * deviation;
		low = record->target < low ? record->target : low;
		high = record->target > high ? record->target : high;
	}
	range->weight = weight;
	range->mean = shift + moment / weight;
	range->pure = low == high;
	/* rounding must not take the mean out of the range of targets */
	if (!(range->mean >= low))
		range->mean = low;
	if (!(range->mean <= high))
		range->mean = high;
	squares -= moment * (moment / weight);
	if (grower->forest->job->entropy)
		squares = forest_entropy_two(weight, weight * range->mean);
	range->impurity = squares > 0 && !range->pure ? squares : 0;
}

/* class_total[0 ..] of the range. */
static void
total_classes(ForestGrower *grower, const ForestRange *range)
{
	memset(grower->class_total, 0, (size_t) grower->width * sizeof(double));
	for (int64_t i = range->first; i < range->first + range->count; i++)
	{
		const ForestRecord *record = forest_record(grower, i);

		if ((i - range->first) % POLL_ROWS == 0)
			env_poll(grower->forest->env);
		grower->class_total[(int) record->target] += record->weight;
	}
}

static void
measure_classes(ForestGrower *grower, ForestRange *range)
{
	double		squares = 0;
	int			present = 0;

	total_classes(grower, range);
	range->weight = 0;
	for (int k = 0; k < grower->width; k++)
	{
		range->weight += grower->class_total[k];
		squares += grower->class_total[k] * grower->class_total[k];
		present += grower->class_total[k] > 0;
	}
	range->pure = present < 2;
	range->impurity = range->weight - squares / range->weight;
	if (grower->forest->job->entropy)
		range->impurity = forest_entropy(grower->class_total, grower->width);
	if (range->pure)
		range->impurity = 0;
}

void
forest_range_measure(ForestGrower *grower, double shift, ForestRange *range)
{
	if (grower->width > 1)
		measure_classes(grower, range);
	else
		measure_numbers(grower, shift, range);
}

/* ------------------------------------------------------------ sums of bins */

/* What moments are taken around: entropy wants the weight of positives itself. */
static double
moment_center(const ForestGrower *grower, const ForestRange *range)
{
	return grower->forest->job->entropy ? 0 : range->mean;
}

/* `fine` and `classes` are constants where this is inlined. */
static inline __attribute__((always_inline)) void
add_feature(ForestGrower *grower, const ForestRecord *records, int n, int feature, int place, bool fine, bool classes)
{
	const ForestJob *job = grower->forest->job;
	size_t		stride = job->record_stride;
	ForestSums *sums = grower->sums + (size_t) place * (size_t) job->most_bins;
	double	   *class_sums = grower->class_sums + (size_t) place * (size_t) job->most_bins * (size_t) grower->width;
	uint64_t   *occupied = grower->occupied + (size_t) place * words_of(job->most_bins);
	const char *bins = (const char *) (records + 1) + (size_t) feature * (fine ? 2 : 1);

	for (int i = 0; i < n; i++, bins += stride)
	{
		size_t		bin = fine ? *(const uint16_t *) bins : *(const uint8_t *) bins;

		occupied[bin / 64] |= UINT64_C(1) << (bin % 64);
		sums[bin].rows++;
		sums[bin].weight += grower->weight[i];
		if (classes)
			class_sums[bin * (size_t) grower->width + (size_t) grower->deviation[i]] += grower->weight[i];
		else
			sums[bin].moment += grower->deviation[i];
	}
}

static void
add_features(ForestGrower *grower, const ForestRange *range, const int32_t *features, int count)
{
	bool		fine = grower->forest->job->fine;
	bool		classes = grower->width > 1;
	double		center = moment_center(grower, range);

	for (int64_t done = 0; done < range->count; done += FOREST_CHUNK_ROWS)
	{
		int			n = range->count - done < FOREST_CHUNK_ROWS ? (int) (range->count - done) : FOREST_CHUNK_ROWS;
		const ForestRecord *records = forest_record(grower, range->first + done);

		env_poll(grower->forest->env);
		for (int i = 0; i < n; i++)
		{
			const ForestRecord *record = forest_record(grower, range->first + done + i);

			grower->weight[i] = record->weight;
			grower->deviation[i] = classes ? record->target : record->weight * (record->target - center);
		}
		for (int place = 0; place < count; place++)
		{
			if (!fine && !classes)
				add_feature(grower, records, n, features[place], place, false, false);
			else if (!fine)
				add_feature(grower, records, n, features[place], place, false, true);
			else if (!classes)
				add_feature(grower, records, n, features[place], place, true, false);
			else
				add_feature(grower, records, n, features[place], place, true, true);
		}
	}
}

/* Bins with rows in ascending order; clears their bits. */
static int
list_touched(ForestGrower *grower, int place)
{
	size_t		words = words_of(grower->forest->job->most_bins);
	uint64_t   *occupied = grower->occupied + (size_t) place * words;
	int			count = 0;

	for (size_t word = 0; word < words; word++)
	{
		uint64_t	bits = occupied[word];

		occupied[word] = 0;
		for (; bits != 0; bits &= bits - 1)
			grower->touched[count++] = (uint16_t) (word * 64 + (size_t) __builtin_ctzll(bits));
	}
	return count;
}

/* ------------------------------------------------------------ cuts */

/* What a cut is compared with. */
typedef struct CutSearch
{
	const ForestGrower *grower;
	const ForestSums *sums;
	const double *class_sums;
	ForestSums	total;
	bool		entropy;
	double		own;			/* score without a cut; entropy: impurity without it */
	double		least;			/* gain that counts */
	int64_t		least_rows;
	int			feature;
	ForestSplit *best;
} CutSearch;

static inline bool
sides_are_large_enough(const CutSearch *search, int64_t left_rows)
{
	return left_rows >= search->least_rows && search->total.rows - left_rows >= search->least_rows;
}

static inline void
consider(CutSearch *search, double gain, int bin, int next, bool default_left)
{
	if (!(gain > search->best->gain && gain >= search->least))
		return;
	search->best->gain = gain;
	search->best->feature = search->feature;
	search->best->bin = bin;
	search->best->next = next;
	search->best->default_left = default_left;
}

static inline double
cut_gain(const CutSearch *search, double moment, double weight)
{
	double		right_moment = search->total.moment - moment;
	double		right_weight = search->total.weight - weight;

	if (search->entropy)
		return search->own - forest_entropy_two(weight, moment) - forest_entropy_two(right_weight, right_moment);
	return moment * moment / weight + right_moment * right_moment / right_weight - search->own;
}

/*
 * Cuts after each of the touched bins of values; `missing` (NULL: none) on the
 * right or on the left.  After the last bin only missing ones are on the right.
 */
static void
scan_numbers(CutSearch *search, const uint16_t *touched, int count, const ForestSums *missing)
{
	ForestSums	left = {0, 0, 0};

	for (int i = 0; i < count; i++)
	{
		const ForestSums *bin = &search->sums[touched[i]];
		int			next = i + 1 < count ? touched[i + 1] : -1;

		left.moment += bin->moment;
		left.weight += bin->weight;
		left.rows += bin->rows;
		if (next < 0 && missing == NULL)
			break;
		if (sides_are_large_enough(search, left.rows))
			consider(search, cut_gain(search, left.moment, left.weight), touched[i], next,
					 missing == NULL && 2 * left.weight >= search->total.weight);
		if (missing != NULL && next >= 0 && sides_are_large_enough(search, left.rows + missing->rows))
			consider(search, cut_gain(search, left.moment + missing->moment, left.weight + missing->weight), touched[i], next, true);
	}
}

/* Moves a bin's class weights from the right to the left side; sums of squares keep up. */
static void
move_classes(const CutSearch *search, int bin, double squares[2])
{
	int			width = search->grower->width;
	const double *sums = search->class_sums + (size_t) bin * (size_t) width;
	double	   *left = search->grower->class_total + width;
	double	   *right = left + width;

	for (int k = 0; k < width; k++)
	{
		double		moved = sums[k];

		if (moved == 0)
			continue;
		squares[0] += moved * (2 * left[k] + moved);
		squares[1] -= moved * (2 * right[k] - moved);
		left[k] += moved;
		right[k] -= moved;
		if (search->entropy && right[k] < LEAST_CLASS * left[k])
			right[k] = 0;
	}
}

/* Weights of classes in bins. Those of the range, added row by row, differ by rounding that entropy would see. */
static void
total_bins(const CutSearch *search, const uint16_t *touched, int count, double *total)
{
	size_t		width = (size_t) search->grower->width;

	memset(total, 0, width * sizeof(double));
	for (int i = 0; i < count; i++)
	{
		for (size_t k = 0; k < width; k++)
			total[k] += search->class_sums[touched[i] * width + k];
	}
}

/* What it takes off the impurity to have the classes that have moved on the left. */
static double
classes_gain(const CutSearch *search, double left_weight, const double squares[2])
{
	int			width = search->grower->width;
	const double *left = search->grower->class_total + width;

	if (search->entropy)
		return search->own - forest_entropy(left, width) - forest_entropy(left + width, width);
	return squares[0] / left_weight + squares[1] / (search->total.weight - left_weight) - search->own;
}

static void
scan_classes(CutSearch *search, const uint16_t *touched, int count, int missing, bool missing_left)
{
	const ForestGrower *grower = search->grower;
	size_t		bytes = (size_t) grower->width * sizeof(double);
	double		squares[2] = {0, search->own * search->total.weight};
	ForestSums	left = {0, 0, 0};

	memset(grower->class_total + grower->width, 0, bytes);
	memcpy(grower->class_total + 2 * grower->width, grower->class_total, bytes);
	for (int i = missing_left ? -1 : 0; i < count; i++)
	{
		int			bin = i < 0 ? missing : touched[i];
		int			next = i + 1 < count ? touched[i + 1] : -1;

		move_classes(search, bin, squares);
		left.weight += search->sums[bin].weight;
		left.rows += search->sums[bin].rows;
		if (i < 0)
			continue;
		if (next < 0 && (missing < 0 || missing_left))
			break;
		if (sides_are_large_enough(search, left.rows))
			consider(search, classes_gain(search, left.weight, squares), bin, next,
					 missing_left || (missing < 0 && 2 * left.weight >= search->total.weight));
	}
}

/* ------------------------------------------------------------ categories */

/* Puts the touched categories in order of the target. */
static void
order_categories(ForestGrower *grower, const ForestRange *range, const ForestSums *sums, const double *class_sums, int count)
{
	double		mean = range->mean - moment_center(grower, range);
	size_t		width = (size_t) grower->width;
	uint16_t   *touched = grower->touched;
	double		weight[FOREST_MAX_CODES];

	for (int i = 0; i < count; i++)
	{
		weight[i] = sums[touched[i]].weight;
		if (width > 1)
			memcpy(grower->shares + (size_t) i * width, class_sums + touched[i] * width, width * sizeof(double));
		else
			grower->key[i] = (sums[touched[i]].moment - weight[i] * mean) / (weight[i] + grower->forest->job->cat_smooth);
	}
	if (width > 1)
		forest_principal_keys(grower, count, weight, grower->shares, grower->key);
	for (int i = 1; i < count; i++)
	{
		uint16_t	category = touched[i];
		double		key = grower->key[i];
		int			j = i;

		for (; j > 0 && grower->key[j - 1] > key; j--)
		{
			touched[j] = touched[j - 1];
			grower->key[j] = grower->key[j - 1];
		}
		touched[j] = category;
		grower->key[j] = key;
	}
}

/* Codes that go left: those up to split->bin in the order; those without rows to the heavier side. */
static void
fill_set(const ForestGrower *grower, int count, ForestSplit *split)
{
	bool		left = true;

	memset(split->set, split->default_left ? 255 : 0, sizeof(split->set));
	for (int i = 0; i < count; i++)
	{
		uint64_t	bit = UINT64_C(1) << (grower->touched[i] % 64);

		if (left)
			split->set[grower->touched[i] / 64] |= bit;
		else
			split->set[grower->touched[i] / 64] &= ~bit;
		left &= grower->touched[i] != split->bin;
	}
}

/* Returns whether the feature varies in the node. */
static bool
search_feature(ForestGrower *grower, const ForestRange *range, int feature, int place, ForestSplit *best)
{
	const ForestJob *job = grower->forest->job;
	const ForestFeature *info = &grower->forest->features[feature];
	ForestSums *sums = grower->sums + (size_t) place * (size_t) job->most_bins;
	double	   *class_sums = grower->class_sums + (size_t) place * (size_t) job->most_bins * (size_t) grower->width;
	int			count = list_touched(grower, place);
	bool		missing = !info->unordered && !info->grouped && grower->touched[count - 1] == info->nbins;
	double		before = best->gain;
	CutSearch	search = {.grower = grower, .sums = sums, .class_sums = class_sums, .feature = feature, .best = best};

	search.entropy = job->entropy;
	search.least_rows = job->min_samples_leaf;
	search.least = fmax(LEAST_GAIN * range->impurity, job->min_impurity_decrease * grower->root_weight / forest_impurity_unit(job));
	if (info->unordered)
		order_categories(grower, range, sums, class_sums, count);
	for (int i = 0; i < count; i++)
	{
		search.total.moment += sums[grower->touched[i]].moment;
		search.total.weight += sums[grower->touched[i]].weight;
		search.total.rows += sums[grower->touched[i]].rows;
	}
	if (grower->width == 1)
	{
		search.own = job->entropy ? forest_entropy_two(search.total.weight, search.total.moment) :
			search.total.moment * search.total.moment / search.total.weight;
		scan_numbers(&search, grower->touched, count - missing, missing ? &sums[info->nbins] : NULL);
	}
	else
	{
		search.own = range->weight - range->impurity;
		if (job->entropy)
		{
			total_bins(&search, grower->touched, count, grower->class_total);
			search.own = forest_entropy(grower->class_total, grower->width);
		}
		scan_classes(&search, grower->touched, count - missing, missing ? info->nbins : -1, false);
		if (missing)
			scan_classes(&search, grower->touched, count - 1, info->nbins, true);
	}
	if (info->unordered && best->gain > before)
		fill_set(grower, count, best);
	for (int i = 0; i < count; i++)
	{
		size_t		bin = grower->touched[i];

		memset(&sums[bin], 0, sizeof(ForestSums));
		if (grower->width > 1)
			memset(class_sums + bin * (size_t) grower->width, 0, (size_t) grower->width * sizeof(double));
	}
	return count > 1;
}

/* Moves a feature drawn from order[drawn ..] to order[drawn]. */
static void
draw_feature(ForestGrower *grower, int drawn, uint64_t seed)
{
	int			left = grower->forest->job->nfeatures - drawn;
	int			other = drawn + (int) (hash_seeded((uint64_t) drawn, seed) % (uint64_t) left);
	int32_t		feature = grower->order[other];

	grower->order[other] = grower->order[drawn];
	grower->order[drawn] = feature;
}

void
forest_search(ForestGrower *grower, const ForestRange *range, uint64_t seed, ForestSplit *best)
{
	const ForestJob *job = grower->forest->job;
	int			drawn = 0;
	bool		varying = false;

	memset(best, 0, sizeof(*best));
	/* a node none of whose features can be split stays a leaf: looking on would pick the splits of small nodes from fewer and fewer features */
	while (drawn < job->nfeatures && (drawn < job->max_features || !varying))
	{
		int			wanted = drawn < job->max_features ? job->max_features - drawn : 1;

		wanted = wanted < grower->batch ? wanted : grower->batch;
		env_poll(grower->forest->env);
		for (int i = 0; i < wanted && job->max_features < job->nfeatures; i++)
			draw_feature(grower, drawn + i, seed);
		add_features(grower, range, grower->order + drawn, wanted);
		for (int i = 0; i < wanted; i++)
			varying |= search_feature(grower, range, grower->order[drawn + i], i, best);
		drawn += wanted;
	}
}
