"""What an extractor says of an item."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Described:
    """What an extractor says of an item.

    Attributes:
        rows: (T, D) float16 or float32.
        times: (T,) float64, the second at which each row begins, increasing.
        present: (T,), whether there was a face or sound to describe.
        span: the second at which the recording begins, and how many it lasts; by default from the
            first row on to the end of the last, which is as long as the median row.
        window: seconds that a row describes from its time on; None until the next row begins.
        rate: rows per second where they are regular: row k begins k / rate after the recording.
        voice: (T,), where sound is speech and no pause in it; None where nothing is known.
        attributes: what else there is to say of it: JSON.
    """

    rows: NDArray[Any]
    times: NDArray[np.float64]
    present: NDArray[np.bool_]
    span: tuple[float, float] | None = None
    window: float | None = None
    rate: float | None = None
    voice: NDArray[np.bool_] | None = None
    attributes: dict[str, Any] | None = None
