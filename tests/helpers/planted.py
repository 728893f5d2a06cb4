"""A planted corpus at feature level: slow labels that the features show in a known way."""

from pathlib import Path

import numpy as np
import zarr
from scipy.ndimage import gaussian_filter1d

from features.settings import WindowSettings
from features.stores.store import assemble, open_store, write_item
from features.task import Task
from features.windows.context import Sound, audio_present, context_rows

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
) -> tuple[zarr.Group, zarr.Group]:
    """Write a windows and an fc6 store in which pictures show both targets, sounds arousal.

    Args:
        folder: where to.
        items: how many.
        frames: of each.
        clip_frames: of a clip.
        seed: of everything random.
        missing: share of the frames without a face, and of those without a sound.
        blank: whether the features of a blank face are known.
    """
    rng = np.random.default_rng(seed)
    to_fc6 = rng.standard_normal((2, FC6))
    to_lld = rng.standard_normal((1, DESCRIPTORS))
    settings = WindowSettings(context_seconds=STEPS / 30)
    windows, fc6 = {}, {}
    for number in range(items):
        name = f"item-{number}"
        labels = gaussian_filter1d(rng.standard_normal((frames, 2)), 12, axis=0)
        labels = (0.6 * labels / labels.std(axis=0)).clip(-1, 1).astype(np.float32)
        times = np.arange(frames) / 30
        rows = int(frames / 30 * 100)
        row_labels = np.interp(np.arange(rows) / 100, times, labels[:, 1])[:, None]
        lld = row_labels @ to_lld + 0.3 * rng.standard_normal((rows, DESCRIPTORS))
        sound = Sound(lld.astype(np.float32), np.ones(rows, bool), 0.0, rows / 100)
        shown = labels @ to_fc6 + 0.5 * rng.standard_normal((frames, FC6))
        valid = np.ones(frames, bool)
        valid[:3] = False
        absent = np.random.default_rng((seed, number)).random((2, frames)) < missing
        shown[absent[0]] = 0
        windows[name], fc6[name] = folder / f"w-{number}", folder / f"f-{number}"
        arrays = {
            "times": times,
            "lld": sound.lld,
            "rows": context_rows(times, sound, settings),
            "labels": labels,
            "valid": valid,
            "audio_present": audio_present(times, sound) & ~absent[1],
            "voice_present": audio_present(times, sound) & ~absent[1] & (absent[0] | (times < 1)),
            "video_present": ~absent[0],
        }
        write_item(windows[name], arrays, {"key": name})
        write_item(fc6[name], {"fc6": np.maximum(shown, 0).astype(np.float16)}, {"key": name})
    attributes = {"clip_frames": clip_frames, "task": Task().model_dump()}
    face = {"blank": np.abs(rng.standard_normal(FC6)).tolist()} if blank else {}
    return _stores(folder, windows, fc6, attributes, face)


CLASSES = Task(kind="classification", level="sequence", outputs=["anger", "joy", "rest"])


def planted_sequences(
    folder: Path, *, items: int, seed: int = 0, task: Task = CLASSES
) -> tuple[zarr.Group, zarr.Group]:
    """The stores of sequences of 5 to 40 frames, whose class both modalities show.

    A task of three targets takes the classes' ones and zeros as its numbers.
    """
    rng = np.random.default_rng(seed)
    to_fc6, to_lld = rng.standard_normal((3, FC6)), rng.standard_normal((3, DESCRIPTORS))
    windows, fc6 = {}, {}
    for number in range(items):
        name, frames = f"item-{number}", int(rng.integers(5, 41))
        label = np.eye(3, dtype=np.float32)[[number % 3]]
        lld = label @ to_lld + rng.standard_normal((frames, DESCRIPTORS))
        shown = label @ to_fc6 + rng.standard_normal((frames, FC6))
        windows[name], fc6[name] = folder / f"w-{number}", folder / f"f-{number}"
        arrays = {
            "times": np.arange(frames) / 30,
            "lld": lld.astype(np.float32),
            "rows": np.arange(frames, dtype=np.int32)[:, None],
            "labels": label,
            "valid": np.array([number % 10 != 9]),  # some have no label
            "audio_present": np.ones(frames, bool),
            "voice_present": np.ones(frames, bool),
            "video_present": np.ones(frames, bool),
        }
        write_item(windows[name], arrays, {"key": name})
        write_item(fc6[name], {"fc6": np.maximum(shown, 0).astype(np.float16)}, {"key": name})
    normaliser = {"mean": [0.0] * DESCRIPTORS, "std": [1.0] * DESCRIPTORS}
    attributes = {
        "clip_frames": 10,  # sequences are never cut
        "task": task.model_dump(),
        "normaliser": normaliser,
    }
    return _stores(folder, windows, fc6, attributes, {})


def _stores(
    folder: Path,
    windows: dict[str, Path],
    fc6: dict[str, Path],
    attributes: dict[str, object],
    fc6_attributes: dict[str, object],
) -> tuple[zarr.Group, zarr.Group]:
    assemble(folder / "windows.zarr", windows, attributes)
    assemble(folder / "fc6.zarr", fc6, fc6_attributes)
    return (
        open_store(folder / "windows.zarr", stage="windows"),
        open_store(folder / "fc6.zarr", stage="fc6"),
    )
