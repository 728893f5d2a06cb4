"""Run a function over the items of a corpus: processes, item cache, progress, failures.

Each result is a folder in the item cache, addressed by a hash of everything it depends on, written
under a temporary name and then renamed. So a killed stage goes on where it was, and one more video
costs one video. A bad item is reported at the end; the others are finished first.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as ProgressTask
from rich.table import Table
from rich.text import Text

from features.errors import InputError
from pipeline.params import ExecutionSettings

console = Console(stderr=True)


@dataclass(frozen=True)
class Job:
    """One item's work.

    Attributes:
        name: of the item.
        key: hash of all the result depends on, from `hash_of`.
        compute: fills the folder it is given; picklable.
    """

    name: str
    key: str
    compute: Callable[[Path], None]


@dataclass(frozen=True)
class Failure:
    """Why an item has no result."""

    name: str
    reason: str
    remedy: str


class StageFailedError(Exception):
    """Some items of a stage failed; the others are in the item cache."""

    def __init__(self, stage: str, failures: list[Failure], done: int) -> None:
        super().__init__(stage)
        self.stage = stage
        self.failures = failures
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


def hash_of(*parts: Any) -> str:
    """SHA-256 of JSON-serialisable parts."""
    content = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def hash_of_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(libraries: Iterable[str]) -> list[str]:
    """Installed versions of libraries, for keys of what they compute."""
    return [version(library) for library in libraries]


def hash_of_sources(package: Path) -> str:
    """SHA-256 of the Python files of a package: its results are stale when its code changes."""
    files = sorted(package.rglob("*.py"))
    return hash_of([[file.as_posix(), hash_of_file(file)] for file in files])


def run_jobs(
    stage: str, jobs: Iterable[Job], execution: ExecutionSettings, *, processes: int | None = None
) -> dict[str, Path]:
    """Have every job's result, from the item cache or computed.

    Args:
        stage: name of the cache's folder and of the progress bar.
        jobs: the work.
        execution: where the cache is, how many processes.
        processes: 1 for work that uses all processors by itself.

    Returns:
        The cached folder of every job's name.

    Raises:
        StageFailedError: after all jobs were tried, if any failed.
    """
    jobs = list(jobs)
    results = {job.name: _place(stage, job, execution) for job in jobs}
    waiting = [job for job in jobs if not results[job.name].exists()]
    failures: list[Failure] = []
    if waiting:
        done = len(jobs) - len(waiting)
        with progress_bar(stage, unit="items", total=len(jobs), done=done) as advance:
            for failure in _compute(waiting, results, processes or execution.processes):
                advance(1)
                if failure is not None:
                    failures.append(failure)
    if failures:
        raise StageFailedError(stage, failures, len(jobs) - len(failures))
    return results


def cached(stage: str, job: Job, execution: ExecutionSettings) -> Path:
    """Have one result, from the item cache or computed here and now."""
    result = _place(stage, job, execution)
    if not result.exists():
        _make(job, result)
    return result


def _place(stage: str, job: Job, execution: ExecutionSettings) -> Path:
    return execution.cache_folder / stage / job.key[:2] / job.key


def _compute(
    jobs: list[Job], results: Mapping[str, Path], processes: int
) -> Iterator[Failure | None]:
    if processes == 1:
        return (_attempt(job, results[job.name]) for job in jobs)
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=min(processes, len(jobs)), return_as="generator_unordered")
    return parallel(delayed(_attempt)(job, results[job.name]) for job in jobs)


def _attempt(job: Job, result: Path) -> Failure | None:
    try:
        _make(job, result)
    except InputError as error:
        return Failure(job.name, error.reason, error.remedy)
    return None


def _make(job: Job, result: Path) -> None:
    """Compute one result under a temporary name, then move it to its place."""
    partial = result.with_name(f"{result.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
        job.compute(partial)
        partial.rename(result)
    except OSError:
        if not result.is_dir():  # else another process was faster, and its result is as good
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: ProgressTask) -> Text:
        speed = task.finished_speed or task.speed
        if not speed and task.elapsed:  # one step was all there was
            speed = task.completed / task.elapsed
        rate = f"{speed:.3g}" if speed else "–"
        return Text(f"{rate} {task.fields['unit']}/s", no_wrap=True)


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, amount: int, note: str = "") -> None:
        """Move by an amount, and show a note behind the bar."""


@contextmanager
def progress_bar(title: str, *, unit: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a bar with rate and time left; yields the function that advances it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=done, unit=unit, note="")

        def advance(amount: int, note: str = "") -> None:
            progress.update(task, advance=amount, note=note)

        yield advance


@contextmanager
def stage_errors() -> Iterator[None]:
    """Turn what a user can mend into one sentence or one table, and exit status 1."""
    try:
        yield
    except InputError as error:
        console.print(Text("Error: ", style="bold red") + Text(f"{error}."), soft_wrap=True)
        raise SystemExit(1) from None
    except StageFailedError as error:
        console.print(error.table())
        raise SystemExit(1) from None
