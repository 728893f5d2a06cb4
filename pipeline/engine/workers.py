"""Where jobs run: this process, loky's processes on this machine, or a dask cluster's workers."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from pipeline.engine.cluster import dask_pool
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Job, Needs
from pipeline.engine.machine import (
    THREAD_VARIABLES,
    Machine,
    Pool,
    WorkerDiedError,
    end_with_parent,
    within_memory,
)

if TYPE_CHECKING:
    from joblib.externals.loky.process_executor import ProcessPoolExecutor

Result = TypeVar("Result")


def pool_of(
    execution: ExecutionSettings, processes: int | None = None
) -> AbstractContextManager[Pool]:
    """The workers that settings ask for.

    Args:
        execution: the settings.
        processes: 1 to work in this process.
    """
    if execution.backend == "dask" and processes != 1:
        return dask_pool(execution)
    if processes == 1 or execution.processes == 1:
        return _here(execution)
    return _loky(execution)


@contextmanager
def _here(execution: ExecutionSettings) -> Iterator[Pool]:
    yield Here(execution)


@contextmanager
def _loky(execution: ExecutionSettings) -> Iterator[Pool]:
    pool = Loky(execution)
    try:
        yield pool
    finally:
        pool.close()


class Here(Machine):
    """This process, one job after the other: it outlives its parent, a shell that is closed."""

    def __init__(self, execution: ExecutionSettings) -> None:
        super().__init__(execution)
        self._memory_gb = execution.memory_gb

    @override
    def has_room(self, needs: Needs, taken: Sequence[Needs]) -> bool:
        """Whether nothing runs."""
        return not taken

    @override
    def submit(self, work: Callable[[], Result], job: Job) -> "Future[Result]":
        """Do the work at once."""
        future: Future[Result] = Future()
        try:
            future.set_result(within_memory(work, self._memory_gb))
        except Exception as error:
            future.set_exception(error)
        return future


class Loky(Machine):
    """Processes of this machine, each a pool of its own: the end of one is the end of no other.

    Of a pool with several workers loky ends all when one is killed, and says not whose job it was.
    """

    def __init__(self, execution: ExecutionSettings) -> None:
        super().__init__(execution)
        self._idle: list[ProcessPoolExecutor] = []
        self._all: list[ProcessPoolExecutor] = []
        self._gpu_jobs: dict[int, int] = {}

    def submit(self, work: Callable[[], Result], job: Job) -> "Future[Result]":
        """Begin a job in a process that is idle, or in a new one."""
        process = self._idle.pop() if self._idle else self._new()
        gpu = self._least_busy() if job.needs.gpu else None
        if gpu is not None:
            self._gpu_jobs[gpu] += 1
        bounded = partial(on_gpu, partial(within_memory, work, self._execution.memory_gb), gpu)
        future: Future[Result] = Future()

        def ended(inner: "Future[Result]") -> None:
            from joblib.externals.loky.process_executor import BrokenProcessPool

            error = inner.exception()
            if gpu is not None:
                self._gpu_jobs[gpu] -= 1
            if isinstance(error, BrokenProcessPool):
                self._all.remove(process)
                future.set_exception(WorkerDiedError())
                return
            self._idle.append(process)
            if error is None:
                future.set_result(inner.result())
            else:
                future.set_exception(error)

        process.submit(bounded).add_done_callback(ended)
        return future

    def _least_busy(self) -> int | None:
        """The GPU with the fewest jobs."""
        for gpu in range(self.gpu_jobs // self._execution.gpu_jobs):
            self._gpu_jobs.setdefault(gpu, 0)
        return min(self._gpu_jobs, key=lambda gpu: self._gpu_jobs[gpu], default=None)

    def _new(self) -> "ProcessPoolExecutor":
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        process = ProcessPoolExecutor(
            max_workers=1,
            initializer=begin_worker,
            initargs=(os.getpid(),),
            env=dict.fromkeys(THREAD_VARIABLES, str(self._execution.threads)),
        )
        self._all.append(process)
        return process

    def close(self) -> None:
        """End all processes at once, whatever they do: each takes a second or two for it."""

        def end(process: "ProcessPoolExecutor") -> None:
            # One that is killed leaves semaphores, of which Python warns at the end.
            process.shutdown(wait=True, kill_workers=process not in self._idle)

        if self._all:
            with ThreadPoolExecutor(len(self._all)) as ending:
                list(ending.map(end, self._all))


def begin_worker(parent: int) -> None:
    """Prepare a worker process: it ends with its parent, which alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    if sys.platform == "linux" and os.getppid() != parent:  # it was killed before
        os._exit(1)


def on_gpu(work: Callable[[], Result], number: int | None) -> Result:
    """Do some work with one of several GPUs as the present one."""
    if number is not None:
        import torch

        torch.cuda.set_device(number)
    return work()
