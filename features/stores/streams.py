"""The store of one stream: rows of every item, when they begin, and whether anything was there."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from features.extractors.described import Described
from features.media.rates import AUDIO_ONLY_RATE
from features.stores.store import ItemRows, Store, open_store
from features.stores.writing import ItemWriter, Rows, new_item, plain_codecs

ROWS = "rows"

FACES = "faces"
"""Attribute of a stream of crops: the store that holds them, from the stream's folder on."""

CROPS = "crops"


def begin_described(writer: ItemWriter, described: Described) -> None:
    """Write all that is said of an item but its rows."""
    writer.write("times", described.times.astype(np.float64))
    writer.write("present", described.present)
    writer.write("span", np.array(span_of(described)))
    if described.voice is not None:
        writer.write("voice", described.voice)
    writer.note(rate=described.rate, window=described.window, **(described.attributes or {}))


def begin_rows(writer: ItemWriter, shape: tuple[int, ...], dtype: DTypeLike) -> Rows:
    """Begin an item's rows, (rows, ...), which are written as they are: training reads them."""
    return writer.rows(ROWS, shape, dtype, **plain_codecs(shape[1:], dtype))


def write_described(out: Path, described: Described) -> None:
    """Write an item, all at hand, into a folder."""
    with new_item(out, {}) as writer:
        begin_described(writer, described)
        begin_rows(writer, described.rows.shape, described.rows.dtype).append(described.rows)


def span_of(described: Described) -> tuple[float, float]:
    """The second at which the recording begins, and how many it lasts."""
    if described.span is not None:
        return described.span
    return span_of_times(described.times)


def span_of_times(times: NDArray[np.float64]) -> tuple[float, float]:
    """From the first row on to the end of the last, which is as long as the median row.

    >>> span_of_times(np.array([1.0, 1.5, 2.0]))
    (1.0, 1.5)
    """
    if not len(times):
        return 0.0, 0.0
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / AUDIO_ONLY_RATE
    return float(times[0]), float(times[-1] - times[0]) + step


class StreamStore:
    """The store of a stream, opened for reading.

    Args:
        store: as `open_store` returns it.
        faces: the store of crops that are its rows; None where it has rows itself.
    """

    def __init__(self, store: Store, faces: Store | None = None) -> None:
        self._store = store
        self._content, self._rows = (store, ROWS) if faces is None else (faces, CROPS)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._store.path

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items, sorted."""
        return self._content.items

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings that the rows were made with."""
        return self._store.attribute("settings")

    @property
    def settled(self) -> dict[str, Any]:
        """The values of settings that were left to the machine that made the rows."""
        return self._store.attributes.get("settled", {})

    @property
    def width(self) -> int:
        """Numbers of a row, those of a crop counted one by one; 0 where there is no item."""
        return self._content.width(self._rows)

    @property
    def blank(self) -> list[float] | None:
        """The row of a face that shows nothing; None where it is not known."""
        return self._store.attributes.get("blank")

    @property
    def rate(self) -> float | None:
        """Rows per second where they are regular."""
        return self._store.attributes.get("rate")

    @property
    def window(self) -> float | None:
        """Seconds that a row describes from its time on; None: until the next row begins."""
        return self._store.attributes.get("window")

    def key(self, item: str) -> str:
        """Hash of all that an item's rows depend on."""
        return self._content.key(item)

    def rows(self, item: str) -> ItemRows:
        """(T, D), or crops (T, H, W, 3) uint8 RGB, read when they are sliced."""
        return self._content.rows(item, self._rows)

    def times(self, item: str) -> NDArray[np.float64]:
        """(T,) seconds at which the rows begin, on the recording's clock."""
        return self._content.array(item, "times")

    def present(self, item: str) -> NDArray[np.bool_]:
        """(T,), whether there was a face or sound."""
        return self._content.array(item, "present")

    def span(self, item: str) -> tuple[float, float]:
        """The second at which the recording begins, and how many it lasts."""
        if not self._content.has("span"):
            return span_of_times(self.times(item))
        start, seconds = self._content.array(item, "span")
        return float(start), float(seconds)

    def voice(self, item: str) -> NDArray[np.bool_]:
        """(T,), where sound is speech; all that is present where nothing is known of pauses."""
        name = "voice" if self._content.has("voice") else "present"
        return self._content.array(item, name)


def open_stream(path: Path, *, name: str = "") -> StreamStore:
    """Open the store of a stream.

    Args:
        path: the store.
        name: of the stream, for what has to run again.

    Raises:
        InputError: it is missing, unreadable, or of another schema.
    """
    store = open_store(path, stage=f"extract@{name or path.stem}")
    if FACES not in store.attributes:
        return StreamStore(store)
    return StreamStore(store, open_store(path.parent / store.attributes[FACES], stage="faces"))
