"""Any folder of videos, with or without an items.csv.

items.csv has a row per video: `path` (required), `speaker`, `split` (train, validation, test) and
`labels`, a CSV with the columns `valence`, `arousal` and, unless it has a row per frame, `time` in
seconds. Paths are relative to the folder. Without items.csv every video is an item, and its own
speaker. Without a split column speakers are split at random from a seed.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from features.corpora.item import SPLITS, Item, Split
from features.corpora.table import read_table
from features.errors import InputError
from features.settings import SplitSettings

TABLE = "items.csv"
COLUMNS = ("path", "speaker", "split", "labels")
SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "3gp avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv".split()  # noqa: SIM905
)


def read(root: Path, split: SplitSettings) -> list[Item]:
    """The items of a folder, in the order of their names.

    Raises:
        InputError: the folder or its items.csv is missing or malformed; names row and column.
    """
    if not root.is_dir():
        raise InputError(f"corpus.root {root} is not a folder", "point it to the unpacked corpus")
    table = _read_table(root)
    if table.empty:
        raise InputError(f"there is no video in {root}", "point corpus.root to the videos")
    if "split" not in table:
        table["split"] = table["speaker"].map(_draw_splits(table["speaker"], split))
    paths = [_inside(root, path, row, "path") for row, path in enumerate(table["path"])]
    labels = [
        _inside(root, path, row, "labels") if path else None
        for row, path in enumerate(table["labels"])
    ]
    names = _names(table["path"])
    columns = (names, paths, table["speaker"], table["split"], labels)
    items = [Item(*values) for values in zip(*columns, strict=True)]
    return sorted(items, key=lambda item: item.name)


def item_name(path: str) -> str:
    """A name made of letters, digits, dot, dash and underscore, unique but for the suffix.

    >>> item_name("session_1/clip.mp4"), item_name("session 1/clip.mp4")
    ('session_1--clip', 'session_1--clip-656168')
    """
    stem = str(Path(path).with_suffix(""))
    # zarr.json is the one name that a store keeps for itself.
    plain = "--" not in stem and re.fullmatch(r"(?!zarr\.json$)[A-Za-z0-9_][A-Za-z0-9._/-]*", stem)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", stem.replace("/", "--"))
    return name if plain else _told_apart(name, path)


def _names(paths: Iterable[str]) -> list[str]:
    """The items' names; a.mp4 and a.avi are told apart by a hash."""
    named = [(path, item_name(path)) for path in paths]
    times = Counter(name for _, name in named)
    return [name if times[name] == 1 else _told_apart(name, path) for path, name in named]


def _told_apart(name: str, path: str) -> str:
    return f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:6]}".lstrip(".-")


def _read_table(root: Path) -> pd.DataFrame:
    file = root / TABLE
    if not file.exists():
        files = (path for path in root.rglob("*") if not path.is_dir())
        found = sorted(path for path in files if path.suffix.lower() in SUFFIXES)
        table = pd.DataFrame({"path": [p.relative_to(root).as_posix() for p in found]})
        return table.assign(speaker=table["path"], labels="")
    table = read_table(file)
    unknown = sorted(set(table.columns) - set(COLUMNS))
    if unknown or "path" not in table:
        problem = f"an unknown column {unknown[0]}" if unknown else "no column path"
        raise InputError(f"{file} has {problem}", f"its columns are {', '.join(COLUMNS)}")
    if "speaker" not in table:
        table["speaker"] = table["path"]
    if "labels" not in table:
        table["labels"] = ""
    _check_values(file, table)
    return table


def _check_values(file: Path, table: pd.DataFrame) -> None:
    for column in ("path", "speaker"):
        for row in table.index[table[column] == ""]:
            raise InputError(f"{file} row {row + 2} has no {column}", "fill it in")
    for row in table.index[table["path"].map(os.path.normpath).duplicated()]:
        raise InputError(f"{file} row {row + 2} repeats path {table['path'][row]}", "drop one")
    if "split" in table:
        for row in table.index[~table["split"].isin(SPLITS)]:
            raise InputError(
                f"{file} row {row + 2} has split {table['split'][row]!r}",
                f"write one of {', '.join(SPLITS)}",
            )


def _inside(root: Path, path: str, row: int, column: str) -> Path:
    """The file below `root`; a path or link that leads outside is refused."""
    full, table = root / path, root / TABLE
    where = f"{table} row {row + 2} column {column}" if table.exists() else str(root)
    try:
        inside, found = full.resolve().is_relative_to(root.resolve()), full.is_file()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a null byte
        inside, found = True, False
    if not inside:
        raise InputError(
            f"{where}: {path} leads outside the corpus", "move the file into the corpus"
        )
    if not found:
        raise InputError(f"{where}: there is no file {path!r}", "add the file, or drop the row")
    return full


def _draw_splits(speakers: pd.Series, split: SplitSettings) -> dict[str, Split]:
    """Deal speakers to splits at random.

    At least one trains; where there are enough, each split asked for has one and two train.
    """
    names = np.random.default_rng(split.seed).permutation(sorted(set(speakers)))
    test = max(round(split.test * len(names)), int(split.test > 0 and len(names) > 2))
    test = min(test, len(names) - 1)
    least = int(split.validation > 0 and len(names) > 3)
    validation = max(round(split.validation * len(names)), least)
    validation = min(validation, len(names) - test - 1)
    counts: dict[Split, int] = {"validation": validation, "test": test}
    counts["train"] = len(names) - sum(counts.values())
    dealt = [part for part, count in counts.items() for _ in range(count)]
    return dict(zip(names.tolist(), dealt, strict=True))
