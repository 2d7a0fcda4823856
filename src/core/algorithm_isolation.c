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
 * The processes of a team take trees and blocks of rows to score (isolation.h).
 * They are called only where that pays for starting them.
 *
 * Cost: 3 ns a row for samples of 128 trees, 0.1 ms for a tree of 256 rows; with
 * a contamination 12 ns for each row and tree.  Shared memory: samples and trees of
 * a batch (up to 64 MB), 8 MB of rows to score.
 */
#include "core/isolation.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/real.h"
#include "core/sort.h"
#include "core/tree_data.h"

#define POLL_ROWS 65536
#define MAX_SAMPLES 65536
#define VALUES_BYTES ((size_t) 32 * 1024 * 1024)	/* of the samples and trees of a batch */
#define PREFETCH 8				/* rows of a sample ahead */
/* What a team is worth, in ns */
#define CUT_COST 50.0			/* a row of a sample and level */
#define WALK_COST 12.0			/* a row and tree */
#define TEAM_COST 20e6
#define NODE_BYTES 96			/* of a tree that is kept and scored */
#define HELPER_BYTES ((size_t) 64 * 1024 * 1024)	/* with more of them, the leader scores alone */

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
	int64_t		usable;			/* rows of positive weight */
	IsolationJob *job;
	IsolationSampler *sampler;
	double	   *margin;			/* [rows] where they are scored */
} IsolationFit;

/* ------------------------------------------------------------ the job */

/* Of all trees, where they are kept and scored. */
static size_t
tree_memory(const IsolationJob *job)
{
	return (size_t) job->ntrees * 2 * (size_t) job->samples * NODE_BYTES;
}

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
	job->nterms = fit->input->nterms;
	job->ntrees = params_integer(params, "n_estimators");
	job->seed = fit->input->seed;
	tree_bytes = (size_t) job->samples * (size_t) job->nterms * sizeof(double) + isolation_slot_bytes(job);
	job->nslots = (int32_t) (VALUES_BYTES / tree_bytes);
	job->nslots = job->nslots < 1 ? 1 : job->nslots > job->ntrees ? job->ntrees : job->nslots;
	if (!isnan(params_number(params, "contamination")))
		isolation_plan_blocks(job, fit->rows->nrows);
	job->helpers_score = job->block_rows > 0 && tree_memory(job) <= HELPER_BYTES;
	return CORE_OK;
}

static bool
is_worth_a_team(const IsolationJob *job)
{
	double		work = CUT_COST * job->ntrees * job->samples * job->max_depth;

	if (job->helpers_score)
		work += WALK_COST * job->ntrees * (double) job->nrows;
	return work > TEAM_COST;
}

static CoreStatus
prepare(IsolationFit *fit)
{
	CoreEnv    *env = fit->env;
	const FitRows *rows = fit->rows;
	size_t		nterms = (size_t) fit->input->nterms;
	IsolationJob job = {0};
	void	   *piece;

	CORE_TRY(configure(fit, &job));
	if (is_worth_a_team(&job))
		CORE_TRY(team_reserve(fit->team, env, NULL, 0, job.helpers_score ? tree_memory(&job) : 0));
	CORE_TRY(team_share(fit->team, env, sizeof(IsolationJob) + nterms * sizeof(int32_t), &piece));
	fit->job = piece;
	for (size_t i = 0; i < nterms; i++)
	{
		const Term *term = &fit->input->terms[i];

		fit->job->ncategories[i] = term->categorical ? term->ncategories : -1;
		if (term->categorical && term->ncategories > job.most_categories)
			job.most_categories = term->ncategories;
	}
	CORE_TRY(team_table_share(fit->team, env, job.nslots, isolation_slot_bytes(&job), &job.slots));
	CORE_TRY(team_table_share(fit->team, env, (int64_t) job.nslots * job.samples, nterms * sizeof(double), &job.values));
	if (job.block_rows > 0)
	{
		CORE_TRY(team_table_share(fit->team, env, job.nblocks, isolation_block_bytes(&job), &job.blocks));
		CORE_ALLOC(env, fit->margin, (size_t) rows->nrows);
	}
	memcpy(fit->job, &job, offsetof(IsolationJob, ncategories));
	return isolation_sampler_create(env, rows->data->hash, rows->weight, rows->nrows, fit->usable, job.samples, job.seed, &fit->sampler);
}

/* ------------------------------------------------------------ trees */

/* A sample's rows are far apart. */
static void
prefetch_row(const Dataset *data, int64_t row)
{
	for (int i = 0; i < data->schema.count; i++)
	{
		const Column *column = &data->columns[i];

		__builtin_prefetch((const char *) column->values + row * column->feature->width * (int64_t) storage_size(column->storage));
	}
}

/* Values of the sample of a tree into a slot; scoring does not tell infinities from the largest numbers. */
static void
write_sample(IsolationFit *fit, int tree, int slot)
{
	const IsolationJob *job = fit->job;
	const int64_t *chosen = isolation_sample(fit->sampler, tree);

	for (int i = 0; i < job->samples; i++)
	{
		double	   *x = team_table_at(fit->team, &job->values, (int64_t) slot * job->samples + i);

		env_poll(fit->env);
		if (i + PREFETCH < job->samples)
			prefetch_row(fit->rows->data, chosen[i + PREFETCH]);
		transform_block(fit->rows->transform, fit->rows->data, chosen[i], 1, fit->rows->training, x, 1);
		for (int j = 0; j < job->nterms; j++)
		{
			if (isinf(x[j]))
				x[j] = x[j] > 0 ? DBL_MAX : -DBL_MAX;
		}
	}
}

