"""Face crops of many recordings through one network: reading, the network and writing at once.

Crops of many recordings go through the network in batches of one shape, the last one filled up.
That keeps the device busy however short the recordings are, and a frame's numbers then never
depend on which frames share its batch: a run that was killed goes on to the same bits. They do
depend on the batch's shape, because that chooses the kernels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.extractors.settings import StreamSettings
from features.files import Files

T = TypeVar("T")

BATCH_SIZE = 32
"""Crops of a batch, unless an extractor says otherwise."""

Measured = Callable[[list[Any], Callable[[Path], None]], Files]
"""Has what a function measures on a machine measured once: given what tells the machine apart, and
the function, returns the files that the function wrote."""


@dataclass(frozen=True)
class CropBlock(Generic[T]):
    """Consecutive frames of a recording.

    Attributes:
        tag: comes back with the rows.
        crops: (n, H, W, 3) uint8 RGB, of the same size in all blocks.
        present: (n,), whether a crop shows a face.
    """

    tag: T
    crops: NDArray[np.uint8]
    present: NDArray[np.bool_]


class Batch(Protocol):
    """One batch with its memory.

    Attributes:
        crops: (B, H, W, 3) uint8 RGB, to be filled; a batch that is not full is computed whole.
    """

    crops: NDArray[np.uint8]

    def start(self) -> None:
        """Compute it; on a GPU this may return at once."""
        ...

    def finish(self) -> NDArray[Any]:
        """Wait for the rows (B, D)."""
        ...


class OfCrops:
    """An extractor that describes face crops by themselves, those of many items together.

    A subclass has `describe`, or a `batch` of its own.

    Attributes:
        title: what it is called in messages.
        remedy: what to do where it fails.
        device: where it runs.
        outputs: numbers of a row.
        batch_size: crops that are described at once.
        dtype: of the rows, float16 or float32.
    """

    title: str = ""
    remedy: str = "fix the class"
    device: str = "cpu"
    outputs: int
    batch_size: int = BATCH_SIZE
    dtype: ClassVar[type[np.floating[Any]]] = np.float32

    @classmethod
    def settle(cls, settings: Any, _device: str, _measured: Measured) -> StreamSettings:
        """The settings with what they leave to the machine; by default that is nothing."""
        return settings

    def describe(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """Rows (B, D) of a batch of crops (B, H, W, 3) uint8 RGB."""
        raise NotImplementedError

    def batch(self, shape: tuple[int, ...]) -> Batch:
        """Make room for a batch of crops of a shape (B, H, W, 3)."""
        return _PlainBatch(self, shape)

    def blank_crop(self) -> NDArray[np.uint8] | None:
        """A crop (H, W, 3) that shows nothing; None where it is not known what that is."""
        return None

    def origin(self) -> dict[str, Any]:
        """What there is to say of the network, as JSON; it is written with each item."""
        return {}


class _PlainBatch:
    """A batch that is computed when it is started."""

    def __init__(self, extractor: OfCrops, shape: tuple[int, ...]) -> None:
        self._extractor = extractor
        self.crops = np.zeros(shape, np.uint8)
        self._rows = np.zeros((shape[0], extractor.outputs), extractor.dtype)

    def start(self) -> None:
        self._rows = self._extractor.describe(self.crops)

    def finish(self) -> NDArray[Any]:
        return self._rows


def rows_of_blocks(
    extractor: OfCrops, blocks: Iterable[CropBlock[T]]
) -> Generator[tuple[T, NDArray[Any]], None, None]:
    """Describe the crops that show a face.

    Blocks are read in one thread, the network runs in another and the results are taken in the
    caller's. Memory holds three blocks and a few batches, however long the recordings are.

    Args:
        extractor: the network.
        blocks: the crops.

    Yields:
        A block's tag and the rows (n, D) of its next frames, zeros where there is no face,
        infinite where a number is beyond their type; at least once for each block, in order.
    """
    # Closed here, not by the garbage collector: that may run in a thread that reading waits for.
    with (
        closing(ahead(blocks, 1)) as reading,
        closing(ahead(_compute(extractor, reading), 2)) as computing,
    ):
        yield from computing


def ahead(source: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Iterate over a source in a thread of its own, that many elements ahead."""
    elements = iter(source)
    end = object()
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, elements, end) for _ in range(depth))
        while (element := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, elements, end))
            yield element  # type: ignore[misc]  # no `end`


