"""What the files of a corpus hold, by their headers and content, and the table of its items."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.item import TIME, Item
from features.corpora.listing import GROUP, NOTES, CorpusItem
from features.corpora.paths import pictures_in
from features.errors import InputError
from features.files import Files
from features.hashes import hash_of, hash_of_file
from features.media.decoding import probe
from features.media.pauses import pauses, seconds_within
from features.task import Task

FACTS = "facts.json"
"""What `inspect` writes of a file."""
HEADERS = "headers.json"
"""What `look` writes of files."""


def inspect(item: Item, out: Path) -> None:
    """Hash a media file, and the pictures that go with it, and read its header and its times.

    Args:
        item: with a media file.
        out: folder to write into, for `facts_of_file`.

    Raises:
        InputError: the file cannot be used.
    """
    assert item.path is not None
    header, missing = _header(item.path), pauses(item.path)
    pictures = pictures_in(item.crops) if item.crops else []
    facts = header | {
        "sha256": hash_of_file(item.path),
        "crops_sha256": hash_of([[p.name, hash_of_file(p)] for p in pictures]) if pictures else "",
        "without_picture": missing.without_picture,
        "without_sound": missing.without_sound,
    }
    (out / FACTS).write_text(json.dumps(facts))


def look(paths: Sequence[Path], out: Path) -> None:
    """Read the headers of media files and nothing else of them.

    Args:
        paths: of the files.
        out: folder to write into: facts as `inspect` writes them, in the order of the paths, those
            of content empty; null for a file that cannot be used, of which `inspect` says why.
    """
    unread = {"sha256": "", "crops_sha256": "", "without_picture": [], "without_sound": []}
    found: list[dict[str, object] | None] = []
    for path in paths:
        found.append(None)
        with suppress(InputError):
            found[-1] = _header(path) | unread
    (out / HEADERS).write_text(json.dumps(found))


def _header(path: Path) -> dict[str, object]:
    info = probe(path)
    return {
        "has_video": info.has_video,
        "has_audio": info.has_audio,
        "width": info.width,
        "height": info.height,
        "rate": float(info.rate) if info.rate else None,
        "seconds": info.duration,
        "notes": list(info.notes),
    }


def read_inspected(files: Files) -> dict[str, Any]:
    """What `inspect` wrote of a file."""
    facts: dict[str, Any] = json.loads((files / FACTS).read_text())
    return facts


def read_looked(files: Files) -> list[dict[str, Any] | None]:
    """What `look` wrote of files."""
    facts: list[dict[str, Any] | None] = json.loads((files / HEADERS).read_text())
    return facts


def facts_of_item(item: Item, of_file: Mapping[str, Any]) -> dict[str, object]:
    """What is known of an item by what `inspect` or `look` wrote of its file.

    Raises:
        InputError: the item starts after its file's end.
    """
    facts = dict(of_file)
    seconds = float(facts["seconds"])
    if 0 < seconds <= item.start:  # 0: the file does not say
        reason = f"it starts at {item.start:g} s, but its file lasts {seconds:g} s"
        raise InputError(reason, "correct its start, or exclude it")
    facts["notes"] = NOTES.join(facts["notes"])
    end = np.inf if item.end is None else item.end
    for name in ("without_picture", "without_sound"):
        facts[name] = seconds_within(facts[name], item.start, end)
    return facts


def stamps(item: Item) -> list[list[str | int]]:
    """What changes with an item's files: cheaper than to read them.

    Raises:
        InputError: the folder of its pictures cannot be read.
    """
    assert item.path is not None  # a corpus gives features, or a file for every item
    pictures = pictures_in(item.crops) if item.crops else []
    return [stamp(path) for path in (item.path, *pictures)]


def stamp(path: Path) -> list[str | int]:
    """Of one file; reading it will tell what is wrong with one that has no stamp.

    The time of change and the inode tell files apart whose time of modification was restored.
    """
    try:
        stat = path.stat()
    except OSError:
        return [str(path)]
    place = str(path.resolve())
    return [place, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def table_of(items: Iterable[tuple[Item, Mapping[str, object]]]) -> pd.DataFrame:
    """The table of items.parquet.

    Args:
        items: each with what is known of its file or of its features.
    """
    rows = [_row(item, facts) for item, facts in items]
    groups = sorted({column for row in rows for column in row if column.startswith(GROUP)})
    table = pd.DataFrame(rows, columns=[*(field.name for field in fields(CorpusItem)), *groups])
    return table.fillna(dict.fromkeys(groups, ""))


def _row(item: Item, facts: Mapping[str, object]) -> dict[str, object]:
    end = facts["seconds"] if item.end is None else item.end
    return {
        "item": item.name,
        "path": "" if item.path is None else str(item.path),
        "speaker": item.speaker,
        "split": item.split,
        "side": item.side,
        "labelled": item.labels is not None,
        "start": item.start,
        "end": np.nan if item.end is None else item.end,
        "person": item.person,
        "features_sha256": "",
        **item.groups,
        "crops": "" if item.crops is None else str(item.crops),
        **facts,
        "seconds": max(0.0, float(end) - item.start),  # type: ignore[arg-type]
    }


def all_labels(task: Task, items: Iterable[Item]) -> pd.DataFrame:
    """The labels of all items in one table: item, time, and a column for each output."""
    columns = [TIME, *task.outputs]
    tables = [i.labels[columns].assign(item=i.name) for i in items if i.labels is not None]
    empty = pd.DataFrame(columns=columns, dtype="float64").assign(item=pd.Series(dtype="str"))
    return pd.concat([empty, *tables], ignore_index=True)
