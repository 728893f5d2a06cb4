"""Where the stages' outputs lie, and how the later stages read them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.corpora.item import Side, Split
from features.errors import InputError
from features.settings import Modality
from features.task import Task

if TYPE_CHECKING:
    import pandas as pd

CORPUS = Path("data/corpus")
FACTS = CORPUS / "corpus.json"
"""What holds for the whole corpus: its task, whether it is made up, which features it gives."""
ITEMS = CORPUS / "items.parquet"
LABELS = CORPUS / "labels.parquet"
FACES = Path("data/faces.zarr")
SOURCES = Path("data/sources")
"""A file a modality, of what the streams of that modality are extracted from."""
STREAMS = Path("data/streams")
CONTENTS = Path("data/contents")
"""A small file a stream: which rows its store holds."""
WINDOWS = Path("data/windows.zarr")
INPUTS = Path("data/inputs")
"""A small file a model: which frames, labels and rows it reads."""
MODELS = Path("data/models")
RESULTS = Path("reports/results")
NOTES = "; "
GROUP = "group_"
"""What the names of columns begin with by which scores are told apart."""
REPLICATES = "replicates"
"""The folder of results with the bootstrap, its files in the cache, and their column."""
GROUPS = "groups"
"""The folder of results with scores by group, and its files in the cache."""
COST = "cost"
"""The folder of results on what networks cost, and its tables in the cache."""
LATENCY = Path("data/latency")
"""What was measured on this machine, a file a model; no result of any stage."""
TRUST = "trust"
"""The folder of results on how far outputs can be trusted, and its tables in the cache."""
CALIBRATION = "calibration.json"
"""A file in the cache, and beside a saved recogniser: what its outputs are worth."""


@dataclass(frozen=True)
class CorpusItem:
    """A row of items.parquet.

    Attributes:
        item: name.
        path: the media file; empty where the corpus gives features instead.
        speaker: who is seen and heard.
        split: train, validation or test.
        side: left, right, or empty for the main face.
        labelled: whether it has labels.
        start: seconds at which it begins in the file.
        end: seconds at which it ends; NaN for the end of the file.
        crops: folder of face pictures that take the place of detection, or empty.
        sha256: of the file; or of what the features depend on.
        crops_sha256: of those pictures, or empty.
        has_video: there is a picture stream.
        has_audio: there is a sound stream.
        width: in pixels.
        height: in pixels.
        rate: average frames per second; NaN without a picture.
        seconds: length, as the container states it.
        notes: what is done about what is unusual in the file, sentences joined by NOTES.
        without_picture: seconds in which no picture comes; 0 where features are given.
        without_sound: seconds in which the file has no sound; 0 where features are given.
        features_sha256: of features that are given beside media, or empty.
        person: who of several people it is: left, right, or the path of a picture; empty for the
            main one.
    """

    item: str
    path: str
    speaker: str
    split: Split
    side: Side
    labelled: bool
    start: float
    end: float
    crops: str
    sha256: str
    crops_sha256: str
    has_video: bool
    has_audio: bool
    width: int
    height: int
    rate: float
    seconds: float
    notes: str = ""
    without_picture: float = 0.0
    without_sound: float = 0.0
    features_sha256: str = ""
    person: str = ""

    @property
    def frames(self) -> float:
        """About how many pictures it has, at least one: for progress bars and the order of work."""
        return max(1.0, self.seconds * self.rate) if self.rate > 0 else 1.0


def fresh(path: Path) -> Path:
    """Make room for an output: what is there may be a link into DVC's cache, not to write through.

    Returns:
        The path, with its folder made and nothing at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def write_source(
    modality: Modality, keys: Mapping[str, str], given: Mapping[str, str] | None = None
) -> None:
    """Write what the streams of a modality are extracted from: a line an item, with its hash.

    Args:
        modality: of the streams.
        keys: hashes of media or of what was made of them, by item.
        given: hashes of features that are given beside them, by item; empty for none.
    """
    more = given or {}
    lines = [f"{item} {key} {more.get(item, '')}".rstrip() for item, key in sorted(keys.items())]
    fresh(SOURCES / modality).write_text("".join(f"{line}\n" for line in lines))


def read_items() -> list[CorpusItem]:
    """The items of the corpus, sorted by name; written by the corpus stage.

    Raises:
        InputError: the corpus stage has not run, or what it wrote is damaged.
    """
    from pyarrow.parquet import ParquetFile

    with _reading(ITEMS), ParquetFile(ITEMS) as file:
        table = file.read()
        columns = [_known(table[f.name].to_pylist()) for f in fields(CorpusItem)]
    return [CorpusItem(*row) for row in zip(*columns, strict=True)]


def _known(values: list[Any]) -> list[Any]:
    """Values of a column, NaN for those that are not known."""
    return [float("nan") if value is None else value for value in values]


def read_groups(items: Sequence[str]) -> dict[str, dict[str, str]]:
    """What scores are told apart by: for every column `group_...` the groups of some items.

    Raises:
        InputError: the corpus stage has not run, or what it wrote is damaged.
    """
    from pyarrow.parquet import ParquetFile

    with _reading(ITEMS), ParquetFile(ITEMS) as file:
        table = file.read().to_pydict()
    groups = {}
    for column in table:
        if column.startswith(GROUP):
            of_item = dict(zip(table["item"], table[column], strict=True))
            groups[column] = {item: of_item[item] for item in items}
    return groups


def read_labels() -> "pd.DataFrame":
    """The labels of all items: item, time, and a column for each output of the task.

    Raises:
        InputError: the corpus stage has not run, or what it wrote is damaged.
    """
    return _read(LABELS)


def read_facts() -> dict[str, Any]:
    """What holds for the whole corpus.

    Raises:
        InputError: the corpus stage has not run, or what it wrote is damaged.
    """
    with _reading(FACTS):
        return json.loads(FACTS.read_text())


def read_task() -> Task:
    """The task of the corpus.

    Raises:
        InputError: the corpus stage has not run, or what it wrote is damaged.
    """
    return Task.model_validate(read_facts()["task"])


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    with _reading(path):
        return pd.read_parquet(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what is wrong with an output of the corpus stage into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing", "run `dvc repro corpus`") from error
    except (OSError, ValueError, KeyError) as error:  # cut short, or of an older version
        raise InputError(
            f"{path} is damaged or of another version", "run `dvc repro --force corpus`"
        ) from error


def media_items() -> list[CorpusItem]:
    """The items whose media are to be extracted: none where the corpus only gives features."""
    return [item for item in read_items() if item.path]
