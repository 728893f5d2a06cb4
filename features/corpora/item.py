"""What every corpus adapter gives: items, and the labels of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Item:
    """One annotated subject in one media file.

    Attributes:
        name: unique in the corpus, letters, digits, dot, dash and underscore only.
        path: the media file.
        speaker: who is seen and heard; no speaker is in two splits.
        split: train, validation or test.
        labels: CSV with `valence`, `arousal` and, unless it has a row per frame, `time`.
    """

    name: str
    path: Path
    speaker: str
    split: Split
    labels: Path | None
