"""Who is in a recording: tracks grouped into people, and the tracks of the one who is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.faces.descriptors import LENGTH, Describing, Numbered, describe_picture
from features.faces.grouping import SAME_PERSON, group, overlapping
from features.faces.subject import on_side
from features.faces.track import Track
from features.settings import FaceSettings

if TYPE_CHECKING:
    from features.corpora.item import Side

BRIEF = 0.3
"""Seconds below which a track is nobody's where longer ones are: mistakes are brief."""

NOBODY = -1


@dataclass(frozen=True)
class People:
    """Who is in a recording.

    Attributes:
        identity: (T,) int32, whose each track is: 0 for the one who is longest in view, then 1 and
            so on; `NOBODY` for what is too brief.
        seconds: (T,) float32, how long each track lasts.
        in_view: (F,) uint8, how many people are in view.
        descriptors: (128,) of tracks that had to be told apart, by number; in memory alone.
    """

    identity: NDArray[np.int32]
    seconds: NDArray[np.float32]
    in_view: NDArray[np.uint8]
    descriptors: Mapping[int, NDArray[np.float32]]

    @property
    def count(self) -> int:
        """How many people there are."""
        return int(self.identity.max(initial=NOBODY)) + 1


def seconds_of(tracks: Sequence[Track], times: NDArray[np.floating]) -> NDArray[np.float32]:
    """How long tracks last, (T,): from the begin of the first frame to the end of the last.

    Args:
        tracks: in frames with those times.
        times: (F,) seconds at which frames begin; the last one lasts as long as most do.
    """
    step = np.median(np.diff(times)) if len(times) > 1 else 0.0
    ends = np.append(times[1:], times[-1:] + step)
    lasts = [ends[track.frames[-1]] - times[track.frames[0]] for track in tracks]
    return np.array(lasts, np.float32)


def describing(
    tracks: Sequence[Track], times: NDArray[np.floating], *, every: bool = False
) -> Describing:
    """What has to be described to tell people apart.

    That is no track if there is one alone, or if all are there at the same time.

    Args:
        tracks: of the recording.
        times: (F,) of its frames.
        every: whether every track is, as they are compared with somebody else.
    """
    seconds = seconds_of(tracks, times)
    wanted = _lasting(seconds)
    if not every and len(wanted):
        shared = overlapping(_spans([tracks[number] for number in wanted]))
        np.fill_diagonal(shared, True)
        wanted = wanted[~shared.all(axis=1)]
    return Describing(tracks, seconds, wanted.tolist())


def describe(found: Describing, frames: Iterable[Numbered]) -> None:
    """Describe what is wanted, in the frames of a recording from the first one on."""
    for _ in islice(found.watch(frames), found.last + 1):
        pass


def people_of(tracks: Sequence[Track], times: NDArray[np.floating], found: Describing) -> People:
    """Group tracks into people.

    Args:
        tracks: of the recording.
        times: (F,) of its frames.
        found: those of `describing`, described.
    """
    seconds, descriptors = seconds_of(tracks, times), found.found
    lasting = _lasting(seconds)
    rows = np.full((len(lasting), LENGTH), np.nan, np.float32)
    for row, number in zip(rows, lasting.tolist(), strict=True):
        row[:] = descriptors.get(number, np.nan)
    labels = group(rows, _spans([tracks[number] for number in lasting]))
    groups, of_track = np.unique(labels, return_inverse=True)
    shown = np.bincount(of_track, seconds[lasting], minlength=len(groups))
    begins = np.array([tracks[lasting[first]].frames[0] for first in groups])
    order = np.lexsort((begins, -shown))
    identity = np.full(len(tracks), NOBODY, np.int32)
    identity[lasting] = order.argsort()[of_track]
    in_view = np.zeros(len(times), np.uint8)
    for person in range(len(groups)):
        there = np.zeros(len(times), np.bool_)
        for number in np.flatnonzero(identity == person).tolist():
            there[tracks[number].span] = True
        in_view += there
    return People(identity, seconds, in_view, descriptors)


def tracks_of(
    person: str, people: People, tracks: Sequence[Track], settings: FaceSettings, name: str
) -> list[Track]:
    """The tracks of one person; none where nobody is that person.

    Args:
        person: a number from 1 on, in the order of how long people are in view; left or right, who
            for most of the time is on that side of others; the path of a picture; empty for the
            one who is longest in view.
        people: who is there.
        tracks: all.
        settings: how the face in a picture is found.
        name: of the recording, for messages.

    Raises:
        InputError: there are not as many people, or the picture shows no face.
    """
    if person.isdecimal():
        identity = int(person) - 1
        if not 0 <= identity < max(people.count, 1):
            known = f"{people.count} people" if people.count > 1 else f"{people.count} person"
            raise InputError(
                f"{name} shows {known}, and person {person} is asked for",
                f"choose from 1 to {max(people.count, 1)}",
            )
    elif person in ("left", "right"):
        identity = _on_side("left" if person == "left" else "right", people, tracks)
    elif person:
        identity = _likest(describe_picture(Path(person), settings), people)
    else:
        identity = 0
    if identity == NOBODY:
        return []
    return [tracks[number] for number in np.flatnonzero(people.identity == identity).tolist()]


def _on_side(side: Side, people: People, tracks: Sequence[Track]) -> int:
    """Who is on one side for the longest time."""
    there = {id(track) for track in on_side(tracks, len(people.in_view), side)}
    is_there = np.array([id(track) in there for track in tracks], np.bool_)
    is_there &= people.identity != NOBODY
    if not is_there.any():
        return NOBODY
    return int(np.bincount(people.identity[is_there], people.seconds[is_there]).argmax())


def _likest(descriptor: NDArray[np.float32], people: People) -> int:
    """Whose face is the nearest to a descriptor, if it is near enough to be the same person's."""
    apart = {n: float(np.linalg.norm(d - descriptor)) for n, d in people.descriptors.items()}
    nearest = min(apart, key=apart.__getitem__, default=NOBODY)
    if nearest == NOBODY or apart[nearest] >= SAME_PERSON:
        return NOBODY
    return int(people.identity[nearest])


def _lasting(seconds: NDArray[np.floating]) -> NDArray[np.int64]:
    """The numbers of the tracks that are not brief; of all where all are."""
    lasting = np.flatnonzero(seconds >= BRIEF)
    return lasting if len(lasting) else np.arange(len(seconds))


def _spans(tracks: Sequence[Track]) -> NDArray[np.int64]:
    spans = [(track.frames[0], track.frames[-1]) for track in tracks]
    return np.array(spans, np.int64).reshape(-1, 2)
