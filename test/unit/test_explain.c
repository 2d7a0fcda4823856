/*
 * test_explain.c: attributions against Shapley values by their definition, over all subsets of features, and for deep
 * trees against sums over leaves in quadruple precision; plans of rows against the transform.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/explain.h"
#include "core/row_plan.h"
#include "core/tree_model.h"
#include "core/tree_shap.h"
#include "fixture.h"
#include "rows.h"

#define MAX_NODES 4096
#define MAX_FEATURES 64

/* What a test's tree is made of, in breadth-first order. */
typedef struct Sketch
{
	int			nnodes;
	TreeStoredNode nodes[MAX_NODES];
	double		value[MAX_NODES];
	uint32_t	set[MAX_NODES][1];
	int			child[MAX_NODES];	/* left; 0: a leaf */
} Sketch;

/* `nterms` terms, of features term / 2 where `paired`; every third one is categorical with 5 levels where `categories`. */
static Model *
empty_model(CoreEnv *env, int nterms, bool paired, bool categories, int noutputs)
{
	static const Algorithm trees = {.name = "trees", .score = tree_model_score, .scratch = tree_model_scratch, .bind = tree_model_bind};
	Model	   *model = env_alloc(env, 1, sizeof(Model));

	model->algorithm = &trees;
	model->task = noutputs > 1 ? TASK_MULTICLASS : TASK_REGRESSION;
	model->link = noutputs > 1 ? LINK_SOFTMAX : LINK_IDENTITY;
	model->noutputs = noutputs;
	model->schema.count = paired ? (nterms + 1) / 2 : nterms;
	model->schema.features = env_alloc(env, (size_t) model->schema.count, sizeof(Feature));
	model->transform = env_alloc(env, 1, sizeof(Transform));
	model->transform->nterms = nterms;
	model->transform->terms = env_alloc(env, (size_t) nterms, sizeof(Term));
	for (int j = 0; j < nterms; j++)
	{
		model->transform->terms[j].feature = paired ? j / 2 : j;
		model->transform->terms[j].categorical = categories && j % 3 == 2;
		model->transform->terms[j].ncategories = 5;
	}
	return model;
}

/* Splits a leaf on a term; covers follow from `share` of its cover. */
static void
split_leaf(Sketch *sketch, const Model *model, int node, int term, double share, TestRandom *random)
{
	TreeStoredNode *at = &sketch->nodes[node];
	bool		categorical = model->transform->terms[term].categorical;

	at->feature = term;
	at->threshold = test_random_uniform(random);
	at->flags = (uint8_t) ((test_random_bits(random) & 1 ? NODE_DEFAULT_LEFT : 0) | (categorical ? NODE_CATEGORICAL : 0));
	sketch->set[node][0] = (uint32_t) (test_random_bits(random) & 63);
	at->set = categorical ? sketch->set[node] : NULL;
	at->set_words = categorical ? 1 : 0;
	sketch->child[node] = sketch->nnodes;
	for (int side = 0; side < 2; side++)
	{
		int			child = sketch->nnodes++;

		memset(&sketch->nodes[child], 0, sizeof(sketch->nodes[child]));
		sketch->child[child] = 0;
		sketch->nodes[child].feature = -1;
		sketch->nodes[child].cover = at->cover * (side == 0 ? share : 1 - share);
		sketch->value[child] = test_random_normal(random);
		sketch->nodes[child].value = &sketch->value[child];
	}
}

/* A tree of up to `splits` splits, breadth first; some parts without cover. */
static void
random_tree(Sketch *sketch, const Model *model, int splits, TestRandom *random)
{
	sketch->nnodes = 1;
	memset(&sketch->nodes[0], 0, sizeof(sketch->nodes[0]));
	sketch->child[0] = 0;
	sketch->nodes[0].feature = -1;
	sketch->nodes[0].cover = 100;
	sketch->value[0] = test_random_normal(random);
	sketch->nodes[0].value = &sketch->value[0];
	for (int node = 0; node < sketch->nnodes && splits > 0; node++)
	{
		uint64_t	kind = test_random_bits(random) % 8;

		if (node > 0 && kind == 0 && node + 1 < sketch->nnodes)
			continue;
		split_leaf(sketch, model, node, (int) (test_random_bits(random) % (uint64_t) model->transform->nterms),
				   kind == 1 ? 0 : kind == 2 ? 1 : test_random_uniform(random), random);
		splits--;
	}
}

