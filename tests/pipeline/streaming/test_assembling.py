"""Rows handed over as they come, against windows of the whole item and a sliding pass."""

from pathlib import Path

import numpy as np
import pytest
import torch

from features.extractors.described import Described
from features.extractors.settings import OpenSMILESettings, VGGFaceSettings
from features.stores.assembling import assemble
from features.stores.streams import open_stream, write_described
from features.stores.windows import write_windows
from features.windows.build import windowed, windowed_stream
from features.windows.normaliser import Normaliser
from features.windows.sources import Sources
from models import recogniser
from models.evaluation.causal import predict_causally
from models.training.stores import open_stores
from pipeline.prediction.recording import CLIP
from pipeline.streaming.assembling import _NOWHERE, Assembler
from tests.helpers.trained_models import random_model

RNG = np.random.default_rng(0)
DIM, LLD, START, SECONDS = 6, 65, 0.1, 4.25
STREAMS = {
    "audio": OpenSMILESettings(context_seconds=0.5),
    "video": VGGFaceSettings(),
}
TRAINED = random_model(STREAMS, {"audio": LLD, "video": DIM})


def pictures():
    """Times at 25 a second with a pause of 1.2 s, rows, and whether they show a face."""
    times = np.concatenate([np.arange(40) / 25, 2.8 + np.arange(20) / 25])
    present = RNG.random(len(times)) < 0.8
    rows = np.where(present[:, None], RNG.standard_normal((len(times), DIM)), 0)
    return Described(rows.astype(np.float32), times, present)


def sound():
    """A row every 10 ms from .1 s on, some without sound."""
    count = round(SECONDS * 100)
    present = np.repeat(RNG.random(count // 25) < 0.8, 25)
    rows = RNG.standard_normal((count, LLD)).astype(np.float32)
    times = START + np.arange(count) / 100
    return Described(rows, times, present, (START, SECONDS), window=0.02, rate=100)


def expected(folder: Path, video: Described, audio: Described, stretch: int):
    """Times, answers, face and sound of every frame, as `predict --causal` has them."""
    stores = {}
    for name, described in {"audio": audio, "video": video}.items():
        write_described(folder / name, described)
        assemble(folder / f"{name}.zarr", {CLIP: folder / name}, {})
        stores[name] = open_stream(folder / f"{name}.zarr")
    sources = Sources(
        STREAMS, stores, lambda _: video.times, gives_features=False, hold=TRAINED.card.windows.hold
    )
    moments = TRAINED.card.streams["audio"].moments[0]
    fitted = {"audio": Normaliser(np.array(moments.mean), np.array(moments.std)), "video": None}
    write_windows(
        folder / "windows.zarr",
        {CLIP: windowed(_NOWHERE, None, TRAINED.card.task, sources)},
        {name: windowed_stream(name, sources, fitted) for name in STREAMS},
        task=TRAINED.card.task,
        clip_frames=TRAINED.card.windows.clip_frames,
        settings={},
    )
    data = recogniser.clips_of(
        open_stores(["audio", "video"], folder / "windows.zarr", folder), [CLIP]
    )
    values = predict_causally(TRAINED.network, data, torch.device("cpu"), 4, stretch=stretch)[CLIP]
    return [values, *(data.item_array(CLIP, name) for name in ("times", "face", "sound"))]


def handed_over(assembler: Assembler, video: Described, audio: Described, *, late: float = 0.0):
    """Everything in the order of its time, sound later by so many seconds; the answers."""
    events = [(time, "picture", i) for i, time in enumerate(video.times)]
    blocks = range(0, len(audio.times), 7)
    events += [(audio.times[min(b + 7, len(audio.times)) - 1] + late, "sound", b) for b in blocks]
    found = []
    for _, kind, at in sorted(events):
        if kind == "picture":
            number = assembler.picture(video.times[at], 0.0)
            row = slice(at, at + 1)
            described = Described(video.rows[row], video.times[row], video.present[row])
            assembler.rows_of_picture(number, [described])
        else:
            part = slice(at, at + 7)
            new = Described(
                audio.rows[part], audio.times[part] - START, audio.present[part], None, 0.02, 100
            )
            reached = START + min(at + 7, len(audio.times)) / 100
            assembler.sound(START, reached, 0.0, [new])
        found += assembler.answers()
    assembler.end(0.0)
    return [*found, *assembler.answers()]


@pytest.mark.parametrize("stretch", [1, 4])
def test_answers_are_those_of_the_windows_and_a_sliding_pass(tmp_path: Path, stretch: int) -> None:
    video, audio = pictures(), sound()
    values, times, face, heard = expected(tmp_path, video, audio, stretch)
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=stretch, patient=True)
    found = handed_over(assembler, video, audio)
    np.testing.assert_allclose([answer.time for answer in found], times, atol=1e-9)
    assert len(times) > len(video.times)  # the pause has frames too
    assert [answer.present["video"] for answer in found] == face.tolist()
    assert [answer.present["audio"] for answer in found] == heard.tolist()
    given = np.array([list(answer.values.values()) for answer in found])
    np.testing.assert_allclose(given, values, atol=1e-5)
    assert np.ptp(values, axis=0).min() > 0.05


def test_in_a_hurry_sound_that_stays_away_is_missing_and_pauses_are_seen(tmp_path: Path) -> None:
    video, audio = pictures(), sound()
    _, times, _, heard = expected(tmp_path, video, audio, 4)
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=4)
    found = handed_over(assembler, video, audio)
    np.testing.assert_allclose([answer.time for answer in found], times, atol=1e-9)
    late = handed_over(
        Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=4), video, audio, late=2.5
    )
    missing = [answer.present["audio"] for answer in late]
    assert sum(missing) < sum(heard) - 20
    assert all(np.isfinite(list(answer.values.values())).all() for answer in late)


