"""The windows store as batches of clips on the device.

The 2 s audio context is gathered on the device from single rows of descriptors: the 3900-d windows
of the paper are never stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import torch
import zarr
from torch import Tensor

from features.task import Task
from models.ablation.draws import stream
from models.ablation.operators import Draws
from models.settings import Modality

MAX_SEQUENCE_FRAMES = 3600
"""Two minutes at 30 fps; a sequence is attended to as one, at a cost that grows with its square."""


class SequenceTooLongError(ValueError):
    """An item of a task of sequences has more than MAX_SEQUENCE_FRAMES frames."""

    def __init__(self, item: str, frames: int) -> None:
        super().__init__(
            f"{item} has {frames} frames, more than the {MAX_SEQUENCE_FRAMES} of a sequence"
        )


@dataclass(frozen=True)
class Batch:
    """Clips padded to the same length.

    Attributes:
        video: (clips, frames, features) fc6 as it is stored, in float16 or float32, zero where
            there is no face.
        lld: (clips, rows, descriptors) float32 z-normed descriptors; row 0 is the zeros of padding.
        rows: (clips, frames, steps) int64, rows of `lld` in each frame's context.
        labels: (clips, frames, outputs) float32; one in place of the frames for a sequence.
        valid: (clips, frames) bool, the label is a valid one; likewise.
        mask: (clips, frames) bool, False for padding.
        present: (clips, frames, 2) bool, sound and face found.
        item: (clips,) int64 hash of the item's name.
        first: (clips,) int64 index of the clip's first frame in its item.
        blank: (features,) float32 fc6 of a blank face, None where it is not known.
    """

    video: Tensor
    lld: Tensor
    rows: Tensor
    labels: Tensor
    valid: Tensor
    mask: Tensor
    present: Tensor
    item: Tensor
    first: Tensor
    blank: Tensor | None = None

    @property
    def features(self) -> dict[Modality, int]:
        """Dimension of each modality's input vector."""
        return {
            "audio": self.rows.shape[2] * self.lld.shape[2],
            "video": self.video.shape[2],
        }

    def inputs(self) -> dict[Modality, Tensor]:
        """Each modality's stream, (clips, frames, features) float32; without copies."""
        clips, length, _ = self.lld.shape
        first_rows = torch.arange(clips, device=self.lld.device)[:, None, None] * length
        # One flat index is gathered faster than (clip, row) pairs.
        gathered = self.lld.flatten(0, 1).index_select(0, (self.rows + first_rows).flatten())
        return {"audio": gathered.view(*self.rows.shape[:2], -1), "video": self.video.float()}

    def received(self) -> dict[Modality, Tensor]:
        """Which frames of each modality there are, (clips, frames) bool."""
        return {"audio": self.present[..., 0], "video": self.present[..., 1]}

    def repeated(self, count: int) -> "Batch":
        """All clips `count` times, one after the other; only their features are there once.

        A network makes the copies of those itself, of projections a fraction of the size.
        """
        clips = {
            k: v for k, v in self._tensors().items() if k not in ("video", "lld", "rows", "blank")
        }
        repeated = {k: v.repeat(count, *[1] * (v.ndim - 1)) for k, v in clips.items()}
        return replace(self, **repeated)

    def draws(self, *key: object) -> Draws:
        """The random numbers of these clips, for example by (seed, condition, trial)."""
        return Draws(key, self.item, self.first, self.mask, self.received())

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device; one that is `pinned` gets there beside other work."""
        if device.type == "cpu":
            return self
        tensors = self._tensors().items()
        return replace(self, **{k: v.to(device, non_blocking=True) for k, v in tensors})

    def pinned(self) -> "Batch":
        """The same batch in memory that a GPU reads by itself."""
        return replace(self, **{k: v.pin_memory() for k, v in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in every.items() if tensor is not None}


@dataclass(frozen=True)
class Clip:
    """A run of consecutive frames of one item, as indices."""

    item: str
    start: int
    stop: int


class ClipData:
    """The clips of some items of a windows store.

    Args:
        windows: the windows store.
        fc6: the fc6 store.
        items: names of the items.
        preload_bytes: read the fc6 features into memory at once if they are no larger.

    Raises:
        SequenceTooLongError: an item is too long for a sequence.
    """

    def __init__(
        self, windows: zarr.Group, fc6: zarr.Group, items: Sequence[str], *, preload_bytes: int
    ) -> None:
        self.items = list(items)
        self.task = Task.model_validate(windows.attrs["task"])
        self._label_per_frame = self.task.level == "frame"
        clip_frames = cast("int", windows.attrs["clip_frames"])
        self._windows = {name: _arrays(windows, name) for name in items}
        if not self._label_per_frame:
            for name, arrays in self._windows.items():
                if len(arrays["times"]) > MAX_SEQUENCE_FRAMES:
                    raise SequenceTooLongError(name, len(arrays["times"]))
        # A corpus of features has its pictures' beside those of its sounds.
        self._video: dict[str, Any] = {
            name: arrays["video"] if "video" in arrays else fc6[f"{name}/fc6"]
            for name, arrays in self._windows.items()
        }
        if sum(array.nbytes for array in self._video.values()) <= preload_bytes:
            self._video = {name: array[...] for name, array in self._video.items()}
        blank = fc6.attrs.get("blank")
        self._blank = None if blank is None else torch.tensor(blank, dtype=torch.float32)
        # Where an item is part of a file, its frames begin within the file's.
        self._first = {
            name: cast("int", windows[name].attrs.get("first_frame", 0)) for name in items
        }
        self.clips = [
            Clip(name, start, min(start + length, frames))
            for name in items
            for frames in [len(self._windows[name]["times"])]
            for length in [clip_frames if self._label_per_frame else max(1, frames)]
            for start in range(0, frames, length)
        ]

    @property
    def features(self) -> dict[Modality, int]:
        """Dimension of each modality's input vector."""
        first = self._windows[self.items[0]]
        steps, descriptors = first["rows"].shape[1], first["lld"].shape[1]
        return {"audio": steps * descriptors, "video": self._video[self.items[0]].shape[1]}

    @property
    def has_labels(self) -> bool:
        """Whether any frame has a valid label."""
        return any(arrays["valid"].any() for arrays in self._windows.values())

    def item_array(self, item: str, name: str) -> np.ndarray:
        """One array of an item of the windows store: times, labels, valid, ..."""
        return self._windows[item][name]

    def batches(self, batches: Iterable[Sequence[int]], device: torch.device) -> Iterator[Batch]:
        """Batches of clips, the next one read while the last is used.

        Args:
            batches: indices into `clips`, one sequence per batch.
            device: where the tensors go.
        """

        def read(indices: Sequence[int]) -> Batch:
            batch = self.batch(indices)
            return batch.pinned() if device.type == "cuda" else batch

        with ThreadPoolExecutor(max_workers=1) as reader:
            pending = None
            for indices in batches:
                following = reader.submit(read, indices)
                if pending is not None:
                    yield pending.result().to(device)
                pending = following
            if pending is not None:
                yield pending.result().to(device)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The clips with these indices, padded to the longest."""
        clips = [self.clips[i] for i in indices]
        frames = max(clip.stop - clip.start for clip in clips)
        parts = [self._clip(clip) for clip in clips]
        tensors = {}
        for name in ("video", "rows", "labels", "valid", "mask", "present"):
            per_label = name in ("labels", "valid") and not self._label_per_frame
            tensors[name] = _padded([part[name] for part in parts], 1 if per_label else frames)
        longest = max(len(part["lld"]) for part in parts)
        return Batch(
            **tensors,
            lld=_padded([part["lld"] for part in parts], longest),
            item=torch.tensor([stream(clip.item) for clip in clips]),
            first=torch.tensor([clip.start for clip in clips]),
            blank=self._blank,
        )

    def _clip(self, clip: Clip) -> dict[str, np.ndarray]:
        span = slice(clip.start, clip.stop)
        first = self._first[clip.item]
        frames = slice(first + clip.start, first + clip.stop)
        labels = span if self._label_per_frame else slice(None)
        arrays = self._windows[clip.item]
        rows = arrays["rows"][span].astype(np.int64)
        inside = rows[rows >= 0]
        low, high = (inside.min(), inside.max() + 1) if inside.size else (0, 0)
        padding = np.zeros_like(arrays["lld"][:1])
        if not len(padding):
            padding = np.zeros((1, arrays["lld"].shape[1]), np.float32)
        return {
            "video": self._video[clip.item][frames],
            "lld": np.concatenate((padding, arrays["lld"][low:high])),
            "rows": np.where(rows >= 0, rows - low + 1, 0),
            "labels": arrays["labels"][labels],
            "valid": arrays["valid"][labels],
            "mask": np.ones(clip.stop - clip.start, bool),
            "present": np.stack(
                (arrays["audio_present"][span], arrays["video_present"][span]), axis=1
            ),
        }


def _arrays(store: zarr.Group, item: str) -> dict[str, np.ndarray]:
    group = cast("zarr.Group", store[item])
    return {name: np.asarray(array[...]) for name, array in group.arrays()}


def _padded(arrays: Sequence[np.ndarray], length: int) -> Tensor:
    """Stack arrays of different length along time, zeros (False) after the end."""
    out = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)
