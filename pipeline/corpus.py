"""Stage corpus: list the items with content hashes, frame rates, speakers, splits and labels.

With --check it only prints what it finds, before anything long is run.
"""

import argparse
from collections.abc import Mapping

import pandas as pd

from features.corpora.census import census
from features.corpora.checks import check_content, check_speakers, check_training, exclude
from features.corpora.inspection import all_labels
from features.corpora.item import Corpus, Item, Work
from features.corpora.listing import ITEMS, LABELS, fresh, write_source
from features.corpora.reading import read_corpus
from features.extractors.given import streams_given
from features.settings import Modality
from pipeline.engine.console import counter, say
from pipeline.engine.jobs import StageFailedError, stage_errors
from pipeline.extraction.inspecting import inspect_all, write_facts
from pipeline.keys import check
from pipeline.params import load_params

CHECK = (
    "print what is found, and about how long each stage will take; write nothing but the item "
    "cache, and the demo corpus if that is it"
)


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
        table, failures = inspect_all(
            corpus,
            items,
            params.execution,
            streams_given(params.streams),
            headers_do=checks_only,
        )
        readable = set(table["item"])
        good = [item for item in items if item.name in readable]
        for sentence in census(corpus, good, table, clip_frames=params.windows.clip_frames):
            say(sentence)
        if failures:
            raise StageFailedError("corpus", failures, len(table))
        check_content(table)
        check_training(corpus.task, items, params.evaluate.split)
        if checks_only:
            from pipeline.forecast.show import forecast, show  # only these need torch

            show(forecast(params, corpus, table))
        else:
            write(
                corpus,
                items,
                table,
                streams_given(params.streams),
                is_synthetic=params.corpus.is_synthetic,
            )


def write(
    corpus: Corpus,
    items: list[Item],
    table: pd.DataFrame,
    used: Mapping[str, Modality],
    *,
    is_synthetic: bool,
) -> None:
    """Write the stage's outputs."""
    table.to_parquet(fresh(ITEMS), index=False)
    all_labels(corpus.task, items).to_parquet(fresh(LABELS), index=False)
    write_facts(corpus, used, is_synthetic=is_synthetic)
    names, given = table["item"], table["features_sha256"]
    media = dict(zip(names, table["sha256"], strict=True))
    write_source("audio", media, dict(zip(names, given, strict=True)))


if __name__ == "__main__":
    main()
