"""Scores and predictions as the tables that `reports` reads."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.task import Task
from models.evaluation.conditions import INTACT, Condition, Run
from models.evaluation.registry import METRICS, REPORTED
from models.evaluation.scores import Scores

if TYPE_CHECKING:
    from models.training.data import ClipData

TRACE = ("item", "time", "target", "annotated", "predicted", "face_present", "sound_present")
"""Columns of a trace."""

Predictions = Mapping[str, NDArray[np.float32]]
"""Outputs (frames, outputs) of every item, (1, outputs) of a sequence."""


@dataclass(frozen=True)
class Evaluated:
    """What the rows of a table are of.

    Attributes:
        speakers: REPORTED or CHOOSING.
        asked: the conditions that the settings name; the others are those of every evaluation.
    """

    speakers: str
    asked: Collection[Condition]

    def columns(self, condition: Condition, subset: str = "all") -> dict[str, Any]:
        """The columns that tell a condition apart from all others."""
        asked = int(condition in self.asked)
        names = {**vars(condition), "causal": int(condition.causal), "subset": subset}
        return {"speakers": self.speakers, "asked": asked, **names}


def metrics_of_runs(
    task: Task, runs: Sequence[Run], scores: Scores, evaluated: Evaluated
) -> pd.DataFrame:
    """The metrics of every run: its condition, subset, trial, target, metrics, n."""
    rows = metric_rows(task, scores)
    tables = [
        pd.DataFrame({**evaluated.columns(run.condition), "trial": run.trial, **rows(index)})
        for index, run in enumerate(runs)
    ]
    return pd.concat(tables, ignore_index=True)


def metrics_of_conditions(
    task: Task, scores: Mapping[Condition, Scores], evaluated: Evaluated
) -> pd.DataFrame:
    """Likewise of conditions with one run each, whose scores are (targets,)."""
    return pd.concat(
        [_rows(task, evaluated.columns(c), part) for c, part in scores.items()], ignore_index=True
    )


def metrics_of_subsets(task: Task, subsets: Mapping[str, Scores]) -> pd.DataFrame:
    """Likewise on intact input, of the labels in every subset; metrics are NaN where n is 0."""
    evaluated = Evaluated(REPORTED, (INTACT,))
    tables = [
        _rows(task, evaluated.columns(INTACT, subset), part) for subset, part in subsets.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _rows(task: Task, columns: Mapping[str, Any], scores: Scores) -> pd.DataFrame:
    return pd.DataFrame({**columns, "trial": 0, **metric_rows(task, scores)(slice(None))})


def metric_rows(task: Task, scores: Scores) -> Callable[[int | slice], dict[str, Any]]:
    """Columns target, metrics, n; a row per target, of the run with an index.

    Errors are in the units of targets that have their own.
    """
    values, n = scores.values(), scores.n
    units = np.array([task.unit(t) if t in task.ranges else 1.0 for t in task.targets])
    for name in values:
        if METRICS[name].in_units:
            values[name] = values[name] * units

    def of(run: int | slice) -> dict[str, Any]:
        metrics = {name: value[run] for name, value in values.items()}
        return {"target": task.targets, **metrics, "n": n[run].astype(int)}

    return of


def metrics_of_items(
    data: "ClipData", predictions: Predictions, metrics: Sequence[str]
) -> pd.DataFrame:
    """The metrics of every item on intact input: item, target, metrics, n."""
    from models.evaluation.evaluator import item_scores

    return pd.concat(
        [
            pd.DataFrame({"item": item, **metric_rows(data.task, scores)(slice(None))})
            for item in data.items
            for scores in [item_scores(data, item, predictions[item], metrics)]
        ]
    )


def answers(data: "ClipData", predictions: Predictions) -> pd.DataFrame:
    """Annotation and prediction of every sequence on intact input; classes by their names."""
    rows: list[dict[str, Any]] = []
    for item in data.items:
        if not data.item_array(item, "valid")[0]:
            continue
        label, predicted = data.item_array(item, "labels")[0], predictions[item][0]
        if data.task.kind == "classification":
            classes = data.task.outputs
            pairs: Iterable[tuple[Any, Any]] = [
                (classes[int(label.argmax())], classes[int(predicted.argmax())])
            ]
        else:
            pairs = [
                (data.task.in_units(t, annotated), data.task.in_units(t, guess))
                for t, annotated, guess in zip(data.task.targets, label, predicted, strict=True)
            ]
        rows += [
            {"item": item, "target": target, "annotated": annotated, "predicted": guess}
            for target, (annotated, guess) in zip(data.task.targets, pairs, strict=True)
        ]
    return pd.DataFrame(rows, columns=["item", "target", "annotated", "predicted"])


def traces(data: "ClipData", predictions: Predictions) -> pd.DataFrame:
    """Predictions beside labels over time: a row per item, target and frame."""
    empty = pd.DataFrame(columns=TRACE)
    tables = []
    for item, predicted in predictions.items():
        valid = data.item_array(item, "valid")
        for column, target in enumerate(data.task.outputs):
            annotated = data.item_array(item, "labels")[:, column]
            values = (
                item,
                data.item_array(item, "times").round(4),
                target,
                data.task.in_units(target, np.where(valid, annotated, np.nan)),
                data.task.in_units(target, predicted[:, column]),
                data.item_array(item, "face").astype(int),
                data.item_array(item, "sound").astype(int),
            )
            tables.append(pd.DataFrame(dict(zip(TRACE, values, strict=True))))
    return pd.concat(tables) if tables else empty