def _compute(
    extractor: OfCrops, blocks: Iterable[CropBlock[T]]
) -> Iterator[tuple[T, NDArray[Any]]]:
    batches = _Batches(extractor)
    waiting: deque[tuple[T, NDArray[np.bool_]]] = deque()
    for block in blocks:
        for part in _parts(len(block.present), batches.size):
            present = block.present[part]
            batches.add(block.crops[part][present])
            waiting.append((block.tag, present))
            yield from _finished(waiting, batches)
    batches.finish()
    yield from _finished(waiting, batches)


def _parts(length: int, size: int) -> Iterator[slice]:
    """Slices of at most a size; an empty one for a length of zero."""
    return (slice(first, first + size) for first in range(0, max(1, length), size))


def _finished(
    waiting: deque[tuple[T, NDArray[np.bool_]]], batches: _Batches
) -> Iterator[tuple[T, NDArray[Any]]]:
    """Take what has all its rows off the waiting list."""
    while waiting and (count := int(waiting[0][1].sum())) <= len(batches.ready):
        tag, present = waiting.popleft()
        rows = np.zeros((len(present), batches.ready.shape[1]), batches.ready.dtype)
        rows[present] = batches.take(count)
        yield tag, rows


class _Batches:
    """Crops one after another through the network, in batches of one shape.

    While one batch is computed the next is filled and, for a GPU, copied there.

    Args:
        extractor: the network.

    Attributes:
        size: crops of a batch.
        ready: (n, D), rows that were not taken yet.
    """

    def __init__(self, extractor: OfCrops) -> None:
        self.size = extractor.batch_size
        self.ready: NDArray[Any] = np.zeros((0, extractor.outputs), extractor.dtype)
        self._extractor = extractor
        self._pair: list[_Filled] = []  # the one being filled, the one being computed

    def add(self, crops: NDArray[np.uint8]) -> None:
        """Put crops (n, H, W, 3) into batches; full ones are computed."""
        if len(crops) and not self._pair:
            shape = (self.size, *crops.shape[1:])
            self._pair = [_Filled.of(self._extractor, shape) for _ in range(2)]
        while len(crops):
            filling = self._pair[0]
            crops = crops[filling.fill(crops) :]
            if filling.count == self.size:
                self._start()

    def finish(self) -> None:
        """Compute what is left."""
        if self._pair:
            self._start()
            self._collect()

    def take(self, count: int) -> NDArray[Any]:
        """The rows of the next crops, (count, D)."""
        taken, self.ready = self.ready[:count], self.ready[count:]
        return taken

    def _start(self) -> None:
        """Start a batch before waiting for the one before it: the device always has work."""
        if self._pair[0].count:
            self._pair[0].batch.start()
        self._collect()
        self._pair.reverse()

    def _collect(self) -> None:
        self.ready = np.concatenate([self.ready, self._pair[1].finish()])


@dataclass(eq=False)
class _Filled:
    """A batch, and how many crops are in it."""

    batch: Batch
    count: int = 0

    @classmethod
    def of(cls, extractor: OfCrops, shape: tuple[int, ...]) -> Self:
        return cls(extractor.batch(shape))

    def fill(self, crops: NDArray[np.uint8]) -> int:
        """Copy as many crops as it has room for; returns how many."""
        taken = min(len(crops), len(self.batch.crops) - self.count)
        self.batch.crops[self.count : self.count + taken] = crops[:taken]
        self.count += taken
        return taken

    def finish(self) -> NDArray[Any]:
        """Wait for the rows (count, D), and make room for the next crops."""
        count, self.count = self.count, 0
        return self.batch.finish()[:count]
