"""Arrays out of files of several formats, by the names `features`, `times`, `rate`, `present`.

What a header states is compared with what the file can hold before any memory is taken.
"""

import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.outside_files import check_safetensors, h5_dataset

MOST_BYTES = 4 << 30
"""Most that the arrays of an item may take in memory."""
KINDS = frozenset({"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"})
"""Types of numbers in safetensors that numpy has."""

NAMES = ("features", "times", "rate", "present")


@dataclass(frozen=True)
class Given:
    """Arrays as a file has them, not checked yet.

    Attributes:
        features: (T, D), or (D,).
        times: (T,) seconds.
        rate: rows a second.
        present: (T,).
    """

    features: NDArray[Any]
    times: NDArray[Any] | None = None
    rate: float | None = None
    present: NDArray[Any] | None = None


def given_of(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Given:
    """Arrays by their names.

    Raises:
        InputError: there is none named features, or the rate is no number.
    """
    if "features" not in arrays:
        known = ", ".join(sorted(arrays)[:10]) or "nothing"
        raise InputError(f"{path} has no array features, but {known}", "name it features")
    rate = arrays.get("rate")
    if rate is not None and rate.size != 1:
        raise InputError(f"{path} has a rate of shape {rate.shape}", "write one number")
    return Given(
        arrays["features"],
        arrays.get("times"),
        None if rate is None else _rate(path, rate.reshape(-1)[0]),
        arrays.get("present"),
    )


def _rate(path: Path, stated: object) -> float:
    """Rows a second, as a number or its text.

    Raises:
        InputError: it is neither.
    """
    try:
        return float(str(stated))
    except ValueError as error:
        reason = f"{path} has the rate {str(stated)[:40]!r}"
        raise InputError(reason, "write one number, rows a second") from error


def check_size(path: Path, name: str, shape: tuple[int, ...], itemsize: int) -> int:
    """The bytes of an array.

    Raises:
        InputError: they are more than any item's.
    """
    size = math.prod(shape) * itemsize
    if size > MOST_BYTES or any(length < 0 for length in shape):
        raise InputError(
            f"{path} states {name} of shape {shape}, {size / 2**30:.1f} GiB",
            f"cut the item into parts of at most {MOST_BYTES >> 30} GiB",
        )
    return size


def read_npy(path: Path) -> Given:
    """A .npy, as it lies on the disk."""
    with path.open("rb") as stream:
        shape, dtype = _npy_header(path, "the array", stream)
    check_size(path, "features", shape, dtype.itemsize)
    return Given(np.load(path, mmap_mode="r", allow_pickle=False))


def read_npz(path: Path) -> Given:
    """A .npz, compressed or not."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for name in members.keys() & set(NAMES):
            with archive.open(members[name]) as stream:
                shape, dtype = _npy_header(path, name, stream)
            if check_size(path, name, shape, dtype.itemsize) > members[name].file_size:
                raise InputError(f"{path} states {name} of shape {shape} and ends before", AGAIN)
    with np.load(path, allow_pickle=False) as file:
        return given_of(path, {name: file[name] for name in NAMES if name in file})


AGAIN = "write the file again"


def _npy_header(path: Path, name: str, stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise InputError(f"{path} has {name} in version {version} of .npy", "save it by numpy")
    shape, _, dtype = read(stream)
    if dtype.kind not in "fiub":
        raise InputError(
            f"{path} has {name} of type {dtype}", "save plain numbers: objects are never loaded"
        )
    return shape, dtype


def read_h5(path: Path) -> Given:
    """An HDF5 file whose arrays lie in itself."""
    import h5py

    arrays: dict[str, NDArray[Any]] = {}
    with h5py.File(path, "r") as file:
        for name in NAMES:
            if name not in file:
                if name == "rate" and name in file.attrs:
                    arrays[name] = np.asarray(file.attrs[name])
                continue
            dataset = h5_dataset(path, file, name, kinds="fiub", remedy=AGAIN)
            check_size(path, name, dataset.shape, dataset.dtype.itemsize)
            arrays[name] = dataset[()] if dataset.shape else np.asarray(dataset[()])
    return given_of(path, arrays)


def read_safetensors(path: Path) -> Given:
    """A .safetensors."""
    from safetensors import safe_open

    shapes = check_safetensors(path, remedy=AGAIN)  # of tensors that the file holds
    with safe_open(path, "numpy") as file:
        for name in shapes.keys() & set(NAMES):
            check_size(path, name, shapes[name], 1)
            kind = file.get_slice(name).get_dtype()
            if kind not in KINDS:
                raise InputError(f"{path} has {name} of type {kind}", "save it as F32")
        arrays = {name: file.get_tensor(name) for name in shapes if name in NAMES}
        metadata = file.metadata() or {}
    if "rate" in metadata and "rate" not in arrays:
        arrays["rate"] = np.array(metadata["rate"])
    return given_of(path, arrays)


def read_csv(path: Path) -> Given:
    """A .csv with a header, or a .parquet: a row a row."""
    import pandas as pd

    check_size(path, "its text", (path.stat().st_size,), 1)
    return _of_columns(path, pd.read_csv(path))


def read_parquet(path: Path) -> Given:
    """A .parquet, whose footer says how large it is."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        check_size(path, "a table", (file.metadata.num_rows, file.metadata.num_columns), 8)
        return _of_columns(path, file.read().to_pandas())


def _of_columns(path: Path, table: Any) -> Given:
    named = {"time", "times", "rate", "present"}
    rest = [column for column in table.columns if column not in named]
    for column in table.columns:
        if table[column].dtype.kind not in "fiub":
            raise InputError(f"{path} column {column} is not of numbers", "correct its values")
    if not rest:
        raise InputError(f"{path} has no column of features", "add a column a dimension")
    when = next((table[c].to_numpy() for c in ("time", "times") if c in table), None)
    rate = float(table["rate"].iloc[0]) if "rate" in table and len(table) else None
    present = table["present"].to_numpy() if "present" in table else None
    return Given(table[rest].to_numpy(), when, rate, present)


READERS: Mapping[str, Callable[[Path], Given]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".h5": read_h5,
    ".safetensors": read_safetensors,
}
