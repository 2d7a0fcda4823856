#!/usr/bin/python3
"""Random forests of scikit-learn on the test data sets, out of sample: writes sklearn_forest.csv: case,name,value.

Rows of fold k are those with id % 5 = k; fold 0 alone for diamonds.  Categories are one-hot columns, missing numbers
the median with a column that says so.  Means over folds and three seeds; "spread" is the standard deviation of a fold's
result between seeds.

Run in test/oracle: /usr/bin/python3 sklearn_forest.py
"""
import csv

import numpy as np
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import mean_squared_error, roc_auc_score
from sklearn.tree import DecisionTreeRegressor

SEEDS = (1, 2, 3)


def read(name):
    with open(f"../data/{name}.csv", newline="") as f:
        return list(csv.DictReader(f))


def number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def design(rows, leave_out):
    columns = []
    for name in rows[0]:
        if name in leave_out:
            continue
        values = [r[name] for r in rows]
        known = [v for v in values if v != ""]
        if all(not np.isnan(number(v)) for v in known):
            x = np.array([number(v) for v in values])
            missing = np.isnan(x)
            if missing.any():
                columns.append(missing.astype(float))
                x[missing] = np.median(x[~missing])
            columns.append(x)
        else:
            columns += [np.array([v == level for v in values], dtype=float) for level in sorted(set(values))]
    return np.column_stack(columns)


out = open("sklearn_forest.csv", "w")
out.write("case,name,value\n")


def line(case, name, value):
    out.write(f"{case},{name},{float(value):.10g}\n")
    out.flush()
    print(case, name, value, flush=True)


def compare(case, x, y, ids, make, score, folds):
    results = []
    for fold in folds:
        test = ids % 5 == fold
        results.append([score(y[test], make(seed).fit(x[~test], y[~test]), x[test]) for seed in SEEDS])
    line(case, score.__name__, np.mean(results))
    line(case, "spread", np.mean(np.std(results, axis=1)))


def rmse(y, model, x):
    return mean_squared_error(y, model.predict(x), squared=False)


def auc(y, model, x):
    return roc_auc_score(y, model.predict_proba(x)[:, 1])


def regression(leaf, features):
    return lambda seed: RandomForestRegressor(100, min_samples_leaf=leaf, max_features=features, random_state=seed)


def classes(leaf, trees=300):
    return lambda seed: RandomForestClassifier(trees, min_samples_leaf=leaf, max_features="sqrt", random_state=seed)


pima = read("pima_diabetes")
ids = np.array([int(r["id"]) for r in pima])
x = design(pima, {"id", "diabetes"})
y = np.array([r["diabetes"] == "pos" for r in pima], dtype=int)
compare("pima_1", x, y, ids, classes(1), auc, range(5))
compare("pima_5", x, y, ids, classes(5), auc, range(5))

telco = read("telco_churn")
ids = np.array([int(r["customer_id"][1:]) for r in telco])
x = design(telco, {"customer_id", "churn"})
y = np.array([r["churn"] == "Yes" for r in telco], dtype=int)
compare("telco_1", x, y, ids, classes(1, 100), auc, range(5))
compare("telco_10", x, y, ids, classes(10, 100), auc, range(5))

ames = read("ames")
ids = np.array([int(r["id"]) for r in ames])
x = design(ames, {"id", "sale_price"})
y = np.array([float(r["sale_price"]) for r in ames])
compare("ames_third", x, y, ids, regression(1, 1 / 3), rmse, range(5))
compare("ames_all", x, y, ids, regression(1, 1.0), rmse, range(5))

diamonds = read("diamonds")
ids = np.array([int(r["id"]) for r in diamonds])
x = design(diamonds, {"id", "price"})
y = np.array([float(r["price"]) for r in diamonds])
compare("diamonds_third", x, y, ids, regression(5, 1 / 3), rmse, [0])
compare("diamonds_all", x, y, ids, regression(5, 1.0), rmse, [0])
compare("diamonds_tree", x, y, ids, lambda seed: DecisionTreeRegressor(min_samples_leaf=20, random_state=seed), rmse, [0])

# the points of test/pgtap/47_isolation.sql, planted closer
i = np.arange(1, 3001)
planted = i % 100 == 0
a = np.sin(i * 12.9898) * 2 + planted * 2.5
b = np.cos(i * 78.233) * 2 - planted * 2
c = np.sin(i * 45.164) * 2
scores = [roc_auc_score(planted, -IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(np.column_stack([a, b, c]))
                        .score_samples(np.column_stack([a, b, c]))) for seed in range(10)]
line("isolation", "auc", np.mean(scores))
line("isolation", "spread", np.std(scores))
