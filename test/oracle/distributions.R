# Prints test/oracle/distributions.csv: tail probabilities and quantiles as R (4.2.2) computes them; arguments, then the value.
#   Rscript test/oracle/distributions.R > test/oracle/distributions.csv
table <- function(name, grid, f)
{
	for (i in seq_len(nrow(grid)))
	{
		arguments <- unname(as.list(grid[i, , drop = FALSE]))
		value <- do.call(f, arguments)
		# R's own limits: nothing to compare below the smallest normal number
		if (is.finite(value) && (value == 0 || abs(value) > 1e-300))
			cat(paste(c(name, sprintf("%.17g", unlist(arguments)), rep("", 3 - length(arguments)), sprintf("%.17g", value)), collapse = ","), "\n", sep = "")
	}
}
cat("case,a,b,c,value\n")

dfs <- c(0.5, 1, 2, 3, 4.5, 7, 10, 30, 100, 999, 7033, 1e5, 1e6, 1e8)
table("student", expand.grid(t = c(0, 1e-8, 0.01, 0.5, 1, 1.96, 2.5, 4, 7.3, 15, 40, 300, 1e6), df = dfs),
	function(t, df) 2 * pt(-t, df))
table("f", expand.grid(f = c(1e-6, 0.01, 0.3, 0.9, 1, 1.1, 2, 5, 20, 130, 1e4), df1 = c(1, 2, 3.5, 8, 28, 150, 3000),
	df2 = c(1, 2, 9, 41.5, 700, 1e4, 1e6)), function(f, a, b) pf(f, a, b, lower.tail = FALSE))
table("chi_squared", expand.grid(x = c(1e-6, 0.01, 0.5, 1, 2, 3.84, 10, 50, 99, 120, 700, 1200, 1e5, 1.01e5),
	df = c(0.5, 1, 2, 3, 5, 10, 50, 100, 1000, 1e5)), function(x, df) pchisq(x, df, lower.tail = FALSE))
table("normal", expand.grid(z = c(0, 1e-10, 0.1, 0.67, 1, 1.96, 3, 6, 10, 20, 37)), function(z) 2 * pnorm(-z))
table("normal_quantile", expand.grid(p = c(1e-300, 1e-100, 1e-20, 1e-10, 1e-4, 0.01, 0.025, 0.3, 0.49999, 0.5, 0.6, 0.975, 0.999999)),
	qnorm)
table("student_quantile", expand.grid(p = c(1e-10, 1e-4, 0.005, 0.025, 0.3, 0.4999, 0.5, 0.6, 0.95, 0.975, 0.9999), df = dfs), qt)
table("log_gamma", expand.grid(x = c(1e-300, 1e-10, 0.01, 0.3, 0.5, 0.77, 1, 1.0001, 1.3, 1.5, 1.9999, 2, 2.2, 2.5, 2.500001, 3, 4.7, 8, 11.9,
	12, 12.1, 30, 100.5, 1e4, 1e10, 1e100, 1e305)), lgamma)
table("digamma", expand.grid(x = c(1e-10, 0.01, 0.3, 1, 1.3, 2, 3.3, 5, 9.99, 10, 10.01, 50, 1e4, 1e10, 1e100)), digamma)
