"""Where the rows of a batch stand among the frames of their items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.training.batch import RowPlaces


@dataclass(frozen=True)
class Seen:
    """The rows of a stream that are read for a clip.

    Attributes:
        low: the first of them.
        high: the one after the last.
        frame: (high − low,) the frame that contains each one's centre, from the clip's first; of a
            stream at its own rate its step.
        present: (high − low,) bool, whether there was a face or sound.
        start: the clip's first frame in the item.
        frames: of the item, or steps.
    """

    low: int
    high: int
    frame: np.ndarray
    present: np.ndarray
    start: int
    frames: int


def places_of(seen: Sequence[Seen], longest: int, clip_frames: int | None) -> RowPlaces:
    """The places of the rows of a batch, of which the first is the zeros of padding.

    Args:
        seen: of every clip.
        longest: steps of the longest clip.
        clip_frames: frames of a clip of an item that is cut into clips; None where a clip is the
            whole item.
    """
    length = longest if clip_frames is None else clip_frames
    edges = [(int(s.frame[0]), int(s.frame[-1])) if len(s.frame) else (0, 0) for s in seen]
    before = max(0, -min(first // length for first, _ in edges))
    clips = before + 1 + max(0, *(last // length for _, last in edges))
    rows = 1 + max(len(s.frame) for s in seen)
    frame = np.full((len(seen), rows), clips * length, np.int64)
    frame[:, 0] = -1
    present = np.zeros((len(seen), rows), bool)
    for place, s in enumerate(seen):
        frame[place, 1 : 1 + len(s.frame)] = s.frame + before * length
        present[place, 1 : 1 + len(s.frame)] = s.present
    start = np.array([s.start for s in seen])
    first = start[:, None] + (np.arange(clips) - before) * length
    frames = first[:, :, None] + np.arange(length)
    count = np.array([s.frames for s in seen])[:, None, None]
    return RowPlaces(
        frame=torch.from_numpy(frame),
        present=torch.from_numpy(present),
        number=torch.tensor([s.low for s in seen]),
        first=torch.from_numpy(first),
        mask=torch.from_numpy((frames >= 0) & (frames < count)),
        before=before,
    )
