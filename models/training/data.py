"""Clips of the windows store as batches on the device.

The 2 s of sound around a frame are gathered on the device from single rows of descriptors: the
3900-d windows of the paper are never stored. Every modality has a clock of its own; with
`align: frames` its steps are the item's frames.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from features.settings import Modality
from features.stores.windows import WindowStore
from features.windows.reading import StreamReader
from models.ablation.draws import stream
from models.ablation.operators import Draws

MAX_SEQUENCE_FRAMES = 3600
"""Two minutes at 30 fps; a sequence is attended to as one, at a cost that grows with its square."""


class SequenceTooLongError(ValueError):
    """An item of a task of sequences has more than MAX_SEQUENCE_FRAMES frames."""

    def __init__(self, item: str, frames: int) -> None:
        super().__init__(
            f"{item} has {frames} frames, more than the {MAX_SEQUENCE_FRAMES} of a sequence"
        )


@dataclass(frozen=True)
class _Tensors:
    """Tensors that are moved together; fields may also be None or mappings of such."""

    def to(self, device: torch.device) -> Self:
        """The same on a device; what is `pinned` gets there beside other work."""
        if device.type == "cpu":
            return self
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Self:
        """The same in memory that a GPU reads by itself."""
        return self._with(lambda tensor: tensor.pin_memory())

    def _with(self, change: Any) -> Self:
        return replace(
            self, **{f.name: _changed(getattr(self, f.name), change) for f in fields(self)}
        )


def _changed(value: Any, change: Any) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, _Tensors):
        return value._with(change)
    if isinstance(value, Mapping):
        return {key: _changed(part, change) for key, part in value.items()}
    return value


@dataclass(frozen=True)
class StreamBatch(_Tensors):
    """One modality of a batch: N steps of its own clock, the item's frames with `align: frames`.

    Attributes:
        rows: (samples, R, D) float16 or float32, what the steps look at; row 0 is the zeros of
            padding.
        index: (samples, N, steps) int64, the rows in each step's context.
        mask: (clips, N) bool, False for padding.
        present: (clips, N) bool, whether there is a face, or sound.
        frame: (clips, N) int64, the frame of the clip that contains each step's centre.
    """

    rows: Tensor
    index: Tensor
    mask: Tensor
    present: Tensor
    frame: Tensor

    @property
    def width(self) -> int:
        """Dimension of a step's input vector."""
        return self.index.shape[2] * self.rows.shape[2]

    def inputs(self) -> Tensor:
        """(samples, N, width) float32: each step's rows one after the other."""
        samples, length, _ = self.rows.shape
        first_rows = torch.arange(samples, device=self.rows.device)[:, None, None] * length
        # One flat index is gathered faster than (sample, row) pairs.
        gathered = self.rows.flatten(0, 1).index_select(0, (self.index + first_rows).flatten())
        return gathered.view(*self.index.shape[:2], -1).float()

    def of_frames(self, values: Tensor) -> Tensor:
        """What holds for frames (clips, F) bool, for the steps within them, (clips, N)."""
        return values.gather(1, self.frame) & self.mask

    def repeated(self, count: int) -> "StreamBatch":
        """All clips `count` times, one after the other; their rows are there once."""
        changes = {
            name: getattr(self, name).repeat(count, 1) for name in ("mask", "present", "frame")
        }
        return replace(self, **changes)


@dataclass(frozen=True)
class Batch(_Tensors):
    """Clips padded to the same length.

    Attributes:
        streams: what there is of each modality.
        labels: (clips, frames, outputs) float32; one in place of the frames for a sequence.
        valid: (clips, frames) bool, the label is a valid one; likewise.
        mask: (clips, frames) bool, False for padding.
        item: (clips,) int64 hash of the item's name.
        first: (clips,) int64 index of the clip's first frame in its item.
        blank: (features,) float32 features of a blank face, None where they are not known.
    """

    streams: Mapping[Modality, StreamBatch]
    labels: Tensor
    valid: Tensor
    mask: Tensor
    item: Tensor
    first: Tensor
    blank: Tensor | None = None

    @property
    def features(self) -> dict[Modality, int]:
        """Dimension of each modality's input vector."""
        return {modality: part.width for modality, part in self.streams.items()}

    def inputs(self) -> dict[Modality, Tensor]:
        """Each modality's vectors, (samples, N, width) float32."""
        return {modality: part.inputs() for modality, part in self.streams.items()}

    def masks(self) -> dict[Modality, Tensor]:
        """Which steps of each modality are no padding, (clips, N) bool."""
        return {modality: part.mask for modality, part in self.streams.items()}

    def received(self) -> dict[Modality, Tensor]:
        """Which steps of each modality there are, (clips, N) bool."""
        return {modality: part.present for modality, part in self.streams.items()}

    def repeated(self, count: int) -> "Batch":
        """All clips `count` times, one after the other; only their rows are there once.

        A network makes the copies of those itself, of projections a fraction of the size.
        """
        names = ("labels", "valid", "mask", "item", "first")
        tensors = {name: getattr(self, name) for name in names}
        repeated = {k: v.repeat(count, *[1] * (v.ndim - 1)) for k, v in tensors.items()}
        streams = {modality: part.repeated(count) for modality, part in self.streams.items()}
        return replace(self, streams=streams, **repeated)

    def draws(self, *key: object, modality: Modality | None = None) -> Draws:
        """The random numbers of these clips.

        Args:
            key: for example (seed, condition, trial).
            modality: for its steps; None for the item's frames, which are the same but for a
                stream with a clock of its own.
        """
        if modality is None:
            return Draws(key, self.item, self.first, self.mask, self._received_on(self.mask))
        mask = self.streams[modality].mask
        return Draws(key, self.item, self.first, mask, self._received_on(mask))

    def _received_on(self, mask: Tensor) -> dict[Modality, Tensor]:
        """What is received of the modalities that have steps as of `mask`."""
        return {m: there for m, there in self.received().items() if there.shape == mask.shape}


