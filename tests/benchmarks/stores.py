"""Benchmarks of the Zarr stores against NumPy's files."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.extractors.vggface.network import FC6
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.writing import new_item, plain_codecs
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, compare, compare_sizes, timed

FEATURES = 240
"""Frames of fc6."""


def store(inputs: Inputs) -> list[Row]:
    """Crops, and fc6 features, of which half are zeros as after a ReLU."""
    features = np.random.default_rng(0).standard_normal((FEATURES, FC6)).clip(0).astype(np.float16)
    return _store(inputs.folder, "crops", inputs.crops) + _store(inputs.folder, "fc6", features)


def _store(folder: Path, name: str, array: NDArray[Any]) -> list[Row]:
    item, store, file = folder / f"{name}-item", folder / f"{name}.zarr", folder / f"{name}.npy"

    def write() -> None:
        shutil.rmtree(item, ignore_errors=True)
        with new_item(item, {}) as writer:
            codecs = plain_codecs(array.shape[1:], array.dtype) if name == "fc6" else {}
            writer.rows(name, array.shape, array.dtype, **codecs).append(array)
        assemble(store, {"a": item}, {})

    ways: list[tuple[str, Callable[[], object], str, Callable[[], object]]] = [
        (
            "new_item",
            write,
            "np.save",
            lambda: np.save(file, array),
        ),
        (
            "rows",
            lambda: open_store(store, stage=name).rows("a", name)[:],
            "np.load",
            lambda: np.load(file),
        ),
    ]
    megabytes = array.nbytes / 1e6
    rows = [
        compare(
            f"`{ours}`, {megabytes:.1f} MB of {name}",
            f"`{theirs}`",
            timed(work),
            timed(bare),
            amount=megabytes,
            unit="MB/s",
            repeats=15,
        )
        for ours, work, theirs, bare in ways
    ]
    size = sum(part.stat().st_size for part in store.rglob("*") if part.is_file())
    return [*rows, compare_sizes(f"size of stored {name}", "`.npy`", size, file.stat().st_size)]
