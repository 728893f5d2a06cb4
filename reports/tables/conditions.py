"""The tables of a run's own numbers, as HTML."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from features.task import Task
from models.evaluation.conditions import EQUAL
from models.evaluation.registry import METRICS, SUBSETS, metrics_of
from models.settings.evaluation import FILLS
from reports.numbers.protocols import OTHER_MODALITY
from reports.numbers.schema import ALL, EVALUATED_INPUTS, LOSERS, MEAN, NONE, WORST_DROP
from reports.numbers.words import (
    capitalised,
    lost_title,
    overall_target,
    primary_metric,
    strategy_place,
    strategy_title,
    target_titles,
)
from reports.tables.markup import (
    NumberColumn,
    folded,
    measures_of,
    model_table,
    shades_of,
    spanning,
    th,
)
from reports.tables.significance import Marks

OTHER_TITLES = {"gone": "The other modality gone", "noise": "The other modality noise"}
SUBSET_TITLES = {ALL: "All labels", **SUBSETS}


class LossColumn(NamedTuple):
    """A condition under which something is lost; a column, or some.

    Attributes:
        modality: what loses.
        strategy: how.
        burst: mean length of a burst in frames; 0 for other strategies.
        unit: what is lost of a frame.
        drawn: whether every trial draws anew.
        rates: of sound and picture where they differ.
        p: what is lost.
    """

    modality: str
    strategy: str
    burst: float
    unit: str
    drawn: str
    rates: str
    p: float

    @property
    def kind(self) -> tuple[str, ...]:
        """What conditions have in common that differ in p alone."""
        return self.modality, self.strategy, str(self.burst), self.unit, self.drawn

    @property
    def title(self) -> str:
        """How it is lost."""
        unit = "" if self.unit == "window" else "rows lost"
        drawn = "" if self.drawn == "anew" else "drawn once"
        title = strategy_title(self.strategy, self.burst)
        return ", ".join(filter(None, (title, unit, drawn)))

    @property
    def share(self) -> str:
        """What is lost of it."""
        return f"p = {f'{self.p:g}' if self.rates == EQUAL else self.rates}"


def conditions_table(conditions: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """A table for every way of losing: a row per model and target, a column per p.

    The first stands open, the others are folded behind what they hold.

    Args:
        conditions: what `means.losses` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    shades = shades_of(conditions["value"].dropna())
    kinds: dict[tuple[str, ...], list[tuple[LossColumn, pd.DataFrame]]] = {}
    for loss, rows in _by_loss(conditions).items():
        kinds.setdefault(loss.kind, []).append((loss, rows))
    tables: list[str] = []
    for grid in kinds.values():
        columns = [NumberColumn(measures_of(rows), starts=False, heat=shades) for _, rows in grid]
        head = ["".join(th(loss.share, False) for loss, _ in grid)]
        first, _ = grid[0]
        title = f"{lost_title(first.modality)}: {first.title}"
        tables.append(
            folded(title, model_table(columns, models, _row_names(task), head), is_open=not tables)
        )
    return "".join(tables)


def imputation_table(imputed: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """What stands in for lost frames, side by side for every condition.

    Args:
        imputed: what `means.imputed` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    rows = _by_loss(imputed)
    fills = [fill for fill in FILLS if fill in {NONE, *imputed["fill"]}]
    grid = [loss for loss in rows for _ in fills]
    head = [
        _losing(grid),
        spanning(
            [f"{loss.title}, {loss.share}" for loss in grid],
            grid,
        ),
        "".join(th(FILLS[fill], fill == fills[0]) for _ in rows for fill in fills),
    ]
    columns = [
        NumberColumn(measures_of(table[table["fill"] == fill]), fill == fills[0])
        for table in rows.values()
        for fill in fills
    ]
    return model_table(columns, models, _row_names(task), head)


def headline_columns(
    headlines: pd.DataFrame, names: Sequence[str], marks: Marks
) -> list[NumberColumn]:
    """A column for each of some headline numbers."""
    return [
        NumberColumn(
            measures_of(headlines[headlines["headline"] == name]),
            starts=True,
            lower_is_better=name == WORST_DROP,
            marks=marks.get(name, {}),
        )
        for name in names
    ]


def intact_table(intact: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Every metric but the primary one on intact input, a row per model and target.

    Args:
        intact: what `summary.intact` returned.
        models: rows from top to bottom.
        task: its targets and metrics.
    """
    _, *names = metrics_of(task)
    columns = [
        NumberColumn(
            measures_of(intact[intact["metric"] == name]), True, METRICS[name].lower_is_better
        )
        for name in names
    ]
    head = ["".join(th(capitalised(METRICS[name].title), True) for name in names)]
    return model_table(columns, models, target_titles(task), head)


def one_modality_table(table: pd.DataFrame, models: Sequence[str], task: Task, metric: str) -> str:
    """Both modalities, only sound, only picture, and their mean; of all targets.

    Args:
        table: what `protocols.one_modality` returned.
        models: rows from top to bottom.
        task: its targets.
        metric: that was measured.
    """
    names = [name for name in OTHER_MODALITY.values() if name in set(table["other"])]
    grid = [(name, source) for name in names for source in EVALUATED_INPUTS]
    columns = [
        NumberColumn(
            measures_of(table[(table["other"] == name) & (table["input"] == source)]),
            source == EVALUATED_INPUTS[0],
            METRICS[metric].lower_is_better,
        )
        for name, source in grid
    ]
    head = [
        spanning([OTHER_TITLES[name] for name, _ in grid], [name for name, _ in grid]),
        "".join(th(source, source == EVALUATED_INPUTS[0]) for _, source in grid),
    ]
    return model_table(columns, models, {overall_target(task): ""}, head)


def natural_table(table: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Intact input, scored apart by what was there in the recording.

    Args:
        table: what `protocols.natural_losses` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    labels = dict(zip(table["subset"], table["labels"], strict=True))
    subsets = [name for name in SUBSET_TITLES if name in labels]
    columns = [NumberColumn(measures_of(table[table["subset"] == name]), True) for name in subsets]
    head = [
        "".join(th(f"{SUBSET_TITLES[name]} ({labels[name]:,})", True) for name in subsets),
    ]
    return model_table(columns, models, _row_names(task) | _mean(task), head)


def _by_loss(table: pd.DataFrame) -> dict[LossColumn, pd.DataFrame]:
    """The rows of each condition, in the order of the columns."""
    groups: dict[Any, pd.DataFrame] = dict(list(table.groupby(list(LossColumn._fields))))
    rows = {LossColumn(*key): group for key, group in groups.items()}
    order = sorted(
        rows,
        key=lambda loss: (
            LOSERS.index(loss.modality),
            strategy_place(loss.strategy),
            loss.unit != "window",
            loss.drawn,
            loss.burst,
            loss.p,
            loss.rates,
        ),
    )
    return {loss: rows[loss] for loss in order}


def _losing(grid: Sequence[LossColumn]) -> str:
    modalities = [loss.modality for loss in grid]
    return spanning([lost_title(modality) for modality in modalities], modalities)


def _starts(groups: Sequence[object]) -> list[bool]:
    """Where another group begins."""
    return [i == 0 or group != groups[i - 1] for i, group in enumerate(groups)]


def _row_names(task: Task) -> dict[str, str]:
    """The title of each target's row; of classes, that of the metric."""
    return {
        target: title or primary_metric(task).title for target, title in target_titles(task).items()
    }


def _mean(task: Task) -> dict[str, str]:
    return {MEAN: "Mean"} if len(task.targets) > 1 else {}
