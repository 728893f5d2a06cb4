"""Prediction on videos of any kind, by a model that the tiny demo has trained."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from media_factory import flat_frames, make_video, tone


@pytest.fixture
def predict(finished: Project, tmp_path: Path):
    def run(clip: Path, model: str = "frame_zero") -> tuple[pd.DataFrame, str]:
        output = finished.run(
            *("python", "-m", "pipeline.predict", str(clip)),
            *("--model", model, "--out", str(tmp_path / "out")),
        )
        base = tmp_path / "out" / f"{clip.stem}.{model}"
        assert base.with_name(f"{base.name}.png").stat().st_size > 5_000
        return pd.read_csv(base.with_name(f"{base.name}.csv")), output

    return run


def test_a_video_with_face_and_sound(finished: Project, predict) -> None:
    table, output = predict(finished.folder / "data/corpus/demo/clip_000.mp4")
    columns = ["time", "valence", "arousal", "face_present", "sound_present"]
    assert list(table) == columns
    assert len(table) == 90
    assert np.isfinite(table.to_numpy()).all()
    assert table["face_present"].mean() > 0.5
    assert "synthetic demo corpus" in output
    assert "random weights" in output


def test_prediction_equals_what_evaluation_saw(finished: Project, predict) -> None:
    traces = pd.read_csv(finished.folder / "reports/results/traces/baseline.csv")
    item = traces["item"].iloc[0]
    table, _ = predict(finished.folder / f"data/corpus/demo/{item}.mp4", "baseline")
    for target in ("valence", "arousal"):
        seen = traces[(traces["item"] == item) & (traces["target"] == target)]
        assert np.allclose(table[target], seen["predicted"], atol=1e-4)


@pytest.mark.parametrize(
    ("picture", "sound", "says"),
    [
        (True, False, "no sound at all: frame_zero had to do without audio"),
        (True, True, "no face at all: frame_zero had to do without video"),
        (False, True, "no face at all: frame_zero had to do without video"),
    ],
    ids=["no sound, no face", "no face", "no picture"],
)
def test_missing_modalities_are_said(
    tmp_path: Path, predict, picture: bool, sound: bool, says: str
) -> None:
    clip = make_video(
        tmp_path / "clip.mp4",
        flat_frames(40) if picture else None,
        sound=tone(40 / 30) if sound else None,
    )
    table, output = predict(clip)
    assert says in output
    assert len(table) in (40, 41)  # the AAC frame at the end may reach into one more
    assert not table["face_present"].any()
    assert table["sound_present"].any() == sound
    assert np.isfinite(table["valence"]).all()


def test_mistakes_are_one_sentence(finished: Project, tmp_path: Path) -> None:
    clip = finished.folder / "data/corpus/demo/clip_000.mp4"
    command = ("python", "-m", "pipeline.predict")
    for arguments, says in (
        ((str(clip), "--model", "nonsense"), "no trained model named nonsense"),
        ((str(clip), "--model", "baseline", "--seed", "9"), "no seed 9"),
        ((str(tmp_path / "none.mp4"), "--model", "baseline"), "none.mp4"),
    ):
        output = finished.run(*command, *arguments, fails=True)
        assert says in output
        assert "Traceback" not in output
