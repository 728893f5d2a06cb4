"""Batches of face crops on their way through VGG-Face, and their size on a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.network import VGGFaceFC6, compute_fc6

BATCH_SIZES = {"cpu": {96: 32, 224: 8}, "cuda": {96: 512, 224: 128}}
"""Crops of a batch by device and input size.

On a CPU the maps of a layer take some 80 MB. On a GPU a batch is 3 to 4 TFLOP, milliseconds of
work, against which starting its forty kernels is little; the maps take 1.3 GB at 96, 3.3 GB at 224.
"""


def fit_to_device(settings: VGGFaceSettings, device: torch.device | str) -> VGGFaceSettings:
    """The settings with the batch size that they leave to the device."""
    if settings.batch_size is not None:
        return settings
    size = BATCH_SIZES[torch.device(device).type][settings.input_size]
    return settings.model_copy(update={"batch_size": size})


class FC6Batch:
    """One batch with its memory: pinned for a GPU, and there copied to on a stream of its own.

    Args:
        network: as `prepare` returns it; device and number format are its own.
        settings: how to compute.
        shape: (B, H, W, 3).

    Attributes:
        crops: (B, H, W, 3) uint8 RGB.
    """

    def __init__(
        self, network: VGGFaceFC6, settings: VGGFaceSettings, shape: tuple[int, ...]
    ) -> None:
        device = next(network.parameters()).device
        self._network, self._settings = network, settings
        self._on_gpu = device.type == "cuda"
        # Zeros: a batch that is not full is computed all the same.
        self._crops = torch.zeros(shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        self.crops: NDArray[np.uint8] = self._crops.numpy()
        self._input = self._crops.to(device)  # on a CPU the same memory
        self._fc6 = torch.empty(
            (shape[0], network.outputs), dtype=torch.float16, pin_memory=self._on_gpu
        )
        if self._on_gpu:
            self._copying = torch.cuda.Stream(device)
            self._computed = torch.cuda.Event()

    def start(self) -> None:
        """Compute the batch; on a GPU this returns at once."""
        if self._on_gpu:
            with torch.cuda.stream(self._copying):
                self._input.copy_(self._crops, non_blocking=True)
            torch.cuda.current_stream().wait_stream(self._copying)
        fc6 = compute_fc6(self._network, self._input, self._settings)
        self._fc6.copy_(fc6, non_blocking=True)
        if self._on_gpu:
            self._computed.record()

    def finish(self) -> NDArray[np.float16]:
        """Wait for the features (B, 4096)."""
        if self._on_gpu:
            self._computed.synchronize()
        return self._fc6.numpy()