/* One side ends, the other goes on: as deep as it has splits. */
static void
chain(Sketch *sketch, const Model *model, int depth, TestRandom *random)
{
	int			node = 0;

	random_tree(sketch, model, 0, random);
	for (int level = 0; level < depth; level++)
	{
		split_leaf(sketch, model, node, level % model->transform->nterms, 0.2 + 0.6 * test_random_uniform(random), random);
		node = sketch->child[node] + (int) (test_random_bits(random) & 1);
	}
}

static void
add_tree(CoreEnv *env, TreeStore *store, const Sketch *sketch)
{
	assert_ok(env, tree_store_add_tree(store, sketch->nnodes));
	for (int i = 0; i < sketch->nnodes; i++)
		assert_ok(env, tree_store_add_node(store, &sketch->nodes[i]));
}

static void
finish_model(CoreEnv *env, TreeStore *store, Model *model)
{
	double		base[8] = {0.25, -1, 2, 0, 0, 0, 0, 0};

	assert_ok(env, tree_store_finish(store, base, model->noutputs, model->transform->nterms, model));
	assert_ok(env, tree_model_bind(env, model));
}

/* Values on both sides of thresholds, missing ones, and codes that no set has. */
static void
random_row(const Model *model, double *terms, TestRandom *random)
{
	for (int j = 0; j < model->transform->nterms; j++)
	{
		terms[j] = model->transform->terms[j].categorical ? (double) (test_random_bits(random) % 7) : test_random_uniform(random);
		if (test_random_bits(random) % 6 == 0)
			terms[j] = NAN;
	}
}

/* Mean of the leaves of one tree when only the features of `known` are known. */
static double
expectation(const Model *model, const double *terms, int64_t node, unsigned known, int value)
{
	const TreeEnsemble *trees = model->scorer;
	int64_t		left = trees->children[node];
	double		cover;

	if (trees->feature[node] < 0)
		return trees->value[node][value];
	if (known & (1u << model->transform->terms[trees->feature[node]].feature))
		return expectation(model, terms, tree_goes_left(trees, node, model->transform->terms, terms) ? left : left + 1, known, value);
	cover = trees->cover[left] + trees->cover[left + 1];
	if (cover == 0)
		return (expectation(model, terms, left, known, value) + expectation(model, terms, left + 1, known, value)) / 2;
	return trees->cover[left] / cover * expectation(model, terms, left, known, value) +
		trees->cover[left + 1] / cover * expectation(model, terms, left + 1, known, value);
}

static double
expected_margin(const Model *model, const double *terms, unsigned known, int output)
{
	const TreeEnsemble *trees = model->scorer;
	double		sum = trees->base[output];

	for (int tree = 0; tree < trees->ntrees; tree++)
	{
		if (trees->width == 1 && tree % trees->noutputs != output)
			continue;
		sum += expectation(model, terms, trees->first_node[tree], known, trees->width == 1 ? 0 : output);
	}
	return sum;
}

static double
shapley_by_definition(const Model *model, const double *terms, int feature, int output)
{
	int			n = model->schema.count;
	double		sum = 0;

	for (unsigned known = 0; known < 1u << n; known++)
	{
		int			size = __builtin_popcount(known);
		double		weight = 1.0 / n;

		if (known & (1u << feature))
			continue;
		for (int k = 1; k <= size; k++)
			weight *= (double) k / (n - k);
		sum += weight * (expected_margin(model, terms, known | (1u << feature), output) - expected_margin(model, terms, known, output));
	}
	return sum;
}

