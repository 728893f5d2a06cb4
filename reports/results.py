"""The result files of a run, read into data frames and checked against what params name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.task import Task

MODALITIES = ("audio", "video")
STRATEGIES = ("clip_zero", "frame_zero", "frame_repeat")

SYNTHETIC = {"demo": "synthetic demo corpus", "simulated": "simulated features"}

TRACES = {
    "model": "str",
    "item": "str",
    "time": "float64",
    "target": "str",
    "annotated": "float64",
    "predicted": "float64",
    "face_present": "int64",
    "sound_present": "int64",
}
TRAINING = {
    "model": "str",
    "seed": "int64",
    "epoch": "int64",
    "train_loss": "float64",
    "heldout": "float64",
    "best": "int64",
}
# The columns that tell rows apart, where a table has them; the others are what was measured.
KEYS = ("seed", "modality", "strategy", "p", "trial", "item", "epoch", "time", "target")


def evaluation_columns(task: Task) -> dict[str, str]:
    """Columns of `evaluation/<model>.csv` and their types."""
    return {
        "model": "str",
        "seed": "int64",
        "modality": "str",
        "strategy": "str",
        "p": "float64",
        "trial": "int64",
        "target": "str",
        **dict.fromkeys(task.metrics, "float64"),
        "n": "int64",
    }


def video_columns(task: Task) -> dict[str, str]:
    """Columns of `videos/<model>.csv` and their types: metrics, or for sequences predictions."""
    columns = {"model": "str", "seed": "int64", "item": "str", "target": "str"}
    if task.level == "frame":
        return {**columns, **dict.fromkeys(task.metrics, "float64"), "n": "int64"}
    kind = "str" if task.kind == "classification" else "float64"
    return {**columns, "annotated": kind, "predicted": kind}


class ResultsError(Exception):
    """A result file is missing, malformed, or of another run.

    Args:
        reason: what is wrong, one sentence without a full stop.
        remedy: what to do about it, one sentence without a full stop.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Results:
    """What the stages wrote about one run, every model's rows under each other.

    Attributes:
        models: model names in the order of params; it fixes row order and colours.
        seeds: the training seeds.
        run: `run.json`.
        task: what was recognised, from `run`.
        evaluation: metrics by model, seed, condition (modality, strategy, p), trial and target.
        videos: by model, seed, item and target, intact input: metrics for a task of frames,
            `annotated` and `predicted` for one of sequences.
        traces: annotated and predicted values over time, first seed, intact input; no rows for a
            task of sequences.
        training: one row per model, seed and epoch.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    run: dict[str, Any]
    task: Task
    evaluation: pd.DataFrame
    videos: pd.DataFrame
    traces: pd.DataFrame
    training: pd.DataFrame

    @property
    def note(self) -> str:
        """What every figure of the run has to say, see `caveat`."""
        return caveat(
            synthetic=synthetic_corpus(self.run), random_weights=has_random_weights(self.run)
        )


def synthetic_corpus(run: Mapping[str, Any]) -> str:
    """The name of the corpus of a run if it is synthetic, else nothing."""
    corpus = run["corpus"]
    return corpus["name"] if corpus.get("synthetic") else ""


def has_random_weights(run: Mapping[str, Any]) -> bool:
    """Whether the face features of a run come from an untrained network."""
    return (run["fc6"] or {}).get("weights") == "random"


def caveat(*, synthetic: str, random_weights: bool) -> str:
    """What a reader has to know before believing a figure, in a few words.

    Args:
        synthetic: name of the synthetic corpus that is all the models have ever seen, or nothing.
        random_weights: the face features come from an untrained network.

    Returns:
        The words; none where neither applies.
    """
    words = []
    if synthetic:
        words.append(SYNTHETIC.get(synthetic, "synthetic corpus"))
    if random_weights:
        words.append("random fc6 weights, not VGG-Face")
    return " · ".join(words)


def load(folder: Path, models: Sequence[str], seeds: Sequence[int]) -> Results:
    """Read the result files of the named models.

    Args:
        folder: the folder that holds `run.json`, `evaluation/`, `videos/`, `traces/`, `training/`.
        models: model names; exactly the files `<kind>/<model>.csv` are read.
        seeds: the seeds that each file has to hold, no more and no fewer.

    Raises:
        ResultsError: a file is missing or malformed, or holds another model, other seeds, or
            another number of scored labels than the rest.
    """
    run = _run(folder / "run.json", seeds)
    task = _task(folder / "run.json", run)
    allowed = {
        "modality": MODALITIES,
        "strategy": STRATEGIES,
        "target": task.targets,
    }
    if task.kind == "classification":
        allowed |= {"annotated": task.outputs, "predicted": task.outputs}

    def tables(kind: str, schema: Mapping[str, str], stage: str) -> pd.DataFrame:
        read = partial(_table, schema=schema, seeds=seeds, allowed=allowed)
        return pd.concat(
            [read(folder / kind / f"{m}.csv", model=m, stage=f"{stage}@{m}") for m in models],
            ignore_index=True,
        )

    evaluation = tables("evaluation", evaluation_columns(task), "evaluate")
    _check_same_labels(evaluation)
    has_traces, no_traces = task.level == "frame", pd.DataFrame(columns=list(TRACES))
    return Results(
        models=tuple(models),
        seeds=tuple(seeds),
        run=run,
        task=task,
        evaluation=evaluation,
        videos=tables("videos", video_columns(task), "evaluate"),
        traces=tables("traces", TRACES, "evaluate") if has_traces else no_traces,
        training=tables("training", TRAINING, "train"),
    )


def _table(
    path: Path,
    *,
    schema: Mapping[str, str],
    model: str,
    seeds: Sequence[int],
    allowed: Mapping[str, Sequence[str]],
    stage: str,
) -> pd.DataFrame:
    """One result file, or a ResultsError that says what is wrong with it."""
    remedy = f"rerun `dvc repro {stage}`"
    try:
        table = pd.read_csv(
            path,
            usecols=list(schema),
            dtype=schema,
            keep_default_na=False,  # an item may well be named NA
            na_values={column: [""] for column, kind in schema.items() if kind != "str"},
        )[list(schema)]
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing", f"run `dvc repro {stage}`") from None
    except ValueError as error:  # columns, types, an empty file: pandas says which
        raise ResultsError(f"{path} cannot be read: {error}", remedy) from None
    if table.empty:
        raise ResultsError(f"{path} has no rows", remedy)
    _check_values(path, table, "model", [model], remedy)
    for column, values in allowed.items():
        if column in table:
            _check_values(path, table, column, values, remedy)
    if "seed" in table and set(table["seed"]) != set(seeds):
        raise ResultsError(
            f"{path} holds {_seeds(table['seed'])}, params name {_seeds(seeds)}", remedy
        )
    keys = [column for column in KEYS if column in schema]
    if table.duplicated(keys).any():
        raise ResultsError(f"{path} has two rows for the same {', '.join(keys)}", remedy)
    return table


def _check_values(
    path: Path, table: pd.DataFrame, column: str, allowed: Sequence[str], remedy: str
) -> None:
    strange = table.loc[~table[column].isin(allowed), column]
    if len(strange):
        raise ResultsError(
            f"{path} has {column} {strange.iloc[0]!r}, expected {' or '.join(allowed)}", remedy
        )


def _check_same_labels(evaluation: pd.DataFrame) -> None:
    """Models are compared on one set of labels; another count is a leftover of another run."""
    counts = evaluation.groupby("model", sort=False)["n"].agg(["min", "max"])
    if np.unique(counts).size > 1:
        found = "; ".join(f"{m}: {low} to {high}" for m, low, high in counts.itertuples())
        raise ResultsError(
            f"not all models and conditions were scored on the same labels ({found})",
            "rerun `dvc repro`",
        )


def _run(path: Path, seeds: Sequence[int]) -> dict[str, Any]:
    remedy = "run `dvc repro summarise`"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        named = run["seeds"]
        missing = {"corpus", "fc6", "split", "task"} - run.keys()
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing", remedy) from None
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(f"{path} cannot be read: {error!r}", remedy) from None
    if missing:
        raise ResultsError(f"{path} has no {', '.join(sorted(missing))}", remedy)
    if set(named) != set(seeds):
        raise ResultsError(f"{path} names {_seeds(named)}, params name {_seeds(seeds)}", remedy)
    return run


def _task(path: Path, run: Mapping[str, Any]) -> Task:
    try:
        task = run["task"]
        return Task(task["kind"], task["level"], tuple(task["outputs"]), tuple(task["metrics"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(
            f"{path} names a task that is not known: {error!r}", "run `dvc repro summarise`"
        ) from None


def _seeds(seeds: Sequence[int] | pd.Series) -> str:
    return "seeds " + ", ".join(str(seed) for seed in sorted(set(seeds)))