@dataclass(frozen=True)
class Clip:
    """A run of consecutive frames of one item, as indices."""

    item: str
    start: int
    stop: int


class ClipData:
    """The clips of some items, as one model sees them.

    Args:
        windows: frames and labels.
        streams: of each modality, sound first.
        items: names of the items.
        preload_bytes: rows are read into memory at once while they are no larger, the smallest
            stream first.

    Raises:
        SequenceTooLongError: an item is too long for a sequence.
    """

    def __init__(
        self,
        windows: WindowStore,
        streams: Mapping[Modality, StreamReader],
        items: Sequence[str],
        *,
        preload_bytes: int,
    ) -> None:
        self.items = list(items)
        self.task = windows.task
        self._label_per_frame = self.task.level == "frame"
        self._windows = windows
        self._streams = dict(streams)
        self._steps = {
            modality: {item: reader.steps(item) for item in self.items}
            for modality, reader in self._streams.items()
        }
        self._of_labels: dict[str, dict[str, np.ndarray]] = {
            "labels": {item: windows.labels(item) for item in self.items},
            "valid": {item: windows.valid(item) for item in self.items},
        }
        self._check_lengths()
        self._preload(preload_bytes)
        blank = self._streams["video"].blank() if "video" in self._streams else None
        self._blank = None if blank is None else torch.from_numpy(blank)
        self.clips = [
            Clip(item, start, min(start + length, frames))
            for item in self.items
            for frames in [len(windows.times(item))]
            for length in [windows.clip_frames if self._label_per_frame else max(1, frames)]
            for start in range(0, frames, length)
        ]

    @property
    def features(self) -> dict[Modality, int]:
        """Dimension of each modality's input vector."""
        return {modality: reader.width for modality, reader in self._streams.items()}

    @property
    def has_labels(self) -> bool:
        """Whether any frame has a valid label."""
        return any(valid.any() for valid in self._of_labels["valid"].values())

    def item_array(self, item: str, name: str) -> np.ndarray:
        """One array of an item, (F, ...): times, labels, valid, face, sound, voice."""
        return self._windows.array(item, name)

    def _check_lengths(self) -> None:
        if self._label_per_frame:
            return
        for item in self.items:
            lengths = [len(steps[item].index) for steps in self._steps.values()]
            longest = max([len(self._windows.times(item)), *lengths])
            if longest > MAX_SEQUENCE_FRAMES:
                raise SequenceTooLongError(item, longest)

    def _preload(self, left: int) -> None:
        """Read what fits into so many bytes."""
        sizes = {
            modality: sum(reader.nbytes(item) for item in self.items)
            for modality, reader in self._streams.items()
        }
        for modality in sorted(sizes, key=lambda modality: sizes[modality]):
            left -= sizes[modality]
            if left < 0:
                return
            for item in self.items:
                self._streams[modality].load(item)

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
        labels = frames if self._label_per_frame else 1
        return Batch(
            streams={m: self._stream(m, clips) for m in self._streams},
            labels=_padded([self._labels(clip, "labels") for clip in clips], labels),
            valid=_padded([self._labels(clip, "valid") for clip in clips], labels),
            mask=_padded([np.ones(clip.stop - clip.start, bool) for clip in clips], frames),
            item=torch.tensor([stream(clip.item) for clip in clips]),
            first=torch.tensor([clip.start for clip in clips]),
            blank=self._blank,
        )

    def _labels(self, clip: Clip, name: str) -> np.ndarray:
        span = slice(clip.start, clip.stop) if self._label_per_frame else slice(None)
        return self._of_labels[name][clip.item][span]

    def _stream(self, modality: Modality, clips: Sequence[Clip]) -> StreamBatch:
        rows, index, present, frame = [], [], [], []
        reader = self._streams[modality]
        for clip in clips:
            steps = self._steps[modality][clip.item]
            # A stream at its own rate is of a sequence, of which a clip is the whole.
            aligned = reader.stream.align == "frames"
            span = slice(clip.start, clip.stop) if aligned else slice(None)
            looked_at = steps.index[span].astype(np.int64)
            inside = looked_at[looked_at >= 0]
            low, high = (int(inside.min()), int(inside.max()) + 1) if inside.size else (0, 0)
            part = reader.rows(clip.item, low, high)
            rows.append(np.concatenate((np.zeros((1, part.shape[1]), part.dtype), part)))
            index.append(np.where(looked_at >= 0, looked_at - low + 1, 0))
            present.append(steps.present[span])
            frame.append(steps.frame[span].astype(np.int64) - clip.start)
        length = max(map(len, present))
        return StreamBatch(
            rows=_padded(rows, max(map(len, rows))),
            index=_padded(index, length),
            mask=_padded([np.ones(len(part), bool) for part in present], length),
            present=_padded(present, length),
            frame=_padded(frame, length),
        )


def _padded(arrays: Sequence[np.ndarray], length: int) -> Tensor:
    """Stack arrays of different length along time, zeros (False) after the end."""
    out = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)
