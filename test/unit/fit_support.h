/*
 * fit_support.h: tables from CSV files, designs made of them, and fits of one algorithm over them.
 */
#ifndef MLOPS_TEST_FIT_SUPPORT_H
#define MLOPS_TEST_FIT_SUPPORT_H

#include "core/algorithm.h"
#include "support.h"

/* A CSV file with a header; fields as text.  No quotes, no line breaks in fields. */
typedef struct Csv
{
	int			rows;
	int			columns;
	char	  **header;
	char	  **fields;			/* rows x columns */
} Csv;

extern Csv *csv_read(CoreEnv *env, const char *path);	/* from the top directory; fails the test when missing */
extern int	csv_column(const Csv *csv, const char *name);
extern const char *csv_field(const Csv *csv, int row, int column);
extern double csv_number(const Csv *csv, int row, int column);	/* NaN when empty */

/* What a fit is made of.  Start with fit_data_create, change what you like. */
typedef struct FitData
{
	const Algorithm *algorithm;
	ParamSet	params;
	Task		task;
	int			nclasses;
	char	  **classes;
	int64_t		n;
	int			nterms;
	Term	   *terms;			/* names "x1", "x2", ... unless set */
	double	   *x;				/* column-major, n x nterms */
	double	   *y;
	double	   *w;				/* NULL: 1 */
	double	   *offset;			/* NULL: 0 */
	uint64_t   *hash;			/* those of the row numbers */
	int			block_rows;		/* BLOCK_ROWS, or fewer to make many blocks */
	bool		shuffle_tree;	/* merge ranges of blocks instead of one tree; same results to rounding */
	int			passes;			/* out */
	int64_t		blocks_read;	/* out */
} FitData;

extern FitData *fit_data_create(CoreEnv *env, const Algorithm *algorithm, Task task, int64_t n, int nterms);
extern void fit_data_classes(CoreEnv *env, FitData *data, int nclasses);	/* labels "c0", "c1", ... */
extern FitData *fit_data_copy(CoreEnv *env, const FitData *data);	/* deep, to change something */

extern void fit_data_add_column(CoreEnv *env, FitData *data, const char *name, const double *values);
/*
 * Adds a column of a CSV file to the design, rows[n] being the rows used: as it
 * is when all its fields are numbers, else a 0/1 column "name=level" for each
 * level but the first in byte order.
 */
extern void fit_data_add_csv(CoreEnv *env, FitData *data, const Csv *csv, const char *name, const int *rows);
/* Rows of the file without an empty field; returns how many. */
extern int	csv_complete_rows(CoreEnv *env, const Csv *csv, int **rows);

/* Three classes of the counts in test/oracle/glm_data.csv (0, 1 or 2, more) as the target, its weights as weights. */
extern void fit_data_count_classes(CoreEnv *env, FitData *data, const Csv *csv);

extern CoreStatus fit_data_fit(CoreEnv *env, FitData *data, Model **model);
extern Model *fit_data_model(CoreEnv *env, FitData *data);	/* which must succeed, and bind */

/* Fits once for each allocation that a fit makes, which is refused. */
extern void fit_data_refuse_memory(TestEnv *test, FitData *data);

extern double model_estimate(const Model *model, int row, int column);
extern double model_std_error(const Model *model, int row, int column);
/* Margins of row i of the design. */
extern void fit_data_margins(CoreEnv *env, const FitData *data, const Model *model, int64_t i, double *out);

/* Normal terms, and classes whose log odds are -1/2 + x1 - x2 / 2. */
extern FitData *binary_data_random(CoreEnv *env, const Algorithm *algorithm, int n, int nterms, uint64_t seed);
/* Largest score of the unpenalised logistic likelihood, each relative to the root of its information: 0 at the maximum. */
extern double binary_data_score(CoreEnv *env, const FitData *data, const Model *model);

/*
 * Results of an oracle: lines "case,name,value" of a CSV file; all of a test
 * looks them up by case and name.
 */
extern double oracle_value(const Csv *oracle, const char *group, const char *name, const char *column);
extern bool oracle_has(const Csv *oracle, const char *group, const char *name);

#endif							/* MLOPS_TEST_FIT_SUPPORT_H */
