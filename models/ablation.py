"""The strategies that make a modality go missing; training and evaluation use the same ones.

Parthasarathy and Sundaram 2020, section 2.2: `clip_zero` zeroes a whole clip, `frame_zero` zeroes
single frames, `frame_repeat` replaces a lost frame by the last one received. `subclip` (one run of
frames) and `burst` are what that paper leaves to the future. `optimized` is the training of
Goncalves and Busso 2022, section 3.6; `modality_dropout` that of Chumachenko et al. 2022, section
III-C; `mixed` is Lacuna's own.
"""

import torch
from torch import Tensor

from models.frame_map import FrameMap
from models.operators import Draws, bursts, clips, frames, last_received, subclip
from models.settings import Ablation, Modality, Share

COPIES = {"hard": 3, "noise": 3, "soft": 4}
"""Copies of each sample in a batch, by the filling (Chumachenko et al. 2022)."""


def copies(ablation: Ablation) -> int:
    """How many copies of each sample a batch holds, each losing something else."""
    return COPIES[ablation.fill] if ablation.strategy == "modality_dropout" else 1


def draw(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap | None:
    """Draw what happens to every frame of a batch of clips in one modality.

    Args:
        ablation: what is taken away.
        modality: the stream the map is for; None is returned where the ablation leaves it alone.
        draws: the random numbers of the batch. For a strategy with copies the batch holds all
            samples once, then all once more, and so on.
    """
    if modality not in ablation.modalities:
        return None
    match ablation.strategy:
        case "optimized":
            return FrameMap(draws.index, _optimized(modality, draws))
        case "modality_dropout":
            return _modality_dropout(ablation, modality, draws)
        case "mixed":
            return _mixed(ablation, modality, draws)
    p = _share(ablation.p, modality, draws)
    lost = _lost(ablation, p, modality, draws)
    if ablation.modality == "either":
        lost = lost & ((draws.per_clip("modality") < 0.5) == (modality == "video"))
    match ablation.strategy:
        case "frame_repeat":
            return FrameMap(last_received(lost), torch.zeros_like(lost))
        case "noise":
            return FrameMap(draws.index, lost, "noise")
        case "blank_face":
            return FrameMap(draws.index, lost, "blank")
    return FrameMap(draws.index, lost)


def _lost(ablation: Ablation, p: Tensor | float, modality: Modality, draws: Draws) -> Tensor:
    match ablation.strategy:
        case "clip_zero" | "noise":
            return clips(draws, p, modality)
        case "subclip":
            return subclip(draws, p, modality)
        case "burst":
            return bursts(draws, p, ablation.burst, modality)
        case _:
            return frames(draws, p, modality)


def _share(p: float | Share, modality: Modality, draws: Draws) -> Tensor | float:
    """The share that is lost; (clips, 1) where it is drawn for every sample."""
    if not isinstance(p, Share):
        return p
    drawn = draws.per_clip(modality, "p")
    if p.scale == "linear":
        return p.low + (p.high - p.low) * drawn
    most, least = 1 - p.low, 1 - p.high
    return 1 - most * (least / most) ** drawn


def _optimized(modality: Modality, draws: Draws) -> Tensor:
    """A fifth of the batch loses sound, another picture: exactly, by the rank of a draw."""
    count = len(draws.item)
    rank = draws.per_clip("group").flatten().argsort().argsort()[:, None]
    sound, both = (round(share * count) for share in (0.2, 0.4))
    chosen = rank < sound if modality == "audio" else (rank >= sound) & (rank < both)
    return chosen & draws.mask


def _modality_dropout(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Copies: intact, without sound, without picture and, if `soft`, with both scaled."""
    count = COPIES[ablation.fill]
    copy = torch.arange(len(draws.item), device=draws.item.device) // (len(draws.item) // count)
    gone = (copy == (1 if modality == "audio" else 2))[:, None]
    gain = None
    if ablation.fill == "soft":
        share = draws.per_clip("gain")
        scaled = share if modality == "audio" else 1 - share
        gain = torch.where((copy == 3)[:, None], scaled, 1.0)
    lost = gone & draws.mask
    return FrameMap(draws.index, lost, "noise" if ablation.fill == "noise" else "zero", gain)


def _mixed(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Intact, or one modality loses frames in one of five ways; some samples are scaled."""
    mixture = ablation.mixture
    fate = draws.per_clip("fate")
    loses_video = (fate >= mixture.intact) & (fate < mixture.intact + mixture.video)
    loses = loses_video if modality == "video" else fate >= mixture.intact + mixture.video
    p = _share(mixture.p, modality, draws)
    kind = draws.per_clip(modality, "kind")
    # Whole clips, then four other ways, as likely as each other.
    way = torch.floor((kind - mixture.clips) / (1 - mixture.clips) * 4) if mixture.clips < 1 else -1
    single = frames(draws, p, modality)
    lost = draws.mask & (kind < mixture.clips)
    for number, candidate in enumerate(
        (
            single,
            single,
            subclip(draws, p, modality, "start"),
            bursts(draws, p, ablation.burst, modality),
        )
    ):
        lost = lost | (candidate & (way == number) & (kind >= mixture.clips))
    lost = lost & loses
    repeated = lost & (way == 1) & (kind >= mixture.clips)
    share = draws.per_clip("gain")
    scaled = share if modality == "audio" else 1 - share
    gain = torch.where(draws.per_clip("scaled") < mixture.gains, scaled, 1.0)
    return FrameMap(last_received(repeated), lost & ~repeated, "zero", gain)
