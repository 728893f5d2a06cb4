"""A score network over time, and sampling with it (IMDer, Wang, Li and Cui 2023; Song et al. 2021).

A modality is diffused by a variance-exploding equation, dx = σ^t dw for t from 0 to 1, and what was
noise is brought back by the gradient of the log density that a network has learnt: its score. The
network is a U-Net over frames that attends to the other modality at every level.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from models.networks.blocks import sinusoidal_positions
from models.networks.prenorm import PreNormEncoder
from models.settings import NetworkSize

SIGMA = 25.0
FOURIER_SCALE = 30.0
FIRST_GROUPS = 4
"""Of the group norm of the first level; all others have as many as the U-Net has channels."""
EARLIEST, LAST = 1e-5, 1e-3
"""The smallest t in training, and the one where sampling ends."""

Noise = Callable[[Tensor], Tensor]
"""Standard normal numbers of the shape and the device of a tensor."""


class Frames(NamedTuple):
    """Frames (clips, frames, channels), and which are real, (clips, frames) bool."""

    x: Tensor
    mask: Tensor

    def zeroed(self) -> Tensor:
        """The frames with zeros for padding."""
        return self.x * self.mask.unsqueeze(-1)


def deviation(t: Tensor) -> Tensor:
    """Standard deviation of what is added up to t: √((σ^2t − 1) / (2 ln σ)).

    >>> round(float(deviation(torch.tensor(1.0))), 3)
    9.845
    """
    return ((SIGMA ** (2 * t) - 1) / (2 * math.log(SIGMA))).sqrt()


class Level(nn.Module):
    """A convolution, attention to the condition, the time, group norm and Swish.

    Args:
        convolution: of what is denoised.
        aligning: the same of the condition; None where it stays as it is.
        channels: that come out.
        embedding: width of the time's embedding; None for a level without time, norm and Swish.
        groups: of the group norm.
        heads: of the attention.
    """

    def __init__(
        self,
        convolution: nn.Module,
        aligning: nn.Module | None,
        channels: int,
        embedding: int | None,
        groups: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.convolution, self.aligning = convolution, aligning
        size = NetworkSize(dim=channels, heads=heads, ffn=4 * channels, layers=2, dropout=0.0)
        self.attention = PreNormEncoder(size)
        self.time = None if embedding is None else nn.Linear(embedding, channels)
        self.norm = None if embedding is None else FrameGroupNorm(groups, channels)

    def forward(
        self, given: Frames, condition: Frames, mask: Tensor, keys: Tensor, time: Tensor
    ) -> tuple[Frames, Frames]:
        """One level.

        Args:
            given: of the level before.
            condition: likewise.
            mask: the real ones of the frames that come out.
            keys: the real ones of the condition's.
            time: (clips, embedding).
        """
        x = self._over(self.convolution, given)
        if self.aligning is not None:
            condition = Frames(self._over(self.aligning, condition), keys)
        x = x + self.attention(self._placed(x), keys, self._placed(condition.x))
        if self.time is not None and self.norm is not None:
            x = silu(self.norm(x + self.time(time).unsqueeze(1), mask))
        return Frames(x, mask), condition

    @staticmethod
    def _over(convolution: nn.Module, frames: Frames) -> Tensor:
        return convolution(frames.zeroed().transpose(1, 2)).transpose(1, 2)

    @staticmethod
    def _placed(x: Tensor) -> Tensor:
        """√channels · x and its positions, as MulT's code has them."""
        places = sinusoidal_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        return math.sqrt(x.shape[2]) * x + places


class FrameGroupNorm(nn.GroupNorm):
    """Group norm whose statistics are those of a clip's real frames."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Normalise (clips, frames, channels); `mask` (clips, frames) is False for padding."""
        parts = x.float().unflatten(-1, (self.num_groups, -1))
        real = mask[..., None, None].float()
        count = real.sum((1, 3), keepdim=True).clamp_min(1) * parts.shape[-1]
        mean = (parts * real).sum((1, 3), keepdim=True) / count
        variance = ((parts - mean).square() * real).sum((1, 3), keepdim=True) / count
        normed = ((parts - mean) * (variance + self.eps).rsqrt()).flatten(-2)
        return (normed * self.weight + self.bias).to(x.dtype)


