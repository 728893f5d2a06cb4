"""Predictions that somebody made under named conditions, as arrays that are scored as ours are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from features.errors import InputError
from models.evaluation.conditions import Condition, Run, runs_under
from models.evaluation.evaluator import scores_of
from models.evaluation.lost_frames import CONDITION
from models.evaluation.registry import REPORTED
from models.evaluation.replicates import replicates_of_runs
from models.evaluation.scores import pooled
from models.evaluation.tables import Evaluated, metrics_of_runs
from models.training.batch import Batch
from models.training.data import Clip, ClipData

DEFAULTS: Mapping[str, Any] = {
    **{name: getattr(Condition, name) for name in CONDITION if hasattr(Condition, name)},
    **{"trial": 0, "seed": 0, "model": "predictions"},
}
"""Columns that a table may lack, and what stands for them."""
_WHOLE = ("trial", "seed")
_NUMBERS = ("p", "burst", *_WHOLE)


@dataclass(frozen=True)
class GivenPredictions:
    """The predictions of one seed of one model.

    Attributes:
        model: its name.
        seed: of its training.
        runs: trials of conditions, in the order of `runs_under`.
        values: (runs, frames of all items, outputs) float32, the items one after the other; zeros
            for frames without a label of which nothing is given.
    """

    model: str
    seed: int
    runs: Sequence[Run]
    values: NDArray[np.float32]


def predictions_in(
    table: pd.DataFrame, data: ClipData, conditions: Sequence[Condition], trials: int
) -> Iterator[GivenPredictions]:
    """The predictions of a table, by model and seed.

    Args:
        table: a row per item, frame, condition, trial, seed and model: `item`, `frame` or `time`
            (neither for sequences), `modality`, `strategy`, `p`, the task's outputs in the labels'
            units (logits of classes), and those of DEFAULTS that differ from them.
        data: the items that results are of.
        conditions: that there are.
        trials: of random conditions.

    Raises:
        InputError: a column, item, frame, trial or condition is missing or unknown, a value is not
            finite, or models were not predicted under the same conditions.
    """
    table = _checked(table, data)
    place = _places(table, data)
    which, order = _conditions(table, conditions)
    groups = table.groupby(["model", "seed"], sort=False).indices
    chosen: list[Condition] = []
    for name, rows in groups.items():
        model, seed = map(str, cast("tuple[Any, Any]", name))
        found = [conditions[number] for number in sorted(set(which[rows]))]
        if chosen and found != chosen:
            raise InputError(
                f"{model}, seed {float(seed):g}, has other conditions than the table's first model",
                "give every model and seed under the same ones",
            )
        chosen = found
        runs = runs_under(chosen, trials)
        number_of = np.full((len(conditions), trials), -1)
        for number, run in enumerate(runs):
            number_of[order[run.condition], run.trial] = number
        trial = table["trial"].to_numpy(np.int64)[rows]
        within = trial.clip(0, trials - 1)
        run_of = np.where(trial == within, number_of[which[rows], within], -1)
        if (run_of < 0).any():
            row = table.iloc[rows[int(np.argmax(run_of < 0))]]
            reason = f"trial {row['trial']:g} of {_words(row)} is none of the evaluation"
            raise InputError(reason, "number trials from 0, one for what is not random")
        outputs = table[list(data.task.outputs)].to_numpy(np.float32)[rows]
        values = _filled(outputs, run_of, place[rows], data, runs)
        yield GivenPredictions(model, int(float(seed)), runs, values)


def tables_of_given(
    given: GivenPredictions,
    data: ClipData,
    *,
    asked: Sequence[Condition],
    metrics: Sequence[str],
    batch_clips: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The metrics of every run, and the bootstrap of every condition, as evaluation makes them.

    Args:
        given: predictions of one seed.
        data: the items that results are of.
        asked: conditions that the settings name.
        metrics: names of rows of METRICS.
        batch_clips: clips per batch.
    """
    starts = _starts(data)

    def predicted(batch: Batch, clips: Sequence[Clip]) -> NDArray[np.float32]:
        length = batch.labels.shape[1]
        shape = (len(given.runs), len(clips), length, given.values.shape[2])
        values = np.zeros(shape, np.float32)
        for place, clip in enumerate(clips):
            count = clip.stop - clip.start if data.task.level == "frame" else 1
            first = starts[clip.item] + (clip.start if data.task.level == "frame" else 0)
            values[:, place, :count] = given.values[:, first : first + count]
        return values

    device = torch.device("cpu")
    scores = scores_of(data, predicted, metrics=metrics, device=device, batch_clips=batch_clips)
    evaluated = Evaluated(REPORTED, asked)
    return (
        metrics_of_runs(data.task, given.runs, pooled(scores.values()), evaluated),
        replicates_of_runs(data.task, given.runs, scores, evaluated),
    )


