"""How far running jobs are, told by files: workers may be in any process of any machine."""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ABANDONED_SECONDS = 7 * 86_400
"""Time without a change after which reports are left over from a run that was killed."""
EVERY_SECONDS = 0.5


class Advance(Protocol):
    """Moves on by an amount."""

    def __call__(self, amount: float, note: str = "") -> None:
        """Move by an amount, and show a note."""


@dataclass(frozen=True)
class Report:
    """How far a job is.

    Attributes:
        share: that is done, 0 to 1.
        note: what it says of itself.
    """

    share: float
    note: str = ""


class Reporter:
    """What one job tells; nothing, without a file.

    Args:
        file: replaced at every report.
        steps: how many the job announces in all; more where it then says so.
    """

    def __init__(self, file: Path | None = None, steps: float = 0) -> None:
        self._file, self._steps = file, steps
        self._begun = self._done = 0.0
        self._last = -EVERY_SECONDS

    def begin(self) -> None:
        """Say that the job has its turn: of what it waited for before, it is no cause."""
        self._write("")
        self._last = -EVERY_SECONDS

    @contextmanager
    def progress(self, title: str, _unit: str, total: float) -> Iterator[Advance]:
        """Begin a part (`models.progress.Progress`)."""
        before = self._done
        self._begun += total

        def advance(amount: float, note: str = "") -> None:
            self._done += amount
            self._write(f"{title} {note}".strip())

        yield advance
        self._done = before + total  # it may have ended early
        self._write(title)

    def _write(self, note: str) -> None:
        now = time.monotonic()
        if self._file is None or now - self._last < EVERY_SECONDS:
            return
        self._last = now
        share = min(1.0, self._done / max(self._steps, self._begun, 1e-9))
        new = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a report is no result
            new.write_text(json.dumps({"share": share, "note": note}))
            new.replace(self._file)


class Reports:
    """The reports of a run's jobs.

    Args:
        folder: that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> "Reports":
        self.folder.mkdir(parents=True)
        for left in self.folder.parent.iterdir():  # by runs that were killed
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, key: str) -> Path:
        """Where a job reports."""
        return self.folder / f"{key}.json"

    def read(self, key: str) -> Report:
        """The last report of a job."""
        with suppress(OSError, ValueError):
            return Report(**json.loads(self.file(key).read_text()))
        return Report(0.0)
