"""Prediction on videos of any kind, by a model that the tiny demo has trained."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.settings import FaceSettings
from features.task import Task
from models.settings import ModelSettings
from pipeline import predict as command
from pipeline.engine.execution import ExecutionSettings
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
    bars = [line for line in output.splitlines() if "frames/s" in line]
    assert [bar.split()[0] for bar in bars] == ["faces", "vggface"]
    assert all("90/90" in bar for bar in bars)


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


@pytest.mark.parametrize(
    ("level", "limit", "says"),
    [
        (
            "sequence",
            4,
            r"clip\.mp4 has 6 frames, more than the 4 of a .*; give a part of it",
        ),
        ("sequence", 6, "extracted"),
        ("frame", 4, "extracted"),
    ],
)
def test_a_sequence_that_is_too_long_is_refused_before_the_extraction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, limit: int, says: str
) -> None:
    def extract(*_: object, **__: object) -> None:
        raise InputError("extracted", "")

    monkeypatch.setattr("features.faces.items.detect_item", extract)
    monkeypatch.setattr("models.training.data.MAX_SEQUENCE_FRAMES", limit)
    clip = make_video(tmp_path / "clip.mp4", flat_frames(6))
    card = SimpleNamespace(task=SimpleNamespace(level=level), faces=FaceSettings(), streams={})
    with pytest.raises(InputError, match=says):
        command.extract(clip, card, "cpu", tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_without_a_finished_seed_is_no_trained_model(elsewhere: Path) -> None:
    (elsewhere / command.MODELS / "baseline" / "seed-0").mkdir(parents=True)
    with pytest.raises(InputError, match="no trained model named baseline"):
        command.model_folder("baseline", None)


def test_the_device_is_that_of_params_where_they_are_valid(elsewhere: Path) -> None:
    params = elsewhere / "params.yaml"
    assert command.execution_settings() == ExecutionSettings()
    params.write_text(
        "models: {a: {network: unimodal, sees: [lld], ablation: {strategy: none}}}\n"
        "execution: {device: cpu}\n"
    )
    assert command.execution_settings().device == "cpu"
    params.write_text("execution: {device: cpu, colour: red}\n")
    assert command.execution_settings() == ExecutionSettings()


@pytest.mark.parametrize(
    ("synthetic", "weights", "said"),
    [
        (True, "random", "synthetic corpus demo · vggface from random weights"),
        (False, "vgg.h5", ""),
    ],
)
def test_the_figure_says_what_the_model_is(
    monkeypatch: pytest.MonkeyPatch, synthetic: bool, weights: str, said: str
) -> None:
    notes = []
    monkeypatch.setattr(
        "reports.figures.predictions.plot_prediction", lambda *_, **k: notes.append(k["note"])
    )
    names = ("time", "valence", "arousal", "face_present", "sound_present")
    table = pd.DataFrame({name: [0.0] for name in names})
    card = a_card(Task(), synthetic=synthetic, weights=weights)
    assert command.draw(card, table, Path("clip.png"), clip="clip.mp4")
    assert notes == [said]


def a_card(task: Task, *, synthetic: bool = False, weights: str = "vgg.h5") -> SimpleNamespace:
    """As much of a card as drawing and reporting need."""
    return SimpleNamespace(
        name="a",
        seed=0,
        task=task,
        model=ModelSettings(),
        synthetic_corpus=synthetic,
        streams={"audio": None, "video": None},
        random_weights=["vggface"] if weights == "random" else [],
    )


@pytest.mark.parametrize("kind", ["regression", "sentiment"])
def test_the_numbers_of_a_sequence_are_said_in_their_order_and_not_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    card = a_card(Task(kind=kind, level="sequence", outputs=["valence", "arousal"]))
    table = pd.DataFrame(
        {"valence": [-0.5], "arousal": [2.5], "face_present": 1.0, "sound_present": 1.0}
    )
    assert not command.draw(card, table, tmp_path / "clip.png", clip="clip.mp4")
    assert not list(tmp_path.iterdir())
    command.report(card, table)
    assert "valence -0.50, arousal 2.50" in capsys.readouterr().err


def test_the_likeliest_class_is_said_first_and_all_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = a_card(Task(kind="classification", level="sequence", outputs=["anger", "joy"]))
    table = pd.DataFrame(
        {"anger": [0.25], "joy": [0.75], "face_present": 1.0, "sound_present": 1.0}
    )
    assert command.draw(card, table, tmp_path / "clip.png", clip="clip.mp4")
    assert (tmp_path / "clip.png").exists()
    command.report(card, table)
    assert "joy 0.75, anger 0.25" in capsys.readouterr().err


@pytest.mark.parametrize("drawn", [True, False])
def test_a_figure_is_only_claimed_where_there_is_one(
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    drawn: bool,
) -> None:
    monkeypatch.setattr("sys.argv", ["predict", "clip.mp4", "--model", "a"])
    monkeypatch.setattr(command, "model_folder", lambda *_: elsewhere)
    monkeypatch.setattr(command, "predict", lambda *_: (None, pd.DataFrame()))
    monkeypatch.setattr(command, "draw", lambda *_, **__: drawn)
    monkeypatch.setattr(command, "report", lambda *_: None)
    command.main()
    said = capsys.readouterr().err
    assert "wrote clip.a.csv" in said
    assert ("clip.a.png" in said) == drawn


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
