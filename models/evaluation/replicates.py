"""A model's bootstrap over items, under every condition: what differences of models are taken of.

All models are resampled alike (`models.evaluation.statistics.resamples`), so the differences of two
models' replicates are those of pairs, and no stage has to see what both predicted.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from features.corpora.listing import REPLICATES
from features.hashes import hash_of
from features.task import Task
from models.evaluation import statistics
from models.evaluation.conditions import Run
from models.evaluation.scores import Scores, stacked
from models.evaluation.tables import Evaluated

RESAMPLES, RESAMPLING_SEED = 2000, 0


def replicates_of_runs(
    task: Task,
    runs: Sequence[Run],
    scores: Mapping[str, Scores],
    evaluated: Evaluated,
    unit_of: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The primary metric of the items as they are, and of every resample of them.

    Items without a valid label are not drawn: they say nothing. A value that is undefined in one
    trial is undefined, where the mean of a table passes over that trial.

    Args:
        task: what was recognised.
        runs: in the order of `models.evaluation.conditions.runs_under`.
        scores: (runs, targets) by item.
        evaluated: what the rows are of.
        unit_of: what is resampled in place of single items, such as their speakers, by item.

    Returns:
        One row per condition and target, with `replicates` (1 + RESAMPLES values, the first of the
        items as they are; means over trials, NaN where one is undefined), `items` (their number)
        and `sample` (a hash: rows with the same one were resampled alike).
    """
    drawn = {item: kept for item, kept in scores.items() if kept.n.any()} or scores
    if unit_of is not None:
        drawn = _together(drawn, unit_of)
    items = list(drawn.values())
    metric, *_ = items[0].metrics
    weights = np.vstack(
        [np.ones((1, len(items))), statistics.resamples(len(items), RESAMPLES, RESAMPLING_SEED)]
    )
    sample = hash_of(RESAMPLES, RESAMPLING_SEED, list(drawn))
    tables, start = [], 0
    for condition, trials in groupby(runs, key=lambda run: run.condition):
        # A condition at a time bounds the memory: resamples × trials × targets.
        chosen = slice(start, start + len(list(trials)))
        values = stacked(items, chosen).weighted(weights).values()[metric].mean(1)
        names = {**evaluated.columns(condition), "items": len(items), "sample": sample}
        columns = {"target": task.targets, REPLICATES: list(values.T.astype(np.float32))}
        tables.append(pd.DataFrame({**names, **columns}))
        start = chosen.stop
    return pd.concat(tables, ignore_index=True)


def _together(scores: Mapping[str, Scores], unit_of: Mapping[str, str]) -> dict[str, Scores]:
    """The scores of items that are one unit, pooled, by the unit's name."""
    together: dict[str, Scores] = {}
    for item, part in scores.items():
        unit = unit_of[item]
        together[unit] = together[unit].pooled_with(part) if unit in together else part
    return dict(sorted(together.items()))


def mean_over_seeds(
    tables: Sequence[pd.DataFrame], columns: Sequence[str] = (REPLICATES,)
) -> pd.DataFrame:
    """The replicates of all seeds as one table: their means, NaN where one is undefined.

    Args:
        tables: what `replicates_of_runs` returned for every seed.
        columns: that hold replicates.
    """
    if tables[0].empty:
        return tables[0]
    means = {
        name: list(np.mean([np.stack(table[name].to_list()) for table in tables], axis=0))
        for name in columns
    }
    return tables[0].assign(**means)
