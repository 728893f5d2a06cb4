"""What a recogniser costs: parameters, and operations per second of video."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.networks.recogniser import Recogniser
from models.settings import Modality

RATE = 30
"""Frames per second of the video that costs are told for."""


def parameters(network: Recogniser) -> int:
    """Numbers that were learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def flop_per_second(network: Recogniser, clip_frames: int) -> float:
    """Floating-point operations for a second of video at 30 frames a second.

    Counted are products of matrices, attention and convolutions, a multiplication and an addition
    each, by `torch.utils.flop_counter`, of one clip with everything present.

    Args:
        network: the recogniser.
        clip_frames: of a clip.
    """
    from torch.utils.flop_counter import FlopCounterMode

    device = next(network.parameters()).device
    inputs: Mapping[Modality, Tensor] = {
        m: torch.zeros(1, clip_frames, size, device=device) for m, size in network.features.items()
    }
    masks: Mapping[Modality, Tensor] = {
        m: torch.ones(1, clip_frames, dtype=torch.bool, device=device) for m in inputs
    }
    counter = FlopCounterMode(display=False)
    # In inference mode fused kernels would not be counted.
    with torch.no_grad(), counter:
        network(inputs, masks, masks)
    return float(counter.get_total_flops()) * RATE / clip_frames
