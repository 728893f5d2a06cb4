"""The fusions on convolutional branches of Chumachenko et al. 2022, section III.B."""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Attention, Dropout, masked_mean
from models.networks.branches import KERNEL, BranchStage, Convolution, stages, widths
from models.networks.prenorm import PreNormEncoder, ResidualMLP
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import OTHER, Outputs, Stream
from models.settings import FusionOptions, Modality, NetworkSize

ONE_WAY: dict[str, tuple[Modality, ...]] = {"tav": ("video",), "tva": ("audio",)}
"""What the fusions of one direction fuse into."""


class CrossAttention(Attention):
    """Attention whose memory has its own width; queries, keys and values without biases.

    Args:
        dim: width of the queries and of what comes out.
        memory: width of what is attended to.
        heads: number of heads.
    """

    def __init__(self, dim: int, memory: int, heads: int) -> None:
        super().__init__(dim, heads)
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(memory, 2 * dim, bias=False)


class TransformerBlock(nn.Module):
    """One modality fused into another (equation 2): attention and feed-forward, pre-norm.

    The block is that of the timm library, to which the paper refers, with GELU. As in the authors'
    code there is a residual around the feed-forward and none around the attention: what comes out
    is of the other modality, and of this one only where it attended.

    Args:
        dim: width of the modality that is fused into.
        memory: width of the one that is fused.
        size: of the network.
        kernel: of the feed-forward's layers: 1 for dense ones; 3 where the paper has convolutions
            in their place, in the fusions of one direction.
    """

    def __init__(self, dim: int, memory: int, size: NetworkSize, kernel: int) -> None:
        super().__init__()
        self.norm_queries = nn.LayerNorm(dim)
        self.norm_memory = nn.LayerNorm(memory)
        self.attention = CrossAttention(dim, memory, size.heads)
        self.norm_ffn = nn.LayerNorm(dim)
        self.inner = Convolution(dim, size.ffn, kernel)
        self.outer = Convolution(size.ffn, dim, kernel)
        self.dropout = Dropout(size.dropout)

    def forward(self, into: Stream, source: Stream) -> Stream:
        """The frames of `into`, made of those of `source`."""
        memory = self.norm_memory(source.x)
        x = self.dropout(self.attention(self.norm_queries(into.x), memory, source.keys))
        hidden = nn.functional.gelu(self.inner(self.norm_ffn(x), into.mask))
        return into.holding(x + self.dropout(self.outer(hidden, into.mask)))


class Transformer(nn.Module):
    """`size.layers` blocks, all with the same memory."""

    def __init__(self, dim: int, memory: int, size: NetworkSize, kernel: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TransformerBlock(dim, memory, size, kernel) for _ in range(size.layers)
        )

    def forward(self, into: Stream, source: Stream) -> Stream:
        """The frames of `into`, made of those of `source`."""
        for block in self.blocks:
            into = block(into, source)
        return into


