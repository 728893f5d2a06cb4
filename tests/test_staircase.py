"""features → models → reports → pipeline: imports go one way, and what a folder is for holds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

STEPS = ("features", "models", "reports", "pipeline")
ENGINE_MAY_IMPORT = (
    "features.errors",
    "features.files",
    "features.hashes",
    "features.settings",
    "features.tables",
)


def imports_of(path: Path) -> set[str]:
    """Modules of ours that a file imports, at the top or within functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names & MODULES.keys()


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    files = (path for step in STEPS for path in (ROOT / step).rglob("*.py"))
    named = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in files}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


MODULES = modules()
GRAPH = {name: imports_of(path) - {name} for name, path in MODULES.items()}


@pytest.mark.parametrize("step", STEPS)
def test_imports_go_down_the_staircase_alone(step: str) -> None:
    below = STEPS[: STEPS.index(step) + 1]
    upwards = {
        f"{name} imports {target}"
        for name, targets in GRAPH.items()
        if name.split(".")[0] == step
        for target in targets
        if target.split(".")[0] not in below
    }
    assert upwards == set()


def test_no_imports_run_in_a_circle() -> None:
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}

    def reached_from(name: str) -> set[str]:
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            new = GRAPH[waiting.pop()] - packages - reached
            reached |= new
            waiting += new
        return reached

    assert {name for name in MODULES if name in reached_from(name)} == set()


def test_every_file_directly_in_pipeline_is_a_command() -> None:
    files = [path for path in (ROOT / "pipeline").glob("*.py") if path.name != "__init__.py"]
    assert [path.name for path in files if '__name__ == "__main__"' not in path.read_text()] == []


def test_the_engine_knows_no_corpus_and_no_model() -> None:
    known = {
        f"{name} imports {target}"
        for name, targets in GRAPH.items()
        if name.startswith("pipeline.engine")
        for target in targets
        if not target.startswith("pipeline.engine")
        and target not in (*ENGINE_MAY_IMPORT, "features", "pipeline")
    }
    assert known == set()


def test_reading_params_loads_no_torch() -> None:
    heavy = ("torch", "cv2", "dlib", "av", "matplotlib", "zarr")
    code = f"import sys, pipeline.params; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"
