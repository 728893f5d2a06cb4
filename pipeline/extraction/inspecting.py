"""What is known of every item of a corpus before anything is extracted."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from features.corpora.given_facts import (
    GivenStream,
    facts_beside_media,
    facts_of_features,
    given_streams,
    odd_widths,
)
from features.corpora.inspection import (
    facts_of_item,
    inspect,
    look,
    read_inspected,
    read_looked,
    stamp,
    stamps,
    table_of,
)
from features.corpora.item import Corpus, Item
from features.corpora.listing import FACTS, fresh
from features.errors import InputError
from features.settings import Modality
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, Job, StageFailedError, failure_of, run_jobs
from pipeline.engine.keys import key_of

MOST_WHOLE = 100
"""Files that are read whole where headers may do."""
PART = 100
"""Files of one job that reads headers."""

Known = TypeVar("Known")


def inspect_all(
    corpus: Corpus,
    items: list[Item],
    execution: ExecutionSettings,
    used: Mapping[str, Modality],
    *,
    headers_do: bool = False,
) -> tuple[pd.DataFrame, list[Failure]]:
    """The table of items, with what their files' headers say, and why some are not in it.

    Args:
        corpus: as its reader gives it.
        items: those that are used.
        execution: how to work.
        used: the modality of the features that streams take, by their names in the corpus.
        headers_do: whether headers are enough of most files of many; what is not known of their
            content is empty.
    """
    failures: list[Failure] = []
    given: dict[str, tuple[GivenStream, ...]] = {}
    if corpus.features is not None:
        known = {name: of or used[name] for name, of in corpus.gives.items() if of or name in used}
        given = _collect(items, failures, lambda item: given_streams(item, corpus, known))
        odd = odd_widths(given)
        failures += [failure_of(name, error) for name, error in odd.items()]
        given = {name: streams for name, streams in given.items() if name not in odd}
        items = [item for item in items if item.name in given]
    media = [item for item in items if item.path]
    inspected = _headers(media, execution) if headers_do else {}
    unknown = [item for item in media if item.name not in inspected]
    inspected |= _inspected(unknown, execution, failures)

    def facts_of(item: Item) -> dict[str, object]:
        if item.path is None:
            return facts_of_features(given[item.name])
        facts = facts_of_item(item, inspected[item.name])
        return facts_beside_media(facts, given[item.name]) if item.name in given else facts

    there = [item for item in items if item.path is None or item.name in inspected]
    facts = _collect(there, failures, facts_of)
    return table_of((item, facts[item.name]) for item in there if item.name in facts), failures


def _collect(
    items: Iterable[Item], failures: list[Failure], work: Callable[[Item], Known]
) -> dict[str, Known]:
    """What is known of every item, by its name; of those that fail why, the rest goes on."""
    known = {}
    for item in items:
        try:
            known[item.name] = work(item)
        except InputError as error:
            failures.append(failure_of(item.name, error))
    return known


def _headers(items: list[Item], execution: ExecutionSettings) -> dict[str, dict[str, Any]]:
    """What headers say of items' files, but for MOST_WHOLE files, evenly over the corpus.

    A file whose header cannot be read is left out too, for `inspect` to say why.
    """
    paths = list(dict.fromkeys(item.path for item in items if item.path))
    whole = set(paths[:: -(-len(paths) // MOST_WHOLE)]) if paths else set()
    alone = [path for path in paths if path not in whole]
    parts = [alone[start : start + PART] for start in range(0, len(alone), PART)]
    jobs = [
        Job(
            f"{part[0].name} to {part[-1].name}",
            key_of(look, [stamp(path) for path in part]),
            partial(look, part),
            size=len(part),
        )
        for part in parts
    ]
    if not jobs:
        return {}
    results = run_jobs("headers", jobs, execution, unit="files")
    found: dict[Path | None, dict[str, Any] | None] = {}
    for job, part in zip(jobs, parts, strict=True):
        found |= zip(part, read_looked(results[job.name]), strict=True)
    return {item.name: facts for item in items if (facts := found.get(item.path))}


def _inspected(
    items: list[Item], execution: ExecutionSettings, failures: list[Failure]
) -> dict[str, dict[str, Any]]:
    """What `inspect` wrote of every media file that can be used."""
    jobs = []
    for item in items:
        try:
            jobs.append(Job(item.name, key_of(inspect, stamps(item)), partial(inspect, item)))
        except InputError as error:
            failures.append(failure_of(item.name, error))
    if not jobs:
        return {}
    try:
        results = run_jobs("corpus", jobs, execution)
    except StageFailedError as error:
        failures += error.failures
        failed = {failure.name for failure in error.failures}
        jobs = [job for job in jobs if job.name not in failed]
        results = run_jobs("corpus", jobs, execution)
    return {name: read_inspected(files) for name, files in results.items()}


def write_facts(corpus: Corpus, used: Mapping[str, Modality], *, is_synthetic: bool) -> None:
    """Write what holds for the whole corpus.

    Args:
        corpus: as its reader gives it.
        used: the modality of the features that streams take, by their names in the corpus.
        is_synthetic: whether it is made up.
    """
    facts = {
        "task": corpus.task.model_dump(mode="json"),
        "synthetic": is_synthetic,
        "gives_features": {
            name: modality or used[name]
            for name, modality in corpus.gives.items()
            if modality or name in used
        },
    }
    fresh(FACTS).write_text(json.dumps(facts, indent=1) + "\n")
