"""What is shown of single videos and sequences: scores, predictions and traces."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.task import Task

TRACE_ITEMS, TRACE_SECONDS = 3, 60.0


def mean_videos(videos: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of every video as `value`, by model, item and target; undefined ones dropped.

    Args:
        videos: rows of `Results.videos` of a task of frames; the mean is over its seeds.
        metric: which of its columns.
    """
    groups = videos.groupby(["model", "item", "target"], sort=False)[metric]
    return groups.mean().dropna().rename("value").reset_index()


def mean_speakers(videos: pd.DataFrame, task: Task, metric: str) -> pd.DataFrame:
    """What each speaker is recognised with as `value`, by model, speaker and target.

    Args:
        videos: rows of `Results.videos`; the mean is over items and seeds.
        task: of frames, where it is the metric within an item; of sequences, where it is the share
            that is right for classes, else the absolute error.
        metric: a column of a task of frames.
    """
    if task.level == "frame":
        value = videos[metric]
    elif task.kind == "classification":
        value = (videos["annotated"] == videos["predicted"]).astype(float)
    else:
        value = (videos["annotated"] - videos["predicted"]).abs()
    groups = videos.assign(value=value).groupby(["model", "speaker", "target"], sort=False)
    return groups["value"].mean().dropna().reset_index()


def mean_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """`annotated` and `predicted` of every sequence: mean over seeds by model, item and target.

    Args:
        predictions: rows of `Results.videos` of a task of sequences.
    """
    groups = predictions.groupby(["model", "item", "target"], sort=False)
    return groups[["annotated", "predicted"]].mean().dropna().reset_index()


def confusion_matrices(
    predictions: pd.DataFrame, models: Sequence[str], classes: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Confusion matrix of every model, summed over seeds.

    Args:
        predictions: rows of `Results.videos` of a classification.
        models: which to count.
        classes: C names.

    Returns:
        By model (C, C): how many of the class of the row were taken for that of the column.
    """
    index, size = pd.Index(classes), len(classes)
    rows = predictions.assign(
        **{c: index.get_indexer(pd.Index(predictions[c])) for c in ("annotated", "predicted")}
    )
    flat = (rows["annotated"] * size + rows["predicted"]).groupby(rows["model"])
    return {
        model: np.bincount(flat.get_group(model), minlength=size**2).reshape(size, size)
        for model in models
    }


def shown_traces(traces: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The traces to draw: the items in which face and sound come and go the most.

    They are chosen by the variance of the two presence flags over the first `TRACE_SECONDS`, not
    by any prediction.

    Args:
        traces: rows of `Results.traces`.

    Returns:
        For up to `TRACE_ITEMS` items the rows of their first `TRACE_SECONDS`.
    """
    start = traces.groupby("item")["time"].transform("min")
    early = traces[traces["time"] - start < TRACE_SECONDS]
    flags = early.groupby("item")[["face_present", "sound_present"]]
    varied = flags.var(ddof=0).sum(axis=1).sort_values(ascending=False, kind="stable")
    return {str(item): early[early["item"] == item] for item in varied.index[:TRACE_ITEMS]}
