"""AuxFormer's blocks as the equations of Goncalves and Busso 2022 have them (sections 3.2, 3.3)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from typing_extensions import override

from models.networks.prenorm import PreNormLayer
from models.networks.stream import OTHER, Stream
from models.settings import Modality, NetworkSize


class EquationLayer(PreNormLayer):
    """Attention and feed-forward: z' = MHA(LN(z)) + z, then LN(FC(LN(z')) + z') (equations 3, 4).

    The softmax is scaled by 1/√N for the N frames that may be attended to (equation 2). Given
    queries of another modality, the residual is of the one that gives keys and values.

    Args:
        size: its dimensions; `dropout` is of the residual branches.
        attention_dropout: of the attention's output.
        scaled: whether residuals are multiplied by a learnt α and branches by a learnt β, each of
            which starts anywhere in 0…1.
    """

    def __init__(
        self, size: NetworkSize, attention_dropout: float = 0.0, *, scaled: bool = False
    ) -> None:
        super().__init__(size, attention_dropout, scaled=scaled)
        self.norm = nn.LayerNorm(size.dim)
        self.beta = nn.Parameter(torch.rand(())) if scaled else None
        self.head_dim = size.dim // size.heads

    @override
    def forward(self, x: Tensor, keys: Tensor, queries: Tensor | None = None) -> Tensor:
        """Encode (clips, frames, dim).

        Args:
            x: (clips, frames, dim), which gives keys, values and the residual.
            keys: (clips, frames) bool, what may be attended to.
            queries: (clips, frames, dim) of the other modality; `x` itself by default.
        """
        source = self.norm_attention(x)
        asking = source if queries is None else self.norm_attention(queries)
        # Attention scales by 1/√d_head; with this by 1/√N.
        scale = (self.head_dim / keys.sum(-1).clamp_min(1)).sqrt()[:, None, None]
        attended = self.attention.attend(
            self.attention.query(asking) * scale.to(x.dtype),
            self.attention.key_value(source),
            keys,
        )
        x = self._add(x, self.attention_dropout(attended))
        return self.norm(self._add(x, self.ffn(self.norm_ffn(x))))

    @override
    def _add(self, x: Tensor, branch: Tensor) -> Tensor:
        branch = self.dropout(branch)
        if self.alpha is None or self.beta is None:
            return x + branch
        return self.alpha * x + self.beta * branch


class EquationEncoder(nn.Module):
    """A stack of such layers."""

    def __init__(
        self, size: NetworkSize, attention_dropout: float = 0.0, *, scaled: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EquationLayer(size, attention_dropout, scaled=scaled) for _ in range(size.layers)
        )

    def forward(self, x: Tensor, keys: Tensor, queries: Tensor | None = None) -> Tensor:
        """Encode (clips, frames, dim); every layer is asked the same queries, if there are any."""
        for layer in self.layers:
            x = layer(x, keys, queries)
        return x


class EquationCrossmodal(nn.Module):
    """An encoder for each modality, with keys, values and residual of it and queries of the other.

    What row t of the queries found is added to row t of the residual, so there are as many: zeros
    follow fewer queries, as the paper fills all sequences (section 4.2.2); more are left out.
    """

    def __init__(self, size: NetworkSize, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({m: EquationEncoder(size, attention_dropout) for m in OTHER})

    def forward(self, streams: Mapping[Modality, Stream]) -> dict[Modality, Stream]:
        """Each modality's frames with what the other modality asked of them."""
        crossed = {}
        for modality, stream in streams.items():
            other = streams[OTHER[modality]]
            queries = other.x * other.mask.unsqueeze(-1)
            more = stream.x.shape[1] - queries.shape[1]
            queries = pad(queries, (0, 0, 0, more)) if more else queries
            crossed[modality] = stream.holding(
                self.encoders[modality](stream.x, stream.keys, queries)
            )
        return crossed
