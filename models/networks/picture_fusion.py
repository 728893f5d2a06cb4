"""Chumachenko et al. 2022 from raw pictures: EfficientFace before a branch, trained with it."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.errors import InputError
from features.task import Task
from models.ablation.frame_map import Lost
from models.networks.efficientface import WIDTH, EfficientFace
from models.networks.efficientface_weights import read_published
from models.networks.fusion import Fusion
from models.networks.recogniser import Presence, Projected
from models.networks.registry import PICTURE_STEP
from models.networks.stream import Stream
from models.settings import Modality, NetworkSize, PictureFusionOptions

WHITE = 255
"""The largest number of a crop."""
DEGREES = 10
"""A clip is turned by up to so many, a whole number of them."""


class PictureFusion(Fusion):
    """`Fusion` whose picture stream is face crops, each of them described by EfficientFace.

    Pictures are brought to 0 … 1, as in the paper. What is lost is lost of the pictures themselves,
    and noise in place of whole steps is standard normal at that scale.
    In training a clip is mirrored or not and turned by some degrees, all of its pictures and all of
    its copies alike.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: PictureFusionOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        described = {m: WIDTH if m == "video" else count for m, count in features.items()}
        super().__init__(described, size=size, options=options, task=task, presence=presence)
        self.features = dict(features)
        self.augment = options.augment
        if "video" in features:
            self.side = side_of(features["video"])
            self.pictures = EfficientFace()

    @override
    def receive(self, modality: Modality, x: Tensor, mask: Tensor, received: Tensor) -> Projected:
        if modality == "video" and self.training and self.augment:
            x = turned(x, self.side)
        return super().receive(modality, x, mask, received)

    @override
    def lose(self, modality: Modality, projected: Projected, lost: Lost) -> Projected:
        if modality == "video" and lost.filling is not None and lost.frame_map.filling == "noise":
            lost = replace(lost, filling=WHITE * lost.filling)  # of pictures in 0 … 1
        return super().lose(modality, projected, lost)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return x  # what is lost comes before the pictures are described

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        x = stream.x
        if modality == "video":
            pictures = x.flatten(0, 1).view(-1, self.side, self.side, 3).movedim(-1, 1)
            x = self.pictures(pictures / WHITE, stream.mask.flatten()).view(*x.shape[:2], WIDTH)
        return super().encode(modality, stream.holding(super().project(modality, x)))

    @override
    def begin(self, weights: Path, sha256: str) -> None:
        self.pictures.load_state_dict(read_published(weights, sha256, self.pictures.state_dict()))


def side_of(width: int) -> int:
    """Side in pixels of square RGB pictures of so many numbers.

    Raises:
        InputError: they are no such pictures, or their side is no multiple of PICTURE_STEP.

    >>> side_of(96 * 96 * 3)
    96
    """
    side = math.isqrt(width // 3)
    if width != 3 * side**2 or side % PICTURE_STEP or not side:
        raise InputError(
            f"a picture stream of {width} numbers a row is not of square crops whose side is a "
            f"multiple of {PICTURE_STEP}",
            f"see a stream of extractor: crops, and set faces.size to a multiple of {PICTURE_STEP}",
        )
    return side


def turned(x: Tensor, side: int) -> Tensor:
    """Mirror half of the clips, and turn each by up to DEGREES either way, at random.

    Beyond its edges a picture is black; in between it is interpolated linearly.

    Args:
        x: (clips, frames, side · side · 3) pictures.
        side: of them.
    """
    mirrored = torch.rand(len(x), device=x.device) < 0.5
    degrees = torch.randint(-DEGREES, DEGREES + 1, (len(x),), device=x.device)
    return turned_by(x, side, mirrored, degrees)


def turned_by(x: Tensor, side: int, mirrored: Tensor, degrees: Tensor) -> Tensor:
    """Mirror some clips, then turn each anticlockwise.

    Args:
        x: (clips, frames, side · side · 3) pictures.
        side: of them.
        mirrored: (clips,) bool.
        degrees: (clips,).
    """
    angle, sign = degrees * (math.pi / 180), 1 - 2 * mirrored.float()
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # Where in the old picture a place of the new one comes from, both in −1 … 1.
    across = torch.stack((sign * cos, -sign * sin, zero), dim=-1)
    down = torch.stack((sin, cos, zero), dim=-1)
    places = nn.functional.affine_grid(
        torch.stack((across, down), dim=1), [len(x), 1, side, side], align_corners=False
    )
    # All pictures of a clip are channels of one: (clips, frames · 3, side, side).
    channels = x.unflatten(-1, (side, side, 3)).movedim(-1, 2).flatten(1, 2)
    made = nn.functional.grid_sample(channels, places.to(x.dtype), align_corners=False)
    return made.unflatten(1, (-1, 3)).movedim(2, -1).flatten(2)
