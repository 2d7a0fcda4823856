/*
 * tree_masks.c
 *	  Scores rows by intersecting masks of leaves; see tree_masks.h.
 *
 * A value's place among all thresholds on its term is found once for a row, by
 * bisection without branches.  A block of trees has fewer thresholds, so a map
 * of bytes leads from there to the block's own row of the table; terms with more
 * rows than a byte can tell, and categories, have no map and a row for each
 * place.  Only terms that a block looks at are in it.
 */
#include "core/tree_masks.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/sort.h"

#define ROW_WORDS 8				/* of 64 bits: masks of a block of trees */
#define ROW_BYTES 64
#define MAX_BYTES (2 * 1024 * 1024) /* of tables and maps */
#define MAPPED_ROWS 256
#define GROUP 4
#define KEY_MISSING UINT64_MAX
#define MAX_LOG_SIZE 16			/* nodes of a model whose tables have MAX_BYTES */

#if defined(__x86_64__) && defined(__GNUC__)
#define WITH_AVX2
#endif

typedef uint64_t Vector16 __attribute__((vector_size(16), may_alias));
typedef uint64_t Vector32 __attribute__((vector_size(32), may_alias));

/* How the value of a used term becomes a place in tables. */
typedef struct MaskTerm
{
	int32_t		term;
	int32_t		ncategories;	/* 0: a number */
	uint32_t	nplaces;		/* the last is for missing values (categories: the one before it, and the last for unknown ones) */
	uint32_t	half;			/* of the padded thresholds plus one; 0: none */
	const uint64_t *threshold;	/* keys, ascending: what is missing is beyond the last but one; padded to a power of two less one */
} MaskTerm;

/* Terms of one block of trees. */
typedef struct MaskEntry
{
	uint32_t	slot;			/* index of the MaskTerm */
	const uint8_t *map;			/* place -> row; NULL: the place itself */
	const uint64_t *rows;		/* [][ROW_WORDS] */
} MaskEntry;

typedef struct MaskBlock
{
	int			ntrees;
	int			nmapped;		/* entries with a map come first */
	int			nentries;
	const MaskEntry *entries;
	_Alignas(ROW_BYTES) uint64_t leaves[ROW_WORDS]; /* all leaves of the trees */
	const double *values[64 / sizeof(uint32_t)];	/* of leaves, by tree */
} MaskBlock;

struct TreeMasks
{
	const TreeEnsemble *trees;
	bool		wide;			/* masks of 64 bits, not 32 */
	int			nterms;
	int			nnumbers;		/* they come first; GROUPs of them have tables of one size */
	const MaskTerm *terms;
	int			nblocks;
	const MaskBlock *blocks;
	void		(*add) (const TreeMasks *masks, const uint32_t *place, double *out);
};

/* ---------- scoring ---------- */

/*
 * Numbers in the order of unsigned integers, whose comparison takes fewer steps:
 * infinity is the largest number, missing values come after it.
 */
static inline uint64_t
key_of(double x)
{
	uint64_t	bits;

	x = (x > DBL_MAX ? DBL_MAX : x) + 0.0;
	memcpy(&bits, &x, sizeof(bits));
	return x != x ? KEY_MISSING : bits ^ ((0 - (bits >> 63)) | UINT64_C(1) << 63);
}

/* at + half where the key is beyond the first half of the thresholds, else at; without a branch. */
static inline const uint64_t *
bisect(const uint64_t *at, size_t half, uint64_t key)
{
	return at + ((0 - (size_t) (at[half - 1] < key)) & half);
}

static inline uint32_t
place_of_key(const MaskTerm *term, uint64_t key)
{
	const uint64_t *at = term->threshold;

	for (size_t half = term->half; half > 0; half /= 2)
		at = bisect(at, half, key);
	return (uint32_t) (at - term->threshold);
}

static inline uint32_t
place_of_category(const MaskTerm *term, double code)
{
	if (code != code)
		return term->nplaces - 2;
	return code >= 0 && code < term->ncategories ? (uint32_t) code : term->nplaces - 1;
}

