"""Arrays on their way to C code."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ScalarT = TypeVar("ScalarT", bound=np.generic)


def contiguous(array: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """An array whose lines follow one another in memory: the array itself, or a copy.

    A part of a picture, a turned picture and one whose lines FFmpeg padded are views with gaps or
    in another order. numpy, torch and Zarr know that. dlib does not: in such a view it finds fewer
    faces, and not the same ones at every run.

    Args:
        array: of at least one dimension.

    >>> picture = np.arange(12).reshape(3, 4)[:, :3]
    >>> picture.flags.c_contiguous, contiguous(picture).flags.c_contiguous
    (False, True)
    >>> contiguous(picture).tolist() == picture.tolist()
    True
    """
    return np.ascontiguousarray(array)
