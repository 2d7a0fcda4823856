/*
 * model.h
 *	  A fitted model in memory: schema, transform, target, fitted arrays.
 *
 * The payload of every algorithm is a set of named arrays and named numbers, so
 * that the format, the checks and the JSON view do not change with each new
 * algorithm.  `algorithm_bind` (algorithm.h) checks the arrays of a decoded
 * model and prepares scoring.  All pointers belong to the arena the model was
 * built in.  A Model holds no time, uuid, author, host or duration.
 */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include "core/params.h"
#include "core/schema.h"
#include "core/split.h"
#include "core/transform.h"

typedef enum Task
{
	TASK_REGRESSION = 1,
	TASK_BINARY = 2,
	TASK_MULTICLASS = 3,
	TASK_CLUSTERING = 4,
	TASK_ANOMALY = 5
} Task;

/* margin -> response */
typedef enum Link
{
	LINK_IDENTITY = 1,			/* of classes: margins are probabilities already */
	LINK_LOGIT,
	LINK_SOFTMAX,				/* multiclass: margins of all classes */
	LINK_LOG,
	LINK_INVERSE,
	LINK_PROBIT,
	LINK_CLOGLOG,
	LINK_SQRT,
	LINK_INVERSE_SQUARE
} Link;

typedef enum ModelArrayType
{
	ARRAY_U8 = 1,
	ARRAY_I32,
	ARRAY_I64,
	ARRAY_F32,
	ARRAY_F64
} ModelArrayType;

typedef struct ModelArray
{
	char		name[32];		/* [a-z0-9_]+, zero-terminated */
	ModelArrayType	type;
	int64_t		rows;			/* row-major, rows x cols elements */
	int64_t		cols;
	void	   *data;
} ModelArray;

typedef struct ModelNumber
{
	char		name[40];		/* fit statistics and scalars: "r_squared", "df_residual" */
	double		value;
} ModelNumber;

typedef enum CalibrationMethod
{
	CALIBRATE_NONE = 0,
	CALIBRATE_PLATT,			/* p' = 1 / (1 + exp(-(slope * logit(p) + intercept))) */
	CALIBRATE_ISOTONIC			/* linear between knots (x ascending, y non-decreasing) */
} CalibrationMethod;

typedef struct Calibration
{
	CalibrationMethod method;
	double		slope;
	double		intercept;
	int			nknots;
	double	   *x;
	double	   *y;
} Calibration;

typedef struct TargetInfo
{
	char	   *name;			/* column name; NULL for unsupervised tasks */
	char	   *type_name;		/* SQL type */
	int			nclasses;		/* 0 for regression */
	char	  **classes;		/* labels in natural order of their type */
	int			positive;		/* BINARY: index into classes */
	double		threshold;		/* BINARY: label is positive when P >= threshold */
	TargetMap	map;			/* REGRESSION: fitted on map(y), predictions mapped back */
	double		lambda;
} TargetInfo;

typedef struct Model Model;
struct Model
{
	const struct Algorithm *algorithm;
	Task		task;
	Link		link;
	int			noutputs;		/* margins: 1, or nclasses for multiclass */
	uint64_t	seed;
	int64_t		rows_train;		/* rows and weight the fit used */
	double		weight_train;
	FeatureSchema schema;
	Transform  *transform;
	TargetInfo	target;
	Calibration calibration;
	SplitSpec	split;			/* which rows were training rows */
	ParamSet	params;			/* as used, defaults included */
	int			narrays;
	ModelArray *arrays;
	int			nnumbers;
	ModelNumber *numbers;
	void	   *scorer;			/* set by algorithm_bind; in the same arena */
};

extern CoreStatus model_add_array(CoreEnv *env, Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols, void **data);
extern CoreStatus model_add_number(CoreEnv *env, Model *model, const char *name, double value);
extern const ModelArray *model_array(const Model *model, const char *name);	/* or NULL */
/* The array with exactly this type and shape, else CORE_CORRUPT. rows/cols -1: any. */
extern CoreStatus model_require(CoreEnv *env, const Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols, const ModelArray **array);
extern double model_number(const Model *model, const char *name);	/* NaN when absent */
extern size_t array_type_size(ModelArrayType type);
extern const char *task_name(Task task);
extern const char *link_name(Link link);

/*
 * Scoring.  `scratch` holds model_scratch_size(model) doubles.  No allocation,
 * no libm transcendental, no BLAS: the same bits on every machine.
 */
extern int	model_scratch_size(const Model *model);
/*
 * A copy of the model that scores many rows faster, with the same bits and the
 * same scratch, in memory of env; it lives no longer than the model.  Takes about
 * as long as a thousand rows.  The model itself where nothing is faster.
 */
extern CoreStatus model_hasten(CoreEnv *env, const Model *model, const Model **result);
/* Margins, before link, calibration and target inverse; out[noutputs]. */
extern void model_margin(const Model *model, const FeatureValue *values, double *scratch, double *out);
/*
 * Responses: REGRESSION, CLUSTERING, ANOMALY: out[0] the value; BINARY and
 * MULTICLASS: out[nclasses] calibrated probabilities in the order of classes.
 */
extern void model_response(const Model *model, const FeatureValue *values, double *scratch, double *out);
/* The same from terms (one row of transform output) instead of raw values. */
extern void model_response_terms(const Model *model, const double *terms, double *scratch, double *out);
/* From margins (offset already added) to responses: link, calibration, target inverse. */
extern void model_respond(const Model *model, const double *margins, double *out);
/* Index of the predicted class given model_response's output. */
extern int	model_class(const Model *model, const double *response);
extern int	model_response_count(const Model *model);	/* length of model_response's out */
extern double calibration_apply(const Calibration *calibration, double probability);
/* log(p / (1 - p)) of a probability moved into [2^-53, 1 - 2^-53]: what Platt's slope applies to. */
extern double calibration_logit(double probability);

/*
 * Coefficient table, for algorithms that have one: arrays "estimate" and
 * "std_error" [classes x (1 + nterms)], intercept first; NaN where aliased or
 * not defined.  Number "df_residual" present: t distribution, else normal.
 */
typedef struct Coefficient
{
	const char *class_name;		/* multinomial: the class; else NULL */
	const char *term;			/* "(Intercept)" or the term's name */
	double		estimate;
	double		std_error;
	double		statistic;
	double		p_value;
	double		conf_low;		/* at the confidence level asked for */
	double		conf_high;
} Coefficient;

extern CoreStatus model_coefficients(CoreEnv *env, const Model *model, double confidence, Coefficient **table, int *count);

#endif							/* CORE_MODEL_H */
