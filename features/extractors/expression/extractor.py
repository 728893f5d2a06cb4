"""The expression network as an extractor of face crops."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from features.extractors.batches import OfCrops
from features.extractors.failures import network_errors
from features.extractors.settings import ExpressionSettings


class Expression(OfCrops):
    """Describes face crops with the 128 numbers before the head of mini-XCEPTION.

    Args:
        settings: of the stream.
        device: where the network runs.

    Raises:
        InputError: the package with its weights is not installed.
    """

    title = "the expression network"
    remedy = "lower the stream's batch_size where memory ran out, or set execution.device to cpu"

    def __init__(self, settings: ExpressionSettings, device: str) -> None:
        from features.extractors.expression.network import OUTPUTS
        from features.extractors.expression.weights import SHA256, load_network

        self.batch_size, self.device, self.outputs = settings.batch_size, device, OUTPUTS
        self._sha256 = SHA256
        with network_errors(self.title, device, self.remedy):
            self._network = load_network().to(device)

    @override
    def describe(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            pictures = torch.from_numpy(prepared(crops)).to(self.device)
            return self._network(pictures).cpu().numpy()

    @override
    def blank_crop(self) -> NDArray[np.uint8]:
        from features.extractors.expression.network import SIDE

        return np.full((SIDE, SIDE, 3), 128, np.uint8)  # grey, which is nearest to zero

    @override
    def origin(self) -> dict[str, Any]:
        return {"sha256": self._sha256, "device": self.device}


def prepared(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Crops (B, H, W, 3) uint8 RGB as the input of the network, (B, 1, 64, 64) in [−1, 1].

    As `fer` does: grey by OpenCV (0.299 R + 0.587 G + 0.114 B, ITU-R BT.601), resized bilinearly,
    (pixels / 255 − 0.5) · 2. What is round the face differs: `fer` adds ten pixels to its box, the
    faces here have `faces.margin`.

    >>> prepared(np.full((1, 96, 96, 3), 255, np.uint8)).max().item()
    1.0
    """
    from features.extractors.expression.network import SIDE

    grey = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    small = np.stack([cv2.resize(picture, (SIDE, SIDE)) for picture in grey])
    values = (small.astype(np.float32) / np.float32(255) - np.float32(0.5)) * np.float32(2)
    return values[:, None]
