"""A batch of clips, each modality with a clock of its own; with `align: frames` that of the frames.

The 2 s of sound around a frame are gathered on the device from single rows of descriptors: the
3900-d windows of the paper are never stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from features.settings import Modality
from models.ablation.operators import Draws


@dataclass(frozen=True)
class Tensors:
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
    if isinstance(value, Tensors):
        return value._with(change)
    if isinstance(value, Mapping):
        return {key: _changed(part, change) for key, part in value.items()}
    return value


@dataclass(frozen=True)
class RowPlaces(Tensors):
    """Where rows stand among the item's frames, for what is lost of them before the context.

    Frames are counted from the first one of the earliest clip of which any clip of the batch sees a
    row. A stream at its own rate counts its steps instead.

    Attributes:
        frame: (clips, R) int64, the frame that contains each row's centre; −1 and large numbers
            for padding before and behind the rows.
        present: (clips, R) bool, whether there was a face or sound in the row.
        number: (clips,) int64, the place of the second row in the item.
        first: (clips, G) int64, the first frame of every clip of which rows are seen.
        mask: (clips, G, L) bool, whether these clips have so many frames.
        before: how many of the G clips come before the clip itself.
    """

    frame: Tensor
    present: Tensor
    number: Tensor
    first: Tensor
    mask: Tensor
    before: int


@dataclass(frozen=True)
class StreamBatch(Tensors):
    """One modality of a batch: N steps of its own clock, the item's frames with `align: frames`.

    Attributes:
        rows: (samples, R, D) float16 or float32, what the steps look at; row 0 is the zeros of
            padding. Of a stream of crops uint8, D = H · W · 3, pixel by pixel from the upper left:
            a network on pictures views its inputs, which are 0 … 255, as (samples, N, H, W, 3).
        index: (samples, N, steps) int64, the rows in each step's context.
        mask: (clips, N) bool, False for padding.
        present: (clips, N) bool, whether there is a face, or sound.
        frame: (clips, N) int64, the frame of the clip that contains each step's centre.
        places: of the rows.
        column: which of the `steps` rows is at the step itself.
        aligned: whether the steps are the item's frames.
    """

    rows: Tensor
    index: Tensor
    mask: Tensor
    present: Tensor
    frame: Tensor
    places: RowPlaces
    column: int = 0
    aligned: bool = True

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

        def times(tensor: Tensor) -> Tensor:
            return tensor.repeat(count, *[1] * (tensor.ndim - 1))

        return replace(
            self,
            mask=times(self.mask),
            present=times(self.present),
            frame=times(self.frame),
            places=self.places._with(times),
        )


@dataclass(frozen=True)
class Batch(Tensors):
    """Clips padded to the same length.

    Attributes:
        streams: what there is of each modality.
        labels: (clips, frames, outputs) float32; one in place of the frames for a sequence.
        valid: (clips, frames) bool, the label is a valid one; likewise.
        mask: (clips, frames) bool, False for padding.
        item: (clips,) int64 hash of the item's name.
        first: (clips,) int64 index of the clip's first frame in its item.
        speaker: (clips,) int64 hash of the speaker's name.
        blank: (features,) float32 features of a blank face, None where they are not known.
    """

    streams: Mapping[Modality, StreamBatch]
    labels: Tensor
    valid: Tensor
    mask: Tensor
    item: Tensor
    first: Tensor
    speaker: Tensor
    blank: Tensor | None = None

    @property
    def features(self) -> dict[Modality, int]:
        """Dimension of each modality's input vector."""
        return {modality: part.width for modality, part in self.streams.items()}

    def inputs(self) -> dict[Modality, Tensor]:
        """Each modality's vectors, (samples, N, width) float32."""
        return {modality: part.inputs() for modality, part in self.streams.items()}

    def masks(self) -> dict[Modality, Tensor]:
        """Which steps of each modality are not padding, (clips, N) bool."""
        return {modality: part.mask for modality, part in self.streams.items()}

    def received(self) -> dict[Modality, Tensor]:
        """Which steps of each modality there are, (clips, N) bool."""
        return {modality: part.present for modality, part in self.streams.items()}

    def repeated(self, count: int) -> "Batch":
        """All clips `count` times, one after the other; only their rows are there once.

        A network makes the copies of those itself, of projections a fraction of the size.
        """
        names = ("labels", "valid", "mask", "item", "first", "speaker")
        tensors = {name: getattr(self, name) for name in names}
        repeated = {k: v.repeat(count, *[1] * (v.ndim - 1)) for k, v in tensors.items()}
        streams = {modality: part.repeated(count) for modality, part in self.streams.items()}
        return replace(self, streams=streams, **repeated)

    def draws(self, *key: object, modality: Modality | None = None) -> Draws:
        """The random numbers of these clips.

        Args:
            key: for example (seed, condition, trial).
            modality: for its steps; None for the item's frames, which are the same except for a
                stream with a clock of its own.
        """
        if modality is None:
            return Draws(key, self.item, self.first, self.mask, self._received_on(self.mask))
        mask = self.streams[modality].mask
        return Draws(key, self.item, self.first, mask, self._received_on(mask))

    def _received_on(self, mask: Tensor) -> dict[Modality, Tensor]:
        """What is received of the modalities that have steps as of `mask`."""
        received = self.received()
        return {m: steps for m, steps in received.items() if steps.shape == mask.shape}
