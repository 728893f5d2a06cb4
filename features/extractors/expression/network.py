"""Mini-XCEPTION up to its head: 64×64 grey pictures to 128 numbers.

Arriaga, Valdenegro-Toro, Plöger: Real-time Convolutional Neural Networks for Emotion and Gender
Classification, 2017 (arXiv 1710.07557). Its head is a convolution to seven classes and a mean over
the map; what is taken here is the mean over the map before it.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

SIDE = 64
"""Pixels of the input."""

OUTPUTS = 128
BLOCKS = (16, 32, 64, OUTPUTS)
"""Channels after each block."""

_STEM = 8
_EPSILON = 1e-3


class _Separable(nn.Module):
    """A 3×3 convolution of each channel, then one that mixes them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class MiniXception(nn.Module):
    """The network, its layers named as in the file of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1 = nn.Conv2d(1, _STEM, 3, bias=False)
        self.conv2d_2 = nn.Conv2d(_STEM, _STEM, 3, bias=False)
        for number in (1, 2):
            self.add_module(f"batch_normalization_{number}", nn.BatchNorm2d(_STEM, _EPSILON))
        inputs = _STEM
        for block, outputs in enumerate(BLOCKS):
            # Each block: a shortcut, and two separable convolutions.
            self.add_module(f"conv2d_{block + 3}", nn.Conv2d(inputs, outputs, 1, 2, bias=False))
            for part in (1, 2):
                name = f"separable_conv2d_{2 * block + part}"
                self.add_module(name, _Separable(inputs if part == 1 else outputs, outputs))
            for part in range(3):
                name = f"batch_normalization_{3 * block + 3 + part}"
                self.add_module(name, nn.BatchNorm2d(outputs, _EPSILON))
            inputs = outputs

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (B, 1, 64, 64) in [−1, 1] to (B, 128)."""
        x = self._norm(1, self.conv2d_1(pictures)).relu()
        x = self._norm(2, self.conv2d_2(x)).relu()
        for block in range(len(BLOCKS)):
            first = 3 * block + 3
            shortcut = self._norm(first, self.get_submodule(f"conv2d_{block + 3}")(x))
            x = self._norm(first + 1, self._separable(2 * block + 1, x)).relu()
            x = self._norm(first + 2, self._separable(2 * block + 2, x))
            x = _pooled(x) + shortcut
        return x.mean(dim=(2, 3))

    def _norm(self, number: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"batch_normalization_{number}")(x)

    def _separable(self, number: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"separable_conv2d_{number}")(x)


def _pooled(x: Tensor) -> Tensor:
    """The largest of 3×3 at every second place; the border as TensorFlow's padding `same` has it.

    Of an even side one row is added at its end, of an odd one a row at both.
    """
    before = (x.shape[2] % 2, x.shape[3] % 2)
    x = pad(x, (before[1], 1, before[0], 1), value=-torch.inf)
    return nn.functional.max_pool2d(x, 3, 2)
