"""The crossmodal transformer of Parthasarathy and Sundaram 2020, section 2.1 and Figure 1."""

from typing import Any

import torch
from torch import Tensor, nn

from models.networks.blocks import Attention
from models.networks.recogniser import Recogniser
from models.settings import Modality


class Crossmodal(Recogniser):
    """Two encoders, each attending to the other: z = (h_a + α·x_a) + (h_v + β·x_v).

    x_a are the outputs of the attention with queries from audio and keys and values from video,
    x_v the other way round; α and β are learnt and start at 1. 12.5 M parameters at the paper's
    size.
    """

    def __init__(self, features: dict[Modality, int], **size: Any) -> None:
        super().__init__(features, **size)
        dim, heads, dropout = size["dim"], size["heads"], size["dropout"]
        self.audio_from_video = Attention(dim, heads, dropout)
        self.video_from_audio = Attention(dim, heads, dropout)
        self.alpha = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.ones(()))

    def fuse(self, encoded: dict[Modality, Tensor], mask: Tensor) -> Tensor:
        """Outputs (clips, frames or 1, outputs) from the encoded streams."""
        audio, video = encoded["audio"], encoded["video"]
        z = audio + self.alpha * self.audio_from_video(audio, video, mask)
        z = z + video + self.beta * self.video_from_audio(video, audio, mask)
        return self.output(z, mask)
