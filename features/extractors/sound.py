"""The sound of an item, as extractors take it, and the job of describing it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.extractors.items import describe_item
from features.extractors.settings import StreamSettings
from features.media.decoding import sound
from features.media.rates import SAMPLE_RATE


@dataclass(frozen=True)
class AudioSource:
    """The sound of one item.

    Attributes:
        path: the media file.
    """

    path: Path

    def sound(self, rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], float]:
        """Samples (N,) at a rate, mono, and the second at which the first one is."""
        return sound(self.path, rate)


def describe_sound(settings: StreamSettings, path: Path, device: str, out: Path) -> None:
    """Describe the sound of a file; arguments as of `describe_item`."""
    describe_item(settings, AudioSource(path), device, out)
