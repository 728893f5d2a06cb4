"""Show what the item cache holds, verify it and make room: `python -m pipeline.cache`."""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from rich.table import Table

from pipeline.engine.cache import Cache
from pipeline.engine.console import console, progress_bar, say
from pipeline.engine.entries.result import Entry
from pipeline.engine.entries.rows import DamagedEntryError
from pipeline.engine.entries.states import State
from pipeline.engine.jobs import stage_errors
from pipeline.params import load_params


def contents(cache: Cache) -> Iterator[Entry | State]:
    """Entries, and states of unfinished trainings."""
    yield from cache.entries()
    yield from cache.states()


def verify(cache: Cache) -> int:
    """Read all entries and states, delete the damaged ones and name them; returns their number."""
    entries = list(contents(cache))
    damaged = 0
    total = round(sum(entry.size for entry in entries) / 1e6)
    with progress_bar("verify", unit="MB", total=total) as advance:
        for entry in entries:
            try:
                entry.verify()
            except DamagedEntryError as error:
                say(f"deleted an entry of {entry.stage}: {error}")
                cache.delete(entry)
                damaged += 1
            advance(entry.size / 1e6)
    rows = cache.compact()
    if rows:
        say(f"deleted {rows} damaged rows of the index")
    return damaged + rows


def prune(
    cache: Cache, *, unused_days: float | None = None, most_bytes: float | None = None
) -> list[Entry | State]:
    """Delete entries that have not been used for long, then the longest unused to reach a size.

    States of unfinished trainings count as entries.
    """
    entries = sorted(contents(cache), key=lambda entry: entry.used)
    left = sum(entry.size for entry in entries)
    deleted = []
    for entry in entries:
        is_old = unused_days is not None and time.time() - entry.used > unused_days * 86_400
        if is_old or (most_bytes is not None and left > most_bytes):
            cache.delete(entry)
            left -= entry.size
            deleted.append(entry)
    if deleted:
        with suppress(OSError):  # the disk may be full: what is deleted needs no room
            cache.compact()
    return deleted


def main() -> None:
    """Show the cache; verify it or make room if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.cache",
        description="Show the item cache, verify it, make room, forget a person. Stores in data/ "
        "keep their files, but for those of a person who is forgotten.",
    )
    parser.add_argument("--verify", action="store_true", help="read all; delete what is damaged")
    parser.add_argument("--unused-days", type=_amount, help="delete what was not used for so long")
    parser.add_argument("--forget", metavar="SPEAKER", help="delete all that is kept of a person")
    parser.add_argument("--max-gb", type=_amount, help="delete the longest unused down to a size")
    options = parser.parse_args()
    with stage_errors(goes_on=False):
        params = load_params()
        cache = Cache(params.execution.cache_folder)
        prunes = options.unused_days is not None or options.max_gb is not None
        deletes = prunes or options.verify or options.forget is not None
        cache.lock(exclusive=deletes)
        if deletes:
            say(f"{cache.sweep()} unfinished entries deleted")
        if options.verify:
            say(f"{verify(cache)} damaged entries deleted")
        if prunes:
            most = None if options.max_gb is None else options.max_gb * 1e9
            gone = prune(cache, unused_days=options.unused_days, most_bytes=most)
            size, freed = (sum(getattr(e, of) for e in gone) / 1e9 for of in ("size", "unshared"))
            say(f"{len(gone)} entries of {size:.3g} GB deleted, {freed:.3g} GB freed")
        if options.forget is not None:
            from pipeline.forgetting.forget import forget

            for sentence in forget(options.forget, params.corpus.root, cache):
                say(sentence)
        show_entries(cache)


def show_entries(cache: Cache) -> None:
    """Print entries, size and age by stage, those of states of unfinished trainings too."""
    stages: dict[str, list[Entry | State]] = defaultdict(list)
    for entry in contents(cache):
        stages[entry.stage].append(entry)
    table = Table(title=str(cache.folder))
    for heading in ("stage", "entries", "GB", "GB in no store", "longest unused, days"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, entries in sorted(stages.items()):
        sizes = (sum(getattr(e, of) for e in entries) / 1e9 for of in ("size", "unshared"))
        days = (time.time() - min(entry.used for entry in entries)) / 86_400
        table.add_row(stage, str(len(entries)), *(f"{s:.3g}" for s in sizes), f"{days:.1f}")
    console.print(table)


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1
    if not amount >= 0:
        raise argparse.ArgumentTypeError(f"{text} is not an amount")
    return amount


if __name__ == "__main__":
    main()
