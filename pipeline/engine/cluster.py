"""The workers of a dask cluster: one made on this machine for a run, or that of a scheduler."""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from features.errors import InputError
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Job, Needs
from pipeline.engine.local_cluster import local_cluster
from pipeline.engine.machine import (
    THREAD_VARIABLES,
    ClusterLostError,
    Machine,
    Pool,
    WorkerDiedError,
    within_memory,
)

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

GPU = "GPU"
"""The resource of workers that have one: `dask worker ADDRESS --resources GPU=1`."""

_START = (
    "start `PYTHONPATH=. dask scheduler` and `PYTHONPATH=. dask worker ADDRESS --nthreads 1` in "
    "the project's folder"
)


@contextmanager
def dask_pool(execution: ExecutionSettings) -> Iterator[Pool]:
    """The workers that settings ask for.

    Raises:
        InputError: the cluster cannot be used or was lost.
    """
    with _client(execution) as client:
        yield Dask(client, execution)


class Dask(Machine):
    """Workers of a cluster.

    Args:
        client: of its scheduler.
        execution: how work is done.
    """

    def __init__(self, client: "Client", execution: ExecutionSettings) -> None:
        super().__init__(execution)
        self._client, self._memory_gb = client, execution.memory_gb
        self._is_foreign = execution.scheduler is not None
        self._executor = client.get_executor(pure=False)
        self._held: dict[int, Future[Any]] = {}  # dask forgets what nobody refers to

    def has_room(self, needs: Needs, taken: Sequence[Needs]) -> bool:
        """Whether a job may begin; a scheduler is given all that is ready, and decides itself.

        Raises:
            InputError: the job needs a GPU, and no worker has one.
        """
        if not self._is_foreign:
            return super().has_room(needs, taken)
        if needs.gpu and not self._has_gpus():
            raise InputError(
                "a job needs a GPU, and no worker of the dask cluster has the resource GPU",
                "start those that have one with --resources GPU=1, or set execution.device to cpu",
            )
        return True

    def _has_gpus(self) -> bool:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return any(worker["resources"].get(GPU) for worker in workers)

    def submit(self, work: Callable[[], Result], job: Job) -> "Future[Result]":
        """Begin a job, or put it into the scheduler's queue, the largest first."""
        from distributed import KilledWorker

        resources = {"resources": {GPU: 1.0}} if self._is_foreign and job.needs.gpu else {}
        future: Future[Result] = Future()

        def ended(inner: "Future[Result]") -> None:
            self._held.pop(id(future), None)
            if inner.cancelled():
                future.set_exception(ClusterLostError())
                return
            error = inner.exception()
            if error is None:
                future.set_result(inner.result())
            elif isinstance(error, KilledWorker):
                # A foreign scheduler says so after its distributed.scheduler.allowed-failures.
                future.set_exception(WorkerDiedError(is_final=self._is_foreign))
            else:
                future.set_exception(error)

        bounded = partial(within_memory, work, self._memory_gb)
        inner = self._executor.submit(bounded, priority=job.size, **resources)
        self._held[id(future)] = inner
        inner.add_done_callback(ended)
        return future


@contextmanager
def _client(execution: ExecutionSettings) -> "Iterator[Client]":
    """The cluster of a scheduler, or one made on this machine for the time of the run.

    The libraries of a scheduler's workers use the threads that they were started with: one with
    `dask worker`, whatever execution.threads is.
    """
    if execution.scheduler is not None:
        with _connect(execution.scheduler) as client:
            check_cluster(client, execution.cache_folder)
            yield client
        return
    environment = dict.fromkeys(THREAD_VARIABLES, str(execution.threads))
    with local_cluster(execution.processes, environment) as client:
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


def check_cluster(client: "Client", cache: Path) -> None:
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
        return any(os.path.realpath(f"{place}/engine/cluster.py") == code for place in places)

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
