"""How weights move: optimizer, schedule of the learning rate and running mean, all torch's."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LRScheduler,
    ReduceLROnPlateau,
    StepLR,
)
from torch.optim.swa_utils import AveragedModel

from models.settings import TrainSettings

Tensors = list[Tensor] | tuple[Tensor, ...]


class Optimisation:
    """Optimizers, what lowers their learning rate, and the mean of the weights they have passed.

    One state for a checkpoint holds all of it.

    Args:
        network: whose parameters are optimised, on its device.
        settings: which optimizer, which schedule, which mean.
        moved: the parameters of each optimizer; by default one has all of them.
        epochs: how many there will be at most; by default those of the settings.

    Attributes:
        optimizers: fused Adam, or SGD with momentum; weight decay is an L2 penalty in both.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainSettings,
        moved: Sequence[Sequence[nn.Parameter]] | None = None,
        epochs: int | None = None,
    ) -> None:
        moved = [list(network.parameters())] if moved is None else moved
        self.optimizers = [_optimizer(parameters, settings) for parameters in moved]
        epochs = epochs or settings.epochs
        self._schedules = [_schedule(o, settings, epochs) for o in self.optimizers]
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
        return self.optimizers[0].param_groups[0]["lr"]

    def close_epoch(self, score: float) -> None:
        """Lower the learning rate if it is time to.

        Args:
            score: of the epoch, more is better; −inf where it is undefined.
        """
        for schedule in self._schedules:
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(score)
            elif schedule is not None:
                schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        schedules = [None if s is None else s.state_dict() for s in self._schedules]
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedules": schedules,
            "mean": None if self._mean is None else self._mean.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the `state_dict` of a run with the same settings."""
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for schedule, saved in zip(self._schedules, state["schedules"], strict=True):
            if schedule is not None:
                schedule.load_state_dict(saved)
        if self._mean is not None:
            self._mean.load_state_dict(state["mean"])


def _optimizer(parameters: Sequence[nn.Parameter], settings: TrainSettings) -> Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        # One pass over the parameters instead of one for each of the formula's operations.
        return Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    momentum, dampening = settings.momentum, settings.dampening
    return SGD(parameters, rate, momentum, dampening, decay)


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


def _schedule(optimizer: Optimizer, settings: TrainSettings, epochs: int) -> LRScheduler | None:
    match settings.decay:
        case "cosine":
            return CosineAnnealingLR(optimizer, epochs)
        case "linear":
            line = max(1, epochs - settings.decay_epochs + 1)
            return LambdaLR(
                optimizer, lambda epoch: 1 - max(0, epoch + 1 - settings.decay_epochs) / line
            )
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
