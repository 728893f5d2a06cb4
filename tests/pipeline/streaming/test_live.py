"""A film recognised live in threads, without a pace, against its causal prediction."""

import io
import json
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.faces.extract import find_main_face
from features.settings import FaceSettings
from models import recogniser
from pipeline import live as command
from pipeline.engine.execution import ExecutionSettings
from pipeline.prediction import predict
from pipeline.streaming.assembling import Answer
from pipeline.streaming.output import line_of, outlet
from pipeline.streaming.pictures import crops_of
from pipeline.streaming.run import Live
from pipeline.streaming.source import Player, Source, Wishes
from tests.helpers.face_factory import extracted, portrait
from tests.helpers.live_pictures import pictures_of
from tests.helpers.media_factory import flat_frames, make_film, make_video, tone
from tests.helpers.trained_models import sound_model


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds in which the microphone is off for a while."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return make_film(path, 2.5, no_sound=[(0.8, 1.6)])


def test_a_film_live_is_its_causal_prediction(film: Path, tmp_path: Path) -> None:
    trained = sound_model()
    execution = ExecutionSettings(cache=str(tmp_path), device="cpu")
    table = predict(film, trained, causal=True, execution=execution).table
    live = Live(Source.of(str(film)), trained, "cpu", every_frame=True)
    found = list(live.answers())
    np.testing.assert_allclose([answer.time for answer in found], table["time"], atol=1e-9)
    assert [int(a.present["audio"]) for a in found] == table["sound_present"].tolist()
    assert 0 < table["sound_present"].mean() < 1
    given = np.array([list(answer.values.values()) for answer in found])
    np.testing.assert_allclose(given, table[["valence", "arousal"]], atol=1e-5)
    assert not any(answer.dropped for answer in found)


def test_crops_are_those_of_the_whole_file(tmp_path: Path) -> None:
    shown = [portrait(100 + 2 * i)[0] for i in range(6)] + [portrait()[0] * 0]
    path = make_video(tmp_path / "faces.mkv", shown, video_codec="ffv1", pix_fmt="bgr0")
    about = FaceSettings(causal=True, size=32, every=2, smoothing=3)
    whole = extracted(tmp_path, path, about)
    assert whole["present"].tolist() == [True] * 6 + [False]

    crops = list(crops_of(pictures_of(path), about, "faces"))
    assert [crop.present for crop in crops] == whole["present"].tolist()
    np.testing.assert_array_equal(np.stack([crop.crop for crop in crops]), whole["crops"])
    assert find_main_face(path, about).present.sum() == 6


# ------------------------------------------------------------------ sources


class Heard:
    """Notes what comes of a source."""

    def __init__(self) -> None:
        self.pictures: list[float] = []
        self.samples = 0
        self.has: tuple[bool, bool] | None = None

    def found(self, pictures, sound, _wishes) -> None:
        self.has = pictures, sound

    def picture(self, second, _frame, _aspect) -> None:
        self.pictures.append(second)

    def sound(self, _start, samples) -> None:
        self.samples += len(samples)


def test_a_file_is_read_once_at_its_own_pace(film: Path) -> None:
    heard, now, slept = Heard(), [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    wishes = Wishes(pictures=True, sound=True)
    Player(Source.of(str(film)), wishes, heard, clock=lambda: now[0], sleep=sleep).play()
    assert heard.has == (True, True)
    assert len(heard.pictures) == 62
    assert heard.samples == pytest.approx(2.5 * 16_000, abs=1100)
    assert now[0] - 100 == pytest.approx(2.46, abs=0.1)  # when the last frame begins
    assert max(slept) < 0.7  # its stretch without sound has pictures


def test_what_returns_is_opened_again_and_counts_from_where_it_is(film: Path) -> None:
    camera = Source(str(film), "device")
    now, opened, said = [0.0], [0], []

    class Counted(Heard):
        def found(self, *_) -> None:
            opened[0] += 1

    def sleep(seconds: float) -> None:
        now[0] += seconds + 5

    heard = Counted()
    player = Player(
        camera,
        Wishes(pictures=True, sound=True),
        heard,
        is_stopped=lambda: opened[0] == 2 and len(heard.pictures) >= 100,
        clock=lambda: now[0],
        sleep=sleep,
    )
    player.play(said.append)
    gap = np.diff(heard.pictures).max()
    assert gap == pytest.approx(6 - 2.44, abs=0.1)
    assert heard.samples > 6 * 16_000  # what was missed is silence


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ("-", "pipe", ""),
        ("rtsp://host/1", "address", ""),
        ("v4l2:/dev/video1", "device", "v4l2"),
        ("/dev/video0", "device", "v4l2"),
        ("alsa:default", "device", "alsa"),
        ("film.mp4", "file", ""),
        ("0", "device", "avfoundation" if sys.platform == "darwin" else "v4l2"),
    ],
)
def test_sources_by_their_names(text: str, kind: str, form: str) -> None:
    source = Source.of(text)
    assert (source.kind, source.form) == (kind, form)


