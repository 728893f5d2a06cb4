"""Training one recogniser: phases of updates, early stopping on held-out speakers.

Every random choice is a function of (seed, epoch, step), so a run that was killed continues from
its last checkpoint and, on a CPU, ends with the same weights to the bit as one that was not. On a
GPU sums of the same numbers may be taken in another order.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from models.ablation.draws import stream
from models.ablation.registry import STRATEGIES
from models.evaluation.evaluator import on_device, pooled_scores, predict
from models.networks.recogniser import Recogniser
from models.settings import Ablation, Precision, TrainSettings
from models.training.batches import epoch_batches, lose
from models.training.checkpoint import Epoch, State
from models.training.data import ClipData
from models.training.losses import class_weights, pooled_loss
from models.training.objective import Objective
from models.training.phases import Loss, Lossy, Phase
from models.training.precision import computing, precision_of
from models.training.state_file import DamagedStateError
from models.training.teaching import Teachers


@dataclass(frozen=True)
class Trained:
    """The chosen weights, and how they came about."""

    weights: dict[str, Tensor]
    history: list[Epoch]
    best_epoch: int
    precision: Precision


def train(
    network: Recogniser,
    training: ClipData,
    heldout: ClipData | None,
    ablation: Ablation,
    settings: TrainSettings,
    *,
    metric: str,
    seed: int,
    checkpoint: Path,
    device: torch.device,
    teachers: Teachers | None = None,
    before_saving: Callable[[], None] = lambda: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train until the held-out score has stopped improving; continue from `checkpoint` if there.

    Args:
        network: with the weights to begin from; trained in place.
        training: clips to learn from.
        heldout: clips of other speakers, by which the epoch is chosen; None to train for all of
            `settings.epochs` and keep the last.
        ablation: the strategy against missing modalities, drawn again every epoch.
        settings: how to train.
        metric: row of METRICS by which the held-out clips choose, unless by their loss.
        seed: of every random choice.
        checkpoint: file that holds the unfinished run.
        device: where to train.
        teachers: to learn from where a modality is gone, beside the labels.
        before_saving: called before a checkpoint is written.
        on_epoch: called after every epoch, and at once for those of a continued run.
        say: told in a sentence that a checkpoint is damaged: then training begins anew.
    """
    network = on_device(network, device)
    weights = class_weights(training, device) if settings.class_weights == "balanced" else None
    objective = Objective(
        network, training.task, weights, teachers, settings.within_speaker, settings.ccc
    )
    phases = phases_of(network, ablation, objective)
    state = State(network, settings, phases, chooses=heldout is not None)
    precision = _continued(state, checkpoint, say)
    if precision is None:
        precision = precision_of(settings, network, training, device)
    for epoch in state.history:
        on_epoch(epoch)
    saving = _Saving(state, precision, checkpoint, before_saving)
    step = Step(state, precision, device, seed)
    while not state.finished:
        if step.phase is not phases[state.phase]:
            step = Step(state, precision, device, seed)
        _learn(step, training, ablation, device, saving)
        scores, heldout_loss = [float("nan")] * len(training.task.targets), float("nan")
        if heldout is not None:
            scores, heldout_loss = _heldout_scores(state, heldout, metric, weights, device)
        on_epoch(state.close_epoch(scores, heldout_loss))
        saving.save()
    return Trained(state.best_weights, state.history, state.best_epoch, precision)


def _continued(state: State, checkpoint: Path, say: Callable[[str], None]) -> Precision | None:
    """Continue an unfinished run if there is one; returns its precision."""
    try:
        return state.load(checkpoint)
    except DamagedStateError as error:
        say(f"{error}: this training begins anew")
        checkpoint.unlink(missing_ok=True)
        return None


