"""Predictions for each of two people in a film, and for one of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.settings import FaceSettings
from pipeline.engine.execution import ExecutionSettings
from pipeline.predict import publish
from pipeline.prediction import Prediction, predict, read_csv
from pipeline.prediction.trained import Trained
from tests.helpers.people_films import HEIGHT, RATE, cut, make_film
from tests.helpers.trained_models import face_model, sound_model

pytest.importorskip("onnxruntime")

ONE, OTHER, AGAIN = slice(0, 7), slice(7, 12), slice(12, 16)
"""Frames of the film's three shots."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It cuts from one person to another and back."""
    return make_film(tmp_path_factory.mktemp("film") / "talk.mp4", cut(), sound=len(cut()) / RATE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of both modalities."""
    folder = tmp_path_factory.mktemp("network")
    return face_model(folder, faces=FaceSettings(working_height=HEIGHT, size=16))


@pytest.fixture(scope="module")
def execution(tmp_path_factory: pytest.TempPathFactory) -> ExecutionSettings:
    """Its cache is shared, so that faces are looked for once."""
    return ExecutionSettings(cache=str(tmp_path_factory.mktemp("cache")), device="cpu")


@pytest.fixture(scope="module")
def made(film, trained, execution) -> Prediction:
    """What is predicted for everybody."""
    return predict(film, trained, people=True, execution=execution)


def test_each_person_has_rows_a_panel_and_a_face(made, tmp_path) -> None:
    assert made.table.columns[0] == "person"
    assert set(made.table["sound_of"]) == {"unknown"}
    there = {n: made.of_person(n)["face_present"].to_numpy() for n in made.numbers}
    expected = np.zeros((2, 16), int)
    expected[0, ONE], expected[0, AGAIN], expected[1, OTHER] = 1, 1, 1
    np.testing.assert_array_equal([there[1][:16], there[2][:16]], expected)
    assert "2 people in view: person 1 for 1.1 s, person 2 for 0.5 s" in made.notes
    assert {n: face.shape for n, face in made.people.faces.items()} == {
        1: (16, 16, 3),
        2: (16, 16, 3),
    }
    publish(made, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"talk.random.people.{suffix}" for suffix in ("csv", "html", "png")]
    table = read_csv(tmp_path / "talk.random.people.csv")
    pd.testing.assert_frame_equal(table, made.table, check_dtype=False, atol=1e-5)
    page = (tmp_path / "talk.random.people.html").read_text()
    assert "no face of person 2" in page
    # No descriptor is in what is written: 128 numbers would be columns.
    assert len(table.columns) < 10


def test_one_person_is_that_of_all_of_them(film, trained, execution, made) -> None:
    one = predict(film, trained, person="2", execution=execution)
    own = made.of_person(2).drop(columns="person").reset_index(drop=True)
    pd.testing.assert_frame_equal(one.table, own)
    assert one.file_stem == "talk.random.person-2"
    assert "values are of person 2" in one.notes
    with pytest.raises(InputError, match="shows 2 people, and person 3 is asked for"):
        predict(film, trained, person="3", execution=execution)


def test_without_a_person_the_main_face_is_taken_and_that_is_said(film, trained, execution) -> None:
    made = predict(film, trained, execution=execution)
    assert made.table["face_present"][:16].all()
    assert "person" not in made.table
    assert set(made.table["sound_of"]) == {"unknown"}
    assert any("whoever's it is: --people" in note for note in made.notes)


def test_people_are_told_apart_by_faces_and_at_the_end(film, trained, execution) -> None:
    with pytest.raises(InputError, match="looks at no faces"):
        predict(film, sound_model(), person="1", execution=execution)
    with pytest.raises(InputError, match="leave out --causal"):
        predict(film, trained, people=True, causal=True, execution=execution)
    assert json.dumps(predict(film, sound_model(), execution=execution).people.seconds) == "[]"
