"""Batches of clips to lose frames of, and what their losses look like."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.ablation.draws import stream
from models.ablation.operators import Draws


def draws_of(
    clips: int = 60,
    frames: int = 100,
    *,
    key: tuple[object, ...] = (0, "test"),
    lengths: list[int] | None = None,
) -> Draws:
    """Clips of as many items; `lengths` of them are shorter, the rest is padding."""
    real = torch.tensor(lengths or [frames] * clips)
    return Draws(
        key,
        torch.tensor([stream(f"item-{i}") for i in range(clips)]),
        torch.arange(clips) * 7,
        torch.arange(frames) < real[:, None],
    )


def some(draws: Draws, clips: Tensor) -> Draws:
    """Some of the clips, by index, in that order."""
    received = {m: there[clips] for m, there in draws.received.items()}
    return Draws(draws.key, draws.item[clips], draws.first[clips], draws.mask[clips], received)


def runs(lost: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lengths of the runs of lost frames and of received ones, those at a clip's ends left out."""
    bursts, gaps = [], []
    for clip in lost.numpy():
        change = np.flatnonzero(np.diff(clip)) + 1
        lengths, kinds = np.diff(change), clip[change[:-1]]
        bursts.append(lengths[kinds])
        gaps.append(lengths[~kinds])
    return np.concatenate(bursts), np.concatenate(gaps)
