"""How far the recommended model is ahead, against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from models.settings.presets import PRESETS
from pipeline.params import read_settings
from pipeline.studies.champion import ALIKE, RIVALS
from pipeline.studies.lead import (
    STEPS,
    areas,
    picture_gone,
    publish_lead,
    steps_of,
)
from pipeline.studies.settings import StudySettings
from pipeline.study import file_of, run_study
from tests.helpers.evaluation_rows import ONE_TRIAL

RATES = (0.0, 0.5, 1.0)
BESIDE = ("lacuna_fast", "lacuna_curved", "lacuna_demo")
RECIPE = {"epochs", "decay", "heldout", "batch_clips", "batch_speakers", "within_speaker", "refit"}


def results(values: dict[str, list[float]]) -> pd.DataFrame:
    """Rows of a study; `values` are of a model by split, the same under every loss of a modality.

    Where the picture is gone it is half; where both modalities lose, 1 − p of it is left.
    """
    conditions = [(m, "clip_zero", p) for m in ("audio", "video") for p in RATES]
    conditions += [("both", "frame_zero", p) for p in RATES]
    rows = [
        {
            "model": model,
            "seed": 0,
            "split": str(split),
            "modality": modality,
            "strategy": strategy,
            "p": p,
            **ONE_TRIAL,
            "target": "valence",
            "ccc": value * (1 - p if modality == "both" else 0.5 if (modality, p) == GONE else 1),
            "n": 10,
        }
        for model, by_split in values.items()
        for split, value in enumerate(by_split)
        for modality, strategy, p in conditions
    ]
    return pd.DataFrame(rows)


GONE = ("video", 1.0)
VALUES = {
    "lacuna": [0.50, 0.52, 0.54],
    **{rival: [0.40, 0.42, 0.45] for rival in RIVALS},
    "clip_zero": [0.44, 0.47, 0.48],
    "audio_only": [0.49, 0.53, 0.54],
    **{f"{rival}_unaware": [0.60, 0.61, 0.65] for rival in RIVALS},
}


def test_a_step_is_the_lead_over_the_best_rival_of_its_kind() -> None:
    first, last = steps_of(results(VALUES))
    assert (first.kind, last.kind) == (next(iter(STEPS)), list(STEPS)[-1])
    ahead = np.array([0.06, 0.05, 0.06])
    mean_of_six = (5 + 0.5) / 6
    assert first.compared.mean_ahead == pytest.approx(ahead.mean() * mean_of_six)
    assert first.compared.mean_ahead_sd == pytest.approx(ahead.std(ddof=1) * mean_of_six)
    assert set(first.compared.table["rival"]) == {"clip_zero"}
    assert (first.compared.seeds, first.compared.level, first.behind) == (3, 6, 0)
    assert (last.compared.level, last.behind) == (0, 6)
    assert steps_of(results({"lacuna": [0.5], "audio_only": [0.4]})) == []


def test_fewer_than_three_corpora_are_not_tested() -> None:
    two = results({model: values[:2] for model, values in VALUES.items()})
    assert [step.behind for step in steps_of(two)] == [None, None]


def test_without_the_picture_is_level_with_sound_alone_where_the_interval_is_narrow() -> None:
    found = picture_gone(results(VALUES))
    assert found is not None
    difference = np.array([0.01, -0.01, 0.0]) / 2
    t = 2.919986  # of two degrees of freedom, 5 % above it
    reach = t * difference.std(ddof=1) / 3**0.5
    assert (found.low, found.high) == pytest.approx((-reach, reach), abs=1e-6)
    assert found.is_equivalent
    apart = picture_gone(results(VALUES | {"audio_only": [0.4, 0.5, 0.5]}))
    assert apart is not None
    assert not apart.is_equivalent


def test_areas_are_over_all_rates_of_both() -> None:
    ranked = areas(results(VALUES))
    assert set(ranked.index[:4]) == {f"{rival}_unaware" for rival in RIVALS}
    assert ranked["lacuna"] == pytest.approx(0.52 / 2)


def test_the_page_has_every_step_and_says_where_rivals_are_ahead(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    results(VALUES).to_csv(other / "results.csv", index=False)
    page = tmp_path / "index.html"
    said = publish_lead("Slow labels", results(VALUES), {"Fast labels": other}, page)
    html = page.read_text()
    assert said[0].startswith(f"Over rivals with {list(STEPS)[-1]}, lacuna leads by −")
    for title in ("Slow labels", "Fast labels"):
        assert f"{title}: rivals with {list(STEPS)[-1]} are ahead by" in html
        assert html.count(f">{title}</th>") == 1
    assert "it is number 5 of" in html
    assert publish_lead("", results(VALUES), {}, tmp_path / "none.html") == []
    assert not (tmp_path / "none.html").exists()


@pytest.mark.parametrize("name", ["lacuna", *BESIDE])
def test_rivals_have_the_recipe_and_lack_the_network_or_what_it_knows(name: str) -> None:
    _, study = read_settings(file_of(name), StudySettings)
    lacuna = study.models["lacuna"]
    assert lacuna.preset == "lacuna"
    recipe = study.resolved("lacuna").train.model_dump(include=RECIPE)
    assert PRESETS["lacuna"].networks.keys() == {lacuna.network}
    for rival in RIVALS:
        own, same = study.models[f"{rival}_recipe"], study.models[f"{rival}_unaware"]
        assert own.network == "crossmodal"
        assert (same.network, same.presence, same.repeats) == (lacuna.network, "ignored", "shown")
        for model in (own, same):
            assert model.ablation.strategy == ("none" if rival == "baseline" else rival)
        for model in (f"{rival}_recipe", f"{rival}_unaware"):
            assert study.resolved(model).train.model_dump(include=RECIPE) == recipe
    if name == "lacuna":
        assert {*RIVALS, *ALIKE} < study.models.keys()
        assert study.splits is not None
        used = {1, 2, 3, *range(101, 106)}
        assert not used & set(study.splits.values)
        assert (len(study.splits.values), study.corpus.simulated.test) == (5, 100)
        assert study.beside == list(BESIDE)


def test_studies_beside_run_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text("beside: [nowhere]\ncorpus: {name: simulated}\nmodels: {a: {}}\n")
    with pytest.raises(InputError, match="there is no study nowhere"):
        run_study(file)
    assert not (tmp_path / "data").exists()
