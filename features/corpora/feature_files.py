"""One file of features that somebody made, read into arrays: no pickle, and no size believed.

A file holds `features` (T, D), or (D,) for one vector of the whole item, when its rows begin:
`times` (T,) in seconds, or `rate`, rows a second; and, if it likes, `present` (T,), false where
there was no face or no sound. .npz, .h5 and .safetensors hold arrays of these names; .csv and
.parquet hold columns `time` and `present`, all other columns being features; .npy holds `features`
alone. A metadata entry `rate` of .safetensors and an attribute `rate` of .h5 count as the array.

A row may be not finite only where it is not present: it counts as zeros then.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.corpora.array_files import READERS, Given
from features.corpora.item import Features
from features.errors import InputError

SUFFIXES = tuple(READERS)
MOST_RATE = 100_000
"""Rows a second: more than any sound has samples."""


def read_features(path: Path, rate: float | None = None) -> Features:
    """The features of one item, checked.

    Args:
        path: of the file, with one of SUFFIXES.
        rate: rows a second, where the file does not say.

    Raises:
        InputError: it cannot be read, or holds something else; names the file and what to do.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path} has a suffix that no features have", f"write one of {', '.join(SUFFIXES)}"
        )
    try:
        if not path.is_file():
            raise InputError(f"there is no file {path}", "add it, or drop the item")
        given = reader(path)
        return checked(given, str(path), rate)
    except InputError:
        raise
    except Exception as error:  # there is no telling what a damaged file makes of its reader
        problem = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is damaged or no {path.suffix} of features ({problem})", "write it again"
        ) from error


def checked(given: Given, where: str, rate: float | None = None) -> Features:
    """Arrays that somebody gave, as a stream of an item.

    Args:
        given: the arrays.
        where: what to call them in a message: a file.
        rate: rows a second, where they do not say.

    Raises:
        InputError: shapes, times or values are impossible; says where.

    >>> stream = checked(Given(np.zeros((3, 2)), rate=2.0), "x.npz")
    >>> stream.times.tolist(), stream.present.tolist()
    ([0.0, 0.5, 1.0], [True, True, True])
    """
    rows = given.features[None] if given.features.ndim == 1 else given.features
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind not in "fiu":
        raise InputError(
            f"{where} has features of shape {given.features.shape} and type {rows.dtype}",
            "write numbers of shape (rows, dimensions), at least one of each",
        )
    times = _times(given, len(rows), where, rate)
    present = np.ones(len(rows), np.bool_)
    if given.present is not None:
        present = given.present.reshape(-1)
        if len(present) != len(rows) or not np.isin(present, (0, 1)).all():
            raise InputError(
                f"{where} has present of shape {given.present.shape} for {len(rows)} rows",
                "write one true or false (or 1 or 0) a row",
            )
        present = present.astype(np.bool_)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, and is refused
        rows = rows.astype(np.float32, copy=False)
    faulty = ~np.isfinite(rows).all(axis=1)
    if (faulty & present).any():
        row = int(np.flatnonzero(faulty & present)[0])
        column = int(np.flatnonzero(~np.isfinite(rows[row]))[0])
        raise InputError(
            f"{where} row {row} column {column} is {rows[row, column]}, and "
            f"{int((faulty & present).sum())} of {len(rows)} rows are not finite",
            "correct them, or set present to false there",
        )
    if faulty.any():
        rows = np.where(faulty[:, None], np.float32(0), rows)
    return Features(times, rows, present)


def _times(given: Given, count: int, where: str, rate: float | None) -> NDArray[np.float64]:
    """When the rows begin, in seconds."""
    if given.times is not None:
        times = given.times.reshape(-1)
        if len(times) != count or times.dtype.kind not in "fiu":
            raise InputError(
                f"{where} has times of shape {given.times.shape} and type {times.dtype} for "
                f"{count} rows",
                "write one number of seconds a row",
            )
        times = times.astype(np.float64)
        if not np.isfinite(times).all() or times[0] < 0:
            raise InputError(f"{where} has times that are negative or not finite", "correct them")
        if not (np.diff(times) > 0).all():
            row = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 1
            raise InputError(
                f"{where} row {row} begins at {times[row]:g} s, not after the row before it",
                "sort the rows by their times, in seconds",
            )
        return times
    if count == 1:
        return np.zeros(1)
    stated = given.rate if given.rate is not None else rate
    if stated is None:
        raise InputError(
            f"{where} has {count} rows and neither times nor a rate",
            "write times or rate into it, or corpus.folder.rates: {STREAM: rows a second}",
        )
    if not 0 < stated <= MOST_RATE:
        raise InputError(
            f"{where} has a rate of {stated:g} rows a second", f"write one up to {MOST_RATE:,}"
        )
    return np.arange(count) / stated
