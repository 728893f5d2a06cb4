"""openSMILE fed as sound comes: the very rows that it gives of the whole recording."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from features.extractors.described import Described
from features.extractors.look_ahead import DELTA_REACH
from features.extractors.opensmile.descriptors import (
    ROW_RATE,
    clipped,
    deltas_of,
    row_count,
    smile_of,
)
from features.extractors.opensmile.feeding import Engine
from features.extractors.opensmile.presence import WINDOW
from features.extractors.settings import OpenSMILESettings, SilenceSettings
from features.extractors.silence import quiet_rows, shortest_run
from features.media.rates import SAMPLE_RATE

_HOP, _WINDOW = SAMPLE_RATE // ROW_RATE, round(SAMPLE_RATE * WINDOW)

_WAIT = 60.0
"""Seconds in which openSMILE has to end once there is no more sound."""


class LiveOpenSMILE:
    """Describes sound as it comes; openSMILE runs in a thread of its own.

    Its rows wait for the smoothed pitch. Whether a quiet row is a pause or an absence is known once
    the silence has lasted for `silence.min_seconds`, or has not.

    Args:
        settings: of the stream; its set is one known by name.
    """

    def __init__(self, settings: OpenSMILESettings) -> None:
        self._reach = DELTA_REACH if settings.deltas else 0
        self._settings = settings
        self._arrived: deque[NDArray[np.float32]] = deque()
        self._rows = np.zeros((0, 0), np.float32)  # from `_reach` before the next one on
        self._before = 0  # of these, rows that were given
        self._given = self._samples = 0
        self._presence = Presence(settings.silence)
        # What it hands over is its own memory, which it uses again.
        self._engine = Engine(smile_of(settings), lambda row: self._arrived.append(row.copy()))
        self._thread = threading.Thread(target=self._engine.run, daemon=True)
        self._thread.start()

    def feed(self, samples: NDArray[np.float32]) -> Described:
        """Take the next samples, as of `LiveSound`."""
        samples = clipped(samples)
        self._samples += len(samples)
        self._engine.write(samples)
        self._presence.feed(samples)
        return self._new(ended=False)

    def finish(self) -> Described:
        """The rest of the rows, as of `LiveSound`."""
        self._engine.end()
        self._thread.join(_WAIT)
        self._collect()
        rows = row_count(self._samples)
        self._rows = self._rows[: self._before + rows - self._given]
        self._presence.finish(rows)
        return self._new(ended=True)

    def _collect(self) -> None:
        rows = [self._arrived.popleft() for _ in range(len(self._arrived))]
        if rows:
            new = np.stack(rows)
            self._rows = np.concatenate([self._rows, new]) if self._rows.size else new

    def _new(self, *, ended: bool) -> Described:
        """The rows that are complete: described, with their deltas, and present or not."""
        self._collect()
        complete = len(self._rows) - self._before - (0 if ended else self._reach)
        count = max(0, min(complete, self._presence.decided - self._given))
        rows = self._rows
        if self._reach and len(rows):
            rows = np.hstack((rows, deltas_of(rows)))
        rows = rows[self._before : self._before + count]
        present = self._presence.take(count)
        times = (self._given + np.arange(count)) / ROW_RATE
        self._given += count
        gone = max(0, self._before + count - self._reach)
        self._rows = self._rows[gone:]
        self._before += count - gone
        return Described(rows, times, present, window=WINDOW, rate=ROW_RATE)


class Presence:
    """What `silence.sound_present` says of rows, as soon as it can be known.

    Args:
        silence: the floor, and the shortest absence.

    Attributes:
        decided: rows of which it is known whether there is sound.
    """

    def __init__(self, silence: SilenceSettings) -> None:
        self._silence = silence
        self._shortest = shortest_run(silence.min_seconds, hop=1 / ROW_RATE, window=WINDOW)
        self._samples = np.zeros(0, np.float32)
        self._quiet = 0  # rows of the run that lasts
        self._waiting: deque[bool] = deque()
        self.decided = 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples."""
        self._samples = np.concatenate([self._samples, samples])
        rows = len(self._samples) // _HOP - 1
        if rows > 0:
            self._decide(self._quiet_rows(rows))
            self._samples = self._samples[rows * _HOP :]

    def finish(self, rows: int) -> None:
        """Decide all rows, of so many that are described in all; beyond the sound is silence."""
        left = rows - self.decided - self._undecided
        self._decide(self._quiet_rows(max(0, left)))
        self._settle(present=True)

    def take(self, count: int) -> NDArray[np.bool_]:
        """Whether there is sound in the next rows, (count,)."""
        return np.array([self._waiting.popleft() for _ in range(count)], np.bool_)

    def _quiet_rows(self, rows: int) -> NDArray[np.bool_]:
        return quiet_rows(self._samples, rows, self._silence, hop=_HOP, window=_WINDOW)

    @property
    def _undecided(self) -> int:
        """Quiet rows so far of a run that may yet be a pause."""
        return self._quiet if self._quiet < self._shortest else 0

    def _decide(self, quiet: NDArray[np.bool_]) -> None:
        for is_quiet in quiet.tolist():
            if not is_quiet:
                self._settle(present=True)
                self._append([True])
                continue
            self._quiet += 1
            if self._quiet == self._shortest:
                self._append([False] * self._quiet)
            elif self._quiet > self._shortest:
                self._append([False])

    def _settle(self, *, present: bool) -> None:
        """End a run of quiet rows."""
        self._append([present] * self._undecided)
        self._quiet = 0

    def _append(self, values: list[bool]) -> None:
        self._waiting.extend(values)
        self.decided += len(values)