def test_a_dropped_picture_is_missing_and_says_so() -> None:
    video, audio = pictures(), sound()
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=2, patient=True)
    assembler.sound(START, START + SECONDS, 0.0, [audio])
    for number, time in enumerate(video.times[:6]):
        assembler.picture(time, 0.0, dropped=number in {0, 3})
        if number not in {0, 3}:
            row = slice(number, number + 1)
            described = Described(video.rows[row], video.times[row], np.ones(1, bool))
            assembler.rows_of_picture(number, [described])
    assembler.end(0.0)
    found = list(assembler.answers())[:6]
    assert [answer.dropped for answer in found] == [True, False, False, True, False, False]
    assert [answer.present["video"] for answer in found] == [not a.dropped for a in found]
    assert found[3].values


def test_in_a_hurry_a_face_that_comes_too_late_is_missing() -> None:
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=1)
    found = []
    for number in range(50):
        assembler.picture(number / 25, 0.0)
        row = Described(np.ones((1, DIM), np.float32), np.array([number / 25]), np.ones(1, bool))
        if number != 3:
            assembler.rows_of_picture(number, [row])
        found += assembler.answers()
    assert [answer.dropped for answer in found[:5]] == [False, False, False, True, False]
    assert [answer.present["video"] for answer in found[:5]] == [True, True, True, False, True]
    assembler.rows_of_picture(3, [row])  # nobody waits for it any more
    assembler.end(0.0)
    assert len(found) + len(list(assembler.answers())) == 50


def test_what_is_left_out_to_keep_up_has_no_values() -> None:
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", stretch=2, patient=True)
    for number in range(4):
        assembler.picture(number / 25, float(number))
        rows = np.ones((1, DIM), np.float32)
        described = Described(rows, np.array([number / 25]), np.ones(1, bool))
        assembler.rows_of_picture(number, [described])
    assembler.end_of_sound()
    assembler.end(0.0)
    found = list(assembler.answers(skip=lambda arrival: arrival < 2))
    assert [bool(answer.values) for answer in found] == [False, False, True, True]
    assert [answer.dropped for answer in found] == [True, True, False, False]


def test_where_nothing_comes_there_are_no_values() -> None:
    assembler = Assembler(TRAINED.card, TRAINED.network, "cpu", patient=True)
    assembler.picture(0.0, 0.0, dropped=True)
    assembler.end(0.0)
    (answer,) = assembler.answers()
    assert not answer.values
    assert answer.basis == "none"


def test_values_leave_in_the_units_of_their_targets() -> None:
    ranges = {"valence": (0.0, 100.0), "arousal": (0.0, 10.0)}
    task = TRAINED.card.task.model_copy(update={"ranges": ranges})
    found = []
    for card in (TRAINED.card, TRAINED.card.model_copy(update={"task": task})):
        assembler = Assembler(card, TRAINED.network, "cpu", patient=True)
        assembler.picture(0.0, 0.0)
        row = Described(np.ones((1, DIM), np.float32), np.zeros(1), np.ones(1, bool))
        assembler.rows_of_picture(0, [row])
        assembler.end(0.0)
        found += assembler.answers()
    plain, scaled = (answer.values for answer in found)
    assert scaled["valence"] == pytest.approx(50 * (plain["valence"] + 1))
    assert scaled["arousal"] == pytest.approx(5 * (plain["arousal"] + 1))


def test_classes_of_frames_are_probabilities() -> None:
    task = TRAINED.card.task.model_copy(update={"kind": "classification"})
    card = TRAINED.card.model_copy(update={"task": task})
    assembler = Assembler(card, TRAINED.network, "cpu", patient=True)
    assembler.picture(0.0, 0.0)
    row = Described(np.ones((1, DIM), np.float32), np.zeros(1), np.ones(1, bool))
    assembler.rows_of_picture(0, [row])
    assembler.end(0.0)
    (answer,) = assembler.answers()
    assert sum(answer.values.values()) == pytest.approx(1)
