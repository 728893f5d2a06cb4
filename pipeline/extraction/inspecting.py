"""What is known of every item of a corpus before anything is extracted."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

import pandas as pd

from features.corpora.given_facts import (
    GivenStream,
    facts_beside_media,
    facts_of_features,
    given_streams,
    odd_widths,
)
from features.corpora.inspection import facts_of_file, inspect, stamps, table_of
from features.corpora.item import Corpus, Item
from features.corpora.listing import FACTS, fresh
from features.errors import InputError
from features.settings import Modality
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, Job, StageFailedError, failure_of, run_jobs
from pipeline.engine.keys import key_of

Known = TypeVar("Known")


def inspect_all(
    corpus: Corpus, items: list[Item], execution: ExecutionSettings, used: Mapping[str, Modality]
) -> tuple[pd.DataFrame, list[Failure]]:
    """The table of items, with what their files' headers say, and why some are not in it.

    Args:
        corpus: as its reader gives it.
        items: those that are used.
        execution: how to work.
        used: the modality of the features that streams take, by their names in the corpus.
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
    inspected = _inspected([item for item in items if item.path], execution, failures)

    def facts_of(item: Item) -> dict[str, object]:
        if item.path is None:
            return facts_of_features(given[item.name])
        facts = facts_of_file(item, inspected[item.name])
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


def _inspected(
    items: list[Item], execution: ExecutionSettings, failures: list[Failure]
) -> Mapping[str, Result]:
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
        return run_jobs("corpus", jobs, execution)
    except StageFailedError as error:
        failures += error.failures
        failed = {failure.name for failure in error.failures}
        return run_jobs("corpus", [job for job in jobs if job.name not in failed], execution)


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
