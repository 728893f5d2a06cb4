"""Random numbers that depend only on what they are for, not on when or where they are drawn.

A counter-based generator: the number for (stream, item, index) is a hash of those three, so it is
the same in any batch, in any order, on any device.
"""

import hashlib
import math

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

    >>> key, index = stream(0, "example"), torch.arange(3)
    >>> drawn = uniforms(key, torch.tensor(stream("clip")), index)
    >>> torch.equal(drawn[1:], uniforms(key, torch.tensor(stream("clip")), index[1:]))
    True
    """
    return _shift(_state(key, item, index), 11).double() * 2.0**-53


def normals(key: int, item: Tensor, index: Tensor, features: int) -> Tensor:
    """Standard normal numbers, (..., features) float32 for each (item, index).

    The transform of Box and Muller (1958) makes two of them from the halves of one hash; between
    devices they may differ in the last digit, as logarithm and cosine do.

    Args:
        key: the stream, from `stream`.
        item: int64, the item's hash, broadcast against `index`.
        index: int64, the position within the item.
        features: how many; the first ones do not depend on it.

    >>> item, index = torch.tensor(stream("clip")), torch.arange(2)
    >>> normals(stream(0), item, index, 3).shape
    torch.Size([2, 3])
    """
    pair = torch.arange((features + 1) // 2, device=index.device)
    state = _next(_state(key, item, index).unsqueeze(-1), pair)
    # One more than 0 … 2³² − 1: of 0 there is no logarithm.
    radius = ((_shift(state, 32) + 1).double() * 2.0**-32).log_().mul_(-2).sqrt_()
    angle = (state & 0xFFFFFFFF).double() * (math.tau * 2.0**-32)
    both = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1)
    return both.float().flatten(-2)[..., :features]


def _state(key: int, item: Tensor, index: Tensor) -> Tensor:
    """A 64-bit hash for each (stream, item, index)."""
    return _next(_mix(item ^ key), index)


def _next(state: Tensor, index: Tensor) -> Tensor:
    """The numbers at some places of the sequence of SplitMix64 that begins with `state`."""
    return _mix(state + _wrap(_GOLDEN) * (index + 1))


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
