"""Figures for papers: as wide as the column, in both formats."""

import re

import pytest

from reports.figures.papers import save_for_paper
from tests.helpers import result_files
from tests.helpers.result_files import MODELS

TWO = MODELS[:2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return result_files.write(tmp_path_factory.mktemp("results"), TWO, [5], seconds=1)


def test_figures_are_as_wide_as_a_column(folder, tmp_path):
    files = save_for_paper(folder, TWO, [5], tmp_path / "one", 1, ".svg")
    names = ("audio_lost", "forest", "heat", "learning_curves", "recordings", "risks", "speakers")
    assert [file.stem for file in files] == [*names, "traces", "video_lost"]
    for file in files:
        width = re.search(r'<svg [^>]*?width="([\d.]+)pt"', file.read_text(), re.DOTALL)
        assert float(width[1]) == pytest.approx(3.5 * 72)
        assert "synthetic corpus demo" in file.read_text()


def test_pdfs_are_the_same_bytes_again(folder, tmp_path):
    first, second = (
        save_for_paper(folder, TWO, [5], tmp_path / name, 2, ".pdf") for name in ("a", "b")
    )
    assert all(file.read_bytes()[:5] == b"%PDF-" for file in first)
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
