"""The multimodal transformer (MulT) of Tsai et al. 2019, with audio and video alone."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout, sinusoidal_positions
from models.networks.prenorm import CrossmodalEncoders, PreNormEncoder, ResidualMLP, last_frame
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import Modality, MulTOptions, NetworkSize


class MulT(Recogniser):
    """Crossmodal encoders, self-attention over what each found, the last frames of both, an MLP.

    Section 3 of the paper: a convolution projects each modality (here, as in the authors' code, of
    kernel 1 and without bias), positions are added, and every crossmodal layer takes its keys and
    values from the other modality's projection. Goncalves and Busso's baseline 2: 358,384
    parameters with dim 30, 7,070,406 scaled up. One modality alone has its self-attention only.

    The authors' code does more, of which nothing is here: every encoder multiplies its input by √d
    and adds positions, so the self-attention over what was found gets them again; frames attend to
    none that are later; and there is dropout of attention weights and after the feed-forward's
    ReLU.

    Chumachenko et al. compare with two forms. That of their Table III, the published network
    without language, is the one here; that of Table II has other blocks, on convolutional branches.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: MulTOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, size.dim), task, presence)
        self.projections = nn.ModuleDict(
            {m: nn.Linear(n, size.dim, bias=False) for m, n in features.items()}
        )
        self.crossmodal = CrossmodalEncoders(size) if len(features) > 1 else None
        self.encoders = nn.ModuleDict({m: PreNormEncoder(size) for m in features})
        self.dropout = Dropout(options.embedding_dropout)
        joint = len(features) * size.dim
        self.head = ResidualMLP(joint, (joint,), len(task.outputs), options.output_dropout)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projections[modality](x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        x = stream.x
        positions = sinusoidal_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        embedded = stream.holding(self.dropout(x + positions))
        return self._attended(modality, embedded) if self.crossmodal is None else embedded

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        if self.crossmodal is not None:
            crossed = self.crossmodal(encoded)
            encoded = {
                m: self._attended(m, stream.holding(self.dropout(stream.x)))
                for m, stream in crossed.items()
            }
        joint = torch.cat([self._summary(encoded[m]) for m in self.modalities], dim=-1)
        inside = {"joint": joint} if "joint" in self.watched else {}
        return Outputs(self.head(joint), {}, inside=inside)

    def _attended(self, modality: Modality, stream: Stream) -> Stream:
        return stream.holding(self.encoders[modality](stream.x, stream.keys))

    def _summary(self, stream: Stream) -> Tensor:
        return stream.x if self.per_frame else last_frame(stream.x, stream.mask)
