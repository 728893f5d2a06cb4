"""Benchmarks of who is who: mistakes of identity a minute, and their share of the stage."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from features.faces.extract import Seen, extract_faces, look
from features.faces.people import People, describe, describing, people_of
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.writing import new_item
from tests.benchmarks.faces import padded
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row
from tests.helpers.face_factory import CLIPS, film
from tests.helpers.media_factory import make_video
from tests.helpers.people_films import FILMS, RATE, make_film, mistakes

FPS, SHOT, SHOTS = 30, 90, 4
"""Of the speaker view: frames a second, frames of a shot, and their number."""

HEADS = (15, 10)
"""Clips of the demo corpus that lose no face and whose face `hog` finds, of its two portraits."""


def people(inputs: Inputs) -> list[Row]:
    """Mistakes in tiny films and in a speaker view of two talking heads, and seconds of work."""
    view = told_apart(speaker_view(inputs))
    who = np.array([track.frames[0] // SHOT % 2 for track in view.seen.tracks])
    wrong = _wrong(who, view.people.identity)
    rows = [
        _tiny(inputs),
        _row("a speaker view of two rendered heads", wrong, len(who), SHOT * SHOTS / FPS),
        _share("the speaker view", view, inputs.folder / "view"),
    ]
    if CLIPS:
        rows.append(_share("an edited film", told_apart(film()), inputs.folder / "edited"))
    return rows


@dataclass(frozen=True)
class Apart:
    """Who is in a film, and seconds of a processor.

    Attributes:
        path: of the film.
        seen: its faces.
        people: who is there.
        looking: for finding and following all faces.
        describing: for describing and grouping, beyond the decoding of the pictures.
    """

    path: Path
    seen: Seen
    people: People
    looking: float
    describing: float


def told_apart(path: Path) -> Apart:
    """Find who is in a film."""
    begun = time.process_time()
    seen = look(path, FaceSettings())
    looked = time.process_time()
    found = describing(seen.tracks, seen.times)
    describe(found, media.frames(path))
    people = people_of(seen.tracks, seen.times, found)
    described = time.process_time()
    for _ in islice(media.frames(path), found.last + 1):
        pass  # which cutting out does anyway
    decoding = time.process_time() - described
    return Apart(path, seen, people, looked - begun, described - looked - decoding)


def _tiny(inputs: Inputs) -> Row:
    """All films of `people_films` together."""
    wrong = tracks = frames = 0
    for number, made in enumerate(FILMS.values()):
        there = made()
        path = make_film(inputs.folder / f"people-{number}.mp4", there)
        found = told_apart(path)
        wrong += mistakes(there, found.seen.tracks, found.people.identity)
        tracks, frames = tracks + len(found.seen.tracks), frames + len(there)
    return _row(f"{len(FILMS)} tiny films of two portraits", wrong, tracks, frames / RATE)


def _row(what: str, wrong: int, tracks: int, seconds: float) -> Row:
    minutes, share = seconds / 60, wrong / tracks
    return Row(
        f"mistakes of identity, {what}",
        "tracks, each of which can be one",
        "a minute",
        wrong / minutes,
        tracks / minutes,
        *(share,) * 3,
    )


def _share(what: str, found: Apart, folder: Path) -> Row:
    """Seconds for telling people apart, in those of the whole stage."""
    begun = time.process_time()
    with new_item(folder, {}) as writer:
        extract_faces(found.path, FaceSettings(), writer, seen=found.seen)
    whole = found.looking + time.process_time() - begun
    length = media.probe(found.path).duration
    share = found.describing / whole
    return Row(
        f"telling people apart, {what}",
        "`extract_faces`, hog",
        "s of work/s",
        found.describing / length,
        whole / length,
        *(share,) * 3,
    )


def _wrong(who: NDArray[np.int64], identity: NDArray[np.int32]) -> int:
    """Tracks whose identity is not the one that most of that person's tracks have."""
    wrong, taken = 0, set()
    for person in np.unique(who):
        numbers, counts = np.unique(identity[who == person], return_counts=True)
        free = [i for i, n in enumerate(numbers) if n not in taken and n >= 0]
        best = max(free, key=lambda i: counts[i], default=None)
        if best is not None:
            taken.add(numbers[best])
        wrong += int(counts.sum()) - (0 if best is None else int(counts[best]))
    return wrong


def speaker_view(inputs: Inputs) -> Path:
    """Two of the demo's heads, which talk, turn and nod, one after the other, 640×360."""
    path = inputs.folder / "speakers.mp4"
    if not path.exists():
        make_video(path, list(_shots(inputs.folder / "heads")), FPS)
    return path


def _shots(folder: Path) -> Iterator[NDArray[np.uint8]]:
    settings = DemoSettings(seconds=SHOT * -(-SHOTS // 2) / FPS + 1, fps=FPS)
    for part in ("labels", "truth"):
        (folder / part).mkdir(parents=True)
    heads = [media.frames(folder / make_clip(folder, settings, n)["path"]) for n in HEADS]
    for shot in range(SHOTS):
        for _, picture in islice(heads[shot % 2], SHOT):
            yield padded(picture)
