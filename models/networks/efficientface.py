"""EfficientFace (Zhao et al. 2021), which describes single pictures of a face by 1024 numbers.

A ShuffleNet V2 (Ma et al. 2018) of 29 to 1024 channels, whose first stage is modulated by channel
and place, and has a depthwise extractor of the four quarters of a picture beside it. The structure
is that of the authors' published code, for pictures of 224 × 224 there; here the quarters are of
any picture whose side is a multiple of PICTURE_STEP: a quarter of a map of a fourth of it is
halved. Pictures that stand for padding change nothing: normalisation knows the real ones alone.
"""

import torch
from torch import Tensor, nn

from models.networks.branches import FrameNorm

WIDTH = 1024
"""Numbers that describe a picture."""
CHANNELS = (29, 116, 232, 464)
"""Of the first convolution, and of each stage."""
BLOCKS = (4, 8, 4)
"""Of each stage; the first one halves the side."""
GATE = 16
"""Of so many channels a gate has one hidden unit."""
AT_A_TIME = 128
"""Pictures that go through the network at a time outside training, which bounds its memory."""


class PictureNorm(FrameNorm):
    """Batch normalisation of maps, whose statistics are those of the real pictures."""

    def forward(self, x: Tensor, real: Tensor) -> Tensor:  # type: ignore[override]
        """Normalise (pictures, channels, height, width).

        Args:
            x: the maps.
            real: (pictures,) bool, False for padding.
        """
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        maps, weight = x.float(), real.float().view(-1, 1, 1, 1)
        count = weight.sum() * (x.shape[2] * x.shape[3])
        mean = (maps * weight).sum((0, 2, 3)) / count.clamp_min(1)
        squares = ((maps - mean.view(-1, 1, 1)).square() * weight).sum((0, 2, 3))
        mean, variance = self.settled(mean, squares, count)
        scale = self.weight * (variance + self.eps).rsqrt()
        centred = maps - mean.view(-1, 1, 1)
        return (centred * scale.view(-1, 1, 1) + self.bias.view(-1, 1, 1)).to(x.dtype)


class Layers(nn.Sequential):
    """Layers one after the other, whose norms are told which pictures are real."""

    def forward(self, x: Tensor, real: Tensor) -> Tensor:  # type: ignore[override]
        """Apply all of them to (pictures, channels, height, width)."""
        for layer in self:
            x = layer(x, real) if isinstance(layer, PictureNorm) else layer(x)
        return x


def _dense(inputs: int, outputs: int, *, rectified: bool = True) -> list[nn.Module]:
    """A convolution of single pixels and its norm."""
    layers = [nn.Conv2d(inputs, outputs, 1, bias=False), PictureNorm(outputs)]
    return [*layers, nn.ReLU(inplace=True)] if rectified else layers


def _depthwise(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """A convolution of each channel by itself, of kernel 3, and its norm."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=inputs, bias=False)
    return [convolution, PictureNorm(outputs)]


class ShuffleBlock(nn.Module):
    """A block of ShuffleNet V2: half of the channels are changed, then both halves are shuffled.

    A block that halves the side changes all of them twice.
    """

    def __init__(self, inputs: int, outputs: int, *, halves: bool) -> None:
        super().__init__()
        half, stride = outputs // 2, 2 if halves else 1
        self.short = (
            Layers(*_depthwise(inputs, inputs, stride), *_dense(inputs, half)) if halves else None
        )
        self.long = Layers(
            *_dense(inputs if halves else half, half),
            *_depthwise(half, half, stride),
            *_dense(half, half),
        )

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """(pictures, inputs, side, side) to (pictures, outputs, side or half of it, …)."""
        if self.short is None:
            kept, changed = x.chunk(2, dim=1)
        else:
            kept, changed = self.short(x, real), x
        both = torch.stack((kept, self.long(changed, real)), dim=2)  # (P, C/2, 2, H, W)
        return both.flatten(1, 2)


class Stage(nn.ModuleList):
    """Blocks of as many channels, of which the first one halves the side."""

    def __init__(self, inputs: int, outputs: int, count: int) -> None:
        super().__init__(
            ShuffleBlock(outputs if number else inputs, outputs, halves=not number)
            for number in range(count)
        )

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """(pictures, inputs, side, side) to (pictures, outputs, side / 2, side / 2)."""
        for block in self:
            x = block(x, real)
        return x


class Quarters(nn.Module):
    """Depthwise convolutions of each quarter of the maps by itself; they halve the side.

    The order is upper left, lower left, upper right, lower right.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.quarters = nn.ModuleList(
            Layers(
                *_depthwise(inputs, outputs, 2),
                nn.ReLU(inplace=True),
                *_depthwise(outputs, outputs, 1),
                nn.ReLU(inplace=True),
            )
            for _ in range(4)
        )

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """(pictures, inputs, side, side) to (pictures, outputs, side / 2, side / 2)."""
        parts = [part for column in x.chunk(2, dim=3) for part in column.chunk(2, dim=2)]
        made = [layers(part, real) for layers, part in zip(self.quarters, parts, strict=True)]
        return torch.cat((torch.cat(made[:2], dim=2), torch.cat(made[2:], dim=2)), dim=3)


class Modulator(nn.Module):
    """A weight in 0 … 1 for every channel at every place, the product of a gate of each.

    Convolutions and layers before a normalisation have no bias here, which it would take away.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // GATE
        self.channel = Layers(*_dense(channels, hidden), nn.Conv2d(hidden, channels, 1))
        wide = [
            layer
            for _ in range(2)
            for layer in (
                nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4, bias=False),
                PictureNorm(hidden),
                nn.ReLU(inplace=True),
            )
        ]
        self.place = Layers(*_dense(channels, hidden), *wide, nn.Conv2d(hidden, 1, 1))

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Weigh (pictures, channels, side, side)."""
        channel = self.channel(x.mean((2, 3), keepdim=True), real)
        return x * torch.sigmoid(channel * self.place(x, real))


class EfficientFace(nn.Module):
    """The network without its last layer, the one of classes."""

    def __init__(self) -> None:
        super().__init__()
        first, *stages = CHANNELS
        self.first = Layers(
            nn.Conv2d(3, first, 3, 2, padding=1, bias=False),
            PictureNorm(first),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        inputs = CHANNELS[:-1]
        self.stages = nn.ModuleList(map(Stage, inputs, stages, BLOCKS))
        self.local = Quarters(first, stages[0])
        self.modulator = Modulator(stages[0])
        self.last = Layers(*_dense(stages[-1], WIDTH))

    def forward(self, pictures: Tensor, real: Tensor) -> Tensor:
        """Describe pictures (pictures, 3, side, side) RGB in 0 … 1: (pictures, WIDTH).

        Args:
            pictures: of a side that is a multiple of PICTURE_STEP.
            real: (pictures,) bool, False for padding, what is said of which is of no account.
        """
        if self.training or torch.compiler.is_exporting():
            return self._described(pictures, real)
        parts = zip(pictures.split(AT_A_TIME), real.split(AT_A_TIME), strict=True)
        return torch.cat([self._described(*part) for part in parts])

    def _described(self, pictures: Tensor, real: Tensor) -> Tensor:
        x = self.first(pictures, real)
        early, *late = self.stages
        x = self.modulator(early(x, real), real) + self.local(x, real)
        for stage in late:
            x = stage(x, real)
        return self.last(x, real).mean((2, 3))
