"""Scores of a task: metrics of predictions against labels that can be pooled over items."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from models.evaluation.moments import Array, Moments
from models.settings import Task


class Scores(Protocol):
    """What a set of predictions and labels came to, for any number of runs."""

    @property
    def n(self) -> Array:
        """Number of labels, (..., targets)."""
        ...

    def pooled_with(self, other: Self) -> Self:
        """The scores of both sets of labels together."""
        ...

    def weighted(self, weights: Array) -> Self:
        """The scores of sets of items drawn from these, whose first axis is items.

        The same as pooling every item as often as it was drawn.

        Args:
            weights: (sets, items), how often each item was drawn.
        """
        ...

    def values(self) -> dict[str, Array]:
        """Every metric of the task, (..., targets)."""
        ...


def score(task: Task, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Scores:
    """Score predictions.

    Args:
        task: what they are of.
        predictions: (..., labels, outputs); logits of classes.
        labels: (labels, outputs); shares of classes.
    """
    match task.kind:
        case "regression":
            return Regression.of(predictions, labels)
        case "sentiment":
            return Sentiment.of(predictions, labels)
        case "classification":
            return Classification.of(predictions, labels)


def pooled(parts: Iterable[Scores]) -> Scores:
    """The scores of several sets of labels together."""
    return reduce(lambda one, other: one.pooled_with(other), parts)


def stacked(items: Sequence[Scores], runs: slice) -> Scores:
    """The scores of items as one, the items on a first axis.

    Args:
        items: scores of each, whose first axis is runs.
        runs: which of those are taken.
    """
    return cast("Scores", _stacked(items, runs))


def _stacked(parts: Sequence[Any], runs: slice) -> Any:
    """Arrays one on the other; of classes of arrays, each of their fields."""
    first = parts[0]
    if isinstance(first, np.ndarray):
        return np.stack([part[runs] for part in parts])
    names = [field.name for field in fields(first)]
    return type(first)(*(_stacked([getattr(part, n) for part in parts], runs) for n in names))


@dataclass(frozen=True)
class Regression:
    """Targets as numbers.

    Attributes:
        moments: of predictions and labels, (..., targets).
    """

    moments: Moments

    @classmethod
    def of(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """See `score`."""
        return cls(Moments.of(np.moveaxis(predictions, -1, -2), labels.T))

    @property
    def n(self) -> Array:
        """See `Scores`."""
        return self.moments.n

    def pooled_with(self, other: Self) -> Self:
        """See `Scores`."""
        return type(self)(self.moments.pooled_with(other.moments))

    def weighted(self, weights: Array) -> Self:
        """See `Scores`."""
        return type(self)(self.moments.weighted(weights))

    def values(self) -> dict[str, Array]:
        """See `Scores`."""
        moments = self.moments
        return {"ccc": moments.ccc(), "pearson": moments.pearson(), "rmse": moments.rmse()}


@dataclass(frozen=True)
class Sentiment:
    """Numbers whose sign matters.

    Attributes:
        moments: of predictions and labels, (..., targets).
        absolute: sum of the absolute errors.
        agreeing: labels other than 0 whose sign was predicted.
        signed: labels other than 0.
    """

    moments: Moments
    absolute: Array
    agreeing: Array
    signed: Array

    @classmethod
    def of(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """See `score`."""
        x, y = np.moveaxis(np.asarray(predictions, np.float64), -1, -2), labels.T.astype(np.float64)
        signed = y != 0
        return cls(
            Moments.of(x, y),
            np.abs(x - y).sum(-1),
            (((x > 0) == (y > 0)) & signed).sum(-1).astype(np.float64),
            np.broadcast_to(signed.sum(-1).astype(np.float64), x.shape[:-1]),
        )

    @property
    def n(self) -> Array:
        """See `Scores`."""
        return self.moments.n

    def pooled_with(self, other: Self) -> Self:
        """See `Scores`."""
        return type(self)(
            self.moments.pooled_with(other.moments),
            self.absolute + other.absolute,
            self.agreeing + other.agreeing,
            self.signed + other.signed,
        )

    def weighted(self, weights: Array) -> Self:
        """See `Scores`."""
        return type(self)(
            self.moments.weighted(weights),
            *(np.tensordot(weights, x, 1) for x in (self.absolute, self.agreeing, self.signed)),
        )

    def values(self) -> dict[str, Array]:
        """See `Scores`; binary accuracy is of positive against negative, labels of 0 left out."""
        with np.errstate(invalid="ignore"):
            return {
                "pearson": self.moments.pearson(),
                "mae": self.absolute / self.n,
                "binary_accuracy": self.agreeing / self.signed,
            }


@dataclass(frozen=True)
class Classification:
    """One of some classes; a soft label counts as its largest class.

    Attributes:
        confusion: (..., classes, classes) counts, rows are labels, columns predictions.
        entropy: (...,) sum of the cross-entropies in nats.
    """

    confusion: Array
    entropy: Array

    @classmethod
    def of(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """See `score`."""
        logits, shares = np.asarray(predictions, np.float64), labels.astype(np.float64)
        classes = logits.shape[-1]
        # Counts of (label, prediction) by one-hot products, for all runs at once.
        predicted = np.eye(classes)[logits.argmax(-1)]
        confusion = np.eye(classes)[shares.argmax(-1)].T @ predicted
        top = logits.max(-1, keepdims=True, initial=-np.inf)
        log_sum = top + np.log(np.exp(logits - top).sum(-1, keepdims=True))
        return cls(confusion, -(shares * (logits - log_sum)).sum((-1, -2)))

    @property
    def n(self) -> Array:
        """See `Scores`."""
        return self.confusion.sum((-1, -2))[..., None]

    def pooled_with(self, other: Self) -> Self:
        """See `Scores`."""
        return type(self)(self.confusion + other.confusion, self.entropy + other.entropy)

    def weighted(self, weights: Array) -> Self:
        """See `Scores`."""
        return type(self)(
            *(np.tensordot(weights, x, 1) for x in (self.confusion, self.entropy)),
        )

    def values(self) -> dict[str, Array]:
        """See `Scores`; macro F1 is over the classes that were labelled or predicted at all."""
        hits = np.diagonal(self.confusion, axis1=-2, axis2=-1)
        either = self.confusion.sum(-1) + self.confusion.sum(-2)
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.where(either > 0, 2 * hits / either, 0.0)
            macro = f1.sum(-1) / (either > 0).sum(-1)
            accuracy = hits.sum(-1) / self.n[..., 0]
            entropy = self.entropy / self.n[..., 0]
        # With one label each, every miss is a false alarm elsewhere: micro F1 is the accuracy.
        named = {"macro_f1": macro, "micro_f1": accuracy, "accuracy": accuracy}
        return {
            name: value[..., None] for name, value in (named | {"cross_entropy": entropy}).items()
        }
