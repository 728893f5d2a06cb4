"""One result file read into a data frame, and checked."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from features.tables import Table
from reports.numbers.schema import ALL, KEYS


def read_result_table(
    path: Path,
    schema: Mapping[str, str],
    allowed: Mapping[str, Collection[str]],
    stage: str,
    *,
    seeds: Sequence[int] = (),
    can_be_empty: bool = False,
) -> pd.DataFrame:
    """Read a result file.

    Args:
        path: a CSV file.
        schema: its columns and their types; others are left out.
        allowed: what columns of names can hold, those that the file has not included.
        stage: the DVC stage that writes it.
        seeds: what its column `seed` has to hold, if it has one.
        can_be_empty: whether a header is enough.

    Raises:
        InputError: it is missing, cannot be read, or holds what it should not.
    """
    remedy = f"rerun `dvc repro {stage}`"
    table = _read_csv(path, schema, stage)
    if table.empty and not can_be_empty:
        raise InputError(f"{path} has no rows", remedy)
    for column, values in allowed.items():
        if column in table:
            _check_values(path, table[column], values, remedy)
    if "seed" in table and set(table["seed"]) != set(seeds):
        raise InputError(
            f"{path} holds {named_seeds(table['seed'])}, params name {named_seeds(seeds)}", remedy
        )
    keys = [column for column in KEYS if column in schema]
    if table.duplicated(keys).any():
        raise InputError(f"{path} has two rows for the same {', '.join(keys)}", remedy)
    return table


def _read_csv(path: Path, schema: Mapping[str, str], stage: str) -> pd.DataFrame:
    """The columns of a schema, with its types."""
    try:
        return pd.read_csv(
            path,
            usecols=list(schema),
            dtype=dict(schema),
            keep_default_na=False,  # an item may well be named NA
            na_values={column: [""] for column, kind in schema.items() if kind != "str"},
        )[list(schema)]
    except FileNotFoundError:
        raise InputError(f"{path} is missing", f"run `dvc repro {stage}`") from None
    except ValueError as error:  # columns, types, an empty file: pandas says which
        raise InputError(f"{path} cannot be read: {error}", f"rerun `dvc repro {stage}`") from None


def _check_values(path: Path, column: pd.Series, allowed: Collection[str], remedy: str) -> None:
    strange = column[~column.isin(list(allowed))]
    if isinstance(allowed, Table):  # a user's own row is package.module:name
        strange = strange[~strange.str.contains(":")]
    if len(strange):
        raise InputError(
            f"{path} has {column.name} {strange.iloc[0]!r}, expected {' or '.join(allowed)}", remedy
        )


def check_same_labels(evaluation: pd.DataFrame) -> None:
    """Models are compared on one set of labels; another count is a leftover of another run.

    Raises:
        InputError: models or conditions were scored on another number of labels of a subset.
    """
    for subset, rows in evaluation.groupby("subset", sort=False):
        counts = rows.groupby("model", sort=False)["n"].agg(["min", "max"])
        if np.unique(counts).size > 1:
            ranges = "; ".join(f"{m}: {low} to {high}" for m, low, high in counts.itertuples())
            noted = "" if subset == ALL else f" of {subset}"
            raise InputError(
                f"not all models and conditions were scored on the same labels{noted} ({ranges})",
                "rerun `dvc repro`",
            )


def named_seeds(seeds: Sequence[int] | pd.Series) -> str:
    """The seeds as in a sentence.

    >>> named_seeds([1, 0, 0])
    'seeds 0, 1'
    """
    return "seeds " + ", ".join(str(seed) for seed in sorted(set(seeds)))
