"""Where a recording has a voice, row by row of its descriptors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.extractors.opensmile.descriptors import ROW_RATE
from features.extractors.silence import long_runs

F0 = "F0final_sma"
"""The descriptor of the sets known by name that is 0 where nobody speaks with a voice."""

PAUSE_SECONDS = 0.3
"""What is shorter belongs to speech: its consonants have no pitch either."""

WINDOW = 0.020
"""Seconds that a row is taken to describe."""


def voice_present(
    lld: NDArray[np.float32], present: NDArray[np.bool_], names: Sequence[str]
) -> NDArray[np.bool_]:
    """Tell rows of speech from pauses in it, in which there is breath, noise or nothing.

    Args:
        lld: (rows, descriptors), as openSMILE gave them.
        present: (rows,), where there is sound.
        names: of the descriptors. Where `F0` is not among them, as a user's config may have it,
            nothing is known of pauses, and all sound counts as speech.

    Returns:
        (rows,), true where there is sound and no stretch of `PAUSE_SECONDS` or more without pitch.
    """
    if F0 not in names:
        return present
    return present & ~long_runs(
        lld[:, names.index(F0)] <= 0, PAUSE_SECONDS, hop=1 / ROW_RATE, window=WINDOW
    )
