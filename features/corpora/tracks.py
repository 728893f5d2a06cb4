"""The tracks of Aff-Wild2's challenges that are read: valence and arousal, expressions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.corpora.labels import read_class_numbers, read_labels
from features.task import AFFECT, Task

EXPRESSIONS = Task(
    kind="classification",
    level="frame",
    outputs=(
        *("neutral", "anger", "disgust", "fear"),
        *("happiness", "sadness", "surprise", "other"),
    ),
)
"""One of eight classes of every frame, by their numbers from 0 on."""


@dataclass(frozen=True)
class Track:
    """One of the challenges.

    Attributes:
        task: of its labels.
        folders: of its annotations; years differ in their names.
        what: it annotates, for messages.
        invalid: which labels count nowhere, for notes.
    """

    task: Task
    folders: tuple[str, ...]
    what: str
    invalid: str

    def read(self, file: Path) -> pd.DataFrame:
        """The labels of a file, a row per frame.

        Raises:
            InputError: the file is malformed; names row and column.
        """
        if self.task.kind == "classification":
            return read_class_numbers(file, self.task.outputs)
        return read_labels(file)


TRACKS: Mapping[str, Track] = {
    "va": Track(
        AFFECT,
        ("VA_Estimation_Challenge", "VA_Set"),
        "valence and arousal",
        "are outside [−1, 1]",
    ),
    "expr": Track(
        EXPRESSIONS,
        ("EXPR_Classification_Challenge",),
        "expressions",
        "are −1, not labelled",
    ),
}
