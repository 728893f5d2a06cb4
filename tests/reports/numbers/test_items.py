"""What is shown of single videos and sequences, against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from features.task import Task
from reports.numbers import items


def test_mean_videos_drops_undefined_ones():
    names = ["model", "seed", "item", "target", "ccc", "n"]
    values = [("a", 0, "x", 0.2), ("a", 1, "x", 0.4), ("a", 0, "y", math.nan)]
    table = pd.DataFrame([(m, s, i, "valence", c, 9) for m, s, i, c in values], columns=names)
    means = items.mean_videos(table, "ccc")
    assert means[["item", "value"]].to_numpy().tolist() == [["x", pytest.approx(0.3)]]


def predictions(*rows):
    return pd.DataFrame(rows, columns=["model", "seed", "item", "target", "annotated", "predicted"])


CURVES = [("x", "ann", 0.25), ("y", "ann", 0.75), ("z", "bob", -0.25)]


def by_speaker(table, task):
    means = items.mean_speakers(table, task, "ccc")
    return dict(zip(means["speaker"], means["value"], strict=True))


def test_mean_predictions_are_over_seeds():
    table = predictions(
        ("a", 0, "x", "valence", 0.5, 0.2),
        ("a", 1, "x", "valence", 0.5, 0.4),
        ("a", 0, "y", "valence", -1.0, -0.5),
    )
    means = items.mean_predictions(table)[["item", "annotated", "predicted"]]
    assert means.to_numpy().tolist() == [["x", 0.5, pytest.approx(0.3)], ["y", -1.0, -0.5]]


def test_speakers_are_means_over_their_items_and_seeds():
    curves = pd.DataFrame(
        [("a", s, i, w, "valence", v) for s in (0, 1) for i, w, v in CURVES],
        columns=["model", "seed", "item", "speaker", "target", "ccc"],
    )
    assert by_speaker(curves, Task(outputs=("valence",))) == {"ann": 0.5, "bob": -0.25}
    classes = predictions(
        ("a", 0, "x", "class", "sad", "sad"),
        ("a", 1, "x", "class", "sad", "happy"),
        ("a", 0, "y", "class", "happy", "happy"),
    ).assign(speaker=["ann", "ann", "bob"])
    task = Task(kind="classification", level="sequence", outputs=("happy", "sad"))
    assert by_speaker(classes, task) == {"ann": 0.5, "bob": 1.0}
    numbers = predictions(
        ("a", 0, "x", "valence", 0.5, 0.25), ("a", 0, "y", "valence", -1.0, 0.0)
    ).assign(speaker="ann")
    assert by_speaker(numbers, Task(level="sequence", outputs=("valence",))) == {"ann": 0.625}


def test_confusion_counts_annotated_by_predicted_over_seeds():
    table = predictions(
        ("a", 0, "x", "class", "sad", "sad"),
        ("a", 1, "x", "class", "sad", "happy"),
        ("a", 0, "y", "class", "happy", "happy"),
        ("b", 0, "x", "class", "sad", "sad"),
    )
    matrices = items.confusion_matrices(table, ["b", "a"], ["happy", "sad", "fear"])
    assert list(matrices) == ["b", "a"]
    assert matrices["a"].tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert matrices["b"].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_traces_are_chosen_by_how_much_face_and_sound_come_and_go():
    def item(name, missing):
        present = [int(i >= missing) for i in range(100)]
        return pd.DataFrame(
            {"item": name, "time": range(100), "face_present": present, "sound_present": 1}
        )

    table = pd.concat([item("all", 0), item("none", 100), item("some", 10), item("half", 30)])
    shown = items.shown_traces(table)
    assert list(shown)[:2] == ["half", "some"]
    assert len(shown) == items.TRACE_ITEMS
    assert shown["half"]["time"].max() < items.TRACE_SECONDS
