"""`mixed`, Lacuna's own: losses of many kinds, each sample another."""

import torch

from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws, bursts, frames, gain, last_received, share, subclips
from models.settings import Ablation, Modality

_WHOLE, _REPEATED, _RUN, _BURSTS = 0, 2, 3, 4
"""The ways to lose frames; 1 is frame_zero."""


def mixed(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Intact, or one modality loses frames in one of five ways; some samples are scaled."""
    mixture = ablation.mixture
    video = (mixture.intact, mixture.intact + mixture.video)
    fate = draws.per_clip("fate")
    low, high = video if modality == "video" else (video[1], 1.0)
    loses = (fate >= low) & (fate < high)
    kind = draws.per_clip(modality, "kind")
    # Whole clips take the share they are given, the other ways are as likely as each other.
    bounds = [mixture.clips + (1 - mixture.clips) * step for step in (0, 0.25, 0.5, 0.75)]
    way = torch.stack([kind >= bound for bound in bounds]).sum(0)
    p = share(mixture.p, modality, draws)
    lost = torch.where(way == _WHOLE, draws.mask, frames(draws, p, modality))
    lost = torch.where(way == _RUN, subclips(draws, p, modality, "start"), lost)
    lost = torch.where(way == _BURSTS, bursts(draws, p, ablation.burst, modality), lost) & loses
    repeated = lost & (way == _REPEATED)
    scale = gain(draws.per_clip("scaled") < mixture.gains, modality, draws)
    return FrameMap(last_received(repeated), lost & ~repeated, "zero", scale)
