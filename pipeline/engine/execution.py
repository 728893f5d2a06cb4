"""How work is run: processes, memory, device, cache; it never changes a result."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from features.errors import InputError
from features.settings import Settings

MOST_PRELOADED = 4 << 30
"""Bytes of rows that a job reads into memory at the most."""


_DRIVERS = ("/dev/nvidiactl", "/dev/nvhost-ctrl", "/dev/dxg", "/dev/kfd")
"""Devices of drivers: NVIDIA's, on its boards, within Windows (WSL); AMD's."""


def _has_driver() -> bool:
    """Whether this machine can have a GPU that torch uses; torch itself takes a second to ask."""
    return "torch" in sys.modules or any(Path(driver).exists() for driver in _DRIVERS)


class ExecutionSettings(Settings):
    """How work is run; it never changes a result, so no stage depends on it.

    Attributes:
        backend: `loky` for processes on this machine, `dask` for the workers of a cluster.
        scheduler: address of a dask scheduler; null for a cluster on this machine.
        workers: processes for jobs; null for as many as the processors allow.
        threads: of each of them.
        memory_gb: what a job may take; so many run at a time as the machine's memory has room
            for. Null for no bound.
        device: where networks run.
        gpu_jobs: how many jobs share a GPU.
        cache: folder of the item cache; null for `LACUNA_CACHE` or the user's cache folder.
    """

    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None
    workers: int | None = Field(default=None, gt=0)
    threads: int = Field(default=1, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    gpu_jobs: int = Field(default=1, gt=0)
    cache: str | None = None

    @model_validator(mode="after")
    def _scheduler_is_dask_s(self) -> "ExecutionSettings":
        if self.scheduler is not None and self.backend != "dask":
            raise ValueError("scheduler is set, but backend is not dask")
        return self

    @property
    def processes(self) -> int:
        """Number of worker processes."""
        return self.workers or max(1, len(os.sched_getaffinity(0)) // self.threads)

    @property
    def torch_device(self) -> str:
        """The device, `cuda` for auto where there is one.

        Raises:
            InputError: cuda is asked for and the machine has none.
        """
        if self.device == "cpu" or (self.device == "auto" and not _has_driver()):
            return "cpu"
        import torch

        if torch.cuda.is_available() or (self.device == "cuda" and self.scheduler is not None):
            return "cuda"  # here, or where a cluster's workers are
        if self.device == "cuda":
            raise InputError("execution.device is cuda, but torch sees no GPU", "set it to auto")
        return "cpu"

    @property
    def gpus(self) -> int:
        """Number of GPUs of this machine that jobs may use."""
        if self.device == "cpu" or not _has_driver():
            return 0
        import torch

        return torch.cuda.device_count()

    @property
    def jobs_by_memory(self) -> int:
        """How many jobs this machine's memory has room for.

        Raises:
            InputError: not even for one.
        """
        if self.memory_gb is None:
            return sys.maxsize
        whole = machine_memory() / 1e9
        if self.memory_gb > whole:
            raise InputError(
                f"execution.memory_gb is {self.memory_gb:g}, and this machine has {whole:.1f}",
                "lower it, or set it to null",
            )
        return int(whole / self.memory_gb)

    @property
    def preload_bytes(self) -> int:
        """What one job may read of its rows into memory; the rest is read when it is needed."""
        share = machine_memory() / 2 / self.processes
        if self.memory_gb is not None:  # the libraries and the network take memory, too
            share = min(share, self.memory_gb * 1e9 / 4)
        return min(MOST_PRELOADED, int(share))

    @property
    def cache_folder(self) -> Path:
        """Folder of the item cache."""
        chosen = self.cache or os.environ.get("LACUNA_CACHE")
        if chosen:
            return Path(chosen).expanduser()
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return Path(base).expanduser() / "lacuna"


def machine_memory() -> int:
    """Bytes of memory that this machine has, or that its container may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            whole = min(whole, int(Path(file).read_text()))
    return whole
