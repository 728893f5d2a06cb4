"""What lies in the project's folder of a person, and in DVC's cache: found and deleted."""

import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pandas as pd

from features.corpora.listing import (
    CONTENTS,
    FACES,
    INPUTS,
    ITEMS,
    LABELS,
    RESULTS,
    SOURCES,
    STREAMS,
    WINDOWS,
    fresh,
)
from features.stores.removing import drop_items
from features.stores.store import open_store
from pipeline.forgetting.person import Person

DRAWN = ("index.html", "figures", "plots", "tables")
"""Of the results: drawn from tables, and drawn again by `summarise`."""

PREDICTIONS = Path("predictions")
_ITEM = "item"


def from_workspace(person: Person) -> Iterator[str]:
    """Delete a person from the outputs of the stages and what predictions are there.

    Yields:
        What was deleted, a sentence each.
    """
    yield from _from_stores(person)
    yield from _from_lists(person)
    rows = list(_from_tables(person))
    yield from rows
    if rows:
        for name in DRAWN:
            place = RESULTS / name
            if place.is_dir():
                shutil.rmtree(place)
                yield f"{place}: all, since they are drawn of everybody"
            elif place.exists():
                place.unlink()
                yield f"{place}: all, since it is drawn of everybody"
    # The last one: until then they are found again where this was broken off.
    yield from _without_rows(pd.read_parquet(ITEMS), ITEMS, person)


def _from_stores(person: Person) -> Iterator[str]:
    for path in (FACES, *sorted(STREAMS.glob("*.zarr")), WINDOWS):
        if not path.exists():
            continue
        store = open_store(path, stage=path.stem)
        count = len(person.items & set(store.items))
        if count:
            drop_items(store, person.items)
            yield f"{path}: {count} items"


def _from_lists(person: Person) -> Iterator[str]:
    """Delete lines and entries of items from what stages tell each other."""
    for path in sorted(SOURCES.glob("*")):
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if line.split(" ")[0] not in person.items]
        if len(kept) < len(lines):
            fresh(path).write_text("".join(kept))
            yield f"{path}: {len(lines) - len(kept)} lines"
    for path in sorted([*CONTENTS.glob("*.json"), *INPUTS.glob("*.json")]):
        content = json.loads(path.read_text())
        kept_items = {n: i for n, i in content["items"].items() if n not in person.items}
        gone = len(content["items"]) - len(kept_items)
        if gone:
            text = json.dumps({**content, "items": kept_items}, indent=1, sort_keys=True)
            fresh(path).write_text(text + "\n")
            yield f"{path}: {gone} items"


def _from_tables(person: Person) -> Iterator[str]:
    """Delete rows of tables of items, and other texts that name them."""
    drawn = {RESULTS / name for name in DRAWN}
    for path in (*_files(RESULTS), *_files(PREDICTIONS), LABELS):
        if not path.exists() or drawn & {path, *path.parents}:
            continue
        table = _table_of(path)
        if path.name.split(".")[0] in person.files | person.items:
            path.unlink()
            yield f"{path}: all, since it is of one of their recordings"
        elif table is not None:
            yield from _without_rows(table, path, person)
        elif path.suffix != ".parquet" and person.is_in(path.read_bytes()):
            path.unlink()
            yield f"{path}: all, since it names them"


def _without_rows(table: pd.DataFrame, path: Path, person: Person) -> Iterator[str]:
    is_theirs = table[_ITEM].astype(str).isin(person.items)
    if is_theirs.any():
        kept = table[~is_theirs]
        if path.suffix == ".parquet":
            kept.to_parquet(fresh(path), index=False)
        else:
            kept.to_csv(fresh(path), index=False)
        yield f"{path}: {int(is_theirs.sum())} rows"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _table_of(path: Path, content: bytes | None = None) -> pd.DataFrame | None:
    """A table with a row an item or more; None for any other file."""
    data = path.read_bytes() if content is None else content
    try:
        if data.startswith(b"PAR1"):
            table = pd.read_parquet(BytesIO(data))
        elif path.suffix == ".csv":
            table = pd.read_csv(BytesIO(data), dtype=str, keep_default_na=False, comment=None)
        else:
            return None
    except ValueError:
        return None
    return table if _ITEM in table else None


# ------------------------------------------------------------------ DVC


def from_dvc(person: Person) -> Iterator[str]:
    """Delete what DVC's cache holds of a person, in files of any run.

    Yields:
        What was deleted, a sentence.
    """
    folder = dvc_cache()
    deleted = 0
    for path in _files(folder) if folder else ():
        content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
        table = _table_of(path, content) if content.startswith(b"PAR1") else None
        if table is not None:
            holds = bool(table[_ITEM].astype(str).isin(person.items).any())
        else:
            holds = b"\0" not in content[:4096] and person.is_in(content)
        if holds:
            path.chmod(0o644)
            path.unlink()
            deleted += 1
    if deleted:
        yield f"{folder}: {deleted} files that hold or name their items"


MOST_BYTES = 256 << 20
"""Files of DVC's cache above this size are no tables or texts of Lacuna's."""


def dvc_cache() -> Path | None:
    """The folder of DVC's cache; None where this is no project of DVC's."""
    project = Path(".dvc")
    if not project.is_dir():
        return None
    from dvc.config import Config

    named = Config(str(project.absolute()))["cache"].get("dir")
    folder = project.absolute() / "cache" if named is None else Path(named)
    return folder if folder.is_dir() else None
