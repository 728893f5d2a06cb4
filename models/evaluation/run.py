"""The evaluation of one trained seed, as tables without the model's name."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from features.corpora.listing import REPLICATES
from models import recogniser
from models.evaluation.conditions import grid, runs_under
from models.evaluation.evaluator import evaluate, predict
from models.evaluation.natural import natural_scores
from models.evaluation.replicates import replicates_of_runs
from models.evaluation.scores import pooled
from models.evaluation.tables import (
    Predictions,
    answers,
    metrics_of_items,
    metrics_of_runs,
    metrics_of_subsets,
    traces,
)
from models.progress import Progress, silent
from models.recogniser import Card
from models.settings import EvaluateSettings
from models.threads import threads
from models.training.data import ClipData
from models.training.stores import open_stores


def values_of(card: Card, settings: EvaluateSettings, metrics: Sequence[str]) -> list[Any]:
    """The values that results depend on beside weights, data and code, without names."""
    return [
        card.model_dump(mode="json", include={"seed", "task", "options", "inputs"}),
        card.model.model_dump(include={"network", "presence", "repeats"}),
        card.train.network.model_dump(),
        # What others are compared with changes no result of this model.
        settings.model_dump(exclude={"reference"}),
        list(metrics),
    ]


def rows_of(
    card: Card, settings: EvaluateSettings, metrics: Sequence[str]
) -> list[tuple[str, str]]:
    """Rows of tables that an evaluation uses."""
    return [
        ("network", card.model.network),
        *(("strategy", condition.strategy) for condition in settings.conditions),
        *(("metric", metric) for metric in metrics),
    ]


def evaluate_seed(
    out: Path,
    *,
    card: Card,
    folder: Path,
    items: Sequence[str],
    settings: EvaluateSettings,
    metrics: Sequence[str],
    device: str,
    allow: Collection[str] | None = None,
    progress: Progress = silent,
) -> None:
    """Run a trained seed under every condition, and write its tables.

    Args:
        out: folder for the tables.
        card: of the recogniser.
        folder: with its weights.
        items: names of the items of the split.
        settings: the conditions.
        metrics: names of rows of METRICS, the primary one first.
        device: where to run.
        allow: modules of the user's own that may be imported; None where params.yaml names the
            model.
        progress: told of the clips.
    """
    with threads(settings.threads):
        network = recogniser.load_network(folder, card, allow=allow)
        data = recogniser.clips_of(open_stores(card.model.sees), items)
        place = torch.device(device)
        runs = runs_under(grid(settings), settings.trials)
        with progress("evaluate", "clips", len(data.clips)) as advance:
            scores = evaluate(
                network,
                data,
                runs,
                metrics=metrics,
                seed=settings.seed,
                device=place,
                batch_clips=settings.batch_clips,
                on_clips=advance,
            )
        predictions = predict(network, data, place, settings.batch_clips)
    evaluation = metrics_of_runs(data.task, runs, pooled(scores.values()))
    if settings.natural:
        natural = metrics_of_subsets(data.task, natural_scores(data, predictions, metrics))
        evaluation = pd.concat([evaluation, natural])
    videos, drawn = _tables_of_items(data, predictions, metrics)
    for name, table in {"evaluation": evaluation, "videos": videos}.items():
        table.insert(0, "seed", card.seed)
        _write(table, out, name)
    _write(drawn, out, "traces")
    replicates = replicates_of_runs(data.task, runs, scores)
    replicates.to_parquet(out / f"{REPLICATES}.parquet", index=False)


def _tables_of_items(
    data: ClipData, predictions: Predictions, metrics: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row per item, and the predictions of frames; the latter is empty for sequences."""
    if data.task.level == "frame":
        # Of classes there is no curve.
        shown = {} if data.task.kind == "classification" else predictions
        return metrics_of_items(data, predictions, metrics), traces(data, shown)
    return answers(data, predictions), traces(data, {})


def _write(table: pd.DataFrame, folder: Path, name: str) -> None:
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