def test_a_source_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    trained = sound_model()
    for text, says in (
        (str(tmp_path / "none.mp4"), "does not exist"),
        ("v4l2:/dev/none", "cannot be opened"),
        ("http://127.0.0.1:9/film.mp4", "cannot be opened"),
    ):
        with pytest.raises(InputError, match=says):
            list(Live(Source.of(text), trained, "cpu", every_frame=True).answers())


def test_a_film_without_the_sound_a_model_needs_is_refused(tmp_path: Path) -> None:
    silent = make_video(tmp_path / "silent.mp4", flat_frames(5))
    with pytest.raises(InputError, match="has no sound; choose a model that does without"):
        list(Live(Source.of(str(silent)), sound_model(), "cpu", every_frame=True).answers())


def test_a_film_comes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "a.mkv", flat_frames(20), sound=tone(20 / 30))
    with path.open("rb") as file:
        monkeypatch.setattr(
            Source, "of", classmethod(lambda cls, _: cls(f"pipe:{file.fileno()}", "pipe"))
        )
        live = Live(Source.of("-"), sound_model(), "cpu", every_frame=True)
        found = list(live.answers())
    assert len(found) == pytest.approx(20, abs=2)
    assert all(answer.values for answer in found)


# ------------------------------------------------------------------ output


def test_a_line_has_everything_and_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    task = sound_model().card.task
    answer = Answer(1.23456, {"valence": 0.1}, {"audio": True}, "audio", 0.0, dropped=False)
    expected = {
        "time": 1.2346,
        "valence": 0.1,
        "arousal": None,
        "face": None,
        "sound": True,
        "basis": "audio",
        "lag": 0.25,
        "dropped": False,
    }
    assert json.loads(line_of(answer, 0.25, task)) == expected
    with outlet(None) as write:
        write("a line")
    assert capsys.readouterr().out == "a line\n"


def test_lines_go_to_whoever_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        received = io.BytesIO()

        def listen() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(1000):
                    received.write(data)

        listener = threading.Thread(target=listen)
        listener.start()
        with outlet(f"127.0.0.1:{server.getsockname()[1]}") as write:
            write("one")
            write("two")
        listener.join(10)
    assert received.getvalue() == b"one\ntwo\n"
    for where, said in (("127.0.0.1:1", "nobody listens at"), ("nowhere", "--to is nowhere")):
        with pytest.raises(InputError, match=said), outlet(where):
            pass


def test_the_command_writes_a_line_a_frame_and_ends_well(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = sound_model()
    recogniser.save(tmp_path / "model", trained.card, trained.network.state_dict())
    command.main([str(film), "--model", str(tmp_path / "model"), "--every-frame", "--window"])
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["time"] for line in lines[:3]] == [0.0, 0.0333, 0.0667]
    assert {line["dropped"] for line in lines} == {False}
    assert "look-ahead, part of every lag: frame 33 ms, opensmile 300 ms, stretch 133 ms" in (
        captured.err
    )
    assert f"{len(lines)} frames, 0 dropped; lag " in captured.err
    with pytest.raises(SystemExit) as ended:
        command.main([str(tmp_path / "none.mp4"), "--model", str(tmp_path / "model")])
    assert ended.value.code == 1
    assert "does not exist" in capsys.readouterr().err
