"""Stage extract@STREAM: describe every item with the stream's extractor."""

import argparse
import json
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from features.corpora.item import Work
from features.corpora.listing import (
    CONTENTS,
    FACES,
    STREAMS,
    fresh,
    media_items,
    read_facts,
    read_items,
)
from features.corpora.reading import read_corpus
from features.errors import InputError
from features.extractors.crops import open_faces
from features.extractors.given import GivenSource, describe_given
from features.extractors.joined import parts_of
from features.extractors.own import is_of_crops
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import (
    GivenSettings,
    StreamSettings,
)
from features.hashes import hash_of
from features.stores.assembling import assemble
from features.stores.streams import FACES as OF_FACES
from pipeline.engine.console import say
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import (
    Job,
    run_jobs,
    stage_errors,
)
from pipeline.engine.keys import key_of
from pipeline.extraction.jobs import device_of, faces_job, sound_job
from pipeline.extraction.together import TITLE, blank, rows_used, run_together, settled
from pipeline.keys import check
from pipeline.params import Params, load_params


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.extract", description=__doc__)
    parser.add_argument("stream", help="a key of streams in params.yaml")
    name = parser.parse_args().stream
    with stage_errors():
        params = load_params()
        if name not in params.streams:
            known = ", ".join(params.streams)
            raise InputError(f"params.yaml has no stream named {name}", f"it has {known}")
        check(params, "extract", name)
        extract(params, name)


def extract(params: Params, name: str) -> None:
    """Write the store of a stream, and what it holds."""
    settings = params.streams[name]
    attributes: dict[str, Any] = {"settings": settings.of_rows()}
    results: dict[str, Result] = {}
    keys: dict[str, str] = {}
    contents: dict[str, str] = {}
    match EXTRACTORS[settings.extractor].source:
        case "streams":
            attributes = attributes_without_rows(name, params.streams)
        case "faces":
            faces = open_faces(FACES)
            attributes = attributes_without_rows(name, params.streams)
            contents = {item.item: faces.key(item.item) for item in media_items()}
        case "features":
            results, keys = _given(params, name, cast("GivenSettings", settings))
        case "media" if settings.modality == "audio":
            results, keys = _of_sound(settings, params.execution)
        case "media" if is_of_crops(settings):
            results, keys, more = _of_faces_together(settings, params.execution)
            attributes |= more
        case "media":
            results, keys = _of_faces(settings, params.execution)
    if not results and EXTRACTORS[settings.extractor].source == "media":
        say(f"{name}: the corpus gives features, so there is nothing to extract")
    path = STREAMS / f"{name}.zarr"
    copied = assemble(path, results, attributes, keys)
    if copied:
        say(f"{path} and the item cache are on two file systems: {len(copied)} items are copied")
    manifest = {"settings": attributes["settings"], "items": contents or keys}
    text = json.dumps(manifest, indent=1, sort_keys=True)
    fresh(CONTENTS / f"{name}.json").write_text(text + "\n")


def attributes_without_rows(name: str, streams: Mapping[str, StreamSettings]) -> dict[str, Any]:
    """What the store of a stream says that has no rows: those of others, or the crops, are its."""
    settings = streams[name]
    if EXTRACTORS[settings.extractor].source == "faces":
        rows_of: dict[str, Any] = {OF_FACES: os.path.relpath(FACES, STREAMS)}
    else:
        rows_of = {"parts": list(parts_of(name, streams))}
    return {"settings": settings.of_rows(), **rows_of}


# ------------------------------------------------------------------ one item at a time


def _of_sound(
    settings: StreamSettings, execution: ExecutionSettings
) -> tuple[dict[str, Result], dict[str, str]]:
    device = device_of(settings, execution)
    jobs = [sound_job(item, settings, device) for item in media_items()]
    return _run(jobs, execution, "s of sound")


def _of_faces(
    settings: StreamSettings, execution: ExecutionSettings
) -> tuple[dict[str, Result], dict[str, str]]:
    faces, device = open_faces(FACES), device_of(settings, execution)
    jobs = [faces_job(item, settings, faces, device) for item in media_items()]
    return _run(jobs, execution, "frames")


def _given(
    params: Params, name: str, settings: GivenSettings
) -> tuple[dict[str, Result], dict[str, str]]:
    """Features that the corpus gives.

    Raises:
        InputError: it gives none of that name and modality.
    """
    gives: Mapping[str, str] = read_facts()["gives_features"]
    of = settings.of or name
    if gives.get(of) != settings.modality:
        known = ", ".join(f"{n} ({m})" for n, m in gives.items()) or "none"
        raise InputError(
            f"streams.{name} takes {of} as {settings.modality}, and the features that "
            f"corpus {params.corpus.name} gives are: {known}",
            "correct of and modality, or choose another extractor",
        )
    corpus = read_corpus(params.corpus, Work())
    assert corpus.features is not None
    rows = [*rows_used(settings), ("corpus", params.corpus.name)]
    jobs = []
    for item in read_items():
        source = GivenSource(corpus.features, item.item, of, item.seconds)
        content = hash_of(item.sha256, of)
        if corpus.content is not None:
            content = corpus.content(item.item, of)
        inputs = (content, item.seconds, settings.of_rows())
        key = key_of(describe_given, *inputs, rows=rows)
        jobs.append(Job(item.item, key, partial(describe_given, settings, source)))
    return _run(jobs, params.execution, "items", processes=1)


def _run(
    jobs: list[Job], execution: ExecutionSettings, unit: str, processes: int | None = None
) -> tuple[dict[str, Result], dict[str, str]]:
    results = run_jobs(TITLE, jobs, execution, unit=unit, processes=processes)
    return results, {job.name: job.key for job in jobs}


# ------------------------------------------------------------------ many items together


def _of_faces_together(
    settings: StreamSettings, execution: ExecutionSettings
) -> tuple[dict[str, Result], dict[str, str], dict[str, Any]]:
    """Crops of all items through one network.

    Returns:
        Results, keys, and what the store says of the stream.
    """
    device = device_of(settings, execution)
    final = settled(settings, device, execution)
    names = [item.item for item in media_items()]
    results, keys = run_together(names, open_faces(FACES), final, device, execution)
    before, after = settings.of_rows(), final.of_rows()
    attributes: dict[str, Any] = {
        "settled": {key: value for key, value in after.items() if value != before[key]}
    }
    row = blank(final, device, execution) if names else None
    if row is not None:
        attributes["blank"] = row
    return results, keys, attributes


if __name__ == "__main__":
    main()
