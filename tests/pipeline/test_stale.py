"""What a change of code costs: all that hangs on it, and nothing else."""

import re
import shutil
import time
from collections.abc import Iterator

import numpy as np
import pytest

from features.stores.store import open_store
from tests.helpers.entries import folders_in, keys_in
from tests.helpers.project import Project

INVERTED = """

_upright = crop_face


def crop_face(*arguments, **settings):
    return 255 - _upright(*arguments, **settings)
"""


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def entries(project: Project, stage: str) -> set[str]:
    return keys_in(project.cache, stage)


@pytest.fixture
def project(finished: Project) -> Iterator[Project]:
    """The finished project, whose code is brought back after the test."""
    yield finished
    finished.run("git", "checkout", "-q", ".")
    finished.run("git", "clean", "-fdq", "features", "models", "pipeline", "reports", "extensions")
    finished.run("dvc", "repro", "-q")


def test_words_and_unused_modules_run_no_stage_but_keys(project: Project) -> None:
    code = project.folder
    for file in ("features/faces/crop.py", "models/training/trainer.py", "reports/page/page.py"):
        text = (code / file).read_text()
        assert text.startswith('"""')
        (code / file).write_text('"""Explained. ' + text.removeprefix('"""') + "\n# A comment.\n")
    for package in ("features/media", "models/networks", "pipeline/engine", "extensions"):
        (code / package / "unused.py").write_text("X = 1\n")
    assert ran(project.run("dvc", "repro")) == {"keys"}


def test_an_inverted_picture_gives_new_crops(project: Project) -> None:
    def crops() -> np.ndarray:
        store = open_store(project.folder / "data/faces.zarr", stage="faces")
        return np.concatenate([store.rows(item, "crops")[:] for item in store.items])

    before = crops()
    with (project.folder / "features/faces/crop.py").open("a") as file:
        file.write(INVERTED)
    assert ran(project.run("dvc", "repro", "faces")) == {"keys", "faces"}
    shown = before.any(axis=(1, 2, 3))  # others have no face, and are zeros
    assert shown.any()
    assert np.array_equal(crops()[shown], 255 - before[shown])


def test_a_row_with_its_function_in_a_module_of_its_own_retrains_nothing(project: Project) -> None:
    before = entries(project, "train") | entries(project, "evaluate")
    registry = project.folder / "models/ablation/registry.py"
    text = registry.read_text()
    row = re.search(r'(?ms)^        "frame_zero": \w+\(.*?^        \),\n', text)
    assert row is not None
    added = row.group().replace('"frame_zero"', '"nothing_new"')
    added = re.sub(r'code="[^"]+"', 'code="models.ablation.nothing_new:operator"', added)
    registry.write_text(text.replace(row.group(), row.group() + added))
    (project.folder / "models/ablation/nothing_new.py").write_text("def operator(): ...\n")
    output = project.run("dvc", "repro")
    assert ran(output) <= {"keys", "summarise"}  # the page shows the words of all rows
    assert entries(project, "train") | entries(project, "evaluate") == before


def test_a_changed_line_in_statistics_retrains_nothing(project: Project) -> None:
    with (project.folder / "models/evaluation/statistics.py").open("a") as file:
        file.write("\n\nNEW = 1\n")
    assert ran(project.run("dvc", "repro", "train")) == {"keys"}
    assert "evaluate@baseline" in project.run("dvc", "status", "evaluate")


@pytest.mark.parametrize("begun", [False, True])
def test_code_that_is_edited_while_it_trains_leaves_no_result(
    project: Project, begun: bool
) -> None:
    reference, project.cache = project.cache, project.folder / "item-cache-edited"
    project.params({"train": {"epochs": 300, "patience": 300}})
    process = project.start("python", "-m", "pipeline.train", "baseline")
    time.sleep(0.7)  # it is being imported
    while begun and process.poll() is None and not folders_in(project.cache, "train"):
        time.sleep(0.02)
    with (project.folder / "models/networks/crossmodal.py").open("a") as file:
        file.write("\n\nNEW = 1\n")
    output, _ = process.communicate()
    kept = entries(project, "train")
    shutil.rmtree(project.cache, ignore_errors=True)
    project.cache = reference
    assert process.returncode == 1, output
    assert "the code changed while it ran" in output if begun else "the code" in output
    assert "run again" in output or "run `dvc repro`" in output
    assert "Traceback" not in output
    assert kept == set()


def test_a_stage_refuses_code_that_is_not_that_of_its_key_file(project: Project) -> None:
    with (project.folder / "models/networks/crossmodal.py").open("a") as file:
        file.write("\n\nNEW = 1\n")
    output = project.run("python", "-m", "pipeline.train", "baseline", fails=True)
    assert "the code is not that of data/keys/train/baseline" in output
    assert "models.networks.crossmodal changed" in output
    assert "dvc repro" in output


@pytest.mark.parametrize("name", ["x;touch PWNED;", "x$(touch${IFS}PWNED)", "2021", 2021])
def test_a_name_that_is_none_reaches_no_shell(project: Project, name: str | int) -> None:
    settings = {"network": "unimodal", "sees": ["fc6"], "ablation": {"strategy": "none"}}
    project.params({"models": {name: settings}})
    output = project.run("dvc", "repro", fails=True)
    assert ran(output) <= {"keys"}
    assert not list(project.folder.glob("PWNED*"))
    assert "Traceback" not in output
    if isinstance(name, str):  # DVC itself stumbles over a number
        assert f"Error: models has the name {name!r}" in " ".join(output.split())
    checked = project.run("python", "-m", "pipeline.params", fails=True)
    assert str(name) in checked
    assert "Traceback" not in checked
