"""The result files of a run, read into data frames and checked against what params name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import InputError
from reports.numbers.reader import check_same_labels, named_seeds, read_table
from reports.numbers.schema import (
    MEAN,
    MEASURES,
    SIGNIFICANCE,
    TESTS,
    TRACES,
    TRAINING,
    allowed_values,
    evaluation_columns,
    video_columns,
)
from reports.numbers.task import Task

__all__ = ["Results", "caveat", "has_random_weights", "load", "synthetic_corpus"]

SYNTHETIC = {"demo": "synthetic demo corpus", "simulated": "simulated features"}


@dataclass(frozen=True)
class Results:
    """What the stages wrote about one run, every model's rows under each other.

    Attributes:
        models: model names in the order of params; it fixes row order and colours.
        seeds: the training seeds.
        run: `run.json`.
        task: what was recognised, from `run`.
        evaluation: metrics by model, seed, condition (modality, strategy, p, burst, fill), subset
            of the labels, trial and target.
        videos: by model, seed, item and target, intact input: metrics for a task of frames,
            `annotated` and `predicted` for one of sequences.
        traces: annotated and predicted values over time, first seed, intact input; no rows for a
            task of sequences.
        training: one row per model, seed and epoch.
        significance: tests of every model against one of them, by model, target (or `mean` of the
            targets), measure and test; no rows where nothing was compared.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    run: dict[str, Any]
    task: Task
    evaluation: pd.DataFrame
    videos: pd.DataFrame
    traces: pd.DataFrame
    training: pd.DataFrame
    significance: pd.DataFrame

    @property
    def reference(self) -> str:
        """The model that the others are compared with; the first one where none was."""
        return next(iter(self.significance["reference"]), self.models[0])

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
        folder: the folder that holds `run.json`, `significance.csv`, `evaluation/`, `videos/`,
            `traces/` and `training/`.
        models: model names; exactly the files `<kind>/<model>.csv` are read.
        seeds: the seeds that each file has to hold, no more and no fewer.

    Raises:
        InputError: a file is missing or malformed, or holds another model, other seeds, or
            another number of scored labels than the rest.
    """
    run = _run(folder / "run.json", seeds)
    task = _task(folder / "run.json", run)
    allowed = allowed_values(task)

    def tables(kind: str, schema: Mapping[str, str], stage: str) -> pd.DataFrame:
        read = partial(read_table, schema=schema, seeds=seeds)
        return pd.concat(
            [
                read(
                    folder / kind / f"{m}.csv",
                    allowed={"model": [m], **allowed},
                    stage=f"{stage}@{m}",
                )
                for m in models
            ],
            ignore_index=True,
        )

    evaluation = tables("evaluation", evaluation_columns(task), "evaluate")
    check_same_labels(evaluation)
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
        significance=_significance(folder / "significance.csv", models, task),
    )


def _significance(path: Path, models: Sequence[str], task: Task) -> pd.DataFrame:
    """The tests, all against the same model."""
    stage = "summarise"
    allowed = {
        "model": models,
        "reference": models,
        "target": (*task.targets, MEAN),
        "measure": MEASURES,
        "test": TESTS,
    }
    table = read_table(path, SIGNIFICANCE, allowed, stage, can_be_empty=True)
    references = table["reference"].unique()
    if len(references) > 1:
        raise InputError(
            f"{path} compares with {' and '.join(references)}, expected one model",
            f"rerun `dvc repro {stage}`",
        )
    return table


def _run(path: Path, seeds: Sequence[int]) -> dict[str, Any]:
    remedy = "run `dvc repro summarise`"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        named = run["seeds"]
        missing = {"corpus", "fc6", "models", "split", "task"} - run.keys()
    except FileNotFoundError:
        raise InputError(f"{path} is missing", remedy) from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} cannot be read: {error!r}", remedy) from None
    if missing:
        raise InputError(f"{path} has no {', '.join(sorted(missing))}", remedy)
    if set(named) != set(seeds):
        raise InputError(
            f"{path} names {named_seeds(named)}, params name {named_seeds(seeds)}", remedy
        )
    return run


def _task(path: Path, run: Mapping[str, Any]) -> Task:
    try:
        task = run["task"]
        return Task(task["kind"], task["level"], tuple(task["outputs"]), tuple(task["metrics"]))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path} names a task that is not known: {error!r}", "run `dvc repro summarise`"
        ) from None
