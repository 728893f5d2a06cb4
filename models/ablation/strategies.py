"""What a batch loses by a strategy; training and evaluation use the same ones."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from features.errors import InputError
from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws
from models.ablation.registry import STRATEGIES
from models.settings import MODALITIES, Ablation, Modality
from models.training.batch import Batch


def copies(ablation: Ablation) -> int:
    """How many copies of each sample a batch holds, each losing something else.

    >>> copies(Ablation(strategy="modality_dropout", fill="soft")), copies(Ablation())
    (4, 1)
    """
    count = STRATEGIES[ablation.strategy].copies
    return count if isinstance(count, int) else count[ablation.fill]


def draw(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap | None:
    """Draw what happens to every frame of a batch of clips in one modality.

    What a clip loses depends on nothing but the key, the clip and its frames, whatever batch it is
    in. Only `optimized` and the copies of `modality_dropout` share losses out within the batch.

    Args:
        ablation: what is taken away.
        modality: the stream the map is for; None is returned where the ablation leaves it alone.
        draws: the random numbers of the batch. For a strategy with copies the batch holds all
            samples once, then all once more, and so on.

    Raises:
        InputError: an operator of the user's own returns neither lost frames nor a map.
    """
    if modality not in ablation.modalities:
        return None
    # What both lose together is drawn as if of sound.
    asked = MODALITIES[0] if ablation.modality == "together" else modality
    drawn: Any = STRATEGIES[ablation.strategy].load()(ablation, asked, draws)
    if isinstance(drawn, FrameMap):
        return drawn
    if not isinstance(drawn, Tensor) or drawn.shape != draws.mask.shape:
        shape = tuple(draws.mask.shape)
        raise InputError(
            f"strategy {ablation.strategy} returns no bool tensor of shape (clips, frames) {shape}",
            "return which frames are lost, or a FrameMap",
        )
    # Padding is not a frame that could be lost.
    return FrameMap(draws.index, drawn.bool() & draws.mask)


def lost_steps(
    ablation: Ablation, modality: Modality, batch: Batch, key: tuple[object, ...]
) -> FrameMap | None:
    """What becomes of every step of a modality whose input vectors are lost whole.

    Args:
        ablation: what is taken away.
        modality: of the steps; None is returned where the ablation leaves it alone.
        batch: the clips.
        key: of the draws.
    """
    part = batch.streams[modality]
    if ablation.modality != "together" or part.aligned:
        return draw(ablation, modality, _draws(ablation, batch, key, modality))
    frame_map = draw(ablation, modality, _draws(ablation, batch, key, None))
    if frame_map is None:
        return None
    beyond = batch.mask.shape[1]
    return frame_map.at(torch.where(part.mask, part.frame, beyond))


def _draws(
    ablation: Ablation, batch: Batch, key: tuple[object, ...], modality: Modality | None
) -> Draws:
    """The random numbers; what is drawn once is so for whole items, without epoch or trial."""
    if ablation.drawn == "anew":
        return batch.draws(*key, modality=modality)
    return replace(batch.draws(*once(key), modality=modality), of_items=True)


def once(key: tuple[object, ...]) -> tuple[object, ...]:
    """The key of what is drawn once: all but its last part, an epoch or a trial."""
    return (*key[:-1], "once")


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
            return batch.draws(*key, modality=modality).noise(needed, size, modality, "noise")
        case "blank":
            if batch.blank is None:
                raise ValueError("the features of a blank face are not known")
            return batch.blank
        case _:
            return None
