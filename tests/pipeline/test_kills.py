"""SIGKILL at 50 random moments of the extraction stages: the next run ends as if nothing was."""

import os
import shutil
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest
from conftest import Project

from pipeline.hashes import hash_of_file

STAGES = ("corpus", "faces", "fc6", "lld", "windows")
KILLS = 10
"""Of each stage."""

SMALL = {"corpus": {"demo": {"speakers": 5, "clips": 5, "seconds": 1.0, "fps": 15}}}


def kill_after(project: Project, stage: str, seconds: float) -> bool:
    """Run a stage and kill it with all its workers; whether it was still running by then."""
    process = project.start("python", "-m", f"pipeline.{stage}", own_group=True)
    time.sleep(seconds)
    is_running = process.poll() is None
    if is_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return is_running


def outputs(project: Project) -> dict[str, str]:
    """Hash of every file that the stages wrote."""
    data = project.folder / "data"
    files = (path for path in data.rglob("*") if path.is_file())
    return {path.relative_to(data).as_posix(): hash_of_file(path) for path in files}


@pytest.mark.slow
def test_killed_stages_end_with_the_same_stores(make_project: Callable[[], Project]) -> None:
    undisturbed, killed = make_project(), make_project()
    generator = np.random.default_rng(0)
    for project in (undisturbed, killed):
        project.params(SMALL)
    for stage in STAGES:
        begun = time.monotonic()
        undisturbed.run("python", "-m", f"pipeline.{stage}")
        duration = time.monotonic() - begun
        kills = attempts = 0
        while kills < KILLS:
            attempts += 1
            # Half of the moments are late ones, when results and stores are written.
            earliest = 0.6 * duration * (kills % 2)
            if kill_after(killed, stage, generator.uniform(earliest, duration)):
                kills += 1
            else:  # it ended, as most is cached by now: give it work again
                forget(killed, stage, generator)
            assert attempts < 4 * KILLS
        killed.run("python", "-m", f"pipeline.{stage}")
    assert outputs(killed) == outputs(undisturbed)
    assert len(outputs(killed)) > 100
    assert list(killed.cache.rglob("*.partial")) == []


def forget(project: Project, stage: str, generator: np.random.Generator) -> None:
    """Delete half of a stage's results from the item cache."""
    entries = sorted(project.cache.glob(f"{stage}/*/*/entry.json"))
    for entry in entries:
        if generator.random() < 0.5:
            shutil.rmtree(entry.parent)
