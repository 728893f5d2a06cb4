"""The tables of the page, as HTML."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

import pandas as pd

from reports.results import MODALITIES, STRATEGIES
from reports.style import MODALITY_NAMES, STRATEGY_NAMES
from reports.summary import CONDITION, HEADLINES, MEAN
from reports.task import METRICS, Task

HEADLINE_NAMES = {
    "intact": "Intact",
    "video_gone": "Picture gone",
    "audio_gone": "Sound gone",
    "mean": "Mean of all conditions",
}

# What the text of Parthasarathy & Sundaram (2020) states: valence, arousal.
PAPER = (
    ("baseline", "intact", 0.393, 0.522),
    ("baseline", "picture ablated, Frame-Zero, p = 0.95", 0.113, 0.235),
    ("baseline", "picture ablated, Frame-Repeat, p = 0.95", 0.285, 0.410),
    ("picture only", "intact", 0.381, 0.489),
    ("sound only", "intact", -0.060, 0.284),
)


START = ' class="start"'  # a column that begins a group
Measure = tuple[float, float, int]  # mean, standard deviation, count


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        measures: by model and target.
        starts: whether it begins a group of columns.
        lower_is_better: which way they are to be compared.
    """

    measures: dict[tuple[str, str], Measure]
    starts: bool
    lower_is_better: bool = False


def conditions_table(conditions: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Models × conditions: a row per model and target, a column per modality, strategy and p.

    Args:
        conditions: what `summary.conditions` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    rows: dict[Any, pd.DataFrame] = dict(list(conditions.groupby(CONDITION)))
    grid = sorted(rows, key=lambda c: (MODALITIES.index(c[0]), STRATEGIES.index(c[1]), c[2]))
    starts = [i == 0 or c[:2] != grid[i - 1][:2] for i, c in enumerate(grid)]
    head = [
        _spanning([MODALITY_NAMES[modality] for modality, _, _ in grid], [c[:1] for c in grid]),
        _spanning([STRATEGY_NAMES[strategy] for _, strategy, _ in grid], [c[:2] for c in grid]),
        "".join(_th(f"p = {c[2]:g}", start) for c, start in zip(grid, starts, strict=True)),
    ]
    columns = [Column(_measures(rows[c]), start) for c, start in zip(grid, starts, strict=True)]
    return _numbers(columns, models, _row_names(task), head)


def headline_table(headlines: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """The four headline numbers, a row per model and target, and one for the targets' mean.

    Args:
        headlines: what `summary.headline` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    columns = [
        Column(_measures(headlines[headlines["headline"] == name]), True) for name in HEADLINES
    ]
    head = ["".join(_th(HEADLINE_NAMES[name], True) for name in HEADLINES)]
    mean = {MEAN: "Mean"} if len(task.targets) > 1 else {}
    return _numbers(columns, models, _row_names(task) | mean, head)


def intact_table(intact: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Every metric on intact input, a row per model and target.

    Args:
        intact: what `summary.intact` returned.
        models: rows from top to bottom.
        task: its targets and metrics.
    """
    columns = [
        Column(_measures(intact[intact["metric"] == name]), True, METRICS[name].lower_is_better)
        for name in task.metrics
    ]
    head = ["".join(_th(METRICS[name].heading, True) for name in task.metrics)]
    return _numbers(columns, models, task.labels, head)


def paper_table() -> str:
    """The numbers that the paper's text states."""
    rows = "".join(
        f'<tr><th scope="row">{model}</th><td class="words">{condition}</td>'
        + "".join(f'<td class="start">{number(value)}</td>' for value in values)
        + "</tr>"
        for model, condition, *values in PAPER
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Model", "Condition"))
    head += "".join(_th(name, True) for name in ("Valence", "Arousal"))
    return _scrollable(f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>")


def number(value: float) -> str:
    """Three decimals and a true minus sign."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")  # + 0.0: no negative zero


def _row_names(task: Task) -> dict[str, str]:
    """What the rows of a model hold, by target; for classes it is the metric that says it."""
    return {target: name or task.primary.name for target, name in task.labels.items()}


def _measures(table: pd.DataFrame) -> dict[tuple[str, str], Measure]:
    """The defined measures of one column, by model and target."""
    defined = table.dropna(subset="value")[["model", "target", "value", "sd", "n"]]
    return {
        (model, target): (value, sd, n)
        for model, target, value, sd, n in defined.itertuples(index=False, name=None)
    }


def _numbers(
    columns: Sequence[Column],
    models: Sequence[str],
    targets: Mapping[str, str],
    head: Sequence[str],
) -> str:
    """A table of mean ± sd by model and target, the best of each column bold, n below.

    Args:
        columns: from left to right.
        models: rows from top to bottom.
        targets: the rows of each model, with their names.
        head: the cells of each header row, without the corner.
    """

    def cell(column: Column, model: str, target: str) -> str:
        if (model, target) not in column.measures:
            return _td("–", column.starts)
        mean, sd, _ = column.measures[model, target]
        rivals = [other[0] for (_, t), other in column.measures.items() if t == target]
        winner = min(rivals) if column.lower_is_better else max(rivals)
        best = len(rivals) > 1 and round(mean, 3) == round(winner, 3)
        text = f"<b>{number(mean)}</b>" if best else number(mean)
        spread = "" if math.isnan(sd) else f" <small>± {number(sd)}</small>"
        return _td(text + spread, column.starts)

    corner = f'<th scope="col" rowspan="{len(head)}" class="stub">Model</th>'
    header = "".join(f"<tr>{corner * (i == 0)}{row}</tr>" for i, row in enumerate(head))
    body = "".join(
        "<tbody>"
        + "".join(
            f"<tr>{_stub(model, name, i == 0)}{''.join(cell(c, model, t) for c in columns)}</tr>"
            for i, (t, name) in enumerate(targets.items())
        )
        + "</tbody>"
        for model in models
    )
    foot = "".join(_td(_counts(column), column.starts) for column in columns)
    foot = f'<tr><th scope="row" class="stub">n</th>{foot}</tr>'
    return _scrollable(f"<thead>{header}</thead>{body}<tfoot>{foot}</tfoot>")


def _stub(model: str, target: str, is_first: bool) -> str:
    """The header of a row; only the first one of a model shows its name."""
    look = "name" if is_first else "name unseen"
    name = escape(model).replace("_", "_<wbr>")
    return (
        f'<th scope="row" class="stub"><div><span class="{look}">{name}</span> '
        f"<span>{escape(target)}</span></div></th>"
    )


def _spanning(labels: Sequence[str], groups: Sequence[Hashable]) -> str:
    """Header cells, one for each run of equal groups."""
    runs = [list(run) for _, run in groupby(zip(labels, groups, strict=True), lambda pair: pair[1])]
    return "".join(
        f'<th scope="colgroup" colspan="{len(run)}" class="start"><span>{run[0][0]}</span></th>'
        for run in runs
    )


def _th(text: str, starts: bool) -> str:
    return f'<th scope="col"{START * starts}>{text}</th>'


def _td(text: str, starts: bool) -> str:
    return f"<td{START * starts}>{text}</td>"


def _counts(column: Column) -> str:
    """The n of a column, or their range."""
    counts = sorted({n for _, _, n in column.measures.values()})
    return "–".join(str(n) for n in dict.fromkeys([*counts[:1], *counts[-1:]]))


def _scrollable(table: str) -> str:
    """A table in a box of its own that scrolls sideways, by keyboard too."""
    return (
        '<div class="scroll" role="region" aria-label="Table, scrolls sideways" tabindex="0">'
        f"<table>{table}</table></div>"
    )
