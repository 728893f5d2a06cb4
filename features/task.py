"""What is to be recognised: the one task that corpora, models and reports share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from features.settings import Settings


class Task(Settings):
    """What is to be recognised; it comes from the corpus.

    Attributes:
        kind: `regression` of targets, `classification` into one of some classes, or `sentiment`,
            regression of one target whose sign matters.
        level: whether every frame has a label, or a sequence (an item) has one.
        outputs: names of the targets or classes.
        low: smallest valid value of a target.
        high: largest valid value of a target.
        ranges: smallest and largest value of targets that have units of their own. Inside they are
            scaled from these to [low, high]; whoever reads a prediction sees units.
    """

    kind: Literal["regression", "classification", "sentiment"] = "regression"
    level: Literal["frame", "sequence"] = "frame"
    # A file's list of names is as good as a tuple.
    outputs: tuple[str, ...] = Field(default=("valence", "arousal"), min_length=1, strict=False)
    low: float = -1.0
    high: float = 1.0
    ranges: dict[str, Annotated[tuple[float, float], Field(strict=False)]] = Field(default={})

    @model_validator(mode="after")
    def _ranges_are_of_targets(self) -> "Task":
        if self.ranges and (self.kind == "classification" or set(self.ranges) != set(self.outputs)):
            raise ValueError("ranges are of the targets of a regression, and of all of them")
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

    def range_of(self, target: str) -> tuple[float, float]:
        """Smallest and largest value of a target, in its units.

        >>> Task(outputs=("trust",), ranges={"trust": (0, 100)}).range_of("trust")
        (0.0, 100.0)
        """
        return self.ranges.get(target, (self.low, self.high))

    def unit(self, target: str) -> float:
        """How many of a target's units one step of the inner scale is.

        >>> Task(outputs=("trust",), ranges={"trust": (0, 100)}).unit("trust")
        50.0
        """
        low, high = self.range_of(target)
        return (high - low) / (self.high - self.low)

    def in_units(self, target: str, values: Any) -> Any:
        """Values of a target, from the inner scale to its units; any arithmetic type.

        >>> Task(outputs=("trust",), ranges={"trust": (0, 100)}).in_units("trust", 0.5)
        75.0
        """
        if target not in self.ranges:
            return values
        return (values - self.low) * self.unit(target) + self.ranges[target][0]

    def scaled(self, labels: Any) -> Any:
        """A table of labels in units, a column a target, on the inner scale."""
        inner: Mapping[str, Any] = {
            target: (labels[target] - low) / self.unit(target) + self.low
            for target, (low, _) in self.ranges.items()
        }
        return labels.assign(**inner)


AFFECT = Task()
"""Valence and arousal of every frame, in [−1, 1]."""
