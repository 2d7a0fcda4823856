/*
 * forest_share.c
 *	  The shared memory of a forest: sizes, places, addresses; see forest.h.
 *
 * Pieces of the team in order: the job with the features; the edges of bins;
 * rows; slots of trees.
 */
#include "core/forest.h"

#include <string.h>

#define MIN_SLOT_BYTES ((size_t) 4096)
#define SLOT_BYTES (TEAM_PIECE_MAX / 2)	/* of all slots, or two for each process */

static size_t
aligned(size_t size, size_t alignment)
{
	return (size + alignment - 1) / alignment * alignment;
}

/* Features, sizes of rows and records. */
static void
describe_features(const TreeBins *bins, ForestJob *job, ForestFeature *features)
{
	size_t		row_end = sizeof(ForestRow) + (size_t) job->width * sizeof(double);

	job->most_bins = 0;
	job->most_grouped = 0;
	job->map_bytes = 0;
	job->has_unordered = false;
	for (int i = 0; i < bins->nfeatures; i++)
	{
		const TreeFeature *from = &bins->features[i];
		ForestFeature *feature = &features[i];
		int			codes = from->nbins + 1;
		int			record_bins = codes;

		feature->nbins = from->nbins;
		feature->unordered = from->categorical && codes <= FOREST_MAX_CODES;
		feature->grouped = from->categorical && codes > FOREST_MAX_CODES;
		if (feature->grouped)
			record_bins = FOREST_WIDE_GROUPS;
		feature->wide = codes > 256;
		row_end = aligned(row_end, feature->wide ? 2 : 1);
		feature->offset = (int32_t) row_end;
		row_end += feature->wide ? 2 : 1;
		feature->map = job->map_bytes;
		job->most_bins = record_bins > job->most_bins ? record_bins : job->most_bins;
		job->has_unordered |= feature->unordered;
		if (!feature->grouped)
			continue;
		job->map_bytes += codes;
		job->most_grouped = codes > job->most_grouped ? codes : job->most_grouped;
	}
	job->fine = job->most_bins > 256;
	job->row_size = row_end;
	job->record_stride = aligned(sizeof(ForestRecord) + (size_t) bins->nfeatures * (job->fine ? 2 : 1), sizeof(double));
}

/* Of a node in a slot. */
static size_t
node_bytes(const ForestJob *job)
{
	return sizeof(ForestNode) + (size_t) job->width * sizeof(double) + (job->has_unordered ? FOREST_SET_WORDS * sizeof(uint64_t) : 0);
}

static size_t
slot_bytes(const ForestJob *job, int64_t leaves)
{
	return aligned(sizeof(ForestSlotHeader), 64) + 2 * (size_t) leaves * node_bytes(job) + aligned((size_t) job->map_bytes, 64);
}

/* Leaves of a tree that a slot of shared memory has room for. */
static CoreStatus
limit_leaves(CoreEnv *env, ForestJob *job)
{
	size_t		node = node_bytes(job);

	if (slot_bytes(job, 2) > TEAM_PIECE_MAX)
		return env_fail(env, CORE_TOO_LARGE, "the categories of all features are too many");
	while (slot_bytes(job, job->max_leaves) > TEAM_PIECE_MAX)
	{
		job->max_leaves -= (int32_t) ((slot_bytes(job, job->max_leaves) - TEAM_PIECE_MAX) / (2 * node)) + 1;
		job->best_first = true;
	}
	return CORE_OK;
}

/* For the edges of all features. */
typedef struct EdgePieces
{
	size_t	   *sizes;
	int			count;
} EdgePieces;

/* Whether a feature has edges to share, and the size of a piece for those of it and the following, up to the largest piece. */
static bool
has_edges(const TreeBins *bins, int i)
{
	return bins->edges[i] != NULL && bins->features[i].nbins > 1;
}

static size_t
edge_piece_size(const TreeBins *bins, int first)
{
	size_t		size = 0;

	for (int i = first; i < bins->nfeatures && size + TREE_MAX_CATEGORIES * sizeof(double) <= TEAM_PIECE_MAX; i++)
		size += bins->edges[i] == NULL ? 0 : (size_t) bins->features[i].nbins * sizeof(double);
	return size;
}

