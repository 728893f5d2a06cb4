"""Cards whose parts do not fit each other, as a card from elsewhere may have them."""

import json

import pytest

from features.errors import InputError
from features.settings import FaceSettings
from models.recogniser import CARD, read_card, save
from tests.helpers.trained_models import sound_model


@pytest.fixture
def folder(tmp_path):
    model = sound_model()
    save(tmp_path, model.card, model.network.state_dict())
    return tmp_path


def test_a_card_comes_back_as_it_was(folder):
    assert read_card(folder) == sound_model().card


def test_it_says_how_long_each_part_waits_for_what_comes_later():
    card = sound_model(faces=FaceSettings(every=3)).card
    assert card.look_ahead_ms == {"frame": 33.3, "faces": 100.0, "opensmile": 300.0}
    stream = card.streams["audio"]
    settings = stream.settings.model_copy(update={"context": "centred"})
    streams = {"audio": stream.model_copy(update={"settings": settings})}
    centred = card.model_copy(update={"streams": streams})
    assert centred.look_ahead_ms["context"] == pytest.approx(233.3, abs=34)


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 64, [1.0] * 66])
def test_moments_of_another_length_are_refused(folder, name, values):
    def edit(moments):
        moments[name] = values

    refused(folder, edit)


@pytest.mark.parametrize("length", [0, 1, 13, 64])
def test_means_and_deviations_of_another_length_are_refused(folder, length):
    def edit(moments):
        moments |= {"mean": [0.0] * length, "std": [1.0] * length}

    refused(folder, edit)


@pytest.mark.parametrize("value", [0.0, -1.0, 10**400, "1", None])
def test_a_deviation_that_is_none_is_refused(folder, value):
    def edit(moments):
        moments["std"][3] = value

    refused(folder, edit)


def test_other_numbers_of_moments_than_parts_are_refused(folder):
    card = json.loads((folder / CARD).read_text())
    card["streams"]["audio"]["moments"] *= 2
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(InputError, match="does not fit"):
        read_card(folder)


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "9" * 5000, '{"name": ' + "9" * 5000])
def test_a_card_without_end_is_refused(folder, text):
    (folder / CARD).write_text(text)
    with pytest.raises(InputError, match="does not fit"):
        read_card(folder)


def refused(folder, edit):
    card = json.loads((folder / CARD).read_text())
    edit(card["streams"]["audio"]["moments"][0])
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(InputError, match="does not fit this version"):
        read_card(folder)
