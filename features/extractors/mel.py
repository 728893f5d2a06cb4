"""Log mel bands of sound, and cepstra of them: numpy alone, a licence that binds nobody.

Row k describes the 25 ms from 0.01·k s on.
"""

import numpy as np
from numpy.typing import NDArray

from features.extractors.described import Described
from features.extractors.settings import LogMelSettings
from features.extractors.silence import sound_present
from features.extractors.sound import AudioSource
from features.media.rates import SAMPLE_RATE

BANDS = 64
LOWEST, HIGHEST = 125.0, 7500.0
"""Hz, where the bands begin and end."""

WINDOW = SAMPLE_RATE * 25 // 1000
HOP = SAMPLE_RATE // 100
FFT = 512
"""Samples of a window, from one to the next, and of its transform, zeros after the window."""

FLOOR = 1e-8
"""Power below which a band counts as silent: about what rounding to 16 bits leaves in a bin."""

COEFFICIENTS = 10

_BLOCK = 4096  # rows, of 25 MB


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The mel scale of the HTK book (Young et al. 2006, eq. 5.13): 2595 · log10(1 + f / 700).

    >>> round(float(mel(1000.0)))
    1000
    """
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def filterbank() -> NDArray[np.float32]:
    """Triangles of the mel bands over a power spectrum, (FFT / 2 + 1, BANDS).

    Edges e_0 … e_{B+1} are equally spaced in mel from LOWEST to HIGHEST. Band b is, in mel,
    max(0, min((m − e_b) / (e_{b+1} − e_b), (e_{b+2} − m) / (e_{b+2} − e_{b+1}))), as in HTK; number
    and range of the bands are those of Hershey et al. 2017 (VGGish).
    """
    edges = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
    bins = mel(np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT)[:, None]  # (bins, 1)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithm of the power in each mel band, no less than that of FLOOR.

    Windows are Hann's (periodic) of 25 ms; power is |X|², which is not divided by the window's
    length. Two hours take 0.2 GB beside the samples.

    Args:
        samples: (N,) at 16 kHz, mono.

    Returns:
        (rows, BANDS), floor((N − 400) / 160) + 1 rows, none of less than 25 ms.

    >>> log_mel(np.zeros(16_000, np.float32)).shape
    (98, 64)
    """
    count = (len(samples) - WINDOW) // HOP + 1 if len(samples) >= WINDOW else 0
    rows = np.empty((count, BANDS), np.float32)
    if not count:
        return rows
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    bands = filterbank()
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]  # (rows, WINDOW)
    for first in range(0, count, _BLOCK):
        spectrum = np.fft.rfft(windows[first : first + _BLOCK] * hann, FFT)  # (block, bins)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        rows[first : first + _BLOCK] = np.log(np.maximum(power @ bands, FLOOR))
    return rows


def mfcc(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first COEFFICIENTS of the orthonormal DCT-II of the log mel bands.

    Chumachenko et al. 2022 take ten, by librosa: of 128 bands of Slaney's scale, in decibels. These
    are of the bands here, in natural logarithms.

    Args:
        samples: (N,) at 16 kHz, mono.

    Returns:
        (rows, COEFFICIENTS), rows as of `log_mel`.
    """
    # As a matrix no whole spectrum of cepstra is held.
    k = np.arange(COEFFICIENTS)[:, None]
    norm = np.sqrt((2 - (k == 0)) / BANDS)
    basis = norm * np.cos(np.pi * k * (np.arange(BANDS) + 0.5) / BANDS)  # (COEFFICIENTS, BANDS)
    return log_mel(samples) @ basis.T.astype(np.float32)


class LogMel:
    """Describes sound with 100 rows a second.

    Args:
        settings: of the stream.
        _device: not used.
    """

    _describe = staticmethod(log_mel)

    def __init__(self, settings: LogMelSettings, _device: str) -> None:
        self._silence = settings.silence

    def extract(self, source: AudioSource) -> Described:
        """Describe the sound of one item."""
        samples, start = source.sound()
        rows, rate = self._describe(samples), SAMPLE_RATE / HOP
        return Described(
            rows=rows,
            times=start + np.arange(len(rows)) / rate,
            present=sound_present(samples, len(rows), self._silence, hop=HOP, window=WINDOW),
            span=(start, len(samples) / SAMPLE_RATE),
            window=WINDOW / SAMPLE_RATE,
            rate=rate,
        )


class MFCC(LogMel):
    """Describes sound with cepstral coefficients."""

    _describe = staticmethod(mfcc)
