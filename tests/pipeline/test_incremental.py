"""What a change of the corpus or of a setting costs: no more than what depends on it."""

import re
import shutil
from collections.abc import Callable

import pytest

from features.hashes import hash_of_file
from features.stores.store import open_store
from tests.helpers.entries import keys_in
from tests.helpers.project import Project

STAGES = {"corpus": (), "faces": (), "extract": ("lld",)}
"""Commands with their arguments; each has a folder of the item cache."""

STORES = {"faces": "crops", "streams/lld": "rows"}
"""Stores, and the array of each that has the items' rows."""


@pytest.fixture(scope="module")
def project(make_project: Callable[[], Project], finished: Project) -> Project:
    """A folder corpus of two demo clips whose features are extracted."""
    project = make_project()
    for name in ("clip_000", "clip_001"):
        add(project, finished, name, name)
    project.params({"corpus": {"name": "folder", "root": "my-videos"}})
    run(project)
    return project


def add(project: Project, finished: Project, clip: str, name: str) -> None:
    root = project.folder / "my-videos"
    root.mkdir(exist_ok=True)
    shutil.copy(finished.folder / f"data/corpus/demo/{clip}.mp4", root / f"{name}.mp4")


def run(project: Project) -> dict[str, int]:
    """Run the extraction; how many results of each stage are new."""
    before = entries(project)
    project.run("python", "-m", "pipeline.keys")
    for stage, arguments in STAGES.items():
        project.run("python", "-m", f"pipeline.{stage}", *arguments)
    after = entries(project)
    return {stage: len(after[stage] - before[stage]) for stage in STAGES}


def entries(project: Project) -> dict[str, set[str]]:
    return {stage: keys_in(project.cache, stage) for stage in STAGES}


def stored(project: Project, store: str) -> list[str]:
    return list(open_store(project.folder / f"data/{store}.zarr", stage=store).items)


def written(project: Project) -> dict[str, str]:
    """Hash of every file of the stores."""
    data = project.folder / "data"
    files = [path for store in STORES for path in (data / f"{store}.zarr").rglob("*")]
    return {str(path.relative_to(data)): hash_of_file(path) for path in files if path.is_file()}


def test_dask_writes_the_bytes_that_loky_writes(project: Project) -> None:
    with_loky, cache = written(project), project.cache
    project.cache = project.folder / "cache-of-dask"
    project.params({"execution": {"backend": "dask", "workers": 2}})
    assert run(project) == {"corpus": 2, "faces": 2, "extract": 2}
    assert written(project) == with_loky
    assert len(with_loky) > 30
    project.cache = cache
    project.params({"execution": {"backend": "loky", "workers": None}})


def test_an_added_video_costs_one_video(project: Project, finished: Project) -> None:
    add(project, finished, "clip_002", "new")
    assert run(project) == {"corpus": 1, "faces": 1, "extract": 1}
    assert stored(project, "faces") == ["clip_000", "clip_001", "new"]


def test_a_renamed_video_costs_nothing(project: Project) -> None:
    root = project.folder / "my-videos"
    (root / "clip_001.mp4").rename(root / "renamed.mp4")
    assert run(project) == {"corpus": 1, "faces": 0, "extract": 0}  # its header is read again
    assert stored(project, "streams/lld") == stored(project, "faces")
    assert "renamed" in stored(project, "faces")
    assert "clip_001" not in stored(project, "faces")


def test_a_removed_video_is_in_no_store(project: Project) -> None:
    (project.folder / "my-videos/clip_000.mp4").unlink()
    assert run(project) == {"corpus": 0, "faces": 0, "extract": 0}
    for store, array in STORES.items():
        assert "clip_000" not in stored(project, store)
        shards = list((project.folder / f"data/{store}.zarr/{array}").glob("c.*"))
        assert len(shards) == len(stored(project, store))


def test_a_video_with_another_content_under_its_name_is_a_new_one(
    project: Project, finished: Project
) -> None:
    add(project, finished, "clip_003", "renamed")
    assert run(project) == {"corpus": 1, "faces": 1, "extract": 1}


def test_a_changed_key_reruns_what_depends_on_it(project: Project) -> None:
    items = len(stored(project, "faces"))
    project.params({"faces": {"margin": 0.3}})
    assert run(project) == {"corpus": 0, "faces": items, "extract": 0}
    project.params({"streams": {"lld": {"silence": {"floor_dbfs": -50.0}}}})
    assert run(project) == {"corpus": 0, "faces": 0, "extract": items}
    project.params({"faces": {"margin": 0.2}})  # and back, which is cached
    assert run(project) == {"corpus": 0, "faces": 0, "extract": 0}


def test_a_file_that_changes_between_the_stages_is_named(
    project: Project, finished: Project
) -> None:
    add(project, finished, "clip_001", "new")
    for stage in ("faces", "extract"):
        shutil.rmtree(project.cache / stage)
        output = project.run("python", "-m", f"pipeline.{stage}", *STAGES[stage], fails=True)
        assert re.search(rf"new .*{stage} .*new.mp4 has changed since the corpus stage", output)
        assert "1 items failed, 1 are done and kept" in output
    assert run(project)["faces"] == 1  # after the corpus stage it is used
