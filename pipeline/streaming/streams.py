"""Streams of the last seconds in memory, as windows and networks read those of stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from features.extractors.described import Described
from features.extractors.settings import JoinedSettings, StreamSettings
from features.settings import Modality
from features.stores.windows import Steps
from features.windows.clocks import Clock, context_offsets
from features.windows.normaliser import Normaliser
from features.windows.sources import Sources
from models.recogniser import Card, SeenStream
from models.training.batch import StreamBatch
from models.training.data import looked_at
from models.training.places import Seen, places_of
from pipeline.prediction.clips import part_names


@dataclass(eq=False)
class MemoryStream:
    """The rows of one part of a stream, the oldest ones gone; the interface of `StreamStore`.

    Attributes:
        normaliser: of the rows; None where they are taken as they are.
        of_pictures: whether rows are of pictures, each of which lasts until the next one.
        start: second at which the recording begins.
        length: seconds that it lasts; None while it goes on.
        window: as of `Described`.
        rate: likewise.
        rows: (T, D) that are kept, z-normed; None before the first.
    """

    normaliser: Normaliser | None
    of_pictures: bool
    start: float = 0.0
    length: float | None = None
    window: float | None = None
    rate: float | None = None
    _first: int = 0
    _times: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    _present: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    rows: NDArray[Any] | None = None

    def append(self, described: Described) -> None:
        """Add rows; their times are seconds after the recording's start."""
        if not len(described.times):
            return
        rows = described.rows
        if self.normaliser is not None:
            rows = self.normaliser.apply(rows, described.present)
        self.window, self.rate = described.window, described.rate
        self._times = np.concatenate([self._times, self.start + described.times])
        self._present = np.concatenate([self._present, described.present])
        if self.rows is not None and self.rows.shape[1] != rows.shape[1]:
            # Pictures that were dropped before the first row had no width.
            self.rows = np.zeros((len(self.rows), rows.shape[1]), rows.dtype)
        self.rows = rows if self.rows is None else np.concatenate([self.rows, rows])

    def forget(self, before: float) -> None:
        """Let go of the rows that begin before a second."""
        count = int(np.searchsorted(self._times, before))
        if count and self.rows is not None:
            self._times, self._present = self._times[count:], self._present[count:]
            self.rows = self.rows[count:]
            self._first += count

    def covers(self, second: float) -> bool:
        """Whether the row of a second has come, or there is none."""
        if self.length is not None:
            return True
        if not len(self._times):
            return False
        last = float(self._times[-1])
        if self.window is not None:
            last += self.window / 2  # its centre
        if self.rate is not None:
            last += 0.5 / self.rate
        return second < last

    @property
    def width(self) -> int:
        """Numbers of a row; 0 where it is not known yet."""
        if self.rows is not None:
            return int(self.rows.shape[1])
        return 0 if self.normaliser is None else len(self.normaliser.mean)

    def times(self, _item: str) -> NDArray[np.float64]:
        """(T,) seconds at which rows begin."""
        return self._times

    def present(self, _item: str) -> NDArray[np.bool_]:
        """(T,), whether there was a face or sound."""
        return self._present

    def span(self, _item: str) -> tuple[float, float]:
        """The second at which the kept rows begin, and how many seconds there are from there on."""
        if self.of_pictures:
            return (float(self._times[0]) if len(self._times) else 0.0), np.inf
        gone = self._first / self.rate if self.rate else 0.0
        start = self.start + gone
        if self.length is not None:
            return start, self.length - gone
        if self.rate:  # up to where the next row would be nearer
            window = 1 / self.rate if self.window is None else self.window
            return start, (len(self._times) - 0.5) / self.rate + window / 2
        return start, float(self._times[-1]) - start if len(self._times) else 0.0

    def clock(self) -> Clock:
        """When the kept rows are."""
        return Clock(self._times, self.span(""), self.window, self.rate)


def sources_of(card: Card, parts: Mapping[Modality, Sequence[MemoryStream]]) -> Sources:
    """Streams in memory as `features.windows` reads those of stores."""
    settings: dict[str, StreamSettings] = {}
    stores: dict[str, Any] = {}
    for modality, stream in card.streams.items():
        names = part_names(modality, stream)
        for name, part, memory in zip(names, stream.parts, parts[modality], strict=True):
            settings[name], stores[name] = part, memory
        if names != [modality]:
            joined = cast("JoinedSettings", stream.settings)
            settings[modality] = joined.model_copy(update={"of": names})
    return Sources(settings, stores, None, gives_features=False, hold=card.windows.hold)


def contexts_of(card: Card) -> tuple[float, float]:
    """How many seconds after and before its centre a frame looks at."""
    offsets = [
        context_offsets(s.settings.context_seconds, centred=s.settings.context == "centred")
        for s in card.streams.values()
    ]
    return max(o.max() for o in offsets), -min(o.min() for o in offsets)


def missing(memory: MemoryStream, time: float) -> Described:
    """A row of a picture that was dropped."""
    rows = np.zeros((1, memory.width), np.float32)
    return Described(rows, np.array([time]), np.zeros(1, np.bool_))


def normalisers_of(stream: SeenStream) -> list[Normaliser | None]:
    """What the rows of each part of a stream are z-normed with."""
    return [
        None if m is None else Normaliser(np.array(m.mean), np.array(m.std)) for m in stream.moments
    ]


def batch_of(
    steps: Steps, parts: Sequence[MemoryStream], width: int, device: torch.device
) -> StreamBatch:
    """One clip of a stream for a network.

    Args:
        steps: of the clip.
        parts: of the stream.
        width: numbers of a row of all parts together.
        device: where the network is.
    """

    def read(low: int, high: int) -> NDArray[Any]:
        rows = np.zeros((high - low, width), np.float32)
        column = 0
        for number, part in enumerate(parts):
            kept = part.rows
            if kept is None:  # nothing came yet
                column += part.width
                continue
            where = slice(column, column + kept.shape[1])
            if number == 0:
                rows[:, where] = kept[low:high]
            else:
                companions = steps.others[low:high, number - 1]
                rows[companions >= 0, where] = kept[companions[companions >= 0]]
            column += kept.shape[1]
        return rows

    rows, index = looked_at(steps.index, read)
    # Nothing is taken away from what is recognised live: its rows need no frames.
    places = places_of([Seen(0, 0, np.zeros(0), np.zeros(0, np.bool_), 0, 1)], 1, None)

    def clip(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array)[None].to(device)

    return StreamBatch(
        rows=clip(rows),
        index=clip(index),
        mask=clip(np.ones(len(steps.present), np.bool_)),
        present=clip(steps.present),
        frame=clip(np.arange(len(steps.present))),
        places=places.to(device),
    )
