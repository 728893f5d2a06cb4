"""What a paper states of a model: its numbers, and which of our models are of the same kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.numbers.schema import MODALITIES

Loss = tuple[str, str, float] | str  # modality, strategy, p; or what the other modality is


@dataclass(frozen=True)
class Claim:
    """One row of numbers of a paper.

    Attributes:
        paper: its letter in `PAPERS`.
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

    paper: str
    model: str
    values: tuple[float, ...]
    network: str
    modalities: tuple[str, ...] = MODALITIES[:2]
    strategy: str = "none"
    fill: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    loss: Loss | None = None

    def is_of(self, settings: Mapping[str, Any]) -> bool:
        """Whether a model of the run, by its settings in `run.json`, is of the same kind.

        No paper tells a model what is missing, keeps a running mean of the weights, has teachers,
        or goes on with the speakers that were held out. Other sizes and the rest of the training
        may differ.
        """
        ablation, options = settings["ablation"], settings["options"]
        return (
            settings["network"] == self.network
            and sorted(settings["modalities"]) == sorted(self.modalities)
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
class Claims:
    """A table of the page.

    Attributes:
        measured: what the numbers are, and on which corpora.
        columns: of the papers' values.
        own: columns of this run's values: targets, metrics, or inputs.
        rows: what is claimed.
        metric: of this run's values, where the columns are inputs (`protocols.INPUTS`).
    """

    measured: str
    columns: tuple[str, ...]
    own: tuple[str, ...]
    rows: tuple[Claim, ...]
    metric: str | None = None
