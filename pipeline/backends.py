"""Where work is done: joblib's processes on this machine, or the workers of a dask cluster."""

import resource
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from features.errors import InputError
from pipeline.params import ExecutionSettings

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What tells the libraries of a new process how many threads they may use."""


def run_all(
    work: Callable[[Task], Result], tasks: list[Task], execution: ExecutionSettings
) -> Iterator[Result]:
    """Do some work on every task; results come as they are ready, in any order.

    Args:
        work: picklable; the same function gives the same result in any process.
        tasks: what to do it on, picklable.
        execution: with which workers.

    Raises:
        InputError: the cluster cannot be used, or a worker was killed.
    """
    bounded = partial(_within_memory, work, memory_gb=execution.memory_gb)
    workers = min(execution.processes, len(tasks))
    if execution.backend == "dask":
        return _run_on_dask(bounded, tasks, execution, workers)
    return _run_on_loky(bounded, tasks, workers, execution.threads)


def _run_on_loky(
    work: Callable[[Task], Result], tasks: list[Task], workers: int, threads: int
) -> Iterator[Result]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=threads):
        parallel = Parallel(return_as="generator_unordered")
        try:
            yield from parallel(delayed(work)(task) for task in tasks)
        except TerminatedWorkerError as error:
            raise _worker_killed() from error


def _run_on_dask(
    work: Callable[[Task], Result], tasks: list[Task], execution: ExecutionSettings, workers: int
) -> Iterator[Result]:
    # Not through joblib: its dask backend waits for ever when a worker is killed.
    from distributed import KilledWorker, as_completed

    with _client(execution, workers) as client:
        try:
            for future in as_completed(client.map(work, tasks, pure=False)):
                yield future.result()
        except KilledWorker as error:
            raise _worker_killed() from error


def _worker_killed() -> InputError:
    return InputError(
        "a worker process was killed, as happens when memory runs out; what was done is kept",
        "run again, with fewer execution.workers if it happens again",
    )


def _within_memory(work: Callable[[Task], Result], task: Task, memory_gb: float | None) -> Result:
    """Do one task; asking for more memory than allowed is a MemoryError within it."""
    if memory_gb is None:
        return work(task)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (round(memory_gb * 1e9), before[1]))
    try:
        return work(task)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def _client(execution: ExecutionSettings, workers: int) -> "Iterator[Client]":
    """The cluster of a scheduler, or one made on this machine for the time of the run."""
    import dask
    from distributed import Client, LocalCluster

    if execution.scheduler is not None:
        try:
            with Client(execution.scheduler, timeout=CONNECT_SECONDS) as client:
                _check_workers(client, execution.cache_folder)
                yield client
        except (OSError, ValueError) as error:
            raise InputError(
                f"execution.scheduler {execution.scheduler} cannot be reached",
                "start `dask scheduler`, or set it to null for a cluster on this machine",
            ) from error
        return
    environment = dict.fromkeys(THREAD_VARIABLES, str(execution.threads))
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": environment}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,  # a task uses execution.threads of its own
            memory_limit=0,  # execution.memory_gb bounds each task instead
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _check_workers(client: "Client", cache: Path) -> None:
    """Make sure that a cluster's workers see this project and its cache.

    Raises:
        InputError: there is no worker, or one sees other files.
    """
    cache.mkdir(parents=True, exist_ok=True)
    token = cache / f"token-{uuid.uuid4().hex}"
    token.touch()
    try:
        seen = client.run(_sees, str(token.absolute()), str(Path.cwd()))
    finally:
        token.unlink()
    if not seen:
        raise InputError("the dask cluster has no workers", "start `dask worker` in this folder")
    blind = [worker for worker, sees in seen.items() if not sees]
    if blind:
        raise InputError(
            f"dask worker {blind[0]} does not see this folder or the item cache {cache}",
            f"start the workers in {Path.cwd()}, on a file system that all share",
        )


def _sees(token: str, folder: str) -> bool:
    return Path(token).exists() and str(Path.cwd()) == folder