static void
assert_shapley(CoreEnv *env, const Model *model, TestRandom *random, int rows)
{
	double		terms[MAX_FEATURES];
	double		attribution[MAX_FEATURES];
	double		margins[8];
	double	   *scratch = env_alloc(env, (size_t) model_scratch_size(model), sizeof(double));
	Explainer  *explainer;

	assert_ok(env, explainer_create(env, model, &explainer));
	for (int row = 0; row < rows; row++)
	{
		random_row(model, terms, random);
		model->algorithm->score(model, terms, scratch, margins);
		for (int output = 0; output < model->noutputs; output++)
		{
			double		sum = explainer_baseline(explainer, output);

			assert_close(sum, expected_margin(model, terms, 0, output), 1e-12, 1);
			explainer_attribute(explainer, terms, output, attribution);
			for (int i = 0; i < model->schema.count; i++)
			{
				assert_close(attribution[i], shapley_by_definition(model, terms, i, output), 1e-11, 1);
				sum += attribution[i];
			}
			assert_close(sum, margins[output], 1e-11, 1);
		}
	}
}

/* Repeated features, missing values, categories, parts without cover; features of one term and of two. */
static void
test_small_trees(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {42};

	for (int round = 0; round < 40; round++)
	{
		Model	   *model = empty_model(env, 6, round % 2 == 1, round % 4 >= 2, 1);
		Sketch	   *sketch = env_alloc(env, 1, sizeof(Sketch));
		TreeStore	store;

		tree_store_init(env, &store, 1);
		for (int tree = 0; tree < 3; tree++)
		{
			random_tree(sketch, model, round % 15, &random);
			add_tree(env, &store, sketch);
		}
		finish_model(env, &store, model);
		assert_shapley(env, model, &random, 5);
		env_release(env, sketch);
	}
}

/* Trees in turn for several outputs, and leaves of several values. */
static void
test_several_outputs(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {7};

	for (int width = 1; width <= 3; width += 2)
	{
		Model	   *model = empty_model(env, 5, false, true, 3);
		Sketch	   *sketch = env_alloc(env, 1, sizeof(Sketch));
		double	   *values = env_alloc(env, 3 * MAX_NODES, sizeof(double));
		TreeStore	store;

		tree_store_init(env, &store, width);
		for (int tree = 0; tree < 6; tree++)
		{
			random_tree(sketch, model, 9, &random);
			for (int i = 0; i < sketch->nnodes; i++)
			{
				if (sketch->nodes[i].feature >= 0)
					continue;
				for (int k = 0; k < 3; k++)
					values[3 * i + k] = test_random_normal(&random);
				sketch->nodes[i].value = values + 3 * i;
			}
			add_tree(env, &store, sketch);
		}
		finish_model(env, &store, model);
		assert_shapley(env, model, &random, 5);
	}
}

/* A path of 40 splits on 5 features. */
static void
test_deep_repeated(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {11};

	for (int round = 0; round < 10; round++)
	{
		Model	   *model = empty_model(env, 5, false, round % 2 == 1, 1);
		Sketch	   *sketch = env_alloc(env, 1, sizeof(Sketch));
		TreeStore	store;

		tree_store_init(env, &store, 1);
		chain(sketch, model, 40, &random);
		add_tree(env, &store, sketch);
		finish_model(env, &store, model);
		assert_int_equal(((const TreeEnsemble *) model->scorer)->depth, 40);
		assert_shapley(env, model, &random, 5);
	}
}

