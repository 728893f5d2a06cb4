"""What the training of one seed depends on, beside data and code; loads no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.hashes import hash_of_file
from models import recogniser
from models.settings import ModelSettings
from models.settings.resolved import Resolved
from models.training.rows import training_rows

FACTS = "facts.json"
"""What else came of a training, for the recogniser's card."""


@dataclass(frozen=True)
class Plan:
    """How one seed is trained.

    Attributes:
        model: its network and strategy, as params.yaml has them.
        resolved: its training, sizes and options.
        learning: names of the items to learn from.
        heldout: names of those that choose the epoch.
        metric: row of METRICS that they choose it by, unless by their loss.
        seed: of every random choice.
        speakers: of the items to learn from.
        init: folder of the recogniser whose weights it begins from; None for random ones.
    """

    model: ModelSettings
    resolved: Resolved
    learning: Sequence[str]
    heldout: Sequence[str]
    metric: str
    seed: int
    speakers: Mapping[str, str] = field(default_factory=dict)
    init: Path | None = None

    def values(self) -> list[Any]:
        """The values that weights depend on beside data and code, without names."""
        return [
            self.model.model_dump(include={"network", "presence", "repeats", "ablation"}),
            self.resolved.train.model_dump(exclude={"seeds", "checkpoint_seconds"}),
            self.resolved.options.model_dump(),
            [list(self.learning), list(self.heldout), self.metric, self.seed],
            self._begins_from(),
        ]

    def _begins_from(self) -> str | None:
        """The hash of the weights that it begins from; None for random ones."""
        if self.model.weights is not None:
            return self.model.weights.sha256
        return None if self.init is None else hash_of_file(self.init / recogniser.WEIGHTS)

    def rows(self) -> list[tuple[str, str]]:
        """Rows of tables that it uses."""
        return [*training_rows(self.model, self.resolved.train), ("metric", self.metric)]
