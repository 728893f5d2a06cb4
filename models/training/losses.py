"""Training losses."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from features.task import Task
from models.networks.recogniser import Recogniser
from models.networks.stream import Outputs
from models.training.batch import Batch
from models.training.data import ClipData


def ccc_loss(
    predictions: Tensor, labels: Tensor, valid: Tensor, over: Literal["batch", "sequence"] = "batch"
) -> Tensor:
    """1 − CCC over the valid frames, the mean of the targets.

    Args:
        predictions: (clips, frames, targets).
        labels: (clips, frames, targets).
        valid: (clips, frames) True where the label counts.
        over: of the frames of the `batch` together (Parthasarathy and Sundaram 2020), or of each
            clip's, then the mean of the clips that have any (their paper of 2021: the CCC
            "calculates loss at the sequence level").

    Returns:
        A scalar with gradients; 1 where the batch has no valid frame or labels and
        predictions are both constant.

    >>> y = torch.tensor([[[-1.0], [0.0], [1.0]]])
    >>> round(float(ccc_loss(y + 1, y, torch.ones(1, 3, dtype=torch.bool))), 4)
    0.4286
    >>> two = torch.cat((y + 1, y + 5)), torch.cat((y, y + 4)), torch.ones(2, 3, dtype=torch.bool)
    >>> [round(float(ccc_loss(*two, over)), 4) for over in ("batch", "sequence")]
    [0.0968, 0.4286]
    """
    weight = valid.unsqueeze(-1).float()
    axes = (0, 1) if over == "batch" else (1,)
    counts = weight.sum(axes, keepdim=True)  # (1 or clips, 1, 1)
    x, y = predictions.float(), labels.float()

    def mean(values: Tensor) -> Tensor:
        return (values * weight).sum(axes, keepdim=True) / counts.clamp_min(1)

    mean_x, mean_y = mean(x), mean(y)
    dx, dy = x - mean_x, y - mean_y
    spread = mean(dx * dx) + mean(dy * dy) + (mean_x - mean_y) ** 2
    concordance = 2 * mean(dx * dy) / spread.clamp_min(torch.finfo(torch.float32).tiny)
    of_each = concordance.mean((1, 2))  # of the batch, or of each clip
    counted = (counts > 0).flatten().float()
    return 1 - (of_each * counted).sum() / counted.sum().clamp_min(1)


def cross_entropy_loss(
    predictions: Tensor, labels: Tensor, valid: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy of soft or hard labels, the weighted mean over those that count.

    Args:
        predictions: (clips, labels, classes) logits.
        labels: (clips, labels, classes) shares of the classes.
        valid: (clips, labels) True where the label counts.
        class_weights: (classes,).

    Returns:
        A scalar with gradients; 0 where no label counts.

    >>> labels = torch.tensor([[[1.0, 0.0]]])
    >>> valid = torch.ones(1, 1, dtype=torch.bool)
    >>> round(float(cross_entropy_loss(torch.zeros(1, 1, 2), labels, valid)), 4)
    0.6931
    """
    shares = labels.float() if class_weights is None else labels.float() * class_weights
    shares = shares * valid.unsqueeze(-1)
    entropies = -(shares * predictions.float().log_softmax(-1))
    return entropies.sum() / shares.sum().clamp_min(torch.finfo(torch.float32).tiny)


