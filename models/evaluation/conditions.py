"""The conditions of an evaluation (Parthasarathy and Sundaram 2020, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.ablation.registry import STRATEGIES
from models.settings import MODALITIES, Ablation, EvaluateSettings, Fill, Modality


@dataclass(frozen=True)
class Condition:
    """One way of losing one modality or both, with one probability.

    Attributes:
        modality: what loses; `both` lose independently.
        strategy: a row of STRATEGIES.
        p: probability or share.
        burst: mean length of a burst in frames; 0 for other strategies.
        fill: what is put in place of lost frames.
    """

    modality: Literal["audio", "video", "both"]
    strategy: str
    p: float
    burst: float = 0.0
    fill: Fill = "none"

    @property
    def ablation(self) -> Ablation:
        """The operator of this condition."""
        if self.burst:
            return Ablation(
                strategy=self.strategy, modality=self.modality, p=self.p, burst=self.burst
            )
        return Ablation(strategy=self.strategy, modality=self.modality, p=self.p)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that lose frames."""
        return MODALITIES if self.modality == "both" else (self.modality,)

    @property
    def is_random(self) -> bool:
        """Whether trials differ; with p = 0 and p = 1 they do not, unless by noise.

        >>> Condition("video", "noise", 1.0).is_random, Condition("video", "burst", 1.0).is_random
        (True, False)
        """
        return 0 < self.p < 1 or (STRATEGIES[self.strategy].random and self.p > 0)

    @property
    def takes_whole_clips(self) -> bool:
        """Whether every clip is either as it was or zero throughout.

        >>> Condition("video", "clip_zero", 0.5).takes_whole_clips
        True
        """
        leaves = STRATEGIES[self.strategy].leaves
        return leaves == "clips" or (leaves == "gaps" and self.p == 1)


INTACT = Condition("both", "none", 0.0)
"""Nothing is lost but what the recordings lack by themselves."""


@dataclass(frozen=True)
class Run:
    """One trial of one condition."""

    condition: Condition
    trial: int


def grid(settings: EvaluateSettings) -> list[Condition]:
    """All conditions, each once: 30 with the default ones, those of the paper.

    >>> len(grid(EvaluateSettings()))
    30
    """
    return list(
        dict.fromkeys(
            Condition(modality, spec.strategy, p, burst, spec.fill)
            for spec in settings.conditions
            for modality in spec.modality
            for p in spec.p
            for burst in (spec.burst if "burst" in STRATEGIES[spec.strategy].uses else [0.0])
        )
    )


def runs_under(conditions: Sequence[Condition], trials: int) -> list[Run]:
    """The runs of a grid: `trials` of each random condition, one of each other.

    >>> conditions = [Condition("audio", "clip_zero", p) for p in (1.0, 0.5)]
    >>> [run.trial for run in runs_under(conditions, 3)]
    [0, 0, 1, 2]
    """
    return [
        Run(condition, trial)
        for condition in conditions
        for trial in range(trials if condition.is_random else 1)
    ]
