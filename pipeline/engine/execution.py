"""How work is run: processes, memory, device, cache; it never changes a result."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from features.errors import InputError
from features.settings import Settings


class ExecutionSettings(Settings):
    """How work is run; it never changes a result, so no stage depends on it.

    Attributes:
        backend: `loky` for processes on this machine, `dask` for the workers of a cluster.
        scheduler: address of a dask scheduler; null for a cluster on this machine.
        workers: processes for items; null for as many as the processors allow.
        threads: of each of them.
        memory_gb: what an item's work may take; null for no bound.
        device: where networks run.
        cache: folder of the item cache; null for `LACUNA_CACHE` or the user's cache folder.
    """

    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None
    workers: int | None = Field(default=None, gt=0)
    threads: int = Field(default=1, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
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
        if self.device == "cpu":
            return "cpu"
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if self.device == "cuda":
            raise InputError("execution.device is cuda, but torch sees no GPU", "set it to auto")
        return "cpu"

    @property
    def cache_folder(self) -> Path:
        """Folder of the item cache."""
        chosen = self.cache or os.environ.get("LACUNA_CACHE")
        if chosen:
            return Path(chosen).expanduser()
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return Path(base).expanduser() / "lacuna"
