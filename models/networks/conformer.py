"""The Conformer (Gulati et al. 2020): attention and convolution between two half feed-forwards."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import glu, silu

from models.networks.blocks import Dropout, sinusoids
from models.networks.branches import FrameNorm
from models.settings import NetworkSize


class Conformer(nn.Module):
    """A dense layer, then blocks.

    Args:
        inputs: dimension of a frame.
        size: of the blocks; `layers` is how many there are.
        kernel: frames that a convolution sees, an odd number.
    """

    def __init__(self, inputs: int, size: NetworkSize, kernel: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, size.dim)
        self.dropout = Dropout(size.dropout)
        self.blocks = nn.ModuleList(ConformerBlock(size, kernel) for _ in range(size.layers))

    def forward(self, x: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Encode (clips, frames, inputs) to (clips, frames, dim).

        Args:
            x: the frames.
            keys: (clips, frames) bool, what may be attended to.
            mask: (clips, frames) bool, False for padding.
        """
        x = self.dropout(self.input(x))
        for block in self.blocks:
            x = block(x, keys, mask)
        return x


class ConformerBlock(nn.Module):
    """x + ½ FFN(x), + attention, + convolution, + ½ FFN, layer norm; each branch is pre-norm."""

    def __init__(self, size: NetworkSize, kernel: int) -> None:
        super().__init__()
        self.first = FeedForward(size)
        self.norm_attention = nn.LayerNorm(size.dim)
        self.attention = RelativeAttention(size)
        self.attention_dropout = Dropout(size.dropout)
        self.convolution = ConvolutionModule(size, kernel)
        self.second = FeedForward(size)
        self.norm = nn.LayerNorm(size.dim)

    def forward(self, x: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Encode (clips, frames, dim); as of `Conformer.forward`."""
        x = x + 0.5 * self.first(x)
        x = x + self.attention_dropout(self.attention(self.norm_attention(x), keys))
        x = x + self.convolution(x, mask)
        return self.norm(x + 0.5 * self.second(x))


class FeedForward(nn.Module):
    """Layer norm, a dense layer, Swish, a dense layer; dropout after both."""

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size.dim)
        self.inner, self.outer = _dense(size.dim, size.ffn), _dense(size.ffn, size.dim)
        self.dropout = Dropout(size.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(clips, frames, dim) to the same shape."""
        return self.dropout(self.outer(self.dropout(silu(self.inner(self.norm(x))))))


class RelativeAttention(nn.Module):
    """Self-attention whose scores also depend on how far apart frames are.

    Dai et al. 2019 (Transformer-XL), section 3.3, on both sides of a frame: with q, k of frames i
    and j, and r what a dense layer makes of the sinusoids of i − j,

        score = ((q + u) · k + (q + v) · r) / √dim

    The root is of the model's dimension, not of a head's, as in the code that VAVL is built on.
    """

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.heads, self.dim = size.heads, size.dim
        self.query, self.key = _dense(size.dim, size.dim), _dense(size.dim, size.dim)
        self.value, self.output = _dense(size.dim, size.dim), _dense(size.dim, size.dim)
        self.position = _dense(size.dim, size.dim, bias=False)
        self.dropout = Dropout(size.dropout)
        shape = size.heads, size.dim // size.heads
        self.content_bias = nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape)))
        self.position_bias = nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape)))

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """Attend within (clips, frames, dim), to the frames of `keys` (clips, frames) bool."""
        frames = x.shape[1]
        time = torch.arange(frames, device=x.device)
        distances = torch.arange(1 - frames, frames, device=x.device)
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        r = self._split(self.position(sinusoids(distances, self.dim).to(x.dtype)))
        content = (q + self.content_bias[:, None]) @ k.transpose(-1, -2)
        # (clips, heads, frames, 2 frames − 1), of all distances; then those of each pair.
        apart = (q + self.position_bias[:, None]) @ r.transpose(-1, -2)
        column = (time[:, None] - time + frames - 1).expand_as(content)
        scores = (content + apart.gather(-1, column)) / math.sqrt(self.dim)
        hidden = ~keys[:, None, None]
        weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1)
        return self.output((self.dropout(weights) @ v).transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class ConvolutionModule(nn.Module):
    """Layer norm, a gate, a convolution of each channel, batch norm, Swish and a dense layer."""

    def __init__(self, size: NetworkSize, kernel: int) -> None:
        super().__init__()
        dim = size.dim
        self.norm = nn.LayerNorm(dim)
        self.gate = nn.Linear(dim, 2 * dim)
        self.convolution = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim, bias=False)
        self.batch_norm = FrameNorm(dim)
        self.output = nn.Linear(dim, dim)
        self.dropout = Dropout(size.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, dim) to the same shape; padding, where `mask` is False, counts as 0."""
        gated = glu(self.gate(self.norm(x)), dim=-1) * mask.unsqueeze(-1)
        convolved = self.convolution(gated.transpose(1, 2)).transpose(1, 2)
        return self.dropout(self.output(silu(self.batch_norm(convolved, mask))))


def _dense(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A dense layer that begins as Glorot and Bengio 2010 have it, its bias at 0."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
