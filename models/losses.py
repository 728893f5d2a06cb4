"""Training losses."""

import torch
from torch import Tensor


def ccc_loss(predictions: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """1 − CCC over the valid frames of the batch, the mean of the targets.

    Args:
        predictions: (clips, frames, targets).
        labels: (clips, frames, targets).
        valid: (clips, frames) True where the label counts.

    Returns:
        A scalar with gradients; 1 where the batch has no valid frame or labels and
        predictions are both constant.
    """
    weight = valid.unsqueeze(-1).float()
    count = weight.sum().clamp_min(1)
    x, y = predictions.float(), labels.float()

    def mean(values: Tensor) -> Tensor:
        return (values * weight).sum((0, 1)) / count

    mean_x, mean_y = mean(x), mean(y)
    dx, dy = x - mean_x, y - mean_y
    spread = mean(dx * dx) + mean(dy * dy) + (mean_x - mean_y) ** 2
    concordance = 2 * mean(dx * dy) / spread.clamp_min(torch.finfo(torch.float32).tiny)
    return 1 - concordance.mean()
