"""The tables of a run's own numbers, as HTML."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reports.figures.style import MODALITY_NAMES, strategy_name
from reports.numbers.protocols import GONE, INPUTS
from reports.numbers.schema import FILLS, MEAN, MODALITIES, NONE, STRATEGIES
from reports.numbers.summary import HEADLINES, WORST_DROP, overall_target
from reports.numbers.task import METRICS, Task
from reports.tables.markup import Column, measures, numbers, spanning, th
from reports.tables.significance import Marks

HEADLINE_NAMES = {
    "intact": "Intact",
    "video_gone": "Picture gone",
    "audio_gone": "Sound gone",
    "mean": "Robustness area",
    "worst_drop": "Worst drop",
}
FILL_NAMES = {"none": "nothing", "hold": "last one received", "nearest": "nearest one received"}
GONE_NAMES = {"absent": "The other modality absent", "noise": "The other modality noise"}
SUBSET_NAMES = {
    "all": "All labels",
    "no_face": "No face found",
    "no_sound": "No sound",
    "no_voice": "Sound, no voice",
    "face_and_sound": "Face and sound",
}
Loss = tuple[str, str, float, float]  # modality, strategy, mean length of a burst, p


def conditions_table(conditions: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Models × conditions: a row per model and target, a column per condition.

    Args:
        conditions: what `summary.losses` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    rows = _by_loss(conditions)
    grid = list(rows)
    starts = _starts([one[:3] for one in grid])
    head = [
        _losing(grid),
        spanning([strategy_name(one[1], one[2]) for one in grid], [one[:3] for one in grid]),
        "".join(th(f"p = {one[3]:g}", start) for one, start in zip(grid, starts, strict=True)),
    ]
    columns = [
        Column(measures(table), start) for table, start in zip(rows.values(), starts, strict=True)
    ]
    return numbers(columns, models, _row_names(task), head)


def imputation_table(imputed: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """What stands in for lost frames, side by side for every condition.

    Args:
        imputed: what `summary.imputed` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    rows = _by_loss(imputed)
    fills = [fill for fill in FILLS if fill in {NONE, *imputed["fill"]}]
    grid = [one for one in rows for _ in fills]
    head = [
        _losing(grid),
        spanning(
            [f"{strategy_name(one[1], one[2])}, p = {one[3]:g}" for one in grid],
            grid,
        ),
        "".join(th(FILL_NAMES[fill], fill == fills[0]) for _ in rows for fill in fills),
    ]
    columns = [
        Column(measures(table[table["fill"] == fill]), fill == fills[0])
        for table in rows.values()
        for fill in fills
    ]
    return numbers(columns, models, _row_names(task), head)


def headline_table(headlines: pd.DataFrame, models: Sequence[str], task: Task, marks: Marks) -> str:
    """The headline numbers, a row per model and target, and one for the targets' mean.

    Args:
        headlines: what `summary.headline` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
        marks: what `significance.marks` returned.
    """
    columns = headline_columns(headlines, HEADLINES, marks)
    head = ["".join(th(HEADLINE_NAMES[name], True) for name in HEADLINES)]
    return numbers(columns, models, _row_names(task) | _mean(task), head)


def headline_columns(headlines: pd.DataFrame, names: Sequence[str], marks: Marks) -> list[Column]:
    """A column for each of some headline numbers."""
    return [
        Column(
            measures(headlines[headlines["headline"] == name]),
            starts=True,
            lower_is_better=name == WORST_DROP,
            marks=marks.get(name, {}),
        )
        for name in names
    ]


def intact_table(intact: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Every metric on intact input, a row per model and target.

    Args:
        intact: what `summary.intact` returned.
        models: rows from top to bottom.
        task: its targets and metrics.
    """
    columns = [
        Column(measures(intact[intact["metric"] == name]), True, METRICS[name].lower_is_better)
        for name in task.metrics
    ]
    head = ["".join(th(METRICS[name].heading, True) for name in task.metrics)]
    return numbers(columns, models, task.labels, head)


def one_modality_table(table: pd.DataFrame, models: Sequence[str], task: Task, metric: str) -> str:
    """Both modalities, only sound, only picture, and their mean; of all targets.

    Args:
        table: what `protocols.one_modality` returned.
        models: rows from top to bottom.
        task: its targets.
        metric: that was measured.
    """
    gone = [name for name in GONE.values() if name in set(table["gone"])]
    grid = [(name, given) for name in gone for given in INPUTS]
    columns = [
        Column(
            measures(table[(table["gone"] == name) & (table["input"] == given)]),
            given == INPUTS[0],
            METRICS[metric].lower_is_better,
        )
        for name, given in grid
    ]
    head = [
        spanning([GONE_NAMES[name] for name, _ in grid], [name for name, _ in grid]),
        "".join(th(given, given == INPUTS[0]) for _, given in grid),
    ]
    return numbers(columns, models, {overall_target(task): ""}, head)


def natural_table(table: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Intact input, scored apart by what was there in the recording.

    Args:
        table: what `protocols.natural` returned.
        models: rows from top to bottom.
        task: its targets, and its primary metric.
    """
    labels = dict(zip(table["subset"], table["labels"], strict=True))
    subsets = [name for name in SUBSET_NAMES if name in labels]
    columns = [Column(measures(table[table["subset"] == name]), True) for name in subsets]
    head = [
        "".join(th(f"{SUBSET_NAMES[name]} ({labels[name]:,})", True) for name in subsets),
    ]
    return numbers(columns, models, _row_names(task) | _mean(task), head)


def _by_loss(table: pd.DataFrame) -> dict[Loss, pd.DataFrame]:
    """The rows of each condition, in the order of the columns."""
    groups: dict[Any, pd.DataFrame] = dict(
        list(table.groupby(["modality", "strategy", "burst", "p"]))
    )
    order = sorted(
        groups, key=lambda one: (MODALITIES.index(one[0]), STRATEGIES.index(one[1]), *one[2:])
    )
    return {one: groups[one] for one in order}


def _losing(grid: Sequence[Loss]) -> str:
    return spanning([MODALITY_NAMES[one[0]] for one in grid], [one[:1] for one in grid])


def _starts(groups: Sequence[object]) -> list[bool]:
    """Where another group begins."""
    return [i == 0 or group != groups[i - 1] for i, group in enumerate(groups)]


def _row_names(task: Task) -> dict[str, str]:
    """What the rows of a model hold, by target; for classes it is the metric that says it."""
    return {target: name or task.primary.name for target, name in task.labels.items()}


def _mean(task: Task) -> dict[str, str]:
    return {MEAN: "Mean"} if len(task.targets) > 1 else {}
