"""What happens in a demo clip: valence and arousal, syllables, what goes missing and when."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

AFFECT_TIME_CONSTANT = 2.0
"""Seconds in which the autocorrelation falls to 1/e; a quarter of the clip in clips below 8 s."""
AFFECT_LIMIT = 0.8
SYLLABLES_PER_SECOND = 3.6
"""At arousal 0; from arousal −1 to 1 it doubles."""
GAP_SECONDS = (0.7, 1.5)


@dataclass(frozen=True)
class Gap:
    """A stretch [start, stop) of a clip, in frames; empty when the clip misses nothing."""

    start: int = 0
    stop: int = 0

    def mask(self, frames: int) -> NDArray[np.bool_]:
        """True in the frames of the stretch, shape (frames,)."""
        index = np.arange(frames)
        return (index >= self.start) & (index < self.stop)


@dataclass(frozen=True)
class Script:
    """One clip, per frame.

    Attributes:
        times: (F,) seconds since the start of the clip.
        valence: (F,) in [−0.8, 0.8].
        arousal: (F,) in [−0.8, 0.8].
        syllables: (F,) how many syllables have been spoken, fractional.
        no_face: when the face is not to be seen.
        no_voice: when the microphone is off.
        covered: whether the unseen face is covered; else it is turned away.
    """

    times: NDArray[np.float64]
    valence: NDArray[np.float64]
    arousal: NDArray[np.float64]
    syllables: NDArray[np.float64]
    no_face: Gap
    no_voice: Gap
    covered: bool


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> NDArray:
    """Stationary Gaussian noise of unit variance, smoothed along the last axis.

    Args:
        rng: the source of randomness.
        shape: of the result.
        sigma: standard deviation of the Gaussian kernel, in samples; the autocorrelation falls to
            1/e at a lag of 2 sigma.
    """
    pad = int(np.ceil(4 * sigma))
    white = rng.standard_normal((*shape[:-1], shape[-1] + 2 * pad))
    smooth = gaussian_filter1d(white, sigma, axis=-1, mode="constant")[..., pad : pad + shape[-1]]
    return smooth * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def affect_paths(rng: np.random.Generator, frames: int, fps: int) -> NDArray[np.float64]:
    """Valence and arousal, shape (2, frames), each within ±AFFECT_LIMIT.

    Within a clip they are uncorrelated, so that in a small corpus, too, the one tells nothing of
    the other.
    """
    time_constant = min(AFFECT_TIME_CONSTANT, frames / fps / 4)
    paths = smooth_noise(rng, (2, frames), time_constant * fps / 2)
    paths -= paths.mean(axis=1, keepdims=True)
    paths[1] -= paths[0] * (paths[0] @ paths[1]) / (paths[0] @ paths[0])
    paths /= np.abs(paths).max(axis=1, keepdims=True)
    amplitude = rng.uniform(0.7, 0.9, (2, 1)) * AFFECT_LIMIT
    return paths * amplitude + rng.uniform(-1, 1, (2, 1)) * (AFFECT_LIMIT - amplitude)


def write_script(
    rng: np.random.Generator,
    frames: int,
    fps: int,
    *,
    no_face: bool,
    no_voice: bool,
    covered: bool,
) -> Script:
    """Draw a clip of so many frames; `no_face` and `no_voice` ask for one such stretch each."""
    valence, arousal = affect_paths(rng, frames, fps)
    rate = SYLLABLES_PER_SECOND * 2 ** (arousal / 2)
    gaps = [_draw_gap(rng, frames, fps) for _ in range(2)]
    return Script(
        times=np.arange(frames) / fps,
        valence=valence,
        arousal=arousal,
        syllables=np.cumsum(rate) / fps,
        no_face=gaps[0] if no_face else Gap(),
        no_voice=gaps[1] if no_voice else Gap(),
        covered=covered,
    )


def _draw_gap(rng: np.random.Generator, frames: int, fps: int) -> Gap:
    length = min(round(rng.uniform(*GAP_SECONDS) * fps), frames // 2)
    start = int(rng.integers(0, frames - length + 1))
    return Gap(start, start + length)
