"""Rows that live on a GPU, from which batches are gathered there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from features.settings import Modality
from features.windows.reading import StreamReader
from models.training.batch import Batch, StreamBatch
from models.training.places import Seen

SHARE = 4
"""A training takes a fourth of the free memory of a GPU for its rows at most."""


@dataclass(frozen=True)
class Resident:
    """All rows of a stream on a device.

    Attributes:
        rows: (1 + rows, D), of which the first is zeros.
        first: place of each item's first row.
    """

    rows: Tensor
    first: Mapping[str, int]

    @classmethod
    def of(
        cls, reader: StreamReader, lengths: Mapping[str, int], device: torch.device
    ) -> "Resident":
        """Copy the rows of a stream to a device.

        Args:
            reader: of the stream.
            lengths: rows of each item.
            device: where to.
        """
        ends = np.cumsum([1, *lengths.values()]).tolist()
        first = dict(zip(lengths, ends, strict=False))
        kind = torch.from_numpy(reader.rows(next(iter(lengths)), 0, 0))
        rows = torch.zeros(ends[-1], kind.shape[1], dtype=kind.dtype, device=device)
        for item, length in lengths.items():
            place = first[item]
            rows[place : place + length].copy_(torch.from_numpy(reader.rows(item, 0, length)))
        return cls(rows, first)

    def numbers(self, items: Sequence[str], seen: Sequence[Seen]) -> Tensor:
        """(clips, R) int64, the places of the rows that clips see, after a row of zeros."""
        longest = 1 + max(s.high - s.low for s in seen)
        numbers = np.zeros((len(seen), longest), np.int64)
        for row, item, s in zip(numbers, items, seen, strict=True):
            row[1 : 1 + s.high - s.low] = np.arange(s.low, s.high) + self.first[item]
        return torch.from_numpy(numbers)

    def gathered(self, part: StreamBatch) -> StreamBatch:
        """A batch whose `rows` are places, with the rows themselves, on the device."""
        rows = self.rows.index_select(0, part.rows.flatten())
        return replace(part, rows=rows.view(*part.rows.shape, rows.shape[1]))


def gathered(batch: Batch, residents: Mapping[Modality, Resident]) -> Batch:
    """A batch on the device, with the rows that live there in place of their places."""
    streams = {m: rows.gathered(batch.streams[m]) for m, rows in residents.items()}
    return replace(batch, streams={**batch.streams, **streams})


def room_of(device: torch.device, needed: int) -> int:
    """Bytes of rows that may live on a device; on a processor they are in memory already."""
    if device.type == "cpu":
        return 0
    return torch.cuda.mem_get_info(device)[0] // SHARE if device.type == "cuda" else needed
