/*
 * tree_fit.c: fits of tree algorithms on data sets made in memory; see tree_fit.h.
 *
 * Teams are forked processes over anonymous shared mappings that wait by polling, so that core's own
 * synchronisation is what is tested.
 */
#define _GNU_SOURCE

#include "support.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hash.h"
#include "tree_fit.h"

typedef struct ForkedTeam
{
	Team		team;			/* first */
	const Algorithm *algorithm;
	CoreEnv    *env;
	pid_t		children[TEAM_MAX_SIZE];
} ForkedTeam;

static CoreStatus
forked_share(Team *team, CoreEnv *env, size_t size, bool zeroed, void **piece)
{
	(void) team;
	(void) env;
	*piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (*piece == MAP_FAILED)
		return CORE_NO_MEMORY;
	if (!zeroed)
		memset(*piece, 0xa5, size);
	return CORE_OK;
}

static void
forked_sleep(Team *team, unsigned generation)
{
	while (atomic_load(&team->sync->generation) == generation)
		usleep(50);
}

static void
forked_wake(Team *team)
{
	(void) team;
}

static void
forked_start(Team *team)
{
	ForkedTeam *forked = (ForkedTeam *) team;

	team->size = team->capacity;
	for (int rank = 1; rank < team->size; rank++)
	{
		pid_t		child = fork();

		assert_true(child >= 0);
		if (child == 0)
		{
			team->rank = rank;
			team->units = 0;
			/* 3: helped without doing anything */
			_exit(forked->algorithm->help_rows(forked->env, team) != CORE_OK ? 1 : team->units > 0 ? 0 : 3);
		}
		forked->children[rank] = child;
	}
}

static void
forked_stop(Team *team)
{
	ForkedTeam *forked = (ForkedTeam *) team;

	for (int rank = 1; rank < team->size; rank++)
	{
		int			status;

		assert_int_equal(waitpid(forked->children[rank], &status, 0), forked->children[rank]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

void
tree_fit_init(TreeFit *fit, CoreEnv *env, int64_t nrows, const char *algorithm, Task task, int nclasses)
{
	memset(fit, 0, sizeof(*fit));
	rows_init(&fit->rows, env, nrows);
	fit->algorithm = algorithm;
	fit->task = task;
	fit->nclasses = nclasses;
	fit->seed = 42;
	fit->helpers_have_rows = true;
	assert_ok(env, params_init(env, &fit->params, algorithm, algorithm_find(algorithm)->params));
}

void
tree_fit_set(TreeFit *fit, const char *name, double value)
{
	assert_ok(fit->rows.env, params_set_number(fit->rows.env, &fit->params, name, value));
}

void
tree_fit_set_text(TreeFit *fit, const char *name, const char *value)
{
	assert_ok(fit->rows.env, params_set_text(fit->rows.env, &fit->params, name, value));
}

CoreStatus
tree_fit_try(TreeFit *fit, int processes)
{
	CoreEnv    *env = fit->rows.env;
	ForkedTeam	forked;
	FitInput	input = {0};
	FitRows		rows = {0};
	char	  **classes;

	if (fit->transform == NULL)
		fit->transform = rows_learn(&fit->rows, NULL, PROFILE_TREE, fit->nclasses);
	memset(&fit->model, 0, sizeof(fit->model));
	CORE_ALLOC(env, classes, (size_t) fit->nclasses);
	for (int k = 0; k < fit->nclasses; k++)
		classes[k] = env_sprintf(env, "class %d", k);
	fit->model.algorithm = algorithm_find(fit->algorithm);
	fit->model.task = fit->task;
	fit->model.seed = fit->seed;
	fit->model.schema = fit->rows.data.schema;
	fit->model.transform = fit->transform;
	fit->model.target.nclasses = fit->nclasses;
	fit->model.target.classes = classes;
	fit->model.target.positive = fit->task == TASK_BINARY;
	fit->model.params = fit->params;
	input.params = &fit->model.params;
	input.task = fit->task;
	input.nterms = fit->transform->nterms;
	input.terms = fit->transform->terms;
	input.nclasses = fit->nclasses;
	input.classes = classes;
	input.nrows = fit->rows.data.ntrain;
	input.seed = fit->seed;
	rows.data = &fit->rows.data;
	rows.transform = fit->transform;
	rows.nrows = fit->rows.data.ntrain;
	rows.target = fit->rows.data.target;
	rows.weight = fit->weight;
	rows.offset = fit->offset;
	rows.training = true;
	CORE_TRY(team_init_serial(env, &forked.team));
	if (processes > 1)
	{
		void	   *sync;

		forked.algorithm = fit->model.algorithm;
		forked.env = env;
		CORE_TRY(forked_share(&forked.team, env, sizeof(TeamSync), true, &sync));
		forked.team.sync = sync;
		forked.team.capacity = processes;
		forked.team.share = forked_share;
		forked.team.start = forked_start;
		forked.team.stop = forked_stop;
		forked.team.sleep = forked_sleep;
		forked.team.wake = forked_wake;
		forked.team.rows = fit->helpers_have_rows ? &rows : NULL;
	}
	CORE_TRY(fit->model.algorithm->fit_rows(env, &input, &rows, &forked.team, &fit->model));
	return algorithm_bind(env, &fit->model);
}

void
tree_fit_run(TreeFit *fit, int processes)
{
	assert_ok(fit->rows.env, tree_fit_try(fit, processes));
}

double *
tree_fit_margins(TreeFit *fit)
{
	CoreEnv    *env = fit->rows.env;
	int64_t		n = fit->rows.data.nrows;
	double	   *x = rows_terms(&fit->rows, fit->transform, false);
	double	   *out = env_alloc(env, (size_t) (n * fit->model.noutputs), sizeof(double));
	double	   *scratch = env_alloc(env, (size_t) model_scratch_size(&fit->model), sizeof(double));

	fit->model.algorithm->score_rows(&fit->model, x, (size_t) n, (int) n, scratch, out);
	return out;
}

uint64_t
tree_fit_digest(const TreeFit *fit)
{
	uint64_t	digest = hash_row_init();

	for (int i = 0; i < fit->model.narrays; i++)
	{
		const ModelArray *array = &fit->model.arrays[i];

		digest = hash_row_add(digest, hash_bytes(array->data, (size_t) (array->rows * array->cols) * array_type_size(array->type)));
	}
	for (int i = 0; i < fit->model.nnumbers; i++)
		digest = hash_row_add(digest, hash_double(fit->model.numbers[i].value));
	return hash_row_final(digest);
}

const double *
tree_fit_array(const TreeFit *fit, const char *name, int64_t *count)
{
	const ModelArray *array = model_array(&fit->model, name);

	assert_non_null(array);
	assert_int_equal(array->type, ARRAY_F64);
	*count = array->rows * array->cols;
	return array->data;
}

void
tree_fit_fill_regression(TreeFit *fit, uint64_t seed, int64_t n, double *x)
{
	TestRandom	random = {seed};

	for (int64_t i = 0; i < n; i++)
	{
		x[i] = floor(test_random_uniform(&random) * 32) / 32;
		x[n + i] = floor(test_random_uniform(&random) * 16) / 16;
		fit->rows.data.target[i] = floor(8 * sin(6 * x[i]) + 8 * x[n + i] * x[i]) / 8;
	}
	rows_add_numbers(&fit->rows, "a", x);
	rows_add_numbers(&fit->rows, "b", x + n);
}
