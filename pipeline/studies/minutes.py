"""How long the trainings of a study took: measured, so no part of any result."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MINUTES = Path("data/minutes")
"""A file a model, in the folder of a study."""


@dataclass(frozen=True)
class Timed:
    """Work that notes the seconds it took; those of runs that went on from one another are added.

    Attributes:
        compute: the work.
        file: where they are noted.
    """

    compute: Callable[..., Any]
    file: Path

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Do the work."""
        start = time.monotonic()
        try:
            return self.compute(*args, **options)
        finally:
            before = float(self.file.read_text()) if self.file.exists() else 0.0
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(f"{before + time.monotonic() - start:.3f}\n")


def write_minutes(model: str, seeds: Iterable[Path], epochs: int) -> None:
    """Write a model's minutes, the mean of its seeds; nothing where a cache had one of them.

    Args:
        model: its name.
        seeds: the notes of its trainings.
        epochs: of all of them together.
    """
    files = list(seeds)
    if all(file.exists() for file in files):
        seconds = sum(float(file.read_text()) for file in files)
        MINUTES.mkdir(parents=True, exist_ok=True)
        noted = {
            "minutes": round(seconds / len(files) / 60, 2),
            "epoch_seconds": float(f"{seconds / epochs:.2g}"),
        }
        (MINUTES / f"{model}.json").write_text(json.dumps(noted) + "\n")


def minutes_of(model: str) -> dict[str, float]:
    """What `write_minutes` noted of a model; nothing where that is not known."""
    file = MINUTES / f"{model}.json"
    if not file.exists():
        return {}
    minutes: dict[str, float] = json.loads(file.read_text())
    return minutes
