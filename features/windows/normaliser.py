"""The z-norm of a stream, fitted to what is present in the train split."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STD_FLOOR = 1e-4
"""Smallest standard deviation divided by: silence makes some descriptors constant."""


@dataclass(frozen=True)
class Normaliser:
    """Mean and standard deviation of every descriptor, float64 (descriptors,)."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, recordings: Iterable[NDArray[np.float32]]) -> "Normaliser":
        """Fit to the rows (rows, descriptors) of the training recordings, one at a time.

        Moments are pooled as by Chan, Golub and LeVeque 1983; the variance is ÷ n.

        Raises:
            ValueError: there is no row at all.
        """
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for rows in recordings:
            if not len(rows):
                continue
            own_mean = rows.mean(axis=0, dtype=np.float64)
            delta = own_mean - mean
            total = count + len(rows)
            own_squares = np.square(rows - own_mean).sum(axis=0)
            squares = squares + own_squares + delta**2 * (count * len(rows) / total)
            mean = mean + delta * (len(rows) / total)
            count = total
        if count == 0:
            raise ValueError("no row to fit a normaliser to")
        return cls(mean, np.maximum(np.sqrt(squares / count), STD_FLOOR))

    def apply(self, rows: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Z-normed rows (rows, descriptors); zeros where there is no sound."""
        normed = (rows - self.mean) / self.std
        return np.where(present[:, None], normed, 0).astype(np.float32)
