"""Who of several people is predicted for: faces found once, whoever's are cut out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.crops import open_faces
from features.faces.store import seconds_of_people
from features.settings import FaceSettings
from models.recogniser import Card
from pipeline.prediction.recording import CLIP

if TYPE_CHECKING:
    from features.faces.extract import Seen

PERSON = "person"
SOUND_OF = "sound_of"
UNKNOWN = "unknown"
"""Whose the sound is where several people are seen: nothing tells."""


@dataclass
class Faces:
    """The faces of a recording, found once for all of its people.

    Attributes:
        path: of the recording.
    """

    path: Path
    _seen: "Seen | None" = None

    def seen(self, settings: FaceSettings, progress: Callable[[int], None]) -> "Seen":
        """All faces, with settings that differ in the subject alone."""
        from features.faces.extract import look

        if self._seen is None:
            self._seen = look(self.path, settings, progress=progress)
        else:
            progress(len(self._seen.times))
        return self._seen


@dataclass(frozen=True)
class InView:
    """Who is in view, and whose values are given.

    Attributes:
        seconds: for which each person is, the longest first.
        person: number of the one whose values are given, from 1 on; 0 for whoever is the main
            face at each moment, or nobody.
        asked: who was asked for; empty for the main face.
        faces: a crop (size, size, 3) of each person whose values are given, by number.
    """

    seconds: tuple[float, ...] = ()
    person: int = 0
    asked: str = ""
    faces: Mapping[int, NDArray[np.uint8]] = field(default_factory=lambda: MappingProxyType({}))


def check_person(card: Card, *, causal: bool) -> None:
    """Refuse to follow a person where that cannot be.

    Raises:
        InputError: the model sees no faces of media, or answers from the past alone.
    """
    if card.faces is None:
        raise InputError(
            f"{card.name} looks at no faces, so it cannot tell people apart",
            "leave out --person and --people",
        )
    if causal:
        raise InputError(
            "who is who in a recording is known at its end, and --causal answers from the past",
            "leave out --causal, or --person and --people",
        )


def in_view(folder: Path, asked: str) -> InView:
    """Who is in view by a store of crops.

    Args:
        folder: with the store.
        asked: who was asked for.
    """
    store = open_faces(folder / "faces.zarr", stage="predict")
    seconds = tuple(float(s) for s in seconds_of_people(store, CLIP))
    present, track = store.array(CLIP, "present"), store.array(CLIP, "track")
    if not asked or not present.any():
        return InView(seconds, asked=asked)
    person = int(store.array(CLIP, "identity")[track[present][0]]) + 1
    best = int(np.where(present, store.array(CLIP, "scores"), -np.inf).argmax())
    return InView(seconds, person, asked, {person: store.rows(CLIP, "crops")[best : best + 1][0]})


def people_sentence(seconds: Sequence[float]) -> str:
    """How many people there are and for how long.

    >>> people_sentence([3.25, 1.0])
    '2 people in view: person 1 for 3.2 s, person 2 for 1.0 s'
    """
    each = ", ".join(f"person {n} for {s:.1f} s" for n, s in enumerate(seconds, 1))
    return f"{len(seconds)} {'people' if len(seconds) > 1 else 'person'} in view: {each}"


def people_notes(people: InView) -> list[str]:
    """Sentences on who is in view and whose values are given."""
    notes = []
    if len(people.seconds) > 1:
        notes.append(people_sentence(people.seconds))
        if not people.asked:
            notes.append(
                "values are of the main face at each moment, whoever's it is: --people gives them "
                "for each person, --person NUMBER for one"
            )
    if people.person:
        notes.append(f"values are of person {people.person}")
    elif people.asked:
        notes.append(f"nobody in view is {people.asked}")
    return notes


def say_whose_sound(table: pd.DataFrame, card: Card, people: InView) -> pd.DataFrame:
    """The table, which says that nobody knows whose the sound is where people are several."""
    if len(people.seconds) > 1 and "audio" in card.streams:
        table[SOUND_OF] = UNKNOWN
    return table
