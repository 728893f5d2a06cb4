"""High dynamic range brought to the range of ordinary pictures.

Brightness is mapped channel by channel: what is as bright as white paper or darker keeps its
brightness, highlights are rolled off. The wider gamut of BT.2020 is taken for that of BT.709, so
colours are a little pale.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""Transfer characteristics of ITU-T H.273: SMPTE ST 2084, and ARIB STD-B67."""

NAMES = {PQ: "PQ", HLG: "HLG"}

WHITE = 203.0
"""cd/m² of white paper in a film of high dynamic range, by ITU-R BT.2408."""

PEAK = 1000.0
"""cd/m² of the display that HLG is made for."""

KNEE = 0.75
"""Brightness, as a share of white paper's, from which highlights are rolled off."""

GAMMA = 2.4
"""Of ordinary displays, by ITU-R BT.1886."""


@cache
def curve(transfer: int) -> NDArray[np.uint8]:
    """The value of an ordinary picture for each 16-bit value of a channel, (65536,).

    Args:
        transfer: PQ or HLG.
    """
    signal = np.arange(1 << 16) / 0xFFFF
    light = (_pq(signal) if transfer == PQ else _hlg(signal)) / WHITE
    above = np.maximum(light - KNEE, 0.0)
    shown = np.minimum(light, KNEE) + (1 - KNEE) * (1 - np.exp(-above / (1 - KNEE)))
    return np.asarray(np.rint(255 * shown ** (1 / GAMMA)), np.uint8)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m² of a PQ signal: (max(s^(1/m₂) − c₁, 0) / (c₂ − c₃ s^(1/m₂)))^(1/m₁) · 10000.

    >>> _pq(np.array([0.0, 0.508078, 1.0])).round().tolist()
    [0.0, 100.0, 10000.0]
    """
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    power = signal ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m² that a display of PEAK shows of an HLG signal, by ITU-R BT.2100.

    >>> _hlg(np.array([0.0, 0.75, 1.0])).round().tolist()
    [0.0, 203.0, 1000.0]
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return PEAK * scene**1.2
