"""How much arithmetic the networks do, and how fast this machine does arithmetic at best."""

from collections.abc import Callable

import torch
from torch.nn.functional import conv2d, linear

from features.extractors.vggface.network import BLOCKS, FC6, POOLED
from models.settings import NetworkSize
from tests.benchmarks.timing import Timer, timed

Kernel = tuple[Callable[[], object], float]
"""A computation and its floating-point operations."""


def fc6_flops(side: int) -> float:
    """Operations of VGG-16 up to fc6 for one square picture.

    2·9·C_in·C_out a cell of every convolution and 2·C_in·C_out for fc6.
    """
    total, channels = 0.0, 3
    for block in BLOCKS:
        for outputs in block:
            total += 2 * 9 * channels * outputs * side**2
            channels = outputs
        side //= 2
    return total + 2 * channels * POOLED**2 * FC6


def step_flops(
    clips: int, clip_frames: int, features: int, size: NetworkSize, targets: int
) -> float:
    """Operations of the products of matrices in one training step of the crossmodal transformer.

    With n frames in all, T in a clip, width d, feed-forward width f and L layers in each of the two
    encoders: forward = projections + 2n·(2L·(4d² + 2df) + 2·4d² + d·targets) + attentions, where
    projections = 2n·d·features and attentions = (2L + 2)·4·n·T·d, the scores and the weighted
    values; step = 3·forward − projections, because the inputs need no gradient.
    """
    d, f, frames = size.dim, size.ffn, clips * clip_frames
    projections = 2 * frames * d * features
    encoders = 2 * size.layers * (4 * d**2 + 2 * d * f)
    attentions = (2 * size.layers + 2) * 4 * frames * clip_frames * d
    forward = projections + 2 * frames * (encoders + 2 * 4 * d**2 + d * targets) + attentions
    return 3 * forward - projections


def best_rate_timer(flops: float, kernels: list[Kernel]) -> Timer:
    """A timer of what so many operations would take at the rate of the fastest kernel."""
    timers = [(timed(work), operations) for work, operations in kernels]

    def run() -> float:
        with torch.inference_mode():
            return flops * min(timer() / operations for timer, operations in timers)

    return run


def matmul_kernels(dtype: torch.dtype) -> list[Kernel]:
    """A large square product, and a linear map of a training batch's shape."""
    square = torch.randn(2048, 2048).to(dtype)
    frames, weight = torch.randn(3200, 4096).to(dtype), torch.randn(512, 4096).to(dtype)
    return [
        (lambda: square @ square, 2 * 2048**3),
        (lambda: linear(frames, weight), 2 * 3200 * 4096 * 512),
    ]


def convolution_kernels(dtype: torch.dtype) -> list[Kernel]:
    """3×3 convolutions in channels_last, of the shapes that VGG-16 has on 96×96 pictures."""
    return [
        _convolution(batch, channels, side, dtype)
        for batch, channels, side in ((8, 128, 48), (16, 256, 24), (32, 512, 12))
    ]


def _convolution(batch: int, channels: int, side: int, dtype: torch.dtype) -> Kernel:
    layout = torch.channels_last
    x = torch.randn(batch, channels, side, side).to(dtype, memory_format=layout)
    weight = torch.randn(channels, channels, 3, 3).to(dtype, memory_format=layout)
    return lambda: conv2d(x, weight, padding=1), 2 * 9 * channels**2 * side**2 * batch
