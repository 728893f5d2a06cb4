"""Metrics of classes, signs and errors, from counts and sums that can be pooled over items."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.moments import Array


@dataclass(frozen=True)
class _Sums:
    """Arrays that pool by being added."""

    def pooled_with(self, addend: Self) -> Self:
        """The sums over both sets of labels."""
        return type(self)(*(x + y for x, y in zip(self._arrays(), addend._arrays(), strict=True)))

    def weighted(self, weights: Array) -> Self:
        """The sums over sets of items drawn from these, (sets, ...)."""
        return type(self)(*(np.tensordot(weights, x, 1) for x in self._arrays()))

    def _arrays(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class AbsoluteErrors(_Sums):
    """How far numbers are from their labels.

    Attributes:
        n: labels, (..., targets).
        total: sum of the absolute errors.
    """

    n: Array
    total: Array

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """Measure predictions (..., labels, targets) against labels (labels, targets)."""
        # (..., targets, labels)
        x, y = np.moveaxis(np.asarray(predictions, np.float64), -1, -2), labels.T.astype(np.float64)
        return cls(_labels(x), np.abs(x - y).sum(-1))


@dataclass(frozen=True)
class Signs(_Sums):
    """Which signs were predicted.

    Attributes:
        n: labels, (..., targets).
        agreeing: labels other than 0 whose sign was predicted.
        signed: labels other than 0.
    """

    n: Array
    agreeing: Array
    signed: Array

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """Measure predictions (..., labels, targets) against labels (labels, targets)."""
        x, y = np.moveaxis(predictions, -1, -2), labels.T
        signed = y != 0
        agreeing = (((x > 0) == (y > 0)) & signed).sum(-1).astype(np.float64)
        counted = np.broadcast_to(signed.sum(-1).astype(np.float64), agreeing.shape)
        return cls(_labels(x), agreeing, counted)


@dataclass(frozen=True)
class Confusion(_Sums):
    """Which classes were taken for which; a soft label counts as its largest class.

    Attributes:
        counts: (..., classes, classes), rows are labels, columns predictions.
    """

    counts: Array

    @property
    def n(self) -> Array:
        """Labels, (..., 1)."""
        return self.counts.sum((-1, -2))[..., None]

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """Measure logits (..., labels, classes) against shares of classes (labels, classes)."""
        classes = predictions.shape[-1]
        # Counts of (label, prediction) by one-hot products, for all runs at once.
        predicted = np.eye(classes)[predictions.argmax(-1)]
        return cls(np.eye(classes)[labels.argmax(-1)].T @ predicted)


@dataclass(frozen=True)
class Entropies(_Sums):
    """How unlikely the labels were, in nats.

    Attributes:
        n: labels, (..., 1).
        total: sum of the cross-entropies.
    """

    n: Array
    total: Array

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> Self:
        """Measure logits (..., labels, classes) against shares of classes (labels, classes)."""
        logits, shares = np.asarray(predictions, np.float64), labels.astype(np.float64)
        top = logits.max(-1, keepdims=True, initial=-np.inf)
        log_sum = top + np.log(np.exp(logits - top).sum(-1, keepdims=True))
        total = -(shares * (logits - log_sum)).sum((-1, -2))[..., None]
        return cls(np.full(total.shape, float(len(labels))), total)


def mean(sums: AbsoluteErrors | Entropies) -> Array:
    """The mean over the labels, (..., targets); NaN where there is no label.

    >>> x, y = np.array([[0.5], [-1.0]]), np.array([[1.0], [1.0]])
    >>> mean(AbsoluteErrors.measured(x, y)).tolist()
    [1.25]
    """
    with np.errstate(invalid="ignore"):
        return sums.total / sums.n


def binary_accuracy(signs: Signs) -> Array:
    """Share of the labels other than 0 whose sign was predicted, (..., targets).

    Positive against negative, as in Tsai et al. 2019; NaN where every label is 0.

    >>> x, y = np.array([[0.5], [-1.0], [2.0]]), np.array([[1.0], [1.0], [0.0]])
    >>> binary_accuracy(Signs.measured(x, y)).tolist()
    [0.5]
    """
    with np.errstate(invalid="ignore"):
        return signs.agreeing / signs.signed


def macro_f1(confusion: Confusion) -> Array:
    """The mean of F1 over the classes that were labelled or predicted at all, (..., 1).

    F1 of a class is 2 · hits / (labels + predictions). NaN where there is no label.

    >>> labels, guesses = np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 1, 1]]
    >>> macro_f1(Confusion.measured(guesses, labels)).round(3).tolist()
    [0.667]
    """
    hits = np.diagonal(confusion.counts, axis1=-2, axis2=-1)
    either = confusion.counts.sum(-1) + confusion.counts.sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(either > 0, 2 * hits / either, 0.0)
        return (f1.sum(-1) / (either > 0).sum(-1))[..., None]


def accuracy(confusion: Confusion) -> Array:
    """Share of the labels that were predicted, (..., 1); NaN where there is no label.

    >>> labels, guesses = np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 2, 1]]
    >>> accuracy(Confusion.measured(guesses, labels)).round(3).tolist()
    [0.667]
    """
    hits = np.diagonal(confusion.counts, axis1=-2, axis2=-1).sum(-1)[..., None]
    with np.errstate(invalid="ignore"):
        return hits / confusion.n


def _labels(values: NDArray[Any]) -> Array:
    """How many labels, for values (..., targets, labels)."""
    return np.full(values.shape[:-1], float(values.shape[-1]))
