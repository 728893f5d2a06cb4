"""openSMILE as an extractor: the sound of one item, its descriptors, where it is silent."""

import numpy as np

from features.extractors.described import Described
from features.extractors.opensmile.descriptors import ROW_RATE, extract_lld, names
from features.extractors.opensmile.presence import WINDOW, voice_present
from features.extractors.settings import OpenSMILESettings
from features.extractors.silence import sound_present
from features.extractors.sound import AudioSource
from features.media.rates import SAMPLE_RATE

_HOP, _WINDOW = SAMPLE_RATE // ROW_RATE, round(SAMPLE_RATE * WINDOW)


class OpenSMILE:
    """Describes sound with 100 rows a second.

    Args:
        settings: of the stream.
        _device: openSMILE runs on the processor, whatever it is.
    """

    def __init__(self, settings: OpenSMILESettings, _device: str) -> None:
        self._settings = settings

    def extract(self, source: AudioSource) -> Described:
        """Describe the sound of one item.

        Raises:
            InputError: it cannot be decoded, or the set is a config that is wrong.
        """
        samples, start = source.sound()
        rows = extract_lld(samples, self._settings)
        silence = self._settings.silence
        present = sound_present(samples, len(rows), silence, hop=_HOP, window=_WINDOW)
        columns = names(self._settings)
        return Described(
            rows=rows,
            times=start + np.arange(len(rows)) / ROW_RATE,
            present=present,
            span=(start, len(samples) / SAMPLE_RATE),
            window=WINDOW,
            rate=ROW_RATE,
            voice=voice_present(rows, present, columns),
            attributes={"names": list(columns)},
        )
