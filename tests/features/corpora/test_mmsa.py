"""MOSI, MOSEI and SIMS as MMSA's pickles hold them, in tiny files of that layout."""

import pickle

import numpy as np
import pytest

from features.corpora import mmsa
from features.corpora.item import Work
from features.corpora.settings import MmsaSettings, SplitSettings
from features.errors import InputError

LENGTH, AUDIO, VISION = 6, 3, 2


def section(ids, labels, *, lengths=True):
    """Sentences with 4 rows of sound and 2 of picture, then padding."""
    random = np.random.default_rng(len(ids))
    audio = random.normal(size=(len(ids), LENGTH, AUDIO))
    vision = random.normal(size=(len(ids), LENGTH, VISION))
    audio[:, 4:], vision[:, 2:] = 0, 0
    found = {
        "audio": audio,
        "vision": vision,
        "text": np.zeros((len(ids), LENGTH, 5)),
        "raw_text": np.array(["well"] * len(ids), dtype=object),
        "id": list(ids),
        "regression_labels": np.array(labels, np.float32),
        "regression_labels_V": -np.array(labels, np.float32),
        "annotations": ["Neutral"] * len(ids),
    }
    if lengths:
        found |= {"audio_lengths": [4] * len(ids), "vision_lengths": [2] * len(ids)}
    return found


@pytest.fixture
def corpus(tmp_path):
    def make(**changes):
        sections = {
            "train": section(["a$_$0", "a$_$1", "b$_$0"], [-3, 0.5, 2]),
            "valid": section(["c$_$0"], [1]),
            "test": section(["d$_$0", "d$_$1"], [0, 9]),
            **changes,
        }
        (tmp_path / "unaligned_50.pkl").write_bytes(pickle.dumps(sections, 4))
        return tmp_path

    return make


def read(root, **settings):
    mmsa._arrays.cache_clear()
    mmsa._by_name.cache_clear()
    return mmsa.read(root, MmsaSettings(**settings), SplitSettings(), Work())


def test_sentences_have_their_labels_and_splits(corpus):
    found = read(corpus())
    assert [(i.name, i.speaker, i.split) for i in found.items] == [
        ("mmsa-a-0", "a", "train"),
        ("mmsa-a-1", "a", "train"),
        ("mmsa-b-0", "b", "train"),
        ("mmsa-c-0", "c", "validation"),
        ("mmsa-d-0", "d", "test"),
    ]
    assert found.items[1].labels["sentiment"].item() == 0.5
    assert found.excluded == {"mmsa-d-1": "its sentiment is 9"}
    assert (found.task.kind, found.task.low, found.task.high) == ("sentiment", -3, 3)
    picture = read(corpus(), labels="V")
    assert picture.items[1].labels["sentiment"].item() == -0.5


@pytest.mark.parametrize("lengths", [True, False])
def test_padding_is_cut_off_and_both_last_equally_long(corpus, lengths):
    train = section(["a$_$0", "b$_$0"], [1, 2], lengths=lengths)
    train["audio"][0, 1, 0] = -np.inf
    found = read(corpus(train=train))
    streams = found.features("mmsa-a-0")
    audio, vision = streams["audio"], streams["vision"]
    assert (audio.rows.shape, vision.rows.shape) == ((4, AUDIO), (2, VISION))
    np.testing.assert_array_equal(vision.rows, train["vision"][0, :2].astype(np.float32))
    assert audio.rows[1, 0] == 0
    np.testing.assert_allclose(audio.times, np.arange(4) / 15)
    np.testing.assert_allclose(vision.times, np.arange(2) * 2 / 15)
    assert any(note.startswith("1 values are infinite") for note in found.notes)


def test_rows_of_zeros_at_the_end_count_where_the_length_says_so(corpus):
    train = section(["a$_$0", "b$_$0"], [1, 2])
    train["vision_lengths"] = [4, 2]
    vision = read(corpus(train=train)).features("mmsa-a-0")["vision"]
    assert vision.present.tolist() == [True, True, False, False]


def test_a_video_in_two_sections_is_not_trained_on(corpus):
    root = corpus(test=section(["a$_$7"], [1]))
    found = read(root)
    assert {i.name: i.split for i in found.items} == {
        "mmsa-a-7": "test",
        "mmsa-b-0": "train",
        "mmsa-c-0": "validation",
    }
    assert found.notes[0].startswith("2 of 5 sentences are of a video that a later section has")
    dealt = read(root, splits="video").items
    assert len(dealt) == 5
    assert len({i.split for i in dealt if i.speaker == "a"}) == 1


def test_what_is_wrong_is_said(corpus, tmp_path):
    with pytest.raises(InputError, match=r"has no unaligned_50\.pkl"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"row 0 has the id 'a_0', not VIDEO\$_\$PART"):
        read(corpus(train=section(["a_0"], [1])))
    narrow = section(["a$_$0"], [1])
    narrow["audio"] = narrow["audio"][:, :, :1]
    with pytest.raises(InputError, match="differ in features"):
        read(corpus(train=narrow))
    with pytest.raises(InputError, match="is refused: it asks for"):
        read(corpus(train={"audio": pytest.raises}))
