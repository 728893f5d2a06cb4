"""Means, standard deviations and counts of what the evaluations measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.results import Results
from reports.task import Task

INTACT, VIDEO_GONE, AUDIO_GONE, MEAN = "intact", "video_gone", "audio_gone", "mean"
HEADLINES = (INTACT, VIDEO_GONE, AUDIO_GONE, MEAN)
CONDITION = ["modality", "strategy", "p"]
TRACE_ITEMS, TRACE_SECONDS = 3, 60.0


@dataclass(frozen=True)
class Summary:
    """What the tables and figures of a run show.

    Attributes:
        conditions: what `conditions` returned for the primary metric.
        headlines: what `headline` returned for the primary metric.
        intact: what `intact` returned.
        videos: what `mean_videos` returned; no rows for a task of sequences.
        traces: what `shown_traces` returned; none for a task of sequences.
    """

    conditions: pd.DataFrame
    headlines: pd.DataFrame
    intact: pd.DataFrame
    videos: pd.DataFrame
    traces: dict[str, pd.DataFrame]


def summarise(results: Results) -> Summary:
    """Summarise a run."""
    metric, *_ = results.task.metrics
    is_of_frames = results.task.level == "frame"
    return Summary(
        conditions=conditions(results.evaluation, metric),
        headlines=headline(results.evaluation, metric),
        intact=intact(results.evaluation, results.task.metrics),
        videos=mean_videos(results.videos, metric) if is_of_frames else pd.DataFrame(),
        traces=shown_traces(results.traces) if is_of_frames else {},
    )


def conditions(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of a metric for every model under every condition.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        One row per model, modality, strategy, p and target, with `value` (mean over seeds and
        trials), `sd` (sample standard deviation over the same values, NaN for one) and `n` (their
        number). A value that is undefined (NaN) is left out of all three.
    """
    groups = evaluation.groupby(["model", *CONDITION, "target"], sort=False)[metric]
    return groups.agg(value="mean", sd="std", n="count").reset_index()


def headline(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Four numbers per model and target: the two modalities there, one gone, the mean.

    `intact` is p = 0; `video_gone` and `audio_gone` are clip_zero at p = 1; `mean` is over the
    conditions of the run (each once, whatever its trials), and left out for a model that lacks one.
    Where there are several targets, `mean` is one more: their mean, taken for each seed.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        One row per model, target and `headline`, with `value` (mean over seeds of the seed's mean
        over trials), `sd` (over seeds) and `n` (seeds).
    """
    by = ["model", "seed", "target"]
    cell = evaluation.groupby([*by, *CONDITION], sort=False)[metric].mean().reset_index()
    if cell["target"].nunique() > 1:
        cell = pd.concat([cell, _mean_of_targets(cell, metric)], ignore_index=True)
    gone = cell[(cell["strategy"] == "clip_zero") & (cell["p"] == 1)]
    whole = cell.groupby(by)[metric].transform("count") == len(cell.drop_duplicates(CONDITION))
    parts = {
        INTACT: cell[cell["p"] == 0],
        VIDEO_GONE: gone[gone["modality"] == "video"],
        AUDIO_GONE: gone[gone["modality"] == "audio"],
        MEAN: cell[whole],
    }
    return pd.concat(
        [_over_seeds(part, metric).assign(headline=name) for name, part in parts.items()],
        ignore_index=True,
    )


def _mean_of_targets(cell: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row `mean` for each model, seed and condition; undefined where a target is."""
    by_target = cell.pivot(index=["model", "seed", *CONDITION], columns="target", values=metric)
    means = by_target.mean(axis=1, skipna=False)
    return means.rename(metric).reset_index().assign(target=MEAN)


def intact(evaluation: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Every metric on intact input (p = 0).

    Args:
        evaluation: rows of `Results.evaluation`.
        metrics: which of its columns.

    Returns:
        One row per model, target and `metric`, with `value`, `sd` and `n` as in `headline`.
    """
    rows = evaluation[evaluation["p"] == 0]
    return pd.concat(
        [_over_seeds(rows, metric).assign(metric=metric) for metric in metrics], ignore_index=True
    )


def _over_seeds(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean, deviation and count over seeds, by model and target, of each seed's mean."""
    per_seed = rows.groupby(["model", "seed", "target"], sort=False)[metric].mean()
    groups = per_seed.groupby(["model", "target"], sort=False)
    return groups.agg(value="mean", sd="std", n="count").reset_index()


def metrics(
    summary: Summary, models: Sequence[str], task: Task
) -> dict[str, dict[str, dict[str, float]]]:
    """The numbers of a run as nested dictionaries: model, target, name.

    Args:
        summary: of the run.
        models: in this order; every one is there, if need be with nothing.
        task: its metrics.

    Returns:
        Values rounded to 4 digits: the primary metric by `headline`, for each target and for their
        `mean`; the other metrics by their own names, on intact input. A number that does not exist
        has no key.
    """
    primary, *_ = task.metrics
    others = summary.intact[summary.intact["metric"] != primary]
    numbers = pd.concat(
        [
            summary.headlines.rename(columns={"headline": "name"}),
            others.rename(columns={"metric": "name"}),
        ]
    )
    nested: dict[str, dict[str, dict[str, float]]] = {model: {} for model in models}
    rows = numbers.dropna(subset="value")[["model", "target", "name", "value"]]
    for model, target, name, value in rows.itertuples(index=False, name=None):
        nested[model].setdefault(target, {})[name] = round(value, 4)
    return nested


def mean_videos(videos: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of every video as `value`, by model, item and target; undefined ones dropped.

    Args:
        videos: rows of `Results.videos` of a task of frames; the mean is over its seeds.
        metric: which of its columns.
    """
    groups = videos.groupby(["model", "item", "target"], sort=False)[metric]
    return groups.mean().dropna().rename("value").reset_index()


def mean_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """`annotated` and `predicted` of every sequence: mean over seeds by model, item and target.

    Args:
        predictions: rows of `Results.videos` of a task of sequences.
    """
    groups = predictions.groupby(["model", "item", "target"], sort=False)
    return groups[["annotated", "predicted"]].mean().dropna().reset_index()


def confusion(
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
