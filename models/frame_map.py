"""What ablation makes of a clip's frames, apart from how it was drawn."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class FrameMap:
    """What every frame of a clip becomes: another frame of the clip, or something else.

    Attributes:
        source: (clips, frames) int64, the frame that is shown.
        empty: (clips, frames) bool, True where no frame is shown.
        filling: what is shown there: zeros, noise, or the features of a blank face.
        gain: (clips, 1), what all of it is multiplied by; None for 1.
    """

    source: Tensor
    empty: Tensor
    filling: Literal["zero", "noise", "blank"] = "zero"
    gain: Tensor | None = None

    def apply(self, x: Tensor, filling: Tensor | None = None) -> Tensor:
        """Apply to `x` (clips, frames, features); `filling` (broadcast to it) replaces zeros.

        Without a gain, an affine map L of each frame commutes with this:
        L(apply(x)) = apply(L(x), filling=L(0)).
        """
        index = self.source.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        fill = x.new_zeros(()) if filling is None else filling.to(x.dtype)
        shown = torch.where(self.empty.unsqueeze(-1), fill, x.gather(1, index))
        return shown if self.gain is None else shown * self.gain.unsqueeze(-1).to(x.dtype)

    def present(self, present: Tensor) -> Tensor:
        """Which frames are there afterwards, (clips, frames).

        Noise and blank faces arrive like any frame: nobody knows that they are none.
        """
        there = present.gather(1, self.source)
        return there & ~self.empty if self.filling == "zero" else there

    def imputed(self, how: Literal["hold", "nearest"], mask: Tensor) -> "FrameMap":
        """Empty frames replaced by the last one shown, or the nearest; empty where there is none.

        Args:
            how: `hold` for the last one, `nearest`.
            mask: (clips, frames) bool, False for padding.
        """
        shown = ~self.empty & mask
        index = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        if how == "nearest":
            chosen, found = nearest(shown), shown.any(1, keepdim=True)
        else:
            chosen = torch.where(shown, index, -1).cummax(1).values
            found = chosen >= 0
        chosen = torch.where(found & mask, chosen, index)
        return replace(self, source=self.source.gather(1, chosen), empty=self.empty & ~found)


def nearest(present: Tensor) -> Tensor:
    """(clips, frames) int64, the nearest present frame to each; its own index where none is.

    Of two as near the earlier one is taken.
    """
    frames = present.shape[1]
    index = torch.arange(frames, device=present.device).expand_as(present)
    before = torch.where(present, index, -frames - 1).cummax(1).values
    # Far away on either side where there is none: no index is nearer than an absent one.
    after = torch.where(present, index, 3 * frames).flip(1).cummin(1).values.flip(1)
    chosen = torch.where(index - before <= after - index, before, after)
    return torch.where(present.any(1, keepdim=True), chosen, index)
