"""`self_distillation`: a network that misses frames learns from itself with all of them.

Zhong et al. 2025 (CIDer), weight-shared self-distillation. Each batch is seen twice, complete and
with losses; what the network makes of it complete is what it is drawn to where it misses something.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from models.ablation.operators import Draws
from models.ablation.single import frame_zero
from models.networks.stream import OTHER
from models.settings import Ablation, Modality

if TYPE_CHECKING:
    from models.networks.recogniser import Recogniser
    from models.networks.stream import Outputs
    from models.training.phases import Loss, Lossy, Phase

JOINT, ATTENTION = 0.5, 0.5
"""Weights of the losses beside that of the labels. The paper searches each between 0 and 1, in 300
trials a corpus, and does not say what was found: the middle is ours."""


def self_distillation(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Single frames become zeros.

    In the paper's code every frame has a rate of its own, drawn evenly between 0 and 1: that is a
    probability of a half, independent from frame to frame.
    """
    return frame_zero(ablation, modality, draws)


class Distillation:
    """The losses of the two updates of a batch.

    Args:
        network: that learns.
        objective: the loss of the labels.
    """

    def __init__(self, network: "Recogniser", objective: "Loss") -> None:
        self.network, self.objective = network, objective
        self.complete_inside: dict[str, Tensor] = {}

    def complete(self, outputs: "Outputs", lossy: "Lossy") -> Tensor:
        """The loss of the labels, of complete input, of which the other update is told."""
        self.complete_inside = {name: x.detach() for name, x in outputs.inside.items()}
        return self.objective(outputs, lossy)

    def missing(self, outputs: "Outputs", lossy: "Lossy") -> Tensor:
        """The loss of the labels, and how far the network is from itself with nothing missing."""
        loss = self.objective(outputs, lossy)
        for name, x in outputs.inside.items():
            target = self.complete_inside[name]
            if name == "joint":
                real = lossy.answered(per_frame=self.network.per_frame)
                loss = loss + JOINT * distance(x, target, real)
            else:
                modality: Modality = "audio" if name == "attention.audio" else "video"
                masks = lossy.batch.masks()
                apart = divergence(x, target, masks[modality], masks[OTHER[modality]])
                loss = loss + ATTENTION * apart
        return loss


def distance(x: Tensor, target: Tensor, real: Tensor) -> Tensor:
    """1 − cosine of (clips, frames, dim), the mean over the frames that count.

    >>> x = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    >>> float(distance(x, x.flip(-1), torch.tensor([[True, False]])))
    1.0
    """
    apart = (1 - cosine_similarity(x.float(), target.float(), dim=-1)) * real
    return apart.sum() / real.sum().clamp_min(1)


def divergence(scores: Tensor, target: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """Kullback-Leibler divergence of attention from what it should be.

    Args:
        scores: (clips, heads, queries, keys), before the softmax.
        target: likewise.
        queries: (clips, queries) bool, False for padding.
        keys: (clips, keys) bool, likewise.

    Returns:
        The sum over the queries of a clip, the mean over clips and heads, as in the paper's code.

    >>> scores, real = torch.zeros(1, 1, 2, 2), torch.tensor([[True, True]])
    >>> target = torch.tensor([0.9, 0.1]).log().expand(1, 1, 2, 2)
    >>> round(float(divergence(scores, target, real, real)), 4)
    0.7361
    """
    padding = ~keys[:, None, None]
    fill = torch.finfo(torch.float32).min
    found, wanted = (x.float().masked_fill(padding, fill).log_softmax(-1) for x in (scores, target))
    apart = (wanted.exp() * (wanted - found)).masked_fill(padding, 0).sum(-1)
    return (apart * queries.unsqueeze(1)).sum(-1).mean()


def _phases(network: "Recogniser", objective: "Loss") -> "tuple[Phase, ...]":
    from models.training.phases import Phase, Update

    network.watched = ("joint", "attention")
    distillation = Distillation(network, objective)
    updates = Update(distillation.complete, complete=True), Update(distillation.missing)
    return (Phase("self-distillation", updates),)


self_distillation.phases = _phases  # type: ignore[attr-defined]
