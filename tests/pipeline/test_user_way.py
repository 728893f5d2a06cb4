"""The way that the README shows, command by command, on the tiny demo."""

import copy
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from features.hashes import hash_of_file
from tests.helpers.project import ROOT, Project

KEPT = ("data/models", "reports/results", "params.yaml", "dvc.lock")
"""What going back has to bring back, byte by byte."""


@pytest.fixture
def clone(finished: Project, tmp_path: Path) -> Project:
    """The finished demo as if it lay on a machine of its own, with its Makefile."""
    clone = copy.copy(finished)
    clone.folder, clone.cache = tmp_path / "lacuna", tmp_path / "lacuna/item-cache"
    shutil.copytree(finished.folder, clone.folder, symlinks=True)
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, clone.folder)
    (clone.folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        (clone.folder / ".venv" / part.name).symlink_to(part)
    with (clone.folder / ".gitignore").open("a") as file:
        file.write("/.venv/\n")
    return clone


def make_repro(project: Project) -> str:
    """Run `make repro`, without the installation."""
    return project.run("make", "-o", ".venv/installed", "repro")


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def kept(project: Project) -> dict[str, str]:
    """The hash of every file that going back has to bring back."""
    hashes = {}
    for name in KEPT:
        path = project.folder / name
        for file in [path, *path.rglob("*")]:
            if file.is_file():
                hashes[str(file.relative_to(project.folder))] = hash_of_file(file)
    return hashes


@pytest.mark.slow
def test_run_commit_change_compare_and_go_back(clone: Project) -> None:
    output = make_repro(clone)
    assert ran(output) == set()
    assert 'git add -A && git commit -m "first run"' in output
    clone.git("first run")
    assert clone.run("git", "status", "--short") == ""
    before = kept(clone)
    assert {"data/models/lacuna/seed-0/model.safetensors", "dvc.lock"} <= before.keys()

    output = clone.run("dvc", "exp", "run", "-S", "models.frame_zero.ablation.p=0.8")
    assert ran(output) - {"keys"} == {"train@frame_zero", "evaluate@frame_zero", "summarise"}
    changed = clone.run("git", "diff", "--unified=0", "params.yaml").splitlines()
    assert [line[0] for line in changed if line[:3] not in ("---", "+++", "@@ ")][-2:] == ["-", "+"]
    assert len([line for line in changed if re.match(r"[-+](?![-+])", line)]) == 2
    difference = json.loads(clone.run("dvc", "metrics", "diff", "--json"))
    assert difference.keys() == {"reports/results/metrics/frame_zero.json"}
    assert len(difference["reports/results/metrics/frame_zero.json"]) <= 8
    assert kept(clone) != before

    clone.run("git", "checkout", ".")
    clone.run("dvc", "checkout")
    assert kept(clone) == before
    assert ran(make_repro(clone)) == set()
    assert clone.run("git", "status", "--short") == ""
