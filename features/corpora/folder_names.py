"""Names of a folder's items: of the media file, the side, the person and the part."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pandas as pd

LONGEST_NAME = 200
"""Characters; file systems take 255, and sides, parts and suffixes are added."""


def item_name(path: str) -> str:
    """A name made of letters, digits, dot, dash and underscore, unique but for the suffix.

    >>> item_name("session_1/clip.mp4"), item_name("session 1/clip.mp4")
    ('session_1--clip', 'session_1--clip-656168')
    """
    stem = str(Path(path).with_suffix(""))
    # zarr.json is the one name that a store keeps for itself.
    plain = "--" not in stem and re.fullmatch(r"(?!zarr\.json$)[A-Za-z0-9_][A-Za-z0-9._/-]*", stem)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", stem.replace("/", "--"))
    return name if plain and len(name) <= LONGEST_NAME else told_apart(name, path)


def item_names(table: pd.DataFrame) -> list[str]:
    """The items' names: of path, side, person and part; clashes are told apart by a hash."""
    subjects = ["file", "side", "person"]
    part = table.sort_values(["start", "end"]).groupby(subjects).cumcount() + 1
    is_part = table.groupby(subjects)["file"].transform("size") > 1
    persons = table["person"].where(table["path"] != "", "")  # features are found by the name alone
    endings = [
        (f"_{side}" if side else "") + _of_person(person) + (f"_{number:04d}" if several else "")
        for side, person, number, several in zip(
            table["side"], persons, part[table.index], is_part, strict=True
        )
    ]
    named = list(zip(table["file"], endings, strict=True))
    without_media = dict(zip(table["file"], table["path"] == "", strict=True))

    def name_of(file: str) -> str:
        return file if without_media[file] else item_name(file)

    plain = [name_of(path) + ending for path, ending in named]
    times = Counter(plain)
    return [
        name if times[name] == 1 else told_apart(name_of(path), path) + ending
        for name, (path, ending) in zip(plain, named, strict=True)
    ]


def _of_person(person: str) -> str:
    """What a name says of whose it is.

    >>> _of_person("left"), _of_person("faces/ann.jpg"), _of_person("")
    ('_left', '_ann-0c16a9', '')
    """
    if "." not in person:
        return f"_{person}" if person else ""
    return "_" + told_apart(re.sub(r"[^A-Za-z0-9._-]", "_", Path(person).stem), person)


def told_apart(name: str, path: str) -> str:
    """The name with a few digits of a hash of its path."""
    ending = hashlib.sha256(path.encode()).hexdigest()[:6]
    return f"{name[:LONGEST_NAME]}-{ending}".lstrip(".-")