/*
 * Sets where the edges of each feature will lie: in which of the pieces for
 * them (0-based), whose sizes it returns, and where in that; returns their number.
 */
static int
place_edges(const TreeBins *bins, ForestFeature *features, size_t *sizes)
{
	size_t		used = 0;
	int			npieces = 0;

	for (int i = 0; i < bins->nfeatures; i++)
	{
		size_t		bytes = ((size_t) features[i].nbins - 1) * sizeof(double);

		if (!has_edges(bins, i))
			continue;
		if (npieces == 0 || used + bytes > sizes[npieces - 1])
		{
			sizes[npieces++] = edge_piece_size(bins, i);
			used = 0;
		}
		features[i].edge_piece = npieces - 1;
		features[i].edge_offset = used;
		used += bytes;
	}
	return npieces;
}

static CoreStatus
share_edges(CoreEnv *env, Team *team, const TreeBins *bins, const EdgePieces *edges, ForestFeature *features)
{
	int			first = team->npieces;
	void	   *piece;

	for (int k = 0; k < edges->count; k++)
		CORE_TRY(team_share(team, env, edges->sizes[k], &piece));
	for (int i = 0; i < bins->nfeatures; i++)
	{
		if (!has_edges(bins, i))
			continue;
		features[i].edge_piece += first;
		memcpy((char *) team->pieces[features[i].edge_piece] + features[i].edge_offset, bins->edges[i],
			   ((size_t) features[i].nbins - 1) * sizeof(double));
	}
	return CORE_OK;
}

/* Trees of a batch: as many as memory for slots suggests, or two for each process. */
static void
choose_slots(const Team *team, bool frugal, ForestJob *job)
{
	size_t		slots = frugal ? 0 : SLOT_BYTES / job->slot_size;

	if (slots < 2 * (size_t) team->capacity)
		slots = 2 * (size_t) team->capacity;
	job->nslots = slots < (size_t) job->ntrees ? (int32_t) slots : job->ntrees;
}

static size_t
first_piece_size(const ForestJob *job)
{
	return job->features + (size_t) job->nfeatures * sizeof(ForestFeature);
}

/* Private memory of a helper, roughly: see forest_grower_create. */
static size_t
helper_bytes(const ForestJob *job)
{
	return (size_t) job->nrows * (2 * job->record_stride + 1);
}

static CoreStatus
reserve_pieces(CoreEnv *env, Team *team, const EdgePieces *edges, const ForestJob *job)
{
	size_t	   *sizes;
	int			count = 0;

	CORE_ALLOC(env, sizes, 1 + (size_t) edges->count + (size_t) team_table_pieces(job->nrows, job->row_size, NULL) + (size_t) job->nslots);
	sizes[count++] = first_piece_size(job);
	memcpy(sizes + count, edges->sizes, (size_t) edges->count * sizeof(size_t));
	count += edges->count;
	count += team_table_pieces(job->nrows, job->row_size, sizes + count);
	for (int left = job->nslots; left > 0; left -= job->slots_per_piece)
		sizes[count++] = (size_t) (left < job->slots_per_piece ? left : job->slots_per_piece) * job->slot_size;
	CORE_TRY(team_reserve(team, env, sizes, count, helper_bytes(job)));
	env_release(env, sizes);
	return CORE_OK;
}

/* Where memory is short, with fewer slots and processes. */
static CoreStatus
reserve(CoreEnv *env, Team *team, const EdgePieces *edges, ForestJob *job)
{
	int			capacity = team->capacity;

	choose_slots(team, false, job);
	CORE_TRY(reserve_pieces(env, team, edges, job));
	while (team->capacity < capacity)
	{
		capacity = team->capacity;
		choose_slots(team, true, job);
		CORE_TRY(reserve_pieces(env, team, edges, job));
	}
	return CORE_OK;
}

/* Trees fill a part of most slots, and pages that nobody writes cost less in the end. */
static CoreStatus
share_slots(CoreEnv *env, Team *team, const ForestJob *job)
{
	for (int left = job->nslots; left > 0; left -= job->slots_per_piece)
	{
		int			count = left < job->slots_per_piece ? left : job->slots_per_piece;
		void	   *slots;

		CORE_TRY(team_share_unset(team, env, (size_t) count * job->slot_size, &slots));
		for (int i = 0; i < count; i++)
			memset((char *) slots + (size_t) i * job->slot_size, 0, sizeof(ForestSlotHeader));
	}
	return CORE_OK;
}

