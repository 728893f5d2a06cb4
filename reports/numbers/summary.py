"""What the tables and figures of a run show of its results."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from features.task import Task
from models.evaluation.registry import metrics_of
from reports.numbers.items import mean_videos, shown_traces
from reports.numbers.means import conditions, headline, imputed, intact_metrics, losses
from reports.numbers.named import focus_of, named_means
from reports.numbers.results import Results
from reports.numbers.schema import MEAN
from reports.numbers.words import overall_target


@dataclass(frozen=True)
class Summary:
    """What the tables and figures of a run show.

    Attributes:
        conditions: what `conditions` returned for the primary metric, of the conditions that
            `losses` returned.
        imputed: what `imputed` returned for the primary metric.
        headlines: what `headline` returned for the primary metric.
        ranking: what `ranking` returned.
        named: what `named_means` returned.
        focus: what `focus_of` returned.
        intact: what `intact_metrics` returned.
        videos: what `mean_videos` returned; no rows for a task of sequences.
        traces: what `shown_traces` returned; none for a task of sequences.
    """

    conditions: pd.DataFrame
    imputed: pd.DataFrame
    headlines: pd.DataFrame
    ranking: tuple[str, ...]
    named: pd.DataFrame
    focus: tuple[str, ...]
    intact: pd.DataFrame
    videos: pd.DataFrame
    traces: dict[str, pd.DataFrame]


def summarise(results: Results) -> Summary:
    """Summarise a run."""
    metrics = metrics_of(results.task)
    metric = metrics[0]
    is_of_frames = results.task.level == "frame"
    every = conditions(results.evaluation, metric)
    headlines = headline(results.evaluation, metric)
    named = named_means(results)
    ranked = ranking(headlines, results.models, overall_target(results.task))
    return Summary(
        conditions=losses(every),
        imputed=imputed(every),
        headlines=headlines,
        ranking=ranked,
        named=named,
        focus=focus_of(results, named),
        intact=intact_metrics(results.evaluation, metrics),
        videos=mean_videos(results.videos, metric) if is_of_frames else pd.DataFrame(),
        traces=shown_traces(results.traces) if is_of_frames else {},
    )


def ranking(headlines: pd.DataFrame, models: Sequence[str], target: str) -> tuple[str, ...]:
    """Models by their robustness area, the best first.

    Args:
        headlines: what `headline` returned.
        models: all of them; this order decides between equals, and those without an area are last.
        target: of which the area is taken.
    """
    area = headlines[(headlines["headline"] == MEAN) & (headlines["target"] == target)]
    values = area.set_index("model")["value"].reindex(list(models))
    return tuple(values.sort_values(ascending=False, kind="stable", na_position="last").index)


def nested_metrics(
    summary: Summary, models: Sequence[str], task: Task
) -> dict[str, dict[str, dict[str, float]]]:
    """The numbers of a run as nested dictionaries: model, target, name.

    Args:
        summary: of the run.
        models: in this order; every one is there, if need be with nothing.
        task: its metrics.

    Returns:
        Values rounded to 4 digits: the primary metric by `headline`, for each target and for their
        `mean`; the other metrics by their names, on intact input. A number that does not exist
        has no key.
    """
    is_primary = summary.intact["metric"] == metrics_of(task)[0]
    numbers = pd.concat(
        [
            summary.headlines.rename(columns={"headline": "name"}),
            summary.intact[~is_primary].rename(columns={"metric": "name"}),
        ]
    )
    nested: dict[str, dict[str, dict[str, float]]] = {model: {} for model in models}
    rows = numbers.dropna(subset="value")[["model", "target", "name", "value"]]
    for model, target, name, value in rows.itertuples(index=False, name=None):
        nested[model].setdefault(target, {})[name] = round(value, 4)
    return nested