/* All processes; those with a store keep the trees. */
static CoreStatus
grow_trees(CoreEnv *env, Team *team, const IsolationJob *job, IsolationFit *leader, TreeStore *store)
{
	IsolationGrower *grower;

	CORE_TRY(isolation_grower_create(env, team, job, &grower));
	if (leader != NULL && team->progress != NULL)
		team->progress(team, 0, job->ntrees, NAN);
	for (int first = 0; first < job->ntrees; first += job->nslots)
	{
		int			count = job->ntrees - first < job->nslots ? job->ntrees - first : job->nslots;
		int64_t		unit;

		for (int i = 0; i < count && leader != NULL; i++)
			write_sample(leader, first + i, i);
		team_synchronize(team, env, NULL, NULL);
		for (; (unit = team_take(team)) < count; team->units++)
			isolation_grow(grower, first + (int) unit, (int) unit);
		team_synchronize(team, env, NULL, NULL);
		for (int i = 0; i < count && store != NULL; i++)
		{
			env_poll(env);
			CORE_TRY(isolation_store(grower, i, store));
		}
		if (leader != NULL && team->progress != NULL)
			team->progress(team, first + count, job->ntrees, NAN);
	}
	return CORE_OK;
}

/* ------------------------------------------------------------ the threshold */

/* The score that `contamination` of the training rows reach, by weight. */
static CoreStatus
add_threshold(IsolationFit *fit, Model *model)
{
	CoreEnv    *env = fit->env;
	const FitRows *rows = fit->rows;
	double		contamination = params_number(fit->input->params, "contamination");
	WeightedValues scores = {0};

	if (fit->margin == NULL)
		return CORE_OK;
	scores.value = fit->margin;
	if (rows->weight != NULL)
		CORE_ALLOC(env, scores.weight, (size_t) fit->usable);
	for (int64_t row = 0; row < rows->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			env_poll(env);
		if (!fit_row_counts(rows, row))
			continue;
		if (rows->weight != NULL)
			scores.weight[scores.n] = rows->weight[row];
		scores.value[scores.n++] = -fit->margin[row];
	}
	CORE_TRY(weighted_sort(env, &scores));
	CORE_TRY(model_add_number(env, model, "threshold", real_exp(-weighted_quantile(&scores, contamination, false))));
	env_release(env, scores.weight);
	env_release(env, fit->margin);
	return CORE_OK;
}

/* A model of the trees that a helper has kept, as far as scoring goes. */
static CoreStatus
helpers_model(CoreEnv *env, const IsolationJob *job, Model **result)
{
	Model	   *model;

	CORE_ALLOC(env, model, 1);
	CORE_ALLOC(env, model->transform, 1);
	CORE_ALLOC(env, model->transform->terms, (size_t) job->nterms);
	model->transform->nterms = job->nterms;
	for (int i = 0; i < job->nterms; i++)
	{
		model->transform->terms[i].categorical = job->ncategories[i] >= 0;
		model->transform->terms[i].ncategories = job->ncategories[i] >= 0 ? job->ncategories[i] : 0;
	}
	model->noutputs = 1;
	*result = model;
	return CORE_OK;
}

/* ------------------------------------------------------------ the fit */

static CoreStatus
run(CoreEnv *env, Team *team, const IsolationJob *job, IsolationFit *leader, Model *model)
{
	bool		keeps = leader != NULL || job->helpers_score;
	double		base = 0;
	TreeStore	store;

	tree_store_init(env, &store, 1);
	CORE_TRY(grow_trees(env, team, job, leader, keeps ? &store : NULL));
	if (model == NULL && keeps)
		CORE_TRY(helpers_model(env, job, &model));
	if (keeps)
		CORE_TRY(tree_store_finish(&store, &base, 1, job->nterms, model));
	if (job->block_rows == 0)
		return CORE_OK;
	if (keeps)
		CORE_TRY(tree_model_bind(env, model));
	return isolation_score_rows(env, team, job, model, leader != NULL ? leader->rows : NULL, leader != NULL ? leader->margin : NULL);
}

static CoreStatus
isolation_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	IsolationFit fit = {.env = env, .input = input, .rows = rows, .team = team};

	CORE_TRY(prepare(&fit));
	if (is_worth_a_team(fit.job))
		team_start(team);
	model->link = LINK_LOG;
	model->noutputs = 1;
	model->rows_train = fit.usable;
	CORE_TRY(run(env, team, fit.job, &fit, model));
	team_stop(team);
	CORE_TRY(model_add_number(env, model, "samples", fit.job->samples));
	CORE_TRY(model_add_number(env, model, "rows", (double) fit.usable));
	return add_threshold(&fit, model);
}

static CoreStatus
isolation_help_rows(CoreEnv *env, Team *team)
{
	return run(env, team, team->pieces[0], NULL, NULL);
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
