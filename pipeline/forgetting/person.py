"""Who is to be forgotten: the items of a speaker, and what tells their data from others'."""

import re
from dataclasses import dataclass
from pathlib import Path

from features.corpora.listing import FACES, STREAMS, CorpusItem, read_items
from features.errors import InputError
from features.stores.store import Store, open_store

_TOKEN = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Person:
    """A speaker of the corpus.

    Attributes:
        speaker: their name.
        items: names of their items.
        files: names of their recordings, without suffix.
        contents: hashes of their media, pictures and features.
        keys: of their entries in the item cache, by stage, that nobody else shares.
        shared: speakers with whom they share recordings.
    """

    speaker: str
    items: frozenset[str]
    files: frozenset[str]
    contents: frozenset[str]
    keys: dict[str, frozenset[str]]
    shared: tuple[str, ...]

    def is_in(self, content: bytes) -> bool:
        """Whether a text names one of their items, recordings or hashes."""
        tokens = {token.rstrip(b".").decode() for token in _TOKEN.findall(content)}
        tokens |= {Path(token).stem for token in tokens}
        return not tokens.isdisjoint(self.items | self.files | self.contents)


def find_person(speaker: str) -> Person | None:
    """A speaker, as the present outputs of the stages know them; None where they know nobody.

    Raises:
        InputError: an output is damaged.
    """
    try:
        every = read_items()
    except InputError:
        return None
    theirs = [item for item in every if item.speaker == speaker]
    if not theirs:
        return None
    names = frozenset(item.item for item in theirs)
    others = {h for item in every if item.speaker != speaker for h in contents_of(item)}
    contents = frozenset(h for item in theirs for h in contents_of(item))
    keys: dict[str, set[str]] = {"faces": set(), "extract": set()}
    for stage, store in stores():
        known: dict[str, str] = store.attributes.get("keys", {})
        shared = {key for name, key in known.items() if name not in names}
        keys[stage] |= {key for name, key in known.items() if name in names} - shared
    return Person(
        speaker,
        names,
        frozenset(Path(item.path).stem for item in theirs if item.path),
        contents - others,
        {stage: frozenset(found) for stage, found in keys.items()},
        tuple(sorted(_sharing(every, speaker, contents))),
    )


def contents_of(item: CorpusItem) -> set[str]:
    """Hashes of what an item is made of."""
    return {item.sha256, item.crops_sha256, item.features_sha256} - {""}


def stores() -> list[tuple[str, Store]]:
    """The stores of faces and streams, with the item cache's stage of each."""
    paths = [("faces", FACES), *(("extract", path) for path in sorted(STREAMS.glob("*.zarr")))]
    return [(stage, open_store(path, stage=stage)) for stage, path in paths if path.exists()]


def keys_of(store: Store) -> frozenset[str]:
    """Of the entries of the item cache that it is made of."""
    return frozenset(store.attributes.get("keys", {}).values())


def _sharing(every: list[CorpusItem], speaker: str, contents: frozenset[str]) -> set[str]:
    """Others whose items are made of the same files."""
    return {
        item.speaker
        for item in every
        if item.speaker != speaker and not contents_of(item).isdisjoint(contents)
    }
