"""Stage faces: the main face of every frame as a crop, and where there is none."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from features.settings import FaceSettings
from features.store import (
    assemble,
    item_names,
    open_store,
    read_array,
    read_item,
    write_item,
)
from pipeline.items import Job, console, hash_of, run_jobs, stage_errors, versions
from pipeline.outputs import FACES, read_items
from pipeline.params import load_params

VERSION = 1
"""Raise it when the code of this stage gives other features than before."""

LIBRARIES = ("av", "dlib-bin", "opencv-python-headless")
"""Whose versions the features depend on."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.faces
        jobs = [
            Job(item.item, key, partial(extract, Path(item.path), settings, key))
            for item in read_items()
            for key in [hash_of(VERSION, versions(LIBRARIES), item.sha256, settings.model_dump())]
        ]
        results = run_jobs("faces", jobs, params.execution)
        assemble(FACES, results, {"settings": settings.model_dump()})
        report()


def extract(
    path: Path,
    settings: FaceSettings,
    key: str,
    out: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Find, track and crop the main face of one item."""
    from features.faces.extract import extract_faces

    faces = extract_faces(path, settings, progress)
    arrays: dict[str, NDArray[Any]] = {
        "crops": faces.crops,
        "boxes": faces.boxes,
        "scores": faces.scores,
        "present": faces.present,
        "times": faces.times,
    }
    write_item(out, arrays, {"key": key, "settings": settings.model_dump()})


def report() -> None:
    """Say in how many frames a face was found, and name the items without any."""
    store = open_store(FACES, stage="faces")
    present = {name: read_array(read_item(store, name), "present") for name in item_names(store)}
    found = sum(int(p.sum()) for p in present.values())
    frames = sum(len(p) for p in present.values())
    console.print(f"a face in {found} of {frames} frames ({found / frames:.1%})")
    for name, p in present.items():
        if not p.any():
            console.print(f"{name}: no face in any frame", markup=False, highlight=False)


if __name__ == "__main__":
    main()
