"""Attention blocks that the published architectures share."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from models.settings import NetworkSize


class Attention(nn.Module):
    """Multi-head scaled dot-product attention with biases, softmax scale 1/√d_head.

    The parameters and the function are those of `torch.nn.MultiheadAttention`.

    Args:
        dim: model dimension, a multiple of `heads`.
        heads: number of heads.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Attend from `queries` to `memory`.

        Args:
            queries: (clips, frames, dim).
            memory: (clips, keys, dim).
            mask: (clips, keys) bool, True for keys that may be attended to.

        Returns:
            (clips, frames, dim).
        """
        return self.attend(self.query(queries), self.key_value(memory), mask)

    def attend(self, query: Tensor, key_value: Tensor, mask: Tensor) -> Tensor:
        """Attend with what `query` made of the queries and `key_value` of the memory."""
        k, v = (self._split(x) for x in key_value.chunk(2, dim=-1))
        keys = mask[:, None, None, :]
        attended = scaled_dot_product_attention(self._split(query), k, v, keys)
        if torch.compiler.is_exporting():
            # Without a key torch's attention is 0, and that of onnxruntime a mean.
            attended = attended.masked_fill(~keys.any(-1, keepdim=True), 0)
        return self.output(attended.transpose(1, 2).flatten(2))

    def scores(self, query: Tensor, key_value: Tensor) -> Tensor:
        """What goes into the softmax, (clips, heads, frames, keys), of arguments as of `attend`."""
        q, k = self._split(query), self._split(key_value.chunk(2, dim=-1)[0])
        return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Dropout(nn.Dropout):
    """Dropout by one random byte an element; on a GPU it is torch's own.

    Torch draws a number an element on one core of a CPU, a tenth of a training step or more. The
    share that is dropped is rounded to a 256th, of which at most 255 are dropped, and what is left
    is scaled by the inverse of the share kept, to the rounding of the format.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of `x`, of any shape, in training."""
        threshold = min(255, round(256 * self.p))
        if not self.training or not threshold or x.device.type != "cpu":
            return super().forward(x)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        return x * kept.to(x.dtype).mul_(256 / (256 - threshold))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward with residuals, layer norm after each (post-norm).

    Vaswani et al. 2017, section 3.1; the function of `torch.nn.TransformerEncoderLayer`.
    """

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.attention = Attention(size.dim, size.heads)
        self.norm_attention = nn.LayerNorm(size.dim)
        self.ffn = nn.Sequential(
            nn.Linear(size.dim, size.ffn), nn.ReLU(), nn.Linear(size.ffn, size.dim)
        )
        self.norm_ffn = nn.LayerNorm(size.dim)
        self.dropout = Dropout(size.dropout)

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """Encode (clips, frames, dim); `keys` (clips, frames) may be attended to."""
        x = self.norm_attention(x + self.dropout(self.attention(x, x, keys)))
        return self.norm_ffn(x + self.dropout(self.ffn(x)))


class Encoder(nn.Module):
    """Sinusoidal positions, then a stack of encoder layers."""

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(size) for _ in range(size.layers))

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """Encode (clips, frames, dim); `keys` (clips, frames) may be attended to."""
        x = x + sinusoidal_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        for layer in self.layers:
            x = layer(x, keys)
        return x


def sinusoidal_positions(frames: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Sine and cosine positions, (frames, dim); Vaswani et al. 2017, section 3.5."""
    return sinusoids(torch.arange(frames, device=device), dim)


def sinusoids(position: Tensor, dim: int) -> Tensor:
    """Sine and cosine of places or distances (count,), (count, dim) float32; as above."""
    frequency = torch.tensor(_frequencies(dim), dtype=torch.float32, device=position.device)
    angle = position.float()[:, None] * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)[:, :dim]


@cache
def _frequencies(dim: int) -> tuple[float, ...]:
    """Radians a place, of each pair of a sine and a cosine.

    They are numbers and not operations, for an exponential that another processor or runtime
    rounds otherwise is 1,000 times as far off after 1,000 places.
    """
    steps = np.arange(0, dim, 2, dtype=np.float32) * np.float32(-math.log(10_000.0) / dim)
    return tuple(np.exp(steps.astype(np.float64)).tolist())


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean (clips, 1, dim) of `x` (clips, frames, dim) over the frames of `mask`."""
    weight = mask.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
