"""Running one recogniser under every condition, sharing what the conditions have in common.

A projection is affine per frame, so ablation is applied after it; the intact streams are encoded
once; a clip_zero trial at any probability is a choice per clip between predictions already made.
`tests/models/test_evaluator.py` shows this equal to ablating the inputs.

A frame that is imputed counts as received if the frame that it repeats was: who imputes hands on
whole streams. A network that takes repeats for missing frames finds those that `hold` made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import combinations, groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from features.errors import InputError
from models.ablation.frame_map import FrameMap, Lost
from models.ablation.strategies import draw, filling
from models.evaluation.conditions import Condition, Run
from models.evaluation.scores import Scores, pooled, score
from models.networks.recogniser import Projected, Recogniser
from models.settings import Modality
from models.training.batch import Batch
from models.training.data import ClipData

PASS_NUMBERS = 1 << 24
"""Numbers of one modality that go through a network at a time, 64 MB: ten trials of the paper's
size, of long sequences fewer."""


def evaluate(
    network: Recogniser,
    data: ClipData,
    runs: Sequence[Run],
    *,
    metrics: Sequence[str],
    seed: int,
    device: torch.device,
    batch_clips: int,
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
        on_clips: called with the number of clips done.

    Returns:
        Scores of shape (runs, targets) by item, in the order of the data.

    Raises:
        InputError: an output is not finite.
    """
    on_device(network, device).eval()
    scored: dict[str, Scores] = {}
    clips = iter(data.clips)
    for batch in data.batches(_in_order(data, batch_clips), device):
        with torch.inference_mode():
            predictions = _Shared(network, batch, seed).predict(runs).float().cpu().numpy()
        check_outputs(predictions)
        owners = [next(clips).item for _ in range(len(batch.item))]
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


class _Shared:
    """The work on one batch that conditions share."""

    def __init__(self, network: Recogniser, batch: Batch, seed: int) -> None:
        self.network = network
        self.batch = batch
        self.seed = seed
        inputs, masks, received = batch.inputs(), batch.masks(), batch.received()
        self.projected = {
            m: network.receive(m, inputs[m], masks[m], received[m]) for m in network.modalities
        }
        self.encoded = {m: network.perceive(m, x) for m, x in self.projected.items()}
        self._gone: dict[tuple[Modality, ...], Tensor] = {}

    @cached_property
    def intact(self) -> Tensor:
        """Predictions (clips, frames, outputs) on intact input."""
        return self.network.answer(self.encoded).fused

    def gone(self, modalities: tuple[Modality, ...]) -> Tensor:
        """Predictions (clips, frames, outputs) with some modalities zero throughout."""
        if modalities not in self._gone:
            empty = {m: [self.network.empty(m, self.projected[m])] for m in modalities}
            self._gone[modalities] = self._fused(empty)[0]
        return self._gone[modalities]

    def predict(self, runs: Sequence[Run]) -> Tensor:
        """Predictions (runs, clips, frames, outputs)."""
        groups = groupby(runs, key=lambda run: run.condition)
        return torch.cat([self._condition(condition, list(trials)) for condition, trials in groups])

    def _condition(self, condition: Condition, runs: Sequence[Run]) -> Tensor:
        modalities = tuple(m for m in self.network.modalities if m in condition.modalities)
        if condition.p == 0 or not modalities:
            return self.intact.expand(len(runs), -1, -1, -1)
        if condition.takes_whole_clips:
            return torch.stack([self._chosen(modalities, run) for run in runs])
        largest = max(self.projected[m].x.numel() for m in modalities)
        size = max(1, PASS_NUMBERS // largest)
        parts = [runs[start : start + size] for start in range(0, len(runs), size)]
        return torch.cat(
            [
                self._fused({m: [self._lossy(m, run) for run in part] for m in modalities})
                for part in parts
            ]
        )

    def _chosen(self, modalities: Sequence[Modality], run: Run) -> Tensor:
        """Predictions of a run in which every clip is whole or has lost whole modalities."""
        lost = {m: self._map(m, run).empty[:, :1, None] for m in modalities}
        chosen = self.intact
        for count in range(1, len(lost) + 1):
            for together in combinations(lost, count):
                # Those that have lost more come later, and overrule those that have lost less.
                lost_together = reduce(torch.logical_and, (lost[m] for m in together))
                chosen = torch.where(lost_together, self.gone(together), chosen)
        return chosen

    def _map(self, modality: Modality, run: Run) -> FrameMap:
        condition = run.condition
        draws = self.batch.draws(*self._key(run), modality=modality)
        frame_map = draw(condition.ablation, modality, draws)
        assert frame_map is not None  # a condition ablates its own modalities
        if condition.fill == "none":
            return frame_map
        # Only what was received can be shown again.
        projected = self.projected[modality]
        return frame_map.imputed(condition.fill, projected.mask & projected.received)

    def _key(self, run: Run) -> tuple[object, ...]:
        """Conditions that differ in modality, burst or fill alone share their random numbers."""
        return self.seed, run.condition.strategy, run.condition.p, run.trial

    def _lossy(self, modality: Modality, run: Run) -> Projected:
        """A modality after a run's losses."""
        frame_map = self._map(modality, run)
        lost = Lost(frame_map, filling(frame_map, modality, self.batch, self._key(run)))
        return self.network.lose(modality, self.projected[modality], lost)

    def _fused(self, lossy: Mapping[Modality, Sequence[Projected]]) -> Tensor:
        """Predictions (runs, clips, frames, outputs), all runs in one pass.

        Args:
            lossy: each modality that loses, in every run.
        """
        count = len(next(iter(lossy.values())))
        encoded = {m: x.repeated(count) for m, x in self.encoded.items() if m not in lossy}
        for modality, runs in lossy.items():
            encoded[modality] = self.network.perceive(modality, Projected.joined(runs))
        return self.network.answer(encoded).fused.unflatten(0, (count, -1))


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
