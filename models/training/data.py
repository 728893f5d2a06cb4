"""Clips of the windows store, read in batches, the next one while the last is used."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from features.settings import Modality
from features.stores.windows import WindowStore
from features.windows.reading import StreamReader
from models.ablation.draws import stream
from models.training.batch import Batch, StreamBatch
from models.training.places import Seen, places_of
from models.training.resident import Resident, gathered, room_of

MAX_SEQUENCE_FRAMES = 3600
"""Two minutes at 30 fps; a sequence is attended to as one, at a cost that grows with its square."""


class SequenceTooLongError(ValueError):
    """An item of a task of sequences has more than MAX_SEQUENCE_FRAMES frames."""

    def __init__(self, item: str, frames: int) -> None:
        super().__init__(
            f"{item} has {frames} frames, more than the {MAX_SEQUENCE_FRAMES} of a sequence"
        )


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
        speakers: of the items; one that is not named has a speaker of its own.
        preload_bytes: rows are read into memory at once while they are no larger, the smallest
            stream first.

    Attributes:
        preloaded: bytes of the rows that are in memory.

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
        speakers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.items = list(items)
        self.task = windows.task
        self._label_per_frame = self.task.level == "frame"
        self._windows = windows
        self._speakers = speakers
        self._streams = dict(streams)
        self._steps = {
            modality: {item: reader.steps(item) for item in self.items}
            for modality, reader in self._streams.items()
        }
        self._rows = {
            modality: {item: (r.row_frames(item), r.row_present(item)) for item in self.items}
            for modality, r in self._streams.items()
        }
        self._clip_frames = windows.clip_frames if self._label_per_frame else None
        self._of_labels: dict[str, dict[str, np.ndarray]] = {
            "labels": {item: windows.labels(item) for item in self.items},
            "valid": {item: windows.valid(item) for item in self.items},
        }
        self._check_lengths()
        self._resident: dict[tuple[Modality, torch.device], Resident] = {}
        self._preloaded: list[Modality] = []
        self.preloaded = self._preload(preload_bytes)
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
    def clip_frames(self) -> int:
        """Length of a clip, where frames have labels."""
        return self._windows.clip_frames

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

    def _preload(self, room: int) -> int:
        """Read what fits into so many bytes; returns how many it takes."""
        left = room
        sizes = {
            modality: sum(reader.nbytes(item) for item in self.items)
            for modality, reader in self._streams.items()
        }
        for modality in sorted(sizes, key=lambda modality: sizes[modality]):
            if sizes[modality] > left:
                break
            left -= sizes[modality]
            self._preloaded.append(modality)
            for item in self.items:
                self._streams[modality].load(item)
        return room - left

    def residents(self, device: torch.device) -> dict[Modality, Resident]:
        """The rows that live on a device: those in memory that fit there, the smallest first."""
        room = room_of(device, self.preloaded)
        found = {}
        for modality in self._preloaded:
            reader = self._streams[modality]
            room -= sum(reader.nbytes(item) for item in self.items)
            place = modality, device
            if place not in self._resident and room >= 0:
                lengths = {item: len(there) for item, (_, there) in self._rows[modality].items()}
                self._resident[place] = Resident.of(reader, lengths, device)
            if place in self._resident:
                found[modality] = self._resident[place]
        return found

    def batches(self, batches: Iterable[Sequence[int]], device: torch.device) -> Iterator[Batch]:
        """Batches of clips, the next one read while the last is used.

        Rows that fit on a GPU are there once, and gathered there; a batch brings their places.

        Args:
            batches: indices into `clips`, one sequence per batch.
            device: where the tensors go.
        """
        residents = self.residents(device)

        def read(indices: Sequence[int]) -> Batch:
            batch = self.batch_of([self.clips[i] for i in indices], residents)
            return batch.pinned() if device.type == "cuda" else batch

        with ThreadPoolExecutor(max_workers=1) as reader:
            pending = None
            for indices in batches:
                following = reader.submit(read, indices)
                if pending is not None:
                    yield gathered(pending.result().to(device), residents)
                pending = following
            if pending is not None:
                yield gathered(pending.result().to(device), residents)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The clips with these indices, padded to the longest."""
        return self.batch_of([self.clips[i] for i in indices])

    def batch_of(
        self, clips: Sequence[Clip], residents: Mapping[Modality, Resident] = MappingProxyType({})
    ) -> Batch:
        """Any runs of frames, padded to the longest; of rows that live elsewhere their places."""
        frames = max(clip.stop - clip.start for clip in clips)
        labels = frames if self._label_per_frame else 1
        return Batch(
            streams={m: self._stream(m, clips, residents.get(m)) for m in self._streams},
            labels=_padded([self._labels(clip, "labels") for clip in clips], labels),
            valid=_padded([self._labels(clip, "valid") for clip in clips], labels),
            mask=_padded([np.ones(clip.stop - clip.start, bool) for clip in clips], frames),
            item=torch.tensor([stream(clip.item) for clip in clips]),
            first=torch.tensor([clip.start for clip in clips]),
            speaker=torch.tensor([stream(self._speaker(clip)) for clip in clips]),
            blank=self._blank,
        )

    def speaker(self, index: int) -> str:
        """The speaker of a clip of `clips`."""
        return self._speaker(self.clips[index])

    def _speaker(self, clip: Clip) -> str:
        return self._speakers.get(clip.item, clip.item)

    def _labels(self, clip: Clip, name: str) -> np.ndarray:
        span = slice(clip.start, clip.stop) if self._label_per_frame else slice(None)
        return self._of_labels[name][clip.item][span]

    def _stream(
        self, modality: Modality, clips: Sequence[Clip], resident: Resident | None
    ) -> StreamBatch:
        reader = self._streams[modality]
        # A stream at its own rate is of a sequence, of which a clip is the whole.
        aligned = reader.stream.align == "frames"
        seen, index, present, frame = [], [], [], []
        for clip in clips:
            steps = self._steps[modality][clip.item]
            span = slice(clip.start, clip.stop) if aligned else slice(None)
            rows_of_steps = steps.index[span].astype(np.int64)
            part = self._seen(modality, clip, rows_of_steps)
            seen.append(part)
            index.append(np.where(rows_of_steps >= 0, rows_of_steps - part.low + 1, 0))
            present.append(steps.present[span])
            frame.append(steps.frame[span].astype(np.int64) - clip.start)
        length = max(map(len, present))
        if resident is None:
            rows = [reader.rows(c.item, s.low, s.high) for c, s in zip(clips, seen, strict=True)]
            read = _padded(rows, 1 + max(map(len, rows)), before=1)
        else:
            read = resident.numbers([clip.item for clip in clips], seen)
        mask = _padded([np.ones(len(part), bool) for part in present], length)
        return StreamBatch(
            rows=read,
            index=_padded(index, length),
            mask=mask,
            present=_padded(present, length),
            frame=_padded(frame, length),
            places=places_of(seen, length, self._clip_frames if aligned else None),
            column=reader.stream.column,
            aligned=aligned,
        )

    def _seen(self, modality: Modality, clip: Clip, index: np.ndarray) -> Seen:
        """The rows of a stream that a clip sees, and those of the clips that hold them."""
        reader, inside = self._streams[modality], index[index >= 0]
        low, high = (int(inside.min()), int(inside.max()) + 1) if inside.size else (0, 0)
        frames, present = self._rows[modality][clip.item]
        if reader.stream.align == "none":
            steps = np.arange(high - low)
            return Seen(low, high, steps, present[low:high], 0, len(index))
        length = self._clip_frames or len(self._windows.times(clip.item))
        # What a row has lost may be shown by earlier rows of its clip: they are read as well.
        if high > low:
            first = frames[low] - (frames[low] - clip.start) % length
            low = max(int(np.searchsorted(frames, first)), self._first_row(modality, clip.item))
        count = len(self._windows.times(clip.item))
        return Seen(low, high, frames[low:high] - clip.start, present[low:high], clip.start, count)

    def _first_row(self, modality: Modality, item: str) -> int:
        """The first row that any step of an item looks at: of a part of a file, its first one."""
        index = self._steps[modality][item].index
        return int(index[index >= 0].min())


def looked_at(
    index: np.ndarray, read: Callable[[int, int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that steps look at, after a row of zeros, and which of these each step looks at.

    Args:
        index: (N, steps) rows of the item, −1 for none.
        read: rows [low, high) of the item, (n, D).
    """
    looked = index.astype(np.int64)
    inside = looked[looked >= 0]
    low, high = (int(inside.min()), int(inside.max()) + 1) if inside.size else (0, 0)
    part = read(low, high)
    rows = np.concatenate((np.zeros((1, part.shape[1]), part.dtype), part))
    return rows, np.where(looked >= 0, looked - low + 1, 0)


def _padded(arrays: Sequence[np.ndarray], length: int, before: int = 0) -> Tensor:
    """Stack arrays of different length along time, zeros (False) after the end and before it."""
    out = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[before : before + len(array)] = array
    return torch.from_numpy(out)
