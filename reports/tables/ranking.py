"""The first table of the page: models by their robustness area."""

from collections.abc import Collection
from html import escape

import pandas as pd

from features.task import Task
from reports.numbers.schema import (
    AUDIO_GONE,
    HEADLINES,
    INTACT,
    MEAN,
    VIDEO_GONE,
    WORST_DROP,
)
from reports.numbers.summary import Summary, overall_target
from reports.tables.conditions import headline_columns
from reports.tables.markup import header, scrollable, stub, td, th
from reports.tables.significance import intervals, marks

CROSS = ", cross-corpus"
"""After the rank of a model that has learnt from another corpus."""
ORDER = (MEAN, INTACT, WORST_DROP, VIDEO_GONE, AUDIO_GONE)


def ranking_table(
    summary: Summary,
    task: Task,
    significance: pd.DataFrame,
    reference: str | None,
    elsewhere: Collection[str] = (),
) -> str:
    """The headline numbers of all targets, a row per model, the best first.

    Where there is one reference, and differences of the area from it have an interval, they have a
    column of their own; those of the other numbers are in `significance_table`.

    Args:
        summary: of the run.
        task: its targets.
        significance: `Results.significance`.
        reference: `Results.reference`.
        elsewhere: models that have learnt from another corpus, whose rows are marked.
    """
    target = overall_target(task)
    of_all = summary.headlines[summary.headlines["target"] == target]
    columns = dict(zip(ORDER, headline_columns(of_all, ORDER, marks(significance)), strict=True))
    known = {} if reference is None else intervals(significance, MEAN)

    def cells(model: str) -> str:
        row = ""
        for name, column in columns.items():
            row += column.cell(model, target)
            if name == MEAN and known:
                row += td(known.get((model, target), "–"), False)
        return row

    head, foot = "", ""
    for name, column in columns.items():
        head += th(HEADLINES[name], True)
        foot += td(column.counts, True)
        if name == MEAN and known:
            head += th(f"against {escape(str(reference))}, 95 %", False)
            foot += td("", False)
    ranks = {model: str(rank) for rank, model in enumerate(summary.ranking, start=1)}
    ranks |= {model: f"{ranks[model]}{CROSS}" for model in elsewhere if model in ranks}
    body = "".join(
        f"<tr>{stub(model, rank, True)}{cells(model)}</tr>" for model, rank in ranks.items()
    )
    corner = '<th scope="row" class="stub">n</th>'
    return scrollable(
        f"{header([head])}<tbody>{body}</tbody><tfoot><tr>{corner}{foot}</tr></tfoot>"
    )
