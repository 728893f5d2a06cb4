"""Where the stages' outputs lie, and how the later stages read them."""

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from features.errors import InputError

CORPUS = Path("data/corpus")
ITEMS = CORPUS / "items.parquet"
LABELS = CORPUS / "labels.parquet"
FACES = Path("data/faces.zarr")
FC6 = Path("data/fc6.zarr")
LLD = Path("data/lld.zarr")
WINDOWS = Path("data/windows.zarr")
MODELS = Path("data/models")
RESULTS = Path("reports/results")


@dataclass(frozen=True)
class CorpusItem:
    """A row of items.parquet.

    Attributes:
        item: name.
        path: the media file.
        speaker: who is seen and heard.
        split: train, validation or test.
        labelled: whether it has labels.
        sha256: of the file.
        has_video: there is a picture stream.
        has_audio: there is a sound stream.
        width: in pixels.
        height: in pixels.
        rate: average frames per second; NaN without a picture.
        seconds: length, as the container states it.
    """

    item: str
    path: str
    speaker: str
    split: str
    labelled: bool
    sha256: str
    has_video: bool
    has_audio: bool
    width: int
    height: int
    rate: float
    seconds: float


def fresh(path: Path) -> Path:
    """Make room for an output: what is there may be a link into DVC's cache, not to write through.

    Returns:
        The path, with its folder made and nothing at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def read_items() -> list[CorpusItem]:
    """The items of the corpus, sorted by name; written by the corpus stage.

    Raises:
        InputError: the corpus stage has not run.
    """
    table = _read(ITEMS)
    return [CorpusItem(*row) for row in table[[f.name for f in fields(CorpusItem)]].to_numpy()]


def read_labels() -> pd.DataFrame:
    """The labels of all items: item, time, valence, arousal.

    Raises:
        InputError: the corpus stage has not run.
    """
    return _read(LABELS)


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise InputError(f"{path} is missing", "run `dvc repro corpus`")
    return pd.read_parquet(path)
