"""What a recogniser answers under some conditions, by what its answers rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from features.settings import MODALITIES, Modality
from models.evaluation.calibration import Array
from models.evaluation.conditions import INTACT, Condition, Run
from models.evaluation.evaluator import predict_under
from models.networks.recogniser import Recogniser
from models.training.data import ClipData

ARRAYS: Mapping[Modality, str] = {"audio": "sound", "video": "face"}
"""Arrays of an item that say of which frames something of a modality is there."""


@dataclass(frozen=True)
class Answers:
    """What a recogniser answers where there is a label.

    Attributes:
        outputs: (N, outputs) by speaker.
        labels: (N, outputs) likewise.
    """

    outputs: Mapping[str, NDArray[np.floating]]
    labels: Mapping[str, NDArray[np.floating]]

    @property
    def pooled(self) -> tuple[Array, Array]:
        """Outputs and labels of all speakers together."""
        return (
            np.concatenate([np.asarray(x, np.float64) for x in self.outputs.values()]),
            np.concatenate([np.asarray(y, np.float64) for y in self.labels.values()]),
        )

    def errors(self, target: int) -> list[NDArray[np.floating]]:
        """Absolute errors (N,) of every speaker."""
        return [np.abs(x[:, target] - self.labels[s][:, target]) for s, x in self.outputs.items()]


def conditions_of(modalities: Sequence[Modality]) -> dict[str, Condition]:
    """The condition in which a model's answers rest on nothing but what they are named after.

    Args:
        modalities: that it sees.

    >>> list(conditions_of(["audio", "video"])), list(conditions_of(["video"]))
    (['both', 'audio', 'video', 'none'], ['video', 'none'])
    """

    def gone(modality: Any) -> Condition:
        return Condition(modality, "clip_zero", 1.0, unit="signal")

    if len(modalities) == 1:
        return {modalities[0]: INTACT, "none": gone(modalities[0])}
    return {"both": INTACT, "audio": gone("video"), "video": gone("audio"), "none": gone("both")}


def answers_under(
    network: Recogniser,
    data: ClipData,
    conditions: Mapping[str, Condition],
    speaker_of: Mapping[str, str],
    *,
    seed: int,
    device: torch.device,
    batch_clips: int,
) -> dict[str, Answers]:
    """The answers under some conditions, of labels whose frames have what they are named after.

    Args:
        network: trained.
        data: clips of some items.
        conditions: by what answers rest on; under any other name every label counts.
        speaker_of: the speaker of each item.
        seed: of the draws.
        device: where to run.
        batch_clips: clips per batch.
    """
    runs = [Run(condition, 0) for condition in conditions.values()]
    outputs = predict_under(network, data, runs, seed=seed, device=device, batch_clips=batch_clips)
    found = {}
    for place, basis in enumerate(conditions):
        kept: dict[str, list[tuple[Any, Any]]] = {}
        for item in data.items:
            chosen = data.item_array(item, "valid") & _has(data, item, basis)
            if chosen.any():
                pair = outputs[item][place][chosen], data.item_array(item, "labels")[chosen]
                kept.setdefault(speaker_of[item], []).append(pair)
        found[basis] = Answers(
            {s: np.concatenate([x for x, _ in pairs]) for s, pairs in kept.items()},
            {s: np.concatenate([y for _, y in pairs]) for s, pairs in kept.items()},
        )
    return found


def _has(data: ClipData, item: str, basis: str) -> NDArray[np.bool_]:
    """(labels,) bool, whether the recording has what an answer is to rest on."""
    modalities = MODALITIES if basis == "both" else [m for m in MODALITIES if m == basis]
    here = np.ones(len(data.item_array(item, "times")), np.bool_)
    for m in modalities:
        here &= data.item_array(item, ARRAYS[m])
    return here if data.task.level == "frame" else np.array([here.any()])
