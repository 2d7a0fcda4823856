#!/usr/bin/env Rscript
# Fits linear models with R's lm and writes lm.csv: case,name,value,error with the coefficients (standard errors in
# `error`) and then the statistics of each case, as summary.lm, logLik, AIC and BIC give them.
# Run in test/oracle: Rscript lm.R
out <- file("lm.csv", "w")
cat("case,name,value,error\n", file = out)
number <- function(x) ifelse(is.na(x), "NA", format(x, digits = 17, trim = TRUE, scientific = TRUE))
line <- function(case, name, value, error = NA) cat(case, ",", name, ",", number(value), ",", number(error), "\n", sep = "", file = out)

fit_case <- function(case, formula, data, weights = NULL) {
	data$w_ <- if (is.null(weights)) rep(1, nrow(data)) else weights
	fit <- if (is.null(weights)) lm(formula, data) else lm(formula, data, weights = w_)
	s <- summary(fit)
	estimates <- coef(fit)
	errors <- s$coefficients[, 2][names(estimates)]
	for (j in seq_along(estimates)) line(case, names(estimates)[j], estimates[j], errors[j])
	line(case, "r_squared", s$r.squared)
	line(case, "adjusted_r_squared", s$adj.r.squared)
	line(case, "residual_sd", s$sigma)
	line(case, "f_statistic", s$fstatistic[1])
	line(case, "f_p_value", pf(s$fstatistic[1], s$fstatistic[2], s$fstatistic[3], lower.tail = FALSE))
	line(case, "df_model", s$fstatistic[2])
	line(case, "df_residual", fit$df.residual)
	line(case, "log_likelihood", as.numeric(logLik(fit)))
	line(case, "aic", AIC(fit))
	line(case, "bic", BIC(fit))
	line(case, "deviance", deviance(fit))
}

d <- read.csv("glm_data.csv")
fit_case("plain", number ~ x1 + x2 + x3 + x4 + x5, d)
fit_case("weights", number ~ x1 + x2 + x3 + x4 + x5, d, d$w)
fit_case("fractions", number ~ x1 + x2 + x3 + x4 + x5, d, d$w / 7)
fit_case("no_intercept", number ~ x1 + x2 + x3 + x4 + x5 - 1, d)
fit_case("no_intercept_weights", number ~ x1 + x3 + x4 - 1, d, d$w)
d$copy <- 2 * d$x1 - d$x4
fit_case("aliased", number ~ x1 + x4 + copy + x2, d)
fit_case("only_intercept_differs", number ~ x4, d)
close(out)
