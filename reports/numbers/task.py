"""What was recognised and how it was measured, as `run.json` says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """How a metric is called, and which way is better.

    Attributes:
        name: on axes and in sentences.
        meaning: what it is, where it is introduced.
        lower_is_better: for errors.
    """

    name: str
    meaning: str
    lower_is_better: bool = False

    @property
    def heading(self) -> str:
        """The name at the start of a line."""
        return capitalised(self.name)


METRICS = {
    "ccc": Metric("CCC", "concordance correlation coefficient (CCC)"),
    "pearson": Metric("Pearson correlation", "Pearson correlation"),
    "rmse": Metric("RMSE", "root mean square error (RMSE)", lower_is_better=True),
    "mae": Metric("MAE", "mean absolute error (MAE)", lower_is_better=True),
    "binary_accuracy": Metric("binary accuracy", "share of right signs (binary accuracy)"),
    "macro_f1": Metric("macro F1", "mean of the classes’ F1 scores (macro F1)"),
    "micro_f1": Metric("micro F1", "F1 score of all classes pooled (micro F1)"),
    "accuracy": Metric("accuracy", "share that is right (accuracy)"),
    "cross_entropy": Metric(
        "cross-entropy", "mean −log of the right class’s probability (cross-entropy)", True
    ),
}


@dataclass(frozen=True)
class Task:
    """What was recognised.

    Attributes:
        kind: `regression` of targets, `classification`, or `sentiment`, the regression of one
            target whose sign matters.
        level: whether every frame has a label, or a sequence has one.
        outputs: names of the targets or classes.
        metrics: keys of `METRICS`; the first is the primary one.
    """

    kind: Literal["regression", "classification", "sentiment"]
    level: Literal["frame", "sequence"]
    outputs: tuple[str, ...]
    metrics: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in {"regression", "classification", "sentiment"}:
            raise ValueError(f"kind {self.kind!r}")
        if self.level not in {"frame", "sequence"}:
            raise ValueError(f"level {self.level!r}")
        if not (self.outputs and self.metrics):
            raise ValueError("no outputs or no metrics")
        if unknown := set(self.metrics) - METRICS.keys():
            raise ValueError(f"metrics {sorted(unknown)}")

    @property
    def targets(self) -> tuple[str, ...]:
        """What the column `target` of the result files can hold."""
        return ("class",) if self.kind == "classification" else self.outputs

    @property
    def labels(self) -> dict[str, str]:
        """How the rows of a table are called, by target; classes have none of their own."""
        if self.kind == "classification":
            return {"class": ""}
        return {target: capitalised(target) for target in self.targets}

    @property
    def primary(self) -> Metric:
        """The metric of the figures and of the tables of conditions."""
        return METRICS[self.metrics[0]]

    @property
    def unit(self) -> str:
        """What has a label, in the plural."""
        return "valid frames" if self.level == "frame" else "labelled sequences"

    @property
    def is_the_papers(self) -> bool:
        """Whether it is the task of Parthasarathy and Sundaram 2020."""
        return (self.kind, self.level, self.outputs) == (
            "regression",
            "frame",
            ("valence", "arousal"),
        )

    def axis(self, target: str) -> str:
        """Label of an axis with the primary metric of a target."""
        return ", ".join(filter(None, (self.labels[target], self.primary.name)))


def capitalised(name: str) -> str:
    """The name with a capital first letter."""
    return name[:1].upper() + name[1:]


def listing(names: Sequence[str]) -> str:
    """The names as in a sentence: `valence, arousal and dominance`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
