"""Face pictures that a corpus brings along, in place of detection."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from features.corpora.paths import is_dvc_object
from features.errors import InputError
from features.faces.store import NO_TRACK, crop_codecs, write_tracks
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.writing import ItemWriter


def take_aligned(
    folder: Path,
    path: Path,
    settings: FaceSettings,
    item: ItemWriter,
    *,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the pictures of a folder as `extract_faces` writes its crops.

    Picture `00001.jpg` is of the first frame; a frame without a picture has no face. Of a picture
    that is not square the square in its centre is taken. Boxes are zeros: where in the video the
    face was is not known.

    Args:
        folder: of the pictures.
        path: the media file, for the times of its frames.
        settings: `size` and `jpeg` of the crops.
        item: where to write.
        progress: called with 1 after each frame.

    Raises:
        InputError: the media file or a picture cannot be read, or a picture lies, by a link,
            outside the folder.
    """
    cv2.setNumThreads(1)  # items are what runs in parallel
    times, size = media.frame_times(path), settings.size
    present = np.zeros(len(times), np.bool_)
    shape = (len(times), size, size, 3)
    crops = item.rows("crops", shape, np.uint8, **crop_codecs(settings))
    for frame in range(len(times)):
        file = folder / f"{frame + 1:05d}.jpg"
        present[frame] = file.exists() or file.is_symlink()
        crop = _crop(file, size) if present[frame] else np.zeros((size, size, 3), np.uint8)
        crops.append(crop[None])
        if progress is not None:
            progress(1)
    item.write("boxes", np.zeros((len(times), 4), np.float32))
    item.write("scores", present.astype(np.float32))
    item.write("present", present)
    item.write("interpolated", np.zeros_like(present))
    item.write("times", times)
    # There is one face, of one person.
    item.write("track", np.where(present, 0, NO_TRACK).astype(np.int32))
    step = np.median(np.diff(times)) if len(times) > 1 else 0.0
    seconds = np.full(int(present.any()), present.sum() * step, np.float32)
    write_tracks(item, np.zeros(len(seconds), np.int32), seconds, present.astype(np.uint8))


def _crop(file: Path, size: int) -> NDArray[np.uint8]:
    """The square in the centre of a picture, (size, size, 3) RGB."""
    remedy = "unpack it again, or delete it"
    place = file.resolve()
    is_inside = place.is_relative_to(file.parent.resolve()) or is_dvc_object(place)
    if not (file.is_file() and is_inside):
        raise InputError(f"{file} is not a regular file inside its folder", remedy)
    picture = cv2.imread(str(file))
    if picture is None:
        raise InputError(f"{file} is not a picture", remedy)
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    square = cv2.cvtColor(picture[top : top + side, left : left + side], cv2.COLOR_BGR2RGB)
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=method), np.uint8)
