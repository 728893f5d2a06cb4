"""Figures of predictions: files, panels, bars and notes."""

import re

import numpy as np
import pytest

from reports.figures.predictions import plot_classes, plot_prediction


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("missing", ["nothing", "face", "sound", "both"])
def test_plot_prediction_is_the_same_every_time(tmp_path, suffix, missing):
    times = np.arange(60) / 30
    predicted = {"valence": np.sin(times), "arousal": np.cos(times)}
    face = np.full(60, missing not in {"face", "both"})
    sound = np.where(missing in {"sound", "both"}, times > 1, True)
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        plot_prediction(times, predicted, face, sound, path=path, title="clip.mp4")
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert len(first) > 5000


@pytest.mark.parametrize("count", [1, 3, 5])
def test_plot_prediction_has_a_panel_for_each_target(tmp_path, count):
    predicted = {f"target_{i}": [-0.2, 0.3] for i in range(count)}
    path = tmp_path / "clip.svg"
    plot_prediction([0, 1], predicted, [1, 1], [1, 0], path=path, title="t")
    drawing = path.read_text()
    assert [f">Target_{i}</text>" in drawing for i in range(count + 1)] == [True] * count + [False]
    assert {"−1.0", "1.0"} <= set(re.findall(">([^<>]*)</text>", drawing))


def test_plot_prediction_shows_a_note_below_its_panels(tmp_path):
    path = tmp_path / "clip.svg"
    plot_prediction([0, 1], {"valence": [0, 1]}, [1, 1], [1, 1], path=path, title="t", note="trial")
    assert ">trial</text>" in path.read_text()


def test_plot_prediction_of_one_frame(tmp_path):
    path = tmp_path / "one.png"
    plot_prediction([0.0], {"valence": [0.1]}, [False], [False], path=path, title="one frame")
    assert path.stat().st_size > 5000


def test_plot_classes_names_every_class_and_its_probability(tmp_path):
    shares = {"happy": 0.7, "sad": 0.25, "$a$": 0.05}
    paths = [tmp_path / f"{name}.svg" for name in "ab"]
    for path in paths:
        plot_classes(shares, path=path, title="clip.mp4", note="a trial")
    drawing = paths[0].read_text()
    for text in ("happy", "sad", "$a$", "0.70", "0.25", "0.05", "clip.mp4", "a trial"):
        assert f">{text}</text>" in drawing
    assert paths[1].read_text() == drawing
