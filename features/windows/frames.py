"""The frames of every item, and their labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.item import TIME
from features.corpora.labels import labels_of
from features.corpora.listing import CorpusItem
from features.errors import InputError
from features.task import Task
from features.windows.sources import Sources
from features.windows.timeline import (
    Timeline,
    timeline_of,
    timeline_of_rows,
    timeline_without_pictures,
)


def frames_of(item: CorpusItem, labels: pd.DataFrame | None, sources: Sources) -> Timeline:
    """The frames of an item, or, where it is part of a file, those of its part.

    Raises:
        InputError: it has none.
    """
    end = np.inf if np.isnan(item.end) else item.end
    timeline = _frames_of_file(item, labels, sources)
    if item.start > 0 or end < np.inf:
        timeline = timeline.part(item.start, end)
    if not len(timeline.times):
        raise InputError(
            f"{item.item} has no frame between its start and its end",
            "correct them, or name it in corpus.exclude",
        )
    return timeline


def _frames_of_file(item: CorpusItem, labels: pd.DataFrame | None, sources: Sources) -> Timeline:
    sound = sources.first("audio")
    heard = sound.span(item.item) if sound is not None else None
    pictures = np.zeros(0) if sources.pictures is None else sources.pictures(item.item)
    if len(pictures) == 1 and sources.gives_features and sound is not None and heard is not None:
        # One row for the whole item: the sound's frames, all of which show it.
        timeline = timeline_without_pictures(*heard)
        if sources.is_given("audio"):
            timeline = timeline_of_rows(sound.times(item.item))
        return replace(timeline, shown=np.full(len(timeline.times), pictures[0]))
    if len(pictures):
        extents = [] if not heard or not heard[1] else [(heard[0], heard[0] + heard[1])]
        extents += _extent_of_labels(labels)
        return timeline_of(pictures, extents, sources.hold)
    if sound is not None and sources.gives_features:
        return timeline_of_rows(sound.times(item.item))
    if heard is None:  # no stream hears: as long as the container says
        heard = (0.0, item.start + item.seconds)
    return timeline_without_pictures(*heard)


def _extent_of_labels(labels: pd.DataFrame | None) -> list[tuple[float, float]]:
    """First and last second of labels over time; none where rows follow the frames."""
    if labels is None or labels.empty or labels[TIME].isna().any():
        return []
    at = labels[TIME].to_numpy()
    step = float(np.median(np.diff(at))) if len(at) > 1 else 0.0
    return [(float(at[0]), float(at[-1]) + step)]


def labels_of_frames(
    labels: pd.DataFrame | None, timeline: Timeline, task: Task
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The labels of an item's frames, or its one label, and which of them count.

    Labels with a row per frame count decoded pictures only.
    """
    follows = labels is not None and len(labels) > 0 and labels[TIME].isna().any()
    if task.level == "sequence" or not follows or timeline.decoded.all():
        return labels_of(labels, timeline.times, task)
    of_decoded, counts = labels_of(labels, timeline.times[timeline.decoded], task)
    values = np.zeros((len(timeline.times), len(task.outputs)), np.float32)
    valid = np.zeros(len(timeline.times), np.bool_)
    values[timeline.decoded], valid[timeline.decoded] = of_decoded, counts
    return values, valid
