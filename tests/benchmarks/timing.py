"""Two ways of doing a thing, timed in turns: noise of the machine hits both and cancels."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Timer = Callable[[], float]
"""Does some work and returns its seconds."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        against: what it is compared with.
        unit: of the next two.
        measured: median.
        reference: median.
        ratio: median of measured over reference, within each repeat.
        low: smallest of those ratios.
        high: largest of those ratios.
    """

    what: str
    against: str
    unit: str
    measured: float
    reference: float
    ratio: float
    low: float
    high: float


def not_measured(what: str, against: str) -> Row:
    """The line of what this machine cannot do."""
    return Row(what, against, "", *[math.nan] * 5)


def timed(work: Callable[[], object]) -> Timer:
    """Time a function by the wall clock."""

    def run() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return run


def compare(
    what: str,
    against: str,
    measured: Timer,
    reference: Timer,
    *,
    amount: float,
    unit: str,
    repeats: int = 5,
    warm_ups: int = 1,
) -> Row:
    """Compare two speeds: each is warmed up, then they take turns, in alternating order.

    Args:
        what: name of the one.
        against: name of the other.
        measured: the one.
        reference: the other.
        amount: work done by a call of either, in the unit times seconds.
        unit: of the speed.
        repeats: turns of each.
        warm_ups: uncounted turns of each before those.
    """
    timers = (measured, reference)
    for _ in range(warm_ups):
        for timer in timers:
            timer()
    seconds = np.zeros((repeats, 2))
    for repeat in range(repeats):
        for side in (0, 1) if repeat % 2 == 0 else (1, 0):
            seconds[repeat, side] = timers[side]()
    ratios = seconds[:, 1] / seconds[:, 0]
    speeds = amount / np.median(seconds, axis=0)
    return Row(
        what, against, unit, *map(float, (*speeds, np.median(ratios), ratios.min(), ratios.max()))
    )


def compare_sizes(what: str, against: str, measured: int, reference: int) -> Row:
    """Compare two numbers of bytes."""
    ratio = measured / reference
    return Row(what, against, "MB", measured / 1e6, reference / 1e6, ratio, ratio, ratio)
