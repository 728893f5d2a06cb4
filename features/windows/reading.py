"""The rows of one stream as a model sees them: z-normed when they are read, parts joined."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.stores.store import ItemRows
from features.stores.streams import StreamStore
from features.stores.windows import Steps, WindowedStream, WindowStore
from features.windows.clocks import Clock, frames_at
from features.windows.normaliser import Normaliser


class _Part:
    """The rows of a stream, z-normed if it is."""

    def __init__(self, store: StreamStore, normaliser: Normaliser | None) -> None:
        self._store, self._normaliser = store, normaliser
        self._rows: dict[str, ItemRows | NDArray[Any]] = {}

    @property
    def settled(self) -> dict[str, Any]:
        """The values of settings that were left to the machine that made the rows."""
        return self._store.settled

    def nbytes(self, item: str) -> int:
        """Bytes of an item's rows in memory."""
        rows = self._store.rows(item)
        size = rows.dtype.itemsize if self._normaliser is None else 4
        return int(np.prod(rows.shape)) * size

    def clock(self, item: str) -> Clock:
        """When an item's rows are."""
        store = self._store
        return Clock(store.times(item), store.span(item), store.window, store.rate)

    def present(self, item: str) -> NDArray[np.bool_]:
        """(T,), whether there was a face or sound."""
        return self._store.present(item)

    def load(self, item: str) -> None:
        """Read an item's rows into memory."""
        self._rows[item] = self.read(item, 0, len(self._store.rows(item)))

    def read(self, item: str, low: int, high: int) -> NDArray[Any]:
        """Rows [low, high), (n, D); a crop's pixels one after the other."""
        if item not in self._rows:
            self._rows[item] = self._store.rows(item)
        rows = self._rows[item][low:high]
        rows = rows.reshape(len(rows), self._store.width)  # a view: no pixel is copied
        if self._normaliser is None or isinstance(self._rows[item], np.ndarray):
            return rows
        return self._normaliser.apply(rows, self._store.present(item)[low:high])

    def blank(self) -> NDArray[np.float32] | None:
        """The row of a face that shows nothing; None where it is not known."""
        if self._store.blank is None:
            return None
        row = np.array([self._store.blank], np.float32)
        if self._normaliser is not None:
            row = self._normaliser.apply(row, np.ones(1, np.bool_))
        return row[0]


class StreamReader:
    """A stream, or streams joined side by side.

    Args:
        windows: the windows store.
        name: of the stream.
        stores: of its parts, in their order.
        normalisers: of its parts, in place of those fitted to the train split.

    Attributes:
        stream: what the windows store says of it.

    Raises:
        InputError: the windows store has no such stream.
    """

    def __init__(
        self,
        windows: WindowStore,
        name: str,
        stores: Sequence[StreamStore],
        normalisers: Sequence[Normaliser | None] | None = None,
    ) -> None:
        if name not in windows.streams:
            raise InputError(f"the windows store has no stream {name}", "run `dvc repro windows`")
        self.stream: WindowedStream = windows.streams[name]
        self._windows, self._name = windows, name
        fitted = self.stream.normaliser if normalisers is None else normalisers
        pairs = zip(stores, fitted, strict=True)
        self._parts = [_Part(store, normaliser) for store, normaliser in pairs]

    @property
    def width(self) -> int:
        """Dimension of a step's input vector."""
        return self.stream.width * self.stream.steps

    def steps(self, item: str) -> Steps:
        """The steps of an item, and the rows that they look at."""
        return self._windows.steps(item, self._name)

    def nbytes(self, item: str) -> int:
        """Bytes of an item's rows in memory."""
        return sum(part.nbytes(item) for part in self._parts)

    def load(self, item: str) -> None:
        """Read an item's rows into memory, from which they are given from now on."""
        for part in self._parts:
            part.load(item)

    def rows(self, item: str, low: int, high: int) -> NDArray[Any]:
        """Rows [low, high) of the (first) stream's, (n, D)."""
        first, *more = self._parts
        columns = [first.read(item, low, high)]
        companions = self.steps(item).others[low:high] if more else None
        for number, part in enumerate(more):
            assert companions is not None
            columns.append(_gathered(part, item, companions[:, number]))
        return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)

    def row_frames(self, item: str) -> NDArray[np.int32]:
        """The frame of the item that contains each row's centre, (T,); the nearest outside it.

        A picture is of the frame that begins with it, however long the next one fails to come.
        """
        clock = self._parts[0].clock(item)
        is_picture = self.stream.modality == "video" and clock.window is None
        at = clock.times if is_picture else clock.centres()
        return frames_at(self._windows.times(item), at)

    def row_present(self, item: str) -> NDArray[np.bool_]:
        """Whether there was a face or sound in each row, (T,)."""
        first, *more = self._parts
        present = first.present(item)
        for number, part in enumerate(more):
            companions = self.steps(item).others[:, number]
            present = present | np.append(part.present(item), False)[companions]
        return present

    def settled(self, part: int) -> dict[str, Any]:
        """The values of a part's settings that were left to the machine that made its rows."""
        return self._parts[part].settled

    def blank(self) -> NDArray[np.float32] | None:
        """The row of a face that shows nothing; None where it is not known of every part."""
        rows = [row for part in self._parts if (row := part.blank()) is not None]
        return np.concatenate(rows) if len(rows) == len(self._parts) else None


def _gathered(part: _Part, item: str, index: NDArray[np.int32]) -> NDArray[Any]:
    """Rows of a part by their index (n,), zeros for −1; read in one stretch."""
    inside = index >= 0
    low, high = (int(index[inside].min()), int(index[inside].max()) + 1) if inside.any() else (0, 0)
    rows = part.read(item, low, high)
    gathered = np.zeros((len(index), rows.shape[1]), rows.dtype)
    gathered[inside] = rows[index[inside] - low]
    return gathered
