/*
 * forest_entropy.c
 *	  Entropy of classes as the impurity of splits; see forest_split.c.
 *
 * Quinlan, "Induction of decision trees", 1986; in bits, as scikit-learn counts
 * it.  Weight times entropy is -sum_k w_k log2(w_k / W).  The term of the largest
 * class takes the others' sum: next to 1 a logarithm would lose what is left of
 * nearly pure nodes, and splits that part nothing would seem to gain.
 *
 * Cost: a logarithm for each class present and side, about 15 ns.
 */
#include "core/forest_internal.h"

#include "core/real.h"

#define PER_LN2 1.44269504088896340736

double
forest_entropy_two(double weight, double positive)
{
	double		small = positive < weight - positive ? positive : weight - positive;

	if (!(small > 0))
		return 0;
	return -PER_LN2 * (small * real_log(small / weight) + (weight - small) * real_log1p(-small / weight));
}

double
forest_entropy(const double *classes, int n)
{
	int			largest = 0;
	double		others = 0;
	double		weight;
	double		sum = 0;

	for (int k = 1; k < n; k++)
		largest = classes[k] > classes[largest] ? k : largest;
	for (int k = 0; k < n; k++)
	{
		if (k != largest && classes[k] > 0)
			others += classes[k];
	}
	if (!(others > 0))
		return 0;
	weight = classes[largest] + others;
	for (int k = 0; k < n; k++)
	{
		if (k != largest && classes[k] > 0)
			sum += classes[k] * real_log(classes[k] / weight);
	}
	return -PER_LN2 * (sum + classes[largest] * real_log1p(-others / weight));
}