def _heldout_scores(
    state: State, heldout: ClipData, metric: str, weights: Tensor | None, device: torch.device
) -> tuple[list[float], float]:
    """The metric of every target, and the loss; NaN where an output is not finite."""
    predictions = predict(state.averaged, heldout, device, state.settings.batch_clips)
    if not all(np.isfinite(outputs).all() for outputs in predictions.values()):
        # A metric of classes would hide it: the largest of some NaNs is the first class.
        return [float("nan")] * len(heldout.task.targets), float("nan")
    values = pooled_scores(heldout, predictions, (metric,)).values()[metric]
    return [float(value) for value in values], pooled_loss(heldout, predictions, weights)


@dataclass
class _Saving:
    """Writes the state of an unfinished run to its checkpoint."""

    state: State
    precision: Precision
    checkpoint: Path
    before_saving: Callable[[], None]
    saved_at: float = field(default_factory=time.monotonic)

    def save(self) -> None:
        self.before_saving()
        self.state.save(self.checkpoint, self.precision)

    def save_if_due(self) -> None:
        """Save within an epoch, every `checkpoint_seconds`."""
        if time.monotonic() - self.saved_at >= self.state.settings.checkpoint_seconds:
            self.save()
            self.saved_at = time.monotonic()


def _learn(
    step: "Step", training: ClipData, ablation: Ablation, device: torch.device, saving: _Saving
) -> None:
    """Take the steps of an epoch that are left."""
    state = step.state
    settings = state.settings
    batches = epoch_batches(
        training, settings.batch_clips, step.seed, state.epoch, settings.batch_speakers
    )
    state.network.train()
    for batch in training.batches(batches[state.step :], device):
        state.losses.append(step.take(lose(batch, ablation, (step.seed, "train", state.epoch))))
        state.step += 1
        saving.save_if_due()


class Step:
    """The step taken with a batch: every update of the present phase, each with its optimizer."""

    def __init__(self, state: State, precision: Precision, device: torch.device, seed: int) -> None:
        self.state, self.seed = state, seed
        self.phase, self.network = state.phases[state.phase], state.network
        self.precision, self.device = precision, device

    def take(self, lossy: Lossy) -> Tensor:
        """Move the weights; returns the sum of the updates' losses, without gradients."""
        total = torch.zeros((), device=lossy.batch.mask.device)
        for number, update in enumerate(self.phase.updates):
            place = (self.state.epoch, self.state.step, *([number] if number else []))
            torch.manual_seed(stream(self.seed, "dropout", *place))
            optimizer = self.state.optimisation.optimizers[number]
            with self._moving(number):
                seen = replace(lossy, lost={}) if update.complete else lossy
                with computing(self.precision, self.device):
                    batch = seen.batch
                    outputs = self.network(seen.inputs, batch.masks(), batch.received(), seen.lost)
                loss = update.loss(outputs, seen)
                self.network.zero_grad()
                loss.backward()
                if (norm := self.state.settings.clip_norm) is not None:
                    clip_grad_norm_(_moved_by(optimizer), norm)
                optimizer.step()
            total = total + loss.detach()
        self.state.optimisation.close_step()
        return total

    @contextmanager
    def _moving(self, number: int) -> Iterator[None]:
        """Have gradients of the parameters that an update moves, and of no others."""
        moved = {id(p) for p in _moved_by(self.state.optimisation.optimizers[number])}
        still = [p for p in self.network.parameters() if p.requires_grad and id(p) not in moved]
        for parameter in still:
            parameter.requires_grad = False
        try:
            yield
        finally:
            for parameter in still:
                parameter.requires_grad = True


def _moved_by(optimizer: Optimizer) -> list[nn.Parameter]:
    """The parameters of all its groups."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def phases_of(network: Recogniser, ablation: Ablation, objective: Loss) -> tuple[Phase, ...]:
    """The phases that the strategy states, or else the network."""
    stated = getattr(STRATEGIES[ablation.strategy].load(), "phases", None)
    return network.phases(objective) if stated is None else stated(network, objective)
