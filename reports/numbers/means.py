"""Means, standard deviations and counts of what the evaluations measured."""

from collections.abc import Sequence

import pandas as pd

from models.evaluation.conditions import EQUAL, NAMED
from reports.numbers.schema import (
    ALL,
    AUDIO_GONE,
    CONDITION,
    INTACT,
    MEAN,
    NONE,
    VIDEO_GONE,
    WORST_DROP,
)


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of conditions that count: all labels, frames that are lost stay lost."""
    return table[(table["subset"] == ALL) & (table["fill"] == NONE) & (table["strategy"] != NONE)]


def named(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the conditions of every evaluation, which models are chosen by.

    Args:
        table: rows by condition, of the conditions that the settings name and of these.
    """
    columns = [column for column in CONDITION if column != "subset"]
    wanted = pd.DataFrame([vars(condition) for condition in NAMED])
    wanted = wanted.assign(causal=wanted["causal"].astype(int))[columns]
    rows = table[table["subset"] == ALL].reset_index(names="place")
    chosen = rows.merge(wanted, on=columns)["place"].sort_values()
    return table.loc[chosen].reset_index(drop=True)


def of_vectors(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of losses as papers have them: whole input vectors, drawn anew, at one rate.

    Args:
        table: rows by condition.
    """
    return table[
        (table["unit"] == "window") & (table["drawn"] == "anew") & (table["rates"] == EQUAL)
    ]


def counted(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    """The rows of `losses` that count in the robustness area.

    Nothing is lost at p = 0: it counts once for a strategy and modality, as in the grid of 30 of
    Parthasarathy and Sundaram (2020), and not for every mean length of its bursts.

    Args:
        table: what `losses` returned.
        by: what tells rows apart beside their condition.
    """
    length = table["burst"].where(table["p"] > 0, 0.0)
    return table[~table.assign(burst=length).duplicated([*by, *CONDITION])]


def conditions(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of a metric for every model under every condition.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        One row per model, condition (`CONDITION`) and target, with `value` (mean over seeds and
        trials), `sd` (sample standard deviation over the same values, NaN for one) and `n` (their
        number). A value that is undefined (NaN) is left out of all three.
    """
    groups = evaluation.groupby(["model", *CONDITION, "target"], sort=False)[metric]
    return groups.agg(value="mean", sd="std", n="count").reset_index()


def imputed(table: pd.DataFrame) -> pd.DataFrame:
    """The conditions that were evaluated with lost frames filled in, and the same ones without.

    Args:
        table: what `conditions` returned.

    Returns:
        Its rows of those conditions, p = 0 left out.
    """
    lossy = table[(table["subset"] == ALL) & (table["p"] > 0)]
    is_filled = lossy["fill"] != NONE
    by = [lossy[key] for key in CONDITION if key not in ("fill", "subset")]
    return lossy[is_filled.groupby(by).transform("any")]


def seed_means(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Every seed's mean over trials, as `value`, by model, seed, condition and target.

    Where there are several targets, `mean` is one more: their mean, undefined where one is.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.
    """
    by = ["model", "seed", *CONDITION]
    groups = evaluation.groupby([*by, "target"], sort=False)[metric]
    cell = groups.mean().rename("value").reset_index()
    if cell["target"].nunique() < 2:
        return cell
    means = cell.pivot(index=by, columns="target", values="value").mean(axis=1, skipna=False)
    mean = means.rename("value").reset_index().assign(target=MEAN)
    return pd.concat([cell, mean], ignore_index=True)


def measured(table: pd.DataFrame, *by: str) -> dict[str, pd.DataFrame]:
    """The rows that each headline number, but the worst drop, is the mean of.

    `intact` is p = 0; `video_gone` and `audio_gone` are clip_zero at p = 1; `mean`, the robustness
    area, is over the conditions that `counted` returns. All are of every label, with nothing
    filled in.

    Args:
        table: a row per condition (`CONDITION`) and whatever `by` tells apart.
        by: columns of it.
    """
    unfilled = table[(table["subset"] == ALL) & (table["fill"] == NONE)]
    lossy = counted(losses(unfilled), *by)
    gone = lossy[(lossy["strategy"] == "clip_zero") & (lossy["p"] == 1)]
    return {
        INTACT: unfilled[unfilled["p"] == 0],
        VIDEO_GONE: gone[gone["modality"] == "video"],
        AUDIO_GONE: gone[gone["modality"] == "audio"],
        MEAN: lossy,
    }


def per_seed(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The headline numbers of every seed.

    They are the means of what `measured` returns, each condition counting once, whatever its
    trials; `worst_drop` is the largest fall from `intact` in a condition that `mean` is over. Both
    of these are left out for a model that lacks a condition.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        `value` by model, seed, target (`mean` too where there are several) and `headline`.
    """
    by = ["model", "seed", "target"]
    rows = measured(seed_means(evaluation, metric), *by)
    every = rows[MEAN]
    has_all = every.groupby(by)["value"].transform("count") == len(counted(every))
    rows[MEAN] = every[has_all]
    groups = {name: table.groupby(by, sort=False)["value"] for name, table in rows.items()}
    values = {name: group.mean() for name, group in groups.items()}
    start, worst = values[INTACT], groups[MEAN].min()
    values[WORST_DROP] = (start - worst).reindex(start.index)
    return pd.concat(
        [value.rename("value").reset_index().assign(headline=n) for n, value in values.items()],
        ignore_index=True,
    )


def headline(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The headline numbers of every model, from those of `per_seed`.

    Args:
        evaluation: rows of `Results.evaluation`.
        metric: which of its columns.

    Returns:
        One row per model, target and `headline`, with `value` (mean over seeds), `sd` (over seeds)
        and `n` (seeds).
    """
    return over_seeds(per_seed(evaluation, metric), "headline")


def over_seeds(values: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Mean, sample standard deviation and count of `value` over seeds.

    Args:
        values: `value` by model, seed, target and more.
        by: the columns of more.

    Returns:
        `value`, `sd` and `n` by model, target and `by`.
    """
    groups = values.groupby(["model", "target", *by], sort=False)["value"]
    return groups.agg(value="mean", sd="std", n="count").reset_index()


def intact_metrics(evaluation: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Every metric on intact input (p = 0).

    Args:
        evaluation: rows of `Results.evaluation`.
        metrics: which of its columns.

    Returns:
        One row per model, target and `metric`, with `value`, `sd` and `n` as in `headline`.
    """
    rows = evaluation[
        (evaluation["p"] == 0) & (evaluation["subset"] == ALL) & (evaluation["fill"] == NONE)
    ]
    values = rows.groupby(["model", "seed", "target"], sort=False)[list(metrics)].mean()
    long = values.reset_index().melt(["model", "seed", "target"], var_name="metric")
    return over_seeds(long, "metric")
