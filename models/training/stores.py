"""The stores that training and evaluation read, and what their content depends on."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from features.corpora.listing import INPUTS, STREAMS, WINDOWS
from features.errors import InputError
from features.settings import MODALITIES, Modality
from features.stores.streams import open_stream
from features.stores.windows import WindowStore, open_windows
from features.task import Task
from features.windows.normaliser import Normaliser
from features.windows.reading import StreamReader

FOR_TRAINING = ("speaker", "split", "frames", "streams")
"""The facts of an item that training depends on."""


class Fitted(Protocol):
    """A mean and a deviation of every number of a row."""

    @property
    def mean(self) -> Sequence[float]:
        """The means."""
        ...

    @property
    def std(self) -> Sequence[float]:
        """The deviations."""
        ...


Moments = Sequence[Fitted | None]
"""Of each part of a stream; None where rows are taken as they are."""


class ModelStores(NamedTuple):
    """The data that one model reads.

    Attributes:
        windows: frames and labels.
        streams: the stream of each modality that it sees, sound first.
    """

    windows: WindowStore
    streams: dict[Modality, StreamReader]


def open_stores(
    sees: Sequence[str],
    windows: Path = WINDOWS,
    streams: Path = STREAMS,
    moments: Mapping[Modality, Moments] = MappingProxyType({}),
) -> ModelStores:
    """The stores of a model.

    Args:
        sees: names of the streams, at most one of each modality.
        windows: the windows store.
        streams: folder of the streams' stores.
        moments: what rows are z-normed with, by modality, in place of the train split's.

    Raises:
        InputError: a stage before this one has not run.
    """
    store = open_windows(windows)
    readers = {}
    for name in sees:
        if name not in store.streams:
            raise InputError(f"{windows} has no stream {name}", "run `dvc repro windows`")
        stream = store.streams[name]
        parts = [open_stream(streams / f"{part}.zarr") for part in stream.parts]
        readers[stream.modality] = StreamReader(
            store, name, parts, _normalisers(moments.get(stream.modality))
        )
    return ModelStores(store, {m: readers[m] for m in MODALITIES if m in readers})


def _normalisers(moments: Moments | None) -> list[Normaliser | None] | None:
    if moments is None:
        return None
    return [
        None if m is None else Normaliser(np.asarray(m.mean), np.asarray(m.std)) for m in moments
    ]


@dataclass(frozen=True)
class Listed:
    """An item of a manifest.

    Attributes:
        item: its name.
        speaker: who is seen and heard.
        split: train, validation or test.
        labelled: whether it has labels.
    """

    item: str
    speaker: str
    split: str
    labelled: bool


@dataclass(frozen=True)
class Inputs:
    """The manifest of what one model reads; names of models and streams are not in it.

    Attributes:
        common: task, whether the corpus gives features, length of clips, and the settings of each
            modality's stream.
        items: by item: speaker, split, whether it is `labelled`, hashes of `frames` (times and
            labels) and `shown` (face, sound and voice), and by modality of `streams` (rows, and
            which of them every step looks at).
    """

    common: dict[str, Any]
    items: dict[str, dict[str, Any]]

    @property
    def task(self) -> Task:
        """The task of the corpus."""
        return Task.model_validate(self.common["task"])

    @property
    def gives_features(self) -> bool:
        """Whether the corpus gives features in place of media."""
        return bool(self.common["gives_features"])

    def listed(self) -> list[Listed]:
        """The items, sorted by name."""
        names = ("speaker", "split", "labelled")
        return [
            Listed(item, *(content[name] for name in names))
            for item, content in sorted(self.items.items())
        ]

    def for_training(self, items: Iterable[str]) -> list[Any]:
        """The facts that training with these items depends on."""
        chosen = [[item, {n: self.items[item][n] for n in FOR_TRAINING}] for item in items]
        return [self.common, chosen]

    def for_evaluation(self, items: Iterable[str]) -> list[Any]:
        """The facts that evaluating on these items depends on."""
        return [self.common, [[item, self.items[item]] for item in items]]

    def write(self, path: Path) -> None:
        """Write the manifest."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link into DVC's cache
        content = {"common": self.common, "items": self.items}
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_inputs(model: str, folder: Path = INPUTS) -> Inputs:
    """The manifest of a model, as the stage windows wrote it.

    Raises:
        InputError: there is no manifest.
    """
    path = folder / f"{model}.json"
    try:
        content = json.loads(path.read_text())
        return Inputs(content["common"], content["items"])
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing", "run `dvc repro windows`") from error
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged", "run `dvc repro --force windows`") from error
