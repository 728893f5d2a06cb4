"""Every stage of dvc.yaml lists the code that it runs."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.project import ROOT

PACKAGES = ("features", "models", "pipeline", "reports")
NO_RESULT = frozenset(
    Path(f"pipeline/{module}.py") for module in ("params", "backends", "census", "console")
)
"""Modules that results do not depend on: how work is run, and what is said of it. What of params a
stage depends on is listed under its `params`."""

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def modules_run_by(module: Path) -> set[Path]:
    """A module and all of ours that it imports, at the top or within functions."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = waiting.pop()
        if path in found or path in NO_RESULT:
            continue
        found.add(path)
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            for name in imported(node):
                waiting += [p for p in candidates(name) if (ROOT / p).exists()]
    return {path for path in found if (ROOT / path).stat().st_size > 100}  # not bare __init__.py


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def candidates(name: str) -> list[Path]:
    if name.partition(".")[0] not in PACKAGES:
        return []
    base = Path(*name.split("."))
    return [base.with_suffix(".py"), base / "__init__.py"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_it_runs_and_on_no_other(stage: str) -> None:
    deps = STAGES[stage].get("do", STAGES[stage])["deps"]
    code = [Path(dep) for dep in deps if dep.split("/")[0] in PACKAGES and "results/" not in dep]
    assert all((ROOT / path).exists() for path in code)
    run = modules_run_by(Path(f"pipeline/{stage}.py"))
    missing = {path for path in run if not any(path.is_relative_to(dep) for dep in code)}
    assert missing == set()
    idle = {
        dep for dep in code if dep.suffix != ".css" and not any(p.is_relative_to(dep) for p in run)
    }
    assert idle == set()
