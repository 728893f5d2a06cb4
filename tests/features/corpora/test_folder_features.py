"""A folder corpus of features: what items.csv says of them, and what is noted of their files."""

import numpy as np
import pytest

from features.corpora import folder
from features.corpora.given_facts import facts_of_features, given_streams
from features.corpora.item import Work
from features.corpora.settings import FolderSettings, SplitSettings
from features.errors import InputError


def read(root, **settings):
    return folder.read(root, FolderSettings(**settings), SplitSettings(), Work())


@pytest.fixture
def corpus(tmp_path):
    """Features of the items a and b, and an items.csv."""

    def make(table, **arrays):
        for stream, rows in (arrays or {"face": np.ones((20, 3))}).items():
            place = tmp_path / "features" / stream
            place.mkdir(parents=True, exist_ok=True)
            for item in "ab":
                np.savez(place / f"{item}.npz", features=rows, rate=10.0)
        (tmp_path / "items.csv").write_text(table)
        return tmp_path

    return make


def test_valence_and_arousal_of_whole_items(corpus):
    root = corpus("item,speaker,split,valence,arousal\na,x,train,0.5,-1\nb,y,test,,\n")
    found = read(root)
    assert (found.task.level, found.task.outputs) == ("sequence", ("valence", "arousal"))
    a, b = found.items
    assert a.labels[["valence", "arousal"]].to_numpy().tolist() == [[0.5, -1]]
    assert b.labels is None


def test_targets_over_time_have_units(corpus):
    root = corpus("item,speaker,split,labels\na,x,train,a.csv\nb,y,test,\n")
    (root / "a.csv").write_text("time,trust\n0,0\n1,75\n")
    found = read(root, targets={"trust": (0, 100)})
    assert found.task.level == "frame"
    assert found.items[0].labels["trust"].tolist() == [-1, 0.5]
    with pytest.raises(InputError, match=r"a\.csv has no column calm"):
        read(root, targets={"calm": (0, 1)})


def test_who_of_several_people_it_is(corpus):
    root = corpus("item,speaker,split,person\na,x,train,left\nb,y,test,faces/y.png\n")
    with pytest.raises(InputError, match="row 3 column person"):
        read(root)
    (root / "faces").mkdir()
    (root / "faces/y.png").touch()
    assert [item.person for item in read(root).items] == ["left", str(root / "faces/y.png")]


def facts(root, item="a"):
    found = read(root)
    (of,) = [each for each in found.items if each.name == item]
    return facts_of_features(given_streams(of, found, dict.fromkeys(found.gives, "video")))


def test_gaps_and_absent_streams_are_notes_of_their_item(corpus):
    root = corpus("item,speaker,split\na,x,train\nb,y,test\n")
    times = np.concatenate((np.arange(10), np.arange(30, 40))) / 10
    np.savez(root / "features/face/a.npz", features=np.ones((20, 3)), times=times)
    np.savez(root / "features/face/b.npz", features=np.ones((1, 3)), present=np.zeros(1, bool))
    assert facts(root)["notes"] == "face has gaps, which count as missing"
    assert facts(root, "b")["notes"] == "face is present nowhere"
    assert facts(root, "b")["has_video"] is False
    assert facts(root)["seconds"] == pytest.approx(4.0)
