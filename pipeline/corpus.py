"""Stage corpus: list the items with content hashes, frame rates, speakers, splits and labels.

With --check it only prints what it finds, before anything long is run.
"""

import argparse
import json
from functools import partial

import pandas as pd

from features.corpora.census import census
from features.corpora.checks import check_content, check_speakers, check_training, exclude
from features.corpora.inspection import (
    all_labels,
    facts_of_features,
    facts_of_file,
    inspect,
    stamps,
    table_of,
)
from features.corpora.item import Corpus, Item, Work
from features.corpora.listing import FACTS, ITEMS, LABELS, fresh, write_source
from features.corpora.reading import read_corpus
from features.errors import InputError
from pipeline.engine.console import counter, say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, Job, StageFailedError, failure_of, run_jobs, stage_errors
from pipeline.engine.keys import key_of
from pipeline.keys import check
from pipeline.params import load_params

CHECK = "print what is found; write nothing but the item cache, and the demo corpus if that is it"


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.corpus", description=__doc__)
    parser.add_argument("--check", action="store_true", help=CHECK)
    run(checks_only=parser.parse_args().check)


def run(*, checks_only: bool) -> None:
    """Run the stage, or only say what it would find."""
    with stage_errors():
        params = load_params()
        if not checks_only:
            check(params, "corpus")
        with counter(f"{params.corpus.name} corpus", unit="items") as progress:
            corpus = read_corpus(params.corpus, Work(params.execution.processes, progress))
        items = exclude(corpus.items, params.corpus.exclude)
        for name, reason in params.corpus.exclude.items():
            say(f"excluded {name}: {reason}")
        check_speakers(items)
        table, failures = inspect_all(corpus, items, params.execution)
        readable = set(table["item"])
        good = [item for item in items if item.name in readable]
        for sentence in census(corpus, good, table, clip_frames=params.windows.clip_frames):
            say(sentence)
        if failures:
            raise StageFailedError("corpus", failures, len(table))
        check_content(table)
        check_training(corpus.task, items, params.evaluate.split)
        if not checks_only:
            write(corpus, items, table, is_synthetic=params.corpus.is_synthetic)


def write(corpus: Corpus, items: list[Item], table: pd.DataFrame, *, is_synthetic: bool) -> None:
    """Write the stage's outputs."""
    table.to_parquet(fresh(ITEMS), index=False)
    all_labels(corpus.task, items).to_parquet(fresh(LABELS), index=False)
    facts = {
        "task": corpus.task.model_dump(mode="json"),
        "synthetic": is_synthetic,
        "gives_features": dict(corpus.gives),
    }
    fresh(FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    write_source("audio", dict(zip(table["item"], table["sha256"], strict=True)))


def inspect_all(
    corpus: Corpus, items: list[Item], execution: ExecutionSettings
) -> tuple[pd.DataFrame, list[Failure]]:
    """The table of items, with what their files' headers say, and why some are not in it."""
    if corpus.features is not None:
        return table_of((item, facts_of_features(item, corpus)) for item in items), []
    jobs, failures = [], []
    for item in items:
        try:
            jobs.append(Job(item.name, key_of(inspect, stamps(item)), partial(inspect, item)))
        except InputError as error:
            failures.append(failure_of(item.name, error))
    try:
        results = run_jobs("corpus", jobs, execution)
    except StageFailedError as error:
        failures += error.failures
        failed = {failure.name for failure in error.failures}
        results = run_jobs("corpus", [job for job in jobs if job.name not in failed], execution)
    facts = []
    for item in items:
        if item.name in results:
            try:
                facts.append((item, facts_of_file(item, results[item.name])))
            except InputError as error:
                failures.append(failure_of(item.name, error))
    return table_of(facts), failures


if __name__ == "__main__":
    main()
