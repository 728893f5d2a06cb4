"""How tasks, metrics, modalities and strategies are called, with the words of their tables."""

import math
from collections.abc import Sequence

from features.errors import InputError
from features.tables import Table
from features.task import Task
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import METRICS, Metric, metrics_of
from reports.numbers.schema import MEAN

NOUNS = {
    "audio": "sound",
    "video": "picture",
    "both": "sound and picture",
    "together": "sound and picture together",
}
"""What people call a modality, and both of them."""


def primary_metric(task: Task) -> Metric:
    """The metric of the figures and of the tables of conditions.

    >>> primary_metric(Task()).title
    'CCC'
    """
    return METRICS[metrics_of(task)[0]]


def target_titles(task: Task) -> dict[str, str]:
    """How the rows of a table are called, by target; classes have no name of their own.

    >>> target_titles(Task())
    {'valence': 'Valence', 'arousal': 'Arousal'}
    >>> target_titles(Task(kind="classification", level="sequence", outputs=("sad", "happy")))
    {'class': ''}
    """
    if task.kind == "classification":
        return {"class": ""}
    return {target: capitalised(target) for target in task.targets}


def overall_target(task: Task) -> str:
    """The target that stands for all: their mean, or the only one.

    >>> overall_target(Task())
    'mean'
    """
    return MEAN if len(task.targets) > 1 else task.targets[0]


def axis_title(task: Task, target: str) -> str:
    """Label of an axis with the primary metric of a target.

    >>> axis_title(Task(), "arousal")
    'Arousal, CCC'
    """
    return ", ".join(filter(None, (target_titles(task)[target], primary_metric(task).title)))


def labelled_unit(task: Task) -> str:
    """What has a label, in the plural.

    >>> labelled_unit(Task())
    'valid frames'
    """
    return "valid frames" if task.level == "frame" else "labelled sequences"


def lost_title(modality: str) -> str:
    """The heading of what is taken away from a modality, or from both.

    >>> lost_title("both")
    'Sound and picture lost'
    """
    return f"{capitalised(NOUNS[modality])} lost"


def strategy_title(strategy: str, burst: float = 0.0) -> str:
    """How a strategy is called; bursts with their mean length in frames.

    >>> strategy_title("burst", 5.0)
    'Bursts of 5 frames'
    """
    return title_in(STRATEGIES, strategy) + (f" of {burst:g} frames" if burst else "")


def strategy_place(strategy: str) -> int:
    """Where a strategy stands among others: as in the table, those of users after its rows.

    >>> strategy_place("none")
    0
    """
    names = list(STRATEGIES)
    return names.index(strategy) if strategy in names else len(names)


def title_in(table: Table, name: str) -> str:
    """The title of a row; its name where it has none, or where a user's row is gone.

    >>> title_in(METRICS, "rmse")
    'RMSE'
    """
    try:
        return table[name].title or name
    except InputError:
        return name


def capitalised(name: str) -> str:
    """The name with a capital first letter.

    >>> capitalised("macro F1")
    'Macro F1'
    """
    return name[:1].upper() + name[1:]


def listing(names: Sequence[str]) -> str:
    """The names as in a sentence.

    >>> listing(["valence", "arousal", "dominance"])
    'valence, arousal and dominance'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def two(value: float) -> str:
    """Two decimals and a true minus sign; a dash for none.

    >>> two(-0.061), two(float("nan"))
    ('−0.06', '–')
    """
    return "–" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def counted_noun(count: int, noun: str) -> str:
    """A number of things.

    >>> counted_noun(3, "seed")
    '3 seeds'
    """
    return f"{count} {noun}{'s' if count != 1 else ''}"
