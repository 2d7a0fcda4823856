/*
 * linear_gram.c
 *	  The cheap way to join a block to a LinearState, for columns that are far from
 *	  collinear.
 *
 * Normal equations square the condition number, so they are no way to solve
 * least squares.  But where that number is small, the Cholesky factor of the Gram
 * matrix is the triangle of the QR to a few rounding errors, for half of the flops
 * and in one multiplication of matrices.  After the factorisation it is known how
 * well that went: with columns scaled to length 1 the squared lengths of the
 * rows of the inverse triangle are the variance inflation factors of the columns,
 * the target's among them, and relative errors of the triangle are bounded by
 * that sum times the rounding unit (Demmel, "On floating point errors in
 * Cholesky", 1989).  Above MOST_INFLATION the result is thrown away and QR takes
 * its place: near collinearity, perfect fits, constant terms.
 *
 * Cost: (p + 1)^2 flops a row, and (p + 1)^3 / 2 a block.
 */
#include "core/linear_internal.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define MOST_COLUMNS 128		/* beyond, blocked QR has the speed of matrix multiplication, too */
#define LEAST_ROWS 8			/* times the columns, or the cubic part costs more than is gained */
#define MOST_INFLATION 1000.0	/* sum of variance inflation factors: errors below 1e-13 */
#define SMALLEST_LENGTH 1e-130	/* of columns, so that products neither vanish ... */
#define LARGEST_LENGTH 1e130	/* ... nor overflow */
#define SMALL_ROWS 1024			/* of a product that stays in the cache ... */
#define SMALL_COLUMNS 8			/* ... and fills the widest registers */

/*
 * Whether BLAS multiplies small matrices without repacking them.  Models are the
 * same to the bit for the same core type only, so it may choose the way.
 */
static bool
small_products_are_fast(void)
{
	static const char *const types[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
	const char *type = openblas_get_corename();

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

void
linear_gram_add(int k, int nrows, const double *rows, size_t ld, double *gram)
{
	if (k > MOST_COLUMNS || !small_products_are_fast())
	{
		cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, k, nrows, 1, rows, (int) ld, 1, gram, k);
		return;
	}
	for (int first = 0; first < nrows; first += SMALL_ROWS)
	{
		int			count = nrows - first < SMALL_ROWS ? nrows - first : SMALL_ROWS;

		for (int j = 0; j < k; j += SMALL_COLUMNS)
		{
			const double *b = rows + (size_t) j * ld + first;
			int			columns = k - j < SMALL_COLUMNS ? k - j : SMALL_COLUMNS;

			for (int i = 0; i <= j; i += SMALL_COLUMNS)
				cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, i < j ? SMALL_COLUMNS : columns, columns, count, 1,
							rows + (size_t) i * ld + first, (int) ld, b, (int) ld, 1, gram + (size_t) j * (size_t) k + i, k);
		}
	}
}

/* Adds R'R of the state and the square of the mean difference. */
static void
add_state(const LinearState *state, double weight, const double *mean, double *gram)
{
	int			k = state->nterms + 1;
	double		factor = state->weight * (weight / (state->weight + weight));

	for (int j = 0; j < k; j++)
	{
		const double *b = linear_state_column(state, j);
		double		difference = factor * linear_mean_difference(state, mean, j);

		for (int i = 0; i <= j; i++)
		{
			const double *a = linear_state_column(state, i);
			double		sum = linear_mean_difference(state, mean, i) * difference;

			for (int l = 0; l <= i; l++)
				sum += a[l] * b[l];
			gram[(size_t) j * (size_t) k + (size_t) i] += sum;
		}
	}
}

/*
 * Scales the matrix to unit diagonal, lengths into `length`, and factors it in
 * place (upper triangle, column by column).  False when that is impossible.
 */
static bool
scale_and_factor(int k, double *gram, double *length)
{
	for (int j = 0; j < k; j++)
	{
		double	   *b = gram + (size_t) j * (size_t) k;

		length[j] = sqrt(b[j]);
		/* written so that NaN fails */
		if (!(length[j] > SMALLEST_LENGTH && length[j] < LARGEST_LENGTH))
			return false;
		b[j] = 1;
		for (int i = 0; i <= j; i++)
		{
			const double *a = gram + (size_t) i * (size_t) k;
			double		sum = i < j ? b[i] / (length[i] * length[j]) : 1;

			for (int l = 0; l < i; l++)
				sum -= a[l] * b[l];
			if (i < j)
				b[i] = sum / a[i];
			else if (sum * MOST_INFLATION > 1)
				b[i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/* Sum of squares of the inverse triangle; inverse: k x k. */
static double
inflation(int k, const double *triangle, double *inverse)
{
	double		total = 0;

	for (int j = 0; j < k; j++)
	{
		double	   *column = inverse + (size_t) j * (size_t) k;

		/* column j of the inverse, by back-substitution from the unit vector */
		memset(column, 0, (size_t) j * sizeof(double));
		column[j] = 1;
		for (int i = j; i >= 0; i--)
		{
			const double *a = triangle + (size_t) i * (size_t) k;

			column[i] /= a[i];
			total += column[i] * column[i];
			for (int l = 0; l < i; l++)
				column[l] -= column[i] * a[l];
		}
	}
	return total;
}

bool
linear_gram_suits(int k, int nrows)
{
	return k <= MOST_COLUMNS && nrows >= LEAST_ROWS * k;
}

/* From products of differences from some value to those of differences from the mean. */
static void
subtract_shift(int k, double weight, const double *shift, double *gram)
{
	for (int j = 0; j < k; j++)
	{
		for (int i = 0; i <= j; i++)
			gram[(size_t) j * (size_t) k + (size_t) i] -= weight * shift[i] * shift[j];
	}
}

bool
linear_gram_join(LinearState *state, int nrows, const double *rows, size_t ld, double weight, const double *mean, const double *shift, double *work)
{
	int			k = state->nterms + 1;
	double	   *gram = work;
	double	   *inverse = work + (size_t) k * (size_t) k;
	double		length[MOST_COLUMNS];
	double		fraction = weight / (state->weight + weight);

	if (!linear_gram_suits(k, nrows))
		return false;
	memset(gram, 0, (size_t) k * (size_t) k * sizeof(double));
	linear_gram_add(k, nrows, rows, ld, gram);
	if (shift != NULL)
		subtract_shift(k, weight, shift, gram);
	if (state->weight > 0)
		add_state(state, weight, mean, gram);
	if (!scale_and_factor(k, gram, length) || !(inflation(k, gram, inverse) <= MOST_INFLATION))
		return false;

	for (int j = 0; j < k; j++)
	{
		double	   *column = linear_state_column(state, j);

		for (int i = 0; i <= j; i++)
			column[i] = gram[(size_t) j * (size_t) k + (size_t) i] * length[j];
		if (state->weight > 0)
			linear_mean_shift(state, j, linear_mean_difference(state, mean, j) * fraction);
	}
	if (state->weight == 0)
		memcpy(state->data, mean, 2 * (size_t) k * sizeof(double));
	return true;
}
