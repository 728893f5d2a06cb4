"""What is shown of predictions that somebody gives: means, tests and figures, without a training.

The page of a run tells of trainings, calibration and choices; of given predictions it is not known
how they came about, so they get tables and figures alone.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from features.files import whole
from features.task import Task
from models.evaluation.registry import metrics_of
from reports.figures.losses import draw_losses
from reports.figures.style import save_figure, styles
from reports.numbers.means import conditions, headline, losses, of_vectors
from reports.numbers.schema import LOSERS
from reports.numbers.significance import significance_tests


def write_scored(folder: Path, evaluation: pd.DataFrame, task: Task) -> list[Path]:
    """Write `conditions.csv`, `headlines.csv`, `significance.csv` and `figures/<modality>_lost`.

    The first model is whom all others are tested against; where there is no other, or no condition
    that the settings name, there is no table of tests. A figure needs several p of a strategy.

    Args:
        folder: holds `evaluation/` and `replicates/` of every model.
        evaluation: the content of the former, every model's rows under each other.
        task: what was recognised.

    Returns:
        The files that were written.
    """
    models, metrics = list(evaluation["model"].unique()), metrics_of(task)
    asked = evaluation[evaluation["asked"] == 1]
    means = [conditions(evaluation, metric).assign(metric=metric) for metric in metrics]
    tables = {"conditions": pd.concat(means), "headlines": headline(asked, metrics[0])}
    if len(models) > 1 and len(asked):
        rivals = dict.fromkeys(models[1:], models[:1])
        tables["significance"] = significance_tests(folder, models, rivals, task)
    files = [folder / f"{name}.csv" for name in tables]
    for file, table in zip(files, tables.values(), strict=True):
        with whole(file) as place:
            table.to_csv(place, index=False, float_format="%.6g")
    return [*files, *_figures(folder / "figures", asked, models, task)]


def _figures(folder: Path, asked: pd.DataFrame, models: Sequence[str], task: Task) -> list[Path]:
    shown = of_vectors(losses(conditions(asked, metrics_of(task)[0])))
    several = shown.groupby(["modality", "strategy", "burst"])["p"].transform("nunique") > 1
    shown, looks = shown[several], styles(models)
    return [
        save_figure(draw_losses(shown, modality, looks, task), folder / f"{modality}_lost")
        for modality in LOSERS
        if modality in set(shown["modality"])
    ]
