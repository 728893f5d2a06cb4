"""Sound fed to openSMILE part by part, so that no copy of a long recording is made.

opensmile's own wrapper hands over the whole of it, in four copies, and keeps every row as an object
of its own: 2 GB for two hours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.media.rates import SAMPLE_RATE

if TYPE_CHECKING:
    import opensmile

PART = 60 * SAMPLE_RATE
"""Samples of a part."""

AHEAD = 20 * SAMPLE_RATE
"""Samples that openSMILE has beyond its last row, at least, before it gets the next part.

Its rows wait for the smoothed pitch, which is a few tenths of a second behind; were they further
behind than this, it would wait for sound for ever.
"""


class Engine:
    """openSMILE with sound from outside and rows to outside.

    Args:
        smile: opensmile's wrapper, with a set whose rows come as the sound does.
        take: called with every row (columns,), in the thread that runs.
    """

    def __init__(
        self, smile: opensmile.Smile, take: Callable[[NDArray[np.float32]], object]
    ) -> None:
        from opensmile.core.smile import config

        options = smile._options()
        options["source"] = str(Path(smile.default_config_root) / config.EXTERNAL_INPUT_CONFIG)
        options |= {"sampleRate": SAMPLE_RATE, "nBits": 16}
        self._engine = smile._smile(options=options)
        self._source = config.EXTERNAL_SOURCE_COMPONENT
        self._engine.external_sink_set_callback(config.EXTERNAL_OUTPUT_COMPONENT, take)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Hand over the next samples, (N,) within [−1, 32767/32768]."""
        part = (samples * np.float32(32768)).astype(np.int16)
        self._engine.external_audio_source_write_data(self._source, part.tobytes())

    def end(self) -> None:
        """Say that there are no more."""
        self._engine.external_audio_source_set_eoi(self._source)

    def run(self) -> None:
        """Describe what is handed over until its end."""
        try:
            self._engine.run()
        finally:
            self._engine.free()


def run_in_parts(
    smile: opensmile.Smile, samples: NDArray[np.float32], expected: int, hop: int
) -> NDArray[np.float32]:
    """Rows of a whole recording, the same as the wrapper gives.

    Args:
        smile: with a set whose rows come as the sound does.
        samples: (N,) at 16 kHz, within [−1, 32767/32768].
        expected: rows at most.
        hop: samples from one row to the next.

    Returns:
        (rows, columns), none of too short a sound.
    """
    if not expected:
        return np.zeros((0, smile.num_features), np.float32)
    rows = np.empty((expected, smile.num_features), np.float32)
    count = fed = 0
    failed: list[BaseException] = []

    def feed() -> None:
        nonlocal fed
        part = samples[fed : fed + PART]
        engine.write(part)
        fed += len(part)
        if fed == len(samples):
            engine.end()

    def take(data: NDArray[np.float32]) -> None:
        nonlocal count, fed
        if count < expected:
            rows[count] = data
        count += 1
        if fed < len(samples) and fed - count * hop < AHEAD:
            try:
                feed()
            except BaseException as error:  # openSMILE would wait for sound for ever
                failed.append(error)
                fed = len(samples)
                engine.end()

    engine = Engine(smile, take)
    feed()
    engine.run()
    if failed:
        raise failed[0]
    return rows[:count]
