"""The crossmodal transformer of Parthasarathy and Sundaram 2020, section 2.1 and Figure 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Attention, Encoder, masked_mean
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import CrossmodalOptions, Modality, NetworkSize


@dataclass(frozen=True)
class Encoded(Stream):
    """An encoded stream, and what it brings to the cross-modal attentions.

    Attributes:
        query: (clips, frames, dim), its queries.
        key_value: (clips, frames, 2 dim), its keys and values for the other modality's queries.
    """

    query: Tensor
    key_value: Tensor


class Crossmodal(Recogniser):
    """Two encoders, each attending to the other: z = (h_a + α·x_a) + (h_v + β·x_v).

    x_a are the outputs of the attention with queries from audio and keys and values from video,
    x_v the other way round; α and β are learnt and start at 1. 12.5 M parameters at the paper's
    size. Of a sequence the outputs are those of the sum of both modalities' means over their
    frames: the mean of the frames' outputs, where sound and picture have the same ones.

    Not stated in the paper, and decided here: projections have a bias and no activation, positions
    are sinusoidal, norms come after the residuals, feed-forward blocks are as wide as the model,
    and scores are divided by √d_head, which equation 1 leaves out. The cross-modal layers are
    attention alone. The auxiliary heads, and what speaks for a clip of which one modality is gone,
    in training too, are Lacuna's own (`CrossmodalOptions`).
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: CrossmodalOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, size.dim), task, presence)
        self.projections = nn.ModuleDict({m: nn.Linear(n, size.dim) for m, n in features.items()})
        self.encoders = nn.ModuleDict({m: Encoder(size) for m in features})
        self.audio_from_video = Attention(size.dim, size.heads)
        self.video_from_audio = Attention(size.dim, size.heads)
        self.alpha = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.ones(()))
        outputs = len(task.outputs)
        self.head = nn.Linear(size.dim, outputs)
        self.alone = options.alone
        if options.auxiliary:
            self.heads = nn.ModuleDict({m: nn.Linear(size.dim, outputs) for m in features})
            self.loss_weights = dict.fromkeys(self.modalities, options.auxiliary)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projections[modality](x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Encoded:
        asks, answers = self.audio_from_video, self.video_from_audio
        if modality == "video":
            asks, answers = answers, asks
        x = self.encoders[modality](stream.x, stream.keys)
        return Encoded(x, stream.mask, stream.present, asks.query(x), answers.key_value(x))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        audio, video = cast("Encoded", encoded["audio"]), cast("Encoded", encoded["video"])
        x_audio = self.audio_from_video.attend(audio.query, video.key_value, video.keys)
        x_video = self.video_from_audio.attend(video.query, audio.key_value, audio.keys)
        if self.per_frame:
            z = audio.x + self.alpha * x_audio + video.x + self.beta * x_video
        else:
            # Each modality may have frames of its own, (clips, N_a, dim) and (clips, N_v, dim):
            # what is added are their means, (clips, 1, dim).
            z = masked_mean(audio.x + self.alpha * x_audio, audio.mask)
            z = z + masked_mean(video.x + self.beta * x_video, video.mask)
        fused = self.head(z)
        auxiliary = {
            m: self._answer(self.heads[m](encoded[m].x), encoded[m].mask) for m in self.loss_weights
        }
        if self.alone != "fused":
            share = 1.0 if self.alone == "auxiliary" else 0.5
            alone = {"audio": video.gone & ~audio.gone, "video": audio.gone & ~video.gone}
            for modality in self.modalities:
                spoken = torch.lerp(fused, auxiliary[modality], share)
                fused = torch.where(alone[modality][:, None, None], spoken, fused)
        inside = {}
        if "joint" in self.watched:
            inside["joint"] = z
        if "attention" in self.watched:
            attention = self.audio_from_video.scores(audio.query, video.key_value)
            inside["attention.audio"] = attention
            attention = self.video_from_audio.scores(video.query, audio.key_value)
            inside["attention.video"] = attention
        return Outputs(fused, auxiliary, {m: encoded[m].gone for m in auxiliary}, inside)

    def _answer(self, outputs: Tensor, mask: Tensor) -> Tensor:
        return outputs if self.per_frame else masked_mean(outputs, mask)
