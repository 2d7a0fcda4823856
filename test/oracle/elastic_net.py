#!/usr/bin/env python3
"""Prints test/unit/oracle_elastic_net.h: scikit-learn's ElasticNet on NIST's Longley data, terms and target standardised.

    python3 test/oracle/elastic_net.py > test/unit/oracle_elastic_net.h
"""
import csv

import numpy
import sklearn
from sklearn.linear_model import ElasticNet

rows = list(csv.reader(open("test/data/nist/longley.csv")))[1:]
data = numpy.array(rows, dtype=float)
y, x = data[:, 0], data[:, 1:]
weights = 1 + numpy.arange(len(y)) % 3


def fit(alpha, l1_ratio, weight):
    mean = numpy.average(x, axis=0, weights=weight)
    sd = numpy.sqrt(numpy.average((x - mean) ** 2, axis=0, weights=weight))
    # the weighted problem is an unweighted one on rows times the square roots of their weights
    root = numpy.sqrt(weight / numpy.mean(weight))[:, None]
    center = numpy.average(y, weights=weight)
    spread = numpy.sqrt(numpy.average((y - center) ** 2, weights=weight))
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, fit_intercept=False, tol=1e-15, max_iter=10**8)
    model.fit(root * (x - mean) / sd, root[:, 0] * (y - center) / spread)
    slopes = model.coef_ * spread / sd
    return [center - slopes @ mean, *slopes]


print("/*")
print(" * oracle_elastic_net.h: coefficients from scikit-learn %s by test/oracle/elastic_net.py." % sklearn.__version__)
print(" */")
print("typedef struct ElasticOracle\n{\n\tdouble\t\talpha;\n\tdouble\t\tl1_ratio;\n\tint\t\t\tweighted;\t\t/* row i has weight 1 + i % 3 */")
print("\tdouble\t\tcoefficient[7];\n} ElasticOracle;\n")
print("static const ElasticOracle elastic_oracle[] = {")
for weighted in (0, 1):
    for alpha in (0.003, 0.03, 0.3, 0.9):
        for l1_ratio in (1.0, 0.9, 0.5, 0.1):
            values = fit(alpha, l1_ratio, weights if weighted else numpy.ones(len(y)))
            print("\t{%g, %g, %d, {%s}}," % (alpha, l1_ratio, weighted, ", ".join("%.17g" % v for v in values)))
print("};")
