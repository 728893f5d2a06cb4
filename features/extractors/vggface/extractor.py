"""VGG-Face as an extractor: the crops of many items through one network, written as they come."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.extractors.crops import VideoSource
from features.extractors.described import Described
from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.loading import check_range, load_vggface, network_errors
from features.stores.streams import ROWS, begin_described
from features.stores.writing import new_item

if TYPE_CHECKING:
    from features.extractors.vggface.streaming import CropBlock


@dataclass(frozen=True, eq=False)
class Turn:
    """One item whose crops are described.

    Attributes:
        tag: whose turn it is, for the caller.
        source: its crops.
    """

    tag: str
    source: VideoSource


BLANK = "blank.npy"
"""The file of a blank face's row."""

Part = tuple[tuple[Turn, Exception | None], NDArray[np.float16]]
"""Features (n, 4096) of an item's next frames, or why its crops cannot be read."""


class VGGFace:
    """Describes face crops with 4096 numbers each.

    Args:
        settings: of the stream, its precision and batch size settled (`loading.settle`).
        device: where the network runs.

    Raises:
        NetworkFailedError: the network cannot be loaded.
    """

    def __init__(self, settings: VGGFaceSettings, device: str) -> None:
        self._settings, self._device = settings, device
        with network_errors(device):
            self._network = load_vggface(settings, device)

    def describe(self, turns: Iterable[Turn]) -> Generator[Part, None, None]:
        """Stream the features of items; what goes wrong in it is the network's, not an item's.

        Raises:
            NetworkFailedError: the network failed.
        """
        from features.extractors.vggface.streaming import extract_fc6

        with network_errors(self._device):
            yield from extract_fc6(self._network, _blocks(turns), self._settings)

    def write(
        self,
        out: Path,
        source: VideoSource,
        parts: Iterable[Part],
        progress: Callable[[int], None],
    ) -> None:
        """Write an item's features as they come.

        Raises:
            InputError: a feature is beyond the range of float16.
            Exception: whatever reading the crops raised.
        """
        times, present = source.times, source.present
        network = self._network
        rows: NDArray[Any] = np.zeros((0, network.outputs), np.float16)
        with new_item(out, {}) as writer:
            begin_described(writer, Described(rows, times, present, attributes=self._origin()))
            fc6 = writer.rows(ROWS, (len(times), network.outputs), np.float16)
            for (_, error), part in parts:
                if error is not None:
                    raise error
                check_range(part, network)
                fc6.append(part)
                progress(len(part))

    def blank(self) -> NDArray[np.float16]:
        """The features (4096,) of a crop that shows nothing.

        Raises:
            NetworkFailedError: the network failed.
        """
        from features.extractors.vggface.streaming import fc6_of_blank

        with network_errors(self._device):
            features = fc6_of_blank(self._network, self._settings)
        check_range(features, self._network)
        return features

    def _origin(self) -> dict[str, Any]:
        parameter, origin = next(self._network.parameters()), self._network.origin
        return {
            "weights": origin.name,
            "sha256": origin.sha256,
            "channel_order": origin.channel_order,
            "precision": str(parameter.dtype),
            "device": parameter.device.type,
        }


def _blocks(turns: Iterable[Turn]) -> "Iterator[CropBlock[tuple[Turn, Exception | None]]]":
    """Read the crops of items in blocks, tagged with the item and why the rest is missing."""
    from features.extractors.vggface.streaming import CropBlock

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


def write_blank(settings: VGGFaceSettings, device: str, out: Path) -> None:
    """Compute and write the row of a blank face."""
    np.save(out / BLANK, VGGFace(settings, device).blank())
