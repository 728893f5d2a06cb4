"""Strategies that lose one kind of frames, and show one thing instead.

Parthasarathy and Sundaram 2020, section 2.2: `clip_zero` zeroes a whole clip, `frame_zero` zeroes
single frames, `frame_repeat` replaces a lost frame by the last one received. `subclip` (one run of
frames), `burst`, and `blank_face` (the picture arrives, but no face is on it) are what that paper
leaves to the future. `noise` replaces a whole clip, as Chumachenko et al. 2022 do in evaluation.
"""

import torch
from torch import Tensor

from models.ablation import operators
from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws, last_received, share
from models.settings import Ablation, Modality


def none(_: Ablation, __: Modality, draws: Draws) -> Tensor:
    """Nothing is lost."""
    return torch.zeros_like(draws.mask)


def clip_zero(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Whole clips become zeros."""
    return _chosen(ablation, modality, draws, _clips(ablation, modality, draws))


def frame_zero(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Single frames become zeros."""
    return _chosen(ablation, modality, draws, _frames(ablation, modality, draws))


def frame_repeat(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Lost frames repeat the last one received."""
    lost = _chosen(ablation, modality, draws, _frames(ablation, modality, draws))
    return FrameMap(last_received(lost), torch.zeros_like(lost))


def subclip(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """One run of frames becomes zeros."""
    p = share(ablation.p, modality, draws)
    lost = operators.subclips(draws, p, modality, "start")
    return _chosen(ablation, modality, draws, lost)


def burst(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Bursts of frames become zeros."""
    p = share(ablation.p, modality, draws)
    lost = operators.bursts(draws, p, ablation.burst, modality)
    return _chosen(ablation, modality, draws, lost)


def noise(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Whole clips become noise."""
    lost = _chosen(ablation, modality, draws, _clips(ablation, modality, draws))
    return FrameMap(draws.index, lost, "noise")


def keep_one(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    """Of so many clips the sound is lost, of as many others the picture; of more than half, one.

    With two modalities a share η of them is lost if each is by a share η of the clips, as long as
    no clip loses both: at η above a half every clip keeps exactly one.
    """
    p = torch.as_tensor(share(ablation.p, "audio", draws), dtype=torch.float64).clamp(max=0.5)
    fate = draws.per_clip("kept")
    low = 0.0 if modality == "audio" else p
    return (fate >= low) & (fate < low + p) & draws.mask


def blank_face(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Faces are covered; where none was found, none can be: such a frame stays as it is."""
    lost = _chosen(ablation, modality, draws, _frames(ablation, modality, draws))
    return FrameMap(draws.index, lost & draws.received.get("video", draws.mask), "blank")


def _clips(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    return operators.clips(draws, share(ablation.p, modality, draws), modality)


def _frames(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    return operators.frames(draws, share(ablation.p, modality, draws), modality)


def _chosen(ablation: Ablation, modality: Modality, draws: Draws, lost: Tensor) -> Tensor:
    """Losses of the one modality that is drawn for every clip, where it is `either`."""
    if ablation.modality != "either":
        return lost
    return lost & ((draws.per_clip("modality") < 0.5) == (modality == "video"))
