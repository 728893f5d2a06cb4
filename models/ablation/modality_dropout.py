"""`modality_dropout`, the training of Chumachenko et al. 2022, with the copies of section IV.

Each batch holds every sample whole, without sound and without picture. Their section III.C drops
one modality of each sample at random instead: that is `clip_zero` (or `noise`) of `either` with p
1.
"""

import torch

from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws, gain
from models.ablation.strategies import copies
from models.settings import Ablation, Modality


def modality_dropout(ablation: Ablation, modality: Modality, draws: Draws) -> FrameMap:
    """Copies: intact, without sound, without picture and, if `soft`, with both scaled.

    Of batches with noise the paper does not say what they hold; here it is the same copies.
    """
    samples = len(draws.item) // copies(ablation)
    copy = (torch.arange(len(draws.item), device=draws.item.device) // samples)[:, None]
    lost = (copy == (1 if modality == "audio" else 2)) & draws.mask
    scale = gain(copy == 3, modality, draws) if ablation.fill == "soft" else None
    return FrameMap(draws.index, lost, "noise" if ablation.fill == "noise" else "zero", scale)
