"""The windows store: each item's frames, labels and presence, and which rows its steps look at."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.settings import Modality
from features.stores.assembling import begin, finish, write_small
from features.stores.store import Store, open_store
from features.task import Task
from features.windows.normaliser import Normaliser

OF_ITEM = ("times", "labels", "valid", "decoded", "picture", "face", "sound", "voice")
"""Arrays of an item, (F, ...): `labels` and `valid` of a sequence have one row; `decoded` says
whether a picture begins with the frame; the last four whether there was a picture, a face, sound,
speech."""

OF_STREAM = ("index", "present", "frame")


@dataclass(frozen=True)
class WindowedStream:
    """What the windows store says of a stream.

    Attributes:
        modality: audio or video.
        parts: names of the streams that hold its rows; itself where it joins none.
        width: numbers of a row, of all parts together.
        steps: rows in a step's context.
        column: which of them is at the step itself.
        align: whether its steps are the item's frames.
        normaliser: of each part, None where rows are taken as they are.
    """

    modality: Modality
    parts: tuple[str, ...]
    width: int
    steps: int
    column: int
    align: Literal["frames", "none"]
    normaliser: tuple[Normaliser | None, ...]

    def as_json(self) -> dict[str, Any]:
        """For the attributes of a store."""
        fitted = [
            None if n is None else {"mean": n.mean.tolist(), "std": n.std.tolist()}
            for n in self.normaliser
        ]
        return {**asdict(self), "parts": list(self.parts), "normaliser": fitted}

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> "WindowedStream":
        """From the attributes of a store."""
        fitted = tuple(
            None if n is None else Normaliser(np.array(n["mean"]), np.array(n["std"]))
            for n in content["normaliser"]
        )
        return cls(**{**content, "parts": tuple(content["parts"]), "normaliser": fitted})


@dataclass(frozen=True)
class Steps:
    """Steps of one item in one stream.

    Attributes:
        index: (N, steps) int32, row of the (first) stream in each step's context, −1 for none.
        present: (N,) bool, whether there is a face or sound.
        frame: (N,) int32, the item's frame that contains the step's centre.
        others: (T, parts − 1) int32, the row of every other part that goes with each row of the
            first one, −1 for none.
    """

    index: NDArray[np.int32]
    present: NDArray[np.bool_]
    frame: NDArray[np.int32]
    others: NDArray[np.int32]


@dataclass(frozen=True)
class Windowed:
    """One item of the windows store.

    Attributes:
        arrays: OF_ITEM by name.
        streams: its steps in every stream, by the stream's name.
    """

    arrays: dict[str, NDArray[Any]]
    streams: dict[str, Steps]


def write_windows(
    path: Path,
    items: dict[str, Windowed],
    streams: dict[str, WindowedStream],
    *,
    task: Task,
    clip_frames: int,
    settings: dict[str, Any],
) -> None:
    """Write the store of some items, sorted by name."""
    begin(path)
    names = sorted(items)
    for array in OF_ITEM if names else ():
        write_small(path, array, [items[name].arrays[array] for name in names])
    for stream in streams if names else ():
        for array in (*OF_STREAM, "others"):
            parts = [getattr(items[name].streams[stream], array) for name in names]
            write_small(path, f"{stream}/{array}", parts)
    finish(
        path,
        {
            "items": names,
            "task": task.model_dump(mode="json"),
            "clip_frames": clip_frames,
            "settings": settings,
            "streams": {name: stream.as_json() for name, stream in streams.items()},
        },
    )


class WindowStore:
    """The windows store, opened for reading.

    Args:
        store: as `open_store` returns it.

    Attributes:
        task: what the labels are of.
        clip_frames: length of a clip.
        streams: what there is of each stream, by its name.

    Raises:
        InputError: it does not say so.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.task = Task.model_validate(store.attribute("task"))
        self.clip_frames: int = store.attribute("clip_frames")
        streams = store.attribute("streams")
        self.streams = {name: WindowedStream.of_json(s) for name, s in streams.items()}

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items, sorted."""
        return self._store.items

    def array(self, item: str, name: str) -> NDArray[Any]:
        """One of OF_ITEM."""
        return self._store.array(item, name)

    def times(self, item: str) -> NDArray[np.float64]:
        """(F,) second at which each frame begins, on the recording's clock."""
        return self._store.array(item, "times")

    def labels(self, item: str) -> NDArray[np.float32]:
        """(F, outputs); (1, outputs) of a sequence."""
        return self._store.array(item, "labels")

    def valid(self, item: str) -> NDArray[np.bool_]:
        """(F,) or (1,), whether a label counts."""
        return self._store.array(item, "valid")

    def steps(self, item: str, stream: str) -> Steps:
        """The steps of an item in a stream."""
        arrays = {n: self._store.array(item, f"{stream}/{n}") for n in (*OF_STREAM, "others")}
        return Steps(**arrays)


def open_windows(path: Path) -> WindowStore:
    """Open the windows store.

    Raises:
        InputError: it is missing, unreadable, or of another schema.
    """
    return WindowStore(open_store(path, stage="windows"))
