#!/usr/bin/python3
"""Fits penalised logistic regression and naive Bayes with scikit-learn and writes sklearn_fits.csv: case,name,value.

Run in test/oracle: /usr/bin/python3 sklearn_fits.py
"""
import csv
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import CategoricalNB, GaussianNB

warnings.simplefilter("ignore")


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


out = open("sklearn_fits.csv", "w")
out.write("case,name,value\n")


def line(case, name, value):
    out.write(f"{case},{name},{float(value):.17g}\n")


pima = [r for r in read("../data/pima_diabetes.csv") if all(r.values())]
PIMA = ["pregnant", "glucose", "pressure", "triceps", "insulin", "mass", "pedigree", "age"]
x_pima = np.array([[float(r[c]) for c in PIMA] for r in pima])
y_pima = np.array([r["diabetes"] == "pos" for r in pima], dtype=int)
data = read("glm_data.csv")
SMALL = ["x1", "x2", "x3", "x4", "x5"]
x_small = np.array([[float(r[c]) for c in SMALL] for r in data])
counts = np.array([int(r["counts"]) for r in data])
three = np.where(counts == 0, 0, np.where(counts < 3, 1, 2))
w_small = np.array([float(r["w"]) for r in data])


def ridge(case, names, x, y, lam, weight=None, class_weight=None, intercept=True):
    """lam / 2 times squared coefficients of terms divided by their standard deviations (weighted, population)."""
    w = np.ones(len(y)) if weight is None else weight
    center = np.average(x, axis=0, weights=w)
    sd = np.sqrt(np.average((x - (center if intercept else 0)) ** 2, axis=0, weights=w))
    z = (x - (center if intercept else 0)) / sd
    fit = LogisticRegression(C=1 / lam if lam else 1e30, solver="newton-cg", tol=1e-12, max_iter=10000,
                             class_weight=class_weight, fit_intercept=intercept)
    fit.fit(z, y, sample_weight=w)
    classes = fit.classes_
    coef = fit.coef_ if len(classes) > 2 else np.vstack([0 * fit.coef_, fit.coef_])
    b0 = np.atleast_1d(fit.intercept_) if len(classes) > 2 else np.array([0.0, fit.intercept_[0] if intercept else 0.0])
    coef, b0 = (coef - coef[0]) / sd, b0 - b0[0]
    for k in range(1, len(classes)):
        prefix = f"{classes[k]}|" if len(classes) > 2 else ""
        if intercept:
            line(case, prefix + "(Intercept)", b0[k] - coef[k] @ center)
        for j, name in enumerate(names):
            line(case, prefix + name, coef[k][j])


ridge("ridge_pima", PIMA, x_pima, y_pima, 3.0)
ridge("ridge_no_intercept", PIMA, x_pima, y_pima, 0.5, intercept=False)
ridge("ridge_weighted", SMALL, x_small, np.array([int(r["binary"]) for r in data]), 2.0, weight=w_small)
ridge("ridge_multinomial", SMALL, x_small, three, 2.0)
ridge("ridge_multinomial_weighted", SMALL, x_small, three, 0.1, weight=w_small)


def joint(case, log_joint, rows):
    for i in rows:
        for k in range(log_joint.shape[1]):
            line(case, f"{i}|{k}", log_joint[i, k])


rows = range(0, 150, 7)
fit = GaussianNB(var_smoothing=0).fit(x_pima, y_pima)
joint("gaussian_nb", fit._joint_log_likelihood(x_pima), rows)
z = (x_small - np.average(x_small, axis=0, weights=w_small)) / np.sqrt(
    np.average((x_small - np.average(x_small, axis=0, weights=w_small)) ** 2, axis=0, weights=w_small))
keep = [0, 1, 2, 4]
fit = GaussianNB(var_smoothing=0.01).fit(z[:, keep], three, sample_weight=w_small)
# scikit-learn takes the unweighted variance for smoothing; smooth by the weighted one (1 after standardising)
fit.var_ += 0.01 * (1 - np.var(z[:, keep], axis=0).max())
joint("gaussian_nb_weighted", fit._joint_log_likelihood(z[:, keep]), rows)
fit = GaussianNB(var_smoothing=0, priors=[0.2, 0.5, 0.3]).fit(x_small[:, keep], three)
joint("gaussian_nb_priors", fit._joint_log_likelihood(x_small[:, keep]), rows)

telco = read("../data/telco_churn.csv")
CATEGORIES = ["phone_service", "multiple_lines", "internet_service", "online_security", "contract", "payment_method"]
levels = [sorted({r[c] for r in telco}) for c in CATEGORIES]
codes = np.array([[levels[j].index(r[c]) for j, c in enumerate(CATEGORIES)] for r in telco])
churn = np.array([r["churn"] == "Yes" for r in telco], dtype=int)
for alpha in (1.0, 0.25):
    fit = CategoricalNB(alpha=alpha).fit(codes, churn)
    joint(f"categorical_nb_{alpha:g}", fit._joint_log_likelihood(codes), range(0, 7000, 350))
number = np.array([[float(r["tenure"]), float(r["monthly_charges"])] for r in telco])
mixed = CategoricalNB(alpha=1.0).fit(codes, churn)._joint_log_likelihood(codes)
gauss = GaussianNB(var_smoothing=0).fit(number, churn)
joint("mixed_nb", mixed + gauss._joint_log_likelihood(number) - np.log(gauss.class_prior_), range(0, 7000, 350))
out.close()
