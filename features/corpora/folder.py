"""Any folder of videos, with or without an items.csv.

items.csv has a row per item, with the columns of COLUMNS, all of which but `path` may be left out;
`python -m features.corpora.folder` prints its JSON Table Schema.

A file may have several rows: subjects on either side, or parts, which may overlap. Parts of one
subject are named in the order of their starts, `clip_0001`, `clip_0002`.

A labels file has the columns `valence`, `arousal` and, unless it has a row per frame, `time`. Times
are seconds on the clock of the file, for its parts too; without times the first row belongs to the
first frame of the item, so of the part. Labels at a rate of their own are given to the frames by
the rule of `features.corpora.labels.frame_labels`. With a column `label` the task is to classify
items, and the classes are the values of that column in the order of the alphabet.

Without items.csv every video is an item without labels.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.item import SIDES, SPLITS, Corpus, Item, Work
from features.corpora.labels import class_label, read_labels, read_numbers
from features.corpora.notes import some_of
from features.corpora.paths import Listing, files_below, inside
from features.corpora.settings import SplitSettings
from features.corpora.splits import draw_splits
from features.corpora.table import read_table
from features.errors import InputError
from features.settings import Settings
from features.task import AFFECT, Task

TABLE = "items.csv"
MAX_CLASSES = 100
LONGEST_NAME = 200
"""Characters; file systems take 255, and sides, parts and suffixes are added."""


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
        "CSV of the valence and arousal of the frames, relative to the folder; empty for none"
    ),
    "label": Column(
        "class of the whole item, in place of labels; empty for none",
        {"pattern": "[A-Za-z0-9_][A-Za-z0-9 ._-]{0,63}"},
    ),
}
SECONDS = ("start", "end")
SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv".split()  # noqa: SIM905
)


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


def read(root: Path, _settings: Settings, split: SplitSettings, _work: Work) -> Corpus:
    """The items of a folder, in the order of their names.

    Raises:
        InputError: the folder, its items.csv or a labels file is missing or malformed; names row
            and column.
    """
    if not root.is_dir():
        raise InputError(f"corpus.root {root} is not a folder", "point it to the unpacked corpus")
    file = root / TABLE
    listing = Listing() if file.exists() else files_below(root)
    rows = _read_items(file) if file.exists() else _list_videos(root, listing.files)
    if rows.empty and file.exists():
        raise InputError(
            f"{file} has no row", "write a row per item, or delete it to take all videos"
        )
    if rows.empty:
        raise InputError(f"there is no video in {root}", "point corpus.root to the videos")
    table = _complete(file, rows, split)
    task = _task(file, rows)
    paths = [_inside(root, row, "path", path) for row, path in enumerate(table["path"])]
    items = [
        Item(
            name=name,
            path=path,
            speaker=row["speaker"],
            split=row["split"],
            labels=_labels(root, number, row, task),
            side=row["side"],
            start=row["start"],
            end=None if np.isinf(row["end"]) else row["end"],
        )
        for number, (name, path, row) in enumerate(
            zip(_names(table), paths, table.to_dict("records"), strict=True)
        )
    ]
    return Corpus(
        task, sorted(items, key=lambda item: item.name), notes=_notes(rows, split, listing)
    )


def _notes(rows: pd.DataFrame, split: SplitSettings, listing: Listing) -> tuple[str, ...]:
    notes = {
        "speaker": "no speakers are named: every file counts as one",
        "split": f"no splits are named: speakers are split at random from seed {split.seed}",
    }
    said = [note for column, note in notes.items() if column not in rows]
    if listing.mac:
        said.append(f"{listing.mac} of a Mac's own files (._*, __MACOSX) are left out")
    if listing.not_followed:
        folders = some_of(listing.not_followed)
        said.append(f"linked folders that corpus.links: follow would follow: {folders}")
    return tuple(said)


def _inside(root: Path, row: int, column: str, path: str) -> Path:
    table = root / TABLE
    if table.exists():
        return inside(root, path, f"{table} row {row + 2} column {column}")
    return inside(root, path, str(root), must_exist=False)


def _labels(root: Path, number: int, row: dict[Hashable, Any], task: Task) -> pd.DataFrame | None:
    if row["label"]:
        return class_label({row["label"]: 1}, task.outputs)
    return read_labels(_inside(root, number, "labels", row["labels"])) if row["labels"] else None


def _task(file: Path, rows: pd.DataFrame) -> Task:
    if "label" not in rows:
        return AFFECT
    if "labels" in rows:
        raise InputError(f"{file} has both a column label and a column labels", "drop one")
    classes = tuple(sorted(set(rows["label"]) - {""}))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise InputError(
            f"{file} column label names {len(classes)} classes",
            f"name between 2 and {MAX_CLASSES}",
        )
    if {"item", "time"} & set(classes):
        raise InputError(f"{file} column label has a class item or time", "name it differently")
    return Task(kind="classification", level="sequence", outputs=classes)


# ---------------------------------------------------------------------- names


def item_name(path: str) -> str:
    """A name made of letters, digits, dot, dash and underscore, unique but for the suffix.

    >>> item_name("session_1/clip.mp4"), item_name("session 1/clip.mp4")
    ('session_1--clip', 'session_1--clip-656168')
    """
    stem = str(Path(path).with_suffix(""))
    # zarr.json is the one name that a store keeps for itself.
    plain = "--" not in stem and re.fullmatch(r"(?!zarr\.json$)[A-Za-z0-9_][A-Za-z0-9._/-]*", stem)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", stem.replace("/", "--"))
    return name if plain and len(name) <= LONGEST_NAME else _told_apart(name, path)


def _names(table: pd.DataFrame) -> list[str]:
    """The items' names: of the path, the side and the part; clashes are told apart by a hash."""
    subjects = ["file", "side"]
    part = table.sort_values(["start", "end"]).groupby(subjects).cumcount() + 1
    is_part = table.groupby(subjects)["file"].transform("size") > 1
    endings = [
        (f"_{side}" if side else "") + (f"_{number:04d}" if several else "")
        for side, number, several in zip(table["side"], part[table.index], is_part, strict=True)
    ]
    named = list(zip(table["file"], endings, strict=True))
    plain = [item_name(path) + ending for path, ending in named]
    times = Counter(plain)
    return [
        name if times[name] == 1 else _told_apart(item_name(path), path) + ending
        for name, (path, ending) in zip(plain, named, strict=True)
    ]


