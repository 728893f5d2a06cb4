"""Boxes averaged over time, for detectors whose boxes come in steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import MIN_OVERLAP, overlap


def smooth_boxes(
    boxes: NDArray[np.float32],
    present: NDArray[np.bool_],
    starts_shot: NDArray[np.bool_],
    length: int,
) -> NDArray[np.float32]:
    """Average boxes over time.

    The mean is centred and stays within a run of frames of one shot whose neighbouring boxes
    overlap; near the ends of a run it takes the frames there are.

    Args:
        boxes: (frames, 4).
        present: (frames,), where there is a box.
        starts_shot: (frames,), where there is a cut before the frame.
        length: of the mean in frames; an even one counts as one more.

    Returns:
        (frames, 4), zeros where there is no box.

    >>> lefts = np.array([0, 3, 0, 9], np.float32)[:, None]
    >>> boxes = np.hstack((lefts, np.zeros((4, 1)), lefts + 9, np.full((4, 1), 9)))
    >>> present, starts_shot = np.array([True] * 4), np.array([True, False, False, True])
    >>> smooth_boxes(boxes, present, starts_shot, 3)[:, 0].tolist()
    [1.5, 1.0, 1.5, 9.0]
    """
    smooth = np.zeros_like(boxes)
    same_run = np.zeros(len(boxes), np.bool_)
    same_run[1:] = present[1:] & present[:-1] & ~starts_shot[1:]
    same_run[1:] &= overlap(boxes[1:], boxes[:-1]) >= MIN_OVERLAP
    starts = np.flatnonzero(present & ~same_run)
    ends = np.flatnonzero(present & ~np.append(same_run[1:], False)) + 1
    reach = length // 2
    for start, end in zip(starts, ends, strict=True):
        run = np.arange(start, end)
        # Sums up to each frame (run + 1, 4): a mean is the difference of two over its length.
        total = np.zeros((end - start + 1, 4))
        np.cumsum(boxes[start:end], axis=0, out=total[1:], dtype=np.float64)
        first, last = np.maximum(run - reach, start), np.minimum(run + reach + 1, end)
        mean = (total[last - start] - total[first - start]) / (last - first)[:, None]
        smooth[start:end] = mean
    return smooth
