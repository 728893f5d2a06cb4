"""Stage windows: each item's frames and labels, and which rows of every stream they look at.

It writes no rows: those stay in the streams' stores. Normalisers are fitted to the train split.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.item import TIME
from features.corpora.listing import (
    FACES,
    INPUTS,
    STREAMS,
    WINDOWS,
    CorpusItem,
    read_facts,
    read_items,
    read_labels,
    read_task,
)
from features.extractors.crops import open_faces
from features.extractors.joined import parts_of
from features.extractors.settings import StreamSettings
from features.hashes import hash_of
from features.stores.streams import StreamStore, open_stream
from features.stores.windows import Windowed, WindowedStream, write_windows
from features.task import Task
from features.windows.build import windows_of_corpus
from features.windows.sources import Sources
from models.training.stores import Inputs
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.keys import check
from pipeline.params import Params, load_params


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        check(params, "windows")
        windows = windows_of(params, say)
        labels, task = labels_of_items(), read_task()
        for item in read_items():
            say_if_counts_differ(item, labels.get(item.item), task, windows[item.item])


def windows_of(params: Params, say: Callable[[str], None]) -> dict[str, Windowed]:
    """Write the windows store, and what every model reads of it.

    Raises:
        InputError: a stage before this one has not run, or an item has no frame.
    """
    items, task, sources = read_items(), read_task(), open_sources(params)
    windows, streams = windows_of_corpus(items, labels_of_items(), task, sources, say)
    write_windows(
        WINDOWS,
        windows,
        streams,
        task=task,
        clip_frames=params.windows.clip_frames,
        settings=params.windows.model_dump(),
    )
    write_inputs(params, items, windows, streams, sources)
    return windows


def labels_of_items() -> dict[str, pd.DataFrame]:
    """The table of labels of every item that has any."""
    return dict(tuple(read_labels().groupby("item")))  # type: ignore[arg-type]


def open_sources(params: Params) -> Sources:
    """What the windows are made of.

    Raises:
        InputError: a stage before this one has not run.
    """
    with_rows = [name for name, settings in params.streams.items() if not settings.parts]
    stores = {name: open_stream(STREAMS / f"{name}.zarr") for name in with_rows}
    if read_facts()["gives_features"]:
        # A stream of media has no item there.
        stores = {name: store for name, store in stores.items() if store.items}
    return make_sources(params, stores)


def make_sources(params: Params, stores: Mapping[str, StreamStore]) -> Sources:
    """The streams that have rows, or join such, and when pictures begin."""
    settings = {
        name: stream
        for name, stream in params.streams.items()
        if all(part in stores for part in parts_of(name, params.streams))
    }
    sources = Sources(settings, stores, None, gives_features=False, hold=params.windows.hold)
    video = sources.first("video")
    if video is None:
        return replace(sources, gives_features=sources.is_given("audio"))
    if sources.is_given("video"):
        return replace(sources, pictures=video.times, gives_features=True)
    return replace(sources, pictures=partial(open_faces(FACES).array, name="times"))


def write_inputs(
    params: Params,
    items: Sequence[CorpusItem],
    windows: Mapping[str, Windowed],
    streams: Mapping[str, WindowedStream],
    sources: Sources,
) -> None:
    """Write the manifest of every model that the streams suffice for."""
    for name in params.models:
        sees = params.seen(name)
        if all(stream in streams for stream in sees.values()):
            described = {m: describe_stream(params.streams, s, streams[s]) for m, s in sees.items()}
            common = {
                "task": read_task().model_dump(mode="json"),
                "gives_features": sources.gives_features,
                "clip_frames": params.windows.clip_frames,
                "hold": params.windows.hold,
                "streams": described,
            }
            contents = {
                item.item: {
                    "speaker": item.speaker,
                    "split": item.split,
                    "labelled": item.labelled,
                    **content_of(windows[item.item], item.item, sees, sources),
                }
                for item in items
            }
            Inputs(common, contents).write(INPUTS / f"{name}.json")
    remove_others(INPUTS, params.models)


def remove_others(folder: Path, models: Iterable[str]) -> None:
    """Remove the manifests of models that params.yaml no longer has."""
    kept = {f"{name}.json" for name in models}
    for file in folder.glob("*.json"):
        if file.name not in kept:
            file.unlink()


def describe_stream(
    settings: Mapping[str, StreamSettings], name: str, stream: WindowedStream
) -> dict[str, Any]:
    """What is common to all rows that a model sees of a stream, without any name of a stream."""
    parts = parts_of(name, settings)
    described = settings[name].model_dump(exclude={"of"} if settings[name].parts else set())
    content = stream.as_json()
    return {
        "settings": described,
        "parts": [settings[part].of_rows() for part in parts],
        "width": stream.width,
        "steps": stream.steps,
        "normaliser": hash_of(content["normaliser"]),
    }


def content_of(
    windowed: Windowed, item: str, sees: Mapping[Any, str], sources: Sources
) -> dict[str, Any]:
    """Hashes of what a model reads of one item."""
    arrays = windowed.arrays
    streams = {}
    for modality, name in sees.items():
        steps = windowed.streams[name]
        keys = [sources.stores[part].key(item) for part in parts_of(name, sources.settings)]
        steps_of = [steps.index, steps.present, steps.frame, steps.others]
        streams[modality] = [*keys, _hash(*steps_of)]
    return {
        "frames": _hash(*(arrays[name] for name in ("times", "labels", "valid"))),
        "shown": _hash(*(arrays[name] for name in ("picture", "face", "sound", "voice"))),
        "streams": streams,
    }


def _hash(*arrays: np.ndarray) -> str:
    """SHA-256 of arrays."""
    return hash_of([[list(a.shape), str(a.dtype), sha256(a.tobytes()).hexdigest()] for a in arrays])


def say_if_counts_differ(
    item: CorpusItem, labels: pd.DataFrame | None, task: Task, windowed: Windowed
) -> None:
    """Report labels that have a row per frame, but not for every picture of the item."""
    if labels is None or task.level != "frame" or not labels[TIME].isna().all():
        return
    frames = int(windowed.arrays["decoded"].sum())
    if len(labels) not in (0, frames):
        surplus = "frames are without a label" if frames > len(labels) else "labels are left out"
        say(
            f"{item.item}: {len(labels)} labels for {frames} frames, the last "
            f"{abs(frames - len(labels))} {surplus}"
        )


if __name__ == "__main__":
    main()
