"""Runs what is ready, the largest first, within processors, memory and GPUs; one display."""

import queue
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import chdir, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from features.errors import InputError
from pipeline.engine.cache import Cache
from pipeline.engine.console import Display
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Failure, Job
from pipeline.engine.machine import ClusterLostError, Pool, WorkerDiedError
from pipeline.engine.reports import Reporter, Reports
from pipeline.engine.workers import pool_of

RUNNING = "running"
"""Folder of the cache in which jobs report how far they are."""
DEATHS = 2
"""So many workers may one job take along before it is named as the cause."""
DEATHS_BEFORE = 20
"""So many workers may be killed while a job waits for its turn there, as dask lets jobs do."""

Attempt = dict[str, Failure]


class Scheduler:
    """The jobs of one run.

    Args:
        stage: name of the cache's folder, where jobs name no other.
        cache: for the results.
        display: shown what runs and what is done.
        pool: where jobs run.
        reports: of the jobs.

    Attributes:
        failed: why jobs have no result, by stage and key.
        results: those of all jobs that have one, likewise.
    """

    def __init__(
        self, stage: str, cache: Cache, display: Display, pool: Pool, reports: Reports
    ) -> None:
        self._stage = stage
        self._cache = cache
        self._display, self._pool, self._reports = display, pool, reports
        self._waiting: list[Job] = []
        self._running: dict[Future[Attempt], Job] = {}
        self._ended: queue.SimpleQueue[Future[Attempt]] = queue.SimpleQueue()
        self._deaths: Counter[tuple[str, bool]] = Counter()
        self._seen: dict[tuple[str, str], list[Job]] = {}
        self.failed: dict[tuple[str, str], Failure] = {}
        self.results: dict[tuple[str, str], Result] = {}

    def add(self, jobs: Iterable[Job]) -> None:
        """Take in more jobs; those whose results are there are done at once."""
        for given in jobs:
            job = replace(given, stage=given.stage or self._stage)
            place = (job.stage, job.key)
            self._display.total(job.size)
            if place in self.results or place in self.failed:
                self._done(job)
                continue
            same = self._seen.setdefault(place, [])
            same.append(job)
            if len(same) > 1:  # of the same content: computed once
                continue
            result = None if len(job.keys) > 1 else self._cache.take(job.stage, job.key)
            if result is not None:
                self._finish(job, {job.key: result})
            else:
                self._waiting.append(job)
        self._waiting.sort(key=lambda job: (-job.size, job.name))

    @property
    def is_waiting(self) -> bool:
        """Whether a job is to be computed."""
        return bool(self._waiting)

    def run(self) -> None:
        """Run all jobs, and those that come of them, to their ends.

        Raises:
            InputError: the cluster was lost.
            OSError: the disk is full.
            CodeChangedError: the code is not that of the keys.
        """
        while self._waiting or self._running:
            self._begin_ready()
            try:
                ended = self._ended.get(timeout=None if self._running else 0)
            except queue.Empty:
                continue
            self._end(ended)

    def _begin_ready(self) -> None:
        for job in list(self._waiting):
            taken = [other.needs for other in self._running.values()]
            if not self._pool.has_room(job.needs, taken):
                break
            self._waiting.remove(job)
            self._begin(job)

    def _begin(self, job: Job) -> None:
        self._display.began(job.name, partial(self._reports.read, job.key), job.size)
        work = partial(attempt, self._cache, self._reports.file(job.key), job_to_send(job))
        future = self._pool.submit(work, job)
        self._running[future] = job
        future.add_done_callback(self._ended.put)

    def _end(self, future: "Future[Attempt]") -> None:
        job = self._running.pop(future)
        try:
            failed = future.result()
        except WorkerDiedError as error:
            is_there = all(self._cache.made(job.stage, key) is not None for key in job.keys)
            failed = {} if is_there else self._worker_died(job, error)
            if not failed and not is_there:
                return
        except (ClusterLostError, CancelledError) as error:
            raise InputError(
                "the dask scheduler was lost; what was done is kept", "start it and run again"
            ) from error
        with suppress(OSError):
            self._reports.file(job.key).unlink(missing_ok=True)
        for key, failure in failed.items():
            self.failed[job.stage, key] = failure
        self._finish(job, {})

    def _worker_died(self, job: Job, error: WorkerDiedError) -> Attempt:
        """Let a job try again whose worker was killed; name it when that was so too often."""
        report = self._reports.file(job.key)
        begun = report.exists()
        self._deaths[job.key, begun] += 1
        least = DEATHS if begun else DEATHS_BEFORE
        if self._deaths[job.key, begun] < least and not error.is_final:
            report.unlink(missing_ok=True)
            self._display.stopped(job.name)
            self._waiting.insert(0, job)
            return {}
        failure = Failure(
            job.name,
            "its worker process was killed each time, as happens when memory runs out",
            "run again, with fewer execution.workers or more memory if it happens again",
        )
        return dict.fromkeys(job.keys, failure)

    def _finish(self, job: Job, results: Mapping[str, Result]) -> None:
        """What follows from a job that was computed, found in the cache, or failed."""
        place = (job.stage, job.key)
        for key in job.keys:
            if (job.stage, key) not in self.failed:
                result = results.get(key) or self._cache.result(job.stage, key)
                self.results[job.stage, key] = result
        for same in self._seen.pop(place, []):
            self._done(same)

    def _done(self, job: Job) -> None:
        self._display.ended(job.name, job.size)
        place = (job.stage, job.key)
        if job.then is not None and place in self.results:
            with chdir(job.folder) if job.folder else nullcontext():
                following = list(job.then(self.results[place]))
            self.add(following)


def job_to_send(job: Job) -> Job:
    """A job as a worker needs it: what follows stays here."""
    return replace(job, then=None)


def attempt(cache: Cache, report: Path, job: Job) -> Attempt:
    """Compute a job in a worker."""
    reporter = Reporter(report, job.steps)
    reporter.begin()
    return job.attempt(cache, reporter)


def run(
    stage: str,
    jobs: Iterable[Job],
    execution: ExecutionSettings,
    *,
    unit: str,
    processes: int | None = None,
    before: Callable[[], None] = lambda: None,
) -> Scheduler:
    """Run jobs, and those that come of them, to their ends.

    Args:
        stage: name of the cache's folder, where jobs name no other, and of the display.
        jobs: the first ones.
        execution: where the cache is, and how work is done.
        unit: of the jobs' sizes.
        processes: 1 to work in this process.
        before: called once where a job's result is not in the cache, before any is computed.

    Returns:
        The scheduler with results and failures.
    """
    cache = Cache(execution.cache_folder, lasting=execution.scheduler is not None)
    cache.lock(exclusive=False)
    cache.sweep()
    jobs = list(jobs)
    if len(jobs) == 1 and execution.backend == "loky":
        processes = 1  # this one can as well, and need not be started
    with (
        Display(stage, unit=unit) as display,
        Reports(cache.folder / RUNNING) as reports,
        pool_of(execution, processes) as pool,
    ):
        scheduler = Scheduler(stage, cache, display, pool, reports)
        scheduler.add(jobs)
        if scheduler.is_waiting:
            before()
        scheduler.run()
    return scheduler
