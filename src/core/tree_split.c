/*
 * tree_split.c
 *	  Search for splits; see tree_split.h.
 *
 * Numbers: one pass over the bins for each place that missing values can go;
 * cuts are scored by vectors, wider ones where the processor has them, about
 * 4 ns a bin.
 * Categories: few are tried one against the rest; more are ordered by gradient
 * over hessian, smoothed, and the best beginning or end of that order of at
 * most max_cat_threshold categories goes left (Fisher, "On grouping for
 * maximum homogeneity", 1958, gives the order; the smoothing and limits keep
 * categories of a few rows from being fitted one by one).
 *
 * An order made from gradients flatters its splits, so there the loss of a side
 * of value w has a further cat_l2 (w - v)^2, v the node's value.  Penalising w
 * itself would punish a split for where the node lies: the farther from zero,
 * the less could its categories be told apart.  With the penalty, side i scores
 * T(G_i - cat_l2 v)^2 / (H_i + reg_lambda + cat_l2) - cat_l2 v^2.
 */
#include "core/tree_split.h"

#include <math.h>
#include <string.h>

#include "core/pair.h"
#include "core/real.h"

#define MIN_RELATIVE_GAIN 1e-10	/* of the node's own score: less is rounding */
#define CUTS 256				/* scored at a time: those of a feature */

/* One node's search in integer units. */
typedef struct NodeSearch
{
	const TreeRules *rules;
	const TreeNodeSums *node;
	double		gradient;		/* totals */
	double		hessian;
	double		lambda;			/* of the children */
	double		pull;			/* what the penalty around the node's value takes off the gradient of each side */
	double		alpha;
	double		min_hessian;	/* of a side */
	double		rows_per_hessian;
	double		own_score;
	double		least_score;	/* own_score and what a split must gain at least */
	double		unit;			/* integer gain to gain */
	bool		bounded;
	double		low;
	double		high;
	int			monotone;
} NodeSearch;

CoreStatus
tree_search_init(CoreEnv *env, const TreeRules *rules, const TreeFeature *features, int nfeatures, TreeSearch *search)
{
	int			most = 0;

	memset(search, 0, sizeof(*search));
	search->rules = rules;
	for (int i = 0; i < nfeatures; i++)
	{
		if (features[i].categorical && features[i].nbins + 1 > most)
			most = features[i].nbins + 1;
	}
	search->most_categories = most;
#ifdef __x86_64__
	search->wide = __builtin_cpu_supports("avx2");
#endif
	search->set_words = (most + 31) / 32;
	CORE_ALLOC(env, search->key, (size_t) most);
	CORE_ALLOC(env, search->category, (size_t) most);
	return CORE_OK;
}

