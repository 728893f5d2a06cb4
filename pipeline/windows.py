"""Stage windows: z-normed rows, each frame's context and label, clips.

The normaliser is fitted to the rows of the train split alone.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from features.corpora.labels import frame_labels
from features.lld import DESCRIPTORS
from features.settings import WindowSettings
from features.store import assemble, open_store, read_array, read_item, read_number, write_item
from features.windows import Normaliser, Sound, audio_present, context_rows
from pipeline.items import Job, console, hash_of, run_jobs, stage_errors
from pipeline.outputs import FACES, LLD, WINDOWS, CorpusItem, read_items, read_labels
from pipeline.params import load_params

VERSION = 1
"""Raise it when the code of this stage gives other windows than before."""

NO_LABELS = pd.DataFrame({"time": [], "valence": [], "arousal": []}, dtype="float64")


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.windows
        items = read_items()
        labels = dict(tuple(read_labels().groupby("item")))
        faces, lld = open_store(FACES, stage="faces"), open_store(LLD, stage="lld")
        sounds = {item.item: sound_of(read_item(lld, item.item)) for item in items}
        normaliser = fit_normaliser(items, sounds)
        made_by = [normaliser.mean.tolist(), normaliser.std.tolist(), settings.model_dump()]
        jobs = []
        for item in items:
            face, own = read_item(faces, item.item), labels.get(item.item, NO_LABELS)
            say_if_counts_differ(item, own, frames=len(read_array(face, "times")))
            upstream = [face.attrs["key"], read_item(lld, item.item).attrs["key"]]
            key = hash_of(
                VERSION, upstream, own[["time", "valence", "arousal"]].to_csv(index=False), made_by
            )
            compute = partial(
                write_windows,
                faces=face,
                sound=sounds[item.item],
                labels=own,
                normaliser=normaliser,
                settings=settings,
                key=key,
            )
            jobs.append(Job(item.item, key, compute))
        results = run_jobs("windows", jobs, params.execution, processes=1)
        attributes = {
            "settings": settings.model_dump(),
            "clip_frames": settings.clip_frames,
            "normaliser": {"mean": made_by[0], "std": made_by[1]},
        }
        assemble(WINDOWS, results, attributes)


def sound_of(item: zarr.Group) -> Sound:
    """One recording of the LLD store."""
    return Sound(
        lld=read_array(item, "lld"),
        present=read_array(item, "present"),
        start=read_number(item, "start"),
        duration=read_number(item, "duration"),
    )


def fit_normaliser(items: list[CorpusItem], sounds: dict[str, Sound]) -> Normaliser:
    """Fit to the rows with sound of the train split; without any, rows are left as they are."""
    training = [sounds[item.item] for item in items if item.split == "train"]
    try:
        return Normaliser.fit(sound.lld[sound.present] for sound in training)
    except ValueError:
        console.print("no sound in the train split: descriptors are not z-normed")
        return Normaliser(np.zeros(DESCRIPTORS), np.ones(DESCRIPTORS))


def say_if_counts_differ(item: CorpusItem, labels: pd.DataFrame, *, frames: int) -> None:
    """Report labels that have a row per frame, but not for every frame."""
    if len(labels) not in (0, frames) and labels["time"].isna().all():
        surplus = "frames are without a label" if frames > len(labels) else "labels are left out"
        console.print(
            f"{item.item}: {len(labels)} labels for {frames} frames, the last "
            f"{abs(frames - len(labels))} {surplus}",
            markup=False,
            highlight=False,
        )


def write_windows(
    out: Path,
    *,
    faces: zarr.Group,
    sound: Sound,
    labels: pd.DataFrame,
    normaliser: Normaliser,
    settings: WindowSettings,
    key: str,
) -> None:
    """Write one item's rows, contexts, presence and labels."""
    times = read_array(faces, "times")
    values, valid = frame_labels(labels, times)
    arrays = {
        "times": times,
        "lld": normaliser.apply(sound.lld, sound.present),
        "rows": context_rows(times, sound, settings),
        "labels": values,
        "valid": valid,
        "audio_present": audio_present(times, sound),
        "video_present": read_array(faces, "present"),
    }
    write_item(out, arrays, {"key": key})


if __name__ == "__main__":
    main()
