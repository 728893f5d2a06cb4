"""The strategies that make a modality go missing; training and evaluation use the same ones.

Each says which frames are lost and what is shown instead. Parthasarathy and Sundaram 2020, section
2.2: `clip_zero` zeroes a whole clip, `frame_zero` zeroes single frames, `frame_repeat` replaces a
lost frame by the last one received. `subclip` (one run of frames), `burst`, and `blank_face` (the
picture arrives, but no face is on it) are what that paper leaves to the future. `noise` replaces a
whole clip, as Chumachenko et al. 2022 do in evaluation. `modality_dropout` is their training with
the copies of section IV: each batch holds every sample whole, without sound and without picture.
Their section III.C drops one modality of each sample at random instead: that is `clip_zero` (or
`noise`) of `either` with p 1. `optimized` is the training of Goncalves and Busso 2022 (section
3.6), `mixed` Lacuna's.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws, bursts, clips, frames, last_received, subclip
from models.settings import Ablation, Modality, Share, Strategy
from models.training.data import Batch

Lose = Callable[[Draws, Tensor | float, Ablation, Modality], Tensor]
"""Draws which frames a modality loses, (clips, frames) bool, given the share or probability."""

Show = Callable[[Draws, Tensor], FrameMap]
"""Puts something in place of lost frames."""

Operator = Callable[[Ablation, Modality, Draws], FrameMap]

COPIES = {"hard": 3, "noise": 3, "soft": 4}
"""Copies of each sample in a batch of modality_dropout, by the filling."""


def copies(ablation: Ablation) -> int:
    """How many copies of each sample a batch holds, each losing something else."""
    return COPIES[ablation.fill] if ablation.strategy == "modality_dropout" else 1


def draw(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap | None:
    """Draw what happens to every frame of a batch of clips in one modality.

    What a clip loses depends on nothing but the key, the clip and its frames, whatever batch it is
    in. Only `optimized` and the copies of `modality_dropout` share losses out within the batch.

    Args:
        ablation: what is taken away.
        modality: the stream the map is for; None is returned where the ablation leaves it alone.
        draws: the random numbers of the batch. For a strategy with copies the batch holds all
            samples once, then all once more, and so on.
    """
    if modality not in ablation.modalities:
        return None
    return OPERATORS[ablation.strategy](ablation, modality, draws)


def filling(
    frame_map: FrameMap, modality: Modality, batch: Batch, key: tuple[object, ...]
) -> Tensor | None:
    """What stands in place of empty frames, as features that broadcast to the stream's.

    Args:
        frame_map: as `draw` returns it.
        modality: the stream it is for.
        batch: the clips.
        key: that of the draws.

    Returns:
        Noise (clips, frames, features), zeros for clips without any; a blank face (features,); None
        for zeros.

    Raises:
        ValueError: a blank face is wanted, and the corpus has none.
    """
    match frame_map.filling:
        case "noise":
            needed = frame_map.empty.any(1)
            size = batch.features[modality]
            return batch.draws(*key).noise(needed, size, modality, "noise")
        case "blank":
            if batch.blank is None:
                raise ValueError("the features of a blank face are not known")
            return batch.blank
    return None


def _share(p: float | Share, modality: Modality, draws: Draws) -> Tensor | float:
    """The share that is lost; (clips, 1) where it is drawn for every sample."""
    if not isinstance(p, Share):
        return p
    drawn = draws.per_clip(modality, "p")
    if p.scale == "linear":
        return p.low + (p.high - p.low) * drawn
    most, least = 1 - p.low, 1 - p.high
    return 1 - most * (least / most) ** drawn


# ------------------------------------------------------------------ what is shown


def _zeros(draws: Draws, lost: Tensor) -> FrameMap:
    return FrameMap(draws.index, lost)


def _repeats(_: Draws, lost: Tensor) -> FrameMap:
    return FrameMap(last_received(lost), torch.zeros_like(lost))


def _noise(draws: Draws, lost: Tensor) -> FrameMap:
    return FrameMap(draws.index, lost, "noise")


def _blank_face(draws: Draws, lost: Tensor) -> FrameMap:
    """Where no face was found, none can be covered: such a frame stays as it is."""
    return FrameMap(draws.index, lost & draws.received.get("video", draws.mask), "blank")


# ------------------------------------------------------------------ one kind of loss


def _clips(draws: Draws, p: Tensor | float, _: Ablation, modality: Modality) -> Tensor:
    return clips(draws, p, modality)


def _frames(draws: Draws, p: Tensor | float, _: Ablation, modality: Modality) -> Tensor:
    return frames(draws, p, modality)


def _subclip(draws: Draws, p: Tensor | float, _: Ablation, modality: Modality) -> Tensor:
    return subclip(draws, p, modality, "start")


def _bursts(draws: Draws, p: Tensor | float, ablation: Ablation, modality: Modality) -> Tensor:
    return bursts(draws, p, ablation.burst, modality)


def _losing(lose: Lose, show: Show) -> Operator:
    """The operator that loses frames in one way and shows one thing instead."""

    def operator(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
        lost = lose(draws, _share(ablation.p, modality, draws), ablation, modality)
        if ablation.modality == "either":
            lost = lost & ((draws.per_clip("modality") < 0.5) == (modality == "video"))
        return show(draws, lost)

    return operator


# ------------------------------------------------------------------ shared out over a batch


def _optimized(_: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """A fifth of the batch loses sound, another picture; the rest is intact.

    The groups are exact: those with the lowest draws. A fifth is rounded to whole clips: of a batch
    of 8, 16 or 32 they are 2, 3 or 6 each, shares of .25, .1875 and .1875; of three or four clips
    one each, and of one or two none.
    """
    fifth = round(len(draws.item) / 5)
    rank = draws.per_clip("group").flatten().argsort().argsort()[:, None]
    first = 0 if modality == "audio" else fifth
    return _zeros(draws, (rank >= first) & (rank < first + fifth) & draws.mask)


def _modality_dropout(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Copies: intact, without sound, without picture and, if `soft`, with both scaled.

    Of batches with noise the paper does not say what they hold; here it is the same copies.
    """
    samples = len(draws.item) // COPIES[ablation.fill]
    copy = (torch.arange(len(draws.item), device=draws.item.device) // samples)[:, None]
    lost = (copy == (1 if modality == "audio" else 2)) & draws.mask
    gain = _gain(copy == 3, modality, draws) if ablation.fill == "soft" else None
    return FrameMap(draws.index, lost, "noise" if ablation.fill == "noise" else "zero", gain)


def _gain(scaled: Tensor, modality: Modality, draws: Draws) -> Tensor:
    """α for sound and 1 − α for picture, uniform in 0 … 1, where `scaled`; (clips, 1)."""
    share = draws.per_clip("gain")
    return torch.where(scaled, share if modality == "audio" else 1 - share, 1.0)


# ------------------------------------------------------------------ mixed

_WHOLE, _REPEATED, _RUN, _BURSTS = 0, 2, 3, 4
"""What `mixed` calls the ways to lose frames; 1 is frame_zero."""


def _mixed(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
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
    p = _share(mixture.p, modality, draws)
    lost = torch.where(way == _WHOLE, draws.mask, frames(draws, p, modality))
    lost = torch.where(way == _RUN, subclip(draws, p, modality, "start"), lost)
    lost = torch.where(way == _BURSTS, bursts(draws, p, ablation.burst, modality), lost) & loses
    repeated = lost & (way == _REPEATED)
    gain = _gain(draws.per_clip("scaled") < mixture.gains, modality, draws)
    return FrameMap(last_received(repeated), lost & ~repeated, "zero", gain)


OPERATORS: Mapping[Strategy, Operator] = MappingProxyType(
    {
        "clip_zero": _losing(_clips, _zeros),
        "frame_zero": _losing(_frames, _zeros),
        "frame_repeat": _losing(_frames, _repeats),
        "subclip": _losing(_subclip, _zeros),
        "burst": _losing(_bursts, _zeros),
        "noise": _losing(_clips, _noise),
        "blank_face": _losing(_frames, _blank_face),
        "optimized": _optimized,
        "modality_dropout": _modality_dropout,
        "mixed": _mixed,
    }
)
"""Every strategy but `none`, which acts on no modality."""
