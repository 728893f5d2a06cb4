"""Run a function over the items of a corpus: item cache, progress, failures.

A killed stage goes on where it was, and one more video costs one video. A bad item is reported at
the end; the others are finished first.
"""

import errno
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text

from features.errors import InputError
from pipeline.engine.cache import Cache
from pipeline.engine.console import console, progress_bar, say
from pipeline.engine.disk import is_disk_full
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.keys import computing
from pipeline.engine.stamps import CodeChangedError
from pipeline.engine.workers import run_all

NO_MEMORY = ("Insufficient memory", "can't allocate memory", "out of memory")
"""How OpenCV and PyTorch say that memory ran out, in errors that are not MemoryError."""

FULL_DISK = (
    "the disk is full{place}; make room, for example with `python -m pipeline.cache --unused-days "
    "30`, and run again: what was done is kept"
)


@dataclass(frozen=True)
class Job:
    """One item's work.

    Attributes:
        name: of the item.
        key: hash of all the result depends on, from `key_of`.
        compute: fills the folder it is given; picklable. Tables hand it the rows of its key alone.
        size: how much work it is, in the unit of the progress bar.
    """

    name: str
    key: str
    compute: Callable[[Path], None]
    size: float = 1


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


def run_jobs(
    stage: str,
    jobs: Iterable[Job],
    execution: ExecutionSettings,
    *,
    unit: str = "items",
    processes: int | None = None,
) -> dict[str, Result]:
    """Have every job's result, from the item cache or computed.

    Args:
        stage: name of the cache's folder and of the progress bar.
        jobs: the work.
        execution: where the cache is, and how work is done.
        unit: of the jobs' sizes.
        processes: 1 for work that uses all processors by itself.

    Returns:
        The files of every job's result.

    Raises:
        StageFailedError: after all jobs were tried, if any failed.
        InputError: the cluster or the cache cannot be used.
    """
    jobs = list(jobs)
    cache = Cache(execution.cache_folder, lasting=execution.scheduler is not None)
    cache.lock(exclusive=False)
    cache.sweep()
    results = {job.name: cache.take(stage, job.key) for job in jobs}
    waiting = unique([job for job in jobs if results[job.name] is None])
    failed: dict[str, Failure] = {}
    if waiting:
        total = sum(job.size for job in jobs)
        done = total - sum(job.size for job in waiting)
        with progress_bar(stage, unit=unit, total=total, done=done) as advance:
            for job, failure in _compute(stage, waiting, execution, cache, processes):
                advance(job.size)
                if failure is not None:
                    failed[job.key] = failure
    raise_failures(stage, jobs, failed)
    return {job.name: results[job.name] or cache.result(stage, job.key) for job in jobs}


def raise_failures(stage: str, jobs: list[Job], failed: Mapping[str, Failure]) -> None:
    """End a stage in which some keys failed, naming every item that has one of them.

    Raises:
        StageFailedError: any failed.
    """
    if not failed:
        return
    for failure in failed.values():
        if failure.trace:
            say(failure.trace)
    failures = [replace(failed[job.key], name=job.name) for job in jobs if job.key in failed]
    raise StageFailedError(stage, failures, len(jobs) - len(failures))


def unique(jobs: Iterable[Job]) -> list[Job]:
    """One job a key, the largest first: nobody waits for a long one at the end."""
    by_key: dict[str, Job] = {}
    for job in jobs:
        by_key.setdefault(job.key, job)
    return sorted(by_key.values(), key=lambda job: (-job.size, job.name))


def cached(stage: str, job: Job, execution: ExecutionSettings) -> Result:
    """Have one result, from the item cache or computed here and now."""
    cache = Cache(execution.cache_folder)
    cache.lock(exclusive=False)
    cache.sweep()
    result = cache.take(stage, job.key)
    if result is not None:
        return result
    with cache.new(stage, job.key) as folder, computing(job.key):
        job.compute(folder)
    return cache.result(stage, job.key)


def _compute(
    stage: str,
    jobs: list[Job],
    execution: ExecutionSettings,
    cache: Cache,
    processes: int | None,
) -> Iterator[tuple[Job, Failure | None]]:
    attempt = partial(_attempt, cache, stage)
    if processes == 1:
        return map(attempt, jobs)
    return run_all(attempt, jobs, execution)


def _attempt(cache: Cache, stage: str, job: Job) -> tuple[Job, Failure | None]:
    try:
        with cache.new(stage, job.key) as folder, computing(job.key):
            job.compute(folder)
    except CodeChangedError:  # concerns all items
        raise
    except Exception as error:
        return job, failure_of(job.name, error)
    return job, None


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


@contextmanager
def stage_errors(*, goes_on: bool = True) -> Iterator[None]:
    """Turn what a user can fix into one sentence or one table, and exit status 1.

    Ctrl-C ends in a sentence too, and exit status 130, as shells have it.

    Args:
        goes_on: whether the same command, run again, has what was done.
    """
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was" if goes_on else "stopped")
        raise SystemExit(130) from None
    except InputError as error:
        _stop(f"{error}")
    except StageFailedError as error:
        console.print(error.table())
        raise SystemExit(1) from None
    except Exception as error:
        if is_disk_full(error):
            filename = getattr(error, "filename", None)
            place = f" ({filename})" if filename else ""
            _stop(FULL_DISK.format(place=place))
        if is_out_of_memory(error):
            _stop(
                "there is not enough memory; lower train.batch_clips, evaluate.batch_clips or "
                "execution.workers, or use a machine with more"
            )
        raise


def _stop(sentence: str) -> None:
    console.print(Text("Error: ", style="bold red") + Text(f"{sentence}."), soft_wrap=True)
    raise SystemExit(1) from None