static inline double
clip(double value, double low, double high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

/* Nearer to zero by alpha: gradient - alpha, 0 or gradient + alpha. */
static inline double
shrink(double gradient, double alpha)
{
	return gradient - clip(gradient, -alpha, alpha);
}

double
tree_node_value(const TreeRules *rules, double gradient, double hessian, double low, double high)
{
	double		denominator = hessian + rules->reg_lambda;
	double		value;

	if (!(denominator > 0))
		return clip(0, low, high);
	value = -shrink(gradient, rules->reg_alpha) / denominator;
	if (rules->max_delta_step > 0)
		value = clip(value, -rules->max_delta_step, rules->max_delta_step);
	return clip(value, low, high);
}

static inline double
free_score(const NodeSearch *task, double gradient, double hessian)
{
	double		g = shrink(gradient, task->alpha);

	return g * g / (hessian + task->lambda);
}

/* Score of a side whose value is kept within bounds. */
static double
bounded_score(const NodeSearch *task, double gradient, double hessian, double *value)
{
	double		g = shrink(gradient, task->alpha);
	double		h = hessian + task->lambda;

	*value = clip(-g / h, task->low, task->high);
	return -(2 * g * *value + h * *value * *value);
}

static double
split_score(const NodeSearch *task, double left_gradient, double left_hessian)
{
	double		right_gradient = task->gradient - left_gradient;
	double		right_hessian = task->hessian - left_hessian;
	double		left;
	double		right;
	double		score;

	if (!task->bounded)
		return free_score(task, left_gradient, left_hessian) + free_score(task, right_gradient, right_hessian);
	score = bounded_score(task, left_gradient, left_hessian, &left) + bounded_score(task, right_gradient, right_hessian, &right);
	if ((task->monotone > 0 && left > right) || (task->monotone < 0 && left < right))
		return -INFINITY;
	return score;
}

static void
task_init(const TreeSearch *search, const TreeFeature *feature, const TreeNodeSums *node, NodeSearch *task)
{
	const TreeRules *rules = search->rules;
	const TreeScale *scale = search->scale;
	double		limit = rules->max_delta_step > 0 ? rules->max_delta_step : INFINITY;
	double		value_unit = scale->gradient / scale->hessian;	/* from values to integer units */
	double		least;
	double		value;

	task->rules = rules;
	task->node = node;
	task->gradient = (double) node->total.gradient;
	task->hessian = (double) node->total.hessian;
	task->lambda = rules->reg_lambda * scale->hessian;
	task->pull = 0;
	task->alpha = rules->reg_alpha * scale->gradient;
	task->rows_per_hessian = (double) node->rows / task->hessian;
	task->unit = scale->hessian / (scale->gradient * scale->gradient);
	task->monotone = feature->monotone;
	task->low = clip(node->low, -limit, limit) * value_unit;
	task->high = clip(node->high, -limit, limit) * value_unit;
	task->bounded = task->monotone != 0 || limit < INFINITY || node->low > -INFINITY || node->high < INFINITY;
	task->min_hessian = rules->min_child_weight * scale->hessian;
	/* a side that has any hessian has a row */
	least = node->min_rows > 1 ? (node->min_rows - 0.5) / task->rows_per_hessian : 0;
	if (least > task->min_hessian)
		task->min_hessian = least;
	if (task->min_hessian < 1)
		task->min_hessian = 1;
	task->own_score = task->bounded ? bounded_score(task, task->gradient, task->hessian, &value) :
		free_score(task, task->gradient, task->hessian);
	least = rules->min_split_gain / task->unit;
	if (least < MIN_RELATIVE_GAIN * task->own_score)
		least = MIN_RELATIVE_GAIN * task->own_score;
	task->least_score = task->own_score + least;
}

static inline bool
sides_are_heavy_enough(const NodeSearch *task, double left_hessian)
{
	return left_hessian >= task->min_hessian && task->hessian - left_hessian >= task->min_hessian;
}

/* Free scores of cuts, -INFINITY where a side is too light: without branches, so that the compiler makes vectors of it. */
static inline __attribute__((always_inline)) void
score_cuts(const NodeSearch *task, const double *restrict gradient, const double *restrict hessian, int n, double *restrict score)
{
	const NodeSearch here = *task;

	for (int i = 0; i < n; i++)
	{
		double		right_gradient = here.gradient - gradient[i];
		double		right_hessian = here.hessian - hessian[i];
		double		sum = free_score(&here, gradient[i], hessian[i]) + free_score(&here, right_gradient, right_hessian);

		sum = real_choose_by_sign(hessian[i] - here.min_hessian, -INFINITY, sum);
		score[i] = real_choose_by_sign(right_hessian - here.min_hessian, -INFINITY, sum);
	}
}

static void
score_cuts_narrow(const NodeSearch *task, const double *gradient, const double *hessian, int n, double *score)
{
	score_cuts(task, gradient, hessian, n, score);
}

#ifdef __x86_64__
/* The same operations on more cuts at a time. */
__attribute__((target("avx2"))) static void
score_cuts_wide(const NodeSearch *task, const double *gradient, const double *hessian, int n, double *score)
{
	score_cuts(task, gradient, hessian, n, score);
}
#endif

/* Keeps the first of the best cuts. */
typedef struct CutChoice
{
	double		score;
	double		hessian;
	int			bin;			/* -1: none */
} CutChoice;

/* Keeps the best of n scored cuts, the first of equal ones, if it is better; most runs hold no better one, which the largest score tells. */
static void
keep_best(const double *score, const double *hessian, int first_bin, int n, CutChoice *best)
{
	Pair		most[2] = {pair_of(-INFINITY), pair_of(-INFINITY)};
	double		largest;
	int			i;

	for (i = 0; i + 4 <= n; i += 4)
		for (int k = 0; k < 2; k++)
			most[k] = pair_max(pair_load(score + i + 2 * k), most[k]);
	most[0] = pair_max(most[0], most[1]);
	largest = most[0][0] > most[0][1] ? most[0][0] : most[0][1];
	for (; i < n; i++)
		largest = score[i] > largest ? score[i] : largest;
	if (!(largest > best->score))
		return;
	for (i = 0; score[i] != largest; i++)
		;
	*best = (CutChoice) {largest, hessian[i], first_bin + i};
}

static inline bool
is_empty(const TreeSums *bin)
{
	return bin->hessian == 0 && bin->gradient == 0;
}

static void
score_bounded_cuts(const NodeSearch *task, const double *gradient, const double *hessian, int n, double *score)
{
	for (int i = 0; i < n; i++)
		score[i] = sides_are_heavy_enough(task, hessian[i]) ? split_score(task, gradient[i], hessian[i]) : -INFINITY;
}

/*
 * Cuts after each bin but the last; missing values on the side where `start`
 * has them.  A cut after an empty bin is the same as the one before it, which is
 * kept; before the first row's bin there is none.
 */
static void
scan_cuts(const TreeSearch *search, const NodeSearch *task, const TreeSums *sums, int cuts, TreeSums start, CutChoice *best)
{
	double		gradient[CUTS];
	double		hessian[CUTS];
	double		score[CUTS];
	TreeSums	left = start;
	int			first = 0;

	while (first < cuts && is_empty(&sums[first]))
		first++;
	for (; first < cuts; first += CUTS)
	{
		int			n = cuts - first < CUTS ? cuts - first : CUTS;

		for (int i = 0; i < n; i++)
		{
			left.gradient += sums[first + i].gradient;
			left.hessian += sums[first + i].hessian;
			gradient[i] = (double) left.gradient;
			hessian[i] = (double) left.hessian;
		}
		if (task->bounded)
			score_bounded_cuts(task, gradient, hessian, n, score);
#ifdef __x86_64__
		else if (search->wide)
			score_cuts_wide(task, gradient, hessian, n, score);
#endif
		else
			score_cuts_narrow(task, gradient, hessian, n, score);
		keep_best(score, hessian, first, n, best);
	}
}

/* All values against the missing ones, which constraints on the order of values say nothing about. Whether it is as good as the best cut. */
static bool
part_missing(const NodeSearch *task, const TreeSums *missing, double *best_score, double *best_hessian)
{
	NodeSearch	free_task = *task;
	double		hessian = task->hessian - (double) missing->hessian;
	double		score;

	free_task.monotone = 0;
	if (!sides_are_heavy_enough(task, hessian))
		return false;
	score = split_score(&free_task, task->gradient - (double) missing->gradient, hessian);
	if (!(score > task->least_score && score >= *best_score))
		return false;
	*best_score = score;
	*best_hessian = hessian;
	return true;
}

static void
search_number(const TreeSearch *search, const NodeSearch *task, const TreeFeature *feature, int index, const TreeSums *sums, TreeSplit *best)
{
	const TreeSums none = {0, 0};
	const TreeSums *missing = &sums[feature->nbins];
	bool		some_missing = !is_empty(missing);
	CutChoice	choice = {task->least_score, 0, -1};
	double		gain;
	bool		default_left = false;

	scan_cuts(search, task, sums, feature->nbins - (some_missing ? 0 : 1), none, &choice);
	if (some_missing)
	{
		double		first_score = choice.score;

		scan_cuts(search, task, sums, feature->nbins - 1, *missing, &choice);
		default_left = choice.score > first_score;
		if (task->monotone != 0 && part_missing(task, missing, &choice.score, &choice.hessian))
		{
			choice.bin = feature->nbins - 1;
			default_left = false;
		}
	}
	else
		default_left = 2 * choice.hessian >= task->hessian;
	gain = (choice.score - task->own_score) * task->unit;
	if (choice.bin < 0 || !(gain > best->gain))
		return;
	best->gain = gain;
	best->feature = index;
	best->bin = choice.bin;
	best->categorical = false;
	best->default_left = default_left;
	best->left_hessian = choice.hessian;
}

/* ------------------------------------------------------------- categories */

typedef struct SetChoice
{
	double		score;
	double		hessian;
	int			first;			/* in the order of categories; the set is order[first .. first + count - 1] */
	int			count;			/* 0: none */
} SetChoice;

static bool
sorts_before(const TreeSearch *search, int a, int b)
{
	if (search->key[a] != search->key[b])
		return search->key[a] < search->key[b];
	return a < b;
}

static void
sift_down(const TreeSearch *search, int root, int count)
{
	int32_t    *order = search->category;
	int32_t		item = order[root];
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && sorts_before(search, order[child], order[child + 1]))
			child++;
		if (!sorts_before(search, item, order[child]))
			break;
		order[root] = order[child];
		root = child;
	}
	order[root] = item;
}

