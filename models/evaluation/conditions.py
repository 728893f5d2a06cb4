"""The conditions of an evaluation (Parthasarathy and Sundaram 2020, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.settings import MODALITIES, Ablation, EvaluateSettings, Fill, Modality, Strategy
from models.settings.evaluation import FILLED


@dataclass(frozen=True)
class Condition:
    """One way of losing one modality or both, with one probability.

    Attributes:
        modality: what loses; `both` lose independently.
        strategy: the operator.
        p: probability or share.
        burst: mean length of a burst in frames; 0 for other strategies.
        fill: what is put in place of lost frames.
    """

    modality: Literal["audio", "video", "both"]
    strategy: Strategy
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
        """What loses."""
        return MODALITIES if self.modality == "both" else (self.modality,)

    @property
    def is_random(self) -> bool:
        """Whether trials differ; with p = 0 and p = 1 they do not, unless by noise."""
        return 0 < self.p < 1 or (self.strategy == "noise" and self.p > 0)

    @property
    def takes_whole_clips(self) -> bool:
        """Whether every clip is either as it was or zero throughout."""
        return self.strategy == "clip_zero" or (self.strategy in FILLED and self.p == 1)


INTACT = Condition("both", "none", 0.0)
"""Nothing is lost but what the recordings lack by themselves."""


@dataclass(frozen=True)
class Run:
    """One trial of one condition."""

    condition: Condition
    trial: int


def grid(settings: EvaluateSettings) -> list[Condition]:
    """All conditions, each once: 30 with the default ones, those of the paper."""
    return list(
        dict.fromkeys(
            Condition(modality, one.strategy, p, burst, one.fill)
            for one in settings.conditions
            for modality in one.modality
            for p in one.p
            for burst in (one.burst if one.strategy == "burst" else [0.0])
        )
    )


def runs_of(conditions: Sequence[Condition], trials: int) -> list[Run]:
    """The runs of a grid: `trials` of each random condition, one of each other."""
    return [
        Run(condition, trial)
        for condition in conditions
        for trial in range(trials if condition.is_random else 1)
    ]
