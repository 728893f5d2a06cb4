"""Further protocols: one modality absent or replaced by noise, and natural missingness."""

import pandas as pd

from reports.numbers.schema import ALL, NATURAL, NONE
from reports.numbers.summary import over_seeds, seed_means
from reports.numbers.task import Task

GONE = {"clip_zero": "absent", "noise": "noise"}
INPUTS = ("AV", "A", "V", "M")


def protocol_metric(task: Task) -> str:
    """The metric of Chumachenko et al. (2022) where the task has it: accuracy."""
    accuracies = [name for name in task.metrics if name in {"accuracy", "binary_accuracy"}]
    return [*accuracies, *task.metrics][0]


def one_modality(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Both modalities (AV), only sound (A), only picture (V), and their mean (M).

    The protocol of Chumachenko et al. (2022), section IV: the other modality is absent (clip_zero
    at p = 1) or standard normal noise (noise at p = 1).

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value`, `sd` and `n` over seeds by model, target, `gone` (`absent` or `noise`) and `input`;
        no rows of what was not evaluated for either modality.
    """
    by = ["model", "seed", "target"]
    cell = seed_means(evaluation, metric)
    cell = cell[(cell["subset"] == ALL) & (cell["fill"] == NONE)]
    both = cell[cell["p"] == 0].groupby(by, sort=False)["value"].mean()
    tables = []
    for strategy, gone in GONE.items():
        lost = cell[(cell["strategy"] == strategy) & (cell["p"] == 1)]
        if not {"audio", "video"} <= set(lost["modality"]):
            continue
        single = lost.pivot(index=by, columns="modality", values="value")
        inputs = pd.DataFrame({"AV": both, "A": single["video"], "V": single["audio"]})
        inputs["M"] = inputs.mean(axis=1, skipna=False)
        long = inputs.reset_index().melt(by, var_name="input")
        tables.append(over_seeds(long, "input").assign(gone=gone))
    names = ["model", "target", "input", "value", "sd", "n", "gone"]
    return pd.concat(tables) if tables else pd.DataFrame(columns=names)


def natural(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Intact input, scored apart where face or sound was not there in the recording.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value`, `sd` and `n` over seeds by model, target and `subset` (`all` first), with
        `labels`, the number of labels of the subset; no rows where nothing was scored apart.
    """
    rows = evaluation[(evaluation["p"] == 0) & (evaluation["fill"] == NONE)]
    subsets = [ALL, *(name for name in NATURAL if name in set(rows["subset"]))]
    if len(subsets) == 1:
        return pd.DataFrame(columns=["model", "target", "subset", "value", "sd", "n", "labels"])
    by = ["model", "seed", "target", "subset"]
    values = seed_means(rows, metric).groupby(by, sort=False)["value"].mean().reset_index()
    table = over_seeds(values, "subset")
    labels = rows.groupby("subset")["n"].max()
    return table.assign(labels=table["subset"].map(labels))
