"""The reaction time of those who labelled over time."""

from dataclasses import replace

from features.corpora.item import TIME, Corpus, Item
from features.errors import InputError


def without_delay(corpus: Corpus, seconds: float) -> Corpus:
    """The corpus with its labels moved towards the beginning, as if nobody had been late.

    What was labelled at 5 s belongs to what was seen 5 s − `seconds` after the beginning. Labels
    that would stand before the beginning are left out.

    Args:
        corpus: with labels over time, that have times.
        seconds: by which they are late.

    Raises:
        InputError: labels are of whole items, or have a row per frame in place of times.
    """
    if corpus.task.level == "sequence":
        raise InputError(
            f"corpus.label_delay is {seconds:g}, and labels are of whole items", "set it to 0"
        )
    items = [_moved(item, seconds) for item in corpus.items]
    note = f"labels are taken for {seconds:g} s late (corpus.label_delay), and moved"
    return replace(corpus, items=items, notes=(*corpus.notes, note))


def _moved(item: Item, seconds: float) -> Item:
    if item.labels is None or item.labels.empty:
        return item
    if item.labels[TIME].isna().any():
        raise InputError(
            f"corpus.label_delay is {seconds:g}, and labels of {item.name} have a row per frame",
            "give them a column time, or set it to 0",
        )
    labels = item.labels.assign(**{TIME: item.labels[TIME] - seconds})
    return replace(item, labels=labels[labels[TIME] >= 0].reset_index(drop=True))