def _told_apart(name: str, path: str) -> str:
    ending = hashlib.sha256(path.encode()).hexdigest()[:6]
    return f"{name[:LONGEST_NAME]}-{ending}".lstrip(".-")


# ---------------------------------------------------------------------- items.csv


def _list_videos(root: Path, files: list[Path]) -> pd.DataFrame:
    videos = [path for path in files if path.suffix.lower() in SUFFIXES]
    for path in videos:
        if any("\ud800" <= letter <= "\udfff" for letter in str(path)):  # bytes that are no UTF-8
            raise InputError(f"{root} has a file named {path.name!r}", "rename it")
    return pd.DataFrame({"path": [path.relative_to(root).as_posix() for path in videos]})


def _read_items(file: Path) -> pd.DataFrame:
    """The columns that items.csv has, seconds as numbers: 0 for no start, infinity for no end."""
    table = read_table(file)
    unknown = sorted(set(table.columns) - set(COLUMNS))
    if unknown or "path" not in table:
        problem = f"an unknown column {unknown[0]}" if unknown else "no column path"
        raise InputError(f"{file} has {problem}", f"its columns are {', '.join(COLUMNS)}")
    for column, about in COLUMNS.items():
        if column in table:
            _check_values(file, table[column], about.constraints)
    for column, nothing in zip(SECONDS, (0.0, np.inf), strict=True):
        if column in table:
            seconds = read_numbers(table[column][table[column] != ""], file)
            for row in seconds.index[seconds < COLUMNS[column].constraints["minimum"]]:
                raise InputError(f"{file} row {row + 2} has {column} {seconds[row]:g}", "fix it")
            table[column] = seconds.reindex(table.index, fill_value=nothing)
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


def _complete(file: Path, rows: pd.DataFrame, split: SplitSettings) -> pd.DataFrame:
    """All columns, and `file`, the same for all ways to write a path."""
    files = rows["path"].map(os.path.normpath)
    defaults = {
        "start": 0.0,
        "end": np.inf,
        "speaker": files,
        "side": "",
        "labels": "",
        "label": "",
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
    for row in table.index[table.duplicated(["file", "side", "start", "end"])]:
        raise InputError(
            f"{file} row {row + 2} repeats path {table['path'][row]}",
            "drop one, or give each a side (left, right) or a start and an end of its own",
        )
    if "split" not in table:
        table["split"] = table["speaker"].map(draw_splits(table["speaker"], split))
    return table


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
