"""Stage faces: the main face of every frame as a crop, and where there is none."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from features.corpora.item import Side
from features.corpora.listing import FACES, CorpusItem, from_file, media_items
from features.hashes import hash_of, hash_of_file
from features.settings import FaceSettings
from features.stores.store import assemble, item_names, new_item, open_store, read_array, read_item
from pipeline.engine.console import say
from pipeline.engine.jobs import Job, run_jobs, stage_errors
from pipeline.params import load_params

VERSION = 4
"""Raise it when the code of this stage gives other features than before."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.faces
        items = media_items()
        if any(not item.crops for item in items):
            check_detector(settings)
        jobs = [
            Job(
                item.item,
                key,
                partial(from_file, item, partial(extract, item, settings, key)),
                item.frames,
            )
            for item, key in zip(items, keys(items, settings), strict=True)
        ]
        results = run_jobs("faces", jobs, params.execution, unit="frames")
        assemble(FACES, results, {"settings": recorded(settings)})
        report()


def check_detector(settings: FaceSettings) -> None:
    """Load the detector once before any item needs it.

    Raises:
        InputError: one of its files is missing or wrong.
    """
    from features.faces.detect import load_detector

    load_detector(settings)


def keys(items: Sequence[CorpusItem], settings: FaceSettings) -> list[str]:
    """Hashes of all that each item's crops depend on."""
    detected, aligned = {}, {}
    if any(not item.crops for item in items):
        detected = {"settings": recorded(settings), "versions": versions(settings)}
    if any(item.crops for item in items):
        aligned = {"settings": recorded_aligned(settings), "versions": decoders()}
    return [
        hash_of(
            VERSION,
            aligned if item.crops else detected,
            item.sha256,
            item.side,
            item.crops_sha256,
        )
        for item in items
    ]


def decoders() -> dict[str, str]:
    """Versions of what reads and scales pictures.

    They are the modules' own: a distribution can have another name, such as opencv-python.
    """
    import av
    import cv2

    return {"av": av.__version__, "opencv": cv2.__version__}


def versions(settings: FaceSettings) -> dict[str, str]:
    """Versions of all that finds and cuts out faces, for the detector of the settings.

    Raises:
        InputError: the network of `cnn` is not installed.
    """
    found = decoders()
    if settings.detector in ("hog", "cnn"):
        import dlib

        found["dlib"] = dlib.__version__
    if settings.detector == "cnn":
        from features.faces.dlib_detectors import mmod_file

        found["mmod"] = hash_of_file(mmod_file())
    return found


def recorded(settings: FaceSettings) -> dict[str, Any]:
    """What the crops depend on: a model file that was moved is the same file."""
    return settings.model_dump(exclude={"model": {"path"}, "config": {"path"}})


def recorded_aligned(settings: FaceSettings) -> dict[str, Any]:
    """What crops depend on that the corpus brings along."""
    return settings.model_dump(include={"size", "jpeg"})


def extract(item: CorpusItem, settings: FaceSettings, key: str, out: Path) -> None:
    """Write the crops of one item of the corpus."""
    if item.crops:
        from features.faces.aligned import take_aligned

        with new_item(out, {"key": key, "settings": recorded_aligned(settings)}) as writer:
            take_aligned(Path(item.crops), Path(item.path), settings, writer)
    else:
        detect(Path(item.path), settings, key, out, side=item.side)


def detect(
    path: Path,
    settings: FaceSettings,
    key: str,
    out: Path,
    *,
    side: Side = "",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Find, track and crop the main face of one file, or that on one side of the picture."""
    from features.faces.extract import extract_faces

    with new_item(out, {"key": key, "settings": recorded(settings)}) as writer:
        extract_faces(path, settings, writer, side=side, progress=progress)


def report() -> None:
    """Say in how many frames a face was found, and name the items without any."""
    store = open_store(FACES, stage="faces")
    present = {name: read_array(read_item(store, name), "present") for name in item_names(store)}
    found = sum(int(p.sum()) for p in present.values())
    frames = sum(len(p) for p in present.values())
    if frames:
        say(f"a face in {found} of {frames} frames ({found / frames:.1%})")
    for name, p in present.items():
        if not p.any():
            say(f"{name}: no face in any frame")


if __name__ == "__main__":
    main()
