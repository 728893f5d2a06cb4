"""Normalised smoothing and experts: each modality's frames are averaged over time by what arrived.

Lacuna's own. A frame of a modality stands for a latent that moves slowly, so the best that can be
said of a moment is a mean of the frames around it, of which those that are missing have no weight
and a learnt prior has some; and an expert of each modality answers alone, so that what is left when
the other one is gone has been learnt as an answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout, masked_mean
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import OTHER, Outputs, Stream
from models.settings import Modality, NetworkSize, SmootherOptions

TIME_CONSTANTS = (10.0, 1000.0)
"""Frames over which a mean forgets, of the two halves of the channels before anything is learnt."""

SHARED_WEIGHT = 0.61
"""Of an expert's answer where the other one has all its frames, before anything is learnt."""


@dataclass(frozen=True)
class Answered(Stream):
    """An expert's answers (clips, frames, outputs) as `x`, and on how much they rest.

    Attributes:
        coverage: (clips, frames) from 0, where nothing has arrived, towards 1.
    """

    coverage: Tensor


class Smoothing(nn.Module):
    """A mean over time of the frames that were received, and of a prior.

    With h_s the frames, p_s whether they were received, and τ the time constant of a channel:

        n_t = Σ_s exp(−|t − s| / τ) p_s
        h̃_t = (Σ_s exp(−|t − s| / τ) p_s h_s + λ μ) / (n_t + λ)

    The sums are over all frames, or over s ≤ t: then n and the sum in h̃ are recursions,
    n_t = exp(−1 / τ) n_{t−1} + p_t, with one state a channel.

    Args:
        dim: channels, of which the first half begins with the shorter time constant.
        past: whether only frames up to t count.
    """

    def __init__(self, dim: int, *, past: bool) -> None:
        super().__init__()
        self.past = past
        # Logarithms, so that rates 1 / τ and weights λ stay positive.
        self.log_rates = nn.Parameter(-torch.tensor(TIME_CONSTANTS).log())
        self.prior = nn.Parameter(torch.zeros(dim))
        self.log_weight = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor, received: Tensor) -> tuple[Tensor, Tensor]:
        """Smooth (clips, frames, dim).

        Args:
            x: the frames.
            received: (clips, frames) bool, False for padding and for what is missing.

        Returns:
            Means (clips, frames, dim), and coverage (clips, frames): the mean over both time
            constants of n / (n + λ̄), λ̄ the mean of λ.
        """
        precise = self.prior.dtype
        p = received.to(precise)
        weight = self.log_weight.exp()
        means, coverage = [], []
        for kernel, part, prior, prior_weight in zip(
            self._kernels(x.shape[1]),
            (x.to(precise) * p.unsqueeze(-1)).chunk(2, dim=-1),
            self.prior.chunk(2),
            weight.chunk(2),
            strict=True,
        ):
            count = p @ kernel.T  # n: (clips, frames)
            total = kernel @ part + prior_weight * prior  # (clips, frames, dim / 2)
            means.append(total / (count.unsqueeze(-1) + prior_weight))
            coverage.append(count / (count + weight.mean()))
        return torch.cat(means, dim=-1).to(x.dtype), torch.stack(coverage).mean(0)

    def _kernels(self, frames: int) -> Tensor:
        """exp(−|t − s| / τ) of both time constants, (2, frames, frames)."""
        time = torch.arange(frames, device=self.prior.device)
        ago = time[:, None] - time  # t − s
        kernels = (-self.log_rates.exp()[:, None, None] * ago.abs()).exp()
        return kernels * (ago >= 0) if self.past else kernels


class Smoother(Recogniser):
    """An affine map, smoothing, and a small expert for each modality, whose answers are added.

    z = ReLU(U h̃ + c) with dropout, ŷ_m = A_m z + a_m, and of two modalities

        ŷ = Σ_m ŷ_m (1 + c_other (w_m − 1))

    over those that are not gone: an expert counts in full where the other modality has nothing to
    say, and with a learnt weight w_m for each output where it has. Where both are gone their priors
    answer. Each expert is trained by a loss of its own too.

    With presence `ignored` a lost frame counts like any other.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: SmootherOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        # A mean needs no token in place of what is missing: it has no weight.
        super().__init__(features, {}, task, presence)
        past = options.context == "past"
        outputs = len(task.outputs)
        self.projections = nn.ModuleDict({m: nn.Linear(n, size.dim) for m, n in features.items()})
        self.smoothings = nn.ModuleDict({m: Smoothing(size.dim, past=past) for m in features})
        self.experts = nn.ModuleDict(
            {
                m: nn.Sequential(
                    nn.Linear(size.dim, size.dim),
                    nn.ReLU(),
                    Dropout(size.dropout),
                    nn.Linear(size.dim, outputs),
                )
                for m in features
            }
        )
        if len(features) > 1:
            start = torch.full((outputs,), math.log(SHARED_WEIGHT) / 10)
            self.log_weights = nn.ParameterDict({m: nn.Parameter(start.clone()) for m in features})
            self.loss_weights = dict.fromkeys(self.modalities, 1.0)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projections[modality](x)

    @override
    def show(self, modality: Modality, x: Tensor, mask: Tensor, present: Tensor) -> Stream:
        return Stream(x, mask, mask if self.presence.frames == "ignored" else present & mask)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Answered:
        with torch.autocast(stream.x.device.type, enabled=False):  # counts go beyond bf16
            smoothed, coverage = self.smoothings[modality](stream.x, stream.present)
        answer = self.experts[modality](smoothed)
        return Answered(answer, stream.mask, stream.present, coverage)

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        answers = {m: self._pooled(stream.x, stream.mask) for m, stream in encoded.items()}
        if len(self.modalities) == 1:
            return Outputs(answers[self.modalities[0]], {})
        gone = {m: stream.gone for m, stream in encoded.items()}
        fused = torch.zeros_like(answers[self.modalities[0]])
        for m in self.modalities:
            other = cast("Answered", encoded[OTHER[m]])
            covered = self._pooled(other.coverage.unsqueeze(-1), other.mask)
            # 10 θ: the optimizer moves a weight faster than those of a matrix.
            share = 1 + covered * ((10 * self.log_weights[m]).exp() - 1)  # (clips, frames, outputs)
            counts = (~gone[m] | gone[OTHER[m]])[:, None, None]
            fused = fused + torch.where(counts, answers[m] * share, 0)
        return Outputs(fused, answers, gone)

    def _pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, dim) of frames; of a sequence the mean over them, (clips, 1, dim)."""
        return x if self.per_frame else masked_mean(x, mask)
