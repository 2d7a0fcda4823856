# Prints test/unit/oracle_distributions.h: tail probabilities and quantiles as R computes them.
#   Rscript test/oracle/distributions.R > test/unit/oracle_distributions.h
options(digits = 17)
row <- function(...) paste0("{", paste(vapply(list(...), function(v) if (is.infinite(v)) "INFINITY" else sprintf("%.17g", v), ""),
	collapse = ", "), "},")
table <- function(name, columns, grid, f)
{
	cat("\nstatic const double ", name, "[][", columns, "] = {\n", sep = "")
	rows <- character()
	for (i in seq_len(nrow(grid)))
	{
		value <- do.call(f, unname(as.list(grid[i, ])))
		# R's own limits: nothing to compare below the smallest normal number
		if (is.finite(value) && (value == 0 || abs(value) > 1e-300))
			rows <- c(rows, do.call(row, c(unname(as.list(grid[i, ])), value)))
	}
	# three to a line
	for (i in seq(1, length(rows), 3)) cat("\t", paste(rows[i:min(i + 2, length(rows))], collapse = " "), "\n", sep = "")
	cat("};\n")
}
cat("/*\n * oracle_distributions.h: values from", R.version.string, "by test/oracle/distributions.R; arguments, then the value.\n */\n")

dfs <- c(0.5, 1, 2, 3, 4.5, 7, 10, 30, 100, 999, 7033, 1e5, 1e6, 1e8)
table("oracle_student", 3, expand.grid(t = c(0, 1e-8, 0.01, 0.5, 1, 1.96, 2.5, 4, 7.3, 15, 40, 300, 1e6), df = dfs),
	function(t, df) 2 * pt(-t, df))
table("oracle_f", 4, expand.grid(f = c(1e-6, 0.01, 0.3, 0.9, 1, 1.1, 2, 5, 20, 130, 1e4), df1 = c(1, 2, 3.5, 8, 28, 150, 3000),
	df2 = c(1, 2, 9, 41.5, 700, 1e4, 1e6)), function(f, a, b) pf(f, a, b, lower.tail = FALSE))
table("oracle_chi_squared", 3, expand.grid(x = c(1e-6, 0.01, 0.5, 1, 2, 3.84, 10, 50, 99, 120, 700, 1200, 1e5, 1.01e5),
	df = c(0.5, 1, 2, 3, 5, 10, 50, 100, 1000, 1e5)), function(x, df) pchisq(x, df, lower.tail = FALSE))
table("oracle_normal", 2, expand.grid(z = c(0, 1e-10, 0.1, 0.67, 1, 1.96, 3, 6, 10, 20, 37)), function(z) 2 * pnorm(-z))
table("oracle_normal_quantile", 2, expand.grid(p = c(1e-300, 1e-100, 1e-20, 1e-10, 1e-4, 0.01, 0.025, 0.3, 0.49999, 0.5, 0.6, 0.975, 0.999999)),
	qnorm)
table("oracle_student_quantile", 3, expand.grid(p = c(1e-10, 1e-4, 0.005, 0.025, 0.3, 0.4999, 0.5, 0.6, 0.95, 0.975, 0.9999), df = dfs), qt)
table("oracle_log_gamma", 2, expand.grid(x = c(1e-300, 1e-10, 0.01, 0.3, 0.5, 0.77, 1, 1.0001, 1.3, 1.5, 1.9999, 2, 2.2, 2.5, 2.500001, 3, 4.7, 8, 11.9,
	12, 12.1, 30, 100.5, 1e4, 1e10, 1e100, 1e305)), lgamma)
table("oracle_digamma", 2, expand.grid(x = c(1e-10, 0.01, 0.3, 1, 1.3, 2, 3.3, 5, 9.99, 10, 10.01, 50, 1e4, 1e10, 1e100)), digamma)
