#!/usr/bin/env Rscript
# Writes glm_data.csv: a small data set with everything that generalized linear models meet: terms of different
# scale, near-collinear terms (x1, x5), a 0/1 term, weights that are numbers of trials and some zeros, an offset, and
# targets of every kind that really follow the models. Run in test/oracle: Rscript glm_data.R
set.seed(20240229)
n <- 150
x1 <- rnorm(n)
x2 <- 1000 + 5 * rnorm(n)
x3 <- 1e-6 * rexp(n)
x4 <- as.numeric(runif(n) < 0.3)
x5 <- x1 + 0.05 * rnorm(n)
w <- sample(0:9, n, replace = TRUE)
offset <- 0.4 * rnorm(n)
eta <- -0.3 + 0.6 * x1 + 0.05 * (x2 - 1000) + 3e5 * x3 - 0.8 * x4 + offset
binary <- as.numeric(runif(n) < plogis(eta))
trials <- pmax(w, 1)
proportion <- rbinom(n, trials, plogis(eta)) / trials
small <- 0.25 * (eta - offset)
counts <- rpois(n, exp(0.5 + eta))
positive <- rgamma(n, shape = 4, rate = 4 / exp(small))
inverse_gaussian <- pmax(0.05, exp(small) * (1 + 0.2 * rnorm(n)))
number <- 3 + small + 0.3 * rnorm(n)
data <- data.frame(x1, x2, x3, x4, x5, w, offset, binary, proportion, counts, positive, inverse_gaussian, number)
for (name in names(data)) data[[name]] <- format(data[[name]], digits = 17, trim = TRUE)
write.csv(data, "glm_data.csv", row.names = FALSE, quote = FALSE)
