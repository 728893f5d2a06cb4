"""The operators that make a modality go missing; training and evaluation use the same ones.

Strategies of Parthasarathy and Sundaram 2020, section 2.2: `clip_zero` zeroes a whole clip,
`frame_zero` zeroes single frames, `frame_repeat` replaces a lost frame by the last one received.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.draws import stream, uniforms
from models.settings import Ablation, Modality


@dataclass(frozen=True)
class FrameMap:
    """What every frame of a clip becomes: another frame of the clip, or nothing.

    Attributes:
        source: (clips, frames) int64, the frame that is shown.
        zero: (clips, frames) bool, True where nothing is shown.
    """

    source: Tensor
    zero: Tensor

    def apply(self, x: Tensor, nothing: Tensor | None = None) -> Tensor:
        """Apply to `x` (clips, frames, features); `nothing` (features,) replaces zeroed frames.

        A per-frame linear map L commutes with this: L(apply(x)) = apply(L(x), nothing=L(0)).
        """
        index = self.source.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        fill = x.new_zeros(()) if nothing is None else nothing.to(x.dtype)
        return torch.where(self.zero.unsqueeze(-1), fill, x.gather(1, index))


def draw(
    ablation: Ablation,
    modality: Modality,
    *,
    key: tuple[object, ...],
    item: Tensor,
    first: Tensor,
    mask: Tensor,
) -> FrameMap | None:
    """Draw what happens to every frame of a batch of clips in one modality.

    A draw depends on the key, the item and the frame's place in the item alone.

    Args:
        ablation: what is taken away.
        modality: the stream the map is for; None is returned where the ablation leaves it alone.
        key: for example (seed, condition, trial).
        item: (clips,) int64 item hashes (`models.draws.stream`).
        first: (clips,) int64 index of each clip's first frame in its item.
        mask: (clips, frames) True where there is a frame and not padding.
    """
    if modality not in ablation.modalities:
        return None
    frames = mask.shape[1]
    index = torch.arange(frames, device=mask.device).expand_as(mask)
    unit = index * 0 if ablation.strategy == "clip_zero" else index
    drawn = uniforms(stream(*key, modality), item[:, None], first[:, None] + unit)
    lost = (drawn < ablation.p) & mask
    if ablation.strategy == "frame_repeat":
        return FrameMap(_last_received(lost, index), torch.zeros_like(lost))
    return FrameMap(index, lost)


def _last_received(lost: Tensor, index: Tensor) -> Tensor:
    """Index of the last frame received at or before each frame; a clip's first is received."""
    received = torch.where(lost, torch.zeros_like(index), index)
    return received.cummax(1).values
