"""Features and labels as MERBench (github.com/zeroQiaoba/MERTools) lays them out.

`features/NAME-UTT/ITEM.npy` is a vector of an item, `features/NAME-FRA/ITEM.npy` has a row a frame;
in place of a file there may be a folder ITEM/ of a .npy a frame, in the order of their names. A
stream takes one such folder by its name: `{modality: video, extractor: given, of: NAME-UTT}`.

The label file, such as label-6way.npz, has arrays `train_corpus`, `val_corpus`, `test1_corpus`, ...
each a pickled dictionary of items, `{"emo": "happy", "val": 1.5}`; it is read without running what
a pickle may hold. Column `group_section` tells several test sets apart.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import override

from features.corpora.array_files import Given, read_npy
from features.corpora.array_pickle import read_dictionary
from features.corpora.feature_files import checked
from features.corpora.item import TIME, Corpus, Features, Item, Split, Work
from features.corpora.labels import class_label
from features.corpora.paths import inside
from features.corpora.settings import MerbenchSettings, SplitSettings
from features.errors import InputError
from features.hashes import hash_of, hash_of_file
from features.task import Task

FOLDER = "features"
SECTION = re.compile(r"(?P<section>train|val|test[0-9]*)_corpus\.npy")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
CLASS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._-]{0,63}")
MOST_BYTES = 256 << 20
"""Largest array of labels that is read."""
MOST_FRAMES = 1_000_000

Labels = dict[str, dict[str, Mapping[str, Any]]]
"""What is known of an item, by its section and its name."""


def read(root: Path, settings: MerbenchSettings, _split: SplitSettings, _work: Work) -> Corpus:
    """The items of the label file.

    Raises:
        InputError: it is missing, of another form or asks for code to be run; a label cannot be.
    """
    labels = _read_labels(root, settings)
    place = root / FOLDER
    folders = sorted(place.iterdir()) if place.is_dir() else []
    streams = [folder.name for folder in folders if folder.is_dir() and folder.name[0] not in "._"]
    if not streams:
        raise InputError(f"{place} has no folder of features", "point corpus.root to its parent")
    task = _task(labels, settings)
    items = [
        Item(
            name=name,
            path=None,
            speaker=name,
            split=_split_of(section),
            labels=_label(facts, task, settings, f"{section} of {settings.labels}: {name}"),
            groups={"group_section": section},
        )
        for section, of_section in labels.items()
        for name, facts in of_section.items()
    ]
    return Corpus(
        task,
        sorted(items, key=lambda item: item.name),
        notes=("no speakers are named: every item counts as one",),
        gives=dict.fromkeys(streams),
        features=partial(_Streams, root, tuple(streams), settings.rates),
        content=partial(_content, root, settings.rates),
        normalise_video=True,
    )


def _split_of(section: str) -> Split:
    return {"train": "train", "val": "validation"}.get(section, "test")  # type: ignore[return-value]


# ---------------------------------------------------------------------- labels


def _read_labels(root: Path, settings: MerbenchSettings) -> Labels:
    if not (root / settings.labels).is_file():
        raise InputError(
            f"corpus.root {root} has no {settings.labels}",
            "name the label file in corpus.merbench.labels",
        )
    file = inside(root, settings.labels, "corpus.merbench.labels")
    try:
        with zipfile.ZipFile(file) as archive:
            found = {
                match["section"]: _dictionary(archive, info, f"{info.filename} in {file}")
                for info in archive.infolist()
                if (match := SECTION.fullmatch(info.filename))
            }
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise InputError(f"{file} is damaged or no .npz ({error})", "get it again") from error
    if not found.get("train"):
        raise InputError(f"{file} has no train_corpus with items", "get it again")
    seen: dict[str, str] = {}
    for section, items in found.items():
        for name, facts in items.items():
            if not NAME.fullmatch(name) or not isinstance(facts, dict):
                raise InputError(f"{section} of {file} has an item {name[:80]!r}", "get it again")
            if seen.setdefault(name, section) != section:
                raise InputError(
                    f"{name} is in {seen[name]} and {section} of {file}", "get it again"
                )
    return found


def _dictionary(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> dict[str, Any]:
    """What is behind the header of one array of objects."""
    if info.file_size > MOST_BYTES:
        raise InputError(f"{where} has {info.file_size:,} bytes, more than any labels", "check it")
    with archive.open(info) as stream:
        try:
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        except ValueError as error:
            raise InputError(f"{where} is no array ({error})", "get the file again") from error
        if shape != () or dtype != np.dtype(object):
            raise InputError(
                f"{where} is an array of shape {shape} of {dtype}, no dictionary",
                "get the file again",
            )
        return read_dictionary(stream.read(), where)


def _task(labels: Labels, settings: MerbenchSettings) -> Task:
    if settings.task == "valence":
        return Task(level="sequence", outputs=("valence",), ranges={"valence": settings.valence})
    classes = settings.classes or tuple(
        sorted({_emotion(facts, settings) for items in labels.values() for facts in items.values()})
    )
    for name in classes:
        if not CLASS.fullmatch(name):
            raise InputError(
                f"{settings.labels} has a class {name[:80]!r}",
                "name the classes in corpus.merbench.classes, in the order of their numbers",
            )
    return Task(kind="classification", level="sequence", outputs=classes)


def _emotion(facts: Mapping[str, Any], settings: MerbenchSettings) -> str:
    """The class of an item; an empty text where there is none."""
    emotion = facts.get("emo", "")
    if isinstance(emotion, int) and 0 <= emotion < len(settings.classes):
        return settings.classes[emotion]
    return emotion if isinstance(emotion, str) else f"number {emotion}!"


def _label(
    facts: Mapping[str, Any], task: Task, settings: MerbenchSettings, where: str
) -> pd.DataFrame:
    if task.kind == "classification":
        emotion = _emotion(facts, settings)
        if emotion not in task.outputs:
            raise InputError(
                f"{where} is of the class {emotion!r}, which corpus.merbench.classes has not",
                f"they are {', '.join(task.outputs)}",
            )
        return class_label({emotion: 1}, task.outputs)
    value, (low, high) = facts.get("val"), settings.valence
    if not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(
            f"{where} has the valence {value!r}",
            f"write a number from {low:g} to {high:g}, or change corpus.merbench.valence",
        )
    return task.scaled(pd.DataFrame({TIME: [np.nan], "valence": [float(value)]}))


# ---------------------------------------------------------------------- features


def _files(root: Path, stream: str, item: str) -> list[Path]:
    """The file of an item, or those of its frames.

    Raises:
        InputError: there is none.
    """
    place = root / FOLDER / stream
    if (place / f"{item}.npy").exists():
        return [inside(root, Path(FOLDER, stream, f"{item}.npy"), str(place))]
    names = sorted(path.name for path in (place / item).glob("[!.]*.npy"))
    if not names or len(names) > MOST_FRAMES:
        raise InputError(
            f"there is no {place / item}.npy, nor a folder {item}/ of a .npy a frame",
            f"add it, or write {item}: REASON into corpus.exclude",
        )
    return [inside(root, Path(FOLDER, stream, item, name), str(place)) for name in names]


def _content(root: Path, rates: Mapping[str, float], item: str, stream: str) -> str:
    files = _files(root, stream, item)
    return hash_of([hash_of_file(file) for file in files], rates.get(stream))


@dataclass(frozen=True)
class _Streams(Mapping[str, Features]):
    """The streams of an item, each read when it is asked for."""

    root: Path
    streams: tuple[str, ...]
    rates: Mapping[str, float]
    item: str

    @override
    def __getitem__(self, stream: str) -> Features:
        if stream not in self.streams:
            raise KeyError(stream)
        files = _files(self.root, stream, self.item)
        rows = [self._read(file) for file in files]
        if len({row.shape for row in rows}) > 1:
            raise InputError(f"{files[0].parent} has frames of several sizes", "extract them again")
        where, rate = str(files[0]), self.rates.get(stream)
        given = rows[0] if files[0].stem == self.item else np.concatenate(rows)
        if given.ndim == 2 and len(given) > 1 and rate is None:
            raise InputError(
                f"{where} has {len(given)} rows, and nothing says when they begin",
                f"write corpus.merbench.rates: {{{stream}: rows a second}}",
            )
        return checked(Given(given), where, rate)

    def _read(self, file: Path) -> Any:
        try:
            array = read_npy(file).features
        except InputError:
            raise
        except Exception as error:  # there is no telling what a damaged file makes of its reader
            problem = " ".join(str(error).split())[:200]
            raise InputError(
                f"{file} is damaged or no .npy ({problem})", "write it again"
            ) from error
        if file.stem == self.item and file.parent.name != self.item:
            return array
        return array.reshape(1, -1)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.streams)

    @override
    def __len__(self) -> int:
        return len(self.streams)
