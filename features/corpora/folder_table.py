"""items.csv of a folder: its columns, and what they must fulfil."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.item import SIDES, SPLITS
from features.corpora.labels import read_numbers
from features.corpora.listing import GROUP
from features.corpora.settings import SplitSettings
from features.corpora.splits import draw_splits
from features.corpora.table import read_table
from features.errors import InputError
from features.task import AFFECT


@dataclass(frozen=True)
class Column:
    """A column of items.csv.

    Attributes:
        description: what its values mean.
        constraints: what they must fulfil, as JSON Table Schema says it.
    """

    description: str
    constraints: Mapping[str, Any] = field(default_factory=dict)


COLUMNS: Mapping[str, Column] = {
    "path": Column("the media file, relative to the folder", {"required": True}),
    "item": Column(
        "name of an item without media, in place of path: that of its files of features",
        {"required": True, "pattern": r"(?!zarr\.json$)[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"},
    ),
    "start": Column(
        "seconds at which the item begins in its file; empty for the beginning", {"minimum": 0}
    ),
    "end": Column("seconds at which it ends; empty for the end of the file", {"minimum": 0}),
    "speaker": Column(
        "who is seen and heard; without this column every file is its own speaker",
        {"required": True},
    ),
    "split": Column(
        "train, validation or test; without this column speakers are split from a seed",
        {"required": True, "enum": list(SPLITS)},
    ),
    "side": Column(
        "left or right, where a picture shows two people and has a row for each",
        {"enum": [side for side in SIDES if side]},
    ),
    "labels": Column(
        "CSV of the valence and arousal (or targets) of the frames, relative to the folder; empty "
        "for none"
    ),
    "valence": Column("of the whole item, in place of labels, from -1 to 1; empty for none"),
    "arousal": Column("of the whole item, in place of labels, from -1 to 1; empty for none"),
    "person": Column(
        "who of several people it is: a picture of the face, relative to the folder, or left or "
        "right; empty for the main one",
        {"pattern": r"left|right|.+\..+"},
    ),
    "label": Column(
        "class of the whole item, in place of labels; empty for none",
        {"pattern": "[A-Za-z0-9_][A-Za-z0-9 ._-]{0,63}"},
    ),
}
SECONDS = ("start", "end")


def schema() -> dict[str, Any]:
    """The JSON Table Schema (datapackage.org/standard/table-schema) of items.csv."""
    fields = [
        {
            "name": name,
            "type": "number" if name in SECONDS else "string",
            "description": column.description,
            "constraints": dict(column.constraints),
        }
        for name, column in COLUMNS.items()
    ]
    return {
        "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
        "fieldsMatch": "superset",
        "fields": fields,
    }


def read_items(file: Path, targets: Sequence[str] = ()) -> pd.DataFrame:
    """The columns that items.csv has, seconds as numbers: 0 for no start, infinity for no end.

    Args:
        file: items.csv.
        targets: names of columns of numbers beside those of COLUMNS.

    Raises:
        InputError: a column is unknown or missing, or a value impossible; names row and column.
    """
    table = read_table(file)
    unknown = sorted(
        c for c in set(table.columns) - {*COLUMNS, *targets} if not c.startswith(GROUP)
    )
    named = [column for column in ("path", "item") if column in table]
    if unknown or len(named) != 1:
        problem = f"an unknown column {unknown[0]}" if unknown else "no column path"
        problem = "both a column path and a column item" if len(named) > 1 else problem
        known = ", ".join((*COLUMNS, *targets))
        raise InputError(f"{file} has {problem}", f"its columns are {known} and {GROUP}...")
    for column, about in COLUMNS.items():
        if column in table:
            _check_values(file, table[column], about.constraints)
    for column, nothing in zip(SECONDS, (0.0, np.inf), strict=True):
        if column in table:
            seconds = read_numbers(table[column][table[column] != ""], file)
            for row in seconds.index[seconds < COLUMNS[column].constraints["minimum"]]:
                raise InputError(f"{file} row {row + 2} has {column} {seconds[row]:g}", "fix it")
            table[column] = seconds.reindex(table.index, fill_value=nothing)
    for column in (*AFFECT.outputs, *targets):
        if column in table:
            numbers = read_numbers(table[column][table[column] != ""], file)
            table[column] = numbers.reindex(table.index)
    return table


def _check_values(file: Path, values: pd.Series, constraints: Mapping[str, Any]) -> None:
    if "required" in constraints:
        for row in values.index[values == ""]:
            raise InputError(f"{file} row {row + 2} has no {values.name}", "fill it in")
    known, pattern = constraints.get("enum"), constraints.get("pattern")
    remedy = f"write one of {', '.join(known)}" if known else f"write what matches {pattern}"
    for row, value in values[values != ""].items():
        if (known and value not in known) or (pattern and not re.fullmatch(pattern, value)):
            raise InputError(f"{file} row {int(str(row)) + 2} has {values.name} {value!r}", remedy)


def complete(file: Path, rows: pd.DataFrame, split: SplitSettings) -> pd.DataFrame:
    """All columns, and `file`, the same for all ways to write a path."""
    files = rows["path"].map(os.path.normpath) if "path" in rows else rows["item"]
    defaults = {
        "start": 0.0,
        "end": np.inf,
        "speaker": files,
        "side": "",
        "labels": "",
        "label": "",
        "person": "",
        "path": "",
    }
    absent: dict[str, Any] = {
        column: value for column, value in defaults.items() if column not in rows
    }
    table = rows.assign(file=files, **absent)
    for row in table.index[table["end"] <= table["start"]]:
        raise InputError(
            f"{file} row {row + 2} has end {table['end'][row]:g}, but start "
            f"{table['start'][row]:g}",
            "write an end after the start",
        )
    for row in table.index[table.duplicated(["file", "side", "person", "start", "end"])]:
        raise InputError(
            f"{file} row {row + 2} repeats {_named(table.loc[row])}",
            "drop one, or give each a side, a person or a start and an end of its own",
        )
    if "split" not in table:
        table["split"] = table["speaker"].map(draw_splits(table["speaker"], split))
    return table


def _named(row: pd.Series) -> str:
    return f"path {row['path']}" if row["path"] else f"item {row['file']}"
