"""How models are compared."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.ablation.registry import STRATEGIES
from models.settings.ablation import (
    ROUNDING,
    Drawn,
    LostRate,
    Rates,
    StrategyName,
    Unit,
    least_burst,
)
from models.settings.base import MODALITIES, Seed, Settings

Fill = Literal["none", "hold", "nearest", "linear", "mean", "neighbours"]
Losers = Literal["audio", "video", "both", "together"]
"""What can lose in a condition."""

FROM_TRAINING = ("mean", "neighbours")
"""Those that are made of training frames."""

FILLS: Mapping[str, str] = {
    "none": "nothing",
    "hold": "last one received",
    "nearest": "nearest one received",
    "linear": "line from the last to the next one received",
    "mean": "training mean",
    "neighbours": "training frames whose other modality is most alike",
}
"""What can be put in place of a lost frame, as people read it."""


def _can_be_a_condition(strategy: str) -> str:
    if STRATEGIES[strategy].condition:
        return strategy
    able = ", ".join(name for name, row in STRATEGIES.items() if row.condition)
    raise ValueError(f"{strategy} is for training alone: choose {able}")


def _gaps_are_left_by() -> str:
    return ", ".join(n for n, row in STRATEGIES.items() if row.condition and row.leaves == "gaps")


class ConditionGrid(Settings):
    """Conditions that differ in modality, probability and burst length.

    Attributes:
        strategy: a row of STRATEGIES that can be a condition.
        modality: the modalities that lose, one condition each; `both` lose independently,
            `together` the same.
        p: the probabilities or shares; of both also one for each, `{audio: 0.2, video: 0.8}`.
        burst: mean lengths in frames of the bursts of `burst`.
        fill: what is put in place of frames that are lost: nothing, the last one received
            (`hold`), the nearest one (`nearest`), what lies on the line from the last to the next
            one (`linear`), the mean of the training frames (`mean`: zeros, of a stream that is
            z-normed), or the mean of the training frames whose other modality is most like the one
            that is there (`neighbours`, in one trial).
        unit: what is lost of a frame, as in `models.settings.Ablation`.
        drawn: `anew` in every trial, or `once`: one trial, in which an item loses the same whatever
            clip it is in.
    """

    strategy: Annotated[StrategyName, AfterValidator(_can_be_a_condition)]
    modality: list[Losers] = Field(default=list(MODALITIES), min_length=1)
    p: list[LostRate] = Field(min_length=1)
    burst: list[Annotated[float, Field(ge=1)]] = Field(default=[15.0], min_length=1)
    fill: Fill = "none"
    unit: Unit = "window"
    drawn: Drawn = "anew"

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ConditionGrid":
        for name in ("modality", "p", "burst"):
            values = getattr(self, name)
            if any(value in values[:place] for place, value in enumerate(values)):
                raise ValueError(f"{name} {values} names one value twice")
        return self

    @model_validator(mode="after")
    def _bursts_are_of_burst(self) -> "ConditionGrid":
        if "burst" not in STRATEGIES[self.strategy].uses:
            # By value: saved settings name every one of them.
            if self.burst != type(self).model_fields["burst"].default:
                raise ValueError(f"burst is of strategy burst, not of {self.strategy}")
            return self
        for rate in self.p:
            p = max(rate.audio, rate.video) if isinstance(rate, Rates) else rate
            least = least_burst(p)
            if min(self.burst) < least * (1 - ROUNDING):
                raise ValueError(
                    f"p {p:g} needs bursts of {least:.4g} frames or more, not of "
                    f"{min(self.burst):g}"
                )
        return self

    @model_validator(mode="after")
    def _fits_the_strategy(self) -> "ConditionGrid":
        row = STRATEGIES[self.strategy]
        able: tuple[str, ...] = ("both",) if row.joint else row.modalities
        if not row.joint and set(row.modalities) == set(MODALITIES):
            able += ("both", "together")
        if set(self.modality) - set(able):
            raise ValueError(
                f"{self.strategy} is of {' and '.join(row.modalities)}: modality should be "
                f"[{', '.join(able)}], not {self.modality}"
            )
        if self.modality != ["both"] and any(isinstance(p, Rates) for p in self.p):
            raise ValueError(f"p has a rate for each of both, but modality is {self.modality}")
        from_training = self.fill in FROM_TRAINING
        if from_training and row.leaves not in ("gaps", "clips"):
            raise ValueError(f"fill is {self.fill}, but {self.strategy} leaves nothing to fill")
        if self.fill == "neighbours" and self.unit == "signal":
            raise ValueError("fill is neighbours, which stand for whole vectors: unit is window")
        if self.fill != "none" and not from_training and row.leaves != "gaps":
            raise ValueError(
                f"fill is {self.fill}, but {self.strategy} leaves no gap to fill: "
                f"it is for {_gaps_are_left_by()}"
            )
        return self


class EvaluateSettings(Settings):
    """How the models are compared (Parthasarathy and Sundaram 2020, section 4).

    Attributes:
        split: the split the results are of; choose on validation, report test.
        trials: random losses drawn for every condition.
        seed: of those draws, shared by all models.
        batch_clips: clips per batch.
        threads: of torch, likewise those of training.
        reference: whom models are tested against: one model for all others; or for some models the
            names of their rivals, `{auxformer: [mult, baseline3]}`; null for nobody.
        causal: whether every frame is also answered from a window of the last `clip_frames` alone,
            as a recogniser that runs live does, on intact input and with each modality gone.
        natural: whether frames without a face or a sound are scored apart as well
            (`models.evaluation.natural`).
        conditions: what is lost; the default is the 30 conditions of the paper.
    """

    split: Literal["train", "validation", "test"] = "test"
    trials: int = Field(default=10, gt=0)
    seed: Seed = 0
    batch_clips: int = Field(default=32, gt=0)
    threads: int = Field(default=1, gt=0, le=1024)
    reference: str | dict[str, list[str]] | None = None
    causal: bool = False
    natural: bool = False
    conditions: list[ConditionGrid] = Field(
        default=[
            ConditionGrid(strategy="clip_zero", p=[1.0, 0.7, 0.5, 0.3, 0.0]),
            ConditionGrid(strategy="frame_zero", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
            ConditionGrid(strategy="frame_repeat", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
        ],
        min_length=1,
    )

    def rivals(self, models: Iterable[str]) -> dict[str, list[str]]:
        """Whom each model is tested against; models that are tested against nobody left out.

        Args:
            models: names of all models.

        >>> EvaluateSettings(reference="a").rivals(["a", "b", "c"])
        {'b': ['a'], 'c': ['a']}
        """
        if self.reference is None:
            return {}
        if isinstance(self.reference, str):
            return {model: [self.reference] for model in models if model != self.reference}
        return {model: list(rivals) for model, rivals in self.reference.items() if rivals}
