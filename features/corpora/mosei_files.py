"""The two forms in which CMU-MOSEI is read: pickles of padded sentences, and .csd files.

`features.corpora.cmu_mosei` says by which rules.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.corpora.array_pickle import read_arrays
from features.corpora.csd import ComputationalSequence, Rows
from features.errors import InputError

SECTIONS = ("train", "valid", "test")
FPS = 15
"""Frames made of a second of .csd files."""

Frames = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Sound (F, A) and picture (F, V) of a sentence, as they are in the file."""


@dataclass(frozen=True)
class Sentence:
    """A labelled stretch of a video, in seconds; in a pickle it is a row of a section."""

    name: str
    video: str
    start: float
    end: float
    sentiment: float
    section: str = ""
    row: int = 0


class Source(Protocol):
    """One of the forms of the corpus."""

    sentences: dict[str, Sentence]
    """The sentences by their names, in order."""

    def frames(self, sentence: Sentence) -> Frames:
        """The frames of a sentence; none if nothing is there of it."""


class PickleSource:
    """mosei_senti_data.pkl, where sound and picture share their rows, or …_noalign.pkl.

    Raises:
        InputError: the file has another form, or asks for code to be run.
    """

    def __init__(self, file: Path, *, is_aligned: bool) -> None:
        self._arrays = read_arrays(file, SECTIONS, ("audio", "vision", "labels", "id"))
        self._is_aligned = is_aligned
        sentences = []
        for section, arrays in self._arrays.items():
            _check_shapes(f"{section} of {file}", arrays)
            sentiments = arrays["labels"].reshape(len(arrays["id"]), -1)[:, 0]
            for row, (key, sentiment) in enumerate(zip(arrays["id"], sentiments, strict=True)):
                where = f"{section} of {file} row {row}"
                video, start, end = _parse_id(key, where)
                sentences.append(Sentence("", video, start, end, float(sentiment), section, row))
        dimensions = {(a["audio"].shape[2], a["vision"].shape[2]) for a in self._arrays.values()}
        if len(dimensions) > 1:
            raise InputError(f"the sections of {file} differ in features", "get the file again")
        self.sentences = _named(sentences, file, prefix=file.name.split("_")[0])

    def frames(self, sentence: Sentence) -> Frames:
        """The frames of a sentence without the padding."""
        arrays = self._arrays[sentence.section]
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf
            audio = arrays["audio"][sentence.row].astype(np.float32)
            video = arrays["vision"][sentence.row].astype(np.float32)
        if self._is_aligned:
            filled = used(audio.any(axis=1) | video.any(axis=1))
            return audio[filled], video[filled]
        audio, video = audio[used(audio.any(axis=1))], video[used(video.any(axis=1))]
        count = max(len(audio), len(video))
        return _stretched(audio, count), _stretched(video, count)


class CsdSource:
    """Files of the CMU Multimodal SDK: labels, sound, picture.

    Raises:
        InputError: a file is not a computational sequence.
    """

    def __init__(self, labels: Path, audio: Path, video: Path) -> None:
        self._audio, self._video = ComputationalSequence(audio), ComputationalSequence(video)
        labelled = ComputationalSequence(labels)
        self.sentences = _named(
            (
                Sentence("", video, start, end, float(values[0]))
                for video in sorted(labelled.videos)
                for (start, end), values in zip(*labelled.rows(video), strict=True)
            ),
            labels,
            prefix="mosei",
        )

    def frames(self, sentence: Sentence) -> Frames:
        """What was there of either modality at the centre of each frame."""
        seconds = sentence.end - sentence.start
        count = max(1, round(FPS * seconds))
        centres = sentence.start + (np.arange(count) + 0.5) * seconds / count
        audio, has_audio = _rows_at(self._audio.rows(sentence.video), centres)
        video, has_video = _rows_at(self._video.rows(sentence.video), centres)
        if not (has_audio | has_video).any():
            return audio[:0], video[:0]
        return audio, video


def _named(sentences: Iterable[Sentence], where: Path, *, prefix: str) -> dict[str, Sentence]:
    """The same by their names, which are made of the video and the place in it."""
    named = []
    counts: dict[str, int] = {}
    for sentence in sorted(sentences, key=lambda s: (s.video, s.start, s.section, s.row)):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", sentence.video):
            raise InputError(f"{where} has a video {sentence.video!r}", "get the file again")
        number = counts[sentence.video] = counts.get(sentence.video, -1) + 1
        # Names of videos may begin with __, which stores keep for themselves.
        named.append(replace(sentence, name=f"{prefix}-{sentence.video}-{number:03d}"))
    return {sentence.name: sentence for sentence in sorted(named, key=lambda s: s.name)}


def _check_shapes(where: str, arrays: dict[str, NDArray[Any]]) -> None:
    count = arrays["id"].shape[0] if arrays["id"].ndim else 0
    admitted = {"audio": (3,), "vision": (3,), "labels": (1, 2, 3), "id": (2,)}
    for name, dimensions in admitted.items():
        array = arrays[name]
        is_numeric = array.dtype.kind in "fiu" or name == "id"
        is_whole = array.ndim in dimensions and len(array) == count and array.size > 0
        if not is_whole or not is_numeric:
            raise InputError(
                f"{name} in {where} is an array of shape {array.shape} of {array.dtype}, "
                f"for {count} sentences",
                "get the file again",
            )


def _parse_id(key: NDArray[Any], where: str) -> tuple[str, float, float]:
    try:
        video, start, end = (x.decode() if isinstance(x, bytes) else str(x) for x in key[:3])
        return video, float(start), float(end)
    except ValueError as error:
        raise InputError(
            f"the id in {where} is {list(key)}, not video, start and end", "get the file again"
        ) from error


def used(filled: NDArray[np.bool_]) -> slice:
    """From the first filled row to the last.

    >>> used(np.array([False, True, False, True, False]))
    slice(1, 4, None)
    """
    rows = np.flatnonzero(filled)
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0)


def _stretched(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Rows (count, d), each the one at the centre of its part of the sentence; zeros for none.

    >>> _stretched(np.array([[1], [2]], np.float32), 5).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0, 2.0]
    """
    if not len(rows):
        return np.zeros((count, rows.shape[1]), rows.dtype)
    # Row ⌊(i + 1/2) · rows / count⌋, in integers.
    return rows[(2 * np.arange(count) + 1) * len(rows) // (2 * count)]


def _rows_at(
    rows: Rows, times: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The row whose interval holds each time, zeros where none does, and whether one does."""
    intervals, features = rows
    at = np.searchsorted(intervals[:, 0], times, side="right") - 1
    if not len(features):
        return np.zeros((len(times), features.shape[1]), np.float32), at >= 0
    is_held = (at >= 0) & (times <= intervals[at, 1])
    return np.where(is_held[:, None], features[at], np.float32(0)), is_held
