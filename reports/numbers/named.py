"""The conditions of every evaluation, which the verdict and the recommendations rest on."""

from typing import Any

import numpy as np
import pandas as pd

from features.task import Task
from models.evaluation.conditions import NAMED, Condition
from models.evaluation.registry import metrics_of
from reports.numbers.means import over_seeds, seed_means
from reports.numbers.results import Results
from reports.numbers.words import NOUNS, capitalised, overall_target

ALL_NAMED = "all"
"""The mean over the named conditions, as one of them."""
FOCUS = 5
"""Models in colour, at most, where every model has a line."""
WAYS = {
    ("clip_zero", 1.0): "gone",
    ("clip_zero", 0.5): "half of the clips",
    ("burst", 0.5): "bursts",
}
"""How the named conditions lose, in the order of their columns."""


def title_of(condition: Condition) -> str:
    """How a named condition is called.

    >>> title_of(NAMED[0]), title_of(NAMED[2])
    ('Intact', 'Picture gone')
    """
    if condition.p == 0:
        return "Intact"
    return f"{capitalised(NOUNS[condition.modality])} {WAYS[_way(condition)]}"


def _way(condition: Condition) -> tuple[str, float]:
    return (condition.strategy, condition.p) if condition.p else next(iter(WAYS))


TITLES = {
    title_of(c): c
    for c in sorted(NAMED, key=lambda c: (c.p > 0, c.modality == "audio", [*WAYS].index(_way(c))))
}
"""The named conditions in the order of their columns: intact, then of the picture, of the sound."""


def named_means(results: Results) -> pd.DataFrame:
    """Every model under every named condition, all targets together, on the reported speakers.

    Args:
        results: the run.

    Returns:
        `value` (mean over seeds), `sd` (over seeds) and `n` (seeds) by `model` and `title`, one of
        TITLES; ALL_NAMED is the mean over them, of models that have all of them.
    """
    values = _of_all_targets(results.named, results.task)
    by = ["model", "seed", "target"]
    groups = values.groupby(by, sort=False)["value"]
    mean, count = groups.mean(), groups.count()
    of_all = mean[count == len(TITLES)].reset_index().assign(title=ALL_NAMED)
    every = pd.concat([of_all, values[[*by, "title", "value"]]], ignore_index=True)
    return over_seeds(every, "title").drop(columns="target")


def _of_all_targets(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    if table.empty:
        columns = ["model", "seed", "target", "title", "value"]
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns}).astype(
            {"value": float}
        )
    values = seed_means(table, metrics_of(task)[0])
    values = values[values["target"] == overall_target(task)]
    titles = {(c.modality, c.strategy, c.p): title for title, c in TITLES.items()}
    keys = zip(values["modality"], values["strategy"], values["p"], strict=True)
    return values.assign(title=[titles[key] for key in keys])


def number(table: pd.DataFrame, model: str, title: str) -> float:
    """A model's number under a condition; NaN where it has none.

    Args:
        table: what `named_means` returned.
        model: its name.
        title: of the condition.
    """
    rows: Any = table.loc[(table["model"] == model) & (table["title"] == title), "value"]
    return float(rows.iloc[0]) if len(rows) else float(np.nan)


def by_robustness(table: pd.DataFrame, models: tuple[str, ...]) -> list[str]:
    """Models by their mean over the named conditions, the highest first, then those without.

    Args:
        table: what `named_means` returned.
        models: all of them.
    """
    means = {model: number(table, model, ALL_NAMED) for model in models}
    known = [model for model in models if np.isfinite(means[model])]
    ordered = sorted(known, key=lambda model: -means[model])
    return [*ordered, *(model for model in models if model not in known)]


def focus_of(results: Results, table: pd.DataFrame) -> tuple[str, ...]:
    """The models that matter, in the order of params: recommended ones, the reference, the best.

    Args:
        results: the run.
        table: what `named.named_means` returned.
    """
    chosen = [need["recommended"] for need in results.choice["needs"].values()]
    wanted = [*chosen, results.reference, *by_robustness(table, results.models)]
    focus = list(dict.fromkeys(model for model in wanted if model in results.models))[:FOCUS]
    return tuple(model for model in results.models if model in focus)
