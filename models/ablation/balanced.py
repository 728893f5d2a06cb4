"""`balanced`: modalities that are lost at unequal rates, and are generated with balanced weights.

Sun et al. 2024 (RedCore): of the losses of a network that generates one modality from another, the
one that has fallen further is given less weight, so that the modality that is often gone is not
left behind. The paper's variational encoders are a part of its network, not of this strategy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.ablation.operators import Draws
from models.ablation.single import clip_zero
from models.settings import MODALITIES, Ablation, Modality

if TYPE_CHECKING:
    from models.networks.recogniser import Recogniser
    from models.training.phases import Loss, Phase

# The constants of the published code.
NEW = 0.7
"""What a new loss counts in the running mean."""
EVERY = 3
"""Steps from one change of the weights to the next."""
RATE, GROWTH, GROWS_EVERY = 0.1, 1.5, 500
"""How far the weights move, and how that grows with the steps."""
LEAST = 0.1
"""Of a weight, before all are scaled to a vector of length 1."""


def balanced(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Whole clips become zeros; with `drawn: once`, as in the paper, the same in every epoch."""
    return clip_zero(ablation, modality, draws)


class Balance(nn.Module):
    """Weighs the losses of generated modalities; remembers running means and weights.

    With L the running mean of each loss and L̄ the mean of these, a weight β falls by η (L̄ − L) / L̄
    every few steps.
    """

    means: Tensor
    weights: Tensor
    rate: Tensor
    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        count = len(MODALITIES)
        self.register_buffer("means", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("weights", torch.ones(count, dtype=torch.float64))
        self.register_buffer("rate", torch.tensor(RATE, dtype=torch.float64))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, losses: Mapping[Modality, Tensor]) -> Tensor:
        """Σ β · loss, after the weights have moved if it is their turn."""
        stacked = torch.stack([losses[m] for m in MODALITIES])
        self._move(stacked.detach().double())
        return (self.weights.to(stacked.dtype) * stacked).sum()

    def _move(self, losses: Tensor) -> None:
        # A loss of 0 is one of nothing that was generated.
        new = torch.where(losses == 0, self.means, losses)
        self.means.lerp_(new, NEW)
        self.rate *= torch.where(self.steps % GROWS_EVERY == 0, GROWTH, 1.0)
        advantage = 1 - self.means / self.means.mean().clamp_min(1e-30)
        moved = (self.weights - self.rate * advantage).clamp_min(LEAST)
        moves = self.steps % EVERY == 0  # no branch: a GPU would have to be waited for
        self.weights.copy_(torch.where(moves, moved / moved.norm(), self.weights))
        self.steps += 1


def _phases(network: "Recogniser", objective: "Loss") -> "tuple[Phase, ...]":
    return network.phases(objective, Balance())  # type: ignore[call-arg]


balanced.phases = _phases  # type: ignore[attr-defined]
