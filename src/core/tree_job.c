/*
 * tree_job.c
 *	  The shared memory of a fit by trees: sizes, places, addresses; see
 *	  tree_grow.h.
 *
 * Pieces of the team in order: the job with everything small, bins, the blocks of
 * rows, histograms (two for each process, then the slots of leaves).
 */
#include "core/tree_grow.h"

#include <string.h>

#define SLOT_BYTES ((size_t) 256 * 1024 * 1024)	/* of the pool of leaf histograms */
#define MIN_SLOTS 4

static size_t
place(size_t *end, size_t count, size_t size)
{
	size_t		start = *end;

	*end = (start + count * size + 63) & ~(size_t) 63;
	return start;
}

CoreStatus
tree_job_complete(CoreEnv *env, const Team *team, const TreeFeature *features, TreeJob *job)
{
	size_t		histogram = (size_t) job->shape.hist_bins * sizeof(TreeSums);
	size_t		leaves = (size_t) job->num_leaves;
	size_t		slots = SLOT_BYTES / histogram;
	size_t		end = sizeof(TreeJob);
	int			most = 0;

	for (int i = 0; i < job->shape.nfeatures; i++)
	{
		if (features[i].categorical && features[i].nbins + 1 > most)
			most = features[i].nbins + 1;
	}
	job->set_words = (most + 31) / 32;
	job->capacity = team->capacity;
	slots = slots < MIN_SLOTS ? MIN_SLOTS : slots;
	job->nslots = slots < leaves + 1 ? (int32_t) slots : job->num_leaves + 1;
	job->histograms_per_piece = (int32_t) (TEAM_PIECE_MAX / histogram);

	end = (end + 63) & ~(size_t) 63;
	job->base = place(&end, (size_t) job->shape.noutputs, sizeof(double));
	job->fill_starts = place(&end, 2 * (size_t) ((job->nrows + TREE_FILL_ROWS - 1) / TREE_FILL_ROWS), sizeof(int64_t));
	job->features = place(&end, (size_t) job->shape.nfeatures, sizeof(TreeFeature));
	job->decision = place(&end, 1, sizeof(TreeDecision));
	job->sets = place(&end, 2 * (size_t) job->set_words, sizeof(uint32_t));
	job->candidates = place(&end, (size_t) job->capacity, sizeof(TreeCandidates));
	job->candidate_sets = place(&end, (size_t) job->capacity * 2 * (size_t) job->set_words, sizeof(uint32_t));
	job->left_rows = place(&end, (size_t) job->capacity * 8, sizeof(int64_t));
	job->leaf_value = place(&end, leaves, sizeof(double));
	job->leaf_sums = place(&end, (size_t) job->capacity * leaves, sizeof(TreeLeafSums));
	job->statistics = place(&end, (size_t) job->shape.nblocks, sizeof(TreeBlockStatistics));
	job->segments = place(&end, leaves * (size_t) job->shape.train_blocks, sizeof(TreeSegment));
	job->size = end;
	if (end <= TEAM_PIECE_MAX)
		return CORE_OK;
	env_fail(env, CORE_TOO_LARGE, "%d leaves over %lld rows are too many", job->num_leaves, (long long) job->shape.ntrain);
	return env_hint(env, CORE_TOO_LARGE, "Set parameter \"num_leaves\" to a smaller number.");
}

static int
histogram_count(const TreeJob *job)
{
	return 2 * job->capacity + job->nslots;
}

/* Numbers of one feature's edges and what follows them. */
static size_t
edge_room(const TreeJob *job)
{
	return (size_t) job->max_bin + TREE_GRID_PADDING;
}

static size_t
bins_size(const TreeJob *job)
{
	return (size_t) job->shape.nfeatures * (edge_room(job) * sizeof(double) + sizeof(TreeGrid));
}

static CoreStatus
resolve_bins(CoreEnv *env, char *piece, char *base, const TreeJob *job, TreeBins *bins)
{
	double	   *edges;

	bins->nfeatures = job->shape.nfeatures;
	bins->features = (TreeFeature *) (base + job->features);
	bins->grids = (TreeGrid *) piece;
	edges = (double *) (piece + (size_t) bins->nfeatures * sizeof(TreeGrid));
	CORE_ALLOC(env, bins->edges, (size_t) bins->nfeatures);
	for (int i = 0; i < bins->nfeatures; i++)
		bins->edges[i] = bins->features[i].categorical ? NULL : edges + (size_t) i * edge_room(job);
	return CORE_OK;
}

