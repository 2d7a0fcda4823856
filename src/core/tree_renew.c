/*
 * tree_renew.c
 *	  Leaf values as order statistics of residuals; see tree_objective.h.
 *
 * The lower weighted quantile of target minus score over a leaf's rows is found
 * digit by digit, from the highest: residuals as unsigned integers in the same
 * order, weights as integers in units that suit the leaf's largest, so that the
 * result is exact and no order of rows matters.  Six passes over the leaf's
 * rows, one more for the largest weight.
 *
 * Monotone constraints: the bounds of Newton steps, which are found while the
 * tree grows, say nothing about residuals, so renewed leaves are put in order
 * afterwards.  Where the largest leaf on the lower side of a split exceeds the
 * smallest on the upper side, all leaves on both sides are kept from crossing
 * the middle.  From the root down, since that leaves what is ordered in order.
 */
#include "core/tree_grow.h"

#include <math.h>
#include <string.h>

#define DIGIT_BITS 11
#define SUM_BITS 62
#define POLL_BLOCKS 8

/* Rows of one leaf. */
typedef struct LeafRows
{
	TreeGrower *grower;
	int			leaf;
	int64_t		count;
	double		max_weight;
	double		weight_scale;
} LeafRows;

/* Unsigned integers in the order of the doubles. */
static inline uint64_t
key_of(double x)
{
	uint64_t	bits;

	x += 0.0;					/* -0 becomes 0 */
	memcpy(&bits, &x, sizeof(bits));
	return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

static inline double
value_of(uint64_t key)
{
	double		x;

	key = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
	memcpy(&x, &key, sizeof(x));
	return x;
}

/* For each row of the leaf: `statement` with residual and weight (an integer). */
#define FOR_LEAF_ROWS(rows, residual, weight, statement) \
	do { \
		const TreeShape *shape_ = &(rows)->grower->data.shape; \
		for (int b_ = 0; b_ < shape_->train_blocks; b_++) \
		{ \
			const TreeBlock *block_ = &(rows)->grower->data.blocks[b_]; \
			const TreeSegment *segment_ = &(rows)->grower->shared.segments[(size_t) (rows)->leaf * (size_t) shape_->train_blocks + (size_t) b_]; \
			if (b_ % POLL_BLOCKS == 0) \
				env_poll((rows)->grower->env); \
			for (int i_ = segment_->first; i_ < segment_->first + segment_->count; i_++) \
			{ \
				int			row_ = block_->order[i_]; \
				double		residual = block_->target[row_] - block_->score[row_]; \
				int64_t		weight = block_->weight != NULL ? tree_fixed(block_->weight[row_], (rows)->weight_scale) : 1; \
				statement \
			} \
		} \
	} while (0)

/* The weight that p of the total comes to; at least that of one row, so that the digits followed are those of a residual. */
static double
share_of(const int64_t *digits, double p)
{
	int64_t		total = 0;

	for (int i = 0; i < TREE_RENEW_DIGITS; i++)
		total += digits[i];
	return p * (double) total > 1 ? p * (double) total : 1;
}

/* A power of two by which numbers up to `largest`, one of each row, can be multiplied and then added up as integers. */
static double
scale_for(const LeafRows *rows, double largest)
{
	return ldexp(1, SUM_BITS - 2 - ilogb((double) rows->count + 1) - ilogb(largest));
}

/* Weights are counted in units of the leaf's largest: that of all rows may be so large that these would be nothing. */
static void
measure_leaf(LeafRows *rows)
{
	const TreeShape *shape = &rows->grower->data.shape;

	rows->count = 0;
	rows->max_weight = shape->has_weight ? 0 : 1;
	for (int b = 0; b < shape->train_blocks; b++)
	{
		const TreeBlock *block = &rows->grower->data.blocks[b];
		const TreeSegment *segment = &rows->grower->shared.segments[(size_t) rows->leaf * (size_t) shape->train_blocks + (size_t) b];

		if (b % POLL_BLOCKS == 0)
			env_poll(rows->grower->env);
		for (int i = segment->first; shape->has_weight && i < segment->first + segment->count; i++)
			rows->max_weight = fmax(rows->max_weight, block->weight[block->order[i]]);
		rows->count += segment->count;
	}
	rows->weight_scale = shape->has_weight && rows->count > 0 ? scale_for(rows, rows->max_weight) : 1;
}

/* The smallest residual at which the weights of those up to it reach p times their total. */
static double
leaf_quantile(const LeafRows *rows, double p)
{
	int64_t    *digits = rows->grower->digits;
	uint64_t	prefix = 0;
	int64_t		below = 0;
	double		needed = 0;
	int			shift = 64;

	while (shift > 0)
	{
		int			bits = shift < DIGIT_BITS ? shift : DIGIT_BITS;
		int			next = shift - bits;
		uint64_t	mask = ((uint64_t) 1 << bits) - 1;
		int			digit = 0;

		memset(digits, 0, TREE_RENEW_DIGITS * sizeof(int64_t));
		FOR_LEAF_ROWS(rows, residual, weight,
					  {
						  uint64_t	key = key_of(residual);

						  if (shift == 64 || key >> shift == prefix)
							  digits[(key >> next) & mask] += weight;
					  });
		if (shift == 64)
			needed = share_of(digits, p);
		while (digit < (int) mask && (double) (below + digits[digit]) < needed)
			below += digits[digit++];
		prefix = prefix << bits | (uint64_t) digit;
		shift = next;
	}
	return value_of(prefix);
}

/* Weighted mean of the distances from `centre`, none counted as more than delta. */
static double
clipped_mean(const LeafRows *rows, double centre, double delta)
{
	double		largest = delta * rows->max_weight;
	double		scale;
	int64_t		sum = 0;
	int64_t		total = 0;

	if (!(largest > 0))
		return 0;
	scale = scale_for(rows, largest);
	FOR_LEAF_ROWS(rows, residual, weight,
				  {
					  double		distance = residual - centre;

					  distance = distance > delta ? delta : distance;
					  distance = distance < -delta ? -delta : distance;
					  sum += tree_fixed(distance * ((double) weight / rows->weight_scale), scale);
					  total += weight;
				  });
	return ((double) sum / scale) / ((double) total / rows->weight_scale);
}

static double
clip(double value, double low, double high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

double
tree_renew_leaf(TreeGrower *grower, int leaf)
{
	const TreeJob *job = grower->job;
	const TreeObjective *objective = &job->objective;
	LeafRows	rows = {.grower = grower, .leaf = leaf};
	double		value;

	measure_leaf(&rows);
	if (rows.count == 0)
		return 0;				/* the sample of a small subsample may be empty */
	value = leaf_quantile(&rows, objective->loss == LOSS_QUANTILE ? objective->alpha : 0.5);
	if (objective->loss == LOSS_HUBER)
		value += clipped_mean(&rows, value, objective->delta);
	if (job->rules.max_delta_step > 0)
		value = clip(value, -job->rules.max_delta_step, job->rules.max_delta_step);
	return job->learning_rate * value;
}

/* The smallest and the largest leaf below each node; children come after their parents. */
static void
find_ranges(TreeGrower *grower)
{
	for (int i = grower->nnodes - 1; i >= 0; i--)
	{
		TreeNode   *node = &grower->nodes[i];
		const TreeNode *left = &grower->nodes[node->children];
		const TreeNode *right = left + 1;

		if (node->children == 0)
		{
			node->least = node->most = grower->shared.leaf_value[node->leaf];
			continue;
		}
		node->least = left->least < right->least ? left->least : right->least;
		node->most = left->most > right->most ? left->most : right->most;
	}
}

/* Bounds of the children of a node whose own bounds are known. */
static void
bound_children(const TreeGrower *grower, const TreeNode *node)
{
	TreeNode   *child[2] = {&grower->nodes[node->children], &grower->nodes[node->children + 1]};
	int			monotone = tree_split_direction(&grower->data.features[node->split.feature], &node->split);
	TreeNode   *lower = child[monotone > 0 ? 0 : 1];
	TreeNode   *upper = child[monotone > 0 ? 1 : 0];
	double		most;
	double		least;

	for (int side = 0; side < 2; side++)
	{
		child[side]->low = node->low;
		child[side]->high = node->high;
	}
	if (monotone == 0)
		return;
	most = clip(lower->most, node->low, node->high);
	least = clip(upper->least, node->low, node->high);
	if (most > least)
		lower->high = upper->low = least + (most - least) / 2;
}

void
tree_renew_order(TreeGrower *grower)
{
	find_ranges(grower);
	grower->nodes[0].low = -INFINITY;
	grower->nodes[0].high = INFINITY;
	for (int i = 0; i < grower->nnodes; i++)
	{
		const TreeNode *node = &grower->nodes[i];
		double	   *value = &grower->shared.leaf_value[node->leaf];

		if (node->children != 0)
			bound_children(grower, node);
		else
			*value = clip(*value, node->low, node->high);
	}
}
