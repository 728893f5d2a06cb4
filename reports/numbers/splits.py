"""The results of several splits as those of one run, whose seeds the splits are."""

from collections.abc import Sequence

import pandas as pd

from reports.numbers.schema import CONDITION


def splits_as_seeds(results: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """What the settings asked for, with splits in place of seeds where there are several.

    Args:
        results: of a study, by model, seed, `split`, condition, trial and target.
        metrics: its columns to take; seeds and trials of one split count as their mean.

    Returns:
        Rows as those of `Results.evaluation`.
    """
    asked = results[(results["asked"] == 1) & (results["causal"] == 0)]
    if asked["split"].nunique() < 2:
        return asked.drop(columns="split").reset_index(drop=True)
    by = ["model", "split", *CONDITION, "target"]
    means = asked.groupby(by, sort=False)[list(metrics)].mean()
    counts = asked.groupby(by, sort=False)["n"].max()
    table = means.join(counts).reset_index().assign(trial=0)
    return table.rename(columns={"split": "seed"})
