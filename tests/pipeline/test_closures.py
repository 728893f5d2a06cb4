"""What the code that jobs reach may do, so that its closure is all of it."""

import ast
from pathlib import Path

import pytest

from pipeline.engine.closure import is_counted, is_settings
from pipeline.engine.keys import code_of_job
from pipeline.engine.trees import read_tree, text_of
from pipeline.evaluate import EVALUATE_SEED
from pipeline.train import TRAIN_SEED
from tests.helpers.project import ROOT

MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in ("features", "models", "reports")
    for file in sorted((ROOT / package).rglob("*.py"))
}
VALUES_ONLY = {
    "collections",
    "dataclasses",
    "enum",
    "math",
    "pathlib",
    "re",
    "typing",
    "typing_extensions",
    "pydantic",
    "pydantic_core",
    "features.errors",
    "features.licences",
    # How files that settings name are hashed: what a job reads of them, it hashes itself.
    "features.hashes",
    "features.extractors.opensmile.user_config",
    "features.tables",
}
"""What settings modules import besides each other and tables."""


def imports_of(name: str) -> list[ast.ImportFrom]:
    return [
        node
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    ]


def test_no_module_is_imported_and_no_name_is_made_by_computed_names() -> None:
    """What a source does not name, no closure has; a row of a table is the way."""
    computed = {name: read_tree(file.read_bytes()).dynamic for name, file in MODULES.items()}
    assert {name for name, calls in computed.items() if calls} == {"features.tables"}


def test_settings_modules_hold_values_alone() -> None:
    """They are not part of keys: nothing is computed there and no function is taken from them."""
    settings = [name for name in MODULES if is_settings(name)]
    assert len(settings) > 5
    for name in settings:
        for node in imports_of(name):
            module = str(node.module)
            is_value = module in VALUES_ONLY or module.partition(".")[0] in VALUES_ONLY
            is_table = module.endswith(".registry")
            assert is_value or is_table or is_settings(module), f"{name} imports {module}"
    taken = {
        f"{name} imports {alias.name} of {node.module}"
        for name in MODULES.keys() - settings
        for node in imports_of(name)
        if is_settings(str(node.module))
        for alias in node.names
        if alias.name[0].islower() and f"{node.module}.{alias.name}" not in MODULES
    }
    assert taken == set()


def test_every_data_file_beside_code_is_named_by_it() -> None:
    """Then it counts by content."""
    named = {}
    for name, file in MODULES.items():
        named.setdefault(file.parent, set()).update(read_tree(file.read_bytes()).strings)
        assert is_counted(name) or is_settings(name)
    results, pages = ROOT / "reports/results", ("README.md",)
    files = {
        file
        for package in ("features", "models", "reports")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix != ".py" and file.name not in pages
        if file.parent.name != "__pycache__"
        if not file.is_relative_to(results)
    }
    assert {f for f in files if f.name not in named.get(f.parent, set())} == set()


SAMPLE = '''
"""A module."""
from __future__ import annotations
import a.b as c
X: int = 1_000
"""A number."""
@d(1)
class A(B, metaclass=C):
    """A class."""
    async def f(self, x, /, y=1.5, *z, k: str = "é\\n", **w) -> None:
        """A function."""
        async with x as y, z: pass
        return [i async for i in w if not i] or {**w, "a": b"b"} or {1, 2j} or (yield)
def g():
    "A docstring alone."
def h(n):
    match n:
        case {"a": [1, *_], **rest} | A(x=None) if n > 1: del n[::2]
    lambda *a: f"{n!r:>{X}}"
    try: n @= ~n
    except* (E, F) as e: raise e from None
    else: global G
    finally: (x := ...)
    assert n, "no"
'''


def test_the_text_of_a_tree_is_the_same_in_every_version_of_python() -> None:
    """With the versions of today the text was this one."""
    assert text_of(ast.parse(SAMPLE)) == (Path(__file__).parent / "data/tree.txt").read_text()


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("import_module(name)", {"import_module"}),
        ("importlib.import_module(f'{a}.b')", {"import_module"}),
        ("importlib.import_module('a.b')", set()),
        ("exec(text)", {"exec"}),
        ("eval('1')", {"eval"}),
        ("globals()['x']", {"globals"}),
        ("model.eval()", set()),
        ("re.compile('x')", set()),
    ],
)
def test_computed_names_are_found(source: str, calls: set[str]) -> None:
    assert read_tree(source).dynamic == calls


@pytest.mark.parametrize(
    ("stage", "job"), [("pipeline.train", TRAIN_SEED), ("pipeline.evaluate", EVALUATE_SEED)]
)
def test_a_stage_runs_again_for_all_code_that_its_jobs_reach(stage: str, job: str) -> None:
    """Also where a job's function is named, not imported."""
    reached = code_of_job(job, ()).modules
    assert len(reached) > 50
    assert reached.items() <= code_of_job(f"{stage}:main", ()).modules.items()
