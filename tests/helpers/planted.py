"""A planted corpus at feature level: slow labels that the features show in a known way."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from features.extractors.described import Described
from features.stores.assembling import assemble
from features.stores.streams import open_stream, write_described
from features.stores.windows import (
    Steps,
    Windowed,
    WindowedStream,
    open_windows,
    write_windows,
)
from features.task import Task
from features.windows.clocks import Clock, context_offsets, frame_centres
from features.windows.reading import StreamReader
from models.training.stores import ModelStores

DESCRIPTORS = 6
FC6 = 24
STEPS = 15  # of half a second of context


def planted_stores(
    folder: Path,
    *,
    items: int,
    frames: int,
    clip_frames: int,
    seed: int = 0,
    missing: float = 0.0,
    blank: bool = False,
    width: int = FC6,
) -> ModelStores:
    """Write stores in which pictures show both targets, sounds arousal.

    Args:
        folder: where to.
        items: how many.
        frames: of each.
        clip_frames: of a clip.
        seed: of everything random.
        missing: share of the frames without a face, and of those without a sound.
        blank: whether the features of a blank face are known.
        width: of a picture's row.
    """
    rng = np.random.default_rng(seed)
    to_fc6 = rng.standard_normal((2, width))
    to_lld = rng.standard_normal((1, DESCRIPTORS))
    store = Planted(folder, width)
    for number in range(items):
        name = f"item-{number}"
        labels = gaussian_filter1d(rng.standard_normal((frames, 2)), 12, axis=0)
        labels = (0.6 * labels / labels.std(axis=0)).clip(-1, 1).astype(np.float32)
        times = np.arange(frames) / 30
        rows = int(frames / 30 * 100)
        row_labels = np.interp(np.arange(rows) / 100, times, labels[:, 1])[:, None]
        lld = row_labels @ to_lld + 0.3 * rng.standard_normal((rows, DESCRIPTORS))
        clock = Clock(np.arange(rows) / 100, (0.0, rows / 100), 0.02, 100)
        centres = frame_centres(times)
        heard = clock.rows_at(centres) >= 0
        shown = labels @ to_fc6 + 0.5 * rng.standard_normal((frames, width))
        valid = np.ones(frames, bool)
        valid[:3] = False
        absent = np.random.default_rng((seed, number)).random((2, frames)) < missing
        shown[absent[0]] = 0
        sound = heard & ~absent[1]
        store.add(
            name,
            times=times,
            labels=labels,
            valid=valid,
            picture=~absent[0] | (times % 0.4 < 0.2),
            face=~absent[0],
            sound=sound,
            voice=sound & (absent[0] | (times < 1)),
            lld=lld,
            index=clock.rows_at(centres[:, None] + context_offsets(STEPS / 30)),
            fc6=shown,
        )
    face = np.abs(rng.standard_normal(width)).tolist() if blank else None
    return store.finish(clip_frames, Task(), STEPS, face)


CLASSES = Task(kind="classification", level="sequence", outputs=["anger", "joy", "rest"])


def planted_sequences(
    folder: Path, *, items: int, seed: int = 0, task: Task = CLASSES, width: int = FC6
) -> ModelStores:
    """The stores of sequences of 5 to 40 frames, whose class both modalities show.

    A task of three targets takes the classes' ones and zeros as its numbers.
    """
    rng = np.random.default_rng(seed)
    to_fc6, to_lld = rng.standard_normal((3, width)), rng.standard_normal((3, DESCRIPTORS))
    store = Planted(folder, width)
    for number in range(items):
        name, frames = f"item-{number}", int(rng.integers(5, 41))
        label = np.eye(3, dtype=np.float32)[[number % 3]]
        lld = label @ to_lld + rng.standard_normal((frames, DESCRIPTORS))
        shown = label @ to_fc6 + rng.standard_normal((frames, width))
        every = np.ones(frames, bool)
        store.add(
            name,
            times=np.arange(frames) / 30,
            labels=label,
            valid=np.array([number % 10 != 9]),  # some have no label
            face=every,
            sound=every,
            voice=every,
            lld=lld,
            index=np.arange(frames, dtype=np.int32)[:, None],
            fc6=shown,
        )
    return store.finish(10, task, 1, None)  # sequences are never cut


class Planted:
    """Stores of a model that sees the streams `lld` and `fc6`, in the making."""

    def __init__(self, folder: Path, width: int = FC6) -> None:
        self._folder, self._width = folder, width
        self._items: dict[str, Windowed] = {}

    def add(
        self,
        name: str,
        *,
        lld: np.ndarray,
        index: np.ndarray,
        fc6: np.ndarray,
        **arrays: np.ndarray,
    ) -> None:
        """Add an item, whose frames look at rows of `lld` by an index and at their own of `fc6`."""
        times = arrays["times"]
        frame = np.arange(len(times), dtype=np.int32)
        none = np.zeros((len(lld), 0), np.int32)
        self._items[name] = Windowed(
            {n: arrays.get(n, np.ones(len(times), bool)) for n in ("decoded", "picture")} | arrays,
            {
                "lld": Steps(index, arrays["sound"], frame, none),
                "fc6": Steps(frame[:, None], arrays["face"], frame, none[: len(fc6)]),
            },
        )
        for stream, rows, present in (
            ("lld", lld.astype(np.float32), np.ones(len(lld), bool)),
            ("fc6", np.maximum(fc6, 0).astype(np.float16), arrays["face"]),
        ):
            # As many rows as frames, or 100 a second.
            rate = 30 if len(rows) == len(times) else 100
            described = Described(rows, np.arange(len(rows)) / rate, present)
            write_described(self._folder / f"{stream}-{name}", described)

    def finish(
        self, clip_frames: int, task: Task, steps: int, blank: list[float] | None
    ) -> ModelStores:
        """Write and open the stores."""
        streams = {
            "lld": WindowedStream(
                "audio", ("lld",), DESCRIPTORS, steps, steps - 1, "frames", (None,)
            ),
            "fc6": WindowedStream("video", ("fc6",), self._width, 1, 0, "frames", (None,)),
        }
        windows = self._folder / "windows.zarr"
        write_windows(
            windows, self._items, streams, task=task, clip_frames=clip_frames, settings={}
        )
        for stream in streams:
            parts = {name: self._folder / f"{stream}-{name}" for name in self._items}
            said = {"settings": {}, "blank": blank if stream == "fc6" else None}
            assemble(self._folder / f"{stream}.zarr", parts, said, {n: n for n in parts})
        store = open_windows(windows)
        readers = {
            s.modality: StreamReader(store, name, [open_stream(self._folder / f"{name}.zarr")])
            for name, s in streams.items()
        }
        return ModelStores(store, readers)
