"""What every recogniser of this package has in common: project, encode, fuse."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from models.networks.blocks import Encoder
from models.settings import Modality, Task


class Recogniser(nn.Module, ABC):
    """The outputs of a task from the streams of one or more modalities.

    The three steps are public because evaluation shares work between conditions: a projection is
    linear per frame, so ablation commutes with it, and the encoder of an intact stream is run once.

    Args:
        features: input dimension of each modality.
        task: what it has to recognise: so many outputs for every frame or for a sequence.
        dim: model dimension.
        heads: attention heads.
        ffn: hidden units of the feed-forward blocks.
        layers: self-attention layers of each modality's encoder.
        dropout: of attention weights and residual branches.
    """

    def __init__(
        self,
        features: dict[Modality, int],
        *,
        task: Task,
        dim: int,
        heads: int,
        ffn: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.modalities: tuple[Modality, ...] = tuple(features)
        self.projections = nn.ModuleDict({m: nn.Linear(n, dim) for m, n in features.items()})
        self.encoders = nn.ModuleDict(
            {m: Encoder(dim, heads, ffn, layers, dropout) for m in features}
        )
        self.head = nn.Linear(dim, len(task.outputs))
        self.per_frame = task.level == "frame"

    def project(self, modality: Modality, x: Tensor) -> Tensor:
        """(clips, frames, features) to (clips, frames, dim), each frame on its own."""
        return self.projections[modality](x)

    def nothing(self, modality: Modality) -> Tensor:
        """The projection of a zeroed frame, (dim,)."""
        return self.projections[modality].get_parameter("bias")

    def encode(self, modality: Modality, x: Tensor, mask: Tensor) -> Tensor:
        """Encode a projected stream (clips, frames, dim); `mask` is True for real frames."""
        return self.encoders[modality](x, mask)

    def output(self, z: Tensor, mask: Tensor) -> Tensor:
        """The head on `z` (clips, frames, dim); for a sequence the mean over its real frames."""
        outputs = self.head(z)
        if self.per_frame:
            return outputs
        weight = mask.unsqueeze(-1).to(outputs.dtype)
        return (outputs * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)

    @abstractmethod
    def fuse(self, encoded: dict[Modality, Tensor], mask: Tensor) -> Tensor:
        """Outputs (clips, frames or 1, outputs) from the encoded streams."""

    def forward(self, inputs: dict[Modality, Tensor], mask: Tensor) -> Tensor:
        """Outputs (clips, frames, outputs) from feature streams; (clips, 1, outputs) of sequences.

        Args:
            inputs: (clips, frames, features) for each modality.
            mask: (clips, frames) bool, True for real frames, False for padding.
        """
        encoded: dict[Modality, Tensor] = {
            m: self.encode(m, self.project(m, inputs[m]), mask) for m in self.modalities
        }
        return self.fuse(encoded, mask)
