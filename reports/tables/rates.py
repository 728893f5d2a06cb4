"""What is left of models over all rates of loss, in one number a curve."""

from collections.abc import Sequence

import pandas as pd

from features.task import Task
from reports.numbers.schema import LOSERS
from reports.numbers.words import capitalised, lost_title, strategy_title, target_titles
from reports.tables.markup import NumberColumn, measures_of, model_table, spanning, th

NUMBERS = {"auilc": "AUILC", "mean": "Mean of rates"}
UNITS = {"window": "whole vectors", "signal": "rows of the signal"}


def rates_table(table: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """A row per model and target; of every curve its area and its mean.

    Args:
        table: what `protocols.rate_curves` returned.
        models: rows from top to bottom.
        task: its targets.
    """
    names = ["strategy", "modality", "unit"]
    found = sorted(
        table[names].drop_duplicates().itertuples(index=False, name=None),
        key=lambda kind: (LOSERS.index(kind[1]), kind[0], kind[2] != "window"),
    )
    grid = [(kind, number) for kind in found for number in NUMBERS]
    kinds = [kind for kind, _ in grid]
    titles = [
        f"{lost_title(modality)}, {strategy_title(strategy)}, {UNITS[unit]}"
        for strategy, modality, unit in kinds
    ]
    first, *_ = NUMBERS
    head = [
        spanning(titles, kinds),
        "".join(th(NUMBERS[number], number == first) for _, number in grid),
    ]
    columns = []
    for kind, number in grid:
        strategy, modality, unit = kind
        is_of = (table["strategy"] == strategy) & (table["modality"] == modality)
        is_of &= (table["unit"] == unit) & (table["number"] == number)
        columns.append(NumberColumn(measures_of(table[is_of]), number == first))
    rows = {t: title or capitalised(t) for t, title in target_titles(task).items()}
    return model_table(columns, models, rows, head)
