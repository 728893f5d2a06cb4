"""The recurrent baselines of Parthasarathy and Sundaram, detecting expressions, section 4.4."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout, masked_mean
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import Modality, NetworkSize, Options


class Recurrence(nn.Module):
    """`size.layers` GRU layers of `size.dim` units, forward in time, dropout between them.

    Args:
        inputs: dimension of a frame.
        size: the network's sizes.
    """

    def __init__(self, inputs: int, size: NetworkSize) -> None:
        super().__init__()
        between = size.dropout if size.layers > 1 else 0.0  # torch warns where it has no place
        self.layers = nn.GRU(inputs, size.dim, size.layers, batch_first=True, dropout=between)

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's output at every frame: (clips, frames, inputs) to (…, dim)."""
        return self.layers(x)[0]


class Recurrent(Recogniser):
    """RNN (A), VGGFace-RNN (V), and with both modalities VGGFace-RNN (A+V).

    Each modality has its GRU layers; the outputs of two modalities are concatenated and go through
    as many GRU layers again. A dense layer follows. The paper's size is `dim` 128, `layers` 2.

    The paper gives VGGFace-RNN (V) the layers of the dynamic AffWildNet. Here it is without that
    network's fully connected layer of 4096: the demo's features are already the output of such a
    layer (VGG-Face's). With one more, as in `AffWildNet`, it would have 18,503,426 parameters
    instead of 1,722,114.

    Section 5 says that the transformers and these baselines differ by less than 10 % in parameters.
    By the sizes of sections 4.3 and 4.4 they do not, with that layer or without: 3,616,002 here
    (A+V) and 12,509,188 of `Crossmodal`; 1,722,114 (V) and 5,254,658 of `Unimodal`.

    The layers run forward in time, as nothing in the paper says otherwise and its remark on a
    rival's bidirectional network sets that apart; so no real frame sees the padding after it. The
    paper labels every frame and has no sequence labels: of a sequence the outputs are the mean over
    its frames, as of the other networks, so that all frames and not the last few decide.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: Options,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, features, task, presence)
        self.branches = nn.ModuleDict({m: Recurrence(n, size) for m, n in features.items()})
        self.fusion = (
            nn.Sequential(Dropout(size.dropout), Recurrence(len(features) * size.dim, size))
            if len(features) > 1
            else nn.Identity()
        )
        self.head = nn.Linear(size.dim, len(task.outputs))

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream.holding(self.branches[modality](stream.x))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        streams = [encoded[m] for m in self.modalities]
        outputs = self.head(self.fusion(torch.cat([stream.x for stream in streams], dim=-1)))
        return Outputs(outputs if self.per_frame else masked_mean(outputs, streams[0].mask), {})
