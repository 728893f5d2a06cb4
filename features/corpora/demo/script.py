"""What happens in a demo clip: valence and arousal, syllables, what goes missing and when."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

AFFECT_TIME_CONSTANT = 0.7
"""Seconds in which the autocorrelation falls to 1/e; a quarter of the clip in clips below 8 s."""
AFFECT_LIMIT = 0.8
SYLLABLES_PER_SECOND = 3.6
"""At arousal 0; from arousal −1 to 1 it doubles."""
SEEN = (0.95, 0.6)
"""Correlation of valence and of arousal with what the face shows of them; the rest is its own."""
HEARD = (0.6, 0.95)
"""The same for the voice."""
GAP_SECONDS = (0.7, 1.2)
OFF_SECONDS = (1.2, 1.5)
"""Of a camera that is off: longer than its last picture stands for those that fail to come."""

Loss = Literal["turned", "covered", "camera_off", "silent", "muted"]
LOSSES: tuple[Loss | None, ...] = (
    "turned",
    "silent",
    None,
    None,
    "camera_off",
    "muted",
    "covered",
    None,
)
"""What clips miss, in turn: the face looks away or is covered, no pictures are in the file; the
microphone gives zeros, no sound is in the file."""


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
        seen: (2, F) valence and arousal as the face shows them.
        heard: (2, F) valence and arousal as the voice tells them.
        syllables: (F,) how many syllables have been spoken, fractional.
        loss: what goes missing, if anything.
        gap: when.
    """

    times: NDArray[np.float64]
    valence: NDArray[np.float64]
    arousal: NDArray[np.float64]
    seen: NDArray[np.float64]
    heard: NDArray[np.float64]
    syllables: NDArray[np.float64]
    loss: Loss | None
    gap: Gap

    def missing(self, *losses: Loss) -> NDArray[np.bool_]:
        """The frames in which one of these losses is, shape (F,)."""
        gap = self.gap if self.loss in losses else Gap()
        return gap.mask(len(self.times))


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


def cues(
    rng: np.random.Generator, affect: NDArray[np.float64], fps: int, shares: tuple[float, float]
) -> NDArray[np.float64]:
    """What one modality tells of valence and arousal: both mixed with paths of its own.

    Args:
        rng: the source of randomness.
        affect: (2, F) valence and arousal.
        fps: frames a second.
        shares: correlation of the cue with each of them.

    Returns:
        (2, F), within ±1.
    """
    share = np.array(shares)[:, None]
    own = affect_paths(rng, affect.shape[1], fps)
    return np.clip(share * affect + np.sqrt(1 - share**2) * own, -1, 1)


def write_script(rng: np.random.Generator, frames: int, fps: int, loss: Loss | None) -> Script:
    """Draw a clip of so many frames that misses something, or nothing."""
    affect = affect_paths(rng, frames, fps)
    seen, heard = (cues(rng, affect, fps, shares) for shares in (SEEN, HEARD))
    rate = SYLLABLES_PER_SECOND * 2 ** (heard[1] / 2)
    return Script(
        times=np.arange(frames) / fps,
        valence=affect[0],
        arousal=affect[1],
        seen=seen,
        heard=heard,
        syllables=np.cumsum(rate) / fps,
        loss=loss,
        gap=_draw_gap(rng, frames, fps, OFF_SECONDS if loss == "camera_off" else GAP_SECONDS),
    )


def _draw_gap(rng: np.random.Generator, frames: int, fps: int, seconds: tuple[float, float]) -> Gap:
    """A stretch of so many seconds; it leaves half of the clip, and its first picture."""
    length = min(round(rng.uniform(*seconds) * fps), frames // 2)
    start = int(rng.integers(1, frames - length + 1))
    return Gap(start, start + length)
