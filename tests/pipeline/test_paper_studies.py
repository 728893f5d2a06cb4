"""Each paper's study from its corpus to its page, on a tiny tree in the corpus's layout."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.corpora.listing import RESULTS
from pipeline import study
from pipeline.params import read_settings
from pipeline.studies.settings import StudySettings
from pipeline.studies.tables import read_results
from reports.tables.markup import decimals
from tests.helpers.paper_trees import TREES, make_clips
from tests.helpers.small_studies import small_study, stages_here

TITLES = {
    "parthasarathy2020": ["Figure 3", "Figure 4"],
    "parthasarathy2021": ["Figure 4"],
    "goncalves2022_cremad": [f"Figure {number}" for number in range(3, 9)] + ["Table 5"],
    "goncalves2022_msp_improv": [f"Figure {number}" for number in (3, 4, 5, 8)] + ["Table 5"],
    "chumachenko2022_ravdess": [],
    "chumachenko2022_cmu_mosei": [],
}
"""The exhibits of each paper's page that are no tables of its numbers."""

CELLS = {
    "parthasarathy2020": ("baseline", "ccc", "valence"),
    "parthasarathy2021": ("proposed", "ccc", "valence"),
    "goncalves2022_cremad": ("auxformer", "micro_f1", "class"),
    "goncalves2022_msp_improv": ("auxformer", "micro_f1", "class"),
    "chumachenko2022_ravdess": ("lt1", "accuracy", "class"),
    "chumachenko2022_cmu_mosei": ("lt1", "binary_accuracy", "sentiment"),
}
"""A model, a metric and a target of which each page has a number."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TITLES)
def test_a_paper_s_study_runs_to_its_page(
    name: str, clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small_study(name, tmp_path)
    _, settings = read_settings(file, StudySettings)
    root = TREES[settings.corpus.name](tmp_path / "corpus", clips)
    monkeypatch.setenv("LACUNA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    stages_here(monkeypatch)
    monkeypatch.setattr("sys.argv", ["study", file.name, "--root", str(root)])
    study.main()

    out = RESULTS / "study" / name
    about = json.loads((out / "study.json").read_text())
    units = len(settings.splits.values) if settings.splits else 1
    assert about["trainings"] == units * len(settings.models)
    results = read_results(out / "results.csv")
    assert set(results["model"]) == set(settings.models)
    means = pd.read_csv(out / "means.csv")
    assert (means.groupby("model")["n"].max() == units).all()
    html = " ".join((out / "index.html").read_text().split())
    assert f"The run is of {settings.corpus.name}, a corpus of the paper" in html
    for title in TITLES[name]:
        assert f"{title}:" in html
    # A cell of the first model of the file by a plain loop over its splits or seeds.
    model, metric, target = CELLS[name]
    strategy = settings.evaluate.conditions[0].strategy
    rows = results.query(f"model == '{model}' and p == 0 and strategy == '{strategy}'")
    rows = rows.query(f"target == '{target}' and modality == 'audio' and unit == 'window'")
    assert len(rows) == units
    spread = f" <small>± {decimals(np.std(rows[metric], ddof=1))}</small>" if units > 1 else ""
    tables = html.split("Its tables</h2>")[1].split("</section>")[0]
    row = tables.split(f"<b>{model}</b>")[1].split("</tr>")[0]
    assert f">{decimals(np.mean(rows[metric]))}{spread}</td>" in row
