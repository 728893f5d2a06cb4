"""A job of each kind: every function of ours that runs is in the closure of its key."""

import importlib
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

import pytest

from pipeline.engine.closure import is_settings
from pipeline.engine.jobs import Job
from pipeline.engine.keys import Key, computing
from tests.helpers.project import ROOT, Project

PACKAGES = tuple(f"{ROOT / package}/" for package in ("features", "models", "reports", "pipeline"))
HOW = f"{ROOT / 'pipeline/engine'}/"
"""How work is run: progress that a job is handed, and the row check around it."""


class Traced(Exception):  # noqa: N818
    """The job is done, and its stage is not to go on."""


def files_run(job: Job, out: Path) -> set[str]:
    """Files of ours whose functions run while a job computes."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    with computing(job.key):
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            job.compute(out)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return {file for file in files if file.startswith(PACKAGES) and not file.startswith(HOW)}


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [
        ("corpus", []),
        ("faces", []),
        ("extract", ["fc6"]),
        ("extract", ["lld"]),
        ("train", ["lacuna"]),
        ("evaluate", ["baseline"]),
    ],
)
def test_all_that_runs_is_in_the_key(
    finished: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    stage: str,
    arguments: list[str],
) -> None:
    def trace(job: Job) -> None:
        assert isinstance(job.key, Key)
        counted = {str(Path(stamp.path).resolve()) for stamp in job.key.files.values()}
        missing = files_run(job, tmp_path) - counted
        names = {".".join(Path(f).relative_to(ROOT).with_suffix("").parts): f for f in missing}
        assert {name for name in names if not is_settings(name)} == set()
        raise Traced

    def trace_first(_: str, jobs: Iterable[Job], *__: object, **___: object) -> None:
        trace(next(iter(jobs)))

    module = importlib.import_module(f"pipeline.{stage}")
    for name, function in (
        ("run_jobs", trace_first),
        ("cached", lambda _, job, __: trace(job)),
    ):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, function)
    monkeypatch.chdir(finished.folder)
    monkeypatch.setattr(sys, "argv", [f"pipeline.{stage}", *arguments])
    with pytest.raises(Traced):
        module.main()
