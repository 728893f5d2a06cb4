"""Stages of a project that are run, if need be not to their ends."""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from features.hashes import hash_of_file
from pipeline.engine.cache import Cache
from tests.helpers.project import Project

PARENT = """
import importlib, os, sys, traceback
sys.path[0] = os.getcwd()  # as `python -m` has it: stages change folders
import av, cv2, dlib, opensmile, pandas, torch
import features.faces.extract, features.extractors.vggface.streaming
import features.extractors.opensmile.descriptors, features.extractors.vggface.weights
for stage in sys.argv[1:]:
    importlib.import_module(f"pipeline.{stage.split()[0]}")
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        try:
            name, *sys.argv[1:] = line.split()
            sys.modules[f"pipeline.{name}"].main()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""A process that has imported everything, and runs each stage in a child: kills hit the stages and
not the imports."""


@dataclass
class Runner:
    """Runs the stages of a project, if need be not to their ends."""

    project: Project
    parent: "subprocess.Popen[str]"

    def run(self, stage: str, *, seconds: float | None = None) -> bool:
        """Run a stage to its end or for so long, then kill it; whether it had to be killed."""
        print(stage, file=self.parent.stdin, flush=True)
        child = int(self.parent.stdout.readline())
        ended, _, _ = select.select([self.parent.stdout], [], [], seconds)
        if not ended:
            with suppress(ProcessLookupError):  # it has no group yet, or has just ended
                os.killpg(child, signal.SIGKILL)  # with its workers
        code = os.waitstatus_to_exitcode(int(self.parent.stdout.readline()))
        said = (self.project.folder / "said.txt").read_text(errors="replace")
        assert code in (0, -signal.SIGKILL), f"it ended with {code}: {said}"
        return code != 0

    def outputs(self, *folders: str) -> dict[str, str]:
        """Hash of every file that the stages wrote, in `data` or in other folders."""
        top = self.project.folder
        files = (p for f in folders or ("data",) for p in (top / f).rglob("*") if p.is_file())
        return {path.relative_to(top).as_posix(): hash_of_file(path) for path in files}

    @classmethod
    def of(cls, project: Project, stages: Sequence[str]) -> "Runner":
        """A runner of some stages of a project; `stop` ends it."""
        return cls(project, project.start("python", "-c", PARENT, *stages, conversation=True))

    def stop(self) -> None:
        """End the process that stages are run from."""
        self.parent.kill()
        self.parent.communicate()

    def forget(self, stage: str, generator: np.random.Generator) -> None:
        """Delete half of a stage's results from the item cache."""
        cache = Cache(self.project.cache)
        entries = cache.entries(stage.split(maxsplit=1)[0])
        for entry in sorted(entries, key=lambda entry: entry.key):
            if generator.random() < 0.5:
                cache.delete(entry)
