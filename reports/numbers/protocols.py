"""Further protocols: one modality gone or replaced by noise, and what recordings lack."""

import numpy as np
import pandas as pd

from features.task import Task
from models.evaluation.registry import SUBSETS, metrics_of
from reports.numbers.means import of_vectors, over_seeds, seed_means
from reports.numbers.schema import ALL, NONE

OTHER_MODALITY = {"clip_zero": "gone", "noise": "noise"}
"""What the other modality is, by the strategy that takes it away at p = 1."""


def protocol_metric(task: Task) -> str:
    """The metric of Chumachenko et al. (2022) where the task has it: accuracy.

    >>> protocol_metric(Task(kind="sentiment", level="sequence", outputs=("sentiment",)))
    'binary_accuracy'
    """
    metrics = metrics_of(task)
    accuracies = [name for name in metrics if name in {"accuracy", "binary_accuracy"}]
    return [*accuracies, *metrics][0]


def one_modality(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Both modalities (AV), only sound (A), only picture (V), and their mean (M).

    The protocol of Chumachenko et al. (2022), section IV: the other modality is gone (clip_zero
    at p = 1) or standard normal noise (noise at p = 1).

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value`, `sd` and `n` over seeds by model, target, `other` (`gone` or `noise`) and `input`;
        no rows of what was not evaluated for either modality.
    """
    by = ["model", "seed", "target"]
    cell = seed_means(of_vectors(evaluation), metric)
    cell = cell[(cell["subset"] == ALL) & (cell["fill"] == NONE)]
    both = cell[cell["p"] == 0].groupby(by, sort=False)["value"].mean()
    tables = []
    for strategy, substitute in OTHER_MODALITY.items():
        lost = cell[(cell["strategy"] == strategy) & (cell["p"] == 1)]
        if not {"audio", "video"} <= set(lost["modality"]):
            continue
        single = lost.pivot(index=by, columns="modality", values="value")
        inputs = pd.DataFrame({"AV": both, "A": single["video"], "V": single["audio"]})
        inputs["M"] = inputs.mean(axis=1, skipna=False)
        long = inputs.reset_index().melt(by, var_name="input")
        tables.append(over_seeds(long, "input").assign(other=substitute))
    names = ["model", "target", "input", "value", "sd", "n", "other"]
    return pd.concat(tables) if tables else pd.DataFrame(columns=names)


def natural_losses(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Intact input, scored apart where face or sound is missing in the recording itself.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value`, `sd` and `n` over seeds by model, target and `subset` (`all` first), with
        `labels`, the number of labels of the subset; no rows where nothing was scored apart.
    """
    rows = evaluation[(evaluation["p"] == 0) & (evaluation["fill"] == NONE)]
    subsets = [ALL, *(name for name in SUBSETS if name in set(rows["subset"]))]
    if len(subsets) == 1:
        return pd.DataFrame(columns=["model", "target", "subset", "value", "sd", "n", "labels"])
    by = ["model", "seed", "target", "subset"]
    values = seed_means(rows, metric).groupby(by, sort=False)["value"].mean().reset_index()
    table = over_seeds(values, "subset")
    labels = rows.groupby("subset")["n"].max()
    return table.assign(labels=table["subset"].map(labels))


RATES = ("frame_zero", "subclip")
"""Strategies whose curves over the rate of what is lost are summed up."""


def rate_curves(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What is left of a model over all rates of loss of both modalities.

    `auilc` is the area under the curve over rates from 0 to 1, by the rule of trapezoids, of
    TFR-Net (Yuan et al. 2021) and CIDer; where a rate of 0 or 1 is missing it is undefined. `mean`
    is the mean over the rates but 1, which LNLN (Zhang et al. 2024) takes over 0, .1 ... .9.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value`, `sd` and `n` over seeds by model, target, `strategy`, `modality` (`both` or
        `together`), `unit` and `number` (auilc or mean); no rows where fewer than three rates of
        both were evaluated.
    """
    kinds = ["strategy", "modality", "unit"]
    cell = seed_means(evaluation, metric)
    cell = cell[
        cell["modality"].isin(["both", "together"])
        & cell["strategy"].isin(RATES)
        & (cell["subset"] == ALL)
        & (cell["fill"] == NONE)
        & (cell["drawn"] == "anew")
    ]
    rows = []
    for keys, curve in cell.groupby(["model", "seed", "target", *kinds], sort=False):
        ordered = curve.sort_values("p")
        p, values = ordered["p"].to_numpy(), ordered["value"].to_numpy()
        if len(p) < 3:
            continue
        whole = p[0] == 0 and p[-1] == 1
        area = float(np.trapezoid(values, p)) if whole else np.nan
        rows += [(*keys, "auilc", area), (*keys, "mean", values[p < 1].mean())]
    names = ["model", "seed", "target", *kinds, "number", "value"]
    table = pd.DataFrame(rows, columns=names)
    return over_seeds(table, *kinds, "number")