/* m &= row, for registers of the width that the caller may use. */
#define INTERSECT(Vector) \
	do { \
		Vector		m[ROW_BYTES / sizeof(Vector)]; \
		const MaskEntry *entry = block->entries; \
		const MaskEntry *mapped = entry + block->nmapped; \
		const MaskEntry *end = entry + block->nentries; \
\
		for (size_t i = 0; i < ROW_BYTES / sizeof(Vector); i++) \
			m[i] = ((const Vector *) block->leaves)[i]; \
		for (; entry < mapped; entry++) \
		{ \
			const Vector *row = (const Vector *) (entry->rows + ROW_WORDS * (size_t) entry->map[place[entry->slot]]); \
\
			for (size_t i = 0; i < ROW_BYTES / sizeof(Vector); i++) \
				m[i] &= row[i]; \
		} \
		for (; entry < end; entry++) \
		{ \
			const Vector *row = (const Vector *) (entry->rows + ROW_WORDS * (size_t) place[entry->slot]); \
\
			for (size_t i = 0; i < ROW_BYTES / sizeof(Vector); i++) \
				m[i] &= row[i]; \
		} \
		for (size_t i = 0; i < ROW_BYTES / sizeof(Vector); i++) \
			((Vector *) mask)[i] = m[i]; \
	} while (0)

static inline __attribute__((always_inline)) void
intersect(const MaskBlock *block, const uint32_t *place, uint64_t *mask, bool avx2)
{
	if (avx2)
		INTERSECT(Vector32);
	else
		INTERSECT(Vector16);
}

/* The one leaf that is left of tree j. */
static inline __attribute__((always_inline)) int
leaf_of(const uint64_t *mask, bool wide, int j)
{
	uint32_t	half;

	if (wide)
		return __builtin_ctzll(mask[j]);
	memcpy(&half, (const char *) mask + sizeof(half) * (size_t) j, sizeof(half));
	return __builtin_ctz(half);
}

/* Adds leaves up in the order of trees. */
static inline __attribute__((always_inline)) void
add_leaves(const TreeMasks *masks, const uint32_t *place, double *out, bool wide, bool avx2)
{
	const TreeEnsemble *trees = masks->trees;
	int			noutputs = trees->noutputs;
	int			width = trees->width;
	int			output = 0;
	double		sum = out[0];

	for (int b = 0; b < masks->nblocks; b++)
	{
		const MaskBlock *block = &masks->blocks[b];
		_Alignas(ROW_BYTES) uint64_t mask[ROW_WORDS];

		intersect(block, place, mask, avx2);
		if (noutputs == 1)
		{
			if (block->ntrees == (wide ? 8 : 16))
				for (int j = 0; j < (wide ? 8 : 16); j++)
					sum += block->values[j][leaf_of(mask, wide, j)];
			else
				for (int j = 0; j < block->ntrees; j++)
					sum += block->values[j][leaf_of(mask, wide, j)];
			continue;
		}
		for (int j = 0; j < block->ntrees; j++)
		{
			const double *value = block->values[j] + (size_t) leaf_of(mask, wide, j) * (size_t) width;

			for (int k = 0; k < width; k++)
				out[output + k] += value[k];
			output = width == noutputs || output + 1 == noutputs ? 0 : output + 1;
		}
	}
	if (noutputs == 1)
		out[0] = sum;
}

static void
add_narrow(const TreeMasks *masks, const uint32_t *place, double *out)
{
	add_leaves(masks, place, out, false, false);
}

static void
add_wide(const TreeMasks *masks, const uint32_t *place, double *out)
{
	add_leaves(masks, place, out, true, false);
}

#ifdef WITH_AVX2
/* The same operations on wider registers. */
__attribute__((target("avx2,bmi"))) static void
add_narrow_avx2(const TreeMasks *masks, const uint32_t *place, double *out)
{
	add_leaves(masks, place, out, false, true);
}

__attribute__((target("avx2,bmi"))) static void
add_wide_avx2(const TreeMasks *masks, const uint32_t *place, double *out)
{
	add_leaves(masks, place, out, true, true);
}
#endif

/* Four bisections at a time, since each waits for memory at each step. */
static void
find_places(const TreeMasks *masks, const double *terms, uint32_t *place)
{
	int			i = 0;

	for (; i + GROUP <= masks->nnumbers; i += GROUP)
	{
		const MaskTerm *term = &masks->terms[i];
		const uint64_t *at[GROUP];
		uint64_t	key[GROUP];

		for (int k = 0; k < GROUP; k++)
		{
			at[k] = term[k].threshold;
			key[k] = key_of(terms[term[k].term]);
		}
		for (size_t half = term->half; half > 0; half /= 2)
		{
			for (int k = 0; k < GROUP; k++)
				at[k] = bisect(at[k], half, key[k]);
		}
		for (int k = 0; k < GROUP; k++)
			place[i + k] = (uint32_t) (at[k] - term[k].threshold);
	}
	for (; i < masks->nnumbers; i++)
		place[i] = place_of_key(&masks->terms[i], key_of(terms[masks->terms[i].term]));
	for (; i < masks->nterms; i++)
		place[i] = place_of_category(&masks->terms[i], terms[masks->terms[i].term]);
}

