"""One branch of the crossmodal transformer, without cross-modal attention."""

from collections.abc import Mapping

from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Encoder, masked_mean
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import Modality, NetworkSize, Options


class Unimodal(Recogniser):
    """One modality's encoder and a dense layer: the paper's audio-only and video-only models."""

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: Options,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, size.dim), task, presence)
        (dimension,) = features.values()
        self.projection = nn.Linear(dimension, size.dim)
        self.encoder = Encoder(size)
        self.head = nn.Linear(size.dim, len(task.outputs))

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projection(x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream.holding(self.encoder(stream.x, stream.keys))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        (stream,) = encoded.values()
        outputs = self.head(stream.x)
        return Outputs(outputs if self.per_frame else masked_mean(outputs, stream.mask), {})
