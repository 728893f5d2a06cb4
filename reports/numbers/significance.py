"""The tests of every model against the reference, from the result files of a run.

Three tests, each with its own question (`models.evaluation.statistics`): would the model be better
if both were trained again (t, over seeds), would the difference stand on other videos (bootstrap),
and what does the test that papers use for correlations say (fisher_z).
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
from reports.numbers.means import measured, per_seed
from reports.numbers.replicates import Replicates, read_evaluations, read_replicates
from reports.numbers.schema import INTACT, LEVELS, MEAN, MEASURES, SIGNIFICANCE

SEEDS_NEEDED = 5
"""Fewer pairs than this and a t-test finds large gains only (Goncalves and Busso 2022 used 20)."""
ITEMS_NEEDED = 20
"""A percentile interval of fewer items is too narrow."""


def significance_tests(
    folder: Path, models: Sequence[str], reference: str, task: Task
) -> pd.DataFrame:
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
    tested = [model for model in models if model != reference]
    if not tested:
        return pd.DataFrame(columns=list(SIGNIFICANCE))
    metric = metrics_of(task)[0]
    correlations = [] if task.kind == "classification" else ["pearson", "n"]
    evaluation = read_evaluations(folder / "evaluation", models, [metric, *correlations])
    replicates = read_replicates(folder / REPLICATES, models, task)
    rows = [
        *t_tests(per_seed(evaluation, metric), tested, reference),
        *(_fisher_tests(evaluation, tested, reference, task) if correlations else ()),
        *_bootstraps(replicates, tested, reference, task),
    ]
    table = pd.DataFrame(rows, columns=list(SIGNIFICANCE)).assign(reference=reference)
    order = {
        "model": tested,
        "target": _with_mean(task.targets),
        "measure": MEASURES,
        "test": tuple(LEVELS),
    }
    places = {name: {v: i for i, v in enumerate(values)} for name, values in order.items()}
    return table.sort_values(
        list(order), key=lambda column: column.map(places[str(column.name)]), ignore_index=True
    )


def t_tests(
    values: pd.DataFrame, tested: Sequence[str], reference: str, unit: str = "seed"
) -> Iterator[dict[str, Any]]:
    """Rows of the one-tailed t-test; a seed for which a value is undefined makes no pair.

    Args:
        values: what `reports.numbers.means.per_seed` returns, or a similar table.
        tested: names of the models to test.
        reference: the model that they are compared with.
        unit: what pairs them.
    """
    values = values[values["headline"].isin(MEASURES)]
    wide = values.pivot(index=["target", "headline", "seed"], columns="model", values="value")
    for (target, measure), seeds in wide.groupby(level=["target", "headline"]):
        for model in tested:
            if model not in seeds or reference not in seeds:
                continue
            pairs = seeds[[model, reference]].dropna()
            scores, rivals = pairs[model].to_numpy(), pairs[reference].to_numpy()
            p, note = np.nan, ""
            if len(pairs) < SEEDS_NEEDED:
                note = f"needs {SEEDS_NEEDED} {unit}s, has {len(pairs)}"
            else:
                p = statistics.paired_t(scores, rivals)
                note = f"the same difference in every {unit}" if np.isnan(p) else ""
            difference = (scores - rivals).mean() if len(pairs) else np.nan
            yield _row(
                "t", model, str(target), difference, p, len(pairs), note, measure=str(measure)
            )


def _fisher_tests(
    evaluation: pd.DataFrame, tested: Sequence[str], reference: str, task: Task
) -> Iterator[dict[str, Any]]:
    """Rows of Fisher's z-test of the correlations on intact input, averaged over seeds as z."""
    # Nothing is lost under any of these conditions: the first stands for all.
    intact = measured(evaluation)[INTACT].groupby(["model", "target", "seed"])[["pearson", "n"]]
    seeds = intact.first().groupby(["model", "target"])
    r = seeds["pearson"].agg(lambda rs: float(statistics.mean_correlation(rs.to_numpy())))
    n = seeds["n"].first()
    for model in tested:
        for target in task.targets:
            cell, rival = (model, target), (reference, target)
            if cell not in r.index or rival not in r.index:
                continue
            p = float(statistics.fisher_z(r[cell], r[rival], n[cell], n[rival]))
            note = "undefined" if np.isnan(p) else ""
            yield _row("fisher_z", model, target, r[cell] - r[rival], p, int(n[cell]), note)


def _bootstraps(
    replicates: Replicates, tested: Sequence[str], reference: str, task: Task
) -> Iterator[dict[str, Any]]:
    """Rows of the bootstrap over items, adjusted over the models of each target and measure."""
    for measure, rows in measured(replicates.rows, "target").items():
        if not rows.empty:
            differences = _differences(replicates, rows, tested, reference, task)
            yield from _bootstrap(measure, differences, tested, replicates.items, task)


def _differences(
    replicates: Replicates,
    rows: pd.DataFrame,
    tested: Sequence[str],
    reference: str,
    task: Task,
) -> NDArray[np.float64]:
    """(1 + resamples, models, targets) of one measure; the first row is of the items as they are.

    Args:
        replicates: of all models.
        rows: those of `replicates.rows` that the measure is the mean of.
        tested: names of the models.
        reference: the model that they are compared with.
        task: its targets, to which their mean is added where there are several.
    """
    places = [rows.index[rows["target"] == target] for target in task.targets]
    pooled = {}
    for model, values in replicates.values.items():
        # The mean over conditions of each target: (1 + resamples, targets).
        means = np.stack([values[place].mean(0) for place in places], axis=1)
        pooled[model] = means if len(places) == 1 else np.c_[means, means.mean(1)]
    return np.stack([pooled[model] - pooled[reference] for model in tested], axis=1)


def _bootstrap(
    measure: str,
    differences: NDArray[np.float64],
    tested: Sequence[str],
    items: int,
    task: Task,
) -> Iterator[dict[str, Any]]:
    """The rows of one measure, of what `_differences` returned."""
    unit = "videos" if task.level == "frame" else "sequences"
    note = f"needs {ITEMS_NEEDED} {unit}, has {items}" if items < ITEMS_NEEDED else ""
    observed, resampled = differences[0], differences[1:]
    low, high = statistics.percentile_interval(resampled)
    p = statistics.bootstrap_p(resampled)
    p = np.where(np.isnan(observed) | (items < ITEMS_NEEDED), np.nan, p)
    adjusted = np.apply_along_axis(statistics.holm, 0, p)
    for place, model in enumerate(tested):
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
    measure: str = INTACT,
    p_adjusted: float = np.nan,
    low: float = np.nan,
    high: float = np.nan,
) -> dict[str, Any]:
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
