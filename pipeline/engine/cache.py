"""The item cache: a result per item and stage, addressed by a hash of all it depends on.

An entry is a row in the index of its stage, with its small files, and a folder of the others. It is
there when its row is written, which is last; so a killed run leaves no half result. Files below a
result's folders are shards, which stores link to and which carry checksums that are compared when
they are read; others are compared with their hashes whenever they are taken.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from features.errors import InputError
from features.hashes import hash_of_file
from pipeline.engine.console import say
from pipeline.engine.entries.index import Index
from pipeline.engine.entries.locks import FULL, inherit, is_at, lock, make_folder, unusable
from pipeline.engine.entries.result import Entry, Result, check_files
from pipeline.engine.entries.rows import BEGUN, USED, DamagedEntryError, Kept, Line, Row
from pipeline.engine.entries.segments import held
from pipeline.engine.entries.states import TRAINING, State
from pipeline.engine.keys import Key

INDEX, FILES = "index", "files"
"""Folders of a stage: segments of its index, and the folders of its entries."""

SMALL_BYTES = 64 << 10
"""Files up to this size, of a result's own folder, are kept in the index."""

USED_SECONDS = 86_400
"""How exactly it is noted when an entry was used."""


class Cache:
    """The item cache in a folder.

    Args:
        folder: made when it is first written to.
        lasting: whether other hosts are to see each entry at once.
    """

    def __init__(self, folder: Path, *, lasting: bool = False) -> None:
        self.folder = folder.absolute()
        self._lasting = lasting
        self._indices: dict[str, Index] = {}

    def __reduce__(self) -> tuple[object, ...]:
        # Other processes read the index for themselves, if they need it.
        return _cache, (self.folder, self._lasting)

    def take(self, stage: str, key: str) -> Result | None:
        """The result of an entry; None where it does not exist.

        What is damaged is deleted, with a message.
        """
        index = self._index(stage)
        for place in index.places(key):
            folder = self._folder(stage, place)
            try:
                row = index.row(key, place)
                check_files(folder, row)
            except DamagedEntryError as error:
                say(f"{stage}: a result in the item cache is damaged ({error}) and is made again")
                self._delete(stage, key, place)
                continue
            now = time.time()
            if now - index.used(row) > USED_SECONDS:
                with suppress(OSError):  # in a cache that cannot be written to nothing is deleted
                    index.write(Line(USED, key, place, str(now).encode()))
            return Result(folder, row)
        return None

    def made(self, stage: str, key: str) -> Result | None:
        """The result of an entry that another process may have made just now."""
        index = self._index(stage)
        if not index.places(key):
            index.refresh()
        return self.take(stage, key)

    def result(self, stage: str, key: str) -> Result:
        """The result of an entry that a process has made just now.

        Raises:
            InputError: it is no more.
        """
        result = self.made(stage, key)
        if result is None:
            raise InputError(
                f"a result vanished from the item cache {self.folder}",
                "let nothing else delete its files, and run again",
            )
        return result

    @contextmanager
    def new(self, stage: str, key: str) -> Iterator[Path]:
        """Make an entry: yields the folder for its files; it becomes the entry when all went well.

        Raises:
            CodeChangedError: the code of the key is not what it was; nothing is kept.
            InputError: the cache cannot be written to; the folder vanished while it was filled.
        """
        place = f"{key}~{uuid.uuid4().hex[:12]}"
        index, folder = Index(self.folder / stage / INDEX, self.folder), self._folder(stage, place)
        try:
            make_folder(self.folder, self.folder)
            index.write(Line(BEGUN, key, place))
            make_folder(folder, self.folder)
            made = os.open(folder, os.O_RDONLY)  # while it is open, no other is taken for it
        except OSError as error:
            if error.errno in FULL:
                raise
            raise unusable(self.folder, error) from error
        is_finished = False
        try:
            yield folder
            if isinstance(key, Key):
                key.check()
            if not is_at(made, folder):
                raise InputError(
                    f"the folder of a result vanished from the item cache {self.folder}",
                    "let nothing else delete its files, and run again",
                )
            row = self._collect(folder, str(key), place)
            index.write(row.line(), lasting=self._lasting)
            is_finished = True
        finally:
            os.close(made)
            if not is_finished:
                index.delete(key, place)
            if not (is_finished and row.kept):
                shutil.rmtree(folder, ignore_errors=True)

    def _collect(self, folder: Path, key: str, place: str) -> Row:
        """The row of a folder's files; small ones are taken from it."""
        kept, small = {}, {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():
                inherit(path, self.folder)
                continue
            status = path.stat()
            if "/" in name or status.st_size > SMALL_BYTES:
                inherit(path, self.folder)
                kept[name] = Kept(status.st_size, status.st_mtime_ns, hash_of_file(path))
            else:
                small[name] = path.read_bytes()
                path.unlink()
        if not kept and not small:
            raise RuntimeError(f"a result of {key} has no file")
        return Row(key, place, time.time(), kept, small)

    def entries(self, stage: str | None = None) -> Iterator[Entry]:
        """All entries, or those of a stage, in no order."""
        for name in self.stages() if stage is None else [stage]:
            index = Index(self.folder / name / INDEX, self.folder)
            index.refresh()
            for key, place in index.entries():
                with suppress(DamagedEntryError):
                    yield self._entry(name, index, index.row(key, place))

    def _entry(self, stage: str, index: Index, row: Row) -> Entry:
        folder = self._folder(stage, row.place)
        unshared = sum(len(content) for content in row.small.values())
        for name in row.kept:
            with suppress(OSError):
                status = (folder / name).stat()
                unshared += status.st_size if status.st_nlink == 1 else 0
        return Entry(stage, row, folder, unshared, index.used(row))

    def stages(self) -> list[str]:
        """The stages that have an index."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{INDEX}"))

    def states(self) -> Iterator[State]:
        """States of unfinished trainings."""
        for path in (self.folder / TRAINING).glob("*.state"):
            status = path.stat()
            yield State(path, status.st_size, status.st_mtime)

    def delete(self, entry: Entry | State) -> None:
        """Delete an entry, or the state of a training.

        Raises:
            InputError: that is not allowed.
        """
        if isinstance(entry, State):
            path = entry.path
            with suppress(OSError):
                path.unlink()
        else:
            path = entry.folder
            self._delete(entry.stage, entry.key, entry.row.place)
        if path.exists():
            raise InputError(f"{path} cannot be deleted", "have its owner delete it")

    def _delete(self, stage: str, key: str, place: str) -> None:
        self._index(stage).delete(key, place)
        shutil.rmtree(self._folder(stage, place), ignore_errors=True)

    def sweep(self) -> int:
        """Delete what killed processes left unfinished; returns how many entries and states."""
        unfinished = 0
        for path in (self.folder / TRAINING).glob("*.partial"):
            with held(path) as is_dead:
                if is_dead and path.stat().st_size:  # else it may just have been begun
                    path.unlink()
                    unfinished += 1
        for stage in self.stages():

            def discard(place: str, stage: str = stage) -> bool:
                folder = self._folder(stage, place)
                is_there = folder.exists()
                shutil.rmtree(folder, ignore_errors=True)
                return is_there

            unfinished += Index(self.folder / stage / INDEX, self.folder).sweep(discard)
        return unfinished

    def compact(self) -> int:
        """Write every index again without what is over, and delete folders that no row knows.

        Only to be called where the cache is locked exclusively.

        Returns:
            Damaged lines of indices.
        """
        damaged = 0
        for stage in self.stages():
            index = Index(self.folder / stage / INDEX, self.folder)
            damaged += index.compact()
            known = {INDEX, FILES, *index.live(), *(place for _, place in index.entries())}
            stage_folder = self.folder / stage
            for path in [*stage_folder.iterdir(), *stage_folder.glob(f"{FILES}/*/*")]:
                if path.name not in known:
                    shutil.rmtree(path, ignore_errors=True)
        self._indices.clear()
        return damaged

    def lock(self, *, exclusive: bool) -> None:
        """Keep others from deleting entries until this process ends, or also from using them.

        Raises:
            InputError: the folder cannot be used; a run is using the cache that is wanted
                exclusively, or the other way round.
        """
        lock(self.folder, exclusive=exclusive)

    def _folder(self, stage: str, place: str) -> Path:
        return self.folder / stage / FILES / place[:2] / place

    def _index(self, stage: str) -> Index:
        """The index of a stage, as it was when it was first asked for."""
        if stage not in self._indices:
            self._indices[stage] = index = Index(self.folder / stage / INDEX, self.folder)
            index.refresh()
        return self._indices[stage]


def _cache(folder: Path, lasting: bool) -> Cache:
    return Cache(folder, lasting=lasting)
