"""The tests of every model against the reference, from the result files of a run.

Three tests, each with its own question (`models.evaluation.statistics`): would the model be better if both
were trained again (t, over seeds), would the difference stand on other videos (bootstrap), and
what does the test that papers use for correlations say (fisher_z).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.task import Task
from models.evaluation import statistics
from models.evaluation.registry import metrics_of
from reports.numbers.replicates import Replicates, read_evaluation, read_replicates
from reports.numbers.schema import MEAN, MEASURES, TESTS
from reports.numbers.summary import INTACT, measured, per_seed

KEYS = ("model", "reference", "target", "measure", "test")
COLUMNS = (*KEYS, "difference", "low", "high", "p", "p_adjusted", "n", "significant", "note")

SEEDS_NEEDED = 5
"""Fewer pairs than this and a t-test finds large gains only (Goncalves and Busso 2022 used 20)."""
ITEMS_NEEDED = 20
"""A percentile interval of fewer items is too narrow."""
LEVELS = {"t": 0.05, "fisher_z": 0.01, "bootstrap": 0.05}
"""Where the papers drew the line; for the bootstrap, of the adjusted p."""

Row = dict[str, Any]


def significance(folder: Path, models: Sequence[str], reference: str, task: Task) -> pd.DataFrame:
    """Test every model against the reference.

    Args:
        folder: holds `evaluation/` and `replicates/`.
        models: names of the models, the reference among them.
        reference: the model that the others are compared with.
        task: what was recognised.

    Returns:
        One row per model, target (the mean of several is one more), measure and test, with
        `difference` (model less reference; of the primary metric, of Pearson's correlation for
        fisher_z), the bounds `low` and `high` of its 95 % interval, `p`, `p_adjusted` (Holm, over
        the models), `n` (seeds, labels or items), `significant` (0 or 1) and, where there is no
        verdict, `note`. What a test does not give is NaN. No rows where there is one model only.

    Raises:
        InputError: a result file is missing, malformed or of other items than the rest.
    """
    others = [model for model in models if model != reference]
    if not others:
        return pd.DataFrame(columns=list(COLUMNS))
    metric, *_ = metrics_of(task)
    correlations = [] if task.kind == "classification" else ["pearson", "n"]
    evaluation = read_evaluation(folder / "evaluation", models, [metric, *correlations])
    replicates = read_replicates(folder / REPLICATES, models, task)
    rows = [
        *t_tests(per_seed(evaluation, metric), others, reference),
        *(_fisher_tests(evaluation, others, reference, task) if correlations else ()),
        *_bootstraps(replicates, others, reference, task),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).assign(reference=reference)
    order = {
        "model": others,
        "target": _with_mean(task.targets),
        "measure": MEASURES,
        "test": TESTS,
    }
    places = {name: {v: i for i, v in enumerate(values)} for name, values in order.items()}
    return table.sort_values(
        list(order), key=lambda column: column.map(places[str(column.name)]), ignore_index=True
    )


def t_tests(
    values: pd.DataFrame, others: Sequence[str], reference: str, unit: str = "seed"
) -> Iterator[Row]:
    """Rows of the one-tailed t-test; a seed for which a value is undefined makes no pair.

    Args:
        values: what `reports.numbers.summary.per_seed` returns, or the like.
        others: names of the models to test.
        reference: the model that they are compared with.
        unit: what pairs them.
    """
    values = values[values["headline"].isin(MEASURES)]
    wide = values.pivot(index=["target", "headline", "seed"], columns="model", values="value")
    for (target, measure), seeds in wide.groupby(level=["target", "headline"]):
        for model in others:
            if model not in seeds or reference not in seeds:
                continue
            pairs = seeds[[model, reference]].dropna()
            one, other = pairs[model].to_numpy(), pairs[reference].to_numpy()
            p, note = np.nan, ""
            if len(pairs) < SEEDS_NEEDED:
                note = f"needs {SEEDS_NEEDED} {unit}s, has {len(pairs)}"
            else:
                p = statistics.paired_t(one, other)
                note = f"the same difference in every {unit}" if np.isnan(p) else ""
            difference = (one - other).mean() if len(pairs) else np.nan
            yield _row(
                "t", model, str(target), difference, p, len(pairs), note, measure=str(measure)
            )


def _fisher_tests(
    evaluation: pd.DataFrame, others: Sequence[str], reference: str, task: Task
) -> Iterator[Row]:
    """Rows of Fisher's z-test of the correlations on intact input, averaged over seeds as z."""
    # Nothing is lost under any of these conditions: the first stands for all.
    intact = measured(evaluation)[INTACT].groupby(["model", "target", "seed"])[["pearson", "n"]]
    seeds = intact.first().groupby(["model", "target"])
    r = seeds["pearson"].agg(lambda own: float(statistics.mean_correlation(own.to_numpy())))
    n = seeds["n"].first()
    for model in others:
        for target in task.targets:
            one, other = (model, target), (reference, target)
            if one not in r.index or other not in r.index:
                continue
            p = float(statistics.fisher_z(r[one], r[other], n[one], n[other]))
            note = "undefined" if np.isnan(p) else ""
            yield _row("fisher_z", model, target, r[one] - r[other], p, int(n[one]), note)


