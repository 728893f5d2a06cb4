"""VGG-Face as an extractor of face crops."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from features.extractors.batches import Batch, Measured, OfCrops
from features.extractors.failures import network_errors
from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.loading import load_vggface, settle

if TYPE_CHECKING:
    from features.extractors.vggface.network import VGGFaceFC6


class VGGFace(OfCrops):
    """Describes face crops with 4096 numbers each.

    Args:
        settings: of the stream, its precision settled.
        device: where the network runs.

    Raises:
        NetworkFailedError: the network cannot be loaded.
    """

    title = "VGG-Face"
    remedy = "lower the stream's batch_size where memory ran out, or set execution.device to cpu"
    dtype = np.float16

    def __init__(self, settings: VGGFaceSettings, device: str) -> None:
        from features.extractors.vggface.streaming import fit_to_device

        self._settings, self.device = fit_to_device(settings, device), device
        assert self._settings.batch_size is not None
        self.batch_size = self._settings.batch_size
        with network_errors(self.title, device, self.remedy):
            self._network: VGGFaceFC6 = load_vggface(self._settings, device)
        self.outputs = self._network.outputs

    @override
    @classmethod
    def settle(cls, settings: VGGFaceSettings, device: str, measured: Measured) -> VGGFaceSettings:
        return settle(settings, device, measured)

    @override
    def batch(self, shape: tuple[int, ...]) -> Batch:
        from features.extractors.vggface.streaming import FC6Batch

        return FC6Batch(self._network, self._settings, shape)

    @override
    def blank_crop(self) -> NDArray[np.uint8]:
        from features.extractors.vggface.network import blank_crop

        return blank_crop(self._settings)

    @override
    def origin(self) -> dict[str, Any]:
        parameter, origin = next(self._network.parameters()), self._network.origin
        return {
            "weights": origin.name,
            "sha256": origin.sha256,
            "channel_order": origin.channel_order,
            "precision": str(parameter.dtype),
            "device": parameter.device.type,
        }
