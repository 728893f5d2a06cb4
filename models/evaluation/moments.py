"""Metrics of numbers, from moments that can be pooled over videos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Population moments of predictions and labels, of any common shape.

    Attributes:
        n: number of valid frames.
        mean_x: mean prediction.
        mean_y: mean label.
        var_x: population variance (÷ n) of the predictions.
        var_y: population variance of the labels.
        cov: population covariance.
    """

    n: Array
    mean_x: Array
    mean_y: Array
    var_x: Array
    var_y: Array
    cov: Array

    @classmethod
    def of(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> "Moments":
        """Moments over the last axis; the other axes broadcast.

        Args:
            predictions: (..., frames).
            labels: (..., frames).
        """
        x = np.asarray(predictions, np.float64)
        y = np.asarray(labels, np.float64)
        n = x.shape[-1]
        if n == 0:
            shape = np.broadcast_shapes(x.shape[:-1], y.shape[:-1])
            return cls(*(np.zeros(shape) for _ in range(6)))
        mean_x, mean_y = x.mean(-1), y.mean(-1)
        dx, dy = x - mean_x[..., None], y - mean_y[..., None]
        # A constant's mean may be off by a rounding; its variance is zero all the same.
        var_x = np.where(np.ptp(x, -1) == 0, 0.0, (dx * dx).mean(-1))
        var_y = np.where(np.ptp(y, -1) == 0, 0.0, (dy * dy).mean(-1))
        cov = np.where((var_x == 0) | (var_y == 0), 0.0, (dx * dy).mean(-1))
        return cls(*np.broadcast_arrays(float(n), mean_x, mean_y, var_x, var_y, cov))

    @classmethod
    def measured(cls, predictions: NDArray[np.floating], labels: NDArray[np.floating]) -> "Moments":
        """Measure predictions (..., labels, targets) against labels (labels, targets)."""
        # (..., targets, labels)
        return cls.of(np.moveaxis(predictions, -1, -2), labels.T)

    def pooled_with(self, addend: "Moments") -> "Moments":
        """Moments of both sets of frames together (Chan, Golub and LeVeque 1983)."""
        n = self.n + addend.n
        share = np.divide(addend.n, n, out=np.zeros_like(n), where=n > 0)
        dx, dy = addend.mean_x - self.mean_x, addend.mean_y - self.mean_y
        between = share * (1 - share)
        return Moments(
            n,
            self.mean_x + share * dx,
            self.mean_y + share * dy,
            (1 - share) * self.var_x + share * addend.var_x + between * dx * dx,
            (1 - share) * self.var_y + share * addend.var_y + between * dy * dy,
            (1 - share) * self.cov + share * addend.cov + between * dx * dy,
        )

    def weighted(self, weights: Array) -> "Moments":
        """Moments (sets, ..., targets) of sets of items drawn from these, (items, ..., targets).

        The same as pooling every item as often as it was drawn, by one product of matrices for
        each moment.

        Args:
            weights: (sets, items), how often each item was drawn.
        """
        labels = np.tensordot(weights, self.n, 1)

        def mean(values: Array) -> Array:
            total = np.tensordot(weights, self.n * values, 1)
            return np.divide(total, labels, out=np.zeros_like(total), where=labels > 0)

        # About a common centre, so that little is lost where squares are subtracted.
        count = np.maximum(self.n.sum(0), 1)
        centre_x = (self.n * self.mean_x).sum(0) / count
        centre_y = (self.n * self.mean_y).sum(0) / count
        dx, dy = self.mean_x - centre_x, self.mean_y - centre_y
        mean_dx, mean_dy = mean(dx), mean(dy)
        var_x = mean(self.var_x) + _between(mean(dx * dx), mean_dx)
        var_y = mean(self.var_y) + _between(mean(dy * dy), mean_dy)
        cov = mean(self.cov + dx * dy) - mean_dx * mean_dy
        return Moments(
            labels,
            np.where(labels > 0, centre_x + mean_dx, 0.0),
            np.where(labels > 0, centre_y + mean_dy, 0.0),
            var_x,
            var_y,
            np.where((var_x == 0) | (var_y == 0), 0.0, cov),
        )


def pearson(moments: Moments) -> Array:
    r"""Pearson's correlation; NaN where either is constant or there is no frame.

    .. math:: σ_{xy} / (σ_x σ_y)

    >>> x = np.array([0.0, 1.0, 2.0])
    >>> float(pearson(Moments.of(x, 3 - x)).round(6))
    -1.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return moments.cov / np.sqrt(moments.var_x * moments.var_y)


def rmse(moments: Moments) -> Array:
    r"""Root mean squared error; NaN where there is no frame.

    .. math:: \sqrt{σ_x^2 + σ_y^2 - 2 σ_{xy} + (μ_x - μ_y)^2}

    >>> x = np.array([0.0, 1.0, 2.0])
    >>> float(rmse(Moments.of(x, x + 2)))
    2.0
    """
    m = moments
    squares = m.var_x + m.var_y - 2 * m.cov + (m.mean_x - m.mean_y) ** 2
    return np.where(m.n == 0, np.nan, np.sqrt(np.maximum(squares, 0)))


def ccc(moments: Moments) -> Array:
    r"""Concordance correlation coefficient (Lin 1989).

    .. math:: 2 σ_{xy} / (σ_x^2 + σ_y^2 + (μ_x - μ_y)^2)

    A constant prediction gives 0; NaN where both are constant or there is no frame.

    >>> x = np.array([0.0, 1.0, 2.0])
    >>> float(ccc(Moments.of(x, x))), float(ccc(Moments.of(0 * x, x)))
    (1.0, 0.0)
    """
    spread = moments.var_x + moments.var_y + (moments.mean_x - moments.mean_y) ** 2
    constant = (moments.var_x == 0) & (moments.var_y == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 2 * moments.cov / spread
    return np.where(constant | (moments.n == 0), np.nan, value)


def _between(square: Array, mean: Array) -> Array:
    """The variance of items' means; 0 where it is only rounding."""
    variance = square - mean * mean
    return np.where(variance > 1e-12 * square, variance, 0.0)
