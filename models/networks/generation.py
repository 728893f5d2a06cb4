"""What networks that make one modality from another have in common."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from models.settings import Modality

Weigh = Callable[[Mapping[Modality, Tensor]], Tensor]
"""Makes one number of the losses of what is generated, by modality."""


def mean_of(losses: Mapping[Modality, Tensor]) -> Tensor:
    """The mean, in which all modalities count alike."""
    return torch.stack(list(losses.values())).mean()


def squares(x: Tensor, y: Tensor, real: Tensor) -> Tensor:
    """Mean squared difference over the frames that count; 0 where none does.

    Args:
        x: (clips, frames, dim).
        y: likewise.
        real: (clips, frames) bool.

    >>> x = torch.tensor([[[1.0, 3.0], [9.0, 9.0]]])
    >>> float(squares(x, 0 * x, torch.tensor([[True, False]])))
    5.0
    """
    apart = (x.float() - y.float()).square().mean(-1) * real
    return apart.sum() / real.sum().clamp_min(1)