void
tree_masks_score(const TreeMasks *masks, const double *terms, double *scratch, double *out)
{
	uint32_t   *place = (uint32_t *) scratch;

	find_places(masks, terms, place);
	memcpy(out, masks->trees->base, (size_t) masks->trees->noutputs * sizeof(double));
	masks->add(masks, place, out);
}

/* ---------- tables ---------- */

typedef struct Builder
{
	CoreEnv    *env;
	const TreeScorer *scorer;
	const TreeEnsemble *trees;
	TreeMasks  *masks;
	MaskTerm   *terms;
	MaskBlock  *blocks;
	int			per_block;		/* trees */
	int32_t    *slot_of_node;	/* -1: a leaf */
	uint32_t   *place_of_node;	/* of its threshold */
	uint64_t   *below;			/* [nnodes] leaves below the node */
	uint32_t   *present;		/* [places of the largest term] of a block: first threshold's rank in the block */
	int64_t		bytes;
} Builder;

static bool
few_leaves(const TreeEnsemble *trees, int64_t *most)
{
	*most = 0;
	for (int i = 0; i < trees->ntrees; i++)
	{
		int64_t		leaves = (trees->first_node[i + 1] - trees->first_node[i] + 1) / 2;

		*most = leaves > *most ? leaves : *most;
	}
	return *most <= TREE_MASK_LEAVES;
}

/* For each node the index of the term it looks at among those used; how many nodes look at each. */
static CoreStatus
count_nodes(Builder *build, int64_t *count)
{
	const TreeScorer *scorer = build->scorer;
	const TreeEnsemble *trees = build->trees;
	int32_t		last = scorer->nused > 0 ? scorer->used[scorer->nused - 1] : 0;
	int32_t    *slot;

	CORE_ALLOC(build->env, slot, (size_t) last + 1);
	for (int i = 0; i < scorer->nused; i++)
		slot[scorer->used[i]] = i;
	CORE_ALLOC(build->env, build->slot_of_node, (size_t) trees->nnodes);
	for (int64_t node = 0; node < trees->nnodes; node++)
	{
		build->slot_of_node[node] = trees->feature[node] < 0 ? -1 : slot[trees->feature[node]];
		if (trees->feature[node] >= 0)
			count[build->slot_of_node[node]]++;
	}
	env_release(build->env, slot);
	return CORE_OK;
}

/* The distinct thresholds on each used term in ascending order, count[i] of them in list[i]. */
static CoreStatus
list_thresholds(Builder *build, int64_t *count, double **list)
{
	const TreeEnsemble *trees = build->trees;

	for (int i = 0; i < build->scorer->nused; i++)
	{
		CORE_ALLOC(build->env, list[i], (size_t) count[i]);
		count[i] = 0;
	}
	for (int64_t node = 0; node < trees->nnodes; node++)
	{
		int32_t		slot = build->slot_of_node[node];

		if (slot >= 0)
			list[slot][count[slot]++] = trees->threshold[node] > DBL_MAX ? DBL_MAX : trees->threshold[node];
	}
	for (int i = 0; i < build->scorer->nused; i++)
	{
		int64_t		distinct = 0;

		env_poll(build->env);
		if (build->scorer->ncategories[i] > 0)
			continue;
		CORE_TRY(sort_doubles(build->env, list[i], count[i]));
		for (int64_t k = 0; k < count[i]; k++)
		{
			if (k == 0 || list[i][k] != list[i][k - 1])
				list[i][distinct++] = list[i][k];
		}
		count[i] = distinct;
	}
	return CORE_OK;
}

/* Such that 2^size - 1 is at least n. */
static int
log_size(int64_t n)
{
	int			size = 0;

	while ((INT64_C(1) << size) <= n)
		size++;
	return size;
}

/* Numbers first, those with the largest tables before others; then categories. slot[i]: place of used term i. */
static void
order_terms(Builder *build, const int64_t *count, int32_t *slot)
{
	const TreeScorer *scorer = build->scorer;
	int			next = 0;

	for (int size = MAX_LOG_SIZE; size >= 0; size--)
	{
		for (int i = 0; i < scorer->nused; i++)
		{
			if (scorer->ncategories[i] == 0 && log_size(count[i] + 1) == size)
				slot[i] = next++;
		}
	}
	build->masks->nnumbers = next;
	for (int i = 0; i < scorer->nused; i++)
	{
		if (scorer->ncategories[i] > 0)
			slot[i] = next++;
	}
}

