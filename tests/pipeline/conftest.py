"""Projects for tests that run stages."""

import signal
from collections.abc import Callable

import pytest

from tests.helpers.project import TINY, Project
from tests.helpers.reads import environment

# A shell starts work in the background deaf to Ctrl-C, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    def make() -> Project:
        project = Project(tmp_path_factory.mktemp("project"))
        project.params(TINY)
        return project

    return make


@pytest.fixture(scope="session")
def finished(make_project: Callable[[], Project]) -> Project:
    """The tiny demo, run through by `dvc repro` once per test session, committed."""
    project = make_project()
    project.git("Begin")
    project.environment = environment(project.reads)
    project.run("dvc", "repro")
    project.environment = {}
    project.git("Run")
    return project