static void
sort_categories(const TreeSearch *search, int count)
{
	int32_t    *order = search->category;

	for (int root = count / 2 - 1; root >= 0; root--)
		sift_down(search, root, count);
	for (int end = count - 1; end > 0; end--)
	{
		int32_t		first = order[0];

		order[0] = order[end];
		order[end] = first;
		sift_down(search, 0, end);
	}
}

static void
consider_set(const NodeSearch *task, double gradient, double hessian, int first, int count, SetChoice *choice)
{
	double		score;

	if (!sides_are_heavy_enough(task, hessian))
		return;
	score = split_score(task, gradient - task->pull, hessian);
	if (score > choice->score)
	{
		choice->score = score;
		choice->hessian = hessian;
		choice->first = first;
		choice->count = count;
	}
}

static void
one_against_rest(const NodeSearch *task, const TreeSearch *search, const TreeSums *sums, int count, SetChoice *choice)
{
	for (int i = 0; i < count; i++)
	{
		const TreeSums *bin = &sums[search->category[i]];

		consider_set(task, (double) bin->gradient, (double) bin->hessian, i, 1, choice);
	}
}

/* Beginnings (step 1) or ends (step -1) of the order; groups of fewer rows than a group must have are not told apart. */
static void
scan_order(const NodeSearch *task, const TreeSearch *search, const TreeSums *sums, int count, int step, SetChoice *choice)
{
	const TreeRules *rules = task->rules;
	double		group_hessian = (double) rules->min_data_per_group / task->rows_per_hessian;
	double		gradient = 0;
	double		hessian = 0;
	double		in_group = 0;
	int			most = (count + 1) / 2;

	if (most > rules->max_cat_threshold)
		most = rules->max_cat_threshold;
	for (int i = 0; i < most; i++)
	{
		int			at = step > 0 ? i : count - 1 - i;
		const TreeSums *bin = &sums[search->category[at]];

		gradient += (double) bin->gradient;
		hessian += (double) bin->hessian;
		in_group += (double) bin->hessian;
		if (task->hessian - hessian < group_hessian)
			break;
		if (in_group < group_hessian)
			continue;
		in_group = 0;
		consider_set(task, gradient, hessian, step > 0 ? 0 : at, i + 1, choice);
	}
}

