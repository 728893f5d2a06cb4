"""Reading valence and arousal, and giving every video frame its label."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.table import read_table
from features.errors import InputError

TARGETS = ("valence", "arousal")


def read_labels(path: Path) -> pd.DataFrame:
    """Read a labels CSV.

    Returns:
        Columns time (seconds, NaN throughout where the file has a row per frame), valence and
        arousal, float64.

    Raises:
        InputError: a column is missing or a value is no number; names row and column.
    """
    table = read_table(path)
    numbers = {}
    for column in (*TARGETS, "time"):
        if column not in table:
            if column == "time":
                numbers["time"] = pd.Series(np.nan, table.index)
                continue
            raise InputError(f"{path} has no column {column}", "add it")
        numbers[column] = pd.to_numeric(table[column], errors="coerce").astype("float64")
        for row in table.index[~np.isfinite(numbers[column])]:
            raise InputError(
                f"{path} row {row + 2} column {column} is {table[column][row]!r}, not a number",
                "mend the value",
            )
    if "time" in table and not (np.diff(numbers["time"]) > 0).all():
        raise InputError(f"{path} column time does not increase", "sort its rows by time")
    return pd.DataFrame({column: numbers[column] for column in ("time", *TARGETS)})


def frame_labels(
    labels: pd.DataFrame, times: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The label of every frame, and whether it counts.

    With a time column a frame takes the label nearest to its start, if that is within half of the
    labels' median step; without, row i belongs to frame i. A frame without a label, or with one
    outside [−1, 1] in either dimension (Aff-Wild2 writes −5), does not count.

    Args:
        labels: as `read_labels` gives them.
        times: (frames,) start of each frame in container seconds.

    Returns:
        Labels (frames, 2) with zeros where there is none, and valid (frames,).
    """
    at = labels["time"].to_numpy()
    values = labels[list(TARGETS)].to_numpy()
    if len(at) == 0:
        return np.zeros((len(times), 2), np.float32), np.zeros(len(times), bool)
    if np.isnan(at).any():
        row = np.arange(len(times))
        found = row < len(values)
    else:
        row = _nearest(at, times)
        reach = np.median(np.diff(at)) / 2 if len(at) > 1 else np.inf
        found = np.abs(at[row] - times) <= reach + 1e-6
    chosen = values[np.minimum(row, len(values) - 1)]
    valid = found & (np.abs(chosen) <= 1).all(axis=1)
    return np.where(valid[:, None], chosen, 0).astype(np.float32), valid


def _nearest(sorted_values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    after = np.clip(np.searchsorted(sorted_values, at), 1, max(1, len(sorted_values) - 1))
    after = np.minimum(after, len(sorted_values) - 1)
    before = np.maximum(after - 1, 0)
    closer_before = at - sorted_values[before] <= sorted_values[after] - at
    return np.where(closer_before, before, after)
