"""Extractors of a user's own that are given batches of crops."""

import numpy as np
import pytest

from features.errors import InputError
from features.extractors.batches import OfCrops
from features.extractors.own import is_of_crops, load_extractor
from features.extractors.settings import OwnSettings
from tests.helpers.own_modules import write

MODULE = """
import numpy as np


class Colour:
    modality = "video"
    outputs = 3
    batch_size = 5

    def __init__(self, dtype="float64"):
        self.dtype = dtype

    def describe(self, crops):
        return crops.mean(axis=(1, 2)).astype(self.dtype)


class Wrong(Colour):
    outputs = 4


class NoWidth(Colour):
    outputs = None
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    return write("extensions", "mystreams", MODULE, tmp_path, monkeypatch)


def settings(module, name, **options):
    return OwnSettings(modality="video", extractor=f"{module}:{name}", options=options)


def test_it_is_given_batches(module):
    own = settings(module, "Colour")
    assert is_of_crops(own)
    extractor = load_extractor(own, "cpu")
    assert isinstance(extractor, OfCrops)
    assert (extractor.batch_size, extractor.outputs) == (5, 3)
    crops = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 3), np.uint8)
    rows = extractor.describe(crops)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, crops.mean(axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Wrong", {}, r"gives rows \(5, 3\) of float64, not \(5, 4\) of floats"),
        ("Colour", {"dtype": "int64"}, r"gives rows \(5, 3\) of int64"),
        ("NoWidth", {}, "has outputs None, not a whole number"),
        ("Colour", {"size": 3}, "does not take its options"),
    ],
)
def test_what_is_wrong_is_one_sentence(module, name, options, said):
    with pytest.raises(InputError, match=said):
        load_extractor(settings(module, name, **options), "cpu").describe(
            np.zeros((5, 2, 2, 3), np.uint8)
        )