def absolute_loss(predictions: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute error over the labels that count; 0 where none does.

    Args:
        predictions: (clips, labels, targets).
        labels: (clips, labels, targets).
        valid: (clips, labels) True where the label counts.

    >>> x = torch.tensor([[[1.0]], [[5.0]]])
    >>> float(absolute_loss(x, 0 * x, torch.tensor([[True], [False]])))
    1.0
    """
    errors = (predictions.float() - labels.float()).abs().mean(-1) * valid
    return errors.sum() / valid.sum().clamp_min(1)


def within(values: Tensor, valid: Tensor, speaker: Tensor) -> Tensor:
    """Values less the mean of those that count of the same speaker.

    Args:
        values: (clips, frames, targets).
        valid: (clips, frames) True where a value counts.
        speaker: (clips,) a number for each speaker.

    >>> values = torch.tensor([[[1.0], [3.0]], [[5.0], [9.0]], [[7.0], [0.0]]])
    >>> valid = torch.tensor([[True, True], [True, False], [True, False]])
    >>> within(values, valid, torch.tensor([4, 4, 8]))[valid].flatten().tolist()
    [-2.0, 0.0, 2.0, 0.0]
    """
    weight = valid.unsqueeze(-1).float()
    # (clips, clips): by products, so that no number of speakers has to be asked for.
    same = (speaker[:, None] == speaker).float()
    sums, counts = same @ (values * weight).sum(1), same @ weight.sum(1)
    return values - (sums / counts.clamp_min(1)).unsqueeze(1)


def task_loss(
    task: Task,
    predictions: Tensor,
    labels: Tensor,
    valid: Tensor,
    class_weights: Tensor | None = None,
    ccc: Literal["batch", "sequence"] = "batch",
) -> Tensor:
    """The loss of a task: 1 − CCC, cross-entropy, or the absolute error of a sentiment."""
    match task.kind:
        case "regression":
            return ccc_loss(predictions, labels, valid, ccc)
        case "classification":
            return cross_entropy_loss(predictions, labels, valid, class_weights)
        case "sentiment":
            return absolute_loss(predictions, labels, valid)


def total_loss(
    network: Recogniser,
    task: Task,
    outputs: Outputs,
    batch: Batch,
    class_weights: Tensor | None = None,
    within_speaker: float = 0.0,
    ccc: Literal["batch", "sequence"] = "batch",
) -> Tensor:
    """The loss of the fused outputs and, weighted, of the auxiliary ones.

    A modality that is known to be gone from a clip answers for nothing there.

    Args:
        network: says the weights.
        task: what is recognised.
        outputs: of the network.
        batch: of the labels.
        class_weights: (classes,), or None.
        within_speaker: weight of the same loss of values less the speaker's mean.
        ccc: what a CCC is over, as in `ccc_loss`.
    """

    def of(predictions: Tensor, valid: Tensor) -> Tensor:
        loss = task_loss(task, predictions, batch.labels, valid, class_weights, ccc)
        if not within_speaker:
            return loss
        x, y = (within(v.float(), valid, batch.speaker) for v in (predictions, batch.labels))
        return loss + within_speaker * ccc_loss(x, y, valid)

    loss = network.fused_weight * of(outputs.fused, batch.valid)
    for modality, answer in outputs.auxiliary.items():
        weight, valid = network.loss_weights[modality], batch.valid
        if modality in outputs.gone:
            valid = valid & ~outputs.gone[modality][:, None]
        loss = loss + weight * of(answer, valid)
    return loss


def pooled_loss(
    data: ClipData,
    predictions: dict[str, NDArray[np.float32]],
    class_weights: Tensor | None = None,
) -> float:
    """The task's loss over the labels of all items together, as of one batch.

    Args:
        data: the items.
        predictions: (labels, outputs) for every item (`models.evaluation.evaluator.predict`).
        class_weights: (classes,).
    """

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([data.item_array(i, name) for i in data.items]))

    outputs = torch.from_numpy(np.concatenate([predictions[item] for item in data.items]))
    weights = None if class_weights is None else class_weights.cpu()
    labels, valid = joined("labels"), joined("valid")
    return float(task_loss(data.task, outputs[None], labels[None], valid[None], weights))


def class_weights(training: ClipData, device: torch.device) -> Tensor:
    """Weight of each class, (classes,): inversely proportional to its share of the labels."""
    labels = [training.item_array(item, "labels") for item in training.items]
    valid = [training.item_array(item, "valid") for item in training.items]
    counts = np.concatenate(labels)[np.concatenate(valid)].sum(axis=0)
    return torch.tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)), device=device).float()
