"""What the stage windows makes of every item: its frames, and the rows that its steps look at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import CorpusItem
from features.errors import InputError
from features.extractors.joined import parts_of
from features.extractors.settings import StreamSettings
from features.stores.streams import StreamStore
from features.stores.windows import Steps, Windowed, WindowedStream
from features.task import Task
from features.windows.clocks import NO_ROW, Clock, context_offsets, frames_at
from features.windows.frames import frames_of, labels_of_frames
from features.windows.normaliser import Normaliser
from features.windows.sources import Sources, clock_of
from features.windows.timeline import Timeline

# ------------------------------------------------------------------ steps


def steps_of(item: CorpusItem, timeline: Timeline, name: str, sources: Sources) -> Steps:
    """The steps of an item in a stream: which rows they look at, and what is present."""
    settings = sources.settings[name]
    first, *more = (sources.stores[part] for part in parts_of(name, sources.settings))
    clock = clock_of(first, item.item)
    present, companions = first.present(item.item), []
    for store in more:
        # The row of another part that goes with each row of the first one.
        rows = clock_of(store, item.item).rows_at(clock.centres())
        present = present | values_at(store.present(item.item), rows)
        companions.append(rows)
    if settings.align == "frames":
        at = timeline.shown if settings.modality == "video" else timeline.centres
        row, frame = clock.rows_at(at), np.arange(len(at), dtype=np.int32)
    else:
        at, row, frame = _steps_of_its_own(item, timeline, clock, settings.spread)
    offsets = context_offsets(settings.context_seconds, centred=settings.context == "centred")
    no_companion = np.zeros((len(present), 0), np.int32)
    return Steps(
        # (N, steps)
        index=clock.rows_at(at[:, None] + offsets) if settings.context_seconds else row[:, None],
        present=values_at(present, row),
        frame=frame,
        others=np.stack(companions, axis=1) if companions else no_companion,
    )


def _steps_of_its_own(
    item: CorpusItem, timeline: Timeline, clock: Clock, spread: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """The second, row and frame of each step of a stream at its own rate, (N,) each."""
    centres = clock.centres()
    rows = np.arange(len(centres), dtype=np.int32)
    # Of an item that is part of a file, the rows of that part.
    end = np.inf if np.isnan(item.end) else item.end
    if item.start > 0 or end < np.inf:
        rows = rows[(centres >= item.start) & (centres < end)]
    if spread is not None and len(rows):
        rows = rows[evenly(len(rows), spread)]
    at = centres[rows]
    return at, rows, frames_at(timeline.times, at)


def evenly(count: int, chosen: int) -> NDArray[np.int64]:
    """The middle one of each of `chosen` equal parts of `count` rows, (chosen,).

    As Chumachenko et al.'s published code chooses 15 of 108 pictures; of fewer some come twice.

    >>> evenly(108, 15)[:4].tolist(), evenly(2, 3).tolist()
    ([3, 10, 17, 24], [0, 0, 1])
    """
    return np.arange(chosen) * count // chosen + count // (2 * chosen)


def values_at(values: NDArray[np.bool_], rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """The values of rows (T,) by their index; false where that is −1.

    >>> values_at(np.array([True, False]), np.array([0, 1, -1, 0])).tolist()
    [True, False, False, True]
    """
    return np.append(values, False)[rows]


# ------------------------------------------------------------------ items


def windowed(
    item: CorpusItem, labels: pd.DataFrame | None, task: Task, sources: Sources
) -> Windowed:
    """One item of the windows store.

    Raises:
        InputError: it has no frame.
    """
    timeline = frames_of(item, labels, sources)
    values, valid = labels_of_frames(labels, timeline, task)
    nothing = np.zeros(len(timeline.times), np.bool_)
    picture = face = sound = voice = nothing
    if (audio := sources.first("audio")) is not None:
        rows = clock_of(audio, item.item).rows_at(timeline.centres)
        sound = values_at(audio.present(item.item), rows)
        voice = values_at(audio.voice(item.item), rows)
    if (video := sources.first("video")) is not None:
        picture = ~np.isnan(timeline.shown)
        face = values_at(
            video.present(item.item), clock_of(video, item.item).rows_at(timeline.shown)
        )
    arrays: dict[str, NDArray[Any]] = {
        "times": timeline.times,
        "labels": values,
        "valid": valid,
        "decoded": timeline.decoded,
        "picture": picture,
        "face": face,
        "sound": sound,
        "voice": voice,
    }
    streams = {name: steps_of(item, timeline, name, sources) for name in sources.settings}
    return Windowed(arrays, streams)


def looked_at(item: CorpusItem, steps: Steps, rows: int) -> slice:
    """The rows of a stream that belong to an item: all of its file, or those that a part looks at.

    Args:
        item: the item.
        steps: its steps in the stream.
        rows: of the file.
    """
    if item.start == 0 and np.isnan(item.end):
        return slice(0, rows)
    looked = steps.index[steps.index != NO_ROW]
    return slice(int(looked.min()), int(looked.max()) + 1) if looked.size else slice(0, 0)


def fit_normaliser(
    store: StreamStore, training: Iterable[tuple[CorpusItem, Steps]]
) -> Normaliser | None:
    """Fit to the rows of a stream that are present in the train split; None where none is."""

    def present_rows() -> Iterable[NDArray[np.float32]]:
        for item, steps in training:
            rows = store.rows(item.item)
            part = looked_at(item, steps, len(rows))
            yield rows[part][store.present(item.item)[part]]

    with_rows = (rows for rows in present_rows() if len(rows))
    first = next(with_rows, None)
    return None if first is None else Normaliser.fit(chain([first], with_rows))


def windows_of_corpus(
    items: Sequence[CorpusItem],
    labels: Mapping[str, pd.DataFrame],
    task: Task,
    sources: Sources,
    say: Callable[[str], None],
) -> tuple[dict[str, Windowed], dict[str, WindowedStream]]:
    """All items, and what is common to them in every stream.

    Raises:
        InputError: an item has no frame, or streams do not fit the corpus's task.
    """
    check_alignment(task, sources.settings)
    windows = {item.item: windowed(item, labels.get(item.item), task, sources) for item in items}
    training = [item for item in items if item.split == "train"]
    fitted: dict[str, Normaliser | None] = {}
    for name, store in sources.stores.items():
        fitted[name] = None
        if sources.settings[name].normalise:
            pairs = ((item, windows[item.item].streams[name]) for item in training)
            fitted[name] = fit_normaliser(store, pairs)
            if fitted[name] is None:
                say(f"no {name} in the train split: its features are not z-normed")
    streams = {name: windowed_stream(name, sources, fitted) for name in sources.settings}
    return windows, streams


def windowed_stream(
    name: str, sources: Sources, fitted: Mapping[str, Normaliser | None]
) -> WindowedStream:
    """What is common to all items in a stream.

    Args:
        name: of the stream.
        sources: what the windows are made of.
        fitted: normaliser of every stream that has rows; None where they are taken as they are.
    """
    settings, parts = sources.settings[name], parts_of(name, sources.settings)
    offsets = context_offsets(settings.context_seconds, centred=settings.context == "centred")
    return WindowedStream(
        modality=settings.modality,
        parts=parts,
        width=sum(sources.stores[part].width for part in parts),
        steps=len(offsets),
        column=int(np.abs(offsets).argmin()),
        align=settings.align,
        normaliser=tuple(fitted[part] for part in parts),
    )


def check_alignment(task: Task, settings: Mapping[str, StreamSettings]) -> None:
    """Refuse streams at their own rate where every frame has a label.

    Raises:
        InputError: names the stream.
    """
    for name, stream in settings.items():
        if stream.align == "none" and task.level == "frame":
            raise InputError(
                f"streams.{name}.align is none, and the corpus has labels of every frame",
                "set it to frames: a stream at its own rate is for labels of sequences",
            )
