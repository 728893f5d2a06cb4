"""Where work is done: joblib's processes on this machine, or the workers of a dask cluster."""

import ctypes
import os
import resource
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from features.errors import InputError
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.local_cluster import local_cluster

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

_START = (
    "start `PYTHONPATH=. dask scheduler` and `PYTHONPATH=. dask worker ADDRESS --nthreads 1` in "
    "the project's folder"
)

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
        InputError: the cluster cannot be used or was lost, or a worker was killed.
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
            yield from parallel(delayed(_with_parent)(os.getpid(), work, task) for task in tasks)
        except TerminatedWorkerError as error:
            raise _worker_killed() from error


def _run_on_dask(
    work: Callable[[Task], Result], tasks: list[Task], execution: ExecutionSettings, workers: int
) -> Iterator[Result]:
    # Not through joblib: its dask backend waits for ever when a worker is killed.
    from distributed import CancelledError, KilledWorker, as_completed
    from distributed.comm import CommClosedError

    try:
        with _client(execution, workers) as client:
            for future in as_completed(client.map(work, tasks, pure=False)):
                yield future.result()
    except KilledWorker as error:
        raise _worker_killed() from error
    except (CancelledError, CommClosedError) as error:
        raise InputError(
            "the dask scheduler was lost; what was done is kept", "start it and run again"
        ) from error


def _worker_killed() -> InputError:
    return InputError(
        "a worker process was killed, as happens when memory runs out; what was done is kept",
        "run again, with fewer execution.workers if it happens again",
    )


def _with_parent(parent: int, work: Callable[[Task], Result], task: Task) -> Result:
    """Do one task in a process that ends when its parent is killed.

    Of one process joblib makes no other: that must outlive its own parent, a shell that is closed.
    """
    if os.getpid() != parent:
        end_with_parent()
    return work(task)


def end_with_parent() -> None:
    """Have this process killed when its parent is, where Linux can do that.

    Without its parent it would work on for nobody, and use the item cache without a lock.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
    """The cluster of a scheduler, or one made on this machine for the time of the run.

    The libraries of a scheduler's workers use the threads that they were started with: one with
    `dask worker`, whatever execution.threads is.
    """
    if execution.scheduler is not None:
        with _connect(execution.scheduler) as client:
            _check_cluster(client, execution.cache_folder)
            yield client
        return
    environment = dict.fromkeys(THREAD_VARIABLES, str(execution.threads))
    with local_cluster(workers, environment) as client:
        yield client


def _connect(scheduler: str) -> "Client":
    from distributed import Client

    try:
        return Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"execution.scheduler {scheduler} cannot be reached",
            "start `dask scheduler`, or set it to null for a cluster on this machine",
        ) from error


def _check_cluster(client: "Client", cache: Path) -> None:
    """Make sure that a cluster has this project's code, files and cache, and a process per task.

    Raises:
        InputError: it has not, or there is no worker.
    """
    threads = client.nthreads()
    if not threads:
        raise InputError("the dask cluster has no workers", _START)
    many = [worker for worker, count in threads.items() if count != 1]
    if many:  # dlib's models are not thread-safe, and execution.memory_gb bounds a process
        raise InputError(
            f"dask worker {many[0]} has more than one thread",
            "start them with: dask worker ADDRESS --nthreads 1",
        )
    folder, code = Path.cwd(), os.path.realpath(__file__)
    token = cache.absolute() / f"token-{uuid.uuid4().hex}"

    # A function in a function is sent as code: who cannot import this module can still run it.
    def has_code() -> bool:
        from importlib.util import find_spec

        package = find_spec("pipeline")
        places = (package and package.submodule_search_locations) or ()
        return any(os.path.realpath(f"{place}/engine/workers.py") == code for place in places)

    def sees_all() -> bool:
        return has_code() and Path.cwd() == folder and token.exists()

    if not client.run_on_scheduler(has_code):
        raise InputError(f"the dask scheduler has no code of {folder}", _START)
    cache.mkdir(parents=True, exist_ok=True)
    token.touch()
    try:
        seen = client.run(sees_all)
    finally:
        token.unlink()
    blind = [worker for worker, sees in seen.items() if not sees]
    if blind:
        raise InputError(
            f"dask worker {blind[0]} does not see this folder, its code or the item cache {cache}",
            f"{_START}, on a file system that all share",
        )
