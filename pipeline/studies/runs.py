"""The stages of a study before its models: child processes in its folder.

As a command, `python -m pipeline.studies.runs PARENT STAGE ...` is such a child.
"""

import json
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from threading import Lock

from features.corpora.listing import read_task
from features.errors import InputError
from features.extractors.given import shows_media
from features.hashes import PROJECT
from models.training.checks import check_settings
from pipeline.engine.entries.locks import hold
from pipeline.engine.machine import THREAD_VARIABLES, end_with_parent
from pipeline.params import Params

ENDING_SECONDS = 2
"""How long the lock of a run that was killed may still be held."""

_MARK = "Error: "
"""With it begins the sentence by which a stage says what a user can fix."""


def main() -> None:
    """Run a stage in this process, which ends with the study that started it."""
    parent, stage = int(sys.argv.pop(1)), sys.argv.pop(1)
    end_with_parent()
    if os.getppid() != parent:  # it was killed before
        raise SystemExit(1)
    runpy.run_module(f"pipeline.{stage}", run_name="__main__", alter_sys=True)


class Stages:
    """Runs a study's stages; at the end of a `with` block, whatever ends it, none is left running.

    Args:
        workspace: the study's folder; the stages' messages go to its folder `logs`.
        threads: of each process.
        on_end: called whenever a stage has ended.
    """

    def __init__(
        self, workspace: Path, *, threads: int, on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._workspace = workspace
        self._environment = {
            **os.environ,
            **dict.fromkeys(THREAD_VARIABLES, str(threads)),
            "PYTHONPATH": str(PROJECT),
        }
        self._on_end = on_end
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._guard = Lock()

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the stages that are running, and start no other."""
        with self._guard:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            process.wait()

    def run(self, stage: str, *arguments: str) -> None:
        """Run a stage to its end.

        Raises:
            InputError: it failed.
        """
        log = self._workspace / "logs" / f"{'-'.join((stage, *arguments))}.txt"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as file:
            process = self._start((stage, *arguments), file.fileno())
            code = process.wait()
        with self._guard:
            self._running.discard(process)
            self._on_end()
        if code:
            raise InputError(f"{' '.join((stage, *arguments))} {_ending(code, log)}", f"see {log}")

    def _start(self, stage: Iterable[str], log: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "pipeline.studies.runs", str(os.getpid()), *stage]
        with self._guard:
            if self._stopped:
                raise InputError("the study was stopped", "run it again")
            process = subprocess.Popen(
                command, cwd=self._workspace, env=self._environment, stdout=log, stderr=log
            )
            self._running.add(process)
        return process

    def run_to_windows(self, params: Params) -> None:
        """Run every stage after corpus up to windows.

        Raises:
            InputError: some of it failed, or the settings do not fit the corpus.
        """
        with chdir(self._workspace):  # once for all models, and before anything long
            check_settings(params, read_task(), gives_features=not shows_media(params.streams))
        self.run("faces")
        for stream in params.streams:
            self.run("extract", stream)
        self.run("windows")


def _ending(code: int, log: Path) -> str:
    """How a stage failed; what it said, if that is one sentence."""
    if code < 0:
        return f"was killed by signal {-code}"
    _, _, last = log.read_text(errors="replace").strip().rpartition("\n")
    if last.startswith(_MARK):
        return f"failed ({last.removeprefix(_MARK).removesuffix('.')})"
    return "failed"


@contextmanager
def exclusive(workspace: Path) -> Iterator[None]:
    """Keep other runs of a study out of its folder.

    Raises:
        InputError: there is one.
    """
    with (workspace / "lock").open("a") as file:
        # A process that was killed a moment ago may be ending still.
        patience = time.monotonic() + ENDING_SECONDS
        while hold(file.fileno()) is False:
            if time.monotonic() > patience:
                reason = f"another run of this study is working in {workspace}"
                raise InputError(reason, "wait for its end")
            time.sleep(0.05)
        yield


class Stopwatch:
    """How long a study has taken, over all runs that it needed: it may be killed and go on.

    Args:
        file: keeps the time from run to run.
        settings: hash of the study's settings; with others the time starts from zero.

    Attributes:
        began: when the first of those runs began, seconds since 1970.
    """

    def __init__(self, file: Path, settings: str) -> None:
        kept = json.loads(file.read_text()) if file.exists() else {}
        if kept.get("settings") != settings:
            kept = {"settings": settings, "began": time.time(), "seconds": 0.0}
        self.began: float = kept["began"]
        self._file, self._kept, self._start = file, kept, time.monotonic()

    @property
    def seconds(self) -> float:
        """The time until now."""
        return self._kept["seconds"] + time.monotonic() - self._start

    def save(self) -> None:
        """Keep the time until now."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps({**self._kept, "seconds": self.seconds}))
        partial.replace(self._file)

    def reset(self) -> None:
        """Let the next run start from zero."""
        self._file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
