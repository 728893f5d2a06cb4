"""From rows of pictures and sound to answers: frames in order, each once all it needs has come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from features.extractors.described import Described
from features.media.decoding import MediaInfo
from features.settings import Modality
from features.windows.build import steps_of, values_at
from features.windows.timeline import Timeline
from models.evaluation.causal import STRETCH, answers, received_anything
from models.networks.recogniser import Recogniser
from models.recogniser import Card
from models.training.batch import StreamBatch
from pipeline.prediction.given import takes_features
from pipeline.prediction.recording import Recording
from pipeline.prediction.table import basis_of
from pipeline.streaming.streams import (
    MemoryStream,
    batch_of,
    contexts_of,
    missing,
    normalisers_of,
    sources_of,
)
from pipeline.streaming.timeline import Frame, LiveTimeline, timeline_of

PATIENCE = 1.0
"""Seconds by which sound, or the face of a picture, may come later than the newest of what comes,
before it counts as missing."""

_MARGIN = 2.0  # seconds of rows that are kept beyond what frames look at
_NOWHERE = Recording(Path(), MediaInfo(True, True, 0, 0, None, 0, 0.0), "").item


@dataclass(frozen=True)
class Answer:
    """What is said of one frame.

    Attributes:
        time: second at which it begins.
        values: by output; empty where the network received nothing, or did not run.
        present: whether there is a face, or sound, of what the model looks at.
        basis: what the values rest on: both, audio, video or none.
        arrival: when the frame came, on the clock of the program.
        dropped: whether its picture, or its answer, was left out to keep up.
        in_view: how many people its picture shows, as far as is known.
    """

    time: float
    values: dict[str, float]
    present: dict[Modality, bool]
    basis: str
    arrival: float
    dropped: bool
    in_view: int = 0


class Assembler:
    """Answers frames of a source from the past alone.

    Every pass sees the last `windows.clip_frames` frames. A model of whole sequences takes these
    for its sequence, and its one answer is that of all frames of the stretch.

    Nothing in it waits, and no clock is asked: what comes is handed over, in the order in which it
    comes, and `answers` gives what can be said.

    Args:
        card: of the recogniser.
        network: the recogniser.
        device: where it runs.
        stretch: frames that are answered by one pass.
        patient: whether sound is waited for without end, as that of a file, and frames without a
            picture only follow when the pause has ended.
    """

    def __init__(
        self,
        card: Card,
        network: Recogniser,
        device: str,
        *,
        stretch: int = STRETCH,
        patient: bool = False,
    ) -> None:
        self._card, self._network, self._device = card, network, torch.device(device)
        self._stretch, self._patient = stretch, patient
        self._timeline = LiveTimeline(
            card.windows.hold, has_pictures="video" in card.streams, patient=patient
        )
        self._rows_are_frames = "video" not in card.streams and takes_features(card, "audio")
        self.parts: dict[Modality, list[MemoryStream]] = {
            m: [MemoryStream(n, m == "video") for n in normalisers_of(stream)]
            for m, stream in card.streams.items()
        }
        self._sources = sources_of(card, self.parts)
        self._reach, self._past = contexts_of(card)
        self._window: list[Frame] = []  # the last frames, answered or not
        self._answered = 0  # of these
        self._pictures: dict[int, list[Described | None]] = {}  # rows of each part that came early
        self._times: dict[int, float] = {}  # of pictures whose rows are to come
        self._late: set[int] = set()  # pictures that were given up
        self._in_view: dict[int, int] = {}  # people, by picture
        self._settled = 0  # pictures whose rows were taken
        self._heard: float | None = None  # how far the sound goes
        self._ended = self._is_mute = False
        self.begins_stretch = False
        """Whether the last answer was the first of a pass of the network."""

    # -------------------------------------------------------------- what comes

    def picture(self, time: float, arrival: float, *, dropped: bool = False) -> int:
        """A picture comes, or is dropped; gives its number."""
        number = self._timeline.picture(time, arrival, dropped=dropped)
        self._times[number] = time
        if dropped:
            self._pictures[number] = [None] * len(self.parts["video"])
            self._settle()
        return number

    def rows_of_picture(self, number: int, rows: Sequence[Described], in_view: int = 0) -> None:
        """What the extractors of all parts say of a picture: a row of each.

        Of a picture that was given up it comes too late.

        Args:
            number: of the picture.
            rows: of each part.
            in_view: how many people it shows.
        """
        self._in_view[number] = in_view
        if number not in self._times:
            return
        self._pictures[number] = list(rows)
        self._settle()

    def sound(
        self, start: float, reached: float, arrival: float, parts: Sequence[Described]
    ) -> None:
        """Sound came up to a second; what is new of the rows of every part."""
        for memory, described in zip(self.parts["audio"], parts, strict=True):
            memory.start = start
            memory.append(described)
        self._heard = reached
        self._is_mute = False
        if self._rows_are_frames:
            for time in parts[0].times:
                self._timeline.row(start + float(time), arrival)
        else:
            self._timeline.sound(start, reached, arrival)

    def no_pictures(self) -> None:
        """No picture comes at all: frames are those of the sound."""
        self._timeline.has_pictures = False

    def end_of_sound(self) -> None:
        """No more sound comes."""
        for memory in self.parts.get("audio", []):
            memory.length = 0.0 if self._heard is None else self._heard - memory.start

    def end(self, arrival: float) -> None:
        """Nothing comes any more."""
        self.end_of_sound()
        self._timeline.finish(self._heard, arrival)
        self._ended = True

    # -------------------------------------------------------------- what goes

    def answers(self, skip: Callable[[float], bool] = lambda _: False) -> Iterator[Answer]:
        """Answer all frames that can be.

        Args:
            skip: told of the arrival of a stretch's first frame, whether to leave it out.
        """
        frames = self._timeline.frames
        while frames and self._is_ready(frames[0]):
            self._window.append(frames.pop(0))
            waiting = len(self._window) - self._answered
            if waiting == self._stretch or (self._ended and not frames):
                yield from self._answer(skip(self._window[self._answered].arrival))
        if self._ended and self._answered < len(self._window):
            yield from self._answer(skip=False)

    def _is_ready(self, frame: Frame) -> bool:
        if np.isnan(frame.centre):
            return False
        needed = frame.centre + self._reach
        if not self._patient and not self._ended:
            self._give_up(self._reached() - PATIENCE)
        if any(time <= needed for time in self._times.values()):
            return False
        audio = self.parts.get("audio", [])
        if self._ended or self._is_mute or all(part.covers(needed) for part in audio):
            return True
        # Once sound has stayed away, frames wait for it no more, until it is back.
        self._is_mute = not self._patient and self._reached() - needed > PATIENCE
        return self._is_mute

    def _give_up(self, before: float) -> None:
        """Take pictures for dropped whose faces were not described in time."""
        late = [number for number, time in self._times.items() if time < before]
        for number in late:
            if number not in self._pictures:
                self._pictures[number] = [None] * len(self.parts["video"])
                self._late.add(number)
        if late:
            self._settle()

    def _reached(self) -> float:
        """The latest second of which anything came."""
        heard = -np.inf if self._heard is None else self._heard
        last = self._timeline.latest
        return max(heard, -np.inf if last is None else last)

    def _answer(self, skip: bool) -> Iterator[Answer]:
        """Answer the frames that were not answered yet, by one pass over the window."""
        length = max(self._card.windows.clip_frames, self._stretch)
        surplus = max(0, len(self._window) - length)
        del self._window[:surplus]
        first = self._answered - surplus
        self._answered = len(self._window)
        line = timeline_of(self._window)
        seen = {m: self._present(m, line) for m in self.parts}
        present = {m: there[first:] for m, there in seen.items()}
        values = None if skip else self._values(line)
        if self._card.task.level == "sequence":  # it rests on the whole window
            basis = basis_of({m: np.array([there.any()]) for m, there in seen.items()})
            basis *= len(self._window) - first
        else:
            basis = basis_of(present)
        for number, frame in enumerate(self._window[first:]):
            self.begins_stretch = number == 0
            row = None if values is None else values[first + number]
            named = zip(self._card.task.outputs, [] if row is None else row, strict=row is not None)
            yield Answer(
                frame.time,
                {name: float(self._card.task.in_units(name, value)) for name, value in named},
                {m: bool(there[number]) for m, there in present.items()},
                basis[number],
                frame.arrival,
                frame.dropped or skip or frame.picture in self._late,
                self._people(frame),
            )
        self._late -= {frame.picture for frame in self._window if frame.picture is not None}
        oldest = self._window[0].time - self._past - _MARGIN
        for part in (part for parts in self.parts.values() for part in parts):
            part.forget(oldest)

    def _people(self, frame: Frame) -> int:
        """How many people the picture of a frame shows."""
        shown = frame if frame.picture is not None else frame.held
        if shown is None or shown.picture is None:
            return 0
        for number in [n for n in self._in_view if n < shown.picture]:
            del self._in_view[number]
        return self._in_view.get(shown.picture, 0)

    def _values(self, line: Timeline) -> NDArray[np.float32] | None:
        """Outputs (frames, outputs) of the window; None where nothing was received in it."""
        streams: dict[Modality, StreamBatch] = {}
        # Of a stream with a clock of its own, the rows of the window.
        here = replace(_NOWHERE, start=line.times[0], end=2 * line.centres[-1] - line.times[-1])
        for modality, parts in self.parts.items():
            steps = steps_of(here, line, modality, self._sources)
            width = self._card.inputs[modality] // steps.index.shape[1]
            streams[modality] = batch_of(steps, parts, width, self._device)
        if not bool(received_anything(streams)[0]):
            return None
        values = answers(self._network, streams)[0].cpu().numpy()
        if self._card.task.kind == "classification":
            values = np.asarray(softmax(values, axis=-1), np.float32)
        return np.broadcast_to(values, (len(line.times), values.shape[1]))

    def _present(self, modality: Modality, line: Timeline) -> NDArray[np.bool_]:
        first = self.parts[modality][0]
        at = line.shown if modality == "video" else line.centres
        return values_at(first.present(""), first.clock().rows_at(at))

    # -------------------------------------------------------------- pictures

    def _settle(self) -> None:
        """Take the rows of pictures in their order; a dropped one is a picture without a face."""
        while self._settled in self._pictures:
            rows = self._pictures.pop(self._settled)
            time = self._times.pop(self._settled)
            for memory, described in zip(self.parts["video"], rows, strict=True):
                memory.append(missing(memory, time) if described is None else described)
            self._settled += 1