/* The terms in their order, with thresholds padded to the largest size of their group. */
static CoreStatus
lay_out_terms(Builder *build, const int64_t *count, double **list, const int32_t *slot)
{
	const TreeScorer *scorer = build->scorer;

	for (int i = 0; i < scorer->nused; i++)
	{
		MaskTerm   *term = &build->terms[slot[i]];

		term->term = scorer->used[i];
		term->ncategories = scorer->ncategories[i];
		term->nplaces = (uint32_t) (term->ncategories > 0 ? term->ncategories : count[i]) + 2;
		term->half = term->ncategories > 0 ? 0 : (UINT32_C(1) << log_size(count[i] + 1)) / 2;
	}
	for (int i = 0; i < scorer->nused; i++)
	{
		MaskTerm   *term = &build->terms[slot[i]];
		uint64_t   *padded;

		if (term->ncategories > 0)
			continue;
		term->half = build->terms[slot[i] / GROUP * GROUP].half; /* of the first, the largest */
		CORE_ALLOC(build->env, padded, 2 * (size_t) term->half);
		for (int64_t k = 0; k < 2 * (int64_t) term->half; k++)
			padded[k] = k < count[i] ? key_of(list[i][k]) : k == count[i] ? KEY_MISSING - 1 : KEY_MISSING;
		term->threshold = padded;
	}
	return CORE_OK;
}

static CoreStatus
make_terms(Builder *build)
{
	size_t		nused = (size_t) build->scorer->nused;
	int64_t    *count;
	double	  **list;
	int32_t    *slot;

	CORE_ALLOC(build->env, build->terms, nused);
	CORE_ALLOC(build->env, count, nused);
	CORE_ALLOC(build->env, list, nused);
	CORE_ALLOC(build->env, slot, nused);
	CORE_TRY(count_nodes(build, count));
	CORE_TRY(list_thresholds(build, count, list));
	order_terms(build, count, slot);
	CORE_TRY(lay_out_terms(build, count, list, slot));
	for (int64_t node = 0; node < build->trees->nnodes; node++)
	{
		if (build->slot_of_node[node] >= 0)
			build->slot_of_node[node] = slot[build->slot_of_node[node]];
	}
	for (size_t i = 0; i < nused; i++)
		env_release(build->env, list[i]);
	env_release(build->env, count);
	env_release(build->env, list);
	env_release(build->env, slot);
	return CORE_OK;
}

/* The leaves below each node: children come after their parents. */
static CoreStatus
find_leaves(Builder *build)
{
	const TreeEnsemble *trees = build->trees;

	CORE_ALLOC(build->env, build->below, (size_t) trees->nnodes);
	CORE_ALLOC(build->env, build->place_of_node, (size_t) trees->nnodes);
	for (int i = 0; i < trees->ntrees; i++)
	{
		int			leaf = 0;

		for (int64_t node = trees->first_node[i]; node < trees->first_node[i + 1]; node++)
		{
			int32_t		slot = build->slot_of_node[node];

			if (slot < 0)
				build->below[node] = UINT64_C(1) << leaf++;
			else if (build->terms[slot].ncategories == 0)
				build->place_of_node[node] = place_of_key(&build->terms[slot], key_of(trees->threshold[node]));
		}
		for (int64_t node = trees->first_node[i + 1] - 1; node >= trees->first_node[i]; node--)
		{
			if (build->slot_of_node[node] >= 0)
				build->below[node] = build->below[trees->children[node]] | build->below[trees->children[node] + 1];
		}
	}
	return CORE_OK;
}

/* Takes leaves of a tree out of rows [0, nrows). */
static void
forbid(const Builder *build, uint64_t *rows, size_t nrows, int tree, uint64_t leaves)
{
	if (build->masks->wide)
	{
		for (size_t r = 0; r < nrows; r++)
			rows[r * ROW_WORDS + (size_t) tree] &= ~leaves;
		return;
	}
	for (size_t r = 0; r < nrows; r++)
	{
		char	   *at = (char *) (rows + r * ROW_WORDS) + sizeof(uint32_t) * (size_t) tree;
		uint32_t	half;

		memcpy(&half, at, sizeof(half));
		half &= ~(uint32_t) leaves;
		memcpy(at, &half, sizeof(half));
	}
}

