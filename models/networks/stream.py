"""One modality on its way through a network."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from models.settings import Modality

OTHER: dict[Modality, Modality] = {"audio": "video", "video": "audio"}


@dataclass(frozen=True)
class Stream:
    """One modality's frames, which of them are real, and which were received.

    Attributes:
        x: (clips, frames, dim).
        mask: (clips, frames) bool, False for padding.
        present: (clips, frames) bool, False for padding and for frames that are missing. A network
            whose presence is ignored sees every real frame as present.
    """

    x: Tensor
    mask: Tensor
    present: Tensor

    @property
    def keys(self) -> Tensor:
        """(clips, frames) bool, what may be attended to: what is present, or else all."""
        return self.present | (self.mask & ~self.present.any(1, keepdim=True))

    @property
    def gone(self) -> Tensor:
        """(clips,) bool, whether nothing of it is present."""
        return ~self.present.any(1)

    def holding(self, x: Tensor) -> "Stream":
        """The same frames with other contents, and nothing that was made of the old ones."""
        return Stream(x, self.mask, self.present)

    def repeated(self, count: int) -> "Stream":
        """The clips `count` times, one after the other."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            self, **{name: t.repeat(count, *[1] * (t.ndim - 1)) for name, t in tensors.items()}
        )


class Outputs(NamedTuple):
    """What a network says.

    Attributes:
        fused: (clips, frames, outputs); (clips, 1, outputs) of sequences.
        auxiliary: likewise, of single modalities, for the training loss alone.
        gone: (clips,) bool, the clips of which a modality is missing altogether, so that its
            auxiliary output is not an answer; none where a network does not know.
        inside: by name, what losses of the network's own or of a strategy look at; in training.
    """

    fused: Tensor
    auxiliary: Mapping[Modality, Tensor]
    gone: Mapping[Modality, Tensor] = MappingProxyType({})
    inside: Mapping[str, Tensor] = MappingProxyType({})
