"""Tables of labels: read from a CSV, made from a class, and given to the frames of a video."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.item import TIME
from features.corpora.table import DECIMAL, read_table
from features.errors import InputError
from features.task import AFFECT, Task

_DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$")


def class_label(shares: Mapping[str, float], classes: Sequence[str]) -> pd.DataFrame:
    """The label of a sequence: one row, a column per class, and no time.

    Args:
        shares: of the label, by class: {"anger": 1}, or parts of a soft label that add up to 1.
        classes: the outputs of the task.

    >>> class_label({"anger": 0.5, "fear": 0.5}, ("anger", "fear", "joy"))
       time  anger  fear  joy
    0   NaN    0.5   0.5  0.0
    """
    row = {TIME: np.nan, **{name: float(shares.get(name, 0)) for name in classes}}
    return pd.DataFrame(row, index=[0])


def read_labels(path: Path, targets: Sequence[str] = AFFECT.outputs) -> pd.DataFrame:
    """Read a labels CSV.

    Args:
        path: of the file.
        targets: its columns of numbers.

    Returns:
        Columns time (seconds, NaN throughout where the file has a row per frame) and the targets,
        float64.

    Raises:
        InputError: a column is missing or a value is no number; names row and column.
    """
    table = read_table(path)
    numbers = {TIME: pd.Series(np.nan, table.index, dtype="float64")}
    for column in (TIME, *targets):
        if column in table:
            numbers[column] = read_numbers(table[column], path)
        elif column != TIME:
            raise InputError(f"{path} has no column {column}", "add it")
    if TIME in table and not (np.diff(numbers[TIME]) > 0).all():
        raise InputError(f"{path} column time does not increase", "sort its rows by time")
    return pd.DataFrame(numbers)


def read_class_numbers(path: Path, classes: Sequence[str]) -> pd.DataFrame:
    """Read a file of one class a frame: names of the classes, then a number in every line.

    Args:
        path: of the file; its first line names the classes in the order of their numbers, from 0.
        classes: the outputs of the task.

    Returns:
        Columns time (NaN) and the classes, with 1 for that of the row; NaN throughout where it is
        −1, not labelled.

    Raises:
        InputError: the classes are others, or a line is no number of one; names the line.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first, *lines = file.read().rstrip().splitlines() or [""]
    named = [name.strip().lower() for name in first.split(",")]
    if named != list(classes):
        raise InputError(
            f"{path} line 1 names the classes {', '.join(named)}, expected {', '.join(classes)}",
            "give the annotations of a year with these classes",
        )
    numbers = np.array([_class_number(line, len(classes)) for line in lines], np.int64)
    for row in np.flatnonzero(numbers < -1):
        raise InputError(
            f"{path} line {row + 2} is {lines[row]!r}, no number of a class",
            f"write 0 to {len(classes) - 1}, or -1 for none",
        )
    shares = np.where(numbers[:, None] < 0, np.nan, np.eye(len(classes))[numbers])
    return pd.DataFrame({TIME: np.nan, **dict(zip(classes, shares.T, strict=True))})


def _class_number(line: str, classes: int) -> int:
    """The number of a class, −1 for none, −2 for what is neither."""
    text = line.strip()
    known = {str(number) for number in range(-1, classes)}
    return int(text) if text in known else -2


def read_numbers(column: pd.Series, path: Path) -> pd.Series:
    """The numbers that a column of a table holds as text, float64.

    Where no comma separates the values, it may stand before decimals.

    Raises:
        InputError: a value is no finite number; names the file `path`, row and column.
    """
    values = column
    if column.attrs.get(DECIMAL) == ",":
        values = column.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    for row in column.index[~np.isfinite(numbers)]:
        raise InputError(
            f"{path} row {row + 2} column {column.name} is {column[row]!r}, not a number",
            "correct the value",
        )
    return numbers


def frame_labels(
    labels: pd.DataFrame, times: NDArray[np.float64], task: Task
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The label of every frame, and whether it counts.

    With times a frame takes the label nearest to its start, if that is within half of the labels'
    median step, or, of a single label, half of the frames'; without, row i belongs to frame i. A
    frame without a label, or with a target that is not finite or outside the task's range
    (Aff-Wild2 writes −5), does not count.

    Args:
        labels: a column `time`, in container seconds or NaN, and one for each output.
        times: (frames,) start of each frame in container seconds; those of an item that is a part
            of a file begin with the part's first frame, which row 0 belongs to.
        task: of frames; a class's share that is NaN makes its frame one without a label.

    Returns:
        Labels (frames, outputs), exactly as given but as float32, with zeros where there is none,
        and valid (frames,).

    >>> task = Task(outputs=("valence",))
    >>> labels = pd.DataFrame({"time": [0.0, 0.1], "valence": [0.5, -5.0]})
    >>> values, valid = frame_labels(labels, np.array([0.0, 0.04, 0.1, 0.9]), task)
    >>> values.ravel().tolist(), valid.tolist()
    ([0.5, 0.5, 0.0, 0.0], [True, True, False, False])
    """
    at = labels[TIME].to_numpy()
    values = labels[list(task.outputs)].to_numpy()
    if len(at) == 0:
        shape = (len(times), len(task.outputs))
        return np.zeros(shape, np.float32), np.zeros(len(times), bool)
    if np.isnan(at).any():
        row = np.arange(len(times))
        is_labelled = row < len(values)
    else:
        row = _nearest(at, times)
        stepping = at if len(at) > 1 else times
        reach = np.median(np.diff(stepping)) / 2 if len(stepping) > 1 else np.inf
        is_labelled = np.abs(at[row] - times) <= reach + 1e-6
    chosen = values[np.minimum(row, len(values) - 1)]
    valid = is_labelled & np.all((chosen >= task.low) & (chosen <= task.high), axis=1)
    return np.where(valid[:, None], chosen, 0).astype(np.float32), valid


def labels_of(
    labels: pd.DataFrame | None, times: NDArray[np.float64], task: Task
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The labels of an item's frames, or its one label, and which of them count.

    Args:
        labels: the item's table; None where it has none.
        times: (frames,) start of each frame in container seconds.
        task: what the labels are of.

    Returns:
        Labels (frames or 1, outputs), exactly as given but as float32, with zeros where there is
        none, and valid (frames or 1,).
    """
    count = len(times) if task.level == "frame" else 1
    if labels is None or labels.empty:
        return np.zeros((count, len(task.outputs)), np.float32), np.zeros(count, np.bool_)
    if task.level == "frame":
        return frame_labels(labels, times, task)
    values = labels[list(task.outputs)].to_numpy(np.float32)[:1]
    valid = np.asarray(((values >= task.low) & (values <= task.high)).all(axis=1))
    return np.where(valid[:, None], values, 0).astype(np.float32), valid


def _nearest(sorted_values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    after = np.clip(np.searchsorted(sorted_values, at), 1, max(1, len(sorted_values) - 1))
    after = np.minimum(after, len(sorted_values) - 1)
    before = np.maximum(after - 1, 0)
    closer_before = at - sorted_values[before] <= sorted_values[after] - at
    return np.where(closer_before, before, after)
