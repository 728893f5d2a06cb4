"""What is to be recognised."""

from typing import Literal

from pydantic import Field, model_validator

from models.settings.base import Settings


class Task(Settings):
    """What is to be recognised; it comes from the corpus.

    Attributes:
        kind: `regression` of targets, `classification` into one of some classes, or `sentiment`,
            regression of one target whose sign matters.
        level: whether every frame has a label, or a sequence (an item) has one; classes are of
            sequences.
        outputs: names of the targets or classes.
    """

    kind: Literal["regression", "classification", "sentiment"] = "regression"
    level: Literal["frame", "sequence"] = "frame"
    outputs: list[str] = Field(default=["valence", "arousal"], min_length=1)

    @model_validator(mode="after")
    def _classes_are_of_sequences(self) -> "Task":
        if self.kind == "classification" and self.level == "frame":
            raise ValueError("a classification is of sequences, not of frames")
        return self

    @property
    def targets(self) -> list[str]:
        """What results are given for: each output, or the class."""
        return ["class"] if self.kind == "classification" else self.outputs

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics; of the first one, which chooses the epoch, more is better."""
        return {
            "regression": ("ccc", "pearson", "rmse"),
            "classification": ("macro_f1", "micro_f1", "accuracy", "cross_entropy"),
            "sentiment": ("pearson", "mae", "binary_accuracy"),
        }[self.kind]
