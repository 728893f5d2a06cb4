"""Which models to recommend, chosen on speakers that no result is reported of.

What decides are the conditions of every evaluation (`models.evaluation.conditions.NAMED`): their
mean for the most robust model, intact input for the best where nothing is lost. A model is
recommended if every other is behind it in the 95 % interval of the difference, over speakers
resampled alike for all; where speakers are too few to tell, none is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.task import Task
from models.evaluation.registry import CHOOSING, metrics_of
from models.evaluation.statistics import percentile_interval
from reports.numbers.means import named, seed_means
from reports.numbers.replicates import Replicates, read_choosing, read_every
from reports.numbers.schema import MEAN

NEEDS: Mapping[str, str] = {
    "robust": "the most robust",
    "intact": "the best where nothing is lost",
    "smallest": "the smallest that is level with the most robust",
}
"""What a model is recommended for."""
SPEAKERS_NEEDED = 6
"""With fewer, even if all agreed, chance would do so more often than one time in 20: 2 · 2⁻⁵."""


def choose(
    folder: Path, models: Sequence[str], task: Task, parameters: Mapping[str, int]
) -> dict[str, Any]:
    """What the choosing speakers say.

    Args:
        folder: holds `evaluation/` and `replicates/`.
        models: names of the models.
        task: what was recognised.
        parameters: how many numbers each model has learnt.

    Returns:
        `speakers`, how many choose; `needs`, for each of NEEDS the `recommended` model or None, the
        `best`, those `level` with it, and of every model `value`, `low`, `high`, the difference
        from the best `behind` and its bounds `behind_low` and `behind_high`; `seeds`, the best seed
        of each model. Without choosing speakers only `speakers`, 0, and no needs and seeds.

    Raises:
        InputError: a result file is missing or malformed.
    """
    replicates = read_choosing(folder / REPLICATES, models, task)
    if replicates is None:
        return {"speakers": 0, "needs": {}, "seeds": {}}
    every = replicates.rows
    robust = _need(replicates, every, task)
    needs = {"robust": robust, "intact": _need(replicates, every[every["p"] == 0], task)}
    # Of those that cannot be told from the most robust, size decides, which is no matter of chance.
    alike = [robust["best"], *robust["level"]]
    smallest = min(alike, key=lambda model: parameters[model])
    is_known = replicates.items >= SPEAKERS_NEEDED
    needs["smallest"] = {
        **robust,
        "best": smallest,
        "level": [],
        "recommended": smallest if is_known else None,
    }
    return {
        "speakers": replicates.items,
        "needs": needs,
        "seeds": best_seeds(read_every(folder / "evaluation", models, metrics_of(task)[:1]), task),
    }


def best_seeds(evaluation: pd.DataFrame, task: Task) -> dict[str, int]:
    """The seed of each model that does best in the mean of the named conditions.

    Args:
        evaluation: rows of all speakers, as stage evaluate writes them.
        task: its primary metric is taken.
    """
    rows = named(evaluation[evaluation["speakers"] == CHOOSING])
    values = seed_means(rows, metrics_of(task)[0])
    target = MEAN if len(task.targets) > 1 else task.targets[0]
    means = (
        values[values["target"] == target].groupby(["model", "seed"], sort=False)["value"].mean()
    )
    best = means.dropna().groupby("model", sort=False).idxmax()
    return {str(model): int(seed) for model, seed in best}


def _need(replicates: Replicates, rows: pd.DataFrame, task: Task) -> dict[str, Any]:
    """What is said of the mean over some conditions."""
    values = {model: _pooled(x, rows, task) for model, x in replicates.values.items()}
    known = {model: x for model, x in values.items() if np.isfinite(x[0])}
    if not known:
        return {"recommended": None, "best": None, "level": list(values), "models": {}}
    best = max(known, key=lambda model: known[model][0])
    described = {model: _described(x, known[best]) for model, x in values.items()}
    few = replicates.items < SPEAKERS_NEEDED
    level = [
        model
        for model, x in described.items()
        if model != best and (few or not x["behind_low"] > 0)
    ]
    return {
        "recommended": None if level or few else best,
        "best": best,
        "level": level,
        "models": described,
    }


def _pooled(values: NDArray[np.float64], rows: pd.DataFrame, task: Task) -> NDArray[np.float64]:
    """The mean over conditions and targets, of the speakers as they are and of every resample."""
    of_targets = [values[rows.index[rows["target"] == target]].mean(0) for target in task.targets]
    return np.mean(of_targets, axis=0)


def _described(values: NDArray[np.float64], best: NDArray[np.float64]) -> dict[str, float]:
    """A model's number and its distance from the best, with their intervals."""
    found: dict[str, Any] = {}
    for name, x in (("value", values), ("behind", best - values)):
        low, high = percentile_interval(x[1:])
        prefix = "" if name == "value" else f"{name}_"
        found |= {name: x[0], f"{prefix}low": low, f"{prefix}high": high}
    return {name: round(float(number), 6) for name, number in found.items()}
