"""The tables of a study: all results in one, and their means over splits or seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from features.corpora.listing import RESULTS
from models.evaluation.registry import REPORTED
from reports.numbers.replicates import NAMES
from reports.numbers.schema import CONDITION, MEAN

SPLIT = "split"
"""The column of a split: the value of its setting, empty where a study has one split."""


def results_table(folders: Mapping[int | None, Path], models: Sequence[str]) -> pd.DataFrame:
    """What every model's every seed measured on every split, as the stages wrote it.

    Args:
        folders: of each split, in which its stages ran; None for the only one.
        models: names of the models.

    Returns:
        One row per model, seed, split, condition (CONDITION), trial and target, with a column a
        metric and the number `n` of labels; all as text. Of the speakers that results are of.
    """
    tables = []
    for split, folder in folders.items():
        for model in models:
            file = folder / RESULTS / "evaluation" / f"{model}.csv"
            table = pd.read_csv(file, dtype=str, keep_default_na=False)
            table = table[table["speakers"] == REPORTED]
            table.insert(2, SPLIT, "" if split is None else str(split))
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def read_results(file: Path) -> pd.DataFrame:
    """A study's results with numbers in the place of text; what is undefined is NaN."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return with_numbers(table)


def with_numbers(results: pd.DataFrame) -> pd.DataFrame:
    """The table of `results_table` with numbers where it has them."""
    names = {SPLIT, *NAMES}
    numbers = [column for column in results if column not in names]
    return results.assign(**results[numbers].apply(pd.to_numeric))


def means_table(results: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Means of every metric under every condition: over splits where there are several.

    Trials count as their mean, and so do the seeds of one split. A value that is undefined in one
    split is left out of `value`, `sd` and `n` alike.

    Args:
        results: what `with_numbers` returned.
        metrics: its columns to take.

    Returns:
        One row per model, condition, target (`mean` too, where there are several) and metric, with
        `value`, the sample standard deviation `sd` and the number `n` of splits, or of seeds.
    """
    is_split = results[SPLIT].nunique() > 1
    unit = SPLIT if is_split else "seed"
    by = ["model", *CONDITION, "target"]
    units = results.groupby([*by, unit], sort=False)[list(metrics)].mean().reset_index()
    if units["target"].nunique() > 1:
        within = [key for key in by if key != "target"]
        overall = units.groupby([*within, unit], sort=False)[list(metrics)]
        means = overall.mean().where(overall.count() == units["target"].nunique())
        units = pd.concat([units, means.reset_index().assign(target=MEAN)], ignore_index=True)
    long = units.melt([*by, unit], list(metrics), var_name="metric", value_name="value")
    groups = long.groupby([*by, "metric"], sort=False)["value"]
    return groups.agg(value="mean", sd="std", n="count").reset_index()
