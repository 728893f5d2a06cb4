"""fc6 of face crops as a stream: reading, the network and writing at the same time.

Crops of many recordings go through the network in batches of one shape, the last one filled up.
That keeps the device busy however short the recordings are, and a frame's numbers then never
depend on which frames share its batch: a run that was killed goes on to the same bits. They do
depend on the batch's shape, because that chooses the kernels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.network import VGGFaceFC6, blank_crop, compute_fc6

T = TypeVar("T")

BATCH_SIZES = {"cpu": {96: 32, 224: 8}, "cuda": {96: 512, 224: 128}}
"""Crops of a batch by device and input size.

On a CPU the maps of a layer take some 80 MB. On a GPU a batch is 3 to 4 TFLOP, milliseconds of
work, against which starting its forty kernels is little; the maps take 1.3 GB at 96, 3.3 GB at 224.
"""


@dataclass(frozen=True)
class CropBlock(Generic[T]):
    """Consecutive frames of a recording.

    Attributes:
        tag: comes back with the features.
        crops: (n, H, W, 3) uint8 RGB, of the same size in all blocks.
        present: (n,), whether a crop shows a face.
    """

    tag: T
    crops: NDArray[np.uint8]
    present: NDArray[np.bool_]


def fit_to_device(settings: VGGFaceSettings, device: torch.device | str) -> VGGFaceSettings:
    """The settings with the batch size that they leave to the device."""
    if settings.batch_size is not None:
        return settings
    size = BATCH_SIZES[torch.device(device).type][settings.input_size]
    return settings.model_copy(update={"batch_size": size})


def extract_fc6(
    network: VGGFaceFC6, blocks: Iterable[CropBlock[T]], settings: VGGFaceSettings
) -> Generator[tuple[T, NDArray[np.float16]], None, None]:
    """Compute fc6 of the crops that show a face.

    Blocks are read in one thread, the network runs in another and the results are taken in the
    caller's. Memory holds three blocks and a few batches, however long the recordings are.

    Args:
        network: as `vggface.prepare` returns it; device and number format are its own.
        blocks: the crops.
        settings: how to compute.

    Yields:
        A block's tag and the features (n, 4096) of its next frames, zeros where there is no face,
        infinite where a number is beyond float16; at least once for each block, in order.
    """
    settings = fit_to_device(settings, next(network.parameters()).device)
    # Closed here, not by the garbage collector: that may run in a thread that reading waits for.
    with (
        closing(ahead(blocks, 1)) as reading,
        closing(ahead(_compute(network, reading, settings), 2)) as computing,
    ):
        yield from computing


def fc6_of_blank(network: VGGFaceFC6, settings: VGGFaceSettings) -> NDArray[np.float16]:
    """The features (4096,) of a crop that shows nothing (`vggface.blank_crop`)."""
    block = CropBlock(None, blank_crop(settings)[None], np.ones(1, bool))
    ((_, fc6),) = extract_fc6(network, [block], settings)
    return fc6[0]


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
    network: VGGFaceFC6, blocks: Iterable[CropBlock[T]], settings: VGGFaceSettings
) -> Iterator[tuple[T, NDArray[np.float16]]]:
    batches = _Batches(network, settings)
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
) -> Iterator[tuple[T, NDArray[np.float16]]]:
    """Take what has all its features off the waiting list."""
    while waiting and (count := int(waiting[0][1].sum())) <= len(batches.ready):
        tag, present = waiting.popleft()
        fc6 = np.zeros((len(present), batches.ready.shape[1]), np.float16)
        fc6[present] = batches.take(count)
        yield tag, fc6


class _Batches:
    """Crops one after another through the network, in batches of one shape.

    While one batch is computed the next is filled and, for a GPU, copied there.

    Args:
        network: as `prepare` returns it.
        settings: how to compute.

    Attributes:
        size: crops of a batch.
        ready: (n, 4096), features that were not taken yet.
    """

    def __init__(self, network: VGGFaceFC6, settings: VGGFaceSettings) -> None:
        assert settings.batch_size is not None
        self.size = settings.batch_size
        self.ready = np.zeros((0, network.outputs), np.float16)
        self._network, self._settings = network, settings
        self._pair: list[_Batch] = []  # the one being filled, the one being computed

    def add(self, crops: NDArray[np.uint8]) -> None:
        """Put crops (n, H, W, 3) into batches; full ones are computed."""
        if len(crops) and not self._pair:
            shape = (self.size, *crops.shape[1:])
            self._pair = [_Batch(self._network, shape), _Batch(self._network, shape)]
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

    def take(self, count: int) -> NDArray[np.float16]:
        """The features of the next crops, (count, 4096)."""
        taken, self.ready = self.ready[:count], self.ready[count:]
        return taken

    def _start(self) -> None:
        """Start a batch before waiting for the one before it: the device always has work."""
        if self._pair[0].count:
            self._pair[0].start(self._network, self._settings)
        self._collect()
        self._pair.reverse()

    def _collect(self) -> None:
        self.ready = np.concatenate([self.ready, self._pair[1].finish()])


class _Batch:
    """One batch with its memory: pinned for a GPU, and there copied to on a stream of its own.

    Args:
        network: as `prepare` returns it.
        shape: (B, H, W, 3).

    Attributes:
        count: crops in it.
    """

    def __init__(self, network: VGGFaceFC6, shape: tuple[int, ...]) -> None:
        device = next(network.parameters()).device
        self.count = 0
        self._on_gpu = device.type == "cuda"
        # Zeros: a batch that is not full is computed all the same.
        self._crops = torch.zeros(shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        self._input = self._crops.to(device)  # on a CPU the same memory
        self._fc6 = torch.empty(
            (shape[0], network.outputs), dtype=torch.float16, pin_memory=self._on_gpu
        )
        if self._on_gpu:
            self._copying = torch.cuda.Stream(device)
            self._computed = torch.cuda.Event()

    def fill(self, crops: NDArray[np.uint8]) -> int:
        """Copy as many crops as it has room for; returns how many."""
        taken = min(len(crops), len(self._crops) - self.count)
        self._crops.numpy()[self.count : self.count + taken] = crops[:taken]
        self.count += taken
        return taken

    def start(self, network: VGGFaceFC6, settings: VGGFaceSettings) -> None:
        """Compute the batch; on a GPU this returns at once."""
        if self._on_gpu:
            with torch.cuda.stream(self._copying):
                self._input.copy_(self._crops, non_blocking=True)
            torch.cuda.current_stream().wait_stream(self._copying)
        self._fc6.copy_(compute_fc6(network, self._input, settings), non_blocking=True)
        if self._on_gpu:
            self._computed.record()

    def finish(self) -> NDArray[np.float16]:
        """Wait for the features (count, 4096), and make room for the next crops."""
        if self._on_gpu and self.count:
            self._computed.synchronize()
        count, self.count = self.count, 0
        return self._fc6[:count].numpy()