class FrameWeights(nn.Module):
    """A weight for every frame of a modality, by how much the other attends to it (equation 3).

    Each frame of the other modality that is a key itself shares a weight of 1 among the frames that
    are keys. Where some of the other's are missing, or it has more frames or fewer, the keys stand
    for as many as the modality has itself; so the weights of a clip sum to its number of frames.
    Heads are averaged.

    Args:
        dim: width of the modality that is weighted.
        attending: width of the one that attends, and of queries and keys.
        heads: number of heads.
    """

    def __init__(self, dim: int, attending: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(attending, attending, bias=False)
        self.key = nn.Linear(dim, attending, bias=False)

    def forward(self, stream: Stream, attending: Stream) -> Tensor:
        """Weights (clips, frames) of `stream`; 0 for frames that are not keys."""
        query = self.query(attending.x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key = self.key(stream.x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        scores = query @ key.mT / math.sqrt(key.shape[-1])
        hidden = ~stream.keys[:, None, None, :]
        attention = scores.masked_fill(hidden, -torch.inf).softmax(-1).mean(1)
        weights = attention.masked_fill(~attending.keys.unsqueeze(-1), 0).sum(1)
        # 1 where nothing is missing and both have as many frames.
        scale = stream.mask.sum(1, keepdim=True) / attending.keys.sum(1, keepdim=True)
        return weights * scale.to(weights.dtype)


class Fusion(Recogniser):
    """A convolutional branch for each modality, fused after its second stage or between the two.

    `FusionOptions` has the kinds. `size.dim` is the width of a branch's first block, 64 in the
    paper; the last block has twice as many, audio's third four times. Each direction has
    `size.layers` transformer blocks, one in the paper.

    The outputs are a dense layer's, on the branches beside each other, or on the one that the
    other is fused into; with `options.dense` MulT's residual layers come before it. Pooling has
    stride 1, so every frame has outputs; of a sequence they are the mean over its frames. Of one
    modality there are the branch and the dense layer.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: FusionOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, KERNEL * size.dim), task, presence)
        self.kind = options.kind if len(features) > 1 else "none"
        self.early = self.kind in ("it", "ia")
        self.into = ONE_WAY.get(self.kind, self.modalities)
        self.first, self.second = nn.ModuleDict(), nn.ModuleDict()
        for modality, count in features.items():
            self.first[modality], self.second[modality] = stages(modality, count, size.dim)
        # Width of each modality where the two meet.
        at = {m: widths(m, size.dim)[0 if self.early else 1] for m in features}
        if self.kind == "ia":
            self.weights = nn.ModuleDict(
                {m: FrameWeights(at[m], at[OTHER[m]], size.heads) for m in self.into}
            )
        elif self.kind != "none":
            kernel = 3 if self.kind in ONE_WAY else 1
            self.transformers = nn.ModuleDict(
                {m: Transformer(at[m], at[OTHER[m]], size, kernel) for m in self.into}
            )
        if self.kind == "mult":
            self.alone = nn.ModuleDict(
                {m: PreNormEncoder(size.model_copy(update={"dim": at[m]})) for m in self.into}
            )
        width = sum(widths(m, size.dim)[1] for m in self.into)
        outputs = len(task.outputs)
        self.head: nn.Module = nn.Linear(width, outputs)
        if options.dense:
            self.head = ResidualMLP(width, (width,), outputs, size.dropout)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self._first(modality).project(x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        stream = self._first(modality).finish(stream)
        return stream if self.early else self.second[modality](stream)

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        streams = [self._fused(m, encoded) for m in self.into]
        if self.per_frame:
            return Outputs(self.head(torch.cat([stream.x for stream in streams], dim=-1)), {})
        # Each modality may have frames of its own: their means, (clips, 1, dim), are side by side.
        means = [masked_mean(stream.x, stream.mask) for stream in streams]
        return Outputs(self.head(torch.cat(means, dim=-1)), {})

    def _first(self, modality: Modality) -> BranchStage:
        return cast("BranchStage", self.first[modality])

    def _fused(self, modality: Modality, encoded: Mapping[Modality, Stream]) -> Stream:
        """One branch to its end, with what it takes from the other."""
        stream = encoded[modality]
        match self.kind:
            case "none":
                return stream
            case "ia":
                weights = self.weights[modality](stream, encoded[OTHER[modality]])
                return self.second[modality](stream.holding(stream.x * weights.unsqueeze(-1)))
            case "it":
                taken = self.transformers[modality](stream, encoded[OTHER[modality]])
                return self.second[modality](stream.holding(stream.x + taken.x))
            case "mult":
                taken = self.transformers[modality](stream, encoded[OTHER[modality]])
                return taken.holding(self.alone[modality](taken.x, taken.keys))
            case "lt" | "tav" | "tva":
                return self.transformers[modality](stream, encoded[OTHER[modality]])
        raise ValueError(f"there is no fusion {self.kind}")