/* Whether a node on a term of categories sends the value of a place left. */
static bool
category_goes_left(const Builder *build, int64_t node, const MaskTerm *term, uint32_t place)
{
	const uint32_t *set = build->trees->sets + (int64_t) build->trees->threshold[node];

	return place + 1 < term->nplaces && ((set[place / 32] >> (place % 32)) & 1);
}

/* What a node forbids, in all rows of its term; `rank` of its threshold in the block. */
static void
forbid_rows(const Builder *build, int64_t node, int tree, uint32_t rank, uint64_t *rows, uint32_t nrows)
{
	const TreeEnsemble *trees = build->trees;
	const MaskTerm *term = &build->terms[build->slot_of_node[node]];
	uint64_t	left = build->below[trees->children[node]];
	uint64_t	right = build->below[trees->children[node] + 1];

	if (term->ncategories > 0)
	{
		for (uint32_t r = 0; r < nrows; r++)
			forbid(build, rows + ROW_WORDS * (size_t) r, 1, tree, category_goes_left(build, node, term, r) ? right : left);
		return;
	}
	forbid(build, rows, rank + 1, tree, right);
	forbid(build, rows + ROW_WORDS * (size_t) (rank + 1), nrows - rank - 2, tree, left);
	forbid(build, rows + ROW_WORDS * (size_t) (nrows - 1), 1, tree, trees->flags[node] & NODE_DEFAULT_LEFT ? right : left);
}

/* Ranks of the block's thresholds on a term, in build->present; returns the number of rows. */
static uint32_t
rank_thresholds(Builder *build, int slot, int64_t first, int64_t end)
{
	const MaskTerm *term = &build->terms[slot];
	uint32_t	rank = 0;

	memset(build->present, 0, sizeof(uint32_t) * term->nplaces);
	for (int64_t node = first; node < end; node++)
	{
		if (build->slot_of_node[node] == slot)
			build->present[build->place_of_node[node]] = 1;
	}
	for (uint32_t place = 0; place + 1 < term->nplaces; place++)
	{
		uint32_t	here = build->present[place];

		build->present[place] = rank;
		rank += here;
	}
	return rank + 2;
}

/* The table of one term for trees first_tree .. of a block. */
static CoreStatus
make_entry(Builder *build, int slot, int first_tree, const MaskBlock *block, MaskEntry *entry)
{
	const TreeEnsemble *trees = build->trees;
	const MaskTerm *term = &build->terms[slot];
	uint32_t	nrows = term->nplaces;
	uint64_t   *rows;
	uint8_t    *map = NULL;

	entry->slot = (uint32_t) slot;
	if (term->ncategories == 0)
	{
		nrows = rank_thresholds(build, slot, trees->first_node[first_tree], trees->first_node[first_tree + block->ntrees]);
		if (nrows <= MAPPED_ROWS)
		{
			CORE_ALLOC(build->env, map, term->nplaces);
			for (uint32_t place = 0; place + 1 < term->nplaces; place++)
				map[place] = (uint8_t) build->present[place];
			map[term->nplaces - 1] = (uint8_t) (nrows - 1);
			build->bytes += term->nplaces;
		}
		else
		{
			nrows = term->nplaces;
			for (uint32_t place = 0; place < nrows; place++)
				build->present[place] = place;
		}
	}
	entry->map = map;
	build->bytes += (int64_t) nrows * ROW_WORDS * (int64_t) sizeof(uint64_t);
	if (build->bytes > MAX_BYTES)
		return CORE_OK;
	CORE_ALLOC(build->env, rows, (size_t) nrows * ROW_WORDS);
	memset(rows, 0xff, (size_t) nrows * ROW_WORDS * sizeof(uint64_t));
	entry->rows = rows;
	for (int j = 0; j < block->ntrees; j++)
	{
		env_poll(build->env);
		for (int64_t node = trees->first_node[first_tree + j]; node < trees->first_node[first_tree + j + 1]; node++)
		{
			if (build->slot_of_node[node] == slot)
				forbid_rows(build, node, j, term->ncategories > 0 ? 0 : build->present[build->place_of_node[node]], rows, nrows);
		}
	}
	return CORE_OK;
}

