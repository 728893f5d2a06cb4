"""What an item cache holds."""

from pathlib import Path

from pipeline.engine.cache import FILES, Cache


def keys_in(cache: Path, stage: str) -> set[str]:
    """Keys of a stage's entries."""
    return {entry.key for entry in Cache(cache).entries(stage)}


def folders_in(cache: Path, stage: str = "*") -> list[Path]:
    """Folders of entries, of those that are being made too."""
    return list(cache.glob(f"{stage}/{FILES}/*/*"))
