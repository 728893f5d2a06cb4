"""Features and labels as MERBench lays them out, in a tiny tree of that layout."""

import numpy as np
import pytest

from features.corpora import merbench
from features.corpora.array_pickle import read_dictionary
from features.corpora.item import Work
from features.corpora.settings import MerbenchSettings, SplitSettings
from features.errors import InputError

SECTIONS = {
    "train_corpus": {"s0": {"emo": "happy", "val": -5.0}, "s1": {"emo": "sad", "val": 5}},
    "test1_corpus": {"t0": {"emo": "sad", "val": np.float64(2.5)}},
    "test2_corpus": {"t1": {"emo": "happy", "val": np.float32(0)}},
}


def write_labels(root, sections, name="label-6way.npz"):
    arrays = {key: np.array(items, dtype=object) for key, items in sections.items()}
    np.savez_compressed(root / name, **arrays)


@pytest.fixture
def corpus(tmp_path):
    write_labels(tmp_path, SECTIONS)
    for item in ("s0", "s1", "t0", "t1"):
        for stream, shape in (("hubert-UTT", (4,)), ("clip-FRA", (5, 3))):
            folder = tmp_path / "features" / stream
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{item}.npy", np.full(shape, 0.5, np.float32))
    frames = tmp_path / "features/clip-FRA/s1"
    frames.mkdir()
    (frames.parent / "s1.npy").unlink()
    for number in range(2):
        np.save(frames / f"{number:04d}.npy", np.full((1, 3), number, np.float32))
    return tmp_path


def read(root, **settings):
    return merbench.read(root, MerbenchSettings(**settings), SplitSettings(), Work())


def test_items_have_their_class_and_test_sets_are_told_apart(corpus):
    found = read(corpus)
    assert found.task.outputs == ("happy", "sad")
    assert [(i.name, i.split, i.groups["group_section"]) for i in found.items] == [
        ("s0", "train", "train"),
        ("s1", "train", "train"),
        ("t0", "test", "test1"),
        ("t1", "test", "test2"),
    ]
    assert found.items[1].labels[["happy", "sad"]].to_numpy().tolist() == [[0, 1]]


def test_valence_is_in_its_units(corpus):
    found = read(corpus, task="valence")
    assert [i.labels["valence"].item() for i in found.items] == [-1, 1, 0.5, 0]
    assert found.task.range_of("valence") == (-5, 5)
    with pytest.raises(InputError, match=r"s0 has the valence -5\.0"):
        read(corpus, task="valence", valence=(-1, 1))


def test_classes_of_numbers_are_named(corpus):
    write_labels(corpus, {"train_corpus": {"s0": {"emo": 1}, "s1": {"emo": 0}}})
    found = read(corpus, classes=("neutral", "angry"))
    assert [i.labels["angry"].item() for i in found.items] == [1, 0]
    with pytest.raises(InputError, match=r"name the classes in corpus\.merbench\.classes"):
        read(corpus)


def test_vectors_rows_and_frames_are_read(corpus):
    found = read(corpus, rates={"clip-FRA": 10})
    assert set(found.gives) == {"hubert-UTT", "clip-FRA"}
    streams = found.features("s0")
    assert streams["hubert-UTT"].rows.shape == (1, 4)
    np.testing.assert_allclose(streams["clip-FRA"].times, np.arange(5) / 10)
    frames = found.features("s1")["clip-FRA"]
    assert frames.rows.tolist() == [[0, 0, 0], [1, 1, 1]]
    before = found.content("s1", "clip-FRA"), found.content("s0", "clip-FRA")
    np.save(corpus / "features/clip-FRA/s1/0001.npy", np.zeros(3, np.float32))
    assert found.content("s1", "clip-FRA") != before[0]
    assert found.content("s0", "clip-FRA") == before[1]


def test_what_is_wrong_is_said(corpus):
    with pytest.raises(InputError, match=r"corpus\.merbench\.rates: \{clip-FRA: rows a second\}"):
        read(corpus).features("s0")["clip-FRA"]
    (corpus / "features/hubert-UTT/s0.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"s0\.npy is damaged or no \.npy"):
        read(corpus).features("s0")["hubert-UTT"]
    (corpus / "features/hubert-UTT/s0.npy").unlink()
    with pytest.raises(InputError, match=r"s0\.npy, nor a folder s0/"):
        read(corpus).features("s0")["hubert-UTT"]
    write_labels(corpus, {"train_corpus": {"s0": {"emo": "a"}}, "test_corpus": {"s0": {}}})
    with pytest.raises(InputError, match="s0 is in train and test"):
        read(corpus)
    with pytest.raises(InputError, match=r"has no label_4way\.npz"):
        read(corpus, labels="label_4way.npz")
    (corpus / "label-6way.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"is damaged or no \.npz"):
        read(corpus)


def test_labels_that_ask_for_code_are_refused(corpus):
    write_labels(corpus, {"train_corpus": {"s0": {"emo": pytest.raises}}})
    with pytest.raises(InputError, match=r"train_corpus\.npy in .* is refused: it asks for"):
        read(corpus)
    np.savez(corpus / "label-6way.npz", train_corpus=np.zeros(3))
    with pytest.raises(InputError, match="no dictionary"):
        read(corpus)
    with pytest.raises(InputError, match="is not a pickled dictionary"):
        read_dictionary(b"\x80\x04", "x")
