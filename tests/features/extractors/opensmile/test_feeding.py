"""Sound that openSMILE gets part by part gives the rows of the whole."""

import numpy as np
import pytest

from features.extractors.opensmile import descriptors, feeding
from features.extractors.settings import OpenSMILESettings

RATE = 16_000


def voice(seconds):
    """Noise that comes and goes, and a gliding tone."""
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).normal(0, 0.05, len(at)) * (np.sin(at) > 0)
    tone = 0.3 * np.sin(2 * np.pi * (120 + 10 * np.sin(at)) * at) * (np.cos(at / 2) > 0)
    return np.clip(noise + tone, -1.0, 32767 / 32768).astype(np.float32)


def both(seconds, name="IS13"):
    extractor = descriptors._extractor(OpenSMILESettings(set=name))
    samples = voice(seconds)
    count = descriptors.row_count(len(samples))
    return extractor.run(samples), feeding.run_in_parts(extractor.smile, samples, count, 160)


@pytest.mark.parametrize("seconds", [0.05, 0.06, 1.0, 59.99, 60.0, 60.01, 79.99, 80.01, 150.0])
def test_the_same_rows_as_of_the_whole(seconds):
    whole, parts = both(seconds)
    np.testing.assert_array_equal(parts, whole)


def test_the_same_rows_of_many_short_parts(monkeypatch):
    monkeypatch.setattr(feeding, "PART", 7 * RATE + 11)
    monkeypatch.setattr(feeding, "AHEAD", 3 * RATE)
    whole, parts = both(40.0, "ComParE_2016")
    np.testing.assert_array_equal(parts, whole)


def test_a_part_that_cannot_be_made_ends_the_run():
    extractor = descriptors._extractor(OpenSMILESettings())

    class Failing(np.ndarray):
        def __getitem__(self, key):
            if key.start:
                raise MemoryError
            return np.asarray(self)[key]

    samples = voice(90.0).view(Failing)
    with pytest.raises(MemoryError):
        feeding.run_in_parts(extractor.smile, samples, descriptors.row_count(90 * RATE), 160)
