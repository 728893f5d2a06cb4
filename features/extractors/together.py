"""The crops of many items described together by one network, written as they come."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.batches import CropBlock, OfCrops, rows_of_blocks
from features.extractors.crops import VideoSource
from features.extractors.described import Described
from features.extractors.failures import network_errors
from features.extractors.items import describe_item, loaded
from features.extractors.own import is_of_crops
from features.extractors.settings import StreamSettings
from features.stores.store import Store
from features.stores.streams import begin_described, begin_rows
from features.stores.writing import new_item

BLANK = "blank.npy"
"""The file of a blank face's row; no numbers where an extractor knows none."""


@dataclass(frozen=True, eq=False)
class Turn:
    """One item whose crops are described.

    Attributes:
        tag: whose turn it is, for the caller.
        source: its crops.
    """

    tag: str
    source: VideoSource


Part = tuple[tuple[Turn, Exception | None], NDArray[Any]]
"""Rows (n, D) of an item's next frames, or why its crops cannot be read."""


def describe_faces(
    settings: StreamSettings,
    faces: Store,
    item: str,
    device: str,
    out: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Describe the crops of one item and write its rows.

    Args:
        settings: of the stream.
        faces: the store of crops.
        item: its name there.
        device: where networks run.
        out: folder that is filled.
        progress: called with the number of frames that are done.

    Raises:
        InputError: the item cannot be described.
    """
    source = VideoSource(faces, item)
    if not is_of_crops(settings):
        describe_item(settings, source, device, out)
        return
    extractor = loaded_of_crops(settings, device)
    with closing(describe(extractor, [Turn(item, source)])) as parts:
        write(extractor, out, source, parts, progress)


def loaded_of_crops(settings: StreamSettings, device: str) -> OfCrops:
    """The extractor of a stream for which `is_of_crops` holds, made once a process."""
    extractor = loaded(settings, device)
    assert isinstance(extractor, OfCrops)
    return extractor


def describe(extractor: OfCrops, turns: Iterable[Turn]) -> Generator[Part, None, None]:
    """Stream the rows of items; what goes wrong in it is the network's, not an item's.

    Raises:
        NetworkFailedError: the network failed.
    """
    with network_errors(extractor.title, extractor.device, extractor.remedy):
        yield from rows_of_blocks(extractor, _blocks(turns))


def write(
    extractor: OfCrops,
    out: Path,
    source: VideoSource,
    parts: Iterable[Part],
    progress: Callable[[int], None],
) -> None:
    """Write an item's rows as they come.

    Raises:
        InputError: a number is not finite.
        Exception: whatever reading the crops raised.
    """
    times, present = source.times, source.present
    nothing = np.zeros((0, extractor.outputs), extractor.dtype)
    with new_item(out, {}) as writer:
        said = Described(nothing, times, present, attributes=extractor.origin())
        begin_described(writer, said)
        rows = begin_rows(writer, (len(times), extractor.outputs), extractor.dtype)
        for (_, error), part in parts:
            if error is not None:
                raise error
            _check_range(part, extractor)
            rows.append(part)
            progress(len(part))


def write_blank(settings: StreamSettings, device: str, out: Path) -> None:
    """Compute and write the row of a crop that shows nothing.

    Raises:
        NetworkFailedError: the network failed.
    """
    extractor = loaded_of_crops(settings, device)
    row: NDArray[Any] = np.zeros(0, extractor.dtype)
    crop = extractor.blank_crop()
    if crop is not None:
        block = CropBlock(None, crop[None], np.ones(1, np.bool_))
        with network_errors(extractor.title, extractor.device, extractor.remedy):
            ((_, rows),) = rows_of_blocks(extractor, [block])
        _check_range(rows, extractor)
        row = rows[0]
    np.save(out / BLANK, row)


def _check_range(rows: NDArray[Any], extractor: OfCrops) -> None:
    """Refuse what a network made of pictures if it does not fit its type.

    Raises:
        InputError: a number is infinite or none.
    """
    if not np.isfinite(rows).all():
        bits = rows.dtype.itemsize * 8
        raise InputError(
            f"{extractor.title} gives a row that is not finite in {bits} bits",
            "check that the weights fit the preprocessing",
        )


def _blocks(turns: Iterable[Turn]) -> Iterator[CropBlock[tuple[Turn, Exception | None]]]:
    """Read the crops of items in blocks, tagged with the item and why the rest is missing."""
    for turn in turns:
        # An item without frames has its turn too.
        nothing = np.zeros((0, 0, 0, 3), np.uint8), np.zeros(0, bool)
        yield CropBlock((turn, None), *nothing)
        first = 0
        try:
            present = turn.source.present
            for crops in turn.source.crops():
                yield CropBlock((turn, None), crops, present[first : first + len(crops)])
                first += len(crops)
        except Exception as error:
            yield CropBlock((turn, error), *nothing)
