"""The tables that `result_tables` wrote of several models, read back to be compared."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from models.metrics import Moments
from models.scores import Classification, Regression, Scores
from models.settings import Task
from pipeline.result_columns import MOMENTS

NAMES = {"model", "modality", "strategy", "fill", "subset", "target", "item"}

Samples = dict[str, list[Scores]]
"""By model, for every seed: scores on intact input, items first."""


def read_evaluation(folder: Path, models: Sequence[str], metric: str) -> pd.DataFrame:
    """A metric of all models, with whatever else the tables hold.

    Raises:
        InputError: a file is missing or malformed.
    """
    condition = ["modality", "strategy", "p", "burst", "fill", "subset"]
    needed = ["model", "seed", *condition, "trial", "target", metric]
    tables = [_read(folder / f"{model}.csv", needed) for model in models]
    return pd.concat(tables, ignore_index=True)


def read_samples(folder: Path, models: Sequence[str], task: Task) -> Samples:
    """The items' scores of every model; the items stand in one order.

    Raises:
        InputError: a file is missing or malformed, or holds other items than the rest.
    """
    of_classes = task.kind == "classification"
    needed = ["n", *MOMENTS] if task.level == "frame" else ["annotated", "predicted"]
    scores_of: Callable[[pd.DataFrame, Task], Scores] = _classes if of_classes else _numbers
    samples: Samples = {}
    items = None
    for model in models:
        path = folder / f"{model}.csv"
        table = _read(path, ["seed", "item", "target", *needed], texts=needed if of_classes else ())
        if table.duplicated(["seed", "item", "target"]).any():
            raise InputError(f"{path} has two rows for one item and target", _again(model))
        if set(table["target"]) != set(task.targets):
            raise InputError(f"{path} has other targets than {task.targets}", _again(model))
        seeds = [rows.pivot(index="item", columns="target") for _, rows in table.groupby("seed")]
        items = seeds[0].index if items is None else items
        if not all(rows.index.equals(items) for rows in seeds):
            raise InputError(f"{path} has other items than {models[0]}.csv", "rerun `dvc repro`")
        samples[model] = [scores_of(rows, task) for rows in seeds]
    return samples


def _numbers(rows: pd.DataFrame, task: Task) -> Scores:
    """Scores (items, targets); a sequence is an item with one label."""
    if task.level == "frame":
        fields = {name: rows[column][task.targets] for column, name in MOMENTS.items()}
        fields["n"] = rows["n"][task.targets]
    else:
        x, y = rows["predicted"][task.targets], rows["annotated"][task.targets]
        none = 0 * x
        fields = {"n": none + 1, "mean_x": x, "mean_y": y}
        fields |= dict.fromkeys(("var_x", "var_y", "cov"), none)
    return Regression(Moments(**{k: v.to_numpy(np.float64) for k, v in fields.items()}))


def _classes(rows: pd.DataFrame, task: Task) -> Scores:
    """Scores (items,): each item is one count in its confusion matrix."""
    classes, (target,) = np.array(task.outputs, object), task.targets
    annotated, predicted = (
        (rows[column][target].to_numpy()[:, None] == classes).astype(np.float64)
        for column in ("annotated", "predicted")
    )
    # The table has answers, not probabilities: the cross-entropy cannot be had from it.
    unknown = np.full(len(rows), np.nan)
    return Classification(annotated[:, :, None] * predicted[:, None, :], unknown)


def _read(path: Path, needed: Sequence[str], texts: Sequence[str] = ()) -> pd.DataFrame:
    """A result file; every column that holds no names as numbers, an empty cell as NaN."""
    remedy = _again(path.stem)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        lacking = [column for column in needed if column not in table]
        if lacking:
            raise InputError(f"{path} has no column {', '.join(lacking)}", remedy)
        numbers = [str(column) for column in table if column not in NAMES.union(texts)]
        table[numbers] = table[numbers].apply(pd.to_numeric)
    except FileNotFoundError:
        raise InputError(f"{path} is missing", remedy) from None
    except ValueError as error:  # empty, ragged or no numbers: pandas says which
        raise InputError(f"{path} cannot be read: {error}", remedy) from None
    return table


def _again(model: str) -> str:
    return f"run `dvc repro evaluate@{model}`"
