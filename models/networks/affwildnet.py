"""AffWildNet, static and dynamic: Parthasarathy and Sundaram, detecting expressions, section 4.4.

The networks are those of Kollias et al. 2019 on the faces of Aff-Wild.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout, masked_mean
from models.networks.recogniser import Presence, Recogniser
from models.networks.recurrent import Recurrence
from models.networks.stream import Outputs, Stream
from models.settings import AffWildNetOptions, Modality, NetworkSize


class AffWildNet(Recogniser):
    """A fully connected layer of `size.ffn` with ReLU, GRU layers if it is dynamic, a dense layer.

    The paper's fully connected layer has 2000 or 4096 units and is on the convolutional features of
    VGG-Face; here it is on the feature vectors given, those of two modalities concatenated. The
    static network sees one frame at a time. The dynamic one goes on with `size.layers` GRU layers
    of `size.dim` (the paper's: 4096 units, 2 layers of 128), forward in time, so no real frame sees
    the padding after it. Of a sequence the outputs are the mean over its frames.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: AffWildNetOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, size.ffn), task, presence)
        # One layer on the concatenation is a sum of layers of which one has the bias.
        self.connected = nn.ModuleDict(
            {m: nn.Linear(n, size.ffn, bias=m == self.modalities[0]) for m, n in features.items()}
        )
        self.activation = nn.Sequential(nn.ReLU(), Dropout(size.dropout))
        self.recurrence = Recurrence(size.ffn, size) if options.dynamic else nn.Identity()
        self.head = nn.Linear(size.dim if options.dynamic else size.ffn, len(task.outputs))

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.connected[modality](x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream  # one term of the layer's sum, nothing more

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        first, *more = (encoded[m] for m in self.modalities)
        connected = sum((stream.x for stream in more), start=first.x)
        outputs = self.head(self.recurrence(self.activation(connected)))
        return Outputs(outputs if self.per_frame else masked_mean(outputs, first.mask), {})
