"""Stage corpus: list the items with content hashes, frame rates, speakers, splits and labels.

With --check it only prints what it finds, before anything long is run.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from features.corpora.census import class_counts, report
from features.corpora.item import TIME, Corpus, Item
from features.corpora.listing import FACTS, ITEMS, LABELS, CorpusItem, fresh
from features.corpora.paths import pictures_in
from features.errors import InputError
from features.hashes import hash_of, hash_of_file, versions
from features.media.decoding import AUDIO_ONLY_RATE
from features.task import Task
from pipeline.adapters import read_corpus
from pipeline.engine.console import say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, Job, StageFailedError, failure_of, run_jobs, stage_errors
from pipeline.params import load_params

VERSION = 3
COLUMNS = [field.name for field in fields(CorpusItem)]
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
        corpus = read_corpus(params.corpus, params.execution)
        items = exclude(corpus.items, params.corpus.exclude)
        check_speakers(items)
        table, failures = inspect_all(corpus, items, params.execution)
        readable = set(table["item"])
        report(
            corpus,
            [item for item in items if item.name in readable],
            table,
            clip_frames=params.windows.clip_frames,
        )
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
        "gives_features": corpus.features is not None,
    }
    fresh(FACTS).write_text(json.dumps(facts, indent=1) + "\n")


def exclude(items: list[Item], reasons: dict[str, str]) -> list[Item]:
    """Leave out the items named in corpus.exclude, saying why.

    Raises:
        InputError: a name is not in the corpus.
    """
    names = {item.name for item in items}
    for name, reason in reasons.items():
        if name not in names:
            raise InputError(f"corpus.exclude names {name}, which is not in the corpus", "drop it")
        say(f"excluded {name}: {reason}")
    return [item for item in items if item.name not in reasons]


def check_speakers(items: list[Item]) -> None:
    """Make sure that there is something to do, and that nobody is in two splits.

    Raises:
        InputError: no item is left, two have one name, or a speaker or a file is in two splits.
    """
    if not items:
        raise InputError("corpus.exclude leaves no item", "exclude fewer")
    names = Counter(item.name for item in items)
    for name, count in names.items():
        if count > 1:
            raise InputError(f"{count} items are named {name}", "rename their files")
    speakers: dict[str, str] = {}
    files: dict[Path, str] = {}
    for item in items:
        if speakers.setdefault(item.speaker, item.split) != item.split:
            raise InputError(
                f"speaker {item.speaker} is in {speakers[item.speaker]} and {item.split}",
                "put all items of a speaker in one split",
            )
        path = item.path and item.path.resolve()  # links to one file share it too
        if path and files.setdefault(path, item.split) != item.split:
            raise InputError(
                f"{item.path} is in {files[path]} and {item.split}: both share its sound",
                "put all items of a file in one split",
            )


def check_content(table: pd.DataFrame) -> None:
    """Make sure that no recording is in two splits under two names.

    Raises:
        InputError: files of two splits have the same content.
    """
    for _, same in table.groupby("sha256", sort=False):
        if same["split"].nunique() > 1:
            first = same.iloc[0]
            other = same[same["split"] != first["split"]].iloc[0]
            raise InputError(
                f"{first['item']} in {first['split']} and {other['item']} in {other['split']} are "
                "files of the same content",
                "put both in one split, or name one in corpus.exclude",
            )


def check_training(task: Task, items: list[Item], evaluated: str) -> None:
    """Make sure that a corpus with labels can be trained on and evaluated.

    Raises:
        InputError: fewer than two train speakers, only one class to learn, or nothing to evaluate
            on.
    """
    labelled = [item for item in items if item.labels is not None]
    speakers = {item.speaker for item in labelled if item.split == "train"}
    if labelled and len(speakers) < 2:
        count = "only one" if speakers else "no"
        raise InputError(
            f"corpus has labels but {count} train speaker, and training holds one out",
            "give two labelled speakers split train",
        )
    if labelled and task.kind == "classification":
        counts = class_counts(task, labelled)["train"]
        if (counts > 0).sum() < 2:
            raise InputError(
                f"all items of the train split are of the class {counts.idxmax()}",
                "give two classes items split train",
            )
    if labelled and not any(item.split == evaluated for item in labelled):
        raise InputError(
            f"evaluate.split is {evaluated}, and no labelled speaker of the corpus is in it",
            f"give a labelled speaker split {evaluated}, or change evaluate.split",
        )


def inspect_all(
    corpus: Corpus, items: list[Item], execution: ExecutionSettings
) -> tuple[pd.DataFrame, list[Failure]]:
    """The table of items, with what their files' headers say, and why some are not in it."""
    if corpus.features is not None:
        rows = [_row(item, _feature_facts(corpus, item)) for item in items]
        return pd.DataFrame(rows, columns=COLUMNS), []
    jobs, failures = [], []
    for item in items:
        try:
            jobs.append(Job(item.name, _key(item), partial(inspect, item)))
        except InputError as error:
            failures.append(failure_of(item.name, error))
    try:
        found = run_jobs("corpus", jobs, execution)
    except StageFailedError as error:
        failures += error.failures
        failed = {failure.name for failure in error.failures}
        found = run_jobs("corpus", [job for job in jobs if job.name not in failed], execution)
    rows = []
    for item in items:
        if item.name in found:
            facts = json.loads((found[item.name] / "facts.json").read_text())
            if 0 < facts["seconds"] <= item.start:  # 0: the file does not say
                reason = f"it starts at {item.start:g} s, but its file lasts {facts['seconds']:g} s"
                failures.append(Failure(item.name, reason, "mend its start, or exclude it"))
            else:
                rows.append(_row(item, facts))
    return pd.DataFrame(rows, columns=COLUMNS), failures


