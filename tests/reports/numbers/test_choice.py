"""Which model is recommended, of results with a known structure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.task import AFFECT
from models.evaluation.conditions import NAMED, runs_under
from models.evaluation.registry import CHOOSING, metrics_of
from models.evaluation.replicates import mean_over_seeds, replicates_of_runs
from models.evaluation.scores import pooled, score
from models.evaluation.tables import Evaluated, metrics_of_runs
from reports.numbers.choice import choose
from reports.numbers.verdict import no_model
from reports.tables.choice import recommendations

RUNS = runs_under(NAMED, trials=1)
NOISE = {"noisy": 1.5, "good": 0.3, "alike": 0.3}


def write(folder: Path, speakers: int, models: dict[str, float], split: str = CHOOSING) -> None:
    """Two items of every speaker; the second seed of a model has less noise than the first."""
    rng = np.random.default_rng(0)
    labels = {f"{s}-{i}": rng.standard_normal((30, 2)) for s in range(speakers) for i in (0, 1)}
    speaker_of = {item: item.partition("-")[0] for item in labels}
    for kind in ("evaluation", "replicates"):
        (folder / kind).mkdir(parents=True)
    for model, noise in models.items():
        tables, replicates = [], []
        for seed in (0, 1):
            scores = {}
            for item, y in labels.items():
                wrong = rng.standard_normal((len(RUNS), *y.shape)) * noise / (1 + seed)
                scores[item] = score(metrics_of(AFFECT), y + wrong, y)
            evaluated = Evaluated(split, ())
            table = metrics_of_runs(AFFECT, RUNS, pooled(scores.values()), evaluated)
            tables.append(table.assign(model=model, seed=seed))
            replicates.append(replicates_of_runs(AFFECT, RUNS, scores, evaluated, speaker_of))
        pd.concat(tables).to_csv(folder / "evaluation" / f"{model}.csv", index=False)
        mean_over_seeds(replicates).to_parquet(folder / "replicates" / f"{model}.parquet")


def chosen(folder: Path, models: dict[str, float]) -> dict:
    parameters = {"noisy": 10, "good": 300, "alike": 200}
    return choose(folder, list(models), AFFECT, parameters)


def test_the_model_that_all_others_are_behind_is_recommended(tmp_path: Path) -> None:
    models = {name: NOISE[name] for name in ("noisy", "good")}
    write(tmp_path, 8, models)
    found = chosen(tmp_path, models)
    assert found["speakers"] == 8  # not items, of which there are two each
    for need in ("robust", "intact", "smallest"):
        assert found["needs"][need]["recommended"] == "good"
    of_noisy = found["needs"]["robust"]["models"]["noisy"]
    assert 0 < of_noisy["behind_low"] < of_noisy["behind"] < of_noisy["behind_high"]
    assert of_noisy["low"] < of_noisy["value"] < of_noisy["high"]
    assert found["seeds"] == {"noisy": 1, "good": 1}
    assert recommendations(found, {}).count("<b>good</b>") == 3


def test_of_models_that_cannot_be_told_apart_none_is_recommended_but_the_smallest(
    tmp_path: Path,
) -> None:
    write(tmp_path, 8, NOISE)
    needs = chosen(tmp_path, NOISE)["needs"]
    assert needs["robust"]["recommended"] is None
    assert {needs["robust"]["best"], *needs["robust"]["level"]} == {"good", "alike"}
    assert needs["smallest"]["recommended"] == "alike"  # noisy is smaller, and behind
    choice = {"speakers": 8, "needs": needs, "seeds": {}}
    said = recommendations(choice, {"smallest": "0.50 in the mean"})
    assert "none: " in said
    assert "cannot be told apart" in said
    assert "<b>alike</b><span>0.50 in the mean</span>" in said
    sentence = no_model(choice)
    assert sentence.startswith("No model is recommended as the most robust: 8 speakers cannot tell")


@pytest.mark.parametrize("speakers", [1, 5])
def test_too_few_speakers_recommend_nothing(tmp_path: Path, speakers: int) -> None:
    write(tmp_path, speakers, NOISE)
    needs = chosen(tmp_path, NOISE)["needs"]
    assert {need["recommended"] for need in needs.values()} == {None}
    choice = {"speakers": speakers, "needs": needs, "seeds": {}}
    assert recommendations(choice, {}) == ""
    assert "cannot tell, 6 are needed" in no_model(choice)


def test_without_choosing_speakers_nothing_is_chosen(tmp_path: Path) -> None:
    write(tmp_path, 8, NOISE, split="reported")
    assert chosen(tmp_path, NOISE) == {"speakers": 0, "needs": {}, "seeds": {}}
