"""A model that was trained with several probabilities of loss, under every probability of loss."""

from collections.abc import Mapping

import pandas as pd

from models.evaluation.registry import CHOOSING, REPORTED
from reports.numbers.means import losses, of_vectors, over_seeds, seed_means
from reports.numbers.schema import MEAN


def swept(evaluations: Mapping[float, pd.DataFrame], metric: str, strategy: str) -> pd.DataFrame:
    """The mean of a metric over targets, by the p of training and the p of the test.

    Args:
        evaluations: by the p that the model was trained with, what its evaluation wrote.
        metric: one of its columns.
        strategy: the loss of the test; p = 0 of it is intact input.

    Returns:
        A row per `speakers` (reported or choosing), `trained` (p), `modality` and `tested` (p),
        with `value` (mean over seeds), `sd` (over seeds) and `n` (seeds).
    """
    rows = []
    for trained, evaluation in evaluations.items():
        for speakers, table in evaluation[evaluation["asked"] == 1].groupby("speakers"):
            asked = of_vectors(losses(table))
            means = seed_means(asked[asked["strategy"] == strategy], metric)
            wanted = MEAN if MEAN in set(means["target"]) else means["target"].iloc[0]
            of_target = means[means["target"] == wanted]
            counted = over_seeds(of_target, "modality", "p")
            rows.append(counted.assign(speakers=speakers, trained=trained))
    table = pd.concat(rows, ignore_index=True).rename(columns={"p": "tested"})
    columns = ["speakers", "trained", "modality", "tested", "value", "sd", "n"]
    return table[columns].sort_values(columns[:4], ignore_index=True)


def best_trained(table: pd.DataFrame, *, lower_is_better: bool) -> float | None:
    """The p of training whose mean over all tests is best for the speakers that choose.

    Args:
        table: what `swept` returned.
        lower_is_better: of the metric.

    Returns:
        None where no speakers choose: those that results are reported of never do.

    >>> rows = [("choosing", 0.2, 0.4), ("choosing", 0.8, 0.5), ("reported", 0.2, 0.9)]
    >>> table = pd.DataFrame(rows, columns=["speakers", "trained", "value"])
    >>> best_trained(table, lower_is_better=False)
    0.8
    """
    choosing = table[table["speakers"] == CHOOSING]
    if choosing.empty:
        return None
    means = choosing.groupby("trained")["value"].mean()
    return float((means if lower_is_better else -means).sort_values(kind="stable").index[0])


def reported(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the speakers that results are reported of."""
    return table[table["speakers"] == REPORTED]
