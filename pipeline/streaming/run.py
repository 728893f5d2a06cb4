"""Recognition of a source in threads: reading, faces, description and answers side by side.

Queues are bounded. In a hurry a picture that finds its queue full is dropped: it counts as a
picture without a face, and its frame says so. In patience queues block, and nothing is dropped.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.described import Described
from features.extractors.live import LiveSound, load_live
from features.faces.causal_people import CausalPeople
from features.media.rates import SAMPLE_RATE
from models.evaluation.causal import STRETCH
from pipeline.prediction.given import Files
from pipeline.prediction.people import check_person
from pipeline.prediction.trained import Trained
from pipeline.streaming.assembling import Answer, Assembler
from pipeline.streaming.given import given_streams, played
from pipeline.streaming.pictures import Crop, CropDescriber, LiveCrops, Picture, crops_of
from pipeline.streaming.source import Player, Source, Wishes

WAITING = 1
"""Pictures that wait for a thread, at most: more would only make every face late."""

BUSY = 8
"""Events that wait for the recogniser from which on it is behind."""

BEHIND = 2.0
"""Seconds behind which answers are left out, until those that wait are worked off."""

_END = object()


@dataclass(frozen=True)
class Event:
    """Something came.

    Attributes:
        apply: hands it to the assembler.
        is_last: whether nothing comes after it.
        error: why reading or describing ended, where it did.
    """

    apply: Callable[[Assembler], object] = lambda _: None
    is_last: bool = False
    error: BaseException | None = None


class Live:
    """A source recognised as it comes.

    Args:
        source: where pictures and sound come from; None where all that is seen is given.
        sound: where sound comes from, if from elsewhere.
        features: files of those that the recogniser was given in its training; played likewise.
        trained: the recogniser.
        device: where networks run.
        stretch: frames that are answered by one pass.
        every_frame: whether nothing is dropped, and a file is read as fast as it is recognised.
        person: who of several people, as of `CausalPeople`.
        say: told of what vanishes.
        clock: seconds, by which lag is told and files are paced.
    """

    def __init__(
        self,
        source: Source | None,
        trained: Trained,
        device: str,
        *,
        sound: Source | None = None,
        features: Files = MappingProxyType({}),
        stretch: int = STRETCH,
        every_frame: bool = False,
        person: str = "",
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        card = trained.card
        self.assembler = Assembler(
            card, trained.network, device, stretch=stretch, patient=every_frame
        )
        self._card, self._source, self._sound_source = card, source, sound
        self._stretch, self._every_frame = stretch, every_frame
        self._say, self.clock = say, clock
        self._stopped = threading.Event()
        self._events: queue.Queue[Event] = queue.Queue()
        self._pictures: queue.Queue[Any] = queue.Queue(WAITING)
        self._crops: queue.Queue[Any] = queue.Queue(WAITING)
        self._given = given_streams(card, features)
        video, audio = (
            None if m in self._given else card.streams.get(m) for m in ("video", "audio")
        )
        if source is None and (video or (audio and sound is None)):
            raise InputError(f"{card.name} needs a source of media", "name one, as SOURCE")
        if source is not None and self._given and not (video or audio):
            raise InputError(
                f"{card.name} takes nothing of {source.name}: all that it sees is given",
                "leave SOURCE out",
            )
        if sound is not None and not audio:
            raise InputError(f"{card.name} takes no sound of {sound.name}", "leave --sound out")
        self._describers = [CropDescriber(part, device) for part in (video.parts if video else ())]
        self._hearers: list[LiveSound] = [
            load_live(part, device) for part in (audio.parts if audio else ())
        ]
        if person:
            check_person(card, causal=False)
        self._people = None if card.faces is None else CausalPeople(person, card.faces)
        self._readers = self._number = 0
        self._samples, self._begun = 0, 0.0  # of the sound

    @property
    def look_ahead(self) -> dict[str, float]:
        """Seconds that each part waits for what comes later; part of every lag."""
        parts = {part: ms / 1000 for part, ms in self._card.look_ahead_ms.items()}
        return parts | {"stretch": (self._stretch - 1) / 30}

    @property
    def seconds_of_people(self) -> list[float]:
        """For which each person has been in view, in the order of coming."""
        return [] if self._people is None else list(self._people.seconds)

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()

    def answers(self) -> Iterator[Answer]:
        """Answer frames as they come, to the end of the source.

        Raises:
            InputError: the source cannot be read, or what it holds not described.
        """
        self._start()
        ended = 0
        while ended < self._readers:
            try:
                event = self._events.get(timeout=0.2)  # so that Ctrl-C is heard
            except queue.Empty:
                continue
            if event.error is not None:
                self.stop()
                raise event.error
            ended += event.is_last
            event.apply(self.assembler)
            if ended == self._readers:
                self.assembler.end(self.clock())
            yield from self.assembler.answers(self._is_late)

    def _is_late(self, arrival: float) -> bool:
        if self._every_frame:
            return False
        waiting = self._events.qsize() > BUSY
        return waiting and self.clock() - arrival > BEHIND + sum(self.look_ahead.values())

    def _start(self) -> None:
        has_video, has_audio = bool(self._describers), bool(self._hearers)
        elsewhere = self._sound_source is not None
        paced = not self._every_frame
        if self._given:
            self._readers += 1
            self._run(self._play)
        if self._source is not None and (has_video or (has_audio and not elsewhere)):
            self._read(self._source, Wishes(has_video, has_audio and not elsewhere, paced))
        if self._sound_source is not None and has_audio:
            self._read(self._sound_source, Wishes(False, True, paced))
        if has_video:
            self._run(self._follow)
            self._run(self._describe)
            self._readers += 1  # the last crop comes after the last picture

    def _read(self, source: Source, wishes: Wishes) -> None:
        self._readers += 1
        player = Player(source, wishes, self, is_stopped=self._stopped.is_set, clock=self.clock)

        def read() -> None:
            player.play(self._say)
            if wishes.pictures:
                self._pictures.put(_END)
            if wishes.sound and self._samples:
                rest = [hearer.finish() for hearer in self._hearers]
                ending = partial(_heard, self._begun, self._reached, self.clock(), rest)
                self._events.put(Event(ending))
            if wishes.sound:
                self._events.put(Event(Assembler.end_of_sound))
            self._events.put(Event(is_last=True))

        self._run(read)

    def _run(self, work: Callable[[], None]) -> None:
        """Run in a thread that dies with the program: a stalled pipe blocks for ever."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self._events.put(Event(error=error))

        threading.Thread(target=guarded, daemon=True).start()

    # -------------------------------------------------------------- reading

    def _play(self) -> None:
        """Play the features that files give, to their end."""
        is_stopped, paced = self._stopped.is_set, not self._every_frame
        for handed in played(self._given, paced=paced, is_stopped=is_stopped, clock=self.clock):
            self._events.put(Event(handed))
        self._events.put(Event(is_last=True))

    def found(self, pictures: bool, sound: bool, wishes: Wishes) -> None:
        """What a source has of what is wanted (`source.Sink`)."""
        if wishes.pictures and not pictures:
            self._events.put(Event(Assembler.no_pictures))
        if wishes.sound and not sound:
            self._events.put(Event(Assembler.end_of_sound))

    def picture(self, second: float, frame: av.VideoFrame, aspect: Fraction) -> None:
        """A picture was read (`source.Sink`)."""
        arrival = self.clock()
        full = not self._every_frame and self._pictures.full()
        self._events.put(Event(partial(_shown, second, arrival, full)))
        if not full:
            self._pictures.put(Picture(self._number, second, frame, aspect))
        self._number += 1

    def sound(self, start: float, samples: NDArray[np.float32]) -> None:
        """Sound was read (`source.Sink`)."""
        self._begun, self._samples = start, self._samples + len(samples)
        parts = [hearer.feed(samples) for hearer in self._hearers]
        self._events.put(Event(partial(_heard, start, self._reached, self.clock(), parts)))

    @property
    def _reached(self) -> float:
        """Second up to which there was sound."""
        return self._begun + self._samples / SAMPLE_RATE

    # -------------------------------------------------------------- pictures

    def _follow(self) -> None:
        assert self._card.faces is not None
        assert self._source is not None
        pictures = iter(self._pictures.get, _END)
        for crop in crops_of(pictures, self._card.faces, self._source.name, self._people):
            self._crops.put(crop)
        self._crops.put(_END)

    def _describe(self) -> None:
        while True:
            taken = self._take_crops()
            crops = [crop for crop in taken if crop is not _END]
            if crops:
                self._events.put(Event(partial(_rows_of, self._rows(crops))))
            if len(crops) < len(taken):
                self._events.put(Event(is_last=True))
                return

    def _take_crops(self) -> list[Any]:
        """Up to a stretch of crops: what is there, at least one."""
        taken = [self._crops.get()]
        while len(taken) < self._stretch and taken[-1] is not _END:
            try:
                taken.append(self._crops.get_nowait())
            except queue.Empty:
                break
        return taken

    def _rows(self, crops: Sequence[Crop]) -> list[tuple[int, list[Described], int]]:
        together = LiveCrops.of(crops)
        parts = [describer.describe(together) for describer in self._describers]
        return [
            (crop.number, [part[i] for part in parts], crop.in_view) for i, crop in enumerate(crops)
        ]


def _rows_of(rows: list[tuple[int, list[Described], int]], assembler: Assembler) -> None:
    for number, parts, in_view in rows:
        assembler.rows_of_picture(number, parts, in_view)


def _shown(second: float, arrival: float, dropped: bool, assembler: Assembler) -> None:
    assembler.picture(second, arrival, dropped=dropped)


def _heard(
    start: float, reached: float, arrival: float, parts: list[Described], assembler: Assembler
) -> None:
    assembler.sound(start, reached, arrival, parts)
