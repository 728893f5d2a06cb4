"""What a run loses of a batch: drawn for evaluation, and for the table of lost frames alike."""

from torch import Tensor

from models.ablation.frame_map import FrameMap
from models.ablation.strategies import lost_steps
from models.evaluation.conditions import EQUAL, Run
from models.settings import Modality
from models.training.batch import Batch

IMPUTED = ("hold", "nearest", "linear")
"""Fillings that are other frames of the clip."""


def key_of_run(seed: int, run: Run) -> tuple[object, ...]:
    """The key of a run's draws.

    Conditions that differ in modality, burst, fill or unit alone share random numbers.

    Args:
        seed: of the evaluation.
        run: a trial of a condition.
    """
    condition = run.condition
    rate = condition.p if condition.rates == EQUAL else condition.rates
    return seed, condition.strategy, rate, run.trial


def steps_of_run(
    batch: Batch, modality: Modality, run: Run, seed: int, present: Tensor
) -> FrameMap:
    """What becomes of every step of a modality.

    Args:
        batch: the clips.
        modality: one that the run's condition takes from.
        run: a trial of a condition.
        seed: of the evaluation.
        present: (clips, steps) bool, the steps that were received: only they can be shown again.
    """
    condition = run.condition
    frame_map = lost_steps(condition.ablation, modality, batch, key_of_run(seed, run))
    assert frame_map is not None  # a condition ablates its own modalities
    return frame_map.imputed(condition.fill, present) if condition.fill in IMPUTED else frame_map
