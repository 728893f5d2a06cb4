"""One branch of the crossmodal transformer, without cross-modal attention."""

from torch import Tensor

from models.networks.recogniser import Recogniser
from models.settings import Modality


class Unimodal(Recogniser):
    """One modality's encoder and a dense layer: the paper's audio-only and video-only models."""

    def fuse(self, encoded: dict[Modality, Tensor], mask: Tensor) -> Tensor:
        """Outputs (clips, frames or 1, outputs) from the one encoded stream."""
        (stream,) = encoded.values()
        return self.output(stream, mask)
