"""Crops of many items described together, by one network a process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np

from features.errors import InputError
from features.extractors.batches import OfCrops
from features.extractors.crops import VideoSource
from features.extractors.failures import NetworkFailedError
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import StreamSettings
from features.extractors.together import (
    BLANK,
    Turn,
    describe,
    describe_faces,
    loaded_of_crops,
    write,
    write_blank,
)
from features.pins import PINS
from features.stores.store import Store
from models.progress import Progress, silent
from pipeline.engine import scheduler
from pipeline.engine.cache import Cache
from pipeline.engine.console import say
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import (
    Chunk,
    Failure,
    Job,
    Needs,
    StageFailedError,
    cached,
    failure_of,
    run_jobs,
)
from pipeline.engine.keys import key_of
from pipeline.engine.stamps import CodeChangedError

TITLE = "extract"
"""What an extraction is called in the cache and in tables of failures."""


def rows_used(settings: StreamSettings) -> list[tuple[str, str]]:
    """The rows of tables that the extraction of a stream uses."""
    return [("extractor", settings.extractor)]


def run_together(
    names: Sequence[str],
    faces: Store,
    settings: StreamSettings,
    device: str,
    execution: ExecutionSettings,
) -> tuple[dict[str, Result], dict[str, str]]:
    """Have the rows of every item, from the item cache or computed.

    Args:
        names: of the items.
        faces: the faces store.
        settings: settled.
        device: where the network runs.
        execution: where the cache is, and how work is done.

    Returns:
        The files of every item's result, and its key.

    Raises:
        StageFailedError: after all items were tried, if any failed.
        NetworkFailedError: the network failed; what was done before is kept.
    """
    entries = Cache(execution.cache_folder)
    entries.lock(exclusive=False)
    entries.sweep()
    keys: dict[str, str] = {}
    waiting: dict[str, VideoSource] = {}
    failures = []
    for name in names:
        try:
            key = key_of_crops(faces.key(name), settings, device)
            if key not in waiting and entries.take(TITLE, key) is None:
                waiting[key] = VideoSource(faces, name)
            keys[name] = key
        except InputError as error:
            failures.append(failure_of(name, error))
    jobs = chunks(waiting, settings, device, execution)
    ran = scheduler.run(TITLE, jobs, execution, unit="frames")
    failed = {key: failure for (_, key), failure in ran.failed.items()}
    for failure in failed.values():
        if failure.trace:
            say(failure.trace)
    failures += [replace(failed[key], name=name) for name, key in keys.items() if key in failed]
    if failures:
        raise StageFailedError(TITLE, failures, len(names) - len(failures))
    return {name: entries.result(TITLE, key) for name, key in keys.items()}, keys


def key_of_crops(crops: str, settings: StreamSettings, device: str) -> str:
    """What the rows of some crops depend on.

    Devices and batch sizes differ in the last digits. A weight file is the same wherever it lies.
    """
    return key_of(
        describe_faces,
        crops,
        settings.of_rows(),
        device,
        rows=rows_used(settings),
        pin=PINS.get(settings.extractor),
    )


CHUNK_FRAMES = {"cpu": (256, 1024), "cuda": (8192, 65_536)}
"""Frames of a chunk, at the least and at the most: many batches, of which only the last one is not
full, and more work than it is to load a network."""


def chunks(
    sources: Mapping[str, VideoSource],
    settings: StreamSettings,
    device: str,
    execution: ExecutionSettings,
) -> list[Chunk]:
    """Jobs of several items each: as many as there are processes, or more of a bounded size.

    A frame's numbers depend on the shape of its batch, and not on what else is in it.

    Args:
        sources: by key.
        settings: settled.
        device: where the network runs.
        execution: how work is done.
    """
    total = sum(len(source) for source in sources.values())
    least, most = CHUNK_FRAMES[device]
    size = max(least, min(most, -(-total // execution.processes)))
    parts: list[dict[str, VideoSource]] = []
    frames = size
    for key, source in sources.items():
        if frames >= size:
            parts.append({})
            frames = 0
        parts[-1][key] = source
        frames += len(source)
    return [_chunk(part, settings, device, execution) for part in parts]


def _chunk(
    sources: Mapping[str, VideoSource],
    settings: StreamSettings,
    device: str,
    execution: ExecutionSettings,
) -> Chunk:
    frames = sum(len(source) for source in sources.values())
    first = next(iter(sources.values())).item
    return Chunk(
        first if len(sources) == 1 else f"{first} and {len(sources) - 1} more",
        next(iter(sources)),
        partial(compute, sources=sources, settings=settings, device=device),
        size=frames,
        needs=Needs(execution.threads, gpu=device == "cuda"),
        steps=frames,
        members=tuple(sources),
    )


def compute(
    entries: Cache,
    *,
    sources: Mapping[str, VideoSource],
    settings: StreamSettings,
    device: str,
    progress: Progress = silent,
) -> dict[str, Failure]:
    """Describe the crops of items and put the rows into the cache.

    Args:
        entries: the cache; items that it has, as a run before this one left them, are left out.
        sources: by key.
        settings: settled.
        device: where the network runs.
        progress: told of the frames.

    Returns:
        Why items failed, by their keys.

    Raises:
        NetworkFailedError: the network failed.
    """
    waiting = {k: source for k, source in sources.items() if entries.take(TITLE, k) is None}
    extractor = loaded_of_crops(settings, device)
    failed = {}
    total = sum(len(source) for source in waiting.values())
    turns = [Turn(key, source) for key, source in waiting.items()]
    with progress("", "frames", total) as advance, closing(describe(extractor, turns)) as stream:
        for turn, parts in groupby(stream, key=lambda part: part[0][0]):
            try:
                with entries.new(TITLE, turn.tag) as out:
                    write(extractor, out, turn.source, parts, advance)
            except (NetworkFailedError, CodeChangedError):
                raise
            except Exception as error:  # what is left of the item is skipped by `groupby`
                failed[turn.tag] = failure_of(turn.source.item, error)
    return failed


def one(stage: str, job: Job, execution: ExecutionSettings) -> Result:
    """The result of a single job, done in this process unless a cluster's workers have the GPUs.

    Raises:
        InputError: it failed in a way that a user can fix.
    """
    if execution.scheduler is None:
        return cached(stage, job, execution)
    try:
        return run_jobs(stage, [job], execution)[job.name]
    except StageFailedError as error:
        (failure,) = error.failures
        raise InputError(failure.reason, failure.remedy) from error


def blank(
    settings: StreamSettings, device: str, execution: ExecutionSettings
) -> list[float] | None:
    """The row of a face that shows nothing, from the item cache or computed; None for no such row.

    Raises:
        NetworkFailedError: the network failed.
    """
    key = key_of(write_blank, settings.of_rows(), device, rows=rows_used(settings))
    needs = Needs(execution.threads, gpu=device == "cuda")
    job = Job("blank face", key, partial(write_blank, settings, device), needs=needs)
    result = one("extract-blank", job, execution)
    return np.load(BytesIO((result / BLANK).read_bytes())).tolist() or None


def settled(settings: StreamSettings, device: str, execution: ExecutionSettings) -> StreamSettings:
    """The settings with what they leave to the machine, as it was measured once."""
    kind = EXTRACTORS[settings.extractor].load()
    if not (isinstance(kind, type) and issubclass(kind, OfCrops)):  # the user's own
        return settings

    def measured(machine: list[Any], measure: Callable[[Path], None]) -> Result:
        function = cast("Any", measure).func
        needs = Needs(execution.threads, gpu=device == "cuda")
        job = Job("precision", key_of(function, machine), measure, needs=needs)
        return one("precision", job, execution)

    return kind.settle(settings, device, measured)
