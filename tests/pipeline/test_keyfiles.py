"""Key files: written whole, compared by the modules that a stage runs."""

import os
from pathlib import Path

import pytest

from pipeline.engine.closure import Code
from pipeline.engine.keyfiles import check_file, write_all
from pipeline.engine.stamps import CodeChangedError

CODE = Code({"toy.a": "1" * 64, "toy.b": "2" * 64}, {"numpy": "numpy 2.0, other 1"}, {})


def test_all_files_are_written_and_no_others_stay(tmp_path: Path) -> None:
    write_all(tmp_path, {"corpus": ["a"], "train/x": ["b", "c"], "train/y": []})
    write_all(tmp_path, {"corpus": ["a"], "train/x": ["d"]})
    files = {file for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {tmp_path / "corpus", tmp_path / "train/x"}
    assert (tmp_path / "train/x").read_text() == "d\n"


def test_a_link_into_a_cache_is_not_written_through(tmp_path: Path) -> None:
    write_all(tmp_path, {"corpus": ["a"]})
    os.link(tmp_path / "corpus", tmp_path / "cached")
    write_all(tmp_path, {"corpus": ["b"], "cached": ["a"]})
    assert (tmp_path / "cached").read_text() == "a\n"


def test_lines_name_modules_libraries_and_digests() -> None:
    assert CODE.lines() == [
        f"code toy.a {'1' * 64}",
        f"code toy.b {'2' * 64}",
        "library numpy numpy 2.0, other 1",
    ]


@pytest.mark.parametrize(
    ("lines", "changed"),
    [
        (CODE.lines(), None),
        (["row network x 12", "settings train 34"], None),
        ([f"code toy.c {'3' * 64}"], None),  # of a row that the file was written for
        ([f"code toy.a {'3' * 64}"], "toy.a"),
        (["library numpy numpy 2.1, other 1"], "numpy"),
    ],
)
def test_a_stage_runs_only_the_code_of_its_file(
    tmp_path: Path, lines: list[str], changed: str | None
) -> None:
    file = tmp_path / "key"
    check_file(file, CODE)  # nothing to compare with
    file.write_text("\n".join(lines))
    if changed is None:
        check_file(file, CODE)
        return
    with pytest.raises(CodeChangedError, match=rf"is not that of .*key \({changed} changed\)"):
        check_file(file, CODE)
