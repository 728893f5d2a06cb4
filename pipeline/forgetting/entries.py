"""What the item cache holds of a person."""

import json
from collections.abc import Iterator

from features.corpora.inspection import FACTS
from pipeline.engine.cache import Cache
from pipeline.engine.entries.result import Entry
from pipeline.forgetting.person import Person


def from_cache(person: Person, cache: Cache) -> Iterator[str]:
    """Delete entries of a person's media, crops, features and predictions.

    The cache is to be locked exclusively.

    Yields:
        What was deleted, a sentence for each stage.
    """
    for stage in cache.stages():
        theirs = [entry for entry in cache.entries(stage) if _is_theirs(entry, person)]
        for entry in theirs:
            cache.delete(entry)
        if theirs:
            yield f"{cache.folder}: {len(theirs)} entries of {stage}"
    # What was deleted stands in the index until that is written again.
    cache.compact()


def unknown(cache: Cache, used: frozenset[str]) -> int:
    """How many entries of crops and features no store of this project uses.

    Args:
        cache: the item cache.
        used: keys of those that the stores use.
    """
    return sum(e.key not in used for stage in ("faces", "extract") for e in cache.entries(stage))


def _is_theirs(entry: Entry, person: Person) -> bool:
    if entry.stage in person.keys:
        return entry.key in person.keys[entry.stage]
    if entry.stage == "corpus":
        content = entry.row.small.get(FACTS, b"{}")
        facts = json.loads(content)
        return bool({facts.get("sha256"), facts.get("crops_sha256")} & person.contents)
    if entry.stage == "headers":  # of many files each
        return True
    if entry.stage == "evaluate":
        kept = [(entry.folder / name).read_bytes() for name in entry.row.kept]
        return any(person.is_in(c) for c in (*entry.row.small.values(), *kept))
    return False
