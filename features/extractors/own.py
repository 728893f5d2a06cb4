"""What an extractor looks like, and how one of your own is loaded.

A class of your own is named in params.yaml, and lies in `extensions/` or in an installed package:

    streams:
      energy: {modality: audio, extractor: extensions.energy:Energy, options: {seconds: 0.1}}

    class Energy:
        modality = "audio"

        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        def extract(self, source: AudioSource) -> tuple[rows, times, present]:
            samples, start = source.sound()
            ...

It is made once a process, with the `options`. `extract` is given the item's sound
(`features.extractors.sound.AudioSource`) or face crops (`features.extractors.crops.VideoSource`),
and returns rows (T, D) float16 or float32, times (T,), the seconds on the
recording's clock at which each row begins, increasing, and present (T,), whether there was a face
or sound to describe. A row lasts until the next one begins. It may also return a `Described`,
which can say more.

What describes each picture by itself, as networks do, has `describe` in place of `extract`. It is
given batches of crops, of many items one after the other, and of one shape:

    class Colour:
        modality = "video"
        outputs = 3  # numbers of a row
        batch_size = 64  # crops at once; 32 where it does not say

        def describe(self, crops):
            return crops.mean(axis=(1, 2))  # (B, H, W, 3) uint8 RGB to rows (B, outputs)

Crops without a face do not reach it: their rows are zeros. A batch that is not full is filled up
with other pictures, whose rows are thrown away.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from features.errors import InputError
from features.extractors.batches import BATCH_SIZE, OfCrops
from features.extractors.described import Described
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import OwnSettings, StreamSettings


@runtime_checkable
class Extract(Protocol):
    """An extractor, ready to describe items."""

    def extract(self, source: Any) -> Described:
        """Describe one item."""
        ...


class _Own:
    """An extractor of the user's own, with what it returns checked."""

    def __init__(self, name: str, settings: OwnSettings) -> None:
        self._name = name
        self._extractor = _made(name, settings)

    def extract(self, source: Any) -> Described:
        """Describe one item."""
        described = self._extractor.extract(source)
        if not isinstance(described, Described):
            rows, times, present = described
            times = np.asarray(times, np.float64)
            described = Described(np.asarray(rows), times, np.asarray(present))
        self._check(described)
        return described

    def _check(self, described: Described) -> None:
        rows, times, present = described.rows, described.times, described.present
        if rows.ndim != 2 or rows.dtype not in (np.float16, np.float32):
            fault = f"rows {rows.shape} of {rows.dtype}, not (T, D) of float16 or float32"
        elif times.shape != (len(rows),) or present.shape != (len(rows),):
            fault = f"{len(rows)} rows, times {times.shape} and present {present.shape}"
        elif present.dtype != bool:
            fault = f"present of {present.dtype}, not bool"
        elif not np.isfinite(rows).all():
            fault = "rows that are not all finite"
        elif not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
            fault = "times that do not increase"
        else:
            return
        raise InputError(f"{self._name} gives {fault}", "fix the class")


class _OwnOfCrops(OfCrops):
    """An extractor of the user's own that is given batches, with what it returns checked."""

    def __init__(self, name: str, settings: OwnSettings) -> None:
        self.title = name
        self._extractor = _made(name, settings)
        outputs = getattr(self._extractor, "outputs", None)
        size = getattr(self._extractor, "batch_size", BATCH_SIZE)
        for key, value in (("outputs", outputs), ("batch_size", size)):
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} has {key} {value}, not a whole number", "fix the class")
        assert isinstance(outputs, int)
        self.outputs, self.batch_size = outputs, size

    @override
    def describe(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = np.asarray(self._extractor.describe(crops))
        if rows.shape != (len(crops), self.outputs) or rows.dtype.kind != "f":
            expected = f"({len(crops)}, {self.outputs}) of floats"
            raise InputError(
                f"{self.title} gives rows {rows.shape} of {rows.dtype}, not {expected}",
                "fix the class",
            )
        return rows.astype(np.float32, copy=False)


def _made(name: str, settings: OwnSettings) -> Any:
    """The user's object.

    Raises:
        InputError: it cannot be made.
    """
    kind = EXTRACTORS[name].load()
    modality = getattr(kind, "modality", None)
    if modality != settings.modality:
        raise InputError(
            f"{name} describes {modality}, not {settings.modality}",
            f"write modality: {modality}, and `modality` as an attribute of the class",
        )
    try:
        return kind(**settings.options)
    except TypeError as error:
        raise InputError(f"{name} does not take its options ({error})", "correct them") from error


def is_of_crops(settings: StreamSettings) -> bool:
    """Whether a stream's extractor is given batches of crops, of many items together.

    Raises:
        InputError: it is the user's own and cannot be loaded.
    """
    kind = EXTRACTORS[settings.extractor].load()
    if isinstance(settings, OwnSettings):
        return settings.modality == "video" and hasattr(kind, "describe")
    return settings.modality == "video" and isinstance(kind, type) and issubclass(kind, OfCrops)


def load_extractor(settings: StreamSettings, device: str) -> Extract | OfCrops:
    """The extractor of a stream.

    Args:
        settings: of the stream.
        device: where networks run.

    Raises:
        InputError: it is the user's own and cannot be made.
    """
    if isinstance(settings, OwnSettings):
        kind = _OwnOfCrops if is_of_crops(settings) else _Own
        return kind(settings.extractor, settings)
    return EXTRACTORS[settings.extractor].load()(settings, device)
