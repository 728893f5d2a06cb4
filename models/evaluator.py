"""Running one recogniser under every condition, sharing what the conditions have in common.

A projection is linear per frame, so ablation is applied after it; the intact streams are encoded
once; a clip_zero trial at any probability is a choice per clip between two predictions already
made. `tests/models/test_evaluator.py` proves this equal to ablating the inputs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.ablation import draw
from models.conditions import Condition
from models.data import Batch, ClipData
from models.frame_map import FrameMap
from models.networks import Recogniser, Stream
from models.scores import Scores, score
from models.settings import Modality, Task


@dataclass(frozen=True)
class Run:
    """One trial of one condition."""

    condition: Condition
    trial: int


def runs_of(conditions: Sequence[Condition], trials: int) -> list[Run]:
    """The runs of a grid: `trials` of each random condition, one of each other."""
    return [
        Run(condition, trial)
        for condition in conditions
        for trial in range(trials if condition.is_random else 1)
    ]


def evaluate(
    network: Recogniser,
    data: ClipData,
    runs: Sequence[Run],
    *,
    seed: int,
    device: torch.device,
    batch_clips: int,
    on_clips: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Scores of predictions against labels, pooled over all that are valid.

    Args:
        network: trained.
        data: the clips of the split.
        runs: what to run, in the order of `runs_of`.
        seed: of the draws; the same for every model, so that all lose the same frames.
        device: where to run.
        batch_clips: clips per batch.
        on_clips: called with the number of clips done.

    Returns:
        Scores of shape (runs, targets).
    """
    network.to(device).eval()
    pooled = []
    for batch in data.batches(_in_order(data, batch_clips), device):
        with torch.inference_mode():
            predictions = _Shared(network, batch).predict(runs, seed)
        pooled.append(_score(data.task, predictions, batch))
        on_clips(len(batch.item))
    return reduce(_together, pooled)


def predict(
    network: Recogniser, data: ClipData, device: torch.device, batch_clips: int
) -> dict[str, NDArray[np.float32]]:
    """Outputs (frames, outputs) on intact input for every item; (1, outputs) of a sequence."""
    network.to(device).eval()
    parts: dict[str, list[NDArray[np.float32]]] = {item: [] for item in data.items}
    clips = iter(data.clips)
    for batch in data.batches(_in_order(data, batch_clips), device):
        with torch.inference_mode():
            predictions = (
                network(batch.inputs(), batch.mask, batch.received()).fused.float().cpu().numpy()
            )
        for clip_predictions in predictions:
            clip = next(clips)
            parts[clip.item].append(clip_predictions[: clip.stop - clip.start])
    return {item: np.concatenate(clip_parts) for item, clip_parts in parts.items()}


def item_scores(data: ClipData, item: str, predictions: NDArray[np.float32]) -> Scores:
    """Scores (targets,) of one item's predictions (labels, outputs) against its valid labels."""
    valid = data.item_array(item, "valid")
    return score(data.task, predictions[valid], data.item_array(item, "labels")[valid])


def pooled_scores(data: ClipData, predictions: dict[str, NDArray[np.float32]]) -> Scores:
    """Scores (targets,) against all valid labels of all items together."""
    return reduce(_together, [item_scores(data, item, predictions[item]) for item in data.items])


def _together(one: Scores, other: Scores) -> Scores:
    return one.pooled_with(other)


