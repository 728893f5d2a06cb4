"""The conditions of an evaluation (Parthasarathy and Sundaram 2020, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.ablation.registry import STRATEGIES
from models.settings import (
    MODALITIES,
    Ablation,
    ConditionGrid,
    Drawn,
    EvaluateSettings,
    Fill,
    Losers,
    Modality,
    Rates,
    Unit,
)
from models.settings.evaluation import FROM_TRAINING

EQUAL = "equal"
"""The rates of a condition of one p."""


@dataclass(frozen=True)
class Condition:
    """One way of losing one modality or both, with one probability.

    Attributes:
        modality: what loses; `both` lose independently, `together` the same.
        strategy: a row of STRATEGIES.
        p: probability or share; of unequal rates their mean.
        burst: mean length of a burst in frames; 0 for other strategies.
        fill: what is put in place of lost frames.
        unit: what is lost of a frame.
        drawn: whether every trial draws anew.
        rates: those of sound and picture, `0.2/0.8`, or EQUAL.
        causal: whether every frame is the last one that its window sees.
    """

    modality: Losers
    strategy: str
    p: float
    burst: float = 0.0
    fill: Fill = "none"
    unit: Unit = "window"
    drawn: Drawn = "anew"
    rates: str = EQUAL
    causal: bool = False

    @property
    def ablation(self) -> Ablation:
        """The operator of this condition."""
        of_bursts: dict[str, Any] = {"burst": self.burst} if self.burst else {}
        used = STRATEGIES[self.strategy].uses
        ways = {n: getattr(self, n) for n in ("modality", "unit", "drawn") if n in used}
        return Ablation(strategy=self.strategy, p=self.share, **ways, **of_bursts)

    @property
    def share(self) -> float | Rates:
        """What is lost of each modality.

        >>> Condition("both", "clip_zero", 0.5, rates="0.2/0.8").share
        Rates(audio=0.2, video=0.8)
        """
        if self.rates == EQUAL:
            return self.p
        audio, video = map(float, self.rates.split("/"))
        return Rates(audio=audio, video=video)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that lose frames."""
        return tuple(m for m in MODALITIES if self.modality in (m, "both", "together"))

    @property
    def is_random(self) -> bool:
        """Whether trials differ; with p = 0 and p = 1 they do not, unless by noise.

        >>> Condition("video", "noise", 1.0).is_random, Condition("video", "burst", 1.0).is_random
        (True, False)
        """
        if self.drawn == "once" or self.fill == "neighbours":
            return False
        row = STRATEGIES[self.strategy]
        # At p = 1 it is still drawn which of the two is kept.
        return 0 < self.p < 1 or ((row.random or row.joint) and self.p > 0)

    @property
    def takes_whole_clips(self) -> bool:
        """Whether every clip is either as it was or zero throughout.

        >>> Condition("video", "clip_zero", 0.5).takes_whole_clips
        True
        """
        if self.fill in FROM_TRAINING:
            return False
        leaves = STRATEGIES[self.strategy].leaves
        return leaves == "clips" or (leaves == "gaps" and self.p == 1)


INTACT = Condition("both", "none", 0.0, unit="signal")
"""Nothing is lost but what the recordings lack by themselves."""

NAMED = (
    INTACT,
    *(Condition(m, "clip_zero", 1.0, unit="signal") for m in MODALITIES),
    *(Condition(m, "clip_zero", 0.5, unit="signal") for m in MODALITIES),
    *(Condition(m, "burst", 0.5, burst=15.0, unit="signal") for m in MODALITIES),
)
"""The conditions of every evaluation, whatever else is asked for: what models are chosen by."""

CAUSAL = tuple(replace(condition, causal=True) for condition in NAMED[:3])
"""Those that are answered from the past alone where it is asked for: intact, each modality gone."""


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
            _condition(spec, modality, p, burst)
            for spec in settings.conditions
            for modality in spec.modality
            for p in spec.p
            for burst in (spec.burst if "burst" in STRATEGIES[spec.strategy].uses else [0.0])
        )
    )


def all_conditions(settings: EvaluateSettings) -> list[Condition]:
    """Those of the grid, and the named ones.

    >>> len(all_conditions(EvaluateSettings()))
    37
    """
    return list(dict.fromkeys([*grid(settings), *NAMED]))


def _condition(spec: ConditionGrid, modality: Losers, p: float | Rates, burst: float) -> Condition:
    mean, rates = (p.mean, f"{p.audio:g}/{p.video:g}") if isinstance(p, Rates) else (p, EQUAL)
    return Condition(modality, spec.strategy, mean, burst, spec.fill, spec.unit, spec.drawn, rates)


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
