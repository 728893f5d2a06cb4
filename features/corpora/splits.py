"""Splits by speaker: nobody is in two of them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from features.corpora.item import Corpus, Item, Split
from features.corpora.settings import SplitSettings


def draw_splits(speakers: Iterable[str], settings: SplitSettings) -> dict[str, Split]:
    """Deal speakers to splits at random; the same seed gives the same splits.

    At least one trains; where there are enough, each split asked for has one and two train.

    >>> dealt = draw_splits(("anna", "ben", "cleo", "dan"), SplitSettings())
    >>> sorted(dealt), sorted(dealt.values())
    (['anna', 'ben', 'cleo', 'dan'], ['test', 'train', 'train', 'validation'])
    """
    names = np.random.default_rng(settings.seed).permutation(sorted(set(speakers)))
    test = max(round(settings.test * len(names)), int(settings.test > 0 and len(names) > 2))
    test = min(test, len(names) - 1)
    least = int(settings.validation > 0 and len(names) > 3)
    validation = max(round(settings.validation * len(names)), least)
    validation = min(validation, len(names) - test - 1)
    counts: dict[Split, int] = {"validation": validation, "test": test}
    counts["train"] = len(names) - sum(counts.values())
    dealt = [part for part, count in counts.items() for _ in range(count)]
    return dict(zip(names.tolist(), dealt, strict=True))


def with_validation(corpus: Corpus, settings: SplitSettings) -> Corpus:
    """The corpus with a validation split, drawn from its training speakers where it has none.

    Speakers who share a file stay together. A corpus stays as it is where it has a validation
    split, no labels to train on, or `corpus.split.validation` is 0.

    Args:
        corpus: as its reader gives it.
        settings: share of the training speakers, and the seed.
    """
    if any(item.split == "validation" for item in corpus.items):
        return corpus
    group_of = _groups(item for item in corpus.items if item.split == "train")
    labelled = [i for i in corpus.items if i.split == "train" and i.labels is not None]
    groups = {group_of[item.speaker] for item in labelled}
    if not groups:
        return corpus
    drawn = draw_splits(groups, settings.model_copy(update={"test": 0.0}))
    chosen = {name for name, group in group_of.items() if drawn.get(group) == "validation"}
    if not chosen:
        return corpus
    items = [
        replace(item, split="validation")
        if item.split == "train" and item.speaker in chosen
        else item
        for item in corpus.items
    ]
    note = (
        f"the corpus has no validation split: {len(chosen)} of {len(group_of)} training speakers "
        f"are drawn for it from seed {settings.seed} (corpus.split.validation)"
    )
    return replace(corpus, items=items, notes=(*corpus.notes, note))


def _groups(items: Iterable[Item]) -> dict[str, str]:
    """The group of each speaker, named by one of its speakers: who is linked by shared files."""
    group_of: dict[str, str] = {}
    speaker_of: dict[Path, str] = {}
    for item in items:
        group = group_of.setdefault(item.speaker, item.speaker)
        if item.path is None:
            continue
        shared = group_of[speaker_of.setdefault(item.path.resolve(), item.speaker)]
        if shared != group:
            group_of = {name: shared if of == group else of for name, of in group_of.items()}
    return group_of