class _Shared:
    """The work on one batch that conditions share."""

    def __init__(self, network: Recogniser, batch: Batch) -> None:
        self.network = network
        self.batch = batch
        inputs = batch.inputs()
        self.received = batch.received()
        self.projected: dict[Modality, Tensor] = {
            m: network.project(m, inputs[m]) for m in network.modalities
        }
        self.encoded: dict[Modality, Stream] = {
            m: self._encode(m, x, batch.mask, self.received[m]) for m, x in self.projected.items()
        }
        self._gone: dict[tuple[Modality, ...], Tensor] = {}

    @cached_property
    def intact(self) -> Tensor:
        """Predictions (clips, frames, outputs) on intact input."""
        return self.network.fuse(self.encoded).fused

    def gone(self, modalities: tuple[Modality, ...]) -> Tensor:
        """Predictions (clips, frames, outputs) with some modalities zero throughout."""
        if not modalities:
            return self.intact
        if modalities not in self._gone:
            nowhere = torch.ones_like(self.batch.mask)
            lost = FrameMap(torch.zeros_like(nowhere, dtype=torch.long), nowhere)
            self._gone[modalities] = self._ablated({m: [lost] for m in modalities})[0]
        return self._gone[modalities]

    def predict(self, runs: Sequence[Run], seed: int) -> Tensor:
        """Predictions (runs, clips, frames, outputs); the runs of a condition stand together."""
        by_condition: dict[Condition, list[Run]] = {}
        for run in runs:
            by_condition.setdefault(run.condition, []).append(run)
        return torch.cat([self._condition(c, group, seed) for c, group in by_condition.items()])

    def _condition(self, condition: Condition, runs: Sequence[Run], seed: int) -> Tensor:
        modalities = tuple(m for m in condition.modalities if m in self.network.modalities)
        if condition.p == 0 or not modalities:
            return self.intact.expand(len(runs), -1, -1, -1)
        maps = {m: [self._map(m, run, seed) for run in runs] for m in modalities}
        if condition.strategy == "clip_zero" and condition.fill == "none":
            return torch.stack(
                [
                    self._chosen({m: own[index].empty[:, :1, None] for m, own in maps.items()})
                    for index in range(len(runs))
                ]
            )
        return self._ablated(maps)

    def _chosen(self, lost: Mapping[Modality, Tensor]) -> Tensor:
        """Predictions of a trial in which each clip is whole or has lost whole modalities."""
        chosen = self.intact
        for count in range(1, len(lost) + 1):
            for modalities in combinations(lost, count):
                # Those that have lost more come later, and overrule those that have lost less.
                where = reduce(torch.logical_and, (lost[m] for m in modalities))
                chosen = torch.where(where, self.gone(modalities), chosen)
        return chosen

    def _map(self, modality: Modality, run: Run, seed: int) -> FrameMap:
        condition, batch = run.condition, self.batch
        draws = batch.draws(seed, condition.strategy, condition.p, run.trial)
        frame_map = draw(condition.ablation, modality, draws)
        assert frame_map is not None  # a condition ablates its own modalities
        if condition.fill != "none":
            return frame_map.imputed(condition.fill, batch.mask)
        return frame_map

    def _ablated(self, maps: Mapping[Modality, Sequence[FrameMap]]) -> Tensor:
        """Predictions (maps, clips, frames, outputs), all maps in one pass."""
        count = len(next(iter(maps.values())))
        mask = self.batch.mask.repeat(count, 1)
        encoded = {m: x.repeated(count) for m, x in self.encoded.items() if m not in maps}
        for modality, own in maps.items():
            projected, received = self.projected[modality], self.received[modality]
            lossy = torch.cat([m.apply(projected, self._filling(modality, m)) for m in own])
            present = torch.cat([m.present(received) for m in own])
            encoded[modality] = self._encode(modality, lossy, mask, present)
        return self.network.fuse(encoded).fused.unflatten(0, (count, -1))

    def _filling(self, modality: Modality, frame_map: FrameMap) -> Tensor:
        """What stands in place of an empty frame, projected."""
        return self.network.nothing(modality)

    def _encode(self, modality: Modality, x: Tensor, mask: Tensor, present: Tensor) -> Stream:
        return self.network.encode(modality, self.network.receive(x, modality, mask, present))


def _in_order(data: ClipData, size: int) -> Iterator[range]:
    count = len(data.clips)
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def _score(task: Task, predictions: Tensor, batch: Batch) -> Scores:
    """Scores (runs, targets) of predictions (runs, clips, frames, outputs)."""
    valid = batch.valid.cpu()
    return score(
        task, predictions.float().cpu()[:, valid].numpy(), batch.labels.cpu()[valid].numpy()
    )
