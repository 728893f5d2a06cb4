"""Which frames are lost: single ones, whole clips, one run of frames, or bursts.

Every draw depends on a key, the item and the frame's place in the item alone, so it is the same in
any batch, in any order, on any device.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.ablation.draws import normals, stream, uniforms
from models.selection import worth_computing
from models.settings import Modality, Rates, Share


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch of clips.

    Every purpose has its own: numbers for different purposes are independent of each other.

    Attributes:
        key: for example (seed, condition, trial).
        item: (clips,) int64 item hashes (`models.ablation.draws.stream`).
        first: (clips,) int64 index of each clip's first frame in its item.
        mask: (clips, frames) True where there is a frame and not padding.
        received: (clips, frames) bool by modality, which frames there are before anything is
            lost; all, where it is not told.
        of_items: whether what is drawn for a clip is drawn for its whole item.
    """

    key: tuple[object, ...]
    item: Tensor
    first: Tensor
    mask: Tensor
    received: Mapping[Modality, Tensor] = field(default_factory=dict)
    of_items: bool = False

    @property
    def index(self) -> Tensor:
        """(clips, frames) int64, each frame's place in its clip."""
        return torch.arange(self.mask.shape[1], device=self.mask.device).expand_as(self.mask)

    def per_clip(self, *purpose: object) -> Tensor:
        """(clips, 1) uniform numbers in [0, 1)."""
        first = torch.zeros_like(self.first) if self.of_items else self.first
        return uniforms(stream(*self.key, *purpose), self.item[:, None], first[:, None])

    def per_frame(self, *purpose: object) -> Tensor:
        """(clips, frames) uniform numbers in [0, 1)."""
        place = self.first[:, None] + self.index
        return uniforms(stream(*self.key, *purpose), self.item[:, None], place)

    def noise(self, clips: Tensor, features: int, *purpose: object) -> Tensor:
        """(clips, frames, features) standard normal numbers, float32; zeros except for some clips.

        Args:
            clips: (clips,) bool, those that need them.
            features: how many for a frame.
            purpose: of the draws.
        """
        needed = worth_computing(clips)
        place = (self.first[:, None] + self.index)[needed]
        key = stream(*self.key, *purpose)
        numbers = normals(key, self.item[needed, None], place, features)
        drawn = torch.zeros(*self.mask.shape, features, device=self.mask.device)
        return drawn.index_copy_(0, needed, torch.where(clips[needed, None, None], numbers, 0.0))


def clips(draws: Draws, p: Tensor | float, *purpose: object) -> Tensor:
    """(clips, frames) bool: every clip is lost whole with probability `p`.

    >>> clip = Draws((0,), torch.tensor([1]), torch.tensor([0]), torch.ones(1, 3, dtype=torch.bool))
    >>> clips(clip, 1.0, "audio").tolist()
    [[True, True, True]]
    """
    return (draws.per_clip(*purpose) < p) & draws.mask


def frames(draws: Draws, p: Tensor | float, *purpose: object) -> Tensor:
    """(clips, frames) bool: every frame is lost with probability `p`.

    >>> clip = Draws((0,), torch.tensor([1]), torch.tensor([0]), torch.ones(1, 3, dtype=torch.bool))
    >>> frames(clip, 0.0, "audio").tolist()
    [[False, False, False]]
    """
    return (draws.per_frame(*purpose) < p) & draws.mask


def subclips(draws: Draws, share: Tensor | float, *purpose: object) -> Tensor:
    """(clips, frames) bool: one run of frames is lost, a share of the clip, anywhere in it.

    The share is rounded to whole frames; every place where the run fits is as likely.

    >>> clip = Draws((0,), torch.tensor([1]), torch.tensor([0]), torch.ones(1, 6, dtype=torch.bool))
    >>> int(subclips(clip, 0.5, "audio").sum())
    3
    """
    count = draws.mask.sum(1, keepdim=True)
    length = torch.round(count * torch.as_tensor(share, dtype=torch.float64)).long()
    start = torch.floor(draws.per_clip(*purpose) * (count - length + 1)).long()
    return (draws.index >= start) & (draws.index < start + length) & draws.mask


def bursts(draws: Draws, rate: Tensor | float, length: Tensor | float, *purpose: object) -> Tensor:
    """(clips, frames) bool: losses in bursts, a Markov chain of two states.

    The model of Gilbert (1960) and Elliott (1963) in which every frame is lost in the bad state and
    none in the good one. Frame by frame the bad state stays with probability 1 − 1/length, and the
    good one ends with rate / (1 − rate) / length, so a share `rate` of the frames is lost. The
    first frame is lost with that probability too; a clip cuts the bursts at its ends.

    Args:
        draws: of the batch.
        rate: share of the frames lost, a number or (clips, 1).
        length: mean length of a burst in frames; where it is less than 1 / (1 − rate), that of
            independent losses, it is taken to be that.
        purpose: of the draws.
    """
    rate = torch.as_tensor(rate, dtype=torch.float64)
    everything = rate >= 1
    good = torch.where(everything, 1.0, 1 - rate)
    mean = torch.maximum(torch.as_tensor(length, dtype=torch.float64), 1 / good)
    begins, stays = rate / good / mean, 1 - 1 / mean
    drawn = draws.per_frame(*purpose)
    # With one number for both transitions (begins ≤ stays), a number below both leads to the bad
    # state from either, one above both to the good state, and one between leaves the state as it
    # was: so a state is that of the last frame whose number decided.
    decided = (drawn < begins) | (drawn >= stays)
    decided[:, 0] = True
    bad = drawn < begins
    bad[:, :1] = drawn[:, :1] < rate
    last = torch.where(decided, draws.index, 0).cummax(1).values
    return (bad.gather(1, last) | everything) & draws.mask


def last_received(lost: Tensor) -> Tensor:
    """(clips, frames) int64, the last frame received at or before each.

    A clip's first frame counts as received: no frame comes before it that could be repeated.

    >>> last_received(torch.tensor([[True, False, True, True, False]])).tolist()
    [[0, 1, 1, 1, 4]]
    """
    index = torch.arange(lost.shape[1], device=lost.device).expand_as(lost)
    return torch.where(lost, 0, index).cummax(1).values


def share(p: float | Share | Rates, modality: Modality, draws: Draws) -> Tensor | float:
    """The share that is lost; (clips, 1) where it is drawn for every sample.

    >>> clip = Draws((0,), torch.tensor([1]), torch.tensor([0]), torch.ones(1, 5, dtype=torch.bool))
    >>> share(0.3, "audio", clip), share(Share(), "audio", clip).shape
    (0.3, torch.Size([1, 1]))
    """
    if isinstance(p, Rates):
        return p.of(modality)
    if not isinstance(p, Share):
        return p
    drawn = draws.per_clip(modality, "p")
    if p.scale == "linear":
        lost = p.low + (p.high - p.low) * drawn
    else:
        most, least = 1 - p.low, 1 - p.high
        lost = 1 - most * (least / most) ** drawn
    return torch.where(draws.per_clip("none") < p.none, 0.0, lost) if p.none else lost


def gain(scaled: Tensor, modality: Modality, draws: Draws) -> Tensor:
    """α for sound and 1 − α for picture, uniform in 0 … 1, where `scaled`; (clips, 1)."""
    alpha = draws.per_clip("gain")
    return torch.where(scaled, alpha if modality == "audio" else 1 - alpha, 1.0)
