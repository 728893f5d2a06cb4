"""Crops of many items described together, by one network in this process."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import groupby

import numpy as np

from features.errors import InputError
from features.extractors.batches import OfCrops
from features.extractors.crops import VideoSource
from features.extractors.failures import NetworkFailedError
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
from pipeline.engine.cache import Cache
from pipeline.engine.console import progress_bar, say
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, Job, StageFailedError, cached, failure_of
from pipeline.engine.keys import computing, key_of
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
        execution: where the cache is.

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
    failed = compute(waiting, settings, device, entries) if waiting else {}
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


def compute(
    sources: Mapping[str, VideoSource], settings: StreamSettings, device: str, entries: Cache
) -> dict[str, Failure]:
    """Describe the crops of items and put the rows into the cache.

    Args:
        sources: by key.
        settings: settled.
        device: where the network runs.
        entries: the cache.

    Returns:
        Why items failed, by their keys.

    Raises:
        NetworkFailedError: the network failed.
    """
    with computing(next(iter(sources))):  # all have the same code
        return _compute(loaded_of_crops(settings, device), sources, entries)


def _compute(
    extractor: OfCrops, sources: Mapping[str, VideoSource], entries: Cache
) -> dict[str, Failure]:
    """The items' rows in the cache; why some failed."""
    failed = {}
    total = sum(len(source) for source in sources.values())
    turns = [Turn(key, source) for key, source in sources.items()]
    with (
        progress_bar(TITLE, unit="frames", total=total) as advance,
        closing(describe(extractor, turns)) as stream,
    ):
        for turn, parts in groupby(stream, key=lambda part: part[0][0]):
            try:
                with entries.new(TITLE, turn.tag) as out:
                    write(extractor, out, turn.source, parts, advance)
            except (NetworkFailedError, CodeChangedError):
                raise
            except Exception as error:  # what is left of the item is skipped by `groupby`
                failed[turn.tag] = failure = failure_of(turn.source.item, error)
                if failure.trace:
                    say(failure.trace)
    return failed


def blank(
    settings: StreamSettings, device: str, execution: ExecutionSettings
) -> list[float] | None:
    """The row of a face that shows nothing, from the item cache or computed; None for no such row.

    Raises:
        NetworkFailedError: the network failed.
    """
    key = key_of(write_blank, settings.of_rows(), device, rows=rows_used(settings))
    job = Job("blank face", key, partial(write_blank, settings, device))
    result = cached("extract-blank", job, execution)
    return np.load(BytesIO((result / BLANK).read_bytes())).tolist() or None
