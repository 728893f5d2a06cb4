"""Stage windows: z-normed rows, each frame's context and label, clips.

The normaliser is fitted to the rows of the train split alone. A corpus that gives features instead
of media enters here.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray

from features.corpora.item import TIME, Work
from features.corpora.labels import labels_of
from features.corpora.listing import (
    FACES,
    LLD,
    WINDOWS,
    CorpusItem,
    read_facts,
    read_items,
    read_labels,
    read_task,
)
from features.corpora.reading import read_corpus
from features.errors import InputError
from features.hashes import hash_of
from features.settings import WindowSettings
from features.stores.store import assemble, open_store, read_array, read_item, write_item
from features.task import Task
from features.windows.context import Normaliser
from features.windows.recordings import Given, Recording, Source, Stores
from models.settings import Modality
from pipeline.engine.console import say
from pipeline.engine.jobs import Job, run_jobs, stage_errors
from pipeline.params import Params, load_params

VERSION = 4
"""Raise it when the code of this stage gives other windows than before."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        items, task = read_items(), read_task()
        source, normalises_video = open_source(params)
        normalisers = fit_normalisers(items, source, video_too=normalises_video)
        labels = dict(tuple(read_labels().groupby("item")))
        jobs = []
        for item in items:
            own = labels.get(item.item)
            label_key = "" if own is None else own[[TIME, *task.outputs]].to_csv(index=False)
            made_by = [[n.mean.tolist(), n.std.tolist()] for n in normalisers.values()]
            key = hash_of(VERSION, source.key(item), label_key, made_by, task.level)
            compute = partial(
                make_windows,
                item=item,
                source=source,
                labels=own,
                task=task,
                normalisers=normalisers,
                key=key,
            )
            jobs.append(Job(item.item, key, compute))
        results = run_jobs("windows", jobs, params.execution, processes=1)
        assemble(WINDOWS, results, attributes_of(params.windows, task, normalisers["audio"]))
        windows = open_store(WINDOWS, stage="windows")
        for item in items:
            say_if_counts_differ(item, labels.get(item.item), task, windows)


def open_source(params: Params) -> tuple[Source, bool]:
    """Where the recordings come from, and whether their pictures' features need a z-norm."""
    if read_facts()["gives_features"]:
        corpus = read_corpus(params.corpus, Work())
        assert corpus.features is not None
        return Given(corpus.gives, corpus.features), corpus.normalise_video
    faces, lld = open_store(FACES, stage="faces"), open_store(LLD, stage="lld")
    return Stores(faces, lld, params.windows), False


def attributes_of(settings: WindowSettings, task: Task, normaliser: Normaliser) -> dict[str, Any]:
    """What the windows store says of all its items."""
    return {
        "settings": settings.model_dump(),
        "clip_frames": settings.clip_frames,
        "task": task.model_dump(mode="json"),
        "normaliser": {"mean": normaliser.mean.tolist(), "std": normaliser.std.tolist()},
    }


def fit_normalisers(
    items: list[CorpusItem], source: Source, *, video_too: bool
) -> dict[Modality, Normaliser]:
    """Fit to what is present in the train split; a modality without any is left as it is."""
    training = [item for item in items if item.split == "train"]
    normalisers: dict[Modality, Normaliser | None] = {}
    normalisers["audio"] = _fit(source.read(item).sound for item in training)
    if video_too:
        normalisers["video"] = _fit(source.read(item).pictures for item in training)
    missing = [modality for modality, fitted in normalisers.items() if fitted is None]
    for modality in missing:
        say(f"no {modality} in the train split: its features are not z-normed")
        recording = source.read(items[0])
        width = (recording.sound if modality == "audio" else recording.pictures).shape[1]
        normalisers[modality] = Normaliser(np.zeros(width), np.ones(width))
    return {modality: fitted for modality, fitted in normalisers.items() if fitted is not None}


def _fit(recordings: Iterable[NDArray[np.float32]]) -> Normaliser | None:
    with_rows = (rows for rows in recordings if len(rows))
    first = next(with_rows, None)
    return None if first is None else Normaliser.fit(chain([first], with_rows))


def make_windows(
    out: Path,
    *,
    item: CorpusItem,
    source: Source,
    labels: pd.DataFrame | None,
    task: Task,
    normalisers: Mapping[Modality, Normaliser],
    key: str,
) -> None:
    """Write one item of the corpus.

    Raises:
        InputError: it has no frame.
    """
    recording = source.read(item)
    if len(recording.times) == 0:
        raise InputError(
            f"{item.item} has no frame between its start and its end",
            "mend them, or name it in corpus.exclude",
        )
    write_windows(
        out, recording, labels_of(labels, recording.times, task), normalisers, {"key": key}
    )


def write_windows(
    out: Path,
    recording: Recording,
    labels: tuple[NDArray[np.float32], NDArray[np.bool_]],
    normalisers: Mapping[Modality, Normaliser],
    attributes: Mapping[str, Any],
) -> None:
    """Write one recording's rows, contexts, presence, labels and which of them are valid."""
    values, valid = labels
    arrays: dict[str, NDArray[Any]] = {
        "times": recording.times,
        "lld": normalisers["audio"].apply(recording.lld, recording.present),
        "rows": recording.rows,
        "labels": values,
        "valid": valid,
        "audio_present": recording.audio_present,
        "voice_present": recording.voice_present,
        "video_present": recording.video_present,
    }
    if recording.video is not None:
        arrays["video"] = recording.video
        if "video" in normalisers:
            arrays["video"] = normalisers["video"].apply(recording.video, recording.video_present)
    write_item(out, arrays, {"first_frame": recording.first, **attributes})


def say_if_counts_differ(
    item: CorpusItem, labels: pd.DataFrame | None, task: Task, windows: zarr.Group
) -> None:
    """Report labels that have a row per frame, but not for every frame in the windows store."""
    if labels is None or task.level != "frame" or not labels[TIME].isna().all():
        return
    frames = len(read_array(read_item(windows, item.item), "times"))
    if len(labels) not in (0, frames):
        surplus = "frames are without a label" if frames > len(labels) else "labels are left out"
        say(
            f"{item.item}: {len(labels)} labels for {frames} frames, the last "
            f"{abs(frames - len(labels))} {surplus}"
        )


if __name__ == "__main__":
    main()