static CoreStatus
resolve(CoreEnv *env, const Team *team, char *base, const TreeJob *job, TreeShared *shared)
{
	size_t		histogram = (size_t) job->shape.hist_bins * sizeof(TreeSums);

	CORE_TRY(resolve_bins(env, team->pieces[job->bins_piece], base, job, &shared->bins));
	shared->base = (double *) (base + job->base);
	shared->fill_starts = (int64_t *) (base + job->fill_starts);
	shared->decision = (TreeDecision *) (base + job->decision);
	shared->sets = (uint32_t *) (base + job->sets);
	shared->candidates = (TreeCandidates *) (base + job->candidates);
	shared->candidate_sets = (uint32_t *) (base + job->candidate_sets);
	shared->left_rows = (int64_t *) (base + job->left_rows);
	shared->leaf_value = (double *) (base + job->leaf_value);
	shared->leaf_sums = (TreeLeafSums *) (base + job->leaf_sums);
	shared->statistics = (TreeBlockStatistics *) (base + job->statistics);
	shared->segments = (TreeSegment *) (base + job->segments);
	CORE_ALLOC(env, shared->partial, (size_t) histogram_count(job));
	for (int i = 0; i < histogram_count(job); i++)
	{
		char	   *piece = team->pieces[job->histogram_piece + i / job->histograms_per_piece];

		shared->partial[i] = (TreeSums *) (piece + (size_t) (i % job->histograms_per_piece) * histogram);
	}
	shared->slots = shared->partial + 2 * job->capacity;
	return CORE_OK;
}

/* Private memory of a helper, roughly: see tree_grower_init. */
static size_t
helper_bytes(const TreeJob *job)
{
	size_t		leaves = (size_t) job->num_leaves;
	size_t		sets = 2 * leaves * (size_t) job->set_words * sizeof(uint32_t);
	size_t		nodes = leaves * (sizeof(TreeLeaf) + 2 * sizeof(TreeNode));
	size_t		sums = 2 * (size_t) job->shape.hist_bins * sizeof(int64_t);
	size_t		row = sizeof(uint16_t) + (job->shape.moving ? (size_t) job->shape.stride : 0) + sizeof(uint32_t) + sizeof(TreeFixed);

	size_t		chunk = (size_t) TREE_CHUNK_ROWS * (size_t) job->shape.nfeatures * sizeof(double);

	return sums + nodes + sets + chunk + job->learner_bytes + row * (size_t) job->shape.block_rows + (size_t) job->shape.nblocks * sizeof(TreeBlock) + (size_t) job->shape.nfeatures * 64;
}

/* Tells the team all pieces that it will be asked for. */
static CoreStatus
reserve_pieces(CoreEnv *env, Team *team, const TreeJob *job)
{
	const TreeShape *shape = &job->shape;
	size_t		histogram = (size_t) shape->hist_bins * sizeof(TreeSums);
	size_t	   *sizes;
	int			count = 0;

	CORE_ALLOC(env, sizes, 3 + (size_t) shape->npieces + (size_t) histogram_count(job));
	sizes[count++] = job->size;
	sizes[count++] = bins_size(job);
	for (int left = shape->nblocks; left > 0; left -= shape->blocks_per_piece)
		sizes[count++] = (size_t) (left < shape->blocks_per_piece ? left : shape->blocks_per_piece) * shape->block_size;
	for (int left = histogram_count(job); left > 0; left -= job->histograms_per_piece)
		sizes[count++] = (size_t) (left < job->histograms_per_piece ? left : job->histograms_per_piece) * histogram;
	CORE_TRY(team_reserve(team, env, sizes, count, helper_bytes(job)));
	env_release(env, sizes);
	return CORE_OK;
}

/* The same, with fewer processes where memory is short. */
static CoreStatus
reserve_job(CoreEnv *env, Team *team, const TreeFeature *features, TreeJob *job)
{
	CORE_TRY(reserve_pieces(env, team, job));
	while (team->capacity < job->capacity)
	{
		CORE_TRY(tree_job_complete(env, team, features, job));
		CORE_TRY(reserve_pieces(env, team, job));
	}
	return CORE_OK;
}

