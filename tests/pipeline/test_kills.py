"""SIGKILL at 50 random moments of the extraction stages: the next run ends as if nothing was."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pytest

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from features.hashes import hash_of_file
from pipeline.engine.cache import Cache
from tests.helpers.project import Project

STAGES = ("corpus", "faces", "extract fc6", "extract lld", "windows")
KILLS = 10
"""Of each stage."""

CLIPS = DemoSettings(speakers=4, clips=4, seconds=1.0, fps=12)

PARENT = """
import importlib, os, sys
import av, cv2, dlib, opensmile, pandas, torch
import features.faces.extract, features.extractors.vggface.streaming
import features.extractors.opensmile.descriptors, features.extractors.vggface.weights
for stage in sys.argv[1:]:
    importlib.import_module(f"pipeline.{stage.split()[0]}")
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        try:
            name, *sys.argv[1:] = line.split()
            sys.modules[f"pipeline.{name}"].main()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
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
        assert code in (0, -signal.SIGKILL)
        return code != 0

    def outputs(self) -> dict[str, str]:
        """Hash of every file that the stages wrote."""
        data = self.project.folder / "data"
        files = (path for path in data.rglob("*") if path.is_file())
        return {path.relative_to(data).as_posix(): hash_of_file(path) for path in files}

    def forget(self, stage: str, generator: np.random.Generator) -> None:
        """Delete half of a stage's results from the item cache."""
        cache = Cache(self.project.cache)
        entries = cache.entries(stage.split(maxsplit=1)[0])
        for entry in sorted(entries, key=lambda entry: entry.key):
            if generator.random() < 0.5:
                cache.delete(entry)


@pytest.fixture
def runners(make_project: Callable[[], Project]):
    """Two projects with the same clips."""
    made = []
    for _ in range(2):
        project = make_project()
        clips = project.folder / "clips"
        for folder in ("labels", "truth"):
            (clips / folder).mkdir(parents=True)
        for index in range(CLIPS.clips):
            make_clip(clips, CLIPS, index)
        project.params({"corpus": {"name": "folder", "root": "clips"}})
        project.run("python", "-m", "pipeline.keys")
        parent = project.start("python", "-c", PARENT, *STAGES, conversation=True)
        made.append(Runner(project, parent))
    yield made
    for runner in made:
        runner.parent.kill()
        runner.parent.communicate()


@pytest.mark.slow
def test_killed_stages_end_with_the_same_stores(runners: list[Runner]) -> None:
    undisturbed, killed = runners
    generator = np.random.default_rng(0)
    for stage in STAGES:
        begun = time.monotonic()
        undisturbed.run(stage)
        duration = time.monotonic() - begun
        kills = attempts = 0
        while kills < KILLS:
            # Half of the moments are late ones, when results and stores are written.
            moment = duration * generator.uniform(0.6 * (kills % 2), 1)
            begun = time.monotonic()
            if killed.run(stage, seconds=moment):
                kills += 1
            else:  # it ended before that moment, as most is cached by now: give it work again
                duration = time.monotonic() - begun
                killed.forget(stage, generator)
            attempts += 1
            assert attempts < 6 * KILLS
        killed.run(stage)
    assert killed.outputs() == undisturbed.outputs()
    assert len(killed.outputs()) > 100
    assert list(killed.project.cache.rglob("*.partial")) == []
