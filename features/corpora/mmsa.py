"""Pickles as MMSA (github.com/thuiar/MMSA) takes them: MOSI, MOSEI and SIMS, as features.

A pickle has the sections train, valid and test, each with `vision` and `audio`, (N, L, D) padded,
`regression_labels` (N,), of SIMS also `regression_labels_T`, `_A` and `_V`, and `id`, the video and
the sentence in it, `03bSnISJMiM$_$11`. Where `vision_lengths` and `audio_lengths` say how many rows
are no padding and nothing lies behind them, so many are taken; else a sentence lasts from its first
row with a value to the last. A row of zeros counts as without face or sound, and what is not finite
is set to 0. Text is not read.

The files know no seconds. The longer of sound and picture has `rate` rows a second by agreement,
the other is spread over the same time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.array_pickle import read_arrays
from features.corpora.item import SPLITS, TIME, Corpus, Features, Item, Split, Work
from features.corpora.mosei_files import SECTIONS, used
from features.corpora.paths import inside
from features.corpora.registry import CORPORA
from features.corpora.settings import MmsaSettings, SplitSettings
from features.corpora.splits import draw_splits
from features.errors import InputError
from features.hashes import hash_of, hash_of_file
from features.task import Task

STREAMS = ("vision", "audio")
ID = re.compile(r"(?P<video>[A-Za-z0-9_-]{1,64})\$_\$(?P<part>[A-Za-z0-9_-]{1,64})")
LONGEST_ROWS = 100_000
"""Most rows of a sentence."""


@dataclass(frozen=True)
class Sentence:
    """A row of a section."""

    name: str
    video: str
    section: str
    row: int
    sentiment: float


def read(root: Path, settings: MmsaSettings, split: SplitSettings, _work: Work) -> Corpus:
    """The sentences with a sentiment and at least one row.

    Raises:
        InputError: the file is missing, of another form or asks for code to be run.
    """
    file = _file(root, settings)
    task = Task(
        kind="sentiment",
        level="sequence",
        outputs=("sentiment",),
        low=-settings.largest,
        high=settings.largest,
    )
    sentences = list(_sentences(file, settings.labels))
    split_of, notes = _splits(sentences, settings, split)
    items, excluded, cleaned = [], {}, 0
    for sentence in sentences:
        rows = _rows(file, settings, sentence)
        if not abs(sentence.sentiment) <= settings.largest:  # so NaN is at fault too
            excluded[sentence.name] = f"its sentiment is {sentence.sentiment:g}"
        elif not any(len(of_stream) for of_stream in rows.values()):
            excluded[sentence.name] = "it has no row of sound or picture"
        elif sentence.name in split_of:
            cleaned += sum(int((~np.isfinite(of_stream)).sum()) for of_stream in rows.values())
            label = pd.DataFrame({TIME: [np.nan], "sentiment": [sentence.sentiment]})
            items.append(Item(sentence.name, None, sentence.video, split_of[sentence.name], label))
    notes += [
        f"{cleaned} values are infinite or no number: set to 0",
        f"the file has no times: the longer of sound and picture counts as {settings.rate:g} rows "
        "a second",
    ]
    return Corpus(
        task,
        sorted(items, key=lambda item: item.name),
        excluded,
        tuple(notes),
        gives={name: CORPORA["mmsa"].gives[name] for name in STREAMS},
        features=partial(features, root, settings),
        identity=hash_of(settings.model_dump_json(), hash_of_file(file)),
        normalise_video=True,
    )


def features(root: Path, settings: MmsaSettings, name: str) -> Mapping[str, Features]:
    """The streams of the sentence `name`, which last equally long."""
    file = _file(root, settings)
    rows = _rows(file, settings, _by_name(file, settings.labels)[name])
    seconds = max(len(of_stream) for of_stream in rows.values()) / settings.rate
    streams = {}
    for stream, of_stream in rows.items():
        filled = of_stream if len(of_stream) else np.zeros((1, of_stream.shape[1]), np.float32)
        clean = np.where(np.isfinite(filled), filled, np.float32(0))
        times = np.arange(len(clean), dtype=np.float64) * (seconds / len(clean))
        streams[stream] = Features(times, clean, (clean != 0).any(axis=1))
    return streams


def _file(root: Path, settings: MmsaSettings) -> Path:
    if not (root / settings.file).is_file():
        raise InputError(
            f"corpus.root {root} has no {settings.file}", "name the pickle in corpus.mmsa.file"
        )
    return inside(root, settings.file, "corpus.mmsa.file")


@cache
def _arrays(file: Path, labels: str) -> dict[str, dict[str, NDArray[Any]]]:
    """The arrays that are read, mapped once in a process."""
    key = _label_key(labels)
    arrays = read_arrays(
        file, SECTIONS, (*STREAMS, "id", key), [f"{stream}_lengths" for stream in STREAMS]
    )
    widths = set()
    for section, found in arrays.items():
        count = found["id"].size
        found[key] = found[key].reshape(-1)
        for name, array in found.items():
            right = 3 if name in STREAMS else 1
            if array.ndim != right or len(array) != count or not array.size:
                raise InputError(
                    f"{name} in {section} of {file} is an array of shape {array.shape} for {count} "
                    "sentences",
                    "get the file again",
                )
        numeric = [found[name].dtype.kind in "fiu" for name in STREAMS]
        if not all(numeric) or max(found[name].shape[1] for name in STREAMS) > LONGEST_ROWS:
            raise InputError(f"{section} of {file} has no rows of numbers", "get the file again")
        widths.add(tuple(found[name].shape[2] for name in STREAMS))
    if len(widths) > 1:
        raise InputError(f"the sections of {file} differ in features", "get the file again")
    return arrays


def _label_key(labels: str) -> str:
    return "regression_labels" if labels == "M" else f"regression_labels_{labels}"


def _sentences(file: Path, labels: str) -> Iterator[Sentence]:
    for section, arrays in _arrays(file, labels).items():
        for row, key in enumerate(arrays["id"]):
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            match = ID.fullmatch(text)
            if match is None:
                raise InputError(
                    f"{section} of {file} row {row} has the id {text[:80]!r}, not VIDEO$_$PART",
                    "get the file again",
                )
            name = f"mmsa-{match['video']}-{match['part']}"
            sentiment = float(arrays[_label_key(labels)][row])
            yield Sentence(name, match["video"], section, row, sentiment)


@cache
def _by_name(file: Path, labels: str) -> dict[str, Sentence]:
    return {sentence.name: sentence for sentence in _sentences(file, labels)}


def _rows(file: Path, settings: MmsaSettings, sentence: Sentence) -> dict[str, NDArray[np.float32]]:
    """The rows of a sentence without padding, as they are in the file."""
    arrays = _arrays(file, settings.labels)[sentence.section]
    rows = {}
    for stream in STREAMS:
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf
            padded = arrays[stream][sentence.row].astype(np.float32)
        filled = padded.any(axis=1)
        lengths = arrays.get(f"{stream}_lengths")
        stated = 0 if lengths is None else int(lengths[sentence.row])
        is_stated = 0 < stated <= len(padded) and not filled[stated:].any()
        rows[stream] = padded[:stated] if is_stated else padded[used(filled)]
    return rows


def _splits(
    sentences: list[Sentence], settings: MmsaSettings, split: SplitSettings
) -> tuple[dict[str, Split], list[str]]:
    """The split of each sentence that is in one, by its name, and what there is to say of it."""
    if settings.splits == "video":
        of_video = draw_splits((s.video for s in sentences), split)
        note = f"videos are dealt to the splits at random from seed {split.seed}"
        return {s.name: of_video[s.video] for s in sentences}, [note]
    last: dict[str, str] = {}
    for section in SECTIONS:
        last |= {s.video: section for s in sentences if s.section == section}
    as_split = dict(zip(SECTIONS, SPLITS, strict=True))
    split_of = {s.name: as_split[s.section] for s in sentences if s.section == last[s.video]}
    dropped = len(sentences) - len(split_of)
    note = (
        f"{dropped} of {len(sentences)} sentences are of a video that a later section has too: "
        "left out (corpus.mmsa.splits: video keeps them)"
    )
    return split_of, [note] if dropped else []
