"""Labels of annotators who are late, moved to what they are of."""

import numpy as np
import pandas as pd
import pytest

from features.corpora.annotators import without_delay
from features.corpora.corpus_settings import CorpusSettings
from features.corpora.item import Corpus, Item, Work
from features.corpora.labels import class_label, labels_of
from features.corpora.reading import read_corpus
from features.errors import InputError
from features.task import AFFECT, Task


def corpus_of(labels, task=AFFECT):
    return Corpus(task, [Item("a", None, "a", "train", labels), Item("b", None, "b", "test")])


def test_labels_are_moved_to_what_they_are_of():
    times = np.arange(0, 4, 0.5)
    labels = pd.DataFrame({"time": times, "valence": times / 4, "arousal": 0.0})
    moved, unlabelled = without_delay(corpus_of(labels), 1.0).items
    assert unlabelled.labels is None
    assert moved.labels["time"].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    values, valid = labels_of(moved.labels, np.array([0.0, 2.5, 3.5]), AFFECT)
    assert values[:2, 0].tolist() == [0.25, 0.875]
    assert valid.tolist() == [True, True, False]
    assert labels["time"].tolist() == times.tolist(), "the reader's table stays as it is"


def test_without_times_nothing_can_be_moved():
    rows = pd.DataFrame({"time": np.nan, "valence": [0.1], "arousal": 0.0})
    with pytest.raises(InputError, match="labels of a have a row per frame"):
        without_delay(corpus_of(rows), 1.0)
    task = Task(kind="classification", level="sequence", outputs=("x", "y"))
    with pytest.raises(InputError, match="labels are of whole items"):
        without_delay(corpus_of(class_label({"x": 1}, task.outputs), task), 1.0)


def test_the_setting_reaches_the_corpus(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.csv").write_text("time,valence,arousal\n0,0.1,0\n2.5,0.2,0\n")
    (tmp_path / "items.csv").write_text("path,labels,speaker,split\na.mp4,a.csv,a,train\n")
    settings = CorpusSettings(name="folder", root=str(tmp_path))
    late = replace_delay(settings, 2.0)
    (item,) = read_corpus(late, Work()).items
    assert item.labels[["time", "valence"]].to_numpy().tolist() == [[0.5, 0.2]]
    assert "labels are taken for 2 s late" in read_corpus(late, Work()).notes[-1]
    assert len(read_corpus(settings, Work()).items[0].labels) == 2


def replace_delay(settings, seconds):
    return settings.model_copy(update={"label_delay": seconds})