static CoreStatus
resolve(CoreEnv *env, Team *team, Forest *forest)
{
	const char *base = team->pieces[0];

	memset(forest, 0, sizeof(*forest));
	forest->env = env;
	forest->team = team;
	forest->job = (const ForestJob *) base;
	forest->features = (const ForestFeature *) (base + forest->job->features);
	CORE_ALLOC(env, forest->edges, (size_t) forest->job->nfeatures);
	for (int i = 0; i < forest->job->nfeatures; i++)
	{
		const ForestFeature *feature = &forest->features[i];

		if (!feature->unordered && !feature->grouped && feature->nbins > 1)
			forest->edges[i] = (const double *) ((const char *) team->pieces[feature->edge_piece] + feature->edge_offset);
	}
	return CORE_OK;
}

CoreStatus
forest_share(CoreEnv *env, Team *team, const TreeBins *bins, ForestJob *job, Forest *forest)
{
	ForestFeature *features;
	EdgePieces	edges;
	void	   *piece;

	CORE_ALLOC(env, features, (size_t) bins->nfeatures);
	CORE_ALLOC(env, edges.sizes, (size_t) bins->nfeatures);
	describe_features(bins, job, features);
	edges.count = place_edges(bins, features, edges.sizes);
	CORE_TRY(limit_leaves(env, job));
	job->features = aligned(sizeof(ForestJob), 64);
	job->slot_size = aligned(slot_bytes(job, job->max_leaves), MIN_SLOT_BYTES);
	if (job->slot_size > TEAM_PIECE_MAX)
		job->slot_size = TEAM_PIECE_MAX;
	job->slots_per_piece = (int32_t) (TEAM_PIECE_MAX / job->slot_size);
	CORE_TRY(reserve(env, team, &edges, job));

	CORE_TRY(team_share(team, env, first_piece_size(job), &piece));
	CORE_TRY(share_edges(env, team, bins, &edges, features));
	memcpy((char *) piece + job->features, features, (size_t) bins->nfeatures * sizeof(ForestFeature));
	env_release(env, edges.sizes);
	env_release(env, features);
	CORE_TRY(team_table_share(team, env, job->nrows, job->row_size, &job->rows));
	job->slot_piece = team->npieces;
	CORE_TRY(share_slots(env, team, job));
	*(ForestJob *) piece = *job;
	return resolve(env, team, forest);
}

CoreStatus
forest_attach(CoreEnv *env, Team *team, Forest *forest)
{
	return resolve(env, team, forest);
}

static char *
slot_base(const Forest *forest, int index)
{
	const ForestJob *job = forest->job;
	char	   *piece = forest->team->pieces[job->slot_piece + index / job->slots_per_piece];

	return piece + (size_t) (index % job->slots_per_piece) * job->slot_size;
}

ForestSlot
forest_slot(const Forest *forest, int index)
{
	const ForestJob *job = forest->job;
	size_t		nodes = 2 * (size_t) job->max_leaves;
	char	   *base = slot_base(forest, index);
	const ForestSlotHeader *header = (const ForestSlotHeader *) base;
	ForestSlot	slot;

	slot.nnodes = header->nnodes;
	slot.everything = header->everything;
	slot.cut = header->cut;
	base += aligned(sizeof(ForestSlotHeader), 64);
	slot.nodes = (ForestNode *) base;
	base += nodes * sizeof(ForestNode);
	slot.values = (double *) base;
	base += nodes * (size_t) job->width * sizeof(double);
	slot.sets = (uint64_t *) base;
	base += job->has_unordered ? nodes * FOREST_SET_WORDS * sizeof(uint64_t) : 0;
	slot.maps = (uint8_t *) base;
	return slot;
}

void
forest_slot_close(const Forest *forest, int index, const ForestSlot *slot)
{
	ForestSlotHeader *header = (ForestSlotHeader *) slot_base(forest, index);

	header->nnodes = slot->nnodes;
	header->everything = slot->everything;
	header->cut = slot->cut;
}
