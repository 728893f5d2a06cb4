"""Results for DVC: metrics as JSON, plots as CSV."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from reports.results import TARGETS


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


def write_plots(
    folder: Path,
    training: pd.DataFrame,
    conditions: pd.DataFrame,
    videos: pd.DataFrame,
    traces: Mapping[str, pd.DataFrame],
) -> None:
    """Write the data of the figures as CSV, in long form with a column `model`.

    Args:
        folder: gets `<modality>_<strategy>_<target>.csv` (p, ccc, sd, n, model), `training.csv`
            (epoch, train_loss, heldout_ccc, seed, model), `videos_<target>.csv` (item, ccc,
            model) and `trace_<target>.csv` (time, value, model) of the first trace, in which the
            annotation stands as a model of its own.
        training: rows of `Results.training`.
        conditions: what `summary.conditions` returned.
        videos: what `summary.mean_videos` returned.
        traces: what `summary.shown_traces` returned.
    """
    panels = conditions.groupby(["modality", "strategy", "target"])
    for (modality, strategy, target), panel in panels:
        path = folder / f"{modality}_{strategy}_{target}.csv"
        _write_csv(path, panel.sort_values("p", kind="stable"), "p", "ccc", "sd", "n", "model")
    columns = ("epoch", "train_loss", "heldout_ccc", "seed", "model")
    _write_csv(folder / "training.csv", training, *columns)
    trace = next(iter(traces.values()))
    for target in TARGETS:
        of_target = videos[videos["target"] == target]
        _write_csv(folder / f"videos_{target}.csv", of_target, "item", "ccc", "model")
        values = _long_trace(trace[trace["target"] == target])
        _write_csv(folder / f"trace_{target}.csv", values, "time", "value", "model")


def _long_trace(trace: pd.DataFrame) -> pd.DataFrame:
    predicted = trace.rename(columns={"predicted": "value"})[["time", "value", "model"]]
    first = trace[trace["model"] == trace["model"].iloc[0]]
    annotated = first.rename(columns={"annotated": "value"})[["time", "value"]]
    return pd.concat([annotated.assign(model="annotated").dropna(subset="value"), predicted])


def _write_csv(path: Path, table: pd.DataFrame, *columns: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, columns=list(columns), index=False, float_format="%.6g", lineterminator="\n")


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
