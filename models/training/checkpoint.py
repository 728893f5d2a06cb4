"""The state of an unfinished training, in one file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from models.networks.recogniser import Recogniser
from models.settings import Precision, TrainSettings
from models.training.optimisation import Optimisation
from models.training.phases import Phase
from models.training.state_file import read_state, write_state


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch.

    Attributes:
        epoch: its number, from 0, through all phases.
        train_loss: the mean over its steps.
        heldout: the held-out metric of each target, on intact input; NaN where nothing is held out.
        heldout_loss: the held-out loss of the fused output, on intact input; likewise.
    """

    epoch: int
    train_loss: float
    heldout: list[float]
    heldout_loss: float

    @property
    def metric(self) -> float:
        """The held-out metric, the mean of the targets."""
        return float(np.mean(self.heldout))

    def score(self, choose_by: Literal["metric", "loss"]) -> float:
        """The number that epochs are compared by, more is better; −inf where it is undefined.

        >>> Epoch(0, 1.0, [0.2, 0.4], 0.7).score("loss")
        -0.7
        """
        score = self.metric if choose_by == "metric" else -self.heldout_loss
        return score if np.isfinite(score) else -float("inf")


class State:
    """Everything a run needs to go on.

    Args:
        network: on its device.
        settings: how it is trained.
        phases: of the training.
        chooses: whether held-out clips choose the epoch.

    Attributes:
        phase: number of the present one.
        epoch: number of the present one, through all phases.
        step: number of the next one in the epoch.
        losses: of the epoch's steps; on the device, since to read one is to wait for it.
        history: of the epochs that are done.
        best_weights: of the present phase.
    """

    def __init__(
        self,
        network: Recogniser,
        settings: TrainSettings,
        phases: Sequence[Phase],
        *,
        chooses: bool,
    ) -> None:
        self.network = network
        self.settings = settings
        self.phases = phases
        self.chooses = chooses
        self.epoch = 0
        self.step = 0
        self.losses: list[Tensor] = []
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}
        for loss in self._remembering():
            loss.to(next(network.parameters()).device)
        self._begin(0)

    def _begin(self, phase: int) -> None:
        self.phase = phase
        self._first = self.epoch
        present = self.phases[phase]
        present.begin()
        moved = [present.moved_by(update, self.network) for update in present.updates]
        self.optimisation = Optimisation(self.network, self.settings, moved, present.epochs)

    @property
    def averaged(self) -> Recogniser:
        """The network that the held-out clips judge and that is kept."""
        return cast("Recogniser", self.optimisation.averaged)

    @property
    def best_epoch(self) -> int:
        """The phase's first epoch with the highest held-out score; its last where none chooses."""
        if not self.chooses:
            return len(self.history) - 1
        scores = [epoch.score(self.settings.choose_by) for epoch in self.history[self._first :]]
        return self._first + scores.index(max(scores))

    @property
    def finished(self) -> bool:
        """Whether the last phase has run its epochs or lost its patience."""
        return self.phase == len(self.phases) - 1 and self._is_phase_over()

    def _is_phase_over(self) -> bool:
        done = self.epoch - self._first
        if not done:
            return False
        epochs = self.phases[self.phase].epochs or self.settings.epochs
        waited = self.epoch - 1 - self.best_epoch
        return done >= epochs or waited >= self.settings.patience

    def close_epoch(self, heldout: list[float], heldout_loss: float) -> Epoch:
        """Note the epoch's result, and keep its weights if they are the phase's best so far.

        Where that ends a phase, the next one begins from the best weights.
        """
        done = Epoch(self.epoch, float(np.mean(self._floats())), heldout, heldout_loss)
        self.history.append(done)
        self.optimisation.close_epoch(done.score(self.settings.choose_by))
        if self.best_epoch == self.epoch:
            weights = self.averaged.state_dict()
            self.best_weights = {k: v.detach().cpu().clone() for k, v in weights.items()}
        self.epoch, self.step, self.losses = self.epoch + 1, 0, []
        if self._is_phase_over() and not self.finished:
            self.network.load_state_dict(self.best_weights)
            self._begin(self.phase + 1)
        return done

    def _floats(self) -> list[float]:
        """The losses of the epoch's steps."""
        return [float(loss) for loss in self.losses]

    def _remembering(self) -> list[nn.Module]:
        """The losses that remember something."""
        losses = [update.loss for phase in self.phases for update in phase.updates]
        return [loss for loss in losses if isinstance(loss, nn.Module)]

    def save(self, path: Path, precision: Precision) -> None:
        """Write the state beside `path`, then move it there: a kill never leaves half a file."""
        write_state(
            path,
            {
                "network": self.network.state_dict(),
                "optimisation": self.optimisation.state_dict(),
                "remembered": [loss.state_dict() for loss in self._remembering()],
                "best_weights": self.best_weights,
                "phase": self.phase,
                "first": self._first,
                "epoch": self.epoch,
                "step": self.step,
                "losses": self._floats(),
                "history": [asdict(epoch) for epoch in self.history],
                "precision": precision,
            },
        )

    def load(self, path: Path) -> Precision | None:
        """Continue from `path`; returns the precision the run was begun with, None if new.

        Raises:
            DamagedStateError: there is a state, but not as it was written.
        """
        try:
            saved = read_state(path)
        except FileNotFoundError:
            return None
        self.network.load_state_dict(saved["network"])
        self._begin(saved["phase"])
        self._first = saved["first"]
        for loss, remembered in zip(self._remembering(), saved["remembered"], strict=True):
            loss.load_state_dict(remembered)
        self.optimisation.load_state_dict(saved["optimisation"])
        self.best_weights = saved["best_weights"]
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.losses = [torch.tensor(loss) for loss in saved["losses"]]
        self.history = [Epoch(**epoch) for epoch in saved["history"]]
        precision: Precision = saved["precision"]
        return precision
