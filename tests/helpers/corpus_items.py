"""Rows of items.parquet for tests."""

from typing import Any

from features.corpora.listing import CorpusItem


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
