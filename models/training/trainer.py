"""Training one recogniser: its task's loss, an optimizer, early stopping on held-out speakers.

Every random choice is a function of (seed, epoch, step), so a run that was killed continues from
its last checkpoint and, on a CPU, ends with the same weights to the bit as one that was not. On a
GPU sums of the same numbers may be taken in another order.
"""

import copy
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from features.task import Task
from models.ablation.draws import stream
from models.ablation.frame_map import Lost
from models.ablation.strategies import copies, draw, filling
from models.evaluation.evaluator import on_device, pooled_scores, predict
from models.networks.recogniser import Recogniser
from models.settings import Ablation, Modality, Precision, TrainSettings
from models.training.data import Batch, ClipData
from models.training.losses import pooled_loss, total_loss
from models.training.optimisation import Optimisation
from models.training.teaching import Teachers

_FABRIC_PRECISION: dict[Precision, Literal["32-true", "bf16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
}


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Attributes:
        epoch: its number, from 0.
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
        """What epochs are compared by, more is better; −inf where it is undefined."""
        score = self.metric if choose_by == "metric" else -self.heldout_loss
        return score if np.isfinite(score) else -float("inf")


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
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Trained:
    """Train until the held-out score has stopped improving; continue from `checkpoint` if there.

    Args:
        network: with the weights to begin from; trained in place.
        training: clips to learn from.
        heldout: clips of other speakers, by which the epoch is chosen; None to train for all of
            `settings.epochs` and keep the last.
        ablation: the strategy against missing modalities, drawn anew every epoch.
        settings: how to train.
        metric: row of METRICS by which the held-out clips choose, unless by their loss.
        seed: of every random choice.
        checkpoint: file that holds the unfinished run.
        device: where to train.
        teachers: to learn from where a modality is gone, beside the labels.
        on_epoch: called after every epoch, and at once for those of a continued run.
    """
    state = _State(network, settings, device, chooses=heldout is not None)
    precision = state.load(checkpoint)
    if precision is None:
        precision = _precision(settings, network, training, device)
    fabric = Fabric(
        accelerator=device.type,
        devices=[device.index or 0] if device.type == "cuda" else 1,
        precision=_FABRIC_PRECISION[precision],
    )
    _, optimizer = fabric.setup(network, state.optimisation.optimizer, move_to_device=False)
    for epoch in state.history:
        on_epoch(epoch)
    weights = class_weights(training, device) if settings.class_weights == "balanced" else None
    saved_at = time.monotonic()
    while not state.finished:
        batches = _epoch_batches(training, settings.batch_clips, seed, state.epoch)
        remaining = training.batches(batches[state.step :], device)
        network.train()
        for step, batch in enumerate(remaining, start=state.step):
            torch.manual_seed(stream(seed, "dropout", state.epoch, step))
            whole = batch.repeated(copies(ablation))
            inputs = whole.inputs()
            lost = _lost(whole, ablation, (seed, "train", state.epoch))
            with fabric.autocast():
                outputs = network(inputs, whole.mask, whole.received(), lost)
            loss = total_loss(network, training.task, outputs, whole, weights)
            if teachers is not None:
                loss = loss + teachers.loss(training.task, outputs.fused, inputs, whole, lost)
            optimizer.zero_grad()
            fabric.backward(loss)
            if settings.clip_norm is not None:
                fabric.clip_gradients(
                    network, optimizer, max_norm=settings.clip_norm, error_if_nonfinite=False
                )
            optimizer.step()
            state.optimisation.close_step()
            state.losses.append(loss.detach())
            state.step = step + 1
            if time.monotonic() - saved_at >= settings.checkpoint_seconds:
                state.save(checkpoint, precision)
                saved_at = time.monotonic()
        heldout_metric, heldout_loss = [float("nan")] * len(training.task.targets), float("nan")
        if heldout is not None:
            predictions = predict(state.averaged, heldout, device, settings.batch_clips)
            scores = pooled_scores(heldout, predictions, (metric,)).values()[metric]
            heldout_metric = [float(value) for value in scores]
            heldout_loss = pooled_loss(heldout, predictions, weights)
        on_epoch(state.close_epoch(heldout_metric, heldout_loss))
        state.save(checkpoint, precision)
    return Trained(state.best_weights, state.history, state.best_epoch, precision)


class _State:
    """Everything a run needs to go on, in one file."""

    def __init__(
        self, network: Recogniser, settings: TrainSettings, device: torch.device, *, chooses: bool
    ) -> None:
        self.network = on_device(network, device)
        self.settings = settings
        self.chooses = chooses
        self.optimisation = Optimisation(network, settings)
        self.epoch = 0
        self.step = 0
        self.losses: list[Tensor] = []  # on the device: to read one is to wait for it
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}

    @property
    def averaged(self) -> Recogniser:
        """What is judged by the held-out clips and kept."""
        return cast("Recogniser", self.optimisation.averaged)

    @property
    def best_epoch(self) -> int:
        """The first epoch with the highest held-out score; the last one where none is chosen."""
        if not self.chooses:
            return len(self.history) - 1
        scores = [epoch.score(self.settings.choose_by) for epoch in self.history]
        return scores.index(max(scores))

    @property
    def finished(self) -> bool:
        """Whether training has run its epochs or lost its patience."""
        if not self.history:
            return False
        waited = self.epoch - 1 - self.best_epoch
        return self.epoch >= self.settings.epochs or waited >= self.settings.patience

    def close_epoch(self, heldout: list[float], heldout_loss: float) -> Epoch:
        """Note the epoch's result, keep its weights if they are the best so far."""
        done = Epoch(self.epoch, float(np.mean(self._floats())), heldout, heldout_loss)
        self.history.append(done)
        self.optimisation.close_epoch(done.score(self.settings.choose_by))
        if self.best_epoch == self.epoch:
            weights = self.averaged.state_dict()
            self.best_weights = {k: v.detach().cpu().clone() for k, v in weights.items()}
        self.epoch, self.step, self.losses = self.epoch + 1, 0, []
        return done

    def _floats(self) -> list[float]:
        """The losses of the epoch's steps."""
        return [float(loss) for loss in self.losses]

    def save(self, path: Path, precision: Precision) -> None:
        """Write the state beside `path`, then move it there: a kill never leaves half a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimisation": self.optimisation.state_dict(),
                "best_weights": self.best_weights,
                "epoch": self.epoch,
                "step": self.step,
                "losses": self._floats(),
                "history": [asdict(epoch) for epoch in self.history],
                "precision": precision,
            },
            partial,
        )
        partial.replace(path)

    def load(self, path: Path) -> Precision | None:
        """Continue from `path`; returns the precision the run was begun with, None if new."""
        try:
            saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (FileNotFoundError, EOFError, RuntimeError, pickle.UnpicklingError):
            return None  # no run to continue, or none that can be read: begin anew
        self.network.load_state_dict(saved["network"])
        self.optimisation.load_state_dict(saved["optimisation"])
        self.best_weights = saved["best_weights"]
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.losses = [torch.tensor(loss) for loss in saved["losses"]]
        self.history = [Epoch(**epoch) for epoch in saved["history"]]
        return saved["precision"]


def _epoch_batches(training: ClipData, size: int, seed: int, epoch: int) -> list[list[int]]:
    """All clips in a random order that depends on seed and epoch alone.

    A last sequence by itself joins the batch before it: of one label there is no CCC to learn from.
    """
    generator = torch.Generator().manual_seed(stream(seed, "order", epoch))
    order = torch.randperm(len(training.clips), generator=generator).tolist()
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if training.task.level == "sequence" and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [batches[-2] + batches[-1]]
    return batches


def class_weights(training: ClipData, device: torch.device) -> Tensor:
    """Weight of each class, (classes,): inversely proportional to its share of the labels."""
    labels = [training.item_array(item, "labels") for item in training.items]
    valid = [training.item_array(item, "valid") for item in training.items]
    counts = np.concatenate(labels)[np.concatenate(valid)].sum(axis=0)
    return torch.tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)), device=device).float()


def _lost(batch: Batch, ablation: Ablation, key: tuple[object, ...]) -> dict[Modality, Lost]:
    """What each modality of a batch loses."""
    lost = {}
    for modality in batch.received():
        frame_map = draw(ablation, modality, batch.draws(*key))
        if frame_map is not None:
            lost[modality] = Lost(frame_map, filling(frame_map, modality, batch, key))
    return lost


def _precision(
    settings: TrainSettings, network: Recogniser, data: ClipData, device: torch.device
) -> Precision:
    """The precision asked for; for `auto` what `TrainSettings` says."""
    if settings.precision != "auto":
        return settings.precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    batch = data.batch(range(min(settings.batch_clips, len(data.clips))))
    trial = copy.deepcopy(network)  # a pass changes what batch normalisation remembers
    seconds = {
        name: _step_seconds(trial, data.task, batch, name == "bf16") for name in _FABRIC_PRECISION
    }
    return "bf16" if seconds["bf16"] < seconds["fp32"] else "fp32"


def _step_seconds(network: Recogniser, task: Task, batch: Batch, bf16: bool) -> float:
    """Shortest of three forward and backward passes."""
    shortest = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = network(batch.inputs(), batch.mask, batch.received())
            loss = total_loss(network, task, outputs, batch)
        loss.backward()
        shortest = min(shortest, time.perf_counter() - begun)
    return shortest
