"""How models are compared."""

from typing import Literal

from pydantic import Field, model_validator

from models.settings.base import MODALITIES, Probability, Seed, Settings


class ConditionGrid(Settings):
    """Conditions that differ in modality and probability (see `models.conditions`).

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
    burst: list[float] = Field(default=[15.0], min_length=1)
    fill: Literal["none", "hold", "nearest"] = "none"

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ConditionGrid":
        for name in ("modality", "p", "burst"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} {values} names one value twice")
        return self


class EvaluateSettings(Settings):
    """How the models are compared (Parthasarathy and Sundaram 2020, section 4).

    Attributes:
        split: the split the results are of; choose on validation, report test.
        trials: random losses drawn for every condition.
        seed: of those draws, shared by all models.
        batch_clips: clips per batch.
        conditions: what is lost; the default is the 30 conditions of the paper.
    """

    split: Literal["train", "validation", "test"] = "test"
    trials: int = Field(default=10, gt=0)
    seed: Seed = 0
    batch_clips: int = Field(default=32, gt=0)
    conditions: list[ConditionGrid] = Field(
        default=[
            ConditionGrid(strategy="clip_zero", p=[1.0, 0.7, 0.5, 0.3, 0.0]),
            ConditionGrid(strategy="frame_zero", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
            ConditionGrid(strategy="frame_repeat", p=[1.0, 0.95, 0.9, 0.85, 0.0]),
        ],
        min_length=1,
    )
