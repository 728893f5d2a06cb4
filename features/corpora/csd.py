"""Computational sequences of the CMU Multimodal SDK: HDF5 files with rows in time for every video.

<name>/data/<video>/features (n, d) and .../intervals (n, 2), start and end in seconds
"""

from functools import cached_property, lru_cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

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
            raise InputError(f"{file} is not a readable HDF5 file", "get the file again") from error
        if len(roots) != 1:
            raise InputError(f"{file} has {len(roots)} groups instead of one", "get the file again")
        self._data = self._group(self._group(self._root, roots[0]), "data")
        self.videos = frozenset(self._data)
        if not self.videos:
            raise InputError(f"{file} has no video", "get the file again")
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
                "get the file again",
            )
        times = intervals[...].astype(np.float64)
        order = np.argsort(times[:, 0], kind="stable")
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, and is cleaned
            return times[order], features[...].astype(np.float32)[order]

    def _group(self, parent: h5py.Group, name: str) -> h5py.Group:
        return self._member(parent, name, h5py.Group)

    def _dataset(self, parent: h5py.Group, name: str) -> h5py.Dataset:
        dataset = self._member(parent, name, h5py.Dataset)
        is_here = not dataset.is_virtual and not dataset.external
        if (
            dataset.ndim != 2
            or not dataset.shape[1]
            or dataset.dtype.kind not in "fiu"
            or not is_here
        ):
            raise InputError(
                f"{dataset.name} of {self.file} is not a table of numbers of its own",
                "get the file again",
            )
        if dataset.size > MOST_VALUES:
            raise InputError(
                f"{dataset.name} of {self.file} claims {dataset.size} values", "get the file again"
            )
        return dataset

    def _member(self, parent: h5py.Group, name: str, kind: type) -> h5py.Group | h5py.Dataset:
        link = parent.get(name, getlink=True)
        member = parent[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(member, kind):
            raise InputError(
                f"{self.file} has no {kind.__name__.lower()} {name!r} in {parent.name}"
                + (", but a link" if link is not None and member is None else ""),
                "get the file again",
            )
        return member
