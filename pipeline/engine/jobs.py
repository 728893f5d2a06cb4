"""Run jobs: item cache, scheduler, failures.

A killed stage goes on where it was, and one more video costs one video. A bad item is reported at
the end; the others are finished first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from rich.text import Text

from features.errors import InputError
from pipeline.engine import scheduler
from pipeline.engine.cache import Cache
from pipeline.engine.console import console, say
from pipeline.engine.disk import is_disk_full
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import (
    Call,
    Chunk,
    Failure,
    Job,
    Needs,
    StageFailedError,
    failure_of,
    is_out_of_memory,
    unique,
)
from pipeline.engine.keys import computing

__all__ = [
    "Call",
    "Chunk",
    "Failure",
    "Job",
    "Needs",
    "StageFailedError",
    "cached",
    "failure_of",
    "run_jobs",
    "stage_errors",
    "unique",
]

FULL_DISK = (
    "the disk is full{place}; make room, for example with `python -m pipeline.cache --unused-days "
    "30`, and run again: what was done is kept"
)


def run_jobs(
    stage: str,
    jobs: Iterable[Job],
    execution: ExecutionSettings,
    *,
    unit: str = "items",
    processes: int | None = None,
    before: Callable[[], None] = lambda: None,
) -> dict[str, Result]:
    """Have every job's result, from the item cache or computed.

    Args:
        stage: name of the cache's folder and of the display.
        jobs: the work; what `then` makes of it is run too, and its failures are reported.
        execution: where the cache is, and how work is done.
        unit: of the jobs' sizes.
        processes: 1 for work in this process.
        before: called once where a job's result is not in the cache, before any is computed.

    Returns:
        The files of every job's result.

    Raises:
        StageFailedError: after all jobs were tried, if any failed.
        InputError: the cluster or the cache cannot be used.
    """
    jobs = [job if job.stage else replace(job, stage=stage) for job in jobs]
    ran = scheduler.run(stage, jobs, execution, unit=unit, processes=processes, before=before)
    raise_failures(stage, jobs, ran.failed)
    return {job.name: ran.results[job.stage, job.key] for job in jobs}


def raise_failures(stage: str, jobs: list[Job], failed: Mapping[tuple[str, str], Failure]) -> None:
    """End a stage in which some keys failed, naming every item that has one of them.

    Raises:
        StageFailedError: any failed.
    """
    if not failed:
        return
    for failure in failed.values():
        if failure.trace:
            say(failure.trace)
    given = {(job.stage, job.key) for job in jobs}
    failures = [
        replace(failed[job.stage, job.key], name=job.name)
        for job in jobs
        if (job.stage, job.key) in failed
    ]
    failures += [failure for place, failure in failed.items() if place not in given]
    raise StageFailedError(stage, failures, len(jobs) - len(failures))


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
