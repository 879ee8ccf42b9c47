"""Boosted trees on all merchants' orders together, the reference that sees everything.

Prints its versions, then answers each line, a JSON object with the merchants' folders, the columns and the days of the
split, with each merchant's AUROC and average precision on its hold-out; null where it has not two late orders and two on time.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import lightgbm
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

print(json.dumps({name: version(name) for name in ("lightgbm", "scikit-learn", "pandas")}), flush=True)

for line in sys.stdin:
    asked = json.loads(line)
    frames = [pd.read_csv(Path(folder) / "deliveries.csv").assign(merchant=index) for index, folder in enumerate(asked["folders"])]
    orders = pd.concat(frames, ignore_index=True)
    features = orders[asked["numbers"]].apply(pd.to_numeric, errors="coerce")
    for name in asked["categories"]:
        features[name] = orders[name].astype(str).astype("category")
    features["month"] = pd.to_datetime(orders.promised).dt.month
    features["weekday"] = pd.to_datetime(orders.promised).dt.day_of_week
    late = orders.late.astype(str).str.lower() == "true"
    train = orders.promised < asked["validFrom"]
    test = orders.promised >= asked["testFrom"]
    model = lightgbm.LGBMClassifier(
        n_estimators=200, learning_rate=0.03, num_leaves=15, min_child_samples=20, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.7, random_state=asked["seed"], n_jobs=1, deterministic=True, verbose=-1,
    )
    model.fit(features[train], late[train])
    scores = pd.Series(model.predict_proba(features[test])[:, 1], index=orders.index[test])
    answers = []
    for index in range(len(asked["folders"])):
        own = orders.index[test & (orders.merchant == index)]
        positives = int(late[own].sum())
        if positives < 2 or len(own) - positives < 2:
            answers.append(None)
            continue
        answers.append(
            {
                "auroc": float(roc_auc_score(late[own], scores[own])),
                "auprc": float(average_precision_score(late[own], scores[own])),
            }
        )
    print(json.dumps(answers), flush=True)
