"""Prediction on videos of any kind, by a model that the tiny demo has trained."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.prediction import predict as predict_in_python
from pipeline.prediction import read_csv
from tests.helpers.media_factory import flat_frames, make_video, tone
from tests.helpers.project import Project


@pytest.fixture
def predict(finished: Project, tmp_path: Path):
    def run(clip: Path, model: str = "frame_zero") -> tuple[pd.DataFrame, str]:
        output = finished.run(
            *("python", "-m", "pipeline.predict", str(clip)),
            *("--model", model, "--out", str(tmp_path / "out")),
        )
        base = tmp_path / "out" / f"{clip.stem}.{model}"
        assert base.with_name(f"{base.name}.png").stat().st_size > 5_000
        return read_csv(base.with_name(f"{base.name}.csv")), output

    return run


def test_a_video_with_face_and_sound(finished: Project, predict) -> None:
    table, output = predict(finished.folder / "data/corpus/demo/clip_000.mp4")
    columns = ["time", "valence", "arousal", "face_present", "sound_present", "basis"]
    assert list(table) == columns
    assert len(table) == 30
    assert np.isfinite(table[columns[:-1]].to_numpy()).all()
    assert table[["valence", "arousal"]].abs().to_numpy().max() <= 1
    assert table["face_present"].mean() > 0.5
    assert "synthetic demo corpus" in output
    assert "random weights" in output
    bars = [line for line in output.splitlines() if "frames/s" in line]
    assert all("30/30" in bar for bar in bars)


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
    assert table["valence"].isna().all() == (not sound)
    assert set(table["basis"]) == ({"audio"} if sound else {"none"})


def test_several_clips_and_models_in_one_call(finished: Project, tmp_path: Path) -> None:
    clip, other = (finished.folder / f"data/corpus/demo/clip_00{i}.mp4" for i in (0, 1))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video")
    output = finished.run(
        *("python", "-m", "pipeline.predict", str(clip), str(broken), "7", str(other), str(clip)),
        *("--model", "audio_only", "--model", "video_only", "--out", str(tmp_path / "out")),
        fails=True,
    )
    names = {path.name for path in (tmp_path / "out").glob("*.csv")}
    expected = {f"clip_00{i}.{m}.csv" for i in (0, 1) for m in ("audio_only", "video_only")}
    assert names == expected
    assert "4 items failed, 4 are done" in output
    assert "would overwrite" in output
    assert "python -m pipeline.live 7" in output
    assert "frames/s" not in output  # what the stages found lies in the cache
    assert "Traceback" not in output


def test_a_function_does_the_same(
    finished: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(finished.folder)
    monkeypatch.setenv("LACUNA_CACHE", str(finished.cache))
    monkeypatch.setattr("pipeline.prediction.run.open_recording", opened := OpenedOnce())
    clip = finished.folder / "data/corpus/demo/clip_000.mp4"
    # Of sound: the box of a face that moves is smoothed otherwise from the past alone.
    whole, causal = (predict_in_python(clip, "audio_only", causal=c) for c in (False, True))
    assert opened.count == 2
    assert whole.card.name == "audio_only"
    difference = (whole.table["valence"] - causal.table["valence"]).abs()
    assert difference.max() > 1e-4
    # The clip is shorter than a window: the last stretch sees all of it.
    assert difference.iloc[-5:].max() < 1e-5


class OpenedOnce:
    """Counts how often a file is opened to see what it is."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, path: Path):
        from pipeline.prediction.recording import open_recording

        self.count += 1
        return open_recording(path)


def test_mistakes_are_one_sentence(finished: Project, tmp_path: Path) -> None:
    clip = finished.folder / "data/corpus/demo/clip_000.mp4"
    occupied, broken = tmp_path / "occupied", tmp_path / "broken.mp4"
    occupied.write_text("a file")
    broken.write_bytes(b"this is no video")
    program = ("python", "-m", "pipeline.predict")
    for arguments, says in (
        ((str(clip), "--model", "nonsense"), "no trained model named nonsense"),
        ((str(clip), "--model", "baseline", "--seed", "9"), "no seed 9"),
        ((str(tmp_path / "none.mp4"), "--model", "baseline"), "none.mp4 does not exist"),
        ((str(broken), "--model", "baseline"), "give a readable video"),
        ((str(clip), "--model", "baseline", "--out", str(occupied)), "name another folder"),
        ((str(clip), "--model", "baseline", "--out", str(occupied / "in")), "cannot be written"),
    ):
        output = finished.run(*program, *arguments, fails=True)
        assert says in output
        assert "corpus.exclude" not in output
        assert "Traceback" not in output


def test_only_what_a_model_sees_is_extracted(finished: Project, predict) -> None:
    clip = finished.folder / "data/corpus/demo/clip_000.mp4"
    table, output = predict(clip, "audio_only")
    assert "frames/s" not in output
    assert "sound in" in output
    assert "face in" not in output
    assert table["face_present"].isna().all()
    assert set(table["sound_present"]) <= {0, 1}
    table, output = predict(clip, "video_only")
    assert "sound in" not in output
    assert table["sound_present"].isna().all()


# ------------------------------------------------------------------ the challenge's format


def test_the_challenge_gets_a_row_per_frame_or_those_it_wants(
    finished: Project, tmp_path: Path
) -> None:
    traces = pd.read_csv(finished.folder / "reports/results/traces/baseline.csv")
    item = traces["item"].iloc[0]
    out, wanted = tmp_path / "all.txt", tmp_path / "wanted.csv"
    command = ("python", "-m", "pipeline.challenge", "--model", "baseline", "--out", str(out))
    finished.run(*command)
    table = pd.read_csv(out)
    assert list(table) == ["image_location", "valence", "arousal"]
    own = table[table["image_location"].str.startswith(f"{item}/")]
    assert own["image_location"].iloc[0] == f"{item}/00001.jpg"
    seen = traces[(traces["item"] == item) & (traces["target"] == "valence")]
    assert np.allclose(own["valence"], seen["predicted"], atol=1e-4)
    wanted.write_text(f"image_location,valence,arousal\n{item}/00007.jpg,,\n{item}/99999.jpg,,\n")
    finished.run(*command, "--wanted", str(wanted))
    chosen = pd.read_csv(out)
    assert chosen["valence"].tolist() == [own["valence"].iloc[6], own["valence"].iloc[-1]]
    said = finished.run(*command, "--split", "nowhere", fails=True)
    assert "no item is in split nowhere" in said
    assert "Traceback" not in said
