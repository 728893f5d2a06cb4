"""Who is who while it happens: a film that cuts from one person to another and back."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.faces.causal_people import CausalPeople
from features.media import decoding as media
from features.settings import FaceSettings
from features.task import Task
from pipeline.streaming.assembling import Answer
from pipeline.streaming.output import line_of
from pipeline.streaming.pictures import crops_of
from pipeline.streaming.run import Live
from pipeline.streaming.source import Source
from tests.helpers.live_pictures import pictures_of
from tests.helpers.people_films import HEIGHT, RATE, cut, make_film, side_by_side
from tests.helpers.trained_models import face_model, sound_model

SETTINGS = FaceSettings(working_height=HEIGHT, size=16)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven, five and four frames, ten a second."""
    return make_film(tmp_path_factory.mktemp("film") / "talk.mp4", cut())


def followed(film: Path, person: str) -> tuple[CausalPeople, list[bool], list[int]]:
    """Who was seen, where there is a crop, and how many people were in view."""
    people = CausalPeople(person, SETTINGS)
    crops = list(crops_of(pictures_of(film), SETTINGS, "film", people))
    return people, [crop.present for crop in crops], [crop.in_view for crop in crops]


def test_people_are_counted_and_known_again(film: Path) -> None:
    people, present, in_view = followed(film, "")
    assert all(present), "nobody is wanted, so the main face is taken"
    # Who it is is known once a face has been there for three tenths of a second.
    assert in_view == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    assert people.seconds == pytest.approx([0.4, 0.2])


def test_one_is_followed_by_a_picture(film: Path, tmp_path: Path) -> None:
    _, picture = list(media.frames(film))[8]
    cv2.imwrite(str(tmp_path / "face.jpg"), picture[..., ::-1])
    _, present, _ = followed(film, str(tmp_path / "face.jpg"))
    assert np.flatnonzero(present).tolist() == [10, 11]
    with pytest.raises(InputError, match="--person is left; give a number from 1 on, or a picture"):
        CausalPeople("left", SETTINGS)


def test_two_at_the_same_time_are_two(tmp_path: Path) -> None:
    people, _, in_view = followed(make_film(tmp_path / "two.mp4", side_by_side()[:5]), "1")
    assert in_view == [0, 0, 0, 2, 2]
    assert len(people.seconds) == 2


def test_live_answers_for_one_of_them(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    film = make_film(tmp_path / "talk.mp4", cut(), sound=len(cut()) / RATE)
    trained = face_model(tmp_path, faces=SETTINGS)
    live = Live(Source.of(str(film)), trained, "cpu", every_frame=True, person="2")
    answers = list(live.answers())[: len(cut())]
    assert [n for n, answer in enumerate(answers) if answer.present["video"]] == [10, 11]
    assert [n for n, answer in enumerate(answers) if answer.in_view] == [3, 4, 5, 6, 10, 11, 15]
    assert live.seconds_of_people == pytest.approx([0.4, 0.2])
    with pytest.raises(InputError, match="looks at no faces"):
        Live(Source.of(str(film)), sound_model(), "cpu", person="2")


def test_a_line_says_how_many_there_are_and_that_the_sound_is_nobody_s() -> None:
    both = Answer(0.0, {}, {"audio": True, "video": True}, "both", 0.0, False, in_view=1)
    one, several = (json.loads(line_of(both, 0.1, Task(), people=n)) for n in (1, 2))
    assert (one["people"], "sound_of" in one) == (1, False)
    assert (several["people"], several["sound_of"]) == (1, "unknown")
    heard = Answer(0.0, {}, {"audio": True}, "audio", 0.0, False)
    assert "people" not in json.loads(line_of(heard, 0.1, Task()))