/* Sums over leaves: of v (o_i - z_i) times the weights of subset sizes, in quadruple precision. */
static void
shapley_by_leaves(const Model *model, const double *terms, int64_t node, TestQuad *one, TestQuad *zero, TestQuad *phi)
{
	const TreeEnsemble *trees = model->scorer;
	int			n = model->schema.count;

	if (trees->feature[node] >= 0)
	{
		int			feature = model->transform->terms[trees->feature[node]].feature;
		bool		goes_left = tree_goes_left(trees, node, model->transform->terms, terms);
		int64_t		left = trees->children[node];
		TestQuad	both = (TestQuad) trees->cover[left] + trees->cover[left + 1];

		for (int side = 0; side < 2; side++)
		{
			TestQuad	o = one[feature];
			TestQuad	z = zero[feature];

			one[feature] = goes_left == (side == 0) ? o : 0;
			zero[feature] = z * (trees->cover[left + side] / both);
			shapley_by_leaves(model, terms, left + side, one, zero, phi);
			one[feature] = o;
			zero[feature] = z;
		}
		return;
	}
	for (int i = 0; i < n; i++)
	{
		TestQuad	coefficient[MAX_FEATURES + 1] = {1};
		TestQuad	weight = (TestQuad) 1 / n;
		TestQuad	sum = 0;
		int			degree = 0;

		if (one[i] == zero[i])
			continue;
		for (int j = 0; j < n; j++)
		{
			if (j == i)
				continue;
			for (int k = ++degree; k >= 0; k--)
				coefficient[k] = coefficient[k] * zero[j] + (k > 0 ? coefficient[k - 1] * one[j] : 0);
		}
		for (int k = 0; k < n; k++)
		{
			sum += weight * coefficient[k];
			weight = k + 1 < n ? weight * (k + 1) / (n - 1 - k) : 0;
		}
		phi[i] += trees->value[node][0] * (one[i] - zero[i]) * sum;
	}
}

/* 40 features on one path: recurrences that subtract lose all digits there. */
static void
test_deep_distinct(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {13};

	for (int round = 0; round < 5; round++)
	{
		Model	   *model = empty_model(env, 40, false, false, 1);
		Sketch	   *sketch = env_alloc(env, 1, sizeof(Sketch));
		TreeStore	store;
		Explainer  *explainer;

		tree_store_init(env, &store, 1);
		chain(sketch, model, 40, &random);
		add_tree(env, &store, sketch);
		finish_model(env, &store, model);
		assert_ok(env, explainer_create(env, model, &explainer));
		for (int row = 0; row < 4; row++)
		{
			double		terms[MAX_FEATURES];
			double		attribution[MAX_FEATURES];
			TestQuad	one[MAX_FEATURES];
			TestQuad	zero[MAX_FEATURES];
			TestQuad	phi[MAX_FEATURES] = {0};

			random_row(model, terms, &random);
			for (int i = 0; i < 40; i++)
				one[i] = zero[i] = 1;
			shapley_by_leaves(model, terms, 0, one, zero, phi);
			explainer_attribute(explainer, terms, 0, attribution);
			for (int i = 0; i < 40; i++)
				assert_close(attribution[i], (double) phi[i], 1e-12, 0.01);
		}
	}
}

/* A constant is all baseline; a model that does not know its means, or has none, says so. */
static void
test_refusals(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};
	Model	   *model = empty_model(env, 2, false, false, 1);
	Sketch	   *sketch = env_alloc(env, 1, sizeof(Sketch));
	double		terms[2] = {0.5, NAN};
	double		attribution[2] = {9, 9};
	static const Algorithm other = {.name = "other"};
	double	   *estimate;
	TreeStore	store;
	Explainer  *explainer;

	tree_store_init(env, &store, 1);
	random_tree(sketch, model, 0, &random);
	add_tree(env, &store, sketch);
	finish_model(env, &store, model);
	assert_ok(env, explainer_create(env, model, &explainer));
	explainer_attribute(explainer, terms, 0, attribution);
	assert_true(attribution[0] == 0 && attribution[1] == 0);
	assert_close(explainer_baseline(explainer, 0), 0.25 + sketch->value[0], 1e-15, 0);

	model->algorithm = &other;
	assert_int_equal(explainer_create(env, model, &explainer), CORE_UNSUPPORTED);
	assert_non_null(strstr(env->message, "\"other\""));
	assert_ok(env, model_add_array(env, model, "estimate", ARRAY_F64, 1, 3, (void **) &estimate));
	assert_int_equal(explainer_create(env, model, &explainer), CORE_UNSUPPORTED);
	assert_non_null(strstr(env->message, "means"));
}

