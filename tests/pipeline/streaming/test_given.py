"""Files of features played live, against their prediction as a whole."""

from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.extractors.settings import GivenSettings
from features.task import Task
from pipeline.engine.execution import ExecutionSettings
from pipeline.prediction import predict
from pipeline.streaming.given import given_streams, played
from pipeline.streaming.run import Live
from pipeline.streaming.source import Source
from tests.helpers.trained_models import random_model

VOICE = GivenSettings(modality="audio", of="voice")
FACE = GivenSettings(modality="video", of="face")
TARGETS = ["valence", "arousal"]


def files(folder: Path, voice: int = 60, face: int = 40) -> dict[str, Path]:
    """1.5 s of a voice at 40 rows a second from .1 s on, and 1.6 s of a face at 25."""
    rng = np.random.default_rng(0)
    about = {"voice": (voice, 3, 40, 0.1), "face": (face, 2, 25, 0.0)}
    for name, (rows, width, rate, start) in about.items():
        arrays = {"features": rng.normal(size=(rows, width)), "present": rng.random(rows) < 0.8}
        np.savez(folder / f"{name}.npz", times=start + np.arange(rows) / rate, **arrays)
    return {name: folder / f"{name}.npz" for name in about}


@pytest.mark.parametrize("seen", [{"audio": VOICE, "video": FACE}, {"audio": VOICE}], ids=len)
def test_features_live_are_their_causal_prediction(seen, tmp_path: Path) -> None:
    trained = random_model(seen, {"audio": 3, "video": 2})
    given = {
        name: file for name, file in files(tmp_path).items() if name == "voice" or len(seen) > 1
    }
    execution = ExecutionSettings(cache=str(tmp_path / "cache"), device="cpu")
    table = predict(None, trained, features=given, causal=True, execution=execution).table
    live = Live(None, trained, "cpu", features=given, every_frame=True)
    found = list(live.answers())
    np.testing.assert_allclose([answer.time for answer in found], table["time"], atol=1e-9)
    values = [[answer.values.get(t, np.nan) for t in TARGETS] for answer in found]
    np.testing.assert_allclose(values, table[TARGETS], atol=1e-5)
    assert [answer.basis for answer in found] == table["basis"].tolist()
    assert np.ptp(table[TARGETS].to_numpy(), axis=0).min() > 0.01


@pytest.mark.parametrize("align", ["frames", "none"])
def test_a_model_of_sequences_answers_for_its_window(align: str, tmp_path: Path) -> None:
    task = Task(kind="classification", level="sequence", outputs=("a", "b", "c"))
    seen = {
        "audio": VOICE.model_copy(update={"align": align}),
        "video": FACE.model_copy(update={"align": align}),
    }
    trained = random_model(seen, {"audio": 3, "video": 2}, clip_frames=100, task=task)
    given = files(tmp_path)
    execution = ExecutionSettings(cache=str(tmp_path / "cache"), device="cpu")
    whole = predict(None, trained, features=given, execution=execution).table
    found = list(Live(None, trained, "cpu", features=given, every_frame=True).answers())
    assert len(found) == 40
    last = [found[-1].values[name] for name in task.outputs]
    np.testing.assert_allclose(last, whole[list(task.outputs)].iloc[0], atol=1e-5)
    assert found[-1].basis == "both"
    assert found[0].values != found[-1].values
    assert found[-2].values == found[-1].values  # of one stretch


def test_rows_come_at_their_times(tmp_path: Path) -> None:
    trained = random_model({"video": FACE}, {"video": 2})
    streams = given_streams(trained.card, {"face": files(tmp_path)["face"]})
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    rows = played(streams, paced=True, is_stopped=lambda: False, clock=lambda: now[0], sleep=sleep)
    assert [now[0] for _ in rows] == pytest.approx(100 + np.arange(40) / 25)


def test_what_is_not_there_or_no_course_is_said_in_a_sentence(tmp_path: Path) -> None:
    trained = random_model({"audio": VOICE, "video": FACE}, {"audio": 3, "video": 2})
    given = files(tmp_path)
    with pytest.raises(InputError, match="voice is not there; give them with --features voice="):
        Live(None, trained, "cpu", features={"face": given["face"]})
    with pytest.raises(InputError, match=r"takes nothing of film.mp4: all that it sees is given"):
        Live(Source.of("film.mp4"), trained, "cpu", features=given)
    with pytest.raises(InputError, match="random takes no sound of default; leave --sound out"):
        Live(None, trained, "cpu", features=given, sound=Source.of("alsa:default"))
    with pytest.raises(InputError, match="the audio features of random are one vector"):
        Live(None, trained, "cpu", features=files(tmp_path, voice=1))
