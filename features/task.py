"""What is to be recognised: the one task that corpora, models and reports share."""

from typing import Literal

from pydantic import Field, model_validator

from features.settings import Settings


class Task(Settings):
    """What is to be recognised; it comes from the corpus.

    Attributes:
        kind: `regression` of targets, `classification` into one of some classes, or `sentiment`,
            regression of one target whose sign matters.
        level: whether every frame has a label, or a sequence (an item) has one; classes are of
            sequences.
        outputs: names of the targets or classes.
        low: smallest valid value of a target.
        high: largest valid value of a target.
    """

    kind: Literal["regression", "classification", "sentiment"] = "regression"
    level: Literal["frame", "sequence"] = "frame"
    # A file's list of names is as good as a tuple.
    outputs: tuple[str, ...] = Field(default=("valence", "arousal"), min_length=1, strict=False)
    low: float = -1.0
    high: float = 1.0

    @model_validator(mode="after")
    def _classes_are_of_sequences(self) -> "Task":
        if self.kind == "classification" and self.level == "frame":
            raise ValueError("a classification is of sequences, not of frames")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """What results are given for: each output, or the class.

        >>> Task().targets
        ('valence', 'arousal')
        >>> Task(kind="classification", level="sequence", outputs=("anger", "joy")).targets
        ('class',)
        """
        return ("class",) if self.kind == "classification" else self.outputs


AFFECT = Task()
"""Valence and arousal of every frame, in [−1, 1]."""
