"""A job of each kind: every function of ours that runs is in the closure of its key."""

import importlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from pipeline.engine.cache import Cache
from pipeline.engine.closure import is_settings
from pipeline.engine.jobs import Chunk, Job
from pipeline.engine.keys import Key, computing
from tests.helpers.project import ROOT, Project

PACKAGES = tuple(f"{ROOT / package}/" for package in ("features", "models", "reports", "pipeline"))
HOW = f"{ROOT / 'pipeline/engine'}/"
"""How work is run: progress that a job is handed, the row check and the file check around it."""
HASHES = str(ROOT / "features/hashes.py")


class Traced(Exception):  # noqa: N818
    """The job is done, and its stage is not to go on."""


def files_run(key: str, compute: Callable[[], object]) -> set[str]:
    """Files of ours whose functions run while a result is computed."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and not checks_files(frame):
            files.add(frame.f_code.co_filename)

    with computing(key):
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            compute()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return {file for file in files if file.startswith(PACKAGES) and not file.startswith(HOW)}


def checks_files(frame: FrameType) -> bool:
    """Whether the engine compares a file with its hash before it is read."""
    caller = frame.f_back
    hashes = frame.f_code.co_filename == HASHES
    return hashes and caller is not None and caller.f_code.co_filename.startswith(HOW)


def uncounted(key: str, compute: Callable[[], object]) -> set[str]:
    """Modules of ours that run and are not part of the key."""
    assert isinstance(key, Key)
    counted = {str(Path(stamp.path).resolve()) for stamp in key.files.values()}
    missing = {Path(file).relative_to(ROOT) for file in files_run(key, compute) - counted}
    names = {".".join(file.with_suffix("").parts) for file in missing}
    return {name for name in names if not is_settings(name)}


@pytest.mark.parametrize(
    ("stage", "arguments", "starter"),
    [
        ("corpus", [], "pipeline.extraction.inspecting"),
        ("faces", [], "pipeline.faces"),
        ("extract", ["lld"], "pipeline.extract"),
        ("train", ["lacuna"], "pipeline.train"),
        ("evaluate", ["baseline"], "pipeline.evaluate"),
    ],
)
def test_all_that_runs_is_in_the_key(
    finished: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    stage: str,
    arguments: list[str],
    starter: str,
) -> None:
    def trace(job: Job) -> None:
        assert uncounted(job.key, lambda: job.compute(tmp_path)) == set()
        raise Traced

    starts, command = map(importlib.import_module, (starter, f"pipeline.{stage}"))
    for name, function in (
        ("run_jobs", lambda _, jobs, *__, **___: trace(next(iter(jobs)))),
        ("cached", lambda _, job, *__, **___: trace(job)),
    ):
        if hasattr(starts, name):
            monkeypatch.setattr(starts, name, function)
    monkeypatch.chdir(finished.folder)
    monkeypatch.setattr(sys, "argv", [f"pipeline.{stage}", *arguments])
    with pytest.raises(Traced):
        command.main()


def test_all_that_runs_is_in_the_key_of_items_that_are_described_together(
    finished: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beside the command, which hands one item after the other to the extractor."""
    from pipeline import extract
    from pipeline.extraction import together

    def trace(_: str, jobs: list[Chunk], *__: object, **___: object) -> None:
        cache = Cache(tmp_path)
        run = uncounted(jobs[0].key, lambda: jobs[0].compute(cache))
        assert run <= {"pipeline.extraction.together", "models.progress"}
        raise Traced

    monkeypatch.setattr(together.scheduler, "run", trace)
    monkeypatch.setenv("LACUNA_CACHE", str(tmp_path))
    monkeypatch.chdir(finished.folder)
    monkeypatch.setattr(sys, "argv", ["pipeline.extract", "fc6"])
    with pytest.raises(Traced):
        extract.main()
