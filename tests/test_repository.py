"""What the project tracks: code and what its docs show, no results."""

import csv
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

LARGEST = 5_000_000
"""Bytes of all tracked files."""

COLUMNS = ("audio_gone", "intact", "mean", "video_gone")
"""Of the README's table, for each target."""

HEADLINES = ("intact", "video_gone", "audio_gone", "mean")
"""Of the table of the demo's page."""


@pytest.fixture(scope="module")
def tracked():
    """Every tracked file that there is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not in a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.exists()]


def test_no_results_are_tracked(tracked):
    names = {path.relative_to(ROOT).as_posix() for path in tracked}
    assert "dvc.lock" not in names
    assert not {name for name in names if name.startswith(("reports/results/", "data/"))}
    assert sum(path.stat().st_size for path in tracked) <= LARGEST


def test_results_and_the_lock_file_are_the_users_to_commit():
    """Git ignores neither: DVC refuses a lock file that is ignored, and `git add -A` takes both."""
    for name in ("dvc.lock", "reports/results/metrics.json", "reports/results/figures/a.svg"):
        ignored = subprocess.run(
            ["git", "-c", "core.excludesFile=", "check-ignore", "-v", "--no-index", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not ignored.stdout.startswith(".gitignore")


PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (ROOT / "README.md", ROOT / "extensions/README.md", *ROOT.glob("docs/*.md"))
)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_or_names_is_there(tracked, page):
    text, folder = (ROOT / page).read_text(), (ROOT / page).parent
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    named = re.findall(r"`((?:docs|features|models|pipeline|tests|extensions)/[\w./-]*\w/?)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert {(folder / name).resolve() for name in linked} <= {path.resolve() for path in tracked}
    commands = re.findall(r"python -m pipeline\.([a-z_]+)", text)
    assert [name for name in commands if not (ROOT / f"pipeline/{name}.py").exists()] == []


def test_the_readme_is_read_to_its_end():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 200
    assert len(text.split()) <= 1500


def test_every_page_is_found_from_the_readme():
    text = "".join((ROOT / page).read_text() for page in ("README.md", "docs/long-runs.md"))
    named = [Path(page).name for page in PAGES if page.startswith("docs/")]
    assert [name for name in named if name not in text] == []


def test_the_readmes_table_is_the_demos_metrics():
    metrics = json.loads((ROOT / "docs/demo/metrics.json").read_text())
    text = (ROOT / "README.md").read_text()
    for model, targets in metrics.items():
        shown = re.search(rf"^reports/results/metrics/{model}\.json +(.*)$", text, re.MULTILINE)
        columns = [targets[t][c] for t in ("arousal", "valence") for c in COLUMNS]
        assert shown
        assert [float(value) for value in shown[1].split()] == [round(c, 4) for c in columns]


def test_the_demos_page_has_the_numbers_of_its_study():
    with (ROOT / "docs/studies/demo/headlines.csv").open(newline="") as file:
        rows = {(r["corpus"], r["model"], r["headline"]): r for r in csv.DictReader(file)}
    shown = re.findall(
        r"^\| (\d+) \| (\w+) \| (.*±.*) \|$", (ROOT / "docs/demo.md").read_text(), re.M
    )
    assert {(corpus, model) for corpus, model, _ in shown} == {key[:2] for key in rows}
    for corpus, model, cells in shown:
        numbers = [rows[corpus, model, headline] for headline in HEADLINES]
        stated = [f"{float(n['mean']):.3f} ± {float(n['std']):.3f}" for n in numbers]
        assert cells.split(" | ") == stated


def test_the_licence_is_named_where_it_is_looked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert project["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    assert "MIT licence (`LICENSE`)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_lines_of_params_yaml_that_messages_name_hold_what_they_speak_of(page):
    lines = (ROOT / "params.yaml").read_text().splitlines()
    shown = re.findall(
        r"^Error: models\.(\w+).*params\.yaml line (\d+)", (ROOT / page).read_text(), re.M
    )
    for model, number in shown:
        above = [line for line in lines[: int(number)] if re.fullmatch(r"  \w+:", line)]
        assert above[-1] == f"  {model}:"
