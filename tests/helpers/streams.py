"""Stores of streams, and windows of them, without any extraction."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from features.corpora.listing import CorpusItem
from features.extractors.described import Described
from features.extractors.settings import (
    JoinedSettings,
    OpenSMILESettings,
    StreamSettings,
    VGGFaceSettings,
)
from features.stores.assembling import assemble
from features.stores.streams import StreamStore, open_stream, write_described
from features.stores.windows import Windowed, WindowedStream, open_windows, write_windows
from features.task import AFFECT, Task
from features.windows.build import windows_of_corpus
from features.windows.reading import StreamReader
from features.windows.sources import Sources
from models.training.stores import ModelStores, open_stores

SOUND = OpenSMILESettings()
FACES = VGGFaceSettings()


def heard(
    rows: np.ndarray, *, start: float = 0.0, seconds: float | None = None, **more: object
) -> Described:
    """A sound that lasts as long as its rows, 100 a second."""
    times = start + np.arange(len(rows)) / 100
    span = (start, len(rows) / 100 if seconds is None else seconds)
    present = more.pop("present", np.ones(len(rows), bool))
    return Described(rows, times, present, span, 0.02, 100.0, **more)  # type: ignore[arg-type]


def seen(rows: np.ndarray, times: np.ndarray, present: np.ndarray | None = None) -> Described:
    """Pictures, a row each."""
    return Described(rows, times, np.ones(len(rows), bool) if present is None else present)


def stream_store(folder: Path, name: str, items: Mapping[str, Described]) -> StreamStore:
    """The store of a stream."""
    for item, described in items.items():
        write_described(folder / f"{name}-{item}", described)
    places = {item: folder / f"{name}-{item}" for item in items}
    keys = {item: f"{name} of {item}" for item in items}
    assemble(folder / f"{name}.zarr", places, {"settings": {}}, keys)
    return open_stream(folder / f"{name}.zarr")


def sources_of(
    folder: Path,
    streams: Mapping[str, tuple[StreamSettings, Mapping[str, Described]]],
    *,
    joined: Mapping[str, JoinedSettings] | None = None,
    gives_features: bool = False,
    hold: float = 1.0,
) -> Sources:
    """What windows are made of; pictures are those of the first video stream."""
    settings = {name: of for name, (of, _) in streams.items()} | dict(joined or {})
    stores = {name: stream_store(folder, name, items) for name, (_, items) in streams.items()}
    videos = [stores[name] for name in stores if settings[name].modality == "video"]
    pictures: Callable[[str], np.ndarray] | None = videos[0].times if videos else None
    return Sources(settings, stores, pictures, gives_features, hold)


def windows_in(
    folder: Path,
    sources: Sources,
    items: list[CorpusItem],
    labels: Mapping[str, pd.DataFrame] | None = None,
    task: Task = AFFECT,
    clip_frames: int = 100,
    say: Callable[[str], None] = print,
) -> tuple[dict[str, Windowed], dict[str, WindowedStream]]:
    """Make and write the windows store of some items."""
    found, streams = windows_of_corpus(items, labels or {}, task, sources, say)
    path = folder / "windows.zarr"
    write_windows(path, found, streams, task=task, clip_frames=clip_frames, settings={})
    return found, streams


def stores_in(folder: Path, *sees: str) -> ModelStores:
    """The stores of a model that sees some streams."""
    return open_stores(sees, folder / "windows.zarr", folder)


def reader_in(folder: Path, name: str) -> StreamReader:
    """One stream as a model sees it."""
    windows = open_windows(folder / "windows.zarr")
    parts = windows.streams[name].parts
    return StreamReader(windows, name, [open_stream(folder / f"{part}.zarr") for part in parts])
