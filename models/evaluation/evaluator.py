"""Running one recogniser under every condition."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from features.errors import InputError
from models.evaluation.conditions import Run
from models.evaluation.fillers import Fillers
from models.evaluation.scores import Scores, pooled, score
from models.evaluation.shared import Shared
from models.networks.recogniser import Recogniser
from models.training.batch import Batch
from models.training.data import Clip, ClipData


def evaluate(
    network: Recogniser,
    data: ClipData,
    runs: Sequence[Run],
    *,
    metrics: Sequence[str],
    seed: int,
    device: torch.device,
    batch_clips: int,
    fillers: Fillers | None = None,
    on_clips: Callable[[int], None] = lambda _: None,
) -> dict[str, Scores]:
    """Scores of predictions against the valid labels of every item.

    Args:
        network: trained.
        data: the clips of the split.
        runs: what to run, in the order of `runs_under`.
        metrics: names of rows of METRICS.
        seed: of the draws; the same for every model, so that all lose the same frames.
        device: where to run.
        batch_clips: clips per batch.
        fillers: of the training frames, where a condition fills with them.
        on_clips: called with the number of clips done.

    Returns:
        Scores of shape (runs, targets) by item, in the order of the data.

    Raises:
        InputError: an output is not finite.
    """
    on_device(network, device).eval()

    def predicted(batch: Batch, _: Sequence[Clip]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return Shared(network, batch, seed, fillers).predict(runs).float().cpu().numpy()

    return scores_of(
        data,
        predicted,
        metrics=metrics,
        device=device,
        batch_clips=batch_clips,
        on_clips=on_clips,
    )


def scores_of(
    data: ClipData,
    predicted: Callable[[Batch, Sequence[Clip]], NDArray[np.float32]],
    *,
    metrics: Sequence[str],
    device: torch.device,
    batch_clips: int,
    on_clips: Callable[[int], None] = lambda _: None,
) -> dict[str, Scores]:
    """Likewise, of predictions from anywhere.

    Args:
        data: the clips of the split.
        predicted: predictions (runs, clips, frames, outputs) of a batch and its clips, padded to
            the longest; (runs, clips, 1, outputs) of sequences.
        metrics: names of rows of METRICS.
        device: where the batches go.
        batch_clips: clips per batch.
        on_clips: called with the number of clips done.

    Raises:
        InputError: an output is not finite.
    """
    scored: dict[str, Scores] = {}
    clips = iter(data.clips)
    for batch in data.batches(_in_order(data, batch_clips), device):
        chosen = [next(clips) for _ in range(len(batch.item))]
        predictions = predicted(batch, chosen)
        check_outputs(predictions)
        owners = [clip.item for clip in chosen]
        for item, scores in _scores_of_items(metrics, predictions, batch, owners).items():
            scored[item] = scored[item].pooled_with(scores) if item in scored else scores
        on_clips(len(batch.item))
    return scored


def predict(
    network: Recogniser, data: ClipData, device: torch.device, batch_clips: int
) -> dict[str, NDArray[np.float32]]:
    """Outputs (frames, outputs) on intact input for every item; (1, outputs) of a sequence."""
    on_device(network, device).eval()
    parts: dict[str, list[NDArray[np.float32]]] = {item: [] for item in data.items}
    clips = iter(data.clips)
    for batch in data.batches(_in_order(data, batch_clips), device):
        with torch.inference_mode():
            predictions = (
                network(batch.inputs(), batch.masks(), batch.received()).fused.float().cpu().numpy()
            )
        for clip_predictions in predictions:
            clip = next(clips)
            parts[clip.item].append(clip_predictions[: clip.stop - clip.start])
    return {item: np.concatenate(clip_parts) for item, clip_parts in parts.items()}


def predict_under(
    network: Recogniser,
    data: ClipData,
    runs: Sequence[Run],
    *,
    seed: int,
    device: torch.device,
    batch_clips: int,
) -> dict[str, NDArray[np.float32]]:
    """Outputs (runs, frames, outputs) for every item; (runs, 1, outputs) of a sequence.

    Args are those of `evaluate`.
    """
    on_device(network, device).eval()
    parts: dict[str, list[NDArray[np.float32]]] = {item: [] for item in data.items}
    clips = iter(data.clips)
    for batch in data.batches(_in_order(data, batch_clips), device):
        with torch.inference_mode():
            predictions = Shared(network, batch, seed).predict(runs).float().cpu().numpy()
        for place in range(len(batch.item)):
            clip = next(clips)
            parts[clip.item].append(predictions[:, place, : clip.stop - clip.start])
    return {item: np.concatenate(clip_parts, axis=1) for item, clip_parts in parts.items()}


def check_outputs(outputs: NDArray[np.floating]) -> None:
    """Refuse outputs that no metric should see.

    Raises:
        InputError: one is not finite; of classes the metrics would take it for the first one.
    """
    if not np.isfinite(outputs).all():
        raise InputError(
            "the network gives outputs that are not finite numbers",
            "train it again, with a lower train.learning_rate",
        )


def on_device(network: Recogniser, device: torch.device) -> Recogniser:
    """The network, moved to a device on which numbers of 32 bits have 32 bits."""
    # By default cuDNN rounds what goes into recurrent layers to TF32, other networks' products not.
    torch.backends.cudnn.allow_tf32 = False
    return network.to(device)


def item_scores(
    data: ClipData,
    item: str,
    predictions: NDArray[np.float32],
    metrics: Sequence[str],
    chosen: NDArray[np.bool_] | None = None,
) -> Scores:
    """Scores (targets,) of one item's predictions against its valid labels.

    Args:
        data: has the item.
        item: its name.
        predictions: (labels, outputs).
        metrics: names of rows of METRICS.
        chosen: (labels,) bool, the labels to score; by default all that are valid.
    """
    valid = data.item_array(item, "valid")
    scored = valid if chosen is None else valid & chosen
    return score(metrics, predictions[scored], data.item_array(item, "labels")[scored])


def pooled_scores(
    data: ClipData,
    predictions: Mapping[str, NDArray[np.float32]],
    metrics: Sequence[str],
    chosen: Callable[[str], NDArray[np.bool_] | None] = lambda _: None,
) -> Scores:
    """Scores (targets,) against the valid labels of all items together.

    Args:
        data: the items.
        predictions: (labels, outputs) for every item.
        metrics: names of rows of METRICS.
        chosen: which of an item's labels to score, as of `item_scores`.
    """
    return pooled(
        item_scores(data, item, predictions[item], metrics, chosen(item)) for item in data.items
    )


def _in_order(data: ClipData, size: int) -> Iterator[range]:
    count = len(data.clips)
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def _scores_of_items(
    metrics: Sequence[str], predictions: NDArray[np.float32], batch: Batch, owners: Sequence[str]
) -> dict[str, Scores]:
    """Scores (runs, targets) by item, of predictions (runs, clips, frames, outputs).

    Args:
        metrics: names of rows of METRICS.
        predictions: of the batch.
        batch: has the labels.
        owners: the item of every clip; those of one item follow each other.
    """
    valid, labels = batch.valid.cpu().numpy(), batch.labels.cpu().numpy()
    scored, start = {}, 0
    for item, clips_of_item in groupby(owners):
        clips = slice(start, start + len(list(clips_of_item)))
        chosen = valid[clips]
        scored[item] = score(metrics, predictions[:, clips][:, chosen], labels[clips][chosen])
        start = clips.stop
    return scored
