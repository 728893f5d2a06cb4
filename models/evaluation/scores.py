"""Scores: metrics of predictions against labels that can be pooled over items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.moments import Array
from models.evaluation.registry import METRICS


class Statistic(Protocol):
    """What some metrics are functions of: a dataclass of arrays, for any number of runs."""

    @property
    def n(self) -> Array:
        """Number of labels, (..., targets)."""
        ...

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """Measure predictions (..., labels, outputs) against labels (labels, outputs).

        Outputs of a classification are logits, and labels shares of the classes.
        """
        ...

    def pooled_with(self, addend: Self) -> Self:
        """The statistic of both sets of labels together."""
        ...

    def weighted(self, weights: Array) -> Self:
        """The statistics of sets of items drawn from these, whose first axis is items.

        The same as pooling every item as often as it was drawn.

        Args:
            weights: (sets, items), how often each item was drawn.
        """
        ...


@dataclass(frozen=True)
class Scores:
    """The metrics of a set of predictions and labels, for any number of runs.

    Attributes:
        metrics: names of rows of METRICS.
        statistics: what they are functions of, by its class's `package.module:name`.
    """

    metrics: tuple[str, ...]
    statistics: Mapping[str, Any]

    @property
    def n(self) -> Array:
        """Number of labels, (..., targets)."""
        return next(iter(self.statistics.values())).n

    def pooled_with(self, addend: "Scores") -> "Scores":
        """The scores of both sets of labels together."""
        return Scores(
            self.metrics,
            {
                name: statistic.pooled_with(addend.statistics[name])
                for name, statistic in self.statistics.items()
            },
        )

    def weighted(self, weights: Array) -> "Scores":
        """The scores of sets of items drawn from these, (sets, ..., targets)."""
        weighted = {name: s.weighted(weights) for name, s in self.statistics.items()}
        return Scores(self.metrics, weighted)

    def values(self) -> dict[str, Array]:
        """Every metric, (..., targets)."""
        rows = {name: METRICS[name] for name in self.metrics}
        return {name: row.load()(self.statistics[row.statistic]) for name, row in rows.items()}


def score(
    metrics: Sequence[str], predictions: NDArray[np.floating], labels: NDArray[np.floating]
) -> Scores:
    """Score predictions.

    Args:
        metrics: names of rows of METRICS, those of the task.
        predictions: (..., labels, outputs); logits of classes.
        labels: (labels, outputs); shares of classes.

    >>> y = np.array([[0.0], [0.5], [1.0]])
    >>> score(["ccc", "rmse"], y + 0.5, y).values()["rmse"].tolist()
    [0.5]
    """
    rows = {METRICS[name].statistic: METRICS[name] for name in metrics}
    measured = {
        code: row.load_statistic().measured(predictions, labels) for code, row in rows.items()
    }
    return Scores(tuple(metrics), measured)


def pooled(parts: Iterable[Scores]) -> Scores:
    """The scores of several sets of labels together."""
    return reduce(lambda scores, more: scores.pooled_with(more), parts)


def stacked(items: Sequence[Scores], runs: slice | Sequence[int]) -> Scores:
    """The scores of items as one, the items on a first axis.

    Args:
        items: scores of each, whose first axis is runs.
        runs: which of those are taken.
    """
    first = items[0]
    statistics = {
        name: _stacked([item.statistics[name] for item in items], runs) for name in first.statistics
    }
    return Scores(first.metrics, statistics)


def _stacked(parts: Sequence[Any], runs: slice | Sequence[int]) -> Any:
    """Statistics of items as one, each array of theirs stacked."""
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(*(np.stack([getattr(part, n)[runs] for part in parts]) for n in names))
