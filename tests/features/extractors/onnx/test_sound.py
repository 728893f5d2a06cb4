"""Networks of sound in ONNX files: chunks against the whole, and each fault."""

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import ValidationError

from features.errors import InputError
from features.extractors.onnx.extractor import Onnx
from features.extractors.onnx.settings import OnnxSettings, SoundSettings
from features.extractors.onnx.sound import chunks_of
from tests.helpers.onnx_files import sound_network

RATE = 16_000


class Heard:
    def __init__(self, samples, start=0.0):
        self.samples, self.start = samples, start

    def sound(self, rate):
        assert rate == RATE
        return self.samples, self.start


def settings(path, sha256, **sound):
    sound = {"chunk": 1.0, "overlap": 0.2, "normalise": "none", "batch_size": 2} | sound
    return OnnxSettings(modality="audio", path=str(path), sha256=sha256, sound=sound)


def noise(count):
    return np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)


def by_hand(path, samples):
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {"samples": samples[None]})[0][0]


@pytest.mark.parametrize("count", [2000, 15_999, 16_000, 16_001, 40_000, 57_123])
def test_chunks_give_the_rows_of_the_whole(tmp_path, count):
    """Of a network that looks at 25 ms alone, whatever the chunks."""
    path = tmp_path / "net.onnx"
    extractor = Onnx(settings(path, sound_network(path)), "cpu")
    described = extractor.extract(Heard(noise(count), 2.5))
    expected = by_hand(path, noise(count))
    assert described.rows.shape == expected.shape
    np.testing.assert_allclose(described.rows, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(described.times, 2.5 + 0.02 * np.arange(len(expected)))
    assert (described.span, described.rate) == ((2.5, count / RATE), 50)
    assert described.present.all()


def test_a_network_of_one_length_is_given_whole_chunks(tmp_path):
    path = tmp_path / "net.onnx"
    extractor = Onnx(settings(path, sound_network(path, length=RATE)), "cpu")
    for count in (8000, 40_000):
        rows = extractor.extract(Heard(noise(count))).rows
        padded = np.pad(noise(count), (0, max(0, RATE - count)))
        whole = Onnx(settings(path, sound_network(path)), "cpu").extract(Heard(padded)).rows
        assert abs(len(rows) - count / 320) <= 1
        path.unlink()
        sound_network(path, length=RATE)
        np.testing.assert_allclose(rows, whole[: len(rows)], rtol=1e-4, atol=1e-4)


def test_each_chunk_is_normalised_by_itself(tmp_path):
    path = tmp_path / "net.onnx"
    of = settings(path, sound_network(path), normalise="chunk")
    samples = noise(8000) + np.float32(0.3)
    normed = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    found = Onnx(of, "cpu").extract(Heard(samples)).rows
    np.testing.assert_allclose(found, by_hand(path, normed), atol=2e-3)


def test_no_sound_and_silence(tmp_path):
    path = tmp_path / "net.onnx"
    extractor = Onnx(settings(path, sound_network(path)), "cpu")
    assert extractor.extract(Heard(np.zeros(0, np.float32))).rows.shape == (0, 4)
    assert not extractor.extract(Heard(np.zeros(RATE, np.float32))).present.any()
    assert len(extractor.extract(Heard(noise(100))).rows) == 1


@effort(max_examples=50, deadline=None)
@given(
    st.integers(1, 100_000), st.sampled_from([(1.0, 0.2), (0.5, 0.0), (2.0, 1.0)]), st.booleans()
)
def test_chunks_cover_the_sound(count, lengths, fixed):
    sound = SoundSettings(rate=8000, hop=0.02, chunk=lengths[0], overlap=lengths[1])
    chunks = chunks_of(count, sound, fixed=fixed)
    chunk, hop = sound.samples("chunk"), sound.samples("hop")
    assert chunks[0][0] == 0
    assert count - chunks[-1][1] < (hop if fixed else 1)
    for (_, end), (start, _) in pairwise(chunks):
        assert start % hop == 0
        assert end - start >= sound.samples("overlap")
    assert all(end - start < chunk + hop for start, end in chunks)


@pytest.mark.parametrize(
    ("network", "sound", "says"),
    [
        ({"batch": 1}, {}, "takes batches of 1 chunks alone"),
        (
            {"length": 8000},
            {},
            r"takes 8000 samples, and chunk comes to 16000; set sound.chunk to 0.5",
        ),
        (
            {"hop": 640},
            {},
            r"gives \(2, 25, 4\) for two chunks of 16000 samples, not \(2, about 50",
        ),
    ],
)
def test_shapes_are_compared_with_the_settings(tmp_path, network, sound, says):
    path = tmp_path / "net.onnx"
    sha256 = sound_network(path, **network)
    with pytest.raises(InputError, match=says):
        Onnx(settings(path, sha256, **sound), "cpu")


def test_chunks_that_overlap_too_little_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    extractor = Onnx(settings(path, sound_network(path), overlap=0.0), "cpu")
    with pytest.raises(InputError, match=r"too few for an overlap of 0 s; raise sound\.overlap"):
        extractor.extract(Heard(noise(40_000)))


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        ({"hop": 0.01001}, "hop is 160.16 samples at 16000 Hz"),
        ({"chunk": 1.01}, "chunk is 50.50 times hop"),
        ({"chunk": 1.0, "overlap": 0.6}, "overlap must be at most half of chunk"),
    ],
)
def test_settings_that_cannot_be(sound, says):
    with pytest.raises(ValidationError, match=says):
        SoundSettings(**sound)
