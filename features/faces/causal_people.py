"""Who is who from the past alone, as live needs it: people are numbered as they come into view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.faces.causal import CausalTrack
from features.faces.descriptors import describe_picture, load_describer
from features.faces.grouping import SAME_PERSON
from features.faces.people import BRIEF
from features.faces.subject import is_picture
from features.settings import FaceSettings


class CausalPeople:
    """Tells people apart while they come.

    A track is described once, when it has lasted for `BRIEF` seconds: it is of the nearest of those
    who are not in view, if that one is near enough, else of somebody new. Descriptors stay here.

    Args:
        person: who is wanted: a number from 1 on, in the order of coming, or the path of a picture;
            empty for nobody.
        settings: how the face in a picture is found.

    Raises:
        InputError: the picture shows no face, or the person is neither.
    """

    def __init__(self, person: str, settings: FaceSettings) -> None:
        if person in ("left", "right") or (person.isdecimal() and int(person) < 1):
            raise InputError(f"--person is {person}", "give a number from 1 on, or a picture")
        self.seconds: list[float] = []
        """For which each has been in view."""
        self.detection = -1
        """Which of the faces of the last frame is the wanted one; −1 for none."""
        self.is_wanted = bool(person)
        self._wanted = int(person) - 1 if person.isdecimal() else -1
        self._like = describe_picture(Path(person), settings) if is_picture(person) else None
        self._descriptors: list[list[NDArray[np.float32]]] = []
        self._of_track: WeakKeyDictionary[CausalTrack, int] = WeakKeyDictionary()
        self._in_view: set[int] = set()
        self._time: float | None = None

    def see(
        self, tracks: Sequence[CausalTrack], time: float, show: Callable[[], NDArray[np.uint8]]
    ) -> int:
        """Take the tracks of the next frame; gives how many people are in view.

        Args:
            tracks: that may still be there.
            time: of the frame in seconds.
            show: gives its picture (H, W, 3) RGB.
        """
        if self._time is not None:
            for person in self._in_view:
                self.seconds[person] += time - self._time
        self._time = time
        known = {self._of_track[track] for track in tracks if track in self._of_track}
        for track in tracks:
            if track in self._of_track or track.detection < 0 or time - track.begun < BRIEF:
                continue
            picture = show()
            height, width = picture.shape[:2]
            box = track.box * np.array([width, height, width, height], np.float32)
            self._of_track[track] = person = self._whose(load_describer()(picture, box), known)
            known.add(person)
        self._in_view = known
        wanted = [t for t in tracks if self._of_track.get(t, -1) == self._wanted >= 0]
        self.detection = wanted[0].detection if wanted else -1
        return len(known)

    def _whose(self, descriptor: NDArray[np.float32], in_view: set[int]) -> int:
        """Whose face it is of those who are not in view; somebody new, where it is nobody's."""
        apart = {
            person: float(np.mean([np.linalg.norm(descriptor - d) for d in descriptors]))
            for person, descriptors in enumerate(self._descriptors)
            if person not in in_view
        }
        person = min(apart, key=apart.__getitem__, default=-1)
        if person < 0 or apart[person] >= SAME_PERSON:
            person = len(self._descriptors)
            self._descriptors.append([])
            self.seconds.append(0.0)
        self._descriptors[person] = [*self._descriptors[person][-4:], descriptor]
        if self._like is not None and np.linalg.norm(descriptor - self._like) < SAME_PERSON:
            self._wanted = person
        return person
