"""The convolutional branches of Chumachenko et al. 2022, section III.A and Table I.

Padding changes nothing: padded frames are zeros before every convolution, as the frames beyond a
clip's ends are, and batch normalisation knows real frames alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from models.networks.stream import Stream
from models.settings import Modality

WIDTHS: dict[Modality, tuple[tuple[int, int], tuple[int, int]]] = {
    "audio": ((1, 2), (4, 2)),
    "video": ((1, 1), (2, 2)),
}
"""Widths of the blocks of each stage, as multiples of the first one, which is 64 in Table I."""

KERNEL = 3
"""Frames that a convolution of a branch sees: one, and its neighbours."""


class Convolution(nn.Conv1d):
    """A convolution over real frames, of an odd kernel size; as many frames come out.

    It is taken in two steps, of which the first, nearly all of the work where vectors are long, is
    of single frames: what conditions and copies of a clip have in common is computed once.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = KERNEL, *, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Convolve (clips, frames, inputs) to (clips, frames, outputs).

        Args:
            x: the frames.
            mask: (clips, frames) bool, False for padding, which counts as zeros.
        """
        return self.gather(self.taps(x), mask)

    def taps(self, x: Tensor) -> Tensor:
        """What each frame gives to its neighbours and itself: a linear map of each frame.

        Args:
            x: (clips, frames, inputs).

        Returns:
            (clips, frames, taps): the outputs of each place in the kernel, one after the other.
        """
        return linear(x, self.weight.permute(2, 0, 1).flatten(0, 1))

    def gather(self, taps: Tensor, mask: Tensor) -> Tensor:
        """The sum of what each frame is given, (clips, frames, outputs)."""
        kernel, beyond = self.kernel_size[0], self.kernel_size[0] // 2
        frames, taps = taps.shape[1], _zeroed(taps, mask)
        # Behind a clip there are zeros, which what goes over its end brings to its beginning.
        places = pad(taps, (0, 0, 0, beyond)).chunk(kernel, dim=-1)
        out = places[beyond]
        for place, tap in enumerate(places):
            if place != beyond:
                out = out + tap.roll(beyond - place, dims=1)
        out = out[:, :frames]
        return out if self.bias is None else out + self.bias


class FrameNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics are those of the real frames."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Normalise (clips, frames, dim); padding becomes zeros in training.

        Args:
            x: the frames.
            mask: (clips, frames) bool, False for padding.
        """
        if not self.training:
            return super().forward(x.flatten(0, 1)).unflatten(0, mask.shape)
        frames, real = x.float(), mask.unsqueeze(-1).float()
        mean, variance = self._statistics(frames, real)
        normed = (frames - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias
        return (normed * real).to(x.dtype)

    def _statistics(self, frames: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (dim,) to normalise by, as `settled`."""
        count = real.sum()
        mean = (frames * real).sum((0, 1)) / count.clamp_min(1)
        squares = ((frames - mean) * real).square().sum((0, 1))
        return self.settled(mean, squares, count)

    def settled(self, mean: Tensor, squares: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (dim,) to normalise by; they move those that evaluation uses.

        A single frame has no variance: it is normalised by the latter, and moves nothing. No branch
        depends on how many are real, for which a GPU would have to be waited for.

        Args:
            mean: (dim,) of what is real.
            squares: (dim,) sums of squared distances from it.
            count: of what is real, a scalar.
        """
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        several = count > 1
        share = several * self.momentum
        with torch.no_grad():
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(squares / (count - 1).clamp_min(1), share)
            self.num_batches_tracked.add_(several)
        return (
            torch.where(several, mean, self.running_mean),
            torch.where(several, squares / count.clamp_min(1), self.running_var),
        )


class BranchBlock(nn.Module):
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
        """Map (clips, frames, inputs) to (clips, frames, outputs)."""
        return self.finish(self.convolution.taps(x), mask)

    def finish(self, taps: Tensor, mask: Tensor) -> Tensor:
        """What is left to do once the convolution's taps are known."""
        x = self.norm(self.convolution.gather(taps, mask), mask).relu()
        if not self.pools:
            return x
        # After ReLU no frame is below the zeros that stand for padding.
        real = pad(_zeroed(x, mask), (0, 0, 0, 1))
        return torch.maximum(real, real.roll(-1, dims=1))[:, :-1]


def _zeroed(x: Tensor, mask: Tensor) -> Tensor:
    """Frames whose padding is zeros."""
    return x.masked_fill(~mask.unsqueeze(-1), 0)


class BranchStage(nn.Module):
    """Two blocks of a branch."""

    def __init__(self, inputs: int, widths: tuple[int, int], *, pools: bool) -> None:
        super().__init__()
        first, last = widths
        self.first = BranchBlock(inputs, first, pools=pools)
        self.second = BranchBlock(first, last, pools=pools)

    def project(self, x: Tensor) -> Tensor:
        """The taps of the first convolution, (clips, frames, taps): a linear map of each frame."""
        return self.first.convolution.taps(x)

    def forward(self, stream: Stream) -> Stream:
        """The same frames, of the width of the second block."""
        return self.finish(stream.holding(self.project(stream.x)))

    def finish(self, projected: Stream) -> Stream:
        """What is left to do of `forward` once the frames are projected."""
        x = self.first.finish(projected.x, projected.mask)
        return projected.holding(self.second(x, projected.mask))


def widths(modality: Modality, dim: int) -> tuple[int, int]:
    """Width of a branch after each stage, whose first block is `dim` wide."""
    (_, early), (_, late) = WIDTHS[modality]
    return early * dim, late * dim


def stages(modality: Modality, features: int, dim: int) -> tuple[BranchStage, BranchStage]:
    """The two stages of a modality's branch.

    Args:
        modality: sound is pooled, picture is not.
        features: dimension of the input vectors.
        dim: width of the first block; 64 in the paper.
    """
    inputs = (features, widths(modality, dim)[0])
    early, late = (
        BranchStage(count, (first * dim, last * dim), pools=modality == "audio")
        for count, (first, last) in zip(inputs, WIDTHS[modality], strict=True)
    )
    return early, late