def _checked(table: pd.DataFrame, data: ClipData) -> pd.DataFrame:
    """The table with every column, numbers as such, on the inner scale of the targets."""
    task = data.task
    needed = ["item", "modality", "strategy", "p", *task.outputs]
    missing = [name for name in needed if name not in table]
    if missing:
        raise InputError(f"the table has no column {missing[0]}", f"give {', '.join(needed)}")
    if table.empty:
        raise InputError("the table has no rows", "give predictions")
    absent = {name: value for name, value in DEFAULTS.items() if name not in table}
    table = table.reset_index(drop=True).assign(**absent)
    clock = [name for name in ("frame", "time") if name in table]
    for name in (*_NUMBERS, *clock, *task.outputs):
        numbers = pd.to_numeric(table[name], errors="coerce").astype(np.float64)
        finite = np.isfinite(numbers)
        if not finite.all():
            row = int(np.argmin(finite))
            found = str(table[name].iloc[row]) or "empty"
            reason = f"{name} of row {row + 2} is {found}, not a finite number"
            raise InputError(reason, "correct the table")
        if name in _WHOLE and (numbers % 1 != 0).any():
            raise InputError(f"{name} is not a whole number in every row", "correct the table")
        table[name] = numbers
    unknown = set(table["item"].unique()) - set(data.items)
    if unknown:
        reason = f"{min(map(str, unknown))} is not an item of the evaluated split"
        raise InputError(reason, f"items are named like {data.items[0]}")
    return task.scaled(table)


def _places(table: pd.DataFrame, data: ClipData) -> NDArray[np.int64]:
    """Where each row's frame stands among those of all items, one after the other."""
    place = np.zeros(len(table), np.int64)
    starts, per_frame = _starts(data), data.task.level == "frame"
    if per_frame and "frame" not in table and "time" not in table:
        raise InputError("the table has neither a column frame nor time", "give one of them")
    for item, rows in table.groupby("item").indices.items():
        frames = np.zeros(len(rows), np.int64)
        if per_frame:
            times = data.item_array(str(item), "times")
            name = "frame" if "frame" in table else "time"
            values = table[name].to_numpy()[rows]
            frames, fits = _frames(values, times, is_time=name == "time")
            if not fits.all():
                value = values[int(np.argmin(fits))]
                reason = f"{item} has no frame at {name} {value:g}"
                raise InputError(reason, f"it has {len(times)}, 0 to {times[-1]:.3f} s")
        place[rows] = starts[str(item)] + frames
    return place


def _frames(
    values: NDArray[np.float64], times: NDArray[np.float64], *, is_time: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The frame of every value, and whether there is one."""
    last = len(times) - 1
    if not is_time:
        frames = values.clip(0, last).astype(np.int64)
        return frames, frames == values
    after = np.searchsorted(times, values).clip(1, max(last, 1)).clip(max=last)
    before = (after - 1).clip(0)
    frames = np.where(values - times[before] <= times[after] - values, before, after)
    # Rounded times are near their frame, and no nearer to another.
    gap = np.diff(times).min() if last else 1.0
    return frames, np.abs(times[frames] - values) < gap / 2


def _conditions(
    table: pd.DataFrame, conditions: Sequence[Condition]
) -> tuple[NDArray[np.int64], dict[Condition, int]]:
    """The number of each row's condition, and the numbers of all."""
    order = {condition: number for number, condition in enumerate(conditions)}
    by_name = {_key(vars(c)): number for c, number in order.items() if not c.causal}
    which = np.zeros(len(table), np.int64)
    for rows in table.groupby(list(CONDITION), dropna=False).indices.values():
        row = table.iloc[rows[0]]
        number = by_name.get(_key(row))
        if number is None:
            reason = f"{_words(row)} is no condition of evaluate in params.yaml"
            raise InputError(reason, "`python -m pipeline.losses` lists them")
        which[rows] = number
    return which, order


def _key(values: Any) -> tuple[Any, ...]:
    numbers = tuple(round(float(values[name]), 9) for name in ("p", "burst"))
    return (*numbers, *(str(values[n]) for n in CONDITION if n not in ("p", "burst")))


def _words(row: Any) -> str:
    return ", ".join(f"{name} {row[name]}" for name in CONDITION)


def _filled(
    outputs: NDArray[np.float32],
    run_of: NDArray[np.int64],
    place: NDArray[np.int64],
    data: ClipData,
    runs: Sequence[Run],
) -> NDArray[np.float32]:
    """(runs, frames of all items, outputs), every frame with a valid label given once."""
    starts = _starts(data)
    valid = np.concatenate([data.item_array(item, "valid") for item in data.items])
    given = np.zeros((len(runs), len(valid)), np.int64)
    np.add.at(given, (run_of, place), 1)
    wrong = (given > 1) | (valid & (given == 0))
    if wrong.any():
        run, at = (int(index[0]) for index in np.nonzero(wrong))
        item = next(item for item in reversed(data.items) if starts[item] <= at)
        frame = f"frame {at - starts[item]} of {item}"
        how = "is given twice" if given[run, at] else "is missing"
        words = f"{_words(vars(runs[run].condition))}, trial {runs[run].trial}"
        reason = f"{frame} {how} under {words}"
        raise InputError(reason, "give every frame that has a label once for every run")
    values = np.zeros((*given.shape, outputs.shape[1]), np.float32)
    values[run_of, place] = outputs
    return values


def _starts(data: ClipData) -> dict[str, int]:
    """The place of every item's first label among those of all."""
    counts = [len(data.item_array(item, "valid")) for item in data.items]
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return {item: int(start) for item, start in zip(data.items, starts, strict=True)}
