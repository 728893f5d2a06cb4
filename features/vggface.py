"""VGG-16 up to its layer fc6, as VGG-Face uses it, and fc6 features of face crops.

Parkhi, Vedaldi, Zisserman: Deep Face Recognition, BMVC 2015 (configuration D).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from features.errors import InputError
from features.settings import FC6Settings

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions, a block between two poolings."""

FC6 = 4096
POOLED = 7
"""Side of the last feature map that fc6 takes, in cells."""

MEAN_RGB = (129.1863, 104.7624, 93.5940)
"""Mean colour of VGG-Face's training images, 0 … 255."""

_CLEARLY_FASTER = 1.2
_TRIAL_SHAPE = (2, 3, 96, 96)


@dataclass(frozen=True)
class Origin:
    """Where weights come from; recorded with the features.

    Attributes:
        name: kind of weight file, or `random`.
        channel_order: order of the colours in the first convolution's input.
        sha256: hash of the weight file, None for random weights.
    """

    name: str
    channel_order: Literal["rgb", "bgr"]
    sha256: str | None = None


class VGGFaceFC6(nn.Module):
    """The thirteen convolutions of VGG-16 and fc6, with torchvision's names of the weights.

    Args:
        origin: where the weights come from.
        width: factor on every number of channels and on the 4096 outputs; 1 but for tests.
    """

    def __init__(self, origin: Origin, *, width: float = 1.0) -> None:
        super().__init__()
        self.origin = origin
        layers: list[nn.Module] = []
        channels = 3
        for block in BLOCKS:
            for outputs in block:
                layers.append(nn.Conv2d(channels, channels := round(width * outputs), 3, padding=1))
                layers.append(nn.ReLU(inplace=True))
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(POOLED)
        self.outputs = round(width * FC6)
        self.classifier = nn.Sequential(nn.Linear(channels * POOLED**2, self.outputs))

    def forward(self, pictures: Tensor) -> Tensor:
        """Map preprocessed pictures (B, 3, H, W) to fc6 before its ReLU, (B, 4096)."""
        return self.classifier(self.avgpool(self.features(pictures)).flatten(1))


def preprocess(pictures: Tensor, method: str, channel_order: str) -> Tensor:
    """Prepare uint8 RGB pictures (B, 3, H, W) for the network, as float32.

    Raises:
        ValueError: the method is unknown.
    """
    if method == "vggface":
        mean = torch.tensor(MEAN_RGB, device=pictures.device).view(3, 1, 1)
        values = pictures.float() - mean
    elif method == "paper":
        values = pictures.float() / 127.5 - 1
    else:
        raise ValueError(f"unknown preprocessing {method!r}")
    return values.flip(1) if channel_order == "bgr" else values


def choose_precision(network: VGGFaceFC6) -> torch.dtype:
    """Pick the number format for inference: bfloat16 where it is clearly faster, else float32.

    A GPU takes bfloat16. On a CPU it depends on the instructions at hand, so a trial of about a
    second decides. Choose once for a corpus and record it: the formats differ in the last digits.
    """
    if next(network.parameters()).is_cuda:
        return torch.bfloat16
    exact = _trial_seconds(network, torch.float32)
    return (
        torch.bfloat16
        if _trial_seconds(network, torch.bfloat16) * _CLEARLY_FASTER < exact
        else torch.float32
    )


def prepare(network: VGGFaceFC6, device: torch.device | str, precision: torch.dtype) -> VGGFaceFC6:
    """Put a network on its device in the format and memory layout for inference, in place."""
    network.eval().requires_grad_(False)
    network.to(device, precision)
    return convert_conv2d_weight_memory_format(network, torch.channels_last)


@torch.inference_mode()
def extract_fc6(
    network: VGGFaceFC6,
    crops: NDArray[np.uint8],
    present: NDArray[np.bool_],
    settings: FC6Settings,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float16]:
    """Compute fc6 of the crops that show a face.

    Args:
        network: as `prepare` returns it; device and number format are its own.
        crops: (F, H, W, 3) RGB.
        present: (F,), whether a crop shows a face.
        settings: how to compute.
        progress: called with the number of frames dealt with since the last call.

    Returns:
        (F, 4096), zeros where there is no face.

    Raises:
        InputError: a feature is beyond the range of float16.
    """
    parameter = next(network.parameters())
    fc6 = np.zeros((len(crops), network.outputs), np.float16)
    shown = np.flatnonzero(present)
    if progress is not None:
        progress(len(crops) - len(shown))
    for first in range(0, len(shown), settings.batch_size):
        rows = shown[first : first + settings.batch_size]
        batch = torch.from_numpy(_resize(crops[rows], settings.input_size))
        # Moving the colour axis of (B, H, W, 3) makes a channels-last tensor without a copy.
        pictures = batch.to(parameter.device).permute(0, 3, 1, 2)
        values = preprocess(pictures, settings.preprocessing, network.origin.channel_order)
        outputs = network(values.to(parameter.dtype, memory_format=torch.channels_last))
        fc6[rows] = (outputs.relu() if settings.rectify else outputs).to(torch.float16).cpu()
        if progress is not None:
            progress(len(rows))
    if not np.isfinite(fc6).all():
        reason = f"fc6 of {network.origin.name} weights is not finite in 16 bits"
        raise InputError(reason, "check that the weights fit the preprocessing")
    return fc6


def _resize(crops: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if crops.shape[1:3] == (size, size):
        return np.ascontiguousarray(crops)
    return np.stack([cv2.resize(crop, (size, size)) for crop in crops])


@torch.inference_mode()
def _trial_seconds(network: VGGFaceFC6, precision: torch.dtype) -> float:
    """Time the convolutions, which take nearly all the work; the first pass only warms up."""
    convolutions = copy.deepcopy(network.features).to(precision)
    convert_conv2d_weight_memory_format(convolutions, torch.channels_last)
    pictures = torch.zeros(_TRIAL_SHAPE, dtype=precision).to(memory_format=torch.channels_last)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        convolutions(pictures)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
