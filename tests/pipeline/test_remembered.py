"""What is worked out of a module's source is used again while the source is the same."""

from pathlib import Path

import pytest

from pipeline.engine import closure
from pipeline.engine.remembered import remembered
from pipeline.engine.trees import Tree, read_tree

SOURCE = """
import features.tables
from . import beside
NAME, NUMBER = "text", 1
exec(NAME)
"""


def kept_in(folder: Path) -> Path:
    (file,) = (folder / "__pycache__").glob("module*.what")
    return file


def test_a_tree_is_the_same_when_it_comes_from_a_file() -> None:
    tree = read_tree(SOURCE)
    assert Tree.of_json(tree.as_json()) == tree
    assert tree.imports
    assert tree.strings
    assert tree.dynamic


def test_work_is_done_again_where_the_key_is_another_or_the_file_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    module = tmp_path / "module.py"
    done = []

    def work() -> list[int]:
        done.append(len(done))
        return [len(done)]

    assert [remembered(module, "what", "a", work) for _ in range(2)] == [[1], [1]]
    assert remembered(module, "what", "b", work) == [2]
    for damaged in (b"{", b"[]", b'{"key": "b"}', b"\xff"):
        kept_in(tmp_path).write_bytes(damaged)
        assert remembered(module, "what", "b", work) == [len(done)]
    assert done == list(range(6))


def test_nothing_is_kept_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert remembered(tmp_path / "module.py", "what", "a", lambda: 1) == 1
    assert list(tmp_path.iterdir()) == []


def test_code_is_what_it_is_without_anything_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    modules = ["models.training.run", "pipeline.train"]
    codes = []
    for _ in range(2):
        closure.forget()
        codes.append(closure.code_of(modules))
    monkeypatch.setattr(closure, "remembered", lambda *arguments: arguments[-1]())
    closure.forget()
    assert closure.code_of(modules) == codes[0] == codes[1]


def test_a_changed_module_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    module = tmp_path / "module.py"
    digests = []
    for text in ("x = 1\n", "x = 2\n", "x = 1  # again\n"):
        module.write_text(text)
        closure.forget()
        digests.append(closure._tree_of(module)[0].digest)
    assert digests[0] == digests[2] != digests[1]
