"""VGG-16 up to its layer fc6, as VGG-Face uses it.

Parkhi, Vedaldi, Zisserman: Deep Face Recognition, BMVC 2015 (configuration D).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils import convert_conv2d_weight_memory_format

from features.extractors.settings import VGGFaceSettings

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions, a block between two poolings."""

FC6 = 4096
POOLED = 7
"""Side of the last feature map that fc6 takes, in cells."""

MEAN_RGB = (129.1863, 104.7624, 93.5940)
"""Mean colour of VGG-Face's training images, 0 … 255."""

ChannelOrder = Literal["rgb", "bgr"]

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
    channel_order: ChannelOrder
    sha256: str | None = None


class VGGFaceFC6(nn.Module):
    """The thirteen convolutions of VGG-16 and fc6, with torchvision's names of the weights.

    Args:
        origin: where the weights come from.
        width: factor on every number of channels and on the 4096 outputs; 1 except in tests.
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
        values = pictures.float()
        for channel, mean in enumerate(MEAN_RGB):  # copying a tensor there would make a GPU wait
            values[:, channel] -= mean
    elif method == "paper":
        values = pictures.float() / 127.5 - 1
    else:
        raise ValueError(f"unknown preprocessing {method!r}")
    return values.flip(1) if channel_order == "bgr" else values


def blank_crop(settings: VGGFaceSettings) -> NDArray[np.uint8]:
    """A crop that shows nothing, (side, side, 3) uint8 RGB: what is nearest to an input of zeros.

    That is the mean colour of VGG-Face's training images, or grey if they are mapped to [−1, 1].
    Weights without biases, such as random ones, make next to nothing of it.
    """
    zero = MEAN_RGB if settings.preprocessing == "vggface" else (127.5, 127.5, 127.5)
    side = settings.input_size
    return np.full((side, side, 3), np.round(zero), np.uint8)


def choose_precision(device: torch.device | str) -> torch.dtype:
    """Pick the number format for inference: bfloat16 where it is clearly faster, else float32.

    A GPU takes bfloat16. On a CPU it depends on the instructions at hand, so a trial of about a
    second decides. Choose once for a corpus and record it: the formats differ in the last digits.
    """
    if torch.device(device).type == "cuda":
        return torch.bfloat16
    exact = _trial_seconds(torch.float32)
    return (
        torch.bfloat16
        if _trial_seconds(torch.bfloat16) * _CLEARLY_FASTER < exact
        else torch.float32
    )


def prepare(network: VGGFaceFC6, device: torch.device | str, precision: torch.dtype) -> VGGFaceFC6:
    """Put a network on its device in the format and memory layout for inference, in place."""
    network.eval().requires_grad_(False)
    network.to(device, precision)
    return convert_conv2d_weight_memory_format(network, torch.channels_last)


@torch.inference_mode()
def compute_fc6(network: VGGFaceFC6, crops: Tensor, settings: VGGFaceSettings) -> Tensor:
    """Compute fc6 of a batch of crops.

    Args:
        network: as `prepare` returns it.
        crops: (B, H, W, 3) uint8 RGB, on the network's device; resized to the input size.
        settings: how to compute.

    Returns:
        (B, 4096) float16; infinite where a number is beyond its range.
    """
    # Moving the colour axis of (B, H, W, 3) makes a channels-last tensor without a copy.
    pictures = crops.permute(0, 3, 1, 2)
    values = preprocess(pictures, settings.preprocessing, network.origin.channel_order)
    side = settings.input_size
    if values.shape[2:] != (side, side):
        values = interpolate(values, size=(side, side), mode="bilinear")
    precision = next(network.parameters()).dtype
    outputs = network(values.to(precision, memory_format=torch.channels_last))
    return (outputs.relu() if settings.rectify else outputs).to(torch.float16)


@torch.inference_mode()
def _trial_seconds(precision: torch.dtype) -> float:
    """Time the convolutions, which take nearly all the work; the first pass only warms up."""
    with torch.device("meta"):
        convolutions = VGGFaceFC6(Origin("none", "rgb")).features
    convolutions.to_empty(device="cpu").to(precision)
    for parameter in convolutions.parameters():
        parameter.zero_()  # what an empty tensor holds may be slow to compute with
    convert_conv2d_weight_memory_format(convolutions, torch.channels_last)
    pictures = torch.zeros(_TRIAL_SHAPE, dtype=precision).to(memory_format=torch.channels_last)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        convolutions(pictures)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
