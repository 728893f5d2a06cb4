"""Models by their robustness area, with the numbers that stand for them."""

from collections.abc import Collection

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
from reports.numbers.summary import Summary
from reports.numbers.words import overall_target, target_titles
from reports.tables.conditions import headline_columns
from reports.tables.markup import header, scrollable, stub, td, th
from reports.tables.significance import marks

CROSS = ", cross-corpus"
"""After the rank of a model that has learnt from another corpus."""
ORDER = (MEAN, INTACT, WORST_DROP, VIDEO_GONE, AUDIO_GONE)


def ranking_table(
    summary: Summary, task: Task, significance: pd.DataFrame, elsewhere: Collection[str] = ()
) -> str:
    """The headline numbers, a row per model and target, the best first.

    Where there are several targets, their mean is the first row of a model.

    Args:
        summary: of the run.
        task: its targets.
        significance: `Results.significance`.
        elsewhere: models that have learnt from another corpus, whose rows are marked.
    """
    columns = headline_columns(summary.headlines, ORDER, marks(significance))
    head = "".join(th(HEADLINES[name], True) for name in ORDER)
    foot = "".join(td(column.counts, True) for column in columns)
    targets = target_titles(task)
    ranks = {model: str(rank) for rank, model in enumerate(summary.ranking, start=1)}
    ranks |= {model: f"{ranks[model]}{CROSS}" for model in elsewhere if model in ranks}
    bodies = ""
    for model, rank in ranks.items():
        rows = {overall_target(task): rank}
        if len(targets) > 1:
            rows = {MEAN: f"{rank}, mean", **targets}
        lines = "".join(
            f"<tr>{stub(model, title, i == 0)}"
            f"{''.join(column.cell(model, target) for column in columns)}</tr>"
            for i, (target, title) in enumerate(rows.items())
        )
        bodies += f"<tbody>{lines}</tbody>"
    corner = '<th scope="row" class="stub">n</th>'
    return scrollable(f"{header([head])}{bodies}<tfoot><tr>{corner}{foot}</tr></tfoot>")
