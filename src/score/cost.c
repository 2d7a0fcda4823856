/*
 * cost.c
 *	  How long a prediction takes; see cost.h.
 *
 * Measured: a call 60 ns, a feature 5 to 10 ns, a category 40 ns, a term of a
 * linear model below 1 ns for each output, a level of a tree 2 ns.
 */
#include "postgres.h"

#include <math.h>

#include "score/cost.h"

#define CALL_COST 4
#define NUMBER_COST 0.5
#define TEXT_COST 3
#define TERM_COST 0.1
#define LEVEL_COST 0.13

static double
feature_cost(const Feature *feature)
{
	switch (feature->kind)
	{
		case FEATURE_NUMERIC:
		case FEATURE_BOOLEAN:
			return NUMBER_COST;
		case FEATURE_CATEGORICAL:
		case FEATURE_TIMESTAMP:
			return TEXT_COST;
		case FEATURE_VECTOR:
			return NUMBER_COST * feature->width;
	}
	return NUMBER_COST;
}

double
model_cost(const Model *model)
{
	const ModelArray *trees = model_array(model, "tree_nodes");
	double		cost = CALL_COST;

	for (int i = 0; i < model->schema.count; i++)
		cost += feature_cost(&model->schema.features[i]);
	if (trees != NULL && trees->rows > 0)
	{
		const ModelArray *nodes = model_array(model, "node_feature");
		double		nodes_each = nodes != NULL ? (double) nodes->rows / (double) trees->rows : 1;

		/* a row passes through about the logarithm of a tree's nodes, and half as much again as trees are not balanced */
		return cost + LEVEL_COST * 1.5 * (double) trees->rows * (log2(nodes_each + 1));
	}
	return cost + TERM_COST * model->transform->nterms * model->noutputs;
}
