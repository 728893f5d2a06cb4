"""Forgetting a person: what is deleted, what has to run again, what is out of reach."""

import json
from collections.abc import Iterator

from features.corpora.listing import INPUTS, MODELS
from pipeline.engine.cache import Cache
from pipeline.forgetting.entries import from_cache, unknown
from pipeline.forgetting.person import Person, find_person, stores
from pipeline.forgetting.workspace import from_dvc, from_workspace


def forget(speaker: str, root: str, cache: Cache) -> Iterator[str]:
    """Delete all that is kept of a speaker.

    Args:
        speaker: as the corpus names them.
        root: of the corpus, for what there is to say.
        cache: the item cache, locked exclusively.

    Yields:
        What was deleted and what is left to do, a sentence each.

    Raises:
        InputError: an output is damaged.
    """
    person = find_person(speaker)
    if person is None:
        yield f"nothing is left of {speaker}: no item of data/corpus is theirs"
        return
    learnt = list(_models(person))
    used = frozenset(
        key for _, store in stores() for key in store.attributes.get("keys", {}).values()
    )
    strangers = unknown(cache, used)
    for deleted in (from_cache(person, cache), from_dvc(person), from_workspace(person)):
        for sentence in deleted:
            yield f"deleted from {sentence}"
    for other in person.shared:
        yield f"kept what {speaker} shares with {other}, who is in the same recording"
    yield from learnt
    yield (
        f"to do: delete their recordings from {root}, or name their items in corpus.exclude of "
        "params.yaml, then run `dvc repro`; else the next run makes all of it again"
    )
    yield (
        "out of reach: the recordings, params.yaml and tables of your own; git's history and what "
        "was pushed; DVC's remotes; exported models, pages and predictions that lie elsewhere; "
        f"and {strangers} entries of faces and features in the item cache that no store of this "
        "project uses, of earlier settings or other projects (`python -m pipeline.cache "
        "--unused-days 0` deletes all entries)"
    )


def _models(person: Person) -> Iterator[str]:
    """Which models were made with their data, by what windows wrote for each."""
    for path in sorted(INPUTS.glob("*.json")):
        items = json.loads(path.read_text())["items"]
        splits = {items[name]["split"] for name in person.items if name in items}
        if (MODELS / path.stem).exists() and splits & {"train", "validation"}:
            how = "trained with" if "train" in splits else "chosen by"
            yield (
                f"not deleted: {MODELS / path.stem} and its entries in the item cache, {how} them: "
                f"`dvc repro train@{path.stem}` makes it without them, when they are gone"
            )