class ScoreNetwork(nn.Module):
    """The score of noisy frames given a noisy condition: a U-Net of four levels down and four up.

    Channels double at each level down, and frames halve; two self-made choices of the published
    code are kept: the first level does not halve, and the condition has convolutions of its own.

    Args:
        dim: channels of what is denoised and of the condition.
        heads: of the attention.
    """

    frequencies: Tensor

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        embedding = 8 * dim
        self.register_buffer("frequencies", torch.randn(embedding // 2) * FOURIER_SCALE)
        self.embedding = nn.Linear(embedding, embedding)
        widths = [dim, 2 * dim, 4 * dim, 8 * dim]
        first = nn.Conv1d(dim, dim, 3, padding=1, bias=False)
        self.down = nn.ModuleList([Level(first, None, dim, embedding, FIRST_GROUPS, heads)])
        for before, after in pairwise(widths):
            level = Level(
                _halving(before, after), _halving(before, after), after, embedding, dim, heads
            )
            self.down.append(level)
        self.up = nn.ModuleList()
        for after in (4 * dim, 2 * dim, dim):
            # What was skipped comes beside what came up, except to the lowest level.
            given = 2 * after if after == 4 * dim else 4 * after
            level = Level(
                _doubling(given, after), _doubling(2 * after, after), after, embedding, dim, heads
            )
            self.up.append(level)
        convolution = nn.ConvTranspose1d(2 * dim, dim, 3, padding=1)
        aligning = nn.ConvTranspose1d(dim, dim, 3, padding=1)
        self.last = Level(convolution, aligning, dim, None, dim, heads)

    def forward(self, noisy: Frames, t: Tensor, condition: Frames) -> Tensor:
        """The score (clips, frames, dim) of frames at the times t, (clips,)."""
        frames = noisy.x.shape[1]
        noisy, condition = _even(noisy), _even(condition)
        phases = 2 * math.pi * t[:, None] * self.frequencies
        time = silu(self.embedding(torch.cat((phases.sin(), phases.cos()), dim=-1)))
        masks = [(noisy.mask, condition.mask)]
        for _ in range(3):
            masks.append((masks[-1][0][:, ::2], masks[-1][1][:, ::2]))
        skipped: list[Frames] = []
        given = noisy
        for level, (mask, keys) in zip(self.down, masks, strict=True):
            given, condition = level(given, condition, mask, keys, time)
            skipped.append(given)
        skipped.pop()
        for level, (mask, keys) in zip(self.up, reversed(masks[:-1]), strict=True):
            given, condition = level(given, condition, mask, keys, time)
            given = Frames(torch.cat((given.x, skipped.pop().x), dim=-1), mask)
        score, _ = self.last(given, condition, *masks[0], time)
        return score.x[:, :frames] / deviation(t)[:, None, None]

    def loss(self, x: Frames, condition: Frames) -> Tensor:
        """‖std · score + z‖² of each clip at a random time, (clips,): denoising score matching.

        As in the published code the condition is perturbed by the same noise z, where it has as
        many frames.
        """
        t = torch.rand(len(x.x), device=x.x.device) * (1 - EARLIEST) + EARLIEST
        std = deviation(t)[:, None, None]
        z = torch.randn_like(x.x)
        alike = z if condition.x.shape == x.x.shape else torch.randn_like(condition.x)
        score = self(
            Frames(x.x + z * std, x.mask), t, Frames(condition.x + alike * std, condition.mask)
        )
        return ((score * std + z).square() * x.mask.unsqueeze(-1)).sum((1, 2))

    def sample(self, mask: Tensor, condition: Frames, steps: int, noise: Noise) -> Tensor:
        """Frames (clips, frames, dim) out of noise, by the method of Euler and Maruyama.

        Args:
            mask: (clips, frames) bool, the real ones of the frames to come.
            condition: what is known.
            steps: from t = 1 to LAST.
            noise: makes random numbers.
        """
        clips, dim = len(mask), condition.x.shape[2]
        times = torch.linspace(1, LAST, steps, device=mask.device)
        step = times[0] - times[1]
        x = mean = noise(condition.x.new_zeros(clips, mask.shape[1], dim)) * deviation(times[0])
        for t in times:
            std, spread = deviation(t), SIGMA**t
            perturbed = Frames(condition.x + noise(condition.x) * std, condition.mask)
            score = self(Frames(x, mask), t.expand(clips), perturbed)
            mean = x + spread**2 * score * step
            x = mean + step.sqrt() * spread * noise(x)
        return mean


def _halving(before: int, after: int) -> nn.Conv1d:
    return nn.Conv1d(before, after, 3, stride=2, padding=1, bias=False)


def _doubling(before: int, after: int) -> nn.ConvTranspose1d:
    return nn.ConvTranspose1d(before, after, 3, stride=2, padding=1, output_padding=1, bias=False)


def _even(frames: Frames) -> Frames:
    """Padded so that frames can be halved three times."""
    beyond = -frames.x.shape[1] % 8
    return Frames(pad(frames.x, (0, 0, 0, beyond)), pad(frames.mask, (0, beyond)))
