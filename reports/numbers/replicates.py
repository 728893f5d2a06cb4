"""What stage evaluate wrote of several models, read back to be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.errors import InputError
from features.task import Task
from reports.numbers.schema import CONDITION

NAMES = {"model", "modality", "strategy", "fill", "subset", "target"}


@dataclass(frozen=True)
class Replicates:
    """The bootstraps of several models, resampled alike.

    Attributes:
        rows: condition and target of every row.
        items: how many were resampled.
        values: (rows, 1 + resamples) by model; the first is of the items as they are.
    """

    rows: pd.DataFrame
    items: int
    values: dict[str, NDArray[np.float64]]


def read_evaluations(folder: Path, models: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of all models, with whatever else the tables hold.

    Raises:
        InputError: a file is missing or malformed.
    """
    needed = ["model", "seed", *CONDITION, "trial", "target", *columns]
    tables = [_read(folder / f"{model}.csv", needed) for model in models]
    return pd.concat(tables, ignore_index=True)


def read_replicates(folder: Path, models: Sequence[str], task: Task) -> Replicates:
    """The bootstrap replicates of every model.

    Raises:
        InputError: a file is missing or malformed, or is of other items than the rest.
    """
    tables = {model: _read_parquet(folder / f"{model}.parquet") for model in models}
    keys = next(iter(tables.values())).drop(columns=REPLICATES)
    for model, table in tables.items():
        if not table.drop(columns=REPLICATES).equals(keys):
            file = folder / f"{model}.parquet"
            raise InputError(
                f"{file} has other items or conditions than {models[0]}.parquet",
                "rerun `dvc repro`",
            )
    if set(keys["target"]) != set(task.targets):
        targets = ", ".join(task.targets)
        raise InputError(f"{folder} has other targets than {targets}", "rerun `dvc repro`")
    values = {
        model: np.stack(table[REPLICATES].to_list()).astype(np.float64)
        for model, table in tables.items()
    }
    return Replicates(keys, int(keys["items"].iloc[0]), values)


def _read_parquet(path: Path) -> pd.DataFrame:
    remedy = _again(path.stem)
    try:
        columns = [*CONDITION, "target", "items", "sample", REPLICATES]
        return pd.read_parquet(path, columns=columns).reset_index(drop=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing", remedy) from None
    except (OSError, ValueError) as error:  # damaged, no such format, no such column
        raise InputError(f"{path} cannot be read: {error}", remedy) from None


def _read(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """A result file; every column that holds no names as numbers, an empty cell as NaN."""
    remedy = _again(path.stem)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        lacking = [column for column in needed if column not in table]
        if lacking:
            raise InputError(f"{path} has no column {', '.join(lacking)}", remedy)
        numbers = [str(column) for column in table if column not in NAMES]
        table[numbers] = table[numbers].apply(pd.to_numeric)
    except FileNotFoundError:
        raise InputError(f"{path} is missing", remedy) from None
    except ValueError as error:  # empty, ragged or no numbers: pandas says which
        raise InputError(f"{path} cannot be read: {error}", remedy) from None
    return table


def _again(model: str) -> str:
    return f"run `dvc repro evaluate@{model}`"
