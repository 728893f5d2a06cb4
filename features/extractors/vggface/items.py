"""What stage fc6 does with items: crops are read, described by the network and written."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr
from numpy.typing import NDArray

from features.extractors.vggface.loading import check_range, network_errors
from features.settings import FC6Settings
from features.stores.store import iterate_rows, new_item

if TYPE_CHECKING:
    from features.extractors.vggface.network import VGGFaceFC6
    from features.extractors.vggface.streaming import Block


@dataclass(frozen=True, eq=False)
class Item:
    """One item's crops.

    Attributes:
        name: of the item.
        key: hash of all that its features depend on.
        face: its group in the faces store.
        present: (F,), whether a frame shows a face.
    """

    name: str
    key: str
    face: zarr.Group
    present: NDArray[np.bool_]


Part = tuple[tuple[Item, Exception | None], NDArray[np.float16]]
"""Features (n, 4096) of an item's next frames, or why its crops cannot be read."""


def describe(
    items: Iterable[Item], network: "VGGFaceFC6", settings: FC6Settings, device: str
) -> Generator[Part, None, None]:
    """Stream the features of items; what goes wrong in it is the network's, not an item's."""
    from features.extractors.vggface.streaming import extract_fc6

    with network_errors(device):
        yield from extract_fc6(network, read(items), settings)


def read(items: Iterable[Item]) -> "Iterator[Block[tuple[Item, Exception | None]]]":
    """Read the crops of items in blocks, tagged with the item and why the rest is missing."""
    from features.extractors.vggface.streaming import Block

    for item in items:
        # An item without frames has its turn too.
        nothing = np.zeros((0, 0, 0, 3), np.uint8), item.present[:0]
        yield Block((item, None), *nothing)
        first = 0
        try:
            for crops in iterate_rows(item.face, "crops"):
                yield Block((item, None), crops, item.present[first : first + len(crops)])
                first += len(crops)
        except Exception as error:
            yield Block((item, error), *nothing)


def write(
    out: Path,
    item: Item,
    features: Iterable[Part],
    network: "VGGFaceFC6",
    settings: FC6Settings,
    progress: Callable[[int], None],
) -> None:
    """Write an item's features as they come.

    Raises:
        InputError: a feature is beyond the range of float16.
        Exception: whatever reading the crops raised.
    """
    parameter = next(network.parameters())
    attributes = {
        "key": item.key,
        "settings": settings.model_dump(),
        "weights": network.origin.name,
        "sha256": network.origin.sha256,
        "channel_order": network.origin.channel_order,
        "precision": str(parameter.dtype),
        "device": parameter.device.type,
    }
    with new_item(out, attributes) as group:
        fc6 = group.rows("fc6", (len(item.present), network.outputs), np.float16)
        for (_, error), part in features:
            if error is not None:
                raise error
            check_range(part, network)
            fc6.append(part)
            progress(len(part))
