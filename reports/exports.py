"""Results for DVC: metrics as JSON, plots as CSV."""

import json
from pathlib import Path

import pandas as pd

from reports.summary import Summary


def write_metrics(folder: Path, metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    """Write the metrics twice: whole, and a file a model.

    `dvc metrics show` prints a row per file and a column per number, so it is the folder
    `metrics/` that makes a table to read; `metrics.json` has all of it in one place.

    Args:
        folder: gets `metrics.json` and `metrics/<model>.json`.
        metrics: what `summary.metrics` returned.
    """
    _write_json(folder / "metrics.json", metrics)
    for model, numbers in metrics.items():
        _write_json(folder / "metrics" / f"{model}.json", numbers)


def write_plots(folder: Path, training: pd.DataFrame, summary: Summary) -> None:
    """Write the data of the figures as CSV, in long form with a column `model`.

    Args:
        folder: gets `<modality>_<strategy>.csv` (p, value, sd, n, target, model) and
            `training.csv` (epoch, train_loss, heldout, seed, model); for a task of frames also
            `videos.csv` (item, value, target, model) and `trace.csv` (time, value, target, model)
            of the first trace, in which the annotation stands as a model of its own.
        training: rows of `Results.training`.
        summary: of the run.
    """
    for (modality, strategy), panel in summary.conditions.groupby(["modality", "strategy"]):
        path, ordered = folder / f"{modality}_{strategy}.csv", panel.sort_values("p", kind="stable")
        _write_csv(path, ordered, "p", "value", "sd", "n", "target", "model")
    path = folder / "training.csv"
    _write_csv(path, training, "epoch", "train_loss", "heldout", "seed", "model")
    if summary.traces:
        _write_csv(folder / "videos.csv", summary.videos, "item", "value", "target", "model")
        trace = _long_trace(next(iter(summary.traces.values())))
        _write_csv(folder / "trace.csv", trace, "time", "value", "target", "model")


def _long_trace(trace: pd.DataFrame) -> pd.DataFrame:
    predicted = trace.rename(columns={"predicted": "value"})[["time", "value", "target", "model"]]
    first = trace[trace["model"] == trace["model"].iloc[0]]
    annotated = first.rename(columns={"annotated": "value"})[["time", "value", "target"]]
    return pd.concat([annotated.assign(model="annotated").dropna(subset="value"), predicted])


def _write_csv(path: Path, table: pd.DataFrame, *columns: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, columns=list(columns), index=False, float_format="%.6g", lineterminator="\n")


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
