"""From what was measured on a small piece to what a whole run takes: proportions, no more."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.media.rates import AUDIO_ONLY_RATE
from features.task import Task
from models.evaluation.conditions import all_conditions, runs_under
from pipeline.params import Params


@dataclass(frozen=True)
class Rate:
    """What one unit of a stage's work takes: a picture, a second of sound, a frame.

    Attributes:
        seconds: of one process.
        size: bytes that are kept.
        jobs: how many run side by side.
    """

    seconds: float
    size: float
    jobs: int


@dataclass(frozen=True)
class ModelRate:
    """What a model takes; its clips are those of `clips`.

    Attributes:
        epoch: seconds of an epoch for every clip to learn from, its teachers' epochs too.
        run: seconds of a run of the evaluation, whatever its clips.
        run_clip: seconds of a run for every clip.
        size: bytes of a seed.
        jobs: how many seeds run side by side.
    """

    epoch: float
    run: float
    run_clip: float
    size: float
    jobs: int


@dataclass
class Measures:
    """What was measured; what is missing could not be.

    Attributes:
        piece: what was measured on, in words.
        faces: of a picture.
        streams: of a picture, a second of sound or of features, by the stream's name.
        windows: of a frame.
        models: by name.
        notes: why something is missing, a sentence each.
    """

    piece: str = ""
    faces: Rate | None = None
    streams: dict[str, Rate] = field(default_factory=dict)
    windows: Rate | None = None
    models: dict[str, ModelRate] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """What a stage takes.

    Attributes:
        name: as DVC names it.
        seconds: from its beginning to its end, where nothing is in the item cache.
        size: bytes that are kept.
    """

    name: str
    seconds: float
    size: float


def stages(params: Params, task: Task, table: pd.DataFrame, measures: Measures) -> list[Stage]:
    """What every measured stage takes, in the order in which they run.

    Args:
        params: the settings.
        task: of the corpus.
        table: of its items.
        measures: on a small piece.
    """
    found = []
    if measures.faces is not None:
        found.append(_scaled("faces", measures.faces, pictures(table)))
    for name, rate in measures.streams.items():
        found.append(_scaled(f"extract@{name}", rate, _amount(params, table, name)))
    if measures.windows is not None:
        found.append(_scaled("windows", measures.windows, float(frames(table).sum())))
    for name, model in measures.models.items():
        found += _of_model(params, task, table, name, model)
    return found


def _scaled(name: str, rate: Rate, units: float) -> Stage:
    return Stage(name, rate.seconds * units / rate.jobs, rate.size * units)


def _of_model(
    params: Params, task: Task, table: pd.DataFrame, name: str, model: ModelRate
) -> Iterator[Stage]:
    train, seeds = params.resolved(name).train, len(params.train.seeds)
    # So many seeds one after the other.
    turns = -(-seeds // model.jobs)
    labelled = table[table["labelled"]]
    count = clips(labelled, task, params.windows.clip_frames)
    all_trained = float(count[labelled["split"] == "train"].sum())
    share = train.heldout if isinstance(train.heldout, float) else 0.0
    epochs = train.epochs * (1 - share) + train.refit
    yield Stage(f"train@{name}", model.epoch * all_trained * epochs * turns, model.size * seeds)
    scored = labelled["split"].isin({params.evaluate.split, "validation"})
    runs = len(runs_under(all_conditions(params.evaluate), params.evaluate.trials))
    once = model.run + model.run_clip * float(count[scored].sum())
    yield Stage(f"evaluate@{name}", runs * once * turns, 0.0)


# ------------------------------------------------------------------ how much there is


def pictures(table: pd.DataFrame) -> float:
    """Pictures of all media files; parts of a file are found once, to the end of the last part.

    >>> facts = {"path": ["a", "a", ""], "side": "", "person": ""}
    >>> spans = {"start": [0.0, 5.0, 0.0], "seconds": [4.0, 5.0, 9.0], "rate": 30.0}
    >>> pictures(pd.DataFrame({**facts, **spans, "has_video": True}))
    300.0
    """
    shown = table[(table["path"] != "") & table["has_video"]]
    return float((_ends(shown, ["path", "side", "person"]) * shown["rate"]).sum())


def sound(table: pd.DataFrame) -> float:
    """Seconds of sound of all media files."""
    return float(_ends(table[(table["path"] != "") & table["has_audio"]], ["path"]).sum())


def _ends(table: pd.DataFrame, same: list[str]) -> pd.Series:
    """Where the last part of each file ends, at one of its rows; 0 at the others."""
    ends = (table["start"] + table["seconds"]).groupby([table[name] for name in same])
    return ends.transform("max").where(~table.duplicated(same), 0.0)


def frames(table: pd.DataFrame) -> pd.Series:
    """Frames of every item."""
    rate = table["rate"].where(table["rate"] > 0, AUDIO_ONLY_RATE)
    return (table["seconds"] * rate).clip(lower=1.0)


def clips(table: pd.DataFrame, task: Task, clip_frames: int) -> pd.Series:
    """Clips of every item; where a sequence has one label, its share of a clip, or several."""
    count = frames(table) / clip_frames
    return count.map(np.ceil) if task.level == "frame" else count


def _amount(params: Params, table: pd.DataFrame, name: str) -> float:
    stream = params.streams[name]
    if stream.extractor == "given":
        return float(table["seconds"].sum())
    return pictures(table) if stream.modality == "video" else sound(table)
