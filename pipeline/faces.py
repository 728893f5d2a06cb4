"""Stage faces: the main face of every frame as a crop, and where there is none."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from features.corpora.census import pauses_of
from features.corpora.listing import (
    FACES,
    CorpusItem,
    media_items,
    read_items,
    write_source,
)
from features.extractors.crops import open_faces
from features.extractors.given import shows_media
from features.faces.dlib_detectors import content_of_descriptor_files
from features.faces.items import detect_item, take_item
from features.faces.store import seconds_of_people, seconds_together
from features.faces.subject import is_picture
from features.hashes import hash_of_file
from features.pins import PINS
from features.settings import DETECTOR_FILES, FaceSettings
from features.stores.assembling import assemble
from features.stores.store import Store
from pipeline.engine.console import say
from pipeline.engine.inputs import from_file
from pipeline.engine.jobs import Job, run_jobs, stage_errors
from pipeline.engine.keys import key_of
from pipeline.keys import check
from pipeline.params import load_params

SUBJECTS = {
    "largest": "whose larger face is taken at each moment",
    "central": "whose face nearer to the middle is taken at each moment",
    "person": "of whom one is taken",
}
"""Whose face is taken of several people's, by `faces.subject`."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        check(params, "faces")
        settings = params.faces
        items = media_items() if shows_media(params.streams) else []
        if not items:
            say("pictures' features are given, so there is nothing to extract")
        jobs = [job_of(item, settings) for item in items]

        def before() -> None:
            if any(not item.crops for item in items):
                check_detector(settings)

        results = run_jobs("faces", jobs, params.execution, unit="frames", before=before)
        keys = {job.name: job.key for job in jobs}
        assemble(FACES, results, {"settings": recorded(settings)}, keys)
        # Of a corpus that gives features, those are what video streams are made of.
        every = {item.item: item for item in read_items()}
        sources = {name: keys.get(name, item.sha256) for name, item in every.items()}
        write_source("video", sources, {name: i.features_sha256 for name, i in every.items()})
        report(settings)


def check_detector(settings: FaceSettings) -> None:
    """Load the detector once before any item needs it.

    Raises:
        InputError: one of its files is missing or wrong.
    """
    from features.faces.detect import load_detector

    load_detector(settings)


def job_of(item: CorpusItem, settings: FaceSettings) -> Job:
    """The work on one item."""
    if item.crops:
        key = key_of(take_item, recorded_aligned(settings), item.sha256, item.crops_sha256)
        compute = partial(take_item, Path(item.crops), Path(item.path), settings)
    else:
        network = ""
        if settings.detector == "cnn":
            from features.faces.dlib_detectors import mmod_file

            network = hash_of_file(mmod_file())
        person = item.person if settings.subject == "person" else ""
        who = hash_of_file(person) if is_picture(person) else person
        inputs = (
            recorded(settings),
            item.sha256,
            item.side,
            network,
            who,
            content_of_descriptor_files(),
        )
        key = key_of(detect_item, *inputs, pin=PINS["faces"])
        compute = partial(detect_item, Path(item.path), settings, item.side, person=person)
    checked = partial(from_file, Path(item.path), item.sha256, compute)
    return Job(item.item, key, checked, item.frames)


def recorded(settings: FaceSettings) -> dict[str, Any]:
    """What the crops depend on: a model file that was moved is the same file."""
    files = {key: getattr(settings.models, key).sha256 for key in DETECTOR_FILES[settings.detector]}
    return {**settings.model_dump(exclude={"models"}), "models": files}


def recorded_aligned(settings: FaceSettings) -> dict[str, Any]:
    """What crops depend on that the corpus brings along."""
    return settings.model_dump(include={"size", "jpeg"})


def report(settings: FaceSettings) -> None:
    """Say in how many frames a face was found, who else was there, and name what is missing."""
    store = open_faces(FACES)
    present = {name: store.array(name, "present") for name in store.items}
    found = sum(int(p.sum()) for p in present.values())
    frames = sum(len(p) for p in present.values())
    if frames:
        say(f"a face in {found} of {frames} frames ({found / frames:.1%})")
    for name, p in present.items():
        if not p.any():
            say(f"{name}: no face in any frame")
    several = {name: people for name in store.items if (people := who_is_there(store, name))}
    if several:
        whose = SUBJECTS[settings.subject]
        say(f"more than one person in {len(several)} of {len(present)} items, {whose}")
    for name, people in several.items():
        say(f"{name}: {people}")
    if settings.subject != "person" and any(item.person for item in read_items()):
        say(f"items name a person, and faces.subject is {settings.subject}: set it to person")
    for sentence in pauses_of(pd.DataFrame(read_items())):
        say(sentence)


def who_is_there(store: Store, item: str) -> str:
    """For how long each of several people is in view; empty for one.

    A second person is whoever is not the one who is longest in view.
    """
    seconds = seconds_of_people(store, item)
    if len(seconds) < 2:
        return ""
    each = ", ".join(f"{s:.1f} s" for s in seconds)
    together = seconds_together(store, item)
    return f"{len(seconds)} people in view, for {each}; several at a time for {together:.1f} s"


if __name__ == "__main__":
    main()
