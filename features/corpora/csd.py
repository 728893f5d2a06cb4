"""Computational sequences of the CMU Multimodal SDK: HDF5 files with rows in time for every video.

<name>/data/<video>/features (n, d) and .../intervals (n, 2), start and end in seconds
"""

from functools import cached_property, lru_cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.outside_files import AGAIN, h5_dataset, h5_member

MOST_VALUES = 10**8
"""Most values of one video's features: four hours of the largest that are published."""

Rows = tuple[NDArray[np.float64], NDArray[np.float32]]
"""Intervals (n, 2) by their start, and features (n, d)."""


class ComputationalSequence:
    """One .csd file; read a video at a time.

    Raises:
        InputError: the file is not a computational sequence, or a link in it leads elsewhere.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._root = h5py.File(file, "r")
            roots = list(self._root)
        except OSError as error:
            raise InputError(f"{file} is not a readable HDF5 file", AGAIN) from error
        if len(roots) != 1:
            raise InputError(f"{file} has {len(roots)} groups instead of one", AGAIN)
        self._data = self._group(self._group(self._root, roots[0]), "data")
        self.videos = frozenset(self._data)
        if not self.videos:
            raise InputError(f"{file} has no video", AGAIN)
        self.rows = lru_cache(maxsize=2)(self._rows)

    @cached_property
    def dimensions(self) -> int:
        """Number of features of a row."""
        return self._dataset(self._group(self._data, min(self.videos)), "features").shape[1]

    def _rows(self, video: str) -> Rows:
        """All rows of a video; none for one that is not there."""
        if video not in self.videos:
            return np.zeros((0, 2)), np.zeros((0, self.dimensions), np.float32)
        group = self._group(self._data, video)
        intervals, features = (self._dataset(group, name) for name in ("intervals", "features"))
        columns = (intervals.shape[1], features.shape[1])
        if columns != (2, self.dimensions) or len(intervals) != len(features):
            raise InputError(
                f"{features.name} of {self.file} has shape {features.shape} and its intervals "
                f"{intervals.shape}",
                AGAIN,
            )
        times = intervals[...].astype(np.float64)
        order = np.argsort(times[:, 0], kind="stable")
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, and is cleaned
            return times[order], features[...].astype(np.float32)[order]

    def _group(self, parent: h5py.Group, name: str) -> h5py.Group:
        member = h5_member(self.file, parent, name, AGAIN, f"{parent.name}/{name}")
        if not isinstance(member, h5py.Group):
            raise InputError(f"{self.file}: {member.name} is not a group", AGAIN)
        return member

    def _dataset(self, parent: h5py.Group, name: str) -> h5py.Dataset:
        what = f"{parent.name}/{name}"
        dataset = h5_dataset(self.file, parent, name, what=what, kinds="fiu", remedy=AGAIN)
        if dataset.ndim != 2 or not dataset.shape[1]:
            raise InputError(f"{self.file}: {what} is not a table of numbers", AGAIN)
        if dataset.size > MOST_VALUES:
            raise InputError(f"{self.file}: {what} claims {dataset.size} values", AGAIN)
        return dataset
