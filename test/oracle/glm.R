#!/usr/bin/env Rscript
# Fits generalized linear models with R's glm at tight tolerances and writes glm.csv:
# case,name,value,error with the coefficients (standard errors in `error`) and then the statistics of each case.
# Run in test/oracle: Rscript glm.R
control <- glm.control(epsilon = 1e-14, maxit = 100)
out <- file("glm.csv", "w")
cat("case,name,value,error\n", file = out)
number <- function(x) ifelse(is.na(x), "NA", format(x, digits = 17, trim = TRUE, scientific = TRUE))
line <- function(case, name, value, error = NA) cat(case, ",", name, ",", number(value), ",", number(error), "\n", sep = "", file = out)

# Aliased columns are found with R's usual tolerance (a tight epsilon would switch that off), then left out.
fit_case <- function(case, x, y, family, weights = rep(1, length(y)), offset = rep(0, length(y)), intercept = TRUE, start = NULL) {
	names <- colnames(x)
	design <- if (intercept) cbind("(Intercept)" = 1, x) else x
	rank <- qr(design[weights > 0, , drop = FALSE], tol = 1e-9)
	kept <- sort(rank$pivot[seq_len(rank$rank)])
	frame <- data.frame(y = y, w = weights, o = offset)
	frame$x <- design[, kept, drop = FALSE]
	fit <- suppressWarnings(glm(y ~ x - 1, family = family, data = frame, weights = w, offset = o, control = control, start = start))
	stopifnot(fit$converged || fit$iter == control$maxit)
	# The deviance stops changing when coefficients still have half of their digits: iterate on from there.
	for (more in 1:200) {
		before <- coef(fit)
		fit <- suppressWarnings(glm(y ~ x - 1, family = family, data = frame, weights = w, offset = o, start = before,
			control = glm.control(epsilon = 1e-300, maxit = 10)))
		if (max(abs(coef(fit) - before) / summary(fit)$coefficients[, 2]) < 1e-13) break
	}
	table <- summary(fit)$coefficients
	for (j in seq_len(ncol(design))) {
		at <- match(j, kept)
		if (is.na(at)) line(case, colnames(design)[j], NA, NA)
		else line(case, colnames(design)[j], table[at, 1], table[at, 2])
	}
	null <- if (intercept) suppressWarnings(glm(y ~ 1, family = family, data = frame, weights = w, offset = o, control = control)$deviance) else fit$null.deviance
	line(case, "deviance", fit$deviance)
	line(case, "null_deviance", null)
	line(case, "aic", suppressWarnings(fit$aic))
	likelihood <- suppressWarnings(logLik(fit))
	# nobs() leaves rows of weight 0 out, BIC() would count them
	line(case, "bic", attr(likelihood, "df") * log(nobs(fit)) - 2 * as.numeric(likelihood))
	line(case, "log_likelihood", as.numeric(likelihood))
	line(case, "df", fit$df.residual)
	line(case, "dispersion", summary(fit)$dispersion)
	invisible(fit)
}

# The design of a table: numeric columns as they are, others as 0/1 columns for all but the first level in byte order.
design_of <- function(data, columns) {
	x <- NULL
	for (name in columns) {
		values <- data[[name]]
		if (is.numeric(values)) {
			x <- cbind(x, values)
			colnames(x)[ncol(x)] <- name
		} else {
			for (level in sort(unique(values), method = "radix")[-1]) {
				x <- cbind(x, as.numeric(values == level))
				colnames(x)[ncol(x)] <- paste0(name, "=", level)
			}
		}
	}
	x
}
rownames_off <- function(data) data[stats::complete.cases(data), ]

pima <- rownames_off(read.csv("../data/pima_diabetes.csv", stringsAsFactors = FALSE))
x <- design_of(pima, setdiff(names(pima), c("id", "diabetes")))
y <- as.numeric(pima$diabetes == "pos")
fit_case("pima", x, y, binomial())
fit_case("pima_probit", x, y, binomial("probit"))
fit_case("pima_cloglog", x, y, binomial("cloglog"))
fit_case("pima_no_intercept", x, y, binomial(), intercept = FALSE)
fit_case("pima_weighted", x, y, binomial(), weights = 1 + seq_along(y) %% 3)

telco <- rownames_off(read.csv("../data/telco_churn.csv", stringsAsFactors = FALSE, na.strings = ""))
x <- design_of(telco, setdiff(names(telco), c("customer_id", "churn")))
fit_case("telco", x, as.numeric(telco$churn == "Yes"), binomial())

