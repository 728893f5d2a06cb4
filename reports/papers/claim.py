"""What a paper states of a model: its numbers, and which of our models are of the same kind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from features.task import Task
from models.evaluation.registry import METRICS
from models.settings.base import MODALITIES

AUDIO, VIDEO = MODALITIES[:1], MODALITIES[1:]

LossOfClaim = tuple[str, str, float] | str
"""Modality, strategy and p; or what the other modality is, gone or noise."""


@dataclass(frozen=True)
class Claim:
    """One row of numbers of a paper.

    Attributes:
        model: as the paper calls it, or nearly so.
        values: as the columns of its table.
        network: which of ours it is.
        modalities: what that one sees.
        strategy: what it is trained with.
        fill: of modality_dropout.
        options: of the network; all that make another architecture of it.
        size: of the network, where the paper tells models apart by it.
        loss: the condition; None for intact input.
    """

    model: str
    values: tuple[float, ...]
    network: str
    modalities: tuple[str, ...] = MODALITIES
    strategy: str = "none"
    fill: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    loss: LossOfClaim | None = None

    def is_of(self, settings: Mapping[str, Any], modalities: Collection[str]) -> bool:
        """Whether a model of the run is of the same kind.

        No paper tells a model what is missing, keeps a running mean of the weights, has teachers,
        or goes on with the speakers that were held out. Other sizes and the rest of the training
        may differ.

        Args:
            settings: of the model in `run.json`.
            modalities: what it sees.
        """
        ablation, options = settings["ablation"], settings["options"]
        return (
            settings["network"] == self.network
            and set(modalities) == set(self.modalities)
            and settings["presence"] == "ignored"
            and ablation["strategy"] == self.strategy
            and self.fill in (None, ablation["fill"])
            and all(settings["size"][name] == value for name, value in self.size.items())
            and all(options[name] == value for name, value in self.options.items())
            and settings["train"]["average"] is None
            and not settings["train"]["refit"]
            and not settings["train"]["teacher"]
        )


@dataclass(frozen=True)
class Benchmark:
    """What numbers of papers are of; a table of the page.

    Attributes:
        title: what is measured, and on which corpora.
        columns: of the papers' values.
        measured: columns of this run's values: targets, metrics, or inputs (`EVALUATED_INPUTS`).
        kind: of the tasks that it stands beside.
        level: of those tasks, where it matters.
        metric: of this run's values, where the columns are inputs.
    """

    title: str
    columns: tuple[str, ...]
    measured: tuple[str, ...]
    kind: str
    level: str | None = None
    metric: str | None = None

    def is_of(self, task: Task) -> bool:
        """Whether its numbers are of this task."""
        return (
            task.kind == self.kind
            and self.level in (None, task.level)
            and (not self.has_targets or task.targets == self.measured)
        )

    @property
    def has_targets(self) -> bool:
        """Whether the columns are targets of the primary metric."""
        return self.metric is None and not self.has_metrics

    @property
    def has_metrics(self) -> bool:
        """Whether the columns are metrics."""
        return set(self.measured) <= set(METRICS)


ClaimsOfPaper = Mapping[Benchmark, tuple[Claim, ...]]
"""What the module of a paper gives."""
