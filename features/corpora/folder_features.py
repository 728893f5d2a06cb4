"""The files of features of a folder corpus: a folder a stream, a file an item."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from features.corpora.feature_files import SUFFIXES, read_features
from features.corpora.item import Features
from features.corpora.paths import following_links, inside, is_following
from features.corpora.settings import FolderSettings
from features.errors import InputError
from features.hashes import hash_of, hash_of_file

FOLDER = "features"


@dataclass(frozen=True)
class FolderFeatures:
    """What lies in `features/` of a folder corpus.

    Attributes:
        root: the corpus.
        streams: names of the folders in it.
        rates: rows a second by stream, where files do not say.
        follow: whether links may lead anywhere.
    """

    root: Path
    streams: tuple[str, ...]
    rates: Mapping[str, float]
    follow: bool = False

    @classmethod
    def below(cls, root: Path, settings: FolderSettings) -> "FolderFeatures":
        """Those of a corpus; no stream where it has none."""
        place = root / FOLDER
        folders = sorted(place.iterdir()) if place.is_dir() else []
        streams = tuple(f.name for f in folders if f.is_dir() and f.name[0] not in "._")
        return cls(root, streams, settings.rates, is_following())

    @property
    def folder(self) -> Path:
        """Where the streams' folders lie."""
        return self.root / FOLDER

    def path(self, item: str, stream: str) -> Path:
        """The file of an item.

        Raises:
            InputError: there is none, or there are several.
        """
        place = self.folder / stream
        paths = [place / f"{item}{s}" for s in SUFFIXES if os.path.lexists(place / f"{item}{s}")]
        if not paths:
            raise InputError(
                f"there is no {place / item}{SUFFIXES[0]} (nor {', '.join(SUFFIXES[1:])})",
                f"add it, or write {item}: REASON into corpus.exclude",
            )
        if len(paths) > 1:
            raise InputError(f"{paths[0]} and {paths[1]} are of one item", "remove one")
        with following_links(self.follow):
            return inside(self.root, paths[0].relative_to(self.root), str(self.folder))

    def content(self, item: str, stream: str) -> str:
        """Hash of all that the rows of an item depend on."""
        return hash_of(hash_of_file(self.path(item, stream)), self.rates.get(stream))

    def of_item(self, item: str) -> Mapping[str, Features]:
        """The streams of an item, each read when it is asked for."""
        return _Read(self, item)


@dataclass(frozen=True)
class _Read(Mapping[str, Features]):
    files: FolderFeatures
    item: str

    @override
    def __getitem__(self, stream: str) -> Features:
        if stream not in self.files.streams:
            raise KeyError(stream)
        return read_features(self.files.path(self.item, stream), self.files.rates.get(stream))

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.files.streams)

    @override
    def __len__(self) -> int:
        return len(self.files.streams)
