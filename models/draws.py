"""Random numbers that depend only on what they are for, not on when or where they are drawn.

A counter-based generator: the number for (stream, item, index) is a hash of those three, so it is
the same in any batch, in any order, on any device.
"""

import hashlib

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def stream(*parts: object) -> int:
    """A 64-bit key for the draws of, say, (seed, condition, trial); items are hashed alike."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def uniforms(key: int, item: Tensor, index: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), float64, one for each (item, index).

    Args:
        key: the stream, from `stream`.
        item: int64, the item's hash, broadcast against `index`.
        index: int64, the position within the item.
    """
    state = _mix(_mix(item ^ key) + _wrap(_GOLDEN) * (index + 1))
    return _shift(state, 11).double() * 2.0**-53


def _mix(x: Tensor) -> Tensor:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), on wrapping int64."""
    x = (x ^ _shift(x, 30)) * _wrap(_MIX_1)
    x = (x ^ _shift(x, 27)) * _wrap(_MIX_2)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift; torch's shift of int64 is arithmetic."""
    return torch.bitwise_right_shift(x, bits) & ((1 << (64 - bits)) - 1)


def _wrap(value: int) -> int:
    """The signed 64-bit integer with the bits of an unsigned one."""
    return value - (1 << 64) if value >= 1 << 63 else value
