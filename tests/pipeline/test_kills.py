"""SIGKILL at 50 random moments of the extraction stages: the next run ends as if nothing was."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from tests.helpers.killing import Runner
from tests.helpers.project import Project

STAGES = ("corpus", "faces", "extract fc6", "extract lld", "windows")
KILLS = 10
"""Of each stage."""

CLIPS = DemoSettings(speakers=4, clips=4, seconds=1.0, fps=12)


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
        made.append(Runner.of(project, STAGES))
    yield made
    for runner in made:
        runner.stop()


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
