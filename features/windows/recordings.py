"""One item as the windows stage sees it: from the stores of extraction, or from its corpus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from features.corpora.item import Features
from features.corpora.listing import CorpusItem
from features.extractors.presence import voice_present
from features.hashes import hash_of
from features.settings import MODALITIES, Modality, WindowSettings
from features.stores.store import read_array, read_item, read_key, read_names, read_number
from features.windows.context import Sound, at_centres, audio_present, context_rows


@dataclass(frozen=True)
class Recording:
    """Frames of an item, and the rows of sound that they look at.

    Attributes:
        times: (F,) start of each frame in container seconds.
        lld: (rows, descriptors) float32, not yet z-normed.
        present: (rows,) bool, where there is sound.
        rows: (F, steps) int32, the row of every frame and context step; −1 outside the sound.
        audio_present: (F,) bool.
        voice_present: (F,) bool, where that sound is no pause in speech, as far as is known.
        video_present: (F,) bool.
        video: (F, features) where the corpus gives them; else they are in the fc6 store.
        first: index of the first frame in the fc6 store.
    """

    times: NDArray[np.float64]
    lld: NDArray[np.float32]
    present: NDArray[np.bool_]
    rows: NDArray[np.int32]
    audio_present: NDArray[np.bool_]
    voice_present: NDArray[np.bool_]
    video_present: NDArray[np.bool_]
    video: NDArray[np.float32] | None = None
    first: int = 0

    @property
    def sound(self) -> NDArray[np.float32]:
        """The rows with sound."""
        return self.lld[self.present]

    @property
    def pictures(self) -> NDArray[np.float32]:
        """The frames with a picture, where the corpus gives them."""
        assert self.video is not None
        return self.video[self.video_present]


class Source(Protocol):
    """Where recordings come from; one at a time, so that a long corpus fits in memory."""

    def key(self, item: CorpusItem) -> str:
        """Hash of what an item's recording depends on."""
        ...

    def read(self, item: CorpusItem) -> Recording:
        """An item's recording."""
        ...


class Stores:
    """The stores of the stages faces and lld.

    Args:
        faces: the one.
        lld: the other.
        settings: how much sound a frame is given.
    """

    def __init__(self, faces: zarr.Group, lld: zarr.Group, settings: WindowSettings) -> None:
        self._faces, self._lld, self._settings = faces, lld, settings

    def key(self, item: CorpusItem) -> str:
        """See `Source`."""
        keys = [read_key(read_item(store, item.item)) for store in (self._faces, self._lld)]
        part = [item.start, None if np.isnan(item.end) else item.end]
        return hash_of(keys, part, self._settings.model_dump())

    def read(self, item: CorpusItem) -> Recording:
        """See `Source`; of an item that is part of a file, that part."""
        recording = extracted(
            read_item(self._faces, item.item), read_item(self._lld, item.item), self._settings
        )
        end = np.inf if np.isnan(item.end) else item.end
        if item.start == 0 and end == np.inf:
            return recording
        return part_of(recording, item.start, end)


class Given:
    """A corpus that gives features.

    Args:
        gives: the modality of each of its streams, by name.
        features: the streams of an item, by its name.
    """

    def __init__(
        self,
        gives: Mapping[str, Modality],
        features: Callable[[str], Mapping[str, Features]],
    ) -> None:
        self._name_of = {modality: name for name, modality in gives.items()}
        self._features = features

    def key(self, item: CorpusItem) -> str:
        """See `Source`."""
        return item.sha256

    def read(self, item: CorpusItem) -> Recording:
        """See `Source`; every frame looks at its own row."""
        streams = self._features(item.item)
        sound, picture = (streams[self._name_of[modality]] for modality in MODALITIES)
        return Recording(
            times=sound.times,
            lld=sound.rows,
            present=sound.present,
            rows=np.arange(len(sound.times), dtype=np.int32)[:, None],
            audio_present=sound.present,
            voice_present=sound.present if sound.voice is None else sound.voice,
            video_present=picture.present,
            video=picture.rows,
        )


def extracted(face: zarr.Group, lld: zarr.Group, settings: WindowSettings) -> Recording:
    """A recording from its groups in the two stores."""
    times = read_array(face, "times")
    sound = Sound(
        lld=read_array(lld, "lld"),
        present=read_array(lld, "present"),
        start=read_number(lld, "start"),
        duration=read_number(lld, "duration"),
    )
    voice = voice_present(sound.lld, sound.present, read_names(lld))
    return Recording(
        times=times,
        lld=sound.lld,
        present=sound.present,
        rows=context_rows(times, sound, settings),
        audio_present=audio_present(times, sound),
        voice_present=at_centres(voice, times, sound),
        video_present=read_array(face, "present"),
    )


def part_of(recording: Recording, start: float, end: float) -> Recording:
    """The frames that begin within [start, end), and the rows they look at."""
    first, last = np.searchsorted(recording.times, (start, end))
    frames = slice(int(first), int(last))
    rows = recording.rows[frames]
    looked_at = rows[rows >= 0]
    low, high = (int(looked_at.min()), int(looked_at.max()) + 1) if looked_at.size else (0, 0)
    return Recording(
        times=recording.times[frames],
        lld=recording.lld[low:high],
        present=recording.present[low:high],
        rows=np.where(rows >= 0, rows - low, rows).astype(np.int32),
        audio_present=recording.audio_present[frames],
        voice_present=recording.voice_present[frames],
        video_present=recording.video_present[frames],
        first=int(first),
    )
