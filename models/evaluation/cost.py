"""What a recogniser costs: parameters, and operations per second of what it recognises."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from models.networks.recogniser import Recogniser
from models.settings import Modality
from models.training.data import ClipData

COLUMNS = ("parameters", "flop_per_second", "seconds", "audio_steps", "video_steps")


@dataclass(frozen=True)
class Length:
    """How long a clip is.

    Attributes:
        steps: of each modality.
        seconds: that it lasts.
    """

    steps: Mapping[Modality, int]
    seconds: float


def parameters(network: Recogniser) -> int:
    """Numbers that were learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def flop_per_second(network: Recogniser, length: Length) -> float:
    """Floating-point operations of the network for a second of a clip.

    Counted are products of matrices, attention and convolutions, a multiplication and an addition
    each, by `torch.utils.flop_counter`, in one pass over a clip in which everything is present.

    Args:
        network: the recogniser.
        length: of the clip.
    """
    from torch.utils.flop_counter import FlopCounterMode

    device = next(network.parameters()).device
    sizes = {m: (1, steps, network.features[m]) for m, steps in length.steps.items()}
    inputs = {m: torch.zeros(size, device=device) for m, size in sizes.items()}
    masks = {m: torch.ones(size[:2], dtype=torch.bool, device=device) for m, size in sizes.items()}
    counter = FlopCounterMode(display=False)
    # Fused kernels are not counted: inference mode and oneDNN have such.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other devices, on which oneDNN is not switched
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), counter:
            network(inputs, masks, masks)
    return float(counter.get_total_flops()) / length.seconds


def middle_length(data: ClipData) -> Length:
    """The length of the clip that is in the middle if clips are sorted by their frames.

    One frame alone, such as a vector that stands for an item, lasts for an unknown time: NaN.
    """
    clips = sorted(data.clips, key=lambda clip: clip.stop - clip.start)
    clip = clips[len(clips) // 2]
    frames = clip.stop - clip.start
    times = data.item_array(clip.item, "times")
    step = float(np.median(np.diff(times))) if len(times) > 1 else np.nan
    steps = {m: part.mask.shape[1] for m, part in data.batch_of([clip]).streams.items()}
    return Length(steps, frames * step)


def cost_table(network: Recogniser, data: ClipData) -> pd.DataFrame:
    """One row with COLUMNS: what a network costs on a clip of usual length.

    Steps are those of the clip, 0 of a modality that the network does not take: with `seconds` they
    say at what rates the operations are told.
    """
    length = middle_length(data)
    steps = [length.steps.get(m, 0) for m in ("audio", "video")]
    row = (parameters(network), flop_per_second(network, length), length.seconds, *steps)
    return pd.DataFrame([row], columns=list(COLUMNS))
