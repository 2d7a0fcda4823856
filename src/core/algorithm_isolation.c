/*
 * algorithm_isolation.c
 *	  Algorithm "isolation_forest": rows that random cuts part from the others
 *	  soon are anomalies.
 *
 * Liu, Ting and Zhou, "Isolation forest", 2008.  Each tree takes a sample of
 * max_samples rows, chosen by hash of row, ordinal among equal rows and tree,
 * and cuts a random term at a random number between the least and the largest
 * value, until rows are alone, are all the same, or the depth is
 * log2(max_samples).  The score of a row is 2^(-E[h] / c(max_samples)): h is the
 * number of cuts to its leaf plus c(rows of the leaf), c(n) the mean path length
 * of an unsuccessful search in a binary search tree of n entries.  Around 0.5:
 * ordinary, towards 1: anomalous.  Leaves hold their part of the exponent, so
 * the margin is a sum, log(score), and the link a logarithm.
 *
 * Categories, of which missing is one, are cut into two random groups.  Missing
 * numbers go where a random bit of the node sends them; where all other rows
 * have one value, they are parted from those.  Weights are chances to be in a
 * sample (Efraimidis and Spirakis, "Weighted random sampling with a reservoir",
 * 2006).
 *
 * The processes of a team take trees (isolation.h).
 *
 * Cost: a pass over the rows' hashes for each tree, 5 ns a row; the trees
 * themselves are small: 100 of 256 rows take 10 ms.  Shared memory: 8 bytes a
 * row, as many for its weight, samples and trees of a batch (up to 64 MB).
 */
#include "core/isolation.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"
#include "core/sort.h"
#include "core/tree_data.h"

#define LN2 0.69314718055994530942
#define EULER_GAMMA 0.57721566490153286061
#define POLL_ROWS 65536
#define CHUNK_ROWS 512			/* rows scored at a time */
#define MAX_SAMPLES 65536
#define VALUES_BYTES ((size_t) 32 * 1024 * 1024)	/* of the samples and trees of a batch */

