"""How models are compared."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.settings.ablation import ROUNDING, least_burst
from models.settings.base import MODALITIES, Probability, Seed, Settings

Fill = Literal["none", "hold", "nearest"]

FILLED = ("frame_zero", "subclip", "burst")
"""The strategies that leave frames of the clip to fill its gaps from."""


class ConditionGrid(Settings):
    """Conditions that differ in modality, probability and burst length.

    Attributes:
        strategy: the operator.
        modality: the modalities that lose, one condition each; `both` lose independently.
        p: the probabilities or shares.
        burst: mean lengths in frames of the bursts of `burst`.
        fill: what is put in place of frames that are lost: nothing, the last one received
            (`hold`), or the nearest one received (`nearest`).
    """

    strategy: Literal[
        "clip_zero", "frame_zero", "frame_repeat", "subclip", "burst", "noise", "blank_face"
    ]
    modality: list[Literal["audio", "video", "both"]] = Field(
        default=list(MODALITIES), min_length=1
    )
    p: list[Probability] = Field(min_length=1)
    burst: list[Annotated[float, Field(ge=1)]] = Field(default=[15.0], min_length=1)
    fill: Fill = "none"

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ConditionGrid":
        for name in ("modality", "p", "burst"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} {values} names one value twice")
        return self

    @model_validator(mode="after")
    def _bursts_are_of_burst(self) -> "ConditionGrid":
        if self.strategy != "burst":
            # By value: saved settings name every one of them.
            if self.burst != type(self).model_fields["burst"].default:
                raise ValueError(f"burst is of strategy burst, not of {self.strategy}")
            return self
        for p in self.p:
            least = least_burst(p)
            if min(self.burst) < least * (1 - ROUNDING):
                raise ValueError(
                    f"p {p:g} needs bursts of {least:.4g} frames or more, not of "
                    f"{min(self.burst):g}"
                )
        return self

    @model_validator(mode="after")
    def _fits_the_strategy(self) -> "ConditionGrid":
        if self.strategy == "blank_face" and self.modality != ["video"]:
            raise ValueError(
                f"blank_face takes the face away: modality should be [video], not {self.modality}"
            )
        if self.fill != "none" and self.strategy not in FILLED:
            raise ValueError(
                f"fill is {self.fill}, but {self.strategy} leaves no gap to fill: "
                f"it is for {', '.join(FILLED)}"
            )
        return self


class EvaluateSettings(Settings):
    """How the models are compared (Parthasarathy and Sundaram 2020, section 4).

    Attributes:
        split: the split the results are of; choose on validation, report test.
        trials: random losses drawn for every condition.
        seed: of those draws, shared by all models.
        batch_clips: clips per batch.
        reference: the model that the others are tested against; null for the first one.
        natural: whether frames without a face or a sound are scored apart as well
            (`models.evaluation.natural`).
        conditions: what is lost; the default is the 30 conditions of the paper.
    """

    split: Literal["train", "validation", "test"] = "test"
    trials: int = Field(default=10, gt=0)
    seed: Seed = 0
    batch_clips: int = Field(default=32, gt=0)
    reference: str | None = None
    natural: bool = False
    conditions: list[ConditionGrid] = Field(
        default=[
            ConditionGrid(strategy="clip_zero", p=[1.0, 0.7, 0.5, 0.3, 0.0]),
            ConditionGrid(strategy="frame_zero", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
            ConditionGrid(strategy="frame_repeat", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
        ],
        min_length=1,
    )
