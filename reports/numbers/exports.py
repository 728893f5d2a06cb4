"""Results for DVC: metrics as JSON, plots as CSV."""

import json
from pathlib import Path

import pandas as pd

from models.evaluation.registry import metrics_of
from reports.numbers.protocols import natural_losses, one_modality, protocol_metric, rate_curves
from reports.numbers.results import Results
from reports.numbers.schema import MEAN, MEASURES
from reports.numbers.summary import Summary

_PANEL = ["p", "value", "sd", "n", "target", "model"]
# What dvc.yaml draws: DVC leaves plots without rows out, but complains of files that are not there.
DRAWN = [
    f"{m}_{s}" for m in ("audio", "video") for s in ("clip_zero", "frame_zero", "frame_repeat")
]
SHOWN_NUMBERS = 8  # of a model in `dvc metrics show`, at most
_VIDEOS = ["item", "value", "target", "model"]
_TRACE = ["time", "value", "target", "model"]


def write_metrics(folder: Path, metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    """Write all metrics in one file, and the most important ones of each model in another.

    `dvc metrics show` prints a row per file and a column per number, so the folder `metrics/` has
    what fits a table to read: at most `SHOWN_NUMBERS` a model. `metrics.json` has everything.

    Args:
        folder: gets `metrics.json` and, whatever is known of a model, `metrics/<model>.json`.
        metrics: what `summary.nested_metrics` returned.
    """
    _write_json(folder / "metrics.json", metrics)
    for model, targets in metrics.items():
        _write_json(folder / "metrics" / f"{model}.json", shown_numbers(targets))


def shown_numbers(targets: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Four headlines of each target, or of the mean of more targets than two.

    Args:
        targets: the numbers of a model by target, `mean` among them where there are several.

    >>> shown_numbers({"x": {"intact": 0.5, "rmse": 0.1}, "mean": {"intact": 0.5}})
    {'x': {'intact': 0.5}}
    """
    single = [target for target in targets if target != MEAN]
    fit = len(single) * len(MEASURES) <= SHOWN_NUMBERS
    return {
        target: {name: value for name, value in targets[target].items() if name in MEASURES}
        for target in targets
        if (target != MEAN if fit else target == MEAN)
    }


def write_plots(folder: Path, training: pd.DataFrame, summary: Summary) -> None:
    """Write the data of the figures as CSV, in long form with a column `model`.

    Args:
        folder: gets `<modality>_<strategy>.csv` (p, value, sd, n, target, model; of bursts
            `<modality>_burst_<mean length>.csv`, of lost rows `…_signal.csv`, of losses drawn once
            `…_once.csv`), and `training.csv` (epoch, train_loss, heldout, seed, model),
            `videos.csv` (item, value, target, model) and `trace.csv` (time, value, target, model)
            of the first trace, in which the annotation stands as a model of its own.
            Those that dvc.yaml draws are there in any case, if need be without rows.
        training: rows of `Results.training`.
        summary: of the run.
    """
    panels = dict.fromkeys(DRAWN, pd.DataFrame(columns=_PANEL))
    kinds = summary.conditions.groupby(["modality", "strategy", "burst", "unit", "drawn"])
    for kind, panel in kinds:
        modality, strategy, burst, unit, drawn = map(str, kind)
        length = f"{float(burst):g}" if float(burst) else ""
        ways = [length, unit.removeprefix("window"), drawn.removeprefix("anew")]
        name = "_".join([modality, strategy, *filter(None, ways)])
        panels[name] = panel.sort_values("p", kind="stable")
    for name, panel in panels.items():
        _write_csv(folder / f"{name}.csv", panel, *_PANEL)
    path = folder / "training.csv"
    _write_csv(path, training, "epoch", "train_loss", "heldout", "seed", "model")
    videos = summary.videos if summary.traces else pd.DataFrame(columns=_VIDEOS)
    _write_csv(folder / "videos.csv", videos, *_VIDEOS)
    _write_csv(folder / "trace.csv", _long_trace(summary), *_TRACE)


def write_tables(folder: Path, results: Results, summary: Summary, papers: pd.DataFrame) -> None:
    """Write the numbers behind the tables of the page as CSV, a file a table.

    Args:
        folder: gets `<table>.csv`; of tables without rows there is no file.
        results: the run.
        summary: of the run.
        papers: their numbers beside those of the run.
    """
    task = results.task
    tables = {
        "named": summary.named,
        "ranking": summary.headlines,
        "conditions": summary.conditions,
        "filled": summary.imputed,
        "intact": summary.intact,
        "rates": rate_curves(results.evaluation, metrics_of(task)[0]),
        "one_modality": one_modality(results.evaluation, protocol_metric(task)),
        "natural": natural_losses(results.evaluation, metrics_of(task)[0]),
        "trust": results.trust,
        "cost": results.cost,
        "papers": papers,
        "recordings" if task.level == "frame" else "predictions": results.videos,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if len(table):
            _write_csv(folder / f"{name}.csv", table, *table.columns)


def _long_trace(summary: Summary) -> pd.DataFrame:
    if not summary.traces:
        return pd.DataFrame(columns=_TRACE)
    trace = next(iter(summary.traces.values()))
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
