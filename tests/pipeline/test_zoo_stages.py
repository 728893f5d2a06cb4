"""The zoo of bad media as one corpus: what is refused is named by its stage, the rest goes on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from features.corpora import folder
from features.corpora.item import Work
from features.corpora.settings import FolderSettings, SplitSettings
from features.stores.store import open_store
from features.stores.streams import open_stream
from features.windows.timeline import timeline_without_pictures
from tests.helpers.project import Project
from tests.helpers.zoo import ZOO, Kind

KINDS = [
    kind
    for kind in ZOO
    if kind.stage != "folder" and Path(kind.file).suffix.lower() in folder.SUFFIXES
]

KIND_OF = {"extract": "lld"}
"""What the zoo calls a stage."""


def of(stage: str) -> tuple[str, ...]:
    """Arguments of a stage."""
    return ("lld",) if stage == "extract" else ()


def stage_of(kind: Kind) -> str | None:
    """The stage that refuses a kind: sound alone is decoded where it is described."""
    is_sound = kind.stage == "faces" and "audio frames" in kind.reason
    return "lld" if is_sound else kind.stage


def refused(output: str) -> dict[str, str]:
    """Item and reason of every row of the table of failures; cells may be folded."""
    found: dict[str, str] = {}
    name = ""
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        if len(cells) == 4:
            name = cells[0] if cells[1] else name
            found[name] = found.get(name, "") + cells[2]
    return found


@pytest.fixture(scope="module")
def zoo(make_project: Callable[[], Project]) -> Project:
    project = make_project()
    root = project.folder / "zoo"
    root.mkdir()
    for kind in KINDS:
        kind.make(root)
    # All in one split: some have the same content, which may not be in two.
    corpus = {"name": "folder", "root": "zoo", "split": {"validation": 0.0, "test": 0.0}}
    project.params({"corpus": corpus, "faces": {"working_height": 80}})
    return project


@pytest.mark.slow
def test_each_kind_ends_as_written_down(zoo: Project) -> None:
    """Stage by stage: the refused are named with their reasons, then excluded, the rest is done."""
    items = folder.read(zoo.folder / "zoo", FolderSettings(), SplitSettings(), Work()).items
    names = {item.path.name: item.name for item in items}
    excluded: dict[str, str] = {}
    for stage in ("corpus", "faces", "extract"):
        expected = {
            names[kind.file]: kind for kind in KINDS if stage_of(kind) == KIND_OF.get(stage, stage)
        }
        if expected:
            zoo.run("python", "-m", "pipeline.keys")
            output = zoo.run("python", "-m", f"pipeline.{stage}", *of(stage), fails=True)
            assert "Traceback" not in output
            found = refused(output)
            assert set(found) == set(expected)
            for name, kind in expected.items():
                squeezed = re.sub(r"\s", "", found[name])  # folding loses spaces
                assert re.search(re.sub(r"\s|\\s\+?", "", kind.reason), squeezed), (name, squeezed)
            done = len(KINDS) - len(excluded) - len(expected)
            assert f"{len(expected)} items failed, {done} are done and kept" in output
            excluded |= dict.fromkeys(expected, "of the zoo")
            zoo.params({"corpus": {"exclude": excluded}})
            zoo.run("python", "-m", "pipeline.keys")
            zoo.run("python", "-m", "pipeline.corpus")
    for stage in ("faces", "extract"):
        zoo.run("python", "-m", f"pipeline.{stage}", *of(stage))
    used = {names[kind.file]: kind for kind in KINDS if kind.outcome != "refused"}
    faces = open_store(zoo.folder / "data/faces.zarr", stage="faces")
    lld = open_stream(zoo.folder / "data/streams/lld.zarr")
    assert set(faces.items) == set(lld.items) == set(used)
    for name, kind in used.items():
        frames = len(faces.array(name, "times"))
        if not frames:  # sound alone
            frames = len(timeline_without_pictures(*lld.span(name)).times)
        assert frames == kind.frames, name
        rows = len(lld.rows(name))
        assert (rows == 0) == (kind.outcome == "used, sound missing"), name