CoreStatus
tree_job_share(CoreEnv *env, Team *team, TreeJob *job, const TreeFeature *features, TreeGrower *grower)
{
	TreeJob    *shared;
	char	   *base;
	size_t		histogram = (size_t) job->shape.hist_bins * sizeof(TreeSums);
	int			left;
	void	   *piece;

	memset(grower, 0, sizeof(*grower));
	CORE_TRY(reserve_job(env, team, features, job));
	left = histogram_count(job);
	CORE_TRY(team_share(team, env, job->size, &piece));
	base = piece;
	shared = piece;
	*shared = *job;
	memcpy(base + job->features, features, (size_t) job->shape.nfeatures * sizeof(TreeFeature));
	shared->bins_piece = team->npieces;
	CORE_TRY(team_share(team, env, bins_size(job), &piece));
	shared->data_piece = team->npieces;
	CORE_TRY(tree_data_create(env, team, &job->shape, (const TreeFeature *) (base + job->features), &grower->data));
	shared->histogram_piece = team->npieces;
	for (; left > 0; left -= job->histograms_per_piece)
	{
		int			count = left < job->histograms_per_piece ? left : job->histograms_per_piece;

		CORE_TRY(team_share(team, env, (size_t) count * histogram, &piece));
	}
	grower->env = env;
	grower->team = team;
	grower->job = shared;
	return resolve(env, team, base, shared, &grower->shared);
}

CoreStatus
tree_job_attach(CoreEnv *env, Team *team, TreeGrower *grower)
{
	char	   *base = team->pieces[0];
	const TreeJob *job = (const TreeJob *) base;

	memset(grower, 0, sizeof(*grower));
	grower->env = env;
	grower->team = team;
	grower->job = job;
	CORE_TRY(tree_data_attach(env, team, job->data_piece, &job->shape, (const TreeFeature *) (base + job->features), &grower->data));
	return resolve(env, team, base, job, &grower->shared);
}

CoreStatus
tree_grower_init(TreeGrower *grower)
{
	CoreEnv    *env = grower->env;
	const TreeJob *job = grower->job;
	size_t		nfeatures = (size_t) job->shape.nfeatures;
	size_t		leaves = (size_t) job->num_leaves;
	uint32_t   *leaf_sets;
	int			most = TREE_BIN_STRIDE;

	CORE_TRY(tree_search_init(env, &job->rules, grower->data.features, job->shape.nfeatures, &grower->search));
	for (int side = 0; side < 2; side++)
		CORE_TRY(tree_accumulator_init(env, &grower->data, &grower->accumulator[side]));
	for (int i = 0; i < job->shape.nfeatures; i++)
	{
		const TreeFeature *feature = &grower->data.features[i];

		most = feature->nbins + 1 > most ? feature->nbins + 1 : most;
		grower->constrained |= feature->monotone != 0;
	}
	CORE_ALLOC(env, grower->goes_left, (size_t) most);
	CORE_ALLOC(env, grower->allowed, nfeatures);
	CORE_ALLOC(env, grower->allowed_level, nfeatures);
	CORE_ALLOC(env, grower->key, nfeatures);
	CORE_ALLOC(env, grower->digits, TREE_RENEW_DIGITS);
	CORE_ALLOC(env, grower->spare, (size_t) job->shape.block_rows + 64);
	CORE_ALLOC(env, grower->spare_records, job->shape.moving ? ((size_t) job->shape.block_rows + 2) * (size_t) job->shape.stride : 0);
	CORE_ALLOC(env, grower->packed, (size_t) job->shape.block_rows);
	CORE_ALLOC(env, grower->fixed, (size_t) job->shape.block_rows);
	CORE_ALLOC(env, grower->leaves, leaves);
	CORE_ALLOC(env, grower->nodes, 2 * leaves - 1);
	CORE_ALLOC(env, leaf_sets, leaves * (size_t) job->set_words);
	CORE_ALLOC(env, grower->node_sets, leaves * (size_t) job->set_words);
	CORE_ALLOC(env, grower->slot_leaf, (size_t) job->nslots);
	for (size_t leaf = 0; leaf < leaves; leaf++)
		grower->leaves[leaf].set = leaf_sets + leaf * (size_t) job->set_words;
	return CORE_OK;
}
