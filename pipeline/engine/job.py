"""A job: what is computed, under which key, how large it is and what it needs."""

import errno
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import chdir, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from features.errors import InputError
from features.tables import Row
from pipeline.engine.cache import Cache
from pipeline.engine.disk import is_disk_full
from pipeline.engine.entries.result import Result
from pipeline.engine.keys import computing
from pipeline.engine.reports import Reporter
from pipeline.engine.stamps import CodeChangedError

NO_MEMORY = ("Insufficient memory", "can't allocate memory", "out of memory")
"""How OpenCV and PyTorch say that memory ran out, in errors that are not MemoryError."""


@dataclass(frozen=True)
class Failure:
    """Why an item has no result.

    Attributes:
        name: of the item.
        reason: what is wrong, one sentence.
        remedy: what to do about it, one sentence.
        trace: where in the code, for what nobody foresaw.
    """

    name: str
    reason: str
    remedy: str
    trace: str = ""


@dataclass(frozen=True)
class Call:
    """A call of a function by its name, whose module is imported where it is made.

    Attributes:
        function: `package.module:name`.
        arguments: by name.
    """

    function: str
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, function: str, **arguments: Any) -> "Call":
        """A call with these arguments, and those it is made with.

        >>> Call.of("math:prod", start=2)([3, 4])
        24
        """
        return cls(function, arguments)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """Import the module and call the function."""
        return Row(code=self.function).load()(*positional, **self.arguments, **named)


@dataclass(frozen=True)
class Needs:
    """What a job takes of a machine while it runs, beside execution.memory_gb.

    Attributes:
        threads: that it computes with.
        gpu: whether it computes on one.
    """

    threads: int = 1
    gpu: bool = False


@dataclass(frozen=True)
class Job:
    """One item's work, or one seed's of a model.

    Attributes:
        name: of the item.
        key: hash of all the result depends on, from `key_of`.
        compute: fills the folder it is given; picklable. Tables hand it the rows of its key alone.
        size: how much work it is, in the unit of the display.
        needs: threads and GPU.
        stage: folder of the cache; empty for that of the run.
        folder: where it computes; None for where the run began.
        steps: 0 for one that says nothing of how far it is; else how many steps it announces, and
            `compute` takes `progress` (`models.progress.Progress`).
        then: called here, in the run's process and folder, with the result, from the cache or new;
            returns the jobs that could not be described before.
    """

    name: str
    key: str
    compute: Callable[..., Any]
    size: float = 1
    needs: Needs = Needs()
    stage: str = ""
    folder: Path | None = None
    steps: float = 0
    then: Callable[[Result], Iterable["Job"]] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all results that it makes."""
        return (self.key,)

    def attempt(self, cache: Cache, reporter: Reporter) -> dict[str, Failure]:
        """Compute the result; returns why there is none, by key.

        Raises:
            OSError: the disk is full, which concerns no item.
            CodeChangedError: the code is not that of the key, which concerns all.
        """
        try:
            with (
                chdir(self.folder) if self.folder else nullcontext(),
                cache.new(self.stage, self.key) as folder,
                computing(self.key),
            ):
                if self.steps:
                    self.compute(folder, progress=reporter.progress)
                else:
                    self.compute(folder)
        except CodeChangedError:
            raise
        except Exception as error:
            return {self.key: failure_of(self.name, error)}
        return {}


@dataclass(frozen=True)
class Chunk(Job):
    """Several items' work that is done together.

    Attributes:
        key: of the first of them.
        compute: puts each result into the cache it is given, and returns why some failed, by key;
            takes `progress` too, if `steps` says so.
        members: the keys of all.
    """

    members: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all results that it makes."""
        return self.members

    def attempt(self, cache: Cache, reporter: Reporter) -> dict[str, Failure]:
        """Compute the results."""
        with computing(self.key):  # all have the same code
            failed: dict[str, Failure] = self.compute(cache, progress=reporter.progress)
        return failed


class StageFailedError(Exception):
    """Some items of a stage failed; the others are in the item cache."""

    def __init__(self, stage: str, failures: list[Failure], done: int) -> None:
        super().__init__(stage)
        self.stage = stage
        self.failures = sorted(failures, key=lambda failure: failure.name)
        self.done = done

    def table(self) -> Table:
        """The failures, for people."""
        table = Table(
            title=f"{self.stage}: {len(self.failures)} items failed, {self.done} are done and kept"
        )
        for heading in ("item", "stage", "reason", "remedy"):
            table.add_column(heading, overflow="fold")
        for failure in self.failures:
            cells = (failure.name, self.stage, failure.reason, failure.remedy)
            table.add_row(*(Text(cell) for cell in cells))
        return table


def unique(jobs: Iterable[Job]) -> list[Job]:
    """One job a key, the largest first: nobody waits for a long one at the end."""
    by_key: dict[tuple[str, str], Job] = {}
    for job in jobs:
        by_key.setdefault((job.stage, job.key), job)
    return sorted(by_key.values(), key=lambda job: (-job.size, job.name))


def failure_of(name: str, error: Exception) -> Failure:
    """What to tell about an item that failed.

    Raises:
        Exception: the one that was given, where the disk is full, which concerns no item.
    """
    if isinstance(error, InputError):
        return Failure(name, error.reason, error.remedy)
    if is_out_of_memory(error):
        reason = "it needs more memory than there is or execution.memory_gb allows"
        return Failure(name, reason, "raise execution.memory_gb, or lower execution.workers")
    if is_disk_full(error):
        raise error
    reason = f"unexpected: {type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    return Failure(name, reason, "report it with the lines printed above", trace)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, in Python, OpenCV or torch."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or any(words in str(error) for words in NO_MEMORY)
    )
