"""From pictures to rows: faces found and cropped as they come, crops described."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from features.extractors.batches import Batch, OfCrops
from features.extractors.described import Described
from features.extractors.own import load_extractor
from features.extractors.settings import StreamSettings
from features.faces.causal import CausalFace
from features.faces.causal_people import CausalPeople
from features.faces.crop import crop_face
from features.faces.detect import load_detector
from features.faces.search import search
from features.media.pictures import Projector
from features.settings import FaceSettings


@dataclass(frozen=True)
class Picture:
    """A picture on its way.

    Attributes:
        number: of the picture.
        second: at which it begins.
        frame: decoded.
        aspect: of its pixels, width by height.
    """

    number: int
    second: float
    frame: av.VideoFrame
    aspect: Fraction


@dataclass(frozen=True)
class Crop:
    """The main face of a picture.

    Attributes:
        number: of the picture.
        second: at which it begins.
        crop: (size, size, 3) uint8 RGB, zeros without a face.
        present: whether there is one.
        in_view: how many people are in view, as far as is known.
    """

    number: int
    second: float
    crop: NDArray[np.uint8]
    present: bool
    in_view: int = 0


def crops_of(
    pictures: Iterable[Picture],
    settings: FaceSettings,
    name: str,
    people: CausalPeople | None = None,
) -> Iterator[Crop]:
    """Find, follow and cut out the main face of pictures, from the past alone.

    Detection in every k-th picture waits for k more; one at a shot's beginning waits for the next.

    Args:
        pictures: in their order.
        settings: how faces are found and cropped.
        name: of the source, for messages.
        people: tells people apart, and whose face is cut out where one is wanted.
    """
    detect, follow = load_detector(settings), CausalFace(settings)
    small, whole = Projector(name, settings.working_height), Projector(name, None)
    waiting: deque[Picture] = deque()

    def searched() -> Iterator[tuple[float, NDArray[np.uint8]]]:
        for picture in pictures:
            waiting.append(picture)
            yield picture.second, small.show(picture.frame, picture.aspect, picture.second)

    for sighting in search(searched(), detect, settings.every):
        picture = waiting.popleft()
        detection, in_view = follow.choose(sighting), 0
        if people is not None:
            show = partial(whole.show, picture.frame, picture.aspect, picture.second)
            in_view = people.see(follow.tracks, sighting.time, show)
            if people.is_wanted:
                detection = people.detection
        box = follow.smooth(sighting, detection)
        crop = np.zeros((settings.size, settings.size, 3), np.uint8)
        if detection >= 0:
            shown = whole.show(picture.frame, picture.aspect, picture.second)
            height, width = shown.shape[:2]
            box = box * np.array([width, height, width, height], np.float32)
            angle = 0.0 if sighting.angles is None else float(sighting.angles[detection])
            crop = crop_face(shown, box, margin=settings.margin, size=settings.size, angle=angle)
        yield Crop(picture.number, picture.second, crop, detection >= 0, in_view)


@dataclass(frozen=True)
class LiveCrops:
    """Some crops, as extractors take those of an item (`features.extractors.crops`).

    Attributes:
        times: (F,) seconds.
        present: (F,), whether a picture shows a face.
        pictures: (F, size, size, 3).
    """

    times: NDArray[np.float64]
    present: NDArray[np.bool_]
    pictures: NDArray[np.uint8]

    @classmethod
    def of(cls, crops: Sequence[Crop]) -> "LiveCrops":
        """Some crops together."""
        return cls(
            np.array([crop.second for crop in crops]),
            np.array([crop.present for crop in crops]),
            np.stack([crop.crop for crop in crops]),
        )

    def __len__(self) -> int:
        return len(self.times)

    def crops(self) -> Iterator[NDArray[np.uint8]]:
        """Crops (n, size, size, 3) uint8 RGB, all at once."""
        yield self.pictures


class CropDescriber:
    """The extractor of one part of a video stream.

    Args:
        settings: of the part.
        device: where networks run.
    """

    def __init__(self, settings: StreamSettings, device: str) -> None:
        self._extractor = load_extractor(settings, device)
        self._batches: dict[int, Batch] = {}  # by size: a batch is always computed whole

    def describe(self, crops: LiveCrops) -> list[Described]:
        """A row a crop."""
        if isinstance(self._extractor, OfCrops):
            rows = self._rows(self._extractor, crops)
        else:
            rows = self._extractor.extract(crops).rows
        return [
            Described(rows[i : i + 1], crops.times[i : i + 1], crops.present[i : i + 1])
            for i in range(len(crops))
        ]

    def _rows(self, extractor: OfCrops, crops: LiveCrops) -> NDArray[Any]:
        """Rows (F, D), zeros without a face."""
        rows = np.zeros((len(crops), extractor.outputs), extractor.dtype)
        shown = crops.pictures[crops.present]
        if not len(shown):
            return rows
        if len(shown) not in self._batches:
            self._batches[len(shown)] = extractor.batch(shown.shape)
        batch = self._batches[len(shown)]
        batch.crops[:] = shown
        batch.start()
        rows[crops.present] = batch.finish()
        return rows
