"""Sound in overlapping chunks through a network in an ONNX file."""

from collections.abc import Iterator
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.onnx.model_file import Model
from features.extractors.onnx.settings import SoundSettings

SHORTEST = 0.1
"""Seconds that a network is given at least; shorter sound is followed by zeros."""

_MOST_ROWS_LOST = 3
"""Rows that a chunk may lack because the network looks at more than one hop."""


def check_sound(model: Model, path: str, settings: SoundSettings) -> int:
    """The numbers of a row, tried out on silence.

    Raises:
        InputError: the network takes or gives something else than rows of sound.
    """
    chunk, hop = settings.samples("chunk"), settings.samples("hop")
    if len(model.shape) != 2:
        raise InputError(
            f"{path} takes an input of {len(model.shape)} axes, not of (batch, samples)",
            "export it with samples as input",
        )
    batch, length = model.shape
    if batch is not None:
        raise InputError(
            f"{path} takes batches of {batch} chunks alone",
            "export it with a first axis that is dynamic",
        )
    if length not in (None, chunk):
        raise InputError(
            f"{path} takes {length} samples, and chunk comes to {chunk}",
            f"set sound.chunk to {length / settings.rate:g}",
        )
    tried = chunk if length else min(chunk, settings.rate)
    rows = model.run(np.zeros((2, tried), np.float32))
    expected = tried // hop
    if rows.ndim != 3 or len(rows) != 2 or abs(rows.shape[1] - expected) > _MOST_ROWS_LOST:
        raise InputError(
            f"{path} gives {rows.shape} for two chunks of {tried} samples, not (2, about "
            f"{expected}, numbers)",
            "choose another output, or correct hop and rate under sound",
        )
    return rows.shape[2]


def chunks_of(count: int, settings: SoundSettings, *, fixed: bool) -> list[tuple[int, int]]:
    """First sample and end of each chunk; all begin at a row.

    The last one ends where the sound does; where lengths are fixed, up to a hop before.

    Args:
        count: samples of the sound.
        settings: length and overlap of the chunks.
        fixed: whether the network takes whole chunks alone.

    >>> settings = SoundSettings(rate=8000, hop=0.1, chunk=1.0, overlap=0.2)
    >>> chunks_of(20_500, settings, fixed=False)
    [(0, 8000), (6400, 14400), (12000, 20500)]
    >>> chunks_of(4000, settings, fixed=False)
    [(0, 4000)]
    """
    chunk, hop = settings.samples("chunk"), settings.samples("hop")
    if count <= chunk:
        return [(0, count)]
    last = (count - chunk) // hop * hop
    step = chunk - settings.samples("overlap")
    starts = [*range(0, last, step), last]
    ends = [start + chunk for start in starts]
    if not fixed:
        ends[-1] = count
    return list(zip(starts, ends, strict=True))


def rows_of_sound(
    model: Model, samples: NDArray[np.float32], outputs: int, settings: SoundSettings
) -> NDArray[np.float32]:
    """The rows of a whole recording, one a hop.

    Args:
        model: the network.
        samples: (N,) at the network's rate.
        outputs: numbers of a row.
        settings: how.

    Returns:
        (rows, outputs); at most one a hop, none of an empty sound.

    Raises:
        InputError: chunks overlap by less than the network loses at their ends.
    """
    hop = settings.samples("hop")
    if not len(samples):
        return np.zeros((0, outputs), np.float32)
    spans = chunks_of(len(samples), settings, fixed=model.shape[1] is not None)
    # The row at which each chunk's take over from those of the one before.
    cuts = [(end + start) // 2 // hop for (_, end), (start, _) in pairwise(spans)]
    total = -(-len(samples) // hop)
    found = np.zeros((total, outputs), np.float32)
    ends = [*cuts, total]
    filled = 0
    for (start, _), end, rows in zip(
        spans, ends, _described(model, samples, spans, settings), strict=True
    ):
        first = start // hop
        taken = rows[filled - first : end - first]
        if len(taken) < end - filled and end != total:
            raise InputError(
                f"{model.title} gives {len(rows)} rows of a chunk, too few for an overlap of "
                f"{settings.overlap:g} s",
                "raise sound.overlap",
            )
        found[filled : filled + len(taken)] = taken
        filled += len(taken)
    return found[:filled]


def _described(
    model: Model,
    samples: NDArray[np.float32],
    spans: list[tuple[int, int]],
    settings: SoundSettings,
) -> Iterator[NDArray[np.float32]]:
    """Rows of each chunk, those of the same length in batches."""
    for _, equal in groupby(spans, key=lambda span: span[1] - span[0]):
        group = list(equal)
        for first in range(0, len(group), settings.batch_size):
            part = group[first : first + settings.batch_size]
            yield from model.run(
                np.stack([_prepared(samples[a:b], model, settings) for a, b in part])
            )


def _prepared(
    chunk: NDArray[np.float32], model: Model, settings: SoundSettings
) -> NDArray[np.float32]:
    """One chunk, normalised, with zeros after it up to what the network takes."""
    if settings.normalise == "chunk":
        # As Wav2Vec2FeatureExtractor does: (x − mean) / sqrt(variance + 1e-7).
        mean = chunk.mean(dtype=np.float64)
        deviation = np.sqrt(chunk.var(dtype=np.float64) + 1e-7)
        chunk = ((chunk - mean) / deviation).astype(np.float32)
    least = model.shape[1] or round(SHORTEST * settings.rate)
    return np.pad(chunk, (0, max(0, least - len(chunk))))
