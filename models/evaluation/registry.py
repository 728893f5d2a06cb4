"""METRICS: what predictions are measured by, a row and a formula each; loads no heavy library.

A metric is a function of one statistic that can be pooled over items (`models.evaluation.moments`,
`models.evaluation.counts`). A new one is a row here and a function there; result files, figures and
the page follow from the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.tables import Row, Table
from features.task import Task

MOMENTS = "models.evaluation.moments:Moments"
ERRORS = "models.evaluation.counts:AbsoluteErrors"
SIGNS = "models.evaluation.counts:Signs"
CONFUSION = "models.evaluation.counts:Confusion"
ENTROPIES = "models.evaluation.counts:Entropies"


@dataclass(frozen=True, kw_only=True)
class Metric(Row):
    """A metric.

    Attributes:
        code: the formula, a function of the statistic.
        title: on axes and in sentences.
        meaning: what it is, where it is introduced.
        statistic: the class of what it is a function of.
        kinds: of the tasks that have it.
        lower_is_better: for errors.
        in_units: of errors, which are in the units of a target that has its own; correlations and
            shares are the same in any.
    """

    meaning: str = field(metadata={"words": True})
    statistic: str
    kinds: tuple[str, ...]
    lower_is_better: bool = False
    in_units: bool = False

    def load_statistic(self) -> Any:
        """The class of the statistic."""
        return Row(code=self.statistic).load()


METRICS = Table(
    "metric",
    {
        "ccc": Metric(
            code="models.evaluation.moments:ccc",
            title="CCC",
            meaning="concordance correlation coefficient (CCC)",
            statistic=MOMENTS,
            kinds=("regression",),
        ),
        "pearson": Metric(
            code="models.evaluation.moments:pearson",
            title="Pearson correlation",
            meaning="Pearson correlation",
            statistic=MOMENTS,
            kinds=("regression", "sentiment"),
        ),
        "rmse": Metric(
            code="models.evaluation.moments:rmse",
            title="RMSE",
            meaning="root mean square error (RMSE)",
            statistic=MOMENTS,
            kinds=("regression",),
            lower_is_better=True,
            in_units=True,
        ),
        "mae": Metric(
            code="models.evaluation.counts:mean",
            title="MAE",
            meaning="mean absolute error (MAE)",
            statistic=ERRORS,
            kinds=("sentiment",),
            lower_is_better=True,
            in_units=True,
        ),
        "binary_accuracy": Metric(
            code="models.evaluation.counts:binary_accuracy",
            title="binary accuracy",
            meaning="share of right signs (binary accuracy)",
            statistic=SIGNS,
            kinds=("sentiment",),
        ),
        "macro_f1": Metric(
            code="models.evaluation.counts:macro_f1",
            title="macro F1",
            meaning="mean of the classes’ F1 scores (macro F1)",
            statistic=CONFUSION,
            kinds=("classification",),
        ),
        "micro_f1": Metric(
            # With one label each, every miss is a false alarm elsewhere: micro F1 is the accuracy.
            code="models.evaluation.counts:accuracy",
            title="micro F1",
            meaning="F1 score of all classes pooled (micro F1)",
            statistic=CONFUSION,
            kinds=("classification",),
        ),
        "accuracy": Metric(
            code="models.evaluation.counts:accuracy",
            title="accuracy",
            meaning="share that is right (accuracy)",
            statistic=CONFUSION,
            kinds=("classification",),
        ),
        "cross_entropy": Metric(
            code="models.evaluation.counts:mean",
            title="cross-entropy",
            meaning="mean −log of the right class’s probability (cross-entropy)",
            statistic=ENTROPIES,
            kinds=("classification",),
            lower_is_better=True,
        ),
    },
)


REPORTED, CHOOSING = "reported", "choosing"
"""The speakers that results are of (`evaluate.split`), and those that models are chosen by: the
validation split, on which no model that is refitted has learnt."""


SUBSETS: Mapping[str, str] = {
    "no_picture": "No picture",
    "no_face": "Picture, no face",
    "no_sound": "No sound",
    "no_voice": "Sound, no voice",
    "face_and_sound": "Face and sound",
}
"""Frames that are scored apart where the recordings themselves lack something, and their titles."""


def metrics_of(task: Task) -> tuple[str, ...]:
    """Names of a task's metrics in the table's order; of the first, the primary, more is better.

    A job is handed them: while it computes, the table has no other rows than its own.

    >>> metrics_of(Task())
    ('ccc', 'pearson', 'rmse')
    """
    return tuple(name for name, row in METRICS.items() if task.kind in row.kinds)


def primary_metrics() -> list[str]:
    """The first metric of each kind of task, which trainings choose their epoch by.

    >>> primary_metrics()
    ['ccc', 'pearson', 'macro_f1']
    """
    first: dict[str, str] = {}
    for name, row in METRICS.items():
        for kind in row.kinds:
            first.setdefault(kind, name)
    return list(dict.fromkeys(first.values()))
