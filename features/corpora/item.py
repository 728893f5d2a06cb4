"""What a corpus's reader takes and gives: a task, and items with their labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.corpora.settings import SplitSettings
from features.settings import Modality
from features.task import Task

if TYPE_CHECKING:
    import pandas as pd

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Side = Literal["", "left", "right"]
SIDES: tuple[Side, ...] = ("", "left", "right")
TIME = "time"
"""Column of a label table: seconds on the container's clock, NaN where rows follow the frames."""


@dataclass(frozen=True)
class Item:
    """One annotated subject in one media file.

    Attributes:
        name: unique in the corpus, letters, digits, dot, dash and underscore only.
        path: the media file; None where the corpus gives features instead.
        speaker: who is seen and heard; no speaker is in two splits.
        split: train, validation or test.
        labels: a column for every output of the task (a class has its share of the label: 1 and
            zeros, or parts of a soft label) and `time`; a row per label, one row for a sequence.
            None where there is no label: the item then has features only.
        side: where in a picture of two people the subject is; empty for the main face.
        start: seconds at which the item begins in its file.
        end: seconds at which it ends; None for the end of the file.
        crops: folder of face pictures that the corpus brings along, in place of detection.
        person: who of several people it is: `left`, `right`, or the path of a picture of the face;
            empty for the main one.
        groups: what scores are told apart by: values of columns `group_...`, by the column's name.
    """

    name: str
    path: Path | None
    speaker: str
    split: Split
    labels: "pd.DataFrame | None" = field(default=None, compare=False)
    side: Side = ""
    start: float = 0.0
    end: float | None = None
    crops: Path | None = None
    person: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Features:
    """One stream of an item, in a corpus that gives features.

    Attributes:
        times: (N,) start of each row in seconds; streams of an item may have rows of their own.
        rows: (N, D) float32, finite.
        present: (N,) bool, where there was a face or sound.
        voice: (N,) bool, of sound, where it is speech and no pause in it; None where it is not
            known.
    """

    times: NDArray[np.float64]
    rows: NDArray[np.float32]
    present: NDArray[np.bool_]
    voice: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Corpus:
    """A corpus as its reader gives it.

    Attributes:
        task: what its labels say.
        items: sorted by name.
        excluded: items known to be bad, which are not among the others, each with the reason.
        notes: what was found and by which rule it was dealt with, a sentence each, for people.
        gives: where the corpus gives features, instead of media or beside them: the modality of
            each of its streams, by the stream's name; None where params.yaml alone says it.
        features: the streams of an item, by its name: `Features` by the stream's name.
        identity: of those features, for cache keys: a hash of all they depend on.
        content: such a hash of one stream of an item, by the names of both, where features change
            item by item; it takes the place of `identity`.
        normalise_video: whether its pictures' features need a z-norm as the sounds' do.
    """

    task: Task
    items: list[Item]
    excluded: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    gives: Mapping[str, Modality | None] = field(default_factory=dict)
    features: Callable[[str], Mapping[str, Features]] | None = None
    identity: str = ""
    content: Callable[[str, str], str] | None = None
    normalise_video: bool = False


@dataclass(frozen=True)
class Work:
    """How a reader works where that takes long.

    Attributes:
        processes: how many to run at a time.
        progress: called with how many parts are done, and of how many.
    """

    processes: int = 1
    progress: Callable[[int, int], None] = field(default=lambda _done, _total: None)


class Reader(Protocol):
    """Reads a corpus: what a row of CORPORA names."""

    def __call__(self, root: Path, settings: Any, split: SplitSettings, work: Work, /) -> Corpus:
        """Read it.

        Args:
            root: folder of the corpus, `corpus.root`.
            settings: its section of params.yaml; of a corpus of the user's own the mapping
                `corpus.options`.
            split: how speakers are split where the corpus does not say.
            work: how to work where that takes long.

        Raises:
            InputError: the corpus is not what is expected there.
        """
        ...