static const ParamSpec isolation_params[] = {
	{"n_estimators", PARAM_INTEGER, 100, 1, 10000, NULL, "num_trees|ntree",
	"Number of trees."},
	{"max_samples", PARAM_REAL, 256, 1e-9, MAX_SAMPLES, NULL, "sample_size",
	"Rows that each tree sees, chosen by hash: a number, or a share below 1."},
	{"contamination", PARAM_REAL, NAN, 0, 0.5, NULL, NULL,
	"Share of the training rows that count as anomalies; the model then has their least score as number \"threshold\"."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

/* The leader's fit. */
typedef struct IsolationFit
{
	CoreEnv    *env;
	const FitInput *input;
	const FitRows *rows;
	Team	   *team;
	Model	   *model;
	int64_t		usable;			/* rows of positive weight */
	IsolationJob *job;
	uint32_t   *set;
	TreeStore	store;
} IsolationFit;

/* Mean path length of an unsuccessful search in a tree of n entries. */
static double
mean_path(double n)
{
	if (n <= 1)
		return 0;
	if (n == 2)
		return 1;
	return 2 * (real_log(n - 1) + EULER_GAMMA) - 2 * (n - 1) / n;
}

/* ------------------------------------------------------------ the job */

static CoreStatus
configure(IsolationFit *fit, IsolationJob *job)
{
	const ParamSet *params = fit->input->params;
	double		samples = params_number(params, "max_samples");
	size_t		tree_bytes;

	for (int64_t i = 0; i < fit->rows->nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		fit->usable += fit_row_counts(fit->rows, i);
	}
	if (fit->usable < 2)
		return env_fail(fit->env, CORE_NUMERIC, "an isolation forest needs at least two rows of positive weight");
	if (samples < 1)
		samples = ceil(samples * (double) fit->usable);
	samples = samples > MAX_SAMPLES ? MAX_SAMPLES : samples < 2 ? 2 : samples;
	job->samples = samples > (double) fit->usable ? (int) fit->usable : (int) samples;
	while ((1 << job->max_depth) < job->samples)
		job->max_depth++;
	job->nrows = fit->rows->nrows;
	job->nterms = fit->input->nterms;
	job->ntrees = params_integer(params, "n_estimators");
	job->seed = fit->input->seed;
	job->weighted = fit->rows->weight != NULL;
	tree_bytes = (size_t) job->samples * (size_t) job->nterms * sizeof(double) + isolation_slot_bytes(job);
	job->nslots = (int32_t) (VALUES_BYTES / tree_bytes);
	job->nslots = job->nslots < 1 ? 1 : job->nslots > job->ntrees ? job->ntrees : job->nslots;
	return CORE_OK;
}

/* Hashes of rows, so that equal ones differ, and weights; equal hashes are neighbours in canonical order. */
static CoreStatus
share_rows(IsolationFit *fit, IsolationJob *job)
{
	const uint64_t *hash = fit->rows->data->hash;
	uint64_t	ordinal = 0;

	CORE_TRY(team_table_share(fit->team, fit->env, job->nrows, sizeof(uint64_t), &job->rows));
	if (job->weighted)
		CORE_TRY(team_table_share(fit->team, fit->env, job->nrows, sizeof(double), &job->weights));
	for (int64_t row = 0; row < job->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(fit->env);
		ordinal = row > 0 && hash[row] == hash[row - 1] ? ordinal + 1 : 0;
		*(uint64_t *) team_table_at(fit->team, &job->rows, row) = hash_seeded(hash[row], ordinal);
		if (job->weighted)
			*(double *) team_table_at(fit->team, &job->weights, row) = fit->rows->weight[row];
	}
	return CORE_OK;
}

static CoreStatus
prepare(IsolationFit *fit)
{
	CoreEnv    *env = fit->env;
	size_t		nterms = (size_t) fit->input->nterms;
	IsolationJob job = {0};
	void	   *piece;

	CORE_TRY(configure(fit, &job));
	CORE_TRY(team_share(fit->team, env, sizeof(IsolationJob) + nterms * sizeof(int32_t), &piece));
	fit->job = piece;
	for (size_t i = 0; i < nterms; i++)
	{
		const Term *term = &fit->input->terms[i];

		fit->job->ncategories[i] = term->categorical ? term->ncategories : -1;
		if (term->categorical && term->ncategories > job.most_categories)
			job.most_categories = term->ncategories;
	}
	CORE_TRY(share_rows(fit, &job));
	CORE_TRY(team_table_share(fit->team, env, job.nslots, isolation_slot_bytes(&job), &job.slots));
	CORE_TRY(team_table_share(fit->team, env, (int64_t) job.nslots * job.samples, nterms * sizeof(double), &job.values));
	memcpy(fit->job, &job, offsetof(IsolationJob, ncategories));
	CORE_ALLOC(env, fit->set, (size_t) TREE_SET_WORDS(job.most_categories));
	tree_store_init(env, &fit->store, 1);
	return CORE_OK;
}

/* ------------------------------------------------------------ the leader's part of a batch */

/* Values of the sample of a slot's tree; scoring does not tell infinities from the largest numbers. */
static void
read_sample(IsolationFit *fit, int slot)
{
	const IsolationJob *job = fit->job;
	const int64_t *chosen = isolation_chosen(job, isolation_slot(fit->team, job, slot));

	for (int i = 0; i < job->samples; i++)
	{
		double	   *x = team_table_at(fit->team, &job->values, (int64_t) slot * job->samples + i);

		env_poll(fit->env);
		transform_block(fit->rows->transform, fit->rows->data, chosen[i], 1, fit->rows->training, x, 1);
		for (int j = 0; j < job->nterms; j++)
		{
			if (isinf(x[j]))
				x[j] = x[j] > 0 ? DBL_MAX : -DBL_MAX;
		}
	}
}

static CoreStatus
store_tree(IsolationFit *fit, int slot)
{
	const IsolationJob *job = fit->job;
	const IsolationSlot *tree = isolation_slot(fit->team, job, slot);

	for (int i = 0; i < tree->nnodes; i++)
	{
		const IsolationNode *node = &tree->nodes[i];
		TreeStoredNode stored = {0};
		double		value;

		stored.feature = node->feature;
		stored.cover = node->count;
		stored.count = node->count;
		stored.threshold = node->threshold;
		stored.flags = node->flags;
		if (node->feature < 0)
		{
			value = -LN2 * (node->depth + mean_path(node->count)) / (mean_path(job->samples) * job->ntrees);
			stored.value = &value;
		}
		else if (node->flags & NODE_CATEGORICAL)
		{
			isolation_fill_set(node, job->ncategories[node->feature], fit->set);
			stored.set = fit->set;
			stored.set_words = TREE_SET_WORDS(job->ncategories[node->feature]);
		}
		CORE_TRY(tree_store_add_node(&fit->store, &stored));
	}
	return tree_store_add_tree(&fit->store, tree->nnodes);
}

static CoreStatus
store_batch(IsolationFit *fit, int done, int count)
{
	for (int i = 0; i < count; i++)
	{
		env_poll(fit->env);
		CORE_TRY(store_tree(fit, i));
	}
	if (fit->team->progress != NULL)
		fit->team->progress(fit->team, done + count, fit->job->ntrees, NAN);
	return CORE_OK;
}

/* ------------------------------------------------------------ all processes */

/* The leader stores the trees of a batch while the others choose the samples of the next. */
static CoreStatus
grow_trees(CoreEnv *env, Team *team, const IsolationJob *job, IsolationFit *leader)
{
	IsolationGrower *grower;

	CORE_TRY(isolation_grower_create(env, team, job, &grower));
	for (int first = 0; first < job->ntrees; first += job->nslots)
	{
		int			count = job->ntrees - first < job->nslots ? job->ntrees - first : job->nslots;
		int64_t		unit;

		for (; (unit = team_take(team)) < count; team->units++)
			isolation_choose(grower, first + (int) unit, (int) unit);
		team_synchronize(team, env, NULL, NULL);
		for (int i = 0; i < count && leader != NULL; i++)
			read_sample(leader, i);
		team_synchronize(team, env, NULL, NULL);
		for (; (unit = team_take(team)) < count; team->units++)
			isolation_grow(grower, first + (int) unit, (int) unit);
		team_synchronize(team, env, NULL, NULL);
		if (leader != NULL)
			CORE_TRY(store_batch(leader, first, count));
	}
	return CORE_OK;
}

/* ------------------------------------------------------------ the fit */

/* The score that `contamination` of the training rows reach, by weight. */
static CoreStatus
add_threshold(IsolationFit *fit)
{
	CoreEnv    *env = fit->env;
	Model	   *model = fit->model;
	double		contamination = params_number(fit->input->params, "contamination");
	WeightedValues scores = {0};
	double	   *x;
	double	   *scratch;
	double		margin[CHUNK_ROWS];

	if (isnan(contamination))
		return CORE_OK;
	CORE_TRY(tree_model_bind(env, model));
	CORE_ALLOC(env, scores.value, (size_t) fit->usable);
	CORE_ALLOC(env, scores.weight, (size_t) fit->usable);
	CORE_ALLOC(env, x, (size_t) CHUNK_ROWS * (size_t) fit->input->nterms);
	CORE_ALLOC(env, scratch, (size_t) tree_model_scratch(model));
	for (int64_t first = 0; first < fit->rows->nrows; first += CHUNK_ROWS)
	{
		int			count = fit->rows->nrows - first < CHUNK_ROWS ? (int) (fit->rows->nrows - first) : CHUNK_ROWS;

		env_poll(env);
		transform_block(fit->rows->transform, fit->rows->data, first, count, fit->rows->training, x, CHUNK_ROWS);
		tree_model_score_rows(model, x, CHUNK_ROWS, count, scratch, margin);
		for (int i = 0; i < count; i++)
		{
			if (!fit_row_counts(fit->rows, first + i))
				continue;
			scores.value[scores.n] = -margin[i];
			scores.weight[scores.n++] = fit->rows->weight != NULL ? fit->rows->weight[first + i] : 1;
		}
	}
	CORE_TRY(weighted_sort(env, &scores));
	CORE_TRY(model_add_number(env, model, "threshold", real_exp(-weighted_quantile(&scores, contamination, false))));
	env_release(env, scores.value);
	env_release(env, scores.weight);
	env_release(env, x);
	env_release(env, scratch);
	return CORE_OK;
}

static CoreStatus
isolation_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	IsolationFit *fit;
	double		base = 0;

	CORE_ALLOC(env, fit, 1);
	fit->env = env;
	fit->input = input;
	fit->rows = rows;
	fit->team = team;
	fit->model = model;
	CORE_TRY(prepare(fit));
	team_start(team);
	CORE_TRY(grow_trees(env, team, fit->job, fit));
	team_stop(team);
	model->link = LINK_LOG;
	model->noutputs = 1;
	model->rows_train = fit->usable;
	CORE_TRY(tree_store_finish(&fit->store, &base, 1, input->nterms, model));
	CORE_TRY(model_add_number(env, model, "samples", fit->job->samples));
	CORE_TRY(model_add_number(env, model, "rows", (double) fit->usable));
	return add_threshold(fit);
}

static CoreStatus
isolation_help_rows(CoreEnv *env, Team *team)
{
	return grow_trees(env, team, team->pieces[0], NULL);
}

static CoreStatus
isolation_bind(CoreEnv *env, Model *model)
{
	if (model->link != LINK_LOG)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"isolation_forest\" cannot have link \"%s\"", link_name(model->link));
	CORE_TRY(tree_model_bind(env, model));
	/* logarithms of what is at most 1 */
	return tree_model_check_values(env, model, -DBL_MAX, 0);
}

const Algorithm algorithm_isolation_forest = {
	.name = "isolation_forest",
	.summary = "Isolation forest: anomaly score from the number of random cuts that part a row from the others.",
	.tasks = 1u << TASK_ANOMALY,
	.profile = PROFILE_TREE,
	.params = isolation_params,
	.bind = isolation_bind,
	.score = tree_model_score,
	.scratch = tree_model_scratch,
	.fit_rows = isolation_fit_rows,
	.help_rows = isolation_help_rows,
	.score_rows = tree_model_score_rows,
};
