"""What stands in place of lost frames, made of training frames: their mean, or nearest neighbours.

A mean is that of the rows that were there; of a stream that is z-normed it is 0, so that filling
with it shows what no filling shows, but counts as received. Neighbours are found across modalities:
the frame is given the mean of the K training frames whose other modality is most like the one that
is there, in DIMENSIONS random projections of it (Johnson and Lindenstrauss 1984), each scaled to
deviation 1. Where the other modality is not there either, or a model sees none, it is the mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.ablation.draws import stream
from models.networks.stream import OTHER
from models.selection import worth_computing
from models.settings import Modality
from models.training.batch import Batch, Tensors
from models.training.data import ClipData

K = 5
"""Neighbours that are averaged."""
MOST_FRAMES = 20_000
"""Training frames that are searched, at most."""
DIMENSIONS = 64
CLIPS = 16
"""Clips that are read at a time."""
SEED = 0


@dataclass(frozen=True)
class Gallery(Tensors):
    """Training frames with both modalities.

    Attributes:
        projection: (width, DIMENSIONS) by modality.
        scale: (DIMENSIONS,) by modality, deviation of the projections.
        keys: (frames, DIMENSIONS) by modality, projected and scaled.
        vectors: (frames, width) by modality.
    """

    projection: Mapping[Modality, Tensor]
    scale: Mapping[Modality, Tensor]
    keys: Mapping[Modality, Tensor]
    vectors: Mapping[Modality, Tensor]

    @classmethod
    def of(cls, vectors: Mapping[Modality, Tensor]) -> "Gallery":
        """The gallery of some frames (frames, width) by modality."""
        projection, scale, keys = {}, {}, {}
        for m, x in vectors.items():
            generator = torch.Generator().manual_seed(stream(SEED, "projection", m))
            drawn = torch.randn(x.shape[1], DIMENSIONS, generator=generator)
            projection[m] = drawn / x.shape[1] ** 0.5
            projected = x @ projection[m]
            scale[m] = projected.std(0, correction=0).clamp_min(1e-6)
            keys[m] = projected / scale[m]
        return cls(projection, scale, keys, vectors)

    def like(self, seen: Modality, x: Tensor) -> Tensor:
        """The other modality (n, width) of the frames most like `x`, (n, width) of `seen`."""
        query = (x @ self.projection[seen]) / self.scale[seen]
        distance = torch.cdist(query, self.keys[seen])
        nearest = distance.topk(min(K, distance.shape[1]), largest=False).indices
        return self.vectors[OTHER[seen]][nearest].mean(1)


@dataclass(frozen=True)
class Fillers(Tensors):
    """What is made of the training frames of a model.

    Attributes:
        means: (D,) of the rows of each modality.
        gallery: of frames with both; None where neighbours are not asked for, or cannot be found.
    """

    means: Mapping[Modality, Tensor]
    gallery: Gallery | None = None

    def mean(self, modality: Modality, batch: Batch) -> Tensor:
        """The mean as an input vector (width,)."""
        part = batch.streams[modality]
        return self.means[modality].repeat(part.index.shape[2])

    def vectors(
        self, modality: Modality, batch: Batch, lost: Tensor, there: Mapping[Modality, Tensor]
    ) -> Tensor:
        """What stands for lost steps, (clips, steps, width): neighbours, or the mean.

        Args:
            modality: that has lost them.
            batch: the clips.
            lost: (clips, steps) bool.
            there: steps of each modality that are left, (clips, steps) bool.
        """
        mean, other = self.mean(modality, batch), OTHER[modality]
        filled = mean.expand(*lost.shape, -1).clone()
        if self.gallery is not None and other in there:
            known = (lost & there[other]).flatten()
            asked = worth_computing(known)
            if len(asked):
                like = self.gallery.like(other, batch.streams[other].inputs().flatten(0, 1)[asked])
                whole = filled.flatten(0, 1)
                whole[asked] = torch.where(known[asked, None], like, whole[asked])
        return filled


def fillers_of(data: ClipData, *, neighbours: bool) -> Fillers:
    """Make what stands in for lost frames.

    Args:
        data: the clips of the training speakers.
        neighbours: whether neighbours are asked for.
    """
    sums: dict[Modality, Tensor] = {}
    counts: dict[Modality, Tensor] = {}
    kept: dict[Modality, list[Tensor]] = {}
    both = len(data.features) == 2 and neighbours
    every = max(1, -(-_frames(data) // MOST_FRAMES))
    for start in range(0, len(data.clips), CLIPS):
        batch = data.batch(range(start, min(start + CLIPS, len(data.clips))))
        for m, part in batch.streams.items():
            # Of every step its own row, so that contexts count nothing twice.
            rows = part.inputs().unflatten(-1, (part.index.shape[2], -1))[..., part.column, :]
            there = part.present & part.mask
            sums[m] = sums.get(m, torch.zeros(())) + rows[there].double().sum(0)
            counts[m] = counts.get(m, torch.zeros(())) + there.sum()
        if both:
            seen = torch.stack([part.present & part.mask for part in batch.streams.values()]).all(0)
            # Every so many frames of each item, wherever its clips begin.
            place = batch.first[:, None] + torch.arange(seen.shape[1])
            chosen = seen & (place % every == 0)
            for m, part in batch.streams.items():
                kept.setdefault(m, []).append(part.inputs()[chosen])
    means = {m: (sums[m] / counts[m].clamp_min(1)).float() for m in sums}
    gallery = {m: torch.cat(parts)[:MOST_FRAMES] for m, parts in kept.items()}
    has_some = bool(gallery) and all(len(x) for x in gallery.values())
    return Fillers(means, Gallery.of(gallery) if has_some else None)


def _frames(data: ClipData) -> int:
    return sum(clip.stop - clip.start for clip in data.clips)