def _bootstraps(
    replicates: Replicates, others: Sequence[str], reference: str, task: Task
) -> Iterator[Row]:
    """Rows of the bootstrap over items, adjusted over the models of each target and measure."""
    items, rows = replicates.items, replicates.rows
    unit = "videos" if task.level == "frame" else "sequences"
    note = f"needs {ITEMS_NEEDED} {unit}, has {items}" if items < ITEMS_NEEDED else ""
    for measure, own in measured(rows, "target").items():
        if own.empty:
            continue
        places = [own.index[own["target"] == target] for target in task.targets]
        pooled = {
            model: _mean_appended(np.stack([values[place].mean(0) for place in places], axis=1))
            for model, values in replicates.values.items()
        }
        differences = np.stack([pooled[model] - pooled[reference] for model in others], axis=1)
        observed, resampled = differences[0], differences[1:]
        low, high = statistics.percentile_interval(resampled)
        p = statistics.bootstrap_p(resampled)
        p = np.where(np.isnan(observed) | (items < ITEMS_NEEDED), np.nan, p)
        adjusted = np.apply_along_axis(statistics.holm, 0, p)
        for place, model in enumerate(others):
            for column, target in enumerate(_with_mean(task.targets)):
                cell = place, column
                unknown = bool(np.isnan(p[cell]))
                yield _row(
                    "bootstrap",
                    model,
                    target,
                    observed[cell],
                    p[cell],
                    items,
                    note or ("undefined" if unknown else ""),
                    measure=measure,
                    p_adjusted=adjusted[cell],
                    low=np.nan if unknown else low[cell],
                    high=np.nan if unknown else high[cell],
                )


def _row(
    test: str,
    model: str,
    target: str,
    difference: float,
    p: float,
    n: int,
    note: str,
    *,
    measure: str = "intact",
    p_adjusted: float = np.nan,
    low: float = np.nan,
    high: float = np.nan,
) -> Row:
    decisive = p_adjusted if test == "bootstrap" else p
    return {
        "model": model,
        "target": target,
        "measure": measure,
        "test": test,
        "difference": difference,
        "low": low,
        "high": high,
        "p": p,
        "p_adjusted": p_adjusted,
        "n": n,
        "significant": int(decisive < LEVELS[test]),
        "note": note,
    }


def _with_mean(targets: Sequence[str]) -> list[str]:
    return [*targets, MEAN] if len(targets) > 1 else list(targets)


def _mean_appended(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (R, targets) and, where there are several targets, their mean as one more."""
    return values if values.shape[1] == 1 else np.c_[values, values.mean(1)]
