"""Gradient-boosted trees as the reference for demand: nine quantile models over lags, means, the calendar and the covariates that our model sees.

Prints its versions, then answers each line: a JSON object with the file of a group of merchants' series and windows. Each origin and step ahead is a row; the target is
divided by the mean of the series' last 52 periods, as our model's is, so that large and small series are learned from alike.
"""

import json
import sys
from importlib.metadata import version

import lightgbm
import numpy as np

print(json.dumps({name: version(name) for name in ("lightgbm", "numpy")}), flush=True)

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
LAGS = 8


def nanmean(values):
    values = values[~np.isnan(values)]
    return values.mean() if len(values) else np.nan


def rows_of(series, origin, horizon, season):
    """Features of each step ahead from what is known at the origin (an index into the series), and the scale."""
    units = np.asarray(series["units"], dtype=float)
    past = units[:origin]
    recent = past[-52:]
    scale = max(nanmean(recent) if len(recent) else 0.0, 0.1)
    if np.isnan(scale):
        scale = 0.1
    lags = np.full(LAGS, np.nan)
    tail = past[-LAGS:][::-1]
    lags[: len(tail)] = tail / scale
    means = [nanmean(past[-n:]) / scale if len(past) else np.nan for n in (4, 13, 26, 52)]
    quantiles = [np.nanquantile(recent, q) / scale if np.any(~np.isnan(recent)) else np.nan for q in (0.1, 0.5, 0.9)]
    zeros = np.mean(recent == 0) if len(recent) else np.nan
    rows = []
    for step in range(horizon):
        at = origin + step
        before = [at - season * back for back in range(1 + step // season, 3 + step // season)]
        seasonal = [units[b] / scale if 0 <= b < origin else np.nan for b in before]
        around = [b for b in range(before[0] - 1, before[0] + 2) if 0 <= b < origin]
        seasonal.append(nanmean(units[around]) / scale if around else np.nan)
        place = series["first"] + at
        known = [column[at] if at < len(column) else np.nan for column in series["known"]]
        rows.append(
            [
                step, np.log(scale), len(past), zeros, *lags, *means, *quantiles, *seasonal,
                np.sin(2 * np.pi * place / series["year"]), np.cos(2 * np.pi * place / series["year"]), place % 7, series["category"], *known,
            ]
        )
    return rows, scale


def train_rows(groups, horizon, season, limit, generator):
    pairs = [(series, origin) for series in groups for origin in range(7, series["trainEnd"] - horizon + 1) if np.nansum(series["units"][:origin]) > 0]
    if len(pairs) * horizon > limit:
        pairs = [pairs[i] for i in sorted(generator.choice(len(pairs), limit // horizon, replace=False))]
    features, targets = [], []
    for series, origin in pairs:
        rows, scale = rows_of(series, origin, horizon, season)
        for step, row in enumerate(rows):
            value = series["units"][origin + step]
            if value is None or np.isnan(value):
                continue
            features.append(row)
            targets.append(value / scale)
    return np.asarray(features, dtype=float), np.asarray(targets)


for line in sys.stdin:
    asked = json.loads(line)
    with open(asked["file"]) as file:
        data = json.load(file)
    for series in data["series"]:
        series["units"] = [np.nan if value is None else value for value in series["units"]]
    horizon, season = data["horizon"], data["season"]
    generator = np.random.default_rng(asked["seed"])
    features, targets = train_rows(data["series"], horizon, season, asked["rows"], generator)
    wanted, scales = [], []
    for series in data["series"]:
        for origin in series["origins"]:
            rows, scale = rows_of(series, origin, horizon, season)
            wanted.extend(rows)
            scales.extend([scale] * horizon)
    wanted, scales = np.asarray(wanted, dtype=float), np.asarray(scales)
    answers = np.zeros((len(wanted), len(LEVELS)))
    for at, level in enumerate(LEVELS):
        model = lightgbm.LGBMRegressor(
            objective="quantile", alpha=level, n_estimators=150, learning_rate=0.05, num_leaves=15, min_child_samples=40, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.8, random_state=asked["seed"], n_jobs=asked["threads"], deterministic=True, verbose=-1,
        )
        model.fit(features, targets)
        answers[:, at] = model.predict(wanted)
    answers = np.maximum(0, np.sort(answers, axis=1)) * scales[:, None]
    with open(asked["answers"], "w") as file:
        json.dump(answers.round(6).tolist(), file)
    print(json.dumps({"rows": len(features)}), flush=True)
