"""Sound described while it comes, in parts of any length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.extractors.batches import OfCrops
from features.extractors.described import Described
from features.extractors.look_ahead import EVERY, GUARD, is_fed
from features.extractors.own import load_extractor
from features.extractors.settings import OpenSMILESettings, StreamSettings
from features.media.rates import SAMPLE_RATE

STRETCH = 4
"""Seconds of that stretch, at least."""


class LiveSound(Protocol):
    """An extractor that is given sound as it comes (`look_ahead` says how long rows wait)."""

    def feed(self, samples: NDArray[np.float32]) -> Described:
        """Take the next samples (N,) at 16 kHz; gives the rows that are new, of these or earlier.

        Times are seconds after the first sample.
        """
        ...

    def finish(self) -> Described:
        """The rest of the rows, once there is no more sound."""
        ...


def load_live(settings: StreamSettings, device: str) -> LiveSound:
    """What describes sound as it comes as a stream's extractor describes whole files.

    openSMILE is fed through its external source and gives the very rows of the whole file. Any
    other extractor describes a trailing stretch again and again: its rows are those of the whole
    file if they depend on no more than the seconds before and `GUARD` after them.
    """
    if isinstance(settings, OpenSMILESettings) and is_fed(settings):
        from features.extractors.opensmile.live import LiveOpenSMILE

        return LiveOpenSMILE(settings)
    return Trailing(settings, device)


@dataclass(frozen=True)
class HeardSound:
    """Sound at hand, for extractors that are given an item's (`features.extractors.sound`)."""

    samples: NDArray[np.float32]

    def sound(self, rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], float]:
        """Samples (N,) at a rate, mono, from second 0 on."""
        if rate == SAMPLE_RATE:
            return self.samples, 0.0
        from scipy.signal import resample_poly

        common = gcd(rate, SAMPLE_RATE)
        resampled = resample_poly(self.samples, rate // common, SAMPLE_RATE // common)
        return resampled.astype(np.float32), 0.0


class Trailing:
    """Describes the last seconds again whenever `EVERY` seconds are new.

    Args:
        settings: of the stream.
        device: where networks run.
    """

    def __init__(self, settings: StreamSettings, device: str) -> None:
        extractor = load_extractor(settings, device)
        assert not isinstance(extractor, OfCrops)  # of sound none is
        self._extractor = extractor
        self._samples = np.zeros(0, np.float32)
        self._first = 0  # whole seconds that are no longer kept
        self._described = 0.0  # seconds
        self._told = -np.inf  # time of the last row that was given

    def feed(self, samples: NDArray[np.float32]) -> Described:
        """Take the next samples, as of `LiveSound`."""
        self._samples = np.concatenate([self._samples, samples])
        heard = self._first + len(self._samples) / SAMPLE_RATE
        if heard - self._described < EVERY:
            return self._new(0.0, nothing=True)
        self._described = heard
        return self._new(heard - GUARD)

    def finish(self) -> Described:
        """The rest of the rows, as of `LiveSound`."""
        return self._new(np.inf)

    def _new(self, until: float, *, nothing: bool = False) -> Described:
        """The rows that were not given yet and end before a second."""
        found = self._extractor.extract(HeardSound(self._samples))
        times = found.times + self._first
        lasts = found.window
        if lasts is None:
            lasts = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        new = (times > self._told + 1e-9) & (times + lasts <= until)
        if nothing:
            new[:] = False
        if new.any():
            self._told = times[new][-1]
        surplus = len(self._samples) // SAMPLE_RATE - STRETCH
        if surplus > 0:  # from a whole second on, so that regular rows stay where they were
            self._samples = self._samples[surplus * SAMPLE_RATE :]
            self._first += surplus
        return replace(
            found, rows=found.rows[new], times=times[new], present=found.present[new], voice=None
        )
