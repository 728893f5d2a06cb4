"""What must hold of a corpus before anything long is run."""

from collections import Counter
from pathlib import Path

import pandas as pd

from features.corpora.census import class_counts
from features.corpora.item import Item
from features.errors import InputError
from features.task import Task


def exclude(items: list[Item], reasons: dict[str, str]) -> list[Item]:
    """The items without those named in corpus.exclude.

    Raises:
        InputError: a name is not in the corpus.
    """
    names = {item.name for item in items}
    for name in reasons:
        if name not in names:
            raise InputError(f"corpus.exclude names {name}, which is not in the corpus", "drop it")
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
    read = table[table["sha256"] != ""]  # of others the header alone is known
    for _, copies in read.groupby("sha256", sort=False):
        if copies["split"].nunique() > 1:
            first = copies.iloc[0]
            second = copies[copies["split"] != first["split"]].iloc[0]
            raise InputError(
                f"{first['item']} in {first['split']} and {second['item']} in {second['split']} "
                "are files of the same content",
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
