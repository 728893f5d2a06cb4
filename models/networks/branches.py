"""The convolutional branches of Chumachenko et al. 2022, section III.A and Table I.

Padding changes nothing: padded frames are zeros before every convolution, as the frames beyond a
clip's ends are, and batch normalisation knows real frames alone.
"""

from torch import Tensor, nn
from torch.nn.functional import batch_norm, max_pool1d, pad

from models.networks.stream import Stream
from models.settings import Modality

WIDTHS: dict[Modality, tuple[tuple[int, int], tuple[int, int]]] = {
    "audio": ((1, 2), (4, 2)),
    "video": ((1, 1), (2, 2)),
}
"""Widths of the blocks of each stage, as multiples of the first one, which is 64 in Table I."""


class Convolution(nn.Conv1d):
    """A convolution over real frames, of an odd kernel size; as many frames come out."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Convolve (clips, frames, inputs) to (clips, frames, outputs).

        Args:
            x: the frames.
            mask: (clips, frames) bool, False for padding, which counts as zeros.
        """
        real = x.masked_fill(~mask.unsqueeze(-1), 0)
        return super().forward(real.transpose(1, 2)).transpose(1, 2)


class FrameNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics are those of the real frames."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Normalise (clips, frames, dim); padding becomes zeros in training.

        Args:
            x: the frames.
            mask: (clips, frames) bool, False for padding.
        """
        # A single frame has no variance to normalise by.
        if not self.training or mask.sum() < 2:
            mean, variance = self.running_mean, self.running_var
            flat = batch_norm(x.flatten(0, 1), mean, variance, self.weight, self.bias, eps=self.eps)
            return flat.unflatten(0, mask.shape)
        normed = super().forward(x[mask])
        out = normed.new_zeros(x.shape)
        out[mask] = normed
        return out


class Block(nn.Module):
    """Convolution of kernel 3, batch normalisation, ReLU and, in the audio branch, max pooling.

    Pooling takes a frame and the next one, at stride 1: Table I says `[2x1]`, and every frame has
    an output. The convolution has no bias, which the normalisation would take away.
    """

    def __init__(self, inputs: int, outputs: int, *, pools: bool) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, bias=False)
        self.norm = FrameNorm(outputs)
        self.pools = pools

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, inputs) to (clips, frames, outputs); see `Convolution`."""
        x = self.norm(self.convolution(x, mask), mask).relu()
        if not self.pools:
            return x
        # After ReLU no frame is below the zeros that stand for padding.
        real = x.masked_fill(~mask.unsqueeze(-1), 0).transpose(1, 2)
        return max_pool1d(pad(real, (0, 1)), kernel_size=2, stride=1).transpose(1, 2)


class Stage(nn.Module):
    """Two blocks of a branch."""

    def __init__(self, inputs: int, widths: tuple[int, int], *, pools: bool) -> None:
        super().__init__()
        first, last = widths
        self.blocks = nn.ModuleList(
            (Block(inputs, first, pools=pools), Block(first, last, pools=pools))
        )

    def forward(self, stream: Stream) -> Stream:
        """The same frames, of the width of the second block."""
        x = stream.x
        for block in self.blocks:
            x = block(x, stream.mask)
        return stream.holding(x)


def widths(modality: Modality, dim: int) -> tuple[int, int]:
    """Width of a branch after each stage, whose first block is `dim` wide."""
    (_, early), (_, late) = WIDTHS[modality]
    return early * dim, late * dim


def stages(modality: Modality, features: int, dim: int) -> tuple[Stage, Stage]:
    """The two stages of a modality's branch.

    Args:
        modality: sound is pooled, picture is not.
        features: dimension of the input vectors.
        dim: width of the first block; 64 in the paper.
    """
    inputs = (features, widths(modality, dim)[0])
    early, late = (
        Stage(count, (first * dim, last * dim), pools=modality == "audio")
        for count, (first, last) in zip(inputs, WIDTHS[modality], strict=True)
    )
    return early, late
