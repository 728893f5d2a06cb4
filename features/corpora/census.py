"""What a corpus holds, in sentences: for a person to read before anything long is run."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

import numpy as np
import pandas as pd

from features.corpora.item import SPLITS, TIME, Corpus, Item
from features.corpora.listing import NOTES
from features.corpora.notes import NAMED, some_of
from features.media.rates import AUDIO_ONLY_RATE
from features.task import Task

BINS = 5
"""Bins of a histogram of labels."""


def census(
    corpus: Corpus, items: list[Item], table: pd.DataFrame, *, clip_frames: int
) -> list[str]:
    """What the corpus holds, and what later stages will treat as missing, in sentences.

    Args:
        corpus: as its reader gives it.
        items: those that are used.
        table: a row for each of them, as items.parquet has it.
        clip_frames: length of a training sequence.
    """
    return [
        describe_size(table),
        describe_labels(corpus.task, items),
        *never_learnt(corpus.task, items),
        f"frames per second: {describe_rates(table['rate'])}",
        *corpus.notes,
        *(f"excluded {name}: {reason}" for name, reason in corpus.excluded.items()),
        *missing(table, corpus.task, clip_frames),
        *headers_alone(table),
        *pauses_of(table[table["sha256"] != ""]),
        *unusual(table),
        *mismatches(items, table),
    ]


def describe_size(table: pd.DataFrame) -> str:
    """How many items of how many speakers there are, and how long they last, by split.

    >>> splits = ["train", "train", "test"]
    >>> items = {"split": splits, "speaker": ["anna", "anna", "cleo"], "seconds": [30, 30, 90]}
    >>> describe_size(pd.DataFrame(items))
    '3 items (2 train, 1 test), 2 speakers (1 train, 1 test), 2.5 minutes (1.0 train, 1.5 test)'
    """
    parts = {split: table[table["split"] == split] for split in SPLITS}
    unit, name = (3600, "hours") if table["seconds"].sum() >= 3600 else (60, "minutes")

    def by_split(count: Callable[[pd.DataFrame], str], unit: str) -> str:
        each = ", ".join(f"{count(part)} {split}" for split, part in parts.items() if len(part))
        return f"{count(table)} {unit} ({each})"

    return ", ".join(
        (
            by_split(lambda part: str(len(part)), "items"),
            by_split(lambda part: str(part["speaker"].nunique()), "speakers"),
            by_split(lambda part: f"{part['seconds'].sum() / unit:.1f}", name),
        )
    )


def describe_labels(task: Task, items: Iterable[Item]) -> str:
    """The task and how its labels are distributed."""
    items = list(items)
    tables = [item.labels for item in items if item.labels is not None]
    what = f"{task.kind} per {task.level}"
    if not tables:
        return f"{what}: no labels"
    if task.kind == "classification":
        counts = class_counts(task, items).round(1)
        counts = counts.loc[:, counts.any()]
        return f"{what}: " + ", ".join(
            f"{name} {row.sum():g} ({', '.join(f'{n:g} {split}' for split, n in row.items())})"
            for name, row in counts.iterrows()
        )
    labels = pd.concat(tables)[list(task.outputs)]
    edges = np.linspace(task.low, task.high, BINS + 1)
    parts = []
    for target in task.outputs:
        values = labels[target].to_numpy()
        inside = values[(values >= task.low) & (values <= task.high)]
        parted = np.histogram(inside, edges)[0]
        invalid = f", {len(values) - len(inside)} invalid" if len(inside) < len(values) else ""
        parts.append(f"{target} {' '.join(map(str, parted))}{invalid}")
    return f"{what}, counts in {BINS} equal parts of [{task.low:g}, {task.high:g}]: " + "; ".join(
        parts
    )


def class_counts(task: Task, items: Collection[Item]) -> pd.DataFrame:
    """How many labels (a row per class) there are in each split; a soft label counts in parts."""
    counts = pd.DataFrame(0.0, index=list(task.outputs), columns=list(SPLITS))
    # Thousands of items may share a handful of tables.
    tables = {id(item.labels): item.labels for item in items if item.labels is not None}
    sums = {table: labels[list(task.outputs)].sum() for table, labels in tables.items()}
    uses = Counter((id(item.labels), item.split) for item in items if item.labels is not None)
    for (table, split), count in uses.items():
        counts[split] += count * sums[table]
    return counts


def never_learnt(task: Task, items: Collection[Item]) -> list[str]:
    """The classes that other splits have and the train split has not."""
    if task.kind != "classification":
        return []
    counts = class_counts(task, items)
    absent = counts.index[(counts["train"] == 0) & counts.any(axis=1)]
    return [f"classes that no item of the train split has: {_names(absent)}"] if len(absent) else []


def describe_rates(rates: pd.Series) -> str:
    """How many items have which frame rate."""
    counts = Counter(f"{rate:.4g}" for rate in rates.dropna())
    return ", ".join(f"{rate} ({count} items)" for rate, count in counts.most_common(NAMED)) or "–"


def missing(table: pd.DataFrame, task: Task, clip_frames: int) -> list[str]:
    """What later stages will treat as missing or pad."""
    frames = table["seconds"] * table["rate"].fillna(AUDIO_ONLY_RATE)
    notes = {
        "no picture: all frames count as without a face": ~table["has_video"],
        "no sound: all frames count as without sound": ~table["has_audio"],
        "no labels: features only": ~table["labelled"],
    }
    if task.level == "frame":
        notes["shorter than a clip: padded"] = frames < clip_frames - 0.5
    return [
        f"{note}: {_names(table['item'][which])}" for note, which in notes.items() if any(which)
    ]


def headers_alone(table: pd.DataFrame) -> list[str]:
    """Of how many files the content was not read.

    >>> table = pd.DataFrame({"path": ["a", "a", "b"], "sha256": ["", "", "1f"]})
    >>> print(*headers_alone(table))
    headers alone were read of 1 of 2 files: pauses and copies are looked for in the other 1
    """
    media = table[table["path"] != ""]
    alone, every = media.loc[media["sha256"] == "", "path"].nunique(), media["path"].nunique()
    what = f"headers alone were read of {alone} of {every} files"
    which = f"pauses and copies are looked for in the other {every - alone}"
    return [f"{what}: {which}"] if alone else []


def pauses_of(table: pd.DataFrame) -> list[str]:
    """For how long pictures and sound pause in files that have them.

    >>> facts = {"item": ["a", "b"], "has_video": [True, True], "has_audio": [True, False]}
    >>> lengths = {"without_picture": [5.0, 0.0], "without_sound": [0.0, 8.0]}
    >>> pauses_of(pd.DataFrame(facts | lengths | {"seconds": [8.0, 8.0]}))
    ['no picture comes for 5.0 s of 16.0 s: a (5.0 s)']
    """
    whole = table["seconds"].sum()
    sentences = []
    for what, column, has in (
        ("no picture comes", "without_picture", "has_video"),
        ("there is no sound", "without_sound", "has_audio"),
    ):
        seconds = table.loc[table[has] & (table[column] > 0)].set_index("item")[column]
        if len(seconds):
            longest = seconds.sort_values(ascending=False, kind="stable")
            names = _names(f"{name} ({length:.1f} s)" for name, length in longest.items())
            sentences.append(f"{what} for {seconds.sum():.1f} s of {whole:.1f} s: {names}")
    return sentences


def unusual(table: pd.DataFrame) -> list[str]:
    """What is done about what is unusual in files, each with the items that it concerns."""
    concerned: dict[str, list[str]] = {}
    for name, notes in zip(table["item"], table["notes"], strict=True):
        for note in notes.split(NOTES) if notes else ():
            concerned.setdefault(note, []).append(name)
    return [f"{note}: {_names(names)}" for note, names in concerned.items()]


def mismatches(items: list[Item], table: pd.DataFrame) -> list[str]:
    """Items with a label per frame, but not for every frame the container states."""
    stated = (table["seconds"] * table["rate"]).round()
    differing = [
        item.name
        for item, frames in zip(items, stated, strict=True)
        if item.labels is not None
        and len(item.labels) > 1
        and item.labels[TIME].isna().all()
        and len(item.labels) != frames
    ]
    if not differing:
        return []
    rule = "row i belongs to frame i, surplus rows are left out, surplus frames have no label"
    return [f"labels that differ in number from the frames ({rule}): {_names(differing)}"]


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    return some_of(listed) + (f" ({len(listed)} in all)" if len(listed) > NAMED else "")
