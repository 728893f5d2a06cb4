"""The jobs of the stage faces: the crops of one item, found in its pictures or brought along."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from features.corpora.item import Side
from features.settings import FaceSettings
from features.stores.writing import new_item

if TYPE_CHECKING:
    from features.faces.extract import Seen


def detect_item(
    path: Path,
    settings: FaceSettings,
    side: Side,
    out: Path,
    progress: Callable[[int], None] | None = None,
    *,
    person: str = "",
    seen: "Seen | None" = None,
) -> None:
    """Find, follow and crop the main face of a file, or that on one side of the picture.

    Args:
        path: the file.
        settings: how to do it.
        side: of the picture; empty for the main face.
        out: folder that is filled.
        progress: called with 1 after each frame.
        person: whose face, where the settings say that the subject is a person.
        seen: what was found in the file, where that is known.
    """
    from features.faces.extract import extract_faces

    with new_item(out, {}) as writer:
        extract_faces(
            path, settings, writer, side=side, person=person, seen=seen, progress=progress
        )


def take_item(crops: Path, path: Path, settings: FaceSettings, out: Path) -> None:
    """Take the face pictures that a corpus brings along.

    Args:
        crops: folder of the pictures.
        path: the media file, for the times of its frames.
        settings: size and quality of the crops.
        out: folder that is filled.
    """
    from features.faces.aligned import take_aligned

    with new_item(out, {}) as writer:
        take_aligned(crops, path, settings, writer)