def inspect(item: Item, out: Path) -> None:
    """Hash a media file, and the pictures that go with it, and read its header."""
    from features.media.decoding import probe

    assert item.path is not None
    info = probe(item.path)
    pictures = pictures_in(item.crops) if item.crops else []
    sha256 = hash_of_file(item.path)
    facts = {
        "sha256": sha256,
        "crops_sha256": hash_of([[p.name, hash_of_file(p)] for p in pictures]) if pictures else "",
        "has_video": info.has_video,
        "has_audio": info.has_audio,
        "width": info.width,
        "height": info.height,
        "rate": float(info.rate) if info.rate else None,
        "seconds": info.duration,
    }
    (out / "facts.json").write_text(json.dumps(facts))


def _key(item: Item) -> str:
    assert item.path is not None  # a corpus gives features, or a file for every item
    pictures = pictures_in(item.crops) if item.crops else []
    return hash_of(VERSION, versions(["av"]), [_stamp(path) for path in (item.path, *pictures)])


def _stamp(path: Path) -> list[str | int]:
    """What changes with a file; reading it will tell what is wrong with one that has no stamp.

    The time of change and the inode tell files apart whose time of modification was restored.
    """
    try:
        stat = path.stat()
    except OSError:
        return [str(path)]
    place = str(path.resolve())
    return [place, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _feature_facts(corpus: Corpus, item: Item) -> dict[str, object]:
    """The facts of an item whose features the corpus gives."""
    assert corpus.features is not None
    features = corpus.features(item.name)
    steps = np.diff(features.times)
    step = float(np.median(steps)) if len(steps) else 1 / AUDIO_ONLY_RATE
    return {
        "sha256": hash_of(corpus.identity, item.name),
        "crops_sha256": "",
        "has_video": bool(features.video_present.any()),
        "has_audio": bool(features.audio_present.any()),
        "width": 0,
        "height": 0,
        "rate": 1 / step,
        "seconds": len(features.times) * step,
    }


def _row(item: Item, facts: dict[str, object]) -> dict[str, object]:
    end = facts["seconds"] if item.end is None else item.end
    return {
        "item": item.name,
        "path": "" if item.path is None else str(item.path),
        "speaker": item.speaker,
        "split": item.split,
        "side": item.side,
        "labelled": item.labels is not None,
        "start": item.start,
        "end": np.nan if item.end is None else item.end,
        "crops": "" if item.crops is None else str(item.crops),
        **facts,
        "seconds": max(0.0, float(end) - item.start),  # type: ignore[arg-type]
    }


def all_labels(task: Task, items: Iterable[Item]) -> pd.DataFrame:
    """The labels of all items in one table: item, time, and a column for each output."""
    columns = [TIME, *task.outputs]
    tables = [i.labels[columns].assign(item=i.name) for i in items if i.labels is not None]
    empty = pd.DataFrame(columns=columns, dtype="float64").assign(item=pd.Series(dtype="str"))
    return pd.concat([empty, *tables], ignore_index=True)


if __name__ == "__main__":
    main()