d <- read.csv("glm_data.csv")
x <- as.matrix(d[, c("x1", "x2", "x3", "x4", "x5")])
two <- x[, c("x1", "x4")]
trials <- pmax(d$w, 1)
fit_case("gaussian", x, d$number, gaussian())
fit_case("gaussian_weighted", x, d$number, gaussian(), weights = ifelse(d$w == 0, 0.5, d$w), offset = d$offset)
fit_case("gaussian_log", x, d$number, gaussian("log"))
fit_case("gaussian_inverse", x, d$number, gaussian("inverse"))
fit_case("logit", x, d$binary, binomial(), offset = d$offset)
fit_case("logit_zero_weights", x, d$binary, binomial(), weights = d$w)
fit_case("probit", x, d$binary, binomial("probit"))
fit_case("cloglog", x, d$binary, binomial("cloglog"), offset = d$offset)
fit_case("binomial_log", x[, "x4", drop = FALSE], as.numeric(d$counts >= 4), binomial("log"), weights = d$w, start = c(-2, 0))
fit_case("proportion", x, d$proportion, binomial(), weights = trials)
fit_case("proportion_probit", x, d$proportion, binomial("probit"), weights = trials, offset = d$offset)
fit_case("poisson", x, d$counts, poisson(), offset = d$offset)
fit_case("poisson_weighted", x, d$counts, poisson(), weights = ifelse(d$w == 0, 0.25, d$w))
fit_case("poisson_no_intercept", x, d$counts, poisson(), offset = d$offset, intercept = FALSE)
fit_case("poisson_sqrt", x[, c("x4", "x3")], d$counts, poisson("sqrt"))
fit_case("poisson_identity", two[, "x4", drop = FALSE], d$counts, poisson("identity"))
fit_case("gamma", x, d$positive, Gamma())
fit_case("gamma_log", x, d$positive, Gamma("log"), weights = ifelse(d$w == 0, 0.5, d$w), offset = d$offset)
fit_case("gamma_identity", two, d$positive, Gamma("identity"), start = c(1, 0, 0))
fit_case("inverse_gaussian", x, d$inverse_gaussian, inverse.gaussian())
fit_case("inverse_gaussian_log", x, d$inverse_gaussian, inverse.gaussian("log"), offset = d$offset)
fit_case("inverse_gaussian_inverse", x, d$inverse_gaussian, inverse.gaussian("inverse"), weights = ifelse(d$w == 0, 0.5, d$w))
fit_case("inverse_gaussian_identity", two, d$inverse_gaussian, inverse.gaussian("identity"), start = c(1, 0, 0))
aliased <- cbind(x[, 1:2], x12 = x[, "x1"] + x[, "x2"], ones = 7, x[, 3:5], copy = x[, "x4"])
fit_case("aliased", aliased, d$binary, binomial())

# A multinomial model as a Poisson model with a parameter for each row (Baker 1994): the same estimates and standard errors.
fit_multinomial <- function(case, x, y, weights = rep(1, length(y)), intercept = TRUE) {
	classes <- sort(unique(y))
	design <- if (intercept) cbind("(Intercept)" = 1, x) else x
	used <- weights > 0
	design <- design[used, , drop = FALSE]
	y <- y[used]
	weights <- weights[used]
	n <- length(y)
	stacked <- NULL
	for (class in classes[-1])
		stacked <- cbind(stacked, do.call(rbind, lapply(classes, function(k) if (k == class) design else 0 * design)))
	frame <- data.frame(count = as.numeric(unlist(lapply(classes, function(k) y == k))) * weights, row = factor(rep(seq_len(n), length(classes))))
	frame$x <- scale(stacked, center = FALSE)
	fit <- suppressWarnings(glm(count ~ row + x - 1, family = poisson(), data = frame, control = control))
	for (more in 1:4)
		fit <- suppressWarnings(glm(count ~ row + x - 1, family = poisson(), data = frame, start = coef(fit), control = glm.control(epsilon = 1e-300, maxit = 2)))
	table <- summary(fit)$coefficients[-seq_len(n), 1:2] / attr(frame$x, "scaled:scale")
	names <- as.vector(outer(colnames(design), classes[-1], function(term, class) paste0(class, "|", term)))
	for (j in seq_along(names)) line(case, names[j], table[j, 1], table[j, 2])
	line(case, "deviance", fit$deviance)
	line(case, "aic", fit$deviance + 2 * length(names))
	share <- tapply(weights, y, sum) / sum(weights)
	line(case, "null_deviance", if (intercept) -2 * sum(weights) * sum(share * log(share)) else 2 * sum(weights) * log(length(classes)))
}
three <- ifelse(d$counts == 0, 0, ifelse(d$counts < 3, 1, 2))
fit_multinomial("multinomial", x, three)
fit_multinomial("multinomial_weighted", x, three, weights = d$w)
fit_multinomial("multinomial_no_intercept", two, three, intercept = FALSE)
fit_multinomial("multinomial_pima", as.matrix(pima[, c("pregnant", "glucose", "mass", "pedigree")]), findInterval(pima$age, c(25, 30, 40)))
close(out)
