"""The champion's table against numbers worked out by hand."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from pipeline.studies import champion
from pipeline.studies.champion import ALIKE, RIVALS, Comparison, verdict
from tests.helpers.evaluation_rows import ONE_TRIAL

CONDITIONS = [
    ("video", "clip_zero", 1.0),
    ("video", "clip_zero", 0.0),
    ("audio", "frame_zero", 0.5),
]


def write(folder: Path, model: str, values: list[list[float]]) -> None:
    """A row per condition, seed and target; `values` by condition, then seed."""
    rows = [
        {
            "model": model,
            "seed": seed,
            "modality": modality,
            "strategy": strategy,
            "p": p,
            **ONE_TRIAL,
            "target": target,
            "ccc": value + shift,
            "n": 10,
        }
        for (modality, strategy, p), by_seed in zip(CONDITIONS, values, strict=True)
        for seed, value in enumerate(by_seed)
        for target, shift in (("valence", -0.1), ("arousal", 0.1))
    ]
    apart = {**rows[0], "subset": "no_face", "ccc": 0.99}
    filled = {**rows[0], "fill": "hold", "ccc": 0.98}
    folder.mkdir(exist_ok=True)
    pd.DataFrame([*rows, apart, filled]).to_csv(folder / f"{model}.csv", index=False)


def compare(folder: Path, rivals: Sequence[str] = RIVALS) -> Comparison | None:
    tables = [pd.read_csv(file, keep_default_na=False) for file in folder.iterdir()]
    return champion.compare(pd.concat(tables), rivals)


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluation"
    write(folder, "lacuna", [[0.10, 0.20], [0.5, 0.5], [0.399, 0.399]])
    write(folder, "baseline", [[0.0, 0.0], [0.5, 0.6], [0.4, 0.4]])
    write(folder, "clip_zero", [[0.12, 0.12], [0.4, 0.4], [0.3, 0.3]])
    write(folder, "frame_zero", [[0.01, 0.01], [0.3, 0.3], [0.2, 0.2]])
    write(folder, "frame_repeat", [[0.02, 0.02], [0.2, 0.2], [0.1, 0.1]])
    write(folder, "audio_only", [[0.16, 0.16], [0.16, 0.16], [0.1, 0.1]])
    return folder


def test_the_best_rival_is_found_in_every_condition(evaluation: Path) -> None:
    found = compare(evaluation)
    assert found is not None
    table = found.table.set_index(["modality", "strategy", "p"])
    assert len(table) == len(CONDITIONS)  # natural subsets and fillings count in none
    ahead = [table.loc[condition, "ahead"] for condition in CONDITIONS]
    assert ahead == pytest.approx([0.03, -0.05, -0.001])
    rivals = [table.loc[condition, "rival"] for condition in CONDITIONS]
    assert rivals == ["clip_zero", "baseline", "baseline"]
    assert table.loc[CONDITIONS[0], "audio_only"] == pytest.approx(0.16)
    # baseline: (0 + .55 + .4) / 3, the best of all.
    assert found.mean_ahead == pytest.approx((0.15 + 0.5 + 0.399) / 3 - 0.95 / 3)
    assert found.seeds == 2
    # Seed by seed: .10 − .12 and .20 − .12; .05 − .333… and so on.
    spread = [table.loc[condition, "ahead_sd"] for condition in CONDITIONS]
    assert spread == pytest.approx([0.1 / 2**0.5, 0.1 / 2**0.5, 0.0], abs=1e-12)
    leads = [(0.999 - 0.9) / 3, (1.099 - 1.0) / 3]
    assert found.mean_ahead_sd == pytest.approx(abs(leads[1] - leads[0]) / 2**0.5, abs=1e-12)


def values_at(evaluation: Path) -> list[str]:
    found = compare(evaluation)
    assert found is not None
    return verdict(found)


def test_the_verdict_says_where_it_falls_short_and_where_not(evaluation: Path) -> None:
    level, mean, intact, gone = values_at(evaluation)
    assert "in 2 of 3 conditions (mean of 2 seeds)" in level
    assert "furthest behind by 0.050 under clip_zero of video, p = 0." in level
    assert "is +0.033 (sd over seeds 0.000) from the best rival's, which is the 0.03" in mean
    assert "intact result is -0.050" in intact
    assert gone == "Where the picture is gone it reaches 0.150, audio alone 0.160."


def test_it_says_so_where_nothing_is_behind(evaluation: Path) -> None:
    write(evaluation, "lacuna", [[0.5, 0.5], [0.9, 0.9], [0.9, 0.9]])
    assert "in 3 of 3 conditions (mean of 2 seeds); behind in none." in values_at(evaluation)[0]


def test_it_says_so_where_the_mean_is_not_far_enough_ahead(evaluation: Path) -> None:
    write(evaluation, "lacuna", [[0.1, 0.1], [0.5, 0.5], [0.4, 0.4]])
    assert (
        "+0.017 (sd over seeds 0.024) from the best rival's, which is not the 0.03 ahead"
        in values_at(evaluation)[1]
    )


def test_rivals_that_are_trained_alike_are_spoken_of_where_they_are_there(evaluation: Path) -> None:
    assert compare(evaluation, ALIKE) is None
    for rival in ALIKE:
        write(evaluation, rival, [[0.1, 0.1], [0.6, 0.6], [0.39, 0.39]])
    found, alike = compare(evaluation), compare(evaluation, ALIKE)
    assert found is not None
    assert alike is not None
    assert alike.table["rival"].isin(ALIKE).all()
    # lacuna: (.15 + .5 + .399) / 3, the others (.1 + .6 + .39) / 3.
    said = verdict(found, alike)[-1]
    assert said.startswith("Against the same strategies trained as it is (running mean of the ")
    assert "it is -0.014 (sd over seeds 0.024) in the mean, and level or ahead in 2 of 3" in said


@pytest.mark.parametrize("missing", ["lacuna", "frame_repeat", "audio_only"])
def test_without_one_of_the_models_there_is_no_comparison(evaluation: Path, missing: str) -> None:
    (evaluation / f"{missing}.csv").unlink()
    assert compare(evaluation) is None


def test_of_classes_and_of_fillings_alone_there_is_no_comparison(evaluation: Path) -> None:
    file = evaluation / "lacuna.csv"
    table = pd.read_csv(file)
    table.assign(fill="hold").to_csv(file, index=False)
    assert compare(evaluation) is None
    for file in evaluation.iterdir():
        pd.read_csv(file).rename(columns={"ccc": "macro_f1"}).to_csv(file, index=False)
    assert compare(evaluation) is None
