"""What jobs share on a machine, and how processes that compute them behave."""

import ctypes
import resource
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Job, Needs

Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What tells the libraries of a new process how many threads they may use."""


class WorkerDiedError(Exception):
    """A worker was killed while it computed a job.

    Attributes:
        is_final: whether the job was tried often enough already.
    """

    def __init__(self, *, is_final: bool = False) -> None:
        super().__init__("a worker was killed")
        self.is_final = is_final


class ClusterLostError(Exception):
    """No scheduler answers."""


class Pool(Protocol):
    """Runs jobs."""

    def has_room(self, needs: Needs, taken: Sequence[Needs]) -> bool:
        """Whether a job may begin beside those that run.

        Raises:
            InputError: it never may.
        """

    def submit(self, work: Callable[[], Result], job: Job) -> "Future[Result]":
        """Begin a job; its future raises WorkerDiedError where its worker was killed."""


class Machine(ABC):
    """What jobs share on one machine.

    Args:
        execution: how much of it they may take.
    """

    def __init__(self, execution: ExecutionSettings) -> None:
        self._threads = execution.processes * execution.threads
        self._jobs = execution.jobs_by_memory
        self._gpus: int | None = None
        self._execution = execution

    def has_room(self, needs: Needs, taken: Sequence[Needs]) -> bool:
        """Whether a job may begin beside those that run: the first one always may."""
        if not taken:
            return True
        if len(taken) >= self._jobs or (needs.gpu and sum(t.gpu for t in taken) >= self.gpu_jobs):
            return False
        return sum(t.threads for t in taken) + needs.threads <= self._threads

    @abstractmethod
    def submit(self, work: Callable[[], Result], job: Job) -> "Future[Result]":
        """Begin a job; its future raises WorkerDiedError where its worker was killed."""

    @property
    def gpu_jobs(self) -> int:
        """How many jobs on GPUs may run at a time; torch is asked if one comes."""
        if self._gpus is None:
            self._gpus = self._execution.gpus
        return self._gpus * self._execution.gpu_jobs


def end_with_parent() -> None:
    """Have this process killed when its parent is, where Linux can do that.

    Without its parent it would work on for nobody, and use the item cache without a lock.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def within_memory(work: Callable[[], Result], memory_gb: float | None) -> Result:
    """Do some work; asking for more memory than allowed is a MemoryError within it."""
    if memory_gb is None:
        return work()
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (round(memory_gb * 1e9), before[1]))
    try:
        return work()
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
