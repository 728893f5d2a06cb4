"""Rows of items.parquet for tests."""

from pathlib import Path
from typing import Any

from features.corpora.item import Corpus, Item, Work
from features.corpora.listing import CorpusItem
from features.corpora.settings import SplitSettings
from features.task import AFFECT


def corpus_item(name: str, **facts: Any) -> CorpusItem:
    """A labelled train item of two seconds, its own speaker, but for what is given."""
    usual = {
        "item": name,
        "path": f"{name}.mp4",
        "speaker": name,
        "split": "train",
        "side": "",
        "labelled": True,
        "start": 0.0,
        "end": float("nan"),
        "crops": "",
        "sha256": "0",
        "crops_sha256": "",
        "has_video": True,
        "has_audio": True,
        "width": 64,
        "height": 48,
        "rate": 30.0,
        "seconds": 2.0,
    }
    return CorpusItem(**{**usual, **facts})


def read_files(root: Path, _settings: Any, _split: SplitSettings, _work: Work) -> Corpus:
    """A reader that has nothing to set: every file is a train item of its own speaker."""
    files = sorted(root.iterdir())
    return Corpus(AFFECT, [Item(path.stem, path, path.stem, "train") for path in files])
