"""An addition of each kind is what it is and its name in params.yaml; nothing else is edited."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import own_project
from tests.helpers.own_project import set_params
from tests.helpers.project import Project

RESULTS = Path("reports/results")
TRAINING = {"seeds": [0], "epochs": 2}


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def edited(project: Project) -> set[str]:
    """Files of the commit that are others now, and new ones."""
    shown = project.run("git", "status", "--porcelain", "--untracked-files=all")
    return {line[3:] for line in shown.splitlines()} - {"dvc.lock"}


def keys(project: Project) -> dict[str, str]:
    folder = project.folder / "data/keys"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.fixture(scope="module")
def own(make_project: Callable[[], Project]) -> Project:
    """A project with all that extensions/README.md shows, run through."""
    project = make_project()
    own_project.write_clips(project.folder / "clips")
    with (project.folder / ".gitignore").open("a") as file:
        file.write("/clips/\n/out/\n/reports/results/\n")
    project.git("Begin")
    for module, content in own_project.modules().items():
        (project.folder / f"extensions/{module}.py").write_text(content)
    shown = own_project.settings()
    set_params(
        project,
        {
            "corpus.name": shown["corpus"]["name"],
            "corpus.options": shown["corpus"]["options"],
            "corpus.root": "clips",
            "faces.every": 5,
            "streams": shown["streams"],
            "models": shown["models"],
            "evaluate.conditions": shown["evaluate"]["conditions"],
        },
    )
    project.params({"train": TRAINING})
    project.run("dvc", "repro")
    return project


def test_what_the_readme_shows_runs_with_nothing_else_edited(own: Project) -> None:
    assert own_project.names() == [
        "extensions.losses:my_operator",
        "extensions.mycorpus:read",
        "extensions.mynet:MyNet",
        "extensions.mystreams:Colour",
        "extensions.mystreams:Energy",
    ]
    modules = {f"extensions/{module}.py" for module in own_project.modules()}
    assert edited(own) == {"params.yaml", *modules}
    metrics = json.loads((own.folder / RESULTS / "metrics.json").read_text())
    page = (own.folder / RESULTS / "index.html").read_text()
    run = (own.folder / RESULTS / "run.json").read_text()
    for name in ("mine", "robust"):
        assert name in json.dumps(metrics)
        assert name in page
    for name in own_project.names():
        assert name in run
    assert "my_operator" in page
