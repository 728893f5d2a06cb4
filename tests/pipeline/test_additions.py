"""An addition of each kind is what it is and its name in params.yaml; nothing else is edited.

The tests follow one another in one project, each going on where the last one ended.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers import own_project
from tests.helpers.entries import keys_in
from tests.helpers.own_project import set_params
from tests.helpers.own_rows import ADDITIONS
from tests.helpers.packages import install, make_environment
from tests.helpers.project import Project

RESULTS = Path("reports/results")
CLIP = "clips/test/eve/1.mp4"


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def edited(project: Project) -> set[str]:
    """Files of the commit that are others now, and new ones."""
    shown = project.run("git", "status", "--porcelain", "--untracked-files=all")
    return {line[3:] for line in shown.splitlines()} - {"dvc.lock"}


def run(project: Project, command: str) -> str:
    return project.run("python", "-m", *f"pipeline.{command}".split())


def keys(project: Project) -> dict[str, str]:
    """The key files, written anew."""
    run(project, "keys")
    folder = project.folder / "data/keys"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def differ(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in before if before[stage] != after.get(stage)}


@pytest.fixture(scope="module")
def project(make_project: Callable[[], Project]) -> Project:
    """A project with all that extensions/README.md shows, run through."""
    project = make_project()
    own_project.write_clips(project.folder / "clips")
    with (project.folder / ".gitignore").open("a") as file:
        file.write("/clips/\n/out/\n/environment/\n/reports/results/\n")
    project.git("Begin")
    for module, content in own_project.modules().items():
        (project.folder / f"extensions/{module}.py").write_text(content)
    shown = own_project.settings()
    corpus = shown["corpus"] | {"root": "clips"}
    set_params(
        project,
        {
            **{f"corpus.{key}": value for key, value in corpus.items()},
            "faces.every": 5,
            "streams": shown["streams"],
            "models": shown["models"],
            "evaluate.conditions": shown["evaluate"]["conditions"],
            "evaluate.reference": None,
            "train.epochs": 2,
        },
    )
    run(project, "params")
    project.run("dvc", "repro")
    return project


# ------------------------------------------------------------------ in extensions/


def test_what_the_readme_shows_runs_with_nothing_else_edited(project: Project) -> None:
    assert own_project.names() == [
        "extensions.losses:my_operator",
        "extensions.mycorpus:read",
        "extensions.mynet:MyNet",
        "extensions.mystreams:Colour",
        "extensions.mystreams:Energy",
    ]
    modules = {f"extensions/{module}.py" for module in own_project.modules()}
    assert edited(project) == {"params.yaml", *modules}
    metrics = json.loads((project.folder / RESULTS / "metrics.json").read_text())
    assert metrics.keys() == {"mine"}
    described = (project.folder / RESULTS / "run.json").read_text()
    assert [name for name in own_project.names() if name not in described] == []
    page = (project.folder / RESULTS / "index.html").read_text()
    assert [name for name in ("mine", "my_operator", "MyNet") if name not in page] == []
    table = pd.read_csv(project.folder / RESULTS / "evaluation/mine.csv")
    assert set(table.loc[table["asked"] == 1, "strategy"]) == {"extensions.losses:my_operator"}


def test_a_prediction_uses_what_params_yaml_names(project: Project) -> None:
    run(project, f"predict {CLIP} --model mine --out out")
    assert len((project.folder / "out/1.mine.csv").read_text().splitlines()) > 10
    params = project.folder / "params.yaml"
    named = params.read_text()
    params.unlink()
    predict = ("python", "-m", "pipeline.predict", CLIP, "--model", "mine", "--out", "out")
    refused = project.run(*predict, fails=True)
    assert "a saved model imports no module by itself; allow it by name: extensions." in refused
    streams = ("--allow", "extensions.mystreams")
    refused = project.run(*predict, *streams, fails=True)
    assert "a saved model imports none by itself; allow it by name: extensions.mynet" in refused
    params.write_text(named)


# ------------------------------------------------------------------ rows of Lacuna's own


def test_a_row_and_a_module_change_no_key_of_others(project: Project) -> None:
    project.git("Add what the README shows")
    before = keys(project)
    added = [addition for kind, addition in ADDITIONS.items() if kind != "metric"]
    for addition in added:
        addition.make(project)
    run(project, "params")
    assert differ(before, keys(project)) == {"summarise"}  # the page has the words of all rows
    ADDITIONS["metric"].make(project)
    assert differ(before, keys(project)) == {"summarise", "evaluate/mine"}
    refused = project.run("python", "-m", "pipeline.summarise", fails=True)
    assert "columns expected but not found: ['bias']; rerun `dvc repro evaluate@mine`" in refused


def test_a_row_and_a_module_are_all_that_is_edited(project: Project) -> None:
    def trainings() -> set[str]:
        return keys_in(project.cache, "train")

    before = trainings()
    set_params(
        project,
        {
            "corpus.name": "tiny",
            "corpus.tiny": {"suffix": ".mp4"},
            "corpus.options": {},
            "streams.loud": {"modality": "audio", "extractor": "loudness", "seconds": 0.2},
            "models.framewise": {
                "network": "framewise",
                "sees": ["loud", "colour"],
                "options": {"bias": False},
                "ablation": {"strategy": "halved", "modality": "video", "p": 0.5},
            },
            "evaluate.conditions": [{"strategy": "halved", "modality": ["video"], "p": [0.5, 0.0]}],
        },
    )
    stages = ran(project.run("dvc", "repro"))
    assert {stage for stage in stages if stage.startswith("train")} == {"train@framewise"}
    assert {stage for stage in stages if stage.startswith("extract")} == {"extract@loud"}
    assert len(trainings() - before) == 1
    files = {
        file for addition in ADDITIONS.values() for file in (addition.registry, addition.module)
    }
    assert edited(project) == {"params.yaml", *files}
    metrics = json.loads((project.folder / RESULTS / "metrics.json").read_text())
    assert metrics.keys() == {"mine", "framewise"}
    table = pd.read_csv(project.folder / RESULTS / "evaluation/framewise.csv")
    assert set(table.loc[table["asked"] == 1, "strategy"]) == {"halved"}
    assert table["bias"].notna().all()
    page = (project.folder / RESULTS / "index.html").read_text()
    shown = ("framewise", "Half the rate", "Bias of means")
    assert [text for text in shown if text not in page] == []


def test_a_line_of_an_own_network_trains_its_model_again_and_a_comment_nothing(
    project: Project,
) -> None:
    before = keys(project)
    file = project.folder / "extensions/mynet.py"
    content = file.read_text()
    file.write_text(f'"""A network."""  # of my own\n{content}')
    assert differ(before, keys(project)) == set()
    assert content.count(".relu()") == 1
    file.write_text(content.replace(".relu()", ".tanh()"))
    assert differ(before, keys(project)) == {"train/mine", "evaluate/mine"}


# ------------------------------------------------------------------ an installed package


def test_an_installed_package_adds_all_of_it(project: Project) -> None:
    set_params(
        project,
        {
            "corpus.name": "gesturelab.mycorpus:read",
            "corpus.options": {"suffix": ".mp4"},
            "streams.packaged": {
                "modality": "audio",
                "extractor": "gesturelab.mystreams:Energy",
                "options": {"seconds": 0.2},
            },
            "models.packaged": {
                "network": "gesturelab.mynet:MyNet",
                "sees": ["packaged", "colour"],
                "ablation": {"strategy": "gesturelab.losses:my_operator", "p": 0.5},
            },
        },
    )
    refused = project.run("python", "-m", "pipeline.params", fails=True)
    assert "there is no module gesturelab.mycorpus" in refused
    environment = project.folder / "environment"
    project.environment["PATH"] = f"{make_environment(environment)}:/usr/bin:/bin"
    install(environment, "gesturelab", "1.0", own_project.modules())
    run(project, "params")
    first = keys(project)
    for stage in ("corpus", "extract/packaged", "train/packaged"):
        assert "library gesturelab gesturelab 1.0\n" in first[stage]
    assert "library torch torch " in first["train/packaged"]
    for command in ("corpus", "extract packaged", "windows", "train packaged"):
        run(project, command)
    assert (project.folder / "data/models/packaged/seed-0/model.safetensors").exists()
    install(environment, "gesturelab", "1.1", own_project.modules())
    changed = differ(first, keys(project))
    assert changed == {"corpus", "extract/packaged", "train/packaged", "evaluate/packaged"}