/* Linear margins: aliased terms count nothing, a class without coefficients neither. */
static void
test_linear(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	static const Algorithm linear = {.name = "linear"};
	Model	   *model = empty_model(env, 4, true, false, 3);
	double		coefficients[] = {1, 2, -3, NAN, 0.5, -1, 0.25, 4, NAN, 2};
	double		means[] = {10, -2, 5, 0.5};
	double		terms[] = {12, 3, 7, -1};
	double		attribution[2];
	double	   *data;
	Explainer  *explainer;

	model->algorithm = &linear;
	assert_ok(env, model_add_array(env, model, "estimate", ARRAY_F64, 2, 5, (void **) &data));
	memcpy(data, coefficients, sizeof(coefficients));
	assert_ok(env, model_add_array(env, model, "term_mean", ARRAY_F64, 4, 1, (void **) &data));
	memcpy(data, means, sizeof(means));
	model->link = LINK_IDENTITY;
	assert_ok(env, explainer_create(env, model, &explainer));
	explainer_attribute(explainer, terms, 0, attribution);
	assert_true(attribution[0] == 0 && attribution[1] == 0 && explainer_baseline(explainer, 0) == 0);
	explainer_attribute(explainer, terms, 1, attribution);
	assert_close(attribution[0], 2 * 2 - 3 * 5, 1e-15, 0);
	assert_close(attribution[1], 0.5 * -1.5, 1e-15, 0);
	assert_close(explainer_baseline(explainer, 1), 1 + 20 + 6 + 0.25, 1e-15, 0);
	explainer_attribute(explainer, terms, 2, attribution);
	assert_close(attribution[0] + attribution[1] + explainer_baseline(explainer, 2), -1 + 0.25 * 12 + 4 * 3 + 2 * -1, 1e-14, 0);

	/* what softmax does not tell apart is not explained: the mean of all margins */
	model->link = LINK_SOFTMAX;
	assert_ok(env, explainer_create(env, model, &explainer));
	for (int k = 0; k < 3; k++)
	{
		double		margins[] = {0, 1 + 2 * 12 - 3 * 3 + 0.5 * -1, -1 + 0.25 * 12 + 4 * 3 + 2 * -1};

		explainer_attribute(explainer, terms, k, attribution);
		assert_close(attribution[0] + attribution[1] + explainer_baseline(explainer, k), margins[k] - (margins[1] + margins[2]) / 3, 1e-13, 1);
	}
}

/* The plan of a row gives the bits of the transform, whatever the features. */
static void
assert_plan(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant)
{
	Model	   *model = fixture_model(env, algorithm, task, variant, NULL);
	size_t		size = (size_t) model->transform->nterms * sizeof(double);
	double	   *terms = env_alloc(env, (size_t) model->transform->nterms, sizeof(double));
	double	   *planned = env_alloc(env, (size_t) model->transform->nterms, sizeof(double));
	FeatureValue values[FIXTURE_FEATURES];
	double		vector[FIXTURE_WIDTH];
	RowPlan    *plan;

	assert_int_equal(model->schema.count, FIXTURE_FEATURES);
	assert_ok(env, row_plan_create(env, model->transform, &plan));
	for (int64_t i = 0; i < FIXTURE_ROWS + 50; i++)
	{
		fixture_row(i, values, vector);
		transform_row(model->transform, values, terms);
		row_plan_terms(plan, values, planned);
		assert_memory_equal(terms, planned, size);
	}
	assert_int_equal(plan->nplain + plan->nothers, model->transform->nfeatures);
}

static void
test_row_plan(void **state)
{
	fixture_each(&((TestEnv *) *state)->core, assert_plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small_trees, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_several_outputs, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_deep_repeated, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_deep_distinct, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_linear, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_row_plan, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
