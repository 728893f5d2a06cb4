"""How weights move: optimizer, schedule of the learning rate and running mean, all torch's."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau, StepLR
from torch.optim.swa_utils import AveragedModel

from models.settings import TrainSettings

Tensors = list[Tensor] | tuple[Tensor, ...]


class Optimisation:
    """An optimizer, what lowers its learning rate, and the mean of the weights it has passed.

    One state for a checkpoint holds all of it.

    Args:
        network: whose parameters are optimised, on its device.
        settings: which optimizer, which schedule, which mean.

    Attributes:
        optimizer: fused Adam, or SGD with momentum; weight decay is an L2 penalty in both.
    """

    def __init__(self, network: nn.Module, settings: TrainSettings) -> None:
        self.optimizer = _optimizer(network, settings)
        self._schedule = _schedule(self.optimizer, settings)
        self._network = network
        self._mean = None if settings.average is None else _mean(network, settings.average)

    @property
    def averaged(self) -> nn.Module:
        """The network with the mean of its weights; the network itself where none is taken."""
        return self._network if self._mean is None else self._mean.module

    def close_step(self) -> None:
        """Take the weights after a step into the mean."""
        if self._mean is not None:
            self._mean.update_parameters(self._network)

    @property
    def learning_rate(self) -> float:
        """The present one."""
        return self.optimizer.param_groups[0]["lr"]

    def close_epoch(self, score: float) -> None:
        """Lower the learning rate if it is time to.

        Args:
            score: what the epoch came to, more is better; −inf where it is undefined.
        """
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(score)
        elif self._schedule is not None:
            self._schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        schedule = None if self._schedule is None else self._schedule.state_dict()
        mean = None if self._mean is None else self._mean.state_dict()
        return {"optimizer": self.optimizer.state_dict(), "schedule": schedule, "mean": mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the `state_dict` of a run with the same settings."""
        self.optimizer.load_state_dict(state["optimizer"])
        if self._schedule is not None:
            self._schedule.load_state_dict(state["schedule"])
        if self._mean is not None:
            self._mean.load_state_dict(state["mean"])


def _optimizer(network: nn.Module, settings: TrainSettings) -> Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        # One pass over the parameters instead of one for each of the formula's operations.
        return Adam(network.parameters(), lr=rate, weight_decay=decay, fused=True)
    return SGD(network.parameters(), lr=rate, momentum=settings.momentum, weight_decay=decay)


def _mean(network: nn.Module, keeps: float) -> AveragedModel:
    averaged = AveragedModel(network, use_buffers=True)

    def move(mean: Tensors, weights: Tensors, _: Tensor | int) -> None:
        """Move tensors of one type, all at once."""
        if not weights[0].is_floating_point():
            torch._foreach_copy_(mean, weights)  # counters
            return
        # Less of the mean is kept in the first steps: it would hold on to the random beginning. The
        # shares are those of TensorFlow's ExponentialMovingAverage with num_updates.
        steps = int(averaged.n_averaged)  # on the CPU: a GPU's copy would have to be waited for
        share = min(keeps, (1 + steps) / (10 + steps))
        torch._foreach_copy_(mean, torch._foreach_lerp(weights, mean, share))

    averaged.multi_avg_fn = move
    return averaged


def _schedule(optimizer: Optimizer, settings: TrainSettings) -> LRScheduler | None:
    match settings.decay:
        case "step":
            return StepLR(optimizer, settings.decay_epochs, settings.decay_factor)
        case "plateau":
            # Torch's own threshold is relative to the best score, which need not be positive.
            return ReduceLROnPlateau(
                optimizer,
                mode="max",
                factor=settings.decay_factor,
                patience=settings.decay_epochs,
                threshold=0,
                threshold_mode="abs",
            )
    return None
