"""The result files of a run, read into data frames and checked against what params name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.task import Task
from models.evaluation.registry import CHOOSING, REPORTED
from reports.numbers.elsewhere import OnCorpus, read_elsewhere
from reports.numbers.means import named
from reports.numbers.reader import check_same_labels, read_result_table
from reports.numbers.run_file import (
    caveat,
    read_choice,
    read_run,
    read_task_of,
    synthetic_corpus,
    trained_here,
    untrained_streams,
)
from reports.numbers.schema import (
    BY_GROUP,
    COST,
    GAPS,
    GROUP_SCORES,
    LEVELS,
    MEAN,
    MEASURES,
    SIGNIFICANCE,
    TRACES,
    TRAINING,
    TRUST,
    allowed_values,
    evaluation_columns,
    video_columns,
)


@dataclass(frozen=True)
class Results:
    """What the stages wrote about one run, every model's rows under each other.

    Attributes:
        models: model names in the order of params; it fixes row order and colours.
        seeds: the training seeds.
        run: `run.json`.
        task: what was recognised, from `run`.
        evaluation: metrics by model, seed, condition (`schema.CONDITION`), trial and target, of the
            conditions that the settings name, on the speakers that results are of.
        named: likewise, of the conditions of every evaluation
            (`models.evaluation.conditions.NAMED`).
        choosing: both, on the speakers that models are chosen by; no rows where there are none.
        causal: of conditions in which every frame is the last one that its window sees.
        videos: by model, seed, item and target, intact input: metrics for a task of frames,
            `annotated` and `predicted` for one of sequences.
        traces: annotated and predicted values over time, first seed, intact input; no rows for a
            task of sequences or of classes.
        training: one row per model, seed and epoch; none of saved models, which were not trained.
        trust: calibration, intervals, and risk against what is answered, on the speakers that
            results are of.
        cost: parameters and operations by model and seed.
        significance: tests of models against their rivals, by model, rival, target (or `mean` of
            the targets), measure and test; no rows where nothing was compared.
        groups: scores by group, intact and with each modality gone (`schema.GROUP_SCORES`); no rows
            where the corpus knows no groups.
        gaps: the largest gap of each column of groups, with its test (`schema.GAPS`).
        choice: which models are recommended, as `reports.numbers.choice.choose` says it.
        elsewhere: what models are worth on other corpora, by results of other runs.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    run: dict[str, Any]
    task: Task
    evaluation: pd.DataFrame
    named: pd.DataFrame
    choosing: pd.DataFrame
    causal: pd.DataFrame
    videos: pd.DataFrame
    traces: pd.DataFrame
    training: pd.DataFrame
    trust: pd.DataFrame
    cost: pd.DataFrame
    significance: pd.DataFrame
    groups: pd.DataFrame
    gaps: pd.DataFrame
    choice: dict[str, Any]
    elsewhere: list[OnCorpus]

    @property
    def reference(self) -> str | None:
        """The model that the others are compared with; None where there are several, or none."""
        references = self.significance["reference"].unique()
        return str(references[0]) if len(references) == 1 else None

    @property
    def note(self) -> str:
        """The caveat of every figure of the run."""
        return caveat(
            synthetic=synthetic_corpus(self.run), random_weights=untrained_streams(self.run)
        )


def load_results(folder: Path, models: Sequence[str], seeds: Sequence[int]) -> Results:
    """Read the result files of the named models.

    Args:
        folder: the folder that holds `run.json`, `significance.csv`, `groups.csv`, `gaps.csv`,
            `evaluation/`, `videos/`, `traces/`, `training/`, `trust/` and `cost/`; and, where there
            is one, `elsewhere/`.
        models: model names; exactly the files `<kind>/<model>.csv` are read.
        seeds: the seeds that each file has to hold, no more and no fewer.

    Raises:
        InputError: a file is missing or malformed, or holds another model, other seeds, or
            another number of scored labels than the rest.
    """
    run = read_run(folder / "run.json", seeds)
    task = read_task_of(folder / "run.json", run)

    def tables(
        kind: str, schema: Mapping[str, str], stage: str, of: Sequence[str] = models
    ) -> pd.DataFrame:
        return _tables(folder / kind, schema, stage, of, seeds, allowed_values(task))

    every = tables("evaluation", evaluation_columns(task), "evaluate")
    reported, choosing = (every[every["speakers"] == kind] for kind in (REPORTED, CHOOSING))
    check_same_labels(reported)
    check_same_labels(choosing)
    clips = reported[reported["causal"] == 0]
    has_traces = task.level == "frame" and task.kind != "classification"
    no_traces = pd.DataFrame(columns=list(TRACES))
    return Results(
        models=tuple(models),
        seeds=tuple(seeds),
        run=run,
        task=task,
        evaluation=clips[clips["asked"] == 1].reset_index(drop=True),
        named=named(clips),
        choosing=choosing.reset_index(drop=True),
        causal=reported[reported["causal"] == 1].reset_index(drop=True),
        videos=tables("videos", video_columns(task), "evaluate"),
        traces=tables("traces", TRACES, "evaluate") if has_traces else no_traces,
        training=tables("training", TRAINING, "train", trained_here(run, models)),
        trust=_tables(folder / "trust", TRUST, "evaluate", models, seeds, {"target": task.targets}),
        cost=_tables(folder / "cost", COST, "evaluate", models, seeds, {}),
        significance=_summarised(folder / "significance.csv", SIGNIFICANCE, models, task),
        groups=_summarised(folder / "groups.csv", GROUP_SCORES, models, task),
        gaps=_summarised(folder / "gaps.csv", GAPS, models, task),
        choice=read_choice(folder / "choice.json"),
        elsewhere=read_elsewhere(folder, run),
    )


def parameters_of(folder: Path, models: Sequence[str], seeds: Sequence[int]) -> dict[str, int]:
    """How many numbers each model has learnt.

    Args:
        folder: holds `cost/`.
        models: names of the models.
        seeds: the seeds that each file has to hold; all have as many.

    Raises:
        InputError: a file is missing or malformed.
    """
    cost = _tables(folder / "cost", COST, "evaluate", models, seeds, {})
    return {
        str(model): int(count) for model, count in cost.groupby("model")["parameters"].max().items()
    }


def _tables(
    folder: Path,
    schema: Mapping[str, str],
    stage: str,
    models: Sequence[str],
    seeds: Sequence[int],
    allowed: Mapping[str, Collection[str]],
) -> pd.DataFrame:
    """The tables of one kind, every model's rows under each other."""
    if not models:
        return pd.DataFrame(columns=list(schema))
    return pd.concat(
        [
            read_result_table(
                folder / f"{model}.csv",
                schema,
                {"model": [model], **allowed},
                f"{stage}@{model}",
                seeds=seeds,
            )
            for model in models
        ],
        ignore_index=True,
    )


def _summarised(
    path: Path, schema: Mapping[str, str], models: Sequence[str], task: Task
) -> pd.DataFrame:
    """A table that stage summarise writes of all models."""
    allowed: dict[str, Collection[str]] = {
        "model": models,
        "reference": models,
        "target": (*task.targets, MEAN),
        "measure": (*MEASURES, *BY_GROUP),
        "test": tuple(LEVELS),
    }
    return read_result_table(path, schema, allowed, "summarise", can_be_empty=True)
