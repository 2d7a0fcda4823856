/*
 * tree_model.h
 *	  Trees in a model: arrays that are stored, and the view that is scored.
 *
 * The nodes of a tree stand in breadth-first order, so that where children are
 * need not be stored: those of its i-th inner node are nodes 2i + 1 (left) and
 * 2i + 2 of the tree.  A row goes left where its value is at most the
 * threshold; a missing one where the node's flag says so; a category where its
 * bit in the node's set is one (the bit after the last category is that of
 * missing values).  Margin k of a row is base_score[k] plus, in the order of
 * trees, the values of the leaves that it falls into: of trees k, k + noutputs,
 * ... where leaves have one value, of all trees where they have noutputs.
 *
 * Arrays of the model:
 *	  tree_nodes      i32 [trees]   nodes of each tree
 *	  node_feature    i32 [nodes]   term, -1 in leaves
 *	  node_threshold  f64 [nodes]   inner nodes: threshold, or where the set
 *	                                begins in category_sets; leaves: 0
 *	  node_flags      u8  [nodes]   1: missing values go left, 2: categories
 *	  node_gain       f64 [nodes]   0 in leaves
 *	  node_cover      f64 [nodes]   sum of hessians (forests: weights)
 *	  node_count      i64 [nodes]   training rows
 *	  leaf_value      f64 [leaves x width]  in the order of nodes
 *	  category_sets   i32 [words]   32 categories each
 *	  base_score      f64 [noutputs]
 *	  importance_weight, importance_gain, importance_cover  f64 [terms]
 */
#ifndef CORE_TREE_MODEL_H
#define CORE_TREE_MODEL_H

#include "core/algorithm.h"

#define TREE_DEPTH_LIMIT 512
#define NODE_DEFAULT_LEFT 1
#define NODE_CATEGORICAL 2

/* Words of the set of a term with so many categories; one bit more is for missing values. */
#define TREE_SET_WORDS(ncategories) (((ncategories) + 1 + 31) / 32)

/* A model's trees, checked; what explanations walk. Set by tree_model_bind as the start of model->scorer. */
typedef struct TreeEnsemble
{
	int			ntrees;
	int			noutputs;
	int			width;			/* values of a leaf: 1 or noutputs */
	int64_t		nnodes;
	int			depth;			/* of the deepest tree: edges from root to leaf */
	const int64_t *first_node;	/* [ntrees + 1] */
	const int32_t *feature;		/* -1 in leaves */
	const double *threshold;
	const uint8_t *flags;
	const int32_t *children;	/* node number of the left child, the right one follows; 0 in leaves */
	const double *cover;
	const double *const *value; /* [nnodes] values of a leaf, else NULL */
	const uint32_t *sets;
	const double *base;			/* [noutputs] */
} TreeEnsemble;

/* Whether a row of terms goes left at an inner node. */
extern bool tree_goes_left(const TreeEnsemble *trees, int64_t node, const Term *terms, const double *row);

/* Checks the arrays of a model and sets model->scorer; CORE_CORRUPT otherwise. */
extern CoreStatus tree_model_bind(CoreEnv *env, Model *model);
/* CORE_CORRUPT unless the base score and all leaf values are between `least` and `most`. */
extern CoreStatus tree_model_check_values(CoreEnv *env, const Model *model, double least, double most);
/* Algorithm.score, scratch and score_rows of models of trees. */
extern void tree_model_score(const Model *model, const double *terms, double *scratch, double *out);
extern void tree_model_score_rows(const Model *model, const double *x, size_t ld, int n, double *scratch, double *out);
extern int	tree_model_scratch(const Model *model);
/* model_hasten for models of trees. */
extern CoreStatus tree_model_hasten(CoreEnv *env, const Model *model, const Model **result);

/* Trees on their way into a model. Leader only. */
typedef struct TreeStore
{
	CoreEnv    *env;
	int			width;
	int			ntrees;
	int			tree_room;
	int64_t		nnodes;
	int64_t		node_room;
	int64_t		nleaves;
	int64_t		leaf_room;
	int64_t		nwords;
	int64_t		word_room;
	int32_t    *tree_nodes;
	int32_t    *feature;
	double	   *threshold;
	uint8_t    *flags;
	double	   *gain;
	double	   *cover;
	int64_t    *count;
	double	   *value;
	int32_t    *words;
} TreeStore;

typedef struct TreeStoredNode
{
	int			feature;		/* -1: a leaf */
	double		threshold;
	uint8_t		flags;
	double		gain;
	double		cover;
	int64_t		count;
	const uint32_t *set;		/* NODE_CATEGORICAL: set_words of them; NULL: threshold is the place of a set that was added */
	int			set_words;
	const double *value;		/* leaves: width of them */
} TreeStoredNode;

extern void tree_store_init(CoreEnv *env, TreeStore *store, int width);
/* A set that several nodes share; *position is their threshold. */
extern CoreStatus tree_store_add_set(TreeStore *store, const uint32_t *set, int set_words, double *position);
/* Nodes follow in breadth-first order. */
extern CoreStatus tree_store_add_tree(TreeStore *store, int nnodes);
extern CoreStatus tree_store_add_node(TreeStore *store, const TreeStoredNode *node);
/* Forgets all trees but the first ntrees. */
extern void tree_store_truncate(TreeStore *store, int ntrees);
/* Moves all arrays to the model, with base_score and importances; the store is empty then. */
extern CoreStatus tree_store_finish(TreeStore *store, const double *base, int noutputs, int nterms, Model *model);

#endif							/* CORE_TREE_MODEL_H */
