"""Pre-norm transformer blocks of MulT (Tsai et al. 2019) and AuxFormer (Goncalves and Busso)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.networks.blocks import Attention, Dropout
from models.networks.stream import OTHER, Stream
from models.settings import Modality, NetworkSize


class PreNormLayer(nn.Module):
    """Attention and feed-forward with residuals, layer norm before each.

    With a memory it is the crossmodal layer of Tsai et al. 2019, section 3.2: the memory is not
    changed by it, and goes through the same norm as the queries. Without one it is the function of
    `torch.nn.TransformerEncoderLayer` with `norm_first`.

    Args:
        size: its dimensions; `dropout` is of the residual branches.
        attention_dropout: of the attention's output.
        scaled: whether residuals are multiplied by a learnt α and branches by 1 − α. α starts
            anywhere in 0…1, as in the code that Goncalves and Busso published of a first version.
    """

    def __init__(
        self, size: NetworkSize, attention_dropout: float = 0.0, *, scaled: bool = False
    ) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(size.dim)
        self.attention = Attention(size.dim, size.heads)
        self.attention_dropout = Dropout(attention_dropout)
        self.norm_ffn = nn.LayerNorm(size.dim)
        self.ffn = nn.Sequential(
            nn.Linear(size.dim, size.ffn), nn.ReLU(), nn.Linear(size.ffn, size.dim)
        )
        self.dropout = Dropout(size.dropout)
        self.alpha = nn.Parameter(torch.rand(())) if scaled else None

    def forward(self, x: Tensor, keys: Tensor, memory: Tensor | None = None) -> Tensor:
        """Encode (clips, frames, dim).

        Args:
            x: (clips, frames, dim).
            keys: (clips, frames of the memory) bool, what may be attended to.
            memory: (clips, frames of the memory, dim); `x` itself by default.
        """
        queries = self.norm_attention(x)
        source = queries if memory is None else self.norm_attention(memory)
        x = self._add(x, self.attention_dropout(self.attention(queries, source, keys)))
        return self._add(x, self.ffn(self.norm_ffn(x)))

    def _add(self, x: Tensor, branch: Tensor) -> Tensor:
        branch = self.dropout(branch)
        return x + branch if self.alpha is None else self.alpha * x + (1 - self.alpha) * branch


class PreNormEncoder(nn.Module):
    """A stack of pre-norm layers and a last layer norm."""

    def __init__(
        self, size: NetworkSize, attention_dropout: float = 0.0, *, scaled: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            PreNormLayer(size, attention_dropout, scaled=scaled) for _ in range(size.layers)
        )
        self.norm = nn.LayerNorm(size.dim)

    def forward(self, x: Tensor, keys: Tensor, memory: Tensor | None = None) -> Tensor:
        """Encode (clips, frames, dim); every layer attends to the same memory, if there is one."""
        for layer in self.layers:
            x = layer(x, keys, memory)
        return self.norm(x)


class CrossmodalEncoders(nn.Module):
    """An encoder for each modality, with queries of its own and keys and values of the other."""

    def __init__(self, size: NetworkSize, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({m: PreNormEncoder(size, attention_dropout) for m in OTHER})

    def forward(self, streams: Mapping[Modality, Stream]) -> dict[Modality, Stream]:
        """Each modality's frames with what they found in the other modality."""
        crossed = {}
        for modality, stream in streams.items():
            source = streams[OTHER[modality]]
            crossed[modality] = stream.holding(
                self.encoders[modality](stream.x, source.keys, source.x)
            )
        return crossed


class ResidualMLP(nn.Module):
    """Dense layers with a residual around all but the last: output(x + branch(x)).

    Args:
        dim: of the input, and of the branch's end.
        hidden: units of the branch's hidden layers.
        outputs: of the last layer.
        dropout: after every hidden layer's ReLU.
    """

    def __init__(self, dim: int, hidden: Sequence[int], outputs: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((dim, *hidden)):
            layers += [nn.Linear(before, after), nn.ReLU(), Dropout(dropout)]
        self.branch = nn.Sequential(*layers, nn.Linear(hidden[-1], dim))
        self.output = nn.Linear(dim, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(…, dim) to (…, outputs)."""
        return self.output(x + self.branch(x))


def last_frame(x: Tensor, mask: Tensor) -> Tensor:
    """The last real frame (clips, 1, dim) of `x` (clips, frames, dim); `mask` is False for padding.

    Published code reads the last step of a padded sequence instead.
    """
    frames = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, frames, 0).amax(1)
    return x.gather(1, last[:, None, None].expand(-1, -1, x.shape[-1]))