/* Penalises sides for leaving the node's value; returns what that adds to scores that splits are compared with. */
static double
penalise_distance(NodeSearch *task, double penalty)
{
	double		value = clip(-shrink(task->gradient, task->alpha) / (task->hessian + task->lambda), task->low, task->high);

	task->pull = penalty * value;
	task->gradient -= 2 * task->pull;
	task->lambda += penalty;
	return 2 * penalty * value * value;
}

static void
search_category(const TreeSearch *search, NodeSearch *task, const TreeFeature *feature, int index, const TreeSums *sums, TreeSplit *best, uint32_t *set)
{
	const TreeRules *rules = task->rules;
	double		smooth = rules->cat_smooth * search->scale->hessian;
	int			count = 0;
	SetChoice	choice = {task->least_score, 0, 0, 0};
	double		gain;

	for (int bin = 0; bin <= feature->nbins; bin++)
	{
		if (is_empty(&sums[bin]))
			continue;
		search->key[bin] = (double) sums[bin].gradient / ((double) sums[bin].hessian + smooth);
		search->category[count++] = bin;
	}
	if (count <= rules->max_cat_to_onehot)
		one_against_rest(task, search, sums, count, &choice);
	else
	{
		double		added = penalise_distance(task, rules->cat_l2 * search->scale->hessian);

		task->own_score += added;
		choice.score += added;
		sort_categories(search, count);
		scan_order(task, search, sums, count, 1, &choice);
		scan_order(task, search, sums, count, -1, &choice);
	}
	gain = (choice.score - task->own_score) * task->unit;
	if (choice.count == 0 || !(gain > best->gain))
		return;
	best->gain = gain;
	best->feature = index;
	best->bin = -1;
	best->categorical = true;
	best->default_left = false;
	best->left_hessian = choice.hessian;
	memset(set, 0, (size_t) search->set_words * sizeof(*set));
	for (int i = choice.first; i < choice.first + choice.count; i++)
		set[search->category[i] / 32] |= UINT32_C(1) << (search->category[i] % 32);
}

void
tree_search_feature(const TreeSearch *search, const TreeFeature *feature, int index, const TreeSums *sums, const TreeNodeSums *node, TreeSplit *best, uint32_t *set)
{
	NodeSearch		task;

	if (node->total.hessian <= 0)
		return;
	task_init(search, feature, node, &task);
	if (feature->categorical)
		search_category(search, &task, feature, index, sums, best, set);
	else
		search_number(search, &task, feature, index, sums, best);
}
