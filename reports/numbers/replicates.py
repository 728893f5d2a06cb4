"""What stage evaluate wrote of several models, read back to be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.errors import InputError
from features.task import Task
from models.evaluation.registry import CHOOSING, REPORTED
from reports.numbers.means import named
from reports.numbers.schema import CONDITION

NAMES = {
    "model",
    "speakers",
    "modality",
    "strategy",
    "rates",
    "fill",
    "unit",
    "drawn",
    "subset",
    "target",
}


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
    """Some columns of all models, with whatever else the tables hold, of the asked conditions.

    They are on the speakers that results are of.

    Raises:
        InputError: a file is missing or malformed.
    """
    table = read_every(folder, models, columns)
    return table[are_asked(table)].reset_index(drop=True)


def read_every(folder: Path, models: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Likewise, of all conditions and of all speakers.

    Raises:
        InputError: a file is missing or malformed.
    """
    needed = ["model", "seed", "speakers", "asked", *CONDITION, "trial", "target", *columns]
    tables = [_read(folder / f"{model}.csv", needed) for model in models]
    return pd.concat(tables, ignore_index=True)


def are_asked(table: pd.DataFrame) -> pd.Series:
    """Which rows are of the conditions that the settings name, where results are reported."""
    return (table["speakers"] == REPORTED) & (table["asked"] == 1) & (table["causal"] == 0)


def read_replicates(folder: Path, models: Sequence[str], task: Task) -> Replicates:
    """The bootstrap over the items that results are of, under the conditions asked for.

    Raises:
        InputError: a file is missing or malformed, or is of other items than the rest.
    """
    tables = _tables(folder, models, task)
    return _together(folder, {m: t[are_asked(t)] for m, t in tables.items()})


def read_choosing(folder: Path, models: Sequence[str], task: Task) -> Replicates | None:
    """The bootstrap over the speakers that choose, under the conditions of every evaluation.

    None where no speakers are left to choose.

    Raises:
        InputError: a file is missing or malformed, or is of other items than the rest.
    """
    tables = _tables(folder, models, task)
    chosen = {m: named(t[t["speakers"] == CHOOSING]) for m, t in tables.items()}
    if all(table.empty for table in chosen.values()):
        return None
    return _together(folder, chosen)


def _tables(folder: Path, models: Sequence[str], task: Task) -> dict[str, pd.DataFrame]:
    tables = {model: _read_parquet(folder / f"{model}.parquet") for model in models}
    if any(set(table["target"]) != set(task.targets) for table in tables.values()):
        targets = ", ".join(task.targets)
        raise InputError(f"{folder} has other targets than {targets}", "rerun `dvc repro`")
    return tables


def _together(folder: Path, rows: Mapping[str, pd.DataFrame]) -> Replicates:
    """The replicates of several models; all have to be of the same items and conditions."""
    tables = {model: table.reset_index(drop=True) for model, table in rows.items()}
    first, *_ = tables
    keys = tables[first].drop(columns=REPLICATES)
    for model, table in tables.items():
        if not table.drop(columns=REPLICATES).equals(keys):
            file = folder / f"{model}.parquet"
            raise InputError(
                f"{file} has other items or conditions than {first}.parquet",
                "rerun `dvc repro`",
            )
    values = {
        model: np.stack(table[REPLICATES].to_list()).astype(np.float64)
        for model, table in tables.items()
    }
    return Replicates(keys, int(keys["items"].iloc[0]), values)


def _read_parquet(path: Path) -> pd.DataFrame:
    remedy = _again(path.stem)
    try:
        columns = ["speakers", "asked", *CONDITION, "target", "items", "sample", REPLICATES]
        return pd.read_parquet(path, columns=columns)
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
