"""A table of predictions scored into a folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from models.settings import ConditionGrid, EvaluateSettings
from models.training.data import ClipData
from pipeline.score import read_predictions, score_table
from tests.helpers.planted import planted_stores

SETTINGS = EvaluateSettings(conditions=[ConditionGrid(strategy="clip_zero", p=[1, 0])])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    windows, _ = planted_stores(tmp_path_factory.mktemp("s"), items=2, frames=50, clip_frames=20)
    return ClipData(windows, {}, ["item-0", "item-1"], preload_bytes=0)


def predictions(data: ClipData, **more) -> pd.DataFrame:
    """Labels with noise: more of it where something is lost."""
    rng, parts = np.random.default_rng(len(more["model"])), []
    for item in data.items:
        for modality in ("audio", "video"):
            for p in (0.0, 1.0):
                labels = data.item_array(item, "labels")
                noisy = labels + (0.1 + p) * rng.standard_normal(labels.shape)
                names = {"item": item, "modality": modality, "strategy": "clip_zero", "p": p}
                columns = dict(zip(data.task.outputs, noisy.T, strict=True))
                parts.append(pd.DataFrame({**names, **more, "frame": range(50), **columns}))
    return pd.concat(parts)


def test_two_models_get_tables_tests_and_figures(data: ClipData, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    models = [predictions(data, model=m, seed=s) for m in ("a", "other") for s in (0, 1)]
    pd.concat(models).to_csv(file, index=False)
    files = score_table(read_predictions(file), data, SETTINGS, tmp_path / "out")
    names = {str(file.relative_to(tmp_path / "out")) for file in files}
    assert names == {
        *("evaluation/a.csv", "evaluation/other.csv", "conditions.csv", "headlines.csv"),
        *("significance.csv", "figures/audio_lost.svg", "figures/video_lost.svg"),
    }
    means = pd.read_csv(tmp_path / "out/conditions.csv").query("metric == 'ccc'")
    assert means[means["p"] == 0]["value"].min() > means[means["p"] == 1]["value"].max()
    tests = pd.read_csv(tmp_path / "out/significance.csv")
    assert set(tests["model"]) == {"other"}
    assert set(tests["reference"]) == {"a"}


def test_conditions_that_the_settings_do_not_name_make_no_tests(
    data: ClipData, tmp_path: Path
) -> None:
    bursts = {"strategy": "burst", "p": 0.5, "burst": 15, "unit": "signal", "trial": 0}
    whole = pd.concat([predictions(data, model=m).query("p == 1") for m in ("a", "other")])
    settings = SETTINGS.model_copy(update={"trials": 1})
    files = score_table(whole.assign(**bursts), data, settings, tmp_path)
    assert [file.name for file in files] == [
        "a.csv",
        "other.csv",
        "conditions.csv",
        "headlines.csv",
    ]
    assert len(pd.read_csv(tmp_path / "conditions.csv")) == 2 * 2 * 2 * 3


def test_a_table_that_is_none_is_refused(data: ClipData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither \.csv nor \.parquet"):
        read_predictions(tmp_path / "table.txt")
    with pytest.raises(InputError, match="no name for a file"):
        score_table(predictions(data, model="../x"), data, SETTINGS, tmp_path)
