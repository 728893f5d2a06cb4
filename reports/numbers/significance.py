"""The tests of models against their rivals, from the result files of a run.

Three tests, each with its own question (`models.evaluation.statistics`): would the model be better
if both were trained again (t, over seeds), would the difference stand on other videos (bootstrap),
and what does the test that papers use for correlations say (fisher_z).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.task import Task
from models.evaluation import statistics
from models.evaluation.registry import metrics_of
from reports.numbers.means import measured, per_seed
from reports.numbers.replicates import Replicates, read_evaluations, read_replicates
from reports.numbers.schema import INTACT, LEVELS, MEAN, MEASURES, SIGNIFICANCE

Pair = tuple[str, str]
"""A model and its rival."""
Rivals = Mapping[str, Sequence[str]]
"""Whom each model is tested against."""
SEEDS_NEEDED = 5
"""Fewer pairs than this and a t-test finds large gains only (Goncalves and Busso 2022 used 20)."""
ITEMS_NEEDED = 20
"""A percentile interval of fewer items is too narrow."""


def significance_tests(
    folder: Path, models: Sequence[str], rivals: Rivals, task: Task
) -> pd.DataFrame:
    """Test models against their rivals.

    Args:
        folder: holds `evaluation/` and `replicates/`.
        models: names of the models.
        rivals: whom each model is tested against, by its name.
        task: what was recognised.

    Returns:
        One row per model, rival (`reference`), target (the mean of several is one more), measure
        and test, with `difference` (model less rival; of the primary metric, of Pearson's
        correlation for fisher_z), the bounds `low` and `high` of its 95 % interval, `p`, `p_worse`
        (of a one-tailed test in the other direction), `p_adjusted` (Holm, over all pairs of the
        same target and measure), `n` (seeds, labels or items), `significant` (1 where the model is
        better, −1 where it is worse, else 0) and, where there is no verdict, `note`. What a test
        does not give is NaN. No rows where nobody has a rival.

    Raises:
        InputError: a result file is missing, malformed or of other items than the rest.
    """
    pairs = [(model, rival) for model in models for rival in rivals.get(model, ())]
    if not pairs:
        return pd.DataFrame(columns=list(SIGNIFICANCE))
    metric = metrics_of(task)[0]
    correlations = [] if task.kind == "classification" else ["pearson", "n"]
    evaluation = read_evaluations(folder / "evaluation", models, [metric, *correlations])
    replicates = read_replicates(folder / REPLICATES, models, task)
    rows = [
        *t_tests(per_seed(evaluation, metric), pairs),
        *(_fisher_tests(evaluation, pairs, task) if correlations else ()),
        *_bootstraps(replicates, pairs, task),
    ]
    table = pd.DataFrame(rows, columns=list(SIGNIFICANCE))
    order = {
        "model": models,
        "reference": models,
        "target": _with_mean(task.targets),
        "measure": MEASURES,
        "test": tuple(LEVELS),
    }
    places = {name: {v: i for i, v in enumerate(values)} for name, values in order.items()}
    return table.sort_values(
        list(order), key=lambda column: column.map(places[str(column.name)]), ignore_index=True
    )


def t_tests(
    values: pd.DataFrame, pairs: Sequence[Pair], unit: str = "seed"
) -> Iterator[dict[str, Any]]:
    """Rows of the one-tailed t-test; a seed for which a value is undefined makes no pair.

    Args:
        values: what `reports.numbers.means.per_seed` returns, or a similar table.
        pairs: names of the models to test, each with that of its rival.
        unit: what pairs their values.
    """
    values = values[values["headline"].isin(MEASURES)]
    wide = values.pivot(index=["target", "headline", "seed"], columns="model", values="value")
    for (target, measure), seeds in wide.groupby(level=["target", "headline"]):
        tested = [pair for pair in pairs if set(pair) <= set(seeds)]
        tests = [_t_test(seeds[list(pair)].dropna(), unit) for pair in tested]
        if not tests:
            continue
        better, worse = (statistics.holm([t[name] for t in tests]) for name in ("p", "p_worse"))
        for pair, test, above, below in zip(tested, tests, better, worse, strict=True):
            known = {"measure": str(measure), "p_adjusted": above}
            row = _row("t", pair, str(target), **(test | known))
            level = LEVELS["t"]
            yield {**row, "significant": int(above < level) - int(below < level)}


def _t_test(pairs: pd.DataFrame, unit: str) -> dict[str, Any]:
    """What the test says of the values of a model and of its rival."""
    scores, rivals = (pairs.iloc[:, column].to_numpy() for column in (0, 1))
    p = p_worse = np.nan
    if len(pairs) < SEEDS_NEEDED:
        note = f"needs {SEEDS_NEEDED} {unit}s, has {len(pairs)}"
    else:
        p, p_worse = statistics.paired_t(scores, rivals), statistics.paired_t(rivals, scores)
        note = f"the same difference in every {unit}" if np.isnan(p) else ""
    difference = (scores - rivals).mean() if len(pairs) else np.nan
    return {"difference": difference, "p": p, "p_worse": p_worse, "n": len(pairs), "note": note}


def _fisher_tests(
    evaluation: pd.DataFrame, pairs: Sequence[Pair], task: Task
) -> Iterator[dict[str, Any]]:
    """Rows of Fisher's z-test of the correlations on intact input, averaged over seeds as z."""
    # Nothing is lost under any of these conditions: the first stands for all.
    intact = measured(evaluation)[INTACT].groupby(["model", "target", "seed"])[["pearson", "n"]]
    seeds = intact.first().groupby(["model", "target"])
    r = seeds["pearson"].agg(lambda rs: float(statistics.mean_correlation(rs.to_numpy())))
    n = seeds["n"].first()
    for pair in pairs:
        for target in task.targets:
            cell, rival = ((model, target) for model in pair)
            if cell not in r.index or rival not in r.index:
                continue
            p = float(statistics.fisher_z(r[cell], r[rival], n[cell], n[rival]))
            note = "undefined" if np.isnan(p) else ""
            difference, count = r[cell] - r[rival], int(n[cell])
            yield _row("fisher_z", pair, target, difference=difference, p=p, n=count, note=note)