/* Numbers of entries that a block needs, and which terms. */
static int
list_terms(const Builder *build, int first_tree, int ntrees, bool *looked_at)
{
	const TreeEnsemble *trees = build->trees;
	int			count = 0;

	memset(looked_at, 0, sizeof(bool) * (size_t) build->scorer->nused);
	for (int64_t node = trees->first_node[first_tree]; node < trees->first_node[first_tree + ntrees]; node++)
	{
		int32_t		slot = build->slot_of_node[node];

		if (slot < 0 || looked_at[slot])
			continue;
		looked_at[slot] = true;
		count++;
	}
	return count;
}

static void
list_leaves(const Builder *build, int first_tree, MaskBlock *block)
{
	const TreeEnsemble *trees = build->trees;

	memset(block->leaves, 0xff, sizeof(block->leaves));
	for (int j = 0; j < block->ntrees; j++)
	{
		int64_t		root = trees->first_node[first_tree + j];
		int64_t		node = root;

		forbid(build, block->leaves, 1, j, ~build->below[root]);
		/* values stand in the order of nodes, as bits do */
		while (trees->feature[node] >= 0)
			node++;
		block->values[j] = trees->value[node];
	}
}

static CoreStatus
make_block(Builder *build, int index, bool *looked_at)
{
	MaskBlock  *block = &build->blocks[index];
	int			first_tree = index * build->per_block;
	MaskEntry  *entries;
	MaskEntry	entry;
	int			ndirect = 0;

	block->ntrees = build->trees->ntrees - first_tree < build->per_block ? build->trees->ntrees - first_tree : build->per_block;
	block->nentries = list_terms(build, first_tree, block->ntrees, looked_at);
	CORE_ALLOC(build->env, entries, (size_t) block->nentries);
	block->entries = entries;
	list_leaves(build, first_tree, block);
	for (int slot = 0; slot < build->scorer->nused && build->bytes <= MAX_BYTES; slot++)
	{
		if (!looked_at[slot])
			continue;
		CORE_TRY(make_entry(build, slot, first_tree, block, &entry));
		if (entry.map != NULL)
			entries[block->nmapped++] = entry;
		else
			entries[block->nentries - ++ndirect] = entry;
	}
	return CORE_OK;
}

static CoreStatus
make_blocks(Builder *build)
{
	TreeMasks  *masks = build->masks;
	uint32_t	largest = 1;
	bool	   *looked_at;

	for (int i = 0; i < build->scorer->nused; i++)
		largest = build->terms[i].nplaces > largest ? build->terms[i].nplaces : largest;
	build->per_block = ROW_WORDS * (masks->wide ? 1 : 2);
	masks->nblocks = (build->trees->ntrees + build->per_block - 1) / build->per_block;
	CORE_ALLOC(build->env, build->blocks, (size_t) masks->nblocks);
	CORE_ALLOC(build->env, build->present, largest);
	CORE_ALLOC(build->env, looked_at, (size_t) build->scorer->nused);
	for (int b = 0; b < masks->nblocks && build->bytes <= MAX_BYTES; b++)
		CORE_TRY(make_block(build, b, looked_at));
	masks->blocks = build->blocks;
	return CORE_OK;
}

static void
choose_kernel(TreeMasks *masks, bool baseline)
{
	masks->add = masks->wide ? add_wide : add_narrow;
	(void) baseline;
#ifdef WITH_AVX2
	if (!baseline && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
		masks->add = masks->wide ? add_wide_avx2 : add_narrow_avx2;
#endif
}

CoreStatus
tree_masks_create(CoreEnv *env, const TreeScorer *scorer, bool baseline, const TreeMasks **result)
{
	Builder		build = {.env = env, .scorer = scorer, .trees = &scorer->ensemble};
	int64_t		most;

	*result = NULL;
	/* each node takes a row at least */
	if (!few_leaves(build.trees, &most) || build.trees->nnodes > MAX_BYTES / (ROW_WORDS * (int64_t) sizeof(uint64_t)))
		return CORE_OK;
	CORE_ALLOC(env, build.masks, 1);
	build.masks->trees = build.trees;
	build.masks->wide = most > 32;
	build.masks->nterms = scorer->nused;
	CORE_TRY(make_terms(&build));
	CORE_TRY(find_leaves(&build));
	CORE_TRY(make_blocks(&build));
	env_release(env, build.slot_of_node);
	env_release(env, build.place_of_node);
	env_release(env, build.below);
	env_release(env, build.present);
	if (build.bytes > MAX_BYTES)
		return CORE_OK;
	build.masks->terms = build.terms;
	choose_kernel(build.masks, baseline);
	*result = build.masks;
	return CORE_OK;
}
