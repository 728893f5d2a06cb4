"""Any folder of videos or of features, with or without an items.csv.

items.csv has a row per item, with the columns of COLUMNS, all of which but `path` may be left out;
`python -m features.corpora.folder` prints its JSON Table Schema. Columns `group_...` say what
scores are told apart by.

A file may have several rows: subjects on either side, or parts, which may overlap. Parts of one
subject are named in the order of their starts, `clip_0001`, `clip_0002`.

A labels file has the columns `valence`, `arousal` (or those of `corpus.folder.targets`) and, unless
it has a row per frame, `time`. Times are seconds on the clock of the file, for its parts too;
without times the first row belongs to the first frame of the item, so of the part. Labels at a rate
of their own are given to the frames by the rule of `features.corpora.labels.frame_labels`. With a
column `label` the task is to classify items, and the classes are the values of that column in the
order of the alphabet. With columns `valence` and `arousal`, or of targets, items have numbers.

Features lie in `features/<stream>/<item>` with a suffix of `features.corpora.feature_files`. With a
column `item` in place of `path` there are no media.

Without items.csv every video is an item without labels.
"""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.folder_features import FolderFeatures
from features.corpora.folder_names import item_names
from features.corpora.folder_table import complete, read_items, schema
from features.corpora.item import TIME, Corpus, Item, Work
from features.corpora.labels import class_label, read_labels
from features.corpora.listing import GROUP
from features.corpora.notes import some_of
from features.corpora.paths import Listing, files_below, inside
from features.corpora.settings import FolderSettings, SplitSettings
from features.errors import InputError
from features.task import AFFECT, Task

TABLE = "items.csv"
MAX_CLASSES = 100
SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv".split()  # noqa: SIM905
)


def read(root: Path, settings: FolderSettings, split: SplitSettings, _work: Work) -> Corpus:
    """The items of a folder, in the order of their names.

    Raises:
        InputError: the folder, its items.csv or a labels file is missing or malformed; names row
            and column.
    """
    if not root.is_dir():
        raise InputError(f"corpus.root {root} is not a folder", "point it to the unpacked corpus")
    file = root / TABLE
    listing = Listing() if file.exists() else files_below(root)
    rows = (
        read_items(file, list(settings.targets))
        if file.exists()
        else _list_videos(root, listing.files)
    )
    if rows.empty and file.exists():
        raise InputError(
            f"{file} has no row", "write a row per item, or delete it to take all videos"
        )
    if rows.empty:
        raise InputError(f"there is no video in {root}", "point corpus.root to the videos")
    task = _task(file, rows, settings)
    items = _items(root, complete(file, rows, split), task)
    notes = _notes(rows, split, listing)
    given = FolderFeatures.below(root, settings)
    if not given.streams:
        if "item" in rows:
            raise InputError(
                f"{file} names items without media, and {given.folder} has no folder of features",
                "write features/STREAM/ITEM.npz, or name media in a column path",
            )
        return Corpus(task, items, notes=notes)
    return Corpus(
        task,
        items,
        notes=notes,
        gives=dict.fromkeys(given.streams),
        features=given.of_item,
        content=given.content,
    )


def _items(root: Path, table: pd.DataFrame, task: Task) -> list[Item]:
    """The items of a complete table, in the order of their names."""
    paths = [
        _inside(root, row, "path", path) if path else None for row, path in enumerate(table["path"])
    ]
    groups = [column for column in map(str, table) if column.startswith(GROUP)]
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
            person=_person(root, number, row["person"]),
            groups={column: row[column] for column in groups},
        )
        for number, (name, path, row) in enumerate(
            zip(item_names(table), paths, table.to_dict("records"), strict=True)
        )
    ]
    return sorted(items, key=lambda item: item.name)


def _person(root: Path, number: int, person: str) -> str:
    """Who of several people it is: a side, or the path of a picture."""
    return str(_inside(root, number, "person", person)) if "." in person else person


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
    if task.kind == "regression" and task.level == "sequence":
        values = {target: row[target] for target in task.outputs}
        if all(np.isnan(value) for value in values.values()):
            return None
        return task.scaled(pd.DataFrame({TIME: np.nan, **values}, index=[0]))
    if not row["labels"]:
        return None
    return task.scaled(read_labels(_inside(root, number, "labels", row["labels"]), task.outputs))


def _task(file: Path, rows: pd.DataFrame, settings: FolderSettings) -> Task:
    targets = settings.targets or dict.fromkeys(AFFECT.outputs, (AFFECT.low, AFFECT.high))
    of_items = [target for target in (*AFFECT.outputs, *targets) if target in rows]
    kinds = [name for name in ("label", "labels") if name in rows]
    if len(kinds) > 1:
        raise InputError(f"{file} has both a column label and a column labels", "drop one")
    if of_items and kinds:
        raise InputError(f"{file} has both a column {kinds[0]} and {of_items[0]}", "drop one")
    if "label" not in rows:
        missing = [target for target in targets if of_items and target not in of_items]
        if missing:
            raise InputError(f"{file} has no column {missing[0]}", "add it")
        return Task(
            level="sequence" if of_items else "frame",
            outputs=tuple(targets),
            ranges=settings.targets,
        )
    if settings.targets:
        raise InputError(
            f"{file} has a column label, and corpus.folder.targets names targets", "drop one"
        )
    classes = tuple(sorted(set(rows["label"]) - {""}))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise InputError(
            f"{file} column label names {len(classes)} classes",
            f"name between 2 and {MAX_CLASSES}",
        )
    if {"item", "time"} & set(classes):
        raise InputError(f"{file} column label has a class item or time", "name it differently")
    return Task(kind="classification", level="sequence", outputs=classes)


def _list_videos(root: Path, files: list[Path]) -> pd.DataFrame:
    videos = [path for path in files if path.suffix.lower() in SUFFIXES]
    for path in videos:
        if any("\ud800" <= letter <= "\udfff" for letter in str(path)):  # bytes that are no UTF-8
            raise InputError(f"{root} has a file named {path.name!r}", "rename it")
    return pd.DataFrame({"path": [path.relative_to(root).as_posix() for path in videos]})


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
