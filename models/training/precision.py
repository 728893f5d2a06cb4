"""The precision that a training computes in."""

import copy
import time
from contextlib import AbstractContextManager, nullcontext

import torch

from features.task import Task
from models.networks.recogniser import Recogniser
from models.settings import Precision, TrainSettings
from models.training.batch import Batch
from models.training.data import ClipData
from models.training.losses import total_loss


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """A block in which a network computes in a precision, its weights staying fp32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def precision_of(
    settings: TrainSettings, network: Recogniser, data: ClipData, device: torch.device
) -> Precision:
    """The precision asked for; for `auto` what `TrainSettings` says."""
    if settings.precision != "auto":
        return settings.precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    batch = data.batch(range(min(settings.batch_clips, len(data.clips))))
    trial = copy.deepcopy(network)  # a pass changes what batch normalisation remembers
    exact = _step_seconds(trial, data.task, batch, bf16=False)
    try:
        return "bf16" if _step_seconds(trial, data.task, batch, bf16=True) < exact else "fp32"
    except RuntimeError:  # oneDNN has LSTMs in bf16 on processors alone that have it too
        return "fp32"


def _step_seconds(network: Recogniser, task: Task, batch: Batch, *, bf16: bool) -> float:
    """Shortest of three forward and backward passes."""
    shortest = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = network(batch.inputs(), batch.masks(), batch.received())
            loss = total_loss(network, task, outputs, batch)
        loss.backward()
        shortest = min(shortest, time.perf_counter() - begun)
    return shortest