def _bootstraps(
    replicates: Replicates, pairs: Sequence[Pair], task: Task
) -> Iterator[dict[str, Any]]:
    """Rows of the bootstrap over items, adjusted over the pairs of each target and measure."""
    for measure, rows in measured(replicates.rows, "target").items():
        if not rows.empty:
            values = pooled_over(replicates, rows, task)
            differences = np.stack([values[model] - values[rival] for model, rival in pairs], 1)
            yield from _bootstrap(measure, differences, pairs, replicates.items, task)


def pooled_over(
    replicates: Replicates, rows: pd.DataFrame, task: Task
) -> dict[str, NDArray[np.float64]]:
    """The mean over conditions, (1 + resamples, targets) by model.

    Args:
        replicates: of all models.
        rows: those of `replicates.rows` that are averaged.
        task: its targets, to which their mean is added where there are several.
    """
    places = [rows.index[rows["target"] == target] for target in task.targets]
    pooled = {}
    for model, values in replicates.values.items():
        means = np.stack([values[place].mean(0) for place in places], axis=1)
        pooled[model] = means if len(places) == 1 else np.c_[means, means.mean(1)]
    return pooled


def _bootstrap(
    measure: str,
    differences: NDArray[np.float64],
    pairs: Sequence[Pair],
    items: int,
    task: Task,
) -> Iterator[dict[str, Any]]:
    """The rows of one measure, of differences (1 + resamples, pairs, targets)."""
    unit = "recordings" if task.level == "frame" else "sequences"
    note = f"needs {ITEMS_NEEDED} {unit}, has {items}" if items < ITEMS_NEEDED else ""
    observed, resampled = differences[0], differences[1:]
    low, high = statistics.percentile_interval(resampled)
    p = statistics.bootstrap_p(resampled)
    p = np.where(np.isnan(observed) | (items < ITEMS_NEEDED), np.nan, p)
    adjusted = np.apply_along_axis(statistics.holm, 0, p)
    for place, pair in enumerate(pairs):
        for column, target in enumerate(_with_mean(task.targets)):
            cell = place, column
            unknown = bool(np.isnan(p[cell]))
            yield _row(
                "bootstrap",
                pair,
                target,
                difference=observed[cell],
                p=p[cell],
                n=items,
                note=note or ("undefined" if unknown else ""),
                measure=measure,
                p_adjusted=adjusted[cell],
                low=np.nan if unknown else low[cell],
                high=np.nan if unknown else high[cell],
            )


def _row(test: str, pair: Pair, target: str, **values: Any) -> dict[str, Any]:
    """A row of the table; what is not given is NaN, and the measure that of intact input."""
    nothing = dict.fromkeys(("low", "high", "p_worse", "p_adjusted"), np.nan)
    row = {**nothing, "measure": INTACT, **values}
    decisive = row["p_adjusted"] if test == "bootstrap" else row["p"]
    direction = 1 if row["difference"] > 0 else -1
    return {
        **row,
        "model": pair[0],
        "reference": pair[1],
        "target": target,
        "test": test,
        "significant": direction * int(decisive < LEVELS[test]),
    }


def _with_mean(targets: Sequence[str]) -> list[str]:
    return [*targets, MEAN] if len(targets) > 1 else list(targets)
